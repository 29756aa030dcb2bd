"""PVs that the IOC itself posts to, the same for every instrument that has them."""

from __future__ import annotations

from iocs.ca.dbr import Native
from iocs.record.alarm import Severity
from iocs.record.spec import Archive, PointSpec

from .declared import Internal

FAST = Archive(method="monitor", period=1.0)
"""What is looked at all the time."""

SLOW = Archive(method="monitor", period=2.0)
"""What changes seldom; even so a loss and its end, and some puts, have room within 10 s."""

CONNECTED = "Connected"
"""The last level of the PV on which those of a device or of a part of it hang."""

_SILENT = (
    "There is no answer; the instrument goes on as it was, and may be on. The values shown are old."
    " Check power, cable and address; Most recent error, on the screen Health, has the reason."
)


def connected_pv(doc: str, guidance: str = _SILENT) -> Internal:
    """Whether the device, or a part of it, answers (bi): MAJOR if not."""
    return Internal(
        PointSpec(
            name=CONNECTED,
            record="bi",
            desc=doc,
            native=Native.ENUM,
            states=("Disconnected", "Connected"),
            severities=(Severity.MAJOR, Severity.NO_ALARM),
            guidance=guidance,
            archive=FAST,
        )
    )


def count_pv(name: str, doc: str, *, adel: float = 0.0) -> Internal:
    """A counter that the IOC posts to (longin); the archiver gets it every ``adel`` counts."""
    return Internal(
        PointSpec(name=name, record="longin", desc=doc, native=Native.LONG, adel=adel, archive=SLOW)
    )


def number_pv(
    name: str, doc: str, units: str, *, precision: int = 1, adel: float = 0.0
) -> Internal:
    """A number that the IOC posts to (ai); the archiver gets changes greater than ``adel``."""
    return Internal(
        PointSpec(
            name=name,
            record="ai",
            desc=doc,
            native=Native.DOUBLE,
            units=units,
            precision=precision,
            adel=adel,
            archive=SLOW,
        )
    )
