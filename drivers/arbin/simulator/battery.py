"""A lithium-ion cell, so that simulated channels charge and discharge something that reacts.

Open-circuit voltage by state of charge, an ohmic and a slow (RC) resistance, self-heating. The
curve has the shape of a graphite/NMC cell; charge positive, as on the cycler's wire
(arbin-protocol.md 4.3).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

_CURVE = (
    (-0.05, 0.5), (0.0, 2.7), (0.02, 3.05), (0.05, 3.25), (0.10, 3.42), (0.20, 3.54),
    (0.30, 3.61), (0.40, 3.66), (0.50, 3.73), (0.60, 3.83), (0.70, 3.93), (0.80, 4.03),
    (0.90, 4.12), (1.0, 4.20), (1.05, 4.60), (1.10, 5.20),
)  # fmt: skip
_STATES = [state for state, _ in _CURVE]
_REFERENCE = 25.0
_RESISTANCE_PER_DEGREE = 0.012


@dataclass(slots=True)
class Battery:
    """One cell and its state.

    capacity in Ah, resistances in ohm, temperatures in degC; `state` is the state of charge, 0 to
    1 (a little beyond when overcharged or drained); `slow_voltage` in V is what the slow
    resistance adds to the open-circuit voltage now.
    """

    capacity: float = 5.0
    state: float = 0.4
    resistance: float = 0.018
    slow_resistance: float = 0.012
    slow_time: float = 40.0
    heat_capacity: float = 65.0
    thermal_resistance: float = 7.0
    ambient: float = 25.0
    temperature: float = 25.0
    slow_voltage: float = 0.0

    @property
    def open_circuit_voltage(self) -> float:
        """The voltage after a long rest, V."""
        state = min(max(self.state, _STATES[0]), _STATES[-1])
        right = min(bisect_right(_STATES, state), len(_CURVE) - 1)
        (low, below), (high, above) = _CURVE[right - 1], _CURVE[right]
        return below + (above - below) * (state - low) / (high - low)

    @property
    def inner_voltage(self) -> float:
        """The voltage at no current now, V: slow to come and to go after a change."""
        return self.open_circuit_voltage + self.slow_voltage

    @property
    def ohmic_resistance(self) -> float:
        """What a pulse of current sees now, ohm; lower when warm."""
        return self.resistance * math.exp(_RESISTANCE_PER_DEGREE * (_REFERENCE - self.temperature))

    def voltage_at(self, current: float) -> float:
        """The voltage at the terminals while a current flows, V."""
        return self.inner_voltage + current * self.ohmic_resistance

    def current_at(self, voltage: float) -> float:
        """The current that brings the terminals to a voltage now, A."""
        return (voltage - self.inner_voltage) / self.ohmic_resistance

    def current_for(self, power: float) -> float:
        """The current at which the terminals take this power now, A.

        A discharge that the cell cannot deliver gives the current of its highest power.
        """
        inner, resistance = self.inner_voltage, self.ohmic_resistance
        root = math.sqrt(max(inner * inner + 4.0 * resistance * power, 0.0))
        return (root - inner) / (2.0 * resistance)

    def advance(self, seconds: float, current: float) -> None:
        """Let a current flow for a while."""
        self.state += current * seconds / 3600.0 / self.capacity
        self.state = min(max(self.state, _STATES[0]), _STATES[-1])
        target = current * self.slow_resistance
        self.slow_voltage += (target - self.slow_voltage) * -math.expm1(-seconds / self.slow_time)
        heat = current * current * self.ohmic_resistance + current * self.slow_voltage
        settled = self.ambient + heat * self.thermal_resistance
        share = -math.expm1(-seconds / (self.heat_capacity * self.thermal_resistance))
        self.temperature += (settled - self.temperature) * share
