"""One line of a simulator: requests in, answers out, line speed and faults in between."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from .faults import Fault, FaultSpec
from .pacing import PacedPipe
from .simulator import Simulator

F = TypeVar("F")


class Timers:
    """Things to do later, that may be called off together."""

    def __init__(self) -> None:
        self._handles: set[asyncio.TimerHandle] = set()

    def later(self, seconds: float, do: Callable[..., object], *with_what: object) -> None:
        """Do something after a while."""
        loop = asyncio.get_running_loop()
        self._handles = {handle for handle in self._handles if handle.when() > loop.time()}
        self._handles.add(loop.call_later(seconds, do, *with_what))

    def close(self) -> None:
        """Do none of it."""
        for handle in self._handles:
            handle.cancel()


class Line(ABC, Generic[F]):
    """Answers one request after the other; an instrument says how frames and answers are made.

    endpoint: what the log calls it.
    write: takes the bytes that come out.
    reset: ends the connections behind the line, if there are any.
    """

    def __init__(
        self,
        simulator: Simulator[F],
        endpoint: str,
        write: Callable[[bytes], None],
        reset: Callable[[], None] = lambda: None,
    ) -> None:
        self.endpoint = endpoint
        self.timers = Timers()
        self._simulator = simulator
        self._write = write
        self.reset = reset
        self._queue: asyncio.Queue[F] = asyncio.Queue()
        speed = simulator.line
        self._inward = PacedPipe(speed, self._arrived) if speed else None
        self._outward = PacedPipe(speed, write) if speed else None
        self._worker = asyncio.get_running_loop().create_task(self._work())

    # -- what the instrument knows

    @property
    @abstractmethod
    def noise(self) -> int:
        """Bytes since the last good frame that were of none."""

    @abstractmethod
    def parse(self, data: bytes) -> Iterable[F]:
        """The requests that are complete with these bytes."""

    @abstractmethod
    def encode(self, reply: F) -> bytes:
        """The bytes of an answer."""

    @abstractmethod
    def is_write(self, asked: F) -> bool:
        """Whether a request changes something."""

    @abstractmethod
    def answer(self, asked: F) -> Sequence[F]:
        """Let the instrument obey a request; returns what it answers, perhaps nothing."""

    @abstractmethod
    def acknowledge(self, asked: F) -> Sequence[F]:
        """The answer to a write that was obeyed, whether it was or not."""

    @abstractmethod
    def refuse(self, asked: F, code: int) -> Sequence[F]:
        """The answer that refuses a request."""

    @abstractmethod
    def clip(self, asked: F, highest: float) -> Sequence[F]:
        """Obey a write with no number above another one, and answer as if it was obeyed."""

    @abstractmethod
    def mistake(self, fault: Fault, asked: F, replies: Sequence[F]) -> Sequence[F]:
        """Whole answers that are not the right ones: `OTHER_REPLY` and its like."""

    def is_taken(self, asked: F) -> bool:
        """Whether anybody listens to a request."""
        del asked
        return True

    def delay(self, asked: F) -> float:
        """Seconds until a request is answered."""
        del asked
        return self._simulator.think

    def corrupt(self, data: bytes) -> bytes:
        """An answer with a wrong checksum."""
        return data[:-1] + bytes([data[-1] ^ 0x5A]) if data else data

    # -- bytes

    @property
    def busy(self) -> bool:
        """True while bytes are on their way in."""
        return self._inward is not None and self._inward.busy

    def receive(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self._inward is None:
            self._arrived(data)
        else:
            self._inward.put(data)

    def put(self, data: bytes) -> None:
        """Put bytes on the line as if the instrument had sent them."""
        if self._outward is not None:
            self._outward.put(data)
        elif data:
            self._write(data)

    def send(self, replies: Sequence[F]) -> None:
        """Send answers."""
        for reply in replies:
            self._simulator.record(self.endpoint, reply, sent=True, write=self.is_write(reply))
        self.put(self._encoded(replies))

    def queue(self, requests: Iterable[F]) -> None:
        """Let requests be answered in their turn."""
        for asked in requests:
            self._queue.put_nowait(asked)

    def close(self) -> None:
        """Stop answering."""
        self._worker.cancel()
        self.timers.close()
        for pipe in (self._inward, self._outward):
            if pipe is not None:
                pipe.close()

    def _arrived(self, data: bytes) -> None:
        self.queue(self.parse(data))

    def _encoded(self, replies: Sequence[F]) -> bytes:
        return b"".join(map(self.encode, replies))

    # -- requests

    async def _work(self) -> None:
        while True:
            asked = await self._queue.get()
            write = self.is_write(asked)
            self._simulator.record(self.endpoint, asked, sent=False, write=write)
            if not self.is_taken(asked):
                continue
            if (delay := self.delay(asked)) > 0.0:
                await asyncio.sleep(delay)
            spec = self._simulator.faults.hit(write=write)
            if spec is None:
                self.send(self.answer(asked))
            else:
                self._misbehave(spec, asked)
            if self._outward is not None:
                await self._outward.drained()

    def _misbehave(self, spec: FaultSpec, asked: F) -> None:
        match spec.fault:
            case Fault.SILENT:
                return
            case Fault.EXCEPTION:
                self.send(self.refuse(asked, int(spec.value)))
            case Fault.IGNORE:
                self.send(self.acknowledge(asked))
            case Fault.DEFER:
                self.timers.later(spec.value, self.answer, asked)
                self.send(self.acknowledge(asked))
            case Fault.CLIP:
                self.send(self.clip(asked, spec.value))
            case _:
                self._spoil(spec, asked, self.answer(asked))

    def _spoil(self, spec: FaultSpec, asked: F, replies: Sequence[F]) -> None:
        """Send the answer to a request that was obeyed, not as it should be."""
        data = self._encoded(replies)
        match spec.fault:
            case Fault.LOST_REPLY:
                return
            case Fault.LATE:
                self.timers.later(spec.value, self.send, replies)
            case Fault.ECHO:
                self.put(self.encode(asked) + data)
            case Fault.TRUNCATED:
                self.put(data[: len(data) // 2])
            case Fault.BAD_CRC:
                self.put(self.corrupt(data))
            case Fault.FLOOD:
                self.put(random.Random(1).randbytes(int(spec.value)))
            case Fault.RESET:
                self.reset()
            case _:
                self.send(self.mistake(spec.fault, asked, replies))
