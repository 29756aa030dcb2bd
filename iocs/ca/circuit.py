"""One client's TCP circuit: what a client asks for, in the order in which it asks.

caproto parses the messages; channels, reads, puts and subscriptions are answered here. A client
that breaks the protocol is dropped, with one line in the log; one that stops reading waits for
itself alone; searches over TCP (``EPICS_CA_NAME_SERVERS``) and a second VERSION are answered.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from typing import Any, Protocol

import caproto as ca
from caproto import CAStatus

from drivers.core.loglines import FewLines, plain

from . import dbr
from .access import Client
from .channel import Channel
from .dbr import ConversionError, Native
from .framing import Framer, Held, TooLong, room_for
from .monitor import Monitor
from .names import parse_address
from .opened import OpenChannel
from .outbox import Outbox
from .wire import (
    GETFAIL,
    MINOR_VERSION,
    NORMAL,
    Command,
    Put,
    error_reply,
    message,
    parse_put,
    search_reply,
)
from .writes import Writes

log = logging.getLogger("labioc.ca")

LONGEST_CLAIM = 255
"""Characters of the user and host names that a client claims: those of the longest host name."""

USER_TIMEOUT = 60.0
"""Seconds after which a client that takes no data is dropped (TCP_USER_TIMEOUT; Linux only)."""

RECEIVE_CHUNK = 1 << 13
"""Bytes read at a time."""

_COMMANDS_PER_TURN = 16

_MALFORMED = (ca.CaprotoError, ValueError, LookupError, TypeError, ArithmeticError, struct.error)
"""What parsing bytes that are no Channel Access may raise."""


class Site(Protocol):
    """What a circuit is told of the server that it belongs to."""

    port: int
    held: Held
    lines: FewLines

    def find(self, name: str) -> Channel | None: ...

    def knows(self, name: str) -> bool: ...


class Gone(Exception):
    """The client has closed the connection."""


def tune_socket(sock: socket.socket) -> None:
    """No Nagle delay, and an end for clients that are gone or no longer read."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(USER_TIMEOUT * 1000))


class Circuit:
    """A client's connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, site: Site
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._site = site
        self._address: tuple[str, int] = writer.get_extra_info("peername") or ("?", 0)
        self._parser = ca.VirtualCircuit(ca.SERVER, self._address, None)
        self._framer = Framer(self._room, site.held)
        self._outbox = Outbox(writer)
        self._host = self._user = ""
        self._greeted = False
        self._last_sid = 0
        self.channels: dict[int, OpenChannel] = {}
        self.monitor_count = 0
        self._writes = Writes(self._outbox.reply, site.lines)

    # -- life

    async def serve(self) -> None:
        """Answer the client until it goes or breaks the protocol."""
        try:
            while True:
                await self._receive()
        except (Gone, OSError):
            log.debug("client %s:%d has gone", *self._address)
        except ConversionError as error:
            host, port = self._address
            self._say(logging.WARNING, "client dropped", f"client {host}:{port} dropped: {error}")
        finally:
            self.close()

    def close(self) -> None:
        """End subscriptions and connection; puts under way go on, nobody hears of their end."""
        for opened in self.channels.values():
            self._drop_all(opened)
        self.channels.clear()
        self._framer.close()
        self._writes.client_gone()
        self._outbox.close()
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()  # it does not read: waiting for it would not end
        self._writer.close()

    def _say(self, level: int, kind: str, line: str) -> None:
        """Log what the client caused, a few lines of each kind."""
        self._site.lines.say(level, self._address[0], kind, line)

    async def cancel_puts(self) -> None:
        """Give up the puts that are under way: the IOC ends."""
        await self._writes.cancel()

    async def _receive(self) -> None:
        data = await self._reader.read(RECEIVE_CHUNK)
        if not data:
            raise Gone
        for number, frame in enumerate(self._framer.take(data), 1):
            if isinstance(frame, TooLong):
                opened = self._opened(frame.put)
                most, client = room_for(opened.count), self.identify()
                await self._writes.refuse(frame, most, opened, client)
            else:
                await self._obey(self._parse(frame))
            if not number % _COMMANDS_PER_TURN:
                await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _parse(self, frame: bytes) -> Any:
        put = parse_put(frame)
        if put is not None:
            return put
        try:
            return self._parser.recv(frame)[0].popleft()
        except _MALFORMED as error:
            raise ConversionError(f"it does not speak Channel Access: {error}") from error

    def _room(self, sid: int) -> int:
        """The longest payload of a put to a channel; without one the client is dropped below."""
        opened = self.channels.get(sid)
        return 0 if opened is None else room_for(opened.count)

    async def _send(self, data: bytes) -> None:
        """Answer; waits while the client does not take what was sent before."""
        await self._outbox.reply(data)

    def identify(self) -> Client:
        """Who the client says it is, and where it really is."""
        return Client(self._host, self._user, str(self._address[0]))

    # -- commands

    async def _obey(self, command: Any) -> None:
        match command:
            case ca.ReadNotifyRequest() | ca.ReadRequest():
                await self._read(command)
            case Put():
                opened = self._opened(command)
                await self._writes.begin(command, opened, self.identify())
            case ca.EventAddRequest():
                await self._subscribe(command)
            case ca.EventCancelRequest():
                await self._unsubscribe(command)
            case ca.EventsOffRequest():
                self._outbox.mute(True)
            case ca.EventsOnRequest():
                self._outbox.mute(False)
            case ca.CreateChanRequest():
                await self._create_channel(command)
            case ca.ClearChannelRequest():
                await self._clear_channel(command)
            case _:
                await self._obey_greeting(command)

    async def _obey_greeting(self, command: Any) -> None:
        match command:
            case ca.VersionRequest():
                if not self._greeted:
                    self._greeted = True
                    await self._send(message(Command.VERSION, b"", 0, MINOR_VERSION))
            case ca.HostNameRequest():
                self._host = plain(command.name, LONGEST_CLAIM)
            case ca.ClientNameRequest():
                self._user = plain(command.name, LONGEST_CLAIM)
            case ca.SearchRequest():
                if self._site.knows(command.name):
                    await self._send(search_reply(self._site.port, command.cid))
            case ca.EchoRequest():
                await self._send(message(Command.ECHO))
            case _:
                (host, port), kind = self._address, type(command).__name__
                self._say(logging.DEBUG, "ignored", f"client {host}:{port} sent {kind}: ignored")

    def _opened(self, command: Any) -> OpenChannel:
        opened = self.channels.get(command.sid)
        if opened is None:
            raise ConversionError(f"it uses channel {command.sid}, which it has not open")
        return opened

    async def _create_channel(self, command: Any) -> None:
        channel = self._site.find(command.name)
        if channel is None:
            await self._send(message(Command.CREATE_CH_FAIL, b"", 0, 0, command.cid))
            return
        address = parse_address(command.name)
        native, count = channel.native, channel.count
        if address.long_text:
            native, count = Native.CHAR, channel.long_string_max_length
        if address.filters is not None:
            count = address.filters.count(count)
        self._last_sid += 1
        self.channels[self._last_sid] = OpenChannel(
            command.name, command.cid, channel, count, address.filters, address.long_text
        )
        rights = int(channel.rights(self.identify()))
        await self._send(
            message(Command.ACCESS_RIGHTS, b"", 0, 0, command.cid, rights)
            + message(Command.CREATE_CHAN, b"", native, count, command.cid, self._last_sid)
        )

    async def _clear_channel(self, command: Any) -> None:
        self._drop_all(self._opened(command))
        del self.channels[command.sid]
        await self._send(message(Command.CLEAR_CHANNEL, b"", 0, 0, command.sid, command.cid))

    async def _read(self, command: Any) -> None:
        await self._writes.settle()
        opened = self._opened(command)
        data_type, count = command.header.data_type, command.data_count
        try:
            data, count = opened.encode(data_type, count)
        except ConversionError as error:
            line = f"read as type {data_type} by {self.identify()} refused: {error}"
            self._say(logging.INFO, "read refused", line)
            if isinstance(command, ca.ReadRequest):
                await self._send(error_reply(command, opened.cid, CAStatus.ECA_GETFAIL, str(error)))
                return
            known = count <= opened.count and data_type <= dbr.CLASS_NAME
            status, count = GETFAIL, count if known else 0
            data = dbr.blank(data_type, count) if known else b""
        else:
            status = NORMAL
        answer, first = Command.READ_NOTIFY, status
        if isinstance(command, ca.ReadRequest):
            answer, first = Command.READ, opened.cid
        await self._send(message(answer, data, data_type, count, first, command.ioid))

    # -- subscriptions

    async def _subscribe(self, command: Any) -> None:
        opened = self._opened(command)
        number, data_type = command.subscriptionid, command.header.data_type
        if number in opened.monitors:
            raise ConversionError(f"it uses subscription {number} twice")
        try:
            opened.check(data_type, command.data_count)
        except ConversionError as error:
            line = f"subscription as type {data_type} by {self.identify()} refused: {error}"
            self._say(logging.INFO, "subscription refused", line)
            await self._send(error_reply(command, opened.cid, CAStatus.ECA_BADTYPE, str(error)))
            return
        monitor = Monitor(
            self._outbox,
            opened.channel,
            subscription_id=number,
            data_type=data_type,
            count=1 if data_type in (dbr.STSACK_STRING, dbr.CLASS_NAME) else command.data_count,
            mask=int(command.mask),
            filters=opened.filters,
            long_text=opened.long_text,
        )
        opened.monitors[number] = monitor
        self.monitor_count += 1
        opened.channel.add_monitor(monitor)

    async def _unsubscribe(self, command: Any) -> None:
        opened = self._opened(command)
        number = command.subscriptionid
        monitor = opened.monitors.pop(number, None)
        if monitor is None:
            reason = f"{plain(opened.name, 100)} has no subscription {number}"
            await self._send(error_reply(command, opened.cid, CAStatus.ECA_BADMONID, reason))
            return
        self._drop(monitor)
        await self._send(message(Command.EVENT_ADD, b"", monitor.data_type, 0, command.sid, number))

    def _drop(self, monitor: Monitor) -> None:
        self.monitor_count -= 1
        self._outbox.forget(monitor)
        monitor.channel.remove_monitor(monitor)

    def _drop_all(self, opened: OpenChannel) -> None:
        for monitor in opened.monitors.values():
            self._drop(monitor)
        opened.monitors.clear()
