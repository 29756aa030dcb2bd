"""Live values of a whole site by multi-info, in as few exchanges as the gateway allows.

When a batch fails, it is taken apart by devices, then by halves, so that what cannot be read is
found and left out of the next ones. Source: xcom-protocol.md 11 and 13.4.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..core.errors import BadReply, DriverError, NoReply, Refused
from .addresses import GATEWAY, Family, range_of
from .connection import Stripped
from .conversation import Target
from .datapoints import datapoint
from .frame import DecodeError
from .health import device_name
from .multi_info import (
    OBJECT_ID,
    Aggregation,
    Item,
    MultiInfo,
    Present,
    decode_multi_info,
    encode_items,
)
from .protocol import ErrorCode, ObjectType, Value
from .readings import InfoReading, Point
from .settings import MultiInfoUse
from .singles import NOT_THERE, Singles

_UNSUPPORTED = (
    ErrorCode.SERVICE_NOT_SUPPORTED,
    ErrorCode.TYPE_NOT_SUPPORTED,
    ErrorCode.OBJECT_NOT_SUPPORTED,
)
_HEAD, _PER_ITEM = 8, 7
_CLOCK = Point(GATEWAY, datapoint(5002))


@dataclass(slots=True)
class _Round:
    """What one reading has found so far."""

    values: dict[tuple[int, int], float] = field(default_factory=dict[tuple[int, int], float])
    silent: set[int] = field(default_factory=set[int])
    head: MultiInfo | None = None
    failure: DriverError | None = None


class InfoReader:
    """Reads live values of any devices."""

    def __init__(self, singles: Singles) -> None:
        self._singles = singles
        self._conversation = singles.conversation
        self._health = singles.health
        self._settings = singles.conversation.settings
        self._refused_on = 0

    @property
    def by_multi_info(self) -> bool:
        """False once the gateway refused multi-info on this connection, or if it is not wanted."""
        if self._settings.multi_info is MultiInfoUse.NEVER:
            return False
        return self._refused_on != max(1, self._conversation.link.opens)

    async def read(self, points: Sequence[Point]) -> InfoReading:
        """The values of infos of any devices.

        Raises `LinkDown`, and `NoReply`, `BadReply` or `Refused` if there is nothing to return.
        """
        found = _Round()
        usual, probes = self._sorted_out(points, found)
        for batch in _batches(usual, self._settings.max_items):
            await self._read_batch(batch, found)
        for probe in probes:
            await self._read_batch(probe, found)
        if not found.values:
            raise found.failure or self._nothing(points, found)
        head = found.head
        return InfoReading(
            tuple(points),
            tuple(self._value(point, found) for point in points),
            None if head is None else head.time,
            None if head is None else Present(head.flags),
            tuple(sorted(found.silent)),
        )

    def _value(self, point: Point, found: _Round) -> float | None:
        """A value; NaN if a device that answers and has it did not give it."""
        if point.address in found.silent or self._singles.lacks(point):
            return None
        return found.values.get(point.key, math.nan)

    def _sorted_out(
        self, points: Sequence[Point], found: _Round
    ) -> tuple[list[Point], list[list[Point]]]:
        """The points to read together, and those of silent devices that are to be asked again."""
        usual: list[Point] = []
        probes: dict[int, list[Point]] = {}
        for point in points:
            if self._singles.lacks(point):
                continue
            if self._health.wait(point.address) > 0.0:
                found.silent.add(point.address)
            elif self._health.suspect(point.address):
                probes.setdefault(point.address, []).append(point)
            else:
                usual.append(point)
        return usual, list(probes.values())

    async def _read_batch(self, points: Sequence[Point], found: _Round) -> None:
        """Read points together, or find out which cannot be read."""
        points = [point for point in points if point.address not in found.silent]
        if not points:
            return
        if not self.by_multi_info:
            await self._one_by_one(points, found)
            return
        try:
            reply = await self._multi_info(points)
        except Stripped as error:
            found.failure = error
            await self._avoid_stripping(points, found)
        except NoReply as error:
            found.failure = error
            await self._find_silent(points, found, error)
        except Refused as error:
            found.failure = error
            await self._after_refusal(points, found, error)
        else:
            self._take(points, reply, found)

    def _take(self, points: Sequence[Point], reply: MultiInfo, found: _Round) -> None:
        found.head = reply
        self._conversation.clock.note(reply.time)
        for point, each in zip(points, reply.values, strict=True):
            found.values[point.key] = each.value
        for address in {point.address for point in points}:
            self._health.answered(address)

    async def _multi_info(self, points: Sequence[Point]) -> MultiInfo:
        items = [item_of(point) for point in points]
        number = self._conversation.next_number()
        what = f"read {len(items)} values"
        if len(items) == 1:
            what = f"read {points[0].datapoint.asked} by multi-info"
        target = Target(GATEWAY, ObjectType.MULTI_INFO, OBJECT_ID, number, what)
        data = await self._conversation.read(
            target, encode_items(items), reply=_HEAD + _PER_ITEM * len(items), once=True
        )
        try:
            return decode_multi_info(data, items)
        except DecodeError as error:
            where = (self._conversation.link.name, device_name(GATEWAY), what)
            raise BadReply(*where, str(error)) from error

    async def _avoid_stripping(self, points: Sequence[Point], found: _Round) -> None:
        """A Moxa cuts the reply: ask for less at a time, so that another part is cut if any."""
        if len(points) == 1 or self._conversation.clock.shows_stripped_pair():
            await self._one_by_one(points, found)
            return
        for half in _halves(points):
            await self._read_batch(half, found)

    async def _find_silent(self, points: Sequence[Point], found: _Round, error: NoReply) -> None:
        """Nothing came, or the gateway says that a device is silent or away: which one?"""
        if not self._conversation.answering:
            await self._check_gateway(error)
        groups = _by_device(points)
        if len(groups) == 1:
            self._health.failed(points[0].address)
            found.silent.add(points[0].address)
            return
        for group in groups:
            await self._read_batch(group, found)

    async def _check_gateway(self, error: NoReply) -> None:
        """Raise the error unless the gateway itself answers, so that a device must be at fault."""
        try:
            await self._singles.read_one(_CLOCK, once=True)
        except NoReply:
            raise error from None

    async def _after_refusal(self, points: Sequence[Point], found: _Round, error: Refused) -> None:
        if error.code in _UNSUPPORTED and found.head is None:
            self._refused_on = self._conversation.link.opens
            await self._one_by_one(points, found)
        elif len(points) == 1 and error.code in NOT_THERE:
            self._singles.note_missing(points[0])
        elif len(points) > 1 and error.code in NOT_THERE:
            groups = _by_device(points)
            for part in groups if len(groups) > 1 else _halves(points):
                await self._read_batch(part, found)
        else:
            raise error

    async def _one_by_one(self, points: Sequence[Point], found: _Round) -> None:
        for group in _by_device(points):
            address = group[0].address
            values: Sequence[Value | None] = ()
            try:
                values = await self._singles.read_all(group)
            except (NoReply, BadReply) as error:
                found.failure = error
            if self._health.suspect(address):  # also if it fell silent in the middle
                found.silent.add(address)
                continue
            pairs = zip(group, values, strict=False)
            found.values.update((p.key, float(v)) for p, v in pairs if v is not None)

    def _nothing(self, points: Sequence[Point], found: _Round) -> DriverError:
        conversation = self._conversation
        names = ", ".join(device_name(address) for address in sorted(found.silent))
        detail = f"silent: {names}" if names else "the devices have none of these values"
        return NoReply(
            conversation.link.name, device_name(GATEWAY), f"read {len(points)} values", detail
        )


def item_of(point: Point) -> Item:
    """The item of a multi-info request; of the battery monitor, of which there is one, 'master'."""
    of_family = range_of(point.datapoint.family)
    if of_family.family is Family.BATTERY:
        return Item(point.datapoint.number, Aggregation.MASTER)
    return Item(point.datapoint.number, of_family.index(point.address))


def _batches(points: Sequence[Point], most: int) -> Iterable[Sequence[Point]]:
    """Equal shares, as few as possible."""
    count = -(-len(points) // most)
    for n in range(count):
        yield points[n * len(points) // count : (n + 1) * len(points) // count]


def _by_device(points: Sequence[Point]) -> list[list[Point]]:
    groups: dict[int, list[Point]] = {}
    for point in points:
        groups.setdefault(point.address, []).append(point)
    return list(groups.values())


def _halves(points: Sequence[Point]) -> tuple[Sequence[Point], Sequence[Point]]:
    middle = len(points) // 2
    return points[:middle], points[middle:]
