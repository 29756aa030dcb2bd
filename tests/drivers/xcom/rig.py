"""A driver connected to a simulated site."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from drivers.xcom.datapoints import datapoint, datapoints_of
from drivers.xcom.device import Gateway
from drivers.xcom.discovery import Site
from drivers.xcom.protocol import ObjectType
from drivers.xcom.readings import Point
from drivers.xcom.settings import XcomSettings
from drivers.xcom.simulator import XcomSimulator
from drivers.xcom.simulator.behaviour import Behaviour
from drivers.xcom.simulator.device import Condition, SimulatedDevice
from drivers.xcom.simulator.site import BatteryMonitor
from tests.drivers.xcom.simulator_rig import NOON, Clock, simulator

TIMEOUT = 2.0
"""That of real gateways; nothing waits for it unless something is silent."""


@dataclass
class Rig:
    """A simulated site and the driver of its gateway."""

    simulator: XcomSimulator
    gateway: Gateway

    def device(self, name: str) -> SimulatedDevice:
        """A device of the site by its name, such as XT1."""
        return self.simulator.site.named[name]

    def put(self, name: str, condition: Condition) -> None:
        """Let a device answer, or not."""
        self.device(name).condition = condition

    async def points(self) -> list[Point]:
        """The live values of all devices."""
        return live_points(await self.gateway.find_devices())


def live_points(site: Site) -> list[Point]:
    """The live values of all devices of a site."""
    return [
        Point(device.address, one)
        for device in site.devices
        for one in datapoints_of(device.family)
        if one.object_type is ObjectType.INFO
        if not one.monitors or one.monitors & device.monitor
    ]


def at(address: int, *numbers: int) -> list[Point]:
    """Some datapoints of one device."""
    return [Point(address, datapoint(number)) for number in numbers]


@asynccontextmanager
async def rig(
    behaviour: Behaviour | None = None,
    *,
    link: str = "tcp://127.0.0.1:0",
    timeout: float = TIMEOUT,
    monitor: BatteryMonitor = BatteryMonitor.BSP,
    start: float = NOON,
    speed: float = 0.0,
    clock: Clock | None = None,
    strip: bool = False,
    **settings: Any,
) -> AsyncIterator[Rig]:
    """A site on some kind of link, and its driver.

    The Moxa cuts 0D 0A out of replies with `strip` only: chance puts it into a checksum, and what
    is read again would spoil counts of exchanges.
    """
    site = simulator(behaviour, monitor=monitor, start=start, speed=speed, clock=clock, strip=strip)
    async with site as one:
        url = await one.listen(link)
        gateway = Gateway(XcomSettings(url, **settings), timeout=timeout)
        try:
            yield Rig(one, gateway)
        finally:
            await gateway.close()
