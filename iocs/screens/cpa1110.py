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
from .truth import NOUGHT, shown_while
from .widgets import label, press, readback_row, silent, states_lamp, steady, value

_ACTIVE = [STATES[state][0] for state in (OperatingState.STARTING, OperatingState.RUNNING)]
_PRESSURES = {
    "HighPressure": "High side", "LowPressure": "Low side", "DeltaPressureAvg": "Difference",
}  # fmt: skip
_TEMPERATURES = {
    "HeliumTemp": "Helium", "OilTemp": "Oil", "CoolantInTemp": "Water in",
    "CoolantOutTemp": "Water out",
}  # fmt: skip
"""What is charted, and what its curve is called."""

_LEFT = 360
_FIELD = _LEFT - 28
_RIGHT = style.MARGIN + _LEFT + 10
_WIDTH = style.WIDTH - style.MARGIN - _RIGHT
_PICTURE = 392
_TAG = 118


def _tag(pv: Pv, text: str, x: int, y: int, *, below: bool = False) -> list[Widget]:
    """A value in the picture with its short name above or below."""
    return [
        label(
            text, x, y + 37 if below else y - 22, _TAG, 18, font=style.SMALL, color=style.MUTED,
            align=Align.MIDDLE,
        ),
        value(pv, x, y, _TAG, 34, font=style.NUMBER, role="picture"),
    ]  # fmt: skip


def _picture(pvs: Pvs) -> list[Widget]:
    """Water on the left, the compressor in the middle, helium to and from the cold head."""
    x, y = _RIGHT, style.TOP
    left, right, head = x + 228, x + 496, x + 766
    there, back = y + 132, y + 276
    found = panel("Helium circuit", x, y, _WIDTH, _PICTURE)
    found += [
        line("Water in", ((x + 20, there), (left, there)), style.WATER),
        line("Water out", ((left, back), (x + 20, back)), style.WARM),
        line("High pressure", ((right, there), (head, there)), style.HIGH),
        line("Low pressure", ((head, back), (right, back)), style.LOW),
        box("Compressor", left, y + 46, right - left, 316),
        box("Cold head", head, y + 88, 104, 232),
        label("Cold head", head + 8, y + 192, 88, font=style.BOLD, align=Align.MIDDLE),
    ]
    found += _tag(pvs["CoolantInTemp"], "Cooling water in", x + 62, there - 48)
    found += _tag(pvs["CoolantTempRise"], "Rise", x + 62, there + 62)
    found += _tag(pvs["CoolantOutTemp"], "Cooling water out", x + 62, back + 14, below=True)
    found += _tag(pvs["HighPressure"], "High side, now", right + 10, there - 48)
    found += _tag(pvs["HighPressureAvg"], "average", right + 142, there - 48)
    found += _tag(steady(pvs["DeltaPressureAvg"], 2), "Difference, average", right + 76, there + 62)
    found += _tag(pvs["LowPressure"], "Low side, now", right + 10, back + 14, below=True)
    found += _tag(pvs["LowPressureAvg"], "average", right + 142, back + 14, below=True)
    found += _capsule(pvs, left, y + 46)
    return found


def _capsule(pvs: Pvs, x: int, y: int) -> list[Widget]:
    """What is inside of the compressor."""
    rows = (("MotorCurrent", "Current"), ("HeliumTemp", "Helium"), ("OilTemp", "Oil"))
    found = [
        label("Compressor", x + 20, y + 10, 228, font=style.BOLD, align=Align.MIDDLE),
        label("Motor", x + 20, y + 54, 88),
        *states_lamp(pvs["Running"], x + 112, y + 46, 140, 42, active=["Running"]),
    ]
    for number, (name, text) in enumerate(rows):
        top = y + 116 + number * 64
        found += [
            label(text, x + 20, top + 5, 88),
            value(pvs[name], x + 114, top, 136, 34, font=style.NUMBER, role="picture"),
        ]
    return found


def _operation(pvs: Pvs) -> list[Widget]:
    """State and commands: to start asks, to stop does not."""
    x, y = style.MARGIN, style.TOP
    found = panel("Operation", x, y, _LEFT, 200)
    found += [
        *states_lamp(pvs["OperatingState"], x + 14, y + 36, _FIELD, 52, active=_ACTIVE),
        press(
            pvs["Start"], "Start", x + 14, y + 100, 158, 44, font=style.BOLD,
            confirm="Start the compressor $(P)$(R)? Is the cooling water on?",
        ),
        press(pvs["Stop"], "Stop", x + 188, y + 100, 158, 44, font=style.BOLD, stops=True),
    ]  # fmt: skip
    found += readback_row(pvs["OperatingHours"], x + 14, y + 160, _FIELD, room=140)
    return found


def _alarms(pvs: Pvs) -> list[Widget]:
    """What the compressor complains of, in its words, as large as a state."""
    x, y = style.MARGIN, style.TOP + 210
    found = panel("Alarms and warnings", x, y, _LEFT, 302)
    for kind, top, height in (("Alarm", y + 56, 106), ("Warning", y + 198, 90)):
        text, word = pvs.some(f"{kind}Text", f"{kind}Word")
        field = value(text, x + 17, top, _FIELD - 6, height, font=style.NUMBER, align=Align.MIDDLE)
        none = shown_while(NOUGHT, word.name)
        found += [
            label(f"{kind}s", x + 14, top - 24, _FIELD, 20, font=style.SMALL, color=style.MUTED),
            field,
            silent(field, f"No {kind.lower()}", none),
        ]
    return found


def _identity(pvs: Pvs) -> list[Widget]:
    """What the machine is, and how its own panel is set."""
    x, y = style.MARGIN, style.TOP + 522
    found = panel("Machine", x, y, _LEFT, 190)
    names = ("Model", "SoftwareRev", "PanelSerial", "PanelPressureUnit", "PanelTempUnit")
    texts = ("Model", "Software", "Serial number", "Pressure on its panel",
             "Temperature on its panel")  # fmt: skip
    for number, (name, text) in enumerate(zip(names, texts, strict=True)):
        row = y + 32 + number * style.PITCH
        found += readback_row(pvs[name], x + 14, row, _FIELD, text=text, room=140)
    return found


def _charts(pvs: Pvs) -> list[Widget]:
    """Pressures and temperatures over time."""
    x, y, height = _RIGHT, style.TOP + _PICTURE + 10, 310
    kinds = (("Pressure", _PRESSURES, 390), ("Temperature", _TEMPERATURES, _WIDTH - 400))
    found: list[Widget] = []
    for kind, shown, width in kinds:
        found += panel(f"{kind}s", x, y, width, height)
        found += chart(
            f"{kind} chart", pvs.some(*shown), x + 8, y + 30, width - 20, height - 38,
            texts=tuple(shown.values()),
        )  # fmt: skip
        x += width + 10
    return found


def main(ioc: Ioc) -> Sequence[Display]:
    """The one screen of a compressor."""
    pvs = ioc.own
    widgets = [
        *header(ioc, ioc.title, ioc.file),
        *_operation(pvs),
        *_alarms(pvs),
        *_identity(pvs),
        *_picture(pvs),
        *_charts(pvs),
    ]
    return [screen(ioc.file, f"{ioc.title} $(P)$(R)", style.TOP + 722, widgets)]


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
