"""One connection of a simulator: requests in, answers out, line speed and faults in between."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

from .. import tcp
from ..noise import too_noisy
from ..url import SerialLine
from .faults import UNTRUE, Fault, FaultBoard, FaultSpec
from .modbus_device import (
    ModbusDevice,
    acknowledgement,
    answer,
    clipped,
    exception_answer,
    is_write,
    other_answer,
)
from .modbus_framing import Framing, RtuFraming, ServerRequest
from .pacing import PacedPipe

_GAP_CHARACTERS = 3.5
_QUIET = 0.02


class Host(Protocol):
    """What a channel needs of its server."""

    faults: FaultBoard
    line: SerialLine | None
    think: float

    def device_for(self, unit: int, *, rtu: bool) -> ModbusDevice | None:
        """The device that answers this address."""
        ...

    def record(self, endpoint: str, unit: int, pdu: bytes, *, sent: bool) -> None:
        """Note a frame."""
        ...


class Channel:
    """Answers one client, one request after the other."""

    def __init__(
        self,
        host: Host,
        endpoint: str,
        framing: Framing,
        write: Callable[[bytes], None],
        *,
        transport: asyncio.Transport | None = None,
    ) -> None:
        self._host = host
        self._endpoint = endpoint
        self._framing = framing
        self._rtu = isinstance(framing, RtuFraming)
        self._write = write
        self._transport = transport
        self._queue: asyncio.Queue[ServerRequest] = asyncio.Queue()
        self._quiet: asyncio.TimerHandle | None = None
        self._late: set[asyncio.TimerHandle] = set()
        self._open = True
        line = host.line
        self._inward = PacedPipe(line, self._arrived) if line else None
        self._outward = PacedPipe(line, self._write_if_open) if line else None
        self._worker = asyncio.get_running_loop().create_task(self._work())

    @property
    def stream(self) -> bool:
        """True for a TCP connection."""
        return self._transport is not None

    def receive(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self._inward is None:
            self._arrived(data)
        else:
            self._inward.put(data)

    def reset(self) -> None:
        """End a TCP connection with a reset."""
        if self._transport is not None:
            tcp.reset(self._transport)
        self.close()

    def close(self) -> None:
        """Stop answering."""
        self._open = False
        self._worker.cancel()
        if self._quiet is not None:
            self._quiet.cancel()
        for handle in self._late:
            handle.cancel()
        for pipe in (self._inward, self._outward):
            if pipe is not None:
                pipe.close()
        if self._transport is not None:
            self._transport.close()

    def _arrived(self, data: bytes) -> None:
        for request in self._framing.feed(data):
            self._queue.put_nowait(request)
        if self.stream and too_noisy(self._framing.noise):
            self.reset()
            return
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = asyncio.get_running_loop().call_later(_QUIET, self._silence)

    def _silence(self) -> None:
        if self._inward is not None and self._inward.busy:
            # this program was late, not the line silent
            return
        for request in self._framing.silence():
            self._queue.put_nowait(request)

    async def _work(self) -> None:
        while True:
            request = await self._queue.get()
            self._host.record(self._endpoint, request.unit, request.pdu, sent=False)
            device = self._host.device_for(request.unit, rtu=self._rtu)
            if device is not None:
                await self._serve(device, request)

    async def _serve(self, device: ModbusDevice, request: ServerRequest) -> None:
        line = self._host.line
        gap = _GAP_CHARACTERS * line.character_time if line and self._rtu else 0.0
        if gap + self._host.think > 0.0:
            await asyncio.sleep(gap + self._host.think)
        spec = self._host.faults.hit(write=is_write(request.pdu))
        if spec is None:
            self._send(request, answer(device, request.pdu))
        else:
            self._misbehave(spec, device, request)
        if self._outward is not None:
            await self._outward.drained()

    def _misbehave(self, spec: FaultSpec, device: ModbusDevice, request: ServerRequest) -> None:
        if spec.fault is Fault.SILENT:
            return
        if spec.fault is Fault.EXCEPTION:
            self._send(request, exception_answer(request.pdu, int(spec.value)))
            return
        if spec.fault in UNTRUE:
            self._obey_otherwise(spec, device, request.pdu)
            self._send(request, acknowledgement(request.pdu))
            return
        right = answer(device, request.pdu)
        if spec.fault is Fault.LATE:
            self._later(spec.value, self._send, request, right)
        elif spec.fault is Fault.OTHER_REPLY:
            self._send(request, other_answer(request.pdu, right))
        elif spec.fault is Fault.RESET:
            self.reset()
        else:
            self._put(self._spoilt(spec, request, right))

    def _obey_otherwise(self, spec: FaultSpec, device: ModbusDevice, pdu: bytes) -> None:
        """Do something else than a write asks for, or later, or nothing."""
        if spec.fault is Fault.CLIP:
            answer(device, clipped(pdu, int(spec.value)))
        elif spec.fault is Fault.DEFER:
            self._later(spec.value, answer, device, pdu)

    def _later(self, seconds: float, do: Callable[..., object], *with_what: object) -> None:
        loop = asyncio.get_running_loop()
        self._late = {handle for handle in self._late if handle.when() > loop.time()}
        self._late.add(loop.call_later(seconds, do, *with_what))

    def _spoilt(self, spec: FaultSpec, request: ServerRequest, right: bytes) -> bytes:
        frame = self._framing.wrap(request.unit, right, request.transaction)
        match spec.fault:
            case Fault.WRONG_TRANSACTION:
                before = (request.transaction - 1) & 0xFFFF
                return self._framing.wrap(request.unit, right, before)
            case Fault.WRONG_UNIT:
                return self._framing.wrap((request.unit + 1) & 0xFF, right, request.transaction)
            case Fault.ECHO:
                return self._framing.wrap(request.unit, request.pdu, request.transaction) + frame
            case Fault.TRUNCATED:
                return frame[: len(frame) // 2]
            case Fault.BAD_CRC:
                return frame[:-1] + bytes([frame[-1] ^ 0x5A])
            case Fault.FLOOD:
                return random.Random(1).randbytes(int(spec.value))
            case _:
                return b""

    def _send(self, request: ServerRequest, pdu: bytes) -> None:
        if self._open:
            self._host.record(self._endpoint, request.unit, pdu, sent=True)
            self._put(self._framing.wrap(request.unit, pdu, request.transaction))

    def _put(self, data: bytes) -> None:
        if self._outward is None:
            self._write_if_open(data)
        else:
            self._outward.put(data)

    def _write_if_open(self, data: bytes) -> None:
        if self._open and data:
            self._write(data)
