"""A client's bytes cut into messages: what is not complete is held no longer than it may be.

The header says how long a message is, and of which channel: one that is longer than that channel
can take is refused before its payload has come, and passed over. EPICS Base does so with
``EPICS_CA_AUTO_ARRAY_BYTES=NO`` (``camessage.c``, ECA_TOLARGE).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .dbr import STRING_SIZE, ConversionError
from .wire import HEADER, LONG_MARK, Put, parse_put

SMALL = 1 << 14
"""Bytes of payload that any message may have: what EPICS Base has room for at least."""

MAX_HELD = 1 << 24
"""Bytes that the unfinished messages of all clients may take before long ones are refused."""

_METADATA = 512
"""More than any DBR type has in front of its value."""

_LONG = struct.Struct(">II")


@dataclass(slots=True)
class Held:
    """Bytes of unfinished messages that an IOC holds for all its clients."""

    size: int = 0


@dataclass(frozen=True, slots=True)
class TooLong:
    """A put of ``size`` bytes that is refused for them; they are passed over, not in ``put``."""

    put: Put
    size: int


def room_for(count: int) -> int:
    """The longest payload of a put to a channel of ``count`` elements: all of them as texts."""
    return max(SMALL, _METADATA + count * STRING_SIZE)


class Framer:
    """Cuts the bytes of one client. ``room``: the longest payload of a put to a channel."""

    def __init__(self, room: Callable[[int], int], held: Held) -> None:
        self._room = room
        self._held = held
        self._own = 0
        self._data = bytearray()
        self._to_skip = 0

    def close(self) -> None:
        """Forget what is not complete."""
        self._data.clear()
        self._count()

    def take(self, data: bytes) -> Iterator[bytes | TooLong]:
        """The messages that are complete with ``data``; raises ConversionError on one too long.

        Each is cut when it is asked for: which puts fit depends on the messages before.
        """
        skipped = min(self._to_skip, len(data))
        self._to_skip -= skipped
        self._data += memoryview(data)[skipped:]
        at = 0
        while (head := self._head(at)) is not None:
            start, size = head
            end = start + size
            long = end - at > SMALL + HEADER.size + _LONG.size
            refused = self._refuse(at, start, size) if long else None
            if refused is not None:
                self._to_skip = max(0, end - len(self._data))
                yield refused
            elif end <= len(self._data):
                yield bytes(memoryview(self._data)[at:end])
            else:
                break
            at = min(end, len(self._data))
        del self._data[:at]
        self._count()

    def _head(self, at: int) -> tuple[int, int] | None:
        """Where the payload of the message at ``at`` begins, and its size; None if too few came."""
        start = at + HEADER.size
        if start > len(self._data):
            return None
        _, size, _, count, _, _ = HEADER.unpack_from(self._data, at)
        if (size, count) != LONG_MARK:
            return start, size
        start += _LONG.size
        if start > len(self._data):
            return None
        size, _ = _LONG.unpack_from(self._data, start - _LONG.size)
        return start, size

    def _refuse(self, at: int, start: int, size: int) -> TooLong | None:
        """Whether a long message is too long; raises ConversionError if it is no put."""
        put = parse_put(bytes(memoryview(self._data)[at:start]))
        if put is None:
            raise ConversionError(f"a message of {size} bytes; {SMALL} are the most")
        if size <= self._room(put.sid) and self._held.size - self._own <= MAX_HELD:
            return None
        return TooLong(put, size)

    def _count(self) -> None:
        self._held.size += len(self._data) - self._own
        self._own = len(self._data)
