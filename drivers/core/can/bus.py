"""One CAN bus and the nodes on it: requests with matched answers, urgent ones first, recovery.

`CanBus` knows no protocol. A node has a part of the identifiers to itself (identifier and mask); a
request is a frame and a function that says of each received frame whether it belongs to the answer.
One request at a time per node, requests to different nodes side by side.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ..backoff import Backoff
from ..errors import LinkDown
from ..url import CanUrl
from .echo import EchoFilter
from .frame import CanFrame
from .interfaces import check
from .node import CanNode
from .port import Port

_OPEN_TIMEOUT = 8.0
_DEAF_AFTER = 15.0
"""Seconds without any frame, in spite of requests, after which the interface is opened anew."""


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
