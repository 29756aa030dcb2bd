"""Objects of the gateway that are no datapoints: GUID, file names, the custom datalog field.

Source: xcom-protocol.md 6.1 and 12.
"""

from __future__ import annotations

from uuid import UUID

from .frame import DecodeError

DIRECTORY, FILE = 1, 2
"""Object ids of a file transfer."""

FILE_BLOCK = 512

_GUID_SIZE = 16
_ENCODING = "iso8859_15"


def encode_guid(guid: UUID) -> bytes:
    """The GUID of an installation on the wire: one little-endian number."""
    return guid.bytes[::-1]


def decode_guid(data: bytes) -> UUID:
    """The GUID of an installation; raises `DecodeError`."""
    if len(data) != _GUID_SIZE:
        raise DecodeError(f"{len(data)} bytes are no GUID, which has {_GUID_SIZE}")
    return UUID(bytes=data[::-1])


def encode_text(text: str) -> bytes:
    """A text on the wire, in ISO 8859-15; raises ValueError for other characters."""
    try:
        return text.encode(_ENCODING)
    except UnicodeEncodeError as error:
        wrong = text[error.start]
        raise ValueError(f"{text!r}: {wrong!r} is not in ISO 8859-15") from None


def decode_text(data: bytes) -> str:
    """A text on the wire; any bytes are one."""
    return data.decode(_ENCODING)


def encode_file_name(name: str) -> bytes:
    """The data of a request for a file of the datalog."""
    return encode_text(f"{name}\n")


def decode_file_names(data: bytes) -> tuple[str, ...]:
    """The names in a listing of the datalog folder; line feed and carriage return end a name."""
    lines = decode_text(data).replace("\r", "\n").split("\n")
    return tuple(line for line in lines if line)
