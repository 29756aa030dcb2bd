"""The screen of a device with many parameters: live values, settings with limits, commands."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from iocs.device.declare import FAST
from iocs.export.bob import Display, Widget
from iocs.export.bob_values import Align

from . import style
from .catalog import CONNECTED, NAME, PART, Ioc, Pv, Pvs
from .detail import sheet_button
from .frames import panel
from .header import header
from .layout import Cell, screen
from .truth import GOOD, hidden_while, shown_while
from .widgets import entry, label, lacking, lamp, press, short, stale_state, told, value

_FLASH = "_Flash"
_RAM_ONLY = "RamOnly"
_IDENTITY = (("ModelName", 42, 130), ("Firmware", 100, 80), ("SerialNumber", 116, 110))
"""What a device is, with the room for the label and for the value."""

_LIMITS = ("DRVL", "DRVH")
_NUMBERS = (
    ("to write", 212, 98), ("in force", 318, 82), ("in flash", 408, 82), ("lowest", 498, 52),
    ("highest", 558, 54),
)  # fmt: skip
"""Columns of the set points, with the place and width of their values."""

_STATES = (("to write", 212, 164), ("in force", 384, 110), ("in flash", 502, 110))
"""Columns of the choices, which have no limits and need the room for words."""

_HALF = 620
_HEADS = 20
_PITCH = 28
_LIVE = 27
_LEAD = 112


def device_page(
    ioc: Ioc, kind: str, file: str, lead: Sequence[Widget], shown: Collection[str]
) -> Display:
    """The screen of every device of a kind. `lead` is on top, and shows the PVs named `shown`."""
    pvs = ioc.part(kind)
    live = [pv for pv in _live(pvs) if short(pv) not in shown]
    settings = [pv for pv in pvs if pv.row.readback]
    commands = [pv for pv in pvs if pv.command and short(pv) not in shown]
    title = kind if len(ioc.parts_of(kind)) == 1 and _only(ioc, kind) else f"{kind} {NAME}"
    y = max(w.box[1] + w.box[3] for w in lead) + 10
    found = [*header(ioc, title, file, pvs), *lead]
    if commands:
        found += _commands_card(commands, y)
        y += 86
    if live:
        found += _live_card(live, y)
        y += 44 + -(-len(live) // 3) * _LIVE + 10
    card, y = _settings_card(pvs, settings, y)
    return screen(file, f"{title} $(P)$(R){PART}", max(y + 10, 480), [*found, *card])


def _only(ioc: Ioc, kind: str) -> bool:
    """Whether a site has one device of a kind at most, which then needs no name beside it."""
    return not ioc.name_of(ioc.parts_of(kind)[0])[-1].isdigit()


def lead(ioc: Ioc, kind: str, state: Sequence[Widget], cells: Sequence[Cell]) -> list[Widget]:
    """The top of a device's screen: does it answer, what is it, what does it do, main values.

    state: what it does, in :data:`STATE_BOX`.
    """
    pvs, y = ioc.part(kind), style.TOP
    away = Widget(
        "label", "Away", 166, y + 4, 880, 32, text=f"{NAME} does not answer: values are old",
        font=style.STATE, foreground_color=style.BLACK, background_color=style.MAJOR,
        transparent=False, horizontal_alignment=Align.MIDDLE, vertical_alignment=Align.MIDDLE,
        **hidden_while(GOOD, pvs[CONNECTED].name),
    )  # fmt: skip
    found = [
        *panel("", style.MARGIN, y, 1260, _LEAD),
        *lamp(pvs[CONNECTED], 24, y + 11),
        value(pvs[CONNECTED], 52, y + 9, 104),
        *_identity(pvs, 180, y + 9),
        away,
        sheet_button(ioc, kind, "All PVs of the device", 1060, y + 7, 196),
        *state,
    ]  # fmt: skip
    for number, cell in enumerate(cells):
        x = 366 + number * 225
        found += [
            label(cell.text, x, y + 43, 210, 18, font=style.SMALL, color=style.MUTED,
                  align=Align.MIDDLE, name=f"Main {cell.text}"),
            *told(cell.pv, (x, y + 64, 210, 36), font=style.NUMBER, role="main"),
        ]  # fmt: skip
    return found


def _identity(pvs: Pvs, x: int, y: int) -> list[Widget]:
    found: list[Widget] = []
    for name, before, room in _IDENTITY:
        pv = pvs[name]
        found += [
            label(pv.desc, x, y, before, font=style.SMALL, color=style.MUTED),
            value(pv, x + before + 4, y, room, look={"transparent": True}),
        ]
        x += before + room + 20
    return found


STATE_BOX = (24, style.TOP + 52, 322, 48)
"""Where the lead of a device's screen has its state."""


def _live(pvs: Pvs) -> list[Pv]:
    """What is read often: numbers and states that nobody sets."""
    return [
        pv
        for pv in pvs
        if pv.row.spec.archive == FAST
        and not (pv.row.spec.writable or pv.row.setpoint or pv.long_text)
        and not short(pv).endswith(_FLASH)
    ]


def _live_card(live: Sequence[Pv], y: int) -> list[Widget]:
    found = panel("Now", style.MARGIN, y, 1260, 44 + -(-len(live) // 3) * _LIVE)
    for number, pv in enumerate(live):
        x, row = 24 + (number % 3) * 416, y + 36 + (number // 3) * _LIVE
        found.append(label(pv.desc, x, row, 240, 22, font=style.SMALL))
        found += told(pv, (x + 244, row, 156, 22))
    return found


def _settings_card(pvs: Pvs, settings: Sequence[Pv], y: int) -> tuple[list[Widget], int]:
    """Numbers, below them choices, with what is in force and in flash; and where it ends."""
    tables = (
        (_NUMBERS, [pv for pv in settings if not pv.enum]),
        (_STATES, [pv for pv in settings if pv.enum]),
    )
    found: list[Widget] = []
    bottom = y + 34
    for columns, shown in tables:
        if shown:
            table, bottom = _table(pvs, shown, columns, bottom)
            found += table
    card = panel("Settings", style.MARGIN, y, 1260, bottom - y, beside=1140)
    if _RAM_ONLY in pvs:
        text = pvs[_RAM_ONLY]
        card += [
            label(text.desc, 176, y + 8, 240, 20, font=style.SMALL, color=style.MUTED,
                  name=f"{_RAM_ONLY} label"),
            value(text, 422, y + 8, 834, 20, font=style.SMALL, look={"transparent": True}),
        ]  # fmt: skip
    return ([*card, *found], bottom) if settings else ([], y - 10)


def _table(
    pvs: Pvs, shown: Sequence[Pv], columns: Sequence[tuple[str, int, int]], y: int
) -> tuple[list[Widget], int]:
    """Rows in two halves under the same heads; and where they end."""
    down = -(-len(shown) // 2)
    found: list[Widget] = []
    for number, pv in enumerate(shown):
        x, row = 24 + (number // down) * _HALF, y + _HEADS + (number % down) * _PITCH
        if not number % down:
            found += [
                label(text, x + left, y, width, 18, font=style.SMALL, color=style.MUTED,
                      align=Align.MIDDLE, name=f"Head {text} {x} {y}")
                for text, left, width in columns
            ]  # fmt: skip
        found += _setting(pvs, pv, x, row, [(left, width) for _, left, width in columns])
    return found, y + _HEADS + down * _PITCH + 6


def _setting(pvs: Pvs, pv: Pv, x: int, y: int, places: Sequence[tuple[int, int]]) -> list[Widget]:
    name = short(pv)
    back = pvs.readback(pv)
    shown = [back] + ([pvs[name + _FLASH]] if name + _FLASH in pvs else [])
    found = [
        label(pv.desc, x, y, 206, 23, font=style.SMALL, name=f"{name} label"),
        entry(pv, x + places[0][0], y, places[0][1], 23),
    ]
    for each, (left, width) in zip(shown, places[1:], strict=False):
        place = (x + left, y, width, 23)
        found += [value(each, *place, font=style.SMALL), *stale_state(each, place, style.SMALL)]
    for end, (left, width) in zip(_LIMITS, places[3:], strict=False):
        limit = replace(pv, name=f"{pv.name}.{end}")
        found.append(_limit(limit, pv, x + left, y, width))
    left, width = places[-1]
    first = places[0][0]
    return [*found, *lacking(back, (x + first, y, left + width - first, 23))]


def _limit(end: Pv, pv: Pv, x: int, y: int, width: int) -> Widget:
    """One end of what may be written; nothing while the device has not told it."""
    known = shown_while("pv0 != 0", f"{pv.name}.{_LIMITS[1]}")
    return Widget(
        "textupdate", f"{short(end)} limit", x, y, width, 23, pv_name=end.name, font=style.SMALL,
        background_color=style.READ, horizontal_alignment=Align.MIDDLE, wrap_words=False,
        vertical_alignment=Align.MIDDLE, border_alarm_sensitive=False, show_units=False, **known,
    )  # fmt: skip


def _commands_card(commands: Sequence[Pv], y: int) -> list[Widget]:
    """What the device can be told to do; what switches off does not ask."""
    found = panel("Commands", style.MARGIN, y, 1260, 76)
    width = min(240, 1232 // len(commands) - 8)
    for number, pv in enumerate(commands):
        stops = pv.row.spec.stops
        found.append(
            press(
                pv, pv.desc, 24 + number * (width + 8), y + 34, width, 30, stops=stops,
                confirm="" if stops else f"{pv.desc}, $(P)$(R){PART}?",
            )
        )  # fmt: skip
    return found
