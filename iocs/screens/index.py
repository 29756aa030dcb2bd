"""The index: every IOC in one row with its state, its worst alarm and what is asked for first.

Below the rows is what is wrong now: the IOC with the newest alarm first, of each the newest first.
"""

from __future__ import annotations

from collections.abc import Sequence

from iocs.device.health_pvs import HealthPVs
from iocs.export.bob import Display, Widget
from iocs.export.bob_values import Align, Macros, OpenDisplay
from iocs.export.db import split_prefix
from iocs.export.target import Target

from . import style
from .catalog import CONNECTED, HEALTH, NAME, Ioc
from .frames import embed, panel
from .header import HEARTBEAT, INDEX, NEWEST, band
from .layout import Cell, layout_of, screen
from .truth import FRESH, NOUGHT, hidden_while, ranked, shown_while, together
from .widgets import WORST, goto, label, lamp, states_lamp, told, value, worst

WALL = "wall"
_WRONG = "index_wrong"
_ROW = 64
_FIRST = style.HEADER + 40
_COLUMNS = (
    ("Instrument", 24, 200), ("Connection", 298, 130), ("State", 444, 150),
    ("Worst alarm", 606, 110), ("Values", 724, 130), ("Heartbeat", 1188, 80),
)  # fmt: skip
_VALUE, _VALUES = 724, 114
_LINES = 3
"""Alarms of each IOC in the list of what is wrong; its screen of all PVs has the others."""

_LATER = 10**11
"""What stands for the NewestAlarm of an IOC that is not there: later than any."""

_NEWEST = 40
"""Height of the newest alarm, which has two lines."""

_LIST = (1260, _NEWEST + 8 + (_LINES - 1) * 25)


def index(targets: Sequence[tuple[Target, str]]) -> Display:
    """The index of some IOCs, each with the file of its main screen."""
    widgets = [*band("Laboratory instruments"), to(WALL, "Wall", targets)]
    widgets += [
        label(text, x, style.HEADER + 10, width, font=style.BOLD, color=style.MUTED)
        for text, x, width in _COLUMNS
    ]
    macros = macros_of([target for target, _ in targets])
    for number, ((target, file), handed) in enumerate(zip(targets, macros, strict=True)):
        widgets += _row(target, file, handed, number)
    bottom = _FIRST + len(targets) * _ROW + 6
    widgets.append(_legend(bottom))
    widgets += _list(targets, macros, bottom + 34)
    bottom += 80 + len(targets) * (_LIST[1] + 4)
    return screen(INDEX, "Laboratory instruments", max(bottom, 480), widgets)


def macros_of(targets: Sequence[Target]) -> list[Macros]:
    """What each IOC's screens are handed: the two halves of its prefix, and its name."""
    halves = [split_prefix(target.prefix) for target in targets]
    facility = _facility(targets).pairs
    return [
        Macros((*(facility or (("P", p),)), ("R", r), ("N", target.name)))
        for target, (p, r) in zip(targets, halves, strict=True)
    ]


def _facility(targets: Sequence[Target]) -> Macros:
    """P with a default if all prefixes share it, so that one file serves two facilities."""
    shared = {split_prefix(target.prefix)[0] for target in targets}
    return Macros(tuple(("P", f"$(P={p})") for p in shared if len(shared) == 1))


def to(file: str, text: str, targets: Sequence[tuple[Target, str]]) -> Widget:
    """A button between the screens of all IOCs."""
    macros = _facility([target for target, _ in targets])
    return goto(file, text, 1178, 8, 92, 28, macros=macros)


def known_as(target: Target, file: str, macros: Macros) -> Ioc:
    """An IOC with the names that its PVs have on a screen of several."""
    return Ioc(target, file, "".join(text for _, text in macros.pairs[:2]))


def _row(target: Target, file: str, macros: Macros, number: int) -> list[Widget]:
    ioc = known_as(target, file, macros)
    row = layout_of(target.instrument).row(ioc)
    y = _FIRST + number * _ROW
    card = Widget(
        "rectangle", f"Row {number + 1}", style.MARGIN, y, 1260, _ROW - 6, line_width=1,
        background_color=style.PANEL, line_color=style.LINE, corner_width=8, corner_height=8,
    )  # fmt: skip
    opens = OpenDisplay(f"{file}.bob", "Open", macros)
    place = f"{target.name}   {''.join(split_prefix(target.prefix))}"
    found = [
        card,
        goto(file, target.title, 18, y + 5, 272, 28, macros=macros, name=f"Open {number + 1}"),
        label(place, 22, y + 34, 262, 20, font=style.BOLD, color=style.MUTED,
              name=f"Name {number + 1}"),
        *lamp(ioc.pvs[CONNECTED], 298, y + 19, role=f"lamp {number + 1}"),
        value(ioc.pvs[CONNECTED], 324, y + 17, 108),
        *_state(row.state, row.active, y, number),
        worst(ioc.pvs[WORST].name, opens, f"Worst alarm {number + 1}", (606, y + 15, 104, 28),
              style.BOLD),
    ]  # fmt: skip
    for column, cell in enumerate(row.values):
        found += _cell(cell, _VALUE + column * _VALUES, y, _VALUES - 8, number)
    found += [
        value(ioc.pvs[HEARTBEAT], 1188, y + 31, 74, 20, font=style.SMALL),
        goto(ioc.screen(HEALTH), "Health", 1188, y + 4, 74, 22, macros=macros,
             name=f"Health {number + 1}"),
    ]  # fmt: skip
    return found


def _head(cell: Cell, x: int, y: int, width: int, number: int) -> Widget:
    return label(cell.text, x, y + 5, width, 18, font=style.SMALL, color=style.MUTED,
                 name=f"Cell {number + 1} {cell.text} {x}")  # fmt: skip


def _state(cell: Cell, active: tuple[str, ...], y: int, number: int) -> list[Widget]:
    """What it does: a state in its colour, or a number."""
    x, width = 444, 156
    if not cell.pv.enum:
        return _cell(cell, x, y, width, number)
    field = states_lamp(cell.pv, x, y + 26, width, 26, active=active)
    return [_head(cell, x, y, width, number), *field]


def _cell(cell: Cell, x: int, y: int, width: int, number: int) -> list[Widget]:
    shown = told(cell.pv, (x, y + 26, width, style.ROW), role=f"cell {x}")
    return [_head(cell, x, y, width, number), *shown]


def _legend(y: int) -> Widget:
    """What the borders of all screens mean."""
    text = (
        "Borders: orange line = MINOR, red double line = MAJOR, magenta dashes = INVALID"
        " (no fresh value), dotted = disconnected."
    )
    return label(text, 22, y, 1236, font=style.SMALL, color=style.MUTED, name="Legend")


def _list(targets: Sequence[tuple[Target, str]], macros: Sequence[Macros], y: int) -> list[Widget]:
    """What is wrong with each IOC; nothing, only where that is known of all."""
    iocs = [known_as(target, file, m) for (target, file), m in zip(targets, macros, strict=True)]
    worsts = tuple(ioc.pvs[WORST].name for ioc in iocs)
    newest = tuple(ioc.pvs[NEWEST].name for ioc in iocs)
    good = " && ".join(f"pv{number} == 0 && pvSev{number} == 0" for number in range(len(worsts)))
    found = panel("What is wrong, the newest first",
                  style.MARGIN, y, 1260,
                  40 + len(iocs) * (_LIST[1] + 4))  # fmt: skip
    if worsts:
        found.append(label("Nothing is wrong", 500, y + 6, 300, 22, font=style.BOLD,
                           look=shown_while(good, *worsts)))  # fmt: skip
    top, step = y + 34, _LIST[1] + 4
    for number, handed in enumerate(macros):
        look = together(
            hidden_while(NOUGHT, worsts[number]),
            ranked(newest, number, _LATER, {"y": f"{top} + rank * {step}"}),
        )
        box = (style.MARGIN, top + number * step, *_LIST)
        found.append(embed(f"Wrong {number + 1}", _WRONG, handed, box, look=look))
    return found


def wrong(targets: Sequence[tuple[Target, str]]) -> Display:
    """The newest alarms of one IOC, whichever it is, and how many it has."""
    target, file = targets[0]
    pvs = Ioc(target, file).own
    count = pvs[HealthPVs.alarm_count.spec.name]
    widgets = [
        label(NAME, 14, 3, 160, 22, font=style.BOLD),
        label("alarms", 240, 3, 56, 22, font=style.SMALL, color=style.MUTED),
        value(count, 180, 3, 50, 22),
    ]
    for number in range(_LINES):
        y, high = (3, _NEWEST) if number == 0 else (_NEWEST - 17 + number * 25, 20)
        widgets.append(value(pvs[f"AlarmList:{number + 1:02d}"], 300, y, 940, high,
                             look={"transparent": True}))  # fmt: skip
    none = Widget(
        "label", "No list", 170, 0, _LIST[0] - 180, _LIST[1], font=style.STATE,
        text="No IOC: what is wrong with it is not known", foreground_color=style.INK,
        background_color=style.PANEL, transparent=False, vertical_alignment=Align.MIDDLE,
        **hidden_while(FRESH, count.name),
    )  # fmt: skip
    return Display(_WRONG, "What is wrong", _LIST, style.PANEL, [*widgets, none])
