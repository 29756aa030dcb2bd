"""DBR types of Channel Access: native types and forms, their sizes, numbers and texts in them.

Layouts are those of EPICS Base, ``db_access.h``.
"""

from __future__ import annotations

import math
import struct
from enum import IntEnum
from typing import Any

import numpy as np

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

CODES = {
    Native.SHORT: "h",
    Native.FLOAT: "f",
    Native.ENUM: "H",
    Native.CHAR: "B",
    Native.LONG: "i",
    Native.DOUBLE: "d",
}
"""Codes of :mod:`struct` of the same."""

RANGES = {
    Native.SHORT: (-(1 << 15), (1 << 15) - 1),
    Native.ENUM: (0, (1 << 16) - 1),
    Native.CHAR: (0, (1 << 8) - 1),
    Native.LONG: (-(1 << 31), (1 << 31) - 1),
}
_LARGEST_FLOAT_TEXT = 99_999_999.0
PADDING = {
    (Form.STS, Native.CHAR): 1,
    (Form.STS, Native.DOUBLE): 4,
    (Form.TIME, Native.SHORT): 2,
    (Form.TIME, Native.ENUM): 2,
    (Form.TIME, Native.CHAR): 3,
    (Form.TIME, Native.DOUBLE): 4,
    (Form.GR, Native.CHAR): 1,
    (Form.CTRL, Native.CHAR): 1,
}
STS = struct.Struct(">hh")
TIME = struct.Struct(">hhII")


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
        return TIME.size + PADDING.get((form, native), 0)
    if form is Form.STS or native is Native.STRING:
        return STS.size + PADDING.get((form, native), 0)
    if native is Native.ENUM:
        return STS.size + 2 + ENUM_STATES * ENUM_STRING_SIZE
    floating = native in (Native.FLOAT, Native.DOUBLE)
    limits = (8 if form is Form.CTRL else 6) * DTYPES[native].itemsize
    padding = PADDING.get((form, native), 0)
    return STS.size + (4 if floating else 0) + UNITS_SIZE + limits + padding


def encode_text(text: str, size: int) -> bytes:
    """UTF-8 bytes of a text, cut between characters to leave room for a NUL, padded to ``size``."""
    raw = text.encode("utf-8", "replace")
    if len(raw) >= size:
        raw = raw[: size - 1].decode("utf-8", "ignore").encode("utf-8")
    return raw.ljust(size, b"\0")


def to_integer(value: float, native: Native) -> int:
    """A number as an integer: rounded towards zero, held at the type's ends, NaN as 0."""
    low, high = RANGES[native]
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


def blank(data_type: int, count: int) -> bytes:
    """What EPICS Base sends with ECA_GETFAIL: zeros, as many as the value would have bytes."""
    form, native = split(data_type) if data_type <= MAX_VALUE_TYPE else (Form.PLAIN, Native.ENUM)
    return bytes(head_size(form, native) + count * element_size(native))


def element_size(native: Native) -> int:
    """Bytes of one element on the wire."""
    return STRING_SIZE if native is Native.STRING else DTYPES[native].itemsize
