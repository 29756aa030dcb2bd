"""Frames on the wire: build them, and find them in a stream whatever stands between them.

Frames are found by their length field, never by a terminator or by how the bytes were cut up: bytes
between frames (the 0D 0A of Xcom-LAN mode, line noise) are skipped. Everything is little-endian.
Source: xcom-protocol.md 2 and 3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag
from itertools import accumulate
from typing import TypeAlias

START = 0xAA
HEADER_SIZE = 14
OVERHEAD = 26
"""Bytes of a frame beside its property data."""

LONGEST_FRAME_DATA = 1100
"""More frame data than this is a protocol error; a screen has 1034 (xcom-protocol.md 3.1)."""

STRIPPED = b"\r\n"
"""What the Moxa of an Xcom-LAN removes, inside of frames too (xcom-protocol.md 13.4)."""

_HEADER = struct.Struct("<BIIH")
_SERVICE = struct.Struct("<BBHIH")
_SHORTEST_FRAME_DATA = _SERVICE.size
_CHECKSUM_SIZE = 2


Addresses: TypeAlias = tuple[int, int]
"""Source and destination of a frame."""


class DecodeError(ValueError):
    """Bytes that cannot be what they should be; the text names the place and the value."""


class FrameFlags(IntFlag):
    """State of the gateway, in each reply (xcom-protocol.md 3.2). Unknown bits are kept."""

    MESSAGE_PENDING = 0x01
    RESTARTED = 0x02
    CARD_PRESENT = 0x04
    CARD_FULL = 0x08
    NEW_DATALOG = 0x10
    DATALOGGER = 0x20


class ServiceFlags(IntFlag):
    """What kind of frame it is (xcom-protocol.md 3.1)."""

    ERROR = 0x01
    RESPONSE = 0x02


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: addresses, service, object, property and the data of the property.

    `flags` are the gateway's `FrameFlags` (0 in requests), `service_flags` the `ServiceFlags`.
    """

    source: int
    destination: int
    service: int
    object_type: int
    object_id: int
    property_id: int
    data: bytes = b""
    flags: int = 0
    service_flags: int = 0

    @property
    def is_reply(self) -> bool:
        """True for a reply, of success or error."""
        return bool(self.service_flags & ServiceFlags.RESPONSE)

    @property
    def is_error(self) -> bool:
        """True for a reply that carries an error code."""
        return bool(self.service_flags & ServiceFlags.ERROR)

    def encode(self) -> bytes:
        """The frame as it is on the wire, without anything after it."""
        service = _SERVICE.pack(
            self.service_flags, self.service, self.object_type, self.object_id, self.property_id
        )
        body = service + self.data
        header = _HEADER.pack(self.flags, self.source, self.destination, len(body))
        return bytes([START]) + header + checksum(header) + body + checksum(body)


def checksum(data: bytes | bytearray) -> bytes:
    """The two bytes that end header and frame: Fletcher's sum (xcom-protocol.md 3.3)."""
    first = 0xFF + sum(data)
    second = 0xFF * len(data) + sum(accumulate(data))
    return bytes((first & 0xFF, second & 0xFF))


@dataclass(slots=True)
class ParserCounts:
    """What a stream contained: frames, bytes around them, false starts, frames of no use."""

    frames: int = 0
    junk_bytes: int = 0
    bad_headers: int = 0
    bad_lengths: int = 0
    bad_checksums: int = 0


class RunningSums:
    """Sums over all bytes so far, of which the checksum of any part of them follows at once.

    `bytes` has the sum of the bytes in front of each place.
    """

    def __init__(self) -> None:
        self.bytes = [0]
        self._sums = [0]

    def add(self, data: bytes) -> None:
        """Take bytes."""
        more = accumulate(data, initial=self.bytes.pop())
        self.bytes += more
        added = self.bytes[-len(data) :] if data else []
        self._sums += accumulate(added, initial=self._sums.pop())

    def drop(self, count: int) -> None:
        """Forget the first bytes."""
        del self.bytes[:count], self._sums[:count]
        if len(self.bytes) == 1:
            self.bytes[0] = self._sums[0] = 0

    def of(self, start: int, end: int) -> tuple[int, int]:
        """The two bytes of the checksum of a part (xcom-protocol.md 3.3)."""
        before, count = self.bytes[start], end - start
        first = 0xFF + self.bytes[end] - before
        second = 0xFF * count + self._sums[end] - self._sums[start] - count * before
        return first & 0xFF, second & 0xFF


class FrameParser:
    """Finds frames in a stream of bytes that comes in pieces of any size.

    Never raises, and keeps at most one incomplete frame. After a false start or a bad checksum it
    goes on with the next 0xAA. `spoilt` are the addresses of frames whose data checksum was wrong,
    since the last `reset`, `beheaded` those of headers whose checksum, which is 0D 0A, is missing.
    `noise` counts the bytes since the last good frame that were of none.

    Each byte is added up once, so that a checksum costs the same wherever a false frame may begin
    and however long it says that it is.
    """

    def __init__(self, counts: ParserCounts | None = None) -> None:
        self._buffer = bytearray()
        self._sums = RunningSums()
        self.noise = 0
        self.counts = counts or ParserCounts()
        self.spoilt: set[Addresses] = set()
        self.beheaded: set[Addresses] = set()

    @property
    def waiting(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes; returns the frames that are complete now."""
        self._buffer += data
        self._sums.add(data)
        frames: list[Frame] = []
        at = 0
        while (start := self._next_start(at)) < len(self._buffer):
            self._skip(start - at)
            at = start
            size = self._frame_size(at)
            if size is None:
                break
            if size == 0:
                at += 1
                self._skip(1)
                continue
            frames.append(_frame_in(bytes(self._buffer[at : at + size])))
            self.counts.frames += 1
            self.noise = 0
            at += size
        else:
            self._skip(len(self._buffer) - at)
            at = len(self._buffer)
        del self._buffer[:at]
        self._sums.drop(at)
        return frames

    def _next_start(self, at: int) -> int:
        """Where a frame may begin, at a first look at its header; the end if nowhere.

        What is no checksum in its first byte is most of all noise.
        """
        buffer, added, most = self._buffer, self._sums.bytes, len(self._buffer) - HEADER_SIZE
        last = HEADER_SIZE - _CHECKSUM_SIZE
        while (at := buffer.find(START, at)) >= 0:
            if at > most:
                return at
            first = (0xFF + added[at + last] - added[at + 1]) & 0xFF
            if first in (buffer[at + last], STRIPPED[0]):
                return at
            self.counts.bad_headers += 1
            at += 1
        return len(buffer)

    def _skip(self, count: int) -> None:
        self.counts.junk_bytes += count
        self.noise += count

    def reset(self) -> int:
        """Drop what waits for more bytes; returns how many bytes that was."""
        dropped = len(self._buffer)
        self._skip(dropped)
        self._buffer.clear()
        self._sums.drop(dropped)
        self.spoilt.clear()
        self.beheaded.clear()
        return dropped

    @property
    def waiting_addresses(self) -> Addresses | None:
        """Source and destination of the frame that waits for more bytes, if its header is good."""
        return None if self._announced_size(0) is None else self._addresses(0)

    def lacks_stripped_pair(self) -> bool:
        """True if a pair 0D 0A put back into what waits makes it a frame with right checksums.

        Ask when the line is quiet: the rest of a frame may just be on its way. Such a frame is not
        repaired, since more than one place can fit.
        """
        size = self._announced_size(0)
        if size is None or len(self._buffer) != size - len(STRIPPED):
            return False
        body = bytes(self._buffer[HEADER_SIZE:])
        if len(body) + len(STRIPPED) < _SHORTEST_FRAME_DATA + _CHECKSUM_SIZE:
            return False
        # into the checksum, behind it, or into the data in front of it
        ends = (body[:-1] + STRIPPED + body[-1:], body + STRIPPED)
        return any(map(_is_right, ends)) or self._pair_fits_into_data(body)

    def _pair_fits_into_data(self, body: bytes) -> bool:
        """True if the pair somewhere in the data makes the checksum at the end right.

        What stands before the pair is added two times more often than without it.
        """
        count = len(body) - _CHECKSUM_SIZE
        first, second = self._sums.of(HEADER_SIZE, HEADER_SIZE + count)
        if (first + sum(STRIPPED)) & 0xFF != body[-2]:
            return False
        missing = body[-1] - second - len(STRIPPED) * 0xFF
        pair = STRIPPED[0], STRIPPED[1]
        before = accumulate(body[:count], initial=0)
        return any(
            (2 * add + pair[0] * (count - at + 2) + pair[1] * (count - at + 1) - missing) & 0xFF
            == 0
            for at, add in enumerate(before)
        )

    def _announced_size(self, at: int) -> int | None:
        """The size of the frame that starts here; None if its header is incomplete or wrong."""
        if len(self._buffer) - at < HEADER_SIZE or not self._fits(at + 1, at + HEADER_SIZE):
            return None
        length: int = _HEADER.unpack_from(self._buffer, at + 1)[3]
        return HEADER_SIZE + length + _CHECKSUM_SIZE

    def _fits(self, start: int, end: int) -> bool:
        """True if a header or a body ends with its checksum."""
        last = end - _CHECKSUM_SIZE
        return self._sums.of(start, last) == (self._buffer[last], self._buffer[last + 1])

    def _addresses(self, at: int) -> Addresses:
        _, source, destination, _ = _HEADER.unpack_from(self._buffer, at + 1)
        return source, destination

    def _frame_size(self, at: int) -> int | None:
        """The size of the good frame here; None if bytes are missing, 0 if there is no frame."""
        if len(self._buffer) - at < HEADER_SIZE:
            return None
        size = self._announced_size(at)
        if size is None:
            self.counts.bad_headers += 1
            if self._sums.of(at + 1, at + HEADER_SIZE - _CHECKSUM_SIZE) == tuple(STRIPPED):
                self.beheaded.add(self._addresses(at))
            return 0
        shortest = HEADER_SIZE + _SHORTEST_FRAME_DATA + _CHECKSUM_SIZE
        if not shortest <= size <= HEADER_SIZE + LONGEST_FRAME_DATA + _CHECKSUM_SIZE:
            self.counts.bad_lengths += 1
            return 0
        if len(self._buffer) - at < size:
            return None
        if not self._fits(at + HEADER_SIZE, at + size):
            self.counts.bad_checksums += 1
            self.spoilt.add(self._addresses(at))
            return 0
        return size


def _is_right(part: bytes | bytearray) -> bool:
    """True if a header or a body ends with its checksum."""
    return checksum(part[:-_CHECKSUM_SIZE]) == part[-_CHECKSUM_SIZE:]


def _frame_in(frame: bytes) -> Frame:
    flags, source, destination, length = _HEADER.unpack_from(frame, 1)
    service_flags, service, object_type, object_id, property_id = _SERVICE.unpack_from(
        frame, HEADER_SIZE
    )
    data = frame[HEADER_SIZE + _SERVICE.size : HEADER_SIZE + length]
    return Frame(
        source, destination, service, object_type, object_id, property_id, data, flags,
        service_flags,
    )  # fmt: skip


def decode_frame(data: bytes) -> Frame:
    """The one frame that these bytes are, with nothing around it; raises `DecodeError`."""
    parser = FrameParser()
    frames = parser.feed(data)
    if len(frames) != 1 or parser.waiting or len(frames[0].data) + OVERHEAD != len(data):
        raise DecodeError(f"{data.hex(' ').upper()} is not one frame")
    return frames[0]
