"""A TCP proxy between a driver and a simulator that does what cables and networks do.

    async with FaultProxy(host, port) as proxy:
        driver connects to proxy.host, proxy.port
        proxy.black_hole()      # cable out: connections stay open, nothing passes
        proxy.heal()            # cable in again

Bytes that are dropped are gone. A fault stays until `heal`, if not said otherwise.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self

from drivers.core import tcp

_CHUNK = 65536


class Direction(Enum):
    """Which way bytes go."""

    TO_DEVICE = "to device"
    TO_CLIENT = "to client"


@dataclass(slots=True)
class _Rules:
    drop: frozenset[Direction] = frozenset()
    delay: float = 0.0
    bytes_per_second: float = 0.0
    half_frame: bool = False


class FaultProxy:
    """Forwards TCP connections to `host`:`port`; counts connections and bytes per direction."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._rules = _Rules()
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._noise = b""
        self._flooding = asyncio.Event()
        self.connections = 0
        self.poured = 0
        self.passed = dict.fromkeys(Direction, 0)

    @property
    def host(self) -> str:
        return "127.0.0.1"

    @property
    def port(self) -> int:
        return self._port

    @property
    def open_connections(self) -> int:
        """Client connections that are open now."""
        return len(self._writers) // 2

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.refuse()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def drop(self, *directions: Direction) -> None:
        """Swallow bytes in these directions (none named: both)."""
        self._rules = _Rules(drop=frozenset(directions or Direction))

    def black_hole(self) -> None:
        """Cable out: everything stays open, nothing passes."""
        self.drop()

    def delay(self, seconds: float) -> None:
        """Forward answers this much later."""
        self._rules = _Rules(delay=seconds)

    def bandwidth(self, bytes_per_second: float) -> None:
        """Forward no faster than this, both ways."""
        self._rules = _Rules(bytes_per_second=bytes_per_second)

    def half_frame(self) -> None:
        """Forward only the first half of the next answer, then nothing more until `heal`."""
        self._rules = _Rules(half_frame=True)

    def flood(self, pattern: bytes) -> None:
        """Send all clients this, again and again, as fast as they take it, and nothing else."""
        self._rules = _Rules(drop=frozenset({Direction.TO_CLIENT}))
        self._noise = pattern * (_CHUNK // len(pattern))
        self._flooding.set()

    def reset(self) -> None:
        """Reset all connections; new ones are accepted."""
        for writer in list(self._writers):
            tcp.reset(writer.transport)

    async def refuse(self) -> None:
        """Reset all connections and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.reset()
        await asyncio.sleep(0)

    async def heal(self) -> None:
        """End every fault."""
        self._rules = _Rules()
        self._flooding.clear()
        if self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, self.host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, up_writer}
        work = (
            self._pump(reader, up_writer, Direction.TO_DEVICE),
            self._pump(up_reader, writer, Direction.TO_CLIENT),
            self._pour(writer),
        )
        tasks = [asyncio.create_task(each) for each in work]
        self._tasks.update(tasks)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
                self._tasks.discard(task)
            for each in (writer, up_writer):
                self._writers.discard(each)
                each.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        try:
            while data := await reader.read(_CHUNK):
                await self._forward(data, writer, direction)
        except ConnectionError:
            return

    async def _pour(self, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self._flooding.wait()
                writer.write(self._noise)
                self.poured += len(self._noise)
                await writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            return

    async def _forward(
        self, data: bytes, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        rules = self._rules
        if direction in rules.drop:
            return
        if direction is Direction.TO_CLIENT:
            if rules.half_frame:
                data = data[: len(data) // 2]
                self.drop(Direction.TO_CLIENT)
            if rules.delay:
                await asyncio.sleep(rules.delay)
        if rules.bytes_per_second:
            await asyncio.sleep(len(data) / rules.bytes_per_second)
        self.passed[direction] += len(data)
        writer.write(data)
        await writer.drain()
