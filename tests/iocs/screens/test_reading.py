"""What is on a screen can be read: from afar, and without guessing what belongs to what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from xml.etree import ElementTree as ET

from iocs.export.files import demo_target
from iocs.export.rows import Row
from iocs.registry import MODULES, load

from .reader import INDEX, OPI, Screen, Widget, place, record

FAR = 20.0
"""Font size of a number that is read from 2 m."""

EDGE = 4
"""Pixels between a text and the edge of the card that it is on."""

PLACES = ("index.bob", "{}.bob", "{}_trend.bob", "{}_detail.bob", "{}_health.bob")


def font_size(widget: Widget) -> float:
    found = widget.element.find("font/font")
    assert found is not None, widget.name
    return float(found.get("size", "14"))


def color_of(element: ET.Element) -> tuple[str, ...]:
    color = element.find("color/color")
    assert color is not None
    return tuple(color.get(part, "") for part in ("red", "green", "blue"))


def constant(name: str) -> bool:
    """A curve that holds an end of its axis: a formula, of a number or of a setting."""
    return name.startswith("=")


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
    for name in MODULES:
        main = next(screen for screen in opened if screen.file == f"{name}.bob")
        large = [
            widget.pv
            for widget in shown_at_first(main, opened)
            if widget.type == "textupdate"
            and rows[record(widget.pv)].spec.numeric
            and font_size(widget) >= FAR
        ]
        assert len(set(large)) >= 2, name


def test_every_value_shows_its_alarm(screens: list[Screen]) -> None:
    """Only the end of what may be put has none; Phoebus draws the border where nothing forbids."""
    for screen in screens:
        for widget in screen.widgets:
            if widget.pv and "." not in widget.pv:
                assert widget.text("border_alarm_sensitive", "true") == "true", place(
                    screen, widget
                )


def test_no_axis_follows_noise(opened: list[Screen]) -> None:
    """Each has ends, or curves that hold it open."""
    for screen in opened:
        for widget in screen.widgets:
            for number, axis in enumerate(widget.element.iterfind("y_axes/y_axis")):
                if axis.findtext("autoscale") == "false":
                    low, high = (float(axis.findtext(tag, "")) for tag in ("minimum", "maximum"))
                    assert low < high, place(screen, widget)
                    continue
                held = [
                    trace.findtext("name")
                    for trace in widget.element.iterfind("traces/trace")
                    if trace.findtext("axis") == str(number)
                    and constant(trace.findtext("y_pv", ""))
                ]
                assert held, f"{place(screen, widget)}: {axis.findtext('title')!r}"


def test_curves_of_a_chart_are_told_apart(opened: list[Screen]) -> None:
    for screen in opened:
        for widget in screen.widgets:
            traces = [
                trace
                for trace in widget.element.iterfind("traces/trace")
                if not constant(trace.findtext("y_pv", ""))
            ]
            names = [trace.findtext("name") for trace in traces]
            assert all(names), place(screen, widget)
            assert len(set(names)) == len(names), place(screen, widget)
            assert len({color_of(trace) for trace in traces}) == len(names), place(screen, widget)


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
        named = [(name, part_of(pv, parts)) for name, pv in curves if not constant(pv)]
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


def test_texts_keep_away_from_the_edges_of_their_cards(screens: list[Screen]) -> None:
    faults: list[str] = []
    for screen in screens:
        cards = [w.box for w in screen.widgets if w.name.startswith("Panel ")]
        for widget in screen.widgets:
            if widget.type not in ("label", "textupdate", "textentry", "combo", "action_button"):
                continue
            x, y, wide, high = widget.box
            for left, top, width, height in cards:
                if left <= x < left + width and top <= y < top + height:
                    right, bottom = left + width - x - wide, top + height - y - high
                    if min(x - left, y - top, right, bottom) < EDGE:
                        faults.append(f"{place(screen, widget)} {x - left, y - top, right, bottom}")
    assert not faults
