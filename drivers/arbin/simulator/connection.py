"""One connection of the simulated cycler: requests in, replies out, faults in between."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Protocol

from ...core import tcp
from ...core.noise import too_noisy
from ...core.simulation.faults import UNTRUE, Fault, FaultBoard, FaultSpec
from ..protocol import TOKEN, Direction, Frame, FrameStream, frame
from ..queries import UnknownCommandReply
from .answers import WRITES, Session

_OF_THE_CYCLER = UNTRUE | {Fault.EXCEPTION}
_OLD_TOKEN = b"\xdd" * 8
_LONGEST_REQUEST = 4 << 20


@dataclass(frozen=True, slots=True)
class WireStyle:
    """How replies leave: `think` seconds late, in pieces of `split` bytes, with an `old_token`."""

    think: float = 0.0
    split: int = 0
    old_token: bool = False


class Host(Protocol):
    """What a connection needs of its server."""

    style: WireStyle
    faults: FaultBoard
    cut_next: bool
    bad_checksums: int

    def replies(
        self, session: Session, received: Frame, *, files: bool, spec: FaultSpec | None = None
    ) -> list[Frame]:
        """The replies to a frame."""
        ...

    def add(self, connection: Connection) -> None:
        """A connection was made."""
        ...

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        ...


class Connection(tcp.PieceProtocol):
    """One connection: answers one request after the other."""

    def __init__(self, server: Host, files: bool) -> None:
        super().__init__()
        self.session = Session()
        self._server = server
        self._files = files
        self._stream = FrameStream(Direction.REQUEST, _LONGEST_REQUEST)
        self._queue: asyncio.Queue[Frame] = asyncio.Queue()
        self._transport: asyncio.Transport | None = None
        self._worker: asyncio.Task[None] | None = None
        self._late: set[asyncio.TimerHandle] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.add(self)
        self._worker = asyncio.get_running_loop().create_task(self._work())

    def received(self, data: bytes) -> None:
        for received in self._stream.feed(data):
            self._queue.put_nowait(received)
        self._server.bad_checksums += len(self._stream.bad_codes)
        if too_noisy(self._stream.noise):
            self.reset()

    def connection_lost(self, exc: Exception | None) -> None:
        self.close()

    def reset(self) -> None:
        """End the connection with a reset."""
        if self._transport is not None:
            tcp.reset(self._transport)
        self.close()

    def close(self) -> None:
        """Stop answering."""
        self._server.forget(self)
        if self._worker is not None:
            self._worker.cancel()
        for handle in self._late:
            handle.cancel()
        if self._transport is not None:
            self._transport.close()

    async def _work(self) -> None:
        while True:
            received = await self._queue.get()
            if self._server.style.think > 0.0:
                await asyncio.sleep(self._server.style.think)
            write = received.code in WRITES
            spec = self._server.faults.hit(write=write)
            if spec is not None and spec.fault is Fault.SILENT:
                continue
            replies = self._server.replies(self.session, received, files=self._files, spec=spec)
            if spec is not None and spec.fault not in _OF_THE_CYCLER:
                replies = self._spoilt(spec, replies)
            await self._send(b"".join(map(self._frame, replies)))

    def _frame(self, reply: Frame) -> bytes:
        data = frame(reply.code, reply.payload, Direction.REPLY)
        return _OLD_TOKEN + data[len(TOKEN) :] if self._server.style.old_token else data

    async def _send(self, data: bytes) -> None:
        if self._server.cut_next and data:
            self._server.cut_next = False
            self._write(data[: len(data) // 2])
            await asyncio.sleep(0)
            self.close()
            return
        size = self._server.style.split or len(data) or 1
        for at in range(0, len(data), size):
            self._write(data[at : at + size])
            if size < len(data):
                await asyncio.sleep(0)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and data and not self._transport.is_closing():
            self._transport.write(data)

    def _spoilt(self, spec: FaultSpec, replies: list[Frame]) -> list[Frame]:
        """Do what a fault does to replies; returns what is still to be sent the usual way."""
        data = b"".join(map(self._frame, replies))
        match spec.fault:
            case Fault.LATE:
                loop = asyncio.get_running_loop()
                self._late = {handle for handle in self._late if handle.when() > loop.time()}
                self._late.add(loop.call_later(spec.value, self._write, data))
            case Fault.TRUNCATED:
                self._write(data[: len(data) // 2])
            case Fault.BAD_CRC:
                self._write(data[:-1] + bytes([data[-1] ^ 0x5A]) if data else data)
            case Fault.OTHER_REPLY:
                other = UnknownCommandReply(0)
                return [Frame(other.code, other.encode())]
            case Fault.FLOOD:
                self._write(random.Random(1).randbytes(int(spec.value)))
            case Fault.RESET:
                self.reset()
            case _:
                pass
        return []
