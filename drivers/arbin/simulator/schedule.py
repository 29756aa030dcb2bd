"""Schedules of the simulator: what a test does, step by step, as text that people can write.

The vendor's .sdx files have no public format, so the simulator has one of its own, of a line per
step::

    # label; control; value; limit; limit ...
    Step_A; Rest; ; step_time >= 60
    Step_B; Current(A); 2.5; voltage >= 4.2
    Step_C; Voltage(V); 4.2; current <= 0.25; step_time >= 7200
    Step_D; Current(A); MV_UD1; voltage <= 2.8; temperature >= 60 -> end
    Step_E; Set Variable(s); ; cycle <= 3 -> Step_A

A step ends with the first of its limits that is met, and goes to the label behind `->`, to `next`
(the default) or `end`. `Set Variable(s)` takes no time: it adds one to the cycle, judges its limits
and else goes on. Values are numbers or user variables, `MV_UD1` to `MV_UD16`. A line
`version = 7` says which MITS the schedule is from (8 if there is none).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

LONGEST_FILE = 1 << 20
USER_VARIABLES = 16


class Control(StrEnum):
    """What a step does."""

    REST = "Rest"
    CURRENT = "Current(A)"
    VOLTAGE = "Voltage(V)"
    POWER = "Power(W)"
    RESISTANCE = "Internal Resistance"
    IMPEDANCE = "ACI"
    PAUSE = "Pause"
    SET_VARIABLE = "Set Variable(s)"


WITH_VALUE = (Control.CURRENT, Control.VOLTAGE, Control.POWER)


class Quantity(StrEnum):
    """What a limit may look at."""

    STEP_TIME = "step_time"
    TEST_TIME = "test_time"
    VOLTAGE = "voltage"
    CURRENT = "current"
    CHARGE_CAPACITY = "charge_capacity"
    DISCHARGE_CAPACITY = "discharge_capacity"
    TEMPERATURE = "temperature"
    CYCLE = "cycle"


END = -1
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_LIMIT = re.compile(r"(\w+)\s*(>=|<=|>|<)\s*([-+.\w]+)(?:\s*->\s*(\S+))?")
_VARIABLE = re.compile(r"MV_UD([0-9]{1,2})")
_VERSION = re.compile(r"version\s*=\s*([0-9]{1,4})")


class BadSchedule(ValueError):
    """A file that is no schedule; the text names the line and what would be right."""


@dataclass(frozen=True, slots=True)
class Value:
    """A number, or the user variable 1 to 16 that holds it (0: none)."""

    number: float = 0.0
    variable: int = 0


@dataclass(frozen=True, slots=True)
class Limit:
    """A condition, and the index of the step that follows when it is met (`END`: none)."""

    quantity: Quantity
    comparison: str
    value: Value
    target: int

    def met(self, present: float, limit: float) -> bool:
        """Whether a present value meets it."""
        return _COMPARISONS[self.comparison](present, limit)

    def __str__(self) -> str:
        of = f"MV_UD{self.value.variable}" if self.value.variable else f"{self.value.number:g}"
        return f"{self.quantity} {self.comparison} {of}"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a schedule."""

    label: str
    control: Control
    value: Value
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps of a test, and the MITS version it was saved by."""

    steps: tuple[Step, ...]
    version: int = 8

    @property
    def needs_temperature(self) -> bool:
        """Whether a limit looks at an auxiliary temperature."""
        limits = (limit for step in self.steps for limit in step.limits)
        return any(limit.quantity is Quantity.TEMPERATURE for limit in limits)


def parse_schedule(content: bytes) -> Schedule:
    """The schedule in a file; raises `BadSchedule`."""
    if len(content) > LONGEST_FILE:
        raise BadSchedule(f"{len(content)} bytes; a schedule has at most {LONGEST_FILE}")
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        raise BadSchedule("not a text of this simulator's form") from None
    version, rows = 8, list[tuple[int, list[str]]]()
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].strip()
        if not line.isprintable():
            raise BadSchedule(f"line {number}: characters that cannot be printed")
        if match := _VERSION.fullmatch(line):
            version = int(match[1])
        elif line:
            rows.append((number, [part.strip() for part in line.split(";")]))
    if not rows:
        raise BadSchedule("there is no step")
    labels = [parts[0] for _, parts in rows]
    steps = tuple(_step(place, number, parts, labels) for place, (number, parts) in enumerate(rows))
    return Schedule(steps, version)


def _step(place: int, number: int, parts: list[str], labels: list[str]) -> Step:
    where = f"line {number}"
    if len(parts) < 3:
        raise BadSchedule(f"{where}: not of the form label; control; value; limit; ...")
    label, control, value, *limits = parts
    if not label or labels.count(label) > 1:
        raise BadSchedule(f"{where}: the label {label!r} is empty or not the only one")
    if control not in list(Control):
        raise BadSchedule(f"{where}: control {control!r} is none of {', '.join(Control)}")
    kind = Control(control)
    if bool(value) != (kind in WITH_VALUE):
        raise BadSchedule(f"{where}: {control} {'needs a' if not value else 'takes no'} value")
    return Step(
        label,
        kind,
        _value(where, value) if value else Value(),
        tuple(_limit(where, text, place, labels) for text in limits if text),
    )


def _limit(where: str, text: str, place: int, labels: list[str]) -> Limit:
    match = _LIMIT.fullmatch(text)
    if match is None or match[1] not in list(Quantity):
        raise BadSchedule(
            f"{where}: limit {text!r} is not of the form quantity >= value -> label, with "
            f"a quantity of {', '.join(Quantity)}"
        )
    following = place + 1 if place + 1 < len(labels) else END
    named = {"next": following, "end": END} | {label: n for n, label in enumerate(labels)}
    target = match[4] or "next"
    if target not in named:
        raise BadSchedule(f"{where}: there is no step {target!r}")
    return Limit(Quantity(match[1]), match[2], _value(where, match[3]), named[target])


def _value(where: str, text: str) -> Value:
    variable = _VARIABLE.fullmatch(text)
    if variable is not None and 1 <= int(variable[1]) <= USER_VARIABLES:
        return Value(variable=int(variable[1]))
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not abs(number) <= 1e9:
        raise BadSchedule(f"{where}: {text!r} is no number and no user variable MV_UD1 to MV_UD16")
    return Value(number)
