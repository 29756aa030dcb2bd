"""Frames of our own that an adapter hands back: found out by reads, and dropped from then on."""

from __future__ import annotations

import logging
from collections import Counter, deque

from .frame import CanFrame

log = logging.getLogger("labioc.can")

_CERTAIN = 3
_KEPT = 256


class EchoFilter:
    """Tells echoes from answers.

    python-can asks no interface for its own frames, but some adapters send them all the same, and
    an echoed write can be, byte for byte, the answer that would confirm it. A request whose answer
    has another identifier cannot be mistaken: when three of these in a row come back, the adapter
    echoes, and from then on one copy of each frame sent is dropped.
    """

    def __init__(self) -> None:
        self.echoes = False
        self._streak = 0
        self._seen = False
        self._sent: Counter[CanFrame] = Counter()
        self._order: deque[CanFrame] = deque()

    def sent(self, frame: CanFrame) -> None:
        """Note a frame that goes out."""
        if self.echoes:
            self._sent[frame] += 1
            self._order.append(frame)
            if len(self._order) > _KEPT:
                self._forget(self._order.popleft())

    def is_echo(self, frame: CanFrame) -> bool:
        """True, once, for a copy of a frame that was sent."""
        if not self.echoes or not self._sent[frame]:
            return False
        self._order.remove(frame)
        self._forget(frame)
        return True

    def came_back(self) -> None:
        """The request that waits for an answer of another identifier was received itself."""
        self._seen = True

    def request_ended(self, name: str) -> None:
        """Count requests in a row that came back."""
        self._streak = self._streak + 1 if self._seen else 0
        self._seen = False
        if self._streak >= _CERTAIN and not self.echoes:
            self.echoes = True
            log.warning("%s: the adapter echoes the frames we send; they are dropped", name)

    def _forget(self, frame: CanFrame) -> None:
        self._sent[frame] -= 1
        if self._sent[frame] <= 0:
            del self._sent[frame]
