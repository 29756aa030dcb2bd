"""The sheets of all PVs: what can be done above, and beside each alarm what to do about it."""

from __future__ import annotations

from iocs.export.rows import Row
from iocs.screens.detail import words

from .reader import Box, Screen, place


def sheets(opened: list[Screen]) -> list[Screen]:
    return [screen for screen in opened if screen.file.endswith("_detail.bob")]


def test_levels_of_names_are_shown_as_words() -> None:
    found = [words(name) for name in ("EventStatus", "Scan:SettingsScan", "Scan:Status")]
    assert found == ["Event status", "Scan, settings", "Scan, status"]


def test_commands_are_above_everything_else(opened: list[Screen], rows: dict[str, Row]) -> None:
    for screen in sheets(opened):
        buttons = [w for w in screen.widgets if w.type == "action_button" and w.pv]
        commands = [w for w in buttons if not rows[w.pv].readback]
        others = [w for w in screen.widgets if w.pv and w.box[1] > 100 and w not in commands]
        lowest = max((w.box[1] for w in commands), default=0)
        assert all(lowest < w.box[1] for w in others), screen.file


def test_no_text_says_the_heading_above_it_again(opened: list[Screen]) -> None:
    for screen in sheets(opened):
        labels = [w for w in screen.widgets if w.type == "label"]
        heads = {w.text("text").partition(":")[0] for w in labels if w.name.startswith("Section")}
        for widget in labels:
            start, colon, _ = widget.text("text").partition(":")
            said = colon and start in heads and not widget.name.startswith("Section")
            assert not said, place(screen, widget)


def test_guidance_is_beside_each_alarm(opened: list[Screen], rows: dict[str, Row]) -> None:
    for screen in sheets(opened):
        texts = [(w.text("text"), w.box) for w in screen.widgets if w.type == "label"]
        for widget in screen.widgets:
            row = rows.get(widget.pv)
            guidance = getattr(row.spec, "guidance", "") if row else ""
            if widget.type == "textupdate" and guidance and widget.box[1] > 100:
                beside = [box for text, box in texts if text == guidance and level(box, widget.box)]
                assert len(beside) == 1, place(screen, widget)


def level(one: Box, other: Box) -> bool:
    """Whether a box is to the right of another one and at its height."""
    middles = (one[1] + one[3] / 2, other[1] + other[3] / 2)
    return one[0] >= other[0] + other[2] and abs(middles[0] - middles[1]) < 8
