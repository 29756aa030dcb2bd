"""A client that stops reading: what it costs the others, and the server's memory."""

from __future__ import annotations

import asyncio

from .bench import Served, Setup, Side, medians, served
from .client import CaClient, Delivery
from .results import Goal, Row
from .servers.options import Load

_LOAD = Load(800, 0.1, spread=True)
_HEALTHY = 3
_SETTLE = 1.0
_WINDOW = 4.0
_SMALL = 4096


class Stalled:
    """3 clients at 8000 updates/s, first alone, then beside one that hangs."""

    name = "stalled"

    async def run(self, setup: Setup) -> list[Row]:
        async def measure(side: Side) -> tuple[float, ...]:
            async with served(setup, side, _LOAD) as server:
                return await _with_and_without(server, setup.seconds(_WINDOW))

        ours, peer = await medians(setup, measure)
        everything = Goal(100.0, at_least=True)
        return [
            Row(self.name, "delivered to the others", "%", ours[0], peer[0], everything),
            Row(self.name, "latency p99 of the others before", "ms", ours[1], peer[1]),
            Row(self.name, "latency p99 of the others", "ms", ours[2], peer[2], Goal(100.0)),
            Row(self.name, "growth of memory", "MB", ours[3], peer[3]),
        ]


async def _with_and_without(server: Served, seconds: float) -> tuple[float, ...]:
    healthy = await server.subscribers(_HEALTHY)
    await asyncio.sleep(_SETTLE)
    alone = await _collect(healthy, seconds)
    before = server.process.memory
    stalled = await CaClient.connect(server.process.ports.server, receive_buffer=_SMALL)
    stalled.subscribe(await stalled.create(server.load.names))
    stalled.stop_reading()
    await asyncio.sleep(_SETTLE)
    beside = await _collect(healthy, seconds)
    growth = server.process.memory - before
    for client in (*healthy, stalled):
        client.close()
    return beside.share * 100, alone.percentile(99), beside.percentile(99), growth


async def _collect(clients: list[CaClient], seconds: float) -> Delivery:
    for client in clients:
        client.clear()
    await asyncio.sleep(seconds)
    return Delivery.sum([client.delivery() for client in clients])
