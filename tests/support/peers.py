"""Programs of others that tests run beside ours, where this Python has them.

setup.cfg says by a marker where one has no wheel. A test that needs it is left out there, and only
there: where it should be installed and is not, the test fails at its import.
"""

from __future__ import annotations

import configparser
import platform
from functools import cache

import pytest
from packaging.requirements import Requirement

from tests.support.process import ROOT


@cache
def _requirements() -> dict[str, Requirement]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = setup["options.extras_require"]
    lines = "\n".join(extras[extra] for extra in ("test", "bench")).splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {requirement.name: requirement for requirement in found}


def need(*names: str) -> None:
    """Leave the test (or the module) that calls this out if this Python is not to have one of them.

    Raises:
        KeyError: the extras of setup.cfg do not have it.
    """
    for name in names:
        marker = _requirements()[name].marker
        if marker is not None and not marker.evaluate():
            minor = ".".join(platform.python_version_tuple()[:2])
            pytest.skip(f"{name} has no wheel for Python {minor}", allow_module_level=True)
