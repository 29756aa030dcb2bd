"""A simulated meter: what it measures of a load, its counters, maxima, minima and demands.

The image follows the load once a second of its time, as the meter's does (cvm96-protocol.md 5
and 8); maxima and minima follow the image, the energies integrate the powers.
"""

from __future__ import annotations

import math
from collections import deque

from ..protocol import BY_NAME, QUANTITIES, DemandMode, Image, Value
from .load import LOADS, LoadModel, State

_REFRESH = 1.0
_MOST_STEPS = 200
_DEMAND_TIME = 900.0
_LINES = ("l1", "l2", "l3")
_HOUR = 3600.0


class MeterModel:
    """One meter; `advance` moves its time, `values` are its 132 values as counts."""

    def __init__(
        self,
        load: LoadModel | None = None,
        demand_mode: DemandMode = DemandMode.W,
    ) -> None:
        self.load = load or LoadModel(LOADS[0], hour=10.0, seed=96)
        self.demand_mode = demand_mode
        self.energies = dict.fromkeys((each.name for each in QUANTITIES if each.energy), 0.0)
        self._rest = 0.0
        self._window = _Window()
        self._image: dict[str, int] = {}
        self._maxima: dict[str, int] = {}
        self._minima: dict[str, int] = {}
        self._measure(0.0)

    @property
    def state(self) -> State:
        """The load behind the image."""
        return self.load.state

    def advance(self, seconds: float) -> None:
        """Let time pass: in steps of one second, or longer ones if there would be very many."""
        self._rest += seconds
        steps = math.floor(self._rest / _REFRESH)
        if not steps:
            return
        passed = steps * _REFRESH
        self._rest -= passed
        steps = min(steps, _MOST_STEPS)
        for _ in range(steps):
            self.load.advance(passed / steps)
            self._measure(passed / steps)

    def clear_energies(self) -> None:
        """Clear the counters, as somebody at the keypad does."""
        self.energies = dict.fromkeys(self.energies, 0.0)
        self._measure(0.0)

    def clear_extremes(self) -> None:
        """Begin maxima and minima again with what is measured now, as at the keypad."""
        self._maxima = dict(self._image)
        self._minima = dict(self._image)

    def values(self) -> list[Value]:
        """Every value, as it is on the wire."""
        images = {
            Image.INSTANTANEOUS: self._image,
            Image.MAXIMUM: self._maxima,
            Image.MINIMUM: self._minima,
        }
        return [
            Value(BY_NAME[name], image, count)
            for image, counts in images.items()
            for name, count in counts.items()
        ]

    def _measure(self, seconds: float) -> None:
        numbers = _instantaneous(self.state)
        self._count(seconds)
        numbers |= self._demands(seconds)
        numbers |= self.energies
        counts = {each.name: each.counts for each in QUANTITIES}
        counts["maximum_demand"] = self.demand_mode.counts
        self._image = {
            name: _rounded(number, counts[name], energy=name in self.energies)
            for name, number in numbers.items()
        }
        for name, count in self._image.items():
            self._maxima[name] = max(count, self._maxima.get(name, count))
            self._minima[name] = min(count, self._minima.get(name, count))

    def _count(self, seconds: float) -> None:
        """Add the powers to the counters: to those of generated energy while P is negative."""
        state, hours = self.state, seconds / _HOUR
        suffix = "_generated" if state.active < 0 else ""
        kind = "capacitive" if state.reactive < 0 else "inductive"
        self.energies[f"active_energy{suffix}"] += abs(state.active) * hours
        self.energies[f"{kind}_energy{suffix}"] += abs(state.reactive) * hours
        self.energies[f"apparent_energy{suffix}"] += state.apparent * hours

    def _demands(self, seconds: float) -> dict[str, float]:
        """Means over the last 15 minutes, of what the keypad says."""
        currents = tuple(phase.current for phase in self.state.phases)
        now: tuple[float, ...]
        match self.demand_mode:
            case DemandMode.W:
                now = (max(0.0, self.state.active),)
            case DemandMode.VA:
                now = (self.state.apparent,)
            case DemandMode.A:
                now = (sum(currents) / 3,)
            case DemandMode.A_PER_PHASE:
                now = currents
        means = self._window.mean(now, max(seconds, _REFRESH))
        means += [0.0] * (3 - len(means))
        names = ("maximum_demand", "maximum_demand_l2", "maximum_demand_l3")
        return dict(zip(names, means, strict=True))


class _Window:
    """Means over the last 15 minutes."""

    def __init__(self) -> None:
        self._parts: deque[tuple[float, tuple[float, ...]]] = deque()
        self._sums = [0.0, 0.0, 0.0]
        self._length = 0.0

    def mean(self, numbers: tuple[float, ...], seconds: float) -> list[float]:
        """Take in numbers that held for some seconds; returns the mean of each."""
        self._add(numbers, seconds)
        self._parts.append((seconds, numbers))
        while self._length > _DEMAND_TIME and len(self._parts) > 1:
            length, oldest = self._parts.popleft()
            self._add(oldest, -length)
        return [total / self._length for total in self._sums[: len(numbers)]]

    def _add(self, numbers: tuple[float, ...], seconds: float) -> None:
        self._length += seconds
        for index, number in enumerate(numbers):
            self._sums[index] += number * seconds


def _instantaneous(state: State) -> dict[str, float]:
    """All quantities that the load alone determines, in their units."""
    numbers: dict[str, float] = {}
    for line, phase in zip(_LINES, state.phases, strict=True):
        numbers[f"{line}_voltage"] = phase.voltage
        numbers[f"{line}_current"] = phase.current
        numbers[f"{line}_active_power"] = phase.active
        numbers[f"{line}_reactive_power"] = phase.reactive
        numbers[f"{line}_power_factor"] = phase.power_factor
        numbers[f"{line}_voltage_thd"] = phase.voltage_thd
        numbers[f"{line}_current_thd"] = phase.current_thd
    first, second, third = state.line_voltages
    fundamental = math.hypot(state.active, state.reactive)
    numbers |= {
        "total_active_power": state.active,
        "total_inductive_power": max(0.0, state.reactive),
        "total_capacitive_power": max(0.0, -state.reactive),
        "total_cos_phi": state.active / fundamental if fundamental else 1.0,
        "total_power_factor": state.active / state.apparent if state.apparent else 1.0,
        "total_apparent_power": state.apparent,
        "frequency": state.frequency,
        "l1_l2_voltage": first,
        "l2_l3_voltage": second,
        "l3_l1_voltage": third,
        "average_current": sum(phase.current for phase in state.phases) / 3,
        "neutral_current": state.neutral_current,
    }
    return numbers


def _rounded(number: float, counts: int, *, energy: bool) -> int:
    """The count that the meter shows; its counters of energy only show what is complete."""
    return math.floor(number) if energy else round(number * counts)
