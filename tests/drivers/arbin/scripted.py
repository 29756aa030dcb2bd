"""A server that says exactly what a test tells it to, for what no honest cycler says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from drivers.arbin.device import Cycler
from drivers.arbin.login import Login, LoginReply
from drivers.arbin.messages import Reply, Request, decode_request, encode_reply
from drivers.arbin.protocol import Direction, FrameStream
from drivers.arbin.settings import CyclerSettings
from tests.support.wire.raw import RawServer

Answer = Callable[[Request], list[Reply] | bytes]


class Scripted:
    """Answers logins, and everything else with `answer`; `requests` are those that came."""

    def __init__(self, answer: Answer, channels: int = 4) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.server = RawServer(self._received)
        self._channels = channels
        self._stream = FrameStream(Direction.REQUEST)

    def count(self, kind: type) -> int:
        """How many requests of a kind came."""
        return sum(isinstance(one, kind) for one in self.requests)

    def _received(self, data: bytes) -> bytes:
        found = [decode_request(frame) for frame in self._stream.feed(data)]
        self.requests += found
        return b"".join(map(self._bytes, found))

    def _bytes(self, request: Request) -> bytes:
        if isinstance(request, Login):
            return encode_reply(LoginReply(1, may_control=True, channels=self._channels))
        said = self.answer(request)
        return said if isinstance(said, bytes) else b"".join(map(encode_reply, said))


@asynccontextmanager
async def scripted(
    answer: Answer, *, channels: int = 4, **settings: Any
) -> AsyncIterator[tuple[Scripted, Cycler]]:
    """Such a server, and a driver connected to it."""
    script = Scripted(answer, channels)
    async with script.server:
        link = f"tcp://127.0.0.1:{script.server.port}"
        values: dict[str, Any] = {
            "timeout": 20.0, "refresh": 0.1, "allow_control": True, **settings,
        }  # fmt: skip
        cycler = Cycler(CyclerSettings(link, **values))
        try:
            yield script, cycler
        finally:
            await cycler.close()
