"""What holds or draws more than one PV: cards, equipment, repeated screens, tabs, strip charts."""

from __future__ import annotations

from collections.abc import Sequence

from iocs.export.bob import Widget
from iocs.export.bob_values import Axis, Color, Instance, Macros, NavTab, Trace

from . import style
from .catalog import Pv
from .widgets import label

TAB = 30
"""Height of the tabs of a navigation."""


def embed(
    name: str,
    file: str,
    instances: Sequence[Macros],
    x: int,
    y: int,
    size: tuple[int, int],
    *,
    across: int = 1,
    gap: int = 0,
) -> Widget:
    """One screen repeated with other macros, `across` beside each other; `size` is that of one."""
    down = -(-len(instances) // across)
    width, height = (n * (s + gap) - gap for n, s in zip((across, down), size, strict=True))
    return Widget(
        "template", name, x, y, width, height, file=f"{file}.bob", horizontal=True, gap=gap,
        wrap_count=across, instances=tuple(Instance(macros) for macros in instances),
    )  # fmt: skip


def navigation(
    name: str, tabs: Sequence[tuple[str, str, Macros]], x: int, y: int, size: tuple[int, int]
) -> Widget:
    """Tabs, each with its text, file and macros; only the screen of the chosen one is loaded."""
    return Widget(
        "navtabs", name, x, y, *size, direction=0, tab_width=110, tab_height=TAB, tab_spacing=4,
        tabs=tuple(NavTab(text, f"{file}.bob", macros) for text, file, macros in tabs),
        selected_color=style.PANEL, deselected_color=style.BAND, font=style.NORMAL,
    )  # fmt: skip


def panel(title: str, x: int, y: int, width: int, height: int, *, beside: int = 0) -> list[Widget]:
    """A light card with a heading, behind the widgets of one concern.

    beside: room to the right of the heading for a button.
    """
    card = Widget(
        "rectangle", f"Panel {title}", x, y, width, height, background_color=style.PANEL,
        line_color=style.LINE, line_width=1, corner_width=8, corner_height=8,
    )  # fmt: skip
    heading = label(
        title, x + 12, y + 6, width - 24 - beside, 22, font=style.BOLD, color=style.MUTED,
        name=f"Heading {title}",
    )  # fmt: skip
    return [card, heading] if title else [card]


def box(name: str, x: int, y: int, width: int, height: int, *, fill: Color = style.EQUIPMENT,
        corner: int = 10) -> Widget:  # fmt: skip
    """A piece of equipment in a picture."""
    return Widget(
        "rectangle", name, x, y, width, height, background_color=fill, line_color=style.EDGE,
        line_width=2, corner_width=corner, corner_height=corner,
    )  # fmt: skip


def chart(
    name: str,
    pvs: Sequence[Pv],
    x: int,
    y: int,
    width: int,
    height: int,
    *,
    texts: Sequence[str] = (),
    span: str = "10 minutes",
) -> Widget:
    """A strip chart: one axis for each unit among the PVs, curves in the colours of the style."""
    units = list(dict.fromkeys(pv.units for pv in pvs))
    names = texts or [pv.desc for pv in pvs]
    traces = tuple(
        Trace(text, pv.name, color, units.index(pv.units))
        for pv, text, color in zip(pvs, names, style.CURVES, strict=False)
    )
    return Widget(
        "stripchart", name, x, y, width, height, traces=traces,
        y_axes=tuple(Axis(unit or "1", right=i > 0) for i, unit in enumerate(units)),
        start=span, end="now", show_legend=True, show_toolbar=False, show_grid=True,
        background_color=style.PANEL, foreground_color=style.INK, title="",
        label_font=style.SMALL, scale_font=style.SMALL,
    )  # fmt: skip
