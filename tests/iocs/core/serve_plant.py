"""The plant's IOC in a process of its own, for tests of its life and of several on one host.

Usage: python -m tests.iocs.core.serve_plant PREFIX [--port N] [--autosave FILE] [--fault NAME]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from iocs.app import logs
from iocs.app.serve import Ioc, ServeOptions, serve
from iocs.ca.server import PortTaken
from tests.iocs.core.plant import Plant, PlantIoc


class BadPlant(Plant):
    """A plant whose link cannot even be closed."""

    async def close(self) -> None:
        raise OSError("the link cannot be closed")


async def main(argv: Sequence[str]) -> int:
    """Serve until told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("prefix")
    parser.add_argument("--port", type=int)
    parser.add_argument("--autosave", type=Path)
    parser.add_argument("--fault", choices=("close", "task", "cancel"))
    parser.add_argument("--interface", default="127.0.0.1")
    arguments = parser.parse_args(argv)
    logs.set_up("info")
    plant = BadPlant() if arguments.fault == "close" else Plant()
    group = PlantIoc(arguments.prefix, plant)
    options = ServeOptions((arguments.interface,), arguments.port, arguments.autosave)

    def ready(ioc: Ioc) -> None:
        print(f"ready on {ioc.context.port}", flush=True)  # noqa: T201 - the test waits for it
        if arguments.fault == "cancel":
            group._tasks[0].cancel()
        if arguments.fault == "task":
            del group.health._statistics  # its next beat fails

    try:
        return await serve(group, options, ready)
    except PortTaken as error:
        logging.getLogger("labioc").error("%s", error)
        return 2


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
