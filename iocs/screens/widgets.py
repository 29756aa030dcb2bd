"""The widgets that layouts are made of: labels, values, set points, indicators, buttons, panels.

Units, precision, states and limits are those that the PV brings along; no screen repeats them.
"""

from __future__ import annotations

from collections.abc import Sequence

from iocs.core.alarm import Severity
from iocs.export.bob import Widget
from iocs.export.bob_values import (
    Align,
    Color,
    Font,
    Format,
    Macros,
    OpenDisplay,
    Rule,
    State,
    Target,
    Value,
    WritePV,
)

from . import style
from .catalog import HANDED, Pv, Pvs

_MOST_DIGITS = 6
_FLAG = 52
_ONE_LINE = 30
_SEVERITY_COLORS = {
    Severity.NO_ALARM: style.IDLE,
    Severity.MINOR: style.MINOR,
    Severity.MAJOR: style.MAJOR,
    Severity.INVALID: style.INVALID,
}


def short(pv: Pv) -> str:
    """The name of a PV without the macros in front, for the names of widgets."""
    return pv.name.rpartition(")")[2]


def _form(pv: Pv) -> dict[str, Value]:
    """How a value is written: as the PV says; tiny numbers with a power of ten, texts as such."""
    if pv.long_text:
        return {"format": Format.STRING}
    if pv.row.spec.precision > _MOST_DIGITS:
        return {"format": Format.ENGINEERING, "precision": 3}
    return {}


def label(
    text: str,
    x: int,
    y: int,
    width: int,
    height: int = style.ROW,
    *,
    font: Font = style.NORMAL,
    color: Color = style.INK,
    align: Align = Align.START,
    name: str = "",
    rules: Sequence[Rule] = (),
) -> Widget:
    """A text that does not change."""
    more: dict[str, Value] = {} if align is Align.START else {"horizontal_alignment": align}
    if rules:
        more["rules"] = tuple(rules)
    return Widget(
        "label", name or f"Label {text} {x} {y}", x, y, width, height, text=text, font=font,
        foreground_color=color, vertical_alignment=Align.MIDDLE, **more,
    )  # fmt: skip


def value(
    pv: Pv,
    x: int,
    y: int,
    width: int,
    height: int = style.ROW,
    *,
    font: Font = style.NORMAL,
    align: Align | None = None,
    role: str = "value",
    digits: int = -1,
    rules: Sequence[Rule] = (),
) -> Widget:
    """What a PV holds, as text with its units; numbers to the right, words to the left.

    A long text that has the height for several lines gets them.
    digits: fewer decimals than the PV has, where room is scarce.
    """
    chosen = align
    if chosen is None:
        chosen = Align.END if pv.row.spec.numeric and not pv.wide else Align.START
    more = _form(pv)
    if chosen is not Align.START:
        more["horizontal_alignment"] = chosen
    if not (pv.long_text and height > _ONE_LINE):
        more["wrap_words"] = False
    if rules:
        more["rules"] = tuple(rules)
    if digits >= 0:
        more["precision"] = digits
    return Widget(
        "textupdate", f"{short(pv)} {role}", x, y, width, height, pv_name=pv.name, font=font,
        background_color=style.READ, vertical_alignment=Align.MIDDLE, **more,
    )  # fmt: skip


def entry(
    pv: Pv,
    x: int,
    y: int,
    width: int,
    height: int = style.ROW,
    *,
    rules: Sequence[Rule] = (),
    quiet: bool = False,
) -> Widget:
    """A field to write a set point: a number is typed, a state is chosen.

    quiet: without the border of its alarm, where it is normal that nothing is set.
    """
    name = f"{short(pv)} entry"
    more = _form(pv)
    if rules:
        more["rules"] = tuple(rules)
    if quiet:
        more["border_alarm_sensitive"] = False
    if pv.enum:
        return Widget(
            "combo", name, x, y, width, height, pv_name=pv.name, font=style.NORMAL,
            background_color=style.WRITE, **more,
        )  # fmt: skip
    if pv.row.spec.numeric:
        more["horizontal_alignment"] = Align.END
    return Widget(
        "textentry", name, x, y, width, height, pv_name=pv.name, font=style.NORMAL,
        background_color=style.WRITE, vertical_alignment=Align.MIDDLE, **more,
    )  # fmt: skip


def lamp(
    pv: Pv, x: int, y: int, size: int = 20, *, on: Color = style.ACTIVE, role: str = "lamp"
) -> Widget:
    """An indicator of a two-state PV: a state that alarms in the colour of its alarm."""
    severities = pv.row.spec.severities or (Severity.NO_ALARM, Severity.NO_ALARM)
    zero, one = (Severity(severity) for severity in severities)
    return Widget(
        "led", f"{short(pv)} {role}", x, y, size, size, pv_name=pv.name, off_label="", on_label="",
        off_color=_SEVERITY_COLORS[zero],
        on_color=_SEVERITY_COLORS[one] if one else on,
        line_color=style.EDGE,
    )  # fmt: skip


def flag(pv: Pv, x: int, y: int, width: int) -> list[Widget]:
    """A bit with its state in words on a small field, coloured if it alarms, and what it means."""
    zero, one = (Severity(severity) for severity in pv.row.spec.severities)
    field = Widget(
        "led", f"{short(pv)} flag", x, y, _FLAG, 20, pv_name=pv.name, labels_from_pv=True,
        font=style.SMALL, foreground_color=style.BLACK, square=True, line_color=style.LINE,
        off_color=_SEVERITY_COLORS[zero] if zero else style.EQUIPMENT,
        on_color=_SEVERITY_COLORS[one] if one else style.EQUIPMENT,
    )  # fmt: skip
    text = label(
        pv.desc, x + _FLAG + 6, y - 1, width - _FLAG - 6, 22, font=style.SMALL,
        name=f"{short(pv)} label",
    )  # fmt: skip
    return [field, text]


def states_lamp(
    pv: Pv, x: int, y: int, width: int, height: int, *, active: Sequence[str] = ()
) -> list[Widget]:
    """A field with the name of a state, coloured by its severity; `active` states as running.

    A state that is not fresh (INVALID) is covered: nobody shall take the last one for the present.
    """
    spec = pv.row.spec
    if unknown := set(active) - set(spec.states):
        raise ValueError(f"{pv.row.name} has no states {sorted(unknown)}; it has {spec.states}")
    severities = spec.severities or (Severity.NO_ALARM,) * len(spec.states)
    found: list[State] = []
    for index, (text, severity) in enumerate(zip(spec.states, severities, strict=True)):
        quiet = style.ACTIVE if text in active else style.IDLE
        color = _SEVERITY_COLORS[Severity(severity)] if severity else quiet
        found.append(State(index, text, color))
    field = Widget(
        "multi_state_led", f"{short(pv)} state", x, y, width, height, pv_name=pv.name,
        font=style.BOLD, foreground_color=style.BLACK, line_color=style.EDGE, square=True,
        states=tuple(found), fallback_label="?", fallback_color=style.INVALID,
    )  # fmt: skip
    stale = Rule("Stale", "visible", (pv.name,), (("pvSev0 >= 3", True),))
    cover = Widget(
        "label", f"{short(pv)} cover", x + 1, y + 1, width - 2, height - 2, text="No reading",
        font=style.BOLD, foreground_color=style.INK, background_color=style.PANEL,
        transparent=False, horizontal_alignment=Align.MIDDLE, vertical_alignment=Align.MIDDLE,
        visible=False, rules=(stale,),
    )  # fmt: skip
    return [field, cover]


def press(
    pv: Pv,
    text: str,
    x: int,
    y: int,
    width: int,
    height: int = style.ROW,
    *,
    confirm: str = "",
    put: str = "1",
    font: Font = style.NORMAL,
    stops: bool = False,
) -> Widget:
    """A button that writes; `confirm` is the question that it asks before.

    One that `stops` stands out and never asks.
    """
    if stops and confirm:
        raise ValueError(f"{pv.row.name}: what stops does not ask {confirm!r}")
    ink, back = (style.WHITE, style.DARK) if stops else (style.INK, style.BUTTON)
    more: dict[str, Value] = (
        {"show_confirm_dialog": True, "confirm_message": confirm} if confirm else {}
    )
    return Widget(
        "action_button", f"{short(pv)} {text}", x, y, width, height, pv_name=pv.name, text=text,
        font=font, background_color=back, foreground_color=ink, actions=(WritePV(put, text),),
        **more,
    )  # fmt: skip


def goto(
    file: str,
    text: str,
    x: int,
    y: int,
    width: int,
    height: int = style.ROW,
    *,
    macros: Macros = HANDED,
    target: str = Target.REPLACE,
    name: str = "",
) -> Widget:
    """A button that opens another screen."""
    return Widget(
        "action_button", name or f"Open {text} {x} {y}", x, y, width, height, text=text,
        font=style.NORMAL, background_color=style.BUTTON,
        actions=(OpenDisplay(f"{file}.bob", text, macros, target),), tooltip="$(actions)",
    )  # fmt: skip


def readback_row(
    pv: Pv, x: int, y: int, width: int, *, text: str = "", room: int = 0
) -> list[Widget]:
    """A label and a value; `room` is the width of the value."""
    size = room or width // 2
    name = f"{short(pv)} label"
    return [
        label(text or pv.desc, x, y, width - size - 6, name=name),
        value(pv, x + width - size, y, size),
    ]


def setpoint_row(
    pvs: Pvs, name: str, x: int, y: int, width: int, *, text: str = "", rules: Sequence[Rule] = ()
) -> list[Widget]:
    """A label, the field to write, and beside it what the device holds."""
    pv = pvs[name]
    cell = (width * 3 // 5) // 2
    return [
        label(text or pv.desc, x, y, width - 2 * cell - 6, name=f"{short(pv)} label", rules=rules),
        entry(pv, x + width - 2 * cell, y, cell - 6, rules=rules),
        value(pvs.readback(pv), x + width - cell, y, cell, rules=rules),
    ]
