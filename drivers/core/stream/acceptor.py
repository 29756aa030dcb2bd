"""Instruments that connect to us: one listening port per process, shared by all who wait on it.

Who has connected is found out by asking each waiting caller in turn whether the stream is its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from ..loglines import FewLines
from ..url import ListenUrl
from .tcp_stream import TcpStream

log = logging.getLogger("labioc.acceptor")

_MOST_UNKNOWN: Final = 16
"""Connections that are being told apart at the same time; more are closed at once."""

Recognise = Callable[[TcpStream], Awaitable[bool]]


class Caller:
    """An instrument that is expected to connect. Make it with `expect_caller`.

    A new connection replaces the one before, since an instrument that lost its power connects again
    while the old connection still looks alive.
    """

    def __init__(
        self,
        acceptor: _Acceptor,
        name: str,
        recognise: Recognise,
        arrived: Callable[[], None],
        anybody: bool,
    ) -> None:
        self.name = name
        self.recognise = recognise
        self.anybody = anybody
        self._acceptor = acceptor
        self._arrived = arrived
        self._current: TcpStream | None = None
        self._fresh = asyncio.Event()

    @property
    def current(self) -> TcpStream | None:
        """The newest connection of this instrument that is still open."""
        return self._current if self._current is not None and self._current.alive else None

    async def stream(self) -> TcpStream:
        """Its newest connection; waits until it has one that was not handed out yet.

        Raises OSError if the port cannot be opened, or is waited on by another who takes anybody.
        """
        await self._acceptor.listen(self)
        while True:
            await self._fresh.wait()
            self._fresh.clear()
            stream = self.current
            if stream is not None:
                return stream

    def deliver(self, stream: TcpStream) -> None:
        """Take a connection that was recognised."""
        old, self._current = self.current, stream
        if old is not None:
            line = f"{self.name}: {stream.peer} replaces the connection of {old.peer}"
            self._acceptor.say(logging.INFO, stream, "replaced connection", line)
            lost = old.lost
            old.close(discard=True)
            lost(f"replaced by a new connection of {stream.peer}")
        self._fresh.set()
        self._arrived()

    async def leave(self) -> None:
        """Wait no more; the port is closed with the last who leaves."""
        if self._current is not None:
            self._current.close(discard=False)
        await self._acceptor.forget(self)


class _Acceptor:
    """One listening port."""

    def __init__(self, url: ListenUrl, key: _Key) -> None:
        self._url = url
        self._key = key
        self._callers: list[Caller] = []
        self._server: asyncio.Server | None = None
        self._opening = asyncio.Lock()
        self._sorting: set[asyncio.Task[None]] = set()
        self._lines = FewLines(log)

    def say(self, level: int, stream: TcpStream, kind: str, line: str) -> None:
        """Log what a connection caused, a few lines for each peer."""
        self._lines.say(level, stream.host, kind, line)

    def add(self, caller: Caller) -> None:
        self._callers.append(caller)

    async def listen(self, caller: Caller) -> None:
        """Open the port if it is not open yet."""
        rivals = [each.name for each in self._callers if each is not caller and each.anybody]
        if caller.anybody and rivals:
            problem = f"{rivals[0]} waits on {self._url} for anybody too: say which peer is whose"
            raise OSError(problem)
        async with self._opening:
            if self._server is None:
                loop = asyncio.get_running_loop()
                self._server = await loop.create_server(
                    lambda: TcpStream(self._opened), self._url.host or None, self._url.port
                )

    async def forget(self, caller: Caller) -> None:
        self._callers.remove(caller)
        if self._callers:
            return
        _ACCEPTORS.pop(self._key, None)
        for task in self._sorting:
            task.cancel()
        await asyncio.gather(*self._sorting, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            self._server = None
        self._lines.close()

    def _opened(self, stream: TcpStream) -> None:
        if len(self._sorting) >= _MOST_UNKNOWN:
            line = f"{self._url}: too many connections at once, {stream.peer} is refused"
            self.say(logging.WARNING, stream, "refused connection", line)
            # the server's own bookkeeping comes first
            asyncio.get_running_loop().call_soon(lambda: stream.close(discard=True))
            return
        task = asyncio.get_running_loop().create_task(self._sort(stream))
        self._sorting.add(task)
        task.add_done_callback(self._sorting.discard)

    async def _sort(self, stream: TcpStream) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(stream.close, discard=True)
            for caller in self._in_order():
                if await caller.recognise(stream) and stream.alive:
                    stack.pop_all()
                    caller.deliver(stream)
                    return
            line = f"{self._url}: nobody waits for {stream.peer}, which is refused"
            self.say(logging.WARNING, stream, "refused connection", line)

    def _in_order(self) -> list[Caller]:
        """The choosy first."""
        return sorted(self._callers, key=lambda caller: caller.anybody)


_Key = tuple[asyncio.AbstractEventLoop, str, int]
_ACCEPTORS: dict[_Key, _Acceptor] = {}


def expect_caller(
    url: ListenUrl,
    name: str,
    recognise: Recognise,
    arrived: Callable[[], None],
    *,
    anybody: bool = False,
) -> Caller:
    """Expect an instrument on a port of this process; opens nothing yet.

    `recognise` says whether a connection is that instrument's (it may talk to it); `arrived` hears
    of each new one; `anybody` tells that it takes all, which only one on a port may.
    """
    key = (asyncio.get_running_loop(), url.host, url.port)
    acceptor = _ACCEPTORS.setdefault(key, _Acceptor(url, key))
    caller = Caller(acceptor, name, recognise, arrived, anybody)
    acceptor.add(caller)
    return caller
