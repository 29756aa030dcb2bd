"""The serial side of a simulated gateway: requests in, replies out, one after the other.

Source: xcom-protocol.md 2, 3 and 8.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from ...core.simulation.faults import Fault, FaultBoard, FaultSpec
from ...core.simulation.pacing import PacedPipe
from ...core.url import SerialLine
from ..datapoints import datapoint
from ..frame import STRIPPED, Frame, FrameParser
from ..protocol import Format, Service, decode_value, encode_value, error_reply_to, reply_to
from .site import SimulatedSite

FAULTS = (
    Fault.SILENT, Fault.LOST_REPLY, Fault.LATE, Fault.OTHER_REPLY, Fault.WRONG_UNIT,
    Fault.TRUNCATED, Fault.BAD_CRC, Fault.EXCEPTION, Fault.RESET, Fault.REFUSE, Fault.FLOOD,
    Fault.IGNORE, Fault.CLIP, Fault.DEFER,
)  # fmt: skip
"""What can go wrong here; TRUNCATED, BAD_CRC and WRONG_UNIT mean a cut reply, a wrong checksum and
the source address of the next device."""

_LOG_LENGTH = 100_000


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One frame: when (monotonic s), on which line, sent or received."""

    time: float
    line: str
    sent: bool
    frame: Frame


class Station:
    """What all lines of a simulator share: the site, faults, speed, and a log of frames."""

    def __init__(self, site: SimulatedSite, speed: SerialLine | None = None) -> None:
        self.site = site
        self.speed = speed
        self.faults = FaultBoard(FAULTS)
        self.log: deque[FrameRecord] = deque(maxlen=_LOG_LENGTH)

    def record(self, line: str, frame: Frame, *, sent: bool) -> None:
        """Note a frame."""
        self.log.append(FrameRecord(time.monotonic(), line, sent, frame))

    def requests(self, *, service: Service | None = None) -> list[Frame]:
        """The requests in the log: all, or only reads or writes."""
        return [
            one.frame
            for one in self.log
            if not one.sent and (service is None or one.frame.service == service)
        ]


class GatewayLine:
    """One serial line with the gateway at its end.

    terminated: replies are followed by 0D 0A, as in Xcom-LAN mode (profile B).
    deliver: takes the bytes that come out of the gateway.
    reset: ends the connections behind the line, if there are any.
    """

    def __init__(
        self,
        station: Station,
        name: str,
        deliver: Callable[[bytes], None],
        *,
        terminated: bool,
        reset: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._station = station
        self._deliver = deliver
        self._terminated = terminated
        self._reset = reset
        self._parser = FrameParser()
        self._queue: asyncio.Queue[Frame] = asyncio.Queue()
        self._late: set[asyncio.TimerHandle] = set()
        speed = station.speed
        self._inward = PacedPipe(speed, self._arrived) if speed else None
        self._outward = PacedPipe(speed, deliver) if speed else None
        self._worker = asyncio.get_running_loop().create_task(self._work())

    def receive(self, data: bytes) -> None:
        """Take bytes for the gateway."""
        if self._inward is None:
            self._arrived(data)
        else:
            self._inward.put(data)

    def is_noise(self, data: bytes) -> bool:
        """Take bytes for the gateway; tells whether it is known that no frame ends in them."""
        before = self._parser.counts.frames
        self.receive(data)
        return self._inward is None and self._parser.counts.frames == before

    def inject(self, data: bytes) -> None:
        """Put bytes on the line as if the gateway had sent them."""
        if self._outward is None:
            self._deliver(data)
        else:
            self._outward.put(data)

    def close(self) -> None:
        """Stop answering."""
        self._worker.cancel()
        for handle in self._late:
            handle.cancel()
        for pipe in (self._inward, self._outward):
            if pipe is not None:
                pipe.close()

    def _arrived(self, data: bytes) -> None:
        for frame in self._parser.feed(data):
            self._queue.put_nowait(frame)

    async def _work(self) -> None:
        while True:
            await self._serve(await self._queue.get())
            if self._outward is not None:
                await self._outward.drained()

    async def _serve(self, asked: Frame) -> None:
        station = self._station
        station.record(self.name, asked, sent=False)
        delay = station.site.gateway.delay(asked)
        if delay > 0.0:
            await asyncio.sleep(delay)
        station.site.catch_up()
        spec = station.faults.hit(write=asked.service == Service.WRITE)
        if spec is not None and spec.fault is Fault.SILENT:
            return
        if spec is not None and spec.fault is Fault.EXCEPTION:
            flags = station.site.gateway.flags
            self._send(error_reply_to(asked, int(spec.value), flags=flags))
            return
        if spec is not None and spec.fault in (Fault.IGNORE, Fault.DEFER):
            self._acknowledge(spec, asked)
            return
        if spec is not None and spec.fault is Fault.CLIP:
            asked = _clipped(asked, spec.value)
        reply = station.site.gateway.respond(asked)
        if reply is None:
            return
        if spec is None or spec.fault is Fault.CLIP:
            self._send(reply)
        else:
            self._misbehave(spec, reply)

    def _acknowledge(self, spec: FaultSpec, asked: Frame) -> None:
        """Answer a write as if it was obeyed, and obey it later or never."""
        gateway = self._station.site.gateway
        self._send(reply_to(asked, b"", flags=gateway.flags))
        if spec.fault is Fault.DEFER:
            self._later(spec.value, gateway.respond, asked)
        else:
            gateway.writes += 1

    def _later(self, seconds: float, do: Callable[..., object], *with_what: object) -> None:
        loop = asyncio.get_running_loop()
        self._late = {handle for handle in self._late if handle.when() > loop.time()}
        self._late.add(loop.call_later(seconds, do, *with_what))

    def _misbehave(self, spec: FaultSpec, reply: Frame) -> None:
        frame = self._on_the_wire(reply)
        match spec.fault:
            case Fault.LATE:
                self._later(spec.value, self._send, reply)
            case Fault.OTHER_REPLY:
                self._send(replace(reply, object_id=reply.object_id + 1))
            case Fault.WRONG_UNIT:
                self._send(replace(reply, source=reply.source + 1))
            case Fault.TRUNCATED:
                self.inject(frame[: len(frame) // 2])
            case Fault.BAD_CRC:
                end = len(reply.encode())
                self.inject(frame[: end - 1] + bytes([frame[end - 1] ^ 0x5A]) + frame[end:])
            case Fault.FLOOD:
                self.inject(random.Random(1).randbytes(int(spec.value)))
            case Fault.RESET if self._reset is not None:
                self._reset()
            case _:
                return

    def _send(self, reply: Frame) -> None:
        self._station.record(self.name, reply, sent=True)
        self.inject(self._on_the_wire(reply))

    def _on_the_wire(self, reply: Frame) -> bytes:
        return reply.encode() + (STRIPPED if self._terminated else b"")


def _clipped(asked: Frame, highest: float) -> Frame:
    """A write of a number that is not above another one."""
    try:
        layout = datapoint(asked.object_id).format
        if layout not in (Format.FLOAT, Format.INT32):
            return asked
        value = min(decode_value(layout, asked.data), highest)
        exact = value if layout is Format.FLOAT else int(value)
        return replace(asked, data=encode_value(layout, exact))
    except (LookupError, ValueError):  # the gateway refuses it
        return asked
