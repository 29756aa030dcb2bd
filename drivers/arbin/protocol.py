"""CTI frames: token, length, codes, payload, checksum; found in a stream and made for one.

Source: arbin-protocol.md 2 and 3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np

TOKEN = bytes.fromhex("dddddddddddddd11")
"""Seven 0xDD and one 0x11; older documents say eight 0xDD, which no current server takes."""

PORT = 9031
"""Status and control commands (arbin-protocol.md 1)."""

OVERHEAD = 22
"""Bytes of a frame besides its payload."""

MAX_FRAME = 16 * 1024 * 1024
"""Longer ones are garbage: 512 channels with 64 aux each are 1.2 MB (arbin-protocol.md 2)."""

_HEAD = struct.Struct("<8sIII")
_BEFORE_LENGTH_COUNTS = 12
_CHECKSUM = 2


class DecodeError(ValueError):
    """Bytes that cannot be the message they should be; the text says what is wrong."""


class EncodeError(ValueError):
    """A value that does not fit into its field; the text names it and what would."""


class Direction(Enum):
    """Which way a frame goes: the length field counts differently (arbin-protocol.md 2)."""

    REQUEST = "request"
    REPLY = "reply"


class Code(IntEnum):
    """Command codes (arbin-protocol.md 3)."""

    LOGIN = 0xEEAB0001
    LOGIN_REPLY = 0xEEBA0001
    CONNECT = 0xEEAB0002
    CONNECT_REPLY = 0xEEBA0002
    GET_CHANNELS_INFO = 0xEEAB0003
    CHANNELS_INFO_REPLY = 0xEEBA0003
    ASSIGN_SCHEDULE = 0xBB210001
    ASSIGN_SCHEDULE_REPLY = 0xBB120001
    START = 0xBB320004
    START_REPLY = 0xBB230004
    CONTINUE = 0xBB320006
    CONTINUE_REPLY = 0xBB230006
    RESUME = 0xBB310002
    RESUME_REPLY = 0xBB130002
    STOP = 0xBB310001
    STOP_REPLY = 0xBB130001
    JUMP = 0xBB320005
    JUMP_REPLY = 0xBB230005
    SET_VARIABLE = 0xBB150001
    SET_VARIABLE_REPLY = 0xBB510001
    UPDATE_VARIABLES = 0xBB150002
    UPDATE_VARIABLES_REPLY = 0xBB510002
    GET_SERIAL = 0xBB340001
    SERIAL_REPLY = 0xBB430001
    GET_START_DATA = 0xCD130001
    START_DATA_REPLY = 0xCD310001
    START_EX = 0xCD130002
    GET_RESUME_DATA = 0xCD130003
    RESUME_DATA_REPLY = 0xCD310003
    RESUME_EX = 0xCD130004
    AUTO_CALIBRATE = 0xCD140001
    AUTO_CALIBRATE_REPLY = 0xCD410001
    SEND_MESSAGE = 0xCD140002
    SEND_MESSAGE_REPLY = 0xCD410002
    BROWSE = 0xCC130001
    BROWSE_REPLY = 0xCC310001
    DOWNLOAD = 0xCC130002
    DOWNLOAD_REPLY = 0xCC310002
    UPLOAD = 0xCC130003
    UPLOAD_REPLY = 0xCC310003
    NEW_OR_DELETE = 0xCC130004
    NEW_OR_DELETE_REPLY = 0xCC310004
    NEW_FOLDER = 0xCC130005
    NEW_FOLDER_REPLY = 0xCC310005
    DELETE_FOLDER = 0xCC130006
    DELETE_FOLDER_REPLY = 0xCC310006
    UNKNOWN_COMMAND_REPLY = 0xBB111111


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame without what every frame has; `extended` is 0 in all commands."""

    code: int
    payload: bytes
    extended: int = 0


def checksum(data: bytes | bytearray | memoryview) -> int:
    """The sum of all bytes, modulo 2^16."""
    return int(np.frombuffer(data, np.uint8).sum(dtype=np.uint16))


def frame(code: int, payload: bytes, direction: Direction, *, extended: int = 0) -> bytes:
    """The bytes of a frame. Raises `EncodeError` if it would be too long."""
    total = OVERHEAD + len(payload)
    if total > MAX_FRAME:
        raise EncodeError(f"a frame of {total} bytes is longer than {MAX_FRAME}")
    length = total if direction is Direction.REPLY else total - _BEFORE_LENGTH_COUNTS
    body = _HEAD.pack(TOKEN, length, code, extended) + payload
    return body + checksum(body).to_bytes(_CHECKSUM, "little")


class FrameStream:
    """Finds frames in the bytes of one direction of a connection, however they are cut.

    Garbage is skipped up to the next token; a frame with a wrong checksum is dropped, and its code
    handed to nobody but `bad_codes`. Holds no more than one frame and what came with it. `noise`
    counts the bytes since the last good frame that were of none.
    """

    def __init__(self, direction: Direction, longest: int = MAX_FRAME) -> None:
        self._extra = 0 if direction is Direction.REPLY else _BEFORE_LENGTH_COUNTS
        self._longest = longest
        self._buffer = bytearray()
        self._wanted = _HEAD.size
        self.skipped = 0
        self.noise = 0
        self.bad_codes: list[int] = []

    @property
    def waiting(self) -> int:
        """Bytes of a frame that is not whole yet."""
        return len(self._buffer)

    def feed(self, data: bytes | bytearray | memoryview) -> list[Frame]:
        """Take received bytes; returns the frames that are whole now, in their order.

        `skipped` counts bytes that were of no frame; `bad_codes` has the command codes of the
        frames with a wrong checksum that were found by this call.
        """
        self.bad_codes = []
        self._buffer += data
        found: list[Frame] = []
        at = 0
        while len(self._buffer) - at >= self._wanted:
            at = self._synchronised(at)
            self._wanted = _HEAD.size
            if len(self._buffer) - at < _HEAD.size:
                break
            length, code, extended = struct.unpack_from("<III", self._buffer, at + len(TOKEN))
            total = length + self._extra
            if not OVERHEAD <= total <= self._longest:
                self._skip(len(TOKEN))
                at += len(TOKEN)
                continue
            self._wanted = total
            if len(self._buffer) - at < total:
                break
            self._take(at, total, code, extended, found)
            self._wanted = _HEAD.size
            at += total
        del self._buffer[:at]
        return found

    def _take(self, at: int, total: int, code: int, extended: int, found: list[Frame]) -> None:
        end = at + total - _CHECKSUM
        with memoryview(self._buffer) as view:
            told = int.from_bytes(view[end : end + _CHECKSUM], "little")
            if checksum(view[at:end]) == told:
                found.append(Frame(code, bytes(view[at + _HEAD.size : end]), extended))
                self.noise = 0
            else:
                self.bad_codes.append(code)
                self.noise += total

    def _skip(self, count: int) -> None:
        self.skipped += count
        self.noise += count

    def _synchronised(self, at: int) -> int:
        """Where the next token begins, or may begin when more bytes have come."""
        if self._buffer.startswith(TOKEN, at):
            return at
        start = self._buffer.find(TOKEN, at)
        if start < 0:
            start = len(self._buffer)
            for kept in range(len(TOKEN) - 1, 0, -1):
                if self._buffer.endswith(TOKEN[:kept], at):
                    start -= kept
                    break
        self._skip(start - at)
        return start
