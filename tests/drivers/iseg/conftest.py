"""Simulated modules on a line, and a crate connected to them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from drivers.core.backoff import Backoff
from drivers.core.can import CanBus
from drivers.core.simulation.can_line import LineRecord
from drivers.iseg.device import Crate
from drivers.iseg.module import Module
from drivers.iseg.protocol import LOG_ON, data_identifier
from drivers.iseg.settings import CrateSettings, ModuleSettings
from drivers.iseg.simulator import make_models
from drivers.iseg.simulator.crate import CrateSimulator
from drivers.iseg.simulator.model import ModuleModel

TIMEOUT = 5.0
"""For answers that come: the longest that can be set, so that nothing ends by it."""

SOON = 0.05
"""For answers that do not come."""

CONFIRM = 0.4
_numbers = itertools.count()


@dataclass(frozen=True)
class Rig:
    """A simulator and a crate."""

    simulator: CrateSimulator
    crate: Crate

    @property
    def module(self) -> Module:
        """The first module."""
        return self.crate.modules[0]

    def give_up_after(self, seconds: float) -> None:
        """Set the time-out of requests from now on."""
        for module in self.crate.modules:
            module.talk.settings = replace(module.talk.settings, timeout=seconds)

    def model(self, number: int = 0) -> ModuleModel:
        """A module of the simulator."""
        return self.simulator.modules[number].model

    @property
    def sent(self) -> list[LineRecord]:
        """What the crate sent."""
        names = ("slcan", "socketcand", "virtual")
        return [record for record in self.simulator.can.log if record.sender in names]

    @property
    def writes(self) -> list[LineRecord]:
        """What the crate wrote: everything but requests and log-ons."""
        return [
            record
            for record in self.sent
            if not record.frame.identifier & 1 and record.frame.data[0] != LOG_ON
        ]

    def written(self, address: int = 0) -> list[str]:
        """The bytes written to one module."""
        identifier = data_identifier(address)
        return [
            record.frame.data.hex(" ").upper()
            for record in self.writes
            if record.frame.identifier == identifier
        ]


@asynccontextmanager
async def connected(
    models: list[ModuleModel],
    *modules: ModuleSettings,
    link: str = "",
    speed: float = 0.0,
    announce_every: float = 3.0,
    forget_after: float = 60.0,
    keep_alive: float = 15.0,
) -> AsyncIterator[Rig]:
    """A crate on simulated modules; their time stands still unless `speed` says otherwise."""
    simulator = CrateSimulator(
        models,
        latency=0.0,
        speed=speed,
        announce_every=announce_every,
        forget_after=forget_after,
    )
    url = await simulator.listen(link or f"can://virtual/iseg-{next(_numbers)}")
    wanted = modules or tuple(
        ModuleSettings(f"M{n:02d}", model.address, len(model.channels))
        for n, model in enumerate(models)
    )
    settings = CrateSettings(
        url, wanted, timeout=TIMEOUT, confirm_timeout=CONFIRM, keep_alive=keep_alive
    )
    crate = Crate(settings, CanBus(settings.url, backoff=Backoff(0.01, 0.05)))
    try:
        yield Rig(simulator, crate)
    finally:
        await crate.close()
        await crate.bus.close()
        await simulator.close()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """Two modules of 8 channels, read once."""
    async with connected(make_models(2, 8)) as one:
        for module in one.crate.modules:
            await module.read_fast()
            await module.read_settings()
            await module.read_parameters()
        yield one
