"""An IOC of ours and one of EPICS Base that has loaded our record database, side by side."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from iocs.export.files import Kind, Target, demo_target, export, write
from tests.support.c_ioc import c_ioc_of
from tests.support.ca import CaSpace
from tests.support.libca import Libca
from tests.support.process import PythonProcess

OURS = "OUR:X:"
BASE = "BASE:X:"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two servers of the same PVs, each with a client: ours behind OURS, EPICS Base behind BASE."""

    target: Target
    ours: Libca
    base: Libca
    our_process: PythonProcess
    base_process: PythonProcess


@asynccontextmanager
async def serve_ours(space: CaSpace, module: str) -> AsyncIterator[PythonProcess]:
    """An instrument's IOC on its own simulator (the sample has none), behind the prefix OURS."""
    instrument = importlib.import_module(module).INSTRUMENT
    async with AsyncExitStack() as stack:
        link = instrument.example_link
        if instrument.name != "sample":
            simulator = await stack.enter_async_context(
                PythonProcess(
                    instrument.simulator,
                    "--link",
                    instrument.demo.link,
                    *instrument.demo.simulator,
                )
            )
            link = (await simulator.line(r"listening (\S+)"))[1]
        ioc = await stack.enter_async_context(
            PythonProcess("tests.iocs.export.serve", module, link, OURS, env=space.env)
        )
        await ioc.line("PVs available")
        yield ioc


@pytest.fixture
async def pair(
    request: pytest.FixtureRequest, new_ca_space: Callable[[], CaSpace], tmp_path: Path
) -> AsyncIterator[Pair]:
    """Both servers of the instrument whose module is the fixture's parameter."""
    target = demo_target(importlib.import_module(request.param).INSTRUMENT)
    *_, substitutions = write(export(Kind.DB, [replace(target, prefix=BASE)]), tmp_path)
    ours, base = new_ca_space(), new_ca_space()
    async with (
        serve_ours(ours, request.param) as our_process,
        c_ioc_of(base, substitutions) as base_process,
        Libca(ours) as our_client,
        Libca(base) as base_client,
    ):
        yield Pair(target, our_client, base_client, our_process, base_process)
