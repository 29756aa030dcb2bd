"""Meta variables: numbers that a running schedule can use, set one by one or many at once.

Source: arbin-protocol.md 4.10 and 4.11. A request checks its fields when it is encoded.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from .fields import Cursor, index, single, unpack, whole
from .protocol import Code, DecodeError
from .words import MAX_UPDATES

_SET = struct.Struct("<Iii16xif16x")
_BATCH = struct.Struct("<H18x")
_UPDATE = struct.Struct("<HHf")
_BATCH_TAIL = bytes(148)
_USER_VARIABLE = 1
_F32 = 1
_I32 = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class SetVariable:
    """SET_MV: sets one meta variable of a running channel; see `words.meta_code`."""

    code: ClassVar[Code] = Code.SET_VARIABLE
    channel: int
    meta: int
    value: float
    variable_type: int = _USER_VARIABLE
    value_type: int = _F32

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return _SET.pack(
            index(self.channel),
            self.variable_type,
            whole(self.meta, 0, _I32, "meta code"),
            self.value_type,
            single(self.value, "value"),
        )

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        channel, variable_type, meta, value_type, value = unpack(_SET, payload, "set variable")
        return cls(channel, meta, value, variable_type, value_type)


@dataclass(frozen=True, slots=True)
class Update:
    """One entry of a batch: channel, meta code and value."""

    channel: int
    meta: int
    value: float


@dataclass(frozen=True, slots=True)
class UpdateVariables:
    """UPDATE_MV: sets up to 160 meta variables at once, at most every 200 ms."""

    code: ClassVar[Code] = Code.UPDATE_VARIABLES
    updates: tuple[Update, ...]

    def encode(self) -> bytes:
        """The payload, with the zeros that the vendor's library adds (arbin-protocol.md 4.11).

        Raises `EncodeError`.
        """
        count = whole(len(self.updates), 1, MAX_UPDATES, "number of updates")
        entries = (
            _UPDATE.pack(index(u.channel), index(u.meta, "meta code"), single(u.value, "value"))
            for u in self.updates
        )
        return _BATCH.pack(count) + b"".join(entries) + _BATCH_TAIL

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload, with any tail. Raises `DecodeError`."""
        cursor = Cursor(payload, "update variables")
        (count,) = cursor.take(_BATCH)
        if count > MAX_UPDATES:
            raise DecodeError(f"update variables: {count} updates are more than {MAX_UPDATES}")
        return cls(tuple(Update(*cursor.take(_UPDATE)) for _ in range(count)))
