"""One client's TCP circuit: caproto's protocol state machine, our own events, puts and reads.

What differs from caproto's circuit: subscriptions honour their masks; a client that stops reading
keeps a bounded backlog and holds up nobody; events are written as soon as the loop turns, in one
piece; a second VERSION on a circuit and searches over TCP (``EPICS_CA_NAME_SERVERS``) are answered;
a failed put tells the client why and leaves one line in the log.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import caproto as ca
from caproto import AccessRights
from caproto.asyncio import server as caserver
from caproto.server.common import DisconnectedCircuit

from drivers.core.errors import DriverError

from . import dbr
from .access import Client
from .channel import Channel, Point
from .dbr import ConversionError, Native
from .monitor import Filters, Monitor, message

if TYPE_CHECKING:
    from .context import Context

log = logging.getLogger("labioc.ca")

EXPECTED = (DriverError, ValueError, OSError, TimeoutError)
"""What a put may fail with; anything else is a fault of the program, logged with its traceback."""

USER_TIMEOUT = 60.0
"""Seconds after which a client that takes no data is dropped (TCP_USER_TIMEOUT; Linux only)."""

SEND_CHUNK = 1 << 16
"""Bytes handed to the transport at a time; beyond that, updates wait in the monitors' backlogs."""

_READ_NOTIFY = 15
_READ = 3


class WriteGate(asyncio.Event):
    """Set while no put is under way; reads wait a moment for a put that is about to finish."""

    async def wait(self, timeout: float | None = None) -> bool:  # type: ignore[override]
        if not self.is_set():
            try:
                async with asyncio.timeout(timeout):
                    await super().wait()
            except TimeoutError:
                pass
        return self.is_set()


def tune_socket(sock: socket.socket) -> None:
    """No Nagle delay, and an end for clients that are gone or no longer read."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(USER_TIMEOUT * 1000))


class Circuit(caserver.VirtualCircuit):
    """A client's connection."""

    def __init__(self, circuit: Any, client: Any, context: Context) -> None:
        super().__init__(circuit, client, context)
        self._find = context.find
        self.muted = False
        self.write_event = WriteGate()
        self._monitors: dict[int, Monitor] = {}
        self._queue: deque[Monitor] = deque()
        self._flush_scheduled = False
        self._saw_version = False
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.WriteTransport, client.writer.transport)
        tune_socket(client.writer.get_extra_info("socket"))

    # -- life

    async def run(self) -> None:
        self.tasks.create(self.command_queue_loop())

    async def _on_disconnect(self) -> None:
        if not self.connected:
            return
        self.connected = False
        for monitor in list(self._monitors.values()):
            self._drop(monitor)
        self._queue.clear()
        self.client.close()
        self.context.circuits.discard(self)

    async def _wake_new_command(self) -> None:
        """Nobody waits for this condition; not locking it spares each command a loop turn."""

    @property
    def monitors(self) -> list[Monitor]:
        """The subscriptions of this client."""
        return list(self._monitors.values())

    def identify(self) -> Client:
        """Who the client says it is, and where it really is."""
        return Client(
            self.client_hostname or "", self.client_username or "", str(self.circuit.address[0])
        )

    # -- events

    def queue_event(self, monitor: Monitor) -> None:
        """Take note that ``monitor`` has something to send; written when the loop turns."""
        self._queue.append(monitor)
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if not self.connected or self._transport.is_closing():
            self._flush_scheduled = False
            return
        while self._queue:
            if self._transport.get_write_buffer_size() >= SEND_CHUNK:
                self.tasks.create(self._flush_when_drained())
                return
            self._transport.write(self._take_chunk())
        self._flush_scheduled = False

    def _take_chunk(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        queue = self._queue
        while queue and size < SEND_CHUNK:
            backlog = queue.popleft().backlog
            if backlog:
                event = backlog.popleft()
                parts.append(event)
                size += len(event)
        return b"".join(parts)

    async def _flush_when_drained(self) -> None:
        try:
            await self.client.writer.drain()
        except OSError:
            self._flush_scheduled = False
            return
        self._flush()

    def _drop(self, monitor: Monitor) -> None:
        monitor.backlog.clear()
        monitor.channel.remove_monitor(monitor)
        self._monitors.pop(monitor.subscription_id, None)

    def _mute(self, muted: bool) -> None:
        """Events off, and on again: the client then gets the newest of what changed."""
        self.muted = muted
        for monitor in self._monitors.values():
            if muted:
                monitor.to_resend = monitor.to_resend or bool(monitor.backlog)
                monitor.backlog.clear()
            elif monitor.to_resend:
                monitor.to_resend = False
                monitor.offer({})

    # -- commands

    async def _command_queue_iteration(self, command: Any) -> list[Any] | None:
        if isinstance(command, ca.VersionRequest):
            if self._saw_version:
                return None
            self._saw_version = True
        elif isinstance(command, ca.SearchRequest):
            return self._answer_search(command)
        return await super()._command_queue_iteration(command)

    def _answer_search(self, command: Any) -> list[Any] | None:
        if self._find(command.name) is None:
            return None
        return [
            ca.SearchResponse(self.context.port, None, command.cid, ca.DEFAULT_PROTOCOL_VERSION)
        ]

    async def _process_command(self, command: Any) -> list[Any]:
        match command:
            case ca.ReadNotifyRequest() | ca.ReadRequest():
                await self._read(command)
            case ca.WriteRequest() | ca.WriteNotifyRequest():
                self.write_event.clear()
                self.tasks.create(self._write(command))
            case ca.EventAddRequest():
                self._subscribe(command)
            case ca.EventCancelRequest():
                return self._unsubscribe(command)
            case ca.EventsOffRequest():
                self._mute(True)
            case ca.EventsOnRequest():
                self._mute(False)
            case ca.ClearChannelRequest():
                chan, _ = self._get_db_entry_from_command(command)
                for monitor in [m for m in self._monitors.values() if m.sid == command.sid]:
                    self._drop(monitor)
                    self.circuit.event_add_commands.pop(monitor.subscription_id, None)
                return [chan.clear()]
            case ca.CreateChanRequest():
                return self._create_channel(command)
            case _:
                return await super()._process_command(command)
        return []

    def _create_channel(self, command: Any) -> list[Any]:
        channel = self._find(command.name)
        chan = self.circuit.channels[command.cid]
        if channel is None or chan.channel_filter.sync is not None:
            return [ca.CreateChFailResponse(cid=command.cid)]
        native, count = channel.native, channel.count
        if command.name.endswith("$"):
            native, count = Native.CHAR, channel.long_string_max_length
        return [
            ca.AccessRightsResponse(cid=command.cid, access_rights=channel.rights(self.identify())),
            ca.CreateChanResponse(
                data_type=int(native),
                data_count=count,
                cid=command.cid,
                sid=self.circuit.new_channel_id(),
            ),
        ]

    def _filters(self, chan: Any) -> Filters | None:
        wanted = chan.channel_filter
        if not (wanted.ts or wanted.dbnd or wanted.arr):
            return None
        arr = wanted.arr
        return Filters(
            (wanted.dbnd.m, float(wanted.dbnd.d)) if wanted.dbnd else None,
            (arr.s or 0, arr.i or 1, -1 if arr.e is None else arr.e) if arr else None,
            bool(wanted.ts),
        )

    async def _read(self, command: Any) -> None:
        await self.write_event.wait(timeout=0.001)
        chan, channel = self._get_db_entry_from_command(command)
        notify = isinstance(command, ca.ReadNotifyRequest)
        data_type, count = int(command.data_type), command.data_count or channel.count
        if chan.name.endswith("$") and not command.data_count:
            count = channel.long_string_max_length
        filters = self._filters(chan)
        try:
            if filters is not None:
                data, count = filters.apply(channel, data_type, count)
            else:
                data = dbr.payload(channel, data_type, count)
            status = ca.CAStatus.ECA_NORMAL
        except ConversionError as error:
            log.info("read of %s as type %d failed: %s", chan.name, data_type, error)
            data, count, status = b"", 0, ca.CAStatus.ECA_NOCONVERT
        self.circuit._ioids.pop(command.ioid, None)
        first = status.value.code_with_severity if notify else command.sid
        await self._send_buffers(
            message(_READ_NOTIFY if notify else _READ, data, data_type, count, first, command.ioid)
        )

    def _subscribe(self, command: Any) -> None:
        chan, channel = self._get_db_entry_from_command(command)
        count = command.data_count
        if chan.name.endswith("$") and not count:
            count = channel.long_string_max_length
        monitor = Monitor(
            cast(Any, self),
            channel,
            sid=command.sid,
            subscription_id=command.subscriptionid,
            data_type=int(command.data_type),
            count=count,
            mask=int(command.mask),
            filters=self._filters(chan),
        )
        try:
            channel.add_monitor(monitor)
        except ConversionError as error:
            log.info("subscription to %s refused: %s", chan.name, error)
            channel.remove_monitor(monitor)
            return
        self._monitors[command.subscriptionid] = monitor

    def _unsubscribe(self, command: Any) -> list[Any]:
        chan, _ = self._get_db_entry_from_command(command)
        monitor = self._monitors.get(command.subscriptionid)
        if monitor is not None:
            self._drop(monitor)
        return [
            chan.unsubscribe(
                command.subscriptionid,
                data_type=command.data_type,
                data_count=monitor.count if monitor else 0,
            )
        ]

    # -- puts

    async def _write(self, command: Any) -> None:
        chan, channel = self._get_db_entry_from_command(command)
        client = self.identify()
        try:
            await self._put(channel, command, client)
        except Exception as error:  # noqa: BLE001 - the put's own verdict, whatever it is, goes to the client
            await self._refuse(command, channel, client, error)
        else:
            if isinstance(command, ca.WriteNotifyRequest) and self.connected:
                await self._answer(
                    chan.write(ioid=command.ioid, status=True, data_count=command.data_count)
                )
        finally:
            self.write_event.set()

    async def _put(self, channel: Channel, command: Any, client: Client) -> None:
        data_type = int(command.data_type)
        if AccessRights.WRITE not in channel.rights(client):
            raise PermissionError(
                f"{channel.pvname} may not be written by {client.user}@{client.host}"
            )
        if data_type in (dbr.PUT_ACKS, dbr.PUT_ACKT):
            number = struct.unpack(">H", bytes(command.data)[:2])[0] if command.data else 0
            if isinstance(channel, Point):
                channel.acknowledge(data_type, int(getattr(command.metadata, "value", number)))
            return
        dbr.split(data_type)
        await channel.put(command.data, client)
        log.info("put %s = %s by %s@%s", channel.pvname, channel.value, client.user, client.host)

    async def _refuse(
        self, command: Any, channel: Channel, client: Client, error: Exception
    ) -> None:
        reason = str(error) or type(error).__name__
        log.warning(
            "put to %s by %s@%s failed: %s", channel.pvname, client.user, client.host, reason
        )
        if not isinstance(error, EXPECTED):
            log.error("internal error in the put", exc_info=error)
        if not self.connected:
            return
        denied = isinstance(error, PermissionError)
        status = ca.CAStatus.ECA_NOWTACCESS if denied else ca.CAStatus.ECA_PUTFAIL
        cid = self.circuit.channels_sid[command.sid].cid
        await self._answer(
            ca.ErrorResponse(command, cid, status=status, error_message=reason[:200])
        )
        if isinstance(command, ca.WriteNotifyRequest):
            self.circuit._ioids.pop(command.ioid, None)

    async def _answer(self, response: Any) -> None:
        try:
            await self.send(response)
        except DisconnectedCircuit:
            log.debug("client went away before its answer")
