"""EDCP on the wire: identifiers, requests, writes, answers and announcements. Pure functions.

Source: iseg-protocol.md 3 to 5 (identifier, frames, log-on) and 8 (refused items).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TypeAlias

from ..core.can import CanFrame
from .items import CHANNELS_PER_REQUEST, ITEMS, MULTIPLE, Item, Kind, Scope

ADDRESSES = range(64)
MAX_CHANNELS = 48

PASSIVE = 0x200
"""Bit 9: ordinary traffic; 0 is a frame that a module sends by itself (iseg-protocol.md 3)."""

DIRECTION = 0x001
"""Bit 0: 1 asks or announces, 0 carries data: a write or an answer (iseg-protocol.md 3)."""

ADDRESS_MASK = 0x1F8
NODE_MASK = 0x400 | ADDRESS_MASK
"""Crate bit and address, which all frames from and to one module share (iseg-protocol.md 3)."""

BROADCAST = 0x004
LOG_ON = 0xD8
_BROADCAST_PREFIX = b"\xe8\x00"

DEVICE_CLASSES: dict[int, str] = {
    20: "V12C0", 21: "E16D0, E24D1", 24: "E08C0", 25: "E08F0, E08F7", 26: "E08F2, E08F8",
    27: "E08C2", 28: "E08B0, E04B0", 29: "V24D0", 30: "E01C0", 31: "E01C1", 32: "E01C2",
    35: "N02C0", 36: "N02C1", 37: "N02C2", 38: "N06C0", 39: "N06C2", 40: "MICC", 41: "MICP",
    43: "P07C0", 44: "T48C0", 45: "ECH238", 46: "ECH4xA", 70: "E16C1", 80: "S02C2", 81: "N04C0",
    82: "N04C2", 90: "L12C0",
}  # fmt: skip
"""Device class of a log-on announcement (iseg-protocol.md 6.5)."""

Number: TypeAlias = int | float
Value: TypeAlias = int | float | str | bytes | tuple[float, int]

_FORMATS = {
    Kind.U8: struct.Struct(">B"),
    Kind.I8: struct.Struct(">b"),
    Kind.U16: struct.Struct(">H"),
    Kind.U32: struct.Struct(">I"),
    Kind.F32: struct.Struct(">f"),
}
_F32_U8 = struct.Struct(">fB")


class DecodeError(ValueError):
    """Bytes that cannot be what they should be: says what and shows them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a module says of one item; `value` is None if it does not have the item.

    `place` is the channel, the first channel of a block or the index in an array.
    """

    id: int
    multiple: bool
    place: int | None
    value: Value | None


@dataclass(frozen=True, slots=True)
class Announcement:
    """A module that is not logged on: its general status and device class (iseg-protocol.md 5)."""

    address: int
    status: int
    device_class: int


# -- identifiers


def data_identifier(address: int) -> int:
    """The identifier of writes to a module and of its answers."""
    return PASSIVE | address << 3


def ask_identifier(address: int) -> int:
    """The identifier of read requests and of the module's announcements."""
    return data_identifier(address) | DIRECTION


def address_of(identifier: int) -> int:
    """The module that a frame is from or to."""
    return (identifier & ADDRESS_MASK) >> 3


# -- what the master sends


def log_on(address: int, on: bool = True) -> CanFrame:
    """Register a module, or release it; it does not answer."""
    return CanFrame(data_identifier(address), bytes((LOG_ON, int(on))))


def read(address: int, item: Item, place: int | None = None) -> CanFrame:
    """Ask for an item; `place` is the channel, the block's first channel, or the index."""
    return CanFrame(ask_identifier(address), _head(item.id, item, place))


def read_many(address: int, item: Item, first: int, count: int) -> CanFrame:
    """Ask for an item of `count` channels from `first` on, at most 16 (iseg-protocol.md 4)."""
    if not 1 <= count <= CHANNELS_PER_REQUEST:
        raise ValueError(f"{count} channels; a request names 1 to {CHANNELS_PER_REQUEST}")
    mask = (1 << count) - 1
    head = item.multiple_id.to_bytes(2, "big")
    return CanFrame(ask_identifier(address), head + mask.to_bytes(2, "big") + bytes((first,)))


def write(address: int, item: Item, value: Value, place: int | None = None) -> CanFrame:
    """Set an item; raises ValueError for a value that does not fit."""
    return CanFrame(data_identifier(address), _head(item.id, item, place) + encode(item, value))


def answer(address: int, reply: Answer) -> CanFrame:
    """The frame in which a module gives an answer."""
    item = ITEMS.get(reply.id)
    head = (reply.id + MULTIPLE * reply.multiple).to_bytes(2, "big")
    if reply.place is not None:
        head += bytes((reply.place,))
    if reply.value is None or item is None:
        return CanFrame(data_identifier(address), head)
    return CanFrame(data_identifier(address), head + encode(item, reply.value))


def announce(what: Announcement) -> CanFrame:
    """The frame with which a module announces itself."""
    data = bytes((LOG_ON, what.status, what.device_class))
    return CanFrame(ask_identifier(what.address), data)


def broadcast(item: Item, value: Value) -> CanFrame:
    """Set an item of all channels on the line (iseg-protocol.md 11: seen for control)."""
    head = _BROADCAST_PREFIX + item.multiple_id.to_bytes(2, "big")
    return CanFrame(BROADCAST, head + encode(item, value))


def _head(number: int, item: Item, place: int | None) -> bytes:
    if (place is None) is not (item.scope is Scope.MODULE):
        raise ValueError(f"{item.name} (0x{item.id:04X}) needs {item.scope.value} before its value")
    return number.to_bytes(2, "big") + (b"" if place is None else bytes((place,)))


# -- values


def encode(item: Item, value: Value) -> bytes:
    """The bytes of a value; raises ValueError if it does not fit the item."""
    try:
        match item.kind, value:
            case Kind.WORD, int():
                return value.to_bytes(2 if value <= 0xFFFF else 4, "big")
            case (Kind.TEXT, str()):
                return value.encode("ascii")
            case (Kind.RELEASE | Kind.PARTS, bytes()):
                return value
            case Kind.F32_U8, (float(), int()):
                return _F32_U8.pack(*value)
            case Kind.F32, int() | float():
                if not math.isfinite(value):
                    raise ValueError("not a finite number")
                return _FORMATS[item.kind].pack(value)
            case ((Kind.U8 | Kind.I8 | Kind.U16 | Kind.U32), int()):
                return _FORMATS[item.kind].pack(value)
            case _:
                raise ValueError(f"it is of the wrong type, not {item.kind.value}")
    except (struct.error, OverflowError, UnicodeEncodeError, ValueError) as error:
        raise ValueError(f"{item.name} cannot be {value!r}: {error}") from error


def decode(item: Item, data: bytes) -> Value:
    """The value in the bytes behind id and place; raises `DecodeError`.

    A float that is infinite or not a number is NaN: a value that is not there.
    """
    if item.kind is Kind.WORD and len(data) in (2, 4):
        return int.from_bytes(data, "big")
    if item.kind is Kind.TEXT and 1 <= len(data) <= 6:
        return data.split(b"\0")[0].decode("ascii", "replace")
    if (item.kind is Kind.RELEASE and len(data) == 4) or (item.kind is Kind.PARTS and data):
        return data
    if item.kind is Kind.F32_U8 and len(data) == _F32_U8.size:
        value, range_byte = _F32_U8.unpack(data)
        return (value if math.isfinite(value) else math.nan), range_byte
    layout = _FORMATS.get(item.kind)
    if layout is None or len(data) != layout.size:
        raise DecodeError(
            f"{item.name}: {len(data)} bytes ({data.hex(' ')}), not {item.kind.value}"
        )
    (number,) = layout.unpack(data)
    return number if math.isfinite(number) else math.nan


def to_single(value: float) -> float:
    """A number as the wire carries it."""
    return float(_FORMATS[Kind.F32].unpack(_FORMATS[Kind.F32].pack(value))[0])


def release_text(release: bytes) -> str:
    """The firmware release as it is shown: hex digits, dot-separated (iseg-protocol.md 6.1)."""
    return ".".join(f"{byte:02X}" for byte in release)


# -- what a module sends


def parse_answer(data: bytes) -> Answer:
    """An answer (or a master's write, which looks the same); raises `DecodeError`.

    An answer of id and place alone: the module does not have the item (iseg-protocol.md 8).
    The block's first channel may be missing from the event channel words (iseg-protocol.md 13).
    """
    if len(data) < 2:
        raise DecodeError(f"{data.hex(' ')!r} is too short for an answer")
    number = int.from_bytes(data[:2], "big")
    multiple = number >> 12 == 6
    number -= MULTIPLE * multiple
    scope = _scope_of(number)
    if scope is None:
        raise DecodeError(f"0x{number:04X} is not the id of an item")
    if scope is Scope.MODULE:
        place, rest = None, data[2:]
    elif scope is Scope.BLOCK and len(data) == 4:
        place, rest = 0, data[2:]
    else:
        place, rest = (data[2] if len(data) > 2 else None), data[3:]
    if not rest:
        return Answer(number, multiple, place, None)
    if place is not None and place >= MAX_CHANNELS and scope is not Scope.ARRAY:
        raise DecodeError(f"0x{number:04X} of channel {place}; a module has {MAX_CHANNELS} at most")
    item = ITEMS.get(number)
    if item is None:
        raise DecodeError(f"0x{number:04X} is not an item that is known")
    return Answer(number, multiple, place, decode(item, rest))


def _scope_of(number: int) -> Scope | None:
    """The scope of an id, also of those that no module is known to have."""
    item = ITEMS.get(number)
    if item is not None:
        return item.scope
    return {1: Scope.MODULE, 2: Scope.ARRAY, 4: Scope.CHANNEL}.get(number >> 12)


def parse_announcement(frame: CanFrame) -> Announcement | None:
    """A log-on announcement, None if it is another frame (iseg-protocol.md 5).

    Any frame with the identifier and the log-on byte counts; what is missing reads as 0.
    """
    data = frame.data
    if frame.identifier & ~ADDRESS_MASK != PASSIVE | DIRECTION or data[:1] != bytes((LOG_ON,)):
        return None
    status, device_class = (*data[1:3], 0, 0)[:2]
    return Announcement(address_of(frame.identifier), status, device_class)


def is_active(identifier: int) -> bool:
    """True for what a module sends by itself, such as an alarm (iseg-protocol.md 3 and 4)."""
    return not identifier & (PASSIVE | 0x400) and identifier & 0x006 == 0
