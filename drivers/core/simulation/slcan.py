"""A CAN adapter on a pseudo-terminal that speaks the Lawicel (SLCAN) protocol."""

from __future__ import annotations

from pathlib import Path

from ..can.frame import CanFrame
from ..url import CanUrl
from .can_line import SimulatedLine
from .ports import Terminal

_OK, _BEL = b"\r", b"\a"
_RATES = {
    "S0": 10_000, "S1": 20_000, "S2": 50_000, "S3": 100_000, "S4": 125_000, "S5": 250_000,
    "S6": 500_000, "S7": 800_000, "S8": 1_000_000,
}  # fmt: skip
_LONGEST = 64


class SlcanAdapter:
    """One adapter. At another bit rate than the line's it hears nothing and refuses frames.

    `echo` makes it hand back what it sends, as some adapters do. `link_name` is a path that is made
    to point at the terminal, so that the adapter keeps its name when it is plugged in again.
    """

    def __init__(self, line: SimulatedLine, link_name: Path | None = None) -> None:
        self.echo = False
        self._line = line
        self._link_name = link_name
        self._station = line.attach("slcan", self._heard, self._complain)
        self._buffer = bytearray()
        self._bitrate: int | None = None
        self._open = False
        self._terminal: Terminal | None = None
        self._path = ""
        self.plug_in()

    @property
    def url(self) -> CanUrl:
        """The link a client opens."""
        options = (("sleep_after_open", "0.05"),)
        path = str(self._link_name or self._path)
        return CanUrl("slcan", path, bitrate=self._line.bitrate, options=options)

    def plug_in(self) -> None:
        """Open the terminal."""
        if self._terminal is not None:
            return
        self._terminal = Terminal()
        self._terminal.deliver_to(self._obey_all)
        self._path = self._terminal.path
        self._open, self._bitrate = False, None
        self._buffer.clear()
        if self._link_name is not None:
            self._link_name.unlink(missing_ok=True)
            self._link_name.symlink_to(self._path)

    def unplug(self) -> None:
        """Take the adapter away: the client's end reports an error."""
        if self._terminal is None:
            return
        self._terminal.close()
        self._terminal = None
        if self._link_name is not None:
            self._link_name.unlink(missing_ok=True)

    def inject(self, data: bytes) -> None:
        """Send the client bytes as they are, junk for example."""
        if self._terminal is not None:
            self._terminal.write(data)

    def close(self) -> None:
        """Take the adapter away for good."""
        self.unplug()
        self._line.detach(self._station)

    @property
    def _on_the_bus(self) -> bool:
        return self._open and self._bitrate == self._line.bitrate

    def _obey_all(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r")) >= 0:
            line = bytes(self._buffer[:end]).decode("ascii", "replace")
            del self._buffer[: end + 1]
            self.inject(self._obey(line))
        del self._buffer[:-_LONGEST]

    def _obey(self, line: str) -> bytes:
        """One command; returns the answer (Lawicel CAN232 manual, available commands)."""
        if line in _RATES and not self._open:
            self._bitrate = _RATES[line]
        elif line in ("O", "L"):
            self._open = self._bitrate is not None
            return _OK if self._open else _BEL
        elif line == "C":
            self._open = False
        elif line == "F" and self._open:
            return (b"F00" if self._on_the_bus and not self._line.bus_off else b"F80") + _OK
        elif line == "V":
            return b"V1013" + _OK
        elif line == "N":
            return b"N0001" + _OK
        elif line[:1] == "t":
            return self._transmit(line)
        elif line:
            return _BEL
        return _OK

    def _transmit(self, line: str) -> bytes:
        try:
            identifier, length = int(line[1:4], 16), int(line[4:5])
            frame = CanFrame(identifier, bytes.fromhex(line[5:]))
        except ValueError:
            return _BEL
        if len(frame.data) != length or not self._on_the_bus or self._line.bus_off:
            return _BEL
        self._station.send(frame)
        if self.echo:
            self._heard(frame)
        return b"z\r"

    def _heard(self, frame: CanFrame) -> None:
        if self._on_the_bus:
            data = frame.data.hex().upper()
            self.inject(f"t{frame.identifier:03X}{len(frame.data)}{data}\r".encode())

    def _complain(self) -> None:
        if self._open:
            self.inject(_BEL)
