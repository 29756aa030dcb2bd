"""Whose turn it is on a link that carries one request at a time."""

from __future__ import annotations

import asyncio


class Turns:
    """Turns are given in the order of asking; the polite wait until nobody else wants one.

    So a unit that is probably silent is asked when its neighbours have been read, and the time-outs
    of several silent units do not add up in front of them.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._wanted = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def take(self, *, patience: float = 0.0) -> None:
        """Return when it is one's turn; the polite queue up after `patience` seconds at the latest.

        Every turn that was taken has to be given back.
        """
        if patience > 0.0:
            await self._let_others_go_first(patience)
        self._wanted += 1
        self._quiet.clear()
        try:
            await self._lock.acquire()
        except BaseException:
            self._leave()
            raise

    def give_back(self) -> None:
        """End the turn that was taken."""
        self._lock.release()
        self._leave()

    def _leave(self) -> None:
        self._wanted -= 1
        if not self._wanted:
            self._quiet.set()

    async def _let_others_go_first(self, patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                while self._wanted:
                    await self._quiet.wait()
        except TimeoutError:
            return
