"""An open CAN interface in threads of its own, so that no adapter can hold up the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import can

from ..threads import in_thread
from ..url import CanUrl
from .frame import CanFrame
from .interfaces import REFUSED, open_interface

_READ_WAIT = 0.1
_SEND_TIMEOUT = 0.5
_CLOSE_TIMEOUT = 1.0
_INBOX = 20_000
_AT_ONCE = 256
_MOST_BYTES = 8
_BUS_OFF = 0x040
_NO_ACKNOWLEDGE = 0x020
_PROTOCOL = 0x088
# linux/can/error.h: classes of error frames, which socketcand passes on
_TROUBLES = (
    (_NO_ACKNOWLEDGE, "nobody acknowledges a frame: no module is powered, or the cable is out"),
    (_PROTOCOL, "faulty frames on the bus: another bit rate, or a bad cable"),
    (REFUSED, "the adapter refuses frames: its bus is off or its queue is full"),
)


@dataclass(frozen=True, slots=True)
class _Complaint:
    """What the controller complains of, and whether it refuses frames."""

    text: str
    refusing: bool


class Port:
    """An open interface. Make it with `open`; `receive`, `trouble` and `lost` run in the loop.

    `trouble` hears what the controller complains of, and whether it refuses frames; `lost` hears,
    once, why the port is of no more use.
    """

    def __init__(
        self,
        bus: can.BusABC,
        url: CanUrl,
        receive: Callable[[CanFrame], None],
        trouble: Callable[[str, bool], None],
        lost: Callable[[str], None],
    ) -> None:
        self._bus = bus
        # the kernel marks every frame of this machine as not received, simulated modules too
        self._own_are_marked = url.backend != "socketcan"
        self._receive = receive
        self._trouble = trouble
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._scheduled = False
        self._inbox: deque[CanFrame | _Complaint] = deque(maxlen=_INBOX)
        self._outbox: queue.SimpleQueue[tuple[can.Message, asyncio.Future[None]] | None]
        self._outbox = queue.SimpleQueue()
        self.alive = True
        self._threads = [
            threading.Thread(target=run, name=f"can-{name}-{url.channel}", daemon=True)
            for name, run in (("in", self._read), ("out", self._write))
        ]
        for thread in self._threads:
            thread.start()

    @classmethod
    async def open(
        cls,
        url: CanUrl,
        receive: Callable[[CanFrame], None],
        trouble: Callable[[str, bool], None],
        lost: Callable[[str], None],
    ) -> Port:
        """Open the interface of a link; raises OSError with the reason."""
        opening = asyncio.ensure_future(
            in_thread(lambda: open_interface(url), f"can-open-{url.channel}")
        )
        try:
            bus = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unused)
            raise
        return cls(bus, url, receive, trouble, lost)

    async def send(self, frame: CanFrame) -> None:
        """Hand a frame to the interface; raises OSError if it did not take it."""
        message = can.Message(
            arbitration_id=frame.identifier, data=frame.data, is_extended_id=False
        )
        sent: asyncio.Future[None] = self._loop.create_future()
        self._outbox.put((message, sent))
        await sent

    async def close(self) -> None:
        """Close the interface, at latest when its threads have come back from it."""
        self._stop()
        await in_thread(self._shut_down, "can-close")

    def abandon(self) -> None:
        """Close the interface behind the scenes."""
        self._stop()
        threading.Thread(target=self._shut_down, name="can-close", daemon=True).start()

    def _stop(self) -> None:
        self.alive = False
        self._closing = True
        self._outbox.put(None)

    def _shut_down(self) -> None:
        for thread in self._threads:
            thread.join(_CLOSE_TIMEOUT)
        with contextlib.suppress(can.CanError, OSError, ValueError):
            self._bus.shutdown()

    # -- the reading thread

    def _read(self) -> None:
        while not self._closing:
            try:
                message = self._bus.recv(_READ_WAIT)
            except (ValueError, IndexError):
                continue  # a line of garbage from the adapter
            except (can.CanError, OSError, TypeError) as error:
                self._in_loop(self._end, str(error) or type(error).__name__)
                return
            if message is not None:
                self._sort(message)

    def _sort(self, message: can.Message) -> None:
        if message.is_error_frame:
            self._complain(message.arbitration_id)
        elif message.is_extended_id or message.is_remote_frame or message.is_fd:
            return  # standard data frames only
        elif len(message.data) > _MOST_BYTES or message.dlc != len(message.data):
            return  # a line of garbage from the adapter
        elif message.is_rx or not self._own_are_marked:
            self._take(CanFrame(message.arbitration_id & 0x7FF, bytes(message.data)))

    def _complain(self, kind: int) -> None:
        if kind & _BUS_OFF:
            self._in_loop(self._end, "bus off: too many errors on the bus (bit rate, cable?)")
            return
        for flag, text in _TROUBLES:
            if kind & flag:
                self._take(_Complaint(text, flag == REFUSED))
                return

    def _take(self, item: CanFrame | _Complaint) -> None:
        self._inbox.append(item)
        if not self._scheduled:
            self._scheduled = True
            self._in_loop(self._drain)

    # -- the writing thread

    def _write(self) -> None:
        while (item := self._outbox.get()) is not None:
            message, sent = item
            try:
                self._bus.send(message, _SEND_TIMEOUT)
            except (can.CanError, OSError, ValueError, TypeError) as error:
                self._in_loop(_settle, sent, OSError(str(error) or type(error).__name__))
            else:
                self._in_loop(_settle, sent, None)
        while not self._outbox.empty():
            if (item := self._outbox.get()) is not None:
                self._in_loop(_settle, item[1], OSError("the interface was closed"))

    # -- in the loop

    def _in_loop(self, call: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop ended meanwhile
            self._loop.call_soon_threadsafe(call, *arguments)

    def _drain(self) -> None:
        """Hand on what came: as much as may hold up the others, the rest in the next turn."""
        self._scheduled = False
        for _ in range(min(len(self._inbox), _AT_ONCE)):
            item = self._inbox.popleft()
            if not self.alive:
                continue
            if isinstance(item, CanFrame):
                self._receive(item)
            else:
                self._trouble(item.text, item.refusing)
        if self._inbox and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._drain)

    def _end(self, reason: str) -> None:
        if self.alive:
            self.alive = False
            self._lost(reason)


def _settle(sent: asyncio.Future[None], error: OSError | None) -> None:
    if sent.done():
        return
    if error is None:
        sent.set_result(None)
    else:
        sent.set_exception(error)


def _close_unused(opening: asyncio.Future[can.BusABC]) -> None:
    """An interface that opened after nobody waited for it any more."""
    if opening.cancelled() or opening.exception() is not None:
        return
    bus = opening.result()
    threading.Thread(target=bus.shutdown, name="can-close", daemon=True).start()
