"""``labioc export`` and ``labioc pvs``: what is generated from the PVs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from iocs import registry
from iocs.cli.text import fail
from iocs.config import ConfigError, load_site
from iocs.export.files import (
    Kind,
    Options,
    Target,
    configured_target,
    demo_target,
    export,
    repository_files,
    write,
)
from iocs.export.table import Format, pv_table

DEFAULTS = Options()


def add_parsers(subparsers: Any) -> None:
    """Add ``export`` and ``pvs``."""
    parser = subparsers.add_parser(
        "export",
        help="record databases, archiver lists, alarm trees, ...",
        description="Writes files for one kind; without a kind, what the repository holds.",
        epilog="kinds: " + "; ".join(f"{kind}: {kind.help}" for kind in Kind),
    )
    parser.add_argument("kind", nargs="?", choices=[str(kind) for kind in Kind])
    parser.add_argument("instruments", nargs="*", metavar="INSTRUMENT", help="default: all")
    parser.add_argument("--prefix", help="prefix of the PVs (one instrument only)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="for the IOCs of a site file")
    parser.add_argument("--output", type=Path, default=Path(), metavar="DIR", help="default: here")
    parser.add_argument("--tree", default=DEFAULTS.tree, help="name of the alarm configuration")
    parser.add_argument("--screens", default=DEFAULTS.screens, help="folder of the screens")
    parser.set_defaults(handler=run_export)
    parser = subparsers.add_parser("pvs", help="the PVs of an instrument")
    parser.add_argument("instrument")
    parser.add_argument("--format", choices=[str(form) for form in Format], default="text")
    parser.add_argument("--prefix", default="", help="put in front of every name")
    parser.set_defaults(handler=show_pvs)


def run_export(arguments: argparse.Namespace) -> int:
    """Write the files and say which."""
    try:
        if arguments.kind is None:
            files = repository_files()
        else:
            collection = arguments.config.stem if arguments.config else DEFAULTS.collection
            whole = not arguments.instruments
            options = Options(collection, whole, arguments.tree, arguments.screens)
            files = export(Kind(arguments.kind), _targets(arguments), options)
        for path in write(files, arguments.output):
            print(path)
    except (ConfigError, ValueError) as error:
        return fail(f"labioc export: {error}")
    except OSError as error:
        return fail(f"labioc export: {error.filename}: {error.strerror}", 1)
    return 0


def _targets(arguments: argparse.Namespace) -> list[Target]:
    names = arguments.instruments
    if arguments.config is not None:
        site = load_site(arguments.config)
        known = {ioc.table.name for ioc in site} | {ioc.instrument.name for ioc in site}
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"{arguments.config} has no IOC or instrument {', '.join(unknown)}")
        return [
            configured_target(ioc)
            for ioc in site
            if not names or ioc.table.name in names or ioc.instrument.name in names
        ]
    chosen = names or list(registry.MODULES)
    if arguments.prefix is not None and len(chosen) != 1:
        raise ValueError("--prefix is for one instrument; name it")
    return [demo_target(registry.load(name), arguments.prefix) for name in chosen]


def show_pvs(arguments: argparse.Namespace) -> int:
    """Print the table of PVs."""
    try:
        target = demo_target(registry.load(arguments.instrument))
    except registry.UnknownInstrument as error:
        return fail(f"labioc pvs: {error}")
    print(pv_table(target.rows, Format(arguments.format), arguments.prefix).rstrip("\n"))
    return 0
