"""A gateway that answers as the test says, frame by frame, over TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from drivers.xcom.datapoints import datapoint
from drivers.xcom.device import Gateway
from drivers.xcom.frame import Frame, decode_frame
from drivers.xcom.protocol import ErrorCode, error_reply_to, reply_to
from drivers.xcom.readings import Point
from drivers.xcom.settings import XcomSettings
from tests.support.wire.raw import RawServer

Answer = Callable[[Frame], Awaitable[bytes] | bytes]

SOON = 0.4
"""A time-out for what does not come."""

NEVER = 60.0
"""A time-out that a test does not live to see: what passes with it did not wait for it."""


@dataclass
class Scripted:
    """A scripted gateway and the driver that is connected to it."""

    server: RawServer
    gateway: Gateway

    @property
    def asked(self) -> list[Frame]:
        """The requests that came, in their order."""
        return [decode_frame(each) for each in self.server.received]

    def answers(self, answer: Answer) -> None:
        """Answer this way from now on."""
        self.server.answer = lambda data: answer(decode_frame(data))


def point(number: int, address: int) -> Point:
    """A datapoint of a device."""
    return Point(address, datapoint(number))


def refuse(code: ErrorCode) -> Answer:
    """Answer everything with an error code."""
    return lambda asked: error_reply_to(asked, code).encode()


def answer_with(data: bytes) -> Answer:
    """Answer everything with these property data."""
    return lambda asked: reply_to(asked, data).encode()


def silent(_asked: Frame) -> bytes:
    """Answer nothing."""
    return b""


@asynccontextmanager
async def scripted(
    answer: Answer = silent, *, timeout: float = SOON, **settings: Any
) -> AsyncIterator[Scripted]:
    """A driver connected to a gateway that answers as it is told."""
    async with RawServer(lambda data: answer(decode_frame(data))) as server:
        link = f"tcp://127.0.0.1:{server.port}"
        gateway = Gateway(XcomSettings(link, **settings), timeout=timeout)
        try:
            yield Scripted(server, gateway)
        finally:
            await gateway.close()


async def later(data: bytes, seconds: float) -> bytes:
    """Some bytes, after a while."""
    await asyncio.sleep(seconds)
    return data
