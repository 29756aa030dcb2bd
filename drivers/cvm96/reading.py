"""What a CVM-96 measures, in V, A, W, var, VA, Hz, %, Wh, varh and VAh (cvm96-protocol.md 2).

Powers, power factors and cos phi keep the sign that the meter sends: whether negative means export
or capacitive is its own convention and not that of IEC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .protocol import PHASE_DEMANDS, DemandMode, Image, Value

_DEMAND = "maximum_demand"
_PHASE_DEMANDS = {each.name for each in PHASE_DEMANDS}


@dataclass(frozen=True, slots=True)
class Measurements:
    """All quantities of one image but the energies; see cvm96-protocol.md 3.

    `maximum_demand` is in the unit of the demand mode. The demands of L2 and L3 are None unless the
    meter integrates the demand of each phase; `maximum_demand` is then that of L1.
    """

    l1_voltage: float
    l1_current: float
    l1_active_power: float
    l1_reactive_power: float
    l1_power_factor: float
    l2_voltage: float
    l2_current: float
    l2_active_power: float
    l2_reactive_power: float
    l2_power_factor: float
    l3_voltage: float
    l3_current: float
    l3_active_power: float
    l3_reactive_power: float
    l3_power_factor: float
    total_active_power: float
    total_inductive_power: float
    total_capacitive_power: float
    total_cos_phi: float
    total_power_factor: float
    frequency: float
    l1_l2_voltage: float
    l2_l3_voltage: float
    l3_l1_voltage: float
    l1_voltage_thd: float
    l2_voltage_thd: float
    l3_voltage_thd: float
    l1_current_thd: float
    l2_current_thd: float
    l3_current_thd: float
    total_apparent_power: float
    maximum_demand: float
    average_current: float
    neutral_current: float
    maximum_demand_l2: float | None = None
    maximum_demand_l3: float | None = None

    @property
    def voltages(self) -> tuple[float, float, float]:
        """Of the three phases to neutral, V."""
        return (self.l1_voltage, self.l2_voltage, self.l3_voltage)

    @property
    def line_voltages(self) -> tuple[float, float, float]:
        """Between the phases: L1-L2, L2-L3, L3-L1, V."""
        return (self.l1_l2_voltage, self.l2_l3_voltage, self.l3_l1_voltage)

    @property
    def currents(self) -> tuple[float, float, float]:
        """Of the three phases, A."""
        return (self.l1_current, self.l2_current, self.l3_current)

    @property
    def power_factors(self) -> tuple[float, ...]:
        """Of the three phases and of all three, and the three-phase cos phi."""
        lines = (self.l1_power_factor, self.l2_power_factor, self.l3_power_factor)
        return (*lines, self.total_power_factor, self.total_cos_phi)

    @property
    def voltage_unbalance(self) -> float:
        """Unbalance of the line voltages, %."""
        return unbalance(self.line_voltages)

    @property
    def current_unbalance(self) -> float:
        """Unbalance of the phase currents, %."""
        return unbalance(self.currents)


@dataclass(frozen=True, slots=True)
class Energies:
    """The counters of energy, consumed and generated: Wh, varh and VAh, never negative."""

    active_energy: int
    inductive_energy: int
    capacitive_energy: int
    apparent_energy: int
    active_energy_generated: int
    inductive_energy_generated: int
    capacitive_energy_generated: int
    apparent_energy_generated: int


@dataclass(frozen=True, slots=True)
class ImageReading:
    """One whole image: all 44 quantities."""

    measurements: Measurements
    energies: Energies


@dataclass(frozen=True, slots=True)
class Extremes:
    """The largest and smallest values since somebody cleared them at the meter.

    Those of the energies and the minima of the demands mean nothing (cvm96-protocol.md 3).
    """

    maxima: ImageReading
    minima: ImageReading


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a meter holds: 132 values."""

    instantaneous: ImageReading
    extremes: Extremes


def unbalance(values: tuple[float, float, float]) -> float:
    """The largest deviation from the mean, in % of the mean; 0 if nothing is there.

    This is the unbalance of NEMA MG 1, which takes the voltages between the lines.
    """
    mean = sum(values) / len(values)
    return 100.0 * max(abs(value - mean) for value in values) / mean if mean else 0.0


def measurements_from(values: Iterable[Value], image: Image, mode: DemandMode) -> Measurements:
    """The measurements of one image from what was read; all of them must be among the values."""
    numbers: dict[str, float] = {}
    for value in values:
        name = value.quantity.name
        if value.image is not image or value.quantity.energy:
            continue
        if name == _DEMAND:
            numbers[name] = value.count / mode.counts
        elif name not in _PHASE_DEMANDS or mode is DemandMode.A_PER_PHASE:
            numbers[name] = value.number
    return Measurements(**numbers)


def energies_from(values: Iterable[Value], image: Image) -> Energies:
    """The energies of one image from what was read; all of them must be among the values."""
    return Energies(
        **{
            value.quantity.name: value.count
            for value in values
            if value.image is image and value.quantity.energy
        }
    )
