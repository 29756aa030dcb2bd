"""Several units on one line: a silent one must not cost its neighbours their rate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest

from drivers.core.errors import Ambiguous, BadReply, DriverError, NoReply
from drivers.core.modbus import ModbusBus
from drivers.core.quarantine import QuarantineRule, UnitHealth
from drivers.core.simulation.faults import parse_fault
from drivers.core.simulation.modbus_device import ModbusDevice
from drivers.core.simulation.modbus_server import ModbusServer
from drivers.core.url import SerialLine, TcpUrl
from tests.support.wire.until import recovered, until

RULE = QuarantineRule(failures=3, probe_timeout=0.05, first=0.3, cap=1.0)


class _Registers(ModbusDevice):
    def __init__(self, number: int) -> None:
        self.number = number
        self.written: list[int] = []

    def read_input(self, start: int, count: int) -> Sequence[int]:
        return [self.number] * count

    def write_register(self, address: int, value: int) -> None:
        self.written.append(value)


@dataclass(frozen=True)
class _Line:
    server: ModbusServer
    bus: ModbusBus
    devices: dict[int, ModbusDevice]

    @property
    def asked(self) -> list[float]:
        """When unit 9, which is none, was asked."""
        return [one.time for one in self.server.log if not one.sent and one.frame.unit == 9]

    async def poll(self, number: int, times: int) -> int:
        """Read one unit so often, as fast as it goes; returns how many readings were good."""
        good = 0
        for _ in range(times):
            with suppress(DriverError):
                assert await self.bus.unit(number).read_input(1, 2) == (number, number)
                good += 1
        return good


@asynccontextmanager
async def _two_units(kind: str, *, timeout: float, settle: float) -> AsyncIterator[_Line]:
    """Two units on a line of this kind."""
    devices: dict[int, ModbusDevice] = {number: _Registers(number) for number in (1, 2)}
    server = ModbusServer(devices)
    if kind == "pty":
        url = server.open_terminal(SerialLine(115200))
    else:
        url = await server.open_tcp(TcpUrl("127.0.0.1", 0, rtu=kind == "rtu+tcp"))
    bus = ModbusBus(url, timeout=timeout, settle=settle, quarantine=RULE)
    bus.unit(1).timeout = 60.0  # it answers, however busy the machine is
    yield _Line(server, bus, devices)
    await bus.close()
    await server.close()


@pytest.fixture(params=["tcp", "rtu+tcp", "pty"])
async def line(request: pytest.FixtureRequest) -> AsyncIterator[_Line]:
    async with _two_units(request.param, timeout=0.2, settle=0.05) as one:
        yield one


async def test_units_answer_for_themselves(line: _Line) -> None:
    for number in (1, 2, 1):
        assert await line.bus.unit(number).read_input(1, 2) == (number, number)


async def test_a_silent_unit_costs_three_requests_however_often_it_is_read(line: _Line) -> None:
    line.bus._rule = replace(RULE, first=600.0, cap=600.0)
    await line.bus.unit(1).read_input(1, 1)
    good, others = await asyncio.gather(line.poll(9, 200), line.poll(1, 200))
    assert good == 0
    assert others >= 199
    assert len(line.asked) == line.bus.unit(9).exchanges == 3


async def test_a_silent_unit_is_probed_at_its_back_off_times_and_shortly(line: _Line) -> None:
    await line.bus.unit(1).read_input(1, 1)
    silent = line.bus.unit(9)
    for _ in range(3):
        with pytest.raises(NoReply, match=r"no answer in 0\.2 s"):
            await silent.read_input(1, 1)
    silent.timeout = 60.0
    probed = 0
    while probed < 3:
        assert await line.poll(1, 1) == 1
        with pytest.raises(NoReply, match=r"no answer in 0\.05 s|next probe in") as caught:
            await silent.read_input(1, 1)
        probed += "no answer in" in str(caught.value)
    times = line.asked
    assert len(times) == 6
    waits = [after - before for before, after in pairwise(times[2:])]
    for wait, least in zip(waits, (0.3, 0.45, 0.75), strict=True):
        assert wait >= least


async def test_a_unit_that_comes_back_is_found_by_a_probe(line: _Line) -> None:
    await line.bus.unit(1).read_input(1, 1)
    late = line.bus.unit(3)
    for _ in range(3):
        with pytest.raises(NoReply):
            await late.read_input(1, 1)
    with pytest.raises(NoReply, match=r"silent for 3 requests.*next probe in"):
        await late.read_input(1, 1)
    assert not late.connected
    assert line.bus.unit(1).name == "unit 1"
    line.server.add_device(3, _Registers(3))
    assert await recovered(lambda: late.read_input(1, 2)) == (3, 3)
    assert await line.poll(3, 5) == 5
    assert late.connected


async def test_a_command_to_a_silent_unit_is_tried(line: _Line) -> None:
    await line.bus.unit(1).read_input(1, 1)
    silent = line.bus.unit(9)
    for _ in range(3):
        with pytest.raises(NoReply):
            await silent.read_input(1, 1)
    with pytest.raises(Ambiguous):
        await silent.write_register(1, 1)
    assert [frame.unit for frame in line.server.requests(write=True)].count(9) == 1


async def test_a_unit_alone_is_never_in_quarantine() -> None:
    server = ModbusServer({})
    bus = ModbusBus(server.open_terminal(SerialLine(115200)), timeout=0.05, quarantine=RULE)
    for _ in range(6):
        with pytest.raises(NoReply, match="no answer in"):
            await bus.unit(9).read_input(1, 1)
    assert len(server.requests()) == 6
    server.add_device(9, _Registers(9))
    assert await bus.unit(9).read_input(1, 1) == (9,)
    await bus.close()
    await server.close()


def test_health_counts_failures_in_a_row() -> None:
    now = [0.0]
    health = UnitHealth("unit 1", QuarantineRule(failures=2), clock=lambda: now[0])
    health.failed()
    assert not health.quarantined
    assert health.next_probe == 0.0
    health.failed()
    assert health.quarantined
    assert health.next_probe >= 0.5
    health.link_restored()
    assert health.quarantined
    assert health.next_probe == 0.0
    health.answered()
    assert (health.quarantined, health.failures, health.answering) == (False, 0, True)


def test_a_unit_that_shows_life_is_not_silent() -> None:
    now = [0.0]
    rule = QuarantineRule(failures=2, useless=4, first=1.0, cap=30.0)
    health = UnitHealth("unit 1", rule, clock=lambda: now[0])
    for _ in range(3):  # an answer that comes after its time-out
        health.failed()
        health.heard()
        assert not health.quarantined
        assert health.next_probe == 0.0
    for _ in range(5):  # useless, but alive: asked at the first interval, never less often
        health.failed()
        health.heard()
        assert health.trouble == f"late or garbled in {health.failures} answers"
        assert 0.7 < health.next_probe <= 1.3
        now[0] += health.next_probe
    for _ in range(5):  # the same with garbled ones, which are heard before they count
        health.heard()
        health.failed()
        assert 0.7 < health.next_probe <= 1.3
        now[0] += health.next_probe
    waits: list[float] = []
    for _ in range(4):
        health.failed()
        waits.append(health.next_probe)
        now[0] += health.next_probe
    assert health.trouble == "silent for 5 requests"
    assert waits[-1] > 2 * waits[0]
    health.answered()
    assert not health.quarantined


@pytest.fixture(params=["tcp", "rtu+tcp", "pty"])
async def patient_line(request: pytest.FixtureRequest) -> AsyncIterator[_Line]:
    """A line that is kept silent until a late answer has come, however long."""
    async with _two_units(request.param, timeout=0.5, settle=10.0) as one:
        yield one


async def test_late_answers_cost_one_reading_each_and_no_neighbour(patient_line: _Line) -> None:
    bus, server = patient_line.bus, patient_line.server
    first, late = bus.unit(1), bus.unit(2)
    for _ in range(RULE.failures + 2):
        await server.set_fault(parse_fault("late=0.6:1"))
        with pytest.raises(NoReply, match=r"no answer in 0\.5 s"):
            await late.read_input(1, 2)
        # over Modbus TCP the late answer comes meanwhile
        await until(lambda: not _unanswered(server, 2))
        assert await first.read_input(1, 2) == (1, 1)
    assert await late.read_input(1, 2) == (2, 2)
    assert late.exchanges == RULE.failures + 3
    assert first.exchanges == RULE.failures + 2
    assert bus.link.reconnects == 0


def _unanswered(server: ModbusServer, unit: int) -> bool:
    frames = [one for one in server.log if one.frame.unit == unit]
    return sum(frame.sent for frame in frames) < sum(not frame.sent for frame in frames)


async def test_garbled_answers_are_no_silence_but_not_asked_for_without_end() -> None:
    server = ModbusServer({number: _Registers(number) for number in (1, 2)})
    rule = QuarantineRule(failures=2, useless=5, first=600.0, cap=3600.0)
    bus = ModbusBus(
        server.open_terminal(SerialLine(115200)), timeout=5.0, settle=0.01, quarantine=rule
    )
    await bus.unit(1).read_input(1, 1)
    await server.set_fault(parse_fault("bad-crc"))
    for _ in range(rule.useless):
        with pytest.raises(BadReply, match="wrong CRC"):
            await bus.unit(2).read_input(1, 1)
    with pytest.raises(NoReply, match=r"late or garbled in 5 answers.*next probe in"):
        await bus.unit(2).read_input(1, 1)
    await bus.close()
    await server.close()
