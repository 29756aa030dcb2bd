"""The clock of the gateway: wall time without a zone, which decides when the portal is served.

Source: xcom-protocol.md 6.3 and 13.3.
"""

from __future__ import annotations

import time
from collections.abc import Callable

_DAY = 86400.0
_PAIR = b"\r\n"


class GatewayClock:
    """Follows the gateway's clock between two readings of it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._offset: float | None = None

    def note(self, seconds: int) -> None:
        """Note what the gateway's clock shows now: seconds since 1970."""
        self._offset = seconds - self._clock()

    @property
    def now(self) -> float | None:
        """Seconds since 1970 by the gateway's clock; None before it was read."""
        return None if self._offset is None else self._clock() + self._offset

    def pause_left(self, length: float) -> float:
        """Seconds left of a pause of some length that begins at the gateway's midnight."""
        now = self.now
        return 0.0 if now is None else max(0.0, length - now % _DAY)

    def shows_stripped_pair(self) -> bool:
        """True while the time itself contains 0D 0A, so that no reply with it gets through."""
        now = self.now
        if now is None or not 0 <= now < 2**32 - 1:
            return False
        return any(_PAIR in int(moment).to_bytes(4, "little") for moment in (now, now + 1))
