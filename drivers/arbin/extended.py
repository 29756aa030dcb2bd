"""Start and resume with all details: where the test begins, and with what numbers.

Source: arbin-protocol.md 4.14.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from .commands import SCHEDULE_UNITS, TEST_NAME_UNITS, test_name
from .fields import Cursor, from_wide, index, indices, whole, wide
from .protocol import Code, EncodeError
from .resume_point import FROM_THE_BEGINNING, ResumePoint

_U32 = 0xFFFFFFFF
_START_EX = struct.Struct("<I144s400s128s128sI244s")
_RESUME_EX = struct.Struct("<I144s400sI244s")


@dataclass(frozen=True, slots=True)
class StartEntry:
    """How one channel starts; `step` counts from 0.

    Documents say that only name, schedule and step are used.
    """

    channel: int
    test_name: str
    schedule: str
    step: int = 0
    creator: str = ""
    comment: str = ""
    point: ResumePoint = FROM_THE_BEGINNING


@dataclass(frozen=True, slots=True)
class StartEx:
    """START_EX, answered as START is."""

    code: ClassVar[Code] = Code.START_EX
    entries: tuple[StartEntry, ...]

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        indices(tuple(entry.channel for entry in self.entries))
        return len(self.entries).to_bytes(4, "little") + b"".join(
            _START_EX.pack(
                index(one.channel),
                wide(test_name(one.test_name), TEST_NAME_UNITS, "test name"),
                wide(_named(one.schedule), SCHEDULE_UNITS, "schedule"),
                wide(one.creator, 64, "creator"),
                wide(one.comment, 64, "comment"),
                whole(one.step, 0, _U32, "step"),
                one.point.encode(),
            )
            for one in self.entries
        )

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        cursor = Cursor(payload, "start with details")
        found: list[StartEntry] = []
        for _ in range(cursor.count(_START_EX.size)):
            channel, *texts, step, block = cursor.take(_START_EX)
            name, schedule, creator, comment = map(from_wide, texts)
            point = ResumePoint.decode(block)
            found.append(StartEntry(channel, name, schedule, step, creator, comment, point))
        cursor.end()
        return cls(tuple(found))


@dataclass(frozen=True, slots=True)
class ResumeEntry:
    """How one channel resumes; `step` counts from 0."""

    channel: int
    test_name: str
    schedule: str
    step: int = 0
    point: ResumePoint = FROM_THE_BEGINNING


@dataclass(frozen=True, slots=True)
class ResumeEx:
    """RESUME_EX, answered as RESUME is."""

    code: ClassVar[Code] = Code.RESUME_EX
    entries: tuple[ResumeEntry, ...]

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        indices(tuple(entry.channel for entry in self.entries))
        return len(self.entries).to_bytes(4, "little") + b"".join(
            _RESUME_EX.pack(
                index(one.channel),
                wide(test_name(one.test_name), TEST_NAME_UNITS, "test name"),
                wide(_named(one.schedule), SCHEDULE_UNITS, "schedule"),
                whole(one.step, 0, _U32, "step"),
                one.point.encode(),
            )
            for one in self.entries
        )

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        cursor = Cursor(payload, "resume with details")
        found: list[ResumeEntry] = []
        for _ in range(cursor.count(_RESUME_EX.size)):
            channel, name, schedule, step, block = cursor.take(_RESUME_EX)
            point = ResumePoint.decode(block)
            found.append(ResumeEntry(channel, from_wide(name), from_wide(schedule), step, point))
        cursor.end()
        return cls(tuple(found))


def _named(schedule: str) -> str:
    if not schedule:
        raise EncodeError("the schedule's name is empty")
    return schedule
