"""Messages: the alarm log that the gateway keeps.

A message is known by its source, time and type (xcom-protocol.md 10.1).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from .frame import DecodeError
from .message_types import MessageClass, MessageType, message_type

NEWEST = 0
"""Index of the newest message; reading it clears the pending flag and latches the others."""

_RECORD = struct.Struct("<IHIII")


@dataclass(frozen=True, slots=True)
class Message:
    """One entry: type, address of its source, seconds since 1970 by the gateway's clock.

    `total` is how many messages the gateway holds (or has left back to the oldest: sources
    disagree); `value` is not used yet by any firmware.
    """

    total: int
    type: int
    source: int
    time: int
    value: int = 0

    @property
    def identity(self) -> tuple[int, int, int]:
        """What tells it from all others: source, time, type."""
        return self.source, self.time, self.type

    @property
    def kind(self) -> MessageType:
        """Class and text of its type."""
        return message_type(self.type)

    @property
    def message_class(self) -> MessageClass:
        """Warning, halted, error or information."""
        return self.kind.message_class

    @property
    def text(self) -> str:
        """What happened, in words."""
        return self.kind.text


def encode_message(message: Message) -> bytes:
    """The data of a reply."""
    return _RECORD.pack(message.total, message.type, message.source, message.time, message.value)


def decode_message(data: bytes) -> Message:
    """The message in a reply; raises `DecodeError`."""
    if len(data) != _RECORD.size:
        raise DecodeError(f"{len(data)} bytes are no message, which has {_RECORD.size}")
    return Message(*_RECORD.unpack(data))
