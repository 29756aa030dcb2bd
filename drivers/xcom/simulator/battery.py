"""A 48 V lead-acid battery with its charge cycle, for the simulator.

Volts, amperes (positive into the battery), watts, ampere-hours, degC.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

HOUR = 3_600.0
_AMBIENT = 19.0
_HEAT_TIME = 8.0 * HOUR
_DISCHARGE_RESISTANCE = 0.02
_CHARGE_RESISTANCE = 0.03
_GASSING_FROM = 0.75
_GASSING = 3.0
_CHARGE_EFFICIENCY = 0.97
_REBULK_BELOW = 0.92
_NEAR = 0.05


class Phase(IntEnum):
    """Where the charge cycle is; each family has its own codes for it (xcom-protocol.md 18.2)."""

    BULK = 0
    ABSORPTION = 1
    FLOATING = 2


@dataclass(slots=True)
class Battery:
    """State of charge from 0 to 1; current and voltage follow from the power that goes in."""

    capacity: float = 600.0
    soc: float = 0.62
    temperature: float = 21.0
    voltage: float = 49.9
    current: float = 0.0

    @property
    def open_voltage(self) -> float:
        """V without a current."""
        return 46.8 + 4.4 * self.soc

    @property
    def power(self) -> float:
        """W into the battery."""
        return self.voltage * self.current

    def resistance(self, charging: bool) -> float:
        """Ohm; a battery that is nearly full takes less and less."""
        if not charging:
            return _DISCHARGE_RESISTANCE
        gassing = max(0.0, (self.soc - _GASSING_FROM) / (1.0 - _GASSING_FROM))
        return _CHARGE_RESISTANCE + _GASSING * gassing**4

    def accepts(self, voltage: float) -> float:
        """W that go in at most if the chargers hold this voltage."""
        charging = voltage > self.open_voltage
        return voltage * (voltage - self.open_voltage) / self.resistance(charging)

    def take(self, power: float) -> None:
        """Set voltage and current for a power (W, negative out of the battery)."""
        resistance = self.resistance(power > 0.0)
        open_voltage = self.open_voltage
        root = math.sqrt(max(0.0, open_voltage**2 + 4.0 * resistance * power))
        self.current = (root - open_voltage) / (2.0 * resistance)
        self.voltage = open_voltage + resistance * self.current

    def step(self, seconds: float) -> None:
        """Let time pass with the present current."""
        hours = seconds / HOUR
        efficiency = _CHARGE_EFFICIENCY if self.current > 0.0 else 1.0
        self.soc += efficiency * self.current * hours / self.capacity
        self.soc = min(1.0, max(0.0, self.soc))
        target = _AMBIENT + 0.0008 * self.current**2
        self.temperature += (target - self.temperature) * min(1.0, seconds / _HEAT_TIME)


@dataclass(slots=True)
class ChargeCycle:
    """Bulk, absorption, floating: the voltage that the chargers hold, and when it changes."""

    absorption_voltage: float = 57.6
    float_voltage: float = 54.4
    absorption_time: float = 2.0 * HOUR
    phase: Phase = Phase.BULK
    _absorbed: float = 0.0

    @property
    def target(self) -> float:
        """V that the chargers hold."""
        return self.float_voltage if self.phase is Phase.FLOATING else self.absorption_voltage

    def restart(self) -> None:
        """Begin a new cycle."""
        self.phase = Phase.BULK
        self._absorbed = 0.0

    def force_float(self) -> None:
        """Go to floating now."""
        self.phase = Phase.FLOATING

    def step(self, battery: Battery, seconds: float) -> None:
        """Follow the battery."""
        at_target = battery.voltage >= self.target - _NEAR
        if self.phase is Phase.BULK and at_target:
            self.phase = Phase.ABSORPTION
            self._absorbed = 0.0
        elif self.phase is Phase.ABSORPTION:
            self._absorbed += seconds if at_target else 0.0
            if self._absorbed >= self.absorption_time:
                self.phase = Phase.FLOATING
        if self.phase is not Phase.BULK and battery.soc < _REBULK_BELOW and battery.current < 0.0:
            self.restart()
