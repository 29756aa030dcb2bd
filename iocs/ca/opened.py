"""A channel as one client has it open: what it may ask of it, and its subscriptions."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.core.loglines import plain

from .channel import Channel
from .dbr import CLASS_NAME, MAX_VALUE_TYPE, ConversionError
from .filters import Filters
from .monitor import Monitor
from .payload import payload


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """A channel as one client has it open, with the client's subscriptions to it by number."""

    name: str
    cid: int
    channel: Channel
    count: int
    filters: Filters | None
    long_text: bool
    monitors: dict[int, Monitor] = field(default_factory=dict[int, Monitor])

    def encode(self, data_type: int, count: int) -> tuple[bytes, int]:
        """Payload and element count of a channel for a request of ``count`` elements (0: all)."""
        self.check(data_type, count)
        count = count or self.count
        if self.filters is not None:
            return self.filters.apply(self.channel, data_type, count, self.long_text)
        if data_type > MAX_VALUE_TYPE:
            count = 1
        return payload(self.channel, data_type, count, self.long_text), count

    def check(self, data_type: int, count: int) -> None:
        """Refuse what no value of the channel could answer."""
        if count > self.count:
            raise ConversionError(f"{plain(self.name, 100)} has {self.count} elements, not {count}")
        if data_type > CLASS_NAME:
            raise ConversionError(f"there is no DBR type {data_type}")
