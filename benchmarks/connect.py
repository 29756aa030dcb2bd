"""Connecting and reading: how long libca, the client library of EPICS Base, takes for 1000 PVs.

Run as a module it is the client: `python -m benchmarks.connect COUNT` connects and prints the time.
"""

from __future__ import annotations

import asyncio
import sys
import time

from .bench import Served, Setup, Side, medians, served
from .process import ROOT, BenchmarkError
from .results import Row
from .servers.options import PREFIX, Load

_PVS = 1000
_ROUNDS = 5


class Connect:
    """aioca connects 1000 PVs at once, search included; a client reads all of them at once."""

    name = "connect"

    async def run(self, setup: Setup) -> list[Row]:
        async def measure(side: Side) -> tuple[float, ...]:
            async with served(setup, side, Load(_PVS, 3600.0, spread=False)) as server:
                return await _connect_all(server), await _read_all(server)

        ours, peer = await medians(setup, measure)
        return [
            Row(self.name, f"libca connects {_PVS} PVs", "s", ours[0], peer[0]),
            Row(self.name, f"CPU per read, {_PVS} at once", "µs", ours[1], peer[1]),
        ]


async def _read_all(server: Served) -> float:
    """Processor time of the server per read, in µs."""
    channels = await server.client.create(server.load.names)
    before = server.process.cpu
    for _ in range(_ROUNDS):
        await asyncio.gather(*(server.client.read(channel) for channel in channels))
    return (server.process.cpu - before) / (_ROUNDS * len(channels)) * 1e6


async def _connect_all(server: Served) -> float:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.connect", str(_PVS),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=server.process.ports.environment,
    )  # fmt: skip
    output, errors = await child.communicate()
    if child.returncode != 0:
        raise BenchmarkError(f"the libca client failed:\n{errors.decode()}")
    return float(output.split()[-1])


async def _client(count: int) -> None:
    import aioca

    names = [f"{PREFIX}V{index}" for index in range(count)]
    start = time.perf_counter()
    await aioca.connect(names, timeout=60.0)
    print(time.perf_counter() - start)


if __name__ == "__main__":
    asyncio.run(_client(int(sys.argv[1])))
