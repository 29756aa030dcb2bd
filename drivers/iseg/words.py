"""The bit words of modules and channels, with the names and weights of their bits.

Source: iseg-protocol.md 7.1 to 7.8. Bits that are not listed are kept in the words.
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
    """Module status, 0x1000 (iseg-protocol.md 7.1)."""

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
    """Module event status and mask, 0x1002 and 0x1003 (iseg-protocol.md 7.2)."""

    TEMPERATURE_NOT_GOOD = 1 << 14
    SUPPLY_NOT_GOOD = 1 << 13
    SAFETY_LOOP_NOT_GOOD = 1 << 10
    INPUT_ERROR = 1 << 6
    VOLTAGE_LIMIT_NOT_GOOD = 1 << 5
    SERVICE = 1 << 4
    LIVE_INSERTION = 1 << 2
    RESTART = 1 << 1


class ModuleControl(IntFlag):
    """Module control, 0x1001 (iseg-protocol.md 7.3)."""

    KILL_ENABLE = 1 << 14
    FINE_ADJUSTMENT = 1 << 12
    BIG_ENDIAN = 1 << 11
    CLEAR = 1 << 6
    INTERLOCK = 1 << 5


class ChannelStatus(IntFlag):
    """Channel status, 0x4000 (iseg-protocol.md 7.4), and the ramp bits of the 32-bit form (7.8)."""

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
    """Channel event status and mask, 0x4002 and 0x4003 (iseg-protocol.md 7.5)."""

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
    """Channel control, 0x4001 (iseg-protocol.md 7.6)."""

    EMERGENCY_OFF = 1 << 5
    ON = 1 << 3


BLOCKING = (
    ChannelEvent.VOLTAGE_LIMIT
    | ChannelEvent.CURRENT_LIMIT
    | ChannelEvent.TRIP
    | ChannelEvent.EXTERNAL_INHIBIT
    | ChannelEvent.EMERGENCY
)
"""Events that keep a channel off until they are cleared: 0xF020 (iseg-protocol.md 7.5)."""

MODULE_BLOCKING = (
    ModuleEvent.TEMPERATURE_NOT_GOOD
    | ModuleEvent.SUPPLY_NOT_GOOD
    | ModuleEvent.SAFETY_LOOP_NOT_GOOD
    | ModuleEvent.SERVICE
)
"""Module events that block (iseg-protocol.md 7.2)."""


class Action(IntEnum):
    """What a delayed trip or an external inhibit does (iseg-protocol.md 7.7, inferred)."""

    NONE = 0
    RAMP_DOWN = 1
    SHUT_OFF = 2
    SHUT_OFF_MODULE = 3


@dataclass(frozen=True, slots=True)
class Bit:
    """One bit of a word, as it is shown: its place, its name in CamelCase, text and weight.

    `guidance` tells what an alarm of it means and what to do; empty for one that never alarms.
    """

    number: int
    name: str
    text: str
    weight: Weight
    guidance: str


@dataclass(frozen=True, slots=True)
class _Alarm:
    """Why a bit is looked at, and what to do about it."""

    weight: Weight
    guidance: str


def _fault(guidance: str) -> _Alarm:
    return _Alarm(Weight.FAULT, guidance)


def _warning(guidance: str) -> _Alarm:
    return _Alarm(Weight.WARNING, guidance)


def _good(guidance: str) -> _Alarm:
    return _Alarm(Weight.GOOD, guidance)


_STATE = _Alarm(Weight.NORMAL, "")


def _bits(word: type[W], alarms: dict[W, _Alarm], texts: dict[W, str]) -> tuple[Bit, ...]:
    """A Bit for every flag below bit 16, highest first."""
    found: list[Bit] = []
    for flag in sorted(word, reverse=True):
        if flag.value < 1 << 16:
            words = (flag.name or "").split("_")
            name = "".join(part.capitalize() for part in words)
            text = texts.get(flag, " ".join(words).lower())
            alarm = alarms.get(flag, _STATE)
            number = flag.value.bit_length() - 1
            found.append(Bit(number, name, text, alarm.weight, alarm.guidance))
    return tuple(found)


_S, _E = ChannelStatus, ChannelEvent
_MS, _ME = ModuleStatus, ModuleEvent

_SAFE = "Switch off, and make sure that it is discharged, before anybody touches load or cable"
"""What comes first where somebody looks at the load: no trip and no inhibit need have switched off.

Both may ramp down or do nothing (`Action`), and an error or an arc says nothing about the output.
"""

CHANNEL_STATUS_BITS = _bits(
    ChannelStatus,
    {
        _S.VOLTAGE_LIMIT: _fault(
            "The output went above the hardware voltage limit of the module."
            f" {_SAFE}; look for what drives it from outside, then press Clear."
        ),
        _S.CURRENT_LIMIT: _fault(
            f"The output went above the hardware current limit of the module. {_SAFE}; look for a"
            " discharge or a short circuit, then press Clear."
        ),
        _S.TRIP: _fault(
            f"The channel tripped; it may still be live. {_SAFE}; look for the cause there, then"
            " press Clear."
        ),
        _S.EXTERNAL_INHIBIT: _fault(
            "The external inhibit is active; the channel may still be live, and cannot be switched"
            " on. Find out what holds it; when it is released, press Clear."
        ),
        _S.VOLTAGE_BOUNDS: _warning(
            "The voltage is further from the set voltage than is allowed. Check whether the"
            " current is limited, and whether the bounds are too narrow."
        ),
        _S.CURRENT_BOUNDS: _warning(
            "The current is further from its set value than is allowed. Check whether the bounds"
            f" are too narrow. {_SAFE}."
        ),
        _S.ARC_ERROR: _fault(
            f"More arcs were counted than are allowed; the channel may still be live. {_SAFE};"
            " look for the discharge before you go on."
        ),
        _S.EMERGENCY: _fault(
            "An emergency off was given to the channel. Make sure that high voltage is safe again;"
            " then press Clear, and switch on."
        ),
        _S.INPUT_ERROR: _warning(
            "The module was sent a value for this channel that it does not take. Compare the set"
            " points with what is held; then press Clear."
        ),
        _S.ARC: _warning(
            "The module sees an arc, or cannot regulate the output. Watch the current. If it comes"
            f" again: {_SAFE[0].lower()}{_SAFE[1:]}."
        ),
    },
    {
        _S.VOLTAGE_LIMIT: "hardware voltage limit exceeded",
        _S.CURRENT_LIMIT: "hardware current limit exceeded",
        _S.TRIP: "tripped",
        _S.EXTERNAL_INHIBIT: "external inhibit is active",
        _S.VOLTAGE_BOUNDS: "voltage out of bounds",
        _S.CURRENT_BOUNDS: "current out of bounds",
        _S.ARC_ERROR: "too many arcs",
        _S.EMERGENCY: "emergency off is active",
        _S.INPUT_ERROR: "channel refused a value",
        _S.ARC: "arc or regulation error",
    },
)
CHANNEL_EVENT_BITS = _bits(
    ChannelEvent,
    {
        _E.VOLTAGE_LIMIT: _fault(
            "The hardware voltage limit has been exceeded, and the channel cannot be switched on."
            " Find out why, then press Clear."
        ),
        _E.CURRENT_LIMIT: _fault(
            "The hardware current limit has been exceeded, and the channel cannot be switched on."
            f" {_SAFE}; then press Clear."
        ),
        _E.TRIP: _fault(
            f"The channel has tripped, and cannot be switched on. {_SAFE}; find out why its current"
            " rose, then press Clear."
        ),
        _E.EXTERNAL_INHIBIT: _fault(
            "The external inhibit has been active, and the channel cannot be switched on. When it"
            " is released, press Clear."
        ),
        _E.VOLTAGE_BOUNDS: _warning(
            "The voltage has been further from the set voltage than allowed. See in its history"
            " when and why; then press Clear."
        ),
        _E.CURRENT_BOUNDS: _warning(
            "The current has been further from its set value than allowed. See in its history when"
            " and why; then press Clear."
        ),
        _E.ARC_ERROR: _fault(
            f"There have been more arcs than are allowed. {_SAFE}; look for the discharge, then"
            " press Clear."
        ),
        _E.EMERGENCY: _fault(
            "There was an emergency off, and the channel cannot be switched on. When high voltage"
            " is safe again, press Clear."
        ),
        _E.INPUT_ERROR: _warning(
            "The module has refused a value for this channel. Compare the set points with what is"
            " held; then press Clear."
        ),
        _E.ARC: _warning(
            "There has been an arc, or the output could not be regulated. See in the history of the"
            " current how often; then press Clear."
        ),
    },
    {
        _E.VOLTAGE_LIMIT: "hardware voltage limit exceeded",
        _E.CURRENT_LIMIT: "hardware current limit exceeded",
        _E.TRIP: "tripped",
        _E.EXTERNAL_INHIBIT: "external inhibit was active",
        _E.VOLTAGE_BOUNDS: "voltage was out of bounds",
        _E.CURRENT_BOUNDS: "current was out of bounds",
        _E.ARC_ERROR: "there were too many arcs",
        _E.EMERGENCY: "there was an emergency off",
        _E.ON_TO_OFF: "on to off without ramp",
        _E.INPUT_ERROR: "channel refused a value",
        _E.ARC: "arc or regulation error",
    },
)
MODULE_STATUS_BITS = _bits(
    ModuleStatus,
    {
        _MS.TEMPERATURE_GOOD: _good(
            "The board is too hot, and no channel can be switched on. Check fans and air flow of"
            " the crate; when it has cooled down, press Clear all events."
        ),
        _MS.SUPPLY_GOOD: _good(
            "A supply voltage is out of tolerance, and no channel can be switched on. Check the"
            " power supply of the crate; then press Clear all events."
        ),
        _MS.MODULE_GOOD: _good(
            "Something of this module is not good. See its other status bits: temperature, supply,"
            " safety loop, or an error of a channel."
        ),
        _MS.SAFETY_LOOP_GOOD: _good(
            "The safety loop is open, and no channel can be switched on. Find out where, and close"
            " it if that is safe; then press Clear all events."
        ),
        _MS.NO_SUM_ERROR: _good(
            "A channel of this module has an error. Look for the channel that is in alarm, and at"
            " its status bits."
        ),
        _MS.INPUT_ERROR: _warning(
            "The module was sent something that it does not take. Compare its set points with what"
            " it holds, and look for another program on the line."
        ),
        _MS.NEEDS_SERVICE: _fault(
            "The module has found a hardware failure; it may still be live. Switch it off, take it"
            " out of use, and have it repaired by the maker."
        ),
    },
    {
        _MS.TEMPERATURE_GOOD: "board temperature check",
        _MS.SUPPLY_GOOD: "supply voltages",
        _MS.MODULE_GOOD: "module as a whole",
        _MS.SAFETY_LOOP_GOOD: "safety loop",
        _MS.NO_SUM_ERROR: "state of all channels",
        _MS.INPUT_ERROR: "module refused what it was sent",
        _MS.VOLTAGE_LIMIT_GOOD: "hardware voltage limit good",
        _MS.NEEDS_SERVICE: "module needs service",
    },
)
MODULE_EVENT_BITS = _bits(
    ModuleEvent,
    {
        _ME.TEMPERATURE_NOT_GOOD: _fault(
            "The board has been too hot, and no channel can be switched on. Check fans and air flow"
            " of the crate; then press Clear all events."
        ),
        _ME.SUPPLY_NOT_GOOD: _fault(
            "A supply voltage has been out of tolerance, and no channel can be switched on. Check"
            " the power supply of the crate; then press Clear all events."
        ),
        _ME.SAFETY_LOOP_NOT_GOOD: _fault(
            "The safety loop has been open, and no channel can be switched on. Find out why; when"
            " it is closed, press Clear all events."
        ),
        _ME.INPUT_ERROR: _warning(
            "The module has refused something that it was sent. Compare its set points with what it"
            " holds; then press Clear all events."
        ),
        _ME.VOLTAGE_LIMIT_NOT_GOOD: _warning(
            "The hardware voltage limit has not been in its proper range. Check its setting at the"
            " module; then press Clear all events."
        ),
        _ME.SERVICE: _fault(
            "The module has found a hardware failure, and no channel can be switched on. Press"
            " Clear all events; if it comes again, have the module repaired."
        ),
        _ME.RESTART: _warning(
            "The module has restarted, and its set points may be those of power-on. Check them"
            " before you switch on; then press Clear all events."
        ),
    },
    {
        _ME.TEMPERATURE_NOT_GOOD: "board was too hot",
        _ME.SUPPLY_NOT_GOOD: "supply was out of tolerance",
        _ME.SAFETY_LOOP_NOT_GOOD: "safety loop was open",
        _ME.INPUT_ERROR: "module refused an input",
        _ME.VOLTAGE_LIMIT_NOT_GOOD: "hardware voltage limit not good",
        _ME.SERVICE: "hardware failure",
        _ME.RESTART: "module has restarted",
    },
)


def names_of(bits: tuple[Bit, ...], word: int) -> str:
    """The set bits of a word in words, unknown ones as `bit N`."""
    known = {bit.number: bit.text for bit in bits}
    numbers = (place for place in range(word.bit_length() - 1, -1, -1) if word >> place & 1)
    return ", ".join(known.get(place, f"bit {place}") for place in numbers)
