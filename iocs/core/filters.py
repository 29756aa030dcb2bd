"""Channel filters of a PV name: deadband, array slice and server time stamp.

``NAME.{"dbnd":{"abs":0.5}}``, ``NAME.{"arr":{"s":1,"e":3}}`` or ``NAME.[1:3]``, ``NAME.{"ts":{}}``,
as EPICS Base documents them ("Channel Filters"). The filters ``sync`` and those that nobody knows
are refused: a channel with them does not exist.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import dbr
from .stamp import Stamp

if TYPE_CHECKING:
    from .channel import Channel


@dataclass(frozen=True, slots=True)
class Filters:
    """``deadband``: (relative, width); ``array``: first index, step, last index; ``stamp``: now."""

    deadband: tuple[bool, float] | None = None
    array: tuple[int, int, int] | None = None
    stamp: bool = False

    def count(self, total: int) -> int:
        """How many of ``total`` elements pass."""
        return total if self.array is None else len(range(total)[_slice(self.array)])

    def apply(self, channel: Channel, data_type: int, count: int) -> tuple[bytes, int]:
        """Payload and element count of a filtered read of ``count`` elements (0: all that pass)."""
        if data_type > dbr.MAX_VALUE_TYPE:
            return dbr.payload(channel, data_type, 1), 1
        form, native = dbr.split(data_type)
        data = dbr.payload(channel, data_type, channel.count)
        if self.stamp and form is dbr.Form.TIME:
            data = data[:4] + struct.pack(">II", *Stamp.now()) + data[12:]
        size = dbr.STRING_SIZE if native is dbr.Native.STRING else dbr.DTYPES[native].itemsize
        head = len(data) - channel.count * size
        elements = np.frombuffer(data[head:], dtype=np.dtype((np.void, size)))
        if self.array is not None:
            elements = elements[_slice(self.array)]
        wanted = count or len(elements)
        return data[:head] + elements[:wanted].tobytes().ljust(wanted * size, b"\0"), wanted

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


def _slice(array: tuple[int, int, int]) -> slice:
    start, step, last = array
    return slice(start, None if last == -1 else last + 1, step)


def parse_filters(text: str) -> Filters:
    """The filters written behind a PV name; raises ValueError for what is not understood."""
    if text.startswith("["):
        return Filters(array=_parse_slice(text))
    parts = _mapping(json.loads(text), text)
    known = {"dbnd", "arr", "ts"}
    if not set(parts) <= known:
        raise ValueError(f"{text}: only the filters {sorted(known)} are served")
    return Filters(
        deadband=_parse_deadband(parts["dbnd"]) if "dbnd" in parts else None,
        array=_parse_array(parts["arr"]) if "arr" in parts else None,
        stamp="ts" in parts,
    )


def _mapping(value: Any, text: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{text} is not a JSON object")
    return value


def _parse_slice(text: str) -> tuple[int, int, int]:
    """``[n]``, ``[first:last]`` or ``[first:step:last]``."""
    parts = text[1:-1].split(":")
    if not text.endswith("]") or len(parts) > 3:
        raise ValueError(f"{text} is not [first:step:last]")
    if len(parts) == 1:
        return _checked_slice(int(parts[0]), 1, int(parts[0]))
    step = parts[1] if len(parts) == 3 else ""
    return _checked_slice(int(parts[0] or 0), int(step or 1), int(parts[-1] or -1))


def _parse_array(value: Any) -> tuple[int, int, int]:
    parts = _mapping(value, value)
    if not set(parts) <= set("sie"):
        raise ValueError(f"arr has s, i and e only, not {parts}")
    numbers = [parts.get("s", 0), parts.get("i", 1), parts.get("e", -1)]
    if not all(isinstance(n, int) for n in numbers):
        raise ValueError(f"arr needs whole numbers, not {parts}")
    return _checked_slice(numbers[0], numbers[1], numbers[2])


def _checked_slice(start: int, step: int, last: int) -> tuple[int, int, int]:
    if step < 1:
        raise ValueError(f"the step {step} of an array filter is less than 1")
    return start, step, last


def _parse_deadband(value: Any) -> tuple[bool, float]:
    parts = _mapping(value, value)
    match parts:
        case {"abs": width} if len(parts) == 1:
            relative = False
        case {"rel": width} if len(parts) == 1:
            relative = True
        case {"d": width} if set(parts) <= {"d", "m"} and parts.get("m", "abs") in ("abs", "rel"):
            relative = parts.get("m") == "rel"
        case _:
            raise ValueError(f"dbnd needs abs or rel, or d and m, not {parts}")
    if isinstance(width, bool) or not isinstance(width, (int, float)):
        raise ValueError(f"dbnd needs a number, not {width!r}")
    return relative, float(width)
