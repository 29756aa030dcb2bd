"""An IOC of EPICS Base in a process of its own: the reference for what ours should look like."""

from __future__ import annotations

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
    need("epicscorelibs")
    arguments: list[str | Path] = ["-m", macros]
    for database in databases:
        arguments += ["-d", database]
    async with PythonProcess("epicscorelibs.ioc", *arguments, env=space.env) as ioc:
        await ioc.line("^IOC Running")
        yield ioc
        ioc.end_input()
        assert await ioc.wait() == 0, ioc.output
