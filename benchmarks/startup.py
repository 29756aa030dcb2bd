"""Start-up: from starting the process until a client can open its last PV, and memory then."""

from __future__ import annotations

import time

from .bench import OURS, Setup, Side, medians, served
from .process import BenchmarkError
from .results import Goal, Row
from .servers.options import Load

_SIZES = (100, 1000, 10_000)
_QUIET = 3600.0
_GOALS = {10_000: (Goal(2.0), Goal(100.0))}


class Startup:
    """100, 1000 and 10 000 analog inputs with limits, no updates."""

    name = "startup"

    async def run(self, setup: Setup) -> list[Row]:
        rows: list[Row] = []
        for size in _SIZES:

            async def measure(side: Side, size: int = size) -> tuple[float, ...]:
                return await _start(setup, side, size)

            ours, peer = await medians(setup, measure)
            goals = _GOALS.get(size, (None, None))
            rows += [
                Row(self.name, f"start with {size} PVs", "s", ours[0], peer[0], goals[0]),
                Row(self.name, f"memory with {size} PVs", "MB", ours[1], peer[1], goals[1]),
            ]
        return rows


async def _start(setup: Setup, side: Side, size: int) -> tuple[float, float]:
    load = Load(size, _QUIET, spread=False)
    async with served(setup, side, load) as server:
        taken = time.monotonic() - server.process.started
        memory = server.process.memory
        limit = await server.client.create([f"{load.names[-1]}.HIHI"])
        if side is OURS and await server.client.read(limit[0]) != 1e12:
            raise BenchmarkError("the record fields of the last PV are not served")
        return taken, memory
