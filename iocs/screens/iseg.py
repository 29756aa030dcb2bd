"""High voltage: each module with a table of its channels, and a screen for one channel.

Off and emergency off are beside what they switch off, and ask nothing; what switches on asks first.
"""

from __future__ import annotations

from collections.abc import Sequence

from iocs.export.bob import Display, Widget
from iocs.export.bob_values import Align

from . import style
from .catalog import NAME, PART, Ioc, Pv, Pvs, handed
from .detail import sheet_button
from .frames import chart, navigation, panel, repeat
from .header import header
from .layout import Cell, IndexRow, Layout, screen
from .truth import Look, hidden_while
from .widgets import (
    entry,
    flag,
    goto,
    label,
    lamp,
    press,
    readback_row,
    setpoint_row,
    states_lamp,
    value,
)

_MODULE, _CHANNEL = "Module", "Channel"
_ACTIVE = ("RampingUp", "On", "RampingDown")
_BODY = (1248, 640)
_ROW = (898, 30)
_CHART = 150
"""Height from which on a chart under the table is worth its place."""

_COLUMNS = (
    ("", 0, 66), ("State", 72, 112), ("Switch", 192, 100), ("Set voltage", 302, 84),
    ("held", 392, 86), ("Measured", 484, 92), ("Current limit", 586, 104), ("Measured", 696, 106),
    ("Events", 812, 82),
)  # fmt: skip
_LAMPS = (
    "ModuleGood", "SafetyLoopGood", "TemperatureGood", "SupplyGood", "NoSumError", "InputError",
    "NeedsService", "EventActive", "NoRamp", "HighVoltageOn",
)  # fmt: skip
_SETTINGS = (
    "VoltageSet", "CurrentSet", "VoltageBounds", "CurrentBounds", "TripTime", "TripAction",
    "ExternalInhibitAction", "RampSpeedUp", "RampSpeedDown",
)  # fmt: skip
_OPTIONAL = ("RampSpeedUp", "RampSpeedDown", "TripTime", "TripAction", "ExternalInhibitAction")
"""Settings that not every firmware has."""

_FACTS = ("VoltageNominal", "CurrentNominal", "ModuleRampSpeed")


def main(ioc: Ioc) -> Sequence[Display]:
    """The modules in tabs, the body of a tab, a row of its table, and the screen of a channel."""
    modules = ioc.parts_of(_MODULE)
    counts = {module.prefix: len(ioc.required(_CHANNEL, module.prefix)) for module in modules}
    summary = ioc.own.some("ChannelsOn", "ChannelsTripped", "MaxVoltage")
    widgets = [*header(ioc, ioc.title, ioc.file), *panel("", 10, style.TOP, 1260, 44)]
    for number, pv in enumerate(summary):
        widgets += readback_row(pv, 24 + number * 420, style.TOP + 10, 390, room=110)
    tabs = [
        (ioc.name_of(module), _body_file(ioc, counts[module.prefix]), handed(module.prefix))
        for module in modules
    ]
    modules_tabs = navigation("Modules", tabs, 10, style.TOP + 54, _BODY)
    widgets.append(modules_tabs)
    bottom = modules_tabs.box[1] + modules_tabs.box[3] + 10
    pages = [screen(ioc.file, f"{ioc.title} $(P)$(R)", bottom, widgets)]
    pages += [_body(ioc, count) for count in sorted(set(counts.values()))]
    return [*pages, _row_page(ioc), _channel_page(ioc)]


def _body_file(ioc: Ioc, count: int) -> str:
    return f"{ioc.file}_module_{count}ch"


def _body(ioc: Ioc, count: int) -> Display:
    """What a tab shows: the module on the left, its channels on the right."""
    pvs = ioc.part(_MODULE)
    channels = [part for part in ioc.parts_of(_CHANNEL) if part.parent == _parent(ioc, count)]
    names = [ioc.name_of(part) for part in channels]
    instances = [handed(f"{PART}{name}:", name) for name in names]
    x, top = 350, 60
    height = max(_BODY[1], top + count * _ROW[1] + 10)
    widgets = [*_module(ioc, pvs), *panel("Channels", x - 6, 0, 904, height)]
    widgets += [
        label(text, x + left, 32, width, 22, font=style.SMALL, color=style.MUTED,
              align=Align.MIDDLE, name=f"Column {left}")
        for text, left, width in _COLUMNS
        if text
    ]  # fmt: skip
    widgets += repeat("Channel", f"{ioc.file}_channel_row", instances, x, top, _ROW)
    free = top + count * _ROW[1] + 16
    if height - free > _CHART:
        measured = ioc.part(_CHANNEL)["VoltageMeasure"]
        pvs_shown = [measured.inside(f"{name}:") for name in names[: len(style.CURVES)]]
        widgets += chart("Voltages", pvs_shown, x, free, 888, height - free - 10, texts=names)
    return Display(
        _body_file(ioc, count), f"Module $(P)$(R){PART}", (_BODY[0], height), style.BACKGROUND,
        widgets,
    )  # fmt: skip


def _parent(ioc: Ioc, count: int) -> str:
    """A module with so many channels."""
    modules = ioc.parts_of(_MODULE)
    return next(m.prefix for m in modules if len(ioc.parts_of(_CHANNEL, m.prefix)) == count)


def _module(ioc: Ioc, pvs: Pvs) -> list[Widget]:
    """State, settings and commands of the module."""
    width, inner = 336, 312
    found = [*panel("Module", 0, 0, width, _BODY[1]), *_module_commands(pvs, 12, 34, inner)]
    y = 168
    for pv in pvs.some("ChannelsOn", "ChannelsTripped"):
        found += readback_row(pv, 12, y, inner, room=96)
        y += 28
    found += readback_row(pvs["MaxVoltage"], 12, y, inner, text="Highest voltage", room=96)
    y += 28
    for name, text in (
        ("VoltageRampSpeed", "Voltage ramp"), ("CurrentRampSpeed", "Current ramp"),
        ("KillEnable", "Kill"),
    ):  # fmt: skip
        found += setpoint_row(pvs, name, 12, y, inner, text=text)
        y += 28
    for pv in pvs.some("Temperature", "Supply24V", "Supply5V"):
        found += readback_row(pv, 12, y, inner, room=96)
        y += 28
    for number, name in enumerate(_LAMPS):
        pv = pvs[f"Status:{name}"]
        found += flag(pv, 12 + (number % 2) * 158, y + 8 + (number // 2) * 27, 157)
    found.append(
        sheet_button(ioc, _MODULE, "All PVs of the module", 12, y + 150, inner)
    )  # fmt: skip
    return found


def _module_commands(pvs: Pvs, x: int, y: int, width: int) -> list[Widget]:
    """Connection, and what switches off all channels at once."""
    half = (width - 8) // 2
    connected = pvs["Connected"]
    return [
        label(connected.desc, x, y, 126),
        *lamp(connected, x + 132, y + 2),
        value(connected, x + 160, y, width - 160),
        press(pvs["AllOff"], "All off (ramp)", x, y + 32, half, 40, font=style.BOLD, stops=True),
        press(
            pvs["EmergencyOffAll"], "EMERGENCY OFF", x + half + 8, y + 32, half, 40,
            font=style.BOLD, stops=True,
        ),
        press(pvs["ClearEvents"], "Clear events of module and channels", x, y + 80, width, 26),
    ]  # fmt: skip


def _row_page(ioc: Ioc) -> Display:
    """One channel in the table: set, measured, state, on and off."""
    pvs = ioc.part(_CHANNEL)
    (_, state, switch, set_v, held, measured, limit, current, events) = _COLUMNS
    widgets = [
        goto(f"{ioc.file}_channel", NAME, 0, 3, 66, macros=handed(PART, NAME)),
        *states_lamp(pvs["ChannelState"], state[1], 3, state[2], 24, active=_ACTIVE),
        press(
            pvs["On"], "On", switch[1], 3, 46, confirm=f"Switch on $(P)$(R){PART}: ramp to the"
            " set voltage?",
        ),
        press(pvs["On"], "Off", switch[1] + 54, 3, 46, put="0", stops=True),
        entry(pvs["VoltageSet"], set_v[1], 3, set_v[2]),
        value(pvs["VoltageSet_RBV"], held[1], 3, held[2]),
        value(pvs["VoltageMeasure"], measured[1], 3, measured[2], font=style.BOLD),
        value(pvs["CurrentSet_RBV"], limit[1], 3, limit[2]),
        value(pvs["CurrentMeasure"], current[1], 3, current[2], font=style.BOLD),
        press(pvs["TripReset"], "Clear", events[1], 3, events[2]),
    ]  # fmt: skip
    return Display(f"{ioc.file}_channel_row", "Channel row", _ROW, style.PANEL, widgets)


def _channel_page(ioc: Ioc) -> Display:
    """One channel: switch, measured values with their trend, all its settings, status, events."""
    pvs = ioc.part(_CHANNEL)
    file, top = f"{ioc.file}_channel", style.TOP
    widgets = [*header(ioc, f"Channel {NAME}", file, PART), *_switch(pvs), *_channel_settings(pvs)]
    widgets += panel("Voltage and current", 10, top + 262, 620, 468)
    shown = pvs.some("VoltageMeasure", "VoltageSet_RBV", "CurrentMeasure")
    widgets += chart("Channel chart", shown, 18, top + 292, 604, 430)
    widgets += _bits(pvs, "Status", top + 350, 200)
    widgets += _bits(pvs, "EventStatus", top + 558, 172)
    widgets.append(
        sheet_button(ioc, _CHANNEL, "All PVs of the channel", 1060, top + 5, 196)
    )  # fmt: skip
    return screen(file, f"Channel $(P)$(R){PART}", style.TOP + 740, widgets)


def _switch(pvs: Pvs) -> list[Widget]:
    x, y = 10, style.TOP
    question = f"Switch on $(P)$(R){PART}: ramp to the set voltage?"
    found = panel("Output", x, y, 620, 252)
    found += [
        *states_lamp(pvs["ChannelState"], x + 14, y + 36, 290, 44, active=_ACTIVE),
        press(pvs["On"], "On", x + 14, y + 92, 140, 40, confirm=question, font=style.BOLD),
        press(
            pvs["On"], "Off (ramp)", x + 164, y + 92, 140, 40, put="0", font=style.BOLD, stops=True
        ),
        press(
            pvs["EmergencyOff"],
            "EMERGENCY OFF",
            x + 14,
            y + 144,
            290,
            40,
            font=style.BOLD,
            stops=True,
        ),
        press(pvs["TripReset"], "Clear trip and events", x + 14, y + 200, 290, 32),
    ]
    for number, name in enumerate(("VoltageMeasure", "CurrentMeasure")):
        row = y + 36 + number * 46
        found += [
            label(pvs[name].desc, x + 330, row, 140, 36),
            value(pvs[name], x + 470, row, 136, 36, font=style.TITLE),
        ]
    facts = pvs.some(*_FACTS)
    for number, pv in enumerate([*facts, pvs["Ramping"]]):
        text = "Ramp speed of module" if pv is facts[2] else ""
        found += readback_row(pv, x + 330, y + 132 + number * 29, 276, text=text, room=110)
    return found


def _channel_settings(pvs: Pvs) -> list[Widget]:
    x, y = 640, style.TOP
    found = panel("Settings (to write, and as the module holds them)", x, y, 630, 340, beside=200)
    for number, name in enumerate(_SETTINGS):
        look = _present(pvs, pvs[name]) if name in _OPTIONAL else None
        found += setpoint_row(pvs, name, x + 14, y + 38 + number * 33, 602, look=look)
    return found


def _present(pvs: Pvs, pv: Pv) -> Look:
    """Hides what the module does not have: INVALID while other values of the channel are good."""
    return hidden_while(
        "pvSev0 == 3 && pvSev1 < 3", pvs.readback(pv).name, pvs["VoltageSet_RBV"].name
    )


def _bits(pvs: Pvs, word: str, y: int, height: int) -> list[Widget]:
    """The bits of a word, in three columns."""
    x = 640
    found = panel(pvs[word].desc.partition(",")[0], x, y, 630, height)
    for number, pv in enumerate(pvs.below(f"{word}:")):
        found += flag(pv, x + 14 + (number % 3) * 206, y + 34 + (number // 3) * 27, 202)
    return found


def row(ioc: Ioc) -> IndexRow:
    """How many channels are on, have tripped, and the highest voltage."""
    pvs = ioc.own
    modules = ioc.parts_of(_MODULE)
    first = modules[0].prefix
    return IndexRow(
        Cell("Channels on", pvs["ChannelsOn"]),
        (
            Cell("Tripped", pvs["ChannelsTripped"]),
            Cell("Highest voltage", pvs["MaxVoltage"]),
            Cell("Board temperature", ioc.pvs[f"{first}Temperature"]),
        ),
    )


def curves(ioc: Ioc) -> Sequence[Cell]:
    """The summary, and the voltages and currents of the first channels."""
    found = [Cell(pv.desc, pv) for pv in ioc.own.some("MaxVoltage", "ChannelsOn")]
    for part in ioc.parts_of(_CHANNEL)[:3]:
        shown = ioc.pvs.some(f"{part.prefix}VoltageMeasure", f"{part.prefix}CurrentMeasure")
        found += [Cell(f"{part.prefix.rstrip(':')} {pv.desc}", pv) for pv in shown]
    return found


LAYOUT = Layout(main, row, curves)
