"""The Moxa serial server inside a simulated Xcom-LAN: many hosts on one serial line.

Source: xcom-protocol.md 13. What the gateway sends goes to all connections; what
comes from any of them goes to the gateway.
"""

from __future__ import annotations

import asyncio

from ...core.simulation.ports import Connection
from ...core.simulation.simulator import Simulator
from ..frame import STRIPPED, Frame
from ..protocol import ObjectType, Property, read_request
from .line import GatewayLine
from .site import SimulatedSite

BUFFER = 1024
"""Bytes after which it sends what it has (xcom-protocol.md 13.2)."""

_PORTAL_PERIOD = 0.25
_PORTAL_READS = ((101, 3000), (601, 7032), (102, 3136), (301, 11004))


class Packer:
    """Cuts a stream at each 0D 0A and removes it, wherever it stands (xcom-protocol.md 13.4).

    With `strip` off it passes all bytes on as they come.
    """

    def __init__(self, *, strip: bool) -> None:
        self._strip = strip
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes from the serial side; returns what is sent on, piece by piece."""
        if not self._strip:
            return [data]
        self._buffer += data
        *parts, rest = bytes(self._buffer).split(STRIPPED)
        whole = len(rest) - len(rest) % BUFFER
        parts += [rest[at : at + BUFFER] for at in range(0, whole, BUFFER)]
        self._buffer[:] = rest[whole:]
        return [part for part in parts if part]


class Moxa:
    """A serial server between the ports of a simulator and the one line of the gateway."""

    def __init__(self, simulator: Simulator[Frame], site: SimulatedSite, *, strip: bool) -> None:
        self.line = GatewayLine(
            simulator, site, "moxa", self._deliver, simulator.disconnect, terminated=True
        )
        self._ports = simulator.ports
        self._packer = Packer(strip=strip)
        self._portal: asyncio.Task[None] | None = None

    def connect(self, connection: Connection) -> Host:
        """What takes the bytes of a new TCP connection."""
        del connection
        return Host(self.line)

    def let_portal_ask(self, on: bool, source: int = 1) -> None:
        """A second master, such as the maker's portal, reads as well; its replies come here too."""
        if self._portal is not None:
            self._portal.cancel()
            self._portal = None
        if on:
            self._portal = asyncio.get_running_loop().create_task(self._ask(source))

    def close(self) -> None:
        """Stop."""
        self.let_portal_ask(False)
        self.line.close()

    def _deliver(self, data: bytes) -> None:
        for part in self._packer.feed(data):
            for port in (*self._ports.connections, *self._ports.datagrams):
                port.write(part)

    async def _ask(self, source: int) -> None:
        while True:
            for address, number in _PORTAL_READS:
                asked = read_request(source, address, ObjectType.INFO, number, Property.INFO_VALUE)
                self.line.receive(asked.encode())
                await asyncio.sleep(_PORTAL_PERIOD)


class Host:
    """One TCP connection to the line that all share; `noise` is its own."""

    def __init__(self, line: GatewayLine) -> None:
        self.noise = 0
        self._line = line

    def receive(self, data: bytes) -> None:
        """Take bytes for the gateway."""
        before = self._line.frames
        self._line.receive(data)
        known = not self._line.busy and self._line.frames == before
        self.noise = self.noise + len(data) if known else 0

    def close(self) -> None:
        """Leave the line to the others."""
