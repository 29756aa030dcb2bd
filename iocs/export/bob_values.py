"""What properties of Phoebus widgets hold: colours, fonts, actions, rules, traces, states.

Each value writes itself as the element that Phoebus reads. Structure of the elements: Phoebus,
display builder model, ``WidgetProperty`` classes of version 5.0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol
from xml.etree import ElementTree as ET

Scalar = str | bool | int | float


class Format(IntEnum):
    """How a value is written as text (`format`)."""

    DEFAULT = 0
    DECIMAL = 1
    EXPONENTIAL = 2
    ENGINEERING = 3
    HEX = 4
    COMPACT = 5
    STRING = 6


class Align(IntEnum):
    """`horizontal_alignment` and `vertical_alignment`: start, middle, end."""

    START = 0
    MIDDLE = 1
    END = 2


class Resize(IntEnum):
    """How an embedded display and its widget come to one size."""

    SCROLL = 0
    FIT_CONTENT = 1
    FIT_WIDGET = 2
    STRETCH = 3
    CROP = 4


class Arrows(IntEnum):
    """Arrow heads of a polyline."""

    NONE = 0
    FROM = 1
    TO = 2
    BOTH = 3


class Node(Protocol):
    """A value with a structure of its own."""

    def element(self) -> ET.Element:
        """The element to put inside that of the property."""
        ...


def scalar_text(value: Scalar) -> str:
    """A plain value as Phoebus writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, IntEnum):
        return str(int(value))
    return str(value)


def parent_of(tag: str, children: Sequence[tuple[str, Scalar | Node]]) -> ET.Element:
    """An element with one child for each pair; a node is wrapped into its tag."""
    element = ET.Element(tag)
    for name, value in children:
        child = ET.SubElement(element, name)
        if isinstance(value, (str, bool, int, float)):
            child.text = scalar_text(value)
        else:
            child.append(value.element())
    return element


@dataclass(frozen=True, slots=True)
class Color:
    """A colour; `name` is one of Phoebus's named colours, whose value a site may change."""

    red: int
    green: int
    blue: int
    name: str = ""

    def element(self) -> ET.Element:
        named = {"name": self.name} if self.name else {}
        rgb = {"red": str(self.red), "green": str(self.green), "blue": str(self.blue)}
        return ET.Element("color", named | rgb)


@dataclass(frozen=True, slots=True)
class Font:
    """A font; `name` is one of Phoebus's named fonts, or empty."""

    name: str
    size: int
    style: str = "REGULAR"
    family: str = "Liberation Sans"

    def element(self) -> ET.Element:
        named = {"name": self.name} if self.name else {}
        rest = {"family": self.family, "style": self.style, "size": f"{self.size}.0"}
        return ET.Element("font", named | rest)


@dataclass(frozen=True, slots=True)
class Macros:
    """Macros that are handed to another display, in a fixed order."""

    pairs: tuple[tuple[str, str], ...]

    def element(self) -> ET.Element:
        return parent_of("macros", self.pairs)


@dataclass(frozen=True, slots=True)
class OpenDisplay:
    """An action that opens another display in place of this one, so that no tabs pile up.

    Phoebus opens it in a new tab or window where an operator asks for that (Control or Shift).
    """

    file: str
    description: str
    macros: Macros

    def element(self) -> ET.Element:
        pairs = (("description", self.description), ("file", self.file), ("target", "replace"))
        action = parent_of("action", pairs)
        action.set("type", "open_display")
        action.insert(2, self.macros.element())
        return action


@dataclass(frozen=True, slots=True)
class WritePV:
    """An action that writes a value; the PV is that of the widget itself."""

    value: str
    description: str

    def element(self) -> ET.Element:
        pairs = (
            ("pv_name", "$(pv_name)"),
            ("value", self.value),
            ("description", self.description),
        )
        action = parent_of("action", pairs)
        action.set("type", "write_pv")
        return action


@dataclass(frozen=True, slots=True)
class Rule:
    """A property that follows PVs: the first case whose expression holds gives the value.

    Where none holds, and as soon as one of the PVs is disconnected, the property has the value that
    the widget has in the file (Phoebus 5.0.5, ``RuleToScript``): that one must be the look of
    something that is not known, and what is good a case of its own.

    Expressions are JavaScript: ``pv0`` is the number (of an enum the index) of the first PV,
    ``pvStr0`` its text, ``pvSev0`` its severity (0 none, 1 minor, 2 major, 3 invalid, 4 undefined).
    computed: the values are expressions too.
    """

    name: str
    prop: str
    pvs: tuple[str, ...]
    cases: tuple[tuple[str, Scalar | Color], ...]
    computed: bool = False

    def element(self) -> ET.Element:
        output = scalar_text(self.computed)
        rule = ET.Element("rule", name=self.name, prop_id=self.prop, out_exp=output)
        tag = "expression" if self.computed else "value"
        for expression, value in self.cases:
            case = ET.SubElement(rule, "exp", bool_exp=expression)
            case.append(parent_of("x", ((tag, value),))[0])
        for pv in self.pvs:
            ET.SubElement(rule, "pv_name").text = pv
        return rule


@dataclass(frozen=True, slots=True)
class State:
    """One state of a multi-state LED."""

    value: int
    label: str
    color: Color

    def element(self) -> ET.Element:
        pairs = (("value", self.value), ("label", self.label), ("color", self.color))
        return parent_of("state", pairs)


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a strip chart, scaled by what it shows unless both ends are given.

    Its own properties: Phoebus 5.0.5, ``StripchartWidget``; it has no ``on_right``.
    """

    title: str
    color: Color
    ends: tuple[float, float] | None = None

    def element(self) -> ET.Element:
        low, high = self.ends or (0.0, 100.0)
        pairs: list[tuple[str, Scalar | Node]] = [
            ("title", self.title),
            ("autoscale", self.ends is None),
            ("log_scale", False),
            ("minimum", low),
            ("maximum", high),
            ("show_grid", True),
            ("visible", True),
            ("color", self.color),
        ]
        return parent_of("y_axis", pairs)


@dataclass(frozen=True, slots=True)
class Trace:
    """A curve of a strip chart."""

    name: str
    pv: str
    color: Color
    axis: int = 0

    def element(self) -> ET.Element:
        pairs: list[tuple[str, Scalar | Node]] = [
            ("name", self.name),
            ("y_pv", self.pv),
            ("axis", self.axis),
            ("trace_type", 2),
            ("color", self.color),
            ("line_width", 2),
            ("visible", True),
        ]
        return parent_of("trace", pairs)


@dataclass(frozen=True, slots=True)
class NavTab:
    """One tab of a navigation: a display that is loaded when the tab is chosen."""

    name: str
    file: str
    macros: Macros

    def element(self) -> ET.Element:
        tab = parent_of("tab", (("name", self.name), ("file", self.file), ("group_name", "")))
        tab.insert(2, self.macros.element())
        return tab


@dataclass(frozen=True, slots=True)
class Point:
    """A corner of a line, relative to its widget."""

    x: int
    y: int

    def element(self) -> ET.Element:
        return ET.Element("point", x=f"{self.x}.0", y=f"{self.y}.0")


Value = Scalar | Node | Sequence[Node]
