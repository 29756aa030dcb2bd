"""The Java programs of a control room can read every PV: their Channel Access client does.

Phoebus, the archiver appliance and the alarm server share one client library, which is stricter
than libca: it takes no array that is shorter than announced. scripts/java/ReadAll.java uses it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from iocs.export.files import demo_target
from iocs.registry import MODULES, load
from tests.support.ca import CaSpace
from tests.support.process import ROOT, PythonProcess

_PROGRAM = ROOT / "scripts" / "java" / "ReadAll.java"
_FETCH = ROOT / "scripts" / "java" / "fetch.sh"
_MISSING = [program for program in ("java", "mvn") if shutil.which(program) is None]
_DEMO_IS_UP = "In another terminal"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        bool(_MISSING),
        reason=f"not read by the Java client: {' and '.join(_MISSING)} not installed",
    ),
]


@pytest.fixture(scope="module")
def libraries() -> Path:
    """The folder of the Java libraries, fetched by Maven."""
    folder = ROOT / "build" / "java"
    result = subprocess.run(
        ["sh", str(_FETCH), str(folder)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


async def _read_all(
    libraries: Path, names: Sequence[str], env: Mapping[str, str], seconds: int = 60
) -> tuple[int, list[str]]:
    """Exit code and lines of the program; the library prints what it fails at on its stderr."""
    process = await asyncio.create_subprocess_exec(
        *("java", "-cp", f"{libraries}{os.sep}*", str(_PROGRAM), str(seconds)),
        env=env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate("\n".join(names).encode())
    assert process.returncode is not None
    return process.returncode, output.decode().splitlines()


async def test_every_pv_of_the_demo_and_its_fields(libraries: Path, ca_space: CaSpace) -> None:
    names: list[str] = []
    for instrument in MODULES:
        target = demo_target(load(instrument))
        for row in target.rows:
            name = target.prefix + row.name
            fields = ("NAME", "RTYP", *(field for field, _ in row.fields))
            names += [name, *(f"{name}.{field}" for field in fields)]
            names += [f"{name}.NAME$", f"{name}.DESC$"]
    port = ca_space.server_port
    async with PythonProcess("iocs.cli", "demo", "--ca-port", str(port), env=ca_space.env) as demo:
        await demo.line(_DEMO_IS_UP)
        env = ca_space.env | {"EPICS_CA_ADDR_LIST": "127.255.255.255"}
        code, lines = await _read_all(libraries, names, env)
    assert code == 0, "\n".join(lines[-50:])
    assert len(lines) == 1
    assert lines[0].startswith(f"{len(names)} PVs: ")
    assert lines[0].endswith(
        f" 0 not found; {4 * len(names)} gets, {2 * len(names)} monitors; 0 faults"
    )


async def test_it_can_find_faults(libraries: Path, ca_space: CaSpace) -> None:
    names = [f"STOCK:{name}" for name in ("Good", "Short", "Old", "Absent")]
    async with PythonProcess("tests.support.stock_ioc", env=ca_space.env) as ioc:
        await ioc.line("serving")
        code, lines = await _read_all(libraries, names, ca_space.env, seconds=5)
    assert code == 1
    text = "\n".join(lines)
    assert "STOCK:Absent: not found within 5 s" in text
    assert "STOCK:Short: monitor: the answer could not be decoded" in text
    assert "STOCK:Old: monitor: the time stamp is" in text
    assert "STOCK:Good" not in text
