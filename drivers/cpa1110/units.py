"""Units of the panel and how to leave them (cpa1110-protocol.md 7)."""

from __future__ import annotations

from enum import IntEnum

_KPA = {"psi": 6.894757, "bar": 100.0, "kPa": 1.0}


class PressureUnit(IntEnum):
    """Pressure unit, wire 29; `str()` is the text for displays."""

    PSI = 0
    BAR = 1
    KPA = 2

    def __str__(self) -> str:
        return ("psi", "bar", "kPa")[self]


class TemperatureUnit(IntEnum):
    """Temperature unit, wire 30; `str()` is the text for displays."""

    F = 0
    C = 1
    K = 2

    def __str__(self) -> str:
        return self.name


def convert_pressure(value: float, source: PressureUnit, target: PressureUnit) -> float:
    """A pressure in another unit (also pressure differences)."""
    if source is target:
        return value
    return value * _KPA[str(source)] / _KPA[str(target)]


def to_celsius(value: float, unit: TemperatureUnit) -> float:
    """A temperature in degC."""
    if unit is TemperatureUnit.K:
        return value - 273.15
    if unit is TemperatureUnit.F:
        return (value - 32.0) * 5.0 / 9.0
    return value


def from_celsius(value: float, unit: TemperatureUnit) -> float:
    """A temperature in degC in the panel's unit."""
    if unit is TemperatureUnit.K:
        return value + 273.15
    if unit is TemperatureUnit.F:
        return value * 9.0 / 5.0 + 32.0
    return value
