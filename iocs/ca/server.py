"""The Channel Access server of one IOC: sockets, name search, beacons, and the way down.

What of caproto it replaces is listed in docs/explanation/caproto.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import logging
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import caproto as ca
import psutil

from drivers.core.loglines import FewLines

from .channel import Channel
from .circuit import RECEIVE_CHUNK, Circuit, tune_socket
from .dbr import Native
from .framing import Held
from .listener import Listener, most_clients
from .names import parse_address
from .search import SearchSocket

log = logging.getLogger("labioc.ca")

LISTEN_BACKLOG = 512


_LOOK_UP_AGAIN = 60.0
"""Seconds after which the name of a host that gets beacons is looked up again."""


class PortTaken(OSError):
    """A port that is needed, TCP or UDP, is in use."""


class Server:
    """Serves channels on the interfaces and ports that the EPICS_CAS_* environment names.

    ``port``: the TCP port to insist on (for ``EPICS_CA_NAME_SERVERS``); without it
    ``EPICS_CAS_SERVER_PORT`` is tried first, then any free port.
    """

    port: int

    def __init__(
        self,
        pvdb: Mapping[str, Channel],
        interfaces: Sequence[str] | None = None,
        *,
        port: int | None = None,
    ) -> None:
        self.pvdb = pvdb
        self.interfaces = list(interfaces or ca.get_server_address_list())
        self.circuits: set[Circuit] = set()
        environ = ca.get_environment_variables()
        configured = os.environ.get("EPICS_CAS_SERVER_PORT", "")
        self._first_port = int(
            configured if configured.isdigit() else environ["EPICS_CA_SERVER_PORT"]
        )
        self._longest_period = float(environ["EPICS_CAS_BEACON_PERIOD"])
        ignored = os.environ.get("EPICS_CAS_IGNORE_ADDR_LIST", "").split()
        self._ignored = frozenset(address.split(":")[0] for address in ignored)
        self._tasks: set[asyncio.Task[None]] = set()
        self._wanted_port = port
        self.held = Held()
        self._listener: Listener | None = None
        self._search: list[SearchSocket] = []
        self._beacon_socket: socket.socket | None = None
        self._beacon_addresses = ca.get_beacon_address_list()
        self._beacon_targets: list[tuple[str, int]] = []
        self.lines = FewLines(log)

    # -- names

    def find(self, name: str) -> Channel | None:
        """The channel of ``P``, ``P.HIHI``, ``P.DESC$`` or ``P.{filter}``; None if unknown."""
        channel = self.pvdb.get(name)
        if channel is not None or "." not in name:
            return channel
        try:
            address = parse_address(name)
            found = self.pvdb[address.record].get_field(address.field)
        except (KeyError, ValueError):
            return None
        return None if address.long_text and not found.text else found

    def knows(self, name: str) -> bool:
        """Whether a name is served; a search makes nothing."""
        if name in self.pvdb or "." not in name:
            return name in self.pvdb
        channel = self.pvdb.get(name.partition(".")[0])
        if channel is None:
            return False
        try:
            address = parse_address(name)
            native = channel.native_of(address.field)
        except (KeyError, ValueError):
            return False
        return not address.long_text or native is Native.STRING or (channel.text and native is None)

    # -- life

    async def start(self) -> None:
        """Open all sockets; raises :class:`PortTaken` or OSError before anything is half served."""
        if not 0 < self._first_port < 1 << 16:
            names = "EPICS_CAS_SERVER_PORT or EPICS_CA_SERVER_PORT"
            raise OSError(errno.EINVAL, f"{names}: {self._first_port} is no port, 1 to 65535 are")
        self.port, listening = await self._bind()
        try:
            searched = self._bind_udp()
        except OSError:
            _close(listening)
            raise
        self._search = [
            SearchSocket(sock, self.port, self.knows, self._ignored) for sock in searched
        ]
        self._listener = Listener(listening, self._serve, most_clients())
        self._beacon_socket = _udp_socket(None, 0)
        jobs = [self._find_beacon_target(host, port) for host, port in self._beacon_addresses]
        self._tasks = {asyncio.create_task(job) for job in (self._send_beacons(), *jobs)}
        log.info("serving %d PVs on %s, TCP port %d", len(self.pvdb), self.interfaces, self.port)

    async def close(self) -> None:
        """Close circuits and sockets."""
        if self._listener is not None:
            self._listener.stop()
        for circuit in list(self.circuits):
            await circuit.cancel_puts()
            circuit.close()
        if self._listener is not None:
            await self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for search in self._search:
            search.close()
        if self._beacon_socket is not None:
            self._beacon_socket.close()
        self._listener, self._search, self._beacon_socket = None, [], None
        self.lines.close()
        await asyncio.sleep(0)  # lets the transports finish closing

    async def _serve(self, client: socket.socket) -> None:
        """Serve one client until it goes."""
        try:
            tune_socket(client)
            reader, writer = await asyncio.open_connection(sock=client, limit=RECEIVE_CHUNK)
        except (OSError, asyncio.CancelledError):  # gone again already, or the IOC ends
            client.close()
            return
        circuit = Circuit(reader, writer, self)
        self.circuits.add(circuit)
        try:
            await circuit.serve()
        finally:
            self.circuits.discard(circuit)

    async def _bind(self) -> tuple[int, list[socket.socket]]:
        first = self._wanted_port or self._first_port
        candidates = [first] if self._wanted_port else [first, *([0] * 10)]
        for candidate in candidates:
            try:
                return _bind_all(self.interfaces, candidate)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
        raise PortTaken(
            errno.EADDRINUSE, f"TCP port {first} is in use on {' '.join(self.interfaces)}"
        )

    def _bind_udp(self) -> list[socket.socket]:
        """The sockets on which clients search."""
        sockets: list[socket.socket] = []
        port = self._first_port
        for address in self._search_addresses():
            try:
                sockets.append(_udp_socket(address, port))
            except OSError as error:
                _close(sockets)
                if error.errno != errno.EADDRINUSE:
                    raise
                raise PortTaken(
                    errno.EADDRINUSE,
                    f"UDP port {port} is in use on {address} by a program that does not share it: "
                    "end that one, or set EPICS_CA_SERVER_PORT for the IOC and its clients",
                ) from error
        return sockets

    def _search_addresses(self) -> list[str]:
        """Each interface and its broadcast address, which a socket bound to one does not hear."""
        found = list(self.interfaces)
        for interface in self.interfaces:
            broadcast = _broadcast_of(interface)
            if broadcast and broadcast not in found:
                found.append(broadcast)
        return found

    async def _send_beacons(self) -> None:
        """Send beacons, at a period that doubles from 20 ms to EPICS_CAS_BEACON_PERIOD."""
        period = 0.02
        for count in itertools.count():
            data = bytes(ca.Beacon(13, self.port, count & 0xFFFFFFFF, "0.0.0.0").header)
            for target in self._beacon_targets:
                with contextlib.suppress(OSError):  # nobody listens there (yet)
                    cast(socket.socket, self._beacon_socket).sendto(data, target)
            await asyncio.sleep(period)
            period = min(period * 2, self._longest_period)

    async def _find_beacon_target(self, host: str, port: int) -> None:
        """Let beacons go to a host, as soon as its name can be looked up."""
        loop = asyncio.get_running_loop()
        complained = False
        while True:
            try:
                found = await loop.getaddrinfo(
                    host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM
                )
            except (OSError, UnicodeError) as error:
                if not complained:
                    log.warning("no beacons to %s (EPICS_CAS_BEACON_ADDR_LIST): %s", host, error)
                complained = True
                await asyncio.sleep(_LOOK_UP_AGAIN)
            else:
                self._beacon_targets.append((str(found[0][4][0]), port))
                return


def _bind_all(interfaces: Sequence[str], port: int) -> tuple[int, list[socket.socket]]:
    """One TCP socket per interface, all on the same port (0: any that is free on all)."""
    sockets: list[socket.socket] = []
    try:
        for interface in interfaces:
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setblocking(False)
            sock.bind((interface, port))
            # Only a listening socket owns its port: two processes may bind the same one.
            sock.listen(LISTEN_BACKLOG)
            port = sock.getsockname()[1]
    except OSError:
        _close(sockets)
        raise
    return port, sockets


def _close(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def _udp_socket(address: str | None, port: int) -> socket.socket:
    """A UDP socket; bound ones share their port with the other IOCs of the host."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setblocking(False)
        if address is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "SO_REUSEPORT"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def _broadcast_of(interface: str) -> str | None:
    if interface == "0.0.0.0":
        return None
    if interface.startswith("127."):
        return "127.255.255.255"
    for addresses in psutil.net_if_addrs().values():
        for entry in addresses:
            if entry.address == interface:
                return entry.broadcast
    return None
