"""End a TCP connection so that nothing that waits in this machine is delivered any more."""

from __future__ import annotations

import asyncio
import socket
import struct

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
