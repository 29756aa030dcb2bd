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

CHANNEL_STATUS_BITS = _bits(
    ChannelStatus,
    {
        _S.VOLTAGE_LIMIT: _fault(
            "The output went above the hardware voltage limit of the module. Check VoltageSet and"
            " what may drive the output from outside; then TripReset."
        ),
        _S.CURRENT_LIMIT: _fault(
            "The output went above the hardware current limit of the module. Look for a discharge"
            " or a short circuit in the load; then TripReset."
        ),
        _S.TRIP: _fault(
            "The channel tripped, and its output was cut without a ramp. Look for the cause in the"
            " load and its cable; then TripReset, and switch on again."
        ),
        _S.EXTERNAL_INHIBIT: _fault(
            "The external inhibit is active, and the channel cannot be switched on. Find out what"
            " holds it; when it is released, TripReset."
        ),
        _S.VOLTAGE_BOUNDS: _warning(
            "The voltage is further from VoltageSet than VoltageBounds allows. Check whether the"
            " current is limited, and whether the bounds are too narrow."
        ),
        _S.CURRENT_BOUNDS: _warning(
            "The current is further from CurrentSet than CurrentBounds allows. Check the load, and"
            " whether the bounds are too narrow."
        ),
        _S.ARC_ERROR: _fault(
            "More arcs were counted than are allowed. Look for the discharge in the load, its"
            " cable and connectors before you go on."
        ),
        _S.EMERGENCY: _fault(
            "The channel was cut by an emergency off. Make sure that high voltage is safe again;"
            " then TripReset, and switch on."
        ),
        _S.INPUT_ERROR: _warning(
            "The module was sent a value for this channel that it does not take. Compare the set"
            " points with their readbacks; then TripReset."
        ),
        _S.ARC: _warning(
            "The module sees an arc, or cannot regulate the output. Watch the current; if it comes"
            " again, lower the voltage and look for the discharge."
        ),
    },
    {_S.VOLTAGE_LIMIT: "hardware voltage limit", _S.CURRENT_LIMIT: "hardware current limit"},
)
CHANNEL_EVENT_BITS = _bits(
    ChannelEvent,
    {
        _E.VOLTAGE_LIMIT: _fault(
            "The hardware voltage limit has been exceeded, and the channel cannot be switched on."
            " Find out why; TripReset clears this."
        ),
        _E.CURRENT_LIMIT: _fault(
            "The hardware current limit has been exceeded, and the channel cannot be switched on."
            " Check the load; TripReset clears this."
        ),
        _E.TRIP: _fault(
            "The channel has tripped and cannot be switched on. Find out why its current rose;"
            " TripReset clears this."
        ),
        _E.EXTERNAL_INHIBIT: _fault(
            "The external inhibit has been active, and the channel cannot be switched on. When it"
            " is released, TripReset clears this."
        ),
        _E.VOLTAGE_BOUNDS: _warning(
            "The voltage has been further from VoltageSet than allowed. See in its history when and"
            " why; TripReset clears this."
        ),
        _E.CURRENT_BOUNDS: _warning(
            "The current has been further from CurrentSet than allowed. See in its history when and"
            " why; TripReset clears this."
        ),
        _E.ARC_ERROR: _fault(
            "There have been more arcs than are allowed. Look for the discharge in the load and its"
            " cable; TripReset clears this."
        ),
        _E.EMERGENCY: _fault(
            "There was an emergency off, and the channel cannot be switched on. When high voltage"
            " is safe again, TripReset clears this."
        ),
        _E.INPUT_ERROR: _warning(
            "The module has refused a value for this channel. Compare the set points with their"
            " readbacks; TripReset clears this."
        ),
        _E.ARC: _warning(
            "There has been an arc, or the output could not be regulated. See in the history of the"
            " current how often; TripReset clears this."
        ),
    },
    {_E.ON_TO_OFF: "on to off without ramp"},
)
MODULE_STATUS_BITS = _bits(
    ModuleStatus,
    {
        _MS.TEMPERATURE_GOOD: _good(
            "The board is too hot, and no channel can be switched on. Check fans and air flow of"
            " the crate; when it has cooled down, ClearEvents."
        ),
        _MS.SUPPLY_GOOD: _good(
            "A supply voltage is out of tolerance, and no channel can be switched on. Check the"
            " power supply of the crate; then ClearEvents."
        ),
        _MS.MODULE_GOOD: _good(
            "Something of this module is not good. Its other status bits tell what: temperature,"
            " supply, safety loop, or an error of a channel."
        ),
        _MS.SAFETY_LOOP_GOOD: _good(
            "The safety loop is open, and no channel can be switched on. Find out where, and close"
            " it if that is safe; then ClearEvents."
        ),
        _MS.NO_SUM_ERROR: _good(
            "A channel of this module has an error. Look for the channel that is in alarm, and at"
            " its status bits."
        ),
        _MS.INPUT_ERROR: _warning(
            "The module was sent something that it does not take. Compare its set points with their"
            " readbacks, and look for another program on the line."
        ),
        _MS.NEEDS_SERVICE: _fault(
            "The module has a hardware failure, and its high voltage stays off. Have it repaired by"
            " the maker."
        ),
    },
    {_MS.VOLTAGE_LIMIT_GOOD: "hardware voltage limit good"},
)
MODULE_EVENT_BITS = _bits(
    ModuleEvent,
    {
        _ME.TEMPERATURE_NOT_GOOD: _fault(
            "The board has been too hot, and no channel can be switched on. Check fans and air flow"
            " of the crate; ClearEvents clears this."
        ),
        _ME.SUPPLY_NOT_GOOD: _fault(
            "A supply voltage has been out of tolerance, and no channel can be switched on. Check"
            " the power supply of the crate; ClearEvents clears this."
        ),
        _ME.SAFETY_LOOP_NOT_GOOD: _fault(
            "The safety loop has been open, and no channel can be switched on. Find out why; when"
            " it is closed, ClearEvents clears this."
        ),
        _ME.INPUT_ERROR: _warning(
            "The module has refused something that it was sent. Compare its set points with their"
            " readbacks; ClearEvents clears this."
        ),
        _ME.VOLTAGE_LIMIT_NOT_GOOD: _warning(
            "The hardware voltage limit has not been in its proper range. Check its setting at the"
            " module; ClearEvents clears this."
        ),
        _ME.SERVICE: _fault(
            "The module has found a hardware failure, and no channel can be switched on. Have it"
            " repaired if that comes again after ClearEvents."
        ),
        _ME.RESTART: _warning(
            "The module has restarted, and its set points may be those of power-on. Check them"
            " before you switch on; ClearEvents clears this."
        ),
    },
    {_ME.VOLTAGE_LIMIT_NOT_GOOD: "hardware voltage limit not good"},
)


def names_of(bits: tuple[Bit, ...], word: int) -> str:
    """The set bits of a word in words, unknown ones as `bit N`."""
    known = {bit.number: bit.text for bit in bits}
    numbers = (place for place in range(word.bit_length() - 1, -1, -1) if word >> place & 1)
    return ", ".join(known.get(place, f"bit {place}") for place in numbers)
