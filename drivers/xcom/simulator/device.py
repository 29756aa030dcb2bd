"""One simulated device behind a gateway: live values, parameters in flash and RAM, its watchdog.

Source: xcom-protocol.md 4.3, 6, 7, 8.2 and 9.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from ..addresses import Family
from ..datapoint import Access, Datapoint, Monitor
from ..datapoints import datapoints_of
from ..frame import DecodeError
from ..protocol import (
    ErrorCode,
    Format,
    Level,
    ObjectType,
    Property,
    Value,
    decode_value,
    encode_value,
    encode_word,
)
from .counters import MinuteMean

Getter: TypeAlias = Callable[[], float]

RESTART_TIME = 2.0
"""Seconds that a device takes to start."""

_LENIENT_READ = (Property.INFO_VALUE, Property.VALUE, Property.UNSAVED_VALUE)
_FIXED_POINT_BITS = 15


class Refusal(Exception):
    """The device or gateway answers with this error code."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.name)
        self.code = code


class Condition(StrEnum):
    """Whether a device answers: it does; the gateway says it does not; nobody says anything; gone.

    `dead` is told with RESPONSE_TIMEOUT, `mute` not at all, `absent` with DEVICE_NOT_FOUND.
    """

    OK = "ok"
    DEAD = "dead"
    MUTE = "mute"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Special:
    """What is particular to the parameters of a family.

    saves: the switch that keeps written values in flash, if there is one (xcom-protocol.md 9.2).
    watchdog: the switch and the delay of its watchdog.
    """

    saves: int | None = None
    watchdog: tuple[int, int] | None = None


@dataclass(slots=True)
class SimulatedParameter:
    """A parameter with what its flash and its RAM hold, and how often its flash was written."""

    datapoint: Datapoint
    flash: Value
    ram: Value
    minimum: float
    maximum: float
    flash_writes: dict[Property, int] = field(default_factory=dict[Property, int])

    def store(self, value: Value, kept_as: Property | None) -> None:
        """Set the value: in RAM, and counted in flash if it is kept."""
        self.ram = value
        if kept_as is not None:
            self.flash = value
            self.flash_writes[kept_as] = self.flash_writes.get(kept_as, 0) + 1


class SimulatedDevice:
    """A device at an address. Reads and writes raise `Refusal` as the real one refuses them.

    signals: what is done when one is fired; stored: what is done with a parameter that was written;
    live: parameters that change by themselves.
    """

    def __init__(
        self,
        address: int,
        family: Family,
        *,
        special: Special | None = None,
        monitor: Monitor | None = None,
        clock: Callable[[], float],
    ) -> None:
        self.address = address
        self.family = family
        self.condition = Condition.OK
        self.restarts = 0
        self.writes = 0
        self.signals: dict[int, Callable[[], None]] = {}
        self.stored: dict[int, Callable[[Value], None]] = {}
        self.live: dict[int, Callable[[], Value]] = {}
        self._infos: dict[int, Getter] = {}
        self._special = special or Special()
        self._means: dict[int, MinuteMean] = {}
        self._sources: dict[int, int] = {}
        self._clock = clock
        self._ready_at = -math.inf
        self._fed_at: float | None = None
        self._others = _of_another_monitor(family, monitor)
        self._formats = {one.number: one.format for one in datapoints_of(family)}
        self.parameters = _parameters(family, self._others)

    def serve(self, infos: Mapping[int, Getter], means: Mapping[int, int]) -> None:
        """Give it live values, and minute averages of some of them."""
        self._infos = dict(infos)
        self._sources = dict(means)
        self._means = {number: MinuteMean() for number in means}

    @property
    def started(self) -> bool:
        """It is not about to start."""
        return self._clock() >= self._ready_at

    @property
    def answers(self) -> bool:
        """It is there, alive and has started."""
        return self.condition is Condition.OK and self.started

    def has_info(self, number: int) -> bool:
        """It has this live value."""
        return number in self._infos or number in self._means

    def info(self, number: int) -> float:
        """A live value as a number; raises `Refusal`."""
        if number in self._others:
            raise Refusal(ErrorCode.INVALID_DATA)
        mean = self._means.get(number)
        if mean is not None and mean.value == mean.value:
            return mean.value
        getter = self._infos.get(self._sources.get(number, number))
        if getter is None:
            raise Refusal(ErrorCode.OBJECT_ID_NOT_FOUND)
        return getter()

    def ram(self, number: int) -> Value:
        """What a parameter is at the moment."""
        return self.parameters[number].ram

    def tick(self, seconds: float) -> None:
        """Let the minute averages follow."""
        for number, mean in self._means.items():
            mean.take(self._infos[self._sources[number]](), seconds)

    # -- services

    def read(self, kind: int, number: int, wanted: int, *, strict: bool) -> bytes:
        """READ_PROPERTY of an info or a parameter."""
        if kind == ObjectType.INFO:
            return self._read_info(number, wanted, strict)
        if kind != ObjectType.PARAMETER:
            raise Refusal(ErrorCode.TYPE_NOT_SUPPORTED)
        parameter = self._parameter(number)
        one = parameter.datapoint
        if wanted == Property.LEVEL:
            return encode_word(one.level or Level.VIEW_ONLY)
        if one.access is Access.SIGNAL:
            raise Refusal(ErrorCode.PROPERTY_NOT_SUPPORTED)
        if wanted in (Property.VALUE, Property.UNSAVED_VALUE):
            # both show what is in flash (xcom-protocol.md 9.1)
            live = self.live.get(number)
            return encode_value(one.format, parameter.flash if live is None else live())
        if wanted in (Property.MINIMUM, Property.MAXIMUM) and one.minimum is not None:
            low = wanted == Property.MINIMUM
            return encode_value(one.format, parameter.minimum if low else parameter.maximum)
        raise Refusal(ErrorCode.PROPERTY_NOT_SUPPORTED)

    def write(self, kind: int, number: int, where: int, data: bytes) -> None:
        """WRITE_PROPERTY of a parameter, or a signal."""
        if kind == ObjectType.INFO:
            known = self.has_info(number)
            raise Refusal(
                ErrorCode.PROPERTY_IS_READ_ONLY if known else ErrorCode.OBJECT_ID_NOT_FOUND
            )
        if kind != ObjectType.PARAMETER:
            raise Refusal(ErrorCode.TYPE_NOT_SUPPORTED)
        parameter = self._parameter(number)
        if where in (Property.MINIMUM, Property.MAXIMUM, Property.LEVEL):
            raise Refusal(ErrorCode.PROPERTY_IS_READ_ONLY)
        if where not in (Property.VALUE, Property.UNSAVED_VALUE):
            raise Refusal(ErrorCode.PROPERTY_NOT_SUPPORTED)
        if not parameter.datapoint.access.writable:
            raise Refusal(ErrorCode.ACCESS_DENIED)
        value = self._accepted(parameter, data)
        self.writes += 1
        self._feed_watchdog(where == Property.UNSAVED_VALUE)
        if parameter.datapoint.access is Access.SIGNAL:
            self.signals.get(number, _nothing)()
        else:
            parameter.store(value, self._kept(parameter, value, where))
            self.stored.get(number, _nothing)(value)

    def restart(self) -> None:
        """Start again: what was only in RAM is lost."""
        for parameter in self.parameters.values():
            parameter.ram = parameter.flash
        self.restarts += 1
        self._fed_at = None
        self._ready_at = self._clock() + RESTART_TIME

    def watch(self) -> bool:
        """Restart if nobody wrote in time; returns whether that happened (xcom-protocol.md 8.2)."""
        if self._special.watchdog is None or self._fed_at is None:
            return False
        enabled, delay = self._special.watchdog
        if not self.ram(enabled) or self._clock() - self._fed_at <= self.ram(delay):
            return False
        self.restart()
        return True

    # -- inside

    def _read_info(self, number: int, wanted: int, strict: bool) -> bytes:
        value = self.info(number)
        if wanted != Property.INFO_VALUE and (strict or wanted not in _LENIENT_READ):
            raise Refusal(ErrorCode.PROPERTY_NOT_SUPPORTED)
        return encode_value(self._formats.get(number, Format.FLOAT), value)

    def _parameter(self, number: int) -> SimulatedParameter:
        if number in self._others:
            raise Refusal(ErrorCode.INVALID_DATA)
        found = self.parameters.get(number)
        if found is None:
            raise Refusal(ErrorCode.OBJECT_ID_NOT_FOUND)
        return found

    def _accepted(self, parameter: SimulatedParameter, data: bytes) -> Value:
        one = parameter.datapoint
        if len(data) != one.format.size:
            raise Refusal(ErrorCode.INVALID_DATA_LENGTH)
        try:
            value = decode_value(one.format, data)
        except DecodeError:
            raise Refusal(ErrorCode.INVALID_DATA) from None
        if one.access is Access.SIGNAL:
            if value != 1:
                raise Refusal(ErrorCode.INVALID_DATA)
            return value
        if value != value or (one.labels is not None and one.labels.label(int(value)) is None):
            raise Refusal(ErrorCode.INVALID_DATA)
        if value < parameter.minimum:
            raise Refusal(ErrorCode.DATA_TOO_SMALL)
        if value > parameter.maximum:
            raise Refusal(ErrorCode.DATA_TOO_BIG)
        return fixed_point(value, parameter.maximum) if one.format is Format.FLOAT else value

    def _kept(self, parameter: SimulatedParameter, value: Value, where: int) -> Property | None:
        """How a write counts in flash; None if the value stays in RAM (xcom-protocol.md 9.2)."""
        saves = self._special.saves
        if where == Property.UNSAVED_VALUE:
            return None
        if parameter.datapoint.number == saves:
            return None if not value and not parameter.flash else Property.VALUE
        return Property.VALUE if saves is None or self.ram(saves) else None

    def _feed_watchdog(self, unsaved: bool) -> None:
        saves = self._special.saves
        if unsaved or self._fed_at is not None or (saves is not None and not self.ram(saves)):
            self._fed_at = self._clock()


def fixed_point(value: float, maximum: float) -> float:
    """A number as a device keeps it: in 16-bit fixed point (xcom-protocol.md 6.1)."""
    whole = max(0, math.ceil(math.log2(max(1.0, abs(maximum)) + 1.0)))
    scale = 2.0 ** (_FIXED_POINT_BITS - whole)
    return round(value * scale) / scale


def _nothing(*_: Value) -> None:
    """What signals and settings do that change nothing here."""


def _of_another_monitor(family: Family, monitor: Monitor | None) -> frozenset[int]:
    """Numbers that the battery monitor of this site does not have."""
    return frozenset(
        one.number
        for one in datapoints_of(family)
        if monitor is not None and one.monitors and not one.monitors & monitor
    )


def _parameters(family: Family, others: Iterable[int]) -> dict[int, SimulatedParameter]:
    found: dict[int, SimulatedParameter] = {}
    for one in datapoints_of(family):
        if one.object_type is ObjectType.PARAMETER and one.number not in others:
            low = -math.inf if one.minimum is None else one.minimum
            high = math.inf if one.maximum is None else one.maximum
            value: Value = one.default or 0
            if one.format is Format.FLOAT:
                value = fixed_point(float(value), high)
            found[one.number] = SimulatedParameter(one, value, value, low, high)
    return found
