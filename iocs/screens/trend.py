"""The trend of an instrument: its Data Browser file, and a screen that shows it with the header."""

from __future__ import annotations

from collections.abc import Sequence

from iocs.export.bob import Display, Widget
from iocs.export.plt import Curve, plt

from . import style
from .catalog import Ioc, Pv
from .header import header
from .layout import screen


def trend_file(ioc: Ioc, pvs: Sequence[Pv]) -> str:
    """The Data Browser file."""
    curves = [
        Curve(pv.name, pv.desc, pv.units, style.CURVES[number % len(style.CURVES)])
        for number, pv in enumerate(pvs)
    ]
    return plt(f"{ioc.title} $(P)$(R)", curves)


def trend(ioc: Ioc) -> Display:
    """The screen of it."""
    file = f"{ioc.file}_trend"
    plot = Widget(
        "databrowser", "Trend", style.MARGIN, style.TOP, 1260, 732, file=f"{ioc.file}.plt",
        show_toolbar=True,
    )  # fmt: skip
    widgets = [*header(ioc, ioc.title, file), plot]
    return screen(file, f"{ioc.title}: trend $(P)$(R)", 800, widgets)
