"""The panel's words: states, warning and alarm bits, models, revisions.

Source: CPA reference, sections 3 and 4. Unknown numbers and bits are kept and shown as such.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum


class DecodeError(ValueError):
    """Registers that cannot be a reading: names the wire address and the value."""


class OperatingState(IntEnum):
    """Operating state, wire 1 (CPA reference, section 4)."""

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


BIT_NAMES: tuple[str, ...] = (
    "coolant_in_high",
    "coolant_in_low",
    "coolant_out_high",
    "coolant_out_low",
    "oil_high",
    "oil_low",
    "helium_high",
    "helium_low",
    "low_pressure_high",
    "low_pressure_low",
    "high_pressure_high",
    "high_pressure_low",
    "delta_pressure_high",
    "delta_pressure_low",
    "motor_current_low",
    "three_phase_error",
    "power_supply_error",
    "static_pressure_high",
    "static_pressure_low",
    "cold_head_motor_stall",
    "coolant_in_sensor",
    "coolant_out_sensor",
    "helium_sensor",
    "oil_sensor",
    "high_pressure_sensor",
    "low_pressure_sensor",
    "motor_current_sensor",
    "motor_current_high",
    "inverter_error",
    "driver_comm_loss",
    "inverter_comm_loss",
)
"""Names of the bits of the warning and the alarm word, from bit 0 (CPA reference, section 3)."""

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
    """The mask of a 2.x word: a float that is minus the mask (CPA reference, section 3)."""
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
