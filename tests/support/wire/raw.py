"""A TCP server that answers with prepared bytes and remembers every byte it got."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

Answer = Callable[[bytes], Awaitable[bytes] | bytes]


class RawServer:
    """Answers each chunk it receives with `answer(chunk)`; `received` keeps the chunks."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.received: list[bytes] = []
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    @property
    def port(self) -> int:
        assert self._server is not None
        return self._server.sockets[0].getsockname()[1]

    def drop_connections(self) -> None:
        """Close all connections in an orderly way."""
        for writer in list(self._writers):
            writer.close()

    def push(self, data: bytes) -> None:
        """Send bytes nobody asked for."""
        for writer in self._writers:
            writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while data := await reader.read(4096):
                self.received.append(data)
                answer = self.answer(data)
                writer.write(answer if isinstance(answer, bytes) else await answer)
        except ConnectionError:
            return
        finally:
            self._writers.discard(writer)
            writer.close()
