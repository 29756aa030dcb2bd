"""What wires, networks and other people do to a session, and how the driver comes out of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from drivers.arbin.commands import ControlReply, Stop
from drivers.arbin.messages import Reply, Request, encode_reply
from drivers.arbin.protocol import Code, Direction, frame
from drivers.arbin.queries import ChannelsInfo, GetSerial, SerialReply, UnknownCommandReply
from drivers.arbin.reading import ChannelReading
from drivers.arbin.records import ChannelsInfoReply
from drivers.arbin.simulator.model import SERIAL, Behaviour
from drivers.arbin.words import STOPPED
from drivers.core.errors import BadReply, DriverError, LinkDown, NoReply, Refused
from drivers.core.simulation.faults import Fault, FaultSpec
from tests.drivers.arbin.conftest import Rig, opened
from tests.drivers.arbin.scripted import scripted
from tests.support.wire.until import recovered, until

User = Callable[..., None]


async def whole_again(rig: Rig) -> None:
    sweep = await recovered(rig.cycler.read_sweep)
    assert all(one is not None for one in sweep.channels)
    assert rig.cycler.connected
    assert rig.writes == []


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        (FaultSpec(Fault.SILENT, count=1), NoReply, "nothing within 1 s"),
        (FaultSpec(Fault.LOST_REPLY, count=1), NoReply, "nothing within 1 s"),
        (FaultSpec(Fault.TRUNCATED, count=1), NoReply, "nothing within 1 s"),
        (FaultSpec(Fault.FLOOD, 50_000, count=1), NoReply, "nothing within 1 s"),
        (FaultSpec(Fault.FLOOD, 100_000, count=1), NoReply, "nothing but noise came"),
        (FaultSpec(Fault.OTHER_REPLY, count=1), NoReply, "nothing within 1 s"),
        (FaultSpec(Fault.BAD_CRC, count=1), BadReply, "its checksum is wrong"),
        (FaultSpec(Fault.RESET, count=1), NoReply, r"connection was lost|closed the connection"),
    ],
)
async def test_a_bad_answer_costs_one_reading(
    user: User, fault: FaultSpec, error: type[DriverError], text: str
) -> None:
    del user
    async with opened(timeout=1.0) as rig:
        await rig.cycler.read_sweep()
        await rig.server.set_fault(fault)
        with pytest.raises(error, match=text) as caught:
            await rig.cycler.read_sweep()
        assert rig.cycler.last_error == str(caught.value)
        assert not rig.cycler.connected
        await rig.cycler.read_sweep()
        assert rig.cycler.reconnects == 1
        assert rig.cycler.dropped == (fault.fault in (Fault.BAD_CRC, Fault.OTHER_REPLY))
        assert rig.server.count(Code.LOGIN) == 2
        await whole_again(rig)


async def test_half_an_answer(user: User) -> None:
    del user
    async with opened(timeout=1.0) as rig:
        await rig.cycler.read_sweep()
        rig.proxy.half_frame()
        with pytest.raises(NoReply):
            await rig.cycler.read_sweep()
        await rig.proxy.heal()
        await whole_again(rig)


async def test_an_answer_that_ends_with_the_connection(rig: Rig) -> None:
    await rig.cycler.read_sweep()
    rig.server.cut_next = True
    with pytest.raises(NoReply, match="the cycler closed the connection"):
        await rig.cycler.read_sweep()
    await whole_again(rig)


async def test_a_kicked_out_session_logs_in_again(rig: Rig) -> None:
    await rig.cycler.read_sweep()
    rig.server.kick_out()
    await until(lambda: rig.proxy.open_connections == 0)
    await recovered(rig.cycler.read_sweep)
    assert rig.server.count(Code.LOGIN) == 2
    await whole_again(rig)


async def test_a_late_answer_is_taken_for_no_other(user: User) -> None:
    del user
    async with opened(timeout=1.0) as rig:
        await rig.cycler.read_channel(1)
        await rig.server.set_fault(FaultSpec(Fault.LATE, 1.5, count=1))
        with pytest.raises(NoReply):
            await rig.cycler.read_channel(1)
        for _ in range(20):
            assert (await rig.cycler.read_channel(2)).channel == 2
            await asyncio.sleep(0.05)


async def test_a_silent_cycler_is_not_hammered(user: User) -> None:
    del user
    async with opened(timeout=0.3) as rig:
        await recovered(rig.cycler.read_sweep)
        rig.proxy.black_hole()
        failures: list[DriverError] = []
        while not (failures and isinstance(failures[-1], LinkDown)):
            with pytest.raises(DriverError) as caught:
                await rig.cycler.read_sweep()
            failures.append(caught.value)
        assert len(failures) <= 4
        assert "next try in" in str(failures[-1])
        await rig.proxy.heal()
        await whole_again(rig)


async def test_a_restart_of_the_cyclers_program(rig: Rig) -> None:
    await rig.cycler.read_sweep()
    rig.server.restart(0.5)
    with pytest.raises(DriverError):
        await rig.cycler.read_sweep()
    await whole_again(rig)
    assert rig.cycler.reconnects == 1


async def test_refused_connections(rig: Rig) -> None:
    await rig.proxy.refuse()
    with pytest.raises(LinkDown, match=r"cannot be opened: .*refused.*next try in"):
        await rig.cycler.read_sweep()
    with pytest.raises(LinkDown, match="next try in"):
        await rig.cycler.read_sweep()
    await rig.proxy.heal()
    await whole_again(rig)


async def test_a_slow_line(rig: Rig) -> None:
    rig.proxy.bandwidth(30_000)
    await whole_again(rig)


@pytest.mark.parametrize("split", [1, 7, 1000])
async def test_answers_in_pieces(user: User, split: int) -> None:
    del user
    async with opened(Behaviour(channels=2, refresh=0.1)) as rig:
        rig.server.ports.piece = split
        await whole_again(rig)


async def test_a_token_of_eight_dd_is_no_answer(user: User) -> None:
    del user
    async with opened(timeout=0.5) as rig:
        rig.server.old_token = True
        with pytest.raises(NoReply, match="log in: no reply"):
            await rig.cycler.read_sweep()


async def test_closing_while_an_answer_is_missing(rig: Rig) -> None:
    await rig.cycler.read_sweep()
    await rig.server.set_fault(FaultSpec(Fault.SILENT))
    waiting = asyncio.ensure_future(rig.cycler.read_sweep())
    await until(lambda: rig.cycler.exchanges == 3)
    await rig.cycler.close()
    with pytest.raises(DriverError, match="the link was closed"):
        await waiting
    with pytest.raises(LinkDown, match="the link was closed"):
        await rig.cycler.read_sweep()


async def test_a_caller_that_gives_up_does_not_spoil_the_next_answer(rig: Rig) -> None:
    await rig.cycler.read_sweep()
    rig.server.think = 0.3
    for channel in range(4):
        task = asyncio.ensure_future(rig.cycler.read_channel(channel))
        before = rig.cycler.exchanges
        await until(lambda before=before: rig.cycler.exchanges > before)
        task.cancel()
    rig.server.think = 0.0
    assert (await rig.cycler.read_channel(2)).channel == 2
    assert rig.cycler.reconnects == 0


# -- answers that no honest cycler gives


def told(*replies: Reply) -> Callable[[Request], list[Reply]]:
    return lambda _request: list(replies)


def information(*channels: int) -> ChannelsInfoReply:
    return ChannelsInfoReply.of([ChannelReading(n) for n in channels])


@pytest.mark.parametrize(
    ("replies", "text"),
    [
        ([information(0, 1, 1, 2)], "a channel comes twice"),
        ([information(0, 1), information(1, 2)], "a channel comes twice"),
        ([information(0, 1, 2, 9)], "a record of channel index 9, but the cycler has 4 channels"),
    ],
)
async def test_a_sweep_that_makes_no_sense(user: User, replies: list[Reply], text: str) -> None:
    del user
    async with scripted(told(*replies)) as (_, cycler):
        with pytest.raises(BadReply, match=text):
            await cycler.read_sweep()


@pytest.mark.parametrize("reply", [information(2), information(), information(1, 2)])
async def test_a_channel_that_was_not_asked_for(user: User, reply: Reply) -> None:
    del user
    async with scripted(told(reply)) as (_, cycler):
        with pytest.raises(BadReply, match="not about this channel"):
            await cycler.read_channel(1)


async def test_channels_that_are_left_out_are_unknown(user: User) -> None:
    del user
    async with scripted(told(information(3, 1))) as (_, cycler):
        sweep = await cycler.read_sweep()
        assert [one is not None for one in sweep.channels] == [False, True, False, True]
    async with scripted(told(information())) as (_, cycler):
        assert (await cycler.read_sweep()).channels == (None,) * 4


async def test_channels_come_in_any_order_and_in_any_number_of_replies(user: User) -> None:
    del user
    async with scripted(told(information(3, 1), information(2), information(0))) as (_, cycler):
        sweep = await cycler.read_sweep()
        assert [one and one.channel for one in sweep.channels] == [0, 1, 2, 3]


async def test_a_cycler_without_channels(user: User) -> None:
    del user
    async with scripted(told(information()), channels=0) as (_, cycler):
        assert (await cycler.read_sweep()).channels == ()


async def test_an_answer_about_another_channel_is_not_this_ones(user: User) -> None:
    del user

    def answer(request: Request) -> list[Reply]:
        if isinstance(request, Stop):
            return [ControlReply(Code.STOP_REPLY, 3, 0x13), ControlReply(Code.STOP_REPLY, 1)]
        return [information(1)]

    async with scripted(answer) as (_, cycler):
        (reading,) = (await cycler.stop(1)).readings
        assert reading.status in STOPPED


async def test_a_command_that_the_cycler_does_not_know(user: User) -> None:
    del user

    def answer(request: Request) -> list[Reply]:
        if isinstance(request, GetSerial):
            return [UnknownCommandReply(GetSerial.code)]
        return [information(0, 1, 2, 3)]

    async with scripted(answer) as (_, cycler):
        with pytest.raises(Refused, match="the cycler does not know this command"):
            await cycler.read_serial()
        await cycler.read_sweep()
        assert cycler.reconnects == 0


async def test_what_nobody_asked_for_is_dropped(user: User) -> None:
    del user

    def answer(request: Request) -> bytes:
        noise = encode_reply(ControlReply(Code.STOP_REPLY, 1)) + b"\xdd" * 100
        noise += encode_reply(UnknownCommandReply(0x12345678))
        reply = SerialReply(SERIAL) if isinstance(request, GetSerial) else information(0, 1, 2, 3)
        return noise + encode_reply(reply)

    async with scripted(answer) as (script, cycler):
        script.server.push(b"early")
        assert await cycler.read_serial() == SERIAL
        script.server.push(b"noise" * 1000)
        await cycler.read_sweep()
        assert script.count(ChannelsInfo) == 1
        assert cycler.dropped == 4


async def test_a_reply_of_the_wrong_size_is_a_bad_reply(user: User) -> None:
    del user

    def answer(request: Request) -> bytes:
        del request
        return frame(Code.SERIAL_REPLY, b"123", Direction.REPLY)

    async with scripted(answer) as (_, cycler):
        with pytest.raises(BadReply, match="serial reply: 3 bytes, not 106"):
            await cycler.read_serial()
