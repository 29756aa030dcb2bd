"""Fixtures: a plant, its IOC in this process, and a raw client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from iocs.app.serve import Ioc
from tests.iocs.core.every_record import DATABASE, EveryRecord, Pair
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, serving
from tests.support.c_ioc import c_ioc
from tests.support.ca import CaSpace
from tests.support.rawca import RawCa


@pytest.fixture
def space(ca_space: CaSpace, monkeypatch: pytest.MonkeyPatch) -> CaSpace:
    """This test's CA space, in force for servers and clients of this process."""
    for name, value in ca_space.env.items():
        if name.startswith("EPICS_"):
            monkeypatch.setenv(name, value)
    return ca_space


@pytest.fixture
def plant() -> Plant:
    """A plant that answers."""
    return Plant()


@pytest.fixture
async def group(plant: Plant) -> PlantIoc:
    """The PVs of the plant, not yet polled or served."""
    return PlantIoc(PREFIX, plant)


@pytest.fixture
async def ioc(space: CaSpace, group: PlantIoc) -> AsyncIterator[Ioc]:
    """The plant's IOC, running in this process."""
    async with serving(group) as running:
        yield running


@pytest.fixture
async def raw(ioc: Ioc) -> AsyncIterator[RawCa]:
    """A raw client of the IOC."""
    assert ioc.context.port is not None
    async with RawCa(ioc.context.port) as client:
        yield client


@pytest.fixture
async def pair(
    space: CaSpace, new_ca_space: Callable[[], CaSpace], tmp_path: Path
) -> AsyncIterator[Pair]:
    """A PV of every record type, served by us and by EPICS Base."""
    database = tmp_path / "every.db"
    database.write_text(DATABASE)
    other = new_ca_space()
    group = EveryRecord(PREFIX, Plant())
    async with (
        c_ioc(other, database),
        serving(group),
        RawCa(space.server_port) as ours,
        RawCa(other.server_port) as base,
    ):
        yield Pair(group, ours, base)
