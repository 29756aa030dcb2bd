"""The trend of an instrument: its Data Browser file, and a screen that shows it with the header."""

from __future__ import annotations

from collections.abc import Sequence

from iocs.export.bob import Display, Widget
from iocs.export.plt import Curve, plt

from . import style
from .catalog import TREND, Ioc
from .frames import sensible, stale
from .header import header
from .layout import Cell, Layout, screen


def trend_file(ioc: Ioc, layout: Layout) -> str:
    """The Data Browser file."""
    colored = [
        *zip(layout.curves(ioc), style.CURVES, strict=False),
        *((cell, style.EDGE) for cell in layout.reach(ioc)),
    ]
    curves = [
        Curve(cell.pv.name, cell.text, cell.pv.units, color, sensible([cell.pv]))
        for cell, color in colored
    ]
    return plt(f"{ioc.title} $(P)$(R)", curves)


def trend(ioc: Ioc, cells: Sequence[Cell]) -> Display:
    """The screen of it."""
    file = ioc.screen(TREND)
    plot = Widget(
        "databrowser", "Trend", style.MARGIN, style.TOP, 1260, 732, file=f"{ioc.file}.plt",
        show_toolbar=True,
    )  # fmt: skip
    widgets = [
        *header(ioc, ioc.title, file),
        plot,
    ]
    if shown := [cell.pv for cell in cells[: len(style.CURVES)]]:
        widgets.append(stale("Trend", shown, style.WIDTH // 2, style.TOP + 62))
    return screen(file, f"{ioc.title}: trend $(P)$(R)", style.TOP + 742, widgets)
