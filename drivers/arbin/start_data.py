"""What channels could start or resume with: their schedules, test names and steps.

Source: arbin-protocol.md 4.13.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from .commands import SCHEDULE_UNITS, TEST_NAME_UNITS
from .fields import Cursor, from_narrow, from_wide, index, indices, single, whole, wide
from .protocol import Code
from .resume_point import FROM_THE_BEGINNING, ResumePoint
from .words import USER_VARIABLES

_U32 = 0xFFFFFFFF
_START_DATA = struct.Struct("<IIII400s16f")
_RESUME_DATA = struct.Struct("<III144s400s128s128s128s244s")
_SHORTEST_TEXT = 5


@dataclass(frozen=True, slots=True)
class GetStartData:
    """GET_START_DATA: asks what channels could start with."""

    code: ClassVar[Code] = Code.GET_START_DATA
    channels: tuple[int, ...]

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return len(self.channels).to_bytes(4, "little") + indices(self.channels)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        return cls(_channel_list(payload, "get start data"))


@dataclass(frozen=True, slots=True)
class GetResumeData:
    """GET_RESUME_DATA: asks what channels could resume."""

    code: ClassVar[Code] = Code.GET_RESUME_DATA
    channels: tuple[int, ...]

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return len(self.channels).to_bytes(4, "little") + indices(self.channels)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        return cls(_channel_list(payload, "get resume data"))


@dataclass(frozen=True, slots=True)
class StartData:
    """What a channel could start with; `result` is one of `DataResult`."""

    channel: int
    result: int
    schedule: str = ""
    variables: tuple[float, ...] = (0.0,) * USER_VARIABLES
    test_names: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StartDataReply:
    """The answer to GET_START_DATA, one element a channel."""

    code: ClassVar[Code] = Code.START_DATA_REPLY
    channels: tuple[StartData, ...]

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        parts = [len(self.channels).to_bytes(4, "little")]
        for one in self.channels:
            parts.append(
                _START_DATA.pack(
                    index(one.channel),
                    whole(one.result, 0, _U32, "result"),
                    len(one.test_names),
                    len(one.steps),
                    wide(one.schedule, SCHEDULE_UNITS, "schedule"),
                    *(single(value, "user variable") for value in one.variables),
                )
            )
            parts += map(_element, (*one.test_names, *one.steps))
        return b"".join(parts)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        cursor = Cursor(payload, "start data")
        found: list[StartData] = []
        for _ in range(cursor.count(_START_DATA.size)):
            channel, result, names, steps, schedule, *variables = cursor.take(_START_DATA)
            found.append(
                StartData(
                    channel,
                    result,
                    from_wide(schedule),
                    tuple(variables),
                    _elements(cursor, names),
                    _elements(cursor, steps),
                )
            )
        cursor.end()
        return cls(tuple(found))


@dataclass(frozen=True, slots=True)
class ResumeData:
    """What a channel could resume; `result` is one of `DataResult`."""

    channel: int
    result: int
    test_name: str = ""
    schedule: str = ""
    creator: str = ""
    comment: str = ""
    started: str = ""
    point: ResumePoint = FROM_THE_BEGINNING
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResumeDataReply:
    """The answer to GET_RESUME_DATA, one element a channel."""

    code: ClassVar[Code] = Code.RESUME_DATA_REPLY
    channels: tuple[ResumeData, ...]

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        parts = [len(self.channels).to_bytes(4, "little")]
        for one in self.channels:
            parts.append(
                _RESUME_DATA.pack(
                    index(one.channel),
                    whole(one.result, 0, _U32, "result"),
                    len(one.steps),
                    wide(one.test_name, TEST_NAME_UNITS, "test name"),
                    wide(one.schedule, SCHEDULE_UNITS, "schedule"),
                    wide(one.creator, 64, "creator"),
                    wide(one.comment, 64, "comment"),
                    wide(one.started, 64, "start time"),
                    one.point.encode(),
                )
            )
            parts += map(_element, one.steps)
        return b"".join(parts)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        cursor = Cursor(payload, "resume data")
        found: list[ResumeData] = []
        for _ in range(cursor.count(_RESUME_DATA.size)):
            channel, result, steps, *texts, block = cursor.take(_RESUME_DATA)
            point = ResumePoint.decode(block)
            name, schedule, creator, comment, started = map(from_wide, texts)
            found.append(
                ResumeData(
                    channel,
                    result,
                    name,
                    schedule,
                    creator,
                    comment,
                    started,
                    point,
                    _elements(cursor, steps),
                )
            )
        cursor.end()
        return cls(tuple(found))


def _channel_list(payload: bytes, what: str) -> tuple[int, ...]:
    cursor = Cursor(payload, what)
    count = cursor.count(2)
    found = struct.unpack(f"<{count}H", cursor.bytes(2 * count))
    cursor.end()
    return found


def _element(text: str) -> bytes:
    """A text with its length before it and a zero byte behind it."""
    data = text.encode("cp1252", "replace")
    return len(data).to_bytes(4, "little") + data + b"\0"


def _elements(cursor: Cursor, count: int) -> tuple[str, ...]:
    if count * _SHORTEST_TEXT > cursor.left:
        cursor.bytes(count * _SHORTEST_TEXT)
    return tuple(from_narrow(cursor.bytes(cursor.u32() + 1)) for _ in range(count))
