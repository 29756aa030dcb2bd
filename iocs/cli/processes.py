"""The processes of the demo: simulators and IOCs, started as a user would, ended together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_START_LIMIT = 300.0
_END_LIMIT = 30.0
"""Limits in s for a process that hangs; a busy machine does not reach them."""


class ProcessEnded(RuntimeError):
    """A process of the demo ended by itself, or never said that it was ready."""


def child_environment(**extra: str) -> dict[str, str]:
    """The environment of a child: ours, with the packages on its path."""
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **extra}


class Child:
    """One child process; what it writes to stderr goes to ours, its stdout is read line by line."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self._process = process
        self._drain: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, name: str, arguments: Sequence[str], env: dict[str, str]) -> Child:
        """Start ``python -m ARGUMENTS``; it ends with us, however we end.

        A Ctrl-C at the terminal does not reach it: who started it ends all in the right order.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "iocs.cli.child",
            str(os.getpid()),
            *arguments,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            process_group=0,
        )
        return cls(name, process)

    async def wait_line(self, start: str) -> str:
        """The rest of the first line that begins with ``start``; waits as long as it lives."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_START_LIMIT):
                while line := (await self._process.stdout.readline()).decode(errors="replace"):
                    if line.startswith(start):
                        self._drain = asyncio.create_task(self._read_on())
                        return line.removeprefix(start).strip()
        except TimeoutError:
            raise ProcessEnded(
                f"{self.name} did not say {start!r} within {_START_LIMIT:g} s"
            ) from None
        raise ProcessEnded(f"{self.name} ended with exit code {await self._process.wait()}")

    async def _read_on(self) -> None:
        """Read and drop what else it prints, so that it never waits for us."""
        assert self._process.stdout is not None
        while await self._process.stdout.readline():
            pass

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.returncode

    async def end(self) -> None:
        """Ask it to end, and see to it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(_END_LIMIT):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._drain is not None:
            await self._drain
