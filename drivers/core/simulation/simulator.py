"""What every simulator has: ports, a fault to switch on, a log of frames, control commands."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..url import SerialLine
from .commands import Command, plain
from .faults import BadFault, Fault, FaultBoard, FaultSpec
from .ports import Ports

F = TypeVar("F")

_LOG_LENGTH = 100_000
_OF_TCP = (Fault.RESET, Fault.REFUSE)


@dataclass(frozen=True, slots=True)
class FrameRecord(Generic[F]):
    """One frame: when (monotonic s), on which endpoint, sent or received, reading or writing."""

    time: float
    endpoint: str
    sent: bool
    write: bool
    frame: F


class Simulator(ABC, Generic[F]):
    """A simulated instrument on real ports. Must be made in a running event loop.

    faults: those that it can show.
    line: the serial line at whose speed bytes move both ways; None: at once.
    think: seconds between a request and its answer.
    `log` keeps the last 100 000 frames; `reads` and `writes` count all requests received.
    """

    def __init__(
        self,
        faults: Collection[Fault] = tuple(Fault),
        *,
        line: SerialLine | None = None,
        think: float = 0.0,
        ports: Ports | None = None,
    ) -> None:
        self.faults = FaultBoard(faults)
        self.line = line
        self.think = think
        self.ports = ports or Ports()
        self.log: deque[FrameRecord[F]] = deque(maxlen=_LOG_LENGTH)
        self.reads = 0
        self.writes = 0

    @abstractmethod
    async def listen(self, link: str) -> str:
        """Open an endpoint; returns the URL a client uses. Raises `BadUrl`, `OSError`."""

    def commands(self) -> Sequence[Command]:
        """The instrument's own control commands."""
        return ()

    @property
    def count_command(self) -> Command:
        """The command that tells what was asked."""
        return Command(
            "requests",
            "tells how many reads and writes were received",
            plain(lambda: f"reads {self.reads} writes {self.writes}"),
        )

    @property
    def disconnect_command(self) -> Command:
        """The command that ends the connections."""

        def run() -> str:
            self.disconnect()
            return "disconnected"

        return Command("disconnect", "resets all TCP connections", plain(run))

    @property
    def connections(self) -> int:
        """TCP connections that are open now."""
        return len(self.ports.connections)

    def disconnect(self) -> None:
        """Reset all TCP connections (the device restarts, somebody pulls the plug)."""
        self.ports.disconnect()

    async def set_fault(self, spec: FaultSpec) -> None:
        """Switch a fault on; raises `BadFault`."""
        if spec.fault in _OF_TCP and not self.ports.has_tcp:
            raise BadFault(f"{spec.fault} cannot happen on this link: it needs a TCP link")
        self.faults.set(spec)
        await self.follow_fault()

    async def clear_fault(self) -> None:
        """Switch the fault off."""
        self.faults.clear()
        await self.follow_fault()

    async def follow_fault(self) -> None:
        """Refuse connections or take them, as the fault says."""
        active = self.faults.active
        if active is not None and active.fault is Fault.REFUSE:
            self.ports.refuse()
        else:
            await self.ports.accept()

    def record(self, endpoint: str, frame: F, *, sent: bool, write: bool) -> None:
        """Note a frame in the log."""
        self.log.append(FrameRecord(time.monotonic(), endpoint, sent, write, frame))
        if not sent:
            self.writes += write
            self.reads += not write

    def requests(self, *, write: bool | None = None) -> list[F]:
        """The requests in the log: all, or only reads or writes."""
        return [
            one.frame for one in self.log if not one.sent and (write is None or one.write is write)
        ]

    async def close(self) -> None:
        """Stop."""
        await self.ports.close()
