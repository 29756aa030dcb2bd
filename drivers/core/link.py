"""One physical link and its rules: one request at a time, lazy open, back-off, quarantine.

`Link` knows no protocol. A transport gives it a way to open a connection; a request is a coroutine
that gets the open connection and a number of seconds, and raises the errors of `errors.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from .backoff import Backoff
from .errors import Ambiguous, BadReply, Blocked, LinkDown, NoReply, Refused
from .quarantine import UnitHealth
from .turns import Turns


class Connection(Protocol):
    """An open connection, as a transport hands it to its link."""

    @property
    def alive(self) -> bool:
        """False once the connection is of no more use (lost, or out of step with the device)."""
        ...

    @property
    def keep_after_error(self) -> bool:
        """True if the line can get back in step without being closed (a serial line can)."""
        ...

    def close(self, *, discard: bool) -> None:
        """Close; with `discard`, bytes that were not delivered yet must never be."""
        ...


# Rounds of the event loop until a loss that the system knows about is known here: the event, its
# callback, the callback of the transport. Without them a request would go out on a dead connection.
_ROUNDS_TO_NOTICE = 3
# How long a unit lets its neighbours go first: one that is silent, one that is in trouble.
_PATIENCE_OF_SILENT, _PATIENCE = 1.0, 0.5
# The part of its time-out from which on an answer took long.
_SLOW = 0.5
# How long a request that is under way may hold up the end of the program.
_CLOSING_TIME = 2.0

C = TypeVar("C", bound=Connection)
R = TypeVar("R")


class LinkState(StrEnum):
    """What a link is doing, for logs and health displays."""

    IDLE = "idle"
    OPEN = "open"
    DOWN = "down"
    CLOSED = "closed"


class Link(Generic[C]):
    """Serialises the requests of all units on one physical link and keeps it open.

    - Constructing it touches nothing; the first request opens the connection (`connect`, at most
      `open_timeout` seconds).
    - A request that has begun runs to its end even if its caller is cancelled, so that its answer
      cannot be taken for the answer to the next request.
    - After a missing or bad answer the connection is closed, unless it can be kept. It may be
      opened again at once while some unit on the link may still answer. Once all of them failed in
      a row and one fails again, and after a failed open, the back-off decides and requests fail at
      once.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Awaitable[C]],
        *,
        open_timeout: float = 3.0,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._connect = connect
        self._open_timeout = open_timeout
        self._backoff = backoff or Backoff(clock=clock)
        self._clock = clock
        self._turns = Turns()
        self._units: list[UnitHealth] = []
        self._asked: set[UnitHealth] = set()
        self._connection: C | None = None
        self._opens = 0
        self._failing: set[UnitHealth] = set()
        self._failure = ""
        self._unopened = False  # the last try to open it failed
        self._closed = False
        self._cut = False

    @property
    def connected(self) -> bool:
        """True while a connection is open."""
        return self._connection is not None and self._connection.alive

    @property
    def opens(self) -> int:
        """How often a connection was opened; a change tells that it is another connection."""
        return self._opens

    @property
    def reconnects(self) -> int:
        """How often a connection was opened after the first time."""
        return max(0, self._opens - 1)

    @property
    def state(self) -> LinkState:
        if self._closed:
            return LinkState.CLOSED
        if self.connected:
            return LinkState.OPEN
        return LinkState.DOWN if self._failure else LinkState.IDLE

    def register(self, unit: UnitHealth) -> None:
        """Add a unit to the link; with more than one, silent units are quarantined."""
        self._units.append(unit)

    async def request(
        self,
        unit: UnitHealth,
        asked: str,
        exchange: Callable[[C, float], Awaitable[R]],
        *,
        within: float,
        urgent: bool = False,
    ) -> R:
        """Run one exchange when it is its turn, and return what it returns.

        `exchange` gets the connection and `within`, its seconds counted from its turn. `urgent`
        requests (commands of an operator) are tried even if the unit is in quarantine; others to a
        unit that failed or took long last time let those to its neighbours go first.
        Raises `LinkDown`, `NoReply`, and what the exchange raises.
        """
        self._admit(unit, asked, urgent)
        self._asked.add(unit)
        patience = 0.0 if urgent else self._patience(unit)
        await self._turns.take(urgent=urgent, patience=patience)
        try:
            self._admit(unit, asked, urgent)
            if not urgent and self._quarantined(unit):
                within = min(within, unit.rule.probe_timeout)
            turn = asyncio.create_task(self._take_turn(unit, asked, exchange, within))
        except BaseException:
            self._turns.give_back()
            raise
        turn.add_done_callback(self._end_turn)
        return await asyncio.shield(turn)

    async def close(self) -> None:
        """Close the link for good; later requests fail.

        A request that is running now is given `_CLOSING_TIME` to end, then its connection is cut.
        """
        self._closed = True
        try:
            async with asyncio.timeout(_CLOSING_TIME):
                await self._turns.take()
        except TimeoutError:
            self._cut = True
            self._drop(discard=True)
            return
        self._drop(discard=False)
        self._turns.give_back()

    def _quarantined(self, unit: UnitHealth) -> bool:
        return len(self._units) > 1 and unit.quarantined

    def _patience(self, unit: UnitHealth) -> float:
        if self._quarantined(unit):
            return _PATIENCE_OF_SILENT
        return _PATIENCE if unit.slow or unit.failures else 0.0

    def _admit(self, unit: UnitHealth, asked: str, urgent: bool) -> None:
        if self._closed:
            raise LinkDown(self.name, unit.name, asked, "the link was closed")
        wait = 0.0 if self.connected else self._backoff.remaining
        if wait > 0.0:
            detail = f"{self._failure}; next try in {wait:.1f} s"
            raise LinkDown(self.name, unit.name, asked, detail)
        if not urgent and self._quarantined(unit) and unit.next_probe > 0.0:
            detail = (
                f"{unit.trouble}, so that its neighbours can be read; "
                f"next probe in {unit.next_probe:.1f} s"
            )
            raise NoReply(self.name, unit.name, asked, detail)

    def _end_turn(self, turn: asyncio.Task[R]) -> None:
        self._turns.give_back()
        if not turn.cancelled():
            turn.exception()

    async def _take_turn(
        self,
        unit: UnitHealth,
        asked: str,
        exchange: Callable[[C, float], Awaitable[R]],
        within: float,
    ) -> R:
        connection = await self._opened(unit, asked)
        begin = self._clock()
        try:
            result = await exchange(connection, within)
        except Blocked:
            raise
        except Refused:
            self._succeeded(unit)
            raise
        except (NoReply, BadReply, Ambiguous) as error:
            unit.failed()
            self._failed(connection, unit, f"{error.kind}: {error.detail}")
            raise
        except BaseException as error:
            unit.link_lost()
            self._failed(connection, unit, str(error) or type(error).__name__)
            raise
        self._succeeded(unit)
        unit.slow = self._clock() - begin > _SLOW * within
        return result

    async def _opened(self, unit: UnitHealth, asked: str) -> C:
        if self._connection is not None:
            for _ in range(_ROUNDS_TO_NOTICE):
                await asyncio.sleep(0)
            if self._connection.alive:
                return self._connection
            self._drop(discard=False)
        try:
            async with asyncio.timeout(self._open_timeout):
                connection = await self._connect()
        except TimeoutError:
            raise self._not_opened(
                unit, asked, f"cannot be opened: no answer in {self._open_timeout:g} s"
            ) from None
        except (OSError, ValueError) as error:  # ValueError: a host or line that cannot be
            reason = getattr(error, "strerror", None) or str(error)
            raise self._not_opened(unit, asked, f"cannot be opened: {reason}") from error
        if self._cut:
            connection.close(discard=False)
            raise LinkDown(self.name, unit.name, asked, "the link was closed")
        if self._opens and self._unopened:
            for each in self._units:
                each.link_restored()
        self._connection = connection
        self._unopened = False
        self._opens += 1
        return connection

    def _not_opened(self, unit: UnitHealth, asked: str, reason: str) -> LinkDown:
        self._failure = reason
        self._unopened = True
        for each in self._units:
            each.link_lost()
        wait = self._backoff.failed()
        return LinkDown(self.name, unit.name, asked, f"{reason}; next try in {wait:.1f} s")

    def _succeeded(self, unit: UnitHealth) -> None:
        unit.answered()
        self._backoff.reset()
        self._failing.clear()
        self._failure = ""

    def _failed(self, connection: C, unit: UnitHealth, reason: str) -> None:
        self._failure = reason
        again = unit in self._failing
        self._failing.add(unit)
        if connection.alive and connection.keep_after_error:
            return
        self._drop(discard=True)
        if again and self._failing.issuperset(self._asked):
            self._backoff.failed()

    def _drop(self, *, discard: bool) -> None:
        if self._connection is not None:
            self._connection.close(discard=discard)
            self._connection = None
