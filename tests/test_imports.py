"""Each import contract of pyproject.toml holds for a good tree and breaks for a bad one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.process import ROOT

pytestmark = pytest.mark.slow

_GOOD = {
    "drivers/__init__.py": "",
    "drivers/core/__init__.py": "",
    "drivers/core/link.py": "",
    "drivers/core/modbus/__init__.py": "from drivers.core.modbus import bus",
    "drivers/core/modbus/bus.py": "import pymodbus.client\nfrom drivers.core import link",
    "drivers/core/simulation/__init__.py": "from drivers.core.simulation import console",
    "drivers/core/simulation/console.py": "from drivers.core import link",
    "drivers/one/__init__.py": "",
    "drivers/one/device.py": "import drivers.core.modbus.bus\nfrom drivers.one import protocol",
    "drivers/one/protocol.py": "",
    "drivers/one/simulator/__init__.py": "from drivers.one.simulator import model",
    "drivers/one/simulator/model.py": "import drivers.core.simulation\nimport drivers.one.protocol",
    "drivers/two/__init__.py": "",
    "iocs/__init__.py": "",
    "iocs/ca/__init__.py": "",
    "iocs/ca/circuit.py": "import caproto",
    "iocs/record/__init__.py": "",
    "iocs/record/point.py": "from iocs.ca import circuit",
    "iocs/device/__init__.py": "",
    "iocs/device/group.py": "import caproto.server\nfrom iocs.record import point",
    "iocs/app/__init__.py": "",
    "iocs/app/serve.py": "from iocs.device import group\nfrom drivers.core import link",
    "iocs/one.py": "import drivers.core.link\nimport drivers.one.device\nimport iocs.device.group",
    "iocs/two/__init__.py": "from iocs.app import serve\nfrom iocs.two import options",
    "iocs/two/options.py": "import drivers.two",
    "iocs/config.py": "import iocs.one\nimport iocs.two",
    "iocs/export/__init__.py": "",
    "iocs/export/database.py": "import caproto\nfrom iocs.app import serve\nimport iocs.one",
    "iocs/screens/__init__.py": "",
    "iocs/screens/one.py": "import iocs.export.database\nimport iocs.one",
    "iocs/cli.py": "import drivers.one.device\nimport drivers.two\nfrom iocs import config, export",
    "iocs/__main__.py": "from iocs import cli",
}

_ANNOTATION = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from iocs.record import point
"""

_BAD = [
    ("Drivers know no EPICS", "drivers/one/device.py", "import caproto"),
    ("Drivers know no EPICS", "drivers/core/link.py", "from iocs.app import serve"),
    ("A driver knows drivers.core", "drivers/one/device.py", "import drivers.two"),
    ("A driver knows drivers.core", "drivers/core/link.py", "from drivers.one import protocol"),
    ("No driver, link or IOC", "drivers/one/device.py", "from drivers.one.simulator import model"),
    ("No driver, link or IOC", "iocs/one.py", "import drivers.one.simulator"),
    ("Only simulators import", "drivers/one/device.py", "import drivers.core.simulation.console"),
    ("Only simulators import", "drivers/core/link.py", "import drivers.core.simulation"),
    ("Only drivers.core.modbus", "drivers/core/link.py", "import pymodbus"),
    ("Only drivers.core.modbus", "iocs/one.py", "from pymodbus import client"),
    ("Only drivers.core.can", "drivers/core/link.py", "import can"),
    ("Only drivers.core.can", "iocs/one.py", "from can import Bus"),
    ("Only what serves PVs", "iocs/one.py", "import caproto"),
    ("Only what serves PVs", "iocs/cli.py", "from caproto.server import run"),
    ("An IOC knows the storeys", "iocs/one.py", "import iocs.two"),
    ("An IOC knows the storeys", "iocs/one.py", "from iocs.export import database"),
    ("An IOC knows the storeys", "iocs/app/serve.py", "from iocs import one"),
    ("An IOC knows the storeys", "iocs/app/serve.py", "from iocs.export import database"),
    ("Each storey knows", "iocs/ca/circuit.py", "from iocs.record import point"),
    ("Each storey knows", "iocs/record/point.py", "from iocs.device import group"),
    ("Each storey knows", "iocs/device/group.py", "from iocs.app import serve"),
    ("No import circles", "drivers/one/protocol.py", "from drivers.one import device"),
    ("No import circles", "iocs/ca/circuit.py", _ANNOTATION),
    ("iocs.x knows no driver", "iocs/one.py", "import drivers.two"),
    ("iocs.x knows no driver", "iocs/two/options.py", "from drivers.one import device"),
    ("iocs.x knows no driver", "iocs/app/serve.py", "import drivers.one"),
]


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": ".", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in _GOOD.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    return tmp_path


def test_a_tree_that_keeps_to_the_borders_passes(tree: Path) -> None:
    result = _lint(tree)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 broken" in result.stdout


@pytest.mark.parametrize(("contract", "module", "line"), _BAD)
def test_a_forbidden_import_breaks_its_contract(
    tree: Path, contract: str, module: str, line: str
) -> None:
    path = tree / module
    path.write_text(path.read_text() + line + "\n")
    result = _lint(tree)
    assert result.returncode == 1, result.stdout + result.stderr
    broken = [text for text in result.stdout.splitlines() if " BROKEN" in text]
    assert [text for text in broken if text.startswith(contract)], result.stdout
