"""TCP connections: taken in pieces, and ended so that nothing that waits here is delivered."""

from __future__ import annotations

import asyncio
import socket
import struct

PIECE = 4096
"""Bytes that are taken from a connection in one turn of the event loop, if not told otherwise."""

_LINGER_ZERO = struct.pack("ii", 1, 0)


def reset(transport: asyncio.BaseTransport) -> None:
    """Reset the connection: unsent bytes are dropped, the peer sees the end at once.

    An orderly close would go on delivering: a command sent into a pulled cable would arrive when
    the cable is back, minutes after everybody was told that it failed.
    """
    endpoint: socket.socket | None = transport.get_extra_info("socket")
    if endpoint is not None and endpoint.fileno() >= 0:
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


class PieceProtocol(asyncio.BufferedProtocol):
    """One end of a connection that gets what came piece by piece, one in a turn of the event loop.

    However much a peer sends, it holds up the others for the time of one piece. asyncio's own
    limit is 256 KiB.
    """

    def __init__(self, piece: int = PIECE) -> None:
        self._piece = memoryview(bytearray(piece))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next piece goes."""
        del sizehint
        return self._piece

    def buffer_updated(self, nbytes: int) -> None:
        """Pass a piece on."""
        self.received(bytes(self._piece[:nbytes]))

    def received(self, data: bytes) -> None:
        """Take a piece."""
        raise NotImplementedError
