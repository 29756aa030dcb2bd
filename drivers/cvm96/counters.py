"""Energy counters over a reset: what was used is never negative and never jumps.

Where the counters wrap is unknown, and they are cleared at the keypad, so a drop is a reset
(cvm96-protocol.md 2). After power-up a meter may show 0 for a while (8 of it): a counter that comes
straight back was not reset.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from .protocol import BY_NAME
from .reading import Energies

_NAMES = tuple(each.name for each in fields(Energies))


@dataclass(frozen=True, slots=True)
class EnergyReading:
    """The counters, and what they counted since the driver started, resets left out.

    `resets` counts the readings in which a counter was lower than before; `last_reset` says which
    one was and how much, for example `active_energy 5000 to 12 Wh`.
    """

    energies: Energies
    since_start: Energies
    resets: int
    last_reset: str


class _Counter:
    """One counter."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.used = 0
        self._before_drop: int | None = None

    def advance(self, count: int) -> bool:
        """Take the next count; True if it dropped. The use during a drop is unknown: left out."""
        before, self.count = self.count, count
        if count < before:
            if self._before_drop is None:
                self._before_drop = before
            return True
        if count > before and self._before_drop is not None:
            if count >= self._before_drop:
                before = self._before_drop
            self._before_drop = None
        self.used += count - before
        return False


class CounterWatch:
    """Follows the counters of one meter from reading to reading."""

    def __init__(self) -> None:
        self._counters: dict[str, _Counter] = {}
        self._resets = 0
        self._last_reset = ""

    def follow(self, energies: Energies) -> EnergyReading:
        """Take the next reading."""
        dropped: list[str] = []
        for name in _NAMES:
            count: int = getattr(energies, name)
            counter = self._counters.setdefault(name, _Counter(count))
            before = counter.count
            if counter.advance(count):
                dropped.append(f"{name} {before} to {count} {BY_NAME[name].unit}")
        if dropped:
            self._resets += 1
            more = f" and {len(dropped) - 1} more" if len(dropped) > 1 else ""
            self._last_reset = dropped[0] + more
        used = Energies(**{name: counter.used for name, counter in self._counters.items()})
        return EnergyReading(energies, used, self._resets, self._last_reset)
