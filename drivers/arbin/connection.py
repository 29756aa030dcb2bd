"""One open connection to a cycler: frames out, answers handed to the request that waits for them.

A reply tells nothing but its command's code (arbin-protocol.md 1), so one request of a kind
may be on its way, next to others of other kinds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from ..core import tcp
from ..core.noise import too_noisy
from ..core.url import TcpUrl
from .protocol import Code, DecodeError, Direction, Frame, FrameStream
from .queries import UnknownCommandReply

_PIECE = 32_768
"""Bytes that are taken in one turn of the event loop: a reading of 512 channels has 1.2 MB."""

Take = Callable[[Frame], bool]
"""Gets each frame of an answer; True once the answer is whole. Raises `DecodeError`."""


class UnknownCommand(Exception):
    """The cycler does not have the command."""


class Exchange:
    """A request on its way: which code its answer has, and who takes it."""

    def __init__(self, request: int, reply: int, take: Take) -> None:
        self.request = request
        self.reply = reply
        self.take = take
        self.frames = 0
        self.news = asyncio.Event()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        """End without an answer."""
        if not self.done.done():
            self.done.set_exception(error)
        self.news.set()

    def received(self, frame: Frame) -> None:
        """Take a frame of the answer."""
        if self.done.done():
            return
        try:
            whole = self.take(frame)
        except DecodeError as error:
            self.fail(error)
            return
        self.frames += 1
        if whole:
            self.done.set_result(None)
        self.news.set()


class Connection(tcp.PieceProtocol):
    """An open connection. Make it with `open`.

    `dropped` counts what no request waited for: frames with a wrong checksum and others.
    """

    def __init__(self) -> None:
        super().__init__(_PIECE)
        self._stream = FrameStream(Direction.REPLY)
        self._exchanges: dict[int, Exchange] = {}
        self._overdue: dict[int, float] = {}
        self._transport: asyncio.Transport | None = None
        self.lost = ""
        self.dropped = 0

    @classmethod
    async def open(cls, url: TcpUrl) -> Self:
        """Connect. Raises OSError."""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, url.host, url.port)
        return connection

    @property
    def alive(self) -> bool:
        """False once the connection is of no more use."""
        return self._transport is not None and not self.lost

    @property
    def skipped(self) -> int:
        """Bytes that came and were of no frame."""
        return self._stream.skipped

    def begin(self, exchange: Exchange, data: bytes) -> None:
        """Send a request. Raises OSError if the connection is gone: then nothing went out."""
        if self._transport is None or self.lost:
            raise OSError(self.lost)
        self._exchanges[exchange.reply] = exchange
        self._transport.write(data)

    def end(self, exchange: Exchange) -> None:
        """Forget a request that is over."""
        self._exchanges.pop(exchange.reply, None)
        if exchange.done.done():
            exchange.done.exception()
        else:
            exchange.done.cancel()

    def give_up(self, reply: int, seconds: float) -> None:
        """Expect for so long that a reply is still to come, which belongs to nothing any more."""
        self._overdue[reply] = asyncio.get_running_loop().time() + seconds

    def overdue(self, reply: int) -> float:
        """Seconds for which such a reply is still to be expected; 0.0 if none is."""
        return max(0.0, self._overdue.get(reply, 0.0) - asyncio.get_running_loop().time())

    def close(self, reason: str, *, discard: bool) -> None:
        """Close; with `discard`, bytes that were not delivered yet never will be."""
        self._fail(reason)
        if self._transport is None:
            return
        if discard:
            tcp.reset(self._transport)
        else:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def received(self, data: bytes) -> None:
        if self.lost:
            return
        for frame in self._stream.feed(data):
            self._dispatch(frame)
        for code in self._stream.bad_codes:
            self.dropped += 1
            exchange = self._exchanges.get(code)
            if exchange is not None:
                exchange.fail(DecodeError("its checksum is wrong"))
        noise = too_noisy(self._stream.noise)
        if noise:
            self.close(f"the connection was given up: {noise}", discard=True)

    def connection_lost(self, exc: Exception | None) -> None:
        detail = f"the connection was lost: {exc}" if exc else "the cycler closed the connection"
        self._fail(detail)

    def _fail(self, reason: str) -> None:
        if not self.lost:
            self.lost = reason
        for exchange in self._exchanges.values():
            exchange.fail(ConnectionError(self.lost))

    def _dispatch(self, frame: Frame) -> None:
        if frame.code == Code.UNKNOWN_COMMAND_REPLY:
            self._not_known(frame)
            return
        exchange = self._exchanges.get(frame.code)
        if exchange is None:
            self.dropped += 1
            self._overdue.pop(frame.code, None)
        else:
            exchange.received(frame)

    def _not_known(self, frame: Frame) -> None:
        try:
            unknown = UnknownCommandReply.decode(frame.payload).unknown
        except DecodeError:
            self.dropped += 1
            return
        for exchange in self._exchanges.values():
            if exchange.request == unknown:
                exchange.fail(UnknownCommand())
                return
        self.dropped += 1
