"""Wait for something to become true, with a generous limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from drivers.core.errors import DriverError

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds after which something will not become true; a busy machine does not reach them."""


async def until(true: Callable[[], bool], limit: float = PATIENCE) -> None:
    """Return as soon as `true()` is; fail after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not true():
        assert time.monotonic() < deadline, f"not true within {limit:g} s"
        await asyncio.sleep(0.01)


async def recovered(read: Callable[[], Awaitable[T]], limit: float = PATIENCE) -> T:
    """Call `read` until it succeeds, as a scan would; fail after `limit` seconds."""
    deadline = time.monotonic() + limit
    while True:
        try:
            return await read()
        except DriverError as error:
            if time.monotonic() > deadline:
                raise AssertionError(f"not recovered within {limit:g} s") from error
            await asyncio.sleep(0.05)
