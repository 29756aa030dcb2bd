"""A compressor's status in fixed units, as operators and archives see it."""

from __future__ import annotations

from dataclasses import dataclass

from .protocol import Snapshot
from .units import PressureUnit, TemperatureUnit, convert_pressure, to_celsius


@dataclass(frozen=True, slots=True)
class CompressorStatus:
    """All readings of one moment.

    Temperatures in degC, pressures in `pressure_unit`, motor current in A, hours in h, whatever the
    panel shows (`panel_pressure_unit`, `panel_temperature_unit`). `state` and the masks keep
    unknown numbers and bits. `model` is `unknown (4, 99)` for a pair that no list has.
    """

    state: int
    state_name: str
    running: bool
    warning_mask: int
    warnings: tuple[str, ...]
    alarm_mask: int
    alarms: tuple[str, ...]
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
    panel_pressure_unit: PressureUnit
    panel_temperature_unit: TemperatureUnit
    panel_serial_number: int
    model: str
    revision: str

    @property
    def summary(self) -> str:
        """State, motor, alarms and warnings in one line."""
        motor = "motor on" if self.running else "motor off"
        alarms = ", ".join(self.alarms) or "none"
        warnings = ", ".join(self.warnings) or "none"
        state = f"state {self.state_name} ({self.state})"
        return f"{state}, {motor}, alarms: {alarms}, warnings: {warnings}"


def status_from(snapshot: Snapshot, pressure_unit: PressureUnit) -> CompressorStatus:
    """A block of registers in fixed units (units of the panel are read with every block)."""
    one = snapshot

    def pressure(value: float) -> float:
        return convert_pressure(value, one.pressure_unit, pressure_unit)

    def celsius(value: float) -> float:
        return to_celsius(value, one.temperature_unit)

    return CompressorStatus(
        state=one.operating_state,
        state_name=one.operating_state_name,
        running=one.compressor_running,
        warning_mask=one.warning_mask,
        warnings=one.warnings,
        alarm_mask=one.alarm_mask,
        alarms=one.alarms,
        coolant_in_temperature=celsius(one.coolant_in_temperature),
        coolant_out_temperature=celsius(one.coolant_out_temperature),
        oil_temperature=celsius(one.oil_temperature),
        helium_temperature=celsius(one.helium_temperature),
        low_pressure=pressure(one.low_pressure),
        low_pressure_average=pressure(one.low_pressure_average),
        high_pressure=pressure(one.high_pressure),
        high_pressure_average=pressure(one.high_pressure_average),
        delta_pressure_average=pressure(one.delta_pressure_average),
        motor_current=one.motor_current,
        hours_of_operation=one.hours_of_operation,
        pressure_unit=pressure_unit,
        panel_pressure_unit=one.pressure_unit,
        panel_temperature_unit=one.temperature_unit,
        panel_serial_number=one.panel_serial_number,
        model=one.model or f"unknown ({one.model_major}, {one.model_minor})",
        revision=one.software_revision,
    )
