"""A Studer IOC in a process of its own, on a simulated site in this one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from drivers.xcom.simulator import XcomSimulator
from drivers.xcom.simulator.behaviour import Behaviour
from tests.drivers.xcom.simulator_rig import simulator
from tests.iocs.cpa1110.client import Client
from tests.support.ca import CaSpace
from tests.support.process import PythonProcess
from tests.support.wire.until import until

PREFIX = "T:PWR:"
NO_ALARM, MINOR, MAJOR, INVALID = range(4)
TOLD = ("xtenders=2", "variotracks=1", "variostrings=1", 'battery_monitor="bsp"')
"""The devices of the simulated site, as --set takes them."""


@asynccontextmanager
async def ioc(
    space: CaSpace, link: str, *settings: str, told: bool = True, period: float = 1.0
) -> AsyncIterator[tuple[PythonProcess, int]]:
    """`python -m iocs.xcom`, serving on a port; ended by SIGTERM, which must give 0."""
    given = (*(TOLD if told else ()), f"fast_period={period}", *settings)
    arguments = ("--link", link, "--prefix", PREFIX, "--no-autosave")
    flags = [f"--set={setting}" for setting in given]
    async with PythonProcess("iocs.xcom", *arguments, *flags, env=space.env) as process:
        match = await process.line(r"labioc: .* TCP port (\d+)")
        yield process, int(match[1])
        if process.returncode is None:
            assert await process.stop() == 0, process.output


@dataclass
class Plant:
    """A simulated site, an IOC on it, and a client of the IOC."""

    simulator: XcomSimulator
    process: PythonProcess
    client: Client

    async def watch(self, *names: str) -> None:
        """Monitor PVs and wait until all have been read."""
        await self.client.subscribe(*(PREFIX + name for name in names))
        await until(lambda: all(self.newest(name)[1] != INVALID for name in names))

    def newest(self, name: str) -> tuple[object, int]:
        """Value and severity of the last update."""
        update = self.client.updates[PREFIX + name][-1]
        return update.value, update.severity

    async def shows(self, name: str, value: object, severity: int = NO_ALARM) -> None:
        """Wait until a PV has a value and a severity."""
        await until(lambda: self.newest(name) == (value, severity))

    async def put(self, name: str, value: object) -> None:
        """Put with callback; raises `PutError`."""
        await self.client.put(PREFIX + name, value)

    @property
    def writes(self) -> int:
        """Writes that the gateway received."""
        return self.simulator.site.gateway.writes


@asynccontextmanager
async def plant(
    space: CaSpace,
    *settings: str,
    told: bool = True,
    period: float = 1.0,
    speed: float = 0.0,
    missing: Sequence[tuple[str, int]] = (),
) -> AsyncIterator[Plant]:
    """All three, over TCP; the site's time stands still unless `speed` says otherwise.

    `missing`: parameters that its devices do not have, each with the name of the device.
    """
    async with simulator(Behaviour(latency=0.0, patience=0.05), speed=speed) as one:
        for device, number in missing:
            del one.site.named[device].parameters[number]
        link = await one.listen("tcp://127.0.0.1:0")
        async with (
            ioc(space, link, *settings, told=told, period=period) as (process, port),
            Client(port) as client,
        ):
            yield Plant(one, process, client)
