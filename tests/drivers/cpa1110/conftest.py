"""A simulated panel on each kind of link, and a driver connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from drivers.cpa1110.device import Compressor
from drivers.cpa1110.settings import CompressorSettings
from drivers.cpa1110.simulator import CompressorSimulator
from drivers.cpa1110.simulator.model import CompressorModel

LINKS = {"tcp": "tcp://127.0.0.1:0", "rtu+tcp": "rtu+tcp://127.0.0.1:0", "pty": "pty"}
TIMEOUT = 0.3
CONFIRM = 1.0


@dataclass(frozen=True)
class Rig:
    """A simulator, its driver, and the name of the link between them."""

    simulator: CompressorSimulator
    compressor: Compressor
    link: str

    @property
    def writes(self) -> int:
        """Writes that reached the simulator."""
        return len(self.simulator.requests(write=True))

    @property
    def reads(self) -> int:
        """Reads that reached the simulator."""
        return len(self.simulator.requests(write=False))

    @property
    def model(self) -> CompressorModel:
        return self.simulator.model


async def make_rig(link: str, simulator: CompressorSimulator) -> Rig:
    url = await simulator.listen(LINKS[link])
    settings = CompressorSettings(url, timeout=TIMEOUT, confirm_timeout=CONFIRM)
    return Rig(simulator, Compressor(settings), link)


@pytest.fixture(params=list(LINKS))
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """A rig on every kind of link; the simulated time runs 10 times faster."""
    rig = await make_rig(request.param, CompressorSimulator(speed=10.0))
    yield rig
    await rig.compressor.close()
    await rig.simulator.close()


@pytest.fixture
async def tcp_rig() -> AsyncIterator[Rig]:
    """A rig on TCP."""
    rig = await make_rig("tcp", CompressorSimulator(speed=10.0))
    yield rig
    await rig.compressor.close()
    await rig.simulator.close()
