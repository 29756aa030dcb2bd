"""A simulated module as it behaves on the line (iseg-protocol.md 16)."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from ...core.can import CanFrame
from ...core.simulation.can_line import SimulatedLine
from ...core.simulation.faults import Fault, FaultBoard, FaultSpec
from ...core.simulation.line import Timers
from ..items import ITEMS, MULTIPLE, I, Scope
from ..protocol import (
    BROADCAST,
    LOG_ON,
    Announcement,
    Answer,
    DecodeError,
    announce,
    answer,
    ask_identifier,
    data_identifier,
    parse_answer,
)
from .answers import Registers
from .model import ModuleModel

FAULTS = (
    Fault.SILENT, Fault.LOST_REPLY, Fault.LATE, Fault.OTHER_REPLY, Fault.TRUNCATED, Fault.IGNORE,
    Fault.CLIP, Fault.DEFER,
)  # fmt: skip
_OF_BLOCK = 5


class SimulatedModule:
    """One module on a line.

    latency: seconds between a request and its answer.
    announce_every: seconds between announcements while it is not registered (iseg-protocol.md 5).
    forget_after: seconds without a frame to it after which it is not registered any more.
    multiple_reads: firmware that knows multiple access; it says of others that it has no such item.
    short_reads: firmware that takes a multiple access with an empty mask for all channels.
    """

    def __init__(
        self,
        line: SimulatedLine,
        model: ModuleModel,
        faults: FaultBoard,
        *,
        latency: float = 0.001,
        announce_every: float = 3.0,
        forget_after: float = 60.0,
        multiple_reads: bool = True,
        short_reads: bool = False,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = model
        self.registers = Registers(model)
        self.registered = False
        self.silent = False
        self.requests = 0
        self.writes = 0
        self.overlaps = 0
        self._faults = faults
        self._latency = latency
        self._announce_every = announce_every
        self._forget_after = forget_after
        self.multiple_reads = multiple_reads
        self._short_reads = short_reads
        self._speed = speed
        self._clock = clock
        self._seen = self._addressed = clock()
        self._owed = 0
        self._line = line
        self._station = line.attach(f"module {model.address}", self._heard)
        self._timers = Timers()
        self._announcing = asyncio.ensure_future(self._announce())

    @property
    def address(self) -> int:
        """Its address on the line."""
        return self.model.address

    def close(self) -> None:
        """Take the module off the line."""
        self._announcing.cancel()
        self._timers.close()
        self._line.detach(self._station)

    def catch_up(self) -> None:
        """Let the model's time follow the clock."""
        now = self._clock()
        self.model.advance((now - self._seen) * self._speed)
        self._seen = now

    def restart(self) -> None:
        """Power-cycle: everything set is lost, and it announces itself at once."""
        self.catch_up()
        self.model.restart()
        self.registered = False
        self._send_announcement()

    def alarm(self) -> None:
        """Send an active frame with the module status (golden frame 50, inferred)."""
        frame = answer(self.address, Answer(I.MODULE_STATUS, False, None, self.model.status))
        self._transmit(CanFrame(self.address << 3, frame.data))

    # -- log-on

    async def _announce(self) -> None:
        while True:
            if self.registered and self._clock() - self._addressed > self._forget_after:
                self.registered = False
            if not self.registered:
                self._send_announcement()
            await asyncio.sleep(self._announce_every)

    def _send_announcement(self) -> None:
        status = self.model.status >> 8
        self._transmit(announce(Announcement(self.address, status, self.model.device_class)))

    def _transmit(self, frame: CanFrame) -> None:
        if not self.silent:
            self._station.send(frame)

    # -- frames

    def _heard(self, frame: CanFrame) -> None:
        if self.silent:
            return
        if frame.identifier == BROADCAST:
            self._broadcast(frame.data)
        elif frame.identifier == ask_identifier(self.address) and frame.data[:1] != b"\xd8":
            self._addressed = self._clock()
            self._asked(frame)
        elif frame.identifier == data_identifier(self.address):
            self._addressed = self._clock()
            self.overlaps += self._owed > 0
            self._told(frame)

    def _asked(self, frame: CanFrame) -> None:
        self.requests += 1
        self.overlaps += self._owed > 0
        spec = self._faults.hit(write=False)
        if spec is not None and spec.fault is Fault.SILENT:
            return
        self.catch_up()
        answers = self._answers(frame.data)
        delay = self._latency
        if spec is not None:
            answers, delay = _spoilt(spec, answers, delay)
        self._owed += len(answers)
        if delay > 0.0:
            self._timers.later(delay, self._give, answers)
        else:
            self._give(answers)

    def _give(self, answers: list[CanFrame]) -> None:
        for frame in answers:
            self._owed -= 1
            self._transmit(frame)

    def _answers(self, data: bytes) -> list[CanFrame]:
        if len(data) < 2:
            self.model.refuse_input()
            return []
        number = int.from_bytes(data[:2], "big")
        if number >> 12 == 6 and self.multiple_reads:
            return self._answer_many(number - MULTIPLE, data)
        scope = ITEMS[number].scope if number in ITEMS else None
        has_place = number >> 12 in (2, 4, 6) or scope is Scope.BLOCK
        place = data[2] if has_place and len(data) > 2 else None
        value = None if has_place and place is None else self.registers.read(number, place)
        return [answer(self.address, Answer(number, False, place, value))]

    def _answer_many(self, number: int, data: bytes) -> list[CanFrame]:
        """One frame for each selected channel that exists, in order (iseg-protocol.md 4)."""
        count = len(self.model.channels)
        if len(data) != _OF_BLOCK:
            self.model.refuse_input()
            return []
        mask, first = int.from_bytes(data[2:4], "big"), data[4]
        chosen = [first + k for k in range(16) if mask >> k & 1 and first + k < count]
        if not mask and not first and self._short_reads:
            chosen = list(range(count))
        found: list[CanFrame] = []
        for channel in chosen:
            value = self.registers.read(number, channel)
            found.append(answer(self.address, Answer(number, True, channel, value)))
            if value is None:
                break
        return found

    def _told(self, frame: CanFrame) -> None:
        data = frame.data
        if data[:1] == bytes((LOG_ON,)):
            self.registered = data[1:2] == b"\x01"
            return
        self.writes += 1
        spec = self._faults.hit(write=True)
        if spec is not None and spec.fault in (Fault.SILENT, Fault.IGNORE):
            return
        if spec is not None and spec.fault is Fault.DEFER:
            self._timers.later(spec.value, self._obey, data)
            return
        self._obey(data, spec.value if spec is not None and spec.fault is Fault.CLIP else math.inf)

    def _obey(self, data: bytes, highest: float = math.inf) -> None:
        self.catch_up()
        try:
            order = parse_answer(data)
        except DecodeError:
            self.model.refuse_input()
            return
        if order.value is None:
            self.model.refuse_input()
        else:
            value = min(order.value, highest) if isinstance(order.value, float) else order.value
            self.registers.write(order.id, order.place, value)

    def _broadcast(self, data: bytes) -> None:
        """Control of every channel, on all modules (iseg-protocol.md 11)."""
        if data[:4] == b"\xe8\x00\x60\x01" and len(data) == 6:
            self.catch_up()
            for channel in self.model.channels:
                channel.control(int.from_bytes(data[4:], "big"))


def _spoilt(
    spec: FaultSpec, answers: list[CanFrame], latency: float
) -> tuple[list[CanFrame], float]:
    """The answers as a fault leaves them, and after how long they come."""
    match spec.fault:
        case Fault.LATE:
            return answers, spec.value
        case Fault.LOST_REPLY:
            return answers[:-1], latency
        case Fault.OTHER_REPLY:
            return [CanFrame(a.identifier, _other(a.data)) for a in answers], latency
        case Fault.TRUNCATED:
            return [
                CanFrame(a.identifier, a.data[: len(a.data) // 2 + 1]) for a in answers
            ], latency
        case _:
            return answers, latency


def _other(data: bytes) -> bytes:
    """The answer to another request: of another channel, or another item."""
    if data[0] >> 4 in (4, 6) and len(data) > 2:
        return data[:2] + bytes((data[2] ^ 0x01,)) + data[3:]
    return data[:1] + bytes((data[1] ^ 0x01,)) + data[2:]
