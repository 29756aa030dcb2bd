"""Colours, fonts, alarm borders and values as text, the way Phoebus shows them."""

from __future__ import annotations

import html
import math
from xml.etree import ElementTree as ET

from iocs.export.bob_values import Format

from .bob import Node
from .live import Reading

_ALARM_COLORS = ("", "#ff8000", "#ff0000", "#ff00ff")
_DASHES = "8 2 2 2"
_FALLBACK = {
    "foreground_color": "#000000",
    "line_color": "#000000",
    "background_color": "#ffffff",
    "off_color": "#3c643c",
    "on_color": "#00ff00",
    "fill_color": "#3c78d8",
}
_BACKGROUNDS = {
    "textupdate": "#f0f0f0", "textentry": "#80ffff", "action_button": "#d2d2d2",
    "bool_button": "#d2d2d2", "combo": "#d2d2d2", "choice": "#d2d2d2", "spinner": "#80ffff",
    "rectangle": "#1e90ff", "ellipse": "#1e90ff",
}  # fmt: skip
_ALIGN = ("flex-start", "center", "flex-end")


def escape(text: str) -> str:
    """Text for HTML."""
    return html.escape(text, quote=True)


def color_of(parent: ET.Element | None, default: str) -> str:
    """The colour inside an element as CSS."""
    found = None if parent is None else parent.find("color")
    if found is None:
        return default
    red, green, blue = (int(found.get(c, "0")) for c in ("red", "green", "blue"))
    return f"rgba({red},{green},{blue},{int(found.get('alpha', '255')) / 255:g})"


def color(node: Node, name: str) -> str:
    """A colour property of a widget."""
    default = _FALLBACK[name]
    if name == "background_color":
        default = _BACKGROUNDS.get(node.kind, default)
    return color_of(node.element.find(name), default)


def font(node: Node, name: str = "font") -> str:
    """A font property as CSS."""
    found = node.element.find(f"{name}/font")
    size = 14.0 if found is None else float(found.get("size", "14"))
    style = "" if found is None else found.get("style", "")
    weight = "bold " if "BOLD" in style else ""
    slant = "italic " if "ITALIC" in style else ""
    return f"font:{slant}{weight}{size:g}px 'Liberation Sans',Arial,sans-serif"


def alignment(node: Node, horizontal: int = 0, vertical: int = 0) -> str:
    """Where the text of a widget stands, as CSS of a flex box."""
    h = int(node.number("horizontal_alignment", horizontal))
    v = int(node.number("vertical_alignment", vertical))
    sides = ("left", "center", "right")
    return f"justify-content:{_ALIGN[h]};align-items:{_ALIGN[v]};text-align:{sides[h]}"


def border(node: Node, reading: Reading | None) -> str:
    """The alarm border outside of a widget's area: single, double or broken line, as in Phoebus."""
    if reading is None or not reading.severity or not node.flag("border_alarm_sensitive", True):
        return ""
    x, y, width, height = node.box
    is_round = node.kind in ("led", "multi_state_led") and not node.flag("square", False)
    lines = {1: ((1.0, 2, ""),), 2: ((0.5, 1, ""), (2.5, 1, "")), 3: ((1.0, 2, _DASHES),)}
    parts: list[str] = []
    for away, thick, dashes in lines[reading.severity]:
        corner = f"{width / 2 + away}" if is_round else "0"
        parts.append(
            f'<rect x="{-away}" y="{-away}" width="{width + 2 * away}" height="{height + 2 * away}"'
            f' rx="{corner}" fill="none" stroke="{_ALARM_COLORS[reading.severity]}"'
            f' stroke-width="{thick}" stroke-dasharray="{dashes}"/>'
        )
    return f'<svg class="free" style="left:{x}px;top:{y}px">{"".join(parts)}</svg>'


def value_text(reading: Reading, node: Node | None = None) -> str:
    """A value as a text widget shows it: format and precision of the widget, else of the PV."""
    style = Format.DEFAULT if node is None else int(node.number("format", Format.DEFAULT))
    precision = -1 if node is None else int(node.number("precision", -1))
    units = "" if node is not None and not node.flag("show_units", True) else reading.units
    value = reading.value
    if isinstance(value, str):
        if not reading.is_char_array or style == Format.STRING:
            return value
        return f"[{', '.join(str(code) for code in value.encode())}]"
    if isinstance(value, list):
        shown = "[" + ", ".join(_number(v, reading, style, precision) for v in value) + "]"
    elif reading.states:
        index = int(value)
        named = index < len(reading.states) and style in (Format.DEFAULT, Format.STRING)
        return reading.states[index] if named else str(index)
    else:
        shown = _number(value, reading, style, precision)
    return f"{shown} {units}".rstrip()


def _number(value: float, reading: Reading, style: int, precision: int) -> str:
    digits = max(reading.precision if precision < 0 else precision, 0)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if style == Format.COMPACT:
        style = Format.DECIMAL if 1e-4 < abs(value) < 1e4 else Format.EXPONENTIAL
    if style == Format.HEX:
        return f"0x{int(value):0{digits}X}"
    if style in (Format.EXPONENTIAL, Format.ENGINEERING):
        step = 3 if style == Format.ENGINEERING else 1
        power = step * math.floor(math.log10(abs(value)) / step) if value else 0
        return f"{value / 10.0**power:.{digits}f}E{power}"
    return f"{value:.{digits}f}" if reading.is_float else f"{int(value)}"


def readable_on(fill: str, text: str) -> str:
    """The colour of a text on a lamp: black or white if its own is as bright as the lamp."""
    on, own = _brightness(fill), _brightness(text)
    if abs(on - own) >= 350:  # Phoebus, Brightness
        return text
    return "#000000" if on > 410 else "#ffffff"


def _brightness(css: str) -> float:
    if css.startswith("#"):
        rgb = [int(css[i : i + 2], 16) for i in (1, 3, 5)]
    else:
        rgb = [int(part) for part in css.removeprefix("rgba(").split(",")[:3]]
    return sum(weight * part / 255 for weight, part in zip((299, 587, 114), rgb, strict=True))
