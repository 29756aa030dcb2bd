"""Values in and out: what the IOC may post into a record, and what a client's put means for it.

Both refuse instead of bending: an integer outside 32 bits, a state that does not exist, NaN as a
set point or a text that is too long is an error that names the PV, the value and what would be
right. A driver's text may be declared as one to be shortened instead, and then shows that it was.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from drivers.core.loglines import plain, quoted
from iocs.ca.channel import Channel
from iocs.ca.dbr import DTYPES, STRING_SIZE, ConversionError, Native

from .spec import MAX_LONG, MIN_LONG, PointSpec

ELLIPSIS = "..."
"""The end of a text of which more would not fit."""

_INTEGER_ENDS = {
    Native.LONG: (MIN_LONG, MAX_LONG),
    Native.SHORT: (-(1 << 15), (1 << 15) - 1),
    Native.CHAR: (0, 255),
}


def coerce(spec: PointSpec, value: Any, pvname: str) -> Any:
    """A driver's value as the record holds it: float, int, str, or a full-length native array.

    Raises :class:`~iocs.ca.dbr.ConversionError`, which names the PV, for what it cannot hold.
    """
    try:
        return _coerce(spec, value)
    except ConversionError as error:
        raise ConversionError(f"{pvname}: {error}") from None
    except (ValueError, TypeError, OverflowError) as error:
        reason = plain(error, 200)
        raise ConversionError(f"{pvname}: {quoted(value)} does not fit: {reason}") from None


def _coerce(spec: PointSpec, value: Any) -> Any:
    if spec.text or spec.native is Native.STRING:
        return _text(spec, str(value))
    if spec.count > 1:
        return _array(spec, value)
    if spec.native is Native.DOUBLE:
        return float(value) + 0.0  # -0.0 is 0.0
    number = int(value)
    if spec.native is Native.ENUM:
        if not 0 <= number < len(spec.states):
            last = len(spec.states) - 1
            raise ConversionError(f"state {quoted(number)} does not exist; 0 to {last} do")
        return number
    low, high = _INTEGER_ENDS[spec.native]
    if not low <= number <= high:
        raise ConversionError(f"{quoted(number)} is outside {low} to {high}")
    return number


def _text(spec: PointSpec, value: str) -> str:
    """A text up to its first NUL: 39 bytes fit, or ``count`` - 1.

    A longer one is refused, or ends in an ellipsis if that was declared.
    """
    room = (STRING_SIZE if spec.count == 1 else spec.count) - 1
    raw = value.split("\0", 1)[0].encode("utf-8", "replace")
    if len(raw) <= room:
        return raw.decode("utf-8")
    if not spec.shorten:
        raise ConversionError(f"the text {value!r:.80} has {len(raw)} bytes; {room} fit")
    return raw[: room - len(ELLIPSIS)].decode("utf-8", "ignore") + ELLIPSIS


def _array(spec: PointSpec, values: Any) -> np.ndarray[Any, Any]:
    """A full-length array of the record's element type, padded with NaN (floats) or 0."""
    dtype = DTYPES[spec.native].newbyteorder("=")
    given = np.asarray(values, dtype=dtype).ravel()
    if len(given) > spec.count:
        raise ConversionError(f"{len(given)} elements; the PV holds {spec.count}")
    if dtype.kind == "f":
        given = given + 0.0  # -0.0 is 0.0
    if len(given) == spec.count:
        return given.copy()
    full = np.full(spec.count, np.nan if dtype.kind == "f" else 0, dtype=dtype)
    full[: len(given)] = given
    return full


def parse_put(channel: Channel, data: Any) -> Any:
    """The value of a client's put, as the record holds it.

    ``data`` is what :func:`decode` or :func:`joined` gave, or one plain value. Numbers may be sent
    as text and states as label or index, as EPICS Base allows.
    """
    items = list(data) if isinstance(data, (bytes, list)) else [data]
    if not items and not (channel.text and channel.native is Native.CHAR):
        raise ConversionError(f"{channel.pvname}: an empty array is no value")
    if channel.text:
        return _put_text(channel, data)
    if len(items) > channel.count > 1:
        most = f"the PV holds {channel.count}"
        raise ConversionError(f"{channel.pvname}: {len(items)} elements; {most}")
    if channel.count > 1:
        return np.array([_put_number(channel, item) for item in items])
    if channel.native is Native.ENUM:
        return _put_state(channel, items[0])
    return _put_number(channel, items[0])


def _decode(channel: Channel, raw: bytes) -> str:
    try:
        return raw.split(b"\0", 1)[0].decode("utf-8")
    except UnicodeDecodeError:
        raise ConversionError(f"{channel.pvname}: the text {quoted(raw)} is not UTF-8") from None


def _put_text(channel: Channel, data: Any) -> str:
    """A text: a CHAR array as a whole, else the first element."""
    if isinstance(data, list):
        data = data[0] if data else ""
    text = _decode(channel, data) if isinstance(data, bytes) else str(data)
    size = channel.long_string_max_length
    if len(text.encode()) >= size:
        raise ConversionError(
            f"{channel.pvname}: the text has {len(text.encode())} bytes; {size - 1} fit"
        )
    return text


def _put_state(channel: Channel, item: Any) -> int:
    states = channel.states
    known = ", ".join(f"{i} {label!r}" for i, label in enumerate(states))
    if isinstance(item, (bytes, str)):
        text = _decode(channel, item) if isinstance(item, bytes) else item
        if text in states:
            return states.index(text)
        if not (text.isascii() and text.strip().isdigit()):
            raise ConversionError(f"{channel.pvname}: no state {quoted(text)}; there are {known}")
        item = int(text)
    if not (0 <= item < len(states) and int(item) == item):  # false for NaN too
        raise ConversionError(f"{channel.pvname}: no state {quoted(item)}; there are {known}")
    return int(item)


def _put_number(channel: Channel, item: Any) -> float | int:
    if isinstance(item, (bytes, str)):
        text = _decode(channel, item) if isinstance(item, bytes) else item
        item = _number_from_text(channel, text.strip())
        if channel.native not in (Native.DOUBLE, Native.FLOAT) and _is_octal(text):
            raise ConversionError(f"{channel.pvname}: {quoted(text)} is octal to EPICS Base")
    if channel.native in (Native.DOUBLE, Native.FLOAT):
        return float(item) + 0.0
    low, high = _INTEGER_ENDS[channel.native]
    if not (low <= item <= high and int(item) == item):  # false for NaN too
        raise ConversionError(
            f"{channel.pvname}: {quoted(item)} is not a whole number between {low} and {high}"
        )
    return int(item)


def _is_octal(text: str) -> bool:
    digits = text.strip().lstrip("+-")
    return len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()


def _number_from_text(channel: Channel, text: str) -> float | int:
    if "_" in text or not text.isascii():  # Python's own spellings of numbers
        raise ConversionError(f"{channel.pvname}: {quoted(text)} is not a number")
    try:
        return int(text, 0)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise ConversionError(f"{channel.pvname}: {quoted(text)} is not a number") from None
