"""The ``labioc`` command: run, simulate, list, check and export, for all instruments."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from iocs.cli import check, demo, export, listing, run, simulate
from iocs.cli.text import fail
from iocs.device.statistics import version

Handler = Callable[[argparse.Namespace], int]

COMMANDS = (listing, run, simulate, export, check, demo)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all subcommands but those that hand their arguments on (run, sim)."""
    parser = argparse.ArgumentParser(
        prog="labioc", description="EPICS soft IOCs for laboratory instruments, with simulators."
    )
    parser.add_argument("--version", action="version", version=f"labioc {version()}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_parsers(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit code (2: wrong usage)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        try:
            return _carry_out(arguments)
        finally:  # not at the end of Python, which would find a reader gone or a disk full too late
            print(end="", flush=True)
    except BrokenPipeError:  # the reader of our output (head, less) has gone
        _drop(sys.stdout, sys.stderr)
        return 141
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _drop(sys.stdout)
        return fail(f"labioc: {error.strerror}", 1)
    except KeyboardInterrupt:
        return 130


def _carry_out(arguments: list[str]) -> int:
    if arguments[:1] == ["run"] and run.takes(arguments[1:]):
        return run.run(arguments[1:])
    if arguments[:1] == ["sim"] and simulate.takes(arguments[1:]):
        return simulate.run(arguments[1:])
    parsed = build_parser().parse_args(arguments)
    handler: Handler = parsed.handler
    return handler(parsed)


def _drop(*streams: TextIO | None) -> None:
    """What is still in the buffers goes nowhere, so that Python's end says nothing of it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        if stream is not None:  # None: it was closed before we started
            os.dup2(nowhere, stream.fileno())
