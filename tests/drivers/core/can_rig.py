"""A simulated CAN line with nodes that answer, and a bus on one of its ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from drivers.core.backoff import Backoff
from drivers.core.can import CanBus, CanFrame, CanNode, Part
from drivers.core.simulation.can_line import SimulatedLine
from drivers.core.simulation.ports import Ports
from drivers.core.simulation.slcan import SlcanAdapter
from drivers.core.simulation.socketcand import serve_socketcand
from drivers.core.simulation.virtual_can import VirtualGateway
from drivers.core.url import CanUrl

PATIENCE = 60.0
"""Seconds that an answer may take: never reached unless something is broken."""

SHORT = 0.05
KINDS = ("slcan", "socketcand", "virtual")


class Responder:
    """A node that answers a request on `ask` by its bytes and a mark, on `ask - 1`."""

    def __init__(self, line: SimulatedLine, ask: int) -> None:
        self.heard: list[CanFrame] = []
        self.dumb = False
        self.parts = 1
        self.held: list[CanFrame] | None = None
        self._ask = ask
        self.station = line.attach(f"node {ask:03X}", self._receive)

    def _receive(self, frame: CanFrame) -> None:
        if frame.identifier not in (self._ask, self._ask - 1):
            return
        self.heard.append(frame)
        if frame.identifier != self._ask or self.dumb:
            return
        for part in range(self.parts):
            reply = CanFrame(self._ask - 1, frame.data + bytes((part,)))
            if self.held is None:
                self.station.send(reply)
            else:
                self.held.append(reply)

    def let_go(self) -> None:
        """Send what was held back."""
        held, self.held = self.held or [], None
        for frame in held:
            self.station.send(frame)


@dataclass
class Rig:
    """A line, a bus on it, and what lies between."""

    line: SimulatedLine
    bus: CanBus
    adapter: SlcanAdapter | None = None
    ports: Ports | None = None
    listened: list[CanFrame] = field(default_factory=list[CanFrame])

    def node(self, address: int) -> CanNode:
        """The bus's end of a node."""
        return self.bus.node(f"node {address}", address << 3, 0x1F8, self.listened.append)


def no_wait() -> Backoff:
    """A back-off of next to nothing."""
    return Backoff(0.01, 0.02)


@asynccontextmanager
async def rig(
    kind: str, *, backoff: Backoff | None = None, link_name: Path | None = None
) -> AsyncIterator[Rig]:
    """A bus on a line through one kind of interface."""
    line = SimulatedLine()
    adapter = ports = gateway = None
    if kind == "slcan":
        adapter = SlcanAdapter(line, link_name)
        url = adapter.url
    elif kind == "socketcand":
        ports = Ports()
        url = await serve_socketcand(line, ports, "127.0.0.1", 0)
    else:
        gateway = VirtualGateway(line, f"rig-{id(line)}")
        url = await gateway.open()
    bus = CanBus(url, backoff=backoff or no_wait())
    try:
        yield Rig(line, bus, adapter, ports)
    finally:
        await bus.close()
        if gateway is not None:
            await gateway.close()
        if adapter is not None:
            adapter.close()
        if ports is not None:
            await ports.close()
        line.close()


def collect(into: list[CanFrame], identifier: int, count: int = 1) -> Callable[[CanFrame], Part]:
    """Take `count` frames of an identifier as the answer."""

    def take(frame: CanFrame) -> Part:
        if frame.identifier != identifier:
            return Part.OTHER
        into.append(frame)
        return Part.LAST if len(into) >= count else Part.MORE

    return take


async def ask(
    node: CanNode,
    address: int,
    data: bytes = b"\x10\x00",
    *,
    count: int = 1,
    within: float = PATIENCE,
    urgent: bool = False,
) -> list[CanFrame]:
    """One request to a responder; returns its answer."""
    found: list[CanFrame] = []
    frame = CanFrame(0x201 + 8 * address, data)
    take = collect(found, 0x200 + 8 * address, count)
    await node.request(frame, take, asked=f"ask {data.hex()}", within=within, urgent=urgent)
    return found


async def settle() -> None:
    """Let what is ready happen."""
    for _ in range(5):
        await asyncio.sleep(0)


def other_url(url: CanUrl, **changes: object) -> CanUrl:
    """A URL with another part."""
    parts = {"bitrate": url.bitrate, "options": url.options, "host": url.host, "port": url.port}
    return CanUrl(url.backend, url.channel, **{**parts, **changes})
