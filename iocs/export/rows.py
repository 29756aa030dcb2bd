"""The PVs of an IOC as rows, for whoever documents, archives, watches or saves them.

A row is read off the channel that the IOC would serve, so no export can say anything that a client
of the running IOC does not see. Nothing here opens a link.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from iocs.ca.dbr import Native
from iocs.device.declare import Declared
from iocs.device.group import DeviceGroup
from iocs.device.health_pvs import HealthPVs
from iocs.device.statistics import StatisticsPVs
from iocs.record.alarm import SEVERITY_FIELDS, Severity
from iocs.record.fields import STATE_PREFIXES, Field
from iocs.record.point import Point
from iocs.record.spec import Archive, PointSpec

from .rates import Rates

READBACK_SUFFIX = "_RBV"
PERIODIC = tuple(f"{period} second" for period in ("10", "5", "2", "1", ".5", ".2", ".1"))
"""Choices of SCAN that stand for a period (EPICS Base, menuScan.dbd)."""

_LIMITS = ("HIHI", "HHSV", "HIGH", "HSV", "LOW", "LSV", "LOLO", "LLSV")
_ANALOG = ("EGU", *_LIMITS, "HYST", "MDEL", "ADEL", "HOPR", "LOPR")
_TEXT = ("NELM", "FTVL")
_ARRAY = ("EGU", "PREC", "HOPR", "LOPR", *_TEXT)
_BINARY = ("ZNAM", "ONAM", "ZSV", "OSV")
_FIELDS: dict[str, tuple[str, ...]] = {
    "ai": (*_ANALOG, "PREC"),
    "ao": (*_ANALOG, "PREC", "DRVH", "DRVL"),
    "longin": _ANALOG,
    "longout": (*_ANALOG, "DRVH", "DRVL"),
    "bi": _BINARY,
    "bo": _BINARY,
    "stringin": (),
    "stringout": (),
    "waveform": _ARRAY,
}
_ALWAYS = ("DESC", "SCAN")
_KEPT = ("DISP",)


class Section(IntEnum):
    """Which part of an IOC a PV belongs to, in the order of all tables."""

    INSTRUMENT = 0
    HEALTH = 1
    SCAN = 2
    IOC = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One PV.

    name: without the prefix.
    spec: what was declared (record, native type, count, units, states, limits, archive ...).
    scan: what reads it, or reads back what was put to it; empty if nothing does.
    fields: the record's fields with what they read, as text, menus by their label.
    settings: fields that clients may change and autosave keeps; VAL for settings of the IOC.
    setpoint: for a readback the name of its set point, else empty.
    readback: for a set point the name of its readback, else empty.
    value: a harmless value within all alarm limits; None for texts and arrays.
    locked: whether nobody may put to it in this IOC (read-only, or no rule names it).
    to_device: whether a put to it goes to the device, and so fails while that is away.
    archive: how to archive it, with room for all that this IOC posts; None if it is not worth it.
    """

    name: str
    spec: PointSpec
    section: Section
    scan: str
    fields: tuple[tuple[str, str], ...]
    settings: tuple[str, ...]
    setpoint: str
    readback: str
    value: float | None
    locked: bool
    to_device: bool
    archive: Archive | None

    @property
    def alarms(self) -> tuple[tuple[str, Severity], ...]:
        """What makes the PV alarm, in words, worst first: limits and states with a severity.

        A text has none of its own, nor the worst alarm of all: they repeat those of other PVs.
        """
        if self.name == HealthPVs.worst_alarm.spec.name:
            return ()
        found = [*_limit_alarms(self), *_state_alarms(self.spec)]
        return tuple(sorted(found, key=lambda alarm: -alarm[1]))


def rows_of(group: DeviceGroup[Any]) -> tuple[Row, ...]:
    """Every PV of an IOC, in the order of declaration: instrument, health, scans, Ioc."""
    points = {point.pvname.removeprefix(group.prefix): point for point in group.points()}
    rates = Rates(group)
    rows = [_row(name, point, group, points, rates) for name, point in points.items()]
    return tuple(sorted(rows, key=lambda row: row.section))


def number_text(value: float) -> str:
    """A number as record databases spell it, with all of its digits."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _row(
    name: str, point: Point, group: DeviceGroup[Any], names: Iterable[str], rates: Rates
) -> Row:
    readback = name + READBACK_SUFFIX
    setpoint = name.removesuffix(READBACK_SUFFIX)
    return Row(
        name=name,
        spec=point.spec,
        section=_section(name),
        scan=point.poller.label if point.poller else "",
        fields=tuple(_field_texts(point)),
        settings=tuple(_settings(point)),
        setpoint=setpoint if setpoint != name and setpoint in names else "",
        readback=readback if readback in names else "",
        value=_harmless_value(point, point.pvname in group.settings),
        locked=not point.group.access.writable(point.pvname),
        to_device=point.spec.writable and point.pvname not in group.settings,
        archive=rates.archive(point),
    )


def _names(pvs: type) -> frozenset[str]:
    return frozenset(d.spec.name for d in vars(pvs).values() if isinstance(d, Declared))


_HEALTH = _names(HealthPVs)
_IOC = _names(StatisticsPVs)


def _section(name: str) -> Section:
    if name in _HEALTH:
        return Section.HEALTH
    if name in _IOC:
        return Section.IOC
    return Section.SCAN if ":Scan:" in f":{name}" else Section.INSTRUMENT


def _field_names(spec: PointSpec) -> tuple[str, ...]:
    if spec.record in ("mbbi", "mbbo"):
        used = STATE_PREFIXES[: len(spec.states)]
        return (*_ALWAYS, *(p + part for p in used for part in ("VL", "ST", "SV")))
    own = _TEXT if spec.text else _FIELDS[spec.record]
    return (*_ALWAYS, *own)


def _field_texts(point: Point) -> Iterator[tuple[str, str]]:
    for name in _field_names(point.spec):
        field = point.get_field(name)
        yield name, field.states[field.value] if field.states else _text(field.value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else number_text(value)


def _settings(point: Point) -> Iterator[str]:
    for name in (*_field_names(point.spec), *_KEPT):
        field = point.get_field(name)
        if isinstance(field, Field) and field.definition.put is not None:
            yield name
    if point.spec.restore:
        yield "VAL"


def _harmless_value(point: Point, setting: bool) -> float | None:
    """The value of a setting; for others one that looks right on a screen and raises no alarm."""
    spec = point.spec
    if spec.count > 1 or spec.native is Native.STRING:
        return None
    if setting:
        return point.value
    if spec.native is Native.ENUM:
        quiet = (i for i in range(len(spec.states)) if not point.judge(i).severity)
        return next(quiet, 0)
    middle = [_middle(*spec.display), _middle(*spec.control), _middle(spec.low, spec.high)]
    middle += [_middle(spec.lolo, spec.hihi), 0.0]
    candidates = [m for m in middle if math.isfinite(m)]
    candidates += [limit + step for limit in _limits(spec) for step in (1.0, -1.0)]
    good = (value for value in candidates if not point.judge(value).severity)
    return next(good, 0.0)


def _middle(low: float, high: float) -> float:
    """Half-way between two ends; NaN if they are not both set."""
    return (low + high) / 2 if high > low else math.nan


def _limits(spec: PointSpec) -> list[float]:
    return [v for v in (spec.high, spec.hihi, spec.low, spec.lolo) if v == v]


def _limit_alarms(row: Row) -> Iterator[tuple[str, Severity]]:
    limits = {
        "HIHI": row.spec.hihi,
        "HIGH": row.spec.high,
        "LOW": row.spec.low,
        "LOLO": row.spec.lolo,
    }
    severities = dict(row.fields)
    for name, limit in limits.items():
        if limit == limit:
            label = severities[SEVERITY_FIELDS[name]]
            side = "at or above" if name.startswith("H") else "at or below"
            text = f"{side} {number_text(limit)} {row.spec.units}".rstrip()
            if label != "NO_ALARM":
                yield text, Severity[label]


def _state_alarms(spec: PointSpec) -> Iterator[tuple[str, Severity]]:
    for label, severity in zip(spec.states, spec.severities, strict=False):
        if severity:
            yield label, Severity(severity)
