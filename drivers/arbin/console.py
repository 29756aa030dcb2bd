"""Messages to the person at the cycler's computer, and the calibration that it can start.

Source: arbin-protocol.md 4.16.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from .fields import from_wide, unpack, whole, wide
from .protocol import Code

MESSAGE_UNITS = 1024
_CALIBRATE = struct.Struct("<102x")
_RESULT = struct.Struct("<I")
_MESSAGE = struct.Struct(f"<{2 * MESSAGE_UNITS}s")
_SEPARATOR = "<-->"


@dataclass(frozen=True, slots=True)
class SendMessage:
    """SEND_MESSAGE: pops up at the cycler's computer; `text` as it is on the wire."""

    code: ClassVar[Code] = Code.SEND_MESSAGE
    text: str

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return wide(self.text, MESSAGE_UNITS, "message")

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        return cls(from_wide(*unpack(_MESSAGE, payload, "message")))


@dataclass(frozen=True, slots=True)
class AutoCalibrate:
    """AUTOCAL_START: starts the calibration whose window is open at the cycler."""

    code: ClassVar[Code] = Code.AUTO_CALIBRATE

    def encode(self) -> bytes:
        return _CALIBRATE.pack()

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        unpack(_CALIBRATE, payload, "calibration")
        return cls()


@dataclass(frozen=True, slots=True)
class ResultReply:
    """An answer that is one number; `code` says to what. Files and folders have it, too."""

    code: Code
    result: int

    def encode(self) -> bytes:
        return _RESULT.pack(whole(self.result, 0, 0xFFFFFFFF, "result"))

    @classmethod
    def decode(cls, code: Code, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        (result,) = unpack(_RESULT, payload, "result")
        return cls(code, result)


def rich_message(text: str, stamp: str) -> str:
    """A plain text in the form that the vendor's library insists on: `stamp<-->rich text`.

    The rich text format takes ASCII; what is not becomes its number of 16 bits, signed.
    """
    out: list[str] = []
    for character in text:
        if character == "\n":
            out.append("\\par ")
        elif character in "\\{}":
            out.append(f"\\{character}")
        elif character.isascii():
            out.append(character)
        else:
            units = struct.iter_unpack("<h", character.encode("utf-16-le", "replace"))
            out += [f"\\u{unit}?" for (unit,) in units]
    return f"{stamp}{_SEPARATOR}{{\\rtf1\\ansi {''.join(out)}}}"
