"""The compressor: a picture of helium, oil and water with the values at their place."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.cpa1110.words import OperatingState
from iocs.cpa1110 import STATES
from iocs.export.bob import Display, Widget
from iocs.export.bob_values import Align

from . import style
from .catalog import Ioc, Pv, Pvs
from .flow import line
from .frames import box, chart, panel
from .header import header
from .layout import Cell, IndexRow, Layout, screen
from .widgets import label, lamp, press, readback_row, states_lamp, value

_ACTIVE = [STATES[state][0] for state in (OperatingState.STARTING, OperatingState.RUNNING)]
_PRESSURES = ("HighPressure", "LowPressure", "DeltaPressureAvg")
_TEMPERATURES = ("HeliumTemp", "OilTemp", "CoolantInTemp", "CoolantOutTemp")


def _tag(pv: Pv, text: str, x: int, y: int, width: int = 96) -> list[Widget]:
    """A value in the picture with its short name above."""
    return [
        label(text, x, y - 20, width, 18, font=style.SMALL, color=style.MUTED),
        value(pv, x, y, width, font=style.BOLD, role="picture"),
    ]


def _picture(pvs: Pvs) -> list[Widget]:
    """Water on the left, the compressor in the middle, helium to and from the cold head."""
    x, y = 330, style.TOP
    found = panel("Helium circuit", x, y, 940, 372)
    found += [
        line("Water in", ((x + 24, y + 118), (x + 262, y + 118)), style.WATER),
        line("Water out", ((x + 262, y + 258), (x + 24, y + 258)), style.WARM),
        line("High pressure", ((x + 562, y + 118), (x + 800, y + 118)), style.HIGH),
        line("Low pressure", ((x + 800, y + 258), (x + 562, y + 258)), style.LOW),
        box("Compressor", x + 262, y + 48, 300, 300),
        box("Cold head", x + 800, y + 76, 116, 226),
    ]
    found += _tag(pvs["CoolantInTemp"], "Cooling water in", x + 90, y + 74, 110)
    found += _tag(pvs["CoolantTempRise"], "Rise", x + 90, y + 178, 110)
    found += _tag(pvs["CoolantOutTemp"], "Cooling water out", x + 90, y + 286, 110)
    found += _tag(pvs["HighPressure"], "High side, now", x + 574, y + 74)
    found += _tag(pvs["HighPressureAvg"], "average", x + 684, y + 74)
    found += _tag(pvs["DeltaPressureAvg"], "Difference, average", x + 620, y + 178, 110)
    found += _tag(pvs["LowPressure"], "Low side, now", x + 574, y + 286)
    found += _tag(pvs["LowPressureAvg"], "average", x + 684, y + 286)
    found += _capsule(pvs, x + 262, y + 48)
    found.append(label("Cold head", x + 812, y + 172, 92, font=style.BOLD, align=Align.MIDDLE))
    return found


def _capsule(pvs: Pvs, x: int, y: int) -> list[Widget]:
    """What is inside of the compressor."""
    rows = (("HeliumTemp", "Helium"), ("OilTemp", "Oil"), ("MotorCurrent", "Motor current"))
    found = [
        label("Compressor", x + 20, y + 10, 260, font=style.BOLD, align=Align.MIDDLE),
        *lamp(pvs["Running"], x + 120, y + 44, 60, role="motor"),
        label("M", x + 135, y + 62, 30, font=style.LARGE, align=Align.MIDDLE, name="Motor"),
        value(pvs["Running"], x + 105, y + 112, 90, align=Align.MIDDLE, role="motor state"),
    ]
    for number, (name, text) in enumerate(rows):
        top = y + 160 + number * 42
        found += [
            label(text, x + 24, top, 130),
            value(pvs[name], x + 160, top, 116, font=style.BOLD, role="picture"),
        ]
    return found


def _operation(pvs: Pvs) -> list[Widget]:
    """State and commands: to start asks, to stop does not."""
    x, y = style.MARGIN, style.TOP
    found = panel("Operation", x, y, 310, 190)
    found += [
        *states_lamp(pvs["OperatingState"], x + 14, y + 36, 282, 44, active=_ACTIVE),
        press(
            pvs["Start"], "Start", x + 14, y + 92, 136, 40, font=style.BOLD,
            confirm="Start the compressor $(P)$(R)? Is the cooling water on?",
        ),
        press(pvs["Stop"], "Stop", x + 160, y + 92, 136, 40, font=style.BOLD, stops=True),
    ]  # fmt: skip
    found += readback_row(pvs["OperatingHours"], x + 14, y + 148, 282, room=120)
    return found


def _alarms(pvs: Pvs) -> list[Widget]:
    """What the compressor complains of, in its words."""
    x, y = style.MARGIN, style.TOP + 200
    found = panel("Alarms and warnings", x, y, 310, 172)
    for number, kind in enumerate(("Alarm", "Warning")):
        top = y + 36 + number * 66
        found += [
            label(f"{kind}s", x + 14, top, 76, font=style.BOLD),
            value(pvs[f"{kind}Text"], x + 92, top, 204, 58),
        ]
    return found


def _identity(pvs: Pvs) -> list[Widget]:
    y = style.TOP + 692
    found = panel("", style.MARGIN, y, 1260, 40)
    names = ("Model", "SoftwareRev", "PanelSerial", "PanelPressureUnit", "PanelTempUnit")
    texts = ("Model", "Software", "Serial number", "Panel shows", "and")
    x = style.MARGIN + 14
    for name, text, room, size in zip(
        names, texts, (54, 66, 100, 86, 30), (140, 160, 110, 70, 70), strict=True
    ):
        found += [label(text, x, y + 8, room), value(pvs[name], x + room, y + 8, size)]
        x += room + size + 24
    return found


def main(ioc: Ioc) -> Sequence[Display]:
    """The one screen of a compressor."""
    pvs = ioc.own
    top = style.TOP + 382
    widgets = [
        *header(ioc, ioc.title, ioc.file),
        *_operation(pvs),
        *_alarms(pvs),
        *_picture(pvs),
        *panel("Pressures", style.MARGIN, top, 625, 300),
        *chart(
            "Pressure chart",
            pvs.some(*_PRESSURES),
            18,
            top + 30,
            605,
            262,
            texts=("High side", "Low side", "Difference"),
        ),
        *panel("Temperatures", 645, top, 625, 300),
        *chart(
            "Temperature chart",
            pvs.some(*_TEMPERATURES),
            653,
            top + 30,
            605,
            262,
            texts=("Helium", "Oil", "Water in", "Water out"),
        ),
        *_identity(pvs),
    ]
    return [screen(ioc.file, f"{ioc.title} $(P)$(R)", style.TOP + 742, widgets)]


def row(ioc: Ioc) -> IndexRow:
    """State, temperatures and pressures."""
    pvs = ioc.own
    return IndexRow(
        Cell("State", pvs["OperatingState"]),
        (
            Cell("Helium", pvs["HeliumTemp"]),
            Cell("Oil", pvs["OilTemp"]),
            Cell("Low side", pvs["LowPressure"]),
            Cell("High side", pvs["HighPressure"]),
        ),
        tuple(_ACTIVE),
    )


def curves(ioc: Ioc) -> Sequence[Cell]:
    """Pressures, temperatures, motor current."""
    names = (*_PRESSURES, *_TEMPERATURES, "MotorCurrent")
    return [Cell(pv.desc, pv) for pv in ioc.own.some(*names)]


LAYOUT = Layout(main, row, curves)
