"""What holds or draws more than one PV: cards, equipment, repeated screens, tabs, strip charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from iocs.export.bob import Widget
from iocs.export.bob_values import Align, Axis, Color, Macros, NavTab, Resize, Trace

from . import style
from .catalog import Pv
from .truth import Look, fresh, hidden_while
from .widgets import label

TAB = 30
"""Height of the tabs of a navigation."""

_FRAME = 12
"""Pixels that Phoebus 5.0.5 needs around the body of a tab before it shows scroll bars."""


def embed(
    name: str,
    file: str,
    macros: Macros,
    box: tuple[int, int, int, int],
    *,
    look: Look | None = None,
) -> Widget:
    """A screen inside of this one, of the size that it has itself."""
    return Widget(
        "embedded", name, *box, file=f"{file}.bob", macros=macros, resize=Resize.CROP,
        transparent=True, **(look or {}),
    )  # fmt: skip


def repeat(
    name: str, file: str, instances: Sequence[Macros], x: int, y: int, size: tuple[int, int],
    *, across: int = 1, gap: int = 0,
) -> list[Widget]:  # fmt: skip
    """One screen repeated with other macros, `across` beside each other; `size` is that of one.

    Each is a widget of its own: the contents of Phoebus's ``template`` stay blank for minutes when
    it is slow to draw.
    """
    return [
        embed(
            f"{name} {number + 1}", file, macros,
            (x + number % across * (size[0] + gap), y + number // across * (size[1] + gap), *size),
        )
        for number, macros in enumerate(instances)
    ]  # fmt: skip


def navigation(
    name: str, tabs: Sequence[tuple[str, str, Macros]], x: int, y: int, body: tuple[int, int]
) -> Widget:
    """Tabs, each with its text, file and macros; only the screen of the chosen one is loaded.

    body: the size of the screens, around which the widget needs a frame.
    """
    size = (body[0] + _FRAME, body[1] + TAB + _FRAME)
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
    name: str, pvs: Sequence[Pv], x: int, y: int, width: int, height: int, *,
    texts: Sequence[str] = (), span: str = "10 minutes",
    ends: Mapping[str, tuple[float, float]] | None = None,
    reach: Mapping[str, Pv] | None = None,
) -> list[Widget]:  # fmt: skip
    """A strip chart: one axis for each unit among the PVs, curves in the colours of the style.

    An axis has the ends of `ends` for its unit, else those that the PVs declare to be sensible; it
    follows its curves only where there are none. That of a single curve has its colour. While a
    PV is not fresh, a line over the curves says so, since they are drawn on.

    reach: PVs with their texts that an axis shall reach, so that it does not follow noise.
    """
    units = list(dict.fromkeys(pv.units for pv in pvs))
    names = texts or [pv.desc for pv in pvs]
    traces = tuple(
        Trace(text, pv.name, color, units.index(pv.units))
        for pv, text, color in zip(pvs, names, style.CURVES, strict=False)
    )
    bounds = tuple(
        Trace(text, pv.name, style.EDGE, units.index(pv.units))
        for text, pv in (reach or {}).items()
    )
    axes: list[Axis] = []
    for number, unit in enumerate(units):
        colors = [trace.color for trace in traces if trace.axis == number]
        scale = (ends or {}).get(unit) or sensible([pv for pv in pvs if pv.units == unit])
        axes.append(Axis(unit or "1", colors[0] if len(colors) == 1 else style.INK, scale))
    plot = Widget(
        "stripchart", name, x, y, width, height, traces=traces + bounds, y_axes=tuple(axes),
        start=span, end="now", show_legend=True, show_toolbar=False, show_grid=True,
        background_color=style.PANEL, foreground_color=style.INK, title="",
        label_font=style.SMALL, scale_font=style.SMALL,
    )  # fmt: skip
    return [plot, stale(name, pvs, x + width // 2, y + 2)]


def stale(name: str, pvs: Sequence[Pv], middle: int, y: int) -> Widget:
    """What lies over curves that are drawn on while one of their PVs is not read."""
    known = " && ".join(fresh(number) for number in range(len(pvs)))
    return Widget(
        "label", f"{name} cover", middle - 110, y, 220, 22, font=style.BOLD,
        text="No reading: last values go on", foreground_color=style.BLACK,
        background_color=style.INVALID, transparent=False, horizontal_alignment=Align.MIDDLE,
        vertical_alignment=Align.MIDDLE, **hidden_while(known, *(pv.name for pv in pvs)),
    )  # fmt: skip


def sensible(pvs: Sequence[Pv]) -> tuple[float, float] | None:
    """Between what the PVs of an axis are sensible; None if one of them does not say."""
    displays = [pv.row.spec.display for pv in pvs]
    if any(low >= high for low, high in displays):
        return None
    return min(low for low, _ in displays), max(high for _, high in displays)
