"""What libca says about a process variable, as it passes between a test and its worker process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any


class Mask(IntFlag):
    """What a monitor asks for (caeventmask.h)."""

    VALUE = 1
    LOG = 2
    ALARM = 4
    PROPERTY = 8


class Form(IntEnum):
    """How much comes with a value: nothing, alarm and time, or alarm, units, limits and names."""

    RAW = 0
    TIME = 1
    CTRL = 2


class CaType(IntEnum):
    """Types of the CA protocol (db_access.h), the last one as aioca spells a long string."""

    STRING = 0
    SHORT = 1
    FLOAT = 2
    ENUM = 3
    CHAR = 4
    LONG = 5
    DOUBLE = 6
    CHAR_STR = 999


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a numeric PV by the names of its record fields (drvl, drvh: control)."""

    lopr: float
    hopr: float
    lolo: float
    low: float
    high: float
    hihi: float
    drvl: float
    drvh: float


@dataclass(frozen=True, slots=True)
class Reading:
    """A value as libca delivered it; None stands for what its form does not carry.

    A monitor delivers `connected=False` with no value when the connection is lost.
    Arrays are lists, texts str; `count` is the number of elements delivered; `timestamp` is in
    seconds since 1970.
    """

    name: str
    value: Any
    datatype: int | None = None
    count: int | None = None
    connected: bool = True
    severity: int | None = None
    status: int | None = None
    timestamp: float | None = None
    units: str | None = None
    precision: int | None = None
    limits: Limits | None = None
    enums: tuple[str, ...] | None = None


Emit = Callable[[Reading], None]
"""Takes the updates of a subscription, in any thread."""


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """What is known of a connected channel before any value is read."""

    name: str
    host: str
    datatype: int
    count: int
    read_access: bool
    write_access: bool


class CaError(Exception):
    """libca reported an error: its ECA code and text."""

    TIMEOUT = 80
    PUTFAIL = 160
    DISCONN = 192
    NO_WRITE_ACCESS = 376

    def __init__(self, name: str, code: int, text: str) -> None:
        super().__init__(f"{name}: {text} ({code})")
        self.name = name
        self.code = code
        self.text = text


def reading_from_json(fields: dict[str, Any]) -> Reading:
    """Give the reading that `dataclasses.asdict` and JSON have carried."""
    limits, enums = fields["limits"], fields["enums"]
    return Reading(
        **{
            **fields,
            "limits": None if limits is None else Limits(**limits),
            "enums": None if enums is None else tuple(enums),
        }
    )
