"""Screens as Phoebus reads them: widgets with their properties, macros expanded, links followed.

Nothing here uses the writer of the screens, so that neither can hide a mistake of the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.support.process import ROOT

OPI = ROOT / "opi"
INDEX = "index.bob"
Box = tuple[int, int, int, int]
_MACRO = re.compile(r"\$\((\w+)(?:=([^)]*))?\)")


def expand(text: str, macros: Mapping[str, str]) -> str:
    """A text with its macros replaced as Phoebus does; one without a value stays as it is."""

    def one(match: re.Match[str]) -> str:
        name, default = match.groups()
        return macros.get(name, match[0] if default is None else default)

    return _MACRO.sub(one, text)


def formula_pvs(text: str) -> list[str]:
    """The PVs of a name, which may be a formula of Phoebus: ``='A' > 0 ? 1 : 0``."""
    return re.findall(r"'([^']+)'", text) if text.startswith("=") else [text]


@dataclass(frozen=True)
class Widget:
    """One widget in a file, with the macros that the file was opened with."""

    element: ET.Element
    macros: Mapping[str, str]

    @property
    def type(self) -> str:
        return self.element.get("type", "")

    @property
    def name(self) -> str:
        return self.text("name")

    @property
    def box(self) -> Box:
        x, y, width, height = (int(self.text(tag, "0")) for tag in ("x", "y", "width", "height"))
        return x, y, width, height

    def text(self, tag: str, default: str = "") -> str:
        """A plain property with its macros expanded."""
        return expand(self.element.findtext(tag) or default, self.macros)

    @property
    def pv(self) -> str:
        """The PV of the widget, or empty."""
        return self.text("pv_name")

    @property
    def pvs(self) -> list[str]:
        """Every PV that the widget connects to: its own, of its traces, rules and actions."""
        named = [*self.element.iter("pv_name"), *self.element.iter("y_pv")]
        own = {**self.macros, "pv_name": self.pv}
        texts = [expand(entry.text or "", own) for entry in named]
        return [pv for text in texts for pv in formula_pvs(text)]

    @property
    def links(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Files that the widget shows or opens, with the macros that it hands on."""
        for holder in self.element.iter():
            file = holder.findtext("file")
            if not file:
                continue
            handed = {m.tag: expand(m.text or "", self.macros) for m in holder.iterfind("macros/*")}
            inherited = {} if holder.tag == "action" else self.macros
            yield file, {**inherited, **handed}


@dataclass(frozen=True)
class Screen:
    """One file opened with some macros."""

    file: str
    root: ET.Element
    macros: Mapping[str, str]

    @property
    def size(self) -> tuple[int, int]:
        return int(self.root.findtext("width", "0")), int(self.root.findtext("height", "0"))

    @property
    def widgets(self) -> list[Widget]:
        return [Widget(element, self.macros) for element in self.root.findall("widget")]


def read(folder: Path, file: str, macros: Mapping[str, str]) -> Screen:
    """One screen."""
    return Screen(file, ET.parse(folder / file).getroot(), macros)


def reachable(folder: Path = OPI) -> list[Screen]:
    """Every screen, with every set of macros, that an operator reaches from the index."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], Screen] = {}
    waiting: list[tuple[str, dict[str, str]]] = [(INDEX, {})]
    while waiting:
        file, macros = waiting.pop()
        key = (file, tuple(sorted(macros.items())))
        if key in found or not file.endswith(".bob"):
            continue
        screen = found[key] = read(folder, file, macros)
        waiting += [link for widget in screen.widgets for link in widget.links]
    return list(found.values())


def files(folder: Path = OPI) -> list[Screen]:
    """Each file once, without macros."""
    return [read(folder, path.name, {}) for path in sorted(folder.glob("*.bob"))]


def place(screen: Screen, widget: Widget) -> str:
    return f"{screen.file} {dict(screen.macros)}: {widget.type} {widget.name!r}"


def record(pv: str) -> str:
    """The record of a PV or a formula; of its fields, screens show the ends of what may be put."""
    name, _, field = formula_pvs(pv)[0].partition(".")
    assert field in ("", "DRVL", "DRVH"), pv
    return name
