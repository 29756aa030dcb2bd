"""Every screen has room for what it shows: words, states, borders of alarms."""

from __future__ import annotations

from itertools import combinations

from iocs.core.dbr import Native
from iocs.export.bob_types import WRITING
from iocs.export.rows import Row

from .metrics import width
from .reader import Box, Screen, Widget, place, record

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
    """A label that is meant to lie on another widget; what covers shows only while it must."""
    rule = widget.element.find("rules/rule[@prop_id='visible']")
    return rule is not None or widget.name == "Motor"


def test_labels_lie_under_nothing(screens: list[Screen]) -> None:
    """But the letter in the lamp that stands for the motor, and what covers a stale state."""
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
