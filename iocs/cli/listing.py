"""``labioc list`` and ``labioc schema``."""

from __future__ import annotations

import argparse
import json
from typing import Any

from iocs import config, registry
from iocs.cli.text import aligned


def add_parsers(subparsers: Any) -> None:
    """Add ``list`` and ``schema``."""
    parser = subparsers.add_parser("list", help="the instruments and how their links look")
    parser.set_defaults(handler=show_list)
    parser = subparsers.add_parser("schema", help="JSON Schema of the site file, for editors")
    parser.set_defaults(handler=show_schema)


def show_list(_: argparse.Namespace) -> int:
    """Print one line per instrument."""
    rows = [("instrument", "link", "what it is")]
    for name in registry.MODULES:
        instrument = registry.load(name)
        rows.append((name, instrument.example_link, instrument.title))
    print(aligned(rows))
    return 0


def show_schema(_: argparse.Namespace) -> int:
    """Print the schema."""
    print(json.dumps(config.site_schema(), indent=2))
    return 0
