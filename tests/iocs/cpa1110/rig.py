"""An IOC in a process of its own on a simulator, and what its PVs must show of it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from drivers.core.simulation.faults import parse_fault
from drivers.cpa1110.simulator import CompressorSimulator
from drivers.cpa1110.simulator.model import CompressorModel
from tests.support.ca import CaSpace
from tests.support.process import PythonProcess
from tests.support.wire.until import PATIENCE

PREFIX = "T:CPA:"
PERIOD = 0.4
"""Scan period of most tests, in s: short, but long against the hiccups of a busy machine."""


@asynccontextmanager
async def simulator(
    model: CompressorModel | None = None,
    *,
    speed: float = 0.0,
    link: str = "tcp://127.0.0.1:0",
    fault: str = "",
) -> AsyncIterator[tuple[CompressorSimulator, str]]:
    """A panel on a real port; its time stands still unless `speed` says otherwise."""
    panel = CompressorSimulator(model, speed=speed)
    url = await panel.listen(link)
    if fault:
        await panel.set_fault(parse_fault(fault))
    try:
        yield panel, url
    finally:
        await panel.close()


@asynccontextmanager
async def ioc(
    space: CaSpace, link: str, *flags: str | Path, autosave: Path | None = None
) -> AsyncIterator[PythonProcess]:
    """`python -m iocs.cpa1110`, serving; stopped by SIGTERM at the end, which must give 0."""
    keep = ("--no-autosave",) if autosave is None else ("--autosave", autosave)
    arguments = ("--link", link, "--prefix", PREFIX, *keep, *flags)
    async with PythonProcess("iocs.cpa1110", *arguments, env=space.env) as process:
        await process.line(r"labioc: .* TCP port \d+")
        yield process
        if process.returncode is None:
            assert await process.stop() == 0, process.output


def port_of(link: str) -> int:
    """The TCP port of a link."""
    match = re.search(r":(\d+)$", link)
    assert match is not None, link
    return int(match[1])


def log_lines(process: PythonProcess, pattern: str) -> list[str]:
    """The log lines in which a pattern is found."""
    return [line for line in process.stderr if re.search(pattern, line)]


async def eventually(true: Callable[[], Awaitable[bool]], limit: float = PATIENCE) -> None:
    """Return as soon as `true()` is; fail after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not await true():
        assert time.monotonic() < deadline, f"not true within {limit:g} s"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def background(work: Awaitable[object]) -> AsyncIterator[asyncio.Future[object]]:
    """Something that goes on meanwhile; its end is awaited."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
