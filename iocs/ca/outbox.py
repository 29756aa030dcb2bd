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

_FEW = 64


class Outbox:
    """The monitors of one client that have something to send. ``muted``: the client wants none."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.muted = False
        self._writer = writer
        self._transport = cast(asyncio.WriteTransport, writer.transport)
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Monitor] = deque()  # with a place for each update that waits
        self._forgotten = 0
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

    def mute(self, muted: bool) -> None:
        """Events off, and on again: the client then gets the newest of what changed."""
        self.muted = muted
        if not muted and self._queue:
            self._schedule()

    def forget(self, monitor: Monitor) -> None:
        """Send no more of ``monitor``. Its places in the queue go when half of all are empty."""
        self._forgotten += len(monitor.backlog) + monitor.to_resend
        monitor.clear()
        if self._forgotten > len(self._queue) // 2 + _FEW:
            self._queue = deque(m for m in self._queue if m.backlog or m.to_resend)
            self._forgotten = 0

    def close(self) -> None:
        """Send the answers that are ready, and no more events."""
        self._queue.clear()
        self._write_replies()
        if self._draining is not None:
            self._draining.cancel()

    def _flush(self) -> None:
        self._write_replies()
        while self._queue and not self.muted and not self._transport.is_closing():
            if self._transport.get_write_buffer_size() > SEND_CHUNK:
                self._draining = self._loop.create_task(self._flush_when_drained())
                return
            self._transport.write(self._take_chunk())
        if self._transport.is_closing():
            self._queue.clear()
        self._scheduled = False

    def _take_chunk(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        queue = self._queue
        while queue and size < SEND_CHUNK:
            event = queue.popleft().take()
            if event is not None:
                parts.append(event)
                size += len(event)
        return b"".join(parts)

    async def _flush_when_drained(self) -> None:
        try:
            await self._writer.drain()
        except OSError:
            self._queue.clear()
        self._flush()
