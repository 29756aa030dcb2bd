"""``labioc demo``: simulators and IOCs as processes of their own, live values by Channel Access."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iocs import registry
from iocs.cli.live import Live, Watched, frame
from iocs.cli.processes import Child, ProcessEnded, child_environment
from iocs.cli.text import fail
from iocs.device.instrument import Instrument

DEFAULT_PORT = 5064
LOOPBACK = "127.0.0.1"
BROADCAST = "127.255.255.255"
_REFRESH = 1.0
_PLAIN_FIRST = 2.0
_PLAIN_EVERY = 5.0
_START_LIMIT = 300.0
_NEWS_LIMIT = 30.0
"""Limits in s for an IOC that delivers nothing; a busy machine does not reach them."""


def add_parsers(subparsers: Any) -> None:
    """Add ``demo``."""
    parser = subparsers.add_parser(
        "demo", help="simulators and IOCs of all instruments, with live values"
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        help="end by itself so long after every IOC delivers; exit code 0 only if each delivered "
        "fresh, valid values to the end",
    )
    parser.add_argument(
        "--only", action="append", choices=list(registry.MODULES), help="only this instrument"
    )
    parser.add_argument(
        "--ca-port",
        type=_port,
        metavar="PORT",
        default=os.environ.get("EPICS_CA_SERVER_PORT", str(DEFAULT_PORT)),
        help="Channel Access port on loopback (default 5064)",
    )
    parser.set_defaults(handler=demo)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1024 <= int(text) <= 65534):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1024 to 65534")
    return int(text)


def ca_environment(port: int) -> dict[str, str]:
    """Channel Access on loopback only; clients find the IOCs by its broadcast address."""
    return {
        "EPICS_CA_SERVER_PORT": str(port),
        "EPICS_CAS_SERVER_PORT": str(port),
        "EPICS_CA_REPEATER_PORT": str(port + 1),
        "EPICS_CAS_BEACON_PORT": str(port + 1),
        "EPICS_CA_ADDR_LIST": BROADCAST,
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CAS_INTF_ADDR_LIST": LOOPBACK,
        "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
        "EPICS_CAS_BEACON_ADDR_LIST": BROADCAST,
    }


def ioc_arguments(instrument: Instrument[Any, Any], link: str, directory: Path) -> list[str]:
    """The module and the flags of an instrument's IOC in the demo; `directory` is for autosave."""
    show = instrument.demo
    return [
        f"iocs.{instrument.name}",
        *("--link", link, "--prefix", show.prefix, "--log-level", "warning"),
        *("--autosave", str(directory / f"{instrument.name}.json")),
        *(f"--set={key}={_toml(value)}" for key, value in show.settings),
    ]


def demo(arguments: argparse.Namespace) -> int:
    """Run the demo; exit code 1 if an IOC did not deliver."""
    os.environ.update(ca_environment(arguments.ca_port))
    names = list(dict.fromkeys(arguments.only or registry.MODULES))
    with tempfile.TemporaryDirectory(prefix="labioc-demo-") as directory:
        return asyncio.run(_Demo(names, arguments.seconds, Path(directory)).run())


class _Demo:
    def __init__(self, names: Sequence[str], seconds: float | None, directory: Path) -> None:
        self._instruments = [registry.load(name) for name in names]
        self._seconds = seconds
        self._directory = directory
        self._simulators: list[Child] = []
        self._iocs: list[Child] = []
        self._end = asyncio.Event()
        self._starts: list[asyncio.Task[Watched]] = []

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._ask_end)
        try:
            watched = await self._start_all()
            return 0 if watched is None else await self._watch(watched)
        except ProcessEnded as error:
            return fail(f"labioc demo: {error}", 1)
        finally:
            for children in (self._iocs, self._simulators):  # or the IOCs would miss them
                await asyncio.gather(*(child.end() for child in children))

    def _ask_end(self) -> None:
        """End, once: being asked again must not keep the children from being ended."""
        if not self._end.is_set():
            self._end.set()
            for start in self._starts:
                start.cancel()

    async def _start_all(self) -> list[Watched] | None:
        """Start everything; None if the end was asked for meanwhile."""
        self._starts = [asyncio.create_task(self._start(one)) for one in self._instruments]
        try:
            return await asyncio.gather(*self._starts)
        except (ProcessEnded, asyncio.CancelledError):
            if self._end.is_set():
                return None
            raise
        finally:
            for start in self._starts:
                start.cancel()
            await asyncio.gather(*self._starts, return_exceptions=True)

    async def _watch(self, watched: list[Watched]) -> int:
        """Show values until the end, and judge them if the time of it was given."""
        from iocs.app.client import Watcher  # reads the environment when it is imported

        names = [w.prefix + name for w in watched for name in {*w.show, w.fresh}]
        watcher = Watcher(names)
        starting = asyncio.create_task(watcher.start())
        live = Live(watched, watcher)
        if not sys.stdout.isatty():
            print("\n".join(_hint(live)), flush=True)
        try:
            await self._run_for(live)
        finally:
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
            await watcher.stop()
        if self._seconds is None:
            return 0
        if not sys.stdout.isatty():
            print("\n".join(live.lines(False)))
        problems = live.problems()
        for problem in problems:
            print(problem)
        if not problems:
            print(f"{len(watched)} of {len(watched)} IOCs delivered fresh, valid values")
        return 1 if problems else 0

    async def _run_for(self, live: Live) -> None:
        """Show values for as long as asked for, from when all IOCs deliver, and then new ones."""
        if self._seconds is None:
            await self._show(live)
        elif await self._show(live, _START_LIMIT, all_deliver=True):
            if not sys.stdout.isatty():
                print(f"every IOC delivers; {self._seconds:g} s from now", flush=True)
            await self._show(live, self._seconds)
            if not self._end.is_set():
                live.expect_news()
                await self._show(live, _NEWS_LIMIT, all_deliver=True)

    async def _start(self, instrument: Instrument[Any, Any]) -> Watched:
        """Start an instrument's simulator and its IOC; returns what to watch."""
        show, environment = instrument.demo, child_environment()
        simulator = await Child.start(
            f"simulator of {instrument.name}",
            [instrument.simulator, "--link", show.link, *show.simulator],
            environment,
        )
        self._simulators.append(simulator)
        link = await simulator.wait_line("listening ")
        ioc = await Child.start(
            f"IOC of {instrument.name}",
            ioc_arguments(instrument, link, self._directory),
            child_environment(**dict(instrument.demo.environment)),
        )
        self._iocs.append(ioc)
        print(f"{instrument.title}: simulator on {link}, IOC {show.prefix}")
        return Watched(instrument.name, show.prefix, show.show, show.fresh)

    async def _show(
        self, live: Live, seconds: float = math.inf, *, all_deliver: bool = False
    ) -> bool:
        """Show values until the end is asked for, or for some seconds, or until all deliver."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        next_plain = start + _PLAIN_FIRST
        while not self._end.is_set() and loop.time() - start < seconds:
            self._check_children()
            if all_deliver and not live.problems():
                return True
            if sys.stdout.isatty():
                hint = _hint(live)
                room = shutil.get_terminal_size().lines - len(hint) - 4
                print(frame(_fitting(live.lines(True), room), "labioc demo", hint), flush=True)
            elif loop.time() >= next_plain:
                print("\n".join(live.lines(False)), flush=True)
                next_plain += _PLAIN_EVERY
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REFRESH):
                    await self._end.wait()
        return False

    def _check_children(self) -> None:
        for child in (*self._simulators, *self._iocs):
            if child.exit_code is not None:
                raise ProcessEnded(f"{child.name} ended with exit code {child.exit_code}")


def _toml(value: Any) -> str:
    """A setting as ``--set`` takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _fitting(lines: list[str], room: int) -> list[str]:
    """As many lines as there is room for; the last one says how many are left out."""
    if len(lines) <= room:
        return lines
    shown = max(room - 1, 0)
    return [*lines[:shown], f"... and {len(lines) - shown} more; a taller window shows them"]


def _hint(live: Live) -> list[str]:
    """How to look at the same PVs from another terminal."""
    port = os.environ["EPICS_CA_SERVER_PORT"]
    example = live.iocs[0].prefix + live.iocs[0].fresh
    hint = [
        "In another terminal (Ctrl-C here ends the demo):",
        f"  export EPICS_CA_ADDR_LIST={BROADCAST} EPICS_CA_AUTO_ADDR_LIST=NO",
        f"  .venv/bin/caproto-get --no-repeater {example}",
    ]
    if int(port) != DEFAULT_PORT:
        hint.insert(2, f"  export EPICS_CA_SERVER_PORT={port}")
    return hint
