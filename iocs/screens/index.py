"""The index: every IOC in one row, with its state, its worst alarm and what is asked for first."""

from __future__ import annotations

from collections.abc import Sequence

from iocs.core.alarm import Severity
from iocs.export.bob import Display, Widget
from iocs.export.bob_values import Align, Color, Macros, OpenDisplay, Rule, Target
from iocs.export.db import split_prefix
from iocs.export.target import Target as Export

from . import style
from .catalog import Ioc, Pv
from .header import CONNECTED, HEALTH, HEARTBEAT, INDEX, band
from .layout import Cell, IndexRow, layout_of, screen
from .widgets import goto, label, lamp, value

_ROW = 64
_FIRST = style.TOP + 30
_COLUMNS = (
    ("Instrument", 24, 200), ("Connection", 298, 130), ("State", 444, 130),
    ("Worst alarm", 606, 110), ("Values", 724, 130), ("Heartbeat", 1188, 80),
)  # fmt: skip
_VALUE, _VALUES = 724, 114
_SHADES: tuple[tuple[str, str, Color], ...] = (
    ("Invalid", "INVALID", style.INVALID),
    ("Major", "MAJOR", style.MAJOR),
    ("Minor", "MINOR", style.MINOR),
)
_RANK = {Severity.MINOR: 1, Severity.MAJOR: 2, Severity.INVALID: 3}


def index(targets: Sequence[tuple[Export, str]]) -> Display:
    """The index of some IOCs, each with the file of its main screen.

    P comes from outside if all prefixes share it, so that one file serves two facilities.
    """
    shared = {split_prefix(target.prefix)[0] for target, _ in targets}
    widgets = band("Laboratory instruments")
    widgets += [
        label(text, x, style.TOP, width, font=style.BOLD, color=style.MUTED)
        for text, x, width in _COLUMNS
    ]
    for number, (target, file) in enumerate(targets):
        p, r = split_prefix(target.prefix)
        chosen = f"$(P={p})" if len(shared) == 1 else p
        widgets += _row(target, file, Macros((("P", chosen), ("R", r))), number)
    bottom = _FIRST + len(targets) * _ROW + 16
    widgets += _legend(bottom)
    return screen(INDEX, "Laboratory instruments", max(bottom + 60, 480), widgets)


def _row(target: Export, file: str, macros: Macros, number: int) -> list[Widget]:
    prefix = "".join(text for _, text in macros.pairs)
    ioc = Ioc(target, file, prefix)
    row = layout_of(target.instrument).row(ioc)
    y = _FIRST + number * _ROW
    card = Widget(
        "rectangle", f"Row {number + 1}", style.MARGIN, y, 1260, _ROW - 6, line_width=1,
        background_color=style.PANEL, line_color=style.LINE, corner_width=8, corner_height=8,
    )  # fmt: skip
    found = [
        card,
        goto(
            file, target.title, 18, y + 5, 272, 28, macros=macros, target=Target.TAB,
            name=f"Open {number + 1}",
        ),
        label(
            prefix, 22, y + 34, 262, 20, font=style.SMALL, color=style.MUTED,
            name=f"Prefix {number + 1}",
        ),
        lamp(ioc.pvs[CONNECTED], 298, y + 19, role="lamp"),
        value(ioc.pvs[CONNECTED], 324, y + 17, 108),
    ]  # fmt: skip
    found += _cell(row.state, 444, y, 150, number)
    found.append(_worst(row, file, macros, y, number))
    for column, cell in enumerate(row.values):
        found += _cell(cell, _VALUE + column * _VALUES, y, _VALUES - 8, number)
    found += [
        value(ioc.pvs[HEARTBEAT], 1188, y + 29, 74, 20, font=style.SMALL),
        goto(
            HEALTH, "Health", 1188, y + 5, 74, 20, macros=macros, target=Target.TAB,
            name=f"Health {number + 1}",
        ),
    ]  # fmt: skip
    return found


def _cell(cell: Cell, x: int, y: int, width: int, number: int) -> list[Widget]:
    name = f"Cell {number + 1} {cell.text} {x}"
    return [
        label(cell.text, x, y + 5, width, 18, font=style.SMALL, color=style.MUTED, name=name),
        value(cell.pv, x, y + 26, width, role=f"cell {x}"),
    ]


def _worst(row: IndexRow, file: str, macros: Macros, y: int, number: int) -> Widget:
    """The worst alarm of the PVs that the layout watches, in words and colour.

    Its own PV is the first one: if the IOC is gone, the border says so.
    """
    pvs: list[Pv] = [*row.watched, *(pv for pv, _ in row.words)]
    first = len(row.watched)
    texts: list[tuple[str, str]] = []
    colors: list[tuple[str, Color]] = []
    for (text, _, color), severity in zip(
        _SHADES, (Severity.INVALID, Severity.MAJOR, Severity.MINOR), strict=True
    ):
        rank = _RANK[severity]
        checks = [f"pvSev{i} >= {rank}" for i in range(len(pvs))]
        checks += [f"pv{first + i} != 0" for i, (_, at) in enumerate(row.words) if at is severity]
        expression = " || ".join(checks)
        texts.append((expression, text))
        colors.append((expression, color))
    names = tuple(pv.name for pv in pvs)
    return Widget(
        "action_button", f"Worst alarm {number + 1}", 606, y + 17, 104, 24, text="OK",
        pv_name=names[0], font=style.BOLD, background_color=style.EQUIPMENT,
        horizontal_alignment=Align.MIDDLE,
        actions=(OpenDisplay(f"{file}.bob", "Open", macros, Target.TAB),),
        rules=(Rule("Worst", "text", names, tuple(texts)),
               Rule("Shade", "background_color", names, tuple(colors))),
    )  # fmt: skip


def _legend(y: int) -> list[Widget]:
    """What the borders of all screens mean."""
    text = (
        "Borders: orange line = MINOR, red double line = MAJOR, magenta dashes = INVALID"
        " (no fresh value), dotted = disconnected."
    )
    return [label(text, 22, y, 1236, font=style.SMALL, color=style.MUTED, name="Legend")]
