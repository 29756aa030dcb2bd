"""Channel Access name search over UDP: parses hostile datagrams at little cost.

Every search on a network reaches every IOC, so this path parses the bytes itself instead of
building an object per name. Message layout: EPICS Channel Access protocol, "CA_PROTO_SEARCH" and
"CA_PROTO_VERSION".
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable

from .wire import HEADER, MINOR_VERSION, Command, message, search_reply

log = logging.getLogger("labioc.ca")

Sender = tuple[str, int]

RECEIVE_BUFFER = 4 << 20
"""Bytes that the system is asked to keep for us; it gives no more than ``net.core.rmem_max``."""

MAX_WAITING = 4 << 20
"""Bytes of searches that may wait for their answer."""

_SEQUENCE_VALID = 1
_MAX_REPLY = 1400
_MAX_DATAGRAM = 1 << 16
_OVERHEAD = 256
_DATAGRAMS_PER_TURN = 1024
_BYTES_PER_TURN = 1 << 16


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


class SearchSocket:
    """Answers searches on one UDP socket, which it owns.

    A burst is taken out of the system's buffer at once, which is small, and answered by turns of
    the loop. Addresses in ``ignored`` (EPICS_CAS_IGNORE_ADDR_LIST) get no answer. ``port``: the TCP
    port that is told to clients.
    """

    def __init__(
        self,
        sock: socket.socket,
        port: int,
        known: Callable[[str], bool],
        ignored: frozenset[str],
    ) -> None:
        self._sock = sock
        self._port = port
        self._known = known
        self._ignored = ignored
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[bytes, Sender]] = deque()
        self._waiting_size = 0
        self._unsent: deque[tuple[bytes, Sender]] = deque()
        self._turn: asyncio.Handle | None = None
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._loop.add_reader(sock, self._receive)

    def close(self) -> None:
        """Answer no more."""
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        if self._turn is not None:
            self._turn.cancel()
        self._sock.close()

    def _receive(self) -> None:
        """Take what has come. With too much to answer, the rest is left to the system to drop."""
        for _ in range(_DATAGRAMS_PER_TURN):
            if self._waiting_size >= MAX_WAITING:
                self._loop.remove_reader(self._sock)
                break
            try:
                datagram, sender = self._sock.recvfrom(_MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                log.debug("search socket: %s", error)
                continue
            if sender[0] not in self._ignored:
                self._waiting.append((datagram, sender))
                self._waiting_size += len(datagram) + _OVERHEAD
        self._go_on()

    def _go_on(self) -> None:
        if self._turn is None and self._waiting and not self._unsent:
            self._turn = self._loop.call_soon(self._answer)

    def _answer(self) -> None:
        """Answer some datagrams; what goes to one client goes together."""
        self._turn = None
        full = self._waiting_size >= MAX_WAITING
        left = _BYTES_PER_TURN
        batch, receiver = b"", ("", 0)
        while self._waiting and left > 0:
            datagram, sender = self._waiting.popleft()
            cost = len(datagram) + _OVERHEAD
            self._waiting_size -= cost
            left -= cost
            for reply in answer(datagram, self._port, self._known):
                if sender != receiver or len(batch) + len(reply) > _MAX_REPLY:
                    self._send(batch, receiver)
                    batch, receiver = b"", sender
                batch += reply
        self._send(batch, receiver)
        if full and self._waiting_size < MAX_WAITING:
            self._loop.add_reader(self._sock, self._receive)
        self._go_on()

    def _send(self, data: bytes, receiver: Sender) -> None:
        if data:
            self._unsent.append((data, receiver))
        while self._unsent:
            try:
                self._sock.sendto(*self._unsent[0])
            except (BlockingIOError, InterruptedError):
                self._loop.add_writer(self._sock, self._writable)
                return
            except OSError as error:  # that client cannot be reached
                log.debug("search socket: %s", error)
            self._unsent.popleft()

    def _writable(self) -> None:
        """The system takes answers again."""
        self._loop.remove_writer(self._sock)
        self._send(b"", ("", 0))
        self._go_on()
