"""The panel's words: states, warning and alarm bits, models, revisions.

Source: cpa1110-protocol.md 3 and 4. Unknown numbers and bits are kept and shown as such.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class DecodeError(ValueError):
    """Registers that cannot be a reading: names the wire address and the value."""


class OperatingState(IntEnum):
    """Operating state, wire 1 (cpa1110-protocol.md 4)."""

    IDLE = 0
    STARTING = 2
    RUNNING = 3
    STOPPING = 5
    ERROR_LOCKOUT = 6
    ERROR = 7
    HELIUM_COOLDOWN = 8
    POWER_ERROR = 9
    RECOVERED_FROM_ERROR = 15
    RESOLVE_PREVIOUS_ERROR = 16


@dataclass(frozen=True, slots=True)
class Bit:
    """One bit of the warning and the alarm word, for an operator.

    name: the canonical one. text: the same in words. meaning: what is wrong. check: what to do.
    """

    name: str
    text: str
    meaning: str
    check: str


def _sensor(name: str, what: str) -> Bit:
    """A broken sensor: what it shows then is unknown (cpa1110-protocol.md 7)."""
    text = f"{what[0].upper()}{what[1:]} sensor fault"
    meaning = f"The {what} sensor is faulty, and its value means nothing"
    return Bit(f"{name}_sensor", text, meaning, "Check its cable, or have it replaced.")


BITS: tuple[Bit, ...] = (
    Bit(
        "coolant_in_high",
        "Cooling water inlet too hot",
        "The cooling water comes in too hot",
        "Check the chiller or supply that it comes from.",
    ),
    Bit(
        "coolant_in_low",
        "Cooling water inlet too cold",
        "The cooling water comes in too cold",
        "Check what the chiller or supply is set to.",
    ),
    Bit(
        "coolant_out_high",
        "Cooling water outlet too hot",
        "The cooling water leaves too hot",
        "Check its flow, and how warm it comes in.",
    ),
    Bit(
        "coolant_out_low",
        "Cooling water outlet too cold",
        "The cooling water leaves too cold",
        "Check how cold it comes in, and its flow.",
    ),
    Bit(
        "oil_high",
        "Oil temperature too high",
        "The oil is too hot",
        "Check flow and temperature of the cooling water.",
    ),
    Bit(
        "oil_low",
        "Oil temperature too low",
        "The oil is too cold",
        "Check whether room or cooling water are too cold for it.",
    ),
    Bit(
        "helium_high",
        "Helium temperature too high",
        "The helium is too hot",
        "Check the cooling water, and the oil temperature.",
    ),
    Bit(
        "helium_low",
        "Helium temperature too low",
        "The helium is too cold",
        "Check whether room or cooling water are too cold for it.",
    ),
    Bit(
        "low_pressure_high",
        "Low-side pressure too high",
        "Too much helium pressure on the low side",
        "Check helium charge and lines to the cold head.",
    ),
    Bit(
        "low_pressure_low",
        "Low-side pressure too low",
        "Too little helium pressure on the low side",
        "Look for a leak or a closed line.",
    ),
    Bit(
        "high_pressure_high",
        "High-side pressure too high",
        "Too much helium pressure on the high side",
        "Check helium charge, and for a closed line.",
    ),
    Bit(
        "high_pressure_low",
        "High-side pressure too low",
        "Too little helium pressure on the high side",
        "Check the helium charge; look for a leak.",
    ),
    Bit(
        "delta_pressure_high",
        "Pressure difference too high",
        "The helium pressures differ too much",
        "Check that the lines to the cold head are open.",
    ),
    Bit(
        "delta_pressure_low",
        "Pressure difference too low",
        "The helium pressures differ too little",
        "Check that the motor runs, and the helium charge.",
    ),
    Bit(
        "motor_current_low",
        "Motor current too low",
        "The motor takes too little current",
        "Check its supply, and whether it runs at all.",
    ),
    Bit(
        "three_phase_error",
        "Three-phase supply error",
        "The three-phase supply is not right",
        "Have an electrician check phases and fuses.",
    ),
    Bit(
        "power_supply_error",
        "Power supply error",
        "A power supply of the compressor is not right",
        "Check the mains; else call for service.",
    ),
    Bit(
        "static_pressure_high",
        "Static pressure too high",
        "Too much helium pressure at rest",
        "Have trained staff correct the helium charge.",
    ),
    Bit(
        "static_pressure_low",
        "Static pressure too low",
        "Too little helium pressure at rest",
        "Look for a leak, then have helium refilled.",
    ),
    Bit(
        "cold_head_motor_stall",
        "Cold head motor stalled",
        "The motor of the cold head does not turn, so it does not cool",
        "Check its cable.",
    ),
    _sensor("coolant_in", "water inlet"),
    _sensor("coolant_out", "water outlet"),
    _sensor("helium", "helium"),
    _sensor("oil", "oil"),
    _sensor("high_pressure", "high-side pressure"),
    _sensor("low_pressure", "low-side pressure"),
    _sensor("motor_current", "motor current"),
    Bit(
        "motor_current_high",
        "Motor current too high",
        "The motor takes too much current",
        "Check its supply and the helium pressures.",
    ),
    Bit(
        "inverter_error",
        "Inverter error",
        "The inverter of the motor reports an error",
        "Note what the panel shows; call for service.",
    ),
    Bit(
        "driver_comm_loss",
        "Driver communication lost",
        "The panel does not hear from the driver",
        "Check the cable to it; else call for service.",
    ),
    Bit(
        "inverter_comm_loss",
        "Inverter communication lost",
        "The panel does not hear from the inverter",
        "Check the cable to it; else call for service.",
    ),
)
"""The bits of the warning and the alarm word, from bit 0 (cpa1110-protocol.md 3).

The words follow from the names; what to check is ours, for no public source tells it.
"""

BIT_NAMES: tuple[str, ...] = tuple(bit.name for bit in BITS)

_LARGEST_MASK = 0xFFFF_FFFF
_MODEL_SERIES = {1: "08", 2: "09", 3: "10", 4: "11", 5: "28"}
# fmt: off
_TYPE_NAMES = (
    "A1", "01", "02", "03", "H3", "I3", "04", "H4", "05", "H5", "I6", "06",
    "07", "H7", "I7", "08", "09", "9C", "10", "1I", "11", "12", "13", "14",
)
# fmt: on
_MODEL_TYPES = dict(enumerate(_TYPE_NAMES, start=1))


def state_name(state: int) -> str:
    """The state in words; `unknown` for numbers no manual lists."""
    try:
        return OperatingState(state).name.lower()
    except ValueError:
        return "unknown"


def bit_names(mask: int) -> tuple[str, ...]:
    """Names of the bits that are set, in rising order; unknown ones as `bit_N`."""
    return tuple(
        BIT_NAMES[bit] if bit < len(BIT_NAMES) else f"bit_{bit}"
        for bit in range(mask.bit_length())
        if mask >> bit & 1
    )


def bit_texts(mask: int) -> str:
    """The bits that are set in words, in rising order; unknown ones by their number."""
    return "; ".join(
        BITS[bit].text if bit < len(BITS) else f"Unknown bit {bit}"
        for bit in range(mask.bit_length())
        if mask >> bit & 1
    )


def mask_from_names(names: Sequence[str]) -> int:
    """The mask with these bits set; takes `bit_N` too. Raises ValueError for unknown names."""
    mask = 0
    for name in names:
        if name in BIT_NAMES:
            mask |= 1 << BIT_NAMES.index(name)
        elif name.startswith("bit_") and name[4:].isdecimal() and int(name[4:]) < 32:
            mask |= 1 << int(name[4:])
        else:
            raise ValueError(f"unknown bit {name!r}")
    return mask


def mask_from_float(value: float, wire: int) -> int:
    """The mask of a 2.x word: a float that is minus the mask (cpa1110-protocol.md 3)."""
    if not math.isfinite(value):
        raise DecodeError(f"wire {wire}: the mask is {value}")
    mask = abs(round(value))
    if mask > _LARGEST_MASK:
        raise DecodeError(f"wire {wire}: the mask {value:g} has more than 32 bits")
    return mask


def model_name(major: int, minor: int) -> str | None:
    """The model, such as `CPA1110`; None for a pair that no list has."""
    series, kind = _MODEL_SERIES.get(major), _MODEL_TYPES.get(minor)
    return None if series is None or kind is None else f"CPA{series}{kind}"
