"""The event loop of an IOC."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from drivers.core.threads import in_thread


class IocLoop(asyncio.SelectorEventLoop):
    """An event loop that a name server which does not answer cannot keep from ending.

    asyncio looks names up in threads that the process waits for at its end.
    """

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - asyncio's name
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """The addresses of a host; raises OSError, or UnicodeError for what is no name."""
        return await in_thread(
            lambda: socket.getaddrinfo(host, port, family, type, proto, flags), f"look up {host}"
        )
