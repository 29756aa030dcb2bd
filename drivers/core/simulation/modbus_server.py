"""A Modbus frame server for simulators: TCP, RTU in TCP and RTU on a pseudo-terminal, with faults.

It answers from `ModbusDevice`s, keeps a log of every frame, and can take as long as a real line:
with a `SerialLine` bytes move at its speed both ways, with `think` the unit takes its time.
"""

from __future__ import annotations

import asyncio
import os
import time
import tty
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .. import tcp
from ..errors import BadUrl
from ..url import Defaults, SerialLine, SerialUrl, TcpUrl, parse_link
from .channel import Channel
from .faults import Fault, FaultBoard, FaultSpec
from .modbus_device import ModbusDevice, is_write
from .modbus_framing import MbapFraming, RtuFraming

_LOG_LENGTH = 100_000
_TCP_ONLY = {Fault.RESET, Fault.REFUSE}
_MBAP_ONLY = {Fault.WRONG_TRANSACTION}
_RTU_ONLY = {Fault.BAD_CRC, Fault.ECHO}


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One frame: when (monotonic seconds), on which endpoint, sent or received, unit and PDU."""

    time: float
    endpoint: str
    sent: bool
    unit: int
    pdu: bytes

    @property
    def write(self) -> bool:
        """True for a request (or its answer) that changes something."""
        return is_write(bytes([self.pdu[0] & 0x7F]))


class ModbusServer:
    """Serves units on any number of endpoints; one set of devices, one fault board, one log.

    `log` keeps the last 100 000 frames; `reads` and `writes` count all requests received.

    `devices` maps unit addresses to devices. `any_unit` answers every address on Modbus TCP, as
    instruments do that ignore the unit id; RTU units answer their own address only.
    """

    def __init__(
        self,
        devices: Mapping[int, ModbusDevice],
        *,
        any_unit: ModbusDevice | None = None,
        line: SerialLine | None = None,
        think: float = 0.0,
    ) -> None:
        self.faults = FaultBoard()
        self.log: deque[FrameRecord] = deque(maxlen=_LOG_LENGTH)
        self.reads = 0
        self.writes = 0
        self.line = line
        self.think = think
        self._devices = dict(devices)
        self._any_unit = any_unit
        self._listeners: dict[TcpUrl, asyncio.Server | None] = {}
        self._channels: set[Channel] = set()
        self._terminals: list[_Terminal] = []

    def requests(self, *, write: bool | None = None, unit: int | None = None) -> list[FrameRecord]:
        """The requests in the log: all, or only reads, writes, those of one unit."""
        return [
            frame
            for frame in self.log
            if not frame.sent
            and (write is None or frame.write is write)
            and (unit is None or frame.unit == unit)
        ]

    @property
    def endpoints(self) -> list[TcpUrl]:
        """The TCP endpoints that are served."""
        return list(self._listeners)

    @property
    def connections(self) -> int:
        """TCP connections that are open now."""
        return sum(1 for channel in self._channels if channel.stream)

    async def open(self, link: str, defaults: Defaults) -> str:
        """Serve on a link: a TCP URL (port 0: a free one) or ``pty``.

        Returns the URL a client uses. Raises `BadUrl`, `OSError`.
        """
        if link == "pty":
            return str(self.open_terminal(defaults.line))
        url = parse_link(link, defaults, any_port=True)
        if not isinstance(url, TcpUrl):
            example = "tcp://127.0.0.1:0, rtu+tcp://127.0.0.1:0 or pty"
            raise BadUrl(link, "a simulator serves TCP or a pseudo-terminal", example)
        return str(await self.listen(url))

    async def listen(self, url: TcpUrl) -> TcpUrl:
        """Serve on a TCP port (0: a free one); returns the URL with the port."""
        server = await self._start(url)
        port: int = server.sockets[0].getsockname()[1]
        actual = TcpUrl(url.host, port, url.rtu)
        self._listeners[actual] = server
        self.faults.restrict(set(Fault) - (_MBAP_ONLY if url.rtu else _RTU_ONLY))
        return actual

    def open_terminal(self, line: SerialLine) -> SerialUrl:
        """Serve RTU on a new pseudo-terminal; returns the URL a client opens.

        `line` is what the URL says if the server does not move bytes at the speed of its own.
        """
        terminal = _Terminal(self)
        self._terminals.append(terminal)
        self._channels.add(terminal.channel)
        self.faults.restrict(set(Fault) - _TCP_ONLY - _MBAP_ONLY)
        # a pseudo-terminal cannot be set to a parity: opening it with one fails
        return SerialUrl(terminal.path, replace(self.line or line, parity="N"))

    async def set_fault(self, spec: FaultSpec) -> None:
        """Switch a fault on; raises `BadFault`."""
        self.faults.set(spec)
        await self._follow_refuse()

    async def clear_fault(self) -> None:
        """Switch the fault off."""
        self.faults.clear()
        await self._follow_refuse()

    def disconnect(self) -> None:
        """Reset all TCP connections (the device restarts, somebody pulls the plug)."""
        for channel in list(self._channels):
            if channel.stream:
                channel.reset()

    async def close(self) -> None:
        """Stop serving."""
        for server in self._listeners.values():
            if server is not None:
                server.close()
        for channel in list(self._channels):
            channel.close()
        for terminal in self._terminals:
            terminal.close()
        await asyncio.sleep(0)

    def add_device(self, unit: int, device: ModbusDevice) -> None:
        """Connect one more unit while serving."""
        self._devices[unit] = device

    def remove_device(self, unit: int) -> None:
        """Disconnect a unit while serving: its address is silent from now on."""
        self._devices.pop(unit, None)

    def device_for(self, unit: int, *, rtu: bool) -> ModbusDevice | None:
        """The device that answers this address, None if nobody does."""
        device = self._devices.get(unit)
        return device if device is not None or rtu else self._any_unit

    def record(self, endpoint: str, unit: int, pdu: bytes, *, sent: bool) -> None:
        """Note a frame in the log."""
        frame = FrameRecord(time.monotonic(), endpoint, sent, unit, pdu)
        self.log.append(frame)
        if not sent:
            self.writes += frame.write
            self.reads += not frame.write

    def forget(self, channel: Channel) -> None:
        """A channel is gone."""
        self._channels.discard(channel)

    async def _start(self, url: TcpUrl) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: _Stream(self, url), url.host, url.port)

    async def _follow_refuse(self) -> None:
        active = self.faults.active
        refuse = active is not None and active.fault is Fault.REFUSE
        for url, server in self._listeners.items():
            if refuse and server is not None:
                server.close()
                self._listeners[url] = None
            elif not refuse and server is None:
                self._listeners[url] = await self._start(url)
        if refuse:
            self.disconnect()

    def add(self, channel: Channel) -> None:
        """A connection was made."""
        self._channels.add(channel)


class _Stream(tcp.PieceProtocol):
    """One TCP connection."""

    def __init__(self, server: ModbusServer, url: TcpUrl) -> None:
        super().__init__()
        self._server = server
        self._url = url
        self._channel: Channel | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        framing = RtuFraming() if self._url.rtu else MbapFraming()
        self._channel = Channel(
            self._server, str(self._url), framing, transport.write, transport=transport
        )
        self._server.add(self._channel)

    def received(self, data: bytes) -> None:
        if self._channel is not None:
            self._channel.receive(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._channel is not None:
            self._channel.close()
            self._server.forget(self._channel)


class _Terminal:
    """One pseudo-terminal; the client opens the other end like a serial port."""

    def __init__(self, server: ModbusServer) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self.channel = Channel(server, f"serial://{self.path}", RtuFraming(), self._write)
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def _read(self) -> None:
        self.channel.receive(os.read(self._master, 4096))

    def _write(self, data: bytes) -> None:
        try:
            os.write(self._master, data)
        except BlockingIOError:
            # nobody reads: a real line loses these bytes as well
            return

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)
