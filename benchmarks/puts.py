"""Puts: from a client's put to the monitor of the readback that shows it."""

from __future__ import annotations

import numpy as np

from .bench import Setup, Side, medians, served
from .results import Goal, Row
from .servers.options import PREFIX, Load

_PUTS = 1000
_LOAD = Load(100, 0.1, spread=True)


class Puts:
    """One put after the other while the server posts 1000 updates/s."""

    name = "put"

    async def run(self, setup: Setup) -> list[Row]:
        count = _PUTS // 10 if setup.quick else _PUTS

        async def measure(side: Side) -> tuple[float, ...]:
            return await _put(setup, side, count)

        ours, peer = await medians(setup, measure)
        return [
            Row(self.name, "put to monitor p50", "ms", ours[0], peer[0], Goal(2.0)),
            Row(self.name, "put to monitor p99", "ms", ours[1], peer[1]),
        ]


async def _put(setup: Setup, side: Side, count: int) -> tuple[float, float]:
    async with served(setup, side, _LOAD) as server:
        client = server.client
        setpoint, readback = await client.create([f"{PREFIX}X", f"{PREFIX}X_RBV"])
        client.subscribe([readback])
        taken = [await client.write_and_see(setpoint, float(i + 1)) for i in range(count)]
        return float(np.percentile(taken, 50)) * 1e3, float(np.percentile(taken, 99)) * 1e3
