"""Simulators and IOCs for pictures: as the demo has them, and each may be made to fail."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import caproto as ca
from caproto.sync.client import read

from iocs.cli.demo import ioc_arguments
from iocs.cli.processes import child_environment
from iocs.device.instrument import Instrument

from .pictures import State

_LIMIT = 120.0
_INVALID = 3

_ALARMS = {
    "cpa1110": (("alarm oil_high",), "Alarm:OilHigh"),
    "cvm96": (("kill 2",), "Solar:Total:ActivePower"),
    "iseg": (("trip M0 CH3", "temperature M0 58"), "ChannelsTripped"),
    "xcom": (("grid off", "soc 12", "message XT1 0"), "Bat:SocNow"),
    "arbin": (("unsafe 3 on",), "ChannelsUnsafe"),
}
"""What brings each simulator into alarm, and the PV that shows it."""


class Stuck(RuntimeError):
    """What was waited for did not come; the text says what."""


def until(true: Callable[[], object], what: str, limit: float = _LIMIT) -> None:
    """Wait for a condition. Raises :class:`Stuck`."""
    deadline = time.monotonic() + limit
    while not true():
        if time.monotonic() > deadline:
            raise Stuck(f"waited {limit:g} s for {what}")
        time.sleep(0.3)


class Stand:
    """Simulated instruments and their IOCs; Channel Access as the environment says."""

    def __init__(self, instruments: Iterable[Instrument[Any, Any]], folder: Path) -> None:
        self._folder = folder
        self._instruments = list(instruments)
        self._simulators: dict[str, subprocess.Popen[str]] = {}
        self._links: dict[str, str] = {}
        self._iocs: dict[str, subprocess.Popen[str]] = {}

    def start(self, absent: Iterable[str] = ()) -> None:
        """Start what does not run yet, without the IOCs of the instruments that are absent."""
        for one in self._instruments:
            if one.name not in self._simulators:
                self._start_simulator(one)
            if one.name not in (*self._iocs, *absent):
                arguments = ioc_arguments(one, self._links[one.name], self._folder)
                environment = dict(one.demo.environment)
                self._iocs[one.name] = _start(*arguments, "--log-level", "error", **environment)
        for one in self._instruments:
            if one.name in self._iocs:
                _until_severity(one, one.demo.fresh, lambda severity: severity < _INVALID)

    def bring_about(self, state: State, absent: Iterable[str]) -> None:
        """Bring everything into alarm, or lose all devices, or end the IOCs that are absent."""
        if state is State.GONE:
            for name in absent:
                _end(self._iocs.pop(name))
        for one in self._instruments:
            if state is State.ALARM:
                commands, pv = _ALARMS[one.name]
                for command in commands:
                    self._command(one.name, command)
                _until_severity(one, pv, lambda severity: severity > 0)
            elif state is State.LOST:
                _end(self._simulators[one.name])
                _until_severity(one, one.demo.fresh, lambda severity: severity == _INVALID)

    def end(self) -> None:
        """End what still runs."""
        for process in (*self._iocs.values(), *self._simulators.values()):
            _end(process)

    def _start_simulator(self, one: Instrument[Any, Any]) -> None:
        process = _start(one.simulator, "--link", one.demo.link, *one.demo.simulator)
        self._simulators[one.name] = process
        assert process.stdout is not None
        said = next((s for s in process.stdout if s.startswith("listening ")), None)
        if said is None:
            raise Stuck(f"the simulator of {one.name} ended")
        self._links[one.name] = said.removeprefix("listening ").strip()

    def _command(self, name: str, text: str) -> None:
        process = self._simulators[name]
        assert process.stdin is not None
        assert process.stdout is not None
        print(text, file=process.stdin, flush=True)
        if not (answer := process.stdout.readline()).startswith("ok"):
            raise Stuck(f"the simulator of {name} refused {text!r}: {answer}")


def _start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start a module that ends with us, out of reach of a Ctrl-C at the terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "iocs.cli.child", str(os.getpid()), *arguments],
        env=child_environment(**environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.communicate()


def _until_severity(one: Instrument[Any, Any], pv: str, good: Callable[[int], bool]) -> None:
    name = one.demo.prefix + pv

    def reached() -> bool:
        try:
            response: Any = read(name, data_type="time", timeout=2.0, repeater=False)
        except (TimeoutError, ca.CaprotoError):
            return False
        return good(response.metadata.severity)

    until(reached, f"the severity of {name}")
