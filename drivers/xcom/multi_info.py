"""Multi-info: up to 76 live values of any devices in one exchange.

Source: xcom-protocol.md 11. Reading parameters this way is not possible.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from .frame import DecodeError

MAX_ITEMS = 76
OBJECT_ID = 1
_ITEM = struct.Struct("<HB")
_HEAD = struct.Struct("<II")
_VALUE = struct.Struct("<HBf")
_LAST_DEVICE = 0x0F


class Aggregation(IntEnum):
    """What is read of a family; 1 to 15 is one of its devices (xcom-protocol.md 11.1)."""

    MASTER = 0x00
    AVERAGE = 0xFD
    SUM = 0xFE


class Present(IntFlag):
    """Which families the gateway sees (xcom-protocol.md 11.2). Unknown bits are kept."""

    GSM = 0x010
    XTENDER = 0x020
    BSP = 0x040
    VARIOTRACK = 0x080
    VARIOSTRING = 0x100


@dataclass(frozen=True, slots=True)
class Item:
    """One value to read: the number of an info, and of which device or devices."""

    number: int
    aggregation: int = Aggregation.MASTER

    def __post_init__(self) -> None:
        if not 0 <= self.number <= 0xFFFF:
            raise ValueError(f"info number {self.number} is not from 0 to 65535")
        if not is_aggregation(self.aggregation):
            raise ValueError(f"aggregation {self.aggregation:#04x} is reserved")


@dataclass(frozen=True, slots=True)
class ItemValue:
    """An item and its value, which may be NaN."""

    item: Item
    value: float


@dataclass(frozen=True, slots=True)
class MultiInfo:
    """A reply: flags (`Present`), seconds since 1970 by the gateway's clock, values."""

    flags: int
    time: int
    values: tuple[ItemValue, ...]


def is_aggregation(number: int) -> bool:
    """True if it is a device or an `Aggregation`."""
    return 0 <= number <= _LAST_DEVICE or number in tuple(Aggregation)


def encode_items(items: Sequence[Item]) -> bytes:
    """The data of a request; raises ValueError unless there are 1 to 76 items."""
    _check_count(len(items))
    return b"".join(_ITEM.pack(item.number, item.aggregation) for item in items)


def decode_items(data: bytes) -> tuple[Item, ...]:
    """The items of a request; raises `DecodeError`."""
    count, rest = divmod(len(data), _ITEM.size)
    if rest or not 1 <= count <= MAX_ITEMS:
        raise DecodeError(f"{len(data)} bytes are not 1 to {MAX_ITEMS} items of {_ITEM.size}")
    return tuple(_item(number, which) for number, which in _ITEM.iter_unpack(data))


def encode_multi_info(reply: MultiInfo) -> bytes:
    """The data of a reply."""
    _check_count(len(reply.values))
    head = _HEAD.pack(reply.flags, reply.time)
    return head + b"".join(_packed(each.item, each.value) for each in reply.values)


def decode_multi_info(data: bytes, asked: Iterable[Item]) -> MultiInfo:
    """The reply to a request; raises `DecodeError` unless it has the items that were asked for.

    Values are matched by number and aggregation and come in the order they were asked for.
    """
    count, rest = divmod(len(data) - _HEAD.size, _VALUE.size)
    if rest or not 1 <= count <= MAX_ITEMS:
        raise DecodeError(f"{len(data)} bytes are no reply of 1 to {MAX_ITEMS} values")
    flags, time = _HEAD.unpack_from(data)
    found: dict[Item, float] = {}
    for number, which, value in _VALUE.iter_unpack(data[_HEAD.size :]):
        found[_item(number, which)] = value
    wanted = tuple(asked)
    missing = [item for item in wanted if item not in found]
    if missing or count != len(wanted):
        first = f", and not {missing[0]}" if missing else ""
        raise DecodeError(f"{count} values came for {len(wanted)} items{first}")
    return MultiInfo(flags, time, tuple(ItemValue(item, found[item]) for item in wanted))


def _item(number: int, which: int) -> Item:
    if not is_aggregation(which):
        raise DecodeError(f"aggregation {which:#04x} of info {number} is reserved")
    return Item(number, which)


def _packed(item: Item, value: float) -> bytes:
    return _VALUE.pack(item.number, item.aggregation, value)


def _check_count(count: int) -> None:
    if not 1 <= count <= MAX_ITEMS:
        raise ValueError(f"{count} items are not from 1 to {MAX_ITEMS}")
