"""One node on a CAN bus: one request at a time, urgent ones first, answers matched by frame."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from enum import Enum
from typing import Any, Protocol

from ..errors import LinkDown, NoReply
from .frame import CanFrame
from .port import Port
from .precedence import Precedence


class Bus(Protocol):
    """What a node needs of the bus that it is on."""

    name: str

    @property
    def trouble(self) -> str:
        """What the controller complained of, or empty."""
        ...

    async def opened(self, node: CanNode, asked: str, *, urgent: bool = False) -> Port:
        """The open interface; raises `LinkDown`."""
        ...

    async def transmit(self, node: CanNode, port: Port, frame: CanFrame, asked: str) -> None:
        """Send one frame; raises `LinkDown`."""
        ...

    def down(self, node: CanNode, asked: str, reason: str) -> LinkDown:
        """The error of a request that found no open interface."""
        ...

    def request_ended(self, *, answered: bool) -> None:
        """Hear whether an answer came."""
        ...


class Part(Enum):
    """What a received frame is to the request that waits."""

    OTHER = "not of the answer"
    MORE = "of the answer, which goes on"
    LAST = "the answer is complete"


class CanNode:
    """One node on a bus. Make it with `CanBus.node`."""

    def __init__(self, bus: Bus, name: str, listen: Callable[[CanFrame], None] | None) -> None:
        self.bus = bus
        self.name = name
        self.answering = False
        self.exchanges = 0
        self._listen = listen
        self._turns = Precedence()
        self._request: CanFrame | None = None
        self._take: Callable[[CanFrame], Part] | None = None
        self._answer: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._within = 0.0

    async def request(
        self,
        frame: CanFrame,
        take: Callable[[CanFrame], Part],
        *,
        asked: str,
        within: float,
        urgent: bool = False,
    ) -> None:
        """Send a frame and hand each received one to `take` until it says that it was the last.

        Returns then; `within` are the seconds that may pass between two frames of the answer. A
        request that has begun runs to its end even if its caller is cancelled.
        Raises `NoReply`, `LinkDown`.
        """

        async def exchange() -> None:
            port = await self.bus.opened(self, asked, urgent=urgent)
            await self._exchange(port, frame, take, asked, within)

        await self._in_turn(exchange, urgent)

    async def send(
        self,
        frames: Sequence[CanFrame],
        *,
        asked: str,
        urgent: bool = False,
        guard: Callable[[], None] | None = None,
    ) -> None:
        """Send frames that nobody answers, one right after the other. Raises `LinkDown`.

        `guard` runs right before the first goes out; what it raises keeps it back.
        """

        async def transmit() -> None:
            port = await self.bus.opened(self, asked, urgent=urgent)
            if guard is not None:
                guard()
            for frame in frames:
                self.exchanges += 1
                await self.bus.transmit(self, port, frame, asked)

        await self._in_turn(transmit, urgent)

    async def _in_turn(self, work: Callable[[], Coroutine[Any, Any, None]], urgent: bool) -> None:
        await self._turns.acquire(urgent=urgent)
        turn = asyncio.ensure_future(work())
        turn.add_done_callback(self._end_turn)
        await asyncio.shield(turn)

    def _end_turn(self, turn: asyncio.Future[None]) -> None:
        self._turns.release()
        if not turn.cancelled():
            turn.exception()

    async def _exchange(
        self,
        port: Port,
        frame: CanFrame,
        take: Callable[[CanFrame], Part],
        asked: str,
        within: float,
    ) -> None:
        loop = asyncio.get_running_loop()
        answer = self._answer = loop.create_future()
        self._request, self._take, self._within = frame, take, within
        self.exchanges += 1
        answered = False
        try:
            await self.bus.transmit(self, port, frame, asked)
            self._deadline = loop.time() + within
            self._timer = loop.call_at(self._deadline, self._late, answer)
            await answer
            answered = True
        except TimeoutError:
            raise NoReply(self.bus.name, self.name, asked, self._silence(within)) from None
        except OSError as error:
            raise self.bus.down(self, asked, str(error)) from error
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if answer.done() and not answered:
                answer.exception()  # seen: the request has its own error
            self._request = self._take = self._answer = None
            self.answering = answered
            self.bus.request_ended(answered=answered)

    def _late(self, answer: asyncio.Future[None]) -> None:
        """The deadline has come: it is later by now, or nothing was heard for too long."""
        loop = asyncio.get_running_loop()
        if answer.done():
            return
        if self._deadline > loop.time():
            self._timer = loop.call_at(self._deadline, self._late, answer)
        else:
            answer.set_exception(TimeoutError())

    def _silence(self, within: float) -> str:
        trouble = self.bus.trouble
        return f"nothing within {within:g} s" + (f" ({trouble})" if trouble else "")

    def received(self, frame: CanFrame) -> bool:
        """Take a frame of this node; True if it is the request that waits, come back."""
        if self._take is not None and self._answer is not None and not self._answer.done():
            part = self._take(frame)
            if part is not Part.OTHER:
                self._deadline = asyncio.get_running_loop().time() + self._within
                if part is Part.LAST:
                    self._answer.set_result(None)
                return False
            if frame == self._request:
                return True
        if self._listen is not None:
            self._listen(frame)
        return False

    def lost(self, reason: str) -> None:
        """The interface is gone: what waits has failed."""
        self.answering = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(OSError(reason))
