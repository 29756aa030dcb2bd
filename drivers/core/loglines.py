"""What outsiders say, fit for a log, a PV or a terminal: plain, short, and few lines of it.

Outsiders are clients, devices and whoever else sends bytes: their names, texts and values are
claims, which must neither forge a line, nor steer a terminal, nor fill a disk.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import cast

LONGEST = 1000
"""Characters of a line that an outsider caused."""

PERIOD = 60.0
MOST_LINES = 10
"""Lines of one kind that one sender may cause in a period; the others are counted."""

MOST_WINDOWS = 1000
"""Senders and kinds that are told apart at a time; those beyond share one count for each kind."""


def plain(text: object, most: int = LONGEST) -> str:
    """A text in one line of at most ``most`` characters, and how long it was if it was longer.

    What does not print (newlines, escape sequences, half characters) is shown as Python writes it.
    """
    whole = str(text)
    shown = whole[:most]
    if not shown.isprintable():
        characters = (c if c.isprintable() else ascii(c)[1:-1] for c in shown)
        shown = "".join(characters)[:most]
    return shown if len(whole) <= most else f"{shown}... ({len(whole)} characters)"


def quoted(value: object, most: int = 60) -> str:
    """A value as Python writes it, bounded before it is written, however long it is."""
    if isinstance(value, (str, bytes)):
        more = f"... ({len(value)} long)" if len(value) > most else ""
        return plain(repr(value[:most]), 4 * most + 3) + more
    if isinstance(value, list):
        items = cast("list[object]", value)
        more = f", ... ({len(items)} long)" if len(items) > 4 else ""
        return f"[{', '.join(quoted(item, most) for item in items[:4])}{more}]"
    try:
        return plain(repr(value), most)
    except ValueError:  # a whole number of more digits than Python writes
        return f"a number of type {type(value).__name__}"


@dataclass(slots=True)
class _Window:
    """The lines of one kind that one sender caused since its timer was set."""

    timer: asyncio.TimerHandle
    most: int
    count: int = 0


class FewLines:
    """A log that outsiders cannot flood: for each sender and kind a few lines, the rest counted.

    Every line is plain. When a period of ``PERIOD`` seconds ends, one line tells how many more
    there were.
    """

    def __init__(self, log: logging.Logger, period: float = PERIOD) -> None:
        self._log = log
        self._period = period
        self._windows: dict[tuple[str, str], _Window] = {}

    def say(
        self,
        level: int,
        sender: str,
        kind: str,
        text: str,
        *,
        most: int = MOST_LINES,
        error: Exception | None = None,
    ) -> None:
        """Log a line of this kind that ``sender`` caused, with the traceback of ``error`` if any.

        ``sender`` is what it cannot choose freely, its address say.
        """
        if not self._log.isEnabledFor(level):
            return
        key = (sender, kind)
        if key not in self._windows and len(self._windows) >= MOST_WINDOWS:
            key = ("all others", kind)
        window = self._windows.get(key)
        if window is None:
            timer = asyncio.get_running_loop().call_later(self._period, self._end, key)
            window = self._windows[key] = _Window(timer, most)
        window.count += 1
        if window.count <= window.most:
            self._log.log(level, "%s", plain(text), exc_info=error)

    def close(self) -> None:
        """Tell what was counted, and forget it."""
        for key, window in list(self._windows.items()):
            window.timer.cancel()
            self._end(key)

    def _end(self, key: tuple[str, str]) -> None:
        window = self._windows.pop(key)
        more = window.count - window.most
        if more > 0:
            line = "%s: ... and %d more like this by %s in %.0f s"
            self._log.warning(line, key[1], more, plain(key[0], 60), self._period)
