"""A socketcand server on a TCP port, raw mode only (socketcand, protocol.md)."""

from __future__ import annotations

import asyncio
import time

from .. import tcp
from ..can.frame import CanFrame
from ..can.interfaces import MessageSplitter
from ..noise import too_noisy
from ..url import CanUrl
from .can_line import SimulatedLine, Station

CHANNEL = "can0"
_BUS_OFF = "040"


class SocketcandServer:
    """Serves the line as `can0` to any number of clients."""

    def __init__(self, line: SimulatedLine) -> None:
        self._line = line
        self._server: asyncio.Server | None = None
        self._clients: set[_Client] = set()

    async def listen(self, host: str, port: int) -> CanUrl:
        """Serve on a port (0: a free one); returns the link a client opens."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Client(self._line, self._clients), host, port
        )
        actual: int = self._server.sockets[0].getsockname()[1]
        return CanUrl("socketcand", CHANNEL, host, actual)

    def disconnect(self) -> None:
        """Close all connections."""
        for client in list(self._clients):
            client.close()

    def close(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.close()
        self.disconnect()


class _Client(tcp.PieceProtocol):
    """One connection."""

    def __init__(self, line: SimulatedLine, clients: set[_Client]) -> None:
        super().__init__()
        self._line = line
        self._clients = clients
        self._splitter = MessageSplitter()
        self._noise = 0
        self._station: Station | None = None
        self._opened = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._clients.add(self)
        self._say("hi")

    def connection_lost(self, exc: Exception | None) -> None:
        self._clients.discard(self)
        if self._station is not None:
            self._line.detach(self._station)
            self._station = None

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def received(self, data: bytes) -> None:
        self._noise += len(data)
        for message in self._splitter.feed(data):
            self._obey(message.decode("ascii", "replace").split())
        if too_noisy(self._noise) and self._transport is not None:
            tcp.reset(self._transport)

    def _obey(self, words: list[str]) -> None:
        if words[:1] in (["open"], ["rawmode"], ["send"], ["echo"]):
            self._noise = 0
        match words:
            case ["open", channel]:
                self._opened = channel == CHANNEL
                self._say("ok" if self._opened else "error could not open bus")
            case ["rawmode"] if self._opened:
                self._station = self._line.attach("socketcand", self._heard, self._complain)
                self._say("ok")
            case ["send", identifier, length, *data] if self._station is not None:
                self._send(self._station, identifier, length, data)
            case ["echo"]:
                self._say("echo")
            case _:
                self._say("error unknown command")

    def _send(self, station: Station, identifier: str, length: str, data: list[str]) -> None:
        try:
            frame = CanFrame(int(identifier, 16), bytes(int(byte, 16) for byte in data))
            if len(data) != int(length, 16):
                raise ValueError(length)
        except ValueError:
            self._say("error malformed frame")
            return
        station.send(frame)

    def _heard(self, frame: CanFrame) -> None:
        self._say(f"frame {frame.identifier:03X} {time.time():.6f} {frame.data.hex().upper()}")

    def _complain(self) -> None:
        self._say(f"error {_BUS_OFF} {time.time():.6f}")

    def _say(self, text: str) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(f"< {text} >".encode())
