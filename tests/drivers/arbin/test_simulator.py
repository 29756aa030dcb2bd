"""The simulated cycler on the wire: sessions, views of channels, every refusal, variables."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from drivers.arbin.commands import Assign, Continue, Jump, Resume, Start, Stop
from drivers.arbin.console import AutoCalibrate, ResultReply, SendMessage, rich_message
from drivers.arbin.extended import ResumeEntry, ResumeEx, StartEntry, StartEx
from drivers.arbin.login import Connect, ConnectReply, Login, LoginReply
from drivers.arbin.messages import Request, encode_request
from drivers.arbin.protocol import Code, Direction, frame
from drivers.arbin.queries import ChannelsInfo, GetSerial, SerialReply, UnknownCommandReply
from drivers.arbin.reading import ChannelReading
from drivers.arbin.records import ChannelsInfoReply
from drivers.arbin.results import (
    AssignResult,
    ContinueResult,
    DataResult,
    JumpResult,
    ResumeResult,
    StartResult,
    StopResult,
    VariableResult,
)
from drivers.arbin.simulator.model import OTHER_VERSION, SERIAL, Behaviour, User
from drivers.arbin.simulator.records import Wiring
from drivers.arbin.start_data import GetResumeData, GetStartData, ResumeDataReply, StartDataReply
from drivers.arbin.variables import SetVariable, Update, UpdateVariables
from drivers.arbin.words import (
    ALL_CHANNELS,
    AuxKind,
    Extra,
    Generation,
    Selection,
    Status,
    UserType,
    meta_code,
)
from tests.drivers.arbin.simulator_rig import Clock, WireClient, client, simulator

FOUR = Behaviour(channels=4, refresh=0.0)
REST = "Rest.sdx"


async def views(
    one: WireClient, *, channel: int = ALL_CHANNELS, extra: Extra = Extra.NONE
) -> list[ChannelReading]:
    """The readings in the reply to a request for channels."""
    reply = await one.ask(ChannelsInfo(channel, Selection.ALL, extra), ChannelsInfoReply)
    return reply.readings()


# -- sessions


async def test_a_user_logs_in_and_hears_what_the_cycler_is() -> None:
    async with simulator(replace(FOUR, generation=Generation.MITS_8)) as (_, link):
        async with client(link, None) as one:
            reply = await one.ask(Login("super", "super"), LoginReply)
            assert len(one.received) == 8678  # arbin-protocol.md 4.1
            assert (reply.result, reply.may_control, reply.channels) == (1, True, 4)
            assert (reply.user_type, reply.generation) == (UserType.SUPER, Generation.MITS_8)
            assert reply.serial == str((await one.ask(GetSerial(), SerialReply)).serial)
            again = await one.ask(Login("monitor", "monitor"), LoginReply)
            assert (again.result, again.may_control) == (3, True)  # changed details are ignored
        async with client(link, None) as one:
            assert not (await one.ask(Login("monitor", "monitor"), LoginReply)).may_control


@pytest.mark.parametrize("user", [("operator", "wrong"), ("nobody", "operator"), ("", "")])
async def test_a_stranger_is_refused_and_gets_no_answers(user: tuple[str, str]) -> None:
    async with simulator() as (cycler, link), client(link, None) as one:
        for request in (GetSerial(), ChannelsInfo(), Stop(0, every=True)):
            one.send(encode_request(request))
        reply = await one.ask(Login(*user), LoginReply)  # the first answer of all
        assert (reply.result, reply.may_control, len(one.received)) == (2, False, 8678)
        one.send(encode_request(Start("T", (0,))))
        assert (await one.ask(Login("operator", "operator"), LoginReply)).result == 1
        assert not cycler.cycler.channels[0].running


async def test_a_full_cycler_pushes_out_whoever_allows_it() -> None:
    async with (
        simulator(replace(FOUR, most_users=1)) as (_, link),
        client(link) as first,
        client(link, None) as second,
    ):
        assert (await second.ask(Connect(True), ConnectReply)).result == 1
        assert (await second.ask(Login("super", "super"), LoginReply)).result == 2
        assert (await first.ask(Connect(True), ConnectReply)).result == 0
        assert (await second.ask(Connect(False), ConnectReply)).result == 0
        assert (await second.ask(Login("super", "super"), LoginReply)).result == 1
        await first.ended()
        await second.in_step()


async def test_an_unknown_command_is_told_of_by_newer_servers_only() -> None:
    data = frame(0xEEAB0004, bytes(36), Direction.REQUEST)
    async with simulator() as (_, link), client(link) as one:
        one.send(data)
        await one.in_step()
    newer = replace(FOUR, generation=Generation.MITS_X_3)
    async with simulator(newer) as (_, link), client(link) as one:
        one.send(data)
        assert await one.reply() == UnknownCommandReply(0xEEAB0004)


# -- channel data


async def test_channel_data_is_a_view_of_every_three_seconds() -> None:
    clock = Clock()
    behaviour = Behaviour(channels=2, wiring=Wiring({AuxKind.VOLTAGE: 1}))
    async with simulator(behaviour, clock=clock) as (cycler, link), client(link) as one:
        cycler.cycler.start_some()
        before = (await views(one))[0]
        clock.now = 2.9
        assert (await views(one))[0] == before
        clock.now = 7.0
        first = (await views(one))[0]
        assert first.test_time == pytest.approx(5.0)  # 6 s, less one from the start to a step
        assert first.texts.step_and_cycle == "[1] 1: Step_A, Rest"
        clock.now = 8.9
        assert (await views(one))[0] == first
        clock.now = 30.0
        charging = (await views(one))[0]
        assert (charging.status, charging.current) == (Status.CHARGE, 2.5)
        assert charging.power == pytest.approx(charging.voltage * 2.5, rel=1e-6)
        assert charging.voltage_rate > 0.0


async def test_a_reply_has_the_extras_that_were_asked_for() -> None:
    wiring = Wiring({AuxKind.TEMPERATURE: 2, AuxKind.PH: 1, AuxKind.SAFETY: 1}, bms=4, smb=3)
    behaviour = Behaviour(channels=2, wiring=wiring, refresh=0.0)
    async with simulator(behaviour) as (_, link), client(link) as one:
        plain = await views(one)
        assert len(one.received) == 8678 + 26 + 2 * 1753
        assert not any((*plain[0].aux, plain[0].bms, plain[0].smb))
        aux = (await views(one, extra=Extra.AUX))[1]
        assert [len(kind) for kind in aux.aux] == [0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0]
        assert aux.aux[AuxKind.TEMPERATURE][0].value == pytest.approx(25.0, abs=0.5)
        assert not aux.bms
        every = (await views(one, channel=1, extra=Extra.EVERYTHING))[0]
        assert [value.unit for value in every.bms] == ["V", "C", "%", "V"]
        assert every.smb[1].value == "SIM-002"
        assert every.texts.bms_config
        assert await views(one, channel=2) == []


async def test_channels_are_selected() -> None:
    async with simulator() as (cycler, link), client(link) as one:
        cycler.cycler.start_some()
        cycler.cycler.channels[1].make_unsafe()
        found = {
            selection: [
                reading.channel
                for reading in (
                    await one.ask(ChannelsInfo(ALL_CHANNELS, selection), ChannelsInfoReply)
                ).readings()
            ]
            for selection in Selection
        }
    assert found == {Selection.ALL: [0, 1, 2, 3], Selection.RUNNING: [0, 2], Selection.UNSAFE: [1]}


async def test_one_reply_for_each_channel_if_it_is_to_be_so() -> None:
    async with simulator(replace(FOUR, one_by_one=True)) as (_, link), client(link) as one:
        one.send(encode_request(ChannelsInfo()))
        for number in range(4):
            reply = await one.reply()
            assert isinstance(reply, ChannelsInfoReply)
            assert [reading.channel for reading in reply.readings()] == [number]
        await one.in_step()


async def test_a_channel_without_its_controller_reads_zero() -> None:
    async with simulator() as (cycler, link), client(link) as one:
        cycler.cycler.start_some()
        cycler.cycler.channels[0].linked = False
        lost, other = (await views(one))[:2]
    assert (lost.comm_failure, lost.voltage, lost.test_time) == (True, 0.0, 0.0)
    assert not other.comm_failure
    assert other.voltage > 3.0


# -- commands


async def test_a_test_is_assigned_started_steered_and_stopped() -> None:
    clock = Clock()
    async with simulator(clock=clock) as (_, link), client(link) as one:
        assert await one.result(Assign(1, "Follow UD1.sdx")) == (1, 0)
        assert await one.result(Start("T1", (1,))) == (1, 0)
        assert (await views(one))[1].status == Status.TRANSITION
        clock.now = 4.0
        assert await one.result(SetVariable(1, meta_code(1), 0.75)) == (1, 0)
        clock.now = 6.0
        reading = (await views(one))[1]
        assert (reading.status, reading.current) == (Status.CHARGE, 0.75)
        assert (reading.texts.test_name, reading.texts.schedule) == ("T1", "Follow UD1.sdx")
        updates = (Update(1, meta_code(1), -0.5), Update(1, meta_code(16), 3.0))
        assert await one.result(UpdateVariables(updates)) == (1, 0)
        clock.now = 7.0
        assert (await views(one))[1].current == -0.5
        assert await one.result(Jump(0, 1)) == (1, 0)
        assert (await views(one))[1].status == Status.REST
        assert await one.result(Stop(1)) == (1, 0)
        assert (await views(one))[1].status == Status.IDLE
        assert await one.result(Resume(1)) == (1, 0)
        assert (await views(one))[1].status == Status.TRANSITION


async def test_several_channels_answer_each() -> None:
    async with simulator() as (cycler, link), client(link) as one:
        for number in range(3):
            await one.result(Assign(number, REST))
        start = encode_request(Start("T", (0, 2, 3, 9)))
        assert await one.results(start, 4) == [
            (0, 0),
            (2, 0),
            (3, StartResult.NO_SCHEDULE),
            (9, StartResult.NO_CHANNEL),
        ]
        stop = encode_request(Stop(3, every=True))
        no = StopResult.NOT_RUNNING
        assert await one.results(stop, 4) == [(0, 0), (1, no), (2, 0), (3, no)]
        await one.in_step()
        assert not any(channel.running for channel in cycler.cycler.channels)


async def test_success_can_be_minus_one() -> None:
    async with simulator(replace(FOUR, whole_index=True)) as (_, link), client(link) as one:
        assert await one.result(Assign(0, REST)) == (0, 0)
        assert await one.result(Start("T", (0,))) == (-1, 0)
        assert await one.result(Start("T", (0,))) == (0, StartResult.RUNNING)


@pytest.mark.parametrize(
    ("request_", "result"),
    [
        (Assign(4, REST), AssignResult.NO_CHANNEL),
        (Assign(0, "None.sdx"), AssignResult.NOT_FOUND),
        (Assign(2, REST), AssignResult.RUNNING),
        (Start("T", (4,)), StartResult.NO_CHANNEL),
        (Start("T", (2,)), StartResult.RUNNING),
        (Start("T", (3,)), StartResult.NOT_CONNECTED),
        (Start("T", (0,)), StartResult.NO_SCHEDULE),
        (Stop(4), StopResult.NO_CHANNEL),
        (Stop(0), StopResult.NOT_RUNNING),
        (Resume(4), ResumeResult.NO_CHANNEL),
        (Resume(2), ResumeResult.RUNNING),
        (Continue((4,)), ContinueResult.NO_CHANNEL),
        (Continue((0,)), ContinueResult.NOT_PAUSED),
        (Continue((2,)), ContinueResult.RUNNING),
        (Jump(0, 0), JumpResult.NOT_RUNNING),
        (Jump(0, 4), JumpResult.NOT_RUNNING),
        (SetVariable(0, meta_code(1), 1.0), VariableResult.NOT_RUNNING),
        (SetVariable(2, 51, 1.0), VariableResult.NO_META_CODE),
        (SetVariable(4, meta_code(1), 1.0), VariableResult.FAILED),
        (SetVariable(2, meta_code(1), 1.0, variable_type=2), VariableResult.FAILED),
        (SetVariable(2, meta_code(1), 1.0, value_type=2), VariableResult.DATA_TYPE),
        (UpdateVariables((Update(0, meta_code(1), 1.0),)), VariableResult.NOT_RUNNING),
        (UpdateVariables((Update(2, 51, 1.0),)), VariableResult.NO_META_CODE),
        (UpdateVariables((Update(7, meta_code(1), 1.0),)), VariableResult.FAILED),
    ],
)
async def test_what_is_refused(request_: Request, result: int) -> None:
    """Channel 2 runs, 3 has lost its controller, the others are idle; there is no 4."""
    async with simulator() as (cycler, link), client(link) as one:
        model = cycler.cycler
        assert await one.result(Assign(2, "Follow UD1.sdx")) == (2, 0)
        assert await one.result(Start("T0", (2,))) == (2, 0)
        model.channels[3].linked = False
        assert (await one.result(request_))[1] == result
        assert [channel.running for channel in model.channels] == [False, False, True, False]


@pytest.mark.parametrize("why", ["window", "rights"])
async def test_commands_are_refused_while_somebody_uses_the_window_and_to_monitors(
    why: str,
) -> None:
    user = "monitor" if why == "rights" else "operator"
    async with simulator() as (cycler, link), client(link, user) as one:
        model = cycler.cycler
        model.start_some()
        model.dialog_open = why == "window"
        requests = [Assign(1, REST), Start("T", (1,)), Continue((0,)), Resume(1), Stop(0)]
        for request in (*requests, Jump(0, 0)):
            assert (await one.result(request))[1] == 0x11
        if why == "rights":
            refused = SetVariable(0, meta_code(1), 1.0)
            assert (await one.result(refused))[1] == VariableResult.FAILED
        assert [channel.running for channel in model.channels] == [True, False, True, False]


async def test_an_empty_name_and_an_empty_list_are_refused() -> None:
    async with simulator() as (_, link), client(link) as one:
        assign = bytearray(Assign(0, "x").encode())
        assign[5] = 0
        data = frame(Code.ASSIGN_SCHEDULE, bytes(assign), Direction.REQUEST)
        assert await one.results(data, 1) == [(0, AssignResult.NAME_EMPTY)]
        await one.result(Assign(0, REST))
        start = bytes(144) + Start("x", (0,)).encode()[144:]
        data = frame(Code.START, start, Direction.REQUEST)
        assert await one.results(data, 1) == [(0, StartResult.TEST_NAME)]
        data = frame(Code.START, bytes(148), Direction.REQUEST)
        assert await one.results(data, 1) == [(-1, StartResult.NO_CHANNEL_SELECTED)]


async def test_batches_must_not_come_too_fast() -> None:
    clock = Clock()
    async with simulator(clock=clock) as (cycler, link), client(link) as one:
        cycler.cycler.start_some()
        good = Update(2, meta_code(1), 1.0)
        assert await one.result(UpdateVariables((good, Update(0, meta_code(1), 1.0)))) == (2, 0)
        clock.now = 0.19
        assert await one.result(UpdateVariables((good,))) == (2, VariableResult.TOO_FAST)
        clock.now = 0.4
        bad = Update(1, meta_code(1), 1.0)
        again = UpdateVariables((Update(2, meta_code(1), 9.0), bad))
        assert await one.result(again) == (1, VariableResult.NOT_RUNNING)
        run = cycler.cycler.channels[2].run
        assert run is not None
        assert run.variables[0] == 1.0  # of a batch with an error nothing is set


@pytest.mark.parametrize("generation", [Generation.MITS_7, Generation.MITS_8])
async def test_barcode_and_variables_of_an_assignment_act_on_mits_7_only(generation: int) -> None:
    behaviour = replace(FOUR, generation=generation)
    async with simulator(behaviour) as (cycler, link), client(link) as one:
        request = Assign(0, REST, barcode="B-1", variables=(2.5, *(0.0,) * 15))
        assert await one.result(request) == (0, 0)
        assert await one.result(Start("T", (0,))) == (0, 0)
        run = cycler.cycler.channels[0].run
        assert run is not None
        old = generation == Generation.MITS_7
        assert run.variables[0] == (2.5 if old else 0.0)
        assert (await views(one))[0].texts.barcode == ("B-1" if old else "")


async def test_a_schedule_of_another_version_or_none_at_all_does_not_start() -> None:
    async with simulator() as (_, link), client(link) as one:
        await one.result(Assign(0, OTHER_VERSION))
        assert (await one.result(Start("T", (0,))))[1] == StartResult.SCHEDULE_VERSION
        await one.result(Assign(0, "Damaged.sdx"))
        assert (await one.result(Start("T", (0,))))[1] == StartResult.SCHEDULE_INVALID
        await one.result(Assign(0, "Watch temperature.sdx"))
        assert (await one.result(Start("T", (0,))))[1] == StartResult.AUX_COUNT


async def test_start_and_resume_with_details() -> None:
    async with simulator() as (cycler, link), client(link) as one:
        request = GetStartData((0, 9))
        nothing = await one.ask(request, StartDataReply)
        assert [data.result for data in nothing.channels] == [DataResult.ERROR] * 2
        entry = StartEntry(0, "T1", "CC-CV cycle.sdx", 1)
        assert await one.result(StartEx((entry,))) == (0, 0)
        assert cycler.cycler.channels[0].step_text == "[1] 2: Step_B, Current(A)"
        assert (await one.result(StartEx((entry,))))[1] == StartResult.RUNNING
        unknown = replace(entry, channel=1, schedule="None.sdx")
        assert (await one.result(StartEx((unknown,))))[1] == StartResult.NO_SCHEDULE
        started = (await one.ask(request, StartDataReply)).channels[0]
        assert (started.schedule, started.test_names) == ("CC-CV cycle.sdx", ("T1",))
        assert started.steps[:2] == ("Step_A", "Step_B")
        await one.result(Stop(0))
        data = (await one.ask(GetResumeData((0, 1)), ResumeDataReply)).channels
        assert (data[0].result, data[0].test_name, data[0].point.cycle) == (0, "T1", 1)
        assert data[1].result == DataResult.NOTHING_TO_RESUME
        back = ResumeEntry(0, "T1", "CC-CV cycle.sdx", 0, data[0].point)
        assert await one.result(ResumeEx((back,))) == (0, 0)
        assert cycler.cycler.channels[0].step_text == "[1] 1: Step_A, Rest"


async def test_messages_and_calibration_need_what_the_vendor_s_program_needs() -> None:
    async with simulator() as (cycler, link), client(link) as one:
        text = rich_message("hello", "2026-01-01 12:00:00")
        assert (await one.ask(SendMessage("hello"), ResultReply)).result != 1
        assert (await one.ask(SendMessage(text), ResultReply)).result == 1
        assert list(cycler.cycler.messages) == [text]
        assert (await one.ask(AutoCalibrate(), ResultReply)).result != 1
        cycler.cycler.calibration_window = True
        assert (await one.ask(AutoCalibrate(), ResultReply)).result == 1


async def test_a_malformed_start_ends_the_program() -> None:
    """As it did in the field: a name and one channel, without a count (arbin-protocol.md 4.6)."""
    behaviour = Behaviour(channels=1, users=(User("operator", "operator"),), refresh=0.0)
    async with simulator(behaviour) as (cycler, link), client(link) as one, client(link) as other:
        one.send(frame(Code.START, bytes(72) + b"\x0d\0\0\0", Direction.REQUEST))
        await asyncio.gather(one.ended(), other.ended())
        assert cycler.crashes == 1
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", int(link.rpartition(":")[2]))


def test_the_serial_number_fits_its_field() -> None:
    assert len(str(SERIAL)) <= 16
