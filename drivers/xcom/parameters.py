"""Parameters: read them, write them to RAM or to flash, within the limits of the device.

A write goes out once. What RAM holds cannot be read back, so that the last values that were written
are kept here (xcom-protocol.md 9).
"""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..core.errors import Ambiguous, Blocked, DriverError, LinkDown, OutOfRange, Refused
from .addresses import GROUPS, PHASES, Family, family_of_address, range_of
from .conversation import Conversation, NoDevice, Target
from .datapoint import Access, Datapoint
from .discovery import told_devices
from .flash import FlashBudget
from .health import device_name
from .protocol import ErrorCode, Format, Level, Property, Value, encode_value
from .readings import Limits, ParameterReading, Point
from .singles import NOT_THERE, Singles

SIGNAL = 1
_MOST_WAITING = 8


@dataclass(frozen=True, slots=True)
class RamValue:
    """What was last written to RAM, and when by the gateway's clock, if that is known.

    The value is None if nobody knows it, since the write was not confirmed. `to_flash` tells that
    it was a write to flash as well, which flash has not shown yet.
    """

    value: Value | None
    time: float | None = None
    to_flash: bool = False


class Parameters:
    """Reads and writes the parameters of all devices of a gateway.

    `expected` are the addresses of the devices that are told or were found.
    """

    def __init__(self, conversation: Conversation, singles: Singles) -> None:
        settings = conversation.settings
        self.flash = FlashBudget(settings.flash_writes_per_day)
        self.expected = {device.address for device in told_devices(settings)}
        self._groups = settings.group_writes
        self._conversation = conversation
        self._singles = singles
        self._limits: dict[tuple[int, int], Limits] = {}
        self._limits_of = 0
        self._ram: dict[tuple[int, int], RamValue] = {}
        self._writing = asyncio.Lock()
        self._waiting = 0

    async def read(self, points: Sequence[Point]) -> ParameterReading:
        """What flash holds; one exchange each. Raises as `Singles.read_all`.

        What was written to flash and is found there is in RAM alone no more.
        """
        values = await self._singles.read_all(points)
        for point, value in zip(points, values, strict=True):
            written = self._ram.get(point.key)
            if value is None or written is None or written.value is None or not written.to_flash:
                continue
            if point.datapoint.same(value, written.value):
                del self._ram[point.key]
        silent = {p.address for p in points if self._singles.health.suspect(p.address)}
        return ParameterReading(tuple(points), values, tuple(sorted(silent)))

    def ram_value(self, point: Point) -> RamValue | None:
        """What was last written to RAM, as long as it may still be there; None if nothing was."""
        return self._ram.get(point.key)

    def forget_ram(self, address: int, restarted_at: float = math.inf) -> None:
        """Forget what was written to the RAM of a device before it restarted: flash holds again.

        `restarted_at` is the time of it by the gateway's clock, in seconds.
        """
        for key, written in list(self._ram.items()):
            if key[0] == address and (written.time is None or written.time < restarted_at):
                del self._ram[key]

    async def limits(self, point: Point, *, urgent: bool = False) -> Limits:
        """What the device allows; asked once per connection.

        Raises `LinkDown`, `NoReply`, `BadReply` or `Refused`.
        """
        found = self._known_limits().get(point.key)
        if found is None:
            found = await self._read_ends(point, urgent)
            if found.from_device and point.datapoint.format is not Format.BOOL:
                found = replace(found, level=await self._read_level(point, urgent))
            # reading them may have opened the link
            self._known_limits()[point.key] = found
        return found

    def _known_limits(self) -> dict[tuple[int, int], Limits]:
        """What was asked on this connection: another may lead to other devices."""
        if self._limits_of != self._conversation.link.opens:
            self._limits_of = self._conversation.link.opens
            self._limits.clear()
        return self._limits

    async def write(self, point: Point, value: Value, *, flash: bool = False) -> None:
        """Write a parameter to RAM, or to flash and RAM, and return when it is confirmed.

        Raises `Blocked` (read-only, a group that is not configured, the flash budget, too many that
        wait), `OutOfRange`, `LinkDown`, `Refused` with the error code, or `Ambiguous`.
        """
        datapoint = point.datapoint
        where = "flash" if flash else "RAM"
        asked = f"write {_shown(value)} to {datapoint.asked} in {where}"
        if datapoint.access is not Access.READ_WRITE:
            raise self._blocked(point, asked, "it is no parameter that can be written")
        await self._in_turn(point, value, asked, flash)

    async def signal(self, point: Point) -> None:
        """Set off a signal, before all parameters that wait to be written: it may switch off.

        It is sent without touching flash. Only if a device refuses that property by name, it is
        sent as a write to flash, which counts as one. To a group it is not sent again: some of it
        may have obeyed. Raises as `write`.
        """
        asked = f"signal {point.datapoint.asked}"
        if point.datapoint.access is not Access.SIGNAL:
            raise self._blocked(point, asked, "it is no signal")
        try:
            await self._write(point, SIGNAL, asked, flash=False)
        except Refused as error:
            if error.code != ErrorCode.PROPERTY_NOT_SUPPORTED or point.address in GROUPS:
                raise
            await self._write(point, SIGNAL, asked, flash=True)

    async def _in_turn(self, point: Point, value: Value, asked: str, flash: bool) -> None:
        if self._waiting >= _MOST_WAITING:
            raise self._blocked(point, asked, f"{_MOST_WAITING} writes already wait")
        self._waiting += 1
        try:
            async with self._writing:
                await self._write(point, value, asked, flash)
        finally:
            self._waiting -= 1

    async def _write(self, point: Point, value: Value, asked: str, flash: bool) -> None:
        self._check_address(point, asked)
        covered = _devices_at(point.address)
        if flash:
            self._check_flash(point, covered, asked)
        data = self._encoded(point, value, asked)
        on = None
        if point.datapoint.access is Access.READ_WRITE:
            on = await self._check_value(point, value, asked)
        which = Property.VALUE if flash else Property.UNSAVED_VALUE
        datapoint = point.datapoint
        target = Target(point.address, datapoint.object_type, datapoint.number, which, asked)
        try:
            await self._conversation.write(target, data, on=on)
        except (Refused, LinkDown):
            raise
        except (Ambiguous, asyncio.CancelledError):  # it may have reached the device
            self._written(covered, datapoint, None, flash)
            raise
        self._written(covered, datapoint, value, flash)

    def _written(
        self, covered: Sequence[int], datapoint: Datapoint, value: Value | None, flash: bool
    ) -> None:
        now = self._conversation.clock.now
        for address in covered:
            if flash:
                self.flash.count(address, datapoint.number)
            if datapoint.access is Access.READ_WRITE:
                self._ram[address, datapoint.number] = RamValue(value, now, flash)

    def _check_address(self, point: Point, asked: str) -> None:
        family = family_of_address(point.address)
        if point.address in GROUPS:
            if point.address not in self._groups:
                reason = f"writes to group {point.address} are not configured (group_writes)"
                raise self._blocked(point, asked, reason)
            if family is None:
                return
        if family is not point.datapoint.family:
            reason = f"{point.address} is no address of {point.datapoint.family.name.lower()}"
            raise self._blocked(point, asked, reason)

    def _check_flash(self, point: Point, covered: Sequence[int], asked: str) -> None:
        used = max(self.flash.used(address, point.datapoint.number) for address in covered)
        if used >= self.flash.per_day:
            reason = (
                f"flash was written {used} times in 24 h, and {self.flash.per_day} are allowed "
                f"(flash_writes_per_day): it lasts for 1000 writes"
            )
            raise self._blocked(point, asked, reason)

    async def _check_value(self, point: Point, value: Value, asked: str) -> int | None:
        """Refuse what the devices do not allow.

        Returns the opening of the link on which that holds, if a write on another must not be.
        """
        labels = point.datapoint.labels
        if labels is not None and labels.label(int(value)) is None:
            choices = ", ".join(f"{number} {label}" for number, label in labels.labels)
            raise self._out_of_range(point, asked, f"it is none of {choices}")
        if point.datapoint.format is Format.BOOL:
            return None
        if point.address not in GROUPS:
            limits = await self.limits(point, urgent=True)
            self._check_limits(point, value, asked, limits, "the device")
            return None
        on = None
        for address in range_of(point.datapoint.family).addresses:
            limits = await self._limits_in_group(point, address, asked)
            on = on or self._conversation.link.opens
            if limits is not None:
                self._check_limits(point, value, asked, limits, device_name(address))
        return on

    async def _limits_in_group(self, group: Point, address: int, asked: str) -> Limits | None:
        """What a device that a write to a group may reach allows now; None if there is none.

        Asked each time, since they can change, and at every address, since a device may be new.
        """
        point = Point(address, group.datapoint)
        try:
            found = await self._read_ends(point, urgent=True)
        except LinkDown:
            raise
        except DriverError as error:
            if isinstance(error, NoDevice) and address not in self.expected:
                return None
            reason = f"the limits of {device_name(address)} are not known: {error.detail}"
            raise self._blocked(group, asked, reason) from error
        known = self._known_limits()
        if point.key in known:
            known[point.key] = replace(found, level=known[point.key].level)
        return found

    def _check_limits(
        self, point: Point, value: Value, asked: str, limits: Limits, device: str
    ) -> None:
        number = _rounded(float(value))
        low = -math.inf if limits.minimum is None else limits.minimum
        high = math.inf if limits.maximum is None else limits.maximum
        if not _rounded(low) <= number <= _rounded(high):
            whose = device if limits.from_device else "the table"
            detail = f"{whose} allows {low:g} to {high:g} {point.datapoint.unit}".rstrip()
            raise self._out_of_range(point, asked, detail)

    def _encoded(self, point: Point, value: Value, asked: str) -> bytes:
        if not math.isfinite(value):
            raise self._out_of_range(point, asked, "it is no number")
        try:
            return encode_value(point.datapoint.format, value)
        except ValueError as error:
            raise self._out_of_range(point, asked, str(error)) from None

    async def _read_ends(self, point: Point, urgent: bool) -> Limits:
        """The least and the most that the device allows, with the level that the table has."""
        datapoint = point.datapoint
        if datapoint.format is Format.BOOL:
            return Limits(0.0, 1.0, datapoint.level)
        try:
            low = await self._singles.read_one(point, Property.MINIMUM, urgent=urgent)
            high = await self._singles.read_one(point, Property.MAXIMUM, urgent=urgent)
        except Refused as error:
            if error.code not in NOT_THERE:
                raise
            return Limits(datapoint.minimum, datapoint.maximum, datapoint.level, from_device=False)
        minimum, maximum = _number(low), _number(high)
        told = minimum is not None and maximum is not None
        if not told:  # what is no number is no limit: those of the table hold
            minimum, maximum = datapoint.minimum, datapoint.maximum
        return Limits(minimum, maximum, datapoint.level, from_device=told)

    async def _read_level(self, point: Point, urgent: bool) -> Level | None:
        try:
            level = await self._singles.read_one(point, Property.LEVEL, urgent=urgent)
        except Refused:
            return None
        return Level(int(level)) if level in tuple(Level) else None

    def _blocked(self, point: Point, asked: str, reason: str) -> Blocked:
        return Blocked(self._conversation.link.name, device_name(point.address), asked, reason)

    def _out_of_range(self, point: Point, asked: str, detail: str) -> DriverError:
        return OutOfRange(self._conversation.link.name, device_name(point.address), asked, detail)


def _devices_at(address: int) -> tuple[int, ...]:
    """The addresses that a write to this address may reach, for counting."""
    if address in PHASES:
        return tuple(range_of(Family.XTENDER).addresses)
    if address not in GROUPS:
        return (address,)
    family = family_of_address(address)
    families = Family if family is None else (family,)
    return tuple(one for each in families for one in range_of(each).addresses)


def _rounded(value: float) -> float:
    """A number as a FLOAT on the wire has it."""
    return value if math.isinf(value) else struct.unpack("<f", struct.pack("<f", value))[0]


def _number(value: Value) -> float | None:
    return float(value) if math.isfinite(value) else None


def _shown(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
