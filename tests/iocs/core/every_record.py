"""One PV of every record type, for our IOC and, as a record database, for EPICS Base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iocs.core.dbr import Native
from iocs.core.declare import Internal
from iocs.core.group import DeviceGroup
from iocs.core.point import Point
from iocs.core.spec import PointSpec
from iocs.core.stamp import Stamp
from tests.iocs.core.plant import Plant
from tests.support.rawca import RawCa

STATES = ("Off", "On", "Auto")
_LIMITS: dict[str, Any] = {"lolo": 2.0, "low": 4.0, "high": 90.0, "hihi": 95.0}
_ANALOG: dict[str, Any] = {"units": "degC", "display": (1.0, 100.0), **_LIMITS}


def _spec(record: str, native: Native, **options: Any) -> Internal:
    spec = PointSpec(name=record, record=record, desc=f"The {record}", native=native, **options)
    return Internal(spec)


class EveryRecord(DeviceGroup[Plant]):
    """A PV named after each record type."""

    ai = _spec("ai", Native.DOUBLE, precision=3, **_ANALOG)
    ao = _spec("ao", Native.DOUBLE, precision=1, control=(3.0, 50.0), writable=True, **_ANALOG)
    longin = _spec("longin", Native.LONG, **_ANALOG)
    longout = _spec("longout", Native.LONG, control=(3.0, 50.0), writable=True, **_ANALOG)
    bi = _spec("bi", Native.ENUM, states=STATES[:2], severities=(0, 2))
    bo = _spec("bo", Native.ENUM, states=STATES[:2], writable=True)
    mbbi = _spec("mbbi", Native.ENUM, states=STATES, severities=(0, 0, 1))
    mbbo = _spec("mbbo", Native.ENUM, states=STATES, writable=True)
    stringin = _spec("stringin", Native.STRING)
    stringout = _spec("stringout", Native.STRING, writable=True)
    waveform = _spec(
        "waveform", Native.DOUBLE, count=5, units="mV", precision=2, display=(1.0, 5.0)
    )

    def record(self, name: str) -> Point:
        """The PV of one record type."""
        return self.point(name)

    def show(self, name: str, value: Any) -> None:
        """Give a PV a good value."""
        self.record(name).post(value, Stamp.now())


RECORDS = tuple(
    name
    for name in EveryRecord.__dict__
    if name
    in (
        "ai",
        "ao",
        "longin",
        "longout",
        "bi",
        "bo",
        "mbbi",
        "mbbo",
        "stringin",
        "stringout",
        "waveform",
    )
)

_ALARMS = """
    field(LOLO, 2) field(LOW, 4) field(HIGH, 90) field(HIHI, 95)
    field(LLSV, MAJOR) field(LSV, MINOR) field(HSV, MINOR) field(HHSV, MAJOR)
    field(EGU, degC) field(HOPR, 100) field(LOPR, 1)
"""
_FIELDS = {
    "ai": f"field(PREC, 3) {_ALARMS}",
    "ao": f"field(PREC, 1) field(DRVL, 3) field(DRVH, 50) {_ALARMS}",
    "longin": _ALARMS,
    "longout": f"field(DRVL, 3) field(DRVH, 50) {_ALARMS}",
    "bi": "field(ZNAM, Off) field(ONAM, On) field(OSV, MAJOR)",
    "bo": "field(ZNAM, Off) field(ONAM, On)",
    "mbbi": "field(ZRST, Off) field(ONST, On) field(TWST, Auto) field(TWSV, MINOR)",
    "mbbo": "field(ZRST, Off) field(ONST, On) field(TWST, Auto)",
    "stringin": "",
    "stringout": "",
    "waveform": "field(FTVL, DOUBLE) field(NELM, 5) field(EGU, mV) field(PREC, 2)"
    " field(HOPR, 5) field(LOPR, 1)",
}
DATABASE = "".join(
    f'record({name}, "T:{name}") {{ field(DESC, "The {name}") field(UDF, 0) {fields} }}\n'
    for name, fields in _FIELDS.items()
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Our IOC and that of EPICS Base, with the same PVs, and a client of each."""

    group: EveryRecord
    ours: RawCa
    base: RawCa


@dataclass(frozen=True, slots=True)
class Case:
    """A value for one record type, and the native types as which it can be compared."""

    record: str
    value: Any
    natives: tuple[Native, ...] = tuple(Native)


_FLOATING = (Native.STRING, Native.FLOAT, Native.DOUBLE)
_WIDE = (*_FLOATING, Native.LONG)
CASES = (
    *(Case("ai", v) for v in (0.0, 1.5, 2.5, 20.25, 100.0, 99.9996)),
    *(Case("ai", v, _WIDE) for v in (-1.5, -45.0, 12345.678, 1e7 + 0.125)),
    *(Case("ai", v, _FLOATING) for v in (1e10 + 0.5, 1e16, 3e17, -1e20, float("inf"))),
    *(Case("ao", v) for v in (3.0, 5.25, 9.96)),
    *(Case("longin", v) for v in (0, 7, 92, 200)),
    *(Case("longin", v, _WIDE) for v in (-35, 2_000_000_000)),
    *(Case("longout", v) for v in (3, 30)),
    *(Case(r, v) for r in ("bi", "bo") for v in (0, 1)),
    *(Case(r, v) for r in ("mbbi", "mbbo") for v in (0, 1, 2)),
    *(Case("stringin", v, (Native.STRING,)) for v in ("", "abc", "x" * 39)),
    *(Case("stringout", v, (*_WIDE, Native.SHORT)) for v in ("12", "7")),
    Case("waveform", (1.0, 2.5, 3.125, 4.0, 5.0)),
)
