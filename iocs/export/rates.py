"""How often an IOC posts to each of its PVs, and how the archiver must take them for it.

The Archiver Appliance has room for ``round(10 / samplingperiod) + 1`` samples of a PV and empties
it every 10 s: what is posted beyond that is lost, changes of alarm too (its documentation, "SCAN vs
MONITOR").
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from iocs.device.group import DeviceGroup
from iocs.device.health import STATISTICS_PERIOD
from iocs.device.scan import Feed
from iocs.record.point import Point
from iocs.record.spec import Archive

SHORTEST = 0.1
"""The shortest sampling period that the appliance takes, in s."""

_PUTS = 1.0
"""Puts a second that there is room for: each reads the block again that confirms it."""


class Rates:
    """Postings a second to the PVs of one IOC, as it is declared and configured."""

    def __init__(self, group: DeviceGroup[Any]) -> None:
        self._fed: dict[str, float] = {}
        reads = 0.0
        for poller in group.all_pollers:
            feeds = list(_feeds(poller.feed))
            confirms = any(feed.dependents for feed in feeds)
            rate = 1.0 / poller.period + (_PUTS if confirms else 0.0)
            reads += rate
            self._fed |= {p.pvname: rate for feed in feeds for p in feed.all_points()}
        self._others = reads + 1.0 / STATISTICS_PERIOD
        """What no block feeds is posted by the IOC itself, at most at each read and heartbeat."""

    def postings(self, point: Point) -> float:
        """The most postings a second to one PV."""
        return self._fed.get(point.pvname, self._others)

    def archive(self, point: Point) -> Archive | None:
        """How to archive a PV: twice the room that its postings need."""
        declared = point.spec.archive
        if declared is None or declared.method != "monitor":
            return declared
        room = math.floor(100.0 / (2.0 * self.postings(point))) / 100.0
        return replace(declared, period=min(declared.period, max(SHORTEST, room)))


def _feeds(feed: Feed) -> Iterator[Feed]:
    yield feed
    for part, _ in feed.parts:
        yield from _feeds(part)
