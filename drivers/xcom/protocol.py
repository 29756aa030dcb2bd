"""What is asked of a gateway and what it answers: services, objects, properties, values, errors.

Pure functions between bytes and values, for both ends of the line. Everything is little-endian.
Source: xcom-protocol.md 4, 6 and 7.
"""

from __future__ import annotations

import math
import struct
from enum import Enum, IntEnum
from typing import TypeAlias

from .frame import DecodeError, Frame, ServiceFlags

DEFAULT_TCP_PORT = 4001
DEFAULT_UDP_PORT = 4002
DEFAULT_UDP_BIND = 4001
SHORTEST_TIMEOUT = 2.0
"""Seconds a gateway may take for a reply (xcom-protocol.md 8.1)."""

Value: TypeAlias = bool | int | float


class Service(IntEnum):
    """Services (xcom-protocol.md 4.1)."""

    READ = 0x01
    WRITE = 0x02


class ObjectType(IntEnum):
    """What is read or written (xcom-protocol.md 4.2)."""

    INFO = 0x0001
    PARAMETER = 0x0002
    MESSAGE = 0x0003
    GUID = 0x0004
    DATALOG_FIELD = 0x0005
    MULTI_INFO = 0x000A
    SCREEN = 0x0100
    FILES = 0x0101


class Property(IntEnum):
    """Properties of infos and parameters (xcom-protocol.md 4.3)."""

    NONE = 0x0000
    INFO_VALUE = 0x0001
    VALUE = 0x0005
    MINIMUM = 0x0006
    MAXIMUM = 0x0007
    LEVEL = 0x0008
    UNSAVED_VALUE = 0x000D


class FileStep(IntEnum):
    """Property ids of a file transfer (xcom-protocol.md 12.2)."""

    INVALID = 0x00
    START = 0x21
    BLOCK = 0x22
    CONTINUE = 0x23
    REPEAT = 0x24
    ABORT = 0x25
    FINISH = 0x26


class Level(IntEnum):
    """Access levels, as property `LEVEL` and datapoint 5012 tell them (xcom-protocol.md 6.2)."""

    VIEW_ONLY = 0x0000
    BASIC = 0x0010
    EXPERT = 0x0020
    INSTALLER = 0x0030
    QSP = 0x0040


class ErrorCode(IntEnum):
    """Why a request was refused (xcom-protocol.md 7)."""

    INVALID_FRAME = 0x0001
    DEVICE_NOT_FOUND = 0x0002
    RESPONSE_TIMEOUT = 0x0003
    SERVICE_NOT_SUPPORTED = 0x0011
    INVALID_SERVICE_ARGUMENT = 0x0012
    GATEWAY_BUSY = 0x0013
    TYPE_NOT_SUPPORTED = 0x0021
    OBJECT_ID_NOT_FOUND = 0x0022
    PROPERTY_NOT_SUPPORTED = 0x0023
    INVALID_DATA_LENGTH = 0x0024
    PROPERTY_IS_READ_ONLY = 0x0025
    INVALID_DATA = 0x0026
    DATA_TOO_SMALL = 0x0027
    DATA_TOO_BIG = 0x0028
    WRITE_PROPERTY_FAILED = 0x0029
    READ_PROPERTY_FAILED = 0x002A
    ACCESS_DENIED = 0x002B
    OBJECT_NOT_SUPPORTED = 0x002C
    MULTICAST_READ_NOT_SUPPORTED = 0x002D
    OBJECT_PROPERTY_INVALID = 0x002E
    FILE_OR_DIR_NOT_PRESENT = 0x002F
    FILE_CORRUPTED = 0x0030
    INVALID_SHELL_ARG = 0x0081


_ERROR_TEXTS = {
    ErrorCode.INVALID_FRAME: "the frame is malformed",
    ErrorCode.DEVICE_NOT_FOUND: "no device has this address",
    ErrorCode.RESPONSE_TIMEOUT: "the device did not answer the gateway",
    ErrorCode.SERVICE_NOT_SUPPORTED: "this firmware does not know the service",
    ErrorCode.INVALID_SERVICE_ARGUMENT: "the data of the service are wrong",
    ErrorCode.GATEWAY_BUSY: "the gateway is busy",
    ErrorCode.TYPE_NOT_SUPPORTED: "unknown type of object",
    ErrorCode.OBJECT_ID_NOT_FOUND: "the device does not have this number",
    ErrorCode.PROPERTY_NOT_SUPPORTED: "the object does not have this property",
    ErrorCode.INVALID_DATA_LENGTH: "the value has the wrong size",
    ErrorCode.PROPERTY_IS_READ_ONLY: "it is read-only",
    ErrorCode.INVALID_DATA: "the value is impossible",
    ErrorCode.DATA_TOO_SMALL: "the value is below the minimum",
    ErrorCode.DATA_TOO_BIG: "the value is above the maximum",
    ErrorCode.WRITE_PROPERTY_FAILED: "the write failed in the device",
    ErrorCode.READ_PROPERTY_FAILED: "the read failed in the device",
    ErrorCode.ACCESS_DENIED: "the access level is too low",
    ErrorCode.OBJECT_NOT_SUPPORTED: "this gateway firmware does not serve the object",
    ErrorCode.MULTICAST_READ_NOT_SUPPORTED: "a group address cannot be read",
    ErrorCode.OBJECT_PROPERTY_INVALID: "unexpected step of a file transfer",
    ErrorCode.FILE_OR_DIR_NOT_PRESENT: "no such file on the SD card",
    ErrorCode.FILE_CORRUPTED: "the SD card could not be read",
    ErrorCode.INVALID_SHELL_ARG: "wrong argument of a tool",
}


class Format(Enum):
    """How a value is laid out, with its size in bytes (xcom-protocol.md 6.1)."""

    BOOL = "BOOL"
    SHORT_ENUM = "SHORT_ENUM"
    LONG_ENUM = "LONG_ENUM"
    INT32 = "INT32"
    FLOAT = "FLOAT"

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return _LAYOUTS[self].size


_LAYOUTS = {
    Format.BOOL: struct.Struct("<B"),
    Format.SHORT_ENUM: struct.Struct("<H"),
    Format.LONG_ENUM: struct.Struct("<I"),
    Format.INT32: struct.Struct("<i"),
    Format.FLOAT: struct.Struct("<f"),
}
_WORD = struct.Struct("<H")


def error_text(code: int) -> str:
    """An error code in words, with its number; unknown codes too."""
    try:
        error = ErrorCode(code)
    except ValueError:
        return f"unknown error code {code:#06x}"
    return f"{_ERROR_TEXTS[error]} ({error.name}, {code:#06x})"


# -- values


def encode_value(layout: Format, value: Value) -> bytes:
    """A value as it is on the wire; raises ValueError if the format cannot hold it."""
    if layout is Format.BOOL and value not in (0, 1):
        raise ValueError(f"{value!r} is neither true nor false")
    if layout is Format.FLOAT:
        number = float(value)
    elif math.isfinite(value) and value == int(value):
        number = int(value)
    else:
        raise ValueError(f"{value!r} is not a whole number, as {layout.value} needs")
    try:
        return _LAYOUTS[layout].pack(number)
    except (struct.error, OverflowError):
        raise ValueError(f"{value!r} does not fit into {layout.value}") from None


def decode_value(layout: Format, data: bytes) -> Value:
    """The value that these bytes are: bool, int or float (maybe NaN). Raises `DecodeError`."""
    packing = _LAYOUTS[layout]
    if len(data) != packing.size:
        found = data[:16].hex(" ").upper()
        raise DecodeError(
            f"{len(data)} bytes ({found}) are no {layout.value}, which has {packing.size}"
        )
    (value,) = packing.unpack(data)
    if layout is not Format.BOOL:
        return value
    if value > 1:
        raise DecodeError(f"{value} is no BOOL: neither 0 nor 1")
    return bool(value)


def encode_word(value: int) -> bytes:
    """An error code or an access level."""
    return _WORD.pack(value)


def decode_word(data: bytes) -> int:
    """An error code or an access level; raises `DecodeError`."""
    if len(data) != _WORD.size:
        raise DecodeError(f"{len(data)} bytes ({data[:16].hex(' ').upper()}) instead of 2")
    (word,) = _WORD.unpack(data)
    return word


# -- requests


def read_request(
    source: int,
    destination: int,
    object_type: ObjectType,
    object_id: int,
    property_id: int,
    data: bytes = b"",
) -> Frame:
    """A request to read. `source` is our own address, which the gateway echoes."""
    return Frame(source, destination, Service.READ, object_type, object_id, property_id, data)


def write_request(
    source: int,
    destination: int,
    object_type: ObjectType,
    object_id: int,
    property_id: int,
    data: bytes,
) -> Frame:
    """A request to write: of a parameter, `VALUE` to flash and RAM, `UNSAVED_VALUE` to RAM."""
    return Frame(source, destination, Service.WRITE, object_type, object_id, property_id, data)


def is_reply_to(reply: Frame, asked: Frame) -> bool:
    """True if a frame is the reply to this request (xcom-protocol.md 8.1).

    A file transfer is answered with another property id than was asked (xcom-protocol.md 4.1).
    """
    return (
        reply.is_reply
        and reply.source == asked.destination
        and reply.destination == asked.source
        and reply.service == asked.service
        and reply.object_type == asked.object_type
        and reply.object_id == asked.object_id
        and (reply.property_id == asked.property_id or asked.object_type == ObjectType.FILES)
    )


def error_code(reply: Frame) -> int:
    """The code of an error reply; raises `DecodeError` if it carries none."""
    return decode_word(reply.data)


# -- replies, for simulators and tests


def reply_to(asked: Frame, data: bytes = b"", *, flags: int = 0) -> Frame:
    """The reply of success to a request; empty data for a write."""
    return _reply(asked, data, flags, ServiceFlags.RESPONSE)


def error_reply_to(asked: Frame, code: int, *, flags: int = 0) -> Frame:
    """The reply of failure to a request."""
    return _reply(asked, encode_word(code), flags, ServiceFlags.RESPONSE | ServiceFlags.ERROR)


def _reply(asked: Frame, data: bytes, flags: int, service_flags: ServiceFlags) -> Frame:
    return Frame(
        asked.destination, asked.source, asked.service, asked.object_type, asked.object_id,
        asked.property_id, data, flags, service_flags,
    )  # fmt: skip
