"""What all streams of bytes have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class ByteStream(Protocol):
    """An open way for bytes to and from an instrument.

    Its owner sets `receive` (called with each piece that comes) and `lost` (called once, with the
    reason, when the other end or the system ends it). Bytes that come before that are dropped.
    """

    receive: Callable[[bytes], None]
    lost: Callable[[str], None]

    @property
    def peer(self) -> str:
        """Who is at the other end, for messages."""
        ...

    @property
    def alive(self) -> bool:
        """False once it is of no more use."""
        ...

    @property
    def delivered(self) -> bool:
        """False if something that was written may still be waiting in this machine."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes, as far as the other end takes them."""
        ...

    def close(self, *, discard: bool) -> None:
        """Close; with `discard`, bytes that were not delivered yet must never be."""
        ...


def drop_bytes(_data: bytes) -> None:
    """Where bytes go that nobody waits for."""


def ignore_loss(_reason: str) -> None:
    """What happens at a loss that nobody waits for."""
