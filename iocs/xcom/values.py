"""The PVs that the datapoint table gives: live values, set points, signals."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from drivers.xcom.addresses import GROUPS
from drivers.xcom.datapoint import NO_SENSOR, Access, Datapoint
from drivers.xcom.datapoints import datapoint
from drivers.xcom.protocol import Format, ObjectType
from drivers.xcom.readings import Point
from iocs.ca.dbr import Native
from iocs.ca.stamp import Stamp
from iocs.device.declare import (
    SLOW,
    Agreement,
    Presence,
    analog,
    binary,
    choice,
    command,
    setpoint,
    state,
)
from iocs.device.declared import Command, Declared, Family, Reading, Setpoint
from iocs.device.group import PartGroup
from iocs.device.scan import Block
from iocs.record.alarm import UNDEFINED, Severity
from iocs.record.point import Point as ServedPoint
from iocs.record.spec import Archive, PointSpec

from .judged import JUDGED, Judged
from .names import States, description, precision, pv_name
from .readings import ParameterState
from .unit import Unit

R = TypeVar("R")
SettingsShare = Mapping[int, ParameterState]

_NO_SENSOR_FROM = NO_SENSOR - 100.0
_MINUTES_LEFT = 7004
_CLOCK = 5002
"""A clock, which is no use in an archive: every sample has its own time."""

_CLOCK_GOES_ON = 60.0
"""Seconds by which the gateway's clock may have gone on while it was read back."""

_UNTIL_SHOWN = 2.0
"""Seconds for flash to show what was written to it."""

_SENSIBLE: dict[int, tuple[float, float]] = {
    **dict.fromkeys((7002, 7032, 7047), (0.0, 100.0)),
    **dict.fromkeys((7029, 7033), (-20.0, 60.0)),
}
"""Ends of an axis for live values of a battery."""

IN_SNAPSHOT = frozenset(
    {
        *(1107, 1108, 1109, 1110, 1112, 1121, 1138, 1140, 1156, 1157, 1187, 1286, 1297, 1523, 1524),
        1607,
        *(10002, 10005, 10009),
        *(6001, 6062, 6063, 6069, 6070, 6075),
    }
)
"""The parameters that save-and-restore may write back: levels, limits and durations.

Not what allows or switches (1124 to 1128, 1202, 1296, 1311, 1545), selects a mode (1552, 6057),
arms a watchdog or sets its delay, feeds the grid from an hour on (1525, 1526), says where writes
are stored (1550, 10058, 14069), nor anything of the gateway. Nor the currents of VarioStrings
(14001, 14217): each model has one of the two.
"""


def live_values(
    block: Block[R],
    numbers: Iterable[int],
    get: Callable[[R, int], float | None],
    archive: Archive,
) -> Family:
    """One PV for each live value of a block; `get` finds a value by its number."""
    return Family(
        {
            f"i{number}": _live(block, datapoint(number), _getter(get, number), archive)
            for number in numbers
        }
    )


def _getter(get: Callable[[R, int], float | None], number: int) -> Callable[[R], float | None]:
    return lambda reading: get(reading, number)


def _live(
    block: Block[R], point: Datapoint, get: Callable[[R], float | None], archive: Archive
) -> Reading[R]:
    name, doc = pv_name(point), description(point)
    judged = JUDGED.get(point.number, Judged(""))
    if point.labels is None:
        timely = point.number == _MINUTES_LEFT
        shown = _minutes_left(get) if timely else _sensor(get) if point.unit == "degC" else get
        return analog(
            block, name, shown, doc=doc, units=point.unit, precision=precision(point),
            archive=archive, presence=Presence.AT_TIMES if timely else Presence.IF_FITTED,
            guidance=judged.guidance, display=_SENSIBLE.get(point.number, (0.0, 0.0)),
            **judged.limits,
        )  # fmt: skip
    states = States(point)
    chosen = judged.states
    if len(states.labels) == 2:
        return binary(
            block, name, lambda reading: _bit(states.index(get(reading))), doc=doc,
            states=(states.labels[0], states.labels[1]), archive=archive,
            guidance=judged.guidance,
            zero_severity=chosen.get(0, Severity.NO_ALARM),
            severity=chosen.get(1, Severity.NO_ALARM),
        )  # fmt: skip
    severities = {states.index(n): severity for n, severity in chosen.items()}
    return state(
        block, name, lambda reading: states.index(get(reading)), doc=doc, states=states.labels,
        severities={n: severity for n, severity in severities.items() if n is not None},
        guidance=judged.guidance, archive=archive,
    )  # fmt: skip


def _bit(index: int | None) -> bool | None:
    return None if index is None else bool(index)


def _sensor(get: Callable[[R], float | None]) -> Callable[[R], float | None]:
    """A temperature, None without a sensor (xcom-protocol.md 6.3)."""

    def sensed(reading: R) -> float | None:
        value = get(reading)
        return None if value is not None and value >= _NO_SENSOR_FROM else value

    return sensed


def _minutes_left(get: Callable[[R], float | None]) -> Callable[[R], float | None]:
    """The minutes until the battery is empty: the device counts them from -60000 to 0 (18.1).

    It has no value, which is NaN, while the battery is being charged.
    """

    def left(reading: R) -> float | None:
        value = get(reading)
        return None if value is None or math.isnan(value) else abs(value)

    return left


def parameter_pvs(
    block: Block[SettingsShare], points: Iterable[Datapoint], in_snapshot: Container[int] = ()
) -> Family:
    """Set points of the parameters: ``X``, ``X_RBV`` and ``X_Flash``.

    `in_snapshot` has the numbers of those that save-and-restore may write back.
    """
    found: dict[str, Declared] = {}
    for point in points:
        if point.object_type is not ObjectType.PARAMETER:
            continue
        if point.access is Access.READ_WRITE:
            made = _setpoint(block, point, snapshot=point.number in in_snapshot)
            found[f"p{point.number}"] = made
            found[f"p{point.number}_rbv"] = made.readback
            found[f"p{point.number}_flash"] = _flash(block, point)
        elif point.access is Access.READ:
            found[f"p{point.number}"] = _read_only(block, point)
    return Family(found)


def limits_follower(group: PartGroup[Unit]) -> Callable[[SettingsShare | None, Stamp], None]:
    """Lets the limits of set points follow what the device tells, or all devices of a group."""

    def follow(share: SettingsShare | None, stamp: Stamp) -> None:
        del stamp
        for number, found in (share or {}).items():
            attribute = f"parameters_p{number}"
            if found.limits is not None and attribute in group.attr_pvdb:
                low, high = found.limits.minimum, found.limits.maximum
                ends = (math.nan if low is None else low, math.nan if high is None else high)
                _set_control(group.point(attribute), ends)

    return follow


def _set_control(point: ServedPoint, ends: tuple[float, float]) -> None:
    if point.spec.control != ends and point.spec.record in ("ao", "longout"):
        point.spec = replace(point.spec, control=ends)


def follow_doubts(group: PartGroup[Unit]) -> None:
    """Make readbacks INVALID at once when a write was ambiguous, not at the next read."""
    unit = group.target

    def doubt(points: Sequence[Point]) -> None:
        stamp = Stamp.now()
        for point in points:
            attribute = f"parameters_p{point.datapoint.number}_rbv"
            concerned = unit.device.address in (point.address, *GROUPS)
            if concerned and attribute in group.attr_pvdb:
                group.point(attribute).fail(UNDEFINED, stamp)

    unit.plant.doubted.append(doubt)


def _in_force(number: int) -> Callable[[SettingsShare], float | None]:
    return lambda share: None if number not in share else share[number].in_force


def _agreement(point: Datapoint) -> Agreement:
    """When devices hold what was put: within half a step, each device of a group.

    What was put to RAM cannot be read back: there it is what the devices have acknowledged.
    """
    states = None if point.format in (Format.FLOAT, Format.INT32) else States(point)

    def held(share: SettingsShare) -> Sequence[float | None]:
        found = share[point.number].in_each if point.number in share else (None,)
        return found if states is None else [states.index(one) for one in found]

    def goes_on(put: float, shown: float) -> bool:
        return 0 <= shown - put <= _CLOCK_GOES_ON

    same = goes_on if point.number == _CLOCK else point.same if states is None else operator.eq
    return Agreement(within=_UNTIL_SHOWN, same=same, held=held)


def _in_flash(number: int) -> Callable[[SettingsShare], float | None]:
    return lambda share: None if number not in share else share[number].flash


def _if_fitted(
    number: int, get: Callable[[SettingsShare], float | None]
) -> Callable[[SettingsShare], float | None]:
    """A number of a parameter: None if the device does not have it, NaN if nobody knows."""

    def known(share: SettingsShare) -> float | None:
        if number in share and share[number].lacking:
            return None
        value = get(share)
        return math.nan if value is None else value

    return known


def _setpoint(
    block: Block[SettingsShare], point: Datapoint, *, snapshot: bool
) -> Setpoint[Unit, Any]:
    name, doc, number = pv_name(point), description(point), point.number
    in_force = _in_force(number)

    async def write(unit: Unit, value: float) -> None:
        await unit.write(number, value)

    if point.format is Format.FLOAT:
        return setpoint(
            name, write, confirm=block, doc=doc, units=point.unit, precision=precision(point),
            readback=in_force if snapshot else _if_fitted(number, in_force), archive=SLOW,
            agreement=_agreement(point), snapshot=snapshot,
            presence=Presence.ALWAYS if snapshot else Presence.IF_FITTED,
        )  # fmt: skip
    if point.format is Format.INT32:
        return _whole(block, point, write, in_force)
    states = States(point)

    async def choose(unit: Unit, index: int) -> None:
        await unit.write(number, states.number(index))

    return choice(
        name, choose, confirm=block, readback=lambda share: states.index(in_force(share)),
        states=states.labels, doc=doc, archive=SLOW, agreement=_agreement(point),
    )  # fmt: skip


def _whole(
    block: Block[SettingsShare],
    point: Datapoint,
    write: Callable[[Unit, int], Any],
    in_force: Callable[[SettingsShare], float | None],
) -> Setpoint[Unit, int]:
    """A whole number (longout)."""
    common: dict[str, Any] = {
        "desc": description(point), "native": Native.LONG, "units": point.unit,
        "archive": None if point.number == _CLOCK else SLOW,
    }  # fmt: skip
    name = pv_name(point)
    twin = Reading(PointSpec(name=f"{name}_RBV", record="longin", **common), block, in_force)
    spec = PointSpec(name=name, record="longout", writable=True, **common)
    agreement = _agreement(point)
    return Setpoint(spec, write, twin, urgent=False, follow=True, agreement=agreement)


def _flash(block: Block[SettingsShare], point: Datapoint) -> Reading[SettingsShare]:
    """What flash holds."""
    name, get = f"{pv_name(point)}_Flash", _in_flash(point.number)
    doc = "In flash, as the device tells it"
    if point.format is Format.FLOAT or point.format is Format.INT32:
        return analog(
            block, name, _if_fitted(point.number, get), doc=doc, units=point.unit,
            precision=precision(point), archive=None if point.number == _CLOCK else SLOW,
            presence=Presence.IF_FITTED,
        )  # fmt: skip
    return _labelled(block, name, doc, States(point), get)


def _read_only(block: Block[SettingsShare], point: Datapoint) -> Reading[SettingsShare]:
    name, doc, get = pv_name(point), description(point), _in_flash(point.number)
    return _labelled(block, name, doc, States(point), get)


def _labelled(
    block: Block[SettingsShare],
    name: str,
    doc: str,
    states: States,
    get: Callable[[SettingsShare], float | None],
) -> Reading[SettingsShare]:
    if len(states.labels) == 2:
        return binary(
            block, name, lambda share: _bit(states.index(get(share))), doc=doc,
            states=(states.labels[0], states.labels[1]), archive=SLOW,
        )  # fmt: skip
    return state(
        block, name, lambda share: states.index(get(share)), doc=doc, states=states.labels,
        archive=SLOW,
    )  # fmt: skip


def signal_pvs(block: Block[Any], points: Iterable[Datapoint], urgent: Iterable[int]) -> Family:
    """One command for each signal."""
    return Family(
        {
            f"s{point.number}": _signal(block, point, point.number in urgent)
            for point in points
            if point.access is Access.SIGNAL
        }
    )


def _signal(block: Block[Any], point: Datapoint, urgent: bool) -> Command[Unit]:
    async def fire(unit: Unit) -> None:
        await unit.signal(point.number)

    return command(pv_name(point), fire, confirm=block, doc=description(point), urgent=urgent)
