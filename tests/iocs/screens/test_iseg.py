"""High voltage: modules of any size fit their tab, numbers are read at a glance, off stands out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .reader import Screen, Widget
from .test_making import channels, made, target_of
from .test_room import FRAME, font

MAIN = 20.0
"""Size of numbers that are read from 2 m."""


def crate(folder: Path, count: int) -> dict[str, Screen]:
    """The screens of two modules with so many channels each."""
    opened = made([target_of("iseg", "hv", modules=channels(count, "M00", "M01"))], folder)
    return {screen.file: screen for screen in opened}


@pytest.mark.parametrize("count", [1, 8, 16, 24])
def test_modules_of_any_size_fit_their_tab(tmp_path: Path, count: int) -> None:
    screens = crate(tmp_path, count)
    body = screens[f"iseg_module_{count}ch.bob"]
    wide, high = body.size
    for widget in body.widgets:
        x, y, width, height = widget.box
        assert x + width <= wide, widget.name
        assert y + height <= high, widget.name
    tabs = next(w for w in screens["iseg.bob"].widgets if w.type == "navtabs")
    assert tabs.box[2:] >= (wide + FRAME, high + int(tabs.text("tab_height")) + FRAME)
    rows = [w.box for w in body.widgets if w.type == "embedded"]
    assert len(rows) == count
    assert {box[2:] for box in rows} == {screens["iseg_channel_row.bob"].size}


def test_a_module_of_24_channels_fits_a_monitor(tmp_path: Path) -> None:
    assert crate(tmp_path, 24)["iseg.bob"].size[1] < 1000


def shown(formula: str, value: float, digits: int) -> str:
    """A formula of a number as Phoebus shows it."""
    match = re.fullmatch(r"=(.+) \? (.+) : (.+)", re.sub(r"'[^']+'", "x", formula))
    assert match is not None, formula
    case, yes, no = (part.replace("&&", "and") for part in match.groups())
    expression = yes if eval(case, {}, {"x": value}) else no
    return f"{eval(expression, {}, {'x': value}):.{digits}f}"


def measured(screens: list[Screen], file: str, pv: str) -> Widget:
    """The field that shows a PV large."""
    screen = next(screen for screen in screens if screen.file == file)
    fields = [w for w in screen.widgets if w.type == "textupdate" and f"{pv}'" in w.pv]
    return max(fields, key=lambda widget: font(widget)[0])


@pytest.mark.parametrize("file", ["iseg_channel_row.bob", "iseg_channel.bob"])
def test_numbers_are_large_and_without_powers_of_ten(opened: list[Screen], file: str) -> None:
    volts, amperes = (
        measured(opened, file, pv) for pv in ("VoltageMeasure", "CurrentMeasure")
    )  # fmt: skip
    for widget, examples in (
        (volts, {1199.985: "1200.0", -0.012: "0.0", -0.06: "-0.1", -3000.0: "-3000.0"}),
        (amperes, {11.584e-6: "11.584", -461.8e-12: "0.000", 1e-3: "1000.000", -2e-9: "-0.002"}),
    ):
        assert font(widget)[0] >= MAIN, widget.name
        digits = int(widget.text("precision"))
        assert {value: shown(widget.pv, value, digits) for value in examples} == examples


def test_summaries_are_large(opened: list[Screen]) -> None:
    for file in ("iseg.bob", "iseg_module_8ch.bob"):
        screen = next(screen for screen in opened if screen.file == file)
        for name in ("ChannelsOn", "ChannelsTripped", "MaxVoltage"):
            fields = [w for w in screen.widgets if w.pv.endswith(name)]
            assert any(font(widget)[0] >= MAIN for widget in fields), f"{file} {name}"


def test_emergency_off_looks_like_nothing_else(opened: list[Screen]) -> None:
    """On the screens that it is worked with: always enabled, of its own colour."""
    files: set[str] = set()
    for screen in opened:
        for widget in screen.widgets:
            if "EMERGENCY" in widget.text("text"):
                files.add(screen.file)
                color = widget.element.find("background_color/color")
                assert color is not None
                assert int(color.get("red", "0")) > 2 * int(color.get("green", "255"))
                assert widget.element.find("rules") is None
                assert widget.text("show_confirm_dialog") != "true"
    assert files == {"iseg_module_8ch.bob", "iseg_channel.bob"}


def test_no_chart_follows_the_noise_of_channels_that_are_off(opened: list[Screen]) -> None:
    """Each axis reaches from zero to the nominal voltage, or to a share of the nominal current."""
    for file in ("iseg_module_8ch.bob", "iseg_channel.bob"):
        screen = next(screen for screen in opened if screen.file == file)
        (chart,) = [w for w in screen.widgets if w.type == "stripchart"]
        traces = chart.element.findall("traces/trace")
        reached = [t.findtext("axis", "") for t in traces if "Nominal" in t.findtext("y_pv", "")]
        zeros = [
            t.findtext("axis", "") for t in traces if t.findtext("y_pv", "").startswith("=0 * ")
        ]
        axes = [str(n) for n, _ in enumerate(chart.element.iterfind("y_axes/y_axis"))]
        assert zeros == axes, file
        assert sorted(reached) == sorted(2 * axes), file
