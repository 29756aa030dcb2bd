"""The bit words of modules and channels, with the names and weights of their bits.

Source: EDCP reference, sections 7.1 to 7.8. Bits that are not listed are kept in the words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, IntFlag
from typing import TypeVar

W = TypeVar("W", bound=IntFlag)


class Weight(Enum):
    """What a set bit means to an operator."""

    NORMAL = "a state"
    WARNING = "look at it"
    FAULT = "act"
    GOOD = "all is well while it is set"


class ModuleStatus(IntFlag):
    """Module status, 0x1000 (section 7.1)."""

    KILL_ENABLE = 1 << 15
    TEMPERATURE_GOOD = 1 << 14
    SUPPLY_GOOD = 1 << 13
    MODULE_GOOD = 1 << 12
    EVENT_ACTIVE = 1 << 11
    SAFETY_LOOP_GOOD = 1 << 10
    NO_RAMP = 1 << 9
    NO_SUM_ERROR = 1 << 8
    INPUT_ERROR = 1 << 6
    VOLTAGE_LIMIT_GOOD = 1 << 5
    NEEDS_SERVICE = 1 << 4
    HIGH_VOLTAGE_ON = 1 << 3
    LIVE_INSERTION = 1 << 2
    STOP = 1 << 1
    FINE_ADJUSTMENT = 1 << 0


class ModuleEvent(IntFlag):
    """Module event status and mask, 0x1002 and 0x1003 (section 7.2)."""

    TEMPERATURE_NOT_GOOD = 1 << 14
    SUPPLY_NOT_GOOD = 1 << 13
    SAFETY_LOOP_NOT_GOOD = 1 << 10
    INPUT_ERROR = 1 << 6
    VOLTAGE_LIMIT_NOT_GOOD = 1 << 5
    SERVICE = 1 << 4
    LIVE_INSERTION = 1 << 2
    RESTART = 1 << 1


class ModuleControl(IntFlag):
    """Module control, 0x1001 (section 7.3)."""

    KILL_ENABLE = 1 << 14
    FINE_ADJUSTMENT = 1 << 12
    BIG_ENDIAN = 1 << 11
    CLEAR = 1 << 6
    INTERLOCK = 1 << 5


class ChannelStatus(IntFlag):
    """Channel status, 0x4000 (section 7.4), and the ramp bits of the 32-bit form (7.8)."""

    VOLTAGE_RAMP_DOWN = 1 << 20
    VOLTAGE_RAMP_UP = 1 << 19
    VOLTAGE_LIMIT = 1 << 15
    CURRENT_LIMIT = 1 << 14
    TRIP = 1 << 13
    EXTERNAL_INHIBIT = 1 << 12
    VOLTAGE_BOUNDS = 1 << 11
    CURRENT_BOUNDS = 1 << 10
    ARC_ERROR = 1 << 9
    LOW_CURRENT_RANGE = 1 << 8
    CONSTANT_VOLTAGE = 1 << 7
    CONSTANT_CURRENT = 1 << 6
    EMERGENCY = 1 << 5
    RAMP = 1 << 4
    ON = 1 << 3
    INPUT_ERROR = 1 << 2
    ARC = 1 << 1
    POSITIVE_POLARITY = 1 << 0


class ChannelEvent(IntFlag):
    """Channel event status and mask, 0x4002 and 0x4003 (section 7.5)."""

    VOLTAGE_LIMIT = 1 << 15
    CURRENT_LIMIT = 1 << 14
    TRIP = 1 << 13
    EXTERNAL_INHIBIT = 1 << 12
    VOLTAGE_BOUNDS = 1 << 11
    CURRENT_BOUNDS = 1 << 10
    ARC_ERROR = 1 << 9
    CONSTANT_VOLTAGE = 1 << 7
    CONSTANT_CURRENT = 1 << 6
    EMERGENCY = 1 << 5
    END_OF_RAMP = 1 << 4
    ON_TO_OFF = 1 << 3
    INPUT_ERROR = 1 << 2
    ARC = 1 << 1


class ChannelControl(IntFlag):
    """Channel control, 0x4001 (section 7.6)."""

    EMERGENCY_OFF = 1 << 5
    ON = 1 << 3


BLOCKING = (
    ChannelEvent.VOLTAGE_LIMIT
    | ChannelEvent.CURRENT_LIMIT
    | ChannelEvent.TRIP
    | ChannelEvent.EXTERNAL_INHIBIT
    | ChannelEvent.EMERGENCY
)
"""Events that keep a channel off until they are cleared: 0xF020 (section 7.5)."""

ALL_CHANNEL_EVENTS = 0xFEFE
"""Every defined channel event (section 7.5)."""

MODULE_BLOCKING = (
    ModuleEvent.TEMPERATURE_NOT_GOOD
    | ModuleEvent.SUPPLY_NOT_GOOD
    | ModuleEvent.SAFETY_LOOP_NOT_GOOD
    | ModuleEvent.SERVICE
)
"""Module events that block (section 7.2)."""


class Action(IntEnum):
    """What a delayed trip or an external inhibit does (section 7.7, inferred)."""

    NONE = 0
    RAMP_DOWN = 1
    SHUT_OFF = 2
    SHUT_OFF_MODULE = 3


@dataclass(frozen=True, slots=True)
class Bit:
    """One bit of a word, as it is shown: its place, its name in CamelCase, text and weight."""

    number: int
    name: str
    text: str
    weight: Weight


def _bits(word: type[W], weights: dict[W, Weight], texts: dict[W, str]) -> tuple[Bit, ...]:
    """A Bit for every flag below bit 16, highest first."""
    found: list[Bit] = []
    for flag in sorted(word, reverse=True):
        if flag.value < 1 << 16:
            words = (flag.name or "").split("_")
            name = "".join(part.capitalize() for part in words)
            text = texts.get(flag, " ".join(words).lower())
            weight = weights.get(flag, Weight.NORMAL)
            found.append(Bit(flag.value.bit_length() - 1, name, text, weight))
    return tuple(found)


_S, _E = ChannelStatus, ChannelEvent
_MS, _ME = ModuleStatus, ModuleEvent
_FAULT, _WARNING, _GOOD = Weight.FAULT, Weight.WARNING, Weight.GOOD

CHANNEL_STATUS_BITS = _bits(
    ChannelStatus,
    {
        **dict.fromkeys((_S.VOLTAGE_LIMIT, _S.CURRENT_LIMIT, _S.TRIP), _FAULT),
        **dict.fromkeys((_S.EXTERNAL_INHIBIT, _S.EMERGENCY, _S.ARC_ERROR), _FAULT),
        **dict.fromkeys((_S.VOLTAGE_BOUNDS, _S.CURRENT_BOUNDS, _S.INPUT_ERROR, _S.ARC), _WARNING),
    },
    {_S.VOLTAGE_LIMIT: "hardware voltage limit", _S.CURRENT_LIMIT: "hardware current limit"},
)
CHANNEL_EVENT_BITS = _bits(
    ChannelEvent,
    {
        **dict.fromkeys((_E.VOLTAGE_LIMIT, _E.CURRENT_LIMIT, _E.TRIP), _FAULT),
        **dict.fromkeys((_E.EXTERNAL_INHIBIT, _E.EMERGENCY, _E.ARC_ERROR), _FAULT),
        **dict.fromkeys((_E.VOLTAGE_BOUNDS, _E.CURRENT_BOUNDS, _E.INPUT_ERROR, _E.ARC), _WARNING),
    },
    {_E.ON_TO_OFF: "on to off without ramp"},
)
MODULE_STATUS_BITS = _bits(
    ModuleStatus,
    {
        **dict.fromkeys((_MS.TEMPERATURE_GOOD, _MS.SUPPLY_GOOD, _MS.MODULE_GOOD), _GOOD),
        **dict.fromkeys((_MS.SAFETY_LOOP_GOOD, _MS.NO_SUM_ERROR), _GOOD),
        _MS.NEEDS_SERVICE: _FAULT,
        _MS.INPUT_ERROR: _WARNING,
    },
    {_MS.VOLTAGE_LIMIT_GOOD: "hardware voltage limit good"},
)
MODULE_EVENT_BITS = _bits(
    ModuleEvent,
    {
        **dict.fromkeys((_ME.TEMPERATURE_NOT_GOOD, _ME.SUPPLY_NOT_GOOD, _ME.SERVICE), _FAULT),
        _ME.SAFETY_LOOP_NOT_GOOD: _FAULT,
        **dict.fromkeys((_ME.INPUT_ERROR, _ME.VOLTAGE_LIMIT_NOT_GOOD, _ME.RESTART), _WARNING),
    },
    {_ME.VOLTAGE_LIMIT_NOT_GOOD: "hardware voltage limit not good"},
)


def names_of(bits: tuple[Bit, ...], word: int) -> str:
    """The set bits of a word in words, unknown ones as `bit N`."""
    known = {bit.number: bit.text for bit in bits}
    numbers = (place for place in range(word.bit_length() - 1, -1, -1) if word >> place & 1)
    return ", ".join(known.get(place, f"bit {place}") for place in numbers)
