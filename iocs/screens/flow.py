"""Pictures of what flows where: boxes, lines between them, arrows that follow the sign of a PV."""

from __future__ import annotations

from collections.abc import Sequence

from iocs.export.bob import Widget
from iocs.export.bob_values import Align, Arrows, Color, Font, Point

from . import style
from .catalog import Pv
from .frames import box
from .truth import FRESH, Look, following, shown_while
from .widgets import BAR, label, short, told

_LINE = 6
_TIP = 11
"""Pixels by which Phoebus 5.0.5 draws the tip of such an arrow beyond the end of its line."""

_PLAIN = 14


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
        line(f"{name} there", (start, _before(start, end)), color, look=there, width=_LINE),
        line(f"{name} back", (end, _before(end, start)), color, look=back, width=_LINE),
    ]


def _before(start: tuple[int, int], end: tuple[int, int]) -> tuple[int, int]:
    """Where a line along an axis ends for its arrow to end at `end`: that is drawn beyond it."""
    x, y = ((a < b) - (a > b) for a, b in zip(start, end, strict=True))
    return end[0] - x * _TIP, end[1] - y * _TIP


def node(
    title: str, x: int, y: int, width: int, height: int, shown: Sequence[tuple[str, Pv]], *,
    font: Font = style.NORMAL, first: int = 32, room: int = 98,
) -> list[Widget]:  # fmt: skip
    """A box with a title, and values under it, the first one `first` below its top.

    room: the width of the values.
    """
    found = [
        box(f"Box {title}", x, y, width, height),
        label(title, x + 8, y + 6, width - 16, 22, font=style.BOLD, align=Align.MIDDLE),
    ]
    high = font.size + 10 if font.size > _PLAIN else 22
    for number, (text, pv) in enumerate(shown):
        row = y + first + number * (high + 5)
        found += [
            label(text, x + 10, row, width - room - 24, high, font=style.SMALL,
                  name=f"{title} {text}"),
            *told(pv, (x + width - room - 10, row, room, high), font=font, role="node",
                  back=style.EQUIPMENT),
        ]  # fmt: skip
    return found


def direction(
    pv: Pv, place: tuple[int, int, int, int], least: float, words: tuple[str, str, str]
) -> list[Widget]:
    """A word for where something flows: above `least`, below its negative, and in between."""
    forth, back, rest = words
    font = style.STATE if place[3] >= BAR else style.BOLD
    said = following(
        "text", "No reading", "Direction", (pv.name,),
        (f"pv0 > {least} && {FRESH}", forth), (f"pv0 < -{least} && {FRESH}", back),
        (f"pv0 == pv0 && {FRESH}", rest), (FRESH, "Not available"),
    )  # fmt: skip
    word = Widget(
        "label", f"{short(pv)} direction", *place,
        font=font, foreground_color=style.BLACK,
        background_color=style.IDLE, transparent=False, border_width=2, border_color=style.EDGE,
        horizontal_alignment=Align.MIDDLE,
        vertical_alignment=Align.MIDDLE, **said,
    )  # fmt: skip
    return [word]
