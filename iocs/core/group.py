"""Groups: the PVs of one instrument, or of one repeated part of it, as a caproto PVGroup.

A :class:`DeviceGroup` is one IOC: a device, the scans that read it, its PVs, set points and
commands, health PVs. A :class:`PartGroup` is a channel, meter or module inside it, fed from its
parent's blocks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from drivers.core.device import Device

from .access import Access
from .channel import Point
from .declare import Command, Setpoint, Setting
from .health import Health, HealthPVs
from .meta import PVs
from .puts import CommandPut, PutQueue, SetpointPut
from .scan import Block, Feed, Poller, Scan
from .spec import DeclarationError
from .stamp import Stamp

D = TypeVar("D", bound=Device)
T = TypeVar("T")


class Group(PVs):
    """What device and part groups share; ``target`` is what the actions of puts get."""

    root: DeviceGroup[Any]
    target: Any

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        self.feeds: dict[Block[Any], Feed] = {}
        self.settings: dict[str, tuple[Setting, Point]] = {}
        super().__init__(prefix, **kwargs)

    @property
    def access(self) -> Access:
        return self.root.access_rules

    def feed(self, block: Block[Any]) -> Feed:
        """The PVs that ``block`` feeds in this group."""
        return self.feeds.setdefault(block, Feed())

    def settings_changed(self) -> None:
        """Something that autosave keeps was changed."""
        self.root.on_settings_changed()

    def bind_setting(self, setting: Setting, point: Point) -> None:
        point.post(setting.initial, Stamp.now())
        self.settings[point.pvname] = (setting, point)

        async def put(target: Point, value: Any) -> None:
            self.apply_setting(setting, target, value)

        point.putter = put

    def apply_setting(self, setting: Setting, point: Point, value: Any) -> None:
        """Make a setting effective and show it; nothing changes if it is refused."""
        if setting.apply is not None:
            setting.apply(self, value)
        point.post(value, Stamp.now())
        self.settings_changed()

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

    def confirm(self, block: Block[Any]) -> Poller[Any, Any]:
        """The poller whose reads show what a put to this group did."""
        return self.root.poller_of(self, block)

    def scan_label(self, point: Point) -> str:
        """What the SCAN field shows: the period if the menu has it, else that the driver posts."""
        if point.spec.writable or point.rescan is None:
            return "Passive" if point.spec.writable else "I/O Intr"
        period = self.root.period_of(point)
        return {10.0: "10 second", 5.0: "5 second", 2.0: "2 second", 1.0: "1 second"}.get(
            period, {0.5: ".5 second", 0.2: ".2 second", 0.1: ".1 second"}.get(period, "I/O Intr")
        )

    def points(self) -> Iterator[Point]:
        """Every PV of the group and its parts."""
        yield from (p for p in self.pvdb.values() if isinstance(p, Point))


class PartGroup(Group, Generic[T]):
    """A repeated part (channel, meter, inverter); ``target`` is its share of the device."""

    def __init__(self, prefix: str, target: T, *, parent: Group) -> None:
        self.root = parent.root
        self.target: T = target
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
        self.device: D = device
        self.target = device
        self.access_rules = access or Access()
        self.on_settings_changed: Callable[[], None] = lambda: None
        self.on_restart: Callable[[], None] = lambda: None
        self.count_clients: Callable[[], tuple[int, int, int]] = lambda: (0, 0, 0)
        self.health = Health(self, device)
        self.put_queue = PutQueue()
        self.pollers: dict[Block[Any], Poller[D, Any]] = {}
        self._source: dict[tuple[int, Block[Any]], Block[Any]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.label = name or prefix.rstrip(":")
        super().__init__(prefix, **kwargs)
        self.log = logging.getLogger(f"labioc.{self.label}")
        self.build()
        self._make_pollers()

    def build(self) -> None:
        """Add the parts that configuration or device ask for, by calls of :meth:`add_part`."""

    def add_part(
        self,
        part: Group,
        feeds: dict[Block[Any], tuple[Block[Any], Callable[[Any], Any]]] | None = None,
    ) -> None:
        """Take in a part's PVs; ``feeds``: its block -> (our block, what share of it)."""
        for pvname, channel in part.pvdb.items():
            if pvname in self.pvdb:
                raise DeclarationError(f"PV {pvname} is declared twice")
            self.pvdb[pvname] = channel
        self.groups[part.prefix.removeprefix(self.prefix)] = part
        for theirs, (ours, select) in (feeds or {}).items():
            self.feed(ours).parts.append((part.feed(theirs), select))
            self._source[id(part), theirs] = ours
        unfed = [b.attribute for b in part.feeds if (id(part), b) not in self._source]
        if unfed:
            raise DeclarationError(f"part {part.prefix}: nothing feeds its blocks {unfed}")

    def _make_pollers(self) -> None:
        for block, feed in self.feeds.items():
            if not isinstance(block, Scan):
                raise DeclarationError(f"{self.label}: the block {block.attribute!r} is not a Scan")
            poller = Poller(block, self.device, feed, self.health, f"{self.label} {block.label}")
            self.pollers[block] = poller
            self._set_rescan(feed, poller)
        self.health.attach(list(self.pollers.values()))

    def _set_rescan(self, feed: Feed, poller: Poller[D, Any]) -> None:
        for point, _ in feed.points:
            point.rescan = poller.read_soon
        for part, _ in feed.parts:
            self._set_rescan(part, poller)

    def poller_of(self, group: Group, block: Block[Any]) -> Poller[D, Any]:
        """The poller behind a block of this group or of one of its parts."""
        return self.pollers[self._source.get((id(group), block), block)]

    def period_of(self, point: Point) -> float:
        """The scan period of a PV that a scan feeds, in s; 0 if none does."""
        for poller in self.pollers.values():
            if point.rescan == poller.read_soon:
                return poller.period
        return 0.0

    def set_period(self, scan: Scan[Any, Any], period: float) -> None:
        self.pollers[scan].set_period(period)

    # -- life

    def start(self, on_end: Callable[[asyncio.Task[None]], None] = lambda _: None) -> None:
        """Begin polling; needs the running loop; ``on_end`` hears of tasks that end.

        Writes nothing to the device.
        """
        jobs = [poller.run() for poller in self.pollers.values()]
        self._tasks = [asyncio.create_task(job) for job in [*jobs, self.health.run()]]
        for task in self._tasks:
            task.add_done_callback(on_end)

    async def stop(self) -> None:
        """End polling and close the link. Writes nothing to the device."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.device.close()
