"""The screens of a power site: tables whose values line up, axes, words, devices that are away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from iocs.ca.dbr import Native
from iocs.export.rows import Row

from .reader import OPI, Screen, Widget, place, record
from .test_making import made, target_of
from .test_truth import Told, all_rules

AWAY, HERE = Told(0.0, 2), Told(1.0, 0)
NAN = float("nan")


@pytest.fixture(scope="module")
def power(opened: list[Screen]) -> list[Screen]:
    """The screens of the demo's site."""
    return [screen for screen in opened if screen.macros.get("R") == "PWR:"]


@pytest.fixture(scope="module")
def devices(power: list[Screen]) -> list[Screen]:
    """Those of its devices."""
    return [s for s in power if re.fullmatch(r"xcom_(xtender|vario\w+|battery)\.bob", s.file)
            and not s.file.endswith(("_row.bob", "_detail.bob"))]  # fmt: skip


def picture(opened: list[Screen]) -> Screen:
    """The main screen."""
    return next(screen for screen in opened if screen.file == "xcom.bob")


def named(screen: Screen, name: str) -> Widget:
    return next(widget for widget in screen.widgets if widget.name == name)


def rules_of(screen: Screen, widget: Widget) -> list[tuple[str, dict[str, str]]]:
    """Each rule of a widget: its property, and what that is by severity and value of one PV."""
    return [
        (found.prop, {"away": found.result((AWAY,) * len(found.pvs)),
                      "here": found.result((HERE,) * len(found.pvs)),
                      "none": found.result((Told(NAN, 0),) * len(found.pvs))})
        for found in all_rules([screen])
        if found.widget.element is widget.element
    ]  # fmt: skip


def heads(screen: Screen) -> Iterator[tuple[str, Widget]]:
    for widget in screen.widgets:
        if widget.type == "label" and widget.name.startswith("Head "):
            yield widget.text("text"), widget


def head_of(screen: Screen, widget: Widget) -> str:
    """The text of the nearest head above the left edge of a widget."""
    x, y, _, _ = widget.box
    above = [(head.box[1], text) for text, head in heads(screen)
             if head.box[0] == x and head.box[1] < y]  # fmt: skip
    return max(above, default=(0, ""))[1]


def test_what_is_set_is_under_its_head(power: list[Screen], rows: dict[str, Row]) -> None:
    """Numbers and choices alike: to write, in force, in flash, and the ends of what may be put."""
    meant = {".DRVL": "lowest", ".DRVH": "highest", "_RBV": "in force", "_Flash": "in flash"}
    seen: dict[str, int] = {}
    for screen in power:
        if not list(heads(screen)):
            continue
        for widget in screen.widgets:
            row = rows.get(record(widget.pv)) if widget.pv else None
            ending = next((end for end in meant if widget.pv.endswith(end)), "")
            if row is None or not (ending or row.readback) or widget.type == "stripchart":
                continue
            text = meant.get(ending, "to write")
            assert head_of(screen, widget) == text, place(screen, widget)
            seen[f"{text} {widget.type}"] = seen.get(f"{text} {widget.type}", 0) + 1
    assert {"to write combo", "to write textentry", "in force textupdate", "in flash textupdate",
            "lowest textupdate", "highest textupdate"} == set(seen)  # fmt: skip


def test_no_title_says_a_word_twice(power: list[Screen]) -> None:
    titles = {w.text("text") for s in power for w in s.widgets if w.name == "Title"}
    assert {"Gateway", "Battery", "Xtender XT1", "Xtender XT2"} <= titles
    for title in titles:
        words = title.lower().split()
        assert len(set(words)) == len(words), title


def size(widget: Widget) -> float:
    font = widget.element.find("font/font")
    assert font is not None
    return float(font.get("size", "0"))


def test_main_numbers_are_large(power: list[Screen], devices: list[Screen]) -> None:
    main = picture(power)
    flows = [w for w in main.widgets if w.name.endswith(" flow") and w.pv]
    battery = [w for w in main.widgets if w.pv.endswith(("Bat:SocNow", "Bat:Voltage"))]
    assert len(flows) == 4
    assert len(battery) == 2
    values = [w for s in devices for w in s.widgets if w.name.endswith(" main")]
    assert len(values) == 4 * len(devices)
    for widget in (*flows, *battery, *values):
        assert size(widget) >= 20, widget.name
    states = [w for s in (main, *devices) for w in s.widgets
              if w.name.endswith(" direction") or w.type == "multi_state_led"]  # fmt: skip
    assert {size(w) for w in states} == {24.0}


def test_a_device_that_is_away_says_so_on_its_screen(devices: list[Screen]) -> None:
    assert len(devices) == 5
    for screen in devices:
        line = named(screen, "Away")
        assert screen.macros["N"] in line.text("text")
        assert line.pvs == [f"DEMO:PWR:{screen.macros['M']}Connected"]
        assert size(line) >= 24
        ((prop, looks),) = rules_of(screen, line)
        assert (prop, line.text(prop, "true")) == ("visible", "true"), screen.file
        assert looks == {"away": "true", "here": "false", "none": "true"}


def test_a_number_that_a_device_does_not_have_is_told_to_be_none(
    devices: list[Screen], rows: dict[str, Row]
) -> None:
    for screen in devices:
        covers = [w for w in screen.widgets if " lacking " in w.name]
        for widget in screen.widgets:
            if widget.type != "textupdate" or "." in widget.pv or widget.box[1] < 100:
                continue
            spec = rows[widget.pv].spec
            presence = getattr(spec, "presence", None)
            optional = spec.native is Native.DOUBLE and presence and presence.value
            if not optional or widget.name.endswith("_Flash value"):
                continue
            over = [w for w in covers if w.pvs == [widget.pv]]
            assert len(over) == 1, place(screen, widget)
            (x, y, wide, high), (left, top, width, height) = widget.box, over[0].box
            assert left < x, place(screen, widget)
            assert top < y, place(screen, widget)
            assert left + width > x + wide, place(screen, widget)
            assert top + height > y + high, place(screen, widget)
            ((prop, looks),) = rules_of(screen, over[0])
            assert prop == "visible"
            assert looks == {"away": "false", "here": "false", "none": "true"}


def test_axes_have_ends_or_limits_that_they_reach_to(power: list[Screen]) -> None:
    main = picture(power)
    charts = [w for w in main.widgets if w.type == "stripchart"]
    assert len(charts) == 2
    for widget in charts:
        traces = widget.element.findall("traces/trace")
        names = [trace.findtext("name") for trace in traces]
        assert len(set(names)) == len(names)
        for number, axis in enumerate(widget.element.iterfind("y_axes/y_axis")):
            own = [t for t in traces if t.findtext("axis") == str(number)]
            limits = [t for t in own if (t.findtext("y_pv") or "").endswith("_RBV")]
            assert axis.findtext("autoscale") == ("true" if limits else "false")
            assert len(limits) in (0, 2)
            curves = [t.find("color/color") for t in own if t not in limits]
            shown = axis.find("color/color")
            colors = {tuple(c.attrib.values()) for c in (*curves, shown) if c is not None}
            assert len(colors) == (1 if len(curves) == 1 else len(curves) + 1)


def test_the_curves_have_the_colours_of_the_flows(power: list[Screen]) -> None:
    main = picture(power)
    chart = named(main, "Power chart")
    for trace in chart.element.iterfind("traces/trace"):
        pv = (trace.findtext("y_pv") or "").rpartition(")")[2]
        (line,) = named(main, f"{pv} there").element.iterfind("line_color/color")
        (curve,) = trace.iterfind("color/color")
        assert line.attrib == curve.attrib


def test_messages_are_newest_first_without_empty_boxes(power: list[Screen]) -> None:
    for screen in (s for s in power if s.file in ("xcom.bob", "xcom_gateway.bob")):
        rows = sorted(
            (w.box[1], w.pv, w) for w in screen.widgets if re.search(r"Message\d\d$", w.pv)
        )
        assert [pv[-2:] for _, pv, _ in rows] == [f"{n:02d}" for n in range(1, 11)]
        assert all(w.text("transparent") == "true" for _, _, w in rows)
        alarm = next(w for w in screen.widgets if w.pv.endswith("MessageAlarm"))
        assert alarm.type == "multi_state_led"
        assert size(alarm) >= 24


def test_what_stops_a_device_is_near_the_top(devices: list[Screen]) -> None:
    """It is seen without scrolling on any display."""
    found = [w for s in devices for w in s.widgets if w.pv.endswith(("Off", "OffAll"))
             and w.type == "action_button"]  # fmt: skip
    assert found
    assert all(w.box[1] + w.box[3] < 400 for w in found)


def test_a_picture_has_only_what_the_site_has(tmp_path: Path) -> None:
    settings = {"xtenders": 0, "variotracks": 1, "variostrings": 0, "battery_monitor": "none"}
    opened = made([target_of("xcom", "sun", **settings)], tmp_path)
    main = picture(opened)
    texts = {w.text("text") for w in main.widgets if w.type == "label"}
    assert {"Photovoltaics", "Chargers (VT1)", "Battery"} <= texts
    assert not {"Loads", "Grid or generator", "Inverters (XT1)"} & texts


def test_trends_tell_their_curves_apart() -> None:
    text = (OPI / "xcom.plt").read_text(encoding="utf-8")
    names = re.findall(r"<display_name>(.*?)</display_name>", text)
    assert "Battery power" in names
    assert "State of charge" in names
    assert 4 < len(names) == len(set(names))
