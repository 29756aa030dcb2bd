"""Keeps commands of a kind apart by a time that the cycler demands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Pace:
    """Turns that begin no sooner than `interval` seconds after the last one ended."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._turn = asyncio.Lock()
        self._next = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for the next turn and have it."""
        async with self._turn:
            await asyncio.sleep(self._next - time.monotonic())
            try:
                yield
            finally:
                self._next = time.monotonic() + self._interval
