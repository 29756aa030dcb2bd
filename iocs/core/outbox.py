"""What waits to be sent to one client: it leaves as soon as the loop turns, in one piece.

A client that stops reading fills its socket and then its monitors' backlogs, never the memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

from .monitor import Monitor

SEND_CHUNK = 1 << 16
"""Bytes handed to the transport at a time; beyond that, updates wait in the monitors' backlogs."""


class Outbox:
    """The monitors of one client that have something to send. ``muted``: the client wants none."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.muted = False
        self._writer = writer
        self._transport = cast(asyncio.WriteTransport, writer.transport)
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Monitor] = deque()
        self._replies: list[bytes] = []
        self._reply_size = 0
        self._scheduled = False
        self._draining: asyncio.Task[None] | None = None

    def queue_event(self, monitor: Monitor) -> None:
        """Take note that ``monitor`` has something to send; written when the loop turns."""
        self._queue.append(monitor)
        self._schedule()

    async def reply(self, data: bytes) -> None:
        """Send an answer, ahead of events; waits while the client does not take its answers."""
        self._replies.append(data)
        self._reply_size += len(data)
        unread = self._transport.get_write_buffer_size()
        if self._reply_size < SEND_CHUNK and unread <= SEND_CHUNK:
            self._schedule()
        else:
            self._write_replies()
            await self._writer.drain()

    def _write_replies(self) -> None:
        if self._replies and not self._transport.is_closing():
            self._transport.write(b"".join(self._replies))
        self._replies.clear()
        self._reply_size = 0

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def clear(self) -> None:
        """Forget what waits."""
        self._queue.clear()

    def close(self) -> None:
        """Send the answers that are ready, and no more events."""
        self._queue.clear()
        self._write_replies()
        if self._draining is not None:
            self._draining.cancel()

    def _flush(self) -> None:
        self._write_replies()
        while self._queue and not self._transport.is_closing():
            if self._transport.get_write_buffer_size() > SEND_CHUNK:
                self._draining = self._loop.create_task(self._flush_when_drained())
                return
            self._transport.write(self._take_chunk())
        self._queue.clear()
        self._scheduled = False

    def _take_chunk(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        queue = self._queue
        while queue and size < SEND_CHUNK:
            backlog = queue.popleft().backlog
            if backlog:
                event = backlog.pop(0)
                parts.append(event)
                size += len(event)
        return b"".join(parts)

    async def _flush_when_drained(self) -> None:
        try:
            await self._writer.drain()
        except OSError:
            self._queue.clear()
        self._flush()
