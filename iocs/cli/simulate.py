"""``labioc sim INSTRUMENT ...``: a simulated instrument on a real port."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from typing import Any

from iocs import registry
from iocs.cli.text import fail


def add_parsers(subparsers: Any) -> None:
    """Add ``sim``, for its line in the help; its arguments go to the simulator's own parser."""
    parser = subparsers.add_parser(
        "sim",
        help="run a simulated instrument",
        description="labioc sim INSTRUMENT ...; labioc sim INSTRUMENT -h lists its flags",
    )
    parser.add_argument("name", metavar="INSTRUMENT")
    parser.set_defaults(handler=unknown)


def takes(arguments: Sequence[str]) -> bool:
    """Whether the first argument is an instrument."""
    return bool(arguments) and arguments[0] in registry.MODULES


def run(arguments: Sequence[str]) -> int:
    """Run an instrument's simulator."""
    module = importlib.import_module(registry.load(arguments[0]).simulator)
    return module.main(list(arguments[1:]))


def unknown(arguments: argparse.Namespace) -> int:
    """Say which instruments there are."""
    return fail(f"labioc sim: {registry.UnknownInstrument(arguments.name)}")
