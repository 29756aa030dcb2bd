"""Monitors: who gets an update, and how much of a backlog a slow client may have.

A client that stops reading keeps at most ``BACKLOG`` updates per subscription in memory, the newest
ones; it never holds up another client.
"""

from __future__ import annotations

from typing import Any, Protocol

from . import dbr
from .channel import Channel, Event, Payloads
from .filters import Filters
from .payload import elements, payload
from .wire import GETFAIL, NORMAL, Command, message

BACKLOG = 10
"""Updates kept per subscription while its client does not read."""


class Sink(Protocol):
    """A circuit, as a monitor sees it."""

    muted: bool

    def queue_event(self, monitor: Monitor) -> None: ...


class Monitor:
    """One subscription of one client."""

    __slots__ = (
        "_head",
        "_size",
        "backlog",
        "channel",
        "count",
        "data_type",
        "filters",
        "index",
        "key",
        "last_sent",
        "long_text",
        "mask",
        "missed",
        "sink",
        "subscription_id",
        "to_resend",
    )

    def __init__(
        self,
        sink: Sink,
        channel: Channel,
        *,
        subscription_id: int,
        data_type: int,
        count: int,
        mask: int,
        filters: Filters | None,
        long_text: bool,
    ) -> None:
        self.sink = sink
        self.channel = channel
        self.subscription_id = subscription_id
        self.data_type = data_type
        self.count = count
        self.mask = mask
        self.filters = filters
        self.long_text = long_text
        self.key = (data_type, count, long_text)
        self.backlog: list[bytes] = []  # a tenth of an empty deque's memory
        self._head = b""
        self._size = -1
        self.last_sent: Any = None
        self.to_resend = False
        self.missed = 0  # what changed while the client wanted no events
        self.index = 0  # among the channel's monitors

    def offer(self, payloads: Payloads, events: int = 0) -> None:
        """Queue the channel's present state; ``events`` is what changed.

        ``payloads`` shares encodings between the subscribers of one change.
        """
        if self.sink.muted:
            self.missed |= events
            if not self.to_resend:
                self.to_resend = True
                self.sink.queue_event(self)
            return
        event = self._made(payloads, events)
        if event is None:
            return
        if len(self.backlog) < BACKLOG:
            self.sink.queue_event(self)
        else:
            del self.backlog[0]
        self.backlog.append(event)

    def take(self) -> bytes | None:
        """The next update to send; after a time without events the newest takes the place of all.

        None if there is none: every update has its place in the queue of the sink, and some were
        overtaken by a newer one.
        """
        if self.to_resend:
            events = self.missed
            self.clear()
            return self._made({}, events)
        return self.backlog.pop(0) if self.backlog else None

    def clear(self) -> None:
        """Forget what waits to be sent."""
        self.to_resend = False
        self.missed = 0
        self.backlog.clear()

    def _made(self, payloads: Payloads, events: int) -> bytes | None:
        try:
            return self._filtered(events) if self.filters is not None else self._plain(payloads)
        except dbr.ConversionError:  # a text that is no number now, for one who wants numbers
            return self._event(dbr.blank(self.data_type, self.count), self.count, GETFAIL)

    def _plain(self, payloads: Payloads) -> bytes:
        data = payloads.get(self.key)
        if data is None:
            data = payloads[self.key] = payload(
                self.channel, self.data_type, self.count, self.long_text
            )
        return self._head + data if len(data) == self._size else self._first(data)

    def _first(self, data: bytes) -> bytes:
        """An update with its header made; kept, since the next payload is as long as this one."""
        event = self._event(data, self.count or elements(self.channel, self.long_text))
        if not len(data) % 8:  # no padding
            self._head, self._size = event[: len(event) - len(data)], len(data)
        return event

    def _filtered(self, events: int) -> bytes | None:
        """A deadband holds back values only: alarms and metadata always pass, as in EPICS Base."""
        assert self.filters is not None
        value = self.channel.value
        only_value = not events & (Event.ALARM | Event.PROPERTY)
        if only_value and not self.filters.lets_through(value, self.last_sent):
            return None
        self.last_sent = value
        data, count = self.filters.apply(self.channel, self.data_type, self.count, self.long_text)
        return self._event(data, count)

    def _event(self, data: bytes, count: int, status: int = NORMAL) -> bytes:
        number = self.subscription_id
        return message(Command.EVENT_ADD, data, self.data_type, count, status, number)
