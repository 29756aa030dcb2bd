"""All channels of a cycler at one moment, one by one and as columns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .protocol import DecodeError
from .reading import ChannelReading
from .records import ChannelsInfoReply
from .texts import TextCache
from .words import PAUSED, RUNNING, AuxKind, Status

UNSAFE = frozenset({Status.UNSAFE, Status.DAQ_MEMORY_UNSAFE})
_UNKNOWN = -1


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """What all channels report; `channels` has one element for each, None for those left out.

    Columns are arrays as long as `channels`, with NaN (`statuses`: -1) where nothing is known.
    """

    channels: tuple[ChannelReading | None, ...]
    statuses: NDArray[np.int32]
    voltages: NDArray[np.float64]
    currents: NDArray[np.float64]

    @classmethod
    def of(cls, replies: list[ChannelsInfoReply], total: int, cache: TextCache) -> Self:
        """From the replies to one request; records of channels from `total` on are left out."""
        channels: list[ChannelReading | None] = [None] * total
        statuses = np.full(total, _UNKNOWN, np.int32)
        voltages, currents = np.full(total, np.nan), np.full(total, np.nan)
        (merged,) = replies if len(replies) == 1 else (ChannelsInfoReply.joined(replies),)
        numbers = merged.fixed["channel"]
        texts = cache.texts(numbers, merged.fixed["texts"])
        for reading in merged.readings(texts):
            if reading.channel < total:
                channels[reading.channel] = reading
        wanted = merged.fixed[(numbers < total) & (merged.fixed["comm_failure"] == 0)]
        at = wanted["channel"]
        statuses[at] = wanted["status"]
        voltages[at] = wanted["voltage"]
        currents[at] = wanted["current"]
        return cls(tuple(channels), statuses, voltages, currents)

    @property
    def temperatures(self) -> NDArray[np.float64]:
        """The first aux temperature of each channel."""
        found = np.full(len(self.channels), np.nan)
        for n, channel in enumerate(self.channels):
            if channel is not None and channel.aux[AuxKind.TEMPERATURE]:
                found[n] = channel.aux[AuxKind.TEMPERATURE][0].value
        return found

    @property
    def running(self) -> int | None:
        """How many channels run a test, paused ones not counted; None if any cannot tell."""
        return self._count(RUNNING)

    @property
    def paused(self) -> int | None:
        """How many channels are paused; None if any cannot tell."""
        return self._count(PAUSED)

    @property
    def unsafe(self) -> int | None:
        """How many channels are unsafe; None if any cannot tell."""
        return self._count(UNSAFE)

    @property
    def failed(self) -> int | None:
        """How many channels have no link to their controller; None if any was left out."""
        if None in self.channels:
            return None
        return sum(channel.comm_failure for channel in self.channels if channel is not None)

    def _count(self, wanted: Collection[int]) -> int | None:
        if (self.statuses == _UNKNOWN).any():
            return None
        return int(np.isin(self.statuses, sorted(wanted)).sum())


class Gathering:
    """Replies to a request for all channels: one, or one for each (arbin-protocol.md 4.3)."""

    def __init__(self, expected: int) -> None:
        self.replies: list[ChannelsInfoReply] = []
        self._expected = expected
        self._seen: set[int] = set()

    def take(self, payload: bytes) -> bool:
        """Take one more reply; True once every expected channel has been seen.

        Raises `DecodeError`, also for a channel that comes twice or that there cannot be.
        """
        reply = ChannelsInfoReply.decode(payload)
        numbers: list[int] = reply.fixed["channel"].tolist()
        if len(set(numbers)) != len(numbers) or not self._seen.isdisjoint(numbers):
            raise DecodeError("channels info: a channel comes twice")
        if numbers and max(numbers) >= self._expected:
            raise DecodeError(
                f"channels info: a record of channel index {max(numbers)}, "
                f"but the cycler has {self._expected} channels"
            )
        self._seen.update(numbers)
        self.replies.append(reply)
        return len(self._seen) >= self._expected
