"""Health of an IOC: is the device there, how well is it read, what went wrong last.

The PVs are the same for every instrument. ``Connected`` is MAJOR when 0, so that an alarm server
needs one PV per IOC.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psutil

from drivers.core.device import Device
from drivers.core.loglines import plain
from iocs.ca.access import Client
from iocs.ca.dbr import Native
from iocs.ca.stamp import Stamp
from iocs.record.alarm import Severity
from iocs.record.spec import PointSpec

from .declare import text_spec
from .declared import Family, Internal
from .meta import PART_CONNECTED
from .posted import FAST, connected_pv, count_pv, number_pv
from .scan import Poller
from .statistics import Statistics, StatisticsPVs
from .summary import LISTED, Summary

if TYPE_CHECKING:
    from .group import DeviceGroup, Group

log = logging.getLogger("labioc.health")

ERROR_SIZE = 256
PUT_ERROR_SIZE = 400
LINK_SIZE = 128
ALARM_SIZE = 200
_NAME_SIZE = 24
_VALUE_SIZE = 80
_REASON_SIZE = 200
_MOST = (1 << 31) - 1
STATISTICS_PERIOD = 1.0


class HealthPVs(StatisticsPVs):
    """The health PVs of every IOC."""

    connected = connected_pv("Device answers")
    link_url = Internal(text_spec("Link", "Address of the device", LINK_SIZE))
    last_error = Internal(text_spec("LastError", "Most recent error", ERROR_SIZE))
    error_count = count_pv("ErrorCount", "Failed reads and puts")
    last_put_error = Internal(text_spec("LastPutError", "Last refused put", PUT_ERROR_SIZE))
    refused_puts = count_pv("RefusedPuts", "Puts not carried out")
    reconnect_count = count_pv("ReconnectCount", "Link opened again")
    exchange_count = number_pv(
        "ExchangeCount", "Requests sent to the device", "", precision=0, adel=1000.0
    )
    poll_time = number_pv("PollTime", "Duration of the slowest read", "ms", adel=100.0)
    poll_overruns = count_pv("PollOverruns", "Missed scans, all blocks")
    worst_alarm = Internal(
        PointSpec(
            name="WorstAlarm",
            record="mbbi",
            desc="Worst alarm of all PVs",
            native=Native.ENUM,
            states=("OK", "MINOR", "MAJOR", "INVALID"),
            severities=tuple(Severity),
            archive=FAST,
        )
    )
    alarm_count = count_pv("AlarmCount", "Alarms that are active")
    newest_alarm = number_pv(
        "NewestAlarm", "When the newest alarm came, Unix time", "s", precision=0
    )
    worst_alarm_text = Internal(text_spec("WorstAlarmText", "The worst alarm", ALARM_SIZE))
    alarm_list = Family(
        {
            f"{n:02d}": Internal(
                text_spec(f"AlarmList:{n:02d}", f"Alarm {n}, from the newest on", ALARM_SIZE)
            )
            for n in range(1, LISTED + 1)
        }
    )


class Health:
    """Keeps the score of one IOC and posts it."""

    def __init__(self, group: DeviceGroup[Any], device: Device) -> None:
        self._group = group
        self._device = device
        self._pollers: list[Poller[Any, Any]] = []
        self._alive: set[Poller[Any, Any]] = set()
        self._overruns: dict[Poller[Any, Any], int] = {}
        self._missed = 0
        self._errors = 0
        self._refused = 0
        self._statistics = Statistics(group)
        self._statistics_failed = False
        self.summary = Summary(group)

    def attach(self, pollers: list[Poller[Any, Any]]) -> None:
        """Start the score: no error, and not connected until the first good read."""
        self._pollers = pollers
        stamp = Stamp.now()
        group = self._group
        group.link_url.post(self._device.link, stamp)
        group.last_error.post("", stamp)
        group.error_count.post(0, stamp)
        group.last_put_error.post("", stamp)
        group.refused_puts.post(0, stamp)
        group.poll_overruns.post(0, stamp)
        group.reconnect_count.post(0, stamp)
        group.exchange_count.post(0, stamp)
        self.summary.attach()

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
        self._group.last_put_error.post(text, stamp)
        self._group.refused_puts.post(min(self._refused, _MOST), stamp)

    def _error(self, text: str) -> None:
        self._errors += 1
        stamp = Stamp.now()
        self._group.last_error.post(plain(text), stamp)
        self._group.error_count.post(min(self._errors, _MOST), stamp)

    def changed(self, poller: Poller[Any, Any], reason: str = "") -> None:
        """Post whether the device is there: at least one of its vital blocks is fresh."""
        stamp = Stamp.now()
        if poller.fresh and poller.scan.vital:
            self._alive.add(poller)
        else:
            self._alive.discard(poller)
        if self._alive or reason:
            self.summary.explain("" if self._alive else reason)
        self._group.connected.post(int(bool(self._alive)), stamp)
        group = poller.group
        if PART_CONNECTED in group.attr_pvdb:
            group.point(PART_CONNECTED).post(int(_fastest(group).fresh), stamp)
        self._group.reconnect_count.post(self._device.reconnects, stamp)

    def polled(self, poller: Poller[Any, Any]) -> None:
        """Post how long the last read took and how many slots were missed."""
        stamp = Stamp.now()
        attribute = poller.scan.attribute
        poller.group.point(f"{attribute}_time").post(poller.duration * 1000, stamp)
        poller.group.point(f"{attribute}_overruns").post(poller.overruns, stamp)
        self._missed += poller.overruns - self._overruns.get(poller, 0)
        self._overruns[poller] = poller.overruns
        self._group.poll_overruns.post(self._missed, stamp)

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
            self._group.exchange_count.post(self._device.exchanges, stamp)
            self._group.poll_time.post(max(p.duration for p in self._pollers) * 1000, stamp)
            self._post_statistics()
            await asyncio.sleep(STATISTICS_PERIOD)


def _fastest(group: Group) -> Poller[Any, Any]:
    """The scan that is the first to know whether a part answers."""
    return min(group.pollers.values(), key=lambda poller: poller.scan.period)
