"""What the numbers of states and choices mean.

Labels are short enough for a state of a PV (25 characters). The same word has different numbers in
different families: never share an enumeration between datapoints that do not name it.
Source: xcom-protocol.md 18.2, and verdicts V5, V6, V14, V15 of 17.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

from .protocol import Level


@dataclass(frozen=True, slots=True)
class Enumeration:
    """Numbers and their labels, in rising order."""

    labels: tuple[tuple[int, str], ...]

    def label(self, number: int) -> str | None:
        """The label of a number; None for one that no list has."""
        return next((label for value, label in self.labels if value == number), None)

    def number(self, label: str) -> int:
        """The number of a label; raises ValueError for an unknown one."""
        for value, known in self.labels:
            if known == label:
                return value
        known_labels = ", ".join(known for _, known in self.labels)
        raise ValueError(f"{label!r} is not one of {known_labels}")


def _from_zero(*labels: str) -> Enumeration:
    return Enumeration(tuple(enumerate(labels)))


OFF_ON = _from_zero("Off", "On")
XTENDER_PHASE = _from_zero(
    "Invalid", "Bulk", "Absorption", "Equalisation", "Floating", "Reduced floating",
    "Periodic absorption", "Mixing", "Forming",
)  # fmt: skip
VARIO_PHASE = Enumeration(
    (
        (0, "Bulk"),
        (1, "Absorption"),
        (2, "Equalisation"),
        (3, "Floating"),
        (6, "Reduced floating"),
        (7, "Periodic absorption"),
    ),
)
VARIOTRACK_MODE = Enumeration(
    (
        (0, "Night"),
        (1, "Start-up"),
        (3, "Charger"),
        (5, "Security"),
        (6, "Off"),
        (8, "Charge"),
        (9, "Charge, voltage limited"),
        (10, "Charge, current limited"),
        (11, "Charge, heat limited"),
        (12, "Charge, BSP limited"),
    ),
)
RELAY = _from_zero("Open", "Closed")
XTENDER_STATE = Enumeration(
    (
        (0, "Invalid"),
        (1, "Inverter"),
        (2, "Charger"),
        (3, "Boost"),
        (4, "Injection"),
        (6, "Off"),
    ),
)
AUXILIARY_MODE = _from_zero(
    "Invalid", "Automatic", "Reversed automatic", "Manual on", "Manual off",
    "Coupled for generator",
)  # fmt: skip
REMOTE_ENTRY = _from_zero("Low", "High")
LIMIT_SOURCE = _from_zero(
    "Invalid", "Battery voltage", "Battery voltage peak", "Battery voltage ripple",
    "Battery current", "Charger power", "Voltage in injection", "Injection current",
    "Maximum current", "AC-in limit", "Thermal", "Negative AC-out power", "Grid frequency",
)  # fmt: skip
THERMAL_STATE = Enumeration(
    (
        (0, "Fine"),
        (1, "Transformer alarm"),
        (2, "Transformer error"),
        (3, "Electronics error (3)"),
        (4, "Electronics error"),
        (8, "Electronics halted"),
    ),
)
AUXILIARY_CHOICE = Enumeration(
    ((1, "Automatic"), (2, "Reversed automatic"), (4, "Manual on"), (8, "Manual off"))
)
REMOTE_ENTRY_ACTIVE = _from_zero("Closed", "Open")
GRID_LOSS_SPEED = Enumeration(((1, "Slow"), (2, "Tolerant"), (4, "Fast")))
AUTOMATIC_YES_NO = Enumeration(((1, "Automatic"), (2, "Yes"), (4, "No")))
BATTERY_MAKE = _from_zero("Other", "BYD", "Pylontech", "WeCo")
SOC_BAND = _from_zero(
    "Unknown", "Over grid feeding", "At grid feeding", "Under grid feeding",
    "Under adaptive", "At backup", "Under backup", "End of charge", "Over end of charge", "Full",
    "Normal",
)  # fmt: skip
SYSTEM_VOLTAGE = Enumeration(((1, "Automatic"), (2, "12 V"), (4, "24 V"), (8, "48 V")))
VARIOTRACK_MODEL = _from_zero("VT-80", "VT-65", "VT-40", "VT-HV")
VARIOTRACK_ERROR = Enumeration(
    (
        (0, "None"),
        (1, "Battery over-voltage"),
        (2, "Earth"),
        (3, "No battery"),
        (4, "Over-temperature"),
        (5, "Battery over-voltage (5)"),
        (6, "PV over-voltage"),
        (7, "Other"),
        (12, "Hardware"),
    ),
)
SYNCHRONISATION = Enumeration(
    (
        (4, "Xtender slave"),
        (5, "VarioTrack slave"),
        (8, "VarioTrack master"),
        (9, "Autonomous"),
        (10, "VarioString slave"),
        (11, "VarioString master"),
    ),
)
PV_WIRING = _from_zero("Unknown", "Independent", "Series", "Parallel", "Error")
VARIOSTRING_MODE = Enumeration(
    (
        (0, "Night"),
        (1, "Security"),
        (2, "Off"),
        (3, "Charge"),
        (4, "Charge, voltage limited"),
        (5, "Charge, current limited"),
        (6, "Charge, power limited"),
        (7, "Charge, PV curr. limited"),
        (8, "Charge, heat limited"),
        (10, "Charge, BSP limited"),
    ),
)
VARIOSTRING_ERROR = _from_zero(
    "None", "Battery over-voltage", "PV over-voltage", "PV1 over-voltage",
    "PV2 over-voltage", "PV over-current", "PV1 over-current", "PV2 over-current",
    "Battery earth", "PV earth", "PV1 earth", "PV2 earth", "Over-temperature",
    "Battery under-voltage", "Cabling", "Other",
)  # fmt: skip
USER_LEVEL = Enumeration(
    (
        (Level.VIEW_ONLY, "View only"),
        (Level.BASIC, "Basic"),
        (Level.EXPERT, "Expert"),
        (Level.INSTALLER, "Installer"),
        (Level.QSP, "QSP"),
    ),
)


class Locking(IntFlag):
    """What keeps an Xtender from a function: datapoint 3056, sent as FLOAT (B1)."""

    INVERTER_FORBIDDEN = 1 << 0
    CHARGER_FORBIDDEN = 1 << 1
    BOOST_FORBIDDEN = 1 << 2
    TRANSFER_FORBIDDEN = 1 << 3
    INJECTION_FORBIDDEN = 1 << 4
    MULTI = 1 << 8
    INDEPENDENT_MULTI = 1 << 9
    SLAVE_STANDBY = 1 << 10
