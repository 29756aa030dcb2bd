"""Displays as they are shown: macros filled in, embedded displays and templates in place."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

_MACRO = re.compile(r"\$[({]([A-Za-z][A-Za-z0-9_.\-\[\]]*)(?:=([^)}]*))?[)}]")
_DEEPEST = 8
_GAP = 10
TAB_MARGIN = 5
"""Border and padding around the content of navigation tabs (Phoebus, opibuilder.css)."""


class BadScreen(ValueError):
    """A display that cannot be shown; the text names the file and the reason."""


@dataclass(frozen=True, slots=True)
class Node:
    """A widget or the display itself; ``element`` holds its properties without macros.

    Children have coordinates relative to it. ``folder`` is where relative files are looked for.
    """

    kind: str
    element: ET.Element
    folder: Path
    macros: Mapping[str, str]
    children: tuple[Node, ...] = ()

    def text(self, name: str, default: str = "") -> str:
        """A property as text; the default if the file does not give it."""
        found = self.element.find(name)
        return default if found is None else (found.text or "")

    def number(self, name: str, default: float) -> float:
        """A property as a number."""
        return float(self.text(name) or default)

    def flag(self, name: str, default: bool) -> bool:
        """A property as a truth value."""
        return self.text(name, str(default)).strip().lower() == "true"

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, width, height."""
        size = _SIZES.get(self.kind, (100, 20))
        defaults = (0, 0, *size)
        names = ("x", "y", "width", "height")
        x, y, w, h = (int(self.number(n, d)) for n, d in zip(names, defaults, strict=True))
        return x, y, w, h

    def walk(self) -> Iterator[Node]:
        """It and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def too_large(self) -> Iterator[str]:
        """Displays inside that are larger than the room for them: Phoebus gives scroll bars."""
        for node in self.walk():
            if node.kind not in ("embedded", "navtabs", "template") or node.text("resize") == "1":
                continue
            margin = TAB_MARGIN if node.kind == "navtabs" else 0
            _, _, width, height = node.box
            for child in node.children:
                x, y, w, h = child.box
                if x + w > width - margin or y + h > height - margin:
                    yield (
                        f"{node.text('name')!r} is {width} x {height}, "
                        f"but what is in it reaches to {x + w + margin} x {y + h + margin}"
                    )

    def pv_names(self) -> Iterator[str]:
        """The PVs that its picture depends on, its children left out."""
        yield from filter(None, (self.text("pv_name"),))
        for path in ("rules/rule/pv_name", "traces/trace/y_pv", "traces/trace/x_pv"):
            yield from filter(None, (found.text for found in self.element.findall(path)))


_SIZES = {
    "display": (800, 600), "embedded": (400, 300), "navtabs": (500, 300),
    "template": (400, 300), "group": (300, 200),
    "led": (20, 20), "multi_state_led": (20, 20), "action_button": (100, 30),
    "bool_button": (100, 30), "combo": (100, 30), "choice": (100, 43), "stripchart": (400, 300),
    "databrowser": (400, 300), "byte_monitor": (160, 20), "tank": (150, 200), "ellipse": (100, 50),
}  # fmt: skip


def load(path: Path, macros: Mapping[str, str], depth: int = 0) -> Node:
    """A display with all that it embeds. Raises :class:`BadScreen`."""
    if depth > _DEEPEST:
        raise BadScreen(f"{path}: displays are embedded more than {_DEEPEST} deep")
    try:
        root = ET.parse(path).getroot()
    except (OSError, ET.ParseError) as error:
        raise BadScreen(f"{path}: {error}") from error
    if root.tag != "display":
        raise BadScreen(f"{path}: its root is <{root.tag}>, not <display>")
    own = {**_macros_of(root, macros), **macros}
    return _node("display", root, path.parent, own, depth)


def _node(kind: str, raw: ET.Element, folder: Path, macros: Mapping[str, str], depth: int) -> Node:
    inner = {**macros, **_macros_of(raw, macros)}
    element = _expanded(raw, inner)
    children: list[Node] = []
    if kind == "embedded" and element.findtext("file"):
        children.append(load(folder / str(element.findtext("file")), inner, depth + 1))
    elif kind == "databrowser" and element.findtext("file"):
        _add_curves(element, folder / str(element.findtext("file")), inner)
    elif kind == "navtabs":
        children.extend(_open_tab(element, folder, inner, depth))
    elif kind == "template" and element.findtext("file"):
        children.extend(_instances(element, folder, inner, depth))
    else:
        parts = raw.findall("widget")
        if kind == "tabs":
            tabs = raw.findall("tabs/tab")
            active = int(raw.findtext("active_tab") or 0)
            parts = tabs[active].findall("children/widget") if tabs else []
        children.extend(_node(part.get("type", ""), part, folder, inner, depth) for part in parts)
    return Node(kind, element, folder, inner, tuple(children))


def _add_curves(element: ET.Element, path: Path, macros: Mapping[str, str]) -> None:
    """Give a Data Browser widget the axes and curves of its file, as a strip chart has them."""
    try:
        plot = _expanded(ET.parse(path).getroot(), macros)
    except (OSError, ET.ParseError) as error:
        raise BadScreen(f"{path}: {error}") from error
    for name in ("start", "show_legend"):
        ET.SubElement(element, name).text = plot.findtext(name)
    axes, traces = ET.SubElement(element, "y_axes"), ET.SubElement(element, "traces")
    for found in plot.findall("axes/axis"):
        axis = ET.SubElement(axes, "y_axis")
        ET.SubElement(axis, "title").text = found.findtext("name")
        ET.SubElement(axis, "on_right").text = found.findtext("right")
    for found in plot.findall("pvlist/pv"):
        trace = ET.SubElement(traces, "trace")
        for own, theirs in (("name", "display_name"), ("y_pv", "name"), ("axis", "axis")):
            ET.SubElement(trace, own).text = found.findtext(theirs)
        rgb = {c: found.findtext(f"color/{c}") or "0" for c in ("red", "green", "blue")}
        ET.SubElement(ET.SubElement(trace, "color"), "color", rgb)


def _instances(
    element: ET.Element, folder: Path, macros: Mapping[str, str], depth: int
) -> Iterator[Node]:
    """The displays of a template, each moved to its place."""
    horizontal = (element.findtext("horizontal") or "false") == "true"
    gap = int(element.findtext("gap") or _GAP)
    wrap = int(element.findtext("wrap_count") or 0)
    for index, instance in enumerate(element.findall("instances/instance")):
        own = {**macros, **_macros_of(instance, macros)}
        node = load(folder / str(element.findtext("file")), own, depth + 1)
        _, _, width, height = node.box
        along, across = (index % wrap, index // wrap) if wrap else (index, 0)
        column, row = (along, across) if horizontal else (across, along)
        _move(node, column * (width + gap), row * (height + gap))
        yield node


def _open_tab(
    element: ET.Element, folder: Path, macros: Mapping[str, str], depth: int
) -> Iterator[Node]:
    """The display behind the active tab of navigation tabs, beside or below the tabs."""
    tabs = element.findall("tabs/tab")
    active = int(element.findtext("active_tab") or 0)
    if active < len(tabs) and tabs[active].findtext("file"):
        own = {**macros, **_macros_of(tabs[active], macros)}
        node = load(folder / str(tabs[active].findtext("file")), own, depth + 1)
        _move(node, *tab_corner(element))
        yield node


def tab_corner(element: ET.Element) -> tuple[int, int]:
    """Where the content of navigation tabs begins: behind the tabs, a border and a padding."""
    if int(element.findtext("direction") or 1) == 0:
        return TAB_MARGIN, int(element.findtext("tab_height") or 30) + TAB_MARGIN
    return int(element.findtext("tab_width") or 100) + TAB_MARGIN, TAB_MARGIN


def _move(node: Node, x: int, y: int) -> None:
    for name, value in (("x", x), ("y", y)):
        for old in node.element.findall(name):
            node.element.remove(old)
        ET.SubElement(node.element, name).text = str(value)


def _macros_of(element: ET.Element, outer: Mapping[str, str]) -> dict[str, str]:
    found = element.find("macros")
    return {} if found is None else {m.tag: fill(m.text or "", outer) for m in found}


def fill(text: str, macros: Mapping[str, str]) -> str:
    """Text with its macros filled in; one that nobody defines stays as it is written."""

    def value(match: re.Match[str]) -> str:
        return macros.get(match[1], match[2] if match[2] is not None else match[0])

    for _ in range(_DEEPEST):
        filled = _MACRO.sub(value, text)
        if filled == text:
            break
        text = filled
    return text


def _expanded(raw: ET.Element, macros: Mapping[str, str]) -> ET.Element:
    """A copy without the widgets inside, its texts filled in."""
    element = copy.deepcopy(raw)
    for widget in element.findall("widget"):
        element.remove(widget)
    for part in element.iter():
        part.text = fill(part.text or "", macros)
    return element
