"""The screen of a device with many parameters: live values, settings with limits, commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from iocs.core.declare import FAST
from iocs.export.bob import Display, Widget
from iocs.export.bob_values import Align

from . import style
from .catalog import NAME, PART, Ioc, Pv, Pvs
from .detail import sheet_button
from .frames import panel
from .header import header
from .layout import screen
from .truth import shown_while
from .widgets import entry, label, press, short, value

_FLASH = "_Flash"
_LIMITS = ("DRVL", "DRVH")
_HEADS = (
    ("to write", 240, 100), ("in force", 346, 76), ("in flash", 428, 76), ("lowest", 510, 50),
    ("highest", 566, 52),
)  # fmt: skip
"""Columns of the settings, with the place and width of their numbers."""

_STATES = ((240, 149), (394, 109), (509, 109))
"""Place and width of states, which have no limits and need the room for words."""

_PITCH = 29


def device_page(ioc: Ioc, kind: str, file: str) -> Display:
    """The screen of every device of a kind."""
    pvs = ioc.part(kind)
    live, settings = _live(pvs), [pv for pv in pvs if pv.row.readback]
    commands = [pv for pv in pvs if pv.command]
    y = style.TOP
    found = [*header(ioc, f"{kind} {NAME}", file, PART), *_live_card(pvs, live, y)]
    found.append(sheet_button(ioc, kind, "All PVs of the device", 1060, y + 5, 196))
    y += 44 + -(-len(live) // 3) * 28 + 10
    found += _settings_card(pvs, settings, y)
    y += 64 + -(-len(settings) // 2) * _PITCH + 10
    if commands:
        found += _commands_card(commands, y)
        y += 86
    return screen(file, f"{kind} $(P)$(R){PART}", max(y, 480), found)


def _live(pvs: Pvs) -> list[Pv]:
    """What is read often: numbers and states that nobody sets."""
    return [
        pv
        for pv in pvs
        if pv.row.spec.archive == FAST
        and not (pv.row.spec.writable or pv.row.setpoint or pv.long_text)
        and not short(pv).endswith(_FLASH)
    ]


def _live_card(pvs: Pvs, live: Sequence[Pv], y: int) -> list[Widget]:
    found = panel("Now", style.MARGIN, y, 1260, 40 + -(-len(live) // 3) * 28 + 4, beside=210)
    for number, pv in enumerate(live):
        x, row = 24 + (number % 3) * 416, y + 36 + (number // 3) * 28
        found += [
            label(pv.desc, x, row, 240, 22, font=style.SMALL),
            value(pv, x + 244, row, 156, 22),
        ]
    return found


def _settings_card(pvs: Pvs, settings: Sequence[Pv], y: int) -> list[Widget]:
    """Two columns of settings, each with what is in force, in flash, and its limits."""
    down = -(-len(settings) // 2)
    found = panel("Settings", style.MARGIN, y, 1260, 64 + down * _PITCH)
    for column in range(2):
        found += [
            label(text, 20 + column * 628 + left, y + 34, width, 18, font=style.SMALL,
                  color=style.MUTED, name=f"Head {text} {column}")
            for text, left, width in _HEADS
        ]  # fmt: skip
    for number, pv in enumerate(settings):
        x, row = 20 + (number // down) * 628, y + 56 + (number % down) * _PITCH
        found += _setting(pvs, pv, x, row)
    return found


def _setting(pvs: Pvs, pv: Pv, x: int, y: int) -> list[Widget]:
    places = _STATES if pv.enum else [(left, width) for _, left, width in _HEADS]
    name = short(pv)
    shown = [pvs.readback(pv)] + ([pvs[name + _FLASH]] if name + _FLASH in pvs else [])
    found = [
        label(pv.desc, x, y, 228, 23, font=style.SMALL, name=f"{name} label"),
        entry(pv, x + places[0][0], y, places[0][1], 23),
    ]
    for each, (left, width) in zip(shown, places[1:], strict=False):
        found.append(value(each, x + left, y, width, 23, font=style.SMALL))
    if pv.row.spec.numeric:
        for field, (left, width) in zip(_LIMITS, places[3:], strict=True):
            end = replace(pv, name=f"{pv.name}.{field}")
            found.append(_limit(end, pv, x + left, y, width))
    return found


def _limit(end: Pv, pv: Pv, x: int, y: int, width: int) -> Widget:
    """One end of what may be written; nothing while the device has not told it."""
    known = shown_while("pv0 != 0", f"{pv.name}.{_LIMITS[1]}")
    return Widget(
        "textupdate", f"{short(end)} limit", x, y, width, 23, pv_name=end.name, font=style.SMALL,
        background_color=style.READ, horizontal_alignment=Align.END, wrap_words=False,
        vertical_alignment=Align.MIDDLE, border_alarm_sensitive=False, **known,
    )  # fmt: skip


def _commands_card(commands: Sequence[Pv], y: int) -> list[Widget]:
    """What the device can be told to do; what switches off does not ask."""
    found = panel("Commands", style.MARGIN, y, 1260, 76)
    width = min(240, 1232 // len(commands) - 8)
    for number, pv in enumerate(commands):
        stops = pv.row.spec.urgent
        found.append(
            press(
                pv, pv.desc, 24 + number * (width + 8), y + 34, width, 30, stops=stops,
                confirm="" if stops else f"{pv.desc}, $(P)$(R){PART}?",
            )
        )  # fmt: skip
    return found
