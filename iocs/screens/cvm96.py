"""Power analysers: each meter with its three phases in a table, energies, unbalance and trend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from iocs.export.bob import Display, Widget
from iocs.export.bob_values import Align

from . import style
from .catalog import NAME, PART, PREFIX, Ioc, Pvs, handed
from .detail import sheet_button
from .frames import chart, navigation, panel, repeat
from .header import header
from .layout import Cell, IndexRow, Layout, screen
from .truth import GOOD, NOUGHT, shown_while
from .widgets import cover, label, lamp, silent, states_lamp, value

_LINES = ("L1", "L2", "L3")
_PAIRS = ("L1L2", "L2L3", "L3L1")
_QUANTITIES = (
    ("Voltage", ""), ("Current", "AverageCurrent"), ("ActivePower", "Total:ActivePower"),
    ("ReactivePower", "Total:InductivePower"), ("PowerFactor", "Total:PowerFactor"),
    ("VoltageTHD", ""), ("CurrentTHD", ""),
)  # fmt: skip
"""What each line has, and what stands for all three."""

_MAIN = 3
"""How many of them, from the first on, are written large."""

_NETWORK = (
    "Frequency", "VoltageUnbalance", "Total:ApparentPower", "CurrentUnbalance",
    "Total:CapacitivePower", "NeutralCurrent", "Total:CosPhi", "MaxDemand",
)  # fmt: skip
_PHASE_DEMANDS = ("MaxDemandL2", "MaxDemandL3")
"""What only a meter has that integrates the demand of each phase."""

_ENERGIES = ("Active", "Inductive", "Capacitive", "Apparent")
_BALANCES = ("", "Generated", "SinceStart", "GeneratedSinceStart")
_CURVES = ("Total:ActivePower", "Total:PowerFactor", "L1:Voltage", "Frequency")
_BODY = (1248, 640)
_TABLE = 344
_TILE = (306, 68)


def _meters(ioc: Ioc) -> list[tuple[str, str]]:
    """Prefix and name of each meter; a single one without a name has the prefix of the IOC."""
    return [(part.prefix, ioc.name_of(part)) for part in ioc.parts] or [("", "Meter")]


def _meter(ioc: Ioc) -> Pvs:
    """The PVs that every meter has."""
    if ioc.parts:
        return ioc.part(ioc.parts[0].kind)
    return Pvs(ioc.rows, PREFIX, f"the IOC of {ioc.target.name}", PART)


def main(ioc: Ioc) -> Sequence[Display]:
    """Tiles of all meters above, one meter below."""
    meters = _meters(ioc)
    tiles = [handed(prefix, name) for prefix, name in meters]
    down = -(-len(meters) // 4)
    y = style.TOP + down * (_TILE[1] + 8)
    pages = [(name, f"{ioc.file}_meter", handed(prefix)) for prefix, name in meters]
    tabs = navigation("Meter", pages, 10, y, _BODY)
    widgets = [
        *header(ioc, ioc.title, ioc.file),
        *repeat("Meter tile", f"{ioc.file}_tile", tiles, 10, style.TOP, _TILE, across=4, gap=8),
        tabs,
    ]
    height = y + tabs.box[3] + 10
    overview = screen(ioc.file, f"{ioc.title} $(P)$(R)", height, widgets)
    return [overview, _tile(ioc), _meter_page(ioc)]


def _tile(ioc: Ioc) -> Display:
    """One meter in a line: does it answer, and its power."""
    pvs = _meter(ioc)
    power = value(pvs["Total:ActivePower"], 142, 14, 150, 40, font=style.STATE)
    widgets = [
        *panel("", 0, 0, *_TILE),
        *lamp(pvs["Connected"], 12, 12),
        label(NAME, 40, 8, 96, 28, font=style.TITLE),
        label("PF", 40, 38, 22, font=style.SMALL, color=style.MUTED),
        value(pvs["Total:PowerFactor"], 66, 37, 56),
        power,
        cover(pvs["Total:ActivePower"], power.box, font=style.STATE),
    ]
    return Display(f"{ioc.file}_tile", "Meter in a line", _TILE, style.BACKGROUND, widgets)


def _meter_page(ioc: Ioc) -> Display:
    """All of a meter that is looked at every day."""
    pvs = _meter(ioc)
    lower = _TABLE + 10
    widgets = [*_phases(pvs), *_network(pvs), *_energies(pvs, lower)]
    widgets += panel("Active power", 620, lower, 628, _BODY[1] - lower)
    powers = [*(pvs[f"{line}:ActivePower"] for line in _LINES), pvs["Total:ActivePower"]]
    zero = replace(powers[-1], name="=0")
    widgets += chart(
        "Power chart", powers, 628, lower + 28, 612, _BODY[1] - lower - 36,
        texts=(*_LINES, "All"), reach={"Zero": zero},
    )  # fmt: skip
    if ioc.parts:
        widgets.append(sheet_button(ioc, ioc.parts[0].kind, "All PVs of the meter", 1040, 6, 200))
    file = f"{ioc.file}_meter"
    return Display(file, f"Meter $(P)$(R){PART}", _BODY, style.BACKGROUND, widgets)


def _head(text: str, x: int, y: int, width: int) -> Widget:
    return label(
        text, x, y, width, 22, font=style.SMALL, color=style.MUTED, align=Align.MIDDLE,
        name=f"Column {text} {x} {y}",
    )  # fmt: skip


def _phases(pvs: Pvs) -> list[Widget]:
    """The table: quantities down, lines across, what stands for all on the right."""
    left, cell = 154, 119
    found = panel("Three phases", 0, 0, 640, _TABLE)
    for number, text in enumerate((*_LINES, "All")):
        found.append(_head(text, left + number * cell, 28, cell - 10))
    y = 54
    for number, (quantity, whole) in enumerate(_QUANTITIES):
        font, high = (style.NUMBER, 32) if number < _MAIN else (style.NORMAL, style.ROW)
        lines = [pvs[f"{line}:{quantity}"] for line in _LINES]
        words = lines[0].desc.removeprefix(f"{_LINES[0]} ").partition(",")[0]
        found.append(label(words.capitalize(), 14, y, left - 18, high))
        shown = lines + ([pvs[whole]] if whole else [])
        found += [
            value(pv, left + column * cell, y, cell - 10, high, font=font)
            for column, pv in enumerate(shown)
        ]
        y += high + 9
    found.append(label("L1-L2, L2-L3, L3-L1", 14, y, left - 18))
    found += [
        value(pvs[f"{pair}:Voltage"], left + column * cell, y, cell - 10)
        for column, pair in enumerate(_PAIRS)
    ]
    return found


def _network(pvs: Pvs) -> list[Widget]:
    """Unbalance and what else concerns the whole network; whether the values can be believed."""
    x, width = 650, 598
    found = panel("Network", x, 0, width, _TABLE, beside=200)
    names = [*_NETWORK, *(name for name in _PHASE_DEMANDS if name in pvs)]
    for number, pv in enumerate(pvs.some(*names)):
        left, y = x + 14 + (number % 2) * 292, 42 + (number // 2) * 34
        text = pv.desc.partition(" (")[0].partition(",")[0]
        found += [label(text, left, y, 176), value(pv, left + 182, y, 98)]
    plausible, doubts = pvs.some("Plausible", "Doubts")
    field = value(doubts, x + 199, 258, 382, 72)
    nothing = shown_while(GOOD, plausible.name)
    found += [
        label(plausible.desc, x + 14, 218, 176),
        *states_lamp(plausible, x + 196, 216, 120, 28, active=["Plausible"]),
        label(doubts.desc, x + 14, 258, 176, 72),
        field,
        silent(field, "Nothing", nothing),
    ]
    return found


def _energies(pvs: Pvs, top: int) -> list[Widget]:
    """Counters of the meter and since the IOC started, taken and given."""
    left, cell = 104, 125
    found = panel("Energy", 0, top, 610, _BODY[1] - top)
    heads = ("Taken", "Given", "Taken since start", "Given since start")
    for column, text in enumerate(heads):
        found.append(_head(text, left + column * cell, top + 30, cell - 10))
    for number, kind in enumerate(_ENERGIES):
        y = top + 56 + number * 34
        found.append(label(kind, 14, y, left - 18))
        for column, balance in enumerate(_BALANCES):
            pv = pvs[f"Energy:{kind}{balance}"]
            found.append(value(pv, left + column * cell, y, cell - 10))
    resets, last = pvs.some("Energy:ResetCount", "Energy:LastReset")
    y = top + 200
    found += [label(resets.desc, 14, y, 190), value(resets, 215, y, 90)]
    field = value(last, 215, y + 36, 378, 40)
    never = shown_while(NOUGHT, resets.name)
    found += [
        label(last.desc, 14, y + 36, 190, 40),
        field,
        silent(field, "None since start", never),
    ]
    return found


def row(ioc: Ioc) -> IndexRow:
    """The power of the first meters; the state tells whether their values can be believed."""
    meters = _meters(ioc)
    shown = meters[:4]
    first = meters[0][0]
    return IndexRow(
        Cell("Plausibility", ioc.pvs[f"{first}Plausible"]),
        tuple(
            Cell(f"{name} power", ioc.pvs[f"{prefix}Total:ActivePower"]) for prefix, name in shown
        ),
    )


def curves(ioc: Ioc) -> Sequence[Cell]:
    """Of many meters their power, of fewer also the rest, as far as there are colours."""
    meters = _meters(ioc)
    names = _CURVES[: max(len(style.CURVES) // len(meters), 1)]
    found = [
        Cell(f"{meter} {pv.desc}", pv)
        for prefix, meter in meters
        for pv in ioc.pvs.some(*(prefix + name for name in names))
    ]
    return found[: len(style.CURVES)]


def reach(ioc: Ioc) -> Sequence[Cell]:
    """No power at all."""
    return [Cell("0 W", replace(curves(ioc)[0].pv, name="=0"))]


LAYOUT = Layout(main, row, curves, reach)
