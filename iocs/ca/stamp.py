"""Time stamps: the moment a block was read, shared by all PVs of that block."""

from __future__ import annotations

import time
from typing import NamedTuple

from .dbr import EPICS_EPOCH


class Stamp(NamedTuple):
    """Seconds and nanoseconds since the EPICS epoch (1990-01-01 UTC), as on the wire."""

    seconds: int
    nanoseconds: int

    @property
    def unix(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return EPICS_EPOCH + self.seconds + self.nanoseconds / 1_000_000_000

    @classmethod
    def now(cls) -> Stamp:
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        return cls((seconds - EPICS_EPOCH) & 0xFFFFFFFF, nanoseconds)
