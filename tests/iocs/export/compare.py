"""What a Channel Access client sees of a PV, and where two servers of the same PV differ.

`facts` asks a server for all that a record database determines; `differences` compares two answers
and leaves out those differences that are meant, each with its reason.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from iocs.ca.dbr import Native
from iocs.export.rows import Row
from iocs.record.alarm import DEFAULT_SEVERITIES, LIMIT_FIELDS, SEVERITY_FIELDS
from tests.support.libca import Form, Libca

Facts = dict[str, Any]
T = TypeVar("T")

_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Meant:
    """A difference that is meant: of which fact, between which answers, and why."""

    reason: str
    fact: str
    holds: Callable[[Row, Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact in which our IOC and the one of EPICS Base differ; `reason` is empty if not meant."""

    name: str
    fact: str
    ours: Any
    base: Any
    reason: str = ""


_UNSCANNED = (
    "the driver posts these by itself (I/O Intr); a record without a driver can only be Passive"
)
_WRITE = "EPICS Base lets everybody write to every record unless the site has access security"
_UNSET = (
    "a limit that is not set is left out of the record: 0 without a severity there; ours is NaN or"
    " the end of the range, with the severity at hand, so that setting the limit is enough"
)


def _unset(limit: str) -> tuple[Meant, ...]:
    """A limit of which none is declared: it alarms on neither side."""
    severity = SEVERITY_FIELDS[limit]
    at_hand = DEFAULT_SEVERITIES[limit].name

    def none_declared(row: Row) -> bool:
        return math.isnan(getattr(row.spec, limit.lower()))

    def no_limit(row: Row, ours: Any, base: Any) -> bool:
        unset = row.spec.unset_limit(limit)
        same = ours == unset or (ours != ours and unset != unset)
        return none_declared(row) and base == 0 and same

    return (
        Meant(_UNSET, f"field {limit}", no_limit),
        Meant(
            _UNSET,
            f"ctrl {limit.lower()}",
            lambda row, ours, base: row.spec.native is Native.LONG and no_limit(row, ours, base),
        ),
        Meant(
            _UNSET,
            f"field {severity}",
            lambda row, ours, base: none_declared(row) and (ours, base) == (at_hand, "NO_ALARM"),
        ),
    )


MEANT = (
    *(meant for limit in LIMIT_FIELDS for meant in _unset(limit)),
    Meant(_WRITE, "write access", lambda row, ours, base: not row.spec.writable and base),
    Meant(_UNSCANNED, "field SCAN", lambda _, ours, base: (ours, base) == ("I/O Intr", "Passive")),
)


async def facts(ca: Libca, pvname: str, row: Row) -> Facts:
    """All that a client can learn of a PV but its value, alarm and time."""
    info = await ca.info(pvname)
    control = await ca.get(pvname, form=Form.CTRL)
    found: Facts = {
        "type": info.datatype,
        "count": info.count,
        "write access": info.write_access,
        "ctrl units": control.units,
        "ctrl precision": control.precision,
        "ctrl states": control.enums,
    }
    limits = control.limits
    for limit in ("lopr", "hopr", "lolo", "low", "high", "hihi", "drvl", "drvh"):
        found[f"ctrl {limit}"] = None if limits is None else getattr(limits, limit)
    for name in ("NAME", "RTYP", *(name for name, _ in row.fields)):
        field = await ca.get(f"{pvname}.{name}", form=Form.CTRL)
        found[f"type of {name}"] = field.datatype
        found[f"states of {name}"] = field.enums
        value = field.value
        found[f"field {name}"] = field.enums[value] if field.enums else value
    return found


async def types(ca: Libca, pvnames: Sequence[str]) -> list[tuple[int, int]]:
    """Native type and element count of many PVs."""
    infos = await gather(ca.info(pvname) for pvname in pvnames)
    return [(info.datatype, info.count) for info in infos]


async def descriptions(ca: Libca, pvnames: Sequence[str]) -> list[str]:
    """What many PVs say of themselves."""
    readings = await gather(ca.get(f"{pvname}.DESC") for pvname in pvnames)
    return [reading.value for reading in readings]


async def all_facts(ca: Libca, prefix: str, rows: Sequence[Row]) -> list[Facts]:
    """The facts of many PVs."""
    return await gather(facts(ca, prefix + row.name, row) for row in rows)


async def gather(requests: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The answers to many requests, a limited number of them under way at a time."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(request: Coroutine[Any, Any, T]) -> T:
        async with limit:
            return await request

    return await asyncio.gather(*(one(request) for request in requests))


def differences(row: Row, ours: Facts, base: Facts) -> list[Difference]:
    """Where two answers differ, meant or not."""
    found: list[Difference] = []
    for fact in ours.keys() | base.keys():
        mine, theirs = ours.get(fact), base.get(fact)
        if mine == theirs or (mine != mine and theirs != theirs):
            continue
        meant = (m for m in MEANT if m.fact == fact and m.holds(row, mine, theirs))
        reason = next((m.reason for m in meant), "")
        found.append(Difference(row.name, fact, mine, theirs, reason))
    return found


def distinct(rows: Sequence[Row]) -> list[Row]:
    """One row of each kind: those that differ in name and texts alone are of one kind."""
    kinds: dict[Any, Row] = {}
    for row in rows:
        spec = replace(row.spec, name="X", desc="X", guidance="", archive=None)
        texts = tuple((name, text) for name, text in row.fields if name != "DESC")
        kinds.setdefault((repr(spec), texts, bool(row.setpoint), row.section), row)
    return list(kinds.values())
