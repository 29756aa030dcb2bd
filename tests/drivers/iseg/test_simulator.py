"""The simulated modules on the wire (iseg-protocol.md 16), and their command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.core.can import CanFrame
from drivers.core.errors import BadUrl
from drivers.core.simulation.commands import CommandError
from drivers.core.simulation.console import Console
from drivers.core.simulation.faults import FaultBoard
from drivers.iseg.items import ITEMS, I
from drivers.iseg.protocol import (
    Announcement,
    Answer,
    broadcast,
    log_on,
    parse_announcement,
    parse_answer,
    read,
    read_many,
    write,
)
from drivers.iseg.simulator import make_models
from drivers.iseg.simulator.crate import CrateSimulator
from drivers.iseg.simulator.module import FAULTS, SimulatedModule
from drivers.iseg.words import ModuleStatus
from tests.drivers.core.can_rig import settle
from tests.support.process import PythonProcess
from tests.support.wire.until import until


@dataclass
class Bench:
    """A simulator, and a station that hears what its modules send."""

    simulator: CrateSimulator
    heard: list[CanFrame]
    send: Callable[[CanFrame], None]

    async def ask(self, frame: CanFrame) -> list[CanFrame]:
        """Send a frame; returns what comes, announcements left out."""
        self.heard.clear()
        self.send(frame)
        await settle()
        return [one for one in self.heard if parse_announcement(one) is None]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    simulator = CrateSimulator(make_models(2, 20), latency=0.0, speed=0.0)
    heard: list[CanFrame] = []
    station = simulator.can.attach("master", heard.append)
    yield Bench(simulator, heard, station.send)
    await simulator.close()


async def test_it_announces_itself_until_it_is_registered(bench: Bench) -> None:
    await until(lambda: len(bench.heard) == 2)
    found = {parse_announcement(frame) for frame in bench.heard}
    assert found == {Announcement(0, 0x77, 25), Announcement(1, 0x77, 25)}
    assert await bench.ask(log_on(1)) == []
    assert [module.registered for module in bench.simulator.modules] == [False, True]
    assert await bench.ask(log_on(1, False)) == []
    assert not bench.simulator.modules[1].registered


async def test_reads_are_answered_before_log_on_and_writes_never(bench: Bench) -> None:
    (reply,) = await bench.ask(read(1, ITEMS[I.CHANNEL_NUMBER]))
    assert (reply.identifier, parse_answer(reply.data).value) == (0x208, 20)
    assert await bench.ask(write(1, ITEMS[I.VOLTAGE_SET], 10.0, 3)) == []
    assert bench.simulator.modules[1].model.channels[3].voltage_set == 10.0


async def test_every_confirmed_module_and_channel_item_answers_or_is_refused(bench: Bench) -> None:
    for item in ITEMS.values():
        place = None if item.scope.name == "MODULE" else 0
        (reply,) = await bench.ask(read(0, item, place))
        found = parse_answer(reply.data)
        assert (found.id, found.place) == (item.id, place)
        if found.value is None:
            assert len(reply.data) == (2 if place is None else 3)


async def test_a_multiple_read_answers_for_each_selected_channel(bench: Bench) -> None:
    replies = await bench.ask(read_many(0, ITEMS[I.STATUS], 16, 16))
    assert [parse_answer(reply.data).place for reply in replies] == [16, 17, 18, 19]
    masked = CanFrame(0x201, b"\x60\x00\x00\x05\x02")
    assert [parse_answer(r.data).place for r in await bench.ask(masked)] == [2, 4]
    short = CanFrame(0x201, b"\x60\x00\x00\x00\x00")
    assert await bench.ask(short) == []


async def test_firmware_that_takes_the_short_form(bench: Bench) -> None:
    (model,) = make_models(1, 3)
    model.address = 9
    module = SimulatedModule(
        bench.simulator.can, model, FaultBoard(FAULTS), latency=0.0, short_reads=True
    )
    replies = await bench.ask(CanFrame(0x249, b"\x61\x02\x00\x00\x00"))
    assert [parse_answer(reply.data).place for reply in replies] == [0, 1, 2]
    module.close()


async def test_a_broadcast_reaches_every_channel_of_every_module(bench: Bench) -> None:
    channels = [c for module in bench.simulator.modules for c in module.model.channels]
    assert await bench.ask(broadcast(ITEMS[I.CONTROL], 0x0008)) == []
    assert all(channel.on for channel in channels)
    await bench.ask(broadcast(ITEMS[I.CONTROL], 0x0020))
    assert all(channel.emergency and not channel.on for channel in channels)


async def test_nonsense_sets_the_input_error(bench: Bench) -> None:
    model = bench.simulator.modules[0].model
    for frame in (
        write(0, ITEMS[I.VOLTAGE_MEASURE], 1.0, 0),
        CanFrame(0x200, b"\x1f\xff\x00"),
        CanFrame(0x200, b"\x41"),
        write(0, ITEMS[I.VOLTAGE_RAMP], 50.0),
        write(0, ITEMS[I.TRIP_ACTION], 9, 0),
    ):
        model.clear(0xFFFF)
        assert not model.status & ModuleStatus.INPUT_ERROR
        assert await bench.ask(frame) == []
        assert model.status & ModuleStatus.INPUT_ERROR, frame
    await bench.ask(write(0, ITEMS[I.VOLTAGE_SET], 9999.0, 2))
    assert model.channels[2].input_error
    assert model.channels[2].voltage_set == 0.0


async def test_a_master_that_does_not_wait_is_counted(bench: Bench) -> None:
    (model,) = make_models(1, 3)
    model.address = 9
    module = SimulatedModule(bench.simulator.can, model, FaultBoard(FAULTS), latency=0.05)
    bench.send(read(9, ITEMS[I.MODULE_STATUS]))
    bench.send(write(9, ITEMS[I.CONTROL], 8, 0))
    await until(lambda: module.overlaps == 1)
    module.close()


@given(frames=st.lists(st.tuples(st.integers(0, 0x7FF), st.binary(max_size=8)), max_size=30))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_frames_leave_a_module_that_answers(frames: list[tuple[int, bytes]]) -> None:
    async def run() -> list[CanFrame]:
        simulator = CrateSimulator(make_models(1, 2), latency=0.0, speed=0.0)
        heard: list[CanFrame] = []
        station = simulator.can.attach("master", heard.append)
        for identifier, data in frames:
            station.send(CanFrame(identifier, data))
        await settle()
        heard.clear()
        station.send(read(0, ITEMS[I.SERIAL_NUMBER]))
        await settle()
        await simulator.close()
        return heard

    assert parse_answer(asyncio.run(run())[-1].data) == Answer(I.SERIAL_NUMBER, False, None, 474218)


async def test_control_commands(bench: Bench) -> None:
    console = Console(bench.simulator)
    model = bench.simulator.modules[0].model
    for line in (
        "trip M0 CH3", "load M0 CH2 1e6", "inhibit M0 CH1 on", "loop M0 open",
        "temperature M0 60", "supply M1 20", "silence M1 on", "refuse M0 4005", "alarm M0",
        "foreign on", "foreign off", "busoff on", "busoff off", "unplug", "replug", "echo on",
        "garbage", "requests", "channel M0 CH3", "restart M0", "refuse M0 clear",
        "fault silent", "fault clear", "help",
    ):  # fmt: skip
        if line == "restart M0":
            assert (model.channels[3].tripped, model.channels[2].load) == (True, 1e6)
            assert (model.channels[1].inhibited, model.safety_loop) == (True, False)
            assert bench.simulator.modules[0].registers.refused == {I.TRIP_TIME}
        answer = await console.execute(line)
        assert answer.startswith("ok"), answer
    assert not model.channels[3].tripped
    assert bench.simulator.modules[1].silent


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("trip M2 CH0", "not a module from M0 to M1"),
        ("trip M0 CH20", "not a channel from CH0 to CH19"),
        ("trip M0", "needs a module and a channel"),
        ("load M0 CH0 none", "needs one number"),
        ("load M0 CH0 0", "not from 1 to"),
        ("loop M0 ajar", "needs one of open, close"),
        ("refuse M0 zz", "four hex digits"),
        ("silence", "needs a module"),
        ("fault reset", "cannot happen"),
    ],
)
async def test_a_wrong_command_says_why(bench: Bench, line: str, problem: str) -> None:
    answer = await Console(bench.simulator).execute(line)
    assert answer.startswith("error")
    assert problem in answer


async def test_endpoints_that_cannot_be_served_are_named(bench: Bench) -> None:
    for link in ("tcp://127.0.0.1:0", "socketcand://127.0.0.1", "can://pcan/x"):
        with pytest.raises(BadUrl, match="for example"):
            await bench.simulator.listen(link)
    with pytest.raises(CommandError):
        bench.simulator.module("X0")


async def test_it_runs_from_the_command_line() -> None:
    arguments = ("--modules", "2", "--channels", "4", "--negative", "--own-ramps", "--on")
    links = ("--link", "slcan-pty", "--link", "socketcand://127.0.0.1:0")
    async with PythonProcess("drivers.iseg.simulator", *arguments, *links, "--paced") as process:
        await process.line(r"listening can://slcan//dev/pts/\d+\?bitrate=125000")
        await process.line(r"listening can://socketcand/127\.0\.0\.1:\d+/can0")
        await process.say("channel M1 CH0\n")
        assert await process.line(r"ok voltage \S+ set -1200 on 1")
        assert await process.stop() == 0


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--modules", "65"), ("--channels", "49"), ("--bitrate", "fast"), ("--speed", "nan"),
     ("--fault", "sleepy"), ("--latency", "-1")],
)  # fmt: skip
async def test_a_wrong_flag_is_refused(flag: str, value: str) -> None:
    async with PythonProcess("drivers.iseg.simulator", flag, value) as process:
        assert await process.wait() == 2
        assert f"argument {flag}" in process.output
