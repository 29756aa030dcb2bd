"""The value in the payload of a client's put."""

from __future__ import annotations

from typing import Any

import numpy as np

from drivers.core.loglines import quoted

from .channel import Channel
from .dbr import DTYPES, STRING_SIZE, ConversionError, Native, head_size, split


def decode(data_type: int, count: int, raw: bytes) -> bytes | list[bytes] | list[Any]:
    """The value in the payload of a put: bytes for CHAR, else a list of byte strings or numbers.

    The forms with alarm, stamp or metadata carry these in front of the value, as in a reply.
    """
    form, native = split(data_type)
    head = head_size(form, native)
    if len(raw) < head:
        raise ConversionError(f"DBR type {data_type} has more than {len(raw)} bytes")
    raw = raw[head:]
    if native is Native.STRING:
        raw = raw or b"\0"  # an empty text may come without a byte
        return [raw[i : i + STRING_SIZE] for i in range(0, len(raw), STRING_SIZE)][:count]
    size = count * DTYPES[native].itemsize
    if len(raw) < size:
        raise ConversionError(f"{count} elements of DBR type {data_type} in {len(raw)} bytes")
    if native is Native.CHAR:
        return raw[:size]
    return np.frombuffer(raw[:size], dtype=DTYPES[native]).tolist()


def joined(channel: Channel, data: bytes | list[Any]) -> bytes:
    """A put to an array of characters as their bytes: one text, or the characters as numbers.

    ``data`` is what :func:`decode` gave. EPICS Base takes a text for a number here.
    """
    if isinstance(data, bytes):
        return data
    if len(data) == 1 and isinstance(data[0], bytes):
        return data[0]
    for item in data:
        if isinstance(item, bytes) or not (-128 <= item <= 255 and int(item) == item):
            reason = f"{quoted(item)} is no character, one of {len(data)}"
            raise ConversionError(f"{channel.pvname}: {reason}")
    return bytes(int(item) & 0xFF for item in data)
