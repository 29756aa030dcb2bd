"""Datagrams as a stream of bytes: sent to one address, taken from that host only."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from ..url import UdpUrl
from .base import drop_bytes, ignore_loss


class UdpStream(asyncio.DatagramProtocol):
    """A UDP socket on the port that the instrument sends to.

    Datagrams of other hosts are dropped and counted. Which port the instrument sends from does not
    matter, since serial servers answer from where they like.
    """

    def __init__(self, peer: tuple[str, int]) -> None:
        self.receive: Callable[[bytes], None] = drop_bytes
        self.lost: Callable[[str], None] = ignore_loss
        self.strangers = 0
        self._peer = peer
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def peer(self) -> str:
        """Address and port that we send to."""
        return f"{self._peer[0]}:{self._peer[1]}"

    @property
    def alive(self) -> bool:
        """True until it is closed: nobody tells that the other end is away."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def delivered(self) -> bool:
        """True: what is lost on its way does not come later."""
        return True

    def write(self, data: bytes) -> None:
        """Send one datagram."""
        if self._transport is not None:
            self._transport.sendto(data, self._peer)

    def close(self, *, discard: bool) -> None:
        """Close the socket; nothing waits in it."""
        del discard
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Pass a datagram on if it comes from the right host."""
        if addr[0] == self._peer[0]:
            self.receive(data)
        else:
            self.strangers += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner, unless it closed the socket itself."""
        if self._transport is not None:
            self._transport = None
            self.lost(str(exc) if exc else "the socket was closed")


async def open_udp(url: UdpUrl) -> UdpStream:
    """Bind the local port; raises OSError, for example if another program has it."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_DGRAM)
    family, _, _, _, address = found[0]
    local = "::" if family == socket.AF_INET6 else "0.0.0.0"
    peer = (str(address[0]), int(address[1]))
    _, stream = await loop.create_datagram_endpoint(
        lambda: UdpStream(peer), local_addr=(local, url.bind or 0), family=family
    )
    return stream
