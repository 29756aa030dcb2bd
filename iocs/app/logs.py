"""Logging: one line per event on stderr, as text or as JSON for log collectors."""

from __future__ import annotations

import json
import logging
import sys
import time
from types import TracebackType

from drivers.core.loglines import LONGEST, plain

TEXT_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

LEVELS = ("debug", "info", "warning", "error")


MOST_TRACE_LINES = 100

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


LISTING = {"listing": True}
"""Marks a message of ours (``extra``) that quotes nobody and has many lines."""


class PlainLines(logging.Formatter):
    """One line a message, whoever it quotes; a traceback is indented, so that it forges no line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = _message(record)
        return super().formatMessage(record)

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's name
        lines = super().formatException(ei).split("\n")
        if len(lines) > MOST_TRACE_LINES:
            half = MOST_TRACE_LINES // 2
            lines[half:-half] = [f"... ({len(lines) - MOST_TRACE_LINES} lines)"]
        return "\n".join(f"    {plain(line)}" for line in lines)


class JsonLines(PlainLines):
    """One JSON object a line: time (UTC), level, logger, message, and a traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    return text if hasattr(record, "listing") else plain(text, 4 * LONGEST)


def set_up(level: str = "info", *, json_lines: bool = False) -> None:
    """Log to stderr from ``level`` on. caproto's own chatter is shown from ``debug`` on only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if json_lines else PlainLines(TEXT_FORMAT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    library = logging.getLogger("caproto")
    library.handlers[:] = []
    library.propagate = True
    library.setLevel("DEBUG" if level == "debug" else "WARNING")
