"""The health PVs of every IOC: is the device there, how well is it read, what went wrong last.

``Connected`` is MAJOR when 0, so that an alarm server needs one PV per IOC.
"""

from __future__ import annotations

from iocs.ca.dbr import Native
from iocs.record.alarm import Severity
from iocs.record.spec import PointSpec

from .declare import text_spec
from .declared import Family, Internal
from .posted import FAST, connected_pv, count_pv, number_pv
from .statistics import StatisticsPVs

LISTED = 10
"""Alarms that have a PV of their own."""

ERROR_SIZE = 256
PUT_ERROR_SIZE = 400
LINK_SIZE = 128
ALARM_SIZE = 200


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
