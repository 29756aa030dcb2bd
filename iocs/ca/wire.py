"""Channel Access messages as an IOC sends them, header and all.

Numbers and layouts: EPICS Channel Access protocol specification, "Message Structure" and the
sections of the messages named.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from caproto import CAStatus

from drivers.core.loglines import plain

HEADER = struct.Struct(">HHHHII")
_LONG_HEADER = struct.Struct(">HHHHIIII")
LONG_MARK = (0xFFFF, 0)
"""Size and count in the short part of a long header."""
_REASON_SIZE = 240


class Command(IntEnum):
    """The messages that an IOC sends, and the puts of clients."""

    VERSION = 0
    EVENT_ADD = 1
    READ = 3
    WRITE = 4
    SEARCH = 6
    ERROR = 11
    CLEAR_CHANNEL = 12
    READ_NOTIFY = 15
    CREATE_CHAN = 18
    WRITE_NOTIFY = 19
    ACCESS_RIGHTS = 22
    ECHO = 23
    CREATE_CH_FAIL = 26


MINOR_VERSION = 13
ANY_ADDRESS = 0xFFFFFFFF
"""In place of the server's address: the client takes where the answer came from."""

NORMAL = 1
"""ECA_NORMAL."""

GETFAIL = CAStatus.ECA_GETFAIL.value.code_with_severity


def message(
    command: int,
    data: bytes = b"",
    data_type: int = 0,
    count: int = 0,
    parameter1: int = 0,
    parameter2: int = 0,
) -> bytes:
    """A message, padded to 8 bytes; long header where 16 bits do not suffice."""
    padding = -len(data) % 8
    size = len(data) + padding
    if size < 0xFFFF and count < 0xFFFF:
        header = HEADER.pack(command, size, data_type, count, parameter1, parameter2)
    else:
        header = _LONG_HEADER.pack(
            command, 0xFFFF, data_type, 0, parameter1, parameter2, size, count
        )
    return header + data + bytes(padding) if padding else header + data


@dataclass(frozen=True, slots=True)
class Put:
    """A put with its header and payload as they came; whether they fit is not looked at."""

    header: bytes
    command: int
    data_type: int
    data_count: int
    sid: int
    ioid: int
    payload: bytes


def parse_put(frame: bytes) -> Put | None:
    """The put that a whole message is; None if it is another."""
    command, size, data_type, count, sid, ioid = HEADER.unpack_from(frame)
    if command not in (Command.WRITE, Command.WRITE_NOTIFY):
        return None
    start = HEADER.size
    if (size, count) == LONG_MARK:
        start = _LONG_HEADER.size
        count = _LONG_HEADER.unpack_from(frame)[-1]
    return Put(frame[:start], command, data_type, count, sid, ioid, frame[start:])


def search_reply(port: int, search_id: int) -> bytes:
    """The answer to a search for a PV that is here, over UDP or TCP."""
    version = struct.pack(">H6x", MINOR_VERSION)
    return message(Command.SEARCH, version, port, 0, ANY_ADDRESS, search_id)


def error_reply(request: Any, cid: int, status: CAStatus, reason: str) -> bytes:
    """Why a request failed, with the request's own header in front of the reason."""
    text = plain(reason).encode()[:_REASON_SIZE].decode("utf-8", "ignore").encode()
    data = bytes(request.header) + text + b"\0"
    return message(Command.ERROR, data, 0, 0, cid, status.value.code_with_severity)
