"""A three-phase load over a day, for the simulator: physics only, no registers.

Per phase: P = V I PF and S² = P² + Q² + D², where D is the distortion by harmonics of the current.
Line voltages and the neutral current come from the phasors (cvm96-protocol.md 8).
"""

from __future__ import annotations

import cmath
import math
import random
from dataclasses import dataclass

NOMINAL_VOLTAGE = 230.0
NOMINAL_FREQUENCY = 50.0
DAY = 86_400.0

_IMPEDANCE = 0.03
_ROUGHNESS = 0.02
_NOISE_TIME = 30.0
_TRIPLEN_SHARE = 0.6
_SHIFT = 2.0 * math.pi / 3.0


@dataclass(frozen=True, slots=True)
class Load:
    """What hangs on a meter.

    base, work: power per phase in W at night, and more during the working day.
    sun: power per phase in W that is generated at noon, if any.
    cos_phi: displacement factor; negative ones are capacitive.
    thd: harmonics of the current, %.
    uneven: how much more than the mean L1 has, and how much less L3.
    """

    base: float
    work: float
    cos_phi: float
    sun: float = 0.0
    thd: float = 12.0
    uneven: float = 0.05


LOADS = (
    Load(base=2400.0, work=5200.0, cos_phi=0.93),
    Load(base=300.0, work=500.0, cos_phi=0.98, sun=6000.0, thd=6.0, uneven=0.02),
    Load(base=7000.0, work=400.0, cos_phi=0.86, thd=4.0, uneven=0.01),
    Load(base=350.0, work=1900.0, cos_phi=-0.96, thd=38.0, uneven=0.2),
)
"""A building, one with solar power on its roof, compressors, and an office full of supplies."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase: V, A, W, var, VA, %. Power generated is negative, as is capacitive power."""

    voltage: float
    current: float
    active: float
    reactive: float
    apparent: float
    voltage_thd: float
    current_thd: float

    @property
    def power_factor(self) -> float:
        """P / S, with the sign of P."""
        return self.active / self.apparent if self.apparent else 1.0

    @property
    def distortion(self) -> float:
        """Power of the harmonics, var."""
        return math.sqrt(max(0.0, self.apparent**2 - self.active**2 - self.reactive**2))


@dataclass(frozen=True, slots=True)
class State:
    """Everything at one moment."""

    phases: tuple[Phase, Phase, Phase]
    frequency: float

    @property
    def active(self) -> float:
        """W, all phases."""
        return sum(phase.active for phase in self.phases)

    @property
    def reactive(self) -> float:
        """var, all phases; negative is capacitive."""
        return sum(phase.reactive for phase in self.phases)

    @property
    def apparent(self) -> float:
        """VA, all phases."""
        distortion = sum(phase.distortion for phase in self.phases)
        return math.hypot(self.active, self.reactive, distortion)

    @property
    def line_voltages(self) -> tuple[float, float, float]:
        """L1-L2, L2-L3, L3-L1, from the phasors."""
        first, second, third = (
            cmath.rect(phase.voltage, -_SHIFT * n) for n, phase in enumerate(self.phases)
        )
        return abs(first - second), abs(second - third), abs(third - first)

    @property
    def neutral_current(self) -> float:
        """The sum of the fundamentals, and of the harmonics that do not cancel out."""
        total = 0j
        triplen = 0.0
        for n, phase in enumerate(self.phases):
            share = phase.current_thd / 100.0
            fundamental = phase.current / math.hypot(1.0, share)
            angle = math.atan2(phase.reactive, phase.active)
            total += cmath.rect(fundamental, -_SHIFT * n - angle)
            triplen += _TRIPLEN_SHARE * share * fundamental
        return math.hypot(abs(total), triplen)


class LoadModel:
    """A load that lives through its days: `advance` moves its time, `state` shows it."""

    def __init__(self, load: Load, *, hour: float, seed: int) -> None:
        self._load = load
        self._rng = random.Random(seed)
        self._wander = [0.0] * 7
        self.time = hour * 3600.0
        self.state = self._now()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds
        keep = math.exp(-seconds / _NOISE_TIME)
        kick = math.sqrt(1.0 - keep * keep)
        self._wander = [keep * each + kick * self._rng.gauss(0.0, 1.0) for each in self._wander]
        self.state = self._now()

    def _now(self) -> State:
        power = self._power()
        lines = (self._phase(0, power), self._phase(1, power), self._phase(2, power))
        return State(lines, NOMINAL_FREQUENCY + 0.02 * self._wander[6])

    def _power(self) -> float:
        """Mean power per phase, W: more from 7 to 18 o'clock, less while the sun shines."""
        hour = self.time % DAY / 3600.0
        work = 0.5 * (math.tanh((hour - 7.5) / 0.8) - math.tanh((hour - 17.5) / 0.8))
        sun = max(0.0, math.cos((hour - 13.0) / 7.0 * math.pi / 2.0)) if 6 < hour < 20 else 0.0
        return self._load.base + self._load.work * work - self._load.sun * sun**1.5

    def _phase(self, index: int, mean: float) -> Phase:
        load = self._load
        share = 1.0 + load.uneven * (1 - index) + _ROUGHNESS * self._wander[index]
        active = mean * share
        thd = load.thd * (1.0 + 0.05 * self._wander[3 + index])
        apparent_1 = abs(active) / abs(load.cos_phi)
        reactive = math.copysign(math.sqrt(max(0.0, apparent_1**2 - active**2)), load.cos_phi)
        apparent = apparent_1 * math.hypot(1.0, thd / 100.0)
        open_voltage = NOMINAL_VOLTAGE + 1.5 + 0.6 * self._wander[3 + index]
        voltage = open_voltage - _IMPEDANCE * active / NOMINAL_VOLTAGE
        current = apparent / voltage
        distorted = 1.5 + 0.02 * thd
        return Phase(voltage, current, active, reactive, apparent, distorted, thd)
