"""DBR payloads: what a PV looks like on a Channel Access wire.

One place turns a channel's value, alarm, time stamp and metadata into the bytes of any of the DBR
types. Every payload holds exactly the number of elements its header announces (short arrays are
padded with zeros, long ones cut): Java clients and the archiver cannot decode anything else.
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np

from drivers.core.loglines import quoted

from .channel import Channel
from .dbr import (
    CLASS_NAME,
    CODES,
    DTYPES,
    ENUM_STATES,
    ENUM_STRING_SIZE,
    PADDING,
    RANGES,
    STRING_SIZE,
    STS,
    STSACK_STRING,
    TIME,
    UNITS_SIZE,
    ConversionError,
    Form,
    Native,
    element_size,
    encode_text,
    split,
    to_integer,
)
from .numbers import leading_float, leading_integer

_FLOAT_MIN = float(np.finfo(np.float32).tiny)
_FLOAT_MAX = float(np.finfo(np.float32).max)
_VALUE = {native: struct.Struct(f">{code}") for native, code in CODES.items()}
_TIME_SCALAR = {
    native: struct.Struct(f">hhII{PADDING.get((Form.TIME, native), 0)}x{code}")
    for native, code in CODES.items()
}


def elements(channel: Channel, long_text: bool) -> int:
    """Element count of a channel; ``long_text``: opened as ``NAME$``, an array of characters."""
    return channel.long_string_max_length if long_text else channel.count


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
    head = _head(channel, form, native) + bytes(PADDING.get((form, native), 0))
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
        return TIME.pack(channel.status, channel.severity, *channel.epics_stamp)
    alarm = STS.pack(channel.status, channel.severity)
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
    if native in RANGES and values.dtype.kind == "f":
        low, high = RANGES[native]
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
        low, high = RANGES[native]
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
