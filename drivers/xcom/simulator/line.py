"""The serial side of a simulated gateway: requests in, replies out, one after the other.

Source: xcom-protocol.md 2, 3 and 8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ...core.simulation.faults import Fault
from ...core.simulation.line import Line
from ...core.simulation.simulator import Simulator
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


class GatewayLine(Line[Frame]):
    """One serial line with the gateway at its end.

    terminated: replies are followed by 0D 0A, as in Xcom-LAN mode (profile B).
    """

    def __init__(
        self,
        simulator: Simulator[Frame],
        site: SimulatedSite,
        endpoint: str,
        write: Callable[[bytes], None],
        reset: Callable[[], None] = lambda: None,
        *,
        terminated: bool,
    ) -> None:
        self._site = site
        self._end = STRIPPED if terminated else b""
        self._parser = FrameParser()
        super().__init__(simulator, endpoint, write, reset)

    @property
    def noise(self) -> int:
        return self._parser.noise

    @property
    def frames(self) -> int:
        """Requests that came."""
        return self._parser.counts.frames

    def parse(self, data: bytes) -> Iterable[Frame]:
        return self._parser.feed(data)

    def encode(self, reply: Frame) -> bytes:
        return reply.encode() + self._end

    def is_write(self, asked: Frame) -> bool:
        return asked.service == Service.WRITE

    def delay(self, asked: Frame) -> float:
        return self._site.gateway.delay(asked)

    def answer(self, asked: Frame) -> Sequence[Frame]:
        self._site.catch_up()
        reply = self._site.gateway.respond(asked)
        return [] if reply is None else [reply]

    def acknowledge(self, asked: Frame) -> Sequence[Frame]:
        return [reply_to(asked, b"", flags=self._site.gateway.flags)]

    def refuse(self, asked: Frame, code: int) -> Sequence[Frame]:
        return [error_reply_to(asked, code, flags=self._site.gateway.flags)]

    def clip(self, asked: Frame, highest: float) -> Sequence[Frame]:
        return self.answer(_clipped(asked, highest))

    def mistake(self, fault: Fault, asked: Frame, replies: Sequence[Frame]) -> Sequence[Frame]:
        if fault is Fault.WRONG_UNIT:
            return [replace(each, source=each.source + 1) for each in replies]
        return [replace(each, object_id=each.object_id + 1) for each in replies]

    def corrupt(self, data: bytes) -> bytes:
        return super().corrupt(data.removesuffix(self._end)) + self._end


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
