"""Inverters and batteries: where the power flows, what every device does, what it complains of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iocs.export.bob import Display, Widget

from . import style
from .catalog import NAME, PART, Ioc, Pv, Pvs, handed
from .device import device_page
from .flow import flow, node
from .frames import chart, panel, repeat
from .header import header
from .layout import Cell, IndexRow, Layout, screen
from .widgets import goto, label, lamp, press, states_lamp, value

_GATEWAY, _XTENDER, _BATTERY = "Gateway", "Xtender", "Battery"
_MESSAGES = 10
_FLOWING = 0.02
"""kW from which on the picture shows a flow."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of device is shown in the list: what it does, and values under headings."""

    name: str
    state: str
    active: tuple[str, ...]
    values: tuple[tuple[str, str], ...]


_KINDS = (
    _Kind(_XTENDER, "OperatingState", ("Inverter", "Charger", "Boost", "Injection"), (
        ("Phase", "BattCyclePhase"), ("AC-in", "AcPowerIn"), ("AC-out", "AcPowerOut"),
        ("Battery", "BattVoltage"))),
    _Kind("VarioTrack", "PvOperationMode", ("Charger", "Charge"), (
        ("Phase", "BattCyclePhase"), ("PV power", "PvPowerNow"), ("PV voltage", "PvVoltageNow"),
        ("Battery", "BattVoltage"))),
    _Kind("VarioString", "PvMode", ("Charge",), (
        ("Phase", "CyclePhase"), ("PV power", "PvPower"), ("PV voltage", "PvVoltage"),
        ("Battery", "BattVoltage"))),
    _Kind(_BATTERY, "Current", (), (
        ("Charge", "SocNow"), ("Power", "Power"), ("Voltage", "Voltage"), ("Temp.", "Temp"))),
)  # fmt: skip
_ROW = (610, 30)
_COLUMNS = ((272, 106), (384, 72), (462, 72), (540, 66))


def _kinds(ioc: Ioc) -> list[_Kind]:
    """The kinds of which the site has any."""
    return [kind for kind in _KINDS if ioc.parts_of(kind.name)]


def main(ioc: Ioc) -> Sequence[Display]:
    """The picture with charts, devices and messages; a row and a screen for each kind of device."""
    top = style.TOP + 432
    devices, height = _devices(ioc, style.MARGIN, top)
    height = max(height, 300)
    widgets = [
        *header(ioc, ioc.title, ioc.file),
        *_picture(ioc),
        *_charts(ioc),
        *panel("Devices", style.MARGIN, top, 630, height, beside=130),
        *devices,
        *_messages(ioc, 650, top, height),
    ]
    pages = [screen(ioc.file, f"{ioc.title} $(P)$(R)", top + height + 10, widgets)]
    pages += [_row_page(ioc, kind) for kind in _kinds(ioc)]
    shown = [*(kind.name for kind in _kinds(ioc)), _GATEWAY]
    return [*pages, *(device_page(ioc, kind, _file(ioc, kind)) for kind in shown)]


def _file(ioc: Ioc, kind: str) -> str:
    return f"{ioc.file}_{kind.lower()}"


def _picture(ioc: Ioc) -> list[Widget]:
    """PV above, grid on the left, loads on the right, the battery below; values on the flows."""
    pvs, x, y = ioc.own, style.MARGIN, style.TOP
    middle, left, right = x + 300, x + 8, x + 592
    pv, into, out, battery = pvs.some(
        "Site:PvPower", "Site:AcPowerIn", "Site:AcPowerOut", "Site:BatteryPower"
    )
    center = middle + 95
    found = panel("Energy flow", x, y, 790, 422)
    found += flow(pv, (center, y + 106), (center, y + 166), style.CURVES[5], _FLOWING)
    found += flow(into, (left + 190, y + 214), (middle, y + 214), style.CURVES[0], _FLOWING)
    found += flow(out, (middle + 190, y + 214), (right, y + 214), style.CURVES[2], _FLOWING)
    found += flow(battery, (center, y + 256), (center, y + 312), style.CURVES[3], _FLOWING)
    found += node("Photovoltaics", middle, y + 40, 190, 66,
                  [("Today", pvs["Site:PvEnergyCurrDay"])])  # fmt: skip
    found += node("Grid or generator", left, y + 180, 190, 66,
                  [("Today", pvs["Site:AcEnergyInCurrDay"])])  # fmt: skip
    found += node("Loads", right, y + 180, 190, 66,
                  [("Today", pvs["Site:AcEnergyOutCurrDay"])])  # fmt: skip
    found += _inverter(ioc, middle, y + 166)
    found += _battery(ioc, middle, y + 312)
    places = (
        (pv, center + 14, y + 124), (into, left + 197, y + 182), (out, middle + 197, y + 182),
        (battery, center + 14, y + 272),
    )  # fmt: skip
    found += [value(p, px, py, 88, font=style.BOLD, role="flow") for p, px, py in places]
    return found


def _inverter(ioc: Ioc, x: int, y: int) -> list[Widget]:
    """The state of the first Xtender, which leads the others."""
    found = node("Inverters", x, y, 190, 90, [])
    parts = ioc.parts_of(_XTENDER)
    if parts:
        first, kind = parts[0].prefix, _KINDS[0]
        state = ioc.pvs[f"{first}{kind.state}"]
        found += states_lamp(state, x + 10, y + 32, 170, 24, active=kind.active)
        found.append(value(ioc.pvs[f"{first}BattCyclePhase"], x + 10, y + 62, 170, 22, role="node"))
    return found


def _battery(ioc: Ioc, x: int, y: int) -> list[Widget]:
    parts = ioc.parts_of(_BATTERY)
    if not parts:
        return node("Battery", x, y, 190, 36, [])
    pvs = ioc.pvs
    shown = (("Charge", "SocNow"), ("Voltage", "Voltage"))
    first = parts[0].prefix
    return node("Battery", x, y, 190, 92, [(t, pvs[f"{first}{name}"]) for t, name in shown])


def _charts(ioc: Ioc) -> list[Widget]:
    """The powers, and what the battery does."""
    x, y = 810, style.TOP
    powers = ioc.own.some("Site:PvPower", "Site:AcPowerIn", "Site:AcPowerOut", "Site:BatteryPower")
    found = panel("Power", x, y, 460, 206)
    found += chart("Power chart", powers, x + 8, y + 28, 442, 172, span="1 hour",
              texts=("PV", "AC-in", "AC-out", "Battery"))  # fmt: skip
    found += panel("Battery", x, y + 216, 460, 206)
    parts = ioc.parts_of(_BATTERY)
    if parts:
        shown = [ioc.pvs[f"{parts[0].prefix}{name}"] for name in ("SocNow", "Voltage")]
        found += chart("Battery chart", shown, x + 8, y + 244, 442, 172, span="1 hour",
                  texts=("Charge", "Voltage"))  # fmt: skip
    return found


def _devices(ioc: Ioc, x: int, y: int) -> tuple[list[Widget], int]:
    """A row for each device under the headings of its kind; and how high the list is."""
    found: list[Widget] = [
        goto(_file(ioc, _GATEWAY), _GATEWAY, x + 508, y + 5, 110, 24,
             macros=handed(f"{_GATEWAY}:", _GATEWAY))
    ]  # fmt: skip
    row = y + 34
    for kind in _kinds(ioc):
        parts = ioc.parts_of(kind.name)
        found.append(_heading(kind.name, x + 14, row, 130))
        found += [
            _heading(text, x + 10 + left, row, width, f"{kind.name} ")
            for (text, _), (left, width) in zip(kind.values, _COLUMNS, strict=True)
        ]
        cells = [handed(part.prefix, ioc.name_of(part)) for part in parts]
        found += repeat(kind.name, f"{_file(ioc, kind.name)}_row", cells, x + 10, row + 20, _ROW)
        row += 24 + len(parts) * _ROW[1]
    return found, row - y + 6


def _heading(text: str, x: int, y: int, width: int, of: str = "") -> Widget:
    return label(
        text, x, y, width, 18, font=style.SMALL, color=style.MUTED, name=f"Column {of}{text}"
    )


def _row_page(ioc: Ioc, kind: _Kind) -> Display:
    """One device: does it answer, what does it do, and four values."""
    pvs = ioc.part(kind.name)
    file = _file(ioc, kind.name)
    widgets = [
        goto(file, NAME, 2, 3, 58, macros=handed(PART, NAME)),
        *lamp(pvs["Connected"], 70, 5),
        *_state(pvs[kind.state], kind),
    ]
    widgets += [
        value(pvs[name], left, 3, width, font=style.SMALL)
        for (_, name), (left, width) in zip(kind.values, _COLUMNS, strict=True)
    ]
    return Display(f"{file}_row", f"{kind.name} in a line", _ROW, style.PANEL, widgets)


def _state(pv: Pv, kind: _Kind) -> list[Widget]:
    """What a device does: a state, or of a battery the current, since a BSP tells no state."""
    if pv.enum:
        return states_lamp(pv, 98, 3, 168, 24, active=kind.active)
    return [value(pv, 98, 3, 168)]


def _messages(ioc: Ioc, x: int, y: int, height: int) -> list[Widget]:
    """The last messages, newest first, and the alarm that they make until it is acknowledged."""
    pvs = Pvs(ioc.rows, ioc.own.macros, f"the IOC of {ioc.target.name}")
    first = f"{_GATEWAY}:"
    alarm, pending, done = pvs.some(
        f"{first}MessageAlarm", f"{first}MessagePending", f"{first}AcknowledgeMessages"
    )
    found = panel("Messages", x, y, 620, height, beside=500)
    found += [
        *states_lamp(alarm, x + 112, y + 6, 100, 24),
        label("Waiting to be read", x + 222, y + 6, 108, font=style.SMALL),
        value(pending, x + 334, y + 6, 50),
        press(done, "Acknowledge", x + 482, y + 5, 124, 26, confirm=f"{done.desc}?"),
    ]
    for number in range(_MESSAGES):
        pv = pvs[f"{first}Message{number + 1:02d}"]
        found.append(value(pv, x + 14, y + 38 + number * 26, 592, 22, font=style.SMALL))
    return found


def row(ioc: Ioc) -> IndexRow:
    """What the inverters do, and the four powers."""
    xtenders, batteries = ioc.parts_of(_XTENDER), ioc.parts_of(_BATTERY)
    alarm = ioc.pvs[f"{_GATEWAY}:MessageAlarm"]
    state = ioc.pvs[f"{xtenders[0].prefix}OperatingState"] if xtenders else alarm
    names = (("PV", "PvPower"), ("AC-in", "AcPowerIn"), ("Loads", "AcPowerOut"))
    cells = [Cell(text, ioc.pvs[f"Site:{name}"]) for text, name in names]
    cells += [Cell("Battery", ioc.pvs[f"{part.prefix}SocNow"]) for part in batteries]
    return IndexRow(Cell("State", state), tuple(cells[:4]))


def curves(ioc: Ioc) -> Sequence[Cell]:
    """The powers, and charge and voltage of the battery."""
    powers = ioc.own.some("Site:PvPower", "Site:AcPowerIn", "Site:AcPowerOut", "Site:BatteryPower")
    found = [Cell(pv.desc, pv) for pv in powers]
    for part in ioc.parts_of(_BATTERY):
        shown = ioc.pvs.some(*(part.prefix + name for name in ("SocNow", "Voltage", "Temp")))
        found += [Cell(f"{ioc.name_of(part)} {pv.desc}", pv) for pv in shown]
    return found


LAYOUT = Layout(main, row, curves)
