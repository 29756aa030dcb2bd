"""The fields of EPICS Base's record types with their defaults: what every client may ask for.

caproto's tables, made from the ``.dbd`` files of EPICS Base, have the names and most types. Added
here is what they lack: fields since Base 7.0.5, and unsigned fields, which Channel Access shows as
the next larger type (USHORT as LONG, ULONG and UINT64 as DOUBLE; EPICS Base, ``db_convert.h``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from caproto import ChannelType
from caproto.server.records.utils import records

from iocs.ca.dbr import Native

from .point import Point

Get = Callable[[Point], Any]
Put = Callable[[Point, Any], None]

STATE_PREFIXES = ("ZR", "ON", "TW", "TH", "FR", "FV", "SX", "SV", "EI", "NI", "TE", "EL", "TV")
STATE_PREFIXES += ("TT", "FT", "FF")

_ENUM_RECORDS = ("bi", "bo", "mbbi", "mbbo")
_LONG_RECORDS = ("longin", "longout")
_WIDTHS = ("HIHI", "HIGH", "LOW", "LOLO", "HYST", "MDEL", "ADEL", "MLST", "ALST", "LALM", "HOPR")
_WIDTHS += ("LOPR", "DRVH", "DRVL")
_USHORT = {
    (record, f) for record in _ENUM_RECORDS for f in ("IVOV", "LALM", "MLST", "NOBT", "SHFT")
}
_ULONG = {(record, f) for record in _ENUM_RECORDS for f in ("MASK", "ORAW", "ORBV", "RBV", "RVAL")}
_ULONG |= {(record, "SVAL") for record in ("bi", "mbbi")}
_ULONG |= {(record, f"{p}VL") for record in ("mbbi", "mbbo") for p in STATE_PREFIXES}
_ULONG |= {("ai", "ROFF"), ("ao", "ROFF"), ("waveform", "NELM"), ("waveform", "NORD")}
_ULONG |= {("waveform", "HASH")}
_SHOWN_AS = {
    **dict.fromkeys(_USHORT, Native.LONG),
    **dict.fromkeys(_ULONG, Native.DOUBLE),
    **{(record, field): Native.LONG for record in _LONG_RECORDS for field in _WIDTHS},
}
_LINKS = ("FLNK", "INP", "OUT", "DOL", "SDIS", "SIML", "SIOL", "TSEL")
_LINK_SIZE = 1024
_ANALOG = ("ai", "ao", "longin", "longout")
_LIKE_THE_VALUE = ("HIHI", "HIGH", "LOW", "LOLO", "LALM", "ALST", "MLST", "SVAL")
_ENDS = {
    Native.CHAR: (0, 255),
    Native.SHORT: (-(1 << 15), (1 << 15) - 1),
    Native.LONG: (-(1 << 31), (1 << 31) - 1),
    Native.DOUBLE: (-1e300, 1e300),
}
_WITHOUT_UNITS = ("ASLO", "AOFF", "SMOO")
_RAW_SIMULATION = ("NO", "YES", "RAW")
_OUTPUT_ON = ("Every Time", "On Change", "When Zero", "When Non-zero", "Transition To Zero")
_OUTPUT_ON += ("Transition To Non-zero",)


@dataclass(frozen=True, slots=True)
class FieldDef:
    """Type of a field and how it is read and, for the few that may be changed, written."""

    native: Native
    get: Get
    put: Put | None = None
    states: tuple[str, ...] = ()
    long_count: int = 40


def native_of(record: str, field: str, declared: Native) -> Native:
    """The type as which Channel Access shows a field."""
    return _SHOWN_AS.get((record, field), declared)


def is_whole(record: str, field: str) -> bool:
    """Whether a field that Channel Access shows as DOUBLE is an unsigned whole number."""
    return field == "UTAG" or (record, field) in _ULONG


def is_like_the_value(record: str, field: str) -> bool:
    """Whether a field has the display and control limits of the value."""
    own = ("OVAL", "PVAL") if record == "ao" else ()
    return record in _ANALOG and (field in _LIKE_THE_VALUE or field in own)


def type_ends(record: str, field: str, native: Native) -> tuple[float, float]:
    """The limits of a field that has none of its own: the ends of its type.

    EPICS Base, ``recGbl.c``, getMaxRangeValues; records of states and texts have none.
    """
    if record not in _ANALOG and record != "waveform":
        return 0.0, 0.0
    if field == "UTAG":
        return 0.0, float((1 << 64) - 1)
    if (record, field) in _ULONG:
        return 0.0, float((1 << 32) - 1)
    return _ENDS.get(native, (0.0, 0.0))


def has_units(record: str, field: str, native: Native) -> bool:
    """Whether a field has the units of the value, as the record types of Base have it."""
    if record in ("ai", "ao"):
        floating = native is Native.DOUBLE and not is_whole(record, field)
        return floating and field not in _WITHOUT_UNITS
    if record in _LONG_RECORDS:
        return native is Native.LONG
    return record == "waveform" and field in ("HOPR", "LOPR")


@cache
def base_fields(record: str) -> dict[str, FieldDef]:
    """Every field of a record type as EPICS Base declares it, with its default."""
    table = {p.pvspec.name: p.pvspec for p in records[record]._pvs_.values()}
    fields = {name: _default_field(spec) for name, spec in table.items()}
    fields["RTYP"] = FieldDef(Native.STRING, lambda p: p.spec.record)
    fields["AMSG"] = fields["NAMSG"] = FieldDef(Native.STRING, lambda _: "")
    fields["UTAG"] = FieldDef(Native.DOUBLE, lambda _: 0)
    if record == "longout":
        fields["OOCH"] = FieldDef(Native.ENUM, lambda _: 1, None, ("NO", "YES"))
        fields["OOPT"] = FieldDef(Native.ENUM, lambda _: 0, None, _OUTPUT_ON)
        fields["PVAL"] = FieldDef(Native.LONG, lambda _: 0)
    if record in ("ao", "bo", "mbbo"):
        fields["SIMM"] = FieldDef(Native.ENUM, lambda _: 0, None, _RAW_SIMULATION)
    return fields


def _default_field(spec: Any) -> FieldDef:
    states = tuple((spec.cls_kwargs or {}).get("enum_strings") or ())
    kind = spec.dtype if isinstance(spec.dtype, ChannelType) else spec.dtype.data_type
    if (spec.cls_kwargs or {}).get("report_as_string"):
        kind = ChannelType.STRING
    native = Native(int(kind))
    value: Any = spec.value
    if spec.name in _LINKS:
        return FieldDef(native, lambda _: "", long_count=_LINK_SIZE)
    if native is Native.STRING:
        value = str(value or "")
    elif isinstance(value, str) and value in states:
        value = states.index(value)
    elif isinstance(value, bytes):
        value = int(value)
    elif not isinstance(value, (int, float)):
        value = 0
    return FieldDef(native, lambda _, v=value: v, None, states, (spec.max_length or 40))
