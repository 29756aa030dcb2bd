"""Memory: what a subscription takes, and what is left of clients that went and of updates."""

from __future__ import annotations

import asyncio

from .bench import SIDES, Served, Setup, Side, served
from .client import CaClient
from .results import Goal, Row
from .servers.options import Load

_LOAD = Load(800, 0.1, spread=True)
_CYCLES = 1500
_WARM_UP = 200
_CHANNELS = 20
_SOAK = 60.0
_FLAT = Goal(2.0)
"""MB by which memory may grow and still count as flat: 1.4 KB for each of 1500 clients."""


class Memory:
    """1500 clients that subscribe to 20 PVs and go; a minute of 8000 updates/s to 4 clients."""

    name = "memory"

    async def run(self, setup: Setup) -> list[Row]:
        cycles = _CYCLES // 10 if setup.quick else _CYCLES
        seconds = setup.seconds(_SOAK)

        async def measure(side: Side) -> tuple[float, ...]:
            async with served(setup, side, _LOAD) as server:
                churn = await _churn(server, cycles)
                subscription, soak = await _soak(server, seconds)
                return churn, subscription, soak

        ours, peer = [await measure(side) for side in SIDES]
        return [
            Row(self.name, f"growth over {cycles} connects", "MB", ours[0], peer[0], _FLAT),
            Row(self.name, "per subscription", "KB", ours[1], peer[1]),
            Row(
                self.name, f"growth over {seconds:g} s, 8000/s to 4", "MB", ours[2], peer[2], _FLAT
            ),
        ]


async def _churn(server: Served, cycles: int) -> float:
    for _ in range(_WARM_UP):
        await _come_and_go(server)
    before = server.process.memory
    for _ in range(cycles):
        await _come_and_go(server)
    await asyncio.sleep(1.0)
    return server.process.memory - before


async def _come_and_go(server: Served) -> None:
    client = await CaClient.connect(server.process.ports.server)
    client.subscribe(await client.create(server.load.names[:_CHANNELS]))
    await client.updates(_CHANNELS)
    client.close()


async def _soak(server: Served, seconds: float) -> tuple[float, float]:
    before = server.process.memory
    clients = await server.subscribers(4)
    await asyncio.sleep(3.0)
    begin = server.process.memory
    waited = 0.0
    while waited < seconds:
        await asyncio.sleep(1.0)
        waited += 1.0
        for client in clients:
            client.clear()
    growth = server.process.memory - begin
    for client in clients:
        client.close()
    return (begin - before) * 1e3 / (4 * server.load.pvs), growth
