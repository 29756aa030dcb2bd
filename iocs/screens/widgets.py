"""The widgets that layouts are made of: labels, values, set points, indicators, buttons, panels.

Units, precision, states and limits are those that the PV brings along; no screen repeats them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from iocs.device.health_pvs import HealthPVs
from iocs.export.bob import Widget
from iocs.export.bob_values import (
    Align,
    Color,
    Font,
    Format,
    Macros,
    OpenDisplay,
    State,
    Value,
    WritePV,
)
from iocs.record.alarm import Severity

from . import style
from .catalog import HANDED, Pv, Pvs
from .truth import (
    FRESH,
    Look,
    absent,
    enabled_by,
    hidden_while,
    shade_of,
    shown_while,
    together,
    word_of,
)

_MOST_DIGITS = 6
_FLAG = 60
_WORDS = 90
"""Width that words need which a question mark does not."""

_ONE_LINE = 30
Box = tuple[int, int, int, int]
BAR = 36
"""Height from which on a state is written large."""

PAD = 2
"""Pixels by which a field is larger than its text: a border, which that of an alarm replaces."""

WORST = HealthPVs.worst_alarm.spec.name
"""What an IOC says of its alarms."""

_SEVERITY_COLORS = {
    Severity.NO_ALARM: style.IDLE,
    Severity.MINOR: style.MINOR,
    Severity.MAJOR: style.MAJOR,
    Severity.INVALID: style.INVALID,
}


def short(pv: Pv) -> str:
    """The name of a PV without the macros in front, for the names of widgets."""
    return pv.name.rpartition(")")[2].rstrip("'")


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
    look: Look | None = None,
) -> Widget:
    """A text that does not change."""
    more: dict[str, Value] = {} if align is Align.START else {"horizontal_alignment": align}
    more |= look or {}
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
    look: Look | None = None,
) -> Widget:
    """What a PV holds, as text with its units, away from the edges; a long text from the left.

    A long text that has the height for several lines gets them.
    digits: fewer decimals than the PV has, where room is scarce.
    """
    chosen = align
    if chosen is None:
        chosen = Align.START if pv.wide else Align.MIDDLE
    more = _form(pv)
    if "transparent" not in (look or {}):
        more |= {"border_width": PAD, "border_color": style.READ}
    if chosen is not Align.START:
        more["horizontal_alignment"] = chosen
    if not (pv.long_text and height > _ONE_LINE):
        more["wrap_words"] = False
    if digits >= 0:
        more["precision"] = digits
    return Widget(
        "textupdate", f"{short(pv)} {role}", x, y, width, height, pv_name=pv.name, font=font,
        background_color=style.READ, vertical_alignment=Align.MIDDLE, **(more | (look or {})),
    )  # fmt: skip


def entry(
    pv: Pv,
    x: int,
    y: int,
    width: int,
    height: int = style.ROW,
    *,
    look: Look | None = None,
) -> Widget:
    """A field to write a set point: a number is typed, a state is chosen.

    It is disabled while the device is away, since nothing could come of it; a switch is not, since
    it switches off too.
    """
    name = f"{short(pv)} entry"
    more = _form(pv) | together({} if pv.row.spec.stops else enabled_by(pv), look or {})
    if pv.enum:
        return Widget(
            "combo", name, x, y, width, height, pv_name=pv.name, font=style.NORMAL,
            background_color=style.WRITE, **more,
        )  # fmt: skip
    if pv.row.spec.numeric:
        more["horizontal_alignment"] = Align.MIDDLE
    return Widget(
        "textentry", name, x, y, width, height, pv_name=pv.name, font=style.NORMAL,
        background_color=style.WRITE, vertical_alignment=Align.MIDDLE, **more,
    )  # fmt: skip


def cover(pv: Pv, box: Box, text: str = "No reading", font: Font = style.BOLD) -> Widget:
    """What lies over a state that is not fresh: nobody shall take the last one for the present."""
    x, y, width, height = box
    return Widget(
        "label", f"{short(pv)} cover {x} {y}", x + 1, y + 1, width - 2, height - 2, text=text,
        font=font, foreground_color=style.INK, background_color=style.PANEL, transparent=False,
        horizontal_alignment=Align.MIDDLE, vertical_alignment=Align.MIDDLE,
        **hidden_while(FRESH, pv.name),
    )  # fmt: skip


def steady(pv: Pv, digits: int) -> Pv:
    """A number to be shown with so many decimals: what would be -0.0 is 0.0.

    A formula of Phoebus, with the alarm of the PV.
    """
    name, least = f"'{pv.name}'", f"{0.5 * 10**-digits:.{digits + 1}f}"
    return replace(pv, name=f"={name} > -{least} && {name} < {least} ? {name} * 0 + 0 : {name}")


def told(pv: Pv, box: Box, *, font: Font = style.NORMAL, role: str = "value",
         look: Look | None = None, back: Color = style.PANEL) -> list[Widget]:  # fmt: skip
    """What a PV holds: a state is covered while it is not fresh, a number that is lacking too."""
    field = value(pv, *box, font=font, role=role, look=look)
    return [field, *stale_state(pv, box, font), *lacking(pv, box, back)]


def stale_state(pv: Pv, box: Box, font: Font = style.NORMAL) -> list[Widget]:
    """What lies over the text of a state that is not fresh; one that tells so itself needs none."""
    if not pv.enum or pv.is_connection:
        return []
    return [cover(pv, box, "No reading" if box[2] > _WORDS else "?", font)]


def silent(field: Widget, text: str, look: Look) -> Widget:
    """What lies over a field that has nothing to tell, in place of an empty box."""
    x, y, width, height = field.box
    return Widget(
        "label", f"{field.name}: {text}", x - PAD, y - PAD, width + 2 * PAD, height + 2 * PAD,
        text=text, font=style.NORMAL, foreground_color=style.MUTED, background_color=style.PANEL,
        transparent=False, vertical_alignment=Align.MIDDLE, **look,
    )  # fmt: skip


def lacking(pv: Pv, box: Box, back: Color = style.PANEL) -> list[Widget]:
    """What lies over a number, and its border, while the device has none, which is no fault."""
    if not pv.optional or pv.enum:
        return []
    x, y, width, height = box
    return [
        Widget(
            "label", f"{short(pv)} lacking {x} {y}", x - PAD, y - PAD, width + 2 * PAD,
            height + 2 * PAD, text="not available", font=style.SMALL, transparent=False,
            foreground_color=style.MUTED, background_color=back,
            horizontal_alignment=Align.MIDDLE, vertical_alignment=Align.MIDDLE,
            **shown_while(absent(pv), pv.name),
        )
    ]  # fmt: skip


def lamp(
    pv: Pv, x: int, y: int, size: int = 20, *, on: Color = style.ACTIVE, role: str = "lamp"
) -> list[Widget]:
    """An indicator of a two-state PV: a state that alarms in the colour of its alarm."""
    severities = pv.row.spec.severities or (Severity.NO_ALARM, Severity.NO_ALARM)
    zero, one = (Severity(severity) for severity in severities)
    led = Widget(
        "led", f"{short(pv)} {role}", x, y, size, size, pv_name=pv.name, off_label="", on_label="",
        off_color=_SEVERITY_COLORS[zero],
        on_color=_SEVERITY_COLORS[one] if one else on,
        line_color=style.EDGE,
    )  # fmt: skip
    return [led, cover(pv, led.box, "?")]


def flag(pv: Pv, x: int, y: int, width: int, *, text: str = "") -> list[Widget]:
    """A bit with its state in words on a small field, coloured if it alarms, and what it means."""
    zero, one = (Severity(severity) for severity in pv.row.spec.severities)
    field = Widget(
        "led", f"{short(pv)} flag", x, y, _FLAG, 20, pv_name=pv.name, labels_from_pv=True,
        font=style.SMALL, foreground_color=style.BLACK, square=True, line_color=style.LINE,
        off_color=_SEVERITY_COLORS[zero] if zero else style.EQUIPMENT,
        on_color=_SEVERITY_COLORS[one] if one else style.EQUIPMENT,
    )  # fmt: skip
    what = label(
        text or pv.desc, x + _FLAG + 6, y - 1, width - _FLAG - 6, 22, font=style.SMALL,
        name=f"{short(pv)} label",
    )  # fmt: skip
    return [field, cover(pv, field.box, "?"), what]


def big_lamp(
    pv: Pv, x: int, y: int, width: int, height: int, texts: tuple[str, str], *,
    on: Color = style.ACTIVE,
) -> list[Widget]:  # fmt: skip
    """A bit that is read from afar: a bar with words for its two states."""
    bar = Widget(
        "led", f"{short(pv)} bar", x, y, width, height, pv_name=pv.name, off_label=texts[0],
        on_label=texts[1], off_color=style.IDLE, on_color=on, font=style.STATE,
        foreground_color=style.BLACK, line_color=style.EDGE, square=True,
    )  # fmt: skip
    return [bar, cover(pv, bar.box, font=style.STATE)]


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
    font = style.STATE if height >= BAR else style.BOLD
    field = Widget(
        "multi_state_led", f"{short(pv)} state {x}", x, y, width, height, pv_name=pv.name,
        font=font, foreground_color=style.BLACK, line_color=style.EDGE, square=True,
        states=tuple(found), fallback_label="?", fallback_color=style.INVALID,
    )  # fmt: skip
    return [field, cover(pv, field.box, font=font)]


def press(  # noqa: PLR0913 - all that a button may be told
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
    shade: Color = style.DARK,
) -> Widget:
    """A button that writes; `confirm` is the question that it asks before.

    One that `stops` stands out, never asks, and works or fails whatever is known of the device;
    others are disabled while that is away.
    shade: the colour of one that stops.
    """
    if stops and confirm:
        raise ValueError(f"{pv.row.name}: what stops does not ask {confirm!r}")
    ink, back = (style.WHITE, shade) if stops else (style.INK, style.BUTTON)
    more: dict[str, Value] = {} if stops else enabled_by(pv)
    if confirm:
        more |= {"show_confirm_dialog": True, "confirm_message": confirm}
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
    font: Font = style.NORMAL,
    name: str = "",
) -> Widget:
    """A button that opens another screen."""
    return Widget(
        "action_button", name or f"Open {text} {x} {y}", x, y, width, height, text=text,
        font=font, background_color=style.BUTTON,
        actions=(OpenDisplay(f"{file}.bob", text, macros),), tooltip="$(actions)",
    )  # fmt: skip


def readback_row(
    pv: Pv, x: int, y: int, width: int, *, text: str = "", room: int = 0, look: Look | None = None
) -> list[Widget]:
    """A label and a value; `room` is the width of the value."""
    size = room or width // 2
    name = f"{short(pv)} label"
    field = value(pv, x + width - size, y, size, look=look)
    return [
        label(text or pv.desc, x, y, width - size - 6, name=name, look=look),
        field, *stale_state(pv, field.box),
    ]  # fmt: skip


def worst(pv: str, opens: OpenDisplay, name: str, box: Box, font: Font) -> Widget:
    """The worst alarm of an IOC, and a way to what it is about."""
    return Widget(
        "action_button", name, *box, pv_name=pv, font=font, foreground_color=style.BLACK,
        horizontal_alignment=Align.MIDDLE, actions=(opens,), **together(word_of(pv), shade_of(pv)),
    )  # fmt: skip


def setpoint_row(
    pvs: Pvs, name: str, x: int, y: int, width: int, *, text: str = "", room: int = 0,
    held: Pv | None = None, look: Look | None = None,
) -> list[Widget]:  # fmt: skip
    """A label, the field to write, and beside it what the device holds, or `held` in its place.

    room: the width of the field and the value together.
    """
    pv = pvs[name]
    cell = (room or width * 3 // 5) // 2
    back = held or pvs.readback(pv)
    field = value(back, x + width - cell, y, cell, look=look)
    return [
        label(text or pv.desc, x, y, width - 2 * cell - 6, name=f"{short(pv)} label", look=look),
        entry(pv, x + width - 2 * cell, y, cell - 6, look=look),
        field, *stale_state(back, field.box),
    ]  # fmt: skip
