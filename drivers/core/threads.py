"""Blocking calls in threads that nobody has to wait for when the process ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[[], T], name: str) -> T:
    """Run a blocking function in a thread that cannot keep the process from ending.

    Raises what the function raises.
    """
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()  # who gives up waiting cannot end it

    def run() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            outcome.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await asyncio.wrap_future(outcome)
