"""Registers of the CPA panel and their meaning, both ways (cpa1110-protocol.md 1, 2, 5 and 6).

A block read starts at wire address 1: 33 registers on panel firmware 2.x, 55 on 3.x. 32-bit values
have their low word first. `Snapshot` holds a block in the panel's own units, as displayed there.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from .units import PressureUnit, TemperatureUnit
from .words import DecodeError, bit_names, mask_from_float, model_name, state_name

START = 1
COUNT_2X = 33
COUNT_3X = 55
FIRST_EXTENDED_MAJOR = 3
COMMAND_ADDRESS = 1
COMMAND_START = 0x0001
COMMAND_STOP = 0x00FF
COMMAND_STOP_OF_SAMPLES = 0xFFFF
DEFAULT_TCP_PORT = 502
DEFAULT_TCP_UNIT = 1
DEFAULT_RTU_UNIT = 16
DEFAULT_BAUD = 115200

_MEASUREMENTS = 11
_FLOATS_AT = 7
_INTEGERS_AT = 40
_HOURS_AT = 50
_MASKS_3X_AT = 52
_UnitT = TypeVar("_UnitT", PressureUnit, TemperatureUnit)


class Measurements(StrEnum):
    """Where a 3.x panel's measurements are taken from: the float words, or integers of 0.1 unit."""

    FLOAT = "float"
    INTEGER = "integer"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One block of registers, decoded: pressures and temperatures in the units of the panel."""

    operating_state: int
    compressor_running: bool
    warning_mask: int
    alarm_mask: int
    coolant_in_temperature: float
    coolant_out_temperature: float
    oil_temperature: float
    helium_temperature: float
    low_pressure: float
    low_pressure_average: float
    high_pressure: float
    high_pressure_average: float
    delta_pressure_average: float
    motor_current: float
    hours_of_operation: float
    pressure_unit: PressureUnit
    temperature_unit: TemperatureUnit
    panel_serial_number: int
    model_major: int
    model_minor: int
    revision: tuple[int, int]

    @property
    def operating_state_name(self) -> str:
        """The state in words, `unknown` if no manual lists it."""
        return state_name(self.operating_state)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Names of the warnings, in rising bit order."""
        return bit_names(self.warning_mask)

    @property
    def alarms(self) -> tuple[str, ...]:
        """Names of the alarms, in rising bit order."""
        return bit_names(self.alarm_mask)

    @property
    def model(self) -> str | None:
        """The model, None if the pair of numbers is not listed."""
        return model_name(self.model_major, self.model_minor)

    @property
    def software_revision(self) -> str:
        """The revision as the panel writes it: minor 154 is newer than 9, so never a number."""
        return f"{self.revision[0]}.{self.revision[1]}"


def revision_of(registers: Sequence[int]) -> tuple[int, int]:
    """Major and minor revision from a block (wire 33)."""
    word = registers[33 - START]
    return word >> 8, word & 0xFF


def decode(registers: Sequence[int], measurements: Measurements = Measurements.FLOAT) -> Snapshot:
    """Decode a block of 33 registers (2.x) or 55 (3.x).

    The masks come from the integers at wire 52 to 55 if the block holds them and the panel fills
    them (3.x), since floats lose bits; a 2.x panel leaves zeros there, which would hide alarms.
    Raises `DecodeError` (NaN, infinity, unknown unit, wrong length).
    """
    if len(registers) not in (COUNT_2X, COUNT_3X):
        raise DecodeError(f"{len(registers)} registers, not {COUNT_2X} or {COUNT_3X}")
    revision = revision_of(registers)
    extended = len(registers) == COUNT_3X and revision[0] >= FIRST_EXTENDED_MAJOR
    if extended and measurements is Measurements.INTEGER:
        values = _integer_measurements(registers)
    else:
        values = [_float(registers, _FLOATS_AT + 2 * n) for n in range(_MEASUREMENTS)]
    model = registers[32 - START]
    return Snapshot(
        registers[0],
        registers[1] != 0,
        decode_mask(registers, _MASKS_3X_AT) if extended else decode_float_mask(registers, 3),
        decode_mask(registers, _MASKS_3X_AT + 2) if extended else decode_float_mask(registers, 5),
        *values,
        pressure_unit=_unit(PressureUnit, registers[29 - START], 29),
        temperature_unit=_unit(TemperatureUnit, registers[30 - START], 30),
        panel_serial_number=registers[31 - START],
        model_major=model >> 8,
        model_minor=model & 0xFF,
        revision=revision,
    )


def decode_float_mask(registers: Sequence[int], wire: int, start: int = START) -> int:
    """The 2.x mask at a wire address, from registers that begin at `start`."""
    return mask_from_float(_raw_float(registers[wire - start], registers[wire - start + 1]), wire)


def decode_mask(registers: Sequence[int], wire: int, start: int = START) -> int:
    """The 3.x mask at a wire address: unsigned 32 bits, low word first."""
    return registers[wire - start] | registers[wire - start + 1] << 16


def encode(snapshot: Snapshot, *, words_34: tuple[int, int] = (0, 0)) -> tuple[int, ...]:
    """The 55 registers a panel shows for a snapshot; a 2.x panel leaves wire 35 to 55 at zero.

    `words_34` is what wire 34 and 35 hold (cpa1110-protocol.md 2). For simulators.
    """
    one = snapshot
    values = _measurement_values(one)
    registers = [one.operating_state, int(one.compressor_running)]
    for value in (-float(one.warning_mask), -float(one.alarm_mask), *values):
        registers += _split_float(value)
    registers += [one.pressure_unit, one.temperature_unit, one.panel_serial_number]
    registers += [one.model_major << 8 | one.model_minor, one.revision[0] << 8 | one.revision[1]]
    if one.revision[0] < FIRST_EXTENDED_MAJOR:
        registers += [words_34[0], *([0] * (COUNT_3X - 34))]
        return tuple(registers)
    registers += [*words_34, 0, 0, 0, 0]
    registers += [_tenths(value) & 0xFFFF for value in values[:-1]]
    for value in (round(one.hours_of_operation * 10), one.warning_mask, one.alarm_mask):
        registers += [value & 0xFFFF, value >> 16 & 0xFFFF]
    return tuple(registers)


def _measurement_values(one: Snapshot) -> tuple[float, ...]:
    return (
        one.coolant_in_temperature,
        one.coolant_out_temperature,
        one.oil_temperature,
        one.helium_temperature,
        one.low_pressure,
        one.low_pressure_average,
        one.high_pressure,
        one.high_pressure_average,
        one.delta_pressure_average,
        one.motor_current,
        one.hours_of_operation,
    )


def _raw_float(low: int, high: int) -> float:
    value: float = struct.unpack(">f", struct.pack(">HH", high, low))[0]
    return value


def _split_float(value: float) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return low, high


def _float(registers: Sequence[int], wire: int) -> float:
    value = _raw_float(registers[wire - START], registers[wire - START + 1])
    if not math.isfinite(value):
        raise DecodeError(f"wire {wire}: the value is {value}")
    return value


def _integer_measurements(registers: Sequence[int]) -> list[float]:
    def tenths(wire: int) -> float:
        word = registers[wire - START]
        return (word - 0x10000 if word & 0x8000 else word) / 10.0

    values = [tenths(_INTEGERS_AT + n) for n in range(_MEASUREMENTS - 1)]
    return [*values, decode_mask(registers, _HOURS_AT) / 10.0]


def _tenths(value: float) -> int:
    return max(-0x8000, min(0x7FFF, round(value * 10)))


def _unit(kind: type[_UnitT], code: int, wire: int) -> _UnitT:
    try:
        return kind(code)
    except ValueError:
        known = ", ".join(f"{each.value} {each}" for each in kind)
        raise DecodeError(f"wire {wire}: unit {code} is none of {known}") from None
