"""Channel Access name search over UDP: parses hostile datagrams at little cost.

Every search on a network reaches every IOC, so this path parses the bytes itself instead of
building an object per name. Message layout: EPICS Channel Access protocol, "CA_PROTO_SEARCH" and
"CA_PROTO_VERSION".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from .wire import HEADER, MINOR_VERSION, Command, message, search_reply

log = logging.getLogger("labioc.ca")

_SEQUENCE_VALID = 1
_MAX_REPLY = 1400


def answer(datagram: bytes, port: int, known: Callable[[str], bool]) -> list[bytes]:
    """Reply datagrams to one search datagram; stops at the first malformed message."""
    replies: list[bytes] = []
    version = message(Command.VERSION, b"", 0, MINOR_VERSION)
    position = 0
    while position + 16 <= len(datagram):
        command, size, data_type, _, parameter1, _ = HEADER.unpack_from(datagram, position)
        body = datagram[position + 16 : position + 16 + size]
        position += 16 + size
        if len(body) < size:
            break
        if command == Command.VERSION and data_type & _SEQUENCE_VALID:
            version = message(Command.VERSION, b"", _SEQUENCE_VALID, MINOR_VERSION, parameter1)
        elif command == Command.SEARCH:
            name = body.split(b"\0", 1)[0]
            if known(name.decode("latin-1")):
                replies.append(search_reply(port, parameter1))
    return _pack(version, replies)


def _pack(version: bytes, replies: list[bytes]) -> list[bytes]:
    datagrams: list[bytes] = []
    for reply in replies:
        if not datagrams or len(datagrams[-1]) + len(reply) > _MAX_REPLY:
            datagrams.append(version)
        datagrams[-1] += reply
    return datagrams


class SearchProtocol(asyncio.DatagramProtocol):
    """Answers searches on one UDP socket.

    Addresses in ``ignored`` (EPICS_CAS_IGNORE_ADDR_LIST) get no answer.
    """

    def __init__(
        self, port: Callable[[], int], known: Callable[[str], bool], ignored: frozenset[str]
    ) -> None:
        self._port = port
        self._known = known
        self._ignored = ignored
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[0] in self._ignored or self._transport is None:
            return
        for reply in answer(data, self._port(), self._known):
            self._transport.sendto(reply, addr)

    def error_received(self, exc: Exception) -> None:
        log.debug("search socket: %s", exc)
