"""The top of every screen: where one is, what is wrong, which put was refused, where one can go."""

from __future__ import annotations

from iocs.device.health_pvs import HealthPVs
from iocs.device.statistics import StatisticsPVs
from iocs.export.bob import Widget
from iocs.export.bob_values import OpenDisplay

from . import style
from .catalog import CONNECTED, DETAIL, FACILITY, HANDED, HEALTH, TREND, Ioc, Pv, Pvs
from .truth import GOOD, NOUGHT, following, hidden_while, together
from .widgets import WORST, goto, label, lamp, value, worst

HEARTBEAT = StatisticsPVs.heartbeat.spec.name
LAST_PUT = HealthPVs.last_put_error.spec.name
WORST_TEXT = HealthPVs.worst_alarm_text.spec.name
NEWEST = HealthPVs.newest_alarm.spec.name
REFUSED = HealthPVs.refused_puts.spec.name

INDEX = "index"
_BUTTON = 92
_FIRST = style.WIDTH - style.MARGIN - 5 * (_BUTTON + 4) + 4
_STRIP = style.HEADER + 6
_WORD = 150
_HALF = 760


def band(title: str, subtitle: str = "", width: int = style.WIDTH) -> list[Widget]:
    """The band itself, with what the screen shows and of whom."""
    back = Widget(
        "rectangle", "Header", 0, 0, width, style.HEADER, background_color=style.BAND,
        line_width=0,
    )  # fmt: skip
    found = [back, label(title, 10, 6, 364, 32, font=style.TITLE, name="Title")]
    if subtitle:
        found.append(
            label(subtitle, 384, 6, 158, 32, font=style.BOLD, color=style.MUTED, name="Prefix")
        )
    return found


def header(ioc: Ioc, title: str, here: str, part: Pvs | None = None) -> list[Widget]:
    """The header of a screen of an instrument; `here` is the file that it is in.

    part: what the screen is about, if that is a part, whose own connection is then shown.
    """
    shown = part or ioc.own
    alive = shown if CONNECTED in shown else ioc.own
    places = (
        (INDEX, "Index"),
        (ioc.file, "Instrument"),
        (ioc.screen(TREND), "Trend"),
        (ioc.screen(DETAIL), "All PVs"),
        (ioc.screen(HEALTH), "Health"),
    )
    found = [
        *band(title, shown.macros),
        *_alive(alive[CONNECTED], ioc.own[HEARTBEAT]),
        *_wrong(ioc),
        *_refused(ioc.own),
    ]
    for number, (file, text) in enumerate(places):
        x = _FIRST + number * (_BUTTON + 4)
        if file == here:
            found.append(_current(text, x))
        else:
            macros = FACILITY if file == INDEX else HANDED
            found.append(goto(file, text, x, 8, _BUTTON, 28, macros=macros, name=f"Go to {text}"))
    return found


def _alive(connected: Pv, heartbeat: Pv) -> list[Widget]:
    """Connection and heartbeat, at the same place on every screen."""
    return [
        *lamp(connected, 546, 12, role="header lamp"),
        value(connected, 572, 10, 92, role="header"),
        label("Heartbeat", 670, 10, 56, font=style.SMALL, color=style.MUTED, name="Heartbeat"),
        value(heartbeat, 728, 10, 56, font=style.SMALL, role="header"),
    ]


def _wrong(ioc: Ioc) -> list[Widget]:
    """The worst alarm in one word with its text, and over it a line while nothing is read."""
    pvs = ioc.own
    opens = OpenDisplay(f"{ioc.screen(DETAIL)}.bob", "What to do", HANDED)
    word = (style.MARGIN, _STRIP, _WORD, style.STRIP - 10)
    room = _HALF - _WORD - 10
    connected = pvs[CONNECTED].name
    lost = together(
        following("text", "No IOC: values are the last ones received", "Who", (connected,),
                  ("pvSev0 >= 0", "No connection: values are the last ones read")),
        hidden_while(GOOD, connected),
    )  # fmt: skip
    return [
        worst(pvs[WORST].name, opens, "Worst alarm", word, style.STATE),
        value(pvs[WORST_TEXT], style.MARGIN + _WORD + 10, _STRIP, room, style.STRIP - 10,
              font=style.TITLE, role="header", look={"transparent": True}),
        Widget(
            "label", "Lost", style.MARGIN + _WORD + 10, _STRIP, room, style.STRIP - 10,
            font=style.STATE, foreground_color=style.BLACK, background_color=style.MAJOR,
            transparent=False, horizontal_alignment=1, vertical_alignment=1, **lost,
        ),
    ]  # fmt: skip


def _refused(pvs: Pvs) -> list[Widget]:
    """When which put was refused last, and why, marked: Phoebus itself shows nothing of it."""
    x, y, high = style.MARGIN + _HALF + 10, _STRIP - 2, style.STRIP - 6
    width = style.WIDTH - x - style.MARGIN
    mark = Widget(
        "rectangle", "Refused mark", x, y, width, high, line_width=0,
        background_color=style.MARKED, **hidden_while(NOUGHT, pvs[REFUSED].name),
    )  # fmt: skip
    return [
        mark,
        label("Refused put", x + 4, y, 48, high, font=style.SMALL, name="Refused put"),
        value(pvs[LAST_PUT], x + 56, y, width - 56, high, font=style.SMALL, role="header",
              look={"transparent": True}),
    ]  # fmt: skip


def _current(text: str, x: int) -> Widget:
    """Where a button to this very screen would be."""
    return Widget(
        "label", f"Here {text}", x, 8, _BUTTON, 28, text=text, font=style.BOLD,
        foreground_color=style.PANEL, background_color=style.DARK, transparent=False,
        horizontal_alignment=1, vertical_alignment=1,
    )  # fmt: skip
