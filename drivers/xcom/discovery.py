"""Which devices a gateway has: told by the configuration, or found out by asking.

Source: xcom-protocol.md 14. The devices of a family have addresses without gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain

from ..core.errors import NoReply, Refused
from .addresses import GATEWAY, Family, range_of
from .conversation import NoDevice
from .datapoint import Datapoint, Monitor, info
from .datapoints import datapoint
from .readings import Point
from .settings import BatteryMonitor, XcomSettings
from .singles import NOT_THERE, Singles

GATEWAY_CLOCK = datapoint(5002)
"""What every gateway can tell: its clock."""

_PROBES = (
    (Family.XTENDER, datapoint(3000)),
    (Family.VARIOTRACK, datapoint(11000)),
    (Family.VARIOSTRING, datapoint(15000)),
)
_BMS_PROBE = info(
    7054, "BMS_ID_TYPE", "model id of the BMS", monitors=Monitor.BMS
)  # fmt: skip
_BSP_PROBE = datapoint(7034)


@dataclass(frozen=True, slots=True)
class DeviceId:
    """A device behind a gateway: its family and address, and of the battery, what watches it."""

    family: Family
    address: int
    monitor: Monitor = Monitor.NONE

    @property
    def index(self) -> int:
        """Which device of its family it is, from 1."""
        return range_of(self.family).index(self.address)


@dataclass(frozen=True, slots=True)
class Site:
    """The devices behind a gateway, in the order of their addresses in each family."""

    devices: tuple[DeviceId, ...]

    def of(self, family: Family) -> tuple[DeviceId, ...]:
        return tuple(device for device in self.devices if device.family is family)

    @property
    def battery(self) -> DeviceId | None:
        """What watches the battery, if anything does."""
        return next(iter(self.of(Family.BATTERY)), None)


def configured_site(settings: XcomSettings) -> Site | None:
    """The site if the configuration tells all of it, so that nothing need be asked."""
    counts = [settings.count_of(family) for family, _ in _PROBES]
    if settings.battery_monitor is BatteryMonitor.AUTO or None in counts:
        return None
    return Site(told_devices(settings))


def told_devices(settings: XcomSettings) -> tuple[DeviceId, ...]:
    """The devices that the configuration tells."""
    counted = (_first(family, settings.count_of(family) or 0) for family, _ in _PROBES)
    return (*chain.from_iterable(counted), *_told_battery(settings))


async def find_site(singles: Singles) -> Site:
    """Ask for all devices that the configuration does not tell.

    A device that the gateway knows, but that does not answer, is one. Raises `LinkDown`, `NoReply`,
    `BadReply` or `Refused`.
    """
    settings = singles.conversation.settings
    clock = await singles.read_one(Point(GATEWAY, GATEWAY_CLOCK))
    singles.conversation.clock.note(int(clock))
    devices: list[DeviceId] = []
    for family, probe in _PROBES:
        count = settings.count_of(family)
        if count is None:
            count = await _count(singles, family, probe)
        devices += _first(family, count)
    if settings.battery_monitor is not BatteryMonitor.AUTO:
        return Site((*devices, *_told_battery(settings)))
    return Site((*devices, *await _find_battery(singles)))


async def _count(singles: Singles, family: Family, probe: Datapoint) -> int:
    addresses = range_of(family).addresses
    mute = False
    for found, address in enumerate(addresses):
        presence = await _presence(singles, Point(address, probe))
        if presence is _Presence.ABSENT or (mute and presence is _Presence.MUTE):
            return found
        mute = presence is _Presence.MUTE
    return len(addresses)


async def _find_battery(singles: Singles) -> tuple[DeviceId, ...]:
    """A BMS has what a BSP has not; there is one of them at most."""
    address = range_of(Family.BATTERY).address(1)
    for monitor, probe in ((Monitor.BMS, _BMS_PROBE), (Monitor.BSP, _BSP_PROBE)):
        if await _presence(singles, Point(address, probe)) is not _Presence.ABSENT:
            return (DeviceId(Family.BATTERY, address, monitor),)
    return ()


class _Presence(Enum):
    """What a probe tells of a device."""

    THERE = auto()
    MUTE = auto()
    ABSENT = auto()


async def _presence(singles: Singles, point: Point) -> _Presence:
    """Whether a device answers, is known to the gateway at least, or is not there.

    Of a device that is not there the gateway says so; silence is another thing.
    """
    try:
        await singles.read_one(point, urgent=True)
    except Refused as error:
        if error.code in NOT_THERE:
            return _Presence.ABSENT
        raise
    except NoDevice:
        return _Presence.ABSENT
    except NoReply:
        if singles.conversation.answering:
            return _Presence.THERE
        await singles.read_one(Point(GATEWAY, GATEWAY_CLOCK), urgent=True)
        return _Presence.MUTE
    return _Presence.THERE


def _first(family: Family, count: int) -> tuple[DeviceId, ...]:
    addresses = range_of(family).addresses[:count]
    return tuple(DeviceId(family, address) for address in addresses)


def _told_battery(settings: XcomSettings) -> tuple[DeviceId, ...]:
    monitors = {BatteryMonitor.BSP: Monitor.BSP, BatteryMonitor.BMS: Monitor.BMS}
    monitor = monitors.get(settings.battery_monitor)
    if monitor is None:
        return ()
    return (DeviceId(Family.BATTERY, range_of(Family.BATTERY).address(1), monitor),)
