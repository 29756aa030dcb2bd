"""The message store of a simulated gateway: newest first, with its pending flag and its latch.

Source: xcom-protocol.md 10.1.
"""

from __future__ import annotations

from ..messages import Message, encode_message

_CAPACITY = 1000
_TIME_MASK = 0xFFFFFFFF


class MessageStore:
    """Keeps messages over restarts. Index 0 is the newest, and what further reads count from."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._latched = 0
        self.pending = False

    @property
    def total(self) -> int:
        """Messages that are held."""
        return len(self._messages)

    @property
    def newest(self) -> Message | None:
        """The last message that came."""
        return self._messages[-1] if self._messages else None

    def add(self, kind: int, source: int, time: float) -> None:
        """A message comes: it is pending until somebody reads the newest one."""
        if self.total == _CAPACITY:
            del self._messages[0]
            self._latched = max(0, self._latched - 1)
        self._messages.append(Message(0, kind, source, int(time) & _TIME_MASK))
        self.pending = True

    def erase(self) -> None:
        """Forget all."""
        self._messages.clear()
        self._latched = 0
        self.pending = False

    def read(self, index: int) -> bytes | None:
        """The message at an index as the gateway sends it; None if there is none."""
        if index == 0:
            self.pending = False
            self._latched = self.total
        place = self._latched - 1 - index
        if place < 0:
            return None
        one = self._messages[place]
        return encode_message(Message(self.total, one.type, one.source, one.time))
