"""The writer of screens takes what Phoebus takes, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from iocs.export.bob import BobError, Display, Widget
from iocs.export.bob_types import TYPES
from iocs.export.bob_values import (
    Axis,
    Color,
    Font,
    Format,
    Macros,
    OpenDisplay,
    Point,
    Rule,
    State,
    Trace,
    WritePV,
)
from iocs.export.plt import Curve, plt

RED = Color(255, 0, 0, "MAJOR")
GREY = Color(1, 2, 3)


def written(widget: Widget) -> ET.Element:
    text = Display("x", "X", (100, 100), GREY, [widget]).text
    element = ET.fromstring(text).find("widget")
    assert element is not None
    return element


MISTAKES: dict[str, Callable[[], Widget]] = {
    "widget 'A': no type 'textupdat'; is 'textupdate' meant?": lambda: Widget(
        "textupdat", "A", 0, 0, 1, 1
    ),
    "widget 'A': textupdate has no property 'pv_nam'; is 'pv_name' meant?": lambda: Widget(
        "textupdate", "A", 0, 0, 1, 1, pv_nam="X"
    ),
    "widget 'A': label has no property 'scripts'": lambda: Widget(
        "label", "A", 0, 0, 1, 1, scripts=""
    ),
    "widget 'A': label has no property 'pv_name'": lambda: Widget(
        "label", "A", 0, 0, 1, 1, pv_name="X"
    ),
    "widget 'A': a textupdate needs a pv_name": lambda: Widget("textupdate", "A", 0, 0, 1, 1),
    "widget 'A': its size 1 x 0 must be above 0": lambda: Widget("label", "A", 0, 0, 1, 0),
    "widget 'A': label: font must be a Font, not 14": lambda: Widget(
        "label", "A", 0, 0, 1, 1, font=14
    ),
    "widget 'A': label: foreground_color must be a Color, not 'red'": lambda: Widget(
        "label", "A", 0, 0, 1, 1, foreground_color="red"
    ),
    "widget 'A': label: text must be a plain value, not Color": lambda: Widget(
        "label", "A", 0, 0, 1, 1, text=RED
    ),
    "widget 'A': embedded: macros must be Macros, not 'P'": lambda: Widget(
        "embedded", "A", 0, 0, 1, 1, macros="P"
    ),
    "widget 'A': label: actions must be a list of OpenDisplay or WritePV": lambda: Widget(
        "label", "A", 0, 0, 1, 1, actions=(RED,)
    ),
    "widget 'A': stripchart: traces must be a list of Trace": lambda: Widget(
        "stripchart", "A", 0, 0, 1, 1, traces=Trace("a", "b", RED)
    ),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_mistake_is_an_error_with_the_name_of_the_widget(message: str) -> None:
    with pytest.raises(BobError) as caught:
        MISTAKES[message]()
    assert str(caught.value).startswith(message)


def test_two_widgets_of_one_name_are_an_error() -> None:
    twice = [Widget("label", "A", 0, 0, 1, 1), Widget("label", "A", 0, 5, 1, 1)]
    with pytest.raises(BobError, match=r"x\.bob: two widgets are called 'A'"):
        Display("x", "X", (10, 10), GREY, twice)


def test_a_widget_is_written_with_type_version_and_what_was_given() -> None:
    label = Widget(
        "label", "A & B", 1, 2, 30, 40, text="5 < 6 \"µ\"", font=Font("Default", 14),
        foreground_color=RED, transparent=False, visible=True,
    )  # fmt: skip
    element = written(label)
    assert element.attrib == {"type": "label", "version": "2.0.0"}
    assert element.findtext("name") == "A & B"
    assert element.findtext("text") == '5 < 6 "µ"'
    assert [element.findtext(tag) for tag in ("x", "y", "width", "height")] == [
        "1",
        "2",
        "30",
        "40",
    ]
    assert element.findtext("transparent") == "false"
    color, font = element.find("foreground_color/color"), element.find("font/font")
    assert color is not None
    assert color.attrib == {"name": "MAJOR", "red": "255", "green": "0", "blue": "0"}
    assert font is not None
    assert (font.get("name"), font.get("size"), font.get("style")) == ("Default", "14.0", "REGULAR")
    assert {child.tag for child in element} == {
        "name", "x", "y", "width", "height", "text", "font", "foreground_color", "transparent",
        "visible",
    }  # fmt: skip


def test_values_with_structure_are_written_as_phoebus_reads_them() -> None:
    macros = Macros((("P", "$(P)"), ("M", "CH00:")))
    rule = Rule("R", "background_color", ("A", "B"), (("pv0 > 1 && pvSev1 >= 2", RED),))
    button = Widget(
        "action_button", "B", 0, 0, 9, 9, pv_name="X", rules=(rule,),
        actions=(OpenDisplay("a.bob", "Open", macros), WritePV("1", "Go")),
    )  # fmt: skip
    element = written(button)
    opens, writes = element.findall("actions/action")
    assert opens.get("type") == "open_display"
    assert [(child.tag, child.text) for child in opens if child.tag != "macros"] == [
        ("description", "Open"), ("file", "a.bob"), ("target", "replace"),
    ]  # fmt: skip
    assert [(m.tag, m.text) for m in opens.iterfind("macros/*")] == [("P", "$(P)"), ("M", "CH00:")]
    assert (writes.get("type"), writes.findtext("value")) == ("write_pv", "1")
    assert writes.findtext("pv_name") == "$(pv_name)"
    found = element.find("rules/rule")
    assert found is not None
    assert found.attrib == {"name": "R", "prop_id": "background_color", "out_exp": "false"}
    assert [pv.text for pv in found.iterfind("pv_name")] == ["A", "B"]
    case = found.find("exp")
    assert case is not None
    assert case.get("bool_exp") == "pv0 > 1 && pvSev1 >= 2"
    assert case.find("value/color") is not None


def test_plots_states_and_lines() -> None:
    chart = written(
        Widget(
            "stripchart", "C", 0, 0, 9, 9, traces=(Trace("T", "PV", RED, 1),),
            y_axes=(Axis("bar", GREY), Axis("K", RED, (0.0, 5.0))),
        )
    )  # fmt: skip
    assert chart.get("version") == "2.1.0"
    assert [axis.findtext("autoscale") for axis in chart.iterfind("y_axes/y_axis")] == [
        "true", "false",
    ]  # fmt: skip
    assert chart.findtext("traces/trace/y_pv") == "PV"
    assert chart.findtext("traces/trace/axis") == "1"
    led = written(
        Widget("multi_state_led", "L", 0, 0, 9, 9, pv_name="X", states=(State(3, "On", RED),))
    )
    assert led.findtext("states/state/value") == "3"
    assert led.find("states/state/color/color") is not None
    line = written(Widget("polyline", "P", 0, 0, 9, 9, points=(Point(1, 2),)))
    point = line.find("points/point")
    assert point is not None
    assert point.attrib == {"x": "1.0", "y": "2.0"}
    text = written(Widget("textupdate", "T", 0, 0, 9, 9, pv_name="X", format=Format.STRING))
    assert text.findtext("format") == "6"


def test_every_type_has_the_properties_of_all_widgets() -> None:
    assert len(TYPES) == 46
    for kind in TYPES.values():
        assert {"x", "width", "visible", "tooltip", "actions", "rules"} <= set(kind.properties)
        assert ("pv_name" in kind.properties) is kind.pv
        assert len(set(kind.properties)) == len(kind.properties), kind.name
    versions = {kind.name: kind.version for kind in TYPES.values() if kind.version != "2.0.0"}
    assert versions == {
        **dict.fromkeys(
            ("textentry", "action_button", "group", "meter", "xyplot", "linearmeter"), "3.0.0"
        ),
        "stripchart": "2.1.0",
    }


def test_a_trend_has_an_axis_for_each_unit() -> None:
    curves = [
        Curve("$(P)A", "a", "V", RED),
        Curve("$(P)B", "b", "A", GREY),
        Curve("C", "c", "V", RED),
    ]
    root = ET.fromstring(plt("T", curves).encode())
    assert root.tag == "databrowser"
    assert [axis.findtext("name") for axis in root.iterfind("axes/axis")] == ["V", "A"]
    shown = [(pv.findtext("name"), pv.findtext("axis")) for pv in root.iterfind("pvlist/pv")]
    assert shown == [("$(P)A", "0"), ("$(P)B", "1"), ("C", "0")]
    assert (root.findtext("start"), root.findtext("end")) == ("-1 hour", "now")
