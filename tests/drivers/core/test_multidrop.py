"""Several units on one line: a silent one must not cost its neighbours their rate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from drivers.core.errors import Ambiguous, DriverError, NoReply
from drivers.core.modbus import ModbusBus
from drivers.core.quarantine import QuarantineRule, UnitHealth
from drivers.core.simulation.modbus_device import ModbusDevice
from drivers.core.simulation.modbus_server import ModbusServer
from drivers.core.url import SerialLine, TcpUrl

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

    async def poll(self, number: int, seconds: float) -> tuple[int, int]:
        """Read one unit as fast as it goes; returns good and failed readings."""
        good = failed = 0
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            try:
                assert await self.bus.unit(number).read_input(1, 2) == (number, number)
                good += 1
            except DriverError:
                failed += 1
                await asyncio.sleep(0.01)
        return good, failed


@pytest.fixture(params=["tcp", "rtu+tcp", "pty"])
async def line(request: pytest.FixtureRequest) -> AsyncIterator[_Line]:
    devices: dict[int, ModbusDevice] = {number: _Registers(number) for number in (1, 2)}
    server = ModbusServer(devices)
    if request.param == "pty":
        url = server.open_terminal(SerialLine(115200))
    else:
        url = await server.listen(TcpUrl("127.0.0.1", 0, rtu=request.param == "rtu+tcp"))
    bus = ModbusBus(url, timeout=0.2, settle=0.05, quarantine=RULE)
    yield _Line(server, bus, devices)
    await bus.close()
    await server.close()


async def test_units_answer_for_themselves(line: _Line) -> None:
    for number in (1, 2, 1):
        assert await line.bus.unit(number).read_input(1, 2) == (number, number)


async def test_a_silent_unit_is_probed_rarely_and_fails_at_once_in_between(line: _Line) -> None:
    await line.bus.unit(1).read_input(1, 1)
    silent = line.bus.unit(9)
    (good, failed), (others, lost) = await asyncio.gather(line.poll(9, 2.0), line.poll(1, 2.0))
    assert good == 0
    asked = len(line.server.requests(unit=9))
    # three to be sure, then only at the back-off times
    assert 4 <= asked <= 8
    assert failed > 5 * asked
    assert silent.exchanges == asked
    assert others > 20 * asked
    assert lost <= 1


async def test_neighbours_keep_their_rate(line: _Line) -> None:
    await line.poll(1, 0.1)
    with pytest.raises(NoReply):
        await line.bus.unit(9).read_input(1, 1)
    for _ in range(2):
        with pytest.raises(NoReply, match="no answer"):
            await line.bus.unit(9).read_input(1, 1)
    before = len(line.server.requests(unit=9))
    (_, _), (beside, _) = await asyncio.gather(line.poll(9, 1.4), line.poll(1, 1.4))
    probes = len(line.server.requests(unit=9)) - before
    # a probe takes 50 ms and 50 ms of silence: at most every 300 ms it leaves most of the line
    assert 1 <= probes <= 5
    assert beside > 5 * probes


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
    good, _ = await line.poll(3, 1.5)
    assert good > 1
    assert late.connected


async def test_a_command_to_a_silent_unit_is_tried(line: _Line) -> None:
    await line.bus.unit(1).read_input(1, 1)
    silent = line.bus.unit(9)
    for _ in range(3):
        with pytest.raises(NoReply):
            await silent.read_input(1, 1)
    with pytest.raises(Ambiguous):
        await silent.write_register(1, 1)
    assert len(line.server.requests(unit=9, write=True)) == 1


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
