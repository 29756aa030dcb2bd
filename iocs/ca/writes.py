"""A client's puts: decoded, checked for the right to write, carried out, answered in any case."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from caproto import AccessRights, CAStatus

from drivers.core.errors import DriverError
from drivers.core.loglines import FewLines, quoted

from . import dbr
from .access import Client
from .channel import Channel
from .framing import TooLong
from .opened import OpenChannel
from .values import decode, joined
from .wire import Command, Put, error_reply, message

wanted: ContextVar[Callable[[], bool]] = ContextVar("wanted", default=lambda: True)
"""Whether the put that runs in this context is still wanted: its client waits for its end."""

EXPECTED = (DriverError, ValueError, OSError, TimeoutError)
"""What a put may fail with; anything else is a fault of the program, logged with its traceback."""

MOST_PUT_LINES = 1000
"""Lines of puts that were carried out, for each client and minute: a whole restore is told."""

MAX_WRITES = 2048
"""Puts of one client that may be under way; it has to wait with more."""

_MOST_SHOWN = 80
"""Elements or bytes of a value that are looked at to show it."""

_PUT_GRACE = 0.001
"""Seconds that a read waits for a put of the same client that is about to finish."""


class Writes:
    """The puts of one client: they begin in its order, and may be under way together."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]], lines: FewLines) -> None:
        self._send = send
        self._lines = lines
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(MAX_WRITES)
        self._settled = asyncio.Event()
        self._settled.set()
        self._listening = True

    async def begin(self, command: Put, opened: OpenChannel, client: Client) -> None:
        """Begin a put, as soon as there is room for it."""
        await self._room.acquire()
        self._settled.clear()
        task = asyncio.create_task(self._put(command, opened, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait a moment for a put that is about to finish."""
        if not self._settled.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PUT_GRACE):
                    await self._settled.wait()

    def client_gone(self) -> None:
        """Puts whose end the client waited for are not carried out if they have not begun."""
        self._listening = False

    async def cancel(self) -> None:
        """Give up what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _put(self, command: Put, opened: OpenChannel, client: Client) -> None:
        if command.command == Command.WRITE_NOTIFY:
            wanted.set(lambda: self._listening)
        try:
            answer = await self._verdict(command, opened, client)
            self._settled.set()
            with contextlib.suppress(OSError):  # the client is gone
                await self._send(answer)
        finally:
            self._settled.set()
            self._room.release()

    async def _verdict(self, command: Put, opened: OpenChannel, client: Client) -> bytes:
        """Carry out a put; what to tell the client of it."""
        channel = opened.channel
        try:
            done = await carry_out(opened, command, client)
        except Exception as error:  # noqa: BLE001 - the verdict, whatever it is, is the client's
            reason = self._tell(channel, client, error)
            if not _acknowledges(command):
                channel.not_carried_out(_asked(command), client, error)
            denied = isinstance(error, PermissionError)
            status = CAStatus.ECA_NOWTACCESS if denied else CAStatus.ECA_PUTFAIL
            return error_reply(command, opened.cid, status, reason) + written(command, status)
        if done:
            line = f"put {channel.pvname} = {done} by {client}"
            self._lines.say(logging.INFO, client.address, "put", line, most=MOST_PUT_LINES)
        return written(command, CAStatus.ECA_NORMAL)

    async def refuse(self, long: TooLong, most: int, opened: OpenChannel, client: Client) -> None:
        """Answer a put of more than ``most`` bytes; what is to come of it is passed over."""
        channel = opened.channel
        room = f"{channel.pvname} takes {most} bytes" if long.size > most else "no room for it now"
        may_write = AccessRights.WRITE in channel.rights(client)
        kind = dbr.ConversionError if may_write else PermissionError  # which alarms nothing
        error = kind(f"a put of {long.size} bytes: {room}")
        reason = self._tell(channel, client, error)
        channel.not_carried_out(f"{long.size} bytes", client, error)
        status = CAStatus.ECA_TOLARGE
        answer = error_reply(long.put, opened.cid, status, reason) + written(long.put, status)
        await self._send(answer)

    def _tell(self, channel: Channel, client: Client, error: Exception) -> str:
        """Leave a line in the log of a put that failed; returns the reason."""
        reason = str(error) or type(error).__name__
        line = f"put to {channel.pvname} by {client} failed: {reason}"
        if isinstance(error, EXPECTED):
            self._lines.say(logging.WARNING, client.address, "put failed", line)
        else:
            self._lines.say(logging.ERROR, client.address, "put broken", line, error=error)
        return reason


def written(command: Put, status: CAStatus) -> bytes:
    """The answer to a WRITE_NOTIFY; after a failure it comes behind the reason.

    Clients that do not understand the reason (Java, caproto) go by this one alone.
    """
    if command.command != Command.WRITE_NOTIFY:
        return b""
    eca = status.value.code_with_severity
    count, kind = command.data_count, command.data_type
    return message(Command.WRITE_NOTIFY, b"", kind, count, eca, command.ioid)


async def carry_out(opened: OpenChannel, command: Put, client: Client) -> str:
    """Do what a WRITE or WRITE_NOTIFY asks for; raises the reason if it is not done.

    Returns what was put, for the log; nothing for an acknowledgement.
    """
    channel = opened.channel
    if _acknowledges(command):
        if len(command.payload) < 2:
            raise dbr.ConversionError(f"{channel.pvname}: an acknowledgement without a value")
        value = struct.unpack_from(">H", command.payload)[0]
        channel.acknowledge(command.data_type, value, client)
        return ""
    if AccessRights.WRITE not in channel.rights(client):
        raise PermissionError(f"{channel.pvname} may not be written by {client}")
    value = decode(command.data_type, command.data_count, command.payload)
    if opened.long_text or (channel.text and channel.native is dbr.Native.CHAR):
        value = joined(channel, value)
    await channel.put(value, client)
    return describe(value)


def _acknowledges(command: Put) -> bool:
    """Whether it is an alarm that is acknowledged, not a value that is put."""
    return command.data_type in (dbr.PUT_ACKS, dbr.PUT_ACKT)


def _asked(command: Put) -> str:
    """The value that a put carried, if it was one."""
    try:
        return describe(decode(command.data_type, command.data_count, command.payload))
    except (dbr.ConversionError, ValueError):
        return f"malformed ({len(command.payload)} bytes)"


def describe(value: Any) -> str:
    """What a client put, short enough for a line of the log."""
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else value[:_MOST_SHOWN]
    if isinstance(value, bytes):
        value = value[:_MOST_SHOWN].split(b"\0", 1)[0].decode("utf-8", "replace")
    return quoted(value)
