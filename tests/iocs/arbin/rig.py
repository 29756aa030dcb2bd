"""An Arbin IOC in a process of its own, on a simulated cycler in this one."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from drivers.arbin.simulator import CyclerSimulator
from drivers.arbin.simulator.model import Behaviour, CyclerModel
from drivers.arbin.simulator.records import Wiring
from drivers.arbin.words import AuxKind
from tests.iocs.cpa1110.client import Client
from tests.support.ca import CaSpace
from tests.support.process import PythonProcess
from tests.support.wire.until import until

PREFIX = "T:CYC:"
NO_ALARM, MINOR, MAJOR, INVALID = range(4)
WIRING = Wiring({AuxKind.VOLTAGE: 1, AuxKind.TEMPERATURE: 2})
COUNTS = "aux_counts={voltage = 1, temperature = 2}"


@asynccontextmanager
async def simulator(
    channels: int = 3,
    *,
    wiring: Wiring = WIRING,
    running: bool = False,
    refresh: float = 0.0,
    file_link: str | None = None,
) -> AsyncIterator[tuple[CyclerSimulator, str]]:
    """A cycler whose data is new at each request; with `running`, every other channel is tested."""
    behaviour = Behaviour(channels=channels, wiring=wiring, refresh=refresh)
    cycler = CyclerSimulator(CyclerModel(behaviour, time.monotonic), file_link=file_link)
    if running:
        cycler.cycler.start_some()
    url = await cycler.listen("tcp://127.0.0.1:0")
    try:
        yield cycler, url
    finally:
        await cycler.close()


def environment(space: CaSpace, user: str = "operator", password: str = "") -> Mapping[str, str]:
    """The environment of an IOC that logs in as one of the simulator's users."""
    secret = {"LABIOC_ARBIN_USER": user, "LABIOC_ARBIN_PASSWORD": password or user}
    return {**space.env, **secret}


@asynccontextmanager
async def ioc(
    space: CaSpace,
    link: str,
    *flags: str,
    channels: int | None = 3,
    counts: str | None = COUNTS,
    user: str = "operator",
    control: bool = True,
) -> AsyncIterator[tuple[PythonProcess, int]]:
    """`python -m iocs.arbin`, serving on a port; ended by SIGTERM, which must give 0."""
    arguments = [
        *("--link", link, "--prefix", PREFIX, "--no-autosave", "--refresh", "0.1"),
        *("--timeout", "2", "--allow-control", str(control).lower()),
    ]
    arguments += [] if channels is None else ["--channels", str(channels)]
    arguments += [] if counts is None else ["--set", counts]
    env = environment(space, user)
    async with PythonProcess("iocs.arbin", *arguments, *flags, env=env) as process:
        match = await process.line(r"labioc: .* TCP port (\d+)")
        yield process, int(match[1])
        if process.returncode is None:
            assert await process.stop() == 0, process.output


@asynccontextmanager
async def watching(port: int, *names: str, period: float = 0.1) -> AsyncIterator[Client]:
    """A client with monitors on some PVs and a sweep every `period` seconds."""
    async with Client(port) as client:
        await client.put(f"{PREFIX}Scan:Sweep:Period", period)
        await client.subscribe(*(PREFIX + name for name in names))
        yield client


def newest(client: Client, name: str) -> tuple[object, int]:
    """Value and severity of the last update of a PV; texts without their end."""
    update = client.updates[PREFIX + name][-1]
    return update.value, update.severity


async def shows(client: Client, name: str, value: object, severity: int = NO_ALARM) -> None:
    """Wait until a PV has a value and a severity."""
    try:
        await until(lambda: newest(client, name) == (value, severity))
    except AssertionError:
        raise AssertionError(f"{name} is {newest(client, name)}, not {(value, severity)}") from None


async def severity_of(client: Client, name: str, severity: int) -> None:
    """Wait until a PV has a severity."""
    await until(lambda: newest(client, name)[1] == severity)


async def put_text(client: Client, name: str, text: str) -> None:
    """Put a text to a CHAR array."""
    await client.put(PREFIX + name, text.encode() + b"\0")


async def assigned(client: Client, channel: str, schedule: str, test: str = "T1") -> None:
    """Assign a schedule to a channel, and put the name of the test to be."""
    await put_text(client, f"{channel}:ScheduleSet", schedule)
    await client.put(f"{PREFIX}{channel}:Assign", 1)
    await put_text(client, f"{channel}:TestNameSet", test)
