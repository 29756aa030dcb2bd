"""What all benchmarks share: the two servers under test, the cores, and how long to measure."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from .client import CaClient
from .process import Cores, ServerProcess
from .results import Row
from .servers.options import Load


@dataclass(frozen=True, slots=True)
class Side:
    """One of the servers that are compared."""

    name: str
    module: str


OURS = Side("labioc", "benchmarks.servers.ours")
PEER = Side("softioc", "benchmarks.servers.peer")
SIDES = (OURS, PEER)


@dataclass(frozen=True, slots=True)
class Setup:
    """How to measure: `quick` shows that all works, with figures that are rough."""

    cores: Cores
    quick: bool = False

    @property
    def repeats(self) -> int:
        """How often to repeat what is cheap; the median counts."""
        return 1 if self.quick else 3

    def seconds(self, thorough: float) -> float:
        """How long to measure."""
        return min(thorough / 4, 2.0) if self.quick else thorough


class Benchmark(Protocol):
    """One benchmark; `name` is what `--only` takes."""

    name: str

    async def run(self, setup: Setup) -> list[Row]:
        """Measure both sides and return the rows."""
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """A server that serves its PVs, and a client connected to it."""

    process: ServerProcess
    client: CaClient
    load: Load

    async def subscribers(self, count: int) -> list[CaClient]:
        """Clients that are subscribed to every PV and have their first values."""
        clients: list[CaClient] = []
        for _ in range(count):
            client = await CaClient.connect(self.process.ports.server)
            client.subscribe(await client.create(self.load.names))
            clients.append(client)
        for client in clients:
            await client.updates(self.load.pvs)
        return clients


@asynccontextmanager
async def served(setup: Setup, side: Side, load: Load) -> AsyncIterator[Served]:
    """Start a server and wait until a client can open its last PV."""
    with ServerProcess(setup.cores, side.module, load.arguments) as process:
        client = await _connect(process)
        try:
            await client.create([load.names[-1]])
            yield Served(process, client, load)
        finally:
            client.close()


async def _connect(process: ServerProcess) -> CaClient:
    while True:
        try:
            return await CaClient.connect(process.ports.server)
        except ConnectionRefusedError:
            process.check()
            await asyncio.sleep(0.002)


async def medians(
    setup: Setup, measure: Callable[[Side], Awaitable[tuple[float, ...]]]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Measure both sides in turns; the median of each figure, ours and the peer's."""
    runs: dict[Side, list[tuple[float, ...]]] = {side: [] for side in SIDES}
    for _ in range(setup.repeats):
        for side in SIDES:
            runs[side].append(await measure(side))
    ours, peer = (
        tuple(statistics.median(figure) for figure in zip(*runs[side], strict=True))
        for side in SIDES
    )
    return ours, peer
