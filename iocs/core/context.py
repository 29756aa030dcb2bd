"""The Channel Access server of one IOC: sockets, name search, beacons, and the way down.

Built on caproto's context; what is replaced is listed in docs/explanation/caproto.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, cast

import caproto as ca
import psutil
from caproto.asyncio import server as caserver

from .channel import Channel
from .circuit import Circuit
from .dbr import Native
from .names import parse_address
from .point import Point
from .search import SearchProtocol

log = logging.getLogger("labioc.ca")

LISTEN_BACKLOG = 512


class PortTaken(OSError):
    """The TCP port that was asked for is in use."""


class Context(caserver.Context):
    """Serves a PV database on the interfaces and ports that the EPICS_CAS_* environment names.

    ``port``: the TCP port to insist on (for ``EPICS_CA_NAME_SERVERS``); without it
    ``EPICS_CAS_SERVER_PORT`` is tried first, then any free port.
    """

    circuits: set[Circuit]
    port: int

    def __init__(
        self,
        pvdb: Mapping[str, Channel],
        interfaces: Sequence[str] | None = None,
        *,
        port: int | None = None,
    ) -> None:
        super().__init__(pvdb, list(interfaces) if interfaces else None)
        configured = os.environ.get("EPICS_CAS_SERVER_PORT", "")
        if configured.isdigit():
            self.ca_server_port = int(configured)
        self.ignore_addresses = os.environ.get("EPICS_CAS_IGNORE_ADDR_LIST", "").split()
        self._wanted_port = port
        self._servers: list[asyncio.Server] = []
        self._search: list[asyncio.DatagramTransport] = []
        self._beacons: list[socket.socket] = []
        self._beacon_addresses = ca.get_beacon_address_list()
        self._most_circuits = most_circuits()
        self._full = False

    # -- names

    def find(self, name: str) -> Channel | None:
        """The channel of ``P``, ``P.HIHI``, ``P.DESC$`` or ``P.{filter}``; None if unknown."""
        channel = self.pvdb.get(name)
        if channel is not None or "." not in name:
            return cast("Channel | None", channel)
        point = self.pvdb.get(name.partition(".")[0])
        if not isinstance(point, Point):
            return None
        try:
            address = parse_address(name)
            found = point.get_field(address.field)
        except (KeyError, ValueError):
            return None
        return None if address.long_text and not found.text else found

    def knows(self, name: str) -> bool:
        """Whether a name is served; a search makes nothing."""
        if name in self.pvdb or "." not in name:
            return name in self.pvdb
        point = self.pvdb.get(name.partition(".")[0])
        if not isinstance(point, Point):
            return False
        try:
            address = parse_address(name)
            native = point.native_of(address.field)
        except (KeyError, ValueError):
            return False
        return not address.long_text or native is Native.STRING or (point.text and native is None)

    def __getitem__(self, pvname: str) -> Any:
        found = self.find(pvname)
        if found is None:
            raise ca.CaprotoKeyError(f"no PV or field {pvname!r}")
        return found

    # -- life

    async def start(self) -> None:
        """Open all sockets; raises :class:`PortTaken` or OSError before anything is half served."""
        self.port, sockets = await self._bind()
        for sock in sockets:
            server = await asyncio.start_server(self._accept, sock=sock, backlog=LISTEN_BACKLOG)
            self._servers.append(server)
        loop = asyncio.get_running_loop()
        ignored = frozenset(a.split(":")[0] for a in self.ignore_addresses)
        for address in self._search_addresses():
            transport, _ = await loop.create_datagram_endpoint(
                lambda: SearchProtocol(lambda: self.port, self.knows, ignored),
                sock=_udp_socket(address, self.ca_server_port),
            )
            self._search.append(transport)
        self._beacons = [_udp_socket(None, 0) for _ in self._beacon_addresses]
        self.server_tasks.create(self.broadcast_beacon_loop())
        log.info("serving %d PVs on %s, TCP port %d", len(self.pvdb), self.interfaces, self.port)

    async def close(self) -> None:
        """Close circuits and sockets."""
        for server in self._servers:
            server.close()
        for circuit in list(self.circuits):
            await circuit.cancel_puts()
            circuit.close()
        await self.server_tasks.cancel_all(wait=True)
        for transport in self._search:
            transport.close()
        for sock in self._beacons:
            sock.close()
        self._servers, self._search, self._beacons = [], [], []
        await asyncio.sleep(0)  # lets the transports finish closing

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if writer.get_extra_info("peername") is None:  # gone again already
            writer.close()
            return
        if len(self.circuits) >= self._most_circuits:
            if not self._full:
                log.warning("more than %d clients: refused until one goes", self._most_circuits)
            self._full = True
            writer.close()
            return
        self._full = False
        self.server_tasks.create(self._serve(Circuit(reader, writer, self)))

    async def _serve(self, circuit: Circuit) -> None:
        self.circuits.add(circuit)
        try:
            await circuit.serve()
        finally:
            self.circuits.discard(circuit)

    async def _bind(self) -> tuple[int, list[socket.socket]]:
        first = self._wanted_port or self.ca_server_port
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

    def _search_addresses(self) -> list[str]:
        """Each interface and its broadcast address, which a socket bound to one does not hear."""
        found = list(self.interfaces)
        for interface in self.interfaces:
            broadcast = _broadcast_of(interface)
            if broadcast and broadcast not in found:
                found.append(broadcast)
        return found

    async def broadcast_beacon_loop(self) -> NoReturn:
        """Send beacons, at a period that doubles from 20 ms to EPICS_CAS_BEACON_PERIOD."""
        longest = float(self.environ["EPICS_CAS_BEACON_PERIOD"])
        period = 0.02
        while True:
            data = bytes(ca.Beacon(13, self.port, self.beacon_count, "0.0.0.0").header)
            for sock, address in zip(self._beacons, self._beacon_addresses, strict=True):
                with contextlib.suppress(OSError):  # nobody listens there (yet)
                    sock.sendto(data, address)
            self.beacon_count = (self.beacon_count + 1) & 0xFFFFFFFF
            await asyncio.sleep(period)
            period = min(period * 2, longest)


def most_circuits() -> int:
    """How many clients may connect: three quarters of the files that the process may open."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 16 if soft == resource.RLIM_INFINITY else max(4, soft * 3 // 4)


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
        for sock in sockets:
            sock.close()
        raise
    return port, sockets


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
