"""A pseudo-terminal with a simulated Xcom-232i at its end."""

from __future__ import annotations

import asyncio
import os
import tty
from contextlib import suppress
from dataclasses import replace

from ...core.url import SerialLine, SerialUrl
from .line import GatewayLine, Station

PROFILE_A = SerialLine(38_400, "E", 8, 1)
PROFILE_B = SerialLine(115_200, "N", 8, 1)
"""The two link profiles (xcom-protocol.md 2.1)."""


class Terminal:
    """One terminal; the client opens the other end like a serial port.

    terminated: in Xcom-LAN mode (profile B), where 0D 0A follows each reply.
    """

    def __init__(self, station: Station, *, terminated: bool) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        path = os.ttyname(self._slave)
        line = station.speed or (PROFILE_B if terminated else PROFILE_A)
        # a pseudo-terminal cannot be set to a parity: opening it with one fails
        self.url = SerialUrl(path, replace(line, parity="N"))
        self.line = GatewayLine(station, f"serial://{path}", self._write, terminated=terminated)
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def close(self) -> None:
        """Take it away: the client's end reports an error."""
        self.line.close()
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)

    def _read(self) -> None:
        self.line.receive(os.read(self._master, 4096))

    def _write(self, data: bytes) -> None:
        with suppress(BlockingIOError):  # nobody reads: a real line loses these bytes as well
            os.write(self._master, data)
