"""One PV of every record type, for our IOC and, as a record database, for EPICS Base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iocs.ca.dbr import Native
from iocs.ca.stamp import Stamp
from iocs.device.declare import Internal
from iocs.device.group import DeviceGroup
from iocs.record.point import Point
from iocs.record.spec import PointSpec
from tests.iocs.core.plant import Plant
from tests.support.rawca import RawCa

STATES = ("Off", "On", "Auto")
_LIMITS: dict[str, Any] = {"lolo": 2.0, "low": 4.0, "high": 90.0, "hihi": 95.0}
_ANALOG: dict[str, Any] = {"units": "degC", "display": (1.0, 100.0), **_LIMITS}


def _spec(record: str, native: Native, *, name: str = "", **options: Any) -> Internal:
    name = name or record
    spec = PointSpec(name=name, record=record, desc=f"The {name}", native=native, **options)
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

    chars = _spec("waveform", Native.CHAR, name="chars", count=64, text=True)
    bytes = _spec("waveform", Native.CHAR, name="bytes", count=4, units="V")
    shorts = _spec("waveform", Native.SHORT, name="shorts", count=3)
    longs = _spec("waveform", Native.LONG, name="longs", count=3, display=(1.0, 100.0))
    floats = _spec("waveform", Native.FLOAT, name="floats", count=3, precision=1)

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
_ARRAYS = {
    "chars": "field(FTVL, CHAR) field(NELM, 64)",
    "bytes": "field(FTVL, UCHAR) field(NELM, 4) field(EGU, V)",
    "shorts": "field(FTVL, SHORT) field(NELM, 3)",
    "longs": "field(FTVL, LONG) field(NELM, 3) field(LOPR, 1) field(HOPR, 100)",
    "floats": "field(FTVL, FLOAT) field(NELM, 3) field(PREC, 1)",
}
DATABASE = "".join(
    f'record({record}, "T:{name}") {{ field(DESC, "The {name}") field(UDF, 0) {fields} }}\n'
    for name, record, fields in (
        *((record, record, fields) for record, fields in _FIELDS.items()),
        *((name, "waveform", fields) for name, fields in _ARRAYS.items()),
    )
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
    *(Case("stringin", v) for v in ("", "abc", "x" * 39, "12é", " 7", "1.5", "1e3", "0x1F", "010")),
    *(Case("stringin", v) for v in ("300", "-5", "-129", "-255", "-256", "70000", "5000000000")),
    *(Case("stringin", v) for v in ("nan", "-inf", "Infinity", "1e400", "1e-400", "1e39", ".5")),
    *(Case("stringin", v) for v in ("-", "1 2", "1_0", "-0", "-32769", "2147483648", "0b1", "+5")),
    *(Case("stringout", v) for v in ("12", "7 V", "text")),
    *(Case("chars", v) for v in ("", "12", "all is well", "é", "x" * 63)),
    Case("waveform", (1.0, 2.5, 3.125, 4.0, 5.0)),
    Case("waveform", (-1.0, 1e5, 1e10, 1e39, 1e-40), _FLOATING),
    Case("bytes", (0.0, 7.0, 127.0, 255.0)),
    Case("shorts", (0.0, 7.0, 127.0)),
    Case("shorts", (-1.0, -32768.0, 32767.0), (*_WIDE, Native.SHORT)),
    Case("longs", (0.0, 7.0, 127.0)),
    Case("longs", (-1.0, -2147483648.0, 2147483647.0), _WIDE),
    Case("floats", (0.5, 7.25, 100.0)),
    Case("floats", (-1.5, 1e10, 3.0), _FLOATING),
)
