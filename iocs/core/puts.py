"""Puts: complete when the device has confirmed them, and fail at the client when it has not.

The order is: limits, device, confirming read, readback, completion. Puts to one device are carried
out one after the other, in the order in which they came; urgent ones (stop, emergency off) wait for
nobody. Nothing is ever repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from .alarm import COMM, GOOD, WRITE_FAILED, Severity
from .dbr import ConversionError
from .stamp import Stamp

if TYPE_CHECKING:
    from .channel import Point
    from .declare import Command, Setpoint
    from .group import Group

MAX_WAITING = 1024
"""Puts that may wait for one device; more are refused: no runaway client fills the memory."""


class PutRefused(ValueError):
    """A put that the IOC refuses before it reaches the device."""


class PutQueue:
    """One put at a time to a device."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._waiting = 0

    @asynccontextmanager
    async def turn(self, urgent: bool) -> AsyncIterator[None]:
        """Wait for this put's turn; urgent ones have it at once."""
        if urgent:
            yield
            return
        if self._waiting >= MAX_WAITING:
            raise PutRefused(f"{MAX_WAITING} puts already wait for this device")
        self._waiting += 1
        try:
            async with self._lock:
                yield
        finally:
            self._waiting -= 1


class CommandPut:
    """Carries out the puts of one momentary command."""

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
        if not value:
            return  # writing "Done" asks for nothing
        self._busy += 1
        point.post(1, Stamp.now())
        alarm = GOOD
        try:
            async with self._group.root.put_queue.turn(self._command.urgent):
                await self._command.action(self._group.target)
        except BaseException as error:
            alarm = WRITE_FAILED
            if isinstance(error, Exception):
                self._group.root.health.put_failed(point.pvname, error)
            raise
        finally:
            self._busy -= 1
            await self._read_back(point, alarm)

    async def _read_back(self, point: Point, alarm: Any) -> None:
        """Show the state after the command, whether it was obeyed or not."""
        poller = self._group.poller(self._command.confirm)
        await poller.refresh()
        if self._busy:
            return
        point.post(0, Stamp.now(), alarm)
        if not poller.fresh:
            point.fail(COMM)


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
            self._point.post(value, stamp)

    async def __call__(self, point: Point, value: Any) -> None:
        check_limits(point, value)
        self._under_way += 1
        try:
            async with self._group.root.put_queue.turn(self._setpoint.urgent):
                await self._setpoint.write(self._group.target, value)
            problem = await self._group.poller(self._setpoint.readback.block).refresh()
            if problem is not None:
                raise PutRefused(f"{point.pvname}: written, but not read back: {problem}")
        except Exception as error:
            self._group.root.health.put_failed(point.pvname, error)
            point.mark(WRITE_FAILED if point.failure is None else point.failure)
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
        raise PutRefused(
            f"{point.pvname}: {value:g} is outside {low:g} to {high:g} {point.units}".rstrip()
        )
