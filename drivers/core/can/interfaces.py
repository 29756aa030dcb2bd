"""Opening a CAN interface with python-can, and the two interfaces that need more than it gives.

What python-can 4.6 leaves open, and is closed here:

- `socketcand`: its client never notices that the server went away, tries for ten seconds without a
  pause, and fails if the server answers in other pieces than it expects.
- `slcan`: it drops the BEL with which an adapter refuses a frame, and reads byte by byte.
- `socketcan`: it cannot tell that the kernel's bit rate is another one.
"""

from __future__ import annotations

import logging
import re
import select
import socket
import time
from collections import deque
from typing import Any

import can
from can.interfaces.slcan import slcanBus
from can.util import cast_from_string

from ..errors import BadUrl
from ..noise import too_noisy
from ..url import CanUrl
from .netlink import check_interface

_CONNECT_TIMEOUT = 3.0
_SERIAL_WAIT = 0.1
_MESSAGE = re.compile(rb"<([^<>]{0,200})>")
_LONGEST_MESSAGE = 202
_PIECE = 16_384
_END_OF_LINE = re.compile(rb"\r+|\a+")
_LONGEST_LINE = 256
_ACKNOWLEDGEMENT = 2
_BEL = "\a"

REFUSED = 0x004
"""Class of the error frame that stands for a frame the adapter refused (a controller problem)."""


def check(url: CanUrl) -> None:
    """Raises `BadUrl` if python-can has no such interface."""
    if url.backend not in can.VALID_INTERFACES:
        known = ", ".join(sorted(can.VALID_INTERFACES))
        raise BadUrl(
            str(url),
            f"python-can has no interface {url.backend!r} (it has {known})",
            "can://socketcan/can0?bitrate=125000",
        )


def open_interface(url: CanUrl) -> can.BusABC:
    """Open an interface; blocks, for seconds on some adapters. Raises OSError with the reason."""
    logging.getLogger("can").setLevel(logging.CRITICAL)  # what matters is raised
    options: dict[str, Any] = {name: cast_from_string(value) for name, value in url.options}
    try:
        if url.backend == "socketcand":
            return SocketcandBus(url.channel, url.host, url.port)
        if url.backend == "slcan":
            return SlcanBus(url.channel, url.bitrate, **options)
        if url.backend == "socketcan":
            check_interface(url.channel, url.bitrate)
        elif url.bitrate is not None:
            options["bitrate"] = url.bitrate
        return can.Bus(url.channel, url.backend, ignore_config=True, **options)
    except OSError:
        raise
    except (can.CanError, ValueError, TypeError, ImportError) as error:
        raise OSError(str(error) or type(error).__name__) from error


class SlcanBus(slcanBus):
    """An adapter on a serial line that speaks the Lawicel protocol.

    Lines are read whole; a BEL, by which the adapter refuses what it was told (its channel is
    closed, its queue is full, it is bus-off), is passed on as an error frame. An adapter that sends
    nothing but noise is given up: no frame, and more than it acknowledges what it was told.
    """

    _searched = 0
    _noise = 0

    def __init__(self, channel: str, bitrate: int | None, **options: Any) -> None:
        self._received = bytearray()
        super().__init__(channel, bitrate=bitrate, **options)
        self.serialPortOrig.timeout = _SERIAL_WAIT

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        """Send a frame; raises `CanOperationError` if the adapter is gone."""
        self._noise = max(0, self._noise - _ACKNOWLEDGEMENT)
        super().send(msg, timeout)

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        line = self._line(timeout)
        if line is None:
            return None, False
        if line.endswith(_BEL):
            return can.Message(arbitration_id=REFUSED, is_error_frame=True), False
        frame = _data_frame(line)
        if frame is not None:
            self._noise = 0
        return frame, False

    def _line(self, timeout: float | None) -> str | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            found = _END_OF_LINE.search(self._received, self._searched)
            if found:
                line = self._received[: found.start() + 1].decode("ascii", "replace")
                del self._received[: found.end()]
                self._searched = 0
                if line == "\r":
                    continue
                return line
            del self._received[:-_LONGEST_LINE]
            self._searched = len(self._received)
            if deadline is not None and time.monotonic() >= deadline and not self._waiting():
                return None
            self._received += self._serial_read()

    def _waiting(self) -> int:
        try:
            return self.serialPortOrig.in_waiting
        except OSError as error:
            raise can.CanOperationError(f"the adapter is gone: {error}") from error

    def _serial_read(self) -> bytes:
        if noise := too_noisy(self._noise):
            raise can.CanOperationError(noise)
        try:
            data = self.serialPortOrig.read(max(1, self._waiting()))
        except OSError as error:
            raise can.CanOperationError(f"the adapter is gone: {error}") from error
        self._noise += len(data)
        return data


def _data_frame(line: str) -> can.Message | None:
    """``tiiildd...`` or ``Tiiiiiiiildd...``, which may end in a time stamp; None for other lines.

    Raises ValueError or IndexError for garbage. Source: CAN232 manual, "tiiildd...[CR]",
    "Tiiiiiiiildd...[CR]" and "Zn[CR]".
    """
    if line[0] not in "tT":
        return None
    extended = line[0] == "T"
    at = 9 if extended else 4
    length = int(line[at])
    data = bytes.fromhex(line[at + 1 : at + 1 + 2 * length])
    return can.Message(
        arbitration_id=int(line[1:at], 16), is_extended_id=extended, dlc=length, data=data
    )


class MessageSplitter:
    """Finds the messages in a stream of socketcand, `< ... >`, however it is cut."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; returns what stands in the messages that are whole now."""
        data = self._rest + data
        last = data.rfind(b"<")
        # one that has begun can only be the last, and is not long
        begun = last >= 0 and len(data) - last < _LONGEST_MESSAGE and data.find(b">", last) < 0
        self._rest = data[last:] if begun else b""
        return [match[1].strip() for match in _MESSAGE.finditer(data)]


class SocketcandBus(can.BusABC):
    """A client of a socketcand server in raw mode (socketcand, protocol.md)."""

    def __init__(self, channel: str, host: str, port: int) -> None:
        self.channel_info = f"{channel} of socketcand {host}:{port}"
        self._splitter = MessageSplitter()
        self._noise = 0
        self._messages: deque[bytes] = deque()
        self._socket = socket.create_connection((host, port), _CONNECT_TIMEOUT)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._expect(b"hi")
            self._say(f"< open {channel} >")
            self._expect(b"ok")
            self._say("< rawmode >")
            self._expect(b"ok")
        except BaseException:
            self._socket.close()
            raise
        super().__init__(channel=channel)

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        """Send a frame; raises `CanOperationError` if the connection is gone."""
        data = " ".join(f"{byte:x}" for byte in msg.data)
        self._socket.settimeout(timeout)
        self._say(f"< send {msg.arbitration_id:X} {msg.dlc:X} {data} >")

    def shutdown(self) -> None:
        """Close the connection."""
        super().shutdown()
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        if not self._messages:
            if not select.select([self._socket], [], [], timeout)[0]:
                return None, False
            self._fill()
        message = _message(self._messages.popleft()) if self._messages else None
        if message is not None:
            self._noise = 0
        return message, False

    def _say(self, text: str) -> None:
        try:
            self._socket.sendall(text.encode("ascii"))
        except OSError as error:
            raise can.CanOperationError(f"the socketcand server is gone: {error}") from error

    def _fill(self) -> None:
        try:
            data = self._socket.recv(_PIECE)
        except TimeoutError:
            raise can.CanInitializationError("the socketcand server says nothing") from None
        except OSError as error:
            raise can.CanOperationError(f"the socketcand server is gone: {error}") from error
        if not data:
            raise can.CanOperationError("the socketcand server closed the connection")
        self._noise += len(data)
        if noise := too_noisy(self._noise):
            raise can.CanOperationError(noise)
        self._messages += self._splitter.feed(data)

    def _expect(self, wanted: bytes) -> None:
        while not self._messages:
            self._fill()
        answer = self._messages.popleft()
        if answer != wanted:
            text = answer.decode("ascii", "replace")
            raise can.CanInitializationError(f"the socketcand server said {text!r}")


def _message(text: bytes) -> can.Message | None:
    """A `frame` or `error` message; ValueError if it is malformed, None if it is another kind."""
    words = text.decode("ascii", "replace").split()
    if not words or words[0] not in ("frame", "error"):
        return None
    if len(words) < 3:
        raise ValueError(f"socketcand message {text!r} is too short")
    identifier = int(words[1], 16)
    if words[0] == "error":
        return can.Message(arbitration_id=identifier & 0x7FF, is_error_frame=True)
    return can.Message(
        arbitration_id=identifier,
        is_extended_id=len(words[1]) > 3,
        data=bytes.fromhex("".join(words[3:])),
    )
