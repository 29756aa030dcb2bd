"""Which pictures there are: a screen, the macros it is opened with, the state it is shown in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from iocs.registry import MODULES

_OVERVIEWS = ("index", "wall")
_MACRO = re.compile(r"\$\((\w+)(?:=([^)]*))?\)")


class State(StrEnum):
    """What the instruments and their IOCs are made to be."""

    NEVER = "never"
    GONE = "gone"
    HEALTHY = "healthy"
    ALARM = "alarm"
    LOST = "lost"


SESSIONS = ((State.NEVER,), (State.GONE,), (State.HEALTHY, State.ALARM, State.LOST))
"""The states that one Phoebus shows one after the other, in the windows that it has open."""

DOCUMENTED = (
    *(f"{screen}-{state}" for screen, state in product(_OVERVIEWS, State)),
    *(f"{name}-{state}" for name, state in product(MODULES, SESSIONS[-1])),
    "cpa1110-gone",
    "cpa1110_trend-healthy",
    "cpa1110_detail-alarm",
    "iseg_channel-healthy",
    "xcom_xtender-healthy",
    "arbin_channel-healthy",
)
"""The pictures of the documentation, as far as there are the screens."""


class NoPicture(ValueError):
    """A name that no picture has."""


@dataclass(frozen=True, slots=True, eq=False)
class Screen:
    """A screen in a folder, with the macros of the first link that leads to it."""

    path: Path
    macros: Mapping[str, str]

    @property
    def prefix(self) -> str:
        """That of the IOC that it shows; empty for those that show all."""
        return self.macros.get("P", "") + self.macros.get("R", "")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        root = ET.parse(self.path).getroot()
        return int(root.findtext("width", "800")), int(root.findtext("height", "600"))

    def resource(self, size: tuple[int, int]) -> str:
        """What Phoebus opens: the file in a window of this size, at the corner."""
        target = "window@{}x{}+0+0".format(*size)
        query = urlencode({"app": "display_runtime", **self.macros, "target": target}, safe="@+")
        return f"{self.path.as_uri()}?{query}"


@dataclass(frozen=True, slots=True)
class Picture:
    """A screen in a state."""

    screen: Screen
    state: State

    @property
    def name(self) -> str:
        """That of its file."""
        return f"{self.screen.path.stem}-{self.state}"


def screens(folder: Path) -> list[Screen]:
    """All screens that links lead to from the index and the wall."""
    found = [Screen(path, {}) for name in _OVERVIEWS if (path := folder / f"{name}.bob").is_file()]
    for screen in found:
        for holder in ET.parse(screen.path).iterfind(".//*[file]"):
            path = folder / holder.findtext("file", "")
            if path.suffix == ".bob" and path.is_file() and all(s.path != path for s in found):
                macros = {m.tag: m.text or "" for m in holder.find(".//macros") or ()}
                found.append(Screen(path, {k: _expand(v, screen) for k, v in macros.items()}))
    return found


def _expand(text: str, screen: Screen) -> str:
    """Replace macros as Phoebus does: a macro without value or default stays as it is."""
    return _MACRO.sub(lambda m: screen.macros.get(m[1], m[2] if m[2] is not None else m[0]), text)


def chosen(folder: Path, patterns: Sequence[str]) -> list[Picture]:
    """The pictures of some names; the documented ones without any. Raises :class:`NoPicture`.

    A pattern such as ``index-*`` is looked for among the documented ones first.
    """
    every = {p.name: p for p in (Picture(*pair) for pair in product(screens(folder), State))}
    documented = [name for name in DOCUMENTED if name in every]
    names: list[str] = []
    for pattern in patterns or ("*",):
        matching = [n for n in documented if fnmatchcase(n, pattern)] or [
            n for n in every if fnmatchcase(n, pattern)
        ]
        if not matching:
            raise NoPicture(f"no picture {pattern}: see --help")
        names += matching
    return [every[name] for name in dict.fromkeys(names)]
