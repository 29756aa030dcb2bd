"""Every screen has room for what it shows: words, states, borders of alarms."""

from __future__ import annotations

from itertools import combinations

from iocs.ca.dbr import Native
from iocs.export.bob_types import WRITING
from iocs.export.rows import Row
from iocs.registry import MODULES

from .metrics import width
from .reader import Box, Screen, Widget, formula_pvs, place, record

GAP = 3
"""Pixels that the border of an alarm needs around a widget."""

INTERACTIVE = (*WRITING, "action_button")
GRAPHICS = ("rectangle", "ellipse", "polyline", "polygon", "arc")


def test_widgets_stay_inside_of_their_screen(screens: list[Screen]) -> None:
    faults: list[str] = []
    for screen in screens:
        for widget in screen.widgets:
            x, y, wide, high = widget.box
            edge = GAP if widget.pv else 0
            right, bottom = screen.size
            inside = min(x, y, right - x - wide, bottom - y - high) >= edge
            faults += [] if inside else [place(screen, widget)]
    assert not faults


def distance(one: Box, other: Box) -> int:
    """Pixels between two boxes, negative if they overlap."""
    across = max(one[0], other[0]) - min(one[0] + one[2], other[0] + other[2])
    down = max(one[1], other[1]) - min(one[1] + one[3], other[1] + other[3])
    return max(across, down)


def test_alarm_borders_have_room_and_nothing_interactive_overlaps(screens: list[Screen]) -> None:
    faults: list[str] = []
    for screen in screens:
        solid = [
            (widget, widget.box, GAP if widget.pv else 0)
            for widget in screen.widgets
            if widget.pv or widget.type in INTERACTIVE
        ]
        for (one, box, gap), (other, its_box, its_gap) in combinations(solid, 2):
            if distance(box, its_box) < max(gap, its_gap):
                faults.append(f"{place(screen, one)} and {other.name!r}")
    assert not faults


def overlay(widget: Widget) -> bool:
    """A label that is meant to lie on another widget, and shows only while it must."""
    return widget.element.find("rules/rule[@prop_id='visible']") is not None


def test_labels_lie_under_nothing(screens: list[Screen]) -> None:
    """But what covers a state that is stale, or a field that has nothing to tell."""
    faults: list[str] = []
    for screen in screens:
        boxes = [(w, w.box) for w in screen.widgets]
        labels = [(w, box) for w, box in boxes if w.type == "label" and not overlay(w)]
        solid = [(w, box) for w, box in boxes if w.type not in (*GRAPHICS, "label")]
        pairs = [(label, other) for label in labels for other in solid]
        for (one, box), (other, its_box) in [*pairs, *combinations(labels, 2)]:
            if distance(box, its_box) < 0:
                faults.append(f"{place(screen, one)} and {other.name!r}")
    assert not faults


FRAME = 12
"""Pixels around the body of a tab below which Phoebus 5.0.5 shows scroll bars."""


def test_embedded_screens_and_tabs_have_room_for_what_they_show(opened: list[Screen]) -> None:
    sizes = {screen.file: screen.size for screen in opened}
    for screen in opened:
        for widget in screen.widgets:
            _, _, wide, high = widget.box
            for file, _ in widget.links:
                if widget.type == "navtabs":
                    tab = int(widget.text("tab_height"))
                    assert sizes[file][0] + FRAME <= wide, place(screen, widget)
                    assert sizes[file][1] + tab + FRAME <= high, place(screen, widget)
                elif widget.type == "embedded":
                    assert sizes[file] == (wide, high), place(screen, widget)


def font(widget: Widget) -> tuple[float, bool]:
    found = widget.element.find("font/font")
    assert found is not None, widget.name
    return float(found.get("size", "14")), found.get("style") == "BOLD"


def test_texts_fit(opened: list[Screen]) -> None:
    """Labels and buttons, with their macros expanded as in the demo."""
    faults: set[str] = set()
    for screen in opened:
        for widget in screen.widgets:
            if widget.type in ("label", "action_button"):
                size, bold = font(widget)
                room = widget.box[2] - (8 if widget.type == "action_button" else 0)
                needed = width(widget.text("text"), size, bold)
                lines = max(int(widget.box[3] // (size * 1.17)), 1) if widget.type == "label" else 1
                if needed > room * (lines if lines == 1 else lines * 0.92):
                    faults.add(f"{screen.file}: {widget.name!r} needs {needed:.0f} of {room}")
    assert not faults


def test_states_fit(opened: list[Screen], rows: dict[str, Row]) -> None:
    """Every state of a two-state or multi-state PV can be read where it is shown."""
    faults: set[str] = set()
    shows = ("textupdate", "multi_state_led", "combo")
    for screen in opened:
        for widget in screen.widgets:
            inside = widget.type == "led" and widget.text("labels_from_pv") == "true"
            if not (widget.type in shows or inside):
                continue
            spec = rows[record(widget.pv)].spec
            if spec.native is Native.ENUM:
                size, bold = font(widget)
                room = widget.box[2] - (36 if widget.type == "combo" else 2)
                needed = max(width(text, size, bold) for text in spec.states)
                if needed > room:
                    faults.add(f"{screen.file}: {widget.name!r} needs {needed:.0f} of {room}")
    assert not faults


def field_of(screen: Screen, pv: str) -> Widget:
    """The largest field of a PV on a screen."""
    found = [
        w for w in screen.widgets
        if w.type == "textupdate" and any(name.endswith(pv) for name in formula_pvs(w.pv))
    ]  # fmt: skip
    assert found, f"{screen.file}: {pv}"
    return max(found, key=lambda widget: font(widget)[0])


LARGE = {
    "cpa1110.bob": (
        "AlarmText", "WarningText", "HighPressure", "LowPressure", "DeltaPressureAvg", "HeliumTemp",
        "OilTemp", "CoolantInTemp", "CoolantOutTemp", "MotorCurrent",
    ),
    **{f"{name}_wall.bob": ("WorstAlarmText",) for name in MODULES},
    "cvm96_tile.bob": ("Total:ActivePower",),
    "cvm96_meter.bob": ("L1:Voltage", "L2:Current", "L3:ActivePower", "Total:ActivePower"),
}  # fmt: skip
"""The numbers and words that an instrument is watched by."""


def test_what_an_instrument_is_watched_by_is_large(screens: list[Screen]) -> None:
    """Read from 2 m."""
    files = {screen.file: screen for screen in screens}
    for file, pvs in LARGE.items():
        for pv in pvs:
            assert font(field_of(files[file], pv))[0] >= 20, f"{file}: {pv}"


def test_no_value_touches_the_edge_of_its_field(screens: list[Screen]) -> None:
    """Phoebus has no padding, but a border around the text in the colour of the field."""
    for screen in screens:
        for widget in screen.widgets:
            limit = "." in widget.pv
            if widget.type == "textupdate" and not (limit or widget.text("transparent") == "true"):
                assert int(widget.text("border_width", "0")) >= 2, place(screen, widget)
                border, field = (
                    widget.element.find(f"{ground}_color/color")
                    for ground in ("border", "background")
                )
                assert border is not None, place(screen, widget)
                assert field is not None, place(screen, widget)
                assert border.attrib == field.attrib, place(screen, widget)


SILENT = {
    "cpa1110.bob": ("AlarmText", "WarningText"),
    "cvm96_meter.bob": ("Doubts", "LastReset"),
    "cpa1110_health.bob": ("LastError", "LastPutError"),
}


def test_a_field_that_has_nothing_to_tell_is_not_an_empty_box(screens: list[Screen]) -> None:
    """A label says so in its place, but only while that is known."""
    files = {screen.file: screen for screen in screens}
    for file, pvs in SILENT.items():
        for pv in pvs:
            field = max(
                (w for w in files[file].widgets if w.type == "textupdate" and w.pv.endswith(pv)),
                key=lambda widget: widget.box[1],
            )
            x, y, wide, high = field.box
            (over,) = (w for w in files[file].widgets if w.name.startswith(f"{field.name}: "))
            left, top, width, height = over.box
            assert min(x - left, y - top) > 0, f"{file}: {pv}"
            assert min(left + width - x - wide, top + height - y - high) > 0, f"{file}: {pv}"
            assert over.text("text"), f"{file}: {pv}"
            assert over.text("visible") == "false", f"{file}: {pv}"
            assert over.text("transparent") == "false", f"{file}: {pv}"


def test_health_fits_into_a_window(screens: list[Screen]) -> None:
    """Full HD, without the bars of Phoebus and of the desktop."""
    found = [screen for screen in screens if screen.file.endswith("_health.bob")]
    assert found
    assert all(screen.size[1] <= 900 for screen in found)
