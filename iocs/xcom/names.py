"""How datapoints are called as PVs: name, description, precision, states."""

from __future__ import annotations

from drivers.xcom.addresses import Family
from drivers.xcom.datapoint import Datapoint
from drivers.xcom.enumerations import Enumeration
from drivers.xcom.protocol import Format

LEVELS = {
    Family.XTENDER: "XT",
    Family.VARIOTRACK: "VT",
    Family.VARIOSTRING: "VS",
}
"""Levels of numbered devices in PV names, as in ``XT1:``."""

GROUP_LEVELS = {100: "XTs:", 300: "VTs:", 700: "VSs:"}
"""Levels of group addresses, whose set points and signals reach all devices of a family."""

BATTERY_LEVEL = "Bat:"
GATEWAY_LEVEL = "Gateway:"

_PREFIXES = {
    Family.XTENDER: ("XT_",),
    Family.VARIOTRACK: ("VT_",),
    Family.VARIOSTRING: ("VS_",),
    Family.BATTERY: ("BATT_", "BMS_"),
    Family.GATEWAY: ("RCC_",),
}
_PRECISIONS = {
    "V": 2, "A": 2, "W": 0, "kW": 3, "VA": 0, "kVA": 3, "%": 1, "Hz": 2, "kWh": 2, "MWh": 3,
    "Ah": 1, "kAh": 3, "degC": 1, "h": 2, "d": 1, "min": 0, "s": 0, "": 0,
}  # fmt: skip
_SHORT = {
    1126: "Allow Smart-Boost",
    1523: "Current injected into AC-in, ceiling",
    1525: "Forced feeding start, after midnight",
    1526: "Forced feeding stop, after midnight",
    1524: "Battery voltage in forced feeding",
    3138: "Apparent power at AC-in",
    5002: "System clock, s since 1970, wall clock",
    5103: "Hardware watchdog (0 restarts)",
    5104: "Take note of the restart",
    5119: "Blink LEDs of the device at address",
    3104: "Electronics temperature 1, minute mean",
    3107: "Electronics temperature 2, minute mean",
    3103: "Electronics temperature 1, minute max",
    3119: "Active power at AC-in, minute mean",
    7004: "Minutes left, none while charging",
    7047: "State of charge by manufacturer model",
    11038: "Charge-cycle phase",
    3010: "Charge-cycle phase",
    3018: "Limiting of the AC-in current",
    3049: "Xtender",
    7029: "Temperature from its monitor",
    11034: "Charger error",
    11069: "VarioTrack",
    15049: "Charger error",
    15108: "VarioString",
    11045: "Electronics temperature 1, minute mean",
    15065: "Electronics temperature 1, minute mean",
}
"""Descriptions where the words of the table are too long for DESC, or no good name of an alarm."""

_HIGHEST_STATE = 15


def pv_name(point: Datapoint) -> str:
    """The CamelCase name below the device's level: XT_BATT_VOLTAGE is BattVoltage."""
    name = point.name.removesuffix("_XT")
    for prefix in _PREFIXES[point.family]:
        name = name.removeprefix(prefix)
    return "".join(word.capitalize() for word in name.split("_"))


def description(point: Datapoint) -> str:
    """What it is, in at most 40 bytes."""
    text = _SHORT.get(point.number, point.what.replace("minute average", "minute mean"))
    return text[0].upper() + text[1:]


def precision(point: Datapoint) -> int:
    """Digits behind the point."""
    return _PRECISIONS[point.unit]


class States:
    """The labels of a state and which number each of them is.

    The states of a live value have the device's numbers; those in between are named by the number.
    A choice of one set bit has the labels in their order.
    """

    def __init__(self, point: Datapoint) -> None:
        labels = _labels(point.labels, point.format)
        self._numbers = tuple(number for number, _ in labels)
        self.labels = tuple(label for _, label in labels)

    def index(self, number: float | None) -> int | None:
        """The state of a number; None for one that there is not."""
        if number is None or number not in self._numbers:
            return None
        return self._numbers.index(int(number))

    def number(self, index: int) -> int:
        return self._numbers[index]


def _labels(labels: Enumeration | None, layout: Format) -> tuple[tuple[int, str], ...]:
    if labels is None:
        return ((0, "No"), (1, "Yes"))
    highest = max(number for number, _ in labels.labels)
    if layout is not Format.SHORT_ENUM or highest > _HIGHEST_STATE:
        return labels.labels
    return tuple((n, labels.label(n) or f"Unused {n}") for n in range(highest + 1))
