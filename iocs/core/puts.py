"""Puts: complete when the device has confirmed them, and fail at the client when it has not.

The order is: limits, device, confirming read, readback, completion. Puts to one device (or
to a part with a queue of its own) are carried out one after the other, in the order in which they
came; urgent ones (stop, emergency off) wait for nobody. Nothing is ever repeated.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from .alarm import GOOD, READ_FAILED, WRITE_FAILED, Alarm, Severity, Status
from .dbr import ConversionError
from .stamp import Stamp

if TYPE_CHECKING:
    from .declared import Command, Setpoint
    from .group import Group
    from .point import Point

log = logging.getLogger("labioc.puts")

MAX_WAITING = 1024
"""Puts that may wait for one device; more are refused: no runaway client fills the memory."""


wanted: ContextVar[Callable[[], bool]] = ContextVar("wanted", default=lambda: True)
"""Whether the put that runs in this context is still wanted: its client waits for its end."""


class PutRefused(ValueError):
    """A put that the IOC refuses before it reaches the device."""


class PutQueue:
    """One put at a time to a device, or to a part of one that has a queue of its own.

    ``above`` is the device's queue: what overtakes or ends there does so here, and its room is for
    all parts.
    """

    def __init__(self, above: PutQueue | None = None) -> None:
        self._above = above
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._overtaken = 0
        self._overtaker = ""
        self._ending = False

    @property
    def waiting(self) -> int:
        """Puts that wait or are under way, the urgent ones aside."""
        return self._waiting

    def end(self) -> None:
        """The IOC ends: puts that wait are refused, and new ones but urgent ones."""
        self._ending = True

    @asynccontextmanager
    async def turn(self, pvname: str, urgent: bool) -> AsyncIterator[None]:
        """Wait for this put's turn. Urgent ones have it at once, and what waits is refused.

        A start that was asked for before a stop must not come after it.
        """
        if urgent:
            self._overtaken += 1
            self._overtaker = pvname
            yield
            return
        queues = (self,) if self._above is None else (self, self._above)
        seen = [queue._overtaken for queue in queues]
        if queues[-1].waiting >= MAX_WAITING:
            raise PutRefused(f"{MAX_WAITING} puts already wait for this device")
        for queue in queues:
            queue._waiting += 1
        try:
            async with self._lock:
                for queue, times in zip(queues, seen, strict=True):
                    queue._check(pvname, times)
                yield
        finally:
            for queue in queues:
                queue._waiting -= 1

    def _check(self, pvname: str, seen: int) -> None:
        """Refuse a put whose turn came, if it is not to be carried out any more."""
        if self._ending:
            raise PutRefused(f"{pvname}: the IOC ends")
        if self._overtaken != seen:
            raise PutRefused(
                f"{pvname}: {self._overtaker} was put meanwhile; put again if it is still wanted"
            )
        if not wanted.get()():
            raise PutRefused(f"{pvname}: its client has gone")


class CommandPut:
    """Carries out the puts of one momentary command; a ``note`` of its result goes to the log."""

    def __init__(self, command: Command[Any], point: Point, group: Group) -> None:
        self._command = command
        self._point = point
        self._group = group
        self._busy = 0

    def follow(self, reading: Any, stamp: Stamp) -> None:
        """With its block good the command can be given; a lost block has made it INVALID."""
        if reading is not None and self._point.severity == Severity.INVALID:
            self._point.post(int(self._busy > 0), stamp)

    async def __call__(self, point: Point, value: int) -> None:
        if not value:  # writing "Done" asks for nothing; it clears the alarm of a failed put
            if point.status == Status.WRITE:
                self._show(GOOD)
            return
        poller = self._group.poller(self._command.confirm)
        self._busy += 1
        self._show(GOOD)
        alarm = WRITE_FAILED
        try:
            async with self._group.put_queue.turn(point.pvname, self._command.urgent):
                result = await self._command.action(self._group.target)
            note = getattr(result, "note", "")
            if note:
                log.warning("%s: %s", point.pvname, note)
            problem = await poller.refresh()
            if problem is not None:
                raise PutRefused(f"{point.pvname}: carried out, but not read back: {problem}")
            alarm = GOOD
        except Exception as error:
            self._group.root.health.put_failed(point.pvname, error)
            poller.read_soon()  # what it did all the same; the client need not wait for that
            raise
        finally:
            self._busy -= 1
            self._show(alarm)

    def _show(self, alarm: Alarm) -> None:
        """Show whether the command is under way; on a lost device it stays INVALID."""
        point = self._point
        if point.severity == Severity.INVALID:
            alarm = Alarm(point.status, point.severity)
        point.post(int(self._busy > 0), Stamp.now(), alarm)


class SetpointPut:
    """Carries out the puts of one set point, and lets it follow the device after (re)connecting."""

    def __init__(self, setpoint: Setpoint[Any, Any], point: Point, group: Group) -> None:
        self._setpoint = setpoint
        self._point = point
        self._group = group
        self._known = False
        self._under_way = 0

    def follow(self, reading: Any, stamp: Stamp) -> None:
        """Take the device's value at the first good read after a connect, and only then."""
        if reading is None:
            self._known = self._known and not self._setpoint.follow
            return
        if self._known:
            if self._point.failure is not None:
                self._point.post(self._point.value, stamp)
        elif not self._under_way:
            value = self._setpoint.readback.get(reading)
            self._known = value is not None
            try:
                self._point.post(value, stamp)
            except ConversionError:  # its readback PV, INVALID as well, has said so in the log
                self._point.fail(READ_FAILED, stamp)

    async def __call__(self, point: Point, value: Any) -> None:
        check_limits(point, value)
        self._under_way += 1
        try:
            async with self._group.put_queue.turn(point.pvname, self._setpoint.urgent):
                await self._setpoint.write(self._group.target, value)
            problem = await self._group.poller(self._setpoint.readback.block).refresh()
            if problem is not None:
                raise PutRefused(f"{point.pvname}: written, but not read back: {problem}")
        except Exception as error:
            self._group.root.health.put_failed(point.pvname, error)
            if point.severity != Severity.INVALID:
                point.mark(WRITE_FAILED)
            raise
        finally:
            self._under_way -= 1
        self._known = True
        point.post(value, Stamp.now())


def check_limits(point: Point, value: Any) -> None:
    """Refuse NaN, infinity and what is outside the control limits; nothing reaches the device."""
    if not isinstance(value, (int, float)) or not point.spec.numeric:
        return
    low, high = point.spec.control
    if value != value or value in (float("inf"), float("-inf")):
        raise ConversionError(f"{point.pvname}: {value} is not a finite number")
    if value < low or value > high:
        allowed = f"{low:.15g} to {high:.15g} {point.units}".rstrip()
        raise PutRefused(f"{point.pvname}: {value:.15g} is outside {allowed}")
