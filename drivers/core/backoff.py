"""When to try again: capped exponential back-off with jitter; a dead device is not hammered."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

FIRST = 0.5
CAP = 30.0
_SPREAD = 0.25


class Backoff:
    """Counts failures and tells when the next try is allowed.

    The n-th failure in a row waits about `first` * 2**(n-1) seconds, at most `cap`, with a spread
    of 25 % within [`first`, `cap`], so that many clients do not come back at the same moment.
    `clock` (seconds, monotonic) and `uniform` (low, high) can be replaced in tests.
    """

    def __init__(
        self,
        first: float = FIRST,
        cap: float = CAP,
        *,
        clock: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        if not 0.0 < first <= cap:
            raise ValueError(f"back-off needs 0 < first <= cap, not first={first}, cap={cap}")
        self._first = first
        self._cap = cap
        self._clock = clock
        self._uniform = uniform
        self._failures = 0
        self._next_try = 0.0

    @property
    def failures(self) -> int:
        """Failures in a row, 0 after a success."""
        return self._failures

    @property
    def remaining(self) -> float:
        """Seconds until the next try is allowed; 0.0 when it is allowed now."""
        if self._failures == 0:
            return 0.0
        return max(0.0, self._next_try - self._clock())

    def failed(self) -> float:
        """Note a failure; returns the seconds until the next try."""
        doublings = min(self._failures, 60)
        delay = min(self._cap, self._first * 2.0**doublings)
        low = max(self._first, delay * (1 - _SPREAD))
        high = min(self._cap, delay * (1 + _SPREAD))
        wait = self._uniform(low, high)
        self._failures += 1
        self._next_try = self._clock() + wait
        return wait

    def allow_now(self) -> None:
        """Allow the next try at once, without forgetting the failures."""
        self._next_try = self._clock()

    def reset(self) -> None:
        """Note a success."""
        self._failures = 0
