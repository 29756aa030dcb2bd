"""A clock of the event loop that a busy machine does not move: for time-outs within one process.

Device and driver of most tests share a process and its loop. When other programs have the
processor, neither runs, and a time-out of 50 ms would end before the answer that is on its way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_AT_MOST = 0.005


class OwnClock:
    """Seconds that a loop worked, and seconds that it waited for what did not come.

    The seconds in which others had the processor do not count. Where something came, nobody knows
    when it did: such a wait counts for 5 ms at most.
    """

    def __init__(self, now: float, select: Any) -> None:
        self._select = select
        self._waited = now - time.thread_time()

    def time(self) -> float:
        """What the clock shows."""
        return self._waited + time.thread_time()

    def select(self, timeout: float | None = None) -> Any:
        """Wait as a selector does, and count it."""
        began = time.monotonic()
        events = self._select(timeout)
        waited = time.monotonic() - began
        limit = _AT_MOST if events or timeout is None else timeout
        self._waited += max(0.0, min(waited, limit))
        return events


@contextmanager
def own_clock(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Let `call_later`, `asyncio.timeout` and `asyncio.sleep` of a loop go by such a clock."""
    selector: Any = loop._selector  # type: ignore[attr-defined]
    clock = OwnClock(loop.time(), selector.select)
    loop.time, selector.select = clock.time, clock.select
    try:
        yield
    finally:
        del loop.time, selector.select
