"""What must never happen, counted where it would arrive: at the cycler."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.arbin.commands import Assign, ControlReply, Resume, Start, Stop
from drivers.arbin.control import VariableUpdate
from drivers.arbin.device import Cycler
from drivers.arbin.errors import CyclerRefused
from drivers.arbin.extended import StartEntry
from drivers.arbin.messages import REPLY_TO, Reply, Request, decode_request, encode_request
from drivers.arbin.protocol import Code, Direction, EncodeError, FrameStream
from drivers.arbin.queries import ChannelsInfo
from drivers.arbin.reading import ChannelReading
from drivers.arbin.records import ChannelsInfoReply
from drivers.arbin.variables import UpdateVariables
from drivers.arbin.words import RUNNING, STOPPED, Status
from drivers.core.errors import (
    Ambiguous,
    Blocked,
    DriverError,
    LinkDown,
    NotObeyed,
    OutOfRange,
)
from drivers.core.simulation.faults import Fault, FaultFilter, FaultSpec
from tests.drivers.arbin.conftest import Rig, opened
from tests.drivers.arbin.scripted import scripted
from tests.support.wire.until import recovered, until

SLOW = "Rest.sdx"

Do = Callable[[Cycler], Awaitable[object]]
User = Callable[..., None]

CONTROL: dict[str, Do] = {
    "assign": lambda c: c.assign(1, SLOW),
    "start": lambda c: c.start([1], "t"),
    "start with details": lambda c: c.start_with([StartEntry(1, "t", SLOW)]),
    "continue": lambda c: c.continue_paused([1]),
    "resume": lambda c: c.resume(1),
    "stop": lambda c: c.stop(1),
    "jump": lambda c: c.jump(1, 1),
    "variable": lambda c: c.set_variable(1, 1, 1.0),
    "variables": lambda c: c.set_variables([VariableUpdate(1, 1, 1.0)]),
    "message": lambda c: c.send_message("hello"),
}
EVERY: dict[str, Do] = {
    "assign": lambda c: c.assign_every(SLOW),
    "resume": lambda c: c.resume_every(),
    "stop": lambda c: c.stop_every(),
}
FILES: dict[str, Do] = {
    "upload": lambda c: c.files.upload("Work\\a.sdx", b""),
    "folder": lambda c: c.files.new_folder("Work\\New"),
    "delete folder": lambda c: c.files.delete_folder("Work\\New"),
    "delete": lambda c: c.files.delete("Work\\Rest.sdx"),
}


async def start_all(rig: Rig) -> None:
    for channel in range(4):
        await rig.cycler.assign(channel, SLOW)
    await rig.cycler.start(range(4), "all")


# -- nothing that nobody asked for


async def test_reading_and_reconnecting_write_nothing(rig: Rig) -> None:
    for _ in range(3):
        await rig.cycler.read_sweep()
        await rig.cycler.read_channel(2)
        await rig.cycler.read_serial()
        await rig.cycler.files.list_schedules()
        rig.server.kick_out()
        await recovered(rig.cycler.read_sweep)
    await rig.cycler.close()
    assert rig.writes == []


@pytest.mark.parametrize("command", CONTROL)
async def test_without_leave_in_the_configuration_no_command_goes_out(
    user: User, command: str
) -> None:
    del user
    async with opened(allow_every_channel=True, allow_calibration=True) as rig:
        with pytest.raises(Blocked, match="set allow_control in the configuration"):
            await CONTROL[command](rig.cycler)
        assert rig.writes == []
        assert rig.cycler.control_refusal


@pytest.mark.parametrize("command", CONTROL)
@pytest.mark.parametrize("known", [False, True])
async def test_without_permission_at_login_no_command_goes_out(
    user: User, command: str, known: bool
) -> None:
    user("monitor")
    async with opened(allow_control=True, allow_every_channel=True) as rig:
        if known:
            await rig.cycler.read_sweep()
        with pytest.raises(Blocked, match="the cycler gave this user no permission"):
            await CONTROL[command](rig.cycler)
        assert rig.writes == []


@pytest.mark.parametrize("command", EVERY)
async def test_commands_to_every_channel_need_a_leave_of_their_own(
    user: User, command: str
) -> None:
    del user
    async with opened(allow_control=True) as rig:
        with pytest.raises(Blocked, match="set allow_every_channel in the configuration"):
            await EVERY[command](rig.cycler)
        assert rig.writes == []


@pytest.mark.parametrize("command", FILES)
async def test_changes_of_files_need_a_leave_of_their_own(user: User, command: str) -> None:
    del user
    async with opened(allow_control=True, allow_every_channel=True) as rig:
        with pytest.raises(Blocked, match="set allow_file_changes in the configuration"):
            await FILES[command](rig.cycler)
        assert rig.writes == []


async def test_the_calibration_needs_a_leave_of_its_own(user: User) -> None:
    del user
    async with opened(allow_control=True) as rig:
        with pytest.raises(Blocked, match="set allow_calibration in the configuration"):
            await rig.cycler.start_calibration()
        assert rig.writes == []


# -- one channel is one channel


@pytest.mark.parametrize("channel", range(4))
async def test_a_stop_of_one_channel_stops_no_other(rig: Rig, channel: int) -> None:
    await start_all(rig)
    await rig.cycler.stop(channel)
    assert rig.writes[-1] == Stop(channel, every=False)
    states = (await rig.cycler.read_sweep()).statuses.tolist()
    assert [state in RUNNING for state in states] == [n != channel for n in range(4)]


@given(st.integers(-5, 70_000))
def test_no_stop_of_one_channel_can_carry_the_flag_for_all(channel: int) -> None:
    for request in (Stop(channel), Resume(channel), Assign(channel, SLOW)):
        try:
            data = encode_request(request)
        except EncodeError:
            assert not 0 <= channel <= 0xFFFF
        else:
            assert data[24] == 0
            assert int.from_bytes(data[20:24], "little") == channel


async def test_a_stop_of_all_stops_all(rig: Rig) -> None:
    await start_all(rig)
    done = await rig.cycler.stop_every()
    assert all(one.status in STOPPED for one in done.readings)
    assert [one for one in rig.writes if isinstance(one, Stop)] == [Stop(-1, every=True)]


@pytest.mark.parametrize("channel", [-1, 4, 1000, 70_000])
async def test_a_channel_that_there_is_not(rig: Rig, channel: int) -> None:
    await rig.cycler.log_in()
    for command in (
        rig.cycler.stop(channel),
        rig.cycler.start([channel], "t"),
        rig.cycler.assign(channel, SLOW),
        rig.cycler.jump(channel, 1),
        rig.cycler.set_variable(channel, 1, 1.0),
        rig.cycler.continue_paused([0, channel]),
        rig.cycler.resume(channel),
    ):
        with pytest.raises(OutOfRange, match=f"channel index {channel} is not from 0 to 3"):
            await command
    assert rig.writes == []


async def test_a_channel_is_checked_even_if_the_number_was_not_known_yet(rig: Rig) -> None:
    with pytest.raises(OutOfRange, match="channel index 4 is not from 0 to 3"):
        await rig.cycler.stop(4)
    assert rig.writes == []


# -- a start is checked before it goes out


@pytest.mark.parametrize(
    ("channels", "name"),
    [
        ([0], ""),
        ([0], " "),
        ([0], "a\0b"),
        ([0], "a\tb"),
        ([0], "x" * 73),
        ([0], "\ud83d"),
        ([], "t"),
        ([1, 1], "t"),
        ([0, 4], "t"),
    ],
)
async def test_a_malformed_start_never_goes_out(rig: Rig, channels: list[int], name: str) -> None:
    """It would end the vendor's program (arbin-protocol.md 4.6)."""
    await rig.cycler.read_sweep()
    for command in (
        rig.cycler.start(channels, name),
        rig.cycler.start_with([StartEntry(n, name, SLOW) for n in channels]),
    ):
        with pytest.raises(OutOfRange):
            await command
    assert rig.writes == []
    assert rig.server.crashes == 0


@given(st.text(max_size=80), st.lists(st.integers(-1, 0x10001), max_size=5).map(tuple))
def test_a_start_says_what_was_asked_or_nothing(name: str, channels: tuple[int, ...]) -> None:
    try:
        data = encode_request(Start(name, channels))
    except EncodeError:
        return
    assert len(data) == 170 + 2 * len(channels)
    (frame,) = FrameStream(Direction.REQUEST).feed(data)
    assert decode_request(frame) == Start(name, channels)


async def test_only_stopped_channels_start(rig: Rig) -> None:
    await start_all(rig)
    with pytest.raises(Blocked, match=r"channel 2: .*only a stopped channel can do that: "):
        await rig.cycler.start([1], "again")
    rig.model.channels[3].linked = False
    await until(lambda: rig.model.view()[3].comm_failure)
    with pytest.raises(Blocked, match=r"channel 4: .*no link to its controller"):
        await rig.cycler.start([3], "again")
    assert rig.server.count(Code.START) == 1


async def test_a_start_waits_until_the_data_are_certainly_new(user: User) -> None:
    """arbin-protocol.md 10: stopped in two readings, as far apart as data may be old."""
    del user
    async with opened(allow_control=True, refresh=0.8) as rig:
        await rig.cycler.assign(0, SLOW)
        await rig.cycler.start([0], "t")
        kinds = [type(one) for one in rig.requests]
        before = kinds[: kinds.index(Start)]
        assert before.count(ChannelsInfo) == 2


async def test_a_start_does_not_wait_for_what_is_known(user: User) -> None:
    del user
    async with opened(allow_control=True, refresh=0.3) as rig:
        await rig.cycler.assign(0, SLOW)
        await rig.cycler.read_sweep()
        since = rig.cycler.stopped_since[0]
        await until(lambda: asyncio.get_running_loop().time() > since + 0.3)
        await rig.cycler.start([0], "t")
        kinds = [type(one) for one in rig.requests]
        assert kinds[: kinds.index(Start)].count(ChannelsInfo) == 2  # the sweep, and one more


async def test_a_jump_past_the_end_is_not_sent(rig: Rig) -> None:
    """It would end the test (arbin-protocol.md 4.9)."""
    await start_all(rig)
    for step in (2, 300):
        with pytest.raises(OutOfRange, match="the schedule has steps 1 to 1"):
            await rig.cycler.jump(0, step)
    with pytest.raises(OutOfRange, match="steps are counted from 1"):
        await rig.cycler.jump(0, 0)
    assert rig.server.count(Code.JUMP) == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e39])
async def test_a_variable_that_is_no_number_is_not_sent(rig: Rig, value: float) -> None:
    await start_all(rig)
    with pytest.raises(OutOfRange, match="is not a finite number"):
        await rig.cycler.set_variable(0, 1, value)
    with pytest.raises(OutOfRange, match="is not a finite number"):
        await rig.cycler.set_variables([VariableUpdate(0, 1, value)])
    assert rig.server.count(Code.SET_VARIABLE, Code.UPDATE_VARIABLES) == 0


async def test_more_variables_than_a_batch_may_have_are_not_sent(rig: Rig) -> None:
    updates = [VariableUpdate(n % 4, 1 + n % 16, 1.0) for n in range(161)]
    with pytest.raises(OutOfRange, match="161 is not from 1 to 160"):
        await rig.cycler.set_variables(updates)
    with pytest.raises(OutOfRange, match="user variable 17 is not from 1 to 16"):
        await rig.cycler.set_variable(0, 17, 1.0)
    assert rig.writes == []


# -- nothing is sent twice


@pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.RESET, Fault.BAD_CRC])
async def test_a_start_whose_answer_is_missing_is_confirmed_by_the_status(
    user: User, fault: Fault
) -> None:
    del user
    async with opened(allow_control=True, timeout=2.0) as rig:
        await rig.cycler.assign(0, SLOW)
        await rig.server.set_fault(FaultSpec(fault, count=1, only=FaultFilter.WRITES))
        done = await rig.cycler.start([0], "t")
        assert "the answer was missing" in done.note
        assert rig.server.count(Code.START) == 1
        await rig.server.set_fault(FaultSpec(fault, count=1, only=FaultFilter.WRITES))
        done = await rig.cycler.stop(0)
        assert "the answer was missing" in done.note
        assert rig.server.count(Code.STOP) == 1


async def test_a_start_that_nobody_obeyed_is_ambiguous_and_not_repeated(user: User) -> None:
    del user
    async with opened(allow_control=True, timeout=1.0, confirm_timeout=1.0) as rig:
        await rig.cycler.assign(0, SLOW)
        await rig.server.set_fault(FaultSpec(Fault.SILENT, only=FaultFilter.WRITES))
        with pytest.raises(Ambiguous, match="nothing within 1 s; not seen within 1 s"):
            await rig.cycler.start([0], "t")
        with pytest.raises(Ambiguous):
            await rig.cycler.set_variable(0, 1, 1.0)
        with pytest.raises(Ambiguous):
            await rig.cycler.assign(0, SLOW)
        await rig.server.clear_fault()
        await recovered(rig.cycler.read_sweep)
        sent = [Code.ASSIGN_SCHEDULE, Code.START, Code.SET_VARIABLE, Code.ASSIGN_SCHEDULE]
        assert [asked.code for asked in rig.writes] == sent  # each came once


async def test_a_command_into_a_dead_line_never_arrives(user: User) -> None:
    del user
    async with opened(allow_control=True, timeout=1.0, confirm_timeout=1.0) as rig:
        await rig.cycler.assign(0, SLOW)
        await rig.cycler.read_sweep()
        connections = rig.proxy.connections
        rig.proxy.black_hole()
        with pytest.raises(DriverError):
            await rig.cycler.stop(0)
        await rig.proxy.heal()
        await recovered(rig.cycler.read_sweep)
        assert rig.proxy.connections > connections
        assert rig.writes == [Assign(0, SLOW)]


async def test_a_start_that_is_answered_but_not_done_is_told(user: User) -> None:
    del user

    def answer(request: Request) -> list[Reply]:
        if isinstance(request, ChannelsInfo):
            return [ChannelsInfoReply.of([ChannelReading(max(0, request.channel))])]
        return [ControlReply(REPLY_TO[request.code], 0)]

    async with scripted(answer, confirm_timeout=1.0) as (script, cycler):
        with pytest.raises(NotObeyed, match=r"did not follow within 1 s \(channel 1: idle\)"):
            await cycler.start([0], "t")
        assert script.count(Start) == 1


async def test_a_command_that_was_given_up_before_its_turn_is_not_sent(user: User) -> None:
    del user
    held: list[Request] = []

    def answer(request: Request) -> list[Reply]:
        held.append(request)
        return []

    async with scripted(answer, timeout=1.0, confirm_timeout=1.0) as (script, cycler):
        first = asyncio.ensure_future(cycler.stop(0))
        await until(lambda: bool(held))
        second = asyncio.ensure_future(cycler.stop(1))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        assert [one for one in script.requests if isinstance(one, Stop)] == [Stop(0)]


# -- stops


async def test_a_stop_takes_the_effect_of_a_start_that_waits(user: User) -> None:
    del user
    async with opened(allow_control=True, refresh=2.0) as rig:
        await rig.cycler.assign(0, SLOW)
        start = asyncio.ensure_future(rig.cycler.start([0], "t"))
        await until(lambda: rig.server.count(Code.GET_CHANNELS_INFO) > 0)
        await rig.cycler.stop(0)
        with pytest.raises(Blocked, match="a stop was asked for in the meantime"):
            await start
        assert rig.server.count(Code.START) == 0


@pytest.mark.parametrize("rounds", [1, 4, 12, 40])
async def test_nothing_begins_after_a_stop_that_was_asked_for_later(
    user: User, rounds: int
) -> None:
    """Wherever the stop comes between the steps of a resume or a start that waits."""
    del user
    async with opened(channels=2, allow_control=True, refresh=0.3) as rig:
        await rig.cycler.assign(0, SLOW)
        await rig.cycler.start([0], "first")
        await rig.cycler.stop(0)
        begun = [
            asyncio.create_task(rig.cycler.resume(0)),
            asyncio.create_task(rig.cycler.start([0], "second")),
        ]
        for _ in range(rounds):
            await asyncio.sleep(0)
        seen = len(rig.requests)
        await rig.cycler.stop(0)
        results = await asyncio.gather(*begun, return_exceptions=True)
        after = [type(request) for request in rig.requests[seen:]]
        assert not {Resume, Start} & set(after[after.index(Stop) :])
        assert isinstance(results[1], Blocked)
        assert (await rig.cycler.read_channel(0)).status in STOPPED


async def test_a_stop_goes_out_while_a_sweep_waits_for_its_answer(user: User) -> None:
    """One request of a kind is on its way at a time, next to those of other kinds."""
    del user

    def answer(request: Request) -> list[Reply]:
        if isinstance(request, Stop):
            return [ControlReply(Code.STOP_REPLY, request.channel)]
        return []

    async with scripted(answer, timeout=20.0) as (script, cycler):
        sweeps = [asyncio.ensure_future(cycler.read_sweep()) for _ in range(3)]
        await until(lambda: script.count(ChannelsInfo) > 0)
        stop = asyncio.ensure_future(cycler.stop(0))
        await until(lambda: script.count(Stop) == 1)
        assert script.count(ChannelsInfo) == 1
        stop.cancel()
        for sweep in sweeps:
            sweep.cancel()
        await asyncio.gather(*sweeps, return_exceptions=True)


async def test_a_stop_is_not_confirmed_by_data_from_before_the_start(user: User) -> None:
    del user
    states = {"now": Status.IDLE}
    asked: list[type] = []

    def answer(request: Request) -> list[Reply]:
        asked.append(type(request))
        if isinstance(request, ChannelsInfo):
            reading = ChannelReading(0, states["now"])
            if asked.count(Stop):
                states["now"] = Status.CHARGE  # the stop had no effect
            return [ChannelsInfoReply.of([reading])]
        if isinstance(request, Start):
            states["now"] = Status.CHARGE
        if isinstance(request, Stop):
            loop = asyncio.get_running_loop()
            states["now"] = Status.IDLE  # as it was before the start
            loop.call_later(0.3, states.update, {"now": Status.CHARGE})
        return [ControlReply(REPLY_TO[request.code], 0)]

    async with scripted(answer, confirm_timeout=3.0, refresh=1.0) as (script, cycler):
        await cycler.start([0], "t")
        with pytest.raises(NotObeyed, match="channel 1: charge"):
            await cycler.stop(0)
        assert script.count(Stop) == 1


async def test_a_stop_of_a_stopped_channel_is_done(rig: Rig) -> None:
    (reading,) = (await rig.cycler.stop(2)).readings
    assert reading.status in STOPPED


async def test_a_stop_is_refused_by_a_dialog_at_the_cycler(rig: Rig) -> None:
    await start_all(rig)
    rig.model.dialog_open = True
    with pytest.raises(CyclerRefused, match="the monitor window is in use"):
        await rig.cycler.stop(0)
    assert rig.server.count(Code.STOP) == 1


# -- secrets


async def test_the_password_is_in_no_log_and_no_error(
    user: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    user("operator", "hunter2hunter2")
    async with opened() as rig:
        with pytest.raises(CyclerRefused) as caught:
            await rig.cycler.read_sweep()
        rig.proxy.reset()
        with pytest.raises(LinkDown) as again:
            await rig.cycler.read_sweep()
        shown: list[Any] = [caught.value, again.value, rig.cycler.settings, rig.cycler.login]
        text = caplog.text + rig.cycler.last_error + "".join(f"{one}{one!r}" for one in shown)
        assert "hunter2" not in text


async def test_the_batch_names_what_was_asked(rig: Rig) -> None:
    await start_all(rig)
    updates = [VariableUpdate(0, 4, 1.5), VariableUpdate(1, 5, -2.0)]
    await rig.cycler.set_variables(updates)
    batch = rig.writes[-1]
    assert isinstance(batch, UpdateVariables)
    assert [(u.channel, u.meta, u.value) for u in batch.updates] == [(0, 55, 1.5), (1, 105, -2.0)]
