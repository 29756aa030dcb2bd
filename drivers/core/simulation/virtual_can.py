"""The simulated line on python-can's virtual bus, for programs in the same process."""

from __future__ import annotations

import asyncio

from ..can.frame import CanFrame
from ..can.port import Port
from ..url import CanUrl
from .can_line import SimulatedLine


class VirtualGateway:
    """Passes frames between the line and a channel of the virtual bus."""

    def __init__(self, line: SimulatedLine, channel: str) -> None:
        self._line = line
        self.url = CanUrl("virtual", channel, bitrate=line.bitrate)
        self._port: Port | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._station = line.attach("virtual", self._heard)

    async def open(self) -> CanUrl:
        """Join the virtual bus; returns the link a client opens."""
        self._port = await Port.open(
            self.url, self._station.send, lambda _trouble, _refusing: None, lambda _reason: None
        )
        return self.url

    async def close(self) -> None:
        """Leave both."""
        self._line.detach(self._station)
        if self._port is not None:
            await self._port.close()

    def _heard(self, frame: CanFrame) -> None:
        if self._port is not None and self._port.alive:
            task = asyncio.ensure_future(self._port.send(frame))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
