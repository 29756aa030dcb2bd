"""What comes to a simulated site and what leaves it: sun, clouds, a generator, a household.

Powers in kW, times in s since 1970 by the clock on the wall of the site.
"""

from __future__ import annotations

import math
import random
from enum import StrEnum

DAY = 86_400.0
HOUR = 3_600.0

_NOON = 13.0
_HALF_DAY = 7.0
_CLOUD_TIME = 900.0
_NOISE_TIME = 120.0


class GridMode(StrEnum):
    """What stands at AC-in: a generator that starts by itself, or somebody who switches it."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class Wander:
    """A number that wanders around 0 with standard deviation 1 and forgets within `memory` s."""

    def __init__(self, rng: random.Random, memory: float) -> None:
        self._rng = rng
        self._memory = memory
        self.value = rng.gauss(0.0, 1.0)

    def step(self, seconds: float) -> None:
        """Let time pass."""
        keep = math.exp(-seconds / self._memory)
        self.value = keep * self.value + math.sqrt(1.0 - keep * keep) * self._rng.gauss(0.0, 1.0)


class Sky:
    """The sun: light on the modules, 0 at night to 1 at a clear noon."""

    def __init__(self, rng: random.Random) -> None:
        self._clouds = Wander(rng, _CLOUD_TIME)
        self.fixed: float | None = None
        """Part of a clear sky's light that gets through, if somebody has set it."""

    def step(self, seconds: float) -> None:
        """Let time pass."""
        self._clouds.step(seconds)

    def light(self, time: float) -> float:
        """Light at a moment."""
        through = self.fixed
        if through is None:
            through = 0.15 + 0.85 / (1.0 + math.exp(-2.0 * (self._clouds.value + 1.0)))
        return clear_sky(time % DAY / HOUR) * through


def clear_sky(hour: float) -> float:
    """Light of a clear sky at an hour of the day, 0 to 1: from 6 to 20 o'clock."""
    angle = (hour - _NOON) / _HALF_DAY
    return math.cos(angle * math.pi / 2.0) ** 1.3 if abs(angle) < 1.0 else 0.0


class Household:
    """What hangs on AC-out: little at night, peaks in the morning and in the evening."""

    def __init__(self, rng: random.Random) -> None:
        self._noise = Wander(rng, _NOISE_TIME)
        self.fixed: float | None = None
        """kW, if somebody has set it."""

    def step(self, seconds: float) -> None:
        """Let time pass."""
        self._noise.step(seconds)

    def demand(self, time: float) -> float:
        """KW at a moment."""
        if self.fixed is not None:
            return self.fixed
        hour = time % DAY / HOUR
        morning = math.exp(-(((hour - 7.5) / 1.2) ** 2))
        noon = math.exp(-(((hour - 12.5) / 1.5) ** 2))
        evening = math.exp(-(((hour - 19.5) / 2.0) ** 2))
        mean = 0.45 + 1.4 * morning + 1.0 * noon + 2.2 * evening
        return max(0.2, mean * (1.0 + 0.08 * self._noise.value))


class Generator:
    """The source at AC-in: in `auto` it runs from a low state of charge to a good one."""

    starts_below = 0.30
    stops_above = 0.75

    def __init__(self) -> None:
        self.mode = GridMode.AUTO
        self.running = False

    def step(self, soc: float) -> None:
        """Start or stop by the state of charge (0 to 1)."""
        if self.mode is GridMode.AUTO:
            if soc < self.starts_below:
                self.running = True
            elif soc > self.stops_above:
                self.running = False
        else:
            self.running = self.mode is GridMode.ON
