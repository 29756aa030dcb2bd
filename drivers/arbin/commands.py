"""Commands to channels and their answer: assign, start, continue, resume, stop, jump.

Source: arbin-protocol.md 4.4 to 4.9. Channels count from 0. A request checks its fields when
it is encoded (`EncodeError`): a malformed START is known to end the vendor's program
(arbin-protocol.md 10).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from .fields import Cursor, from_wide, index, indices, single, unpack, whole, wide
from .protocol import Code, EncodeError
from .words import USER_VARIABLES

TEST_NAME_UNITS = 72
SCHEDULE_UNITS = 200

_ASSIGN = struct.Struct("<iB400sf144s16f32x")
_START = struct.Struct("<144sI")
_CHANNEL_OR_ALL = struct.Struct("<iB101x")
_JUMP = struct.Struct("<ii101x")
_REPLY = struct.Struct("<iB101x")
_I32 = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Assign:
    """ASSIGN_SCHEDULE: which schedule a channel, or `every` channel, will run.

    Capacity, barcode and user variables act on MITS 7 only, and there at once: they are 0 unless
    they are asked for.
    """

    code: ClassVar[Code] = Code.ASSIGN_SCHEDULE
    channel: int
    schedule: str
    every: bool = False
    capacity: float = 0.0
    barcode: str = ""
    variables: tuple[float, ...] = (0.0,) * USER_VARIABLES

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        if not self.schedule:
            raise EncodeError("the schedule's name is empty")
        if len(self.variables) != USER_VARIABLES:
            raise EncodeError(f"{len(self.variables)} user variables, not {USER_VARIABLES}")
        return _ASSIGN.pack(
            _channel(self.channel, self.every),
            self.every,
            wide(self.schedule, SCHEDULE_UNITS, "schedule"),
            single(self.capacity, "capacity"),
            wide(self.barcode, 72, "barcode"),
            *(single(value, "user variable") for value in self.variables),
        )

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        channel, every, schedule, capacity, barcode, *variables = unpack(_ASSIGN, payload, "assign")
        name, code = from_wide(schedule), from_wide(barcode)
        return cls(channel, name, bool(every), capacity, code, tuple(variables))


@dataclass(frozen=True, slots=True)
class Start:
    """START: the test's name and the channels it starts on."""

    code: ClassVar[Code] = Code.START
    test_name: str
    channels: tuple[int, ...]

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        name = wide(test_name(self.test_name), TEST_NAME_UNITS, "test name")
        return _START.pack(name, len(self.channels)) + indices(self.channels)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        cursor = Cursor(payload, "start")
        name = from_wide(cursor.bytes(2 * TEST_NAME_UNITS))
        return cls(name, _channels(cursor))


@dataclass(frozen=True, slots=True)
class Continue:
    """CONTINUE: lets channels in normal pause go on."""

    code: ClassVar[Code] = Code.CONTINUE
    channels: tuple[int, ...]

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return len(self.channels).to_bytes(4, "little") + indices(self.channels)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        return cls(_channels(Cursor(payload, "continue")))


@dataclass(frozen=True, slots=True)
class Resume:
    """RESUME: lets a stopped channel, or `every` channel, go on where it was."""

    code: ClassVar[Code] = Code.RESUME
    channel: int
    every: bool = False

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return _CHANNEL_OR_ALL.pack(_channel(self.channel, self.every), self.every)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        channel, every = unpack(_CHANNEL_OR_ALL, payload, "resume")
        return cls(channel, bool(every))


@dataclass(frozen=True, slots=True)
class Stop:
    """STOP: stops a channel, or `every` channel of the cycler whatever the index says."""

    code: ClassVar[Code] = Code.STOP
    channel: int
    every: bool = False

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return _CHANNEL_OR_ALL.pack(_channel(self.channel, self.every), self.every)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        channel, every = unpack(_CHANNEL_OR_ALL, payload, "stop")
        return cls(channel, bool(every))


@dataclass(frozen=True, slots=True)
class Jump:
    """JUMP: goes on with another step, which counts from 0 here. One too far ends the test."""

    code: ClassVar[Code] = Code.JUMP
    step: int
    channel: int

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return _JUMP.pack(whole(self.step, 0, _I32, "step"), index(self.channel))

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        return cls(*unpack(_JUMP, payload, "jump"))


@dataclass(frozen=True, slots=True)
class ControlReply:
    """The answer to every command to channels (arbin-protocol.md 4.4): `code` says to which.

    `channel` is -1 where the answer is about the request as a whole. `result` is one of the table
    of that command in `results`; 0 means that it was done.
    """

    code: Code
    channel: int
    result: int = 0

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        channel = whole(self.channel, -1, _I32, "channel")
        return _REPLY.pack(channel, whole(self.result, 0, 0xFF, "result"))

    @classmethod
    def decode(cls, code: Code, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        channel, result = unpack(_REPLY, payload, "reply to a command")
        return cls(code, channel, result)


def test_name(name: str) -> str:
    """A test name that the cycler's software can take. Raises `EncodeError`."""
    if not name.strip():
        raise EncodeError("the test name is empty")
    if not name.isprintable():
        raise EncodeError(f"test name {name!r} has characters that cannot be printed")
    return name


def _channel(channel: int, every: bool) -> int:
    return whole(channel, -1, 0xFFFF, "channel") if every else index(channel)


def _channels(cursor: Cursor) -> tuple[int, ...]:
    count = cursor.count(2)
    found = struct.unpack(f"<{count}H", cursor.bytes(2 * count))
    cursor.end()
    return found
