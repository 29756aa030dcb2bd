"""Serves an instrument as the demo sets it up: MODULE LINK PREFIX are its arguments."""

from __future__ import annotations

import importlib
import logging
import sys

from iocs.app.options import parse
from iocs.app.runner import RunOptions, run


def main(module: str, link: str, prefix: str) -> int:
    """Serve until a signal; lists the PVs on standard error."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    instrument = importlib.import_module(module).INSTRUMENT
    settings = parse(instrument.settings, {"link": link, **dict(instrument.demo.settings)})
    return run(instrument, settings, RunOptions(instrument.name, prefix, list_pvs=True))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
