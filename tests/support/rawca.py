"""A Channel Access client that knows nothing but the wire: sees every byte and may misbehave.

Message numbers and layouts are those of the Channel Access protocol specification.

    async with RawCa(port) as ca:
        channel = await ca.create("T:Pressure")
        answer = await ca.read(channel, DBR_TIME_DOUBLE)
        monitor = await ca.subscribe(channel)
        await monitor.until(lambda event: event.severity == 3)
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_HEADER = struct.Struct(">HHHHII")
_LONG = struct.Struct(">II")

VERSION, EVENT_ADD, EVENT_CANCEL, WRITE, SEARCH = 0, 1, 2, 4, 6
EVENTS_OFF, EVENTS_ON, ERROR, CLEAR, READ_NOTIFY = 8, 9, 11, 12, 15
CREATE, WRITE_NOTIFY, CLIENT_NAME, HOST_NAME = 18, 19, 20, 21
RIGHTS, ECHO, CREATE_FAIL, DISCONNECTED = 22, 23, 26, 27

DBR_STRING, DBR_SHORT, DBR_FLOAT, DBR_ENUM, DBR_CHAR, DBR_LONG, DBR_DOUBLE = range(7)
DBR_TIME_STRING, DBR_TIME_DOUBLE, DBR_CTRL_DOUBLE = 14, 20, 34
DBR_PUT_ACKT, DBR_PUT_ACKS, DBR_STSACK_STRING, DBR_CLASS_NAME = 35, 36, 37, 38

VALUE, LOG, ALARM, PROPERTY = 1, 2, 4, 8

ECA_NORMAL, ECA_PUTFAIL, ECA_NOWTACCESS = 1, 160, 376
LIMIT = 120.0
"""Seconds after which a test is told that an answer will not come."""


def pack(command: int, payload: bytes = b"", *fields: int) -> bytes:
    """A message with `fields` data type, count and the two parameters (0 where not given)."""
    data_type, count, one, two = (*fields, 0, 0, 0, 0)[:4]
    payload = payload.ljust(-(-len(payload) // 8) * 8, b"\0")
    if len(payload) < 0xFFFF and count < 0xFFFF:
        return _HEADER.pack(command, len(payload), data_type, count, one, two) + payload
    header = _HEADER.pack(command, 0xFFFF, data_type, 0, one, two)
    return header + _LONG.pack(len(payload), count) + payload


@dataclass(frozen=True, slots=True)
class Message:
    """One message from the server."""

    command: int
    data_type: int
    count: int
    one: int
    two: int
    payload: bytes

    @property
    def status(self) -> int:
        """Alarm condition of a payload that has one (DBR_STS_* and above)."""
        return struct.unpack_from(">h", self.payload)[0]

    @property
    def severity(self) -> int:
        return struct.unpack_from(">h", self.payload, 2)[0]

    @property
    def stamp(self) -> tuple[int, int]:
        """Seconds and nanoseconds since 1990 of a DBR_TIME_* payload."""
        return struct.unpack_from(">II", self.payload, 4)

    @property
    def double(self) -> float:
        """The value of a DBR_TIME_DOUBLE payload."""
        return struct.unpack_from(">d", self.payload, 16)[0]

    @property
    def text(self) -> str:
        """The reason in an ERROR message, which follows the header of the request."""
        header = 24 if self.payload[2:4] == b"\xff\xff" else 16
        return self.payload[header:].split(b"\0", 1)[0].decode()


@dataclass(frozen=True, slots=True)
class Channel:
    """An open channel; `rights` are 1 for read and 2 for write."""

    name: str
    cid: int
    sid: int
    data_type: int
    count: int
    rights: int


class NoSuchPv(Exception):
    """The server refused to create a channel."""


class Monitor:
    """The events of one subscription, oldest first."""

    def __init__(self, channel: Channel, number: int, data_type: int, mask: int) -> None:
        self.channel = channel
        self.number = number
        self.data_type = data_type
        self.mask = mask
        self.events: list[Message] = []
        self.news = asyncio.Event()

    async def count(self, number: int) -> list[Message]:
        """Wait until at least `number` events came, and give all."""
        await self._wait(lambda: len(self.events) >= number, f"{number} events")
        return list(self.events)

    async def until(self, wanted: Callable[[Message], bool], *, since: int = 0) -> Message:
        """Wait for an event that is `wanted`, from index `since` on."""
        await self._wait(lambda: any(wanted(e) for e in self.events[since:]), "a wanted event")
        return next(e for e in self.events[since:] if wanted(e))

    async def _wait(self, condition: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(LIMIT):
                while not condition():
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            last = self.events[-5:]
            raise AssertionError(f"{self.channel.name}: waited for {what}; last: {last}") from None


class RawCa:
    """One circuit. With `greet` False not even VERSION and the names are sent."""

    def __init__(
        self,
        port: int,
        *,
        user: str = "operator",
        host: str = "console",
        greet: bool = True,
        receive_buffer: int | None = None,
        source: str = "127.0.0.1",
    ) -> None:
        self._port = port
        self._user = user
        self._host = host
        self._greet = greet
        self._receive_buffer = receive_buffer
        self._source = source
        self._next = 1
        self._waiting: dict[tuple[int, int], asyncio.Future[Message]] = {}
        self._rights: dict[int, int] = {}
        self._monitors: dict[int, Monitor] = {}
        self.unasked: list[Message] = []
        self.closed = asyncio.Event()

    async def __aenter__(self) -> Self:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        if self._receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        sock.bind((self._source, 0))
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self._port))
        limit = self._receive_buffer or 1 << 16
        self._reader, self._writer = await asyncio.open_connection(sock=sock, limit=limit)
        self._task = asyncio.create_task(self._receive())
        if self._greet:
            self.send(pack(VERSION, b"", 0, 13))
            self.send(pack(HOST_NAME, self._host.encode() + b"\0"))
            self.send(pack(CLIENT_NAME, self._user.encode() + b"\0"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def abort(self) -> None:
        """Break the connection off, as when the client's machine is gone."""
        self._writer.transport.abort()

    def pause(self) -> None:
        """Stop reading."""
        self._task.cancel()

    def resume(self) -> None:
        """Read again."""
        self._task = asyncio.create_task(self._receive())

    def send(self, data: bytes) -> None:
        """Send any bytes at all."""
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait until the server has taken most of what was sent."""
        await self._writer.drain()

    async def sync(self) -> None:
        """Wait until the server has worked off all that was sent."""
        await self._answered(ECHO, 0, pack(ECHO))

    async def create(self, name: str) -> Channel:
        """Open a channel. Raises NoSuchPv if the server has none of that name."""
        cid = self._number()
        request = pack(CREATE, name.encode() + b"\0", 0, 0, cid, 13)
        answer = await self._answered(CREATE, cid, request)
        if answer.command == CREATE_FAIL:
            raise NoSuchPv(name)
        rights = self._rights[cid]
        return Channel(name, cid, answer.two, answer.data_type, answer.count, rights)

    async def clear(self, channel: Channel) -> None:
        """Close a channel."""
        request = pack(CLEAR, b"", 0, 0, channel.sid, channel.cid)
        await self._answered(CLEAR, channel.cid, request)

    async def read(self, channel: Channel, data_type: int | None = None, count: int = 0) -> Message:
        """Read; `one` of the answer is the ECA status."""
        number = self._number()
        kind = channel.data_type + 14 if data_type is None else data_type
        request = pack(READ_NOTIFY, b"", kind, count, channel.sid, number)
        return await self._answered(READ_NOTIFY, number, request)

    async def put(
        self, channel: Channel, value: bytes | str | float, data_type: int | None = None
    ) -> Message:
        """Write with callback; the answer is WRITE_NOTIFY or ERROR.

        A number goes out as DBR_DOUBLE, a text as DBR_STRING, bytes as they are.
        """
        number = self._number()
        return await self._answered(
            WRITE_NOTIFY, number, self.put_request(channel, value, data_type, number)
        )

    def put_request(
        self,
        channel: Channel,
        value: bytes | str | float,
        data_type: int | None,
        number: int,
        command: int = WRITE_NOTIFY,
    ) -> bytes:
        """The bytes of a write."""
        if isinstance(value, str):
            kind, payload, count = DBR_STRING, value.encode().ljust(40, b"\0"), 1
        elif isinstance(value, bytes):
            kind, payload, count = DBR_CHAR, value, len(value)
        else:
            kind, payload, count = DBR_DOUBLE, struct.pack(">d", value), 1
        if data_type is not None:
            kind, count = data_type, 1
        return pack(command, payload, kind, count, channel.sid, number)

    async def subscribe(
        self,
        channel: Channel,
        mask: int = VALUE | ALARM,
        data_type: int | None = None,
        count: int = 0,
    ) -> Monitor:
        """Subscribe and wait for the first event."""
        number = self._number()
        kind = channel.data_type + 14 if data_type is None else data_type
        monitor = self._monitors[number] = Monitor(channel, number, kind, mask)
        self.send(subscription(channel, number, kind, count, mask))
        await monitor.count(1)
        return monitor

    async def cancel(self, monitor: Monitor) -> None:
        """End a subscription; returns when the server has."""
        channel = monitor.channel
        self.send(pack(EVENT_CANCEL, b"", monitor.data_type, 0, channel.sid, monitor.number))
        await self.sync()

    async def search(self, name: str) -> Message:
        """Search for a name over this circuit."""
        cid = self._number()
        request = pack(SEARCH, name.encode() + b"\0", 5, 13, cid, cid)
        return await self._answered(SEARCH, cid, request)

    async def gone(self) -> None:
        """Wait until the server has closed the circuit."""
        async with asyncio.timeout(LIMIT):
            await self.closed.wait()

    def _number(self) -> int:
        self._next += 1
        return self._next

    async def _answered(self, command: int, number: int, request: bytes) -> Message:
        answer = asyncio.get_running_loop().create_future()
        self._waiting[command, number] = answer
        self.send(request)
        async with asyncio.timeout(LIMIT):
            return await answer

    async def _receive(self) -> None:
        try:
            while True:
                self._take(await self._message())
        except (asyncio.IncompleteReadError, OSError):
            self.closed.set()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(ConnectionError("the server closed the circuit"))

    async def _message(self) -> Message:
        head = await self._reader.readexactly(16)
        command, size, data_type, count, one, two = _HEADER.unpack(head)
        if size == 0xFFFF:
            size, count = _LONG.unpack(await self._reader.readexactly(8))
        payload = await self._reader.readexactly(size)
        return Message(command, data_type, count, one, two, payload)

    def _take(self, message: Message) -> None:
        command = message.command
        if command == EVENT_ADD and message.two in self._monitors:
            monitor = self._monitors[message.two]
            monitor.events.append(message)
            monitor.news.set()
            return
        if command == RIGHTS:
            self._rights[message.one] = message.two
            return
        answer = self._waiting.pop(_key(message), None)
        if answer is None or answer.done():
            self.unasked.append(message)
        else:
            answer.set_result(message)


def subscription(channel: Channel, number: int, data_type: int, count: int, mask: int) -> bytes:
    """The bytes of an EVENT_ADD."""
    payload = struct.pack(">fffHH", 0.0, 0.0, 0.0, mask, 0)
    return pack(EVENT_ADD, payload, data_type, count, channel.sid, number)


def _key(message: Message) -> tuple[int, int]:
    """The request that a message answers: its command and the number it went out with."""
    if message.command == ERROR:
        command, _, _, _, one, two = _HEADER.unpack_from(message.payload)
        return command, (one if command == CREATE else two)
    if message.command == CREATE_FAIL:
        return CREATE, message.one
    if message.command == CREATE:
        return CREATE, message.one
    if message.command == ECHO:
        return ECHO, 0
    return message.command, message.two
