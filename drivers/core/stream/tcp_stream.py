"""A TCP connection as a stream of bytes, opened by us or by the instrument."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
from collections.abc import Callable
from typing import cast

from .. import tcp
from ..noise import too_noisy
from ..url import TcpUrl
from .base import drop_bytes, ignore_loss

_KEEP_ALIVE_AFTER = 10
_KEEP_ALIVE_EVERY = 5
_KEEP_ALIVE_TRIES = 3
_UNDELIVERED_MS = 20_000
"""The system ends a connection whose peer takes or answers nothing for about this long."""


class TcpStream(tcp.PieceProtocol):
    """One TCP connection; a dead peer is found within half a minute.

    It ends if a peer sends much while nobody listens.
    """

    def __init__(self, opened: Callable[[TcpStream], None] | None = None) -> None:
        super().__init__()
        self.receive: Callable[[bytes], None] = drop_bytes
        self._unheard = 0
        self.lost: Callable[[str], None] = ignore_loss
        self._opened = opened
        self._transport: asyncio.Transport | None = None
        self._peer = ("", 0)

    @property
    def peer(self) -> str:
        """Address and port of the other end."""
        host, port = self._peer
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def host(self) -> str:
        """Address of the other end."""
        return self._peer[0]

    @property
    def alive(self) -> bool:
        """True until the connection ends."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def delivered(self) -> bool:
        """True if the peer's system has acknowledged all that was written."""
        if self._transport is None or self._transport.is_closing():
            return False
        if self._transport.get_write_buffer_size():
            return False
        endpoint: socket.socket = self._transport.get_extra_info("socket")
        answer = fcntl.ioctl(endpoint.fileno(), termios.TIOCOUTQ, bytes(4))
        return struct.unpack("i", answer)[0] == 0

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if self._transport is not None:
            self._transport.write(data)

    def close(self, *, discard: bool) -> None:
        """Close; with `discard` by a reset."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        if discard:
            tcp.reset(transport)
        else:
            transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the connection and let the system watch it."""
        self._transport = cast("asyncio.Transport", transport)
        self._peer = tuple(transport.get_extra_info("peername")[:2])
        endpoint: socket.socket = transport.get_extra_info("socket")
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEP_ALIVE_AFTER)
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEP_ALIVE_EVERY)
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEP_ALIVE_TRIES)
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNDELIVERED_MS)
        if self._opened is not None:
            self._opened(self)

    def received(self, data: bytes) -> None:
        """Pass bytes on."""
        if self.receive is drop_bytes:
            self._unheard += len(data)
            if too_noisy(self._unheard):
                self.close(discard=True)
        self.receive(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner, unless it closed the connection itself."""
        if self._transport is not None:
            self._transport = None
            self.lost(str(exc) if exc else "the other end closed the connection")


async def open_tcp(url: TcpUrl) -> TcpStream:
    """Connect; raises OSError with the reason."""
    loop = asyncio.get_running_loop()
    _, stream = await loop.create_connection(TcpStream, url.host, url.port)
    return stream
