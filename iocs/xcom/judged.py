"""Which live values of devices are alarms, and what an operator does about them.

Meanings: xcom-protocol.md 10.2 and 18.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from iocs.record.alarm import Severity

_MINOR, _MAJOR = Severity.MINOR, Severity.MAJOR


@dataclass(frozen=True, slots=True)
class Judged:
    """When a live value is an alarm: in some states, by the device's number, or beyond limits."""

    guidance: str
    states: Mapping[int, Severity] = field(default_factory=dict[int, Severity])
    limits: Mapping[str, float] = field(default_factory=dict[str, float])


_BATTERY_TEMPERATURE = Judged(
    "The battery is too hot or too cold, which can damage it. Charge and discharge it less; check"
    " the ventilation or heating of its room.",
    limits={"lolo": -10.0, "low": 0.0, "high": 45.0, "hihi": 50.0},
)
_NEARLY_EMPTY = Judged(
    "The battery is nearly empty; on under-voltage the Xtenders stop supplying the loads. Switch"
    " loads off, or charge from grid or generator.",
    limits={"lolo": 15.0, "low": 30.0},
)


def _off(what: str) -> str:
    return (
        f"{what}. If nobody switched it off, read the messages of the gateway before you switch it"
        " on again."
    )


JUDGED: dict[int, Judged] = {
    3001: _BATTERY_TEMPERATURE,
    3018: Judged(
        "The AC input gives all the current that it may. Switch loads off, or charge less, before"
        " the source is overloaded.",
        {1: _MINOR},
    ),
    3028: Judged(
        "The Xtender does not tell what it does. If it stays so, look at its display, and at the"
        " messages of the gateway.",
        {0: _MINOR},
    ),
    3049: Judged(_off("The Xtender is off: it neither charges nor inverts"), {0: _MAJOR}),
    3168: Judged(
        "The Xtender is too hot; on an error it stops. Switch loads off, and check its fan and the"
        " air around it.",
        {1: _MINOR, **dict.fromkeys(range(2, 9), _MAJOR)},
    ),
    7002: _NEARLY_EMPTY,
    7029: _BATTERY_TEMPERATURE,
    7032: _NEARLY_EMPTY,
    7033: _BATTERY_TEMPERATURE,
    7057: Judged(
        "The battery has aged, and holds less than when it was new. Plan for its replacement, and"
        " for shorter autonomy until then.",
        limits={"lolo": 60.0, "low": 80.0},
    ),
    7068: Judged(
        "The battery is down to what is kept as a backup. Switch loads off, or charge from grid or"
        " generator.",
        {5: _MINOR, 6: _MAJOR},
    ),
    11016: Judged(
        "The VarioTrack has stopped charging to protect itself. See Charger error, and the"
        " messages of the gateway.",
        {5: _MAJOR},
    ),
    11034: Judged(
        "The VarioTrack has stopped charging. Too hot: check ventilation. Hardware or other: read"
        " the messages, call for service. Else have an electrician check array, wiring, battery and"
        " its fuse: PV lines are live in daylight.",
        dict.fromkeys(range(1, 13), _MAJOR),
    ),
    11069: Judged(_off("The VarioTrack is off, and its solar power is not used"), {0: _MINOR}),
    15003: Judged(
        "The PV inputs of the VarioString are wired wrongly, or otherwise than it is set. Have an"
        " electrician check the wiring: PV lines are live in daylight.",
        {4: _MAJOR},
    ),
    15013: Judged(
        "The VarioString has stopped charging to protect itself. See Charger error, and the"
        " messages of the gateway.",
        {1: _MAJOR},
    ),
    15049: Judged(
        "The VarioString has stopped charging. Too hot: check ventilation. Other: read the"
        " messages, call for service. Else have an electrician check array, wiring and battery: PV"
        " lines are live in daylight.",
        dict.fromkeys(range(1, 16), _MAJOR),
    ),
    15108: Judged(_off("The VarioString is off, and its solar power is not used"), {0: _MINOR}),
}
"""By the number of the live value. Limits are here where they follow from no setting."""
