"""Move bytes at the speed of a serial line, so that wire time is real in simulators and tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ..url import SerialLine

_LONGEST_STEP = 0.002


class PacedPipe:
    """One direction of a line: bytes put in come out when a UART would have delivered them.

    Each byte takes `line.character_time` (start, data, parity and stop bits counted). The times are
    computed from the moment the line became busy, so that errors of single sleeps do not add up;
    bytes that are due together are delivered together.
    """

    def __init__(self, line: SerialLine, deliver: Callable[[bytes], None]) -> None:
        self._character = line.character_time
        self._deliver = deliver
        self._waiting = bytearray()
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None

    def put(self, data: bytes) -> None:
        """Queue bytes; the first one starts now, or when the line is free."""
        if not data:
            return
        if not self._waiting:
            self._due = max(self._due, time.monotonic())
        self._waiting += data
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def busy(self) -> bool:
        """True while bytes are on their way."""
        return bool(self._waiting)

    async def drained(self) -> None:
        """Return when all bytes are delivered."""
        while self._task is not None:
            await asyncio.wait({self._task})

    def close(self) -> None:
        """Drop what is not delivered yet."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while self._waiting:
            wait = self._due + self._character - time.monotonic()
            if wait > 0.0:
                # wake for the last byte at its own time, for the others in steps
                last = self._due + self._character * len(self._waiting) - time.monotonic()
                await asyncio.sleep(min(last, max(wait, _LONGEST_STEP)))
            ready = int((time.monotonic() - self._due) / self._character + 1e-6)
            ready = min(ready, len(self._waiting))
            if ready:
                data = bytes(self._waiting[:ready])
                del self._waiting[:ready]
                self._due += ready * self._character
                self._deliver(data)
        self._task = None
