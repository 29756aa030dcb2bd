"""A serial line as a stream of bytes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import termios
from collections.abc import Callable

import serial

from ..url import SerialUrl
from .base import drop_bytes, ignore_loss

_CHUNK = 4096
_MOST_WAITING = 65536


class SerialStream:
    """An open serial line without flow control, for this program alone."""

    def __init__(self, url: SerialUrl) -> None:
        self.receive: Callable[[bytes], None] = drop_bytes
        self.lost: Callable[[str], None] = ignore_loss
        self._url = url
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()
        try:
            self._port: serial.Serial | None = serial.Serial(
                url.device, url.line.baud, url.line.bits, url.line.parity, url.line.stop,
                timeout=0, write_timeout=0, exclusive=True,
            )  # fmt: skip
        except termios.error as error:
            raise OSError(f"the line settings are refused: {error}") from error
        self._number: int = self._port.fileno()
        self._loop.add_reader(self._number, self._readable)

    @property
    def peer(self) -> str:
        """The device of the line."""
        return self._url.device

    @property
    def alive(self) -> bool:
        """True until the adapter vanishes."""
        return self._port is not None

    @property
    def delivered(self) -> bool:
        """True once the line has all that was written."""
        return not self._waiting

    def write(self, data: bytes) -> None:
        """Send bytes; what the line does not take at once follows."""
        if self._port is None or len(self._waiting) > _MOST_WAITING:
            return
        if not self._waiting:
            self._loop.add_writer(self._number, self._writable)
        self._waiting += data
        self._writable()

    def close(self, *, discard: bool) -> None:
        """Close the line; with `discard`, bytes that wait in it are dropped."""
        port, self._port = self._port, None
        if port is None:
            return
        self._loop.remove_reader(self._number)
        self._loop.remove_writer(self._number)
        self._waiting.clear()
        if discard:
            # a vanished adapter takes its bytes with it
            with contextlib.suppress(OSError, termios.error):
                port.reset_output_buffer()
        port.close()

    def _readable(self) -> None:
        try:
            data = os.read(self._number, _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error.strerror or str(error))
            return
        if data:
            self.receive(data)
        else:
            self._end("the line ended")

    def _writable(self) -> None:
        try:
            written = os.write(self._number, self._waiting)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error.strerror or str(error))
            return
        del self._waiting[:written]
        if not self._waiting:
            self._loop.remove_writer(self._number)

    def _end(self, reason: str) -> None:
        self.close(discard=True)
        self.lost(reason)
