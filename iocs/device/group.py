"""Groups: the PVs of one instrument, or of one repeated part of it, as a caproto PVGroup.

A :class:`DeviceGroup` is one IOC: a device, the scans that read it, its PVs, set points and
commands, health PVs. A :class:`PartGroup` is a channel, meter or module inside it, fed from its
parent's blocks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar, cast

from drivers.core.device import Device
from iocs.ca.access import Access, Client
from iocs.ca.dbr import Native
from iocs.ca.stamp import Stamp
from iocs.record.fields import Field, native_of_field
from iocs.record.point import Point, RecordField
from iocs.record.spec import DeclarationError

from .declared import Command, Setpoint, Setting
from .health import Health
from .health_pvs import HealthPVs
from .meta import PVs
from .puts import CommandPut, PutQueue, SetpointPut, check_limits
from .scan import Block, Feed, Follower, Poller, Scan

D = TypeVar("D", bound=Device)
T = TypeVar("T")
R = TypeVar("R")


class Bound(NamedTuple):
    """A setting of a running IOC: its first value, and what makes another one effective."""

    initial: Any
    apply: Callable[[Any], None]


class Group(PVs):
    """What device and part groups share; ``target`` is what the actions of puts get."""

    root: DeviceGroup[Any]
    target: Any
    put_queue: PutQueue

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        self.feeds: dict[Block[Any], Feed] = {}
        self.parts: list[Group] = []
        self.pollers: dict[Block[Any], Poller[Any, Any]] = {}
        self.upstream: dict[Block[Any], tuple[Group, Block[Any]]] = {}
        own = self.root is self
        self.settings: dict[str, Bound] = {} if own else self.root.settings
        """The settings of the whole IOC, by the name of their PVs."""
        super().__init__(prefix, **kwargs)
        self.build()

    def build(self) -> None:
        """Add the parts that configuration or device ask for, by calls of :meth:`add_part`."""

    def point(self, attribute: str) -> Point:
        """The PV of an attribute of the class."""
        return cast(Point, self.attr_pvdb[attribute])

    @property
    def access(self) -> Access:
        return self.root.access_rules

    def feed(self, block: Block[Any]) -> Feed:
        """The PVs that ``block`` feeds in this group."""
        return self.feeds.setdefault(block, Feed())

    def settings_changed(self, point: Point) -> None:
        """Something that autosave keeps of a PV was changed."""
        self.root.on_settings_changed(point)

    @property
    def score(self) -> Health:
        """What keeps the score of the IOC."""
        return self.root.health

    def alarm_changed(self, point: Point) -> None:
        self.root.health.summary.changed(point)

    def alarm_reworded(self) -> None:
        self.root.health.summary.look_again()

    def put_refused(self, name: str, shown: str, client: Client, error: Exception) -> None:
        self.root.health.put_refused(name, shown, client, error)

    def put_failed(self, pvname: str, error: Exception) -> None:
        self.root.health.put_failed(pvname, error)

    def native_of(self, point: Point, field: str) -> Native:
        return native_of_field(point, field)

    def make_field(self, point: Point, field: str) -> RecordField:
        return Field(point, field)

    def bind_setting(self, setting: Setting, point: Point) -> None:
        point.post(setting.initial, Stamp.now())
        apply = partial(self.apply_setting, setting, point)
        self.settings[point.pvname] = Bound(setting.initial, apply)

        async def put(_: Point, value: Any) -> None:
            apply(value)

        point.putter = put

    def apply_setting(self, setting: Setting, point: Point, value: Any) -> None:
        """Make a setting effective and show it; nothing changes if it is refused."""
        check_limits(point, value)
        if setting.apply is not None:
            setting.apply(self, value)
        point.take(value, Stamp.now())
        self.settings_changed(point)

    def bind_command(self, command: Command[Any], point: Point) -> None:
        feed = self.feed(command.confirm)
        put = CommandPut(command, point, self)
        feed.dependents.append(point)
        feed.followers.append(put.follow)
        point.putter = put

    def bind_setpoint(self, setpoint: Setpoint[Any, Any], point: Point) -> None:
        feed = self.feed(setpoint.readback.block)
        put = SetpointPut(setpoint, point, self)
        feed.dependents.append(point)
        feed.followers.append(put.follow)
        point.putter = put

    def add_part(
        self,
        part: Group,
        feeds: dict[Block[Any], tuple[Block[Any], Callable[[Any], Any]]] | None = None,
    ) -> None:
        """Take in a part's PVs; ``feeds``: its block -> (our block, what share of it).

        Blocks of the part that are scans of its own need no feed: they are read from its target.
        """
        for pvname, channel in part.pvdb.items():
            if pvname in self.pvdb:
                raise DeclarationError(f"PV {pvname} is declared twice")
            self.pvdb[pvname] = channel
        self.parts.append(part)
        for theirs, (ours, select) in (feeds or {}).items():
            self.feed(ours).parts.append((part.feed(theirs), select))
            part.upstream[theirs] = (self, ours)

    def derive(
        self,
        block: Block[R],
        sources: Sequence[tuple[Group, Block[Any]]],
        work_out: Callable[[Sequence[Any]], R | None],
    ) -> None:
        """Feed a block with what follows from others, whenever one of those is read or lost.

        ``work_out`` gets the last reading of each source in order, None while one is lost. What it
        returns is the reading of the block; None makes the PVs of the block INVALID.
        """
        latest: list[Any] = [None] * len(sources)
        feed = self.feed(block)

        def follower(place: int) -> Follower:
            def follow(reading: Any, stamp: Stamp) -> None:
                latest[place] = reading
                feed.take(work_out(latest), stamp)

            return follow

        for place, (group, theirs) in enumerate(sources):
            group.feed(theirs).followers.append(follower(place))
        self.upstream[block] = sources[0]

    def grow(
        self,
        part: Group,
        feeds: dict[Block[Any], tuple[Block[Any], Callable[[Any], Any]]],
    ) -> None:
        """Take in a part while the IOC runs: one that only its device could tell of.

        Its PVs are served from now on, with the settings that autosave kept of them. Its blocks
        must be fed from here.
        """
        self.add_part(part, feeds)
        above = self
        while above is not self.root:
            above = cast(Group, above.parent)
            above.pvdb.update(part.pvdb)
        for theirs, (ours, _) in feeds.items():
            set_poller(part.feed(theirs), self.poller(ours), self.feed(ours).told_by)
        self.root.health.summary.add(part.points())
        self.root.on_growth()

    def poller(self, block: Block[Any]) -> Poller[Any, Any]:
        """What reads a block of this group, here or in a group above."""
        found = self.pollers.get(block)
        if found is not None:
            return found
        group, theirs = self.upstream[block]
        return group.poller(theirs)

    def set_period(self, scan: Scan[Any, Any], period: float) -> None:
        """Read a scan of this group at another rate."""
        self.pollers[scan].set_period(period)

    def make_pollers(self, name: str) -> Iterator[Poller[Any, Any]]:
        """What reads the scans of this group and of its parts; each block must be read or fed."""
        for block, feed in self.feeds.items():
            if block in self.upstream:
                continue
            if not isinstance(block, Scan):
                raise DeclarationError(f"{name}: nothing reads or feeds {block.attribute!r}")
            poller = Poller(block, self, feed, f"{name} {block.label}")
            self.pollers[block] = poller
            set_poller(feed, poller)
            yield poller
        for part in self.parts:
            own = part.prefix.removeprefix(self.prefix).strip(":")
            yield from part.make_pollers(f"{name} {own}".strip())

    def scan_label(self, point: Point) -> str:
        """What the SCAN field shows: the period if the menu has it, else that the driver posts."""
        if point.spec.writable or point.poller is None:
            return "Passive" if point.spec.writable else "I/O Intr"
        period = point.poller.period
        return {10.0: "10 second", 5.0: "5 second", 2.0: "2 second", 1.0: "1 second"}.get(
            period, {0.5: ".5 second", 0.2: ".2 second", 0.1: ".1 second"}.get(period, "I/O Intr")
        )

    def points(self) -> Iterator[Point]:
        """Every PV of the group and its parts."""
        yield from (p for p in self.pvdb.values() if isinstance(p, Point))


class PartGroup(Group, Generic[T]):
    """A repeated part (channel, meter, inverter); ``target`` is its share of the device.

    Its puts wait for their turn with those of the parent; with ``own_queue`` for each other only,
    and its urgent ones overtake these alone.
    """

    def __init__(self, prefix: str, target: T, *, parent: Group, own_queue: bool = False) -> None:
        self.root = parent.root
        self.target: T = target
        self.put_queue = PutQueue(self.root.put_queue) if own_queue else parent.put_queue
        super().__init__(prefix, parent=parent)


class DeviceGroup(HealthPVs, Group, Generic[D]):
    """One IOC: its device, scans, PVs and health."""

    def __init__(
        self,
        prefix: str,
        device: D,
        *,
        access: Access | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.root = self
        self.may_grow = False  # set by groups of which only the device knows all parts
        self.device: D = device
        self.target = device
        self.access_rules = access or Access()
        self.on_settings_changed: Callable[[Point], None] = lambda _: None
        self.on_restart = lambda: None
        self.on_growth: Callable[[], None] = lambda: None
        self.count_clients = lambda: (0, 0, 0)
        self.health = Health(self, device)
        self.put_queue = PutQueue()
        self._tasks: list[asyncio.Task[None]] = []
        self.label = name or prefix.rstrip(":")
        super().__init__(prefix, **kwargs)
        self.log = logging.getLogger(f"labioc.{self.label}")
        self.all_pollers = list(self.make_pollers(self.label))
        self.health.attach(self.all_pollers, self.points())

    # -- life

    def start(self, on_end: Callable[[asyncio.Task[None]], None] = lambda _: None) -> None:
        """Begin polling; needs the running loop; ``on_end`` hears of tasks that end.

        Writes nothing to the device.
        """
        jobs = [poller.run() for poller in self.all_pollers]
        self._tasks = [asyncio.create_task(job) for job in [*jobs, self.health.run()]]
        self.health.summary.start()
        for task in self._tasks:
            task.add_done_callback(on_end)

    async def stop(self) -> None:
        """End polling and close the link. Writes nothing to the device."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for poller in self.all_pollers:
            await poller.stop()
        await self.device.close()


def set_poller(feed: Feed, poller: Poller[Any, Any], told_by: Point | None = None) -> None:
    """Let every PV that a poller feeds know it: for PROC, SCAN and what is told of its failures.

    ``told_by``: what tells of those of the feed above.
    """
    feed.told_by = feed.told_by or told_by
    for point in feed.all_points():
        point.poller, point.told_by = poller, feed.told_by
    for part, _ in feed.parts:
        set_poller(part, poller, feed.told_by)
