"""The way to a gateway: its stream is opened, and it is made sure that it is the right one.

Source: xcom-protocol.md 12.4 and 13.
"""

from __future__ import annotations

import asyncio
import random
import socket
from uuid import UUID

from ..core.backoff import Backoff
from ..core.errors import DriverError
from ..core.stream import ByteStream, Caller, expect_caller, open_stream
from ..core.stream.tcp_stream import TcpStream
from ..core.url import ListenUrl
from .addresses import GATEWAY
from .connection import Question, WireCounts, XcomConnection
from .frame import DecodeError
from .health import device_name
from .objects import decode_guid
from .protocol import ObjectType, Property, read_request
from .settings import XcomSettings

_OPENING = 3.0
_OWN_ADDRESSES = 0x4C42_0000
_PAIR = 0x0A0D


class GatewayAccess:
    """Opens the stream of one gateway. Making it touches nothing."""

    def __init__(self, settings: XcomSettings, counts: WireCounts, timeout: float) -> None:
        self.backoff = Backoff()
        self.open_timeout = _OPENING + 2 * timeout
        self._settings = settings
        self._counts = counts
        self._timeout = timeout
        self._url = settings.url
        self._caller: Caller | None = None
        self._number = random.randrange(0x10000)

    def next_number(self) -> int:
        """A number of 16 bits, another one for each request.

        Never 0A0D: a Moxa would cut it out of the reply.
        """
        self._number = (self._number + 1) & 0xFFFF
        if self._number == _PAIR:
            self._number += 1
        return self._number

    def source(self) -> int:
        """Our own address for the next request."""
        return self._settings.source_address or _OWN_ADDRESSES + self.next_number()

    async def open(self) -> XcomConnection:
        """Open the stream, or wait until the gateway's serial server has connected.

        Raises OSError with the reason, also if the gateway has another GUID.
        """
        if isinstance(self._url, ListenUrl):
            return XcomConnection(await self._called(self._url), self._counts)
        connection = XcomConnection(await open_stream(self._url), self._counts)
        wanted = self._settings.installation
        try:
            if wanted is not None:
                found = await self._guid_on(connection)
                if found != wanted:
                    raise ConnectionError(f"the gateway has the GUID {found}, not {wanted}")
        except BaseException:
            connection.close(discard=True)
            raise
        return connection

    async def close(self) -> None:
        """Stop listening, if that is how the gateway comes."""
        if self._caller is not None:
            await self._caller.leave()

    async def _called(self, url: ListenUrl) -> ByteStream:
        if self._caller is None:
            name = self._settings.peer or self._settings.guid or "any gateway"
            choosy = self._settings.peer is not None or self._settings.guid is not None
            self._caller = expect_caller(
                url, name, self._is_ours, self.backoff.allow_now, anybody=not choosy
            )
        try:
            async with asyncio.timeout(_OPENING):
                return await self._caller.stream()
        except TimeoutError:
            caller = self._settings.peer or "the gateway's serial server"
            raise ConnectionError(f"{caller} has not connected to port {url.port} yet") from None

    async def _is_ours(self, stream: TcpStream) -> bool:
        """Whether a serial server that connected to us belongs to this gateway."""
        peer, wanted = self._settings.peer, self._settings.installation
        if peer is not None and stream.host not in await _addresses(peer):
            return False
        taken = self._caller is not None and self._caller.current is not None
        if wanted is None and not taken:
            return True
        # a stranger must not take the place of a connection that may be alive
        try:
            found = await self._guid_on(XcomConnection(stream, self._counts))
        except ConnectionError:
            return False
        return wanted is None or found == wanted

    async def _guid_on(self, connection: XcomConnection) -> UUID | None:
        """The GUID behind a connection, None if it tells none; raises ConnectionError."""
        frame = read_request(self.source(), GATEWAY, ObjectType.GUID, 0, Property.NONE)
        question = Question(frame, str(self._url), device_name(GATEWAY), "read the GUID")
        try:
            reply = await connection.exchange(question, self._timeout)
            return None if reply.is_error else decode_guid(reply.data)
        except (DriverError, DecodeError) as error:
            raise ConnectionError(f"it does not tell its GUID: {error}") from error


async def _addresses(host: str) -> set[str]:
    """The addresses of a host; none if its name is unknown."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return set()
    return {str(each[4][0]) for each in found}
