"""Each type of widget as HTML, in the sizes and with the defaults of Phoebus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from .bob import TAB_MARGIN, Node, tab_corner
from .chart import stripchart
from .expression import Value, evaluate
from .live import Reading
from .style import alignment, border, color, color_of, escape, font, readable_on, value_text

Readings = Mapping[str, Reading]


class Unknown(ValueError):
    """A type of widget that is not drawn; the text names it."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Style and content of the box of a widget."""

    style: str
    content: str = ""


def draw(node: Node, readings: Readings) -> str:
    """A widget with all inside it. Raises :class:`Unknown`."""
    _apply_rules(node, readings)
    if not node.flag("visible", True):
        return ""
    if node.kind not in _DRAW:
        raise Unknown(f"no picture of a widget of type {node.kind!r} ({node.text('name')})")
    reading = readings.get(node.text("pv_name"))
    drawn = _DRAW[node.kind](node, readings)
    x, y, width, height = node.box
    children = "".join(draw(child, readings) for child in node.children)
    style = f"left:{x}px;top:{y}px;width:{width}px;height:{height}px;{drawn.style}"
    name = escape(node.text("name"))
    start = f'<div class="w {node.kind}" data-name="{name}" style="{style}">'
    return f"{start}{drawn.content}{children}</div>{border(node, reading)}"


def _apply_rules(node: Node, readings: Readings) -> None:
    for rule in node.element.findall("rules/rule"):
        names: dict[str, Value] = {}
        for number, pv in enumerate(rule.findall("pv_name")):
            reading = readings[pv.text or ""]
            names[f"pv{number}"] = names[f"pvInt{number}"] = reading.number
            names[f"pvStr{number}"] = value_text(reading)
            names[f"pvSev{number}"] = float(reading.severity)
        for case in rule.findall("exp"):
            if evaluate(case.get("bool_exp", ""), names):
                _override(node.element, rule.get("prop_id", ""), case)
                break


def _override(element: ET.Element, name: str, case: ET.Element) -> None:
    for old in element.findall(name):
        element.remove(old)
    given = case[0]
    new = ET.SubElement(element, name)
    new.text = given.text
    new.extend(list(given))


def _filled(node: Node, transparent: bool) -> str:
    if node.flag("transparent", transparent):
        return ""
    return f"background:{color(node, 'background_color')};"


def _words(node: Node, text: str, wrap: bool) -> _Drawn:
    space = "pre-wrap" if node.flag("wrap_words", wrap) else "pre"
    style = f"display:flex;{alignment(node)};{font(node)};color:{color(node, 'foreground_color')};"
    return _Drawn(style, f'<span class="t" style="white-space:{space}">{escape(text)}</span>')


def _label(node: Node, _: Readings) -> _Drawn:
    words = _words(node, node.text("text"), wrap=True)
    return _Drawn(words.style + _filled(node, transparent=True), words.content)


def _text_update(node: Node, readings: Readings) -> _Drawn:
    words = _words(node, value_text(readings[node.text("pv_name")], node), wrap=True)
    return _Drawn(words.style + _filled(node, transparent=False), words.content)


def _text_entry(node: Node, readings: Readings) -> _Drawn:
    words = _words(node, value_text(readings[node.text("pv_name")], node), wrap=False)
    frame = "box-shadow:inset 0 0 0 1px #9aa4ae;border-radius:3px;"
    return _Drawn(words.style + _filled(node, transparent=False) + frame, words.content)


def _button_box(node: Node, text: str, extra: str = "") -> _Drawn:
    enabled = "" if node.flag("enabled", True) else "opacity:.45;"
    style = (
        f"display:flex;{alignment(node, 1, 1)};{font(node)};padding:0 .1em;{enabled}"
        f"color:{color(node, 'foreground_color')};background:{color(node, 'background_color')};"
        "border-radius:3px;box-shadow:inset 0 0 0 1px rgba(0,0,0,.25);"
    )
    return _Drawn(
        style, f'<span class="t" style="white-space:pre-wrap">{escape(text)}</span>{extra}'
    )


def _action_button(node: Node, _: Readings) -> _Drawn:
    descriptions = [a.findtext("description") or "" for a in node.element.findall("actions/action")]
    actions = descriptions[0] if len(descriptions) == 1 else f"Choose 1 of {len(descriptions)}"
    return _button_box(node, node.text("text", "$(actions)").replace("$(actions)", actions))


def _bool_button(node: Node, readings: Readings) -> _Drawn:
    reading = readings[node.text("pv_name")]
    state = "on" if reading.number else "off"
    if node.flag("labels_from_pv", False) and reading.states:
        text = value_text(reading)
    else:
        text = node.text(f"{state}_label", state.capitalize())
    led = color(node, f"{state}_color")
    lamp = f'<i class="lamp" style="background:{led}"></i>' if node.flag("show_led", True) else ""
    return _button_box(node, text, lamp)


def _combo(node: Node, readings: Readings) -> _Drawn:
    text = value_text(readings[node.text("pv_name")])
    drawn = _button_box(node, text, '<b class="arrow">▾</b>')
    return _Drawn(drawn.style + "justify-content:flex-start;padding-left:6px;", drawn.content)


def _choice(node: Node, readings: Readings) -> _Drawn:
    reading = readings[node.text("pv_name")]
    items = [i.text or "" for i in node.element.findall("items/item")] or list(reading.states)
    chosen = value_text(reading)
    cells = "".join(
        f'<span class="c{" on" if item == chosen else ""}">{escape(item)}</span>' for item in items
    )
    direction = "row" if node.flag("horizontal", True) else "column"
    return _Drawn(f"display:flex;flex-direction:{direction};{font(node)};", cells)


def _lamp(node: Node, fill: str, text: str) -> _Drawn:
    radius = "0" if node.flag("square", False) else "50%"
    style = (
        f"display:flex;{alignment(node, 1, 1)};{font(node)};"
        f"color:{readable_on(fill, color(node, 'foreground_color'))};"
        f"background:{fill};border-radius:{radius};"
        f"box-shadow:inset 0 0 0 2px {color(node, 'line_color')};"
    )
    return _Drawn(style, f'<span class="t" style="white-space:pre">{escape(text)}</span>')


def _led(node: Node, readings: Readings) -> _Drawn:
    reading = readings[node.text("pv_name")]
    bit = int(node.number("bit", -1))
    on = bool(reading.number) if bit < 0 else bool(int(reading.number) >> bit & 1)
    state = "on" if on else "off"
    text = node.text(f"{state}_label")
    if node.flag("labels_from_pv", False) and reading.states:
        text = value_text(reading)
    return _lamp(node, color(node, f"{state}_color"), text)


def _multi_state_led(node: Node, readings: Readings) -> _Drawn:
    number = readings[node.text("pv_name")].number
    for state in node.element.findall("states/state"):
        if float(state.findtext("value") or 0) == number:
            fill = color_of(state.find("color"), "#000000")
            return _lamp(node, fill, state.findtext("label") or "")
    fill = color_of(node.element.find("fallback_color"), "#ff00ff")
    return _lamp(node, fill, node.text("fallback_label", "Err"))


def _byte_monitor(node: Node, readings: Readings) -> _Drawn:
    word = int(readings[node.text("pv_name")].number)
    first, count = int(node.number("startBit", 0)), int(node.number("numBits", 8))
    order = range(count) if node.flag("bitReverse", False) else reversed(range(count))
    labels = [t.text or "" for t in node.element.findall("labels/text")]
    cells: list[str] = []
    for place, bit in enumerate(order):
        fill = color(node, "on_color" if word >> (first + bit) & 1 else "off_color")
        label = labels[place] if place < len(labels) else ""
        cells.append(f'<span class="bit" style="background:{fill}">{escape(label)}</span>')
    direction = "row" if node.flag("horizontal", True) else "column"
    return _Drawn(f"display:flex;flex-direction:{direction};{font(node)};", "".join(cells))


def _progress(node: Node, readings: Readings) -> _Drawn:
    reading = readings[node.text("pv_name")]
    low, high = node.number("minimum", 0), node.number("maximum", 100)
    if node.flag("limits_from_pv", True) and reading.limits[1] > reading.limits[0]:
        low, high = reading.limits
    part = min(max((reading.number - low) / ((high - low) or 1), 0), 1) * 100
    side = "width" if node.flag("horizontal", True) else "height"
    across = "height" if side == "width" else "width"
    style = f"background:{color(node, 'background_color')};box-shadow:inset 0 0 0 1px #9aa4ae;"
    bar = f"position:absolute;left:0;bottom:0;{side}:{part:.1f}%;{across}:100%;"
    return _Drawn(style, f'<span style="{bar}background:{color(node, "fill_color")}"></span>')


def _shape(node: Node, _: Readings) -> _Drawn:
    width = node.number("line_width", 3)
    radius = f"{node.number('corner_width', 0) / 2:g}px"
    if node.kind == "ellipse":
        radius = "50%"
    line = f"box-shadow:inset 0 0 0 {width:g}px {color(node, 'line_color')};" if width else ""
    return _Drawn(f"border-radius:{radius};{line}{_filled(node, transparent=False)}")


def _lines(node: Node, _: Readings) -> _Drawn:
    points = [(float(p.get("x", 0)), float(p.get("y", 0)))
              for p in node.element.findall("points/point")]  # fmt: skip
    arrows, length = int(node.number("arrows", 0)), node.number("arrow_length", 20)
    stroke, width = color(node, "line_color"), node.number("line_width", 3)
    text = " ".join(f"{x:g},{y:g}" for x, y in points)
    fill = color(node, "background_color") if node.kind == "polygon" else "none"
    shape = "polygon" if node.kind == "polygon" else "polyline"
    parts = [f'<{shape} points="{text}" fill="{fill}" stroke="{stroke}" stroke-width="{width:g}"/>']
    if arrows & 2:
        parts.append(_arrow(points[-2], points[-1], length, width, stroke))
    if arrows & 1:
        parts.append(_arrow(points[1], points[0], length, width, stroke))
    return _Drawn("", f'<svg class="free">{"".join(parts)}</svg>')


def _arrow(
    tail: tuple[float, float], tip: tuple[float, float], length: float, width: float, fill: str
) -> str:
    """A head half as wide as long, with the outline of the line around it."""
    dx, dy = tip[0] - tail[0], tip[1] - tail[1]
    size = (dx * dx + dy * dy) ** 0.5 or 1.0
    ux, uy = dx / size, dy / size
    back = (tip[0] - ux * length, tip[1] - uy * length)
    half = length / 4
    sides = [(back[0] - uy * half, back[1] + ux * half), (back[0] + uy * half, back[1] - ux * half)]
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in (tip, *sides))
    outline = f'stroke="{fill}" stroke-width="{width:g}" stroke-miterlimit="10"'
    return f'<polygon points="{text}" fill="{fill}" {outline}/>'


def _chart(node: Node, readings: Readings) -> _Drawn:
    return _Drawn("", stripchart(node, readings))


def _navigation(node: Node, _: Readings) -> _Drawn:
    tabs = [t.findtext("name") or "" for t in node.element.findall("tabs/tab")]
    width, height = node.number("tab_width", 100), node.number("tab_height", 30)
    step, active = node.number("tab_spacing", 2), int(node.number("active_tab", 0))
    horizontal = int(node.number("direction", 1)) == 0
    parts: list[str] = []
    for number, name in enumerate(tabs):
        along = number * ((width if horizontal else height) + step)
        left, top = (along, 0) if horizontal else (0, along)
        which, default = ("selected", "#ececec") if number == active else ("deselected", "#c8c8c8")
        fill = color_of(node.element.find(f"{which}_color"), default)
        parts.append(
            f'<span class="tab" style="left:{left:g}px;top:{top:g}px;width:{width:g}px;'
            f'height:{height:g}px;background:{fill};{font(node)}">{escape(name)}</span>'
        )
    x, y = tab_corner(node.element)
    body = f"left:{x - TAB_MARGIN}px;top:{y - TAB_MARGIN}px;right:0;bottom:0"
    return _Drawn("", f'<span class="tabbody" style="{body}"></span>{"".join(parts)}')


def _container(node: Node, _: Readings) -> _Drawn:
    return _Drawn("overflow:hidden;" if node.kind == "embedded" else "")


_DRAW: dict[str, Callable[[Node, Readings], _Drawn]] = {
    "action_button": _action_button,
    "bool_button": _bool_button,
    "byte_monitor": _byte_monitor,
    "choice": _choice,
    "combo": _combo,
    "databrowser": _chart,
    "display": _container,
    "ellipse": _shape,
    "embedded": _container,
    "group": _container,
    "label": _label,
    "led": _led,
    "multi_state_led": _multi_state_led,
    "navtabs": _navigation,
    "polygon": _lines,
    "polyline": _lines,
    "progressbar": _progress,
    "rectangle": _shape,
    "stripchart": _chart,
    "tabs": _container,
    "template": _container,
    "textentry": _text_entry,
    "textupdate": _text_update,
}

KINDS = frozenset(_DRAW)
"""Every type of widget that is drawn."""
