"""Keeps the score of an IOC, and posts it to its health PVs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import psutil

from drivers.core.device import Device
from drivers.core.loglines import plain
from iocs.ca.access import Client
from iocs.ca.stamp import Stamp
from iocs.record.point import Point

from .health_pvs import HealthPVs
from .meta import PART_CONNECTED
from .scan import Part, Poller
from .statistics import Statistics
from .summary import Summary

log = logging.getLogger("labioc.health")

_NAME_SIZE = 24
_VALUE_SIZE = 80
_REASON_SIZE = 200
_MOST = (1 << 31) - 1
STATISTICS_PERIOD = 1.0


class Health:
    """Keeps the score of one IOC and posts it."""

    def __init__(self, pvs: HealthPVs, device: Device) -> None:
        self._pvs = pvs
        self._device = device
        self._pollers: list[Poller[Any, Any]] = []
        self._alive: set[Poller[Any, Any]] = set()
        self._overruns: dict[Poller[Any, Any], int] = {}
        self._missed = 0
        self._errors = 0
        self._refused = 0
        self._statistics = Statistics(pvs)
        self._statistics_failed = False
        self.summary = Summary(pvs)

    def attach(self, pollers: list[Poller[Any, Any]], points: Iterable[Point]) -> None:
        """Start the score: no error, and not connected until the first good read."""
        self._pollers = pollers
        stamp = Stamp.now()
        pvs = self._pvs
        pvs.link_url.post(self._device.link, stamp)
        pvs.last_error.post("", stamp)
        pvs.error_count.post(0, stamp)
        pvs.last_put_error.post("", stamp)
        pvs.refused_puts.post(0, stamp)
        pvs.poll_overruns.post(0, stamp)
        pvs.reconnect_count.post(0, stamp)
        pvs.exchange_count.post(0, stamp)
        self.summary.attach(points)

    @property
    def link(self) -> str:
        """Where the device is."""
        return self._device.link

    def taking(self) -> AbstractContextManager[None]:
        """Post the summary of alarms once for a reading, when all of it has been given."""
        return self.summary.taking()

    def look_again(self) -> None:
        """Post the summary of alarms again: how a block was read last is another one."""
        self.summary.look_again()

    def read_succeeded(self, poller: Poller[Any, Any]) -> None:
        self.changed(poller)

    def read_failed(self, poller: Poller[Any, Any], error: Exception) -> None:
        self._error(str(error))
        self.changed(poller, str(error))

    def put_failed(self, pvname: str, error: Exception) -> None:
        self._error(f"put to {pvname}: {error}")

    def put_refused(self, name: str, shown: str, client: Client, error: Exception) -> None:
        """Show a client's put that was not carried out, whatever the reason.

        `name` is that of the PV or field, `shown` the value. User and host are what it claims.
        """
        self._refused += 1
        at = datetime.now().astimezone().isoformat(" ", "seconds")
        user, host = plain(client.user, _NAME_SIZE), plain(client.host, _NAME_SIZE)
        why = str(error).removeprefix(f"{name}: ") or type(error).__name__
        reason = plain(why, _REASON_SIZE)
        value = plain(shown, _VALUE_SIZE)
        text = f"{at} {name} = {value}: {reason} ({user}@{host}, {client.address})"
        stamp = Stamp.now()
        self._pvs.last_put_error.post(text, stamp)
        self._pvs.refused_puts.post(min(self._refused, _MOST), stamp)

    def _error(self, text: str) -> None:
        self._errors += 1
        stamp = Stamp.now()
        self._pvs.last_error.post(plain(text), stamp)
        self._pvs.error_count.post(min(self._errors, _MOST), stamp)

    def changed(self, poller: Poller[Any, Any], reason: str = "") -> None:
        """Post whether the device is there: at least one of its vital blocks is fresh."""
        stamp = Stamp.now()
        if poller.fresh and poller.scan.vital:
            self._alive.add(poller)
        else:
            self._alive.discard(poller)
        if self._alive or reason:
            self.summary.explain("" if self._alive else reason)
        self._pvs.connected.post(int(bool(self._alive)), stamp)
        group = poller.group
        if PART_CONNECTED in group.attr_pvdb:
            group.point(PART_CONNECTED).post(int(_fastest(group).fresh), stamp)
        self._pvs.reconnect_count.post(self._device.reconnects, stamp)

    def polled(self, poller: Poller[Any, Any]) -> None:
        """Post how long the last read took and how many slots were missed."""
        stamp = Stamp.now()
        attribute = poller.scan.attribute
        poller.group.point(f"{attribute}_time").post(poller.duration * 1000, stamp)
        poller.group.point(f"{attribute}_overruns").post(poller.overruns, stamp)
        self._missed += poller.overruns - self._overruns.get(poller, 0)
        self._overruns[poller] = poller.overruns
        self._pvs.poll_overruns.post(self._missed, stamp)

    def _post_statistics(self) -> None:
        """Out of file descriptors, say, is no reason to end: one line in the log until it heals."""
        try:
            self._statistics.post()
        except (OSError, psutil.Error) as error:
            if not self._statistics_failed:
                log.warning("statistics of the IOC: %s", error)
            self._statistics_failed = True
        else:
            self._statistics_failed = False

    async def run(self) -> None:
        """Post heartbeat and statistics until cancelled."""
        while True:
            stamp = Stamp.now()
            self._pvs.exchange_count.post(self._device.exchanges, stamp)
            self._pvs.poll_time.post(max(p.duration for p in self._pollers) * 1000, stamp)
            self._post_statistics()
            await asyncio.sleep(STATISTICS_PERIOD)


def _fastest(group: Part) -> Poller[Any, Any]:
    """The scan that is the first to know whether a part answers."""
    return min(group.pollers.values(), key=lambda poller: poller.scan.period)
