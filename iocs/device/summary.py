"""What is wrong with an IOC, in words: the worst alarm, how many there are, the newest ten.

A screen, a wall or a header needs these few PVs instead of rules over all PVs of an IOC. What
counts as one alarm:

* each PV whose value is known and alarms: a limit, a state, a bit, a put that was not carried out;
  a text that alarms while it is not empty is none, since it repeats the alarms of others;
* a device or part that is away, told by its ``Connected`` and of its severity: the PVs that hang on
  it and are not known for that reason, and the ``Connected`` of the parts below, are no alarms of
  their own. The alarm tree hangs them in the same way (:func:`connection_of`);
* a PV that is declared to tell why others are not known (:class:`~iocs.device.scan.Feed`): those
  are no alarms of their own while it alarms;
* what is read, but not known, beside such a part is a total that lacks it, and no alarm either;
* a block that is not read, or PVs without a value, while the device is there: each PV counts, and
  those of one scan share one entry of the list.

A change of one PV costs the same however many there are. The PVs of the summary are posted once
when the loop turns, or when a reading has reached all of its PVs, however many changes came. They
never count themselves.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple, cast

from drivers.core.loglines import plain
from iocs.ca.dbr import EPICS_EPOCH, Native, format_number
from iocs.ca.stamp import Stamp
from iocs.record.alarm import Severity, Status
from iocs.record.point import Point

from .health_pvs import LISTED, HealthPVs
from .posted import CONNECTED
from .scan import Poller

_UNKNOWN = frozenset({Status.UDF, Status.COMM, Status.READ})
"""The conditions of a PV whose value is not known."""

_ACTIVE = ("Active", "Failure", "Yes")
"""Labels of a bit that is set and says nothing beyond its description."""


def connection_of(name: str, names: Container[str]) -> str:
    """The Connected that a PV hangs on: that of its part if it has one; empty for the IOC's own."""
    end = len(name)
    while end >= 0:
        end = name.rfind(":", 0, end)
        found = name[: end + 1] + CONNECTED
        if found != name and found in names:
            return found
    return ""


@dataclass(slots=True)
class Place:
    """PVs that one scan reads and one Connected tells of: those whose value is not known now.

    ``told_by`` is the PV that is declared to tell why, if there is one.
    """

    connection: str
    poller: Poller[Any, Any] | None
    told_by: Point | None
    unknown: dict[Point, Stamp] = field(default_factory=dict["Point", Stamp])


class _Raised(NamedTuple):
    """When a PV went into its severity, and its value when its alarm changed last."""

    stamp: Stamp
    value: Any


class _Entry(NamedTuple):
    """What the list may show in one line: its words are made only if it does.

    pvs: how many it stands for.
    """

    stamp: Stamp
    severity: int
    words: Callable[[], str]
    pvs: int = 1


class Summary:
    """Keeps the alarms of one IOC as they come and go, and posts what is told of them."""

    def __init__(self, pvs: HealthPVs) -> None:
        self._pvs = pvs
        self._known: dict[int, dict[Point, _Raised]] = {
            severity: {} for severity in Severity if severity
        }
        self._places: dict[tuple[str, Poller[Any, Any] | None, Point | None], Place] = {}
        self._away: dict[str, Stamp] = {}
        self._reason = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due = False
        self._readings = 0

    def attach(self, points: Iterable[Point]) -> None:
        """Take in all PVs, of which most are not known yet, and post that."""
        pvs = self._pvs
        own = {
            pvs.worst_alarm, pvs.alarm_count, pvs.newest_alarm, pvs.worst_alarm_text,
            *self._lines(),
        }  # fmt: skip
        self.add(point for point in points if point not in own)
        self._post()

    def start(self) -> None:
        """Post changes from now on; needs the running loop."""
        self._loop = asyncio.get_running_loop()
        self._post()

    def add(self, points: Iterable[Point]) -> None:
        """Take in new PVs."""
        stamp = Stamp.now()
        for point in points:
            poller = cast("Poller[Any, Any] | None", point.poller)
            key = (self._connection(point.pvname), poller, point.told_by)
            place = self._places.get(key)
            if place is None:
                place = self._places[key] = Place(*key)
            point.place = place
            if point.severity:
                self._note(point, place, stamp)
        self.look_again()

    def changed(self, point: Point) -> None:
        """Take in that a PV has another severity or condition, or another value while in alarm."""
        if isinstance(point.place, Place):
            self._note(point, point.place, point.epics_stamp)
            self.look_again()

    def explain(self, reason: str) -> None:
        """Take in why the device does not answer; empty: it does. The first reason stays."""
        if bool(reason) != bool(self._reason):
            self._reason = reason
            self.look_again()

    def look_again(self) -> None:
        """Post the summary when the loop turns, or when the reading that is given has been."""
        if self._loop is not None and not self._due:
            self._due = True
            if not self._readings:
                self._loop.call_soon(self._post_due)

    @contextmanager
    def taking(self) -> Iterator[None]:
        """Take in a reading that reaches its PVs over many turns of the loop, and post once.

        What is due is posted when any reading ends: however they overlap, none waits for long.
        """
        self._readings += 1
        try:
            yield
        finally:
            self._readings -= 1
            if self._loop is not None and self._due:
                self._loop.call_soon(self._post)

    # -- keeping

    def _connection(self, name: str) -> str:
        """The Connected above a PV; empty for the IOC's own."""
        own = self._pvs.connected.pvname
        return connection_of(name, self._pvs.pvdb) or (own if name != own else "")

    def _note(self, point: Point, place: Place, stamp: Stamp) -> None:
        """Put a PV where it belongs now; one that stays in its severity keeps its turn."""
        unknown = point.severity == Severity.INVALID and point.status in _UNKNOWN
        repeats = point.status == Status.STATE and point.spec.native is not Native.ENUM
        severity = Severity.NO_ALARM if unknown or repeats else point.severity
        if point.pvname.endswith(CONNECTED) and _is_connection(point):
            if unknown or (severity and not point.value):
                self._away.setdefault(point.pvname, stamp)
                unknown, severity = False, Severity.NO_ALARM
            else:
                self._away.pop(point.pvname, None)
        for level, raised in self._known.items():
            if level == severity:
                before = raised.get(point)
                raised[point] = _Raised(before.stamp if before else stamp, point.value)
            elif raised:
                raised.pop(point, None)
                if not raised:
                    raised.clear()  # gives back the room of all that were there
        if unknown:
            place.unknown.setdefault(point, stamp)
        elif place.unknown:
            place.unknown.pop(point, None)
            if not place.unknown:
                place.unknown.clear()

    def _told_above(self, name: str) -> bool:
        """Whether a Connected above this one says already that the device is away."""
        while name := self._connection(name):
            if name in self._away:
                return True
        return False

    def _explained(self, place: Place) -> bool:
        """Whether the PV that is declared to tell why values are not known alarms."""
        why = place.told_by
        return why is not None and why in self._known.get(why.severity, ())

    def _told(self, place: Place, lacking: Container[str]) -> bool:
        """Whether another alarm says already why values are not known.

        What hangs on the same Connected as a lost part, and was read, is worked out over parts.
        """
        above, poller = place.connection, place.poller
        if above in self._away or self._told_above(above) or self._explained(place):
            return True
        read = poller is None or poller.fresh
        return read and place.told_by is None and above in lacking

    # -- telling

    def _lines(self) -> Iterator[Point]:
        return (
            cast(Point, self._pvs.attr_pvdb[f"alarm_list_{n:02d}"]) for n in range(1, LISTED + 1)
        )

    def _post_due(self) -> None:
        if self._due and not self._readings:
            self._post()

    def _post(self) -> None:
        self._due = False
        pvs, stamp = self._pvs, Stamp.now()
        together = [*self._connections(), *self._gaps()]
        count = sum(entry.pvs for entry in together) + sum(map(len, self._known.values()))
        entries = [*together, *self._newest_known()]
        newest = sorted(entries, key=lambda e: (e.stamp, e.severity), reverse=True)
        worst = max(newest, key=lambda e: e.severity, default=None)
        pvs.worst_alarm.post(worst.severity if worst else 0, stamp)
        pvs.alarm_count.post(count, stamp)
        pvs.newest_alarm.post(newest[0].stamp.unix if newest else 0.0, stamp)
        texts = [_line(entry) for entry in newest[:LISTED]]
        for number, point in enumerate(self._lines()):
            point.post(texts[number] if number < len(texts) else "", stamp)
        pvs.worst_alarm_text.post(worst.words() if worst else "", stamp)

    def _newest_known(self) -> Iterator[_Entry]:
        """The newest alarms of each severity, as many as there are lines."""
        for severity, raised in self._known.items():
            for point, (stamp, value) in islice(reversed(raised.items()), LISTED):
                yield _Entry(stamp, severity, partial(self._alarm, point, value))

    def _connections(self) -> Iterator[_Entry]:
        """The device or the parts of it that are away."""
        for name, stamp in self._away.items():
            if not self._told_above(name):
                point: Any = self._pvs.pvdb[name]
                yield _Entry(stamp, point.severity, partial(self._no_connection, point))

    def _gaps(self) -> Iterator[_Entry]:
        """What is not known though device and part are there: one entry for each scan."""
        found: dict[object, list[dict[Point, Stamp]]] = {}
        lacking = {self._connection(name) for name in self._away}
        lacking |= {place.connection for place in self._places.values() if self._explained(place)}
        for place in self._places.values():
            if place.unknown and not self._told(place, lacking):
                found.setdefault(place.poller or place.connection, []).append(place.unknown)
        for sets in found.values():
            last = (next(reversed(points.items())) for points in sets)
            newest, stamp = max(last, key=itemgetter(1))
            count = sum(map(len, sets))
            yield _Entry(stamp, Severity.INVALID, partial(self._gap, newest, count), count)

    def _of(self, prefix: str, text: str) -> str:
        """A text with the name of the part in front."""
        part = prefix.removeprefix(self._pvs.prefix).strip(":")
        return plain(f"{part} {text}" if part else text)

    def _alarm(self, point: Point, value: Any) -> str:
        return self._of(point.group.prefix, _words(point, value))

    def _no_connection(self, point: Point) -> str:
        if point is not self._pvs.connected:
            return self._of(point.group.prefix, "No connection")
        reason = f": {self._reason}" if self._reason else ""
        return plain(f"No connection to the instrument{reason}")

    def _gap(self, newest: Point, count: int) -> str:
        poller = cast("Poller[Any, Any] | None", newest.poller)
        if poller is not None and not poller.fresh:
            pvs = "1 PV" if count == 1 else f"{count} PVs"
            text = f"{poller.scan.title} not read: {pvs} without a value"
            return self._of(poller.group.prefix, text)
        block = f" of {poller.scan.title}" if poller is not None else ""
        more = f", and {count - 1} more{block}" if count > 1 else ""
        return self._alarm(newest, newest.value) + more


def _is_connection(point: Point) -> bool:
    return point.spec.name.rpartition(":")[2] == CONNECTED


def _line(entry: _Entry) -> str:
    """A line of the list: local time, severity, words."""
    at = time.localtime(EPICS_EPOCH + entry.stamp.seconds)
    severity = Severity(entry.severity).name
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', at)} {severity} {entry.words()}"


def _words(point: Point, value: Any) -> str:
    """The alarm of a PV as an operator would say it, without the part that it belongs to."""
    what = point.setting("DESC", point.spec.desc) or point.spec.name
    if point.status == Status.STATE:
        label = point.states[value]
        return what if value and label in _ACTIVE else f"{what}: {label}"
    if point.status == Status.WRITE:
        return f"{what}: put not carried out"
    if point.status in _UNKNOWN:
        return f"{what}: no value"
    name = Status(point.status).name
    number = f"{format_number(value, point.precision)} {point.units}".rstrip()
    return f"{what} {number}: {name} {point.limit(name):.10g}"
