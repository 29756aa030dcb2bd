"""Monitors: who gets an update, and how much of a backlog a slow client may have.

A client that stops reading keeps at most ``BACKLOG`` updates per subscription in memory, the newest
ones; it never holds up another client.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from . import dbr
from .stamp import Stamp

if TYPE_CHECKING:
    from .channel import Channel

BACKLOG = 10
"""Updates kept per subscription while its client does not read."""

_HEADER = struct.Struct(">HHHHII")
_LONG_HEADER = struct.Struct(">HHHHIIII")
_EVENT_ADD = 1
_NORMAL = 1


class Event(IntFlag):
    """What changed, and what a subscription asks for (DBE_VALUE, _LOG, _ALARM, _PROPERTY)."""

    NONE = 0
    VALUE = 1
    LOG = 2
    ALARM = 4
    PROPERTY = 8


ALL_VALUES = Event.VALUE | Event.LOG


@dataclass(frozen=True, slots=True)
class Filters:
    """Channel filters of a PV name (``NAME{"dbnd":{...}}``): deadband, array slice, time stamp."""

    deadband: tuple[str, float] | None = None
    array: tuple[int, int, int] | None = None
    stamp: bool = False

    def apply(self, channel: Channel, data_type: int, count: int) -> tuple[bytes, int]:
        """Payload and element count of a filtered read."""
        total = count or channel.count
        data = dbr.payload(channel, data_type, total)
        if data_type > 34:
            return data, 1
        form, native = dbr.split(data_type)
        if self.stamp and form is dbr.Form.TIME:
            data = data[:4] + struct.pack(">II", *Stamp.now()) + data[12:]
        if self.array is None:
            return data, total
        size = dbr.STRING_SIZE if native is dbr.Native.STRING else dbr.DTYPES[native].itemsize
        head = len(data) - total * size
        elements = np.frombuffer(data[head:], dtype=np.dtype((np.void, size)))
        start, step, end = self.array
        stop = end + 1 if end != -1 else None
        kept = elements[start:stop:step]
        return data[:head] + kept.tobytes(), len(kept)

    def lets_through(self, value: Any, last: Any) -> bool:
        """Whether the deadband filter passes a value after ``last`` was sent."""
        if self.deadband is None or last is None:
            return True
        mode, width = self.deadband
        try:
            moved = abs(value - last)
        except TypeError:
            return value != last
        return bool(np.any(moved > (abs(last) * width / 100 if mode == "rel" else width)))


class Sink(Protocol):
    """A circuit, as a monitor sees it."""

    muted: bool

    def queue_event(self, monitor: Monitor) -> None: ...


class Monitor:
    """One subscription of one client."""

    __slots__ = (
        "backlog",
        "channel",
        "count",
        "data_type",
        "filters",
        "key",
        "last_sent",
        "mask",
        "sid",
        "sink",
        "subscription_id",
        "to_resend",
    )

    def __init__(
        self,
        sink: Sink,
        channel: Channel,
        *,
        sid: int,
        subscription_id: int,
        data_type: int,
        count: int,
        mask: int,
        filters: Filters | None,
    ) -> None:
        self.sink = sink
        self.channel = channel
        self.sid = sid
        self.subscription_id = subscription_id
        self.data_type = data_type
        self.count = count
        self.mask = mask
        self.filters = filters
        self.key = (data_type, count)
        self.backlog: deque[bytes] = deque(maxlen=BACKLOG)
        self.last_sent: Any = None
        self.to_resend = False

    def offer(self, payloads: dict[tuple[int, int], bytes]) -> None:
        """Queue the channel's present state; ``payloads`` shares encodings between subscribers."""
        if self.sink.muted:
            self.to_resend = True
            return
        if self.filters is not None:
            event = self._filtered()
            if event is None:
                return
        else:
            data = payloads.get(self.key)
            if data is None:
                data = payloads[self.key] = dbr.payload(self.channel, self.data_type, self.count)
            event = self._event(data, self.count or self.channel.count)
        if len(self.backlog) < BACKLOG:
            self.sink.queue_event(self)
        self.backlog.append(event)

    def _filtered(self) -> bytes | None:
        assert self.filters is not None
        value = self.channel.value
        if not self.filters.lets_through(value, self.last_sent):
            return None
        self.last_sent = value
        data, count = self.filters.apply(self.channel, self.data_type, self.count)
        return self._event(data, count)

    def _event(self, data: bytes, count: int) -> bytes:
        return message(_EVENT_ADD, data, self.data_type, count, _NORMAL, self.subscription_id)


def message(
    command: int, data: bytes, data_type: int, count: int, parameter1: int, parameter2: int
) -> bytes:
    """A Channel Access message, padded to 8 bytes; long header where 16 bits do not suffice."""
    padding = -len(data) % 8
    size = len(data) + padding
    if size < 0xFFFF and count < 0xFFFF:
        header = _HEADER.pack(command, size, data_type, count, parameter1, parameter2)
    else:
        header = _LONG_HEADER.pack(
            command, 0xFFFF, data_type, 0, parameter1, parameter2, size, count
        )
    return header + data + bytes(padding) if padding else header + data
