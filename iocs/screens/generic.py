"""Screens of an instrument that has no layout of its own: what every IOC has.

The instrument's screen is a sheet of the values that it declares; it is enough to begin with.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from iocs.export.bob import Display
from iocs.export.rows import Section

from .catalog import Ioc, Pv
from .detail import sheet
from .layout import Cell, IndexRow, Layout

_SHOWN = 4
_LETTERS = 18


def main(ioc: Ioc) -> Sequence[Display]:
    """One sheet of what the instrument measures and takes."""
    shown = ioc.section(Section.INSTRUMENT)
    return [sheet(ioc, ioc.file, ioc.title, ioc.own, shown)]


def _numbers(ioc: Ioc) -> list[Pv]:
    shown = [pv for pv in ioc.pvs if pv.row.section is Section.INSTRUMENT]
    return [pv for pv in shown if pv.row.spec.numeric and pv.row.spec.count == 1]


def row(ioc: Ioc) -> IndexRow:
    """The connection as state, and the first numbers."""
    numbers = _numbers(ioc)[:_SHOWN]
    cells = tuple(
        Cell(textwrap.shorten(pv.desc, _LETTERS, placeholder="") or pv.desc[:_LETTERS], pv)
        for pv in numbers
    )
    first = next(pv for pv in ioc.own if pv.row.section is Section.HEALTH)
    return IndexRow(Cell(first.desc, first), cells)


def curves(ioc: Ioc) -> Sequence[Cell]:
    """The first numbers."""
    return [Cell(pv.desc, pv) for pv in _numbers(ioc)[: 2 * _SHOWN]]


LAYOUT = Layout(main, row, curves)
