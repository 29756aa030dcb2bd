"""The screens of the repository and the PVs of the demo that they are for."""

from __future__ import annotations

import pytest

from iocs.export.files import demo_target
from iocs.export.rows import Row
from iocs.registry import MODULES, load

from .reader import Screen, files, reachable


@pytest.fixture(scope="session")
def rows() -> dict[str, Row]:
    """Every PV of the demo by its full name."""
    targets = [demo_target(load(name)) for name in MODULES]
    return {target.prefix + row.name: row for target in targets for row in target.rows}


@pytest.fixture(scope="session")
def screens() -> list[Screen]:
    return files()


@pytest.fixture(scope="session")
def opened() -> list[Screen]:
    return reachable()
