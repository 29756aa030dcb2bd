"""Circutor CVM-96 power analysers: one IOC per bus, with as many meters as hang on it.

Every quantity has three PVs: as it is, its maximum (``...Max``) and its minimum (``...Min``). What
is measured now is read every second, energies and extremes every ten seconds, each meter on its
own: one that does not answer makes its own PVs INVALID and no others. Nothing is ever written.
Quantities, units and signs: cvm96-protocol.md 2 and 3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from drivers.cvm96.device import Meter, MeterBus
from drivers.cvm96.plausibility import doubts
from drivers.cvm96.protocol import BY_NAME, DemandMode, Quantity
from drivers.cvm96.reading import Extremes, Measurements
from drivers.cvm96.settings import Cvm96Settings
from iocs.device.declare import FAST, SLOW, Family, analog, binary, connected_pv, integer, text
from iocs.device.group import DeviceGroup, PartGroup
from iocs.device.instrument import Demo, Instrument
from iocs.device.scan import Block, Scan
from iocs.record.alarm import Severity
from iocs.record.spec import Archive

TEXT_SIZE = 160
LINES = ("L1", "L2", "L3")


@dataclass(frozen=True, slots=True)
class Band:
    """Alarm limits as parts of a nominal value; NaN where there is none."""

    lolo: float = math.nan
    low: float = math.nan
    high: float = math.nan
    hihi: float = math.nan


VOLTAGE_BAND = Band(0.85, 0.9, 1.1, 1.15)
"""MINOR beyond 10 % (EN 50160 for 95 % of a week), MAJOR beyond 15 %."""

FREQUENCY_BAND = Band(0.94, 0.99, 1.01, 1.04)
"""EN 50160 for interconnected systems: 1 % for 99.5 % of a year, -6 % and +4 % always."""

UNBALANCE_BAND = Band(high=2.0, hihi=5.0)
"""In %: EN 50160 allows 2 %; NEMA MG 1 advises against running motors beyond 5 %."""

GUIDANCE = {
    **{
        f"{line.lower()}_voltage": f"{line} is far from its nominal voltage, and what it feeds may"
        " fail. Compare it with the other phases: one alone points to a fuse or wire, all of them"
        " to the supply."
        for line in LINES
    },
    **{
        f"{one.lower()}_{other.lower()}_voltage": f"{one} to {other} is far from its nominal"
        " voltage, and three-phase loads may fail. Look at the voltage of each phase to see which"
        " one it is."
        for one, other in (("L1", "L2"), ("L2", "L3"), ("L3", "L1"))
    },
    "frequency": "The frequency is far from nominal: the grid is disturbed, or a generator feeds"
    " the site. Ask who runs the supply, or check the generator.",
}
"""What to do about an alarm, by quantity."""


@dataclass(frozen=True, slots=True)
class Row:
    """A quantity of the meter as a PV: its name in the driver, the PV's name, its text."""

    quantity: str
    pv: str
    doc: str

    @property
    def what(self) -> Quantity:
        return BY_NAME[self.quantity]


_PER_LINE = (
    ("voltage", "Voltage", "voltage to neutral"),
    ("current", "Current", "current"),
    ("active_power", "ActivePower", "active power"),
    ("reactive_power", "ReactivePower", "reactive power"),
    ("power_factor", "PowerFactor", "power factor, meter's sign"),
    ("voltage_thd", "VoltageTHD", "voltage distortion"),
    ("current_thd", "CurrentTHD", "current distortion"),
)
MEASUREMENTS = (
    *(
        Row(f"{line.lower()}_{quantity}", f"{line}:{pv}", f"{line} {doc}")
        for line in LINES
        for quantity, pv, doc in _PER_LINE
    ),
    Row("total_active_power", "Total:ActivePower", "Active power"),
    Row("total_inductive_power", "Total:InductivePower", "Inductive power"),
    Row("total_capacitive_power", "Total:CapacitivePower", "Capacitive power"),
    Row("total_apparent_power", "Total:ApparentPower", "Apparent power"),
    Row("total_cos_phi", "Total:CosPhi", "Cos phi, meter's sign"),
    Row("total_power_factor", "Total:PowerFactor", "Power factor, meter's sign"),
    Row("frequency", "Frequency", "Frequency"),
    Row("l1_l2_voltage", "L1L2:Voltage", "Voltage L1 to L2"),
    Row("l2_l3_voltage", "L2L3:Voltage", "Voltage L2 to L3"),
    Row("l3_l1_voltage", "L3L1:Voltage", "Voltage L3 to L1"),
    Row("average_current", "AverageCurrent", "Mean of the line currents"),
    Row("neutral_current", "NeutralCurrent", "Neutral current"),
    Row("maximum_demand", "MaxDemand", "Demand (of L1 if per phase)"),
)
PHASE_DEMANDS = (
    Row("maximum_demand_l2", "MaxDemandL2", "Demand of L2"),
    Row("maximum_demand_l3", "MaxDemandL3", "Demand of L3"),
)
_ENERGY_KINDS = ("Active", "Inductive", "Capacitive", "Apparent")
ENERGIES = tuple(
    Row(
        f"{kind.lower()}_energy{suffix.lower()}",
        f"Energy:{kind}{suffix.removeprefix('_')}",
        f"{kind} energy{suffix.lower().replace('_', ' ')}",
    )
    for suffix in ("", "_Generated")
    for kind in _ENERGY_KINDS
)


def _values(
    block: Block[Any],
    rows: tuple[Row, ...],
    path: str = "",
    suffix: str = "",
    doc: str = "",
    archive: Archive | None = FAST,
    *,
    guidance: Mapping[str, str] | None = None,
) -> Family:
    """The PVs of one block, by table; ``path`` is where the block holds the quantities."""
    told = guidance or {}
    return Family(
        {
            row.quantity: analog(
                block,
                row.pv + suffix,
                attrgetter(path + row.quantity),
                doc=row.doc + doc,
                units=row.what.unit,
                precision=round(math.log10(row.what.counts)),
                archive=archive,
                guidance=told.get(row.quantity, ""),
            )
            for row in rows
        }
    )


class PhaseDemandPVs(PartGroup[Meter]):
    """The demands of L2 and L3, of a meter that integrates the current of each phase."""

    instantaneous = Block[Measurements]()
    extremes = Block[Extremes]()

    now = _values(instantaneous, PHASE_DEMANDS)
    maximum = _values(
        extremes, PHASE_DEMANDS, "maxima.measurements.", "Max", ", maximum", archive=SLOW
    )
    minimum = _values(
        extremes, PHASE_DEMANDS, "minima.measurements.", "Min", ", minimum", archive=SLOW
    )


class MeterPVs(PartGroup[Meter]):
    """What one meter measures."""

    instantaneous = Scan(1.0, Meter.read_instantaneous)
    energies = Scan(10.0, Meter.read_energies)
    extremes = Scan(10.0, Meter.read_extremes)

    now = _values(instantaneous, MEASUREMENTS, guidance=GUIDANCE)
    counter = _values(energies, ENERGIES, "energies.", archive=SLOW)
    since_start = _values(
        energies, ENERGIES, "since_start.", "SinceStart", " since start", archive=SLOW
    )
    maximum = _values(
        extremes, MEASUREMENTS, "maxima.measurements.", "Max", ", maximum", archive=SLOW
    )
    minimum = _values(
        extremes, MEASUREMENTS, "minima.measurements.", "Min", ", minimum", archive=SLOW
    )
    # these mean nothing (cvm96-protocol.md 3): served, but not archived
    counter_maximum = _values(
        extremes, ENERGIES, "maxima.energies.", "Max", ", maximum", archive=None
    )
    counter_minimum = _values(
        extremes, ENERGIES, "minima.energies.", "Min", ", minimum", archive=None
    )

    voltage_unbalance = analog(
        instantaneous,
        "VoltageUnbalance",
        lambda r: r.voltage_unbalance,
        units="%",
        precision=2,
        doc="Unbalance of line voltages (NEMA)",
        guidance="The phases differ too much, and three-phase motors run hot on it. Look for a"
        " missing phase, a blown fuse or a heavy load on one phase.",
    )
    current_unbalance = analog(
        instantaneous,
        "CurrentUnbalance",
        lambda r: r.current_unbalance,
        units="%",
        precision=1,
        doc="Unbalance of currents (NEMA)",
    )
    plausible = binary(
        instantaneous,
        "Plausible",
        lambda r: not doubts(r),
        states=("Doubtful", "Plausible"),
        zero_severity=Severity.MINOR,
        guidance="What is read does not fit this meter: see What does not fit. Wait if it has just"
        " been powered up; else check its model, its address and its wiring.",
        doc="Readings of the meter",
    )
    doubt = text(
        instantaneous,
        "Doubts",
        lambda r: "; ".join(doubts(r)),
        size=TEXT_SIZE,
        doc="What does not fit",
    )
    resets = integer(
        energies,
        "Energy:ResetCount",
        lambda r: r.resets,
        doc="Energy counters that dropped",
        archive=SLOW,
    )
    last_reset = text(
        energies,
        "Energy:LastReset",
        lambda r: r.last_reset,
        size=TEXT_SIZE,
        doc="Latest drop of a counter",
        archive=SLOW,
    )

    def build(self) -> None:
        """Set what depends on the meter: its demands, limits at its nominal values."""
        for name in ("l1_power_factor", "l2_power_factor", "l3_power_factor", "total_power_factor"):
            self._axis(f"now_{name}", -1.0, 1.0)
        unit = self.target.unit
        mode = unit.demand_mode
        for kind in ("now", "maximum", "minimum"):
            point = self.point(f"{kind}_maximum_demand")
            precision = round(math.log10(mode.counts))
            point.spec = replace(point.spec, units=mode.unit, precision=precision)
        if mode is DemandMode.A_PER_PHASE:
            self.add_part(
                PhaseDemandPVs(self.prefix, self.target, parent=self),
                {
                    PhaseDemandPVs.instantaneous: (MeterPVs.instantaneous, lambda r: r),
                    PhaseDemandPVs.extremes: (MeterPVs.extremes, lambda r: r),
                },
            )
        if unit.nominal_voltage is not None:
            self._limit_voltages(unit.nominal_voltage)
        frequency = self.root.device.settings.nominal_frequency
        if frequency is not None:
            self._limit("now_frequency", frequency, FREQUENCY_BAND, 2)
            self._axis("now_frequency", 0.9 * frequency, 1.1 * frequency)

    def _limit_voltages(self, nominal: float) -> None:
        for line in LINES:
            self._limit(f"now_{line.lower()}_voltage", nominal, VOLTAGE_BAND, 1)
            self._axis(f"now_{line.lower()}_voltage", 0.0, round(1.2 * nominal))
        for pair in ("l1_l2", "l2_l3", "l3_l1"):
            self._limit(f"now_{pair}_voltage", nominal * math.sqrt(3), VOLTAGE_BAND, 1)
        self._limit("voltage_unbalance", 1.0, UNBALANCE_BAND, 2)

    def _axis(self, attribute: str, low: float, high: float) -> None:
        """Tell between what a PV is looked at."""
        point = self.point(attribute)
        point.spec = replace(point.spec, display=(low, high))

    def _limit(self, attribute: str, nominal: float, band: Band, digits: int) -> None:
        """Give a PV alarm limits, as parts of its nominal value."""
        limits = {
            name: round(nominal * getattr(band, name), digits)
            for name in ("lolo", "low", "high", "hihi")
        }
        point = self.point(attribute)
        point.spec = replace(point.spec, **limits)
        point.limits.values.update({name.upper(): limit for name, limit in limits.items()})


class NamedMeterPVs(MeterPVs):
    """One of several meters: it has a ``Connected`` of its own beside that of the IOC."""

    part_connected = connected_pv(
        "Meter answers",
        "The meter does not answer, and its values are old. Check its supply, its address and the"
        " bus cable; if all meters of the bus are silent, the link.",
    )


class MeterBusIOC(DeviceGroup[MeterBus]):
    """Circutor CVM-96 power analysers on one bus."""

    def build(self) -> None:
        """Add the meters; a single one without a name has the names of the IOC itself."""
        for meter in self.device.meters:
            if meter.name:
                self.add_part(NamedMeterPVs(f"{self.prefix}{meter.name}:", meter, parent=self))
            else:
                self.add_part(MeterPVs(self.prefix, meter, parent=self))


INSTRUMENT = Instrument(
    name="cvm96",
    title="Circutor CVM-96 power analysers",
    settings=Cvm96Settings,
    open=MeterBus,
    group=MeterBusIOC,
    simulator="drivers.cvm96.simulator",
    default_prefix="CVM:",
    example_link="serial:///dev/ttyUSB0?baud=9600&parity=N",
    demo=Demo(
        prefix="DEMO:CVM:",
        show=(
            "Main:L1:Voltage",
            "Main:Total:ActivePower",
            "Main:Total:PowerFactor",
            "Main:Energy:Active",
            "Solar:Total:ActivePower",
            "Solar:Energy:ActiveGenerated",
            "Solar:Frequency",
        ),
        fresh="Main:Total:ActivePower",
        link="rtu+tcp://127.0.0.1:0",
        simulator=("--meters", "2", "--speed", "60"),
        settings=(
            ("meters", [{"name": "Main", "address": 1}, {"name": "Solar", "address": 2}]),
            ("nominal_voltage", 230.0),
            ("nominal_frequency", 50.0),
        ),
    ),
)

if __name__ == "__main__":
    from iocs.app.runner import main

    raise SystemExit(main(INSTRUMENT))
