"""Channel filters of a PV name: deadband, array slice and server time stamp.

``NAME.{"dbnd":{"abs":0.5}}``, ``NAME.{"arr":{"s":1,"e":3}}`` or ``NAME.[1:3]``, ``NAME.{"ts":{}}``,
as EPICS Base documents them ("Channel Filters"). The filters ``sync`` and those that nobody knows
are refused: a channel with them does not exist.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import dbr
from .channel import Channel
from .numbers import leading_integer
from .payload import elements, payload
from .stamp import Stamp

MAX_FILTERS = 500
"""Characters of all filters of a name; far more than they can need."""

MIN_INDEX, MAX_INDEX = -(1 << 31), (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Filters:
    """``deadband``: (relative, width); ``array``: first index, step, last index; ``stamp``: now."""

    deadband: tuple[bool, float] | None = None
    array: tuple[int, int, int] | None = None
    stamp: bool = False

    def count(self, total: int) -> int:
        """How many of ``total`` elements pass."""
        return len(range(total)[self._slice(total)])

    def _slice(self, total: int) -> slice:
        """The elements that pass: ends count from the back if negative; a scalar always passes."""
        if self.array is None or total <= 1:
            return slice(None)
        first, step, last = self.array
        first, last = (index + total if index < 0 else index for index in (first, last))
        return slice(max(first, 0), max(last, 0) + 1, step)

    def apply(
        self, channel: Channel, data_type: int, count: int, long_text: bool
    ) -> tuple[bytes, int]:
        """Payload and element count of a filtered read of ``count`` elements (0: all that pass)."""
        if data_type > dbr.MAX_VALUE_TYPE:
            return payload(channel, data_type, 1), 1
        form, native = dbr.split(data_type)
        total = elements(channel, long_text)
        data = payload(channel, data_type, total, long_text)
        if self.stamp and form is dbr.Form.TIME:
            data = data[:4] + struct.pack(">II", *Stamp.now()) + data[12:]
        size = dbr.element_size(native)
        head = len(data) - total * size
        parts = np.frombuffer(data[head:], dtype=np.dtype((np.void, size)))
        parts = parts[self._slice(len(parts))]
        wanted = count or len(parts)
        return data[:head] + parts[:wanted].tobytes().ljust(wanted * size, b"\0"), wanted

    def lets_through(self, value: Any, last: Any) -> bool:
        """Whether the deadband filter passes a value after ``last`` was sent."""
        if self.deadband is None or last is None:
            return True
        relative, width = self.deadband
        try:
            moved = abs(value - last)
        except TypeError:
            return bool(value != last)
        return bool(np.any(moved > (abs(last) * width / 100 if relative else width)))


def parse_filters(text: str) -> Filters:
    """The filters written behind a PV name; raises ValueError for what is not understood.

    JSON as its standard has it; of what EPICS Base takes besides (unquoted names, numbers as text,
    the same filter twice) nothing is understood.
    """
    array = None
    if text.startswith("["):
        array, text = _parse_slice(text)
    parts = _mapping(_load(text)) if text else {}
    known = {"dbnd", "arr", "ts"}
    if not set(parts) <= known or (array is not None and "arr" in parts):
        raise ValueError(f"the filters {sorted(known)} are served, each once")
    if _mapping(parts.get("ts", {})):
        raise ValueError("ts with a format is not served")
    return Filters(
        deadband=_parse_deadband(parts["dbnd"]) if "dbnd" in parts else None,
        array=_parse_array(parts["arr"]) if "arr" in parts else array,
        stamp="ts" in parts,
    )


def _load(text: str) -> Any:
    """What a JSON text holds; no number of it is larger than EPICS Base takes."""
    if len(text) > MAX_FILTERS:
        raise ValueError(f"filters of {len(text)} characters")
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=_int32,
            parse_float=_finite,
            parse_constant=_int32,
        )
    except RecursionError:
        raise ValueError("filters of too many levels") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _int32(text: str) -> int:
    """A whole number of 32 bits; NaN and Infinity, which JSON has not, are none either."""
    number, rest = leading_integer(text)
    if rest or not MIN_INDEX <= number <= MAX_INDEX:
        raise ValueError("a whole number of more than 32 bits")
    return number


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number that no double holds")
    return number


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def _parse_slice(text: str) -> tuple[tuple[int, int, int], str]:
    """``[n]``, ``[first:last]`` or ``[first:step:last]``, and what follows it."""
    inside, end, rest = text[1:].partition("]")
    parts = inside.split(":")
    if not end or not inside or len(parts) > 3:
        raise ValueError("not [first:step:last]")
    numbers = [_int32(part) if part else None for part in parts]
    first, last = numbers[0] or 0, numbers[-1]
    step = numbers[1] if len(numbers) == 3 else None
    return _checked_slice(first, 1 if step is None else step, -1 if last is None else last), rest


def _parse_array(value: Any) -> tuple[int, int, int]:
    parts = _mapping(value)
    if not set(parts) <= set("sie"):
        raise ValueError("arr has s, i and e only")
    numbers = [parts.get("s", 0), parts.get("i", 1), parts.get("e", -1)]
    if not all(type(n) is int for n in numbers):
        raise ValueError("arr needs whole numbers")
    return _checked_slice(*numbers)


def _checked_slice(first: int, step: int, last: int) -> tuple[int, int, int]:
    if step < 1:
        raise ValueError(f"the step {step} of an array filter is less than 1")
    return first, step, last


def _parse_deadband(value: Any) -> tuple[bool, float]:
    parts = _mapping(value)
    match parts:
        case {"abs": width} if len(parts) == 1:
            relative = False
        case {"rel": width} if len(parts) == 1:
            relative = True
        case {"d": width} if set(parts) <= {"d", "m"} and parts.get("m", "abs") in ("abs", "rel"):
            relative = parts.get("m") == "rel"
        case _:
            raise ValueError("dbnd needs abs or rel, or d and m")
    if isinstance(width, bool) or not isinstance(width, (int, float)):
        raise ValueError("dbnd needs a number")
    return relative, float(width)
