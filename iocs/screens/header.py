"""The band on top of every screen: where one is, whether it is alive, where one can go."""

from __future__ import annotations

from iocs.core.health import HealthPVs
from iocs.core.statistics import StatisticsPVs
from iocs.export.bob import Widget
from iocs.export.bob_values import Rule, Target

from . import style
from .catalog import PREFIX, Ioc, Pvs
from .widgets import goto, label, lamp, value

CONNECTED = HealthPVs.connected.spec.name
HEARTBEAT = StatisticsPVs.heartbeat.spec.name

INDEX = "index"
HEALTH = "health"
_BUTTON = 92
_FIRST = style.WIDTH - style.MARGIN - 5 * (_BUTTON + 4) + 4


def band(title: str, subtitle: str = "") -> list[Widget]:
    """The band itself, with what the screen shows and of whom."""
    back = Widget(
        "rectangle", "Header", 0, 0, style.WIDTH, style.HEADER, background_color=style.BAND,
        line_width=0,
    )  # fmt: skip
    found = [back, label(title, 10, 6, 364, 32, font=style.TITLE, name="Title")]
    if subtitle:
        found.append(
            label(subtitle, 384, 6, 158, 32, font=style.BOLD, color=style.MUTED, name="Prefix")
        )
    return found


def alive(pvs: Pvs) -> list[Widget]:
    """Connection and heartbeat, at the same place on every screen."""
    return [
        lamp(pvs[CONNECTED], 546, 12, role="header lamp"),
        value(pvs[CONNECTED], 572, 10, 92, role="header"),
        label("Heartbeat", 670, 10, 56, font=style.SMALL, color=style.MUTED, name="Heartbeat"),
        value(pvs[HEARTBEAT], 728, 10, 56, font=style.SMALL, role="header"),
    ]


def header(ioc: Ioc, title: str, here: str, part: str = "") -> list[Widget]:
    """The header of a screen of an instrument; `here` is the file that it is in."""
    places = (
        (INDEX, "Index", Target.REPLACE),
        (ioc.file, "Instrument", Target.REPLACE),
        (f"{ioc.file}_trend", "Trend", Target.TAB),
        (f"{ioc.file}_detail", "All PVs", Target.TAB),
        (HEALTH, "Health", Target.TAB),
    )
    found = [*band(title, PREFIX + part), *alive(ioc.own), _lost(ioc.own)]
    for number, (file, text, target) in enumerate(places):
        x = _FIRST + number * (_BUTTON + 4)
        if file == here:
            found.append(current(text, x))
        else:
            found.append(goto(file, text, x, 8, _BUTTON, 28, target=target, name=f"Go to {text}"))
    return found


def _lost(pvs: Pvs) -> Widget:
    """A line under the band while the IOC has no connection to the instrument."""
    rule = Rule("Lost", "visible", (pvs[CONNECTED].name,), (("pv0 == 0", True),))
    return Widget(
        "label", "Lost", 0, style.HEADER - 1, style.WIDTH, 15, font=style.SMALL,
        text="No connection to the instrument: values are the last ones read",
        foreground_color=style.WHITE, background_color=style.DARK, transparent=False,
        horizontal_alignment=1, vertical_alignment=1, visible=False, rules=(rule,),
    )  # fmt: skip


def current(text: str, x: int) -> Widget:
    """Where a button to this very screen would be."""
    return Widget(
        "label", f"Here {text}", x, 8, _BUTTON, 28, text=text, font=style.BOLD,
        foreground_color=style.PANEL, background_color=style.DARK, transparent=False,
        horizontal_alignment=1, vertical_alignment=1,
    )  # fmt: skip
