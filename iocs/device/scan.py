"""Scans: one block read feeds many PVs, at a fixed rate, and says honestly when it fails.

A :class:`Scan` is declared in the class body of a device group; its :class:`Poller` does the work
in the running IOC. It keeps a fixed rate without catch-up bursts, never lets an error of a driver
end the process, makes exactly its own PVs INVALID when it fails or falls silent, and logs one line
when it breaks and one when it heals.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from drivers.core.errors import DriverError
from drivers.core.loglines import plain
from iocs.ca.dbr import ConversionError
from iocs.ca.stamp import Stamp
from iocs.record.alarm import COMM, READ_FAILED, Alarm
from iocs.record.point import Point

log = logging.getLogger("labioc.scan")

D = TypeVar("D")
R = TypeVar("R")

MIN_PERIOD = 0.02
MAX_PERIOD = 86_400.0
STALE_PERIODS = 2.0
"""Periods after the last good read at which its PVs become INVALID, even if the driver hangs."""

_HELD_UP = 0.05
"""Seconds by which a timer is late only if the event loop itself was held up."""

_YIELD_EVERY = 500
"""Posts between two turns of the event loop: a block of 20 000 PVs must not hold up clients."""


class Block(Generic[R]):
    """A typed snapshot that feeds PVs: in a part group, the share of its parent's block."""

    def __init__(self) -> None:
        self.attribute = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.attribute = self.attribute or name

    @property
    def label(self) -> str:
        """The name in PV names and log lines, CamelCase."""
        return "".join(word.capitalize() for word in self.attribute.split("_"))

    @property
    def title(self) -> str:
        """The name in what an operator reads, without a word that only told attributes apart."""
        return self.label.removesuffix("Scan") or self.label


class Scan(Block[R], Generic[D, R]):
    """A block that is read from the device every ``period`` seconds by ``read``.

    One that is not ``vital`` says nothing about whether the device is connected: it is read so
    seldom, or another way, that it would show a lost device as connected for long.
    """

    def __init__(
        self, period: float, read: Callable[[D], Awaitable[R]], *, vital: bool = True
    ) -> None:
        super().__init__()
        if not MIN_PERIOD <= period <= MAX_PERIOD:
            raise ValueError(f"scan period {period} s is not between {MIN_PERIOD} and {MAX_PERIOD}")
        self.period = period
        self.read = read
        self.vital = vital


class Score(Protocol):
    """What is told how the blocks of an IOC are read."""

    @property
    def link(self) -> str: ...

    def taking(self) -> AbstractContextManager[None]: ...

    def look_again(self) -> None: ...

    def read_succeeded(self, poller: Poller[Any, Any]) -> None: ...

    def read_failed(self, poller: Poller[Any, Any], error: Exception) -> None: ...

    def changed(self, poller: Poller[Any, Any], reason: str = "") -> None: ...

    def polled(self, poller: Poller[Any, Any]) -> None: ...


class Part(Protocol):
    """The group whose scans are read: ``target`` is what they are read from."""

    prefix: str
    target: Any
    attr_pvdb: Any

    @property
    def pollers(self) -> Mapping[Block[Any], Poller[Any, Any]]: ...

    @property
    def score(self) -> Score: ...

    def point(self, attribute: str) -> Point: ...


Follower = Callable[[Any, Stamp], None]


@dataclass(slots=True)
class Feed:
    """The PVs of one group that one block feeds, and the feeds of the group's parts.

    ``told_by`` is the PV that alarms while none of their values is known, if there is one: they are
    no alarms of their own then.
    """

    points: list[tuple[Point, Callable[[Any], Any]]] = field(
        default_factory=list["tuple[Point, Callable[[Any], Any]]"]
    )
    dependents: list[Point] = field(default_factory=list["Point"])
    followers: list[Follower] = field(default_factory=list[Follower])
    parts: list[tuple[Feed, Callable[[Any], Any]]] = field(
        default_factory=list["tuple[Feed, Callable[[Any], Any]]"]
    )
    told_by: Point | None = None

    async def give(self, reading: Any, stamp: Stamp) -> None:
        """Post a reading to all PVs; a part whose share is None or an error goes INVALID alone."""
        for count, (point, get) in enumerate(self.points, 1):
            self._post(point, get(reading), stamp)
            if not count % _YIELD_EVERY:
                await asyncio.sleep(0)
        for follow in self.followers:
            follow(reading, stamp)
        for feed, select in self.parts:
            share = select(reading)
            if share is None or isinstance(share, Exception):
                feed.fail(COMM, stamp)
            else:
                await feed.give(share, stamp)
            if len(self.parts) > 1:
                await asyncio.sleep(0)

    def take(self, reading: Any, stamp: Stamp) -> None:
        """Post the reading of a block that is derived from others; None: it cannot be known."""
        if reading is None:
            self.fail(COMM, stamp)
            return
        for point, get in self.points:
            self._post(point, get(reading), stamp)
        for follow in self.followers:
            follow(reading, stamp)

    def _post(self, point: Point, value: Any, stamp: Stamp) -> None:
        """Post one value; one that the record cannot hold makes its PV INVALID, not the block."""
        try:
            point.post(value, stamp)
        except ConversionError as error:
            if point.failure != READ_FAILED:
                log.error("%s", plain(error))
            point.fail(READ_FAILED, stamp)

    def fail(self, alarm: Alarm, stamp: Stamp) -> None:
        """Make every PV of the block INVALID, with one stamp."""
        for point in self.all_points():
            point.fail(alarm, stamp)
        for follow in self.followers:
            follow(None, stamp)
        for feed, _ in self.parts:
            feed.fail(alarm, stamp)

    def all_points(self) -> Iterable[Point]:
        yield from (point for point, _ in self.points)
        yield from self.dependents


def all_or_none(readings: Sequence[R | None]) -> Sequence[R] | None:
    """What a total is made of: the readings of all parts, or nothing while one of them is lost."""
    known = [reading for reading in readings if reading is not None]
    return known if len(known) == len(readings) else None


class Poller(Generic[D, R]):
    """Reads one block at its period, feeds it to the PVs, and keeps the score."""

    def __init__(self, scan: Scan[D, R], group: Part, feed: Feed, name: str) -> None:
        self.scan = scan
        self.group = group
        self.device: D = group.target
        self.feed = feed
        self.health = group.score
        self.name = name
        self.period = scan.period
        self.duration = 0.0
        self.overruns = 0
        self.fresh = False
        self.failures = 0
        self._began = -math.inf
        self._lost_at: float | None = None
        self._lock = asyncio.Lock()
        self._next_read: asyncio.Task[Exception | None] | None = None
        self._reads: set[asyncio.Task[Exception | None]] = set()
        self._wake = asyncio.Event()
        self._stale: asyncio.TimerHandle | None = None
        self._overdue_at = math.inf

    @property
    def label(self) -> str:
        """The name of the scan in PV names."""
        return self.scan.label

    async def run(self) -> None:
        """Poll until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                await self.refresh()
                due += self.period
                late = loop.time() - due
                if late > 0:
                    missed = math.floor(late / self.period) + 1
                    self.overruns += missed
                    due += missed * self.period
                self.health.polled(self)
                if await self._sleep_until(due):
                    due = loop.time()
        finally:
            self._disarm()

    async def stop(self) -> None:
        """Give up the reads that are under way."""
        reads = list(self._reads)
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
        self._disarm()

    async def _sleep_until(self, due: float) -> bool:
        """Wait for the next slot; True if woken early (new period, or a read was asked for)."""
        try:
            async with asyncio.timeout_at(due):
                await self._wake.wait()
        except TimeoutError:
            return False
        await asyncio.sleep(MIN_PERIOD)  # however often clients ask for a read
        self._wake.clear()
        return True

    def set_period(self, period: float) -> None:
        """Change the rate; takes effect at once."""
        self.period = period
        if self._stale is not None:
            self._arm()
        self._wake.set()

    def read_soon(self) -> None:
        """Read at the next turn of the loop instead of at the next slot."""
        self._wake.set()

    async def refresh(self) -> Exception | None:
        """Read and post now; returns what went wrong, or None.

        Callers that come before the read has started share it; a read that is already under way is
        never shared, since it may show the state before their write.
        """
        if self._next_read is None:
            self._next_read = asyncio.create_task(self._read_alone())
            self._reads.add(self._next_read)
            self._next_read.add_done_callback(self._reads.discard)
        return await asyncio.shield(self._next_read)

    async def take(self, reading: R) -> Exception | None:
        """Post what was just read by other means, unless a newer reading has been posted since."""
        at = asyncio.get_running_loop().time()
        async with self._lock:
            return await self._read(reading) if self._began <= at else None

    async def _read_alone(self) -> Exception | None:
        async with self._lock:
            self._next_read = None
            return await self._read()

    async def _read(self, taken: R | None = None) -> Exception | None:
        """Read and post; or post what was `taken`."""
        loop = asyncio.get_running_loop()
        self._began = start = loop.time()
        try:
            if taken is None:
                reading = await self.scan.read(self.device)
                self.duration = loop.time() - start
            else:
                reading = taken
            stamp = Stamp.now()
            self._disarm()
            with self.health.taking():
                await self.feed.give(reading, stamp)
        except DriverError as error:
            return self._failed(error, COMM)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return self._failed(RuntimeError(f"the driver was cancelled: {error!r}"), READ_FAILED)
        except Exception as error:
            if self._lost_at is None:
                log.exception("%s: internal error", self.name)
            return self._failed(error, READ_FAILED)
        self._succeeded(loop.time())
        return None

    def _succeeded(self, now: float) -> None:
        self._is(fresh=True)
        if self._lost_at is not None:
            log.warning(
                "%s: back after %.1f s and %d failed reads",
                self.name,
                now - self._lost_at,
                self.failures,
            )
            self._lost_at = None
            self.failures = 0
        self._arm()
        self.health.read_succeeded(self)

    def _failed(self, error: Exception, alarm: Alarm) -> Exception:
        self.failures += 1
        self._invalidate(alarm)
        self._lose(str(error))
        self.health.read_failed(self, error)
        return error

    def _lose(self, reason: str) -> None:
        """One line in the log for each time the block is lost."""
        if self._lost_at is None:
            self._lost_at = asyncio.get_running_loop().time()
            log.warning("%s: lost: %s", self.name, plain(reason))

    def _arm(self) -> None:
        """Be told when the next read is overdue; one that takes longer than a period has more."""
        self._disarm()
        slots = max(1, math.ceil(self.duration / self.period))
        loop = asyncio.get_running_loop()
        self._overdue_at = loop.time() + STALE_PERIODS * slots * self.period
        self._stale = loop.call_at(self._overdue_at, self._grew_stale)

    def _disarm(self) -> None:
        if self._stale is not None:
            self._stale.cancel()
            self._stale = None

    def _grew_stale(self) -> None:
        """No read has ended for two periods: do not show the last value as good any longer.

        If the IOC itself was held up, the answer may be there and not looked at yet: it gets as
        much time again, once.
        """
        loop = asyncio.get_running_loop()
        held_up = loop.time() - self._overdue_at
        if held_up > _HELD_UP:
            self._overdue_at = math.inf
            self._stale = loop.call_later(held_up, self._grew_stale)
            return
        self._invalidate(COMM)
        self._lose(f"no answer for two periods ({self.health.link})")
        self.health.changed(self)

    def _is(self, *, fresh: bool) -> None:
        """Take note of how the last read went; the summary tells of it though no PV changes."""
        if fresh != self.fresh:
            self.fresh = fresh
            self.health.look_again()

    def _invalidate(self, alarm: Alarm) -> None:
        self._is(fresh=False)
        self._disarm()
        self.feed.fail(alarm, Stamp.now())
