"""An IOC of EPICS Base in a process of its own: the reference for what ours should look like."""

from __future__ import annotations

import code
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.ca import CaSpace
from tests.support.peers import need
from tests.support.process import PythonProcess


@asynccontextmanager
async def c_ioc(space: CaSpace, *databases: Path, macros: str = "") -> AsyncIterator[PythonProcess]:
    """Serve record databases in `space`; `macros` as in "P=T:,R=A:" holds for all of them.

    Raises:
        AssertionError: EPICS Base refused a database; the message has its reasons.
    """
    arguments: list[str | Path] = ["-m", macros]
    for database in databases:
        arguments += ["-d", database]
    async with _running(PythonProcess("epicscorelibs.ioc", *arguments, env=space.env)) as ioc:
        yield ioc


@asynccontextmanager
async def c_ioc_of(space: CaSpace, substitutions: Path) -> AsyncIterator[PythonProcess]:
    """Serve the IOCs of a substitutions file, expanded by EPICS Base itself.

    Raises:
        AssertionError: EPICS Base refused it or a template; the message has its reasons.
    """
    async with _running(PythonProcess(__name__, substitutions, env=space.env)) as ioc:
        yield ioc


@asynccontextmanager
async def _running(process: PythonProcess) -> AsyncIterator[PythonProcess]:
    need("epicscorelibs")
    async with process as ioc:
        await ioc.line("^IOC Running")
        yield ioc
        ioc.end_input()
        assert await ioc.wait() == 0, ioc.output


def _main(substitutions: str) -> None:
    """What ``python -m epicscorelibs.ioc`` does, with a substitutions file."""
    from epicscorelibs import ioc

    path = Path(substitutions)
    os.chdir(path.parent)
    ioc.iocshRegisterCommon()
    ioc.dbLoadDatabase(b"base.dbd", ioc.DEFAULT_DBD_PATH.encode(), None)
    ioc.registerRecordDeviceDriver(ioc.pdbbase)
    if ioc.ioc(f"dbLoadTemplate {path.name}") or ioc.iocInit():
        raise SystemExit(1)
    sys.stderr.write("IOC Running\n")
    sys.stderr.flush()
    code.interact(banner="", local={"ioc": ioc.ioc})


if __name__ == "__main__":
    _main(sys.argv[1])
