"""Values read as in Phoebus, and alarm borders look as there."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from iocs.export.bob_values import Format
from scripts.preview.bob import Node
from scripts.preview.live import Reading
from scripts.preview.style import border, readable_on, value_text


def _node(kind: str = "textupdate", **properties: object) -> Node:
    element = ET.Element("widget")
    for name, value in properties.items():
        ET.SubElement(element, name).text = str(value)
    return Node(kind, element, Path(), {})


def _number(value: Any, units: str = "", precision: int = 3, severity: int = 0) -> Reading:
    is_float = isinstance(value, float) or (isinstance(value, list) and isinstance(value[0], float))
    return Reading(
        "X", units=units, precision=precision, is_float=is_float, value=value, severity=severity
    )


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (1200.0, Format.DEFAULT, "1200.000"),
        (7, Format.DEFAULT, "7"),
        (4.812e-6, Format.EXPONENTIAL, "4.812E-6"),
        (4.812e-5, Format.ENGINEERING, "48.120E-6"),
        (0.0, Format.ENGINEERING, "0.000E0"),
        (-59.6e-12, Format.ENGINEERING, "-59.600E-12"),
        (255, Format.HEX, "0x0FF"),
        (20000.0, Format.COMPACT, "2.000E4"),
        (20.0, Format.COMPACT, "20.000"),
        (float("nan"), Format.DEFAULT, "NaN"),
        (float("-inf"), Format.DECIMAL, "-Infinity"),
        ([1.0, 2.5], Format.DEFAULT, "[1.000, 2.500]"),
    ],
)
def test_numbers(value: Any, form: Format, text: str) -> None:
    assert value_text(_number(value), _node(format=int(form))) == text


def test_units_follow_unless_they_are_switched_off() -> None:
    reading = _number(5.0, units="bar", precision=1)
    assert value_text(reading, _node()) == "5.0 bar"
    assert value_text(reading, _node(show_units="false")) == "5.0"
    assert value_text(reading, _node(precision=3)) == "5.000 bar"


def test_states_read_as_their_label() -> None:
    reading = Reading("X", states=("Off", "On"), value=1)
    assert value_text(reading, _node()) == "On"
    assert value_text(reading, _node(format=int(Format.DECIMAL))) == "1"
    reading.value = 5
    assert value_text(reading, _node()) == "5"


def test_a_char_array_is_text_only_where_the_widget_says_so() -> None:
    reading = Reading("X", is_text=True, is_char_array=True, value="Oil")
    assert value_text(reading, _node(format=int(Format.STRING))) == "Oil"
    assert value_text(reading, _node()) == "[79, 105, 108]"


@pytest.mark.parametrize(("severity", "lines", "dashed"), [(1, 1, 0), (2, 2, 0), (3, 1, 1)])
def test_severities_differ_by_line_too(severity: int, lines: int, dashed: int) -> None:
    drawn = border(_node(), _number(1.0, severity=severity))
    assert drawn.count("<rect") == lines
    assert drawn.count('stroke-dasharray="8') == dashed


def test_no_border_without_alarm_or_where_it_is_switched_off() -> None:
    assert border(_node(), _number(1.0)) == ""
    assert border(_node(border_alarm_sensitive="false"), _number(1.0, severity=2)) == ""


def test_words_on_a_lamp_can_be_read() -> None:
    dark = "rgba(38,50,56,1)"
    assert readable_on("rgba(255,0,0,1)", dark) == "#ffffff"
    assert readable_on("rgba(190,197,204,1)", dark) == dark
