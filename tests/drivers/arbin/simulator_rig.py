"""A simulated cycler on a real port, and a client that sends it whatever a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from drivers.arbin.commands import ControlReply
from drivers.arbin.login import Login, LoginReply
from drivers.arbin.messages import Reply, Request, decode_reply, encode_request
from drivers.arbin.protocol import Direction, Frame, FrameStream
from drivers.arbin.queries import GetSerial, SerialReply
from drivers.arbin.simulator import CyclerSimulator
from drivers.arbin.simulator.model import SERIAL, Behaviour, CyclerModel

R = TypeVar("R")
_LIMIT = 120.0


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class WireClient:
    """One connection to a simulator."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received = b""
        self._reader = reader
        self._writer = writer
        self._stream = FrameStream(Direction.REPLY)
        self._frames: list[Frame] = []

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._writer.write(data)

    async def frame(self) -> Frame:
        """The next frame. Raises EOFError at the end of the connection."""
        async with asyncio.timeout(_LIMIT):
            while not self._frames:
                data = await self._reader.read(1 << 16)
                if not data:
                    raise EOFError
                self.received += data
                self._frames += self._stream.feed(data)
        return self._frames.pop(0)

    async def raw(self, size: int) -> bytes:
        """The next bytes, whatever they are."""
        async with asyncio.timeout(_LIMIT):
            return await self._reader.readexactly(size)

    async def reply(self) -> Reply:
        """The next reply."""
        return decode_reply(await self.frame())

    async def ask(self, request: Request, kind: type[R]) -> R:
        """Send a request and return the reply, which must be of a kind."""
        self.send(encode_request(request))
        reply = await self.reply()
        assert isinstance(reply, kind), reply
        return reply

    async def result(self, request: Request) -> tuple[int, int]:
        """Channel and result that a command is answered with."""
        (only,) = await self.results(encode_request(request), 1)
        return only

    async def results(self, data: bytes, count: int) -> list[tuple[int, int]]:
        """Send the bytes of a command; channels and results of so many replies."""
        self.send(data)
        found: list[tuple[int, int]] = []
        for _ in range(count):
            reply = await self.reply()
            assert isinstance(reply, ControlReply), reply
            found.append((reply.channel, reply.result))
        return found

    async def in_step(self) -> None:
        """Nothing more was answered: the next reply is the one to a new question."""
        assert (await self.ask(GetSerial(), SerialReply)).serial == SERIAL

    async def ended(self) -> None:
        """Wait until the other side ends the connection."""
        try:
            while True:
                await self.frame()
        except (EOFError, ConnectionError):
            return

    def close(self) -> None:
        """Go away."""
        self._writer.close()


@asynccontextmanager
async def simulator(
    behaviour: Behaviour | None = None,
    *,
    clock: Clock | None = None,
    **wire: Any,
) -> AsyncIterator[tuple[CyclerSimulator, str]]:
    """A simulated cycler and its URL; time stands still unless a test moves its `clock`."""
    model = CyclerModel(behaviour or Behaviour(channels=4, refresh=0.0), clock or Clock())
    cycler = CyclerSimulator(model, **wire)
    link = await cycler.listen("tcp://127.0.0.1:0")
    try:
        yield cycler, link
    finally:
        await cycler.close()


@asynccontextmanager
async def client(link: str, user: str | None = "operator") -> AsyncIterator[WireClient]:
    """A connection, logged in as one of the simulator's users unless `user` is None."""
    host, _, port = link.removeprefix("tcp://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    one = WireClient(reader, writer)
    try:
        if user is not None:
            assert (await one.ask(Login(user, user), LoginReply)).result == 1
        yield one
    finally:
        one.close()
