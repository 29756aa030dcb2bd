"""Battery cyclers: all channels in a grid by their state, and a screen for one channel.

Stop is for one channel, stands out, and asks nothing; what starts or changes a test asks first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from iocs.arbin.cycler import LOGIN_RESULTS
from iocs.arbin.states import GROUPS
from iocs.arbin.states import Group as States
from iocs.export.bob import Display, Widget
from iocs.export.bob_values import OpenDisplay
from iocs.export.parts import Part

from . import style
from .catalog import NAME, PART, Ioc, Pv, Pvs, handed
from .detail import sheet_button
from .frames import box, chart, panel
from .header import header
from .layout import Cell, IndexRow, Layout, screen
from .truth import NOUGHT, shown_while
from .widgets import cover, entry, flag, goto, label, lamp, press, states_lamp, steady, told, value

_CHANNEL = "Channel"
_ACTIVE = (GROUPS[States.RUNNING],)
_LOGGED_IN = (LOGIN_RESULTS[1], LOGIN_RESULTS[3])
_CELL, _ACROSS, _GAP = (152, 150), 8, 5
_PAGE = 32
"""Channels of one grid. The cells are widgets of the screen itself: Phoebus 5.0.5 gives up waiting
for embedded ones when it is slow, and needs minutes for a screen of some thousand widgets."""

_CYCLER, _CONTROL, _CHART = 126, 386, 330
"""Heights of panels."""

_DOT = (33, 24, 36, 30)
"""One channel among many: width, height, and distances to the next."""

_AUX_COLUMNS, _AUX_PITCH = 4, 28
_REACH = {"V": (2.5, 4.2), "A": (-1.0, 1.0), "degC": (15.0, 45.0)}
"""What charts show at least, so that none follows noise: the window of a lithium-ion cell."""

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
    """The grid, its pages if there are many channels, and the screen of a channel."""
    channels = ioc.required(_CHANNEL)
    y = style.TOP + _CYCLER + 10
    widgets = [*header(ioc, ioc.title, ioc.file), *_cycler(ioc.own)]
    pages = [channels[first : first + _PAGE] for first in range(0, len(channels), _PAGE)]
    several = len(pages) > 1
    widgets += _map(ioc, pages, y) if several else _grid(ioc, channels, y)
    y = max(widget.box[1] + widget.box[3] for widget in widgets) + 10
    first = screen(ioc.file, f"{ioc.title} $(P)$(R)", max(y, 800), widgets + _charts(ioc, y))
    return [first, *(_page(ioc, pages, n) for n in range(len(pages)) if several), _channel(ioc)]


def _cycler(pvs: Pvs) -> list[Widget]:
    """The login, whether commands are passed on, and how many channels do what."""
    x, y = style.MARGIN, style.TOP
    found = panel("Cycler", x, y, 1260, _CYCLER)
    login, allowed, refusal = pvs.some("LoginResult", "AllowControl", "ControlRefusal")
    refused = shown_while(NOUGHT, allowed.name)
    found += [
        *states_lamp(login, x + 14, y + 34, 242, 44, active=_LOGGED_IN),
        *lamp(allowed, x + 14, y + 92),
        label(allowed.desc, x + 42, y + 90, 258),
        *told(allowed, (x + 304, y + 90, 50, style.ROW), font=style.SMALL),
        label("Why", x + 370, y + 90, 36, look=refused),
        value(refusal, x + 412, y + 86, 456, 32, font=style.FINE, look=refused),
    ]
    for number, (name, text) in enumerate(_COUNTS):
        left = x + 274 + number * 120
        found += [
            label(text, left, y + 32, 108, 18, font=style.SMALL),
            value(pvs[name], left, y + 52, 108, 28, font=style.NUMBER),
        ]
    names = (
        ("UserType", "User"),
        ("SerialNumber", "Serial number"),
        ("ServerGeneration", "Software"),
    )
    for number, (name, text) in enumerate(names):
        row = y + 32 + number * style.PITCH
        found.append(label(text, x + 890, row, 150))
        found += told(pvs[name], (x + 1046, row, 200, style.ROW))
    return found


def _grid(ioc: Ioc, channels: Sequence[Part], y: int, top: int = 36) -> list[Widget]:
    """A cell for each channel; `top` is where they begin in their panel."""
    down = -(-len(channels) // _ACROSS)
    found = panel("Channels", style.MARGIN, y, 1260, top + down * (_CELL[1] + _GAP) + 5)
    for number, part in enumerate(channels):
        left = 14 + number % _ACROSS * (_CELL[0] + _GAP)
        found += _cell(ioc, part, left, y + top + number // _ACROSS * (_CELL[1] + _GAP))
    return found


def _cell(ioc: Ioc, part: Part, x: int, y: int) -> list[Widget]:
    """One channel in the grid: name, status, state, voltage, current."""
    name, width = ioc.name_of(part), _CELL[0] - 12
    state, status, voltage, current = (
        ioc.pvs[part.prefix + each] for each in ("State", "Status", "Voltage", "Current")
    )
    what = value(status, x + 68, y + 6, 78, 32, font=style.SMALL, look={"wrap_words": True})
    return [
        box(f"Cell {name}", x, y, *_CELL, fill=style.PANEL, corner=8),
        goto(f"{ioc.file}_channel", name, x + 6, y + 6, 58, 32, macros=handed(part.prefix, name)),
        what,
        cover(status, what.box, "?"),
        *states_lamp(state, x + 6, y + 44, width, 38, active=_ACTIVE),
        value(steady(voltage, 3), x + 6, y + 88, width, 26, font=style.NUMBER, digits=3),
        value(steady(current, 3), x + 6, y + 118, width, 26, font=style.NUMBER, digits=3),
    ]


def _map(ioc: Ioc, pages: Sequence[Sequence[Part]], y: int) -> list[Widget]:
    """Every channel as a button with the border of its alarm, those of a page in a row."""
    width, height, across, down = _DOT
    found = panel("Channels", style.MARGIN, y, 1260, 44 + len(pages) * down)
    for number, page in enumerate(pages):
        row = y + 38 + number * down
        text = " to ".join(_number(ioc, part) for part in (page[0], page[-1]))
        found.append(goto(_page_file(ioc, number), text, 20, row, 72, height, font=style.SMALL))
        for place, part in enumerate(page):
            found.append(_dot(ioc, part, 98 + place * across, row, width, height))
    return found


def _dot(ioc: Ioc, part: Part, x: int, y: int, width: int, height: int) -> Widget:
    """One channel among many."""
    state = ioc.pvs[f"{part.prefix}State"]
    macros = handed(part.prefix, ioc.name_of(part))
    return Widget(
        "action_button", f"Open {ioc.name_of(part)}", x, y, width, height, pv_name=state.name,
        text=_number(ioc, part), font=style.FINE, background_color=style.BUTTON,
        actions=(OpenDisplay(f"{ioc.file}_channel.bob", ioc.name_of(part), macros),),
    )  # fmt: skip


def _number(ioc: Ioc, part: Part) -> str:
    return ioc.name_of(part).removeprefix("CH")


def _page_file(ioc: Ioc, number: int) -> str:
    return f"{ioc.file}_page{number + 1:02d}"


def _page(ioc: Ioc, pages: Sequence[Sequence[Part]], number: int) -> Display:
    """The grid of some of many channels."""
    first, last = (ioc.name_of(part) for part in (pages[number][0], pages[number][-1]))
    title, file = f"Channels {first} to {last}", _page_file(ioc, number)
    widgets = [*header(ioc, title, file), *_grid(ioc, pages[number], style.TOP, 40)]
    for other, text, x in ((number - 1, "Previous", 1000), (number + 1, "Next", 1136)):
        if 0 <= other < len(pages):
            widgets.append(goto(_page_file(ioc, other), text, x, style.TOP + 6, 126, 28))
    height = max(widget.box[1] + widget.box[3] for widget in widgets) + 10
    return screen(file, f"{title} $(P)$(R)", height, widgets)


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
        found += _chart(f"{quantity} chart", shown, (x + 8, y + 28, 605, height - 36), names)
    return found


def _chart(
    name: str, pvs: Sequence[Pv], place: tuple[int, int, int, int], texts: Sequence[str]
) -> list[Widget]:
    """A chart whose axes follow their curves, but reach from one usual end to the other."""
    return chart(name, pvs, *place, texts=texts, reach=_usual(pvs))


def _usual(pvs: Sequence[Pv]) -> dict[str, Pv]:
    """One usual end and the other for each unit among some PVs."""
    return {
        f"{end:g} {unit}": replace(pv, name=f"={end}")
        for unit, pv in {pv.units: pv for pv in pvs}.items()
        for end in _REACH[unit]
    }


def _channel(ioc: Ioc) -> Display:
    """One channel: control, test, values, trend, variables, aux values."""
    pvs = ioc.part(_CHANNEL)
    file, top = f"{ioc.file}_channel", style.TOP + _CONTROL + 10
    shown = (pvs.some("Voltage", "Current") + pvs.below("Aux:Temperature"))[: len(style.CURVES)]
    texts = [pv.desc.partition(",")[0] for pv in shown]
    widgets = [
        *header(ioc, f"Channel {NAME}", file, pvs),
        *_control(pvs),
        *_test(pvs),
        *_values(pvs),
        *panel("Voltage, current, temperature", style.MARGIN, top, 700, _CHART, beside=210),
        sheet_button(ioc, _CHANNEL, "All PVs of the channel", 506, top + 5, 196),
        *_chart("Channel chart", shown, (18, top + 34, 684, _CHART - 42), texts),
        *_variables(pvs, 720, top),
        *_extras(pvs, top + _CHART + 10),
    ]
    height = max(widget.box[1] + widget.box[3] for widget in widgets) + 10
    return screen(file, f"Channel $(P)$(R){PART}", height, widgets)


def _control(pvs: Pvs) -> list[Widget]:
    x, y, width = style.MARGIN, style.TOP, 400
    ask = f"channel $(P)$(R){PART}?"
    status = value(pvs["Status"], x + 14, y + 88, 312, 28, font=style.NUMBER)
    found = [
        *panel("Control", x, y, width, _CONTROL),
        *states_lamp(pvs["State"], x + 14, y + 36, 372, 44, active=_ACTIVE),
        status,
        cover(pvs["Status"], status.box, "?"),
        value(pvs["StatusCode"], x + 334, y + 88, 52, 28),
        *flag(pvs["CommFailure"], x + 14, y + 124, 372),
        press(pvs["Stop"], "Stop", x + 14, y + 152, 372, 44, font=style.STATE, stops=True),
    ]
    inputs = (("ScheduleSet", "Assign"), ("TestNameSet", "Start"), ("JumpStepSet", "Jump"))
    for number, (name, action) in enumerate(inputs):
        row = y + 202 + number * 48
        question = f"{pvs[action].desc}: {ask}"
        found += [
            label(pvs[name].desc, x + 14, row, 270, 18, font=style.SMALL),
            entry(pvs[name], x + 14, row + 18, 270),
            press(pvs[action], action, x + 292, row + 18, 94, confirm=question),
        ]
    resume = pvs["Resume"]
    found.append(
        press(resume, resume.desc, x + 14, y + 350, 372, 28, confirm=f"{resume.desc}: {ask}")
    )
    return found


def _test(pvs: Pvs) -> list[Widget]:
    x, y, width = 420, style.TOP, 430
    found = panel("Test", x, y, width, _CONTROL)
    texts = pvs.some("TestName", "Schedule", "StepCycle", "ExitCondition", "Barcode")
    for number, pv in enumerate(texts):
        found += [
            label(pv.desc, x + 14, y + 36 + number * 34, 156, font=style.SMALL),
            value(pv, x + 174, y + 36 + number * 34, width - 188, look={"transparent": True}),
        ]
    numbers = pvs.some("StepId", "CycleId", "TestTime", "StepTime", "MasterChannel")
    for number, pv in enumerate(numbers):
        top = y + 214 + number * 33
        found += [label(pv.desc, x + 14, top, 266), value(pv, x + 286, top, 130, digits=0)]
    return found


def _values(pvs: Pvs) -> list[Widget]:
    x, y, width = 860, style.TOP, 410
    found = panel("Measured", x, y, width, _CONTROL)
    for number, name in enumerate(("Voltage", "Current")):
        left = x + 14 + number * 194
        found += [
            label(pvs[name].desc.partition(",")[0], left, y + 32, 188, 20, font=style.SMALL),
            value(pvs[name], left, y + 54, 188, 40, font=style.STATE),
        ]
    for number, pv in enumerate(pvs.some(*_MEASURED)):
        row = y + 104 + number * 28
        found += [
            label(pv.desc, x + 14, row, 250, 22, font=style.SMALL),
            value(pv, x + 270, row, 126, 22, digits=4),
        ]
    return found


def _variables(pvs: Pvs, x: int, y: int) -> list[Widget]:
    """User variables to write; the cycler does not tell them, so they are known once set."""
    found = panel("User variables of the test (NaN: not set)", x, y, 550, _CHART)
    for number in range(_VARIABLES):
        pv = pvs[f"MV:UD{number + 1:02d}"]
        left, row = x + 14 + (number // 8) * 266, y + 40 + (number % 8) * 36
        found += [
            label(f"Variable {number + 1}", left, row, 92),
            entry(pv, left + 98, row, 154),
        ]
    return found


def _extras(pvs: Pvs, y: int) -> list[Widget]:
    """What the channel has besides: auxiliary values, those of a BMS, those of a smart battery."""
    shown = [pv for level in ("Aux:", "BMS:", "SMB:Text") for pv in pvs.below(level)]
    if not shown:
        return []
    down = -(-len(shown) // _AUX_COLUMNS)
    found = panel("Auxiliary values", style.MARGIN, y, 1260, 40 + down * _AUX_PITCH + 6)
    for number, pv in enumerate(shown):
        x, row = 24 + number // down * 312, y + 38 + number % down * _AUX_PITCH
        found += [
            label(pv.desc, x, row, 180, 22, font=style.SMALL),
            value(pv, x + 184, row, 116, 22),
        ]
    return found


def row(ioc: Ioc) -> IndexRow:
    """The login, and how many channels run, are paused, unsafe or out of reach."""
    pvs = ioc.own
    shown = tuple(Cell(text, pvs[name]) for name, text in _COUNTS[1:])
    return IndexRow(Cell("Login", pvs["LoginResult"]), shown, _LOGGED_IN)


def curves(ioc: Ioc) -> Sequence[Cell]:
    """Voltage and current of the first channels."""
    parts = ioc.parts_of(_CHANNEL)[:4]
    return [
        Cell(f"{ioc.name_of(part)} {name.lower()}", ioc.pvs[f"{part.prefix}{name}"])
        for part in parts
        for name in ("Voltage", "Current")
    ]


def reach(ioc: Ioc) -> Sequence[Cell]:
    """The usual ends of voltage and current."""
    return [Cell(text, pv) for text, pv in _usual([cell.pv for cell in curves(ioc)]).items()]


LAYOUT = Layout(main, row, curves, reach)
