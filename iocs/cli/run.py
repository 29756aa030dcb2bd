"""``labioc run INSTRUMENT ...`` and ``labioc run NAME --config site.toml``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iocs import registry
from iocs.app import runner
from iocs.app.logs import set_up
from iocs.cli.text import fail
from iocs.config import ConfigError, find_ioc


def add_parsers(subparsers: Any) -> None:
    """Add ``run``, for its line in the help; its arguments go to the instrument's own parser."""
    parser = subparsers.add_parser(
        "run",
        help="run one IOC: of an instrument with flags, or of a site file by name",
        description="labioc run INSTRUMENT --link URL [--prefix P] ... (labioc run INSTRUMENT -h "
        "lists the flags), or labioc run NAME --config site.toml",
    )
    parser.add_argument("name", metavar="INSTRUMENT|NAME")
    parser.add_argument("--config", type=Path, metavar="FILE", required=True)
    parser.add_argument("--list-pvs", action="store_true", help="log the names of all PVs")
    parser.set_defaults(handler=run_from_file)


def takes(arguments: Sequence[str]) -> bool:
    """Whether these are the arguments of one instrument rather than of a site file."""
    given = [a.split("=", 1)[0] for a in arguments]
    return bool(arguments) and not arguments[0].startswith("-") and "--config" not in given


def run(arguments: Sequence[str]) -> int:
    """Run an instrument's IOC from flags."""
    name = arguments[0]
    try:
        instrument = registry.load(name)
    except registry.UnknownInstrument as error:
        return fail(f"labioc run: {error}; or name an IOC of a site file with --config FILE")
    return runner.main(instrument, arguments[1:], program=f"labioc run {name}")


def run_from_file(arguments: argparse.Namespace) -> int:
    """Run one IOC of a site file."""
    try:
        ioc = find_ioc(arguments.config, arguments.name)
    except ConfigError as error:
        return fail(str(error))
    set_up(ioc.table.log_level, json_lines=ioc.table.log_json)
    options = ioc.run_options(list_pvs=arguments.list_pvs)
    return runner.run(ioc.instrument, ioc.settings, options)
