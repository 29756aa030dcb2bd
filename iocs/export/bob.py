"""Displays of Phoebus (``.bob``), from widgets that can only have the properties that exist.

A :class:`Display` is a list of :class:`Widget`, written as text that is the same each time. A type,
property or value that Phoebus would not take is a :class:`BobError` at once, with the name of the
widget. Properties that are not given keep Phoebus's own default and are not written.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from .bob_types import DISPLAY_VERSION, TYPES, WidgetType
from .bob_values import (
    Axis,
    Color,
    Font,
    Macros,
    NavTab,
    Node,
    OpenDisplay,
    Point,
    Rule,
    State,
    Trace,
    Value,
    WritePV,
    scalar_text,
)

_LISTS: dict[str, tuple[type, ...]] = {
    "actions": (OpenDisplay, WritePV),
    "rules": (Rule,),
    "states": (State,),
    "y_axes": (Axis,),
    "traces": (Trace,),
    "tabs": (NavTab,),
    "points": (Point,),
}
"""Properties that hold a list, and of what."""


class BobError(ValueError):
    """A widget that Phoebus would not show as meant."""


class Widget:
    """One widget of a display."""

    def __init__(
        self,
        kind: str,
        name: str,
        x: int,
        y: int,
        width: int,
        height: int,
        **properties: Value,
    ) -> None:
        self.type = self._known(kind, name)
        self.name = name
        self.box = (x, y, width, height)
        self.properties = properties
        for key, value in properties.items():
            self._check(key, value)
        if width <= 0 or height <= 0:
            raise BobError(f"widget {name!r}: its size {width} x {height} must be above 0")
        if self.type.pv and "pv_name" not in properties and kind != "action_button":
            raise BobError(f"widget {name!r}: a {kind} needs a pv_name")

    @staticmethod
    def _known(kind: str, name: str) -> WidgetType:
        if kind not in TYPES:
            raise BobError(f"widget {name!r}: no type {kind!r}{_like(kind, TYPES)}")
        return TYPES[kind]

    def _check(self, key: str, value: Value) -> None:
        where = f"widget {self.name!r}: {self.type.name}"
        known = self.type.properties
        if key not in known or key in ("x", "y", "width", "height"):
            raise BobError(f"{where} has no property {key!r}{_like(key, known)}")
        if key in _LISTS:
            good = isinstance(value, (tuple, list)) and all(
                isinstance(entry, _LISTS[key]) for entry in value
            )
            meant = f"a list of {' or '.join(entry.__name__ for entry in _LISTS[key])}"
        elif key.endswith("color"):
            good, meant = isinstance(value, Color), "a Color"
        elif key.endswith("font"):
            good, meant = isinstance(value, Font), "a Font"
        elif key == "macros":
            good, meant = isinstance(value, Macros), "Macros"
        else:
            good, meant = isinstance(value, (str, bool, int, float)), "a plain value"
        if not good:
            raise BobError(f"{where}: {key} must be {meant}, not {value!r}")

    def element(self) -> ET.Element:
        """The widget as Phoebus reads it."""
        root = ET.Element("widget", type=self.type.name, version=self.type.version)
        ET.SubElement(root, "name").text = self.name
        geometry = dict(zip(("x", "y", "width", "height"), self.box, strict=True))
        for key in self.type.properties:
            if key in geometry:
                ET.SubElement(root, key).text = str(geometry[key])
            elif key in self.properties:
                root.append(_property(key, self.properties[key]))
        return root


class Display:
    """One screen: its file without the ending, a title, a size, widgets from back to front.

    Raises :class:`BobError` if two widgets have one name, which tells them apart in messages.
    """

    def __init__(
        self,
        file: str,
        title: str,
        size: tuple[int, int],
        background: Color,
        widgets: Iterable[Widget],
    ) -> None:
        self.file = f"{file}.bob"
        self.title = title
        self.size = size
        self.background = background
        self.widgets = tuple(widgets)
        seen: set[str] = set()
        for widget in self.widgets:
            if widget.name in seen:
                raise BobError(f"{self.file}: two widgets are called {widget.name!r}")
            seen.add(widget.name)

    @property
    def text(self) -> str:
        """The file."""
        root = ET.Element("display", version=DISPLAY_VERSION)
        ET.SubElement(root, "name").text = self.title
        ET.SubElement(root, "width").text = str(self.size[0])
        ET.SubElement(root, "height").text = str(self.size[1])
        root.append(_property("background_color", self.background))
        ET.SubElement(root, "grid_step_x").text = "5"
        ET.SubElement(root, "grid_step_y").text = "5"
        root.extend(widget.element() for widget in self.widgets)
        ET.indent(root)
        text = ET.tostring(root, encoding="unicode")
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _property(key: str, value: Value) -> ET.Element:
    if isinstance(value, Macros):
        return value.element()
    element = ET.Element(key)
    if isinstance(value, (str, bool, int, float)):
        element.text = scalar_text(value)
    else:
        entries: Sequence[Node] = value if isinstance(value, Sequence) else (value,)
        element.extend(entry.element() for entry in entries)
    return element


def _like(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; is {near[0]!r} meant?" if near else ""
