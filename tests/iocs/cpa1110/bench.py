"""A compressor, its IOC and a client of it, for puts; and panels that do not simply obey."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from drivers.cpa1110.simulator import CompressorSimulator
from drivers.cpa1110.simulator.model import CompressorModel
from drivers.cpa1110.words import OperatingState
from tests.iocs.cpa1110.expected import text
from tests.iocs.cpa1110.rig import PREFIX, eventually, ioc, simulator
from tests.support.ca import CaSpace
from tests.support.libca import Libca
from tests.support.process import PythonProcess

START, STOP = f"{PREFIX}Start", f"{PREFIX}Stop"
START_FRAME = bytes.fromhex("06 0001 0001")
STOP_FRAME = bytes.fromhex("06 0001 00FF")
ALARM_BIT = 1 << 15
LONG_CONFIRMATION = ("--confirm-timeout", "60")
SHORT_CONFIRMATION = ("--confirm-timeout", "0.5")


class TripsOnStart(CompressorModel):
    """A panel that echoes a start, and whose motor trips at once."""

    def start(self) -> None:
        self.raise_alarm(ALARM_BIT)
        self.force_state(OperatingState.ERROR)


class DeafToStart(CompressorModel):
    """A panel that echoes a start and does nothing (the key switch is off)."""

    def start(self) -> None:
        return


class Sluggish(CompressorModel):
    """A panel whose state follows a start or stop only when `obey` is called."""

    wanted: OperatingState | None = None

    def start(self) -> None:
        self.wanted = OperatingState.STARTING

    def stop(self) -> None:
        self.wanted = OperatingState.STOPPING

    def obey(self) -> None:
        assert self.wanted is not None
        self.force_state(self.wanted)


@dataclass(frozen=True, slots=True)
class Bench:
    """A compressor, its IOC and a client of it."""

    panel: CompressorSimulator
    ioc: PythonProcess
    ca: Libca

    @property
    def written(self) -> list[bytes]:
        """Every frame that asked the panel to change something."""
        return [frame.pdu for frame in self.panel.requests(write=True)]

    @property
    def model(self) -> CompressorModel:
        return self.panel.model

    async def good(self) -> None:
        """Wait until the IOC has read the panel."""
        await eventually(self._connected)

    async def _connected(self) -> bool:
        return (await self.ca.get(f"{PREFIX}Connected")).value == 1

    async def last_error(self) -> str:
        return text((await self.ca.get(f"{PREFIX}LastError")).value)

    async def state(self) -> int:
        return (await self.ca.get(f"{PREFIX}OperatingStateRaw")).value

    async def is_in(self, state: int) -> bool:
        """Whether the IOC shows this state."""
        return await self.state() == state


@asynccontextmanager
async def bench(
    space: CaSpace,
    model: CompressorModel | None = None,
    *flags: str,
    speed: float = 0.0,
) -> AsyncIterator[Bench]:
    async with (
        simulator(model, speed=speed) as (panel, link),
        ioc(space, link, *flags) as process,
        Libca(space) as ca,
    ):
        one = Bench(panel, process, ca)
        await one.good()
        yield one
