"""Takes pictures of the screens: ``python -m scripts.screenshots --phoebus FOLDER [PICTURE ...]``.

Starts the simulators and IOCs of the demo on ports of their own, opens the screens in Phoebus on an
X server of its own, and takes pictures of them in each state. Ends with what Phoebus logged about
the displays.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from iocs.cli.demo import ca_environment
from iocs.registry import MODULES, load

from .phoebus import Phoebus, complaints, jars, missing, x_server
from .pictures import DOCUMENTED, SESSIONS, NoPicture, Picture, State, chosen
from .stand import Stand, Stuck

_ROOT = Path(__file__).resolve().parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and take the pictures."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.screenshots",
        description="pictures of the screens, taken from Phoebus",
        epilog=f"Pictures: {', '.join(DOCUMENTED)}; or any SCREEN-STATE of {', '.join(State)}.",
    )
    parser.add_argument(
        "pictures", nargs="*", metavar="PICTURE", help="which ones, such as 'index-*'"
    )
    parser.add_argument("--phoebus", default="", metavar="FOLDER", help="an installed Phoebus")
    parser.add_argument("--opi", type=Path, default=_ROOT / "opi", metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=_ROOT / "docs" / "images", metavar="FOLDER")
    parser.add_argument(
        "--seconds", type=float, default=0.0, help="how long screens are open before a picture"
    )
    options = parser.parse_args(argv)
    if not options.phoebus:
        print("no pictures taken: PHOEBUS=FOLDER names the folder of an installed Phoebus")
        return 0
    phoebus = Path(options.phoebus).resolve()
    if not jars(phoebus):
        parser.error(f"{phoebus} holds no Phoebus: neither product-*.jar nor lib/*.jar")
    try:
        pictures = chosen(options.opi.resolve(), options.pictures)
    except NoPicture as error:
        parser.error(str(error))
    if packages := missing():
        needed = " ".join(packages)
        print(f"pictures need these packages: apt-get install {needed}", file=sys.stderr)
        return 1
    try:
        return _take(pictures, phoebus, options.out.resolve(), options.seconds)
    except Stuck as error:
        print(error, file=sys.stderr)
        return 1


def _take(pictures: Sequence[Picture], phoebus: Path, out: Path, seconds: float) -> int:
    """Take the pictures of one session of Phoebus after the other, and tell what it complained of.

    Of the instruments whose own pictures are of an IOC that is away, the IOCs are; without such
    pictures it is the first IOC.
    """
    out.mkdir(parents=True, exist_ok=True)
    os.environ.update(ca_environment(_free_port()))  # read by every client and server
    os.chdir("/")  # the working folder of an IOC is on its health screen
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    prefixes = {one.screen.prefix for one in pictures}
    needed = [one for one in map(load, MODULES) if {one.demo.prefix, ""} & prefixes]
    found: Counter[str] = Counter()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="screenshots-")))
        stand = Stand(needed, folder)
        stack.callback(stand.end)
        display = stack.enter_context(x_server())
        for session in SESSIONS:
            due = [one for one in pictures if one.state in session]
            if not due:
                continue
            shown = {one.screen.prefix for one in due}
            away = [one.name for one in needed if one.demo.prefix in shown] or [needed[0].name]
            stand.start(away if State.NEVER in session else ())
            (home := folder / session[0]).mkdir()
            running = Phoebus(phoebus, display, home, _free_port())
            stack.callback(running.end)
            windows = {s: running.open(s) for s in dict.fromkeys(one.screen for one in due)}
            time.sleep(0.0 if State.NEVER in session else seconds)
            for state in session:
                if wanted := [one for one in due if one.state is state]:
                    stand.bring_about(state, away)
                for one in wanted:
                    running.take(windows[one.screen], one, out)
            found += complaints(running.end())
    for text, times in found.items():
        print(f"Phoebus, {times} times: {text}")
    return 0


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
