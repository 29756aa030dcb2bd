"""The wall: every IOC of a site as a tile, to be read from 5 m, the worst first."""

from __future__ import annotations

from collections.abc import Sequence

from iocs.export.bob import Display, Widget
from iocs.export.bob_values import Align, Font
from iocs.export.target import Target

from . import style
from .catalog import HANDED, NAME, TILE, Ioc
from .frames import embed
from .header import INDEX, WORST_TEXT, band
from .index import WALL, known_as, macros_of, to
from .layout import Cell, IndexRow
from .truth import FRESH, GONE, ranked, shade_of, shown_while, together, word_of
from .widgets import WORST, cover, goto, label, value

_TILE, _GAP, _ACROSS = (462, 306), 8, 4
_TOP = style.HEADER + 10
_WIDTH = 2 * style.MARGIN + _ACROSS * (_TILE[0] + _GAP) - _GAP
_WORD = Font("", 56, "BOLD")
_NAME = Font("", 36, "BOLD")
_VALUE = Font("", 30, "BOLD")
_TEXT = Font("", 28)
_HEAD = Font("", 24)


def wall(targets: Sequence[tuple[Target, str]]) -> Display:
    """The wall of some IOCs, each with the file of its main screen."""
    macros = macros_of([target for target, _ in targets])
    iocs = [known_as(target, file, m) for (target, file), m in zip(targets, macros, strict=True)]
    worsts = [ioc.pvs[WORST].name for ioc in iocs]
    widgets = [*band("Instruments, the worst first", width=_WIDTH), to(INDEX, "Index", targets)]
    step = _TILE[0] + _GAP, _TILE[1] + _GAP
    places = {
        "x": f"{style.MARGIN} + rank % {_ACROSS} * {step[0]}",
        "y": f"{_TOP} + (rank - rank % {_ACROSS}) / {_ACROSS} * {step[1]}",
    }
    for number, (ioc, handed) in enumerate(zip(iocs, macros, strict=True)):
        x = style.MARGIN + number % _ACROSS * step[0]
        y = _TOP + number // _ACROSS * step[1]
        look = ranked(worsts, number, GONE, places)
        widgets.append(
            embed(f"Tile {number + 1}", ioc.screen(TILE), handed, (x, y, *_TILE), look=look)
        )
    height = _TOP + -(-len(iocs) // _ACROSS) * step[1] + style.MARGIN
    return Display(WALL, "Wall", (_WIDTH, max(height, 480)), style.BACKGROUND, widgets)


def tile(ioc: Ioc, row: IndexRow) -> Display:
    """One IOC: its name, its worst alarm in a word and with its text, state and first value."""
    pvs = ioc.own
    width, height = _TILE
    worst, text = pvs[WORST], pvs[WORST_TEXT]
    told = together({"transparent": True}, shown_while(FRESH, text.name))
    widgets = [
        Widget("rectangle", "Tile", 0, 0, width, height, line_color=style.LINE, line_width=1,
               corner_width=12, corner_height=12, **shade_of(worst.name)),
        goto(ioc.file, NAME, 10, 8, 442, 48, macros=HANDED, font=_NAME, name="Open"),
        Widget("label", "Word", 10, 58, 442, 62, font=_WORD, foreground_color=style.BLACK,
               vertical_alignment=Align.MIDDLE, **word_of(worst.name)),
        value(text, 10, 120, 442, 98, font=_TEXT, role="wall", look=told),
        *_shown(row.state, 222),
    ]  # fmt: skip
    for cell in row.values[:1]:
        widgets += _shown(cell, 264)
    return Display(ioc.screen(TILE), f"{ioc.title} on the wall", _TILE, style.BACKGROUND, widgets)


def _shown(cell: Cell, y: int) -> list[Widget]:
    """A state, or a number with its name, at the foot of a tile; covered while it is not fresh."""
    box = (10, y, 442, 36) if cell.pv.enum else (190, y, 262, 36)
    shown = value(cell.pv, *box, font=_VALUE, align=Align.END, role=f"wall {y}")
    head = label(cell.text, 14, y, 172, 36, font=_HEAD, color=style.BLACK, name=f"Head {y}")
    heads = [] if cell.pv.enum else [head]
    return [*heads, shown, cover(cell.pv, box, font=_VALUE)]
