"""DBR payloads: what a PV looks like on a Channel Access wire.

One place turns a channel's value, alarm, time stamp and metadata into the bytes of any of the DBR
types. Layouts are those of EPICS Base, ``db_access.h``. Every payload holds exactly the number of
elements its header announces (short arrays are padded with zeros, long ones cut): Java clients and
the archiver cannot decode anything else.
"""

from __future__ import annotations

import math
import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from drivers.core.loglines import quoted

from .numbers import leading_float, leading_integer

if TYPE_CHECKING:
    from .channel import Channel

EPICS_EPOCH = 631_152_000
"""1990-01-01 00:00 UTC in Unix seconds: the zero of EPICS time stamps."""

STRING_SIZE = 40
"""Bytes of a DBR_STRING, its NUL included."""

ENUM_STATES = 16
ENUM_STRING_SIZE = 26
UNITS_SIZE = 8

MAX_VALUE_TYPE = 34
"""The last DBR type that is one of the five forms of a native type."""

PUT_ACKT = 35
PUT_ACKS = 36
STSACK_STRING = 37
CLASS_NAME = 38


class Native(IntEnum):
    """The seven native types; a DBR type number is ``form * 7 + native``."""

    STRING = 0
    SHORT = 1
    FLOAT = 2
    ENUM = 3
    CHAR = 4
    LONG = 5
    DOUBLE = 6


class Form(IntEnum):
    """What comes with the value: nothing, alarm, alarm and stamp, display or control metadata."""

    PLAIN = 0
    STS = 1
    TIME = 2
    GR = 3
    CTRL = 4


class ConversionError(ValueError):
    """A value has no meaning in the data type that a client asked for or sent."""


DTYPES: dict[Native, np.dtype[Any]] = {
    Native.SHORT: np.dtype(">i2"),
    Native.FLOAT: np.dtype(">f4"),
    Native.ENUM: np.dtype(">u2"),
    Native.CHAR: np.dtype("u1"),
    Native.LONG: np.dtype(">i4"),
    Native.DOUBLE: np.dtype(">f8"),
}
"""Element layout on the wire of every native type but STRING."""

_CODES = {
    Native.SHORT: "h",
    Native.FLOAT: "f",
    Native.ENUM: "H",
    Native.CHAR: "B",
    Native.LONG: "i",
    Native.DOUBLE: "d",
}
_RANGES = {
    Native.SHORT: (-(1 << 15), (1 << 15) - 1),
    Native.ENUM: (0, (1 << 16) - 1),
    Native.CHAR: (0, (1 << 8) - 1),
    Native.LONG: (-(1 << 31), (1 << 31) - 1),
}
_FLOAT_MIN = float(np.finfo(np.float32).tiny)
_FLOAT_MAX = float(np.finfo(np.float32).max)
_LARGEST_FLOAT_TEXT = 99_999_999.0
_VALUE = {native: struct.Struct(f">{code}") for native, code in _CODES.items()}
_PADDING = {
    (Form.STS, Native.CHAR): 1,
    (Form.STS, Native.DOUBLE): 4,
    (Form.TIME, Native.SHORT): 2,
    (Form.TIME, Native.ENUM): 2,
    (Form.TIME, Native.CHAR): 3,
    (Form.TIME, Native.DOUBLE): 4,
    (Form.GR, Native.CHAR): 1,
    (Form.CTRL, Native.CHAR): 1,
}
_STS = struct.Struct(">hh")
_TIME = struct.Struct(">hhII")
_TIME_SCALAR = {
    native: struct.Struct(f">hhII{_PADDING.get((Form.TIME, native), 0)}x{code}")
    for native, code in _CODES.items()
}


def split(data_type: int) -> tuple[Form, Native]:
    """The form and native type of a DBR type number from 0 to 34."""
    if not 0 <= data_type <= MAX_VALUE_TYPE:
        raise ConversionError(f"DBR type {data_type} holds no value; 0 to 34 do")
    return Form(data_type // 7), Native(data_type % 7)


def head_size(form: Form, native: Native) -> int:
    """Bytes in front of the value: alarm, stamp, metadata and padding."""
    if form is Form.PLAIN:
        return 0
    if form is Form.TIME:
        return _TIME.size + _PADDING.get((form, native), 0)
    if form is Form.STS or native is Native.STRING:
        return _STS.size + _PADDING.get((form, native), 0)
    if native is Native.ENUM:
        return _STS.size + 2 + ENUM_STATES * ENUM_STRING_SIZE
    floating = native in (Native.FLOAT, Native.DOUBLE)
    limits = (8 if form is Form.CTRL else 6) * DTYPES[native].itemsize
    padding = _PADDING.get((form, native), 0)
    return _STS.size + (4 if floating else 0) + UNITS_SIZE + limits + padding


def encode_text(text: str, size: int) -> bytes:
    """UTF-8 bytes of a text, cut between characters to leave room for a NUL, padded to ``size``."""
    raw = text.encode("utf-8", "replace")
    if len(raw) >= size:
        raw = raw[: size - 1].decode("utf-8", "ignore").encode("utf-8")
    return raw.ljust(size, b"\0")


def to_integer(value: float, native: Native) -> int:
    """A number as an integer: rounded towards zero, held at the type's ends, NaN as 0."""
    low, high = _RANGES[native]
    if value != value:
        return 0
    return int(min(max(value, low), high))


def format_number(value: float, precision: int, native: Native = Native.DOUBLE) -> str:
    """A number as DBR_STRING shows it, as EPICS Base does (``cvtFast.c``, cvtDoubleToString).

    ``precision`` decimals, halves rounded away from zero; at most 3 decimals beyond 1e7;
    scientific beyond 1e16 (a float from 1e8 on) and with more than 8 decimals.
    """
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    size = abs(value)
    if precision > 8 or size > (_LARGEST_FLOAT_TEXT if native is Native.FLOAT else 1e16):
        return f"{value:.{min(precision, 17)}e}"
    if size > 1e7:
        return f"{value:.{min(precision, 3)}f}"
    scale = 10**precision
    return f"{math.copysign(math.floor(size * scale + 0.5) / scale, value):.{precision}f}"


def elements(channel: Channel, long_text: bool) -> int:
    """Element count of a channel; ``long_text``: opened as ``NAME$``, an array of characters."""
    return channel.long_string_max_length if long_text else channel.count


def blank(data_type: int, count: int) -> bytes:
    """What EPICS Base sends with ECA_GETFAIL: zeros, as many as the value would have bytes."""
    form, native = split(data_type) if data_type <= MAX_VALUE_TYPE else (Form.PLAIN, Native.ENUM)
    return bytes(head_size(form, native) + count * element_size(native))


def element_size(native: Native) -> int:
    """Bytes of one element on the wire."""
    return STRING_SIZE if native is Native.STRING else DTYPES[native].itemsize


def payload(channel: Channel, data_type: int, count: int, long_text: bool = False) -> bytes:
    """What a client gets that asks ``channel`` for ``count`` elements (0: all) of a DBR type.

    Raises :class:`ConversionError` for a text that is no number of that type.
    """
    if channel.scalar and count <= 1 and 14 <= data_type <= 20:
        native = channel.native  # the common case: a monitor of the native type
        if native == data_type - 14 and native is not Native.STRING:
            return _TIME_SCALAR[native].pack(
                channel.status, channel.severity, *channel.epics_stamp, channel.value
            )
    if data_type == STSACK_STRING:
        acks = struct.pack(">hhHH", channel.status, channel.severity, channel.ackt, channel.acks)
        return acks + _body(channel, Form.PLAIN, Native.STRING, 1)
    if data_type == CLASS_NAME:
        return encode_text(channel.record_type, STRING_SIZE)
    form, native = split(data_type)
    head = _head(channel, form, native) + bytes(_PADDING.get((form, native), 0))
    count = count or elements(channel, long_text)
    if (
        channel.text
        and native is not Native.STRING
        and (long_text or channel.native is Native.CHAR)
    ):
        return head + _characters(channel, native, count, elements(channel, long_text))
    return head + _body(channel, form, native, count)


def _head(channel: Channel, form: Form, native: Native) -> bytes:
    if form is Form.PLAIN:
        return b""
    if form is Form.TIME:
        return _TIME.pack(channel.status, channel.severity, *channel.epics_stamp)
    alarm = _STS.pack(channel.status, channel.severity)
    if form is Form.STS or native is Native.STRING:
        return alarm
    if native is Native.ENUM:
        labels = [encode_text(s, ENUM_STRING_SIZE) for s in channel.states[:ENUM_STATES]]
        table = b"".join(labels).ljust(ENUM_STATES * ENUM_STRING_SIZE, b"\0")
        return alarm + struct.pack(">h", len(labels)) + table
    head = alarm
    if native in (Native.FLOAT, Native.DOUBLE):
        head += struct.pack(">hh", channel.precision, 0)
    head += encode_text(channel.units, UNITS_SIZE)
    limits = channel.metadata_limits()
    return head + b"".join(
        _pack_number(limit, native) for limit in (limits if form is Form.CTRL else limits[:6])
    )


def _pack_number(value: float, native: Native) -> bytes:
    if native is Native.DOUBLE:
        return _VALUE[native].pack(value)
    if native is Native.FLOAT:
        return _single(np.array(value, dtype=np.float64)).tobytes()
    return _VALUE[native].pack(to_integer(value, native))


def _single(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Numbers in single precision, held at its ends (EPICS Base, epicsConvertDoubleToFloat)."""
    size = np.clip(np.abs(values), _FLOAT_MIN, _FLOAT_MAX)
    fits = np.isinf(values) | (values == 0)
    return np.where(fits, values, np.copysign(size, values)).astype(DTYPES[Native.FLOAT])


def _characters(channel: Channel, native: Native, count: int, total: int) -> bytes:
    """A text as an array of signed characters; one that was opened as ``NAME$`` ends with a NUL."""
    raw = encode_text(str(channel.value), total)[:count]
    if native is Native.CHAR:
        return raw if channel.native is Native.CHAR else raw[:-1] + b"\0"
    return np.frombuffer(raw, np.int8).astype(DTYPES[native]).tobytes()


def _body(channel: Channel, form: Form, native: Native, count: int) -> bytes:
    size = count * element_size(native)
    if channel.text:
        if native is Native.STRING:
            return encode_text(str(channel.value), STRING_SIZE).ljust(size, b"\0")
        return _number_in(channel, form, native).ljust(size, b"\0")
    if native is Native.STRING:
        texts = channel.element_texts()[:count]
        return b"".join(encode_text(t, STRING_SIZE) for t in texts).ljust(size, b"\0")
    if channel.scalar:
        return _pack_number(channel.value, native).ljust(size, b"\0")
    return _array_bytes(channel.value[:count], native).ljust(size, b"\0")


def _array_bytes(values: np.ndarray[Any, Any], native: Native) -> bytes:
    target = DTYPES[native]
    if values.dtype == target:
        return values.tobytes()
    if native in _RANGES and values.dtype.kind == "f":
        low, high = _RANGES[native]
        values = np.nan_to_num(np.clip(values, low, high), nan=0.0)
    if native is Native.FLOAT and values.dtype.kind == "f":
        return _single(values).tobytes()
    return values.astype(target).tobytes()


def _number_in(channel: Channel, form: Form, native: Native) -> bytes:
    """A text as the number that it begins with, none as 0 (EPICS Base, ``dbFastLinkConv.c``)."""
    text = str(channel.value)
    try:
        if native is Native.ENUM:
            raise ValueError("no state")
        if native in (Native.FLOAT, Native.DOUBLE):
            number = leading_float(text) if text else 0.0
            if native is Native.FLOAT and not _fits_float(number):
                raise ValueError("not in single precision")
            return _VALUE[native].pack(number)
        whole = leading_integer(text)[0] if text else 0
        low, high = _RANGES[native]
        if native is Native.CHAR:  # signed, or so read as if it were not
            low, high = (-128, 127) if form in (Form.PLAIN, Form.TIME) else (-255, 255)
        if not low <= whole <= high:
            raise ValueError(f"not from {low} to {high}")
    except ValueError as error:
        text = f"the text {quoted(channel.value)}, as {native.name}: {error}"
        raise ConversionError(f"{channel.pvname} holds {text}") from None
    return _VALUE[native].pack(whole & 0xFF if native is Native.CHAR else whole)


def _fits_float(number: float) -> bool:
    size = abs(number)
    return not math.isfinite(size) or not size or _FLOAT_MIN < size < _FLOAT_MAX
