"""Puts: complete when the device has confirmed them, and fail at the client when it has not.

The order is: limits, device, confirming read, compared with what was put, completion. Puts to one
device (or to a part with a queue of its own) are carried out one after the other, in the order in
which they came; urgent ones (stop, emergency off) wait for nobody. Nothing is ever repeated.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from itertools import chain, islice
from typing import Any, Protocol

from drivers.core.errors import Ambiguous, NotObeyed
from drivers.core.loglines import plain
from iocs.ca.dbr import ConversionError, Native
from iocs.ca.stamp import Stamp
from iocs.ca.writes import wanted
from iocs.record.alarm import GOOD, NOT_CARRIED_OUT, READ_FAILED, WRITE_FAILED, Alarm, Severity
from iocs.record.point import Point
from iocs.record.spec import NOT_AVAILABLE_STATE, PointSpec, Presence

from .declared import Command, Setpoint
from .scan import Block, Poller

log = logging.getLogger("labioc.puts")

MAX_WAITING = 1024
"""Puts that may wait for one device; more are refused: no runaway client fills the memory."""

_READ_AGAIN = 0.1
"""Seconds between two reads of a block that is waited for to show what was put."""

_MOST_REPLACED = 64
"""Values put to one set point that are remembered: a later one may have replaced an earlier."""


class PutRefused(ValueError):
    """A put that the IOC refuses before it reaches the device."""


class NotHeld(ValueError):
    """A put that was written, and whose readback shows that the device holds something else."""


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
        self._watching: set[asyncio.Future[str]] = set()

    @property
    def waiting(self) -> int:
        """Puts that wait or are under way, the urgent ones aside."""
        return self._waiting

    def end(self) -> None:
        """The IOC ends: puts that wait are refused, and new ones but urgent ones."""
        self._ending = True
        self._tell("the IOC ends")

    @contextmanager
    def watch(self) -> Iterator[asyncio.Future[str]]:
        """What tells a put that waits for its readback that it need not wait longer, and why."""
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        queues = (self,) if self._above is None else (self, self._above)
        for queue in queues:
            queue._watching.add(told)
        try:
            yield told
        finally:
            for queue in queues:
                queue._watching.discard(told)

    def _tell(self, reason: str) -> None:
        for told in self._watching:
            if not told.done():
                told.set_result(reason)

    @asynccontextmanager
    async def turn(self, pvname: str, urgent: bool) -> AsyncIterator[None]:
        """Wait for this put's turn. Urgent ones have it at once, and what waits is refused.

        A start that was asked for before a stop must not come after it.
        """
        if urgent:
            self._overtaken += 1
            self._overtaker = pvname
            self._tell(f"{pvname} was put meanwhile")
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


class PutGroup(Protocol):
    """A group, as its puts see it: ``target`` is what their actions get."""

    target: Any
    put_queue: PutQueue

    def poller(self, block: Block[Any]) -> Poller[Any, Any]: ...

    def put_failed(self, pvname: str, error: Exception) -> None: ...


class CommandPut:
    """Carries out the puts of one momentary command; a ``note`` of its result goes to the log."""

    def __init__(self, command: Command[Any], point: Point, group: PutGroup) -> None:
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
            point.refusal = None
            self._show()
            return
        poller = self._group.poller(self._command.confirm)
        self._busy += 1
        point.refusal = None
        self._show()
        try:
            async with self._group.put_queue.turn(point.pvname, self._command.urgent):
                result = await self._command.action(self._group.target)
            note = getattr(result, "note", "")
            if note:
                log.warning("%s: %s", point.pvname, plain(note))
            brings = self._command.brings
            if brings is None:
                problem = await poller.refresh()
            else:
                problem = await poller.take(brings(result))
            if problem is not None:
                raise PutRefused(f"{point.pvname}: carried out, but not read back: {problem}")
        except Exception as error:
            self._group.put_failed(point.pvname, error)
            point.refusal = WRITE_FAILED
            poller.read_soon()  # what it did all the same; the client need not wait for that
            raise
        else:
            point.refusal = None
        finally:
            self._busy -= 1
            self._show()

    def _show(self) -> None:
        """Show whether the command is under way; on a lost device it stays INVALID."""
        point = self._point
        lost = point.severity == Severity.INVALID
        alarm = Alarm(point.status, point.severity) if lost else GOOD
        point.post(int(self._busy > 0), Stamp.now(), alarm)


class SetpointPut:
    """Carries out the puts of one set point, and lets it follow the device after (re)connecting."""

    def __init__(self, setpoint: Setpoint[Any, Any], point: Point, group: PutGroup) -> None:
        self._setpoint = setpoint
        self._point = point
        self._group = group
        self._known = False
        self._under_way = 0
        self._begun = 0
        self._shown = 0
        self._sent: deque[Any] = deque(maxlen=_MOST_REPLACED)
        self._reading: Any = None
        self._waiting: set[asyncio.Future[str]] = set()

    def follow(self, reading: Any, stamp: Stamp) -> None:
        """Take the device's value at the first good read after a connect, and only then."""
        self._reading = reading
        if reading is None:
            self._known = self._known and not self._setpoint.follow
            for told in self._waiting:
                if not told.done():
                    told.set_result("it was lost meanwhile")
            return
        if self._known:
            if self._point.failure is not None:
                self._point.post(self._point.value, stamp)
        elif not self._under_way:
            self._take_held(stamp)

    def _take_held(self, stamp: Stamp) -> None:
        value = self._setpoint.readback.get(self._reading)
        if value is None and self._point.spec.presence is not Presence.ALWAYS:
            self._point.refusal = None  # no put to what is not there can ever end it
        try:
            self._point.post(value, stamp)
            self._known = _is_known(value)
        except ConversionError:  # its readback PV, INVALID as well, has said so in the log
            self._known = False
            self._point.fail(READ_FAILED, stamp)

    async def __call__(self, point: Point, value: Any) -> None:
        if point.absent:
            raise PermissionError(f"{point.pvname}: the device does not have it")
        check_limits(point, value)
        queue = self._group.put_queue
        self._under_way += 1
        try:
            with ExitStack() as watching:
                async with queue.turn(point.pvname, self._setpoint.urgent):
                    told = watching.enter_context(queue.watch())
                    number = self._begun = self._begun + 1
                    self._sent.append(value)
                    await self._setpoint.write(self._group.target, value)
                await self._confirm(value, number, told)
        except Exception as error:
            self._group.put_failed(point.pvname, error)
            if isinstance(error, (NotObeyed, Ambiguous)):  # look what the device holds now
                self._known = self._known and not self._setpoint.follow
                self._group.poller(self._setpoint.readback.block).read_soon()
            raise
        finally:
            self._under_way -= 1
        self._known = True
        if number > self._shown:
            self._shown = number
            point.take(value, Stamp.now())

    async def _confirm(self, value: Any, number: int, told: asyncio.Future[str]) -> None:
        """Read until the device holds what was put, or its time is over, or `told` ends it."""
        agreement, pvname = self._setpoint.agreement, self._point.pvname
        poller = self._group.poller(self._setpoint.readback.block)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + agreement.within
        last = agreement.within <= 0
        problem: object = await poller.refresh()
        self._waiting.add(told)
        try:
            while problem is None:
                if agreement.by_driver:
                    return
                if self._reading is None:
                    problem = "it does not answer"
                elif self._agrees(value, number):
                    return
                elif told.done() or last:
                    raise self._mismatch(value, number, told)
                else:
                    left = max(0.0, deadline - loop.time())
                    await asyncio.wait([told], timeout=min(_READ_AGAIN, left))
                    last = loop.time() >= deadline
                    problem = await _read(poller, told)
        finally:
            self._waiting.discard(told)
        raise PutRefused(f"{pvname}: written, but not read back: {problem}")

    def _held(self) -> Sequence[Any]:
        held = self._setpoint.agreement.held
        return [self._setpoint.readback.get(self._reading)] if held is None else held(self._reading)

    def _agrees(self, value: Any, number: int) -> bool:
        """Whether the device holds what was put, or what was put to this set point after it."""
        later = islice(reversed(self._sent), self._begun - number)
        holds = self._setpoint.agreement.holds
        return any(all(holds(put, held) for held in self._held()) for put in chain([value], later))

    def _mismatch(self, value: Any, number: int, told: asyncio.Future[str]) -> NotHeld:
        """Why the put has failed; the set point shows what the device holds instead."""
        point = self._point
        known = _is_known(self._setpoint.readback.get(self._reading))
        if self._setpoint.follow and number == self._begun and known:
            point.refusal = NOT_CARRIED_OUT
            self._take_held(Stamp.now())
        held = [_shown(point.spec, one) for one in self._held()]
        who = "the device holds" if len(held) == 1 else "the devices hold"
        reason = f"; {told.result()}" if told.done() else ""
        put = _shown(point.spec, value)
        return NotHeld(f"{point.pvname}: put {put}, {who} {', '.join(held)}{reason}")


def _is_known(value: Any) -> bool:
    """Whether a readback tells what the device holds."""
    return value is not None and value == value


async def _read(poller: Poller[Any, Any], told: asyncio.Future[str]) -> object:
    """Read the block again, but wait for it no longer than until `told`."""
    if told.done():
        return None
    reading = asyncio.ensure_future(poller.refresh())
    try:
        await asyncio.wait({reading, told}, return_when=asyncio.FIRST_COMPLETED)
        return reading.result() if reading.done() else None
    finally:
        reading.cancel()


def _shown(spec: PointSpec, value: Any) -> str:
    """A value as an operator knows it, with its units."""
    if not _is_known(value):
        return "an unknown value"
    if spec.native is Native.ENUM:
        index = int(value)
        return spec.states[index] if 0 <= index < len(spec.states) else str(index)
    return f"{value:.10g} {spec.units}".rstrip()


def check_limits(point: Point, value: Any) -> None:
    """Refuse NaN, infinity, what is outside the control limits and the state that is no choice.

    Nothing of it reaches the device.
    """
    spec = point.spec
    if spec.native is Native.ENUM and spec.presence is not Presence.ALWAYS and value == spec.absent:
        raise PutRefused(f"{point.pvname}: {NOT_AVAILABLE_STATE!r} is no state to put")
    if not isinstance(value, (int, float)) or not point.spec.numeric:
        return
    low, high = point.spec.control
    if value != value or value in (float("inf"), float("-inf")):
        raise ConversionError(f"{point.pvname}: {value} is not a finite number")
    if value < low or value > high:
        allowed = f"{low:.15g} to {high:.15g} {point.units}".rstrip()
        raise PutRefused(f"{point.pvname}: {value:.15g} is outside {allowed}")
