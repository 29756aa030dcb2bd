"""PVs that the IOC itself posts to, the same for every instrument that has them."""

from __future__ import annotations

from .alarm import Severity
from .dbr import Native
from .declared import Internal
from .spec import Archive, PointSpec

SLOW = Archive(method="monitor", period=10.0)
FAST = Archive(method="monitor", period=1.0)


def connected_pv(doc: str) -> Internal:
    """Whether the device, or a part of it, answers (bi): MAJOR if not."""
    return Internal(
        PointSpec(
            name="Connected",
            record="bi",
            desc=doc,
            native=Native.ENUM,
            states=("Disconnected", "Connected"),
            severities=(Severity.MAJOR, Severity.NO_ALARM),
            archive=FAST,
        )
    )


def count_pv(name: str, doc: str) -> Internal:
    """A counter that the IOC posts to (longin)."""
    return Internal(
        PointSpec(name=name, record="longin", desc=doc, native=Native.LONG, archive=SLOW)
    )


def number_pv(
    name: str, doc: str, units: str, *, precision: int = 1, archive: Archive | None = SLOW
) -> Internal:
    """A number that the IOC posts to (ai)."""
    return Internal(
        PointSpec(
            name=name,
            record="ai",
            desc=doc,
            native=Native.DOUBLE,
            units=units,
            precision=precision,
            archive=archive,
        )
    )
