"""Makes pictures of the screens: ``python -m scripts.preview [PICTURE ...]``.

Starts the simulators and IOCs of the demo on a Channel Access port of their own, waits until every
PV of a screen has a value, and draws the screens in three states: healthy, in alarm, device
lost. Exit code 1 if a text does not fit its widget, a PV is missing or a widget is not known.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from iocs.cli.demo import ca_environment
from iocs.cli.processes import ProcessEnded

from .bob import BadScreen, Node, load
from .expression import BadExpression
from .page import NoBrowser, html_of, photograph
from .shots import SHOTS, Shot, State
from .widgets import Readings, Unknown

if TYPE_CHECKING:
    from .live import Values
    from .stand import Stand

_ROOT = Path(__file__).resolve().parents[2]
_SETTLE = 8.0


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and make the pictures."""
    names = [shot.name for shot in SHOTS]
    parser = argparse.ArgumentParser(
        prog="python -m scripts.preview", description="pictures of the screens with live values"
    )
    parser.add_argument(
        "pictures", nargs="*", metavar="PICTURE", help=f"which ones: {', '.join(names)}"
    )
    parser.add_argument("--output", type=Path, default=_ROOT / "docs" / "images", metavar="DIR")
    parser.add_argument("--screens", type=Path, default=_ROOT / "opi", metavar="DIR")
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="how long to watch before the first picture"
    )
    parser.add_argument("--ca-port", type=int, default=25064, metavar="PORT")
    options = parser.parse_args(argv)
    unknown = set(options.pictures) - set(names)
    if unknown:
        parser.error(f"no picture {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    shots = [s for s in SHOTS if not options.pictures or s.name in options.pictures]
    screens, output = options.screens.resolve(), options.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    # the client library reads the environment when it is imported
    os.environ.update(ca_environment(options.ca_port))
    # the working folder of an IOC is shown on its health screen
    os.chdir("/")
    problems = asyncio.run(_run(shots, screens, output, options.seconds))
    print("\n".join(problems) or f"{len(shots)} pictures in {output}")
    return 1 if problems else 0


async def _run(shots: Sequence[Shot], screens: Path, output: Path, seconds: float) -> list[str]:
    """Make the pictures; returns what is wrong, one line each."""
    from .live import NotConnected, Values
    from .stand import Stand

    values = Values()
    with tempfile.TemporaryDirectory(prefix="preview-") as folder:
        stand = Stand(Path(folder))
        try:
            await stand.start()
            loaded = [(shot, load(screens / shot.file, shot.macros)) for shot in shots]
            nodes = [node for _, screen in loaded for node in screen.walk()]
            await values.add(name for node in nodes for name in node.pv_names())
            await asyncio.sleep(seconds)
            return await _photograph_all(loaded, stand, values, output)
        except (BadScreen, NotConnected, NoBrowser, ProcessEnded) as error:
            return [str(error)]
        finally:
            await values.close()
            await stand.end()


async def _photograph_all(
    loaded: Sequence[tuple[Shot, Node]], stand: Stand, values: Values, output: Path
) -> list[str]:
    """Bring about one state after the other, and draw what is wanted of it."""
    problems: list[str] = []
    for state in State:
        due = [(shot, screen) for shot, screen in loaded if shot.state is state]
        if due and state is not State.HEALTHY:
            await stand.bring_about(state)
            await asyncio.sleep(_SETTLE)
        for shot, screen in due:
            picture = output / f"{shot.name}.png"
            found = await _photograph(screen, values.readings, picture)
            problems += [f"{shot.name}: {problem}" for problem in found]
    return problems


async def _photograph(screen: Node, readings: Readings, picture: Path) -> list[str]:
    try:
        page = html_of(screen, readings)
    except (Unknown, BadExpression) as error:
        return [str(error)]
    cut = await photograph(page, screen.box[2:], picture)
    return [*(str(text) for text in cut), *screen.too_large()]


if __name__ == "__main__":
    sys.exit(main())
