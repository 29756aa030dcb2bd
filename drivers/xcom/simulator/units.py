"""The converters of a simulated site: their switches, and what they do at the moment.

Powers in kW, currents in A (positive into the battery), temperatures in degC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from .battery import Phase
from .counters import DayCounter


class Operation(IntEnum):
    """What an Xtender does (xcom-protocol.md 18.2)."""

    INVALID = 0
    INVERTER = 1
    CHARGER = 2
    BOOST = 3
    INJECTION = 4


class Limit(IntEnum):
    """What limits a charger (xcom-protocol.md 18.2; those that this model knows)."""

    BATTERY_VOLTAGE = 1
    BATTERY_CURRENT = 4
    AC_IN = 9


class PvLimit(IntEnum):
    """What a solar charger is doing."""

    NIGHT = 0
    OFF = 1
    FREE = 2
    VOLTAGE = 3
    CURRENT = 4


@dataclass(slots=True)
class XtenderState:
    """One inverter-charger: its switches and what it does."""

    on: bool = True
    charge_current: float = 60.0
    inverter_allowed: bool = True
    charger_allowed: bool = True
    transfer_allowed: bool = True
    boost_allowed: bool = True
    input_limit: float = 32.0
    operation: Operation = Operation.INVERTER
    limit: Limit = Limit.BATTERY_VOLTAGE
    limit_reached: bool = False
    transfer: bool = False
    power_in: float = 0.0
    power_out: float = 0.0
    battery_current: float = 0.0
    energy_in: DayCounter = field(default_factory=DayCounter)
    energy_out: DayCounter = field(default_factory=DayCounter)
    discharged: DayCounter = field(default_factory=DayCounter)
    charged: DayCounter = field(default_factory=DayCounter)
    temperature: float = 27.0
    overloads: int = 0


@dataclass(slots=True)
class SolarState:
    """One solar charger: `peak` kW of modules; power in kW, current into the battery in A."""

    peak: float
    modules: float
    current_limit: float
    on: bool = True
    limit: PvLimit = PvLimit.NIGHT
    power: float = 0.0
    voltage: float = 0.0
    battery_current: float = 0.0
    highest: float = 0.0
    temperature: float = 25.0
    energy: DayCounter = field(default_factory=DayCounter)
    charge: DayCounter = field(default_factory=DayCounter)
    sun_hours: DayCounter = field(default_factory=DayCounter)

    @property
    def current(self) -> float:
        """A from the modules."""
        return 1000.0 * self.power / self.voltage if self.voltage else 0.0


def phase_code_xtender(phase: Phase) -> int:
    """The code of an Xtender for a phase of the charge cycle (xcom-protocol.md 18.2)."""
    return {Phase.BULK: 1, Phase.ABSORPTION: 2, Phase.FLOATING: 4}[phase]


def phase_code_vario(phase: Phase) -> int:
    """The code of a VarioTrack or VarioString (E2), which is another one."""
    return {Phase.BULK: 0, Phase.ABSORPTION: 1, Phase.FLOATING: 3}[phase]
