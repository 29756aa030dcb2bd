"""iseg modules on a CAN line of 125 kbit/s: one scan of V, I and status, and a whole crate.

The simulated line gives each frame its exact time on the wire, stuff bits included; the modules
answer at once. The limit is what the frames of the scan take there, which lies between the best and
the worst case of iseg-protocol.md 10. The peer, `isegcan`, reads the same module through
the same adapter, one value after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import statistics
import time
from collections.abc import Iterator, Sequence

from isegcan import can_edcp

from drivers.core.can.frame import wire_bits
from drivers.core.url import CanUrl, parse_link
from drivers.iseg.device import Crate
from drivers.iseg.items import CHANNELS_PER_REQUEST, ITEMS, I
from drivers.iseg.protocol import Answer, Value, answer, read_many
from drivers.iseg.settings import CrateSettings, ModuleSettings

from .bench import Setup
from .client import CaClient
from .process import Cores, ServerProcess
from .results import Goal, Row

_SIMULATOR = "drivers.iseg.simulator"
_BITRATE = 125_000
_SCANS, _PEER_SCANS = 30, 1
_PEER_CHANNELS = (8, 16)
_MARGIN = 1.15
_MODULES, _CHANNELS = 10, 16
_ITEMS = (I.VOLTAGE_MEASURE, I.CURRENT_MEASURE, I.STATUS)


class Iseg:
    """One module of 8 to 48 channels, and ten modules of 16 in one IOC."""

    name = "iseg"

    async def run(self, setup: Setup) -> list[Row]:
        rows = [await self._scan(setup, channels) for channels in (8, 16, 24, 48)]
        rows.append(await self._crate(setup, "10 x 16, 125 kbit/s", "--paced"))
        rows.append(await self._crate(setup, "10 x 16, bus without limit"))
        return rows

    async def _scan(self, setup: Setup, channels: int) -> Row:
        """One scan, back to back, median."""
        arguments = ("--channels", str(channels), "--paced", "--latency", "0", "--on")
        with ServerProcess(setup.cores, _SIMULATOR, arguments) as process:
            link = parse_link(await process.line("listening "))
            assert isinstance(link, CanUrl)
            scans = _SCANS // 6 if setup.quick else _SCANS
            ours, limit = await _ours(link, channels, scans)
            peer = None
            if channels in _PEER_CHANNELS[: 1 if setup.quick else None]:
                peer = await asyncio.to_thread(_peer, link, channels)
        figure = f"V, I, status, {channels} channels"
        return Row(self.name, figure, "ms", ours, peer, Goal(limit * _MARGIN))

    async def _crate(self, setup: Setup, figure: str, *flags: str) -> Row:
        """Updates of V and I of all channels that a client gets from one IOC."""
        arguments = ("--modules", str(_MODULES), "--channels", str(_CHANNELS), "--latency", "0")
        near_client = Cores(setup.cores.load, setup.cores.load)
        line = ("--link", "socketcand://127.0.0.1:0", "--on", *flags)
        with ServerProcess(near_client, _SIMULATOR, (*arguments, *line)) as simulator:
            link = await simulator.line("listening ")
            tables = ", ".join(
                f'{{name = "M{n:02d}", address = {n}, channels = {_CHANNELS}}}'
                for n in range(_MODULES)
            )
            settings = ("--set", f"modules=[{tables}]", "--timeout", "1.0", "--no-autosave")
            with ServerProcess(
                setup.cores, "iocs.iseg", ("--link", link, "--prefix", "B:", *settings)
            ) as ioc:
                await _until_served(ioc)
                updates = await _count_updates(ioc, setup.seconds(20.0))
        return Row(self.name, f"updates of V and I, {figure}", "1/s", updates)


async def _ours(link: CanUrl, channels: int, scans: int) -> tuple[float, float]:
    """Milliseconds of a scan, and what its frames take on the wire; medians."""
    crate = Crate(CrateSettings(str(link), (ModuleSettings("M00", 0, channels),), timeout=1.0))
    (module,) = crate.modules
    taken: list[float] = []
    limits: list[float] = []
    try:
        await module.read_fast()
        for _ in range(scans):
            start = time.perf_counter()
            found = [await module.talk.read_all(ITEMS[one], channels) for one in _ITEMS]
            taken.append(time.perf_counter() - start)
            limits.append(sum(map(_bits, _ITEMS, found)) / _BITRATE)
    finally:
        await crate.close()
    return statistics.median(taken) * 1e3, statistics.median(limits) * 1e3


def _bits(number: int, values: Sequence[Value | None]) -> int:
    """Bits of the frames by which an item of all channels is read."""
    count = len(values)
    requests = [
        read_many(0, ITEMS[number], first, min(CHANNELS_PER_REQUEST, count - first))
        for first in range(0, count, CHANNELS_PER_REQUEST)
    ]
    answers = [answer(0, Answer(number, True, n, value)) for n, value in enumerate(values)]
    return sum(map(wire_bits, (*requests, *answers)))


def _peer(link: CanUrl, channels: int) -> float:
    with contextlib.redirect_stdout(io.StringIO()):
        module = can_edcp.Resource(0, channel=link.channel, interface="slcan", bitrate=_BITRATE)
        start = time.perf_counter()
        for channel in range(channels):
            module.voltage_out_query(None, channel)
            module.current_out_query(None, channel)
            module.channel_status_query(None, channel)
        taken = time.perf_counter() - start
        del module
    return taken * 1e3


async def _until_served(ioc: ServerProcess) -> None:
    while "TCP port" not in ioc.output:
        ioc.check()
        await asyncio.sleep(0.05)


async def _count_updates(ioc: ServerProcess, seconds: float) -> float:
    client = await CaClient.connect(ioc.ports.server)
    try:
        periods = await client.create(f"B:M{n:02d}:Scan:Fast:Period" for n in range(_MODULES))
        client.subscribe(await client.create(_names()))
        for period in periods:
            await client.write(period, 0.02)
        await asyncio.sleep(seconds / 5)
        client.clear()
        await asyncio.sleep(seconds)
        return client.delivery().received / seconds
    finally:
        client.close()


def _names() -> Iterator[str]:
    for module in range(_MODULES):
        for channel in range(_CHANNELS):
            for name in ("VoltageMeasure", "CurrentMeasure"):
                yield f"B:M{module:02d}:CH{channel:02d}:{name}"
