"""Pictures of what flows where: boxes, lines between them, arrows that follow the sign of a PV."""

from __future__ import annotations

from collections.abc import Sequence

from iocs.export.bob import Widget
from iocs.export.bob_values import Align, Arrows, Color, Point

from . import style
from .catalog import Pv
from .frames import box
from .truth import FRESH, Look, shown_while
from .widgets import label, short, value

_LINE = 6


def line(
    name: str,
    corners: Sequence[tuple[int, int]],
    color: Color,
    *,
    arrows: Arrows = Arrows.TO,
    look: Look | None = None,
    width: int = 6,
) -> Widget:
    """A line through some corners, with an arrow at its end; `look` says when it is visible."""
    x, y = (min(corner[axis] for corner in corners) for axis in (0, 1))
    wide, high = (max(c[axis] for c in corners) - (x, y)[axis] for axis in (0, 1))
    return Widget(
        "polyline", name, x, y, max(wide, 1), max(high, 1), line_width=width, line_color=color,
        arrows=arrows, arrow_length=26,
        points=tuple(Point(cx - x, cy - y) for cx, cy in corners),
        **(look or {}),
    )  # fmt: skip


def flow(
    pv: Pv, start: tuple[int, int], end: tuple[int, int], color: Color, least: float
) -> list[Widget]:
    """A line that has an arrow from start to end while the PV is above `least`, and back below it.

    Where nothing flows, or nothing is known, it is a thin grey line.
    """
    name = short(pv)
    there = shown_while(f"pv0 > {least} && {FRESH}", pv.name)
    back = shown_while(f"pv0 < -{least} && {FRESH}", pv.name)
    return [
        line(f"{name} line", (start, end), style.LINE, arrows=Arrows.NONE, width=4),
        line(f"{name} there", (start, end), color, look=there, width=_LINE),
        line(f"{name} back", (end, start), color, look=back, width=_LINE),
    ]


def node(
    title: str, x: int, y: int, width: int, height: int, shown: Sequence[tuple[str, Pv]]
) -> list[Widget]:
    """A box with a title, and values under it."""
    found = [
        box(f"Box {title}", x, y, width, height),
        label(title, x + 8, y + 6, width - 16, 22, font=style.BOLD, align=Align.MIDDLE),
    ]
    for number, (text, pv) in enumerate(shown):
        row = y + 32 + number * 27
        found += [
            label(text, x + 10, row, 70, 22, font=style.SMALL, name=f"{title} {text}"),
            value(pv, x + 82, row, width - 92, 22, role="node"),
        ]
    return found
