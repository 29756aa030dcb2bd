"""High voltage: each module with a table of its channels, and a screen for one channel.

Off and emergency off are beside what they switch off, and ask nothing; what switches on asks first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from iocs.export.bob import Display, Widget
from iocs.export.bob_values import Align

from . import style
from .catalog import NAME, PART, Ioc, Pv, Pvs, handed
from .detail import sheet_button, words
from .frames import chart, navigation, panel, repeat
from .header import header
from .layout import Cell, IndexRow, Layout, screen
from .truth import fitted
from .widgets import (
    big_lamp,
    entry,
    flag,
    goto,
    label,
    lamp,
    press,
    readback_row,
    setpoint_row,
    short,
    stale_state,
    states_lamp,
    steady,
    value,
)

_MODULE, _CHANNEL = "Module", "Channel"
_ACTIVE = ("RampingUp", "On", "RampingDown")
_WIDTH = 1248
"""Width of the body of a tab."""

_LEAST = 644
"""Height of the body that the module itself needs."""

_ROW = (898, 30)
_TABLE = 34
"""Where the rows of the table start."""

_CHART = 150
"""Height from which on a chart under the table is worth its place."""

_COLUMNS = (
    ("", 0, 62), ("State", 70, 110), ("Switch", 188, 98), ("Set voltage", 294, 94),
    ("As held", 394, 94), ("Voltage", 494, 118), ("Limit, \u00b5A", 620, 84),
    ("Current, \u00b5A", 710, 112), ("Events", 832, 62),
)  # fmt: skip
_FLAGS = (
    ("ModuleGood", "Module"), ("NoSumError", "Channels"), ("TemperatureGood", "Temperature"),
    ("SupplyGood", "Supply"), ("SafetyLoopGood", "Safety loop"), ("NeedsService", "Service"),
    ("InputError", "Input"), ("EventActive", "Event"),
)  # fmt: skip
"""Bits of the module, and what they are about."""

_SETTINGS = (
    "VoltageSet", "CurrentSet", "VoltageBounds", "CurrentBounds", "TripTime", "TripAction",
    "ExternalInhibitAction", "RampSpeedUp", "RampSpeedDown",
)  # fmt: skip
_IN_MICRO = {
    "CurrentSet": "Current limit or trip, held in \u00b5A",
    "CurrentBounds": "Allowed current distance, held in \u00b5A",
}
"""Settings of which the field holds the PV's unit, A, and the value beside it \u00b5A."""

_MICRO, _UNIT = 1_000_000, "\u00b5A"


def main(ioc: Ioc) -> Sequence[Display]:
    """The modules in tabs, the body of a tab, a row of its table, and the screen of a channel."""
    modules = ioc.parts_of(_MODULE)
    counts = {module.prefix: len(ioc.required(_CHANNEL, module.prefix)) for module in modules}
    height = max(_LEAST, _TABLE + max(counts.values()) * _ROW[1] + 10)
    widgets = [*header(ioc, ioc.title, ioc.file), *_summary(ioc.own)]
    tabs = [
        (name, _body_file(ioc, counts[module.prefix]), handed(module.prefix, name))
        for module in modules
        for name in [ioc.name_of(module)]
    ]
    modules_tabs = navigation("Modules", tabs, 10, style.TOP + 58, (_WIDTH, height))
    widgets.append(modules_tabs)
    bottom = modules_tabs.box[1] + modules_tabs.box[3] + 10
    pages = [screen(ioc.file, f"{ioc.title} $(P)$(R)", bottom, widgets)]
    pages += [_body(ioc, count, height) for count in sorted(set(counts.values()))]
    return [*pages, _row_page(ioc), _channel_page(ioc)]


def _summary(pvs: Pvs) -> list[Widget]:
    """What all modules are together."""
    texts = ("Channels on, all modules", "Channels tripped", "Highest voltage")
    found = panel("", 10, style.TOP, 1260, 48)
    shown = pvs.some("ChannelsOn", "ChannelsTripped", "MaxVoltage")
    for number, (pv, text) in enumerate(zip(shown, texts, strict=True)):
        found += _number(pv, text, 24 + number * 420, style.TOP + 9, 390)
    return found


def _number(pv: Pv, text: str, x: int, y: int, width: int) -> list[Widget]:
    """One of the numbers that are read from afar."""
    return [
        label(text, x, y, width - 146, 30),
        value(pv, x + width - 140, y, 140, 30, font=style.NUMBER, align=Align.END),
    ]


def _body_file(ioc: Ioc, count: int) -> str:
    return f"{ioc.file}_module_{count}ch"


def _body(ioc: Ioc, count: int, height: int) -> Display:
    """What a tab shows: the module on the left, its channels on the right."""
    pvs = ioc.part(_MODULE)
    channels = [part for part in ioc.parts_of(_CHANNEL) if part.parent == _parent(ioc, count)]
    names = [ioc.name_of(part) for part in channels]
    instances = [handed(f"{PART}{name}:", name) for name in names]
    x = 350
    widgets = [*_module(ioc, pvs, height), *panel("", x - 6, 0, 904, height)]
    widgets += [
        label(text, x + left, 8, width, 22, font=style.SMALL, color=style.MUTED,
              align=Align.MIDDLE, name=f"Column {left}")
        for text, left, width in _COLUMNS
        if text
    ]  # fmt: skip
    widgets += repeat("Channel", f"{ioc.file}_channel_row", instances, x, _TABLE, _ROW)
    free = _TABLE + count * _ROW[1] + 12
    if height - free > _CHART:
        measured, nominal = ioc.part(_CHANNEL).some("VoltageMeasure", "VoltageNominal")
        few = names[: len(style.CURVES)]
        shown = [measured.inside(f"{name}:") for name in few]
        most = nominal.inside(f"{names[0]}:")
        widgets += chart(
            "Voltages", shown, x, free, 890, height - free - 8, texts=few,
            reach={"0 V": _share(most, 0, "V"), "Nominal": most},
        )  # fmt: skip
    return Display(
        _body_file(ioc, count), f"Module $(P)$(R){PART}", (_WIDTH, height), style.BACKGROUND,
        widgets,
    )  # fmt: skip


def _parent(ioc: Ioc, count: int) -> str:
    """A module with so many channels."""
    modules = ioc.parts_of(_MODULE)
    return next(m.prefix for m in modules if len(ioc.parts_of(_CHANNEL, m.prefix)) == count)


def _module(ioc: Ioc, pvs: Pvs, height: int) -> list[Widget]:
    """State, settings and commands of the module; what it may not have comes last."""
    width, x, inner = 336, 12, 312
    connected = pvs["Connected"]
    found = [
        *panel(f"Module {NAME}", 0, 0, width, height, beside=150),
        *lamp(connected, 184, 7),
        value(connected, 210, 6, 114, 22),
        *emergency_off(pvs["EmergencyOffAll"], f"EMERGENCY OFF {NAME}", x, 38, inner),
        press(pvs["AllOff"], "All off (ramp)", x, 100, 152, 36, font=style.BOLD, stops=True),
        press(pvs["ClearEvents"], "Clear all events", x + 160, 100, 152, 36),
        *big_lamp(pvs["Status:HighVoltageOn"], x, 146, inner, 40, ("No high voltage",
                  "HIGH VOLTAGE"), on=style.ACTIVE),
    ]  # fmt: skip
    y = 196
    for name, text in (("ChannelsOn", "Channels on"), ("ChannelsTripped", "Channels tripped"),
                       ("MaxVoltage", "Highest voltage")):  # fmt: skip
        found += _number(pvs[name], text, x, y, inner)
        y += 35
    y += 6
    for number, (name, text) in enumerate(_FLAGS):
        pv = pvs[f"Status:{name}"]
        found += flag(pv, x + (number % 2) * 158, y + (number // 2) * 27, 154, text=text)
    y += 116
    for name, text in (("KillEnable", "Kill"), ("VoltageRampSpeed", "Voltage ramp"),
                       ("CurrentRampSpeed", "Current ramp")):  # fmt: skip
        look = fitted(pvs.readback(pvs[name]))
        found += setpoint_row(pvs, name, x, y, inner, text=text, look=look, room=212)
        y += 30
    for pv in pvs.some("Temperature", "Supply24V", "Supply5V"):
        found += readback_row(pv, x, y, inner, room=103, look=fitted(pv))
        y += 28
    found.append(sheet_button(ioc, _MODULE, "All PVs of the module", x, y + 4, inner))
    return found


def emergency_off(pv: Pv, text: str, x: int, y: int, width: int) -> list[Widget]:
    """The button that cuts: red on yellow as such buttons are, and it works or fails at once."""
    frame = Widget(
        "rectangle", f"{short(pv)} frame", x, y, width, 54, background_color=style.WARNING_SIGN,
        line_color=style.EDGE, line_width=1, corner_width=8, corner_height=8,
    )  # fmt: skip
    button = press(pv, text, x + 6, y + 6, width - 12, 42, font=style.NUMBER, stops=True,
                   shade=style.EMERGENCY)  # fmt: skip
    return [frame, button]


def _row_page(ioc: Ioc) -> Display:
    """One channel in the table: set, measured, state, on and off."""
    pvs = ioc.part(_CHANNEL)
    (_, state, switch, set_v, held, measured, limit, current, events) = _COLUMNS
    widgets = [
        goto(f"{ioc.file}_channel", NAME, 0, 3, 62, macros=handed(PART, NAME)),
        *states_lamp(pvs["ChannelState"], state[1], 3, state[2], 24, active=_ACTIVE),
        press(
            pvs["On"], "On", switch[1], 3, 46, confirm=f"Switch on $(P)$(R){PART}: ramp to the"
            " set voltage?",
        ),
        press(pvs["On"], "Off", switch[1] + 52, 3, 46, put="0", stops=True),
        entry(pvs["VoltageSet"], set_v[1], 3, set_v[2]),
        value(pvs["VoltageSet_RBV"], held[1], 3, held[2], align=Align.END),
        value(steady(pvs["VoltageMeasure"], 1), measured[1], 3, measured[2], font=style.NUMBER,
              align=Align.END, digits=1),
        value(_microamperes(pvs["CurrentSet_RBV"]), limit[1], 3, limit[2], align=Align.END,
              digits=3),
        value(_microamperes(pvs["CurrentMeasure"]), current[1], 3, current[2], font=style.NUMBER,
              align=Align.END, digits=3),
        press(pvs["TripReset"], "Clear", events[1], 3, events[2]),
    ]  # fmt: skip
    return Display(f"{ioc.file}_channel_row", "Channel row", _ROW, style.PANEL, widgets)


def _microamperes(pv: Pv) -> Pv:
    """A current in \u00b5A, whose digits an operator reads at a glance, for three digits.

    A formula of Phoebus with the alarm of the PV and without its units, which stay A in the IOC.
    """
    name = f"'{pv.name}'"
    least = "0.0000000005"
    formula = f"={name} > -{least} && {name} < {least} ? 0 * {name} + 0 : {_MICRO} * {name}"
    return _other(pv, formula, _UNIT)


def _share(pv: Pv, factor: float, units: str) -> Pv:
    """A multiple of a PV, as an end of an axis."""
    return _other(pv, f"={factor:g} * '{pv.name}'", units)


def _other(pv: Pv, formula: str, units: str) -> Pv:
    """A formula of Phoebus in place of a PV."""
    row = replace(pv.row, spec=replace(pv.row.spec, units=units, precision=3))
    return replace(pv, name=formula, row=row)


def _channel_page(ioc: Ioc) -> Display:
    """One channel: switch, measured values with their trend, all its settings, status, events."""
    pvs = ioc.part(_CHANNEL)
    file, top = f"{ioc.file}_channel", style.TOP
    widgets = [*header(ioc, f"Channel {NAME}", file, pvs), *_switch(pvs), *_channel_settings(pvs)]
    widgets += panel("Voltage and current", 10, top + 272, 620, 458)
    voltage, held, nominal = pvs.some("VoltageMeasure", "VoltageSet_RBV", "VoltageNominal")
    current, most = _microamperes(pvs["CurrentMeasure"]), pvs["CurrentNominal"]
    widgets += chart(
        "Channel chart", [voltage, held, current], 18, top + 302, 604, 420,
        texts=("Voltage", "Set voltage", "Current"),
        reach={
            "0 V": _share(nominal, 0, "V"), "Nominal voltage": nominal,
            "0 \u00b5A": _share(most, 0, _UNIT),
            "1 % of nominal current": _share(most, _MICRO // 100, _UNIT),
        },
    )  # fmt: skip
    widgets += _bits(pvs, "Status", top + 350, 200)
    widgets += _bits(pvs, "EventStatus", top + 558, 172)
    widgets.append(sheet_button(ioc, _CHANNEL, "All PVs of the channel", 1060, top + 5, 196))
    return screen(file, f"Channel $(P)$(R){PART}", style.TOP + 740, widgets)


def _switch(pvs: Pvs) -> list[Widget]:
    x, y = 10, style.TOP
    question = f"Switch on $(P)$(R){PART}: ramp to the set voltage?"
    found = panel("Output", x, y, 620, 262)
    found += [
        *states_lamp(pvs["ChannelState"], x + 14, y + 34, 290, 44, active=_ACTIVE),
        press(pvs["On"], "On", x + 14, y + 88, 140, 40, confirm=question, font=style.BOLD),
        press(
            pvs["On"], "Off (ramp)", x + 164, y + 88, 140, 40, put="0", font=style.BOLD, stops=True
        ),
        *emergency_off(pvs["EmergencyOff"], "EMERGENCY OFF", x + 14, y + 140, 290),
        press(pvs["TripReset"], "Clear trip and events", x + 14, y + 208, 290, 36),
    ]
    measured = (
        ("Voltage", steady(pvs["VoltageMeasure"], 1), 1),
        ("Current, \u00b5A", _microamperes(pvs["CurrentMeasure"]), 3),
    )
    for number, (text, pv, digits) in enumerate(measured):
        row = y + 34 + number * 48
        found += [
            label(text, x + 330, row, 110, 40),
            value(pv, x + 444, row, 162, 40, font=style.STATE, align=Align.END, digits=digits),
        ]
    facts = (
        ("Nominal voltage", pvs["VoltageNominal"], -1),
        ("Nominal current, \u00b5A", _microamperes(pvs["CurrentNominal"]), 3),
        ("Ramp speed of the module", pvs["ModuleRampSpeed"], -1),
        ("Output ramps", pvs["Ramping"], -1),
    )
    for number, (text, pv, digits) in enumerate(facts):
        row = y + 136 + number * 30
        field = value(pv, x + 504, row, 102, digits=digits)
        found += [
            label(text, x + 330, row, 170, name=f"{short(pv)} label"),
            field, *stale_state(pv, field.box),
        ]  # fmt: skip
    return found


def _channel_settings(pvs: Pvs) -> list[Widget]:
    """The set points of a channel; those that not every firmware has come last."""
    x, y = 640, style.TOP
    found = panel("Settings (to write, and as the module holds them)", x, y, 630, 340, beside=200)
    for number, name in enumerate(_SETTINGS):
        held, current = pvs.readback(pvs[name]), name in _IN_MICRO
        found += setpoint_row(
            pvs, name, x + 14, y + 38 + number * 33, 602, look=fitted(held),
            text=_IN_MICRO.get(name, ""), held=_microamperes(held) if current else None, room=340,
        )  # fmt: skip
    return found


def _bits(pvs: Pvs, word: str, y: int, height: int) -> list[Widget]:
    """The bits of a word, in three columns: in short, since the title says what they are of."""
    x = 640
    found = panel(pvs[word].desc.partition(",")[0], x, y, 630, height)
    for number, pv in enumerate(pvs.below(f"{word}:")):
        text = words(short(pv).rpartition(":")[2])
        found += flag(pv, x + 14 + (number % 3) * 206, y + 34 + (number // 3) * 27, 202, text=text)
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
    """The highest voltage, and voltage and current of the first channels."""
    channels = ioc.parts_of(_CHANNEL)
    found = [Cell("Highest voltage", ioc.own["MaxVoltage"])]
    several = len(ioc.parts_of(_MODULE)) > 1
    for part in channels[:3]:
        name = part.prefix.rstrip(":").replace(":", " ") if several else ioc.name_of(part)
        found += [
            Cell(f"{name} {text}", ioc.pvs[f"{part.prefix}{pv}"])
            for text, pv in (("voltage", "VoltageMeasure"), ("current", "CurrentMeasure"))
        ]
    return found


def reach(ioc: Ioc) -> Sequence[Cell]:
    """What the voltage may be, and a hundredth of what the current may be."""
    first = ioc.parts_of(_CHANNEL)[0].prefix
    volts, amperes = (ioc.pvs[f"{first}{name}Nominal"] for name in ("Voltage", "Current"))
    return [
        Cell("0 V", _share(volts, 0, "V")),
        Cell("Nominal voltage", volts),
        Cell("0 A", _share(amperes, 0, "A")),
        Cell("1 % of nominal current", _share(amperes, 0.01, "A")),
    ]


LAYOUT = Layout(main, row, curves, reach)
