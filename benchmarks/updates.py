"""Updates: processor time of each, how many arrive, and how long after the device was read."""

from __future__ import annotations

import asyncio

from .bench import Served, Setup, Side, medians, served
from .client import Delivery
from .results import Goal, Row
from .servers.options import Load

_PERIOD = 0.1
_SETTLE = 0.5
_WINDOW = 3.0
_GOALS = {(8000, 4): (Goal(100.0, at_least=True), Goal(100.0))}


class Updates:
    """1000 and 8000 updates/s to 0, 1 and 4 clients, spread over time and in blocks of 800."""

    name = "updates"

    async def run(self, setup: Setup) -> list[Row]:
        rows: list[Row] = []
        for rate in (1000, 8000):
            for clients in (0, 4) if setup.quick else (0, 1, 4):
                rows += await self._compare(setup, rate, clients, spread=True)
        rows += await self._compare(setup, 8000, 4, spread=False)
        return rows

    async def _compare(self, setup: Setup, rate: int, clients: int, *, spread: bool) -> list[Row]:
        load = Load(int(rate * _PERIOD), _PERIOD, spread)

        async def measure(side: Side) -> tuple[float, ...]:
            async with served(setup, side, load) as server:
                return await _watch(server, clients, setup.seconds(_WINDOW))

        ours, peer = await medians(setup, measure)
        what = f"{rate}/s to {clients}" + ("" if spread else f", blocks of {load.pvs}")
        figures = [Row(self.name, f"CPU per update, {what}", "µs", ours[0], peer[0])]
        if clients:
            share, late = _GOALS.get((rate, clients), (None, None))
            figures += [
                Row(self.name, f"delivered, {what}", "%", ours[1], peer[1], share),
                Row(self.name, f"latency p50, {what}", "ms", ours[2], peer[2]),
                Row(self.name, f"latency p99, {what}", "ms", ours[3], peer[3], late),
            ]
        return figures


async def _watch(server: Served, count: int, seconds: float) -> tuple[float, ...]:
    """Processor time per update in µs, delivered in %, p50 and p99 of the latency in ms."""
    clients = await server.subscribers(count)
    probe = (await server.client.create(server.load.names[:1]))[0]
    await asyncio.sleep(_SETTLE)
    for client in clients:
        client.clear()
    first, busy = await server.client.read(probe), server.process.cpu
    await asyncio.sleep(seconds)
    busy = server.process.cpu - busy
    posted = (await server.client.read(probe) - first) * server.load.pvs
    for client in clients:
        client.close()
    cost = busy / posted * 1e6
    if not clients:
        return (cost,)
    delivery = Delivery.sum([client.delivery() for client in clients])
    return cost, delivery.share * 100, delivery.percentile(50), delivery.percentile(99)
