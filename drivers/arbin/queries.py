"""Questions to the cycler that change nothing: channel information and the serial number.

Source: arbin-protocol.md 2, 4.3 and 4.12. The answer to the first is in `records`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from .fields import Cursor, unpack, whole
from .protocol import Code
from .words import ALL_CHANNELS, Extra, Selection

_INFO = struct.Struct("<hhI32x")
_SERIAL = struct.Struct("<IB101x")
_UNKNOWN = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class ChannelsInfo:
    """GET_CHANNELS_INFO: one channel, or all (`ALL_CHANNELS`) that match the selection."""

    code: ClassVar[Code] = Code.GET_CHANNELS_INFO
    channel: int = ALL_CHANNELS
    selection: int = Selection.ALL
    extra: Extra = Extra.NONE

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        channel = whole(self.channel, ALL_CHANNELS, 0x7FFF, "channel")
        return _INFO.pack(channel, whole(self.selection, 1, 3, "selection"), self.extra)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        channel, selection, extra = unpack(_INFO, payload, "channels info")
        return cls(channel, selection, Extra(extra))


@dataclass(frozen=True, slots=True)
class GetSerial:
    """GET_SERIAL: asks for the cycler's serial number."""

    code: ClassVar[Code] = Code.GET_SERIAL

    def encode(self) -> bytes:
        return _SERIAL.pack(0, 0)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        unpack(_SERIAL, payload, "get serial")
        return cls()


@dataclass(frozen=True, slots=True)
class SerialReply:
    """The answer to GET_SERIAL; `result` is one of `SerialResult`."""

    code: ClassVar[Code] = Code.SERIAL_REPLY
    serial: int
    result: int = 0

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        serial = whole(self.serial, 0, 0xFFFFFFFF, "serial number")
        return _SERIAL.pack(serial, whole(self.result, 0, 0xFF, "result"))

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        return cls(*unpack(_SERIAL, payload, "serial reply"))


@dataclass(frozen=True, slots=True)
class UnknownCommandReply:
    """What newer servers answer to a command that they do not have (arbin-protocol.md 2)."""

    code: ClassVar[Code] = Code.UNKNOWN_COMMAND_REPLY
    unknown: int
    extended: int = 0

    def encode(self) -> bytes:
        return _UNKNOWN.pack(self.unknown, self.extended)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload, with any tail. Raises `DecodeError`."""
        return cls(*Cursor(payload, "unknown command").take(_UNKNOWN))
