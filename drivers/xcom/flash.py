"""How often the flash of each parameter is written: it is made for 1000 times.

Source: xcom-protocol.md 9.1.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_DAY = 86400.0


class FlashBudget:
    """Counts writes to flash per device and parameter, over the last 24 hours of this program."""

    def __init__(self, per_day: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_day = per_day
        self._clock = clock
        self._writes: dict[tuple[int, int], deque[float]] = {}
        self._total = 0

    @property
    def total(self) -> int:
        """Writes since the start of the program, of all parameters."""
        return self._total

    def used(self, address: int, number: int) -> int:
        """Writes of one parameter of one device in the last 24 hours."""
        writes = self._writes.get((address, number))
        if writes is None:
            return 0
        while writes and writes[0] < self._clock() - _DAY:
            writes.popleft()
        return len(writes)

    def count(self, address: int, number: int) -> None:
        """Note a write that reached the device, or may have."""
        self._writes.setdefault((address, number), deque()).append(self._clock())
        self._total += 1
