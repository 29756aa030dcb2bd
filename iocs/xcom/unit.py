"""One device behind the gateway, or all of a family, as the target of puts."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.xcom.addresses import Family
from drivers.xcom.datapoints import datapoint
from drivers.xcom.discovery import DeviceId
from drivers.xcom.protocol import Format
from drivers.xcom.readings import Point

from .names import BATTERY_LEVEL, GATEWAY_LEVEL, GROUP_LEVELS, LEVELS
from .plant import Plant


@dataclass(frozen=True, slots=True)
class Unit:
    """A device (or the group address of a family) and the plant that it is in."""

    plant: Plant
    device: DeviceId

    @property
    def level(self) -> str:
        """Its level in PV names, such as ``XT1:``."""
        family = self.device.family
        if self.device.address in GROUP_LEVELS:
            return GROUP_LEVELS[self.device.address]
        if family is Family.BATTERY:
            return BATTERY_LEVEL
        if family is Family.GATEWAY:
            return GATEWAY_LEVEL
        return f"{LEVELS[family]}{self.device.index}:"

    async def write(self, number: int, value: float) -> None:
        point = datapoint(number)
        exact = value if point.format is Format.FLOAT else int(value)
        await self.plant.write(Point(self.device.address, point), exact)

    async def signal(self, number: int) -> None:
        """Set off a signal."""
        await self.plant.gateway.signal(Point(self.device.address, datapoint(number)))
