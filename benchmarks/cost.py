"""What a reading costs on a simulated instrument: exchanges on the wire and time."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from drivers.core.url import Defaults, LinkUrl, TcpUrl, parse_link

from .process import ServerProcess


@dataclass(frozen=True, slots=True)
class Cost:
    """What one reading costs: exchanges on the wire and milliseconds (median)."""

    exchanges: float
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Simulated:
    """A running simulator: its link, and its control port, which counts requests."""

    link: LinkUrl
    control: TcpUrl

    @classmethod
    async def find(cls, process: ServerProcess, defaults: Defaults | None = None) -> Self:
        """Read both from what the simulator prints."""
        link = parse_link(await process.line("listening "), defaults)
        control = parse_link(await process.line("control "))
        assert isinstance(control, TcpUrl)
        return cls(link, control)

    async def cost(self, read: Callable[[], Awaitable[object]], count: int) -> Cost:
        """Read once to get going, then `count` times, back to back."""
        await read()
        before = await self.requests()
        taken: list[float] = []
        for _ in range(count):
            start = time.perf_counter()
            await read()
            taken.append(time.perf_counter() - start)
        requests = await self.requests() - before
        return Cost(requests / count, statistics.median(taken) * 1e3)

    async def requests(self) -> int:
        """The requests that the simulator has seen so far."""
        reader, writer = await asyncio.open_connection(self.control.host, self.control.port)
        writer.write(b"requests\n")
        answer = await reader.readline()
        writer.close()
        return int(answer.split()[2])
