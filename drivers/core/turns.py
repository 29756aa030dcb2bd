"""Whose turn it is on a link that carries one request at a time."""

from __future__ import annotations

import asyncio
from collections import deque

_ROUNDS = 3
"""Rounds of the event loop in which who has had an answer asks for the next turn."""


class Turns:
    """Turns are given in the order of asking; urgent ones first, the polite when nobody else wants.

    A stop waits for the exchange that is running and for nothing else. A unit that is probably
    silent is asked when its neighbours have been read, so that the time-outs of several silent
    units do not add up in front of them.
    """

    def __init__(self) -> None:
        self._taken = False
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def take(self, *, urgent: bool = False, patience: float = 0.0) -> None:
        """Return when it is one's turn; the polite queue up after `patience` seconds at the latest.

        Every turn that was taken has to be given back.
        """
        if patience > 0.0:
            await self._let_others_go_first(patience)
        if not self._taken:
            self._taken = True
            self._quiet.clear()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._urgent if urgent else self._waiting
        queue.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.give_back()  # it was given at the moment of giving up
            elif turn in queue:
                queue.remove(turn)
            raise

    def give_back(self) -> None:
        """End the turn that was taken: the next one begins."""
        for queue in (self._urgent, self._waiting):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._taken = False
        self._quiet.set()

    async def _let_others_go_first(self, patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                while self._taken:
                    await self._quiet.wait()
                    for _ in range(_ROUNDS):  # one in the middle of several requests goes on
                        await asyncio.sleep(0)
        except TimeoutError:
            return
