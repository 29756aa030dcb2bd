"""One datapoint: what a number of a family is, and what may be done with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntFlag

from .addresses import Family, family_of_number, object_type_of
from .enumerations import Enumeration
from .protocol import Format, Level, ObjectType, Property

NO_SENSOR = 32767.0
"""Degrees that a temperature input shows about without a sensor (xcom-protocol.md 6.3)."""


class Access(Enum):
    """What may be done with a datapoint."""

    READ = "R"
    READ_WRITE = "RW"
    SIGNAL = "W"

    @property
    def readable(self) -> bool:
        """True if it has a value to read."""
        return self is not Access.SIGNAL

    @property
    def writable(self) -> bool:
        """True if it can be written; a signal with 1."""
        return self is not Access.READ


class Monitor(IntFlag):
    """Which battery monitor at 601 has a datapoint: a BSP, or a BMS behind an Xcom-CAN."""

    NONE = 0
    BSP = 1
    BMS = 2


_FIXED_POINT = 2.0**-15


@dataclass(frozen=True, slots=True)
class Datapoint:
    """A number of a family, with the limits and default that its maker prints for 48 V and 230 V.

    The limits of a real device may be others: read them from it. `unit` is ASCII, empty for none.
    """

    number: int
    name: str
    what: str
    unit: str
    format: Format
    access: Access
    family: Family
    default: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    level: Level | None = None
    labels: Enumeration | None = None
    monitors: Monitor = Monitor.NONE
    first_choice: bool = False

    @property
    def object_type(self) -> ObjectType:
        """Info or parameter."""
        return object_type_of(self.number)

    @property
    def value_property(self) -> Property:
        """The property that holds the value: of a parameter, the value in flash."""
        info = self.object_type is ObjectType.INFO
        return Property.INFO_VALUE if info else Property.VALUE

    @property
    def asked(self) -> str:
        """The datapoint in messages."""
        return f"{self.number} ({self.what})"

    def same(self, one: float, other: float) -> bool:
        """Whether two values are one to the device, which keeps FLOATs in 16-bit fixed point.

        They may differ by half a step (xcom-protocol.md 6.1).
        """
        if self.format is not Format.FLOAT:
            return one == other
        rounding = max(abs(one), abs(other), abs(self.maximum or 0.0)) * _FIXED_POINT
        return abs(one - other) <= max(rounding, (self.step or 0.0) / 2.0)


def info(
    number: int,
    name: str,
    what: str,
    unit: str = "",
    *,
    layout: Format = Format.FLOAT,
    labels: Enumeration | None = None,
    monitors: Monitor = Monitor.NONE,
    first_choice: bool = False,
) -> Datapoint:
    """A live value, or another one that can only be read."""
    level = Level.VIEW_ONLY if object_type_of(number) is ObjectType.PARAMETER else None
    return Datapoint(
        number, name, what, unit, layout, Access.READ, _family(number), level=level,
        labels=labels, monitors=monitors, first_choice=first_choice,
    )  # fmt: skip


def state(
    number: int,
    name: str,
    what: str,
    labels: Enumeration,
    *,
    monitors: Monitor = Monitor.NONE,
    first_choice: bool = False,
) -> Datapoint:
    """A live state."""
    return info(
        number, name, what, layout=Format.SHORT_ENUM, labels=labels, monitors=monitors,
        first_choice=first_choice,
    )  # fmt: skip


def setting(
    number: int,
    name: str,
    what: str,
    unit: str,
    printed: tuple[Level, float | None, float | None, float | None, float | None],
    *,
    layout: Format = Format.FLOAT,
    labels: Enumeration | None = None,
    monitors: Monitor = Monitor.NONE,
    first_choice: bool = False,
) -> Datapoint:
    """A parameter; `printed` are level, default, minimum, maximum, step (None for one set bit)."""
    level, default, minimum, maximum, step = printed
    return Datapoint(
        number, name, what, unit, layout, Access.READ_WRITE, _family(number), default, minimum,
        maximum, step, level, labels, monitors, first_choice,
    )  # fmt: skip


def switch(
    number: int,
    name: str,
    what: str,
    level: Level,
    default: int,
    *,
    first_choice: bool = False,
) -> Datapoint:
    """A parameter that is on or off."""
    return setting(
        number, name, what, "", (level, default, 0, 1, 1), layout=Format.BOOL,
        first_choice=first_choice,
    )  # fmt: skip


def choice(
    number: int,
    name: str,
    what: str,
    level: Level,
    default: int,
    labels: Enumeration,
    *,
    monitors: Monitor = Monitor.NONE,
    first_choice: bool = False,
) -> Datapoint:
    """A parameter with one of several labels."""
    values = [value for value, _ in labels.labels]
    return setting(
        number, name, what, "", (level, default, min(values), max(values), None),
        layout=Format.LONG_ENUM, labels=labels, monitors=monitors, first_choice=first_choice,
    )  # fmt: skip


def signal(
    number: int,
    name: str,
    what: str,
    level: Level,
    *,
    first_choice: bool = False,
) -> Datapoint:
    """Something to set off, by writing 1."""
    return Datapoint(
        number, name, what, "", Format.INT32, Access.SIGNAL, _family(number), level=level,
        first_choice=first_choice,
    )  # fmt: skip


def _family(number: int) -> Family:
    family = family_of_number(number)
    if family is None:
        raise ValueError(f"number {number} is in the range of no family")
    return family
