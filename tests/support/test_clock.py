from __future__ import annotations

import asyncio
import time

import pytest

from tests.support.clock import own_clock


async def _many_turns() -> None:
    for _ in range(20):
        asyncio.get_running_loop().call_soon(time.sleep, 0.02)
        await asyncio.sleep(0)


async def test_what_others_take_is_no_part_of_a_time_out() -> None:
    """A sleep in a callback is to the loop what a busy machine is: it can do nothing meanwhile."""
    with own_clock(asyncio.get_running_loop()):
        async with asyncio.timeout(0.2):
            await _many_turns()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await _many_turns()


async def test_what_does_not_come_ends_a_time_out_as_ever() -> None:
    began = time.monotonic()
    with own_clock(asyncio.get_running_loop()), pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 0.05)
    assert time.monotonic() - began >= 0.05


async def test_work_of_ones_own_counts() -> None:
    async def work() -> None:
        while True:
            await asyncio.sleep(0)

    with own_clock(asyncio.get_running_loop()), pytest.raises(TimeoutError):
        await asyncio.wait_for(work(), 0.05)
