"""Every PV of an IOC on a sheet: what has no place on the other screens is here.

Commands are above the others, those that can alarm below them, each with what its alarm means and
what to do.

Parts that repeat (channels, meters) have one sheet for their kind, opened with the macro M.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from iocs.export.bob import Display, Widget
from iocs.export.rows import Section

from . import style
from .catalog import DETAIL, PART, Ioc, Pv, Pvs, handed
from .header import header
from .layout import screen
from .truth import Look, hidden_while
from .widgets import entry, goto, label, lacking, lamp, press, short, told, value

_COLUMNS = 3
_WIDTH = 406
_GAP = 18
_PITCH = 27
_VALUE = 168
_HEAD = 30
_ACROSS = 12
_LIST, _LONG_LIST = 150, 1024
"""Height of a text of many lines, and from how many bytes on it has them."""

_ONE_LINE, _LETTERS = 27, 145
_TWO_LINES = 40
"""Height of a row with guidance of one line, how many letters that has room for, and of two."""

_NOT_FRESH = "pvSev0 == 0 || pvSev0 == 3"
"""An alarm that is none, or nothing that its guidance is about."""


def details(ioc: Ioc) -> Sequence[Display]:
    """The sheet of the IOC and one for each kind of its parts."""
    own = ioc.section(Section.INSTRUMENT, Section.SCAN)
    sheets = [sheet(ioc, detail_file(ioc.file), ioc.title, ioc.own, own)]
    for shape in ioc.shapes:
        pvs = ioc.shape(shape)
        title = words(shape.rstrip("0123456789"))
        sheets.append(sheet(ioc, detail_file(ioc.file, shape), title, pvs, list(pvs), shape))
    return sheets


def detail_file(file: str, shape: str = "") -> str:
    """The file of a sheet, without its ending."""
    return f"{file}_{shape.lower()}_{DETAIL}" if shape else f"{file}_{DETAIL}"


def sheet_button(ioc: Ioc, kind: str, text: str, x: int, y: int, width: int) -> Widget:
    """A button from the screen of a part to its sheet; to that of the IOC if they differ."""
    file = detail_file(ioc.file, ioc.shape_of(kind))
    return goto(file, text, x, y, width, 26, macros=handed(PART))


def sheet(
    ioc: Ioc, file: str, title: str, pvs: Pvs, shown: Sequence[Pv], shape: str = ""
) -> Display:
    """A sheet of some PVs; `shape` if they are those of parts, whose M the sheet then needs."""
    part = PART if shape else ""
    readbacks = {pv.row.readback for pv in shown if pv.row.readback and not pv.enum}
    plain = [pv for pv in shown if not pv.wide and pv.row.name not in readbacks]
    guided = [pv for pv in plain if pv.guidance and not pv.row.spec.writable]
    widgets = header(ioc, title, file, pvs if shape else None)
    y = style.TOP
    links = _links(ioc, shape, y)
    widgets += links
    if links:
        y = max(w.box[1] + w.box[3] for w in links) + 12
    commands = [pv for pv in plain if pv.command]
    widgets += _commands(commands, part, y)
    y += -(-len(commands) // _COLUMNS) * 32 + (8 if commands else 0)
    others = [pv for pv in plain if pv not in guided and pv not in commands]
    body, bottom = _flow(pvs, _sections(others), y)
    widgets += body
    for pv in (pv for pv in shown if pv.wide):
        height = _LIST if pv.row.spec.count > _LONG_LIST else 21
        place = (style.MARGIN + 246, bottom, 1010, height)
        widgets += [
            label(pv.desc, style.MARGIN + 4, bottom, 236, 21, font=style.SMALL),
            entry(pv, *place)
            if pv.row.spec.writable
            else value(pv, *place, role="long", look=_plain(pv)),
        ]
        bottom += height + _PITCH - 21
    told, bottom = _guidance(guided, bottom + 8)
    widgets += told
    name = title if file == ioc.file else f"{title}: all PVs"
    return screen(file, f"{name} $(P)$(R){part}", max(bottom + 10, 400), widgets)


def _sections(pvs: Sequence[Pv]) -> list[tuple[str, list[Pv]]]:
    """PVs by the first level of their names, those without levels first, in declared order."""
    ordered: dict[str, list[Pv]] = {"": []}
    for level, group in groupby(pvs, key=_level):
        ordered.setdefault(level, []).extend(group)
    return [(level, found) for level, found in ordered.items() if found]


def _level(pv: Pv) -> str:
    return short(pv).rpartition(":")[0]


def _flow(pvs: Pvs, sections: list[tuple[str, list[Pv]]], top: int) -> tuple[list[Widget], int]:
    """Sections in columns of about one height; a section goes on in the next column."""
    total = sum(len(found) * _PITCH + (_HEAD if level else 0) for level, found in sections)
    limit = max(total // _COLUMNS + _HEAD, 10 * _PITCH)
    widgets: list[Widget] = []
    column, y, bottom = 0, top, top
    for level, found in sections:
        if level:
            if y + _HEAD + _PITCH > top + limit and column < _COLUMNS - 1:
                column, y = column + 1, top
            widgets.append(_heading(level, column, y))
            y += _HEAD
        for pv in found:
            if y + _PITCH > top + limit + _HEAD and column < _COLUMNS - 1:
                column, y = column + 1, top
                if level:
                    widgets.append(_heading(level, column, y))
                    y += _HEAD
            widgets += _line(pvs, pv, style.MARGIN + 4 + column * (_WIDTH + _GAP), y)
            y += _PITCH
            bottom = max(bottom, y)
    return widgets, bottom


def _heading(level: str, column: int, y: int) -> Widget:
    x = style.MARGIN + 4 + column * (_WIDTH + _GAP)
    return label(
        words(level),
        x,
        y + 4,
        _WIDTH,
        22,
        font=style.BOLD,
        color=style.MUTED,
        name=f"Section {level} {column}",
    )


def words(name: str) -> str:
    """A level of PV names as an operator would say it: ``Scan:EventStatus``, Scan, event status."""
    name = re.sub(r"^Scan:(\w+?)(Scan)?$", r"Scan, \1", name)
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.replace(":", " ")).split()
    lower = [part if part.isupper() else part.lower() for part in parts]
    text = " ".join(lower)
    return text[:1].upper() + text[1:]


def _guidance(shown: Sequence[Pv], y: int) -> tuple[list[Widget], int]:
    """What can alarm: its state, what it is, what an alarm means and what to do.

    A row that is in alarm stands out. Returns where the rows end, too.
    """
    x, found = style.MARGIN + 4, list[Widget]()
    for level, pvs in _sections(shown):
        text = words(level) or "Alarms"
        found.append(
            label(f"{text}: meaning, and what to do", x, y, 600, 24, font=style.BOLD,
                  color=style.MUTED, name=f"Section alarms {level}")
        )  # fmt: skip
        y += 30
        for pv in pvs:
            height = _ONE_LINE if len(pv.guidance) <= _LETTERS else _TWO_LINES
            found += _told(pv, x, y, height)
            y += height
        y += 8
    return found, y


def _told(pv: Pv, x: int, y: int, height: int) -> list[Widget]:
    """A row of what can alarm."""
    middle = y + (height - 21) // 2
    back = Widget(
        "rectangle", f"{short(pv)} alarm", x - 6, y, 1260, height - 2, line_width=0,
        background_color=style.MARKED, **hidden_while(_NOT_FRESH, pv.name),
    )  # fmt: skip
    return [
        back,
        label(_under(pv), x, middle, 226, 21, font=style.SMALL, name=f"{short(pv)} label"),
        *_shown(pv, x + 232, middle, _VALUE),
        label(pv.guidance, x + 416, y + 1, 836, height - 4, font=style.SMALL,
              name=f"{short(pv)} guidance"),
    ]  # fmt: skip


def _under(pv: Pv) -> str:
    """What a PV is, below the heading of its section, which it does not repeat."""
    level = _level(pv)
    text = pv.desc.removeprefix(f"{words(level)}: ").removesuffix(f" of {level.rpartition(':')[2]}")
    return text[:1].upper() + text[1:]


def _commands(shown: Sequence[Pv], part: str, y: int) -> list[Widget]:
    """What can be done; what stops looks like it, and what is not urgent asks first."""
    found: list[Widget] = []
    for number, pv in enumerate(shown):
        x = style.MARGIN + 4 + number % _COLUMNS * (_WIDTH + _GAP)
        question = "" if pv.row.spec.urgent else f"{pv.desc}, $(P)$(R){part}?"
        found.append(
            press(pv, pv.desc, x, y + number // _COLUMNS * 32, _WIDTH, 26, confirm=question,
                  stops=pv.row.spec.stops)
        )  # fmt: skip
    return found


def _line(pvs: Pvs, pv: Pv, x: int, y: int) -> list[Widget]:
    """One PV: its description, and what it is or what may be written."""
    left = x + _WIDTH - _VALUE
    spec = pv.row.spec
    twin = _twin(pvs, pv)
    text = f"    {twin}" if twin else _under(pv)
    head = label(text, x, y, _WIDTH - _VALUE - 6, 21, font=style.SMALL,
                 name=f"{short(pv)} label")  # fmt: skip
    if spec.stops:
        return [head, *_switch(pv, left, y)]
    if pv.row.readback and not pv.enum:
        half = _VALUE // 2
        back = pvs.readback(pv)
        return [
            head, entry(pv, left, y, half - 6, 21), value(back, left + half, y, half, 21),
            *lacking(back, (left, y, _VALUE, 21), style.BACKGROUND),
        ]  # fmt: skip
    if spec.writable:
        return [head, entry(pv, left, y, _VALUE, 21)]
    return [head, *_shown(pv, left, y, _VALUE)]


def _shown(pv: Pv, x: int, y: int, width: int) -> list[Widget]:
    """What a PV is; of two states with a lamp."""
    if pv.row.spec.record != "bi":
        return told(pv, (x, y, width, 21), look=_plain(pv), back=style.BACKGROUND)
    return [
        *lamp(pv, x, y + 2, 17),
        *told(pv, (x + 24, y, width - 24, 21), font=style.SMALL),
    ]


def _plain(pv: Pv) -> Look:
    """A text has no field behind it, which would be an empty box while there is none."""
    return {} if pv.row.spec.numeric or pv.enum else {"transparent": True}


def _switch(pv: Pv, x: int, y: int) -> list[Widget]:
    """A switch whose first state is the safe one: that is a stop, and the other one asks."""
    off, on = pv.row.spec.states
    half = _VALUE // 2
    return [
        press(pv, on, x, y, half - 6, 22, confirm=f"{pv.desc}: {on}, $(P)$(R){PART}?"),
        press(pv, off, x + half, y, half, 22, put="0", stops=True),
    ]


def _twin(pvs: Pvs, pv: Pv) -> str:
    """What a PV says of the set point before it: ``in flash`` of ``FloatVoltage_Flash``."""
    base, _, suffix = short(pv).rpartition("_")
    if base not in pvs:
        return ""
    return "as held" if pv.row.setpoint else f"in {suffix.lower()}"


def _links(ioc: Ioc, shape: str, y: int) -> list[Widget]:
    """Buttons to the sheets of the parts inside, as many as there are."""
    found: list[Widget] = []
    inner = ioc.common_parts(shape) if shape else ioc.other_parts()
    for number, (name, prefix) in enumerate(inner):
        x = style.MARGIN + 4 + (number % _ACROSS) * 105
        row = y + (number // _ACROSS) * style.PITCH
        found.append(
            goto(
                detail_file(ioc.file, name), prefix.rstrip(":"), x, row, 99,
                macros=handed(f"{PART if shape else ''}{prefix}"), name=f"Open {name} {prefix}",
            )
        )  # fmt: skip
    return found
