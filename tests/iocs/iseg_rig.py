"""An iseg IOC in a process of its own, on simulated modules in this one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from drivers.iseg.simulator import make_models
from drivers.iseg.simulator.crate import CrateSimulator
from tests.iocs.cpa1110.client import Client
from tests.support.ca import CaSpace
from tests.support.process import PythonProcess

PREFIX = "T:HV:"
NO_ALARM, MINOR, MAJOR, INVALID = range(4)


@asynccontextmanager
async def simulator(
    modules: int = 1,
    channels: int = 4,
    *,
    link: str = "socketcand://127.0.0.1:0",
    speed: float = 0.0,
) -> AsyncIterator[tuple[CrateSimulator, str]]:
    """Modules on a line; their time stands still unless `speed` says otherwise."""
    crate = CrateSimulator(make_models(modules, channels), latency=0.0, speed=speed)
    url = await crate.listen(link)
    try:
        yield crate, url
    finally:
        await crate.close()


def modules_toml(modules: int, channels: int | None) -> str:
    """The setting `modules` as --set takes it."""
    count = "" if channels is None else f", channels = {channels}"
    tables = (f'{{name = "M{n:02d}", address = {n}{count}}}' for n in range(modules))
    return f"modules=[{', '.join(tables)}]"


@asynccontextmanager
async def ioc(
    space: CaSpace, link: str, *flags: str, modules: int = 1, channels: int | None = 4
) -> AsyncIterator[tuple[PythonProcess, int]]:
    """`python -m iocs.iseg`, serving on a port; ended by SIGTERM, which must give 0."""
    arguments = (
        *("--link", link, "--prefix", PREFIX, "--no-autosave", "--timeout", "2"),
        *("--set", modules_toml(modules, channels), *flags),
    )
    async with PythonProcess("iocs.iseg", *arguments, env=space.env) as process:
        match = await process.line(r"labioc: .* TCP port (\d+)")
        yield process, int(match[1])
        if process.returncode is None:
            assert await process.stop() == 0, process.output


def newest(client: Client, name: str) -> tuple[object, int]:
    """Value and severity of the last update of a PV."""
    update = client.updates[PREFIX + name][-1]
    return update.value, update.severity
