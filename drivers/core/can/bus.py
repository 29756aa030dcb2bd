"""One CAN bus and the nodes on it: requests with matched answers, urgent ones first, recovery.

`CanBus` knows no protocol. A node has a part of the identifiers to itself (identifier and mask); a
request is a frame and a function that says of each received frame whether it belongs to the answer.
One request at a time per node, requests to different nodes side by side.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from enum import Enum
from typing import Any, TypeVar

from ..backoff import Backoff
from ..errors import LinkDown, NoReply
from ..url import CanUrl
from .echo import EchoFilter
from .frame import CanFrame
from .interfaces import check
from .port import Port
from .precedence import Precedence

T = TypeVar("T")

_OPEN_TIMEOUT = 8.0
_DEAF_AFTER = 15.0
"""Seconds without any frame, in spite of requests, after which the interface is opened anew."""


class Part(Enum):
    """What a received frame is to the request that waits."""

    OTHER = "not of the answer"
    MORE = "of the answer, which goes on"
    LAST = "the answer is complete"


class CanBus:
    """A bus, shared by all who use its link. Constructing it opens nothing.

    The first request opens the interface. It is closed, and opened again after a back-off, when the
    adapter vanishes, is bus-off or refuses frames; at once, when it stays deaf for long.
    Raises `BadUrl` for an interface that python-can does not have.
    """

    def __init__(
        self,
        url: CanUrl,
        *,
        open_timeout: float = _OPEN_TIMEOUT,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check(url)
        self.url = url
        self.name = str(url)
        self.opens = 0
        self.exchanges = 0
        self.unexpected = 0
        self._open_timeout = open_timeout
        self._backoff = backoff or Backoff(clock=clock)
        self._clock = clock
        self._nodes: dict[int, dict[int, CanNode]] = {}
        self._port: Port | None = None
        self._opening = asyncio.Lock()
        self._echo = EchoFilter()
        self._failure = ""
        self._trouble = ""
        self._refusing = False
        self._heard = 0.0
        self._closed = False

    @property
    def connected(self) -> bool:
        """True while the interface is open."""
        return self._port is not None and self._port.alive

    @property
    def reconnects(self) -> int:
        """How often the interface was opened after the first time."""
        return max(0, self.opens - 1)

    @property
    def trouble(self) -> str:
        """What the controller complained of since the last frame came in, or empty."""
        return self._trouble

    def node(
        self,
        name: str,
        identifier: int,
        mask: int,
        listen: Callable[[CanFrame], None] | None = None,
    ) -> CanNode:
        """A node that owns the frames whose `identifier & mask` is that.

        `listen` gets those that no request waits for. Raises ValueError if they have an owner.
        """
        owners = self._nodes.setdefault(mask, {})
        if identifier & mask in owners:
            taken = owners[identifier & mask].name
            raise ValueError(f"{self.name}: {name} and {taken} share their identifiers")
        node = owners[identifier & mask] = CanNode(self, name, listen)
        return node

    async def close(self) -> None:
        """Close the interface for good; sends nothing."""
        self._closed = True
        async with self._opening:
            port, self._port = self._port, None
            self._fail_all("the link was closed")
            if port is not None:
                await port.close()

    # -- what nodes need

    def down(self, node: CanNode, asked: str, reason: str) -> LinkDown:
        """The error of a request that found no open interface."""
        return LinkDown(self.name, node.name, asked, reason)

    async def opened(self, node: CanNode, asked: str, *, urgent: bool = False) -> Port:
        """The open interface; raises `LinkDown`. `urgent` ones do not wait for the back-off."""
        async with self._opening:
            if self._closed:
                raise self.down(node, asked, "the link was closed")
            if self._port is not None and self._port.alive:
                return self._port
            wait = self._backoff.remaining
            if wait > 0.0 and not urgent:
                raise self.down(node, asked, f"{self._failure}; next try in {wait:.1f} s")
            try:
                async with asyncio.timeout(self._open_timeout):
                    self._port = await Port.open(
                        self.url, self._received, self._complained, self._lost
                    )
            except TimeoutError:
                reason = f"cannot be opened: no answer in {self._open_timeout:g} s"
                raise self.down(node, asked, self._failed(reason)) from None
            except OSError as error:
                reason = f"cannot be opened: {error.strerror or error}"
                raise self.down(node, asked, self._failed(reason)) from error
            self.opens += 1
            self._echo = EchoFilter()
            self._trouble = self._failure = ""
            self._refusing = False
            self._heard = self._clock()
            return self._port

    async def transmit(self, node: CanNode, port: Port, frame: CanFrame, asked: str) -> None:
        """Send one frame; raises `LinkDown` if the interface did not take it."""
        self._echo.sent(frame)
        try:
            await port.send(frame)
        except OSError as error:
            reason = f"the frame was not sent: {error}"
            if port.alive:
                port.alive = False
                self._lost(reason)
            raise self.down(node, asked, reason) from error

    def request_ended(self, *, answered: bool) -> None:
        """Judge the interface by an answer that came or did not come."""
        self.exchanges += 1
        self._echo.request_ended(self.name)
        if answered:
            self._backoff.reset()
        elif self._refusing:
            self._lost(self._trouble)
        elif self._clock() - self._heard > _DEAF_AFTER:
            self._drop(f"nothing was heard for {_DEAF_AFTER:g} s")

    # -- what the interface tells

    def _received(self, frame: CanFrame) -> None:
        if self._echo.is_echo(frame):
            return
        self._heard = self._clock()
        self._trouble, self._refusing = "", False
        for mask, owners in self._nodes.items():
            node = owners.get(frame.identifier & mask)
            if node is not None:
                if node.received(frame):
                    self._echo.came_back()
                return
        self.unexpected += 1

    def _complained(self, trouble: str, refusing: bool) -> None:
        self._trouble = trouble
        self._refusing = refusing

    def _lost(self, reason: str) -> None:
        self._failed(reason)
        self._drop(reason)

    def _drop(self, reason: str) -> None:
        port, self._port = self._port, None
        if port is not None:
            port.abandon()
        self._fail_all(reason)

    def _failed(self, reason: str) -> str:
        self._failure = reason
        wait = self._backoff.failed()
        return f"{reason}; next try in {wait:.1f} s"

    def _fail_all(self, reason: str) -> None:
        for owners in self._nodes.values():
            for node in owners.values():
                node.lost(reason)


class CanNode:
    """One node on a bus. Make it with `CanBus.node`."""

    def __init__(self, bus: CanBus, name: str, listen: Callable[[CanFrame], None] | None) -> None:
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
