"""The endpoints of a simulator: TCP in both directions, UDP and pseudo-terminals."""

from __future__ import annotations

import asyncio
import os
import tty
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeAlias

from .. import tcp
from ..noise import too_noisy
from ..url import ListenUrl, TcpUrl, UdpUrl


class Receiver(Protocol):
    """What stands behind an endpoint and takes its bytes."""

    @property
    def noise(self) -> int:
        """Bytes since the last good frame that were of none."""
        ...

    def receive(self, data: bytes) -> None:
        """Take bytes from the client."""
        ...

    def close(self) -> None:
        """The endpoint is gone."""
        ...


class Connection(tcp.PieceProtocol):
    """One TCP connection. One that brings nothing but noise is reset."""

    def __init__(self, ports: Ports, connect: Connect) -> None:
        super().__init__()
        self.lost = asyncio.Event()
        self._ports = ports
        self._connect = connect
        self._transport: asyncio.Transport | None = None
        self._receiver: Receiver | None = None
        self._pieces: deque[bytes] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ports.connections.append(self)
        self._receiver = self._connect(self)

    def received(self, data: bytes) -> None:
        if self._receiver is not None:
            self._receiver.receive(data)
        if self._receiver is not None and too_noisy(self._receiver.noise):
            self.reset()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def write(self, data: bytes) -> None:
        """Send bytes; in pieces, if the ports say so."""
        size = self._ports.piece or len(data) or 1
        waiting = bool(self._pieces)
        self._pieces += (data[at : at + size] for at in range(0, len(data), size))
        if not waiting:
            self._write_piece()

    def _write_piece(self) -> None:
        if self._transport is None or not self._pieces:
            return
        if not self._transport.is_closing():
            self._transport.write(self._pieces[0])
        self._pieces.popleft()
        if self._pieces:
            asyncio.get_running_loop().call_soon(self._write_piece)

    def reset(self) -> None:
        """End the connection with a reset."""
        if self._transport is not None:
            tcp.reset(self._transport)
        self._end()

    def close(self) -> None:
        """End the connection once all is sent."""
        if self._transport is not None:
            self._transport.write(b"".join(self._pieces))
            self._transport.close()
        self._end()

    def _end(self) -> None:
        self._pieces.clear()
        if self in self._ports.connections:
            self._ports.connections.remove(self)
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.close()
        self.lost.set()


Connect: TypeAlias = Callable[[Connection], Receiver]


class Terminal:
    """One pseudo-terminal; the client opens the other end, `path`, like a serial port."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)

    def deliver_to(self, receive: Callable[[bytes], None]) -> None:
        """Pass on what the client sends, from now on."""

        def read() -> None:
            with suppress(OSError):
                receive(os.read(self._master, tcp.PIECE))

        asyncio.get_running_loop().add_reader(self._master, read)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        # nobody reads: a real line loses these bytes as well
        with suppress(BlockingIOError):
            os.write(self._master, data)

    def close(self) -> None:
        """Take it away: the client's end reports an error."""
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)


class Datagrams(asyncio.DatagramProtocol):
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

    def write(self, data: bytes) -> None:
        """Send a datagram."""
        if self._transport is not None:
            self._transport.sendto(data, self._target)

    def close(self) -> None:
        """Close the port."""
        if self._transport is not None:
            self._transport.close()


class Ports:
    """All endpoints of one simulator. Must be made in a running event loop.

    piece: TCP connections send so many bytes in one turn of the event loop (0: all at once).
    redial: seconds between two calls of a host that is dialled.
    """

    def __init__(self, *, piece: int = 0, redial: float = 1.0) -> None:
        self.piece = piece
        self.connections: list[Connection] = []
        self.datagrams: list[Datagrams] = []
        self._terminals: list[tuple[Terminal, Receiver]] = []
        self._redial = redial
        self._refusing = False
        self._listening: dict[TcpUrl, tuple[Connect, asyncio.Server | None]] = {}
        self._dialling: list[asyncio.Task[None]] = []

    @property
    def endpoints(self) -> list[TcpUrl]:
        """The TCP ports that are served."""
        return list(self._listening)

    @property
    def listening(self) -> bool:
        """Whether all TCP ports take connections."""
        return all(server is not None for _, server in self._listening.values())

    @property
    def has_tcp(self) -> bool:
        """Whether there is TCP, in one direction or the other."""
        return bool(self._listening or self._dialling)

    async def listen(self, url: TcpUrl, connect: Connect) -> TcpUrl:
        """Serve on a TCP port (0: a free one); returns the URL with the port."""
        server = await self._start(url, connect)
        actual = TcpUrl(url.host, server.sockets[0].getsockname()[1], url.rtu)
        self._listening[actual] = connect, server
        return actual

    def dial(self, url: ListenUrl, connect: Connect) -> ListenUrl:
        """Call the host that listens there, again and again."""
        task = asyncio.get_running_loop().create_task(self._keep_dialling(url, connect))
        self._dialling.append(task)
        return url

    async def open_udp(self, url: UdpUrl, receive: Callable[[bytes], None]) -> UdpUrl:
        """Take datagrams from anywhere, send to the fixed port `bind` of the host."""
        target = (url.host, url.bind or url.port)
        _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Datagrams(receive, target), local_addr=(url.host, url.port)
        )
        self.datagrams.append(protocol)
        return UdpUrl(url.host, protocol.port, url.bind)

    def open_terminal(self, connect: Callable[[Terminal], Receiver]) -> Terminal:
        """A new pseudo-terminal."""
        terminal = Terminal()
        receiver = connect(terminal)
        terminal.deliver_to(receiver.receive)
        self._terminals.append((terminal, receiver))
        return terminal

    def disconnect(self) -> None:
        """Reset all TCP connections; those that were dialled are made again."""
        for connection in list(self.connections):
            connection.reset()

    def refuse(self) -> None:
        """End all TCP connections, take none and make none."""
        self._refusing = True
        for url, (connect, server) in self._listening.items():
            if server is not None:
                server.close()
                self._listening[url] = connect, None
        self.disconnect()

    async def accept(self) -> None:
        """Take connections again."""
        self._refusing = False
        for url, (connect, server) in list(self._listening.items()):
            if server is None:
                self._listening[url] = connect, await self._start(url, connect)

    async def close(self) -> None:
        """Close all endpoints."""
        for task in self._dialling:
            task.cancel()
        await asyncio.gather(*self._dialling, return_exceptions=True)
        for _, server in self._listening.values():
            if server is not None:
                server.close()
        for each in (*self.connections, *self.datagrams):
            each.close()
        for terminal, receiver in self._terminals:
            receiver.close()
            terminal.close()
        self._terminals.clear()
        await asyncio.sleep(0)

    async def _start(self, url: TcpUrl, connect: Connect) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: Connection(self, connect), url.host, url.port)

    async def _keep_dialling(self, url: ListenUrl, connect: Connect) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._refusing:
                with suppress(OSError):
                    _, connection = await loop.create_connection(
                        lambda: Connection(self, connect), url.host or "127.0.0.1", url.port
                    )
                    await connection.lost.wait()
            await asyncio.sleep(self._redial)
