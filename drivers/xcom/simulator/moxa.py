"""The Moxa serial server inside a simulated Xcom-LAN: TCP in both directions, UDP, packing.

Source: xcom-protocol.md 13. What the gateway sends goes to all connections; what
comes from any of them goes to the gateway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ...core import tcp
from ...core.noise import too_noisy
from ...core.url import ListenUrl, TcpUrl, UdpUrl
from ..frame import STRIPPED
from ..protocol import ObjectType, Property, read_request
from .line import GatewayLine, Station

BUFFER = 1024
"""Bytes after which it sends what it has (xcom-protocol.md 13.2)."""

_PORTAL_PERIOD = 0.25
_PORTAL_READS = ((101, 3000), (601, 7032), (102, 3136), (301, 11004))


class Packer:
    """Cuts a stream at each 0D 0A and removes it, wherever it stands (xcom-protocol.md 13.4).

    With `strip` off it passes all bytes on as they come.
    """

    def __init__(self, *, strip: bool) -> None:
        self._strip = strip
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes from the serial side; returns what is sent on, piece by piece."""
        if not self._strip:
            return [data]
        self._buffer += data
        *parts, rest = bytes(self._buffer).split(STRIPPED)
        whole = len(rest) - len(rest) % BUFFER
        parts += [rest[at : at + BUFFER] for at in range(0, whole, BUFFER)]
        self._buffer[:] = rest[whole:]
        return [part for part in parts if part]


class Moxa:
    """A serial server with any number of connections. Must be made in a running event loop."""

    def __init__(self, station: Station, *, strip: bool = True, redial: float = 1.0) -> None:
        self.line = GatewayLine(
            station, "moxa", self._deliver, terminated=True, reset=self.disconnect
        )
        self._packer = Packer(strip=strip)
        self._redial = redial
        self._refusing = False
        self._servers: dict[TcpUrl, asyncio.Server | None] = {}
        self._dialling: list[asyncio.Task[None]] = []
        self._streams: set[_Stream] = set()
        self._datagrams: list[_Datagrams] = []
        self._portal: asyncio.Task[None] | None = None

    @property
    def connections(self) -> int:
        """TCP connections that are open now."""
        return len(self._streams)

    @property
    def has_tcp(self) -> bool:
        """It has a port for TCP, in one direction or the other."""
        return bool(self._servers or self._dialling)

    # -- ports

    async def listen(self, url: TcpUrl) -> TcpUrl:
        """TCP Server mode: hosts dial in. Returns the URL with the port."""
        server = await self._start(url)
        actual = TcpUrl(url.host, server.sockets[0].getsockname()[1])
        self._servers[actual] = server
        return actual

    def dial(self, url: ListenUrl) -> ListenUrl:
        """TCP Client mode, as delivered: dials the host that listens there, again and again."""
        self._dialling.append(asyncio.get_running_loop().create_task(self._keep_dialling(url)))
        return url

    async def open_udp(self, url: UdpUrl) -> UdpUrl:
        """UDP mode: takes datagrams from anywhere, sends to the fixed port `bind` of the host."""
        loop = asyncio.get_running_loop()
        target = (url.host, url.bind or url.port)
        _, protocol = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self.line.receive, target), local_addr=(url.host, url.port)
        )
        self._datagrams.append(protocol)
        return UdpUrl(url.host, protocol.port, url.bind)

    # -- what can happen to it

    def disconnect(self) -> None:
        """Reset all TCP connections; those that it made itself are made again."""
        for stream in list(self._streams):
            stream.reset()

    async def refuse(self, on: bool) -> None:
        """Refuse connections and make none, or serve again."""
        self._refusing = on
        for url, server in self._servers.items():
            if on and server is not None:
                server.close()
                self._servers[url] = None
            elif not on and server is None:
                self._servers[url] = await self._start(url)
        if on:
            self.disconnect()

    def let_portal_ask(self, on: bool, source: int = 1) -> None:
        """A second master, such as the maker's portal, reads as well; its replies come here too."""
        if self._portal is not None:
            self._portal.cancel()
            self._portal = None
        if on:
            self._portal = asyncio.get_running_loop().create_task(self._ask(source))

    async def close(self) -> None:
        """Stop."""
        self.let_portal_ask(False)
        for task in self._dialling:
            task.cancel()
        await asyncio.gather(*self._dialling, return_exceptions=True)
        for server in self._servers.values():
            if server is not None:
                server.close()
        self.disconnect()
        for port in self._datagrams:
            port.close()
        self.line.close()
        await asyncio.sleep(0)

    # -- inside

    def add(self, stream: _Stream) -> None:
        """A connection was made."""
        self._streams.add(stream)

    def forget(self, stream: _Stream) -> None:
        """A connection is gone."""
        self._streams.discard(stream)

    def _deliver(self, data: bytes) -> None:
        for part in self._packer.feed(data):
            for stream in self._streams:
                stream.send(part)
            for port in self._datagrams:
                port.send(part)

    async def _start(self, url: TcpUrl) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: _Stream(self), url.host, url.port)

    async def _keep_dialling(self, url: ListenUrl) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._refusing:
                with suppress(OSError):
                    _, stream = await loop.create_connection(
                        lambda: _Stream(self), url.host or "127.0.0.1", url.port
                    )
                    await stream.lost.wait()
            await asyncio.sleep(self._redial)

    async def _ask(self, source: int) -> None:
        while True:
            for address, number in _PORTAL_READS:
                asked = read_request(source, address, ObjectType.INFO, number, Property.INFO_VALUE)
                self.line.receive(asked.encode())
                await asyncio.sleep(_PORTAL_PERIOD)


class _Stream(tcp.PieceProtocol):
    """One TCP connection."""

    def __init__(self, moxa: Moxa) -> None:
        super().__init__()
        self._noise = 0
        self.lost = asyncio.Event()
        self._moxa = moxa
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._moxa.add(self)

    def received(self, data: bytes) -> None:
        self._noise = self._noise + len(data) if self._moxa.line.is_noise(data) else 0
        if too_noisy(self._noise):
            self.reset()

    def connection_lost(self, exc: Exception | None) -> None:
        self._moxa.forget(self)
        self.lost.set()

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def reset(self) -> None:
        if self._transport is not None:
            tcp.reset(self._transport)


class _Datagrams(asyncio.DatagramProtocol):
    """One UDP port; sends to one fixed address, whoever asked."""

    def __init__(self, receive: Callable[[bytes], None], target: tuple[str, int]) -> None:
        self._receive = receive
        self._target = target
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def port(self) -> int:
        """The local port."""
        assert self._transport is not None
        return self._transport.get_extra_info("sockname")[1]

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._receive(data)

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(data, self._target)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
