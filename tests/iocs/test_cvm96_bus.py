"""Eight meters on a paced line in one IOC, with the settings that it has by default."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from drivers.core.url import SerialLine
from drivers.cvm96.device import MeterBus
from drivers.cvm96.settings import Cvm96Settings, MeterSettings
from drivers.cvm96.simulator import BusSimulator, make_bus
from iocs.cvm96 import MeterBusIOC
from tests.support.wire.until import until

METERS = range(1, 9)
DEAD = (3, 5, 8)
LIVING = tuple(address for address in METERS if address not in DEAD)
FIRST_BLOCK = bytes.fromhex("04 0000 0028")


def _scans(simulator: BusSimulator) -> Counter[int]:
    """How often each meter was asked for its first block."""
    requests = simulator.requests()
    return Counter(frame.unit for frame in requests if frame.pdu == FIRST_BLOCK)


async def _rates(simulator: BusSimulator, seconds: float) -> dict[int, float]:
    before = _scans(simulator)
    await asyncio.sleep(seconds)
    after = _scans(simulator)
    return {address: (after[address] - before[address]) / seconds for address in METERS}


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_the_living_keep_their_rate_beside_three_dead() -> None:
    simulator = make_bus(8, line=SerialLine(38400), think=0.02)
    url = await simulator.listen("pty")
    meters = tuple(MeterSettings(f"M{address}", address) for address in METERS)
    ioc = MeterBusIOC("T:", MeterBus(Cvm96Settings(url, meters=meters)))
    ioc.start()
    try:
        alone = await _rates(simulator, 30.0)
        assert min(alone.values()) > 0.8
        for address in DEAD:
            simulator.kill(address)
        parts = {part.target.unit.address: part for part in ioc.parts}
        await until(lambda: all(not parts[a].pvdb[_connected(a)].value for a in DEAD))
        await asyncio.sleep(15.0)
        beside = await _rates(simulator, 60.0)
        for address in LIVING:
            assert beside[address] >= 0.9 * alone[address], (alone, beside)
            assert parts[address].pvdb[_connected(address)].value
        # a handful of probes in a minute, where it would have been a scan a second
        assert sum(beside[address] for address in DEAD) * 60 <= 3 * 4
    finally:
        await ioc.stop()
        await simulator.close()


def _connected(address: int) -> str:
    return f"T:M{address}:Connected"
