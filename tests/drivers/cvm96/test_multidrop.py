"""Eight meters on one line, three of them dead: the others keep their rate."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from drivers.core.errors import DriverError, NoReply
from drivers.core.simulation.faults import parse_fault
from drivers.core.url import SerialLine
from drivers.cvm96.device import Meter
from drivers.cvm96.simulator import make_bus
from tests.drivers.cvm96.conftest import Rig, make_rig, names
from tests.support.wire.until import recovered, until

DEAD = (3, 5, 8)


async def _scan(rig: Rig, period: float, seconds: float) -> tuple[Counter[int], Counter[int]]:
    """Read every meter at a fixed rate; good and failed readings by address."""
    good: Counter[int] = Counter()
    failed: Counter[int] = Counter()

    async def one(meter: Meter) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        end = due + seconds
        while loop.time() < end:
            try:
                await meter.read_instantaneous()
                good[meter.unit.address] += 1
            except DriverError:
                failed[meter.unit.address] += 1
            due += period
            while due < loop.time():
                due += period
            await asyncio.sleep(due - loop.time())

    await asyncio.gather(*(one(meter) for meter in rig.bus.meters))
    return good, failed


def _requests(rig: Rig) -> Counter[int]:
    """How often each address was asked."""
    return Counter(frame.unit for frame in rig.simulator.requests())


async def _share_of_rate(link: str, timeout: float, period: float, seconds: float) -> float:
    """The rate of the living meters beside dead ones, as a share of that with all alive."""
    line = SerialLine(115200)
    rig = await make_rig(link, make_bus(8, line=line), meters=names(8), timeout=timeout)
    alone, _ = await _scan(rig, period, seconds / 2)
    for address in DEAD:
        rig.simulator.kill(address)
    before = _requests(rig)
    beside, failed = await _scan(rig, period, seconds)
    living = [address for address in range(1, 9) if address not in DEAD]
    for address in DEAD:
        # three time-outs to be sure, then one at each back-off time (1 s, 2 s, 4 s ...)
        assert 3 <= _requests(rig)[address] - before[address] <= 7
        assert failed[address] > 1.6 * alone[address]
    await rig.close()
    return min(beside[address] / alone[address] / 2 for address in living)


@pytest.mark.slow  # counts what is read in a given time: nothing else may run meanwhile
@pytest.mark.parametrize("link", ["pty", "rtu+tcp", "tcp"])
async def test_the_living_keep_nine_tenths_of_their_rate(link: str) -> None:
    assert await _share_of_rate(link, timeout=0.15, period=1.0, seconds=10.0) >= 0.9


async def test_a_dead_meter_is_asked_once_per_back_off_and_found_again() -> None:
    rig = await make_rig("pty", make_bus(2), meters=names(2), timeout=0.05)
    first, second = rig.bus.meters
    await second.read_energies()
    rig.simulator.kill(2)
    for _ in range(3):
        with pytest.raises(NoReply, match="no answer in"):
            await second.read_energies()
    asked = second.exchanges
    for _ in range(20):
        with pytest.raises(NoReply, match=r"silent for 3 requests.*next probe in"):
            await second.read_energies()
    assert second.exchanges == asked
    await first.read_energies()
    assert (rig.bus.connected, second.connected) == (True, False)
    rig.simulator.revive(2)
    await recovered(second.read_energies)
    await until(lambda: second.connected)
    await rig.close()


async def test_two_answers_that_never_come_are_no_silence_yet() -> None:
    rig = await make_rig("pty", make_bus(2), meters=names(2), timeout=0.2)
    first, second = rig.bus.meters
    await second.read_energies()
    await rig.simulator.set_fault(parse_fault("silent:2"))
    for _ in range(2):
        with pytest.raises(NoReply, match="no answer in"):
            await second.read_energies()
    await first.read_energies()
    asked = second.exchanges
    await recovered(second.read_energies)
    assert second.exchanges - asked == 2  # one reading, at once
    await rig.close()


async def test_a_bus_without_a_living_meter_is_disconnected() -> None:
    rig = await make_rig("pty", make_bus(2), meters=names(2), timeout=0.05)
    for meter in rig.bus.meters:
        rig.simulator.kill(meter.unit.address)
        with pytest.raises(NoReply):
            await meter.read_energies()
    assert not rig.bus.connected
    await rig.close()
