"""The PVs that every scan brings along: its period, which clients may change; how it keeps up."""

from __future__ import annotations

from typing import Any, Protocol

from iocs.ca.dbr import Native
from iocs.record.spec import PointSpec

from .declare import Declared, Setting, count_pv, number_pv
from .scan import MAX_PERIOD, MIN_PERIOD, Scan


class Scanned(Protocol):
    """A group with scans."""

    def set_period(self, scan: Scan[Any, Any], period: float) -> None: ...


_TELLING = 0.1
"""The part of its period by which a read must take longer or shorter to be worth archiving."""


def scan_members(scan: Scan[Any, Any]) -> dict[str, Declared]:
    """The PVs of one scan: period (settable), duration of the last read, missed slots."""
    base = f"Scan:{scan.label}"
    period = PointSpec(
        name=f"{base}:Period",
        record="ao",
        desc=f"Scan period of {scan.label}",
        native=Native.DOUBLE,
        units="s",
        precision=3,
        control=(MIN_PERIOD, MAX_PERIOD),
        writable=True,
        restore=True,
        snapshot=True,
    )

    def apply(group: Scanned, value: float) -> None:
        group.set_period(scan, value)

    return {
        f"{scan.attribute}_period": Setting(period, scan.period, apply),
        f"{scan.attribute}_time": number_pv(
            f"{base}:Time", f"Last read of {scan.label}", "ms", adel=_TELLING * scan.period * 1000
        ),
        f"{scan.attribute}_overruns": count_pv(f"{base}:Overruns", f"Missed scans of {scan.label}"),
    }
