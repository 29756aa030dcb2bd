"""Starting one IOC from the command line, with caproto's flags and our own.

``python -m iocs.<instrument>`` and ``labioc run <instrument>`` are this; ``labioc run NAME
--config`` ends here too.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caproto.server import template_arg_parser

from drivers.core.loglines import plain
from iocs.ca.access import Access, WriteRule
from iocs.device.group import DeviceGroup
from iocs.device.instrument import Instrument
from iocs.record.spec import NAME_PATTERN, DeclarationError

from .flags import add_flags, table_from_flags
from .logs import LEVELS, LISTING, set_up
from .loop import IocLoop
from .options import SettingsError, parse
from .serve import Ioc, ServeOptions, serve

log = logging.getLogger("labioc")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Everything about one IOC that is not the instrument's own."""

    name: str
    prefix: str
    serve: ServeOptions = field(default_factory=ServeOptions)
    read_only: bool = False
    rules: tuple[WriteRule, ...] = ()
    list_pvs: bool = False


def state_directory() -> Path:
    """Where autosave files go unless told otherwise: ``$XDG_STATE_HOME/labioc``."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "labioc"


def autosave_path(name: str) -> Path:
    """The autosave file of an IOC by its name."""
    return state_directory() / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.json"


def build_parser(instrument: Instrument[Any, Any], program: str) -> argparse.ArgumentParser:
    """The flags of caproto (``--prefix --list-pvs --interfaces -q -v``), ours, the settings."""
    parser, _ = template_arg_parser(
        desc=f"{instrument.title}: EPICS IOC. Writes to the instrument only when a client asks.",
        default_prefix=instrument.default_prefix,
        argv=[],
        supported_async_libs=["asyncio"],
    )
    parser.prog = program
    parser.add_argument("--name", help="name in logs and for autosave (default: the prefix)")
    parser.add_argument("--port", type=_port, help="TCP port (for EPICS_CA_NAME_SERVERS)")
    parser.add_argument("--read-only", action="store_true", help="refuse every write")
    parser.add_argument("--autosave", type=Path, metavar="FILE", help="where settings are kept")
    parser.add_argument("--no-autosave", action="store_true", help="keep no settings")
    parser.add_argument("--log-level", choices=LEVELS, help="default: info")
    parser.add_argument("--log-json", action="store_true", help="one JSON object a line")
    add_flags(parser, instrument.settings)
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def check_prefix(prefix: str) -> str:
    """A prefix that may stand in front of every PV name; raises ValueError."""
    if not NAME_PATTERN.fullmatch(prefix):
        raise ValueError(f"{prefix!r} must be of A-Z, a-z, 0-9, '_', ':' and '-', and not empty")
    return prefix


def log_level(arguments: argparse.Namespace) -> str:
    """``--log-level``, else what caproto's ``-q`` and ``-v`` mean."""
    if arguments.log_level:
        return arguments.log_level
    if arguments.quiet:
        return "warning"
    return "debug" if arguments.verbose else "info"


def main(
    instrument: Instrument[Any, Any], argv: Sequence[str] | None = None, program: str = ""
) -> int:
    """Run one IOC of an instrument from flags; returns the exit code."""
    parser = build_parser(instrument, program or f"python -m iocs.{instrument.name}")
    arguments = parser.parse_args(argv)
    set_up(log_level(arguments), json_lines=arguments.log_json)
    try:
        prefix = check_prefix(arguments.prefix)
        settings = parse(instrument.settings, table_from_flags(arguments))
    except SettingsError as error:
        for problem in error.problems:
            flag = f"--{problem.key.replace('_', '-')}: " if problem.key else ""
            print(f"{parser.prog}: {flag}{plain(problem.text)}", file=sys.stderr)  # noqa: T201
        return 2
    except ValueError as error:
        print(f"{parser.prog}: --prefix: {error}", file=sys.stderr)  # noqa: T201
        return 2
    name = arguments.name or prefix.rstrip(":")
    autosave = None if arguments.no_autosave else arguments.autosave or autosave_path(name)
    options = RunOptions(
        name=name,
        prefix=prefix,
        serve=ServeOptions(tuple(arguments.interfaces), arguments.port, autosave),
        read_only=arguments.read_only,
        list_pvs=arguments.list_pvs,
    )
    return run(instrument, settings, options)


def make_group(
    instrument: Instrument[Any, Any], settings: Any, options: RunOptions
) -> DeviceGroup[Any]:
    """The PVs of an IOC; touches no wire."""
    access = Access(options.read_only, options.rules, options.prefix)
    device = instrument.open(settings)
    return instrument.group(options.prefix, device, access=access, name=options.name)


def run(instrument: Instrument[Any, Any], settings: Any, options: RunOptions) -> int:
    """Serve until the end is asked for; returns the exit code."""

    def ready(ioc: Ioc) -> None:
        log.info(
            "%s: %s on %s, %d PVs, TCP port %d",
            options.name,
            instrument.name,
            ioc.group.device.link,
            len(ioc.group.pvdb),
            ioc.context.port,
        )
        if options.list_pvs:
            log.info("PVs available:\n%s", "\n".join(ioc.group.pvdb), extra=LISTING)

    async def serve_it() -> int:
        return await serve(make_group(instrument, settings, options), options.serve, ready)

    try:
        with asyncio.Runner(loop_factory=IocLoop) as runner:
            return runner.run(serve_it())
    except DeclarationError as error:
        log.critical("%s cannot be served: %s", options.name, error)
        return 1
    except OSError as error:
        where = " ".join(options.serve.interfaces or ("all interfaces",))
        log.critical("%s cannot be served on %s: %s", options.name, where, error)
        return 1
