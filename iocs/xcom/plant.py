"""What the IOC reads of a site, and when: live values often, settings in turn, identity once.

Which values there are follows from the devices; those come from the configuration or are found out,
also later on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

from drivers.core.errors import Ambiguous, DriverError, LinkDown
from drivers.xcom.addresses import GATEWAY, GROUPS, Family, family_of_address
from drivers.xcom.datapoint import Datapoint
from drivers.xcom.datapoints import datapoint, datapoints_of
from drivers.xcom.device import Gateway
from drivers.xcom.discovery import DeviceId, configured_site, told_devices
from drivers.xcom.identity import Identity
from drivers.xcom.protocol import ObjectType, Value
from drivers.xcom.readings import InfoReading, Limits, Point
from drivers.xcom.settings import XcomSettings

from .alarms import MessageAlarm
from .choose import FAST_NUMBERS, SLOW_NUMBERS
from .readings import FastReading, ParameterState, SettingsReading, SlowReading

ROUND = 6
"""Reads of the settings until every parameter has been read again."""

LIMITS_AT_ONCE = 6
"""Parameters whose limits are asked for in one read of the settings."""

_STORES = {Family.XTENDER: 1550, Family.VARIOTRACK: 10058, Family.VARIOSTRING: 14069}
"""The switches without which writes to flash stay in RAM (xcom-protocol.md 9.2)."""

GATEWAY_ID = DeviceId(Family.GATEWAY, GATEWAY)
_CLOCK = Point(GATEWAY, datapoint(5002))


class Plant:
    """A site as the IOC reads it. Making it touches nothing; closing it writes nothing.

    `doubted` are told at once of the parameters that nobody knows since a write was ambiguous.
    """

    def __init__(self, settings: XcomSettings) -> None:
        self.settings = settings
        self.gateway = Gateway(settings)
        self.devices = told_devices(settings)
        self.alarm = MessageAlarm()
        self.doubted: list[Callable[[Sequence[Point]], None]] = []
        self._complete = configured_site(settings) is not None
        self._found = self._complete
        self._identities: dict[int, Identity] = {}
        self._guid: UUID | None = None
        self._identified_on = -1
        self._values: dict[tuple[int, int], Value | None] = {}
        self._values_on = -1
        self._limits: dict[tuple[int, int], Limits] = {}
        self._limits_on = -1
        self._changed: list[Point] = []
        self._turn = 0

    # -- the members of every device

    @property
    def link(self) -> str:
        """The address of the link, as a URL."""
        return self.gateway.link

    @property
    def connected(self) -> bool:
        """True while the gateway answered its last request."""
        return self.gateway.connected

    @property
    def reconnects(self) -> int:
        """How often the link was opened again after the first time."""
        return self.gateway.reconnects

    @property
    def exchanges(self) -> int:
        """How many requests went out."""
        return self.gateway.exchanges

    @property
    def last_error(self) -> str:
        """The text of the most recent error, empty if there never was one."""
        return self.gateway.last_error

    async def close(self) -> None:
        await self.gateway.close()

    # -- reading

    async def read_fast(self) -> FastReading:
        """Live values by multi-info, and messages if the gateway has new ones."""
        if not self._found:
            await self._find()
        infos = await self._infos(FAST_NUMBERS)
        try:
            self.alarm.take(await self.gateway.read_messages())
        except LinkDown:
            raise
        except DriverError:
            # it is still pending, and asked for again; the live values are good
            self.alarm.missed += 1
        return FastReading(
            infos,
            self.devices,
            self.gateway.flags,
            self.gateway.messages,
            self.alarm.state,
            self.gateway.statistics,
            self.gateway.flash_writes,
            self.gateway.by_multi_info,
        )

    async def read_slow(self) -> SlowReading:
        """Values that change slowly; new devices are looked for, and identities read once."""
        if not self._complete:
            await self._find()
        infos = await self._infos(SLOW_NUMBERS)
        await self._identify(infos)
        return SlowReading(infos, self.devices, dict(self._identities), self._guid)

    async def read_settings(self) -> SettingsReading:
        """Parameters: all at first, then those that were written, and the others in turn."""
        changed, self._changed = list(dict.fromkeys(self._changed)), []
        due = self._due(changed)
        try:
            reading = await self.gateway.read_parameters([_CLOCK, *due])
        except DriverError:
            self._changed += changed
            raise
        if self._values_on != self.gateway.reconnects:
            # what was read before the link was lost may be otherwise now
            self._values_on = self.gateway.reconnects
            old, self._values = self._values, {}
            if old:
                self._changed += changed
                return await self.read_settings()
        for point in (_CLOCK, *due):
            self._values[point.key] = reading.get(*point.key)
        self._changed += [point for point in changed if self._awaited(point)]
        for address in reading.silent:
            for key in [key for key in self._values if key[0] == address]:
                del self._values[key]
        await self._ask_limits(reading.silent)
        return SettingsReading(
            {device.address: self.last_known(device)
             for device in (GATEWAY_ID, *self.devices)
             if device.address not in reading.silent and self._knows(device)},
            self.devices,
        )  # fmt: skip

    # -- writing

    async def write(self, point: Point, value: Value) -> None:
        """Write a parameter: to flash if that is configured for its number, else to RAM."""
        flash = point.datapoint.number in self.settings.flash_parameters
        family = family_of_address(point.address)
        covered = [
            Point(device.address, point.datapoint)
            for device in (GATEWAY_ID, *self.devices)
            if device.address == point.address
            or (point.address in GROUPS and device.family is family)
        ]
        try:
            await self.gateway.write(point, value, flash=flash)
        except Ambiguous:
            for tell in self.doubted:
                tell(covered)
            raise
        finally:  # not before: a read that is under way would not show it yet
            self._changed += covered

    async def acknowledge(self) -> None:
        """Take note of the messages: their alarm ends. Nothing is sent."""
        self.alarm.acknowledge()

    # -- inside

    async def _find(self) -> None:
        """Look for devices; those that are known stay, also while they are away."""
        site = await self.gateway.find_devices()
        known = {device.address for device in self.devices}
        self.devices += tuple(d for d in site.devices if d.address not in known)
        self._found = True

    async def _infos(self, wanted: Mapping[Family, tuple[int, ...]]) -> InfoReading | None:
        points = [
            Point(device.address, datapoint(number))
            for device in self.devices
            for number in wanted.get(device.family, ())
            if has(device, datapoint(number))
        ]
        if points:
            return await self.gateway.read_infos(points)
        await self.gateway.read_clock()
        return None

    async def _identify(self, infos: InfoReading | None) -> None:
        """Read what is not known of this connection yet, of devices that answer."""
        if self._identified_on != self.gateway.reconnects:
            self._identified_on = self.gateway.reconnects
            self._identities.clear()
            self._guid = None
        silent = () if infos is None else infos.silent
        try:
            if self._guid is None:
                self._guid = await self.gateway.read_guid()
            for device in self.devices:
                if device.address not in self._identities and device.address not in silent:
                    identity = await self.gateway.read_identity(device)
                    self._identities[device.address] = identity
        except LinkDown:
            raise
        except DriverError:
            # the next slow read asks again
            return

    def _all_points(self) -> list[Point]:
        return [
            Point(device.address, point)
            for device in (GATEWAY_ID, *self.devices)
            for point in parameters_of(device)
        ]

    def _due(self, changed: Sequence[Point]) -> list[Point]:
        """What to read now."""
        self._turn = (self._turn + 1) % ROUND
        points = [point for point in self._all_points() if point != _CLOCK]
        due = [
            point
            for place, point in enumerate(points)
            if point in changed or point.key not in self._values or place % ROUND == self._turn
        ]
        return list(dict.fromkeys(due))

    async def _ask_limits(self, silent: Iterable[int]) -> None:
        """A few more limits at a time, once per connection."""
        if self._limits_on != self.gateway.reconnects:
            self._limits_on = self.gateway.reconnects
            self._limits.clear()
        left_out = set(silent)
        missing = [
            point
            for point in self._all_points()
            if point.key not in self._limits
            and point.address not in left_out
            and point.datapoint.minimum is not None
            and point.datapoint.labels is None
            and self._values.get(point.key) is not None
        ]
        for point in missing[:LIMITS_AT_ONCE]:
            try:
                self._limits[point.key] = await self.gateway.read_limits(point)
            except LinkDown:
                raise
            except DriverError:
                # the driver asks again before it writes
                return

    def _knows(self, device: DeviceId) -> bool:
        return any(key[0] == device.address for key in self._values)

    def last_known(self, device: DeviceId) -> dict[int, ParameterState]:
        """The parameters of a device as they were last read and written."""
        return {
            point.number: self._state(Point(device.address, point))
            for point in parameters_of(device)
        }

    def _awaited(self, point: Point) -> bool:
        """Whether flash has not shown yet what was written to it, and should."""
        written = self.gateway.ram_value(point)
        if written is None or not written.to_flash or written.value is None:
            return False
        number = _STORES.get(point.datapoint.family)
        if number is None or number == point.datapoint.number:
            return True
        return self._state(Point(point.address, datapoint(number))).in_force != 0

    def _state(self, point: Point) -> ParameterState:
        flash = self._values.get(point.key)
        # a clock goes on by itself, whatever was written to it
        written = None if point == _CLOCK else self.gateway.ram_value(point)
        in_force = flash if written is None or self._awaited(point) else written.value
        limits = self._limits.get(point.key)
        lacking = self.gateway.lacks(point)
        return ParameterState(
            point.datapoint, flash, in_force, written is not None, limits, lacking
        )


def has(device: DeviceId, point: Datapoint) -> bool:
    """Whether a device has a datapoint: a battery monitor has only those of its kind."""
    return not point.monitors or bool(point.monitors & device.monitor)


def parameters_of(device: DeviceId) -> tuple[Datapoint, ...]:
    """The parameters of a device that have a value."""
    return tuple(
        point
        for point in datapoints_of(device.family)
        if point.object_type is ObjectType.PARAMETER
        and point.access.readable
        and has(device, point)
    )
