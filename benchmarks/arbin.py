"""An Arbin cycler: decoding 128 channels beside `pycti-arbin`, and 512 channels in one IOC.

The library decodes one channel of one reply; ours decodes all of one reply, checksum included, into
the same values and texts. The IOC reads a server that gives new numbers with each answer.

Run as a module it is the libca client: `python -m benchmarks.arbin CHANNELS` connects to all PVs
and prints their number and the time.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator

from pyctiarbin import Msg

from drivers.arbin.protocol import Code, Direction, FrameStream, frame
from drivers.arbin.records import ChannelsInfoReply, encode_records
from drivers.arbin.texts import TextCache

from .bench import Setup
from .client import CaClient
from .process import ROOT, BenchmarkError, Cores, ServerProcess
from .results import Goal, Row
from .servers.cycler import readings

_DECODED = 128
_CHANNELS = 512
_REPEATS = 50
_TIMES_FASTER = 20
_FAST = 0.1
_SLOW = 1.0
_PREFIX = "B:"
_VALUES = (
    "TestTime", "StepTime", "Voltage", "Current", "Power", "ChargeCapacity", "DischargeCapacity",
    "ChargeEnergy", "DischargeEnergy", "InternalResistance", "DvDt", "ACR", "ACI", "ACIPhase",
)  # fmt: skip


class Arbin:
    """Records decoded per second; start, memory and updates of an IOC with 512 channels."""

    name = "arbin"

    async def run(self, setup: Setup) -> list[Row]:
        return [*self._decode(setup), *await self._ioc(setup)]

    def _decode(self, setup: Setup) -> list[Row]:
        repeats = _REPEATS // 5 if setup.quick else _REPEATS
        peer = _rate(_peer(), max(1, repeats // 10))
        goal = Goal(_TIMES_FASTER * peer, at_least=True)
        figures = {
            "all texts new": _rate(_ours(new_texts=True), repeats),
            "no text new": _rate(_ours(new_texts=False), repeats),
        }
        return [
            Row(self.name, f"records decoded, {_DECODED} channels, {what}", "1/s", rate, peer, goal)
            for what, rate in figures.items()
        ]

    async def _ioc(self, setup: Setup) -> list[Row]:
        near_client = Cores(setup.cores.load, setup.cores.load)
        arguments = ("--channels", str(_CHANNELS))
        with ServerProcess(near_client, "benchmarks.servers.cycler", arguments) as cycler:
            link = await cycler.line("listening ")
            os.environ |= {"LABIOC_ARBIN_USER": "user", "LABIOC_ARBIN_PASSWORD": "password"}
            counts = "aux_counts={voltage = 1, temperature = 1}"
            flags = ("--link", link, "--prefix", _PREFIX, "--channels", str(_CHANNELS))
            more = ("--set", counts, "--timeout", "30.0", "--no-autosave")
            with ServerProcess(setup.cores, "iocs.arbin", (*flags, *more)) as ioc:
                return await self._measure(setup, ioc)

    async def _measure(self, setup: Setup, ioc: ServerProcess) -> list[Row]:
        client = await _connected(ioc)
        started = time.monotonic() - ioc.started
        rows = [
            Row(self.name, f"start, {_CHANNELS} channels", "s", started, None, Goal(10.0)),
            Row(self.name, f"memory, {_CHANNELS} channels", "MB", ioc.memory),
        ]
        if not setup.quick:
            rows.append(await _libca(ioc))
        try:
            client.subscribe(await client.create(_names()))
            (period,) = await client.create([f"{_PREFIX}Scan:Sweep:Period"])
            for what, each in (("as fast as it goes", _FAST), ("once a second", _SLOW)):
                await client.write(period, each)
                await asyncio.sleep(1.0)
                client.clear()
                before, window = ioc.cpu, setup.seconds(10.0)
                await asyncio.sleep(window)
                busy = (ioc.cpu - before) / window
                rate = client.delivery().received / window
                rows += [
                    Row(self.name, f"updates delivered, swept {what}", "1/s", rate),
                    Row(self.name, f"processor, swept {what}", "%", busy * 100),
                ]
        finally:
            client.close()
        return rows


def _rate(decode: Callable[[], object], repeats: int) -> float:
    """Records per second, the best of some rounds."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        decode()
        best = min(best, time.perf_counter() - start)
    return _DECODED / best


def _ours(*, new_texts: bool) -> Callable[[], object]:
    replies = [
        frame(
            Code.CHANNELS_INFO_REPLY,
            encode_records(readings(_DECODED, test=test, wired=False)),
            Direction.REPLY,
        )
        for test in ("Cell", "Pack")
    ]
    stream, cache = FrameStream(Direction.REPLY), TextCache()
    turn = 0

    def decode() -> object:
        nonlocal turn
        turn += new_texts
        (received,) = stream.feed(replies[turn % 2])
        reply = ChannelsInfoReply.decode(received.payload)
        texts = cache.texts(reply.fixed["channel"], reply.fixed["texts"])
        return reply.readings(texts)

    decode()
    return decode


def _peer() -> Callable[[], object]:
    """The library's parser takes a reply with one record."""
    replies = [
        bytearray(frame(Code.CHANNELS_INFO_REPLY, encode_records([one]), Direction.REPLY))
        for one in readings(_DECODED, wired=False)
    ]

    def decode() -> object:
        return [Msg.ChannelInfo.Server.unpack(reply) for reply in replies]

    return decode


async def _connected(ioc: ServerProcess) -> CaClient:
    """A client that has found the last PV."""
    while True:
        ioc.check()
        try:
            client = await CaClient.connect(ioc.ports.server)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
            continue
        await client.create([f"{_PREFIX}CH{_CHANNELS:03d}:Aux:Temperature01"])
        return client


def _names() -> Iterator[str]:
    for channel in range(1, _CHANNELS + 1):
        for value in _VALUES:
            yield f"{_PREFIX}CH{channel:03d}:{value}"


async def _libca(ioc: ServerProcess) -> Row:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.arbin", str(_CHANNELS),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=ioc.ports.environment,
    )  # fmt: skip
    output, errors = await child.communicate()
    if child.returncode != 0:
        raise BenchmarkError(f"the libca client failed:\n{errors.decode()}")
    found, seconds = output.split()
    return Row("arbin", f"libca connects its {int(found)} PVs", "s", float(seconds))


async def _client(channels: int) -> None:
    import aioca

    from drivers.arbin.device import Cycler
    from drivers.arbin.settings import AuxCounts, CyclerSettings
    from iocs.arbin import CyclerIOC

    counts = AuxCounts(voltage=1, temperature=1)
    settings = CyclerSettings("tcp://127.0.0.1", channels=channels, aux_counts=counts)
    names = list(CyclerIOC(_PREFIX, device=Cycler(settings)).pvdb)
    start = time.perf_counter()
    await aioca.connect(names, timeout=120.0)
    print(len(names), time.perf_counter() - start)


if __name__ == "__main__":
    asyncio.run(_client(int(sys.argv[1])))
