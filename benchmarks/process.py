"""Processes under test: started on the server core, watched for processor time and memory."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from .ports import CaPorts

ROOT = Path(__file__).resolve().parents[1]
_LAUNCH = Path(__file__).with_name("launch.py")
_PATIENCE = 60.0


class BenchmarkError(RuntimeError):
    """A benchmark could not be carried out; the text says why."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Where the server and where the load run; the same core where there is only one."""

    server: int
    load: int

    @classmethod
    def choose(cls) -> Self:
        """The first and the last core that this process may use."""
        allowed = sorted(os.sched_getaffinity(0))
        return cls(allowed[0], allowed[-1])


class OtherPrograms:
    """How busy other programs keep the machine, from making this object: they spoil the figures."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._begin = self._foreign()

    @property
    def share(self) -> float:
        """Their share of all processors, 0 to 1."""
        time_of_all = (time.monotonic() - self._started) * (os.cpu_count() or 1)
        return max(0.0, self._foreign() - self._begin) / time_of_all

    @staticmethod
    def _foreign() -> float:
        machine, own = psutil.cpu_times(), psutil.Process().cpu_times()
        busy = machine.user + machine.nice + machine.system + machine.irq + machine.softirq
        return busy - own.user - own.system - own.children_user - own.children_system


class ServerProcess:
    """`python -m module arguments` on the server core, from entering to leaving the context.

    What it prints goes to a file and is shown if it ends by itself.
    """

    def __init__(
        self, cores: Cores, module: str, arguments: Sequence[str], ports: CaPorts | None = None
    ) -> None:
        self.ports = ports or CaPorts.choose()
        self.module = module
        self._command = [
            sys.executable, str(_LAUNCH), str(os.getpid()), str(cores.server), module, *arguments
        ]  # fmt: skip
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process
        self.started = 0.0
        self._popen: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.started = time.monotonic()
        self._popen = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env=self.ports.environment | {"PYTHONUNBUFFERED": "1"},
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        process.terminate()
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._output.close()

    @property
    def _process(self) -> subprocess.Popen[str]:
        if self._popen is None:
            raise RuntimeError(f"{self.module} was not started")
        return self._popen

    def check(self) -> None:
        """Raises `BenchmarkError` with what it printed if it ended by itself."""
        if self._process.poll() is not None:
            raise BenchmarkError(
                f"{self.module} ended with code {self._process.returncode}:\n{self.output}"
            )

    @property
    def output(self) -> str:
        """What it printed so far."""
        self._output.seek(0)
        return self._output.read()

    async def line(self, start: str) -> str:
        """Wait for a line that begins with `start`; returns the rest of it."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            for line in self.output.splitlines():
                if line.startswith(start):
                    return line.removeprefix(start).strip()
            self.check()
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{self.module} never printed {start!r}:\n{self.output}")
            await asyncio.sleep(0.02)

    @property
    def memory(self) -> float:
        """Resident memory in MB (10^6 bytes)."""
        return psutil.Process(self._process.pid).memory_info().rss / 1e6

    @property
    def cpu(self) -> float:
        """Processor time of all its threads so far, in s, to the nanosecond where Linux tells."""
        try:
            tasks = Path(f"/proc/{self._process.pid}/task").iterdir()
            return sum(int((t / "schedstat").read_text().split()[0]) for t in tasks) * 1e-9
        except OSError:  # a kernel without CONFIG_SCHEDSTATS
            times = psutil.Process(self._process.pid).cpu_times()
            return times.user + times.system
