"""The fields of CTI messages: texts of fixed width, numbers, and lists of unknown length.

Two kinds of text (arbin-protocol.md 2): wide ones are UTF-16-LE code units, byte ones 8 bit.
Both end at the first zero unit or where the field ends. The code page of byte texts is not
documented: cp1252 is assumed, what it does not have is replaced.
"""

from __future__ import annotations

import struct
from typing import Any

from .protocol import DecodeError, EncodeError

_CODE_PAGE = "cp1252"
_MAX_INDEX = 0xFFFF


def wide(text: str, units: int, what: str) -> bytes:
    """A text as a wide field of `units` code units. Raises `EncodeError` that names `what`."""
    _check_text(text, what)
    try:
        data = text.encode("utf-16-le")
    except UnicodeEncodeError:
        raise EncodeError(f"{what} {text!r} is not a valid text") from None
    if len(data) > 2 * units:
        raise EncodeError(f"{what} {text!r} has {len(data) // 2} characters, at most {units} fit")
    return data.ljust(2 * units, b"\0")


def narrow(text: str, size: int, what: str, *, secret: bool = False) -> bytes:
    """A text as a byte field. Raises `EncodeError`, which does not show the text if `secret`."""
    shown = what if secret else f"{what} {text!r}"
    if secret and "\0" in text:
        raise EncodeError(f"{what} has a zero character")
    if not secret:
        _check_text(text, what)
    try:
        data = text.encode("ascii" if secret else _CODE_PAGE)
    except UnicodeEncodeError:
        kind = "ASCII" if secret else "Western European"
        raise EncodeError(f"{shown} has characters that are not {kind}") from None
    if len(data) > size:
        raise EncodeError(f"{shown} is longer than {size} characters")
    return data.ljust(size, b"\0")


def _check_text(text: str, what: str) -> None:
    if "\0" in text:
        raise EncodeError(f"{what} {text!r} has a zero character")


def from_wide(data: bytes) -> str:
    """The text of a wide field: up to the first zero code unit."""
    end = len(data) & ~1
    zero = data.find(b"\0\0")
    while 0 <= zero < end:
        if zero % 2 == 0:
            end = zero
        else:
            zero = data.find(b"\0\0", zero + 1)
    return data[:end].decode("utf-16-le", "replace")


def from_narrow(data: bytes) -> str:
    """The text of a byte field: up to the first zero byte."""
    return data.partition(b"\0")[0].decode(_CODE_PAGE, "replace")


def whole(value: int, low: int, high: int, what: str) -> int:
    """A whole number that is in its range. Raises `EncodeError`."""
    if not low <= value <= high:
        raise EncodeError(f"{what} {value} is not from {low} to {high}")
    return value


def index(channel: int, what: str = "channel") -> int:
    """A channel index as it fits into 16 bits. Raises `EncodeError`."""
    return whole(channel, 0, _MAX_INDEX, what)


def indices(channels: tuple[int, ...], what: str = "channel") -> bytes:
    """A list of channel indices. Raises `EncodeError` for none, and for a channel named twice."""
    if not channels:
        raise EncodeError(f"no {what} is named")
    twice = {one for one in channels if channels.count(one) > 1}
    if twice:
        raise EncodeError(f"{what} {', '.join(map(str, sorted(twice)))} is named twice")
    return struct.pack(f"<{len(channels)}H", *(index(one, what) for one in channels))


def single(value: float, what: str) -> float:
    """A number that an f32 can hold, finite. Raises `EncodeError`."""
    try:
        (held,) = struct.unpack("<f", struct.pack("<f", value))
    except OverflowError:
        held = float("inf")
    if held - held != 0.0:
        raise EncodeError(f"{what} {value:g} is not a finite number of single precision")
    return value


class Cursor:
    """Reads a payload field by field; every step raises `DecodeError` where bytes are missing."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._what = what
        self.at = 0

    @property
    def left(self) -> int:
        """Bytes that were not read yet."""
        return len(self._data) - self.at

    def take(self, layout: struct.Struct) -> tuple[Any, ...]:
        """The fields of a layout."""
        return layout.unpack(self.bytes(layout.size))

    def bytes(self, size: int) -> bytes:
        """So many bytes."""
        if size > self.left:
            raise DecodeError(
                f"{self._what}: {size} bytes are missing at offset {self.at}, {self.left} are left"
            )
        self.at += size
        return self._data[self.at - size : self.at]

    def u32(self) -> int:
        """A number of 32 bits."""
        return int.from_bytes(self.bytes(4), "little")

    def count(self, smallest: int) -> int:
        """A count of elements of at least `smallest` bytes: no more than can be there."""
        count = self.u32()
        if count * smallest > self.left:
            raise DecodeError(
                f"{self._what}: {count} elements cannot be in the {self.left} bytes that are left"
            )
        return count

    def zero_terminated(self) -> str:
        """A byte text of any length that ends with a zero byte."""
        end = self._data.find(b"\0", self.at)
        if end < 0:
            raise DecodeError(f"{self._what}: the text at offset {self.at} has no end")
        return from_narrow(self.bytes(end + 1 - self.at))

    def end(self) -> None:
        """Check that nothing is left."""
        if self.left:
            raise DecodeError(f"{self._what}: {self.left} bytes too many at offset {self.at}")


def unpack(layout: struct.Struct, payload: bytes, what: str) -> tuple[Any, ...]:
    """The fields of a payload that has exactly this layout. Raises `DecodeError`."""
    if len(payload) != layout.size:
        raise DecodeError(f"{what}: {len(payload)} bytes, not {layout.size}")
    return layout.unpack(payload)
