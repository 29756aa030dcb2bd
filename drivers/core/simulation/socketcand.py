"""A socketcand server on a TCP port, raw mode only (socketcand, protocol.md)."""

from __future__ import annotations

import time

from ..can.frame import CanFrame
from ..can.interfaces import MessageSplitter
from ..url import CanUrl, TcpUrl
from .can_line import SimulatedLine, Station
from .ports import Connection, Ports

CHANNEL = "can0"
_BUS_OFF = "040"


class SocketcandClient:
    """One client of the line, which it sees as `can0`."""

    def __init__(self, line: SimulatedLine, connection: Connection) -> None:
        self.noise = 0
        self._line = line
        self._connection = connection
        self._splitter = MessageSplitter()
        self._station: Station | None = None
        self._opened = False
        self._say("hi")

    def receive(self, data: bytes) -> None:
        """Obey messages."""
        self.noise += len(data)
        for message in self._splitter.feed(data):
            self._obey(message.decode("ascii", "replace").split())

    def close(self) -> None:
        """Leave the line."""
        if self._station is not None:
            self._line.detach(self._station)
            self._station = None

    def _obey(self, words: list[str]) -> None:
        if words[:1] in (["open"], ["rawmode"], ["send"], ["echo"]):
            self.noise = 0
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
        self._connection.write(f"< {text} >".encode())


async def serve_socketcand(line: SimulatedLine, ports: Ports, host: str, port: int) -> CanUrl:
    """Serve the line on a TCP port (0: a free one); returns the link a client opens."""
    url = await ports.listen(TcpUrl(host, port), lambda each: SocketcandClient(line, each))
    return CanUrl("socketcand", CHANNEL, host, url.port)
