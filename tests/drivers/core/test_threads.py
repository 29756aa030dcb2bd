"""Blocking calls in threads: whatever they end with reaches the one who waits."""

from __future__ import annotations

import asyncio
import threading

import pytest

from drivers.core.threads import in_thread


async def test_a_value_comes_back() -> None:
    assert await in_thread(lambda: 7, "test") == 7


@pytest.mark.parametrize("error", [OSError("gone"), KeyError("odd"), RuntimeError("odder")])
async def test_any_error_comes_back(error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        await in_thread(fail, "test")
    assert raised.value is error


async def test_who_gives_up_waiting_disturbs_nothing() -> None:
    over = threading.Event()
    call = asyncio.ensure_future(in_thread(over.wait, "test"))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    over.set()
    for thread in threading.enumerate():
        if thread.name == "test":
            thread.join()
