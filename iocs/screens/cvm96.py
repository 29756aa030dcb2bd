"""Power analysers: each meter with its three phases in a table, energies, unbalance and trend."""

from __future__ import annotations

from collections.abc import Sequence

from iocs.export.bob import Display, Widget
from iocs.export.bob_values import Align

from . import style
from .catalog import NAME, PART, PREFIX, Ioc, Pvs, handed
from .detail import sheet_button
from .frames import chart, navigation, panel, repeat
from .header import header
from .layout import Cell, IndexRow, Layout, screen
from .widgets import label, lamp, readback_row, value

_LINES = ("L1", "L2", "L3")
_PAIRS = ("L1L2", "L2L3", "L3L1")
_QUANTITIES = (
    ("Voltage", ""), ("Current", "AverageCurrent"), ("ActivePower", "Total:ActivePower"),
    ("ReactivePower", "Total:InductivePower"), ("PowerFactor", "Total:PowerFactor"),
    ("VoltageTHD", ""), ("CurrentTHD", ""),
)  # fmt: skip
"""What each line has, and what stands for all three."""

_NETWORK = (
    "VoltageUnbalance", "CurrentUnbalance", "Frequency", "NeutralCurrent", "Total:ApparentPower",
    "Total:CapacitivePower", "Total:CosPhi", "MaxDemand",
)  # fmt: skip
_ENERGIES = ("Active", "Inductive", "Capacitive", "Apparent")
_BALANCES = ("", "Generated", "SinceStart", "GeneratedSinceStart")
_BODY = (1248, 620)
_TILE = (306, 54)


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
    widgets = [
        *panel("", 0, 0, *_TILE),
        *lamp(pvs["Connected"], 12, 17),
        label(NAME, 40, 15, 70, font=style.BOLD),
        value(pvs["Total:ActivePower"], 112, 15, 100, font=style.BOLD),
        label("PF", 222, 15, 20, font=style.SMALL, color=style.MUTED),
        value(pvs["Total:PowerFactor"], 244, 15, 50),
    ]
    return Display(f"{ioc.file}_tile", "Meter in a line", _TILE, style.BACKGROUND, widgets)


def _meter_page(ioc: Ioc) -> Display:
    """All of a meter that is looked at every day."""
    pvs = _meter(ioc)
    widgets = [*_phases(pvs), *_network(pvs), *_energies(pvs)]
    widgets += panel("Active power", 620, 326, 628, 294)
    powers = [*(pvs[f"{line}:ActivePower"] for line in _LINES), pvs["Total:ActivePower"]]
    widgets += chart("Power chart", powers, 628, 354, 612, 258)
    if ioc.parts:
        widgets.append(sheet_button(ioc, ioc.parts[0].kind, "All PVs of the meter", 1040, 6, 200))
    file = f"{ioc.file}_meter"
    return Display(file, f"Meter $(P)$(R){PART}", _BODY, style.BACKGROUND, widgets)


def _head(text: str, x: int, y: int, width: int) -> Widget:
    return label(
        text, x, y, width, 22, font=style.SMALL, color=style.MUTED, align=Align.END,
        name=f"Column {text} {x} {y}",
    )  # fmt: skip


def _phases(pvs: Pvs) -> list[Widget]:
    """The table: quantities down, lines across, what stands for all on the right."""
    left, cell = 200, 106
    found = panel("Three phases", 0, 0, 640, 316)
    for number, text in enumerate((*_LINES, "All")):
        found.append(_head(text, left + number * (cell + 4), 34, cell - 8))
    for number, (quantity, whole) in enumerate(_QUANTITIES):
        y = 60 + number * 31
        lines = [pvs[f"{line}:{quantity}"] for line in _LINES]
        words = lines[0].desc.removeprefix(f"{_LINES[0]} ").partition(",")[0]
        found.append(label(words.capitalize(), 14, y, left - 18))
        shown = lines + ([pvs[whole]] if whole else [])
        found += [
            value(pv, left + column * (cell + 4), y, cell - 8) for column, pv in enumerate(shown)
        ]
    y = 60 + len(_QUANTITIES) * 31
    found.append(label("L1-L2, L2-L3, L3-L1", 14, y, left - 18))
    found += [
        value(pvs[f"{pair}:Voltage"], left + column * (cell + 4), y, cell - 8)
        for column, pair in enumerate(_PAIRS)
    ]
    return found


def _network(pvs: Pvs) -> list[Widget]:
    """Unbalance and what else concerns the whole network; whether the values can be believed."""
    x, width = 650, 598
    found = panel("Network", x, 0, width, 316, beside=200)
    for number, name in enumerate(_NETWORK):
        left, y = x + 14 + (number % 2) * 292, 42 + (number // 2) * 36
        found += [
            label(pvs[name].desc.partition(" (")[0], left, y, 180),
            value(pvs[name], left + 188, y, 92),
        ]
    plausible, doubts = pvs.some("Plausible", "Doubts")
    found += [
        label(plausible.desc, x + 14, 196, 180),
        *lamp(plausible, x + 200, 198),
        value(plausible, x + 228, 196, 110),
        label(doubts.desc, x + 14, 230, 180),
        value(doubts, x + 200, 230, 386, 72),
    ]
    return found


def _energies(pvs: Pvs) -> list[Widget]:
    """Counters of the meter and since the IOC started, taken and given."""
    left, cell = 110, 116
    found = panel("Energy", 0, 326, 610, 294)
    heads = ("Taken", "Given", "Taken since start", "Given since start")
    for column, text in enumerate(heads):
        found.append(_head(text, left + column * (cell + 6), 358, cell - 2))
    for number, kind in enumerate(_ENERGIES):
        y = 386 + number * 34
        found.append(label(kind, 14, y, left - 18))
        for column, balance in enumerate(_BALANCES):
            pv = pvs[f"Energy:{kind}{balance}"]
            found.append(value(pv, left + column * (cell + 6), y, cell))
    resets, last = pvs.some("Energy:ResetCount", "Energy:LastReset")
    found += readback_row(resets, 14, 530, 300, room=90)
    found += [label(last.desc, 14, 562, 170), value(last, 186, 562, 410, 46)]
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
    """Power and frequency of each meter, as many as there are colours."""
    names = ("Total:ActivePower", "Total:PowerFactor", "L1:Voltage", "Frequency")
    found = [
        Cell(f"{meter} {pv.desc}", pv)
        for prefix, meter in _meters(ioc)
        for pv in ioc.pvs.some(*(prefix + name for name in names))
    ]
    return found[: len(style.CURVES)]


LAYOUT = Layout(main, row, curves)
