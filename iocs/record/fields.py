"""Record fields, made on first use: every field of each record type at no cost per PV.

Which fields a record type has, and of which type, comes from caproto's tables (made from the
``.dbd`` files of EPICS Base). Fields that mean something here (limits, units, severity, ...) are
computed from the PV whenever they are read, so the first monitor event is right; every other field
shows its default and is read-only.
"""

from __future__ import annotations

import math
from typing import Any

from caproto import AccessRights, AlarmStatus
from caproto.server import menus

from iocs.ca.access import Client
from iocs.ca.channel import ALL_VALUES, Subscriber
from iocs.ca.dbr import ENUM_STRING_SIZE, ConversionError, Native, format_number, to_integer
from iocs.ca.stamp import Stamp

from .alarm import LIMIT_FIELDS, SEVERITY_FIELDS, Severity
from .base_fields import (
    STATE_PREFIXES,
    FieldDef,
    Get,
    Put,
    base_fields,
    has_units,
    is_like_the_value,
    is_whole,
    native_of,
    type_ends,
)
from .convert import parse_put
from .point import Point, RecordField
from .spec import DESC_SIZE

SEVERITY_MENU: tuple[str, ...] = tuple(menus.menuAlarmSevr.get_string_tuple())
STATUS_MENU: tuple[str, ...] = tuple(status.name for status in AlarmStatus)
SCAN_MENU: tuple[str, ...] = tuple(menus.menuScan.get_string_tuple())
FTVL_MENU = ("STRING", "CHAR", "UCHAR", "SHORT", "USHORT", "LONG", "ULONG", "INT64", "UINT64")
FTVL_MENU += ("FLOAT", "DOUBLE", "ENUM")
_FTVL = {
    Native.STRING: "STRING",
    Native.CHAR: "CHAR",
    Native.SHORT: "SHORT",
    Native.LONG: "LONG",
    Native.FLOAT: "FLOAT",
    Native.DOUBLE: "DOUBLE",
    Native.ENUM: "ENUM",
}
_RECORDS_WITH_PRECISION = ("ai", "ao", "waveform")
_DECIMALS = 6
_LONG_TEXT = {"NAME": 61, "DESC": DESC_SIZE + 1, "EGU": 16}


def _element(point: Point) -> str:
    """FTVL of an array: characters of a text are signed with EPICS Base, our bytes are not."""
    return "UCHAR" if point.native is Native.CHAR and not point.text else _FTVL[point.native]


def _number(get: Get, put: Put | None = None, native: Native = Native.DOUBLE) -> FieldDef:
    return FieldDef(native, get, put)


def _change(name: str) -> Put:
    return lambda point, value: point.change(name, value)


def _finite_change(name: str) -> Put:
    def put(point: Point, value: float) -> None:
        if not math.isfinite(value):
            raise ConversionError(f"{point.pvname}.{name}: {value} is not a finite number")
        point.change(name, value)

    return put


def _change_precision(point: Point, value: int) -> None:
    if not 0 <= value <= 15:
        raise ConversionError(f"{point.pvname}.PREC: {value} is not between 0 and 15")
    point.change("PREC", value)


def _change_description(point: Point, value: str) -> None:
    if len(value.encode()) > DESC_SIZE:
        raise ConversionError(f"{point.pvname}.DESC: more than {DESC_SIZE} bytes")
    point.change("DESC", value)


def _change_hysteresis(point: Point, value: float) -> None:
    if not (value >= 0 and math.isfinite(value)):
        raise ConversionError(f"{point.pvname}.HYST: {value} must be 0 or a positive number")
    point.change_limit("HYST", value)


def _process(point: Point, _: int) -> None:
    if point.poller is not None and not point.spec.writable:
        point.poller.read_soon()


def _scan_menu(point: Point) -> int:
    label = point.group.scan_label(point)
    return SCAN_MENU.index(label) if label in SCAN_MENU else 0


_ALWAYS: dict[str, FieldDef] = {
    "NAME": FieldDef(Native.STRING, lambda p: p.pvname, long_count=_LONG_TEXT["NAME"]),
    "DESC": FieldDef(
        Native.STRING,
        lambda p: p.setting("DESC", p.spec.desc),
        _change_description,
        long_count=_LONG_TEXT["DESC"],
    ),
    "SEVR": FieldDef(Native.ENUM, lambda p: int(p.severity), None, SEVERITY_MENU),
    "STAT": FieldDef(Native.ENUM, lambda p: int(p.status), None, STATUS_MENU),
    "NSTA": FieldDef(Native.ENUM, lambda _: 0, None, STATUS_MENU),
    "ACKS": FieldDef(Native.ENUM, lambda p: p.acks, None, SEVERITY_MENU),
    "ACKT": FieldDef(Native.ENUM, lambda p: p.ackt, None, ("NO", "YES")),
    "UDF": FieldDef(Native.CHAR, lambda p: int(p.absent or p.severity == Severity.INVALID)),
    "SCAN": FieldDef(Native.ENUM, _scan_menu, None, SCAN_MENU),
    "PROC": FieldDef(Native.CHAR, lambda _: 0, _process),
    "DISP": FieldDef(Native.CHAR, lambda p: p.setting("DISP", 0), _change("DISP")),
}

_NUMERIC: dict[str, FieldDef] = {
    "EGU": FieldDef(Native.STRING, lambda p: p.units, long_count=_LONG_TEXT["EGU"]),
    "PREC": _number(lambda p: p.precision, _change_precision, Native.SHORT),
    "HYST": _number(lambda p: p.setting("HYST", p.spec.hysteresis), _change_hysteresis),
    "MDEL": _number(lambda p: p.setting("MDEL", p.spec.mdel), _finite_change("MDEL")),
    "ADEL": _number(lambda p: p.setting("ADEL", p.spec.adel), _finite_change("ADEL")),
    "HOPR": _number(lambda p: p.setting("HOPR", p.spec.display[1]), _finite_change("HOPR")),
    "LOPR": _number(lambda p: p.setting("LOPR", p.spec.display[0]), _finite_change("LOPR")),
    "DRVH": _number(lambda p: p.spec.control_ends[1]),
    "DRVL": _number(lambda p: p.spec.control_ends[0]),
    "MLST": _number(lambda p: p.last_posted or 0),
    "ALST": _number(lambda p: p.last_logged or 0),
    "NELM": _number(lambda p: p.count),
    "NORD": _number(lambda p: p.count),
    "FTVL": FieldDef(Native.ENUM, lambda p: FTVL_MENU.index(_element(p)), None, FTVL_MENU),
}


def _limit(name: str) -> FieldDef:
    return FieldDef(Native.DOUBLE, lambda p: p.limit(name), lambda p, v: p.change_limit(name, v))


def _limit_severity(name: str) -> FieldDef:
    field = SEVERITY_FIELDS[name]
    return FieldDef(
        Native.ENUM,
        lambda p: p.limits.severity(name),
        lambda p, v: p.change_limit(field, v),
        SEVERITY_MENU,
    )


for _name in LIMIT_FIELDS:
    _NUMERIC[_name] = _limit(_name)
    _NUMERIC[SEVERITY_FIELDS[_name]] = _limit_severity(_name)


def _state(index: int, severity_field: str) -> tuple[FieldDef, FieldDef]:
    """Definitions of a state's label and its severity."""

    def get(point: Point) -> int:
        table = point.severity_table
        return table[index] if index < len(table) else 0

    def put(point: Point, value: int) -> None:
        point.change_state_severity(index, severity_field, value)

    label = FieldDef(
        Native.STRING,
        lambda p: p.states[index] if index < len(p.states) else "",
        long_count=ENUM_STRING_SIZE,
    )
    return label, FieldDef(Native.ENUM, get, put, SEVERITY_MENU)


_BINARY: dict[str, FieldDef] = {}
_BINARY["ZNAM"], _BINARY["ZSV"] = _state(0, "ZSV")
_BINARY["ONAM"], _BINARY["OSV"] = _state(1, "OSV")
_MULTI: dict[str, FieldDef] = {}
for _index, _prefix in enumerate(STATE_PREFIXES):
    _MULTI[_prefix + "ST"], _MULTI[_prefix + "SV"] = _state(_index, _prefix + "SV")
    _MULTI[_prefix + "VL"] = FieldDef(
        Native.LONG, lambda p, i=_index: i if i < len(p.states) else 0
    )


def setting_fields(point: Point) -> dict[str, Any]:
    """What was changed at run time on a PV's record, by field name (what autosave keeps)."""
    changed = point.overrides or {}
    return {n: value for n, value in changed.items() if n.isupper() and n != "DISP"}


def restore_field(point: Point, name: str, value: Any) -> None:
    """Put back a saved field; refuses what a client could not have set."""
    field = point.get_field(name)
    if not isinstance(field, Field) or field.definition.put is None or name == "PROC":
        raise ConversionError(f"{point.pvname}.{name} is not a setting")
    field.definition.put(point, parse_put(field, value))


def find_definition(point: Point, name: str) -> FieldDef:
    """How a field of this PV's record behaves; KeyError if the record type has no such field."""
    base = base_fields(point.spec.record)
    if name not in base:
        raise KeyError(name)
    if name in _ALWAYS:
        return _ALWAYS[name]
    if point.spec.native is Native.ENUM:
        special = (
            _BINARY if len(point.states) == 2 and point.spec.record in ("bi", "bo") else _MULTI
        )
        return special.get(name) or base[name]
    return _NUMERIC.get(name) or base[name]


def native_of_field(point: Point, name: str) -> Native:
    """The type of a field of this PV's record; KeyError if the record type has no such field."""
    return native_of(point.spec.record, name, find_definition(point, name).native)


class Field(RecordField):
    """One field of a record, with the record's own alarm and stamp."""

    __slots__ = ("definition", "monitors", "name", "native", "point", "posted")

    scalar = True
    count = 1

    def __init__(self, point: Point, name: str) -> None:
        self.point = point
        self.name = name
        self.definition = find_definition(point, name)
        self.monitors: list[Subscriber] | None = None
        self.native = native_of_field(point, name)
        self.posted: Any = None

    @property
    def text(self) -> bool:  # type: ignore[override]
        return self.native is Native.STRING

    @property
    def pvname(self) -> str:  # type: ignore[override]
        return f"{self.point.pvname}.{self.name}"

    @property
    def value(self) -> Any:
        value = self.definition.get(self.point)
        if isinstance(value, float) and self.native not in (Native.DOUBLE, Native.FLOAT):
            return to_integer(value, self.native)
        return float(value) if self._floating else value

    @property
    def _floating(self) -> bool:
        return self.native is Native.DOUBLE and not is_whole(self.record_type, self.name)

    @property
    def status(self) -> int:  # type: ignore[override]
        return self.point.status

    @property
    def severity(self) -> int:  # type: ignore[override]
        return self.point.severity

    @property
    def ackt(self) -> int:  # type: ignore[override]
        return self.point.ackt

    @property
    def acks(self) -> int:  # type: ignore[override]
        return self.point.acks

    @property
    def epics_stamp(self) -> Stamp:  # type: ignore[override]
        return self.point.epics_stamp

    @property
    def record_type(self) -> str:  # type: ignore[override]
        return self.point.record_type

    @property
    def states(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.definition.states

    @property
    def units(self) -> str:  # type: ignore[override]
        measured = has_units(self.record_type, self.name, self.native)
        return self.point.units if measured else ""

    @property
    def precision(self) -> int:  # type: ignore[override]
        return self.point.precision if self._floating else 0

    def metadata_limits(self) -> tuple[float, ...]:
        """As EPICS Base: those of the value for fields like it, else the ends of the type."""
        no_alarms = (math.nan,) * 4
        if is_like_the_value(self.record_type, self.name):
            limits = self.point.metadata_limits()
            return (*limits[:2], *no_alarms, *limits[6:])
        low, high = type_ends(self.record_type, self.name, self.native)
        if self.name == "NORD":
            high = float(self.point.count)
        return (high, low, *no_alarms, high, low)

    def element_texts(self) -> list[str]:
        """As any channel; without PREC a record shows six decimals of its other fields."""
        if self._floating and self.record_type not in _RECORDS_WITH_PRECISION:
            return [format_number(self.value, _DECIMALS)]
        return super().element_texts()

    @property
    def long_string_max_length(self) -> int:
        return self.definition.long_count

    def rights(self, client: Client) -> AccessRights:
        if self.definition.put is None:
            return AccessRights.READ
        if not self.point.group.access.may_write(self.point.pvname, client):
            return AccessRights.READ
        return AccessRights.READ | AccessRights.WRITE

    async def put(self, value: Any, client: Client) -> None:
        if self.definition.put is None:
            raise PermissionError(f"{self.pvname} is read-only")
        if self.name != "DISP" and self.point.setting("DISP", 0):
            raise PermissionError(f"{self.point.pvname} has DISP set: puts are disabled")
        self.definition.put(self.point, parse_put(self, value))
        self.refresh(Stamp.now())

    def not_carried_out(self, shown: str, client: Client, error: Exception) -> None:
        self.point.group.put_refused(self.pvname, shown, client, error)

    def add_monitor(self, monitor: Subscriber) -> None:
        """Subscribe; from now on changes are looked for."""
        if self.monitors is None:
            self.posted = self.value
            if self.point.watched is None:
                self.point.watched = {}
            self.point.watched[self.name] = self
        super().add_monitor(monitor)

    def remove_monitor(self, monitor: Subscriber) -> None:
        """Unsubscribe; with nobody left, posts no longer look at this field."""
        super().remove_monitor(monitor)
        if self.monitors is None and self.point.watched is not None:
            self.point.watched.pop(self.name, None)

    def refresh(self, stamp: Stamp) -> None:
        """Post the field if somebody watches it and it changed since it was last posted."""
        if self.monitors is None:
            return
        value = self.value
        if value != self.posted and not (value != value and self.posted != self.posted):
            self.posted = value
            self.notify(ALL_VALUES)
