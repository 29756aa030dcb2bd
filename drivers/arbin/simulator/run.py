"""A test under way on a simulated channel: its steps, limits, timers, counters and the current.

Counters as the wire has them (arbin-protocol.md 4.3): seconds, V, A (charge positive), W, Ah
and Wh, charge and discharge apart, both positive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from .battery import Battery
from .schedule import END, USER_VARIABLES, Control, Limit, Quantity, Schedule, Step, Value

_JUMPS_AT_ONCE = 64
_MEASURING_TIME = 2.0


class Phase(Enum):
    """What a test does just now."""

    RUNNING = auto()
    PAUSED = auto()
    FINISHED = auto()
    BROKEN = auto()


@dataclass(slots=True)
class Counters:
    """What a test has counted so far."""

    test_time: float = 0.0
    step_time: float = 0.0
    charge_capacity: float = 0.0
    discharge_capacity: float = 0.0
    charge_energy: float = 0.0
    discharge_energy: float = 0.0


@dataclass(slots=True)
class Measured:
    """What a channel measures besides time and charge: V, A, ohm, degrees."""

    voltage: float = 0.0
    current: float = 0.0
    internal_resistance: float = 0.0
    ac_resistance: float = 0.0
    impedance: float = 0.0
    phase: float = 0.0


@dataclass(slots=True)
class TestRun:
    """A schedule on a cell, from a step on, with everything it counts.

    highest_current, highest_voltage: what the channel can do, A and V.
    """

    __test__ = False

    schedule: Schedule
    battery: Battery
    measured: Measured
    step: int = 0
    cycle: int = 1
    variables: list[float] = field(default_factory=lambda: [0.0] * USER_VARIABLES)
    counters: Counters = field(default_factory=Counters)
    phase: Phase = Phase.RUNNING
    exit_condition: str = ""
    highest_current: float = 60.0
    highest_voltage: float = 5.0

    def __post_init__(self) -> None:
        self.enter(self.step)

    @property
    def present(self) -> Step:
        """The step it is in."""
        return self.schedule.steps[self.step]

    def enter(self, target: int) -> None:
        """Go to a step; beyond the last one the test is finished."""
        for _ in range(_JUMPS_AT_ONCE):
            if not 0 <= target < len(self.schedule.steps):
                self._end(Phase.FINISHED)
                return
            self.step = target
            self.counters.step_time = 0.0
            if self.present.control is not Control.SET_VARIABLE:
                self.phase = Phase.RUNNING
                if self.present.control is Control.PAUSE:
                    self.pause()
                self.measured.current = self._current()
                return
            self.cycle += 1
            met = self._first_met()
            target = met.target if met else self._following
        self.exit_condition = f"{self.present.label}: steps without end"
        self._end(Phase.BROKEN)

    def pause(self) -> None:
        """Hold the test where it is, without current."""
        self.phase = Phase.PAUSED
        self.measured.current = 0.0

    def go_on(self) -> None:
        """End a pause: behind the step that asked for it, or within the step."""
        if self.present.control is Control.PAUSE:
            self.enter(self._following)
        else:
            self.phase = Phase.RUNNING

    def advance(self, seconds: float) -> None:
        """Let a short time pass: at most a few seconds, in which the current stays what it is."""
        if self.phase is not Phase.RUNNING:
            self.battery.advance(seconds, 0.0)
            return
        current = self.measured.current = self._current()
        self.battery.advance(seconds, current)
        voltage = self.measured.voltage = self.battery.voltage_at(current)
        counters, charge = self.counters, current * seconds / 3600.0
        counters.test_time += seconds
        counters.step_time += seconds
        if charge > 0.0:
            counters.charge_capacity += charge
            counters.charge_energy += charge * voltage
        else:
            counters.discharge_capacity -= charge
            counters.discharge_energy -= charge * voltage
        self._leave_step()

    def _leave_step(self) -> None:
        """Go on if the step is done; limits are judged after each advance."""
        step = self.present
        if step.control is Control.VOLTAGE:
            self.measured.current = self._current()
        met = self._first_met()
        if met is not None:
            self.exit_condition = f"{step.label}: {met}"
            self.enter(met.target)
            return
        measures = step.control in (Control.RESISTANCE, Control.IMPEDANCE)
        if measures and self.counters.step_time >= _MEASURING_TIME:
            self._measure(step.control)
            self.enter(self._following)

    @property
    def _following(self) -> int:
        return self.step + 1 if self.step + 1 < len(self.schedule.steps) else END

    def _end(self, phase: Phase) -> None:
        self.phase = phase
        self.measured.current = 0.0

    def _value(self, value: Value) -> float:
        return self.variables[value.variable - 1] if value.variable else value.number

    def _current(self) -> float:
        """The current of the present step, within what channel and cell can do."""
        step, battery = self.present, self.battery
        value = self._value(step.value)
        match step.control:
            case Control.CURRENT:
                current = value
            case Control.VOLTAGE:
                current = battery.current_at(min(max(value, 0.0), self.highest_voltage))
            case Control.POWER:
                current = battery.current_for(value)
            case _:
                current = 0.0
        return min(max(current, -self.highest_current), self.highest_current)

    def _first_met(self) -> Limit | None:
        for limit in self.present.limits:
            if limit.met(self._quantity(limit.quantity), self._value(limit.value)):
                return limit
        return None

    def _quantity(self, quantity: Quantity) -> float:
        match quantity:
            case Quantity.VOLTAGE:
                return self.measured.voltage
            case Quantity.CURRENT:
                return self.measured.current
            case Quantity.TEMPERATURE:
                return self.battery.temperature
            case Quantity.CYCLE:
                return float(self.cycle)
            case Quantity.STEP_TIME:
                return self.counters.step_time
            case Quantity.TEST_TIME:
                return self.counters.test_time
            case Quantity.CHARGE_CAPACITY:
                return self.counters.charge_capacity
            case Quantity.DISCHARGE_CAPACITY:
                return self.counters.discharge_capacity

    def _measure(self, control: Control) -> None:
        resistance = self.battery.ohmic_resistance
        if control is Control.RESISTANCE:
            self.measured.internal_resistance = resistance + 0.2 * self.battery.slow_resistance
        else:
            self.measured.ac_resistance = resistance
            self.measured.impedance = 1.05 * resistance
            self.measured.phase = -4.5
