"""The PVs of the CVM-96 IOC, without serving them."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from drivers.cvm96.blocks import plan
from drivers.cvm96.device import MeterBus
from drivers.cvm96.protocol import QUANTITIES, Image
from drivers.cvm96.settings import Cvm96Settings, MeterSettings
from iocs.app.options import SettingsError, json_schema, parse
from iocs.cvm96 import ENERGIES, INSTRUMENT, MEASUREMENTS, PHASE_DEMANDS, MeterBusIOC
from iocs.device.instrument import Instrument
from iocs.record.point import Point
from iocs.registry import load

PER_LINE = {
    "Voltage": "V",
    "Current": "A",
    "ActivePower": "W",
    "ReactivePower": "var",
    "PowerFactor": "",
    "VoltageTHD": "%",
    "CurrentTHD": "%",
}
QUANTITY_PVS = {
    **{f"L{n}:{name}": units for n in (1, 2, 3) for name, units in PER_LINE.items()},
    "Total:ActivePower": "W",
    "Total:InductivePower": "var",
    "Total:CapacitivePower": "var",
    "Total:ApparentPower": "VA",
    "Total:CosPhi": "",
    "Total:PowerFactor": "",
    "Frequency": "Hz",
    "L1L2:Voltage": "V",
    "L2L3:Voltage": "V",
    "L3L1:Voltage": "V",
    "AverageCurrent": "A",
    "NeutralCurrent": "A",
    "MaxDemand": "W",
    "Energy:Active": "Wh",
    "Energy:Inductive": "varh",
    "Energy:Capacitive": "varh",
    "Energy:Apparent": "VAh",
    "Energy:ActiveGenerated": "Wh",
    "Energy:InductiveGenerated": "varh",
    "Energy:CapacitiveGenerated": "varh",
    "Energy:ApparentGenerated": "VAh",
}
OWN = {
    "VoltageUnbalance": "%",
    "CurrentUnbalance": "%",
    "Plausible": "",
    "Doubts": "",
    "Energy:ResetCount": "",
    "Energy:LastReset": "",
}
SCANS = {"Instantaneous": 1.0, "Energies": 10.0, "Extremes": 10.0}


def _ioc(**table: Any) -> MeterBusIOC:
    settings = parse(Cvm96Settings, {"link": "tcp://gateway", **table})
    return MeterBusIOC("T:", MeterBus(settings))


def _point(ioc: MeterBusIOC, name: str) -> Point:
    point = ioc.pvdb[f"T:{name}"]
    assert isinstance(point, Point)
    return point


def _limits(ioc: MeterBusIOC, name: str) -> tuple[float, ...]:
    return tuple(_point(ioc, name).limit(each) for each in ("LOLO", "LOW", "HIGH", "HIHI"))


def _set(ioc: MeterBusIOC) -> set[str]:
    """The PVs that have an alarm limit."""
    return {
        point.pvname.removeprefix("T:")
        for point in ioc.points()
        if any(limit == limit for limit in (point.spec.low, point.spec.high))
    }


def _expected() -> dict[str, str]:
    energies = {name: units for name, units in QUANTITY_PVS.items() if name.startswith("Energy:")}
    return {
        **{name + end: units for name, units in QUANTITY_PVS.items() for end in ("", "Max", "Min")},
        **{f"{name}SinceStart": units for name, units in energies.items()},
        **OWN,
    }


METERS = [{"name": "Main", "address": 1}, {"name": "Hall-2", "address": 7}]


@pytest.mark.parametrize("meters", [[], METERS])
def test_every_meter_has_every_quantity_in_its_unit(meters: list[dict[str, Any]]) -> None:
    ioc = _ioc(meters=meters)
    assert len(QUANTITY_PVS) == 42
    for level in [f"{meter['name']}:" for meter in meters] or [""]:
        for name, units in _expected().items():
            assert _point(ioc, level + name).units == units, name
    own = {name.removeprefix("T:") for name in ioc.pvdb}
    for meter in meters:
        mine = {n for n in own if n.startswith(f"{meter['name']}:")}
        scans = {f"Scan:{s}:{what}" for s in SCANS for what in ("Period", "Time", "Overruns")}
        assert mine == {f"{meter['name']}:{n}" for n in {*_expected(), *scans, "Connected"}}


def test_a_single_meter_has_no_level_and_one_connected() -> None:
    ioc = _ioc(address=3)
    assert _point(ioc, "L1:Voltage").group is ioc.parts[0]
    assert _point(ioc, "Connected").group is ioc
    assert not [name for name in ioc.pvdb if name.startswith("T::")]
    assert [poller.name for poller in ioc.all_pollers] == [f"T {scan}" for scan in SCANS]


def test_scan_groups_and_their_periods() -> None:
    ioc = _ioc(meters=METERS)
    periods = {poller.name: poller.period for poller in ioc.all_pollers}
    assert periods == {
        f"T {meter['name']} {scan}": period for meter in METERS for scan, period in SCANS.items()
    }
    assert _point(ioc, "Main:Scan:Extremes:Period").value == 10.0


def test_every_quantity_of_the_meter_has_its_pv() -> None:
    rows = [*MEASUREMENTS, *PHASE_DEMANDS, *ENERGIES]
    assert sorted(row.quantity for row in rows) == sorted(each.name for each in QUANTITIES)
    assert {row.pv for row in rows} == {*QUANTITY_PVS, "MaxDemandL2", "MaxDemandL3"}
    assert len(plan([row.what for row in rows], [Image.INSTANTANEOUS])) == 3


@pytest.mark.parametrize(
    ("mode", "units", "precision"),
    [("W", "W", 0), ("VA", "VA", 0), ("A", "A", 3), ("A_per_phase", "A", 3)],
)
def test_the_unit_of_the_demand_is_that_of_its_mode(mode: str, units: str, precision: int) -> None:
    ioc = _ioc(meters=[METERS[0], {"name": "A", "address": 2, "demand_mode": mode}])
    for end in ("", "Max", "Min"):
        point = _point(ioc, f"A:MaxDemand{end}")
        assert (point.units, point.precision) == (units, precision)
        assert _point(ioc, f"Main:MaxDemand{end}").units == "W"
        for line in ("L2", "L3"):
            assert f"T:Main:MaxDemand{line}{end}" not in ioc.pvdb
            assert (f"T:A:MaxDemand{line}{end}" in ioc.pvdb) is (mode == "A_per_phase")


def test_there_are_no_limits_without_nominal_values() -> None:
    assert _set(_ioc(meters=METERS)) == set()


def test_limits_at_nominal_values() -> None:
    ioc = _ioc(
        meters=[METERS[0], {"name": "MV", "address": 2, "nominal_voltage": 5773.5}],
        nominal_voltage=230,
        nominal_frequency=50.0,
    )
    assert _limits(ioc, "Main:L2:Voltage") == (195.5, 207.0, 253.0, 264.5)
    assert _limits(ioc, "Main:L3L1:Voltage") == pytest.approx((338.6, 358.5, 438.2, 458.1))
    assert _limits(ioc, "MV:L1:Voltage") == pytest.approx((4907.5, 5196.2, 6350.9, 6639.5), abs=0.1)
    assert _limits(ioc, "MV:Frequency") == (47.0, 49.5, 50.5, 52.0)
    lolo, low, high, hihi = _limits(ioc, "Main:VoltageUnbalance")
    assert math.isnan(lolo)
    assert math.isnan(low)
    assert (high, hihi) == (2.0, 5.0)
    voltages = {f"{line}:Voltage" for line in ("L1", "L2", "L3", "L1L2", "L2L3", "L3L1")}
    limited = {*voltages, "VoltageUnbalance", "Frequency"}
    assert _set(ioc) == {f"{meter}:{name}" for meter in ("Main", "MV") for name in limited}


def test_what_means_nothing_is_not_archived() -> None:
    ioc = _ioc()
    for kind in ("Active", "ApparentGenerated"):
        assert _point(ioc, f"Energy:{kind}").spec.archive is not None
        assert _point(ioc, f"Energy:{kind}Max").spec.archive is None
        assert _point(ioc, f"Energy:{kind}Min").spec.archive is None


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"meters": [METERS[0], {"name": "L 1", "address": 2}]}, "meters.1.name: 'L 1' is not"),
        ({"meters": [{"name": "A", "address": 300}]}, "meters.0.address: 300 is not from 1 to"),
        ({"meters": [{"name": "A"}]}, "meters.0.address: is missing"),
        ({"meters": [METERS[0], METERS[0]]}, "meters: have the name 'Main' more than once"),
        ({"meters": METERS, "address": 1}, "address: is for a single meter"),
        ({"demand_mode": "kW"}, "demand_mode: "),
        ({"function": 5}, "function: 5 is not 4 or 3"),
        ({"max_registers": 41}, "max_registers: 41 is not an even number"),
        ({"link": "udp://x:1"}, "link: 'udp://x:1': meters need serial://"),
    ],
)
def test_mistakes_in_the_configuration_are_named(table: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsError, match=f"^{re.escape(problem)}"):
        _ioc(**table)


def test_the_schema_describes_the_meters() -> None:
    schema = json_schema(Cvm96Settings)
    (meter,) = (each for name, each in schema["$defs"].items() if name == "MeterSettings")
    assert schema["properties"]["meters"]["items"] == {"$ref": "#/$defs/MeterSettings"}
    assert meter["required"] == ["name", "address"]
    assert meter["additionalProperties"] is False


def test_it_is_registered() -> None:
    instrument: Instrument[Any, Any] = load("cvm96")
    assert instrument is INSTRUMENT
    demo = parse(Cvm96Settings, {"link": instrument.example_link, **dict(instrument.demo.settings)})
    assert [meter.name for meter in demo.units] == ["Main", "Solar"]
    assert demo.meters == (MeterSettings("Main", 1), MeterSettings("Solar", 2))
    longest = max(map(len, MeterBusIOC(instrument.demo.prefix, MeterBus(demo)).pvdb))
    assert longest <= 60
