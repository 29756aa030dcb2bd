"""Python programs as child processes of a test: IOCs, simulators, command lines.

async with PythonProcess("iocs.cpa1110", "--prefix", "T:", env=space.env) as ioc:
    match = await ioc.line("serving ([0-9]+) PVs")
    ...
    assert await ioc.stop() == 0
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
_CHILD = Path(__file__).with_name("child.py")
_PATIENCE = 300.0
"""Seconds after which a process hangs; a busy machine does not reach them."""

_LINE_LIMIT = 1 << 24  # bytes: a listing of many PVs may come as one line


class PythonProcess:
    """`python -m module arguments`, started on entering and ended on leaving the context.

    Standard output and error are read as they come into `stdout` and `stderr` (lines without their
    end). The working directory is the repository unless `cwd` names another. A process whose end
    the test did not await with `wait` or `stop` is stopped, and fails the test if its exit code is
    neither 0 nor that of SIGTERM. With `on_stdout`, lines of standard output go there and are
    not kept.
    """

    def __init__(
        self,
        module: str,
        *arguments: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        on_stdout: Callable[[str], None] | None = None,
    ) -> None:
        self.module = module
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self._arguments = [str(argument) for argument in arguments]
        self._env = {**(os.environ if env is None else env), "PYTHONUNBUFFERED": "1"}
        self._cwd = cwd
        self._news = asyncio.Condition()
        self._readers: list[asyncio.Task[None]] = []
        self._open_outputs = 2
        self._on_stdout = on_stdout or self.stdout.append
        self._process: asyncio.subprocess.Process | None = None
        self._end_awaited = False

    async def __aenter__(self) -> Self:
        command = [sys.executable, str(_CHILD), str(os.getpid()), self.module, *self._arguments]
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._env,
            cwd=self._cwd,
            limit=_LINE_LIMIT,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = [
            asyncio.create_task(self._read(self._process.stdout, self._on_stdout)),
            asyncio.create_task(self._read(self._process.stderr, self.stderr.append)),
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        unjudged = not self._end_awaited
        if self._silent():
            await self.wait()  # it is ending by itself: no signal may hide its exit code
        code = await self.stop()
        if error is None and unjudged and code not in (0, -signal.SIGTERM):
            raise AssertionError(f"{self.module} ended with code {code}\n{self.output}")

    @property
    def pid(self) -> int:
        """The process id."""
        return self._running().pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._running().returncode

    @property
    def output(self) -> str:
        """All that was said so far, for messages."""
        return "\n".join([f"--- stdout of {self.module}", *self.stdout, "--- stderr", *self.stderr])

    async def line(self, pattern: str, *, within: float = _PATIENCE) -> re.Match[str]:
        """Wait for a line on either output in which `pattern` is found, past lines included.

        Raises:
            AssertionError: the process ended or `within` seconds passed without such a line.
        """
        compiled = re.compile(pattern)

        def found() -> re.Match[str] | None:
            lines = (compiled.search(line) for line in [*self.stdout, *self.stderr])
            return next((match for match in lines if match), None)

        await self._until(lambda: found() is not None or self._silent(), within, repr(pattern))
        match = found()
        if match is None:
            raise AssertionError(
                f"{self.module} ended with no line that matches {pattern!r}\n{self.output}"
            )
        return match

    async def say(self, text: str) -> None:
        """Write `text` to its standard input."""
        stdin = self._running().stdin
        assert stdin is not None
        stdin.write(text.encode())
        await stdin.drain()

    def end_input(self) -> None:
        """Close its standard input."""
        stdin = self._running().stdin
        assert stdin is not None
        stdin.close()

    async def wait(self, *, within: float = _PATIENCE) -> int:
        """Wait for it to end by itself and give its exit code; the outputs are then complete."""
        self._end_awaited = True
        await self._until(self._silent, within, "its end")
        return await self._running().wait()

    async def ended(self) -> None:
        """Wait, without a time limit, until it has nothing more to say."""
        async with self._news:
            await self._news.wait_for(self._silent)

    async def stop(self, with_signal: int = signal.SIGTERM, *, within: float = _PATIENCE) -> int:
        """End it as a supervisor would and give the exit code.

        Raises:
            AssertionError: it ignored the signal for `within` seconds; it is killed then.
        """
        self._end_awaited = True
        process = self._running()
        if process.returncode is None:
            # not send_signal(): it may reap the child before asyncio does, and lose its exit code
            with suppress(ProcessLookupError):
                os.kill(process.pid, with_signal)
        try:
            async with asyncio.timeout(within):
                await process.wait()
        except TimeoutError:
            raise AssertionError(
                f"{self.module} was still running {within:g} s after signal {with_signal}\n"
                f"{self.output}"
            ) from None
        finally:
            await self._clear()
        return await process.wait()

    async def _clear(self) -> None:
        """Kill what is left of its session (it and its own children), and read all it said."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await asyncio.gather(*self._readers)
        await self._running().wait()
        self.end_input()

    async def _read(self, stream: asyncio.StreamReader, take: Callable[[str], None]) -> None:
        try:
            while raw := await stream.readline():
                take(raw.decode(errors="backslashreplace").rstrip("\r\n"))
                async with self._news:
                    self._news.notify_all()
        finally:
            self._open_outputs -= 1
            async with self._news:
                self._news.notify_all()

    async def _until(self, condition: Callable[[], bool], within: float, what: str) -> None:
        try:
            async with asyncio.timeout(within), self._news:
                await self._news.wait_for(condition)
        except TimeoutError:
            raise AssertionError(
                f"{self.module}: waited {within:g} s for {what}\n{self.output}"
            ) from None

    def _silent(self) -> bool:
        """Whether both outputs have ended: nothing more can come."""
        return self._open_outputs == 0

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError(f"{self.module} was not started: use 'async with'")
        return self._process
