"""What a restore writes: every PV of every instrument by name, as Phoebus reads the files."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from iocs.ca.dbr import Native
from iocs.config import load_site
from iocs.export.files import Kind, configured_target, demo_target, export
from iocs.export.target import Target
from iocs.record.alarm import Severity
from iocs.record.spec import DeclarationError, PointSpec
from iocs.registry import MODULES, load
from tests.iocs.export.conftest import OURS, serve_ours
from tests.iocs.export.sample import INSTRUMENT
from tests.support.ca import CaSpace
from tests.support.libca import Libca

_WATCHDOG = ("WatchdogEn", "WatchdogDelay")
_INVERTER_LEVELS = (
    "MaxCurrAcSource",
    "LvdNoload",
    "LvdFullload",
    "LvdRestart",
    "FreqSet",
    "BattOvervolt",
    "BatteryChargeCurr",
    "FloatVoltage",
    "AbsorptionVoltage",
    "AbsorptionTime",
    "StandbyLevel",
    "AcOutVoltageSet",
    "BattPriorityVolt",
    "MaxGridFeedingCurr",
    "ForcedFeedVolt",
    "SmartBoostLimit",
)
_INVERTER_SWITCHES = (
    *("InverterAllowed", "ChargerAllowed", "SmartBoostAllowed", "GridFeedingAllowed"),
    *("TransferAllowed", "Aux1Opmode", "BattPriorityAllowed", "Aux2Opmode", "ForcedFeedStart"),
    *("ForcedFeedStop", "RemoteEntryActive", "ParamsSavedInFlash", "GridLossDetection"),
    *_WATCHDOG,
    *("ForceNewCycle", "Off", "On", "ForceFloat", "ResetAll"),
)


def _of(part: str, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{part}:{name}" for name in names)


def _periods(part: str, *blocks: str) -> tuple[str, ...]:
    return tuple(f"{part}Scan:{block}:Period" for block in blocks)


RESTORED = {
    "cpa1110": _periods("", "Status"),
    "cvm96": _periods("NamedMeter:", "Instantaneous", "Energies", "Extremes"),
    "iseg": (
        "Module:VoltageRampSpeed",
        *_of("Module:Channel", ("VoltageSet", "CurrentSet", "VoltageBounds", "CurrentBounds")),
        *_periods("Module:", "Fast", "SettingsScan", "Parameters"),
    ),
    "xcom": (
        *_of("Xtender", _INVERTER_LEVELS),
        *_of("VarioTrack", ("ChargeCurr", "FloatVoltage", "AbsorptionVoltage")),
        "Battery:BspCapacity",
        *_periods("", "Fast", "Slow", "Parameters"),
    ),
    "arbin": _periods("", "Sweep", "Schedules"),
}
"""Every PV that a restore writes; parts by their kind."""

RESTART = ("Ioc:SYSRESET",)
NEVER = {
    "cpa1110": ("Start", "Stop", *RESTART),
    "cvm96": RESTART,
    "iseg": (
        *_of("Module", ("KillEnable", "ClearEvents", "AllOff", "EmergencyOffAll")),
        "Module:CurrentRampSpeed",  # EHS modules only
        *_of("Module:Channel", ("On", "EmergencyOff", "TripReset")),
        *_of("Module:Channel", ("RampSpeedUp", "RampSpeedDown", "TripTime")),  # some modules only
        *_of("Module:Channel", ("TripAction", "ExternalInhibitAction")),
        *RESTART,
    ),
    "xcom": (
        *_of("Gateway", ("AcknowledgeMessages", "Date", "PortalWatchdog", "ScomWatchdogEn")),
        *_of("Gateway", ("ScomWatchdogDelay", "Datalogger", "HwWatchdog", "Identify")),
        *_of("Gateway", ("EraseMessages", "SaveDatalog", "ClearRestart")),
        *_of("Xtender", _INVERTER_SWITCHES),
        *_of("VarioTrack", ("ParamsInFlash", *_WATCHDOG, "ForceNewCycle", "On", "Off")),
        *_of("VarioString", ("Vs120ChargeCurr", "ParamsInFlash", "Vs70ChargeCurr", *_WATCHDOG)),
        *_of("VarioString", ("On", "Off")),
        "Battery:BspSystemVoltage",
        *RESTART,
    ),
    "arbin": (
        *_of("Channel", ("ScheduleSet", "TestNameSet", "JumpStepSet", "Assign", "Start")),
        *_of("Channel", ("Stop", "Resume", "Jump")),
        *_of("Channel", (f"MV:UD{number:02d}" for number in range(1, 17))),
        *RESTART,
    ),
}
"""Every other PV that clients may write; a new one must be put into one of the two."""


def by_kind(target: Target, name: str) -> str:
    """The name of a PV with the kinds of its parts in place of their numbers."""
    found, inside = "", ""
    while part := next(
        (p for p in target.parts if p.parent == inside and name.startswith(p.prefix)), None
    ):
        found, inside = f"{found}{part.kind}:", part.prefix
    return found + name.removeprefix(inside)


@dataclass(frozen=True, slots=True)
class SaveSet:
    """A set as Phoebus reads it: its name, its description, and PV, READ_ONLY, READBACK."""

    name: str
    description: str
    entries: tuple[tuple[str, bool, str | None], ...]

    @property
    def written(self) -> set[str]:
        """What a restore writes."""
        return {pv for pv, read_only, _ in self.entries if not read_only}


def phoebus_reads(text: str) -> SaveSet:
    """The rules of CSVParser and CSVImporter (Phoebus 5, save-and-restore)."""
    name, description, columns = "", "", list[str]()
    entries: list[tuple[str, bool, str | None]] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line == "# SaveSet name:":
            name = next(lines).replace("#", "", 1).strip()
        elif line == "# Description:":
            for more in lines:
                if "AUTO-GENERATED" in more:
                    break
                assert more.startswith("#")
                description += more.replace("#", "", 1).strip() + "\n"
        elif not line.startswith("#"):
            assert '"' not in line
            cells = line.rstrip(",").split(",")  # Java's split drops empty ones at the end
            if not columns:
                columns = cells
                continue
            row = dict(zip(columns, cells, strict=False))
            entries.append((row["PV"], row["READ_ONLY"] == "1", row.get("READBACK")))
    return SaveSet(name, description.strip(), tuple(entries))


def save_set(target: Target) -> SaveSet:
    """The set of one IOC."""
    return phoebus_reads(export(Kind.SAVERESTORE, [target])[0].text)


def selected(target: Target) -> set[str | None]:
    """What the PV table writes back."""
    (file,) = export(Kind.PVTABLE, [target])
    rows = ET.fromstring(file.text).iter("pv")
    return {row.findtext("name") for row in rows if row.findtext("selected") == "true"}


@pytest.fixture(params=MODULES)
def target(request: pytest.FixtureRequest) -> Target:
    return demo_target(load(request.param))


def test_a_restore_writes_these_pvs_and_no_others(target: Target) -> None:
    found = {by_kind(target, pv.removeprefix(target.prefix)) for pv in save_set(target).written}
    assert found == set(RESTORED[target.instrument])
    writable = {by_kind(target, row.name) for row in target.rows if row.spec.writable}
    assert writable - found == set(NEVER[target.instrument])


def test_of_a_bms_its_levels_are_restored_and_of_a_group_nothing() -> None:
    instrument = load("xcom")
    others = tuple(s for s in instrument.demo.settings if s[0] != "battery_monitor")
    settings = (*others, ("battery_monitor", "bms"), ("group_writes", [100, 300, 700]))
    site = demo_target(replace(instrument, demo=replace(instrument.demo, settings=settings)))
    found = {by_kind(site, pv.removeprefix(site.prefix)) for pv in save_set(site).written}
    levels = ("SocLevelForBackup", "SocLevelForGridFeeding", "UserChargeCurr", "SocStopDisch")
    assert found - set(RESTORED["xcom"]) == {f"Battery:{n}" for n in (*levels, "SocEndCharge")}


def test_only_numbers_can_be_in_a_snapshot() -> None:
    good = PointSpec(name="X", record="ao", desc="X", native=Native.DOUBLE, writable=True)
    assert replace(good, snapshot=True).snapshot
    for bad in (
        replace(good, writable=False, record="ai"),
        PointSpec(
            name="X", record="bo", desc="X", native=Native.ENUM, states=("a", "b"), writable=True
        ),
        PointSpec(name="X", record="stringout", desc="X", native=Native.STRING, writable=True),
        PointSpec(
            name="X", record="waveform", desc="X", native=Native.DOUBLE, count=2, writable=True
        ),
    ):
        with pytest.raises(DeclarationError, match="snapshot"):
            replace(bad, snapshot=True)


def test_a_set_point_is_in_no_snapshot_unless_it_is_declared_so() -> None:
    sample = demo_target(INSTRUMENT)
    assert save_set(sample).entries == (
        ("LAB:SAMPLE:Level", False, "LAB:SAMPLE:Level_RBV"),
        ("LAB:SAMPLE:Scan:Fast:Period", False, None),  # none, and no PV without a name
        ("LAB:SAMPLE:Scan:Odd:Period", False, None),
    )


def test_the_set_has_its_name_and_says_what_it_is(target: Target) -> None:
    found = save_set(target)
    assert found.name == target.name
    assert target.title in found.description
    assert target.prefix.rstrip(":") in found.description


def test_the_pv_table_restores_the_same(target: Target) -> None:
    assert selected(target) == save_set(target).written


@pytest.mark.parametrize(
    ("access", "set_points", "periods"),
    [
        ("", True, True),
        ("read_only = true", False, False),
        ('[[ioc.write]]\npvs = ["*:Scan:*"]', False, True),
        ('[[ioc.write]]\nusers = ["ops"]', True, True),
    ],
)
def test_what_nobody_may_put_is_saved_and_not_restored(
    access: str, set_points: bool, periods: bool, tmp_path: Path
) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        '[[ioc]]\nname = "north"\ninstrument = "iseg"\nprefix = "LAB:N:"\n'
        'link = "can://socketcan/can0"\nmodules = [{ name = "M00", address = 0, channels = 1 }]\n'
        f"{access}\n"
    )
    (ioc,) = load_site(site)
    north = configured_target(ioc)
    found = save_set(north)
    assert len(found.entries) == 8
    assert selected(north) == found.written
    assert {pv for pv, _, _ in found.entries if (periods if ":Scan:" in pv else set_points)} == (
        found.written
    )


@pytest.mark.parametrize("name", MODULES)
async def test_what_was_saved_can_be_restored_at_once_and_switches_nothing(
    name: str, ca_space: CaSpace
) -> None:
    """Every PV of the set has a number and takes it back; every state stays as it was."""
    target = demo_target(load(name), OURS)
    found = save_set(target)
    readbacks = [row.name for row in target.rows if row.setpoint and row.spec.native is Native.ENUM]
    async with serve_ours(ca_space, MODULES[name]), Libca(ca_space) as ca:

        async def known(pv: str) -> float:
            while (reading := await ca.get(pv)).severity == Severity.INVALID:
                await asyncio.sleep(0.1)
            return reading.value

        async with asyncio.timeout(60):
            saved = {pv: await known(pv) for pv in sorted(found.written)}
            assert all(math.isfinite(value) for value in saved.values())
            before = {pv: (await ca.get(OURS + pv)).value for pv in readbacks}
        refused = await asyncio.gather(*(ca.put(pv, value) for pv, value in saved.items()))
        assert not any(refused)
        assert {pv: (await ca.get(OURS + pv)).value for pv in readbacks} == before
