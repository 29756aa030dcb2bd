from __future__ import annotations

import asyncio

import pytest

from drivers.core.turns import Turns
from tests.support.wire.until import PATIENCE


async def _queue(turns: Turns, order: list[str], name: str, patience: float = 0.0) -> None:
    await turns.take(patience=patience)
    order.append(name)
    await asyncio.sleep(0)
    turns.give_back()


async def test_turns_are_given_in_the_order_of_asking() -> None:
    turns, order = Turns(), list[str]()
    await asyncio.gather(*(_queue(turns, order, name) for name in "abc"))
    assert order == ["a", "b", "c"]


async def test_the_polite_come_when_nobody_else_wants_a_turn() -> None:
    turns, order = Turns(), list[str]()
    await turns.take()
    polite = [asyncio.create_task(_queue(turns, order, name, 60.0)) for name in "xy"]
    await asyncio.sleep(0)
    others = [asyncio.create_task(_queue(turns, order, name)) for name in "ab"]
    await asyncio.sleep(0)
    turns.give_back()
    await asyncio.gather(*polite, *others)
    assert order == ["a", "b", "x", "y"]


async def test_between_two_polite_ones_others_get_their_turn() -> None:
    turns, order = Turns(), list[str]()
    await turns.take()
    second = [asyncio.create_task(_queue(turns, order, name, 60.0)) for name in "xy"]
    await asyncio.sleep(0)

    async def first() -> None:
        await turns.take(patience=60.0)
        order.append("w")
        await asyncio.gather(asyncio.create_task(_ask()), return_exceptions=True)
        turns.give_back()

    late: list[asyncio.Task[None]] = []

    async def _ask() -> None:
        late.append(asyncio.create_task(_queue(turns, order, "a")))
        await asyncio.sleep(0)

    turns.give_back()
    await first()
    await asyncio.gather(*second, *late)
    assert order.index("a") < max(order.index("x"), order.index("y"))


async def test_patience_ends() -> None:
    turns, order = Turns(), list[str]()
    await turns.take()
    waiting = asyncio.create_task(_queue(turns, order, "x", 0.01))
    await asyncio.sleep(0.05)
    other = asyncio.create_task(_queue(turns, order, "a"))
    await asyncio.sleep(0)
    turns.give_back()
    await asyncio.gather(waiting, other)
    assert order == ["x", "a"]


@pytest.mark.parametrize("patience", [0.0, 60.0])
async def test_one_who_gives_up_leaves_no_trace(patience: float) -> None:
    turns, order = Turns(), list[str]()
    await turns.take()
    waiting = asyncio.create_task(_queue(turns, order, "x", patience))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    turns.give_back()
    await asyncio.wait_for(_queue(turns, order, "y", 2 * PATIENCE), PATIENCE)
    assert order == ["y"]


async def test_the_urgent_go_before_all_that_wait() -> None:
    turns = Turns()
    order: list[str] = []

    async def one(name: str, *, urgent: bool) -> None:
        await turns.take(urgent=urgent)
        order.append(name)
        turns.give_back()

    await turns.take()
    waiting = [asyncio.create_task(one(f"read {n}", urgent=False)) for n in range(3)]
    await asyncio.sleep(0)
    stop = asyncio.create_task(one("stop", urgent=True))
    await asyncio.sleep(0)
    turns.give_back()
    await asyncio.gather(stop, *waiting)
    assert order == ["stop", "read 0", "read 1", "read 2"]


async def test_giving_up_passes_the_turn_on() -> None:
    turns = Turns()
    await turns.take()
    first = asyncio.create_task(turns.take())
    second = asyncio.create_task(turns.take())
    await asyncio.sleep(0)
    turns.give_back()  # it is the first one's turn, which gives up before it knows
    first.cancel()
    async with asyncio.timeout(PATIENCE):
        await second
    assert first.cancelled() or first.done()
