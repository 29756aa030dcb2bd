"""Silence on an RTU line: between frames, and after trouble until a late answer has passed."""

from __future__ import annotations

import asyncio
import time

from ..url import SerialLine

_FRAME_GAP_CHARACTERS = 3.5
_FAST_BAUD = 19200
_FAST_GAP = 0.00175
_QUIET_AFTER_NOISE = 0.02
# The timers of the event loop may be late by this much, 11 characters at 115200 baud: the last part
# of a silence is passed by turning the loop instead.
_TIMER_GRAIN = 0.0011
_SLICE = 0.02
"""Seconds after which to look whether the late answer that is waited for has come."""


class LineSilence:
    """Keeps the master silent for as long as RTU demands; outlives the connections of a bus.

    Between frames that is 3.5 characters, 1.75 ms above 19200 baud (Modbus over Serial Line,
    section 2.5.1.1). RTU answers carry no transaction id, so after a missing or bad answer the
    master also waits `settle` seconds and until the line is quiet: a late answer that comes in that
    time is not taken for the next one.
    """

    def __init__(self, line: SerialLine | None, settle: float) -> None:
        self._gap = 0.0
        if line is not None:
            fast = line.baud > _FAST_BAUD
            self._gap = _FAST_GAP if fast else _FRAME_GAP_CHARACTERS * line.character_time
        self._settle = settle
        self._free_at = 0.0

    def heard(self) -> None:
        """Note bytes that belong to the running exchange."""
        self._free_at = max(self._free_at, time.monotonic() + self._gap)

    def disturbed(self) -> None:
        """Note bytes nobody asked for: they have to end first."""
        self._free_at = max(self._free_at, time.monotonic() + max(self._gap, _QUIET_AFTER_NOISE))

    def out_of_step(self) -> None:
        """Note that an answer is missing or bad and may still come."""
        self._free_at = max(self._free_at, time.monotonic() + self._settle)

    def back_in_step(self) -> None:
        """Note that the answer that was missing has come: there is no other to wait for."""
        self._free_at = time.monotonic() + self._gap

    @property
    def longest(self) -> float:
        """Seconds of silence that a line asks for at most, unless it is never quiet."""
        return self._gap + self._settle + _QUIET_AFTER_NOISE

    async def wait(self) -> None:
        """Return when the master may send."""
        # bytes may arrive meanwhile and move the time
        while (rest := self._free_at - time.monotonic()) > 0.0:  # noqa: ASYNC110
            await asyncio.sleep(min(_SLICE, max(0.0, rest - _TIMER_GRAIN)))
