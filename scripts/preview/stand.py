"""Simulators and IOCs for pictures: as the demo has them, and each may be told to fail."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from iocs.cli.demo import ioc_arguments
from iocs.cli.processes import Child, ProcessEnded, child_environment
from iocs.core.instrument import Instrument
from iocs.registry import MODULES, load

from .shots import ALARMS, State

_LIMIT = 30.0


class Simulator:
    """A simulator that takes commands on its standard input."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, instrument: Instrument[Any, Any]) -> tuple[Simulator, str]:
        """Start it; returns the link that it listens on too."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "iocs.cli.child", str(os.getpid()), instrument.simulator),
            *("--link", instrument.demo.link, *instrument.demo.simulator),
            env=child_environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        simulator = cls(process)
        return simulator, (await simulator._line("listening ")).strip()

    async def command(self, text: str) -> None:
        """Give a control command. Raises ProcessEnded if it is refused."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n".encode())
        await self._process.stdin.drain()
        answer = await self._line("")
        if not answer.startswith("ok"):
            raise ProcessEnded(f"the simulator refused {text!r}: {answer}")

    async def end(self) -> None:
        """The instrument is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()

    async def _line(self, start: str) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(_LIMIT):
            while line := (await self._process.stdout.readline()).decode():
                if line.startswith(start):
                    return line.removeprefix(start).rstrip()
        raise ProcessEnded(f"a simulator ended with exit code {await self._process.wait()}")


class Stand:
    """All instruments, simulated, and their IOCs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._iocs: list[Child] = []
        self._simulators: dict[str, Simulator] = {}

    async def start(self) -> None:
        """Start everything; Channel Access as the environment says."""
        await asyncio.gather(*(self._start(load(name)) for name in MODULES))

    async def bring_about(self, state: State) -> None:
        """Put every instrument into alarm, or take them all away."""
        for name, simulator in self._simulators.items():
            if state is State.LOST:
                await simulator.end()
            elif state is State.ALARM:
                for command in ALARMS.get(name, ()):
                    await simulator.command(command)

    async def _start(self, instrument: Instrument[Any, Any]) -> None:
        simulator, link = await Simulator.start(instrument)
        self._simulators[instrument.name] = simulator
        self._iocs.append(
            await Child.start(
                f"IOC of {instrument.name}",
                ioc_arguments(instrument, link, self._folder),
                child_environment(**dict(instrument.demo.environment)),
            )
        )

    async def end(self) -> None:
        """End what still runs."""
        ends = [child.end() for child in self._iocs]
        await asyncio.gather(*ends, *(s.end() for s in self._simulators.values()))
