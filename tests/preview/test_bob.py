"""Displays are read as they are shown: macros filled in, embedded displays in their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.preview.bob import BadScreen, Node, fill, load
from scripts.preview.widgets import KINDS
from tests.support.process import ROOT

_ROW = """<display version="2.0.0"><width>100</width><height>20</height>
<widget type="textupdate" version="2.0.0"><name>V</name><pv_name>$(P)$(M)Voltage</pv_name></widget>
</display>"""


def _display(folder: Path, body: str) -> Path:
    (folder / "row.bob").write_text(_ROW)
    path = folder / "main.bob"
    path.write_text(f'<display version="2.0.0"><name>Main</name>{body}</display>')
    return path


def _pvs(screen: Node) -> list[str]:
    return [name for node in screen.walk() for name in node.pv_names()]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("$(P)$(R)Start", "DEMO:CPA:Start"),
        ("${P}x", "DEMO:x"),
        ("$(N=7)", "7"),
        ("$(P=SIM:)", "DEMO:"),
        ("$(pv_name)", "$(pv_name)"),
        ("$(NESTED)", "DEMO:inner"),
        ("$5 (net)", "$5 (net)"),
    ],
)
def test_macros(text: str, filled: str) -> None:
    assert fill(text, {"P": "DEMO:", "R": "CPA:", "NESTED": "$(P)inner"}) == filled


def test_a_macro_that_names_itself_does_not_hang() -> None:
    assert fill("$(P)", {"P": "$(P)x"}).startswith("$(P)")


def test_instances_of_a_template_stand_below_each_other(tmp_path: Path) -> None:
    instances = "".join(f"<instance><macros><M>CH{n}:</M></macros></instance>" for n in range(3))
    screen = load(
        _display(
            tmp_path,
            '<widget type="template" version="2.0.0"><name>Rows</name><file>row.bob</file>'
            f"<instances>{instances}</instances><gap>4</gap></widget>",
        ),
        {"P": "T:"},
    )
    assert _pvs(screen) == ["T:CH0:Voltage", "T:CH1:Voltage", "T:CH2:Voltage"]
    assert [row.box[:2] for row in screen.children[0].children] == [(0, 0), (0, 24), (0, 48)]


def test_the_active_tab_is_shown_below_the_tabs(tmp_path: Path) -> None:
    tabs = "".join(
        f"<tab><name>{n}</name><file>row.bob</file><macros><M>{n}:</M></macros></tab>"
        for n in ("A", "B")
    )
    screen = load(
        _display(
            tmp_path,
            f'<widget type="navtabs" version="2.0.0"><name>T</name><tabs>{tabs}</tabs>'
            "<active_tab>1</active_tab><direction>0</direction><tab_height>30</tab_height>"
            "<width>110</width><height>60</height></widget>",
        ),
        {"P": "T:"},
    )
    assert _pvs(screen) == ["T:B:Voltage"]
    assert screen.children[0].children[0].box == (5, 35, 100, 20)
    assert list(screen.too_large()) == []


def test_a_display_larger_than_its_widget_is_told(tmp_path: Path) -> None:
    screen = load(
        _display(
            tmp_path,
            '<widget type="embedded" version="2.0.0"><name>Small</name><file>row.bob</file>'
            "<width>90</width><height>20</height></widget>",
        ),
        {"P": "T:", "M": ""},
    )
    assert list(screen.too_large()) == ["'Small' is 90 x 20, but what is in it reaches to 100 x 20"]


def test_a_display_that_embeds_itself_is_refused(tmp_path: Path) -> None:
    path = _display(
        tmp_path,
        '<widget type="embedded" version="2.0.0"><name>Again</name><file>main.bob</file></widget>',
    )
    with pytest.raises(BadScreen, match="more than 8 deep"):
        load(path, {})


@pytest.mark.parametrize("text", ["", "<display>", "<other/>", "\x00"])
def test_what_is_no_display_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.bob"
    path.write_text(text)
    with pytest.raises(BadScreen, match=r"bad\.bob"):
        load(path, {})


@pytest.mark.parametrize("path", sorted((ROOT / "opi").glob("*.bob")), ids=lambda path: path.stem)
def test_every_widget_of_the_screens_can_be_drawn(path: Path) -> None:
    screen = load(path, {"P": "DEMO:", "R": "X:", "M": "M:", "N": "N"})
    assert {node.kind for node in screen.walk()} <= KINDS
    assert list(screen.too_large()) == []
