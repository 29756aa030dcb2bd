"""What is on a screen can be read: from afar, and without guessing what belongs to what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree as ET

from iocs.export.files import demo_target
from iocs.export.rows import Row
from iocs.registry import MODULES, load

from .metrics import width
from .reader import INDEX, OPI, Box, Screen, Widget, expand, formula_pvs, place, record

FAR = 20.0
"""Font size of a number that is read from 2 m."""

EDGE = 4
"""Pixels between a text and the edge of the card that it is on."""

PALE = ("120", "132", "144")
"""What a curve is drawn in that is no measurement."""

PLACES = ("index.bob", "{}.bob", "{}_trend.bob", "{}_detail.bob", "{}_health.bob")


def font_size(widget: Widget) -> float:
    found = widget.element.find("font/font")
    assert found is not None, widget.name
    return float(found.get("size", "14"))


def color_of(element: ET.Element) -> tuple[str, ...]:
    color = element.find("color/color")
    assert color is not None
    return tuple(color.get(part, "") for part in ("red", "green", "blue"))


@dataclass(frozen=True)
class Curve:
    """A curve of a chart or trend; a mark shows a setting or a number, and holds its axis open."""

    name: str
    pv: str
    axis: str
    color: tuple[str, ...]
    mark: bool


def curves_of(widget: Widget, rows: dict[str, Row]) -> list[Curve]:
    """The curves of a strip chart."""
    found: list[Curve] = []
    for trace in widget.element.iterfind("traces/trace"):
        pv = expand(trace.findtext("y_pv", ""), widget.macros)
        color = color_of(trace)
        mark = pv.startswith("=") or color == PALE
        if not mark:
            mark = rows[pv].spec.writable or bool(rows[pv].setpoint)
        axis = trace.findtext("axis", "")
        found.append(Curve(trace.findtext("name", ""), pv, axis, color, mark))
    return found


def shown_at_first(screen: Screen, opened: list[Screen]) -> Iterator[Widget]:
    """The widgets of a screen and of what is inside of it; of tabs, those of the first."""
    by_key = {(s.file, tuple(sorted(s.macros.items()))): s for s in opened}
    for widget in screen.widgets:
        yield widget
        if widget.type in ("embedded", "navtabs"):
            file, macros = next(widget.links)
            yield from shown_at_first(by_key[file, tuple(sorted(macros.items()))], opened)


def test_each_instrument_has_numbers_that_are_read_from_afar(
    opened: list[Screen], rows: dict[str, Row]
) -> None:
    found: dict[str, int] = {}
    for name in MODULES:
        main = next(screen for screen in opened if screen.file == f"{name}.bob")
        large = [
            widget.pv
            for widget in shown_at_first(main, opened)
            if widget.type == "textupdate"
            and rows[record(formula_pvs(widget.pv)[0])].spec.numeric
            and font_size(widget) >= FAR
        ]
        found[name] = len(set(large))
    assert min(found.values()) >= 2, found


def test_every_value_shows_its_alarm(screens: list[Screen]) -> None:
    """Only the end of what may be put has none; Phoebus draws the border where nothing forbids."""
    for screen in screens:
        for widget in screen.widgets:
            if widget.pv and "." not in widget.pv:
                assert widget.text("border_alarm_sensitive", "true") == "true", place(
                    screen, widget
                )


def test_no_axis_follows_noise(opened: list[Screen], rows: dict[str, Row]) -> None:
    """Each has ends, or curves that hold it open."""
    faults: set[str] = set()
    for screen in opened:
        for widget in screen.widgets:
            for number, axis in enumerate(widget.element.iterfind("y_axes/y_axis")):
                if axis.findtext("autoscale") == "false":
                    low, high = (float(axis.findtext(tag, "")) for tag in ("minimum", "maximum"))
                    assert low < high, place(screen, widget)
                    continue
                held = [c for c in curves_of(widget, rows) if c.mark and c.axis == str(number)]
                if not held:
                    faults.add(f"{screen.file} {widget.name!r}: {axis.findtext('title')!r}")
    assert not faults


def test_curves_of_a_chart_are_told_apart(opened: list[Screen], rows: dict[str, Row]) -> None:
    for screen in opened:
        for widget in screen.widgets:
            curves = curves_of(widget, rows)
            assert all(curve.name for curve in curves), place(screen, widget)
            assert len({curve.name for curve in curves}) == len(curves), place(screen, widget)
            measured = [curve.color for curve in curves if not curve.mark]
            assert len(set(measured)) == len(measured), place(screen, widget)


def parts_of_iocs() -> set[str]:
    """What the channels, meters and devices of the demo are called: ``CH001``."""
    targets = [demo_target(load(name)) for name in MODULES]
    return {part.own.rstrip(":") for target in targets for part in target.parts}


def part_of(pv: str, parts: set[str]) -> str:
    """The innermost part that a PV belongs to, or empty: ``CH001`` of ``$(P)$(R)CH001:Voltage``."""
    levels = pv.rpartition(")")[2].split(":")
    return next((level for level in reversed(levels) if level in parts), "")


def charts(screens: list[Screen]) -> Iterator[list[tuple[str, str]]]:
    """Name and PV of the curves of each chart and trend."""
    for screen in screens:
        for widget in screen.widgets:
            traces = widget.element.findall("traces/trace")
            yield [(t.findtext("name", ""), t.findtext("y_pv", "")) for t in traces]
    for path in OPI.glob("*.plt"):
        curves = ET.parse(path).getroot().findall("pvlist/pv")
        yield [(c.findtext("display_name", ""), c.findtext("name", "")) for c in curves]


def test_curves_of_several_parts_have_the_names_of_these(screens: list[Screen]) -> None:
    parts = parts_of_iocs()
    several = 0
    for curves in charts(screens):
        for quantity in {pv.rpartition(":")[2] for _, pv in curves}:
            named = [
                (name, part_of(pv, parts))
                for name, pv in curves
                if pv.rpartition(":")[2] == quantity
            ]
            if len({part for _, part in named}) > 1:
                assert [name for name, part in named if part not in name] == []
                several += 1
    assert several


def words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]{2,}", text.lower())


def test_no_word_is_said_twice(opened: list[Screen]) -> None:
    faults: set[str] = set()
    for screen in opened:
        texts = [w.text("text") for w in screen.widgets if w.type in ("label", "action_button")]
        faults |= {t for t in texts if any(a == b for a, b in pairwise(words(t)))}
    assert not faults


def test_what_is_embedded_has_no_corners_of_its_own(screens: list[Screen]) -> None:
    for screen in screens:
        for widget in screen.widgets:
            if widget.type == "embedded":
                assert widget.text("transparent") == "true", place(screen, widget)


def test_every_screen_leads_to_the_others_of_its_instrument(opened: list[Screen]) -> None:
    for screen in opened:
        if screen.size[0] != 1280 or screen.file == INDEX:
            continue
        name = next(name for name in MODULES if screen.file.startswith(name))
        leads = {file for widget in screen.widgets for file, _ in widget.links}
        wanted = {place.format(name) for place in PLACES} - {screen.file}
        assert wanted <= leads, screen.file


def drawn(widget: Widget) -> Box:
    """Where a text is: a label ends where its text does."""
    x, y, wide, high = widget.box
    if widget.type == "label" and not widget.text("horizontal_alignment"):
        wide = min(wide, round(width(widget.text("text"), font_size(widget))))
    return x, y, wide, high


def test_texts_keep_away_from_the_edges_of_their_cards(screens: list[Screen]) -> None:
    faults: list[str] = []
    for screen in screens:
        cards = [w.box for w in screen.widgets if w.name.startswith("Panel ")]
        for widget in screen.widgets:
            if widget.type not in ("label", "textupdate", "textentry", "combo", "action_button"):
                continue
            x, y, wide, high = drawn(widget)
            for left, top, across, down in cards:
                if left <= x < left + across and top <= y < top + down:
                    ends = x - left, y - top, left + across - x - wide, top + down - y - high
                    if min(ends) < EDGE:
                        faults.append(f"{place(screen, widget)}: {ends}")
    assert not faults
