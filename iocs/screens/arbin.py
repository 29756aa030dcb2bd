"""Battery cyclers: all channels in a grid by their state, and a screen for one channel.

Stop is for one channel, stands out, and asks nothing; what starts or changes a test asks first.
"""

from __future__ import annotations

from collections.abc import Sequence

from iocs.arbin.states import GROUPS
from iocs.arbin.states import Group as States
from iocs.export.bob import Display, Widget

from . import style
from .catalog import NAME, PART, Ioc, Pvs, handed
from .detail import sheet_button
from .frames import chart, panel, repeat
from .header import header
from .layout import Cell, IndexRow, Layout, screen
from .widgets import entry, goto, label, lamp, press, states_lamp, value

_CHANNEL = "Channel"
_ACTIVE = (GROUPS[States.RUNNING],)
_CELL, _ACROSS, _GAP = (152, 64), 8, 5
_COUNTS = (
    ("ChannelsTotal", "Channels"), ("ChannelsRunning", "Running"), ("ChannelsPaused", "Paused"),
    ("ChannelsUnsafe", "Unsafe"), ("ChannelsCommFailure", "No controller"),
)  # fmt: skip
_MEASURED = (
    "Power", "ChargeCapacity", "DischargeCapacity", "ChargeEnergy", "DischargeEnergy",
    "InternalResistance", "DvDt", "ACR", "ACI", "ACIPhase",
)  # fmt: skip
_VARIABLES = 16


def main(ioc: Ioc) -> Sequence[Display]:
    """The grid, a cell of it, and the screen of a channel."""
    channels = ioc.required(_CHANNEL)
    names = [ioc.name_of(part) for part in channels]
    cells = [handed(part.prefix, name) for part, name in zip(channels, names, strict=True)]
    down = -(-len(cells) // _ACROSS)
    y, grid = style.TOP + 148, down * (_CELL[1] + _GAP)
    widgets = [
        *header(ioc, ioc.title, ioc.file),
        *_cycler(ioc.own),
        *panel("Channels", style.MARGIN, y, 1260, grid + 46),
        *repeat("Cell", f"{ioc.file}_cell", cells, 14, y + 36, _CELL, across=_ACROSS, gap=_GAP),
    ]
    y += grid + 56
    pages = [screen(ioc.file, f"{ioc.title} $(P)$(R)", max(y, 800), widgets + _charts(ioc, y))]
    return [*pages, _cell(ioc), _channel(ioc)]


def _cycler(pvs: Pvs) -> list[Widget]:
    """The login, whether commands are passed on, and how many channels do what."""
    x, y = style.MARGIN, style.TOP
    found = panel("Cycler", x, y, 1260, 138)
    login, allowed, refusal, user = pvs.some(
        "LoginResult", "AllowControl", "ControlRefusal", "UserType"
    )
    found += [
        label(login.desc, x + 14, y + 36, 150),
        value(login, x + 166, y + 36, 130),
        label(user.desc, x + 320, y + 36, 220),
        value(user, x + 544, y + 36, 100),
        *lamp(allowed, x + 14, y + 70),
        label(allowed.desc, x + 42, y + 68, 254),
        value(allowed, x + 300, y + 68, 50),
        label(refusal.desc, x + 354, y + 68, 218),
        value(refusal, x + 574, y + 68, 672),
    ]
    for number, name in enumerate(("SerialNumber", "ServerGeneration")):
        left = x + 670 + number * 300
        found += [
            label(pvs[name].desc, left, y + 36, 160, font=style.SMALL),
            value(pvs[name], left + 160, y + 36, 116),
        ]
    for number, (name, text) in enumerate(_COUNTS):
        left = x + 14 + number * 249
        found += [label(text, left, y + 102, 120), value(pvs[name], left + 124, y + 102, 70)]
    return found


def _charts(ioc: Ioc, y: int) -> list[Widget]:
    """Voltages and currents of the first channels, where the grid leaves room for them."""
    height = 790 - y
    if height < 200:
        return []
    first = ioc.parts_of(_CHANNEL)[: len(style.CURVES)]
    names = [ioc.name_of(part) for part in first]
    found: list[Widget] = []
    for number, quantity in enumerate(("Voltage", "Current")):
        x = style.MARGIN + number * 635
        shown = [ioc.pvs[f"{part.prefix}{quantity}"] for part in first]
        found += panel(quantity, x, y, 625, height)
        found += chart(f"{quantity} chart", shown, x + 8, y + 28, 605, height - 36, texts=names)
    return found


def _cell(ioc: Ioc) -> Display:
    """One channel in the grid: name, state, voltage, current."""
    pvs = ioc.part(_CHANNEL)
    widgets = [
        *panel("", 0, 0, *_CELL),
        goto(f"{ioc.file}_channel", NAME, 6, 6, 58, macros=handed(PART, NAME)),
        *states_lamp(pvs["State"], 70, 6, 76, 24, active=_ACTIVE),
        value(pvs["Voltage"], 6, 36, 66, 22, digits=3),
        value(pvs["Current"], 78, 36, 68, 22, digits=3),
    ]
    return Display(f"{ioc.file}_cell", "Channel in the grid", _CELL, style.BACKGROUND, widgets)


def _channel(ioc: Ioc) -> Display:
    """One channel: control, test, values, trend, variables, aux values."""
    pvs = ioc.part(_CHANNEL)
    file, top = f"{ioc.file}_channel", style.TOP + 372
    shown = pvs.some("Voltage", "Current") + pvs.below("Aux:Temperature")
    widgets = [
        *header(ioc, f"Channel {NAME}", file, PART),
        *_control(pvs),
        *_test(pvs),
        *_values(pvs),
        *panel("Voltage, current, temperature", style.MARGIN, top, 700, 360, beside=210),
        sheet_button(ioc, _CHANNEL, "All PVs of the channel", 506, top + 5, 196),
        *chart("Channel chart", shown, 18, top + 34, 680, 318),
        *_variables(pvs, 720, top),
    ]
    height = top + 370
    return screen(file, f"Channel $(P)$(R){PART}", height, widgets)


def _control(pvs: Pvs) -> list[Widget]:
    x, y, width = style.MARGIN, style.TOP, 400
    ask = f"channel $(P)$(R){PART}?"
    found = [
        *panel("Control", x, y, width, 362),
        *states_lamp(pvs["State"], x + 14, y + 36, 372, 40, active=_ACTIVE),
        value(pvs["Status"], x + 14, y + 84, 220, font=style.BOLD),
        value(pvs["StatusCode"], x + 240, y + 84, 40),
        value(pvs["CommFailure"], x + 286, y + 84, 100),
        press(pvs["Stop"], "Stop", x + 14, y + 118, 372, 44, font=style.BOLD, stops=True),
    ]
    inputs = (("ScheduleSet", "Assign"), ("TestNameSet", "Start"), ("JumpStepSet", "Jump"))
    for number, (name, action) in enumerate(inputs):
        row = y + 172 + number * 50
        question = f"{pvs[action].desc}: {ask}"
        found += [
            label(pvs[name].desc, x + 14, row, 270, 20, font=style.SMALL),
            entry(pvs[name], x + 14, row + 20, 270),
            press(pvs[action], action, x + 292, row + 20, 94, confirm=question),
        ]
    resume = pvs["Resume"]
    found.append(
        press(resume, resume.desc, x + 14, y + 326, 372, 28, confirm=f"{resume.desc}: {ask}")
    )
    return found


def _test(pvs: Pvs) -> list[Widget]:
    x, y, width = 420, style.TOP, 430
    found = panel("Test", x, y, width, 362)
    texts = pvs.some("TestName", "Schedule", "StepCycle", "ExitCondition", "Barcode")
    for number, pv in enumerate(texts):
        found += [
            label(pv.desc, x + 14, y + 36 + number * 32, 156, font=style.SMALL),
            value(pv, x + 174, y + 36 + number * 32, width - 188),
        ]
    numbers = pvs.some("StepId", "CycleId", "TestTime", "StepTime", "MasterChannel")
    for number, pv in enumerate(numbers):
        top = y + 202 + number * 31
        found += [label(pv.desc, x + 14, top, 266), value(pv, x + 286, top, 130, digits=0)]
    return found


def _values(pvs: Pvs) -> list[Widget]:
    x, y, width = 860, style.TOP, 410
    found = panel("Measured", x, y, width, 362)
    for number, name in enumerate(("Voltage", "Current")):
        left = x + 14 + number * 194
        found += [
            label(pvs[name].desc.partition(",")[0], left, y + 32, 188, 20, font=style.SMALL),
            value(pvs[name], left, y + 54, 188, 36, font=style.TITLE),
        ]
    for number, pv in enumerate(pvs.some(*_MEASURED)):
        found += [
            label(pv.desc, x + 14, y + 98 + number * 26, 250, 22, font=style.SMALL),
            value(pv, x + 270, y + 98 + number * 26, 126, 22, digits=4),
        ]
    return found


def _variables(pvs: Pvs, x: int, y: int) -> list[Widget]:
    """User variables to write, and the auxiliary values that the channel has."""
    found = panel("User variables of the test", x, y, 550, 240)
    for number in range(_VARIABLES):
        pv = pvs[f"MV:UD{number + 1:02d}"]
        left, row = x + 14 + (number // 6) * 178, y + 34 + (number % 6) * 33
        found += [
            label(pv.name.rpartition(":")[2], left, row, 44),
            entry(pv, left + 50, row, 114),
        ]
    aux = [pv for level in ("Aux:", "BMS:", "SMB:") for pv in pvs.below(level)][:_AUX]
    found += panel("Auxiliary values", x, y + 250, 550, 110)
    for number, pv in enumerate(aux):
        left, row = x + 14 + (number % 2) * 268, y + 282 + (number // 2) * 26
        found += [
            label(pv.desc, left, row, 150, 22, font=style.SMALL),
            value(pv, left + 156, row, 98, 22),
        ]
    return found


_AUX = 6
"""Auxiliary values that have room on the screen of a channel; its sheet has all."""


def row(ioc: Ioc) -> IndexRow:
    """The login, and how many channels run, are paused, unsafe or out of reach."""
    pvs = ioc.own
    shown = tuple(Cell(text, pvs[name]) for name, text in _COUNTS[1:])
    return IndexRow(Cell("Login", pvs["LoginResult"]), shown)


def curves(ioc: Ioc) -> Sequence[Cell]:
    """Voltage and current of the first channels."""
    parts = ioc.parts_of(_CHANNEL)[:4]
    return [
        Cell(f"{ioc.name_of(part)} {name.lower()}", ioc.pvs[f"{part.prefix}{name}"])
        for part in parts
        for name in ("Voltage", "Current")
    ]


LAYOUT = Layout(main, row, curves)
