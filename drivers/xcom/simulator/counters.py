"""What devices count and average: energies of the day, of the day before and in total."""

from __future__ import annotations

import math
from dataclasses import dataclass

_MINUTE = 60.0


@dataclass(slots=True)
class DayCounter:
    """A quantity summed up since midnight, with the sum of the day before and of all time."""

    today: float = 0.0
    yesterday: float = 0.0
    total: float = 0.0

    def add(self, amount: float) -> None:
        """Count; nothing is ever taken away."""
        self.today += max(0.0, amount)
        self.total += max(0.0, amount)

    def midnight(self) -> None:
        """Begin a new day."""
        self.yesterday, self.today = self.today, 0.0


@dataclass(slots=True)
class MinuteMean:
    """The mean of a quantity over about a minute."""

    value: float = math.nan

    def take(self, now: float, seconds: float) -> None:
        """Take in a value that held for some seconds; one that is unknown leaves nothing known."""
        if now != now or self.value != self.value:
            self.value = now
        else:
            self.value += (now - self.value) * (1.0 - math.exp(-seconds / _MINUTE))
