"""The session with a cycler: open and log in when needed, one request of a kind at a time.

The session belongs to the connection: after each connect comes a login (arbin-protocol.md 1).
Whatever leaves the connection out of step (no answer, a bad one) ends it, so that a late answer is
never taken for another one; requests that fail one after the other are followed by a back-off.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from ..core.backoff import Backoff
from ..core.errors import Ambiguous, BadReply, DriverError, LinkDown, NoReply, Refused
from ..core.url import TcpUrl
from .connection import Connection
from .credentials import CredentialsError, credentials
from .errors import CyclerRefused
from .exchange import Question, Wire, exchange
from .login import Connect, ConnectReply, Login, LoginReply
from .messages import REPLY_TO
from .protocol import Frame
from .results import ConnectResult, LoginResult, known
from .settings import CyclerSettings

R = TypeVar("R")

_CLOSED = "the link was closed"
_CLOSING_TIME = 2.0
_REFUSED_PAUSE = 300.0
"""Seconds until a user and password that were refused are tried again: accounts may be locked."""
_ROUNDS_TO_NOTICE = 3
"""Rounds of the event loop until a loss that the system knows of is known here."""

Guard = Callable[[LoginReply], None]
"""Runs right before a request goes out; what it raises keeps it back."""


class Session:
    """A connection that is logged in. Constructing it opens nothing."""

    def __init__(self, settings: CyclerSettings, url: TcpUrl) -> None:
        self.settings = settings
        self.link = str(url)
        self.login: LoginReply | None = None
        """The answer to the last login, also to one that was refused."""
        self.opens = 0
        self.exchanges = 0
        self.answering = False
        self._url = url
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None
        self._logged_in = False
        self._refused: tuple[Login, float] | None = None
        self._opening = asyncio.Lock()
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: set[asyncio.Task[Any]] = set()
        self._backoff = Backoff(clock=time.monotonic)
        self._dropped = 0
        self._failed_on: int | None = None
        self._failure = ""
        self._closed = False

    @property
    def reconnects(self) -> int:
        """How often a connection was opened after the first time."""
        return max(0, self.opens - 1)

    @property
    def refused_login(self) -> LoginReply | None:
        """The answer to a login that was refused and is not tried again yet, else None."""
        return None if self._refused is None else self.login

    @property
    def dropped(self) -> int:
        """Frames that came with a wrong checksum, or that no request waited for."""
        return self._dropped + (self._connection.dropped if self._connection else 0)

    @property
    def connected(self) -> bool:
        """True while the connection is open and the last request was answered."""
        return self.answering and self._connection is not None and self._connection.alive

    async def ask(self, question: Question, guard: Guard | None = None) -> None:
        """Send a request and hand each frame of its answer to `take` until that says it is whole.

        A request that has begun runs to its end even if its caller is cancelled. Raises `LinkDown`,
        `Refused` (also a login), `OutOfRange`, `NoReply`, `BadReply`; instead of the last two
        `Ambiguous` for one that writes; and what `guard` raises.
        """
        turn = self._turns[REPLY_TO[question.request.code]]
        await turn.acquire()
        task = asyncio.ensure_future(self._ask(question, guard))
        task.add_done_callback(lambda _: turn.release())
        await self._finish(task)

    async def _ask(self, question: Question, guard: Guard | None) -> None:
        connection, login = await self._opened(question.asked, question.unit)
        if guard is not None:
            guard(login)
        number = self.opens
        try:
            await self._exchange(connection, question)
        except (NoReply, BadReply, Ambiguous) as error:
            if not connection.alive:
                self._request_failed(number, error.detail)
            raise
        except Refused:
            self._succeeded()
            raise
        self._succeeded()

    async def opened(self, asked: str, unit: str = "") -> LoginReply:
        """Open the connection and log in if it is not; what the cycler said of itself."""
        _, login = await self._finish(asyncio.ensure_future(self._opened(asked, unit)))
        return login

    async def close(self) -> None:
        """Close for good. Sends nothing; what is under way is given `_CLOSING_TIME` to end."""
        self._closed = True
        if self._running:
            await asyncio.wait(set(self._running), timeout=_CLOSING_TIME)
        if self._connecting is not None:
            self._connecting.cancel()
        self._drop(_CLOSED, discard=bool(self._running))
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _finish(self, task: asyncio.Task[R]) -> R:
        """The result of a task that runs to its end even if nobody waits for it any more."""
        self._running.add(task)
        task.add_done_callback(self._over)
        return await asyncio.shield(task)

    def _over(self, task: asyncio.Task[R]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()

    # -- opening

    async def _opened(self, asked: str, unit: str) -> tuple[Connection, LoginReply]:
        async with self._opening:
            if self._closed:
                raise LinkDown(self.link, unit, asked, _CLOSED)
            if self._connection is not None:
                for _ in range(_ROUNDS_TO_NOTICE):
                    await asyncio.sleep(0)
                if self._connection.alive and self._logged_in and self.login is not None:
                    return self._connection, self.login
                self._drop("it is opened anew", discard=False)
            wait = self._backoff.remaining
            if wait > 0.0:
                raise LinkDown(self.link, unit, asked, f"{self._failure}; next try in {wait:.1f} s")
            user = self._credentials(unit)
            self._check_not_refused(user, asked, unit)
            self._logged_in = False
            connection = self._connection = await self._connect(asked, unit)
            if self._closed:
                self._drop(_CLOSED, discard=False)
                raise LinkDown(self.link, unit, asked, _CLOSED)
            try:
                login = await self._log_in(connection, user)
            except DriverError as error:
                self._drop(error.detail, discard=True)
                self._failed(f"cannot log in: {error.detail}")
                raise
            self._logged_in = True
            self.opens += 1
            return connection, login

    async def _connect(self, asked: str, unit: str) -> Connection:
        limit = self.settings.connect_timeout
        self._connecting = asyncio.ensure_future(Connection.open(self._url))
        try:
            done, _ = await asyncio.wait({self._connecting}, timeout=limit)
            if not done:
                reason = f"cannot be opened: no answer in {limit:g} s"
                raise self._not_opened(unit, asked, reason)
            if self._connecting.cancelled():
                raise LinkDown(self.link, unit, asked, _CLOSED)
            return self._connecting.result()
        except (OSError, ValueError) as error:  # ValueError: a host that cannot be
            reason = f"cannot be opened: {_reason(error)}"
            raise self._not_opened(unit, asked, reason) from error
        finally:
            self._connecting.cancel()
            self._connecting = None

    def _not_opened(self, unit: str, asked: str, reason: str) -> LinkDown:
        self._failed(reason)
        wait = self._backoff.remaining
        return LinkDown(self.link, unit, asked, f"{reason}; next try in {wait:.1f} s")

    def _credentials(self, unit: str) -> Login:
        try:
            return credentials(self.settings)
        except CredentialsError as error:
            raise self._not_opened(unit, "log in", str(error)) from None

    def _check_not_refused(self, user: Login, asked: str, unit: str) -> None:
        """Raises `LinkDown` for a user and password that were refused not long ago."""
        refused, until = self._refused or (None, 0.0)
        left = until - time.monotonic()
        if user == refused and left > 0.0:
            detail = (
                f"{self._failure}; tried again in {left:.0f} s, or at once if user or password "
                "change, so that no account is locked"
            )
            raise LinkDown(self.link, unit, asked, detail)
        self._refused = None

    async def _log_in(self, connection: Connection, user: Login) -> LoginReply:
        if self.settings.may_be_kicked_out is not None:
            await self._announce(connection, self.settings.may_be_kicked_out)
        found: list[LoginReply] = []

        def take(frame: Frame) -> bool:
            found.append(LoginReply.decode(frame.payload))
            return True

        await self._exchange(connection, Question(user, take, "log in"))
        (reply,) = found
        self.login = reply
        if not reply.accepted:
            self._refused = (user, time.monotonic() + _REFUSED_PAUSE)
            raise CyclerRefused(self.link, "", "log in", LoginResult, reply.result)
        return reply

    async def _announce(self, connection: Connection, may_be_kicked_out: bool) -> None:
        found: list[ConnectReply] = []

        def take(frame: Frame) -> bool:
            found.append(ConnectReply.decode(frame.payload))
            return True

        request = Connect(may_be_kicked_out)
        await self._exchange(connection, Question(request, take, "connect"))
        if known(ConnectResult, found[0].result) is not ConnectResult.ACCEPTED:
            raise CyclerRefused(self.link, "", "connect", ConnectResult, found[0].result)

    # -- requests

    async def _exchange(self, connection: Connection, question: Question) -> None:
        wire = Wire(self.link, connection, self.settings.timeout, self._count)
        await exchange(wire, question)

    def _count(self) -> None:
        self.exchanges += 1

    def _request_failed(self, number: int, reason: str) -> None:
        """Note that a connection, by its number, was given up: the second in a row is enough."""
        self.answering = False
        if self._failed_on not in (None, number):
            self._failed(reason)
        self._failed_on = number

    def _succeeded(self) -> None:
        self.answering = True
        self._failed_on = None
        self._failure = ""
        self._backoff.reset()

    def _failed(self, reason: str) -> None:
        self.answering = False
        self._failure = reason
        self._backoff.failed()

    def _drop(self, reason: str, *, discard: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._dropped += connection.dropped
            connection.close(reason, discard=discard)


def _reason(error: OSError | ValueError) -> str:
    """What the system says; asyncio says "Connect call failed" of all that has a number."""
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return str(error)
