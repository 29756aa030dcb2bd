"""``labioc check site.toml``: every mistake of a site file at once."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from iocs.cli.text import aligned, fail
from iocs.config import ConfigError, load_site


def add_parsers(subparsers: Any) -> None:
    """Add ``check``."""
    parser = subparsers.add_parser("check", help="check a site file, every mistake at once")
    parser.add_argument("file", type=Path)
    parser.set_defaults(handler=check)


def check(arguments: argparse.Namespace) -> int:
    """Print what the file describes, or all of its mistakes; exit code 1 if there are any."""
    try:
        site = load_site(arguments.file)
    except ConfigError as error:
        return fail(str(error), 1)
    rows = [("name", "instrument", "prefix", "link")]
    rows += [
        (ioc.table.name, ioc.instrument.name, ioc.table.prefix, str(ioc.settings.link))
        for ioc in site
    ]
    print(aligned(rows))
    return 0
