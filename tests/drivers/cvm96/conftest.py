"""Simulated meters on each kind of link, and a driver connected to them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from drivers.cvm96.device import Meter, MeterBus
from drivers.cvm96.settings import Cvm96Settings, MeterSettings
from drivers.cvm96.simulator import BusSimulator, make_bus

LINKS = {"tcp": "tcp://127.0.0.1:0", "rtu+tcp": "rtu+tcp://127.0.0.1:0", "pty": "pty"}
TIMEOUT = 0.3


@dataclass(frozen=True)
class Rig:
    """Simulated meters, their driver, and the name of the link between them."""

    simulator: BusSimulator
    bus: MeterBus
    link: str

    @property
    def meter(self) -> Meter:
        """The first meter."""
        return self.bus.meters[0]

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """What was asked for: start and count of each request."""
        words = [frame.pdu[1:] for frame in self.simulator.requests()]
        return [(int.from_bytes(w[:2], "big"), int.from_bytes(w[2:], "big")) for w in words]

    async def close(self) -> None:
        await self.bus.close()
        await self.simulator.close()


def names(count: int, first: int = 1) -> tuple[MeterSettings, ...]:
    """Settings of meters A, B, C ... at addresses one after the other."""
    return tuple(MeterSettings(chr(ord("A") + n), first + n) for n in range(count))


async def make_rig(link: str, simulator: BusSimulator | None = None, **settings: Any) -> Rig:
    """Connect a driver to a simulator (one meter unless given) by a kind of link."""
    simulator = simulator or make_bus()
    url = await simulator.listen(LINKS[link])
    return Rig(simulator, MeterBus(Cvm96Settings(url, **{"timeout": TIMEOUT, **settings})), link)


@pytest.fixture(params=list(LINKS))
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """One meter on every kind of link."""
    rig = await make_rig(request.param)
    yield rig
    await rig.close()


@pytest.fixture
async def tcp_rig() -> AsyncIterator[Rig]:
    """One meter on TCP."""
    rig = await make_rig("tcp")
    yield rig
    await rig.close()
