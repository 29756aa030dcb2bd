"""Inverters and batteries: where the power flows, what every device does, what it complains of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from iocs.export.bob import Display, Widget
from iocs.export.bob_values import Align

from . import style
from .catalog import CONNECTED, NAME, PART, Ioc, Pv, Pvs, handed
from .detail import sheet_button
from .device import STATE_BOX, device_page, lead
from .flow import direction, flow, node
from .frames import chart, panel, repeat
from .header import header
from .layout import Cell, IndexRow, Layout, screen
from .truth import FRESH, Look, shown_while
from .widgets import goto, label, lamp, press, states_lamp, told, value

_GATEWAY, _XTENDER, _BATTERY = "Gateway", "Xtender", "Battery"
_MESSAGES = 10
_FLOWING = 0.02
"""kW from which on the picture shows a flow."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of device is shown: what it does, and values under headings."""

    name: str
    state: str
    active: tuple[str, ...]
    values: tuple[tuple[str, str], ...]


_CHARGES = (
    "Charge",
    *(f"Charge, {what} limited" for what in ("voltage", "current", "heat", "BSP")),
)
_KINDS = (
    _Kind(_XTENDER, "OperatingState", ("Inverter", "Charger", "Boost", "Injection"), (
        ("Phase", "BattCyclePhase"), ("AC-in", "AcPowerIn"), ("AC-out", "AcPowerOut"),
        ("Battery", "BattVoltage"))),
    _Kind("VarioTrack", "PvOperationMode", ("Charger", *_CHARGES), (
        ("Phase", "BattCyclePhase"), ("PV power", "PvPowerNow"), ("PV voltage", "PvVoltageNow"),
        ("Battery", "BattVoltage"))),
    _Kind("VarioString", "PvMode", (
        *_CHARGES, "Charge, power limited", "Charge, PV curr. limited"), (
        ("Phase", "CyclePhase"), ("PV power", "PvPower"), ("PV voltage", "PvVoltage"),
        ("Battery", "BattVoltage"))),
    _Kind(_BATTERY, "Power", (), (
        ("Charge", "SocNow"), ("Current", "Current"), ("Voltage", "Voltage"),
        ("Temperature", "Temp"))),
)  # fmt: skip
_ROW = (690, 30)
_COLUMNS = ((286, 130), (422, 84), (512, 84), (602, 84))
_SOLAR, _AC = ("VarioTrack", "VarioString"), (_XTENDER,)
_POWERS = (
    ("PV", "Site:PvPower", _SOLAR), ("AC-in", "Site:AcPowerIn", _AC),
    ("AC-out", "Site:AcPowerOut", _AC), ("Battery", "Site:BatteryPower", (*_SOLAR, *_AC, _BATTERY)),
)  # fmt: skip
"""The powers of a site, each with the devices that it needs."""

_EACH = (-4.0, 8.0)
"""kW that an axis of powers has for each inverter, or each charger if those are more."""

_LIMITS = {
    _XTENDER: (("Cut-off", "LvdNoload_RBV"), ("Absorption", "AbsorptionVoltage_RBV")),
    "VarioTrack": (("Float", "FloatVoltage_RBV"), ("Absorption", "AbsorptionVoltage_RBV")),
}
"""Voltages that the axis of a battery's reaches to."""

_BATTERY_WORDS = ("Charging", "Discharging", "At rest")
_FLOW_HEIGHT = 452
_GATEWAY_WORDS = ("Flags", "LastMessage:Class", "LastMessage:Type")
"""What the gateway's messages and its single flags tell better."""


def _kinds(ioc: Ioc) -> list[_Kind]:
    """The kinds of which the site has any."""
    return [kind for kind in _KINDS if ioc.parts_of(kind.name)]


def main(ioc: Ioc) -> Sequence[Display]:
    """The picture with charts, devices and messages; a row and a screen for each kind of device."""
    top = style.TOP + _FLOW_HEIGHT + 10
    devices, height = _devices(ioc, style.MARGIN, top)
    height = max(height, 300)
    messages, _ = _messages(ioc.pvs, f"{_GATEWAY}:", 730, top, 540, height)
    widgets = [
        *header(ioc, ioc.title, ioc.file),
        *_picture(ioc),
        *_charts(ioc),
        *panel("Devices", style.MARGIN, top, 710, height, beside=130),
        *devices,
        *messages,
    ]
    pages = [screen(ioc.file, f"{ioc.title} $(P)$(R)", top + height + 10, widgets)]
    pages += [_row_page(ioc, kind) for kind in _kinds(ioc)]
    pages += [_page(ioc, kind) for kind in _kinds(ioc)]
    return [*pages, _gateway_page(ioc)]


def _file(ioc: Ioc, kind: str) -> str:
    return f"{ioc.file}_{kind.lower()}"


def _page(ioc: Ioc, kind: _Kind) -> Display:
    """The screen of a kind of device."""
    pvs = ioc.part(kind.name)
    cells = [Cell(text, pvs[name]) for text, name in kind.values]
    top = lead(ioc, kind.name, _state(pvs[kind.state], kind, STATE_BOX), cells)
    shown = (CONNECTED, kind.state, *(name for _, name in kind.values))
    left_out = shown if pvs[kind.state].enum else (CONNECTED, *shown[2:])
    return device_page(ioc, kind.name, _file(ioc, kind.name), top, left_out)


def _gateway_page(ioc: Ioc) -> Display:
    """The screen of the gateway: its messages on top."""
    pvs = ioc.part(_GATEWAY)
    top, told = _messages(pvs, "", style.MARGIN, style.TOP, 1260, 336)
    clock, devices = pvs.some("Time", "Devices")
    y = style.TOP + 302
    top += [
        label("Clock", 24, y, 60, font=style.SMALL),
        value(clock, 90, y, 190),
        label("Devices", 310, y, 60, font=style.SMALL),
        value(devices, 376, y, 660),
        sheet_button(ioc, _GATEWAY, "All PVs of the gateway", 1060, y - 1, 196),
    ]
    return device_page(ioc, _GATEWAY, _file(ioc, _GATEWAY), top, (*told, *_GATEWAY_WORDS))


def _picture(ioc: Ioc) -> list[Widget]:
    """PV above, grid on the left, loads on the right, the battery below; values on the flows."""
    y = style.TOP
    pvs = ioc.own
    pv, into, out, battery = powers = pvs.some(*(name for _, name, _ in _POWERS))
    left, middle, right, center = 22, 310, 632, 405
    found = panel("Energy flow", style.MARGIN, y, 790, _FLOW_HEIGHT)
    colors = {pv.name: color for pv, color in zip(powers, style.CURVES, strict=False)}
    flows = [(battery, (center, y + 240), (center, y + 284), (center + 14, y + 247))]
    if _has(ioc, *_SOLAR):
        flows.append((pv, (center, y + 94), (center, y + 138), (center + 14, y + 101)))
        found += node("Photovoltaics", middle, y + 30, 190, 64,
                      [("Today", pvs["Site:PvEnergyCurrDay"])])  # fmt: skip
    if _has(ioc, _XTENDER):
        flows.append((into, (left + 156, y + 189), (middle, y + 189), (left + 161, y + 147)))
        flows.append((out, (middle + 190, y + 189), (right, y + 189), (middle + 195, y + 147)))
        for title, x, name in (("Grid or generator", left, "In"), ("Loads", right, "Out")):
            today = pvs[f"Site:AcEnergy{name}CurrDay"]
            found += node(title, x, y + 157, 156, 64, [("Today", today)], room=88)
    for each, start, end, (x, row) in flows:
        color = colors[each.name]
        found += flow(each, start, end, color, _FLOWING)
        found.append(value(each, x, row, 122, 30, font=style.NUMBER, role="flow"))
    return [*found, *_inverter(ioc, middle, y + 138), *_battery(ioc, middle, y + 284)]


def _powers(ioc: Ioc) -> list[tuple[str, Pv]]:
    """The powers of what the site has, with their texts."""
    return [(text, ioc.own[name]) for text, name, kinds in _POWERS if _has(ioc, *kinds)]


def _has(ioc: Ioc, *kinds: str) -> bool:
    """Whether the site has one of these; also if it is not known what it has."""
    known = any(ioc.parts_of(kind.name) for kind in _KINDS)
    return not known or any(ioc.parts_of(kind) for kind in kinds)


def _inverter(ioc: Ioc, x: int, y: int) -> list[Widget]:
    """The state of the first Xtender, which leads the others; without any, of a charger."""
    kind = next((kind for kind in _kinds(ioc) if kind.name != _BATTERY), None)
    if kind is None:
        return node("Inverters", x, y, 190, 102, [])
    first = ioc.parts_of(kind.name)[0]
    what = "Inverters" if kind.name == _XTENDER else "Chargers"
    state = ioc.pvs[f"{first.prefix}{kind.state}"]
    phase = ioc.pvs[f"{first.prefix}{kind.values[0][1]}"]
    high = 36 if kind.name == _XTENDER else 30
    return [
        *node(f"{what} ({ioc.name_of(first)})", x, y, 190, 102, []),
        *states_lamp(state, x + 10, y + 31, 170, high, active=kind.active),
        *told(phase, (x + 10, y + 73, 170, 22), role="node"),
    ]


def _battery(ioc: Ioc, x: int, y: int) -> list[Widget]:
    parts = ioc.parts_of(_BATTERY)
    power = ioc.own["Site:BatteryPower"]
    word = direction(power, (x + 10, y + 30, 170, 36), _FLOWING, _BATTERY_WORDS)
    if not parts:
        return [*node("Battery", x, y, 190, 76, []), *word]
    pvs, first = ioc.pvs, parts[0].prefix
    shown = [(text, pvs[f"{first}{name}"]) for text, name in
             (("Charge", "SocNow"), ("Voltage", "Voltage"))]  # fmt: skip
    found = node("Battery", x, y, 190, 163, shown, font=style.NUMBER, first=70, room=112)
    return [*found, *word, *_left(ioc, f"{first}Autonomy", x, y + 138)]


def _left(ioc: Ioc, name: str, x: int, y: int) -> list[Widget]:
    """How long the battery lasts, while a monitor can tell."""
    if name not in ioc.pvs:
        return []
    pv = ioc.pvs[name]
    known = shown_while(f"pv0 == pv0 && {FRESH}", pv.name)
    return [
        label("Time left", x + 10, y, 54, 19, font=style.SMALL, look=known),
        value(pv, x + 68, y, 112, 19, role="left", look=known),
    ]


def _charts(ioc: Ioc) -> list[Widget]:
    """The powers, and what the battery does between its under-voltage and its absorption."""
    x, y, height = 810, style.TOP, (_FLOW_HEIGHT - 10) // 2
    several = max(len(ioc.parts_of(_XTENDER)), len(ioc.parts_of("VarioTrack"))
                  + len(ioc.parts_of("VarioString")), 1)  # fmt: skip
    ends = {"kW": (_EACH[0] * several, _EACH[1] * several)}
    powers = _powers(ioc)
    found = panel("Power", x, y, 460, height)
    found += chart("Power chart", [pv for _, pv in powers], x + 8, y + 28, 442, height - 34,
                   span="1 hour", texts=[text for text, _ in powers], ends=ends)  # fmt: skip
    parts = ioc.parts_of(_BATTERY)
    if parts:
        y += height + 10
        shown = [ioc.pvs[f"{parts[0].prefix}{name}"] for name in ("SocNow", "Voltage")]
        found += panel("Battery", x, y, 460, height)
        found += chart("Battery chart", shown, x + 8, y + 28, 442, height - 34, span="1 hour",
                       texts=("Charge", "Voltage"), reach=_reach(ioc))  # fmt: skip
    return found


def _reach(ioc: Ioc) -> dict[str, Pv]:
    """Between which voltages the first device that has such settings keeps the battery."""
    for kind, limits in _LIMITS.items():
        for part in ioc.parts_of(kind):
            return {text: ioc.pvs[part.prefix + name] for text, name in limits}
    return {}


def _devices(ioc: Ioc, x: int, y: int) -> tuple[list[Widget], int]:
    """A row for each device under the headings of its kind; and how high the list is."""
    found: list[Widget] = [
        goto(_file(ioc, _GATEWAY), _GATEWAY, x + 590, y + 5, 110, 24,
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
    align = Align.MIDDLE if of else Align.START
    return label(text, x, y, width, 18, font=style.SMALL, color=style.MUTED, align=align,
                 name=f"Column {of}{text}")  # fmt: skip


def _row_page(ioc: Ioc, kind: _Kind) -> Display:
    """One device: does it answer, what does it do, and four values."""
    pvs = ioc.part(kind.name)
    file = _file(ioc, kind.name)
    widgets = [
        goto(file, NAME, 2, 3, 58, macros=handed(PART, NAME)),
        *lamp(pvs["Connected"], 70, 5),
        *_state(pvs[kind.state], kind, (98, 3, 180, 24)),
    ]
    for (_, name), (left, width) in zip(kind.values, _COLUMNS, strict=True):
        widgets += told(pvs[name], (left, 4, width, 22))
    return Display(f"{file}_row", f"{kind.name} in a line", _ROW, style.PANEL, widgets)


def _state(pv: Pv, kind: _Kind, place: tuple[int, int, int, int]) -> list[Widget]:
    """What a device does: a state, or of a battery where its power flows, since it tells none."""
    if pv.enum:
        return states_lamp(pv, *place, active=kind.active)
    return direction(pv, place, 1000.0 * _FLOWING, _BATTERY_WORDS)


def _messages(
    pvs: Pvs, at: str, x: int, y: int, width: int, height: int
) -> tuple[list[Widget], Sequence[str]]:
    """The last messages, newest first, and the alarm that they make until it is acknowledged.

    at: where the gateway is among the PVs. Also gives the names of what is shown.
    """
    names = ("MessageAlarm", "MessagePending", "AcknowledgeMessages")
    alarm, pending, done = pvs.some(*(at + name for name in names))
    found = panel("Messages", x, y, width, height, beside=width - 110)
    found += [
        *states_lamp(alarm, x + 100, y + 6, 164, 38),
        label("Waiting to be read", x + 274, y + 13, 104, font=style.SMALL),
        *told(pending, (x + 380, y + 13, 36, style.ROW)),
        press(done, "Acknowledge", x + width - 116, y + 10, 104, 30, confirm=f"{done.desc}?"),
    ]
    clear: Look = {"transparent": True}
    row = y + 49
    for number in range(1, _MESSAGES + 1):
        pv = pvs[f"{at}Message{number:02d}"]
        high, font = (36, style.BOLD) if number == 1 else (20, style.SMALL)
        found.append(value(pv, x + 14, row, width - 28, high, font=font, look=clear))
        row += high + 3
    return found, names


def row(ioc: Ioc) -> IndexRow:
    """What the inverters do, the powers, and the charge of the battery."""
    xtenders, batteries = ioc.parts_of(_XTENDER), ioc.parts_of(_BATTERY)
    alarm = ioc.pvs[f"{_GATEWAY}:MessageAlarm"]
    state = ioc.pvs[f"{xtenders[0].prefix}OperatingState"] if xtenders else alarm
    cells = [Cell(text, pv) for text, pv in _powers(ioc)[:-1]]
    cells += [Cell("Battery", ioc.pvs[f"{part.prefix}SocNow"]) for part in batteries]
    active = _KINDS[0].active if xtenders else ()
    return IndexRow(Cell("State", state), tuple(cells[:4]), active)


def curves(ioc: Ioc) -> Sequence[Cell]:
    """The powers, and charge, voltage and temperature of the battery."""
    found = [Cell(f"{text} power", pv) for text, pv in _powers(ioc)]
    for part in ioc.parts_of(_BATTERY):
        shown = ioc.pvs.some(*(part.prefix + name for name in ("SocNow", "Voltage", "Temp")))
        found += [Cell(pv.desc, pv) for pv in shown]
    return found


def reach(ioc: Ioc) -> Sequence[Cell]:
    """No power at all, and the voltages between which the battery is kept."""
    zero = Cell("0 kW", replace(_powers(ioc)[0][1], name="=0"))
    return [zero, *(Cell(f"{text} voltage", pv) for text, pv in _reach(ioc).items())]


LAYOUT = Layout(main, row, curves, reach)
