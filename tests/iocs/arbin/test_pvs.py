"""The PVs of an Arbin IOC as declared: all that are promised are there, and well formed."""

from __future__ import annotations

import pytest

from drivers.arbin.device import Cycler
from drivers.arbin.reading import AuxValue, BmsValue, ChannelReading, SmbValue
from drivers.arbin.settings import AuxCounts, CyclerSettings
from drivers.arbin.words import AuxKind, Status
from iocs.app.options import parse
from iocs.arbin import INSTRUMENT, CyclerIOC
from iocs.arbin.cycler import SCHEDULE_LIST_SIZE, listed
from iocs.arbin.extras import AUX_NAMES, Extras
from iocs.arbin.states import GROUPS, Group, group_of, text_of
from iocs.ca.dbr import Native
from iocs.record.alarm import Severity
from iocs.record.point import Point

CYCLER = """
    LoginResult AllowControl ControlRefusal UserType SerialNumber ServerGeneration ChannelsTotal
    ChannelsRunning ChannelsPaused ChannelsUnsafe ChannelsCommFailure ScheduleList ScheduleCount
    VoltageAll CurrentAll TemperatureAll StatusAll Connected LastError
"""
CHANNEL = """
    Status StatusCode State CommFailure TestName Schedule ExitCondition StepCycle Barcode StepId
    CycleId TestTime StepTime Voltage Current Power ChargeCapacity DischargeCapacity ChargeEnergy
    DischargeEnergy InternalResistance DvDt ACR ACI ACIPhase MasterChannel Assign Start Stop Resume
    Jump TestNameSet ScheduleSet JumpStepSet
"""
LINK = "tcp://127.0.0.1"


def _group(**settings: object) -> CyclerIOC:
    return CyclerIOC("X:", Cycler(CyclerSettings(LINK, **settings)))  # type: ignore[arg-type]


async def test_every_promised_pv_is_there() -> None:
    every = {kind.name.lower(): 2 for kind in AuxKind}
    options = {"bms": True, "bms_count": 3, "smb": True, "smb_count": 1}
    group = _group(channels=12, aux_counts=AuxCounts(**every), **options)
    expected = {f"X:{name}" for name in CYCLER.split()}
    own = [*CHANNEL.split(), *(f"MV:UD{n:02d}" for n in range(1, 17))]
    own += [f"Aux:{AUX_NAMES[kind].name}0{n}" for kind in AuxKind for n in (1, 2)]
    own += ["BMS:Value01", "BMS:Value03", "SMB:Value01", "SMB:Text01"]
    expected |= {f"X:CH{channel:03d}:{name}" for channel in range(1, 13) for name in own}
    assert not expected - set(group.pvdb)
    assert "X:CH013:Voltage" not in group.pvdb
    assert "X:CH001:BMS:Value04" not in group.pvdb
    assert max(len(name) for name in group.pvdb) <= 60


async def test_nothing_reads_user_or_password() -> None:
    assert not [name for name in _group(channels=1).pvdb if "assword" in name or "UserName" in name]


async def test_texts_hold_all_that_the_wire_can_carry_and_arrays_have_all_channels() -> None:
    group = _group(channels=5)
    sizes = {
        name.removeprefix("X:"): point.count
        for name, point in group.pvdb.items()
        if isinstance(point, Point) and point.count > 1
    }
    channel = {k.removeprefix("CH003:"): v for k, v in sizes.items() if k.startswith("CH003:")}
    assert channel == {
        "TestName": 217,
        "Schedule": 601,
        "ExitCondition": 301,
        "Barcode": 217,
        "StepCycle": 193,
        "ScheduleSet": 601,
        "TestNameSet": 217,
    }
    arrays = ("VoltageAll", "CurrentAll", "TemperatureAll", "StatusAll")
    assert {name: sizes[name] for name in arrays} == dict.fromkeys(arrays, 5)


async def test_without_counts_the_cycler_is_asked_for_them() -> None:
    group = _group()
    assert "X:ChannelsTotal" in group.pvdb
    assert not [name for name in group.pvdb if ":CH" in name or name.endswith("All")]
    group = _group(channels=2)
    assert "X:CH002:Voltage" in group.pvdb
    assert not [name for name in group.pvdb if ":Aux:" in name]
    group = _group(channels=2, aux=False)
    assert group._complete


def test_a_list_of_schedules_is_cut_between_names() -> None:
    names = [f"{n:04d} {'x' * 58}" for n in range(1000)]
    text = listed(names)
    assert len(text) < SCHEDULE_LIST_SIZE
    assert text.split("\n") == names[: text.count("\n") + 1]
    assert len(text) > SCHEDULE_LIST_SIZE - 100
    assert listed(["a", "b"]) == "a\nb"


def test_channels_that_cannot_tell_get_what_the_largest_has() -> None:
    settings = CyclerSettings(LINK, bms=True, smb=True, smb_count=1)
    aux = ((AuxValue(1.0),), *((),) * 11)
    one = ChannelReading(0, aux=aux, bms=(BmsValue(0, 1.0), BmsValue(1, 1.0)))
    other = ChannelReading(1, smb=(SmbValue(0, 1.0),) * 2)
    found = Extras.reported(settings, [one, other, ChannelReading(2, comm_failure=True), None])
    voltage = (1, *(0,) * 11)
    most = Extras(voltage, 2, 1)
    assert found == [most, Extras(bms=0, smb=1), most, most]
    assert Extras.reported(CyclerSettings(LINK, aux=False), [one])[0] == Extras()


async def test_alarms_as_declared() -> None:
    group = _group(channels=1)

    def point(name: str) -> Point:
        found = group.pvdb[f"X:{name}"]
        assert isinstance(found, Point)
        return found

    none, major = Severity.NO_ALARM, Severity.MAJOR
    assert point("CH001:CommFailure").spec.severities == (none, major)
    assert point("CH001:State").spec.severities == (none, none, none, major, none)
    assert point("ChannelsUnsafe").spec.hihi == 1
    assert point("CH001:Stop").spec.urgent
    assert not point("CH001:Start").spec.urgent
    assert point("CH001:MV:UD16").spec.native is Native.DOUBLE


def test_every_status_has_a_text_and_a_group() -> None:
    assert len(GROUPS) == len(Group)
    assert [text_of(status) for status in (0, 2, 11, 12, 17, 20, 29, 30, 31)] == [
        "Idle", "Charge", "AC impedance", "ACI cell", "Waiting for ACS", "Idle from MCU",
        "DAQ memory unsafe", "ACR", "Suspended",
    ]  # fmt: skip
    assert (text_of(77), group_of(77)) == ("Unknown 77", Group.OTHER)
    assert len({text_of(status) for status in Status}) == len(Status)
    grouped = {group: [int(s) for s in Status if group_of(s) is group] for group in Group}
    assert grouped[Group.STOPPED] == [0, 13, 15, 19, 20]
    assert grouped[Group.PAUSED] == [18, 25, 31]
    assert grouped[Group.FAULT] == [8, 14, 29]
    assert grouped[Group.OTHER] == [7, 17, 26]


def test_settings_of_the_demo_and_of_a_site_file() -> None:
    demo = dict(INSTRUMENT.demo.settings)
    settings = parse(INSTRUMENT.settings, {"link": INSTRUMENT.example_link, **demo})
    assert settings.aux_counts == AuxCounts(voltage=1, temperature=1)
    assert settings.url.port == 9031


@pytest.mark.parametrize("channels", [1, 1024])
async def test_the_smallest_and_the_largest_cycler(channels: int) -> None:
    group = _group(channels=channels, aux=False)
    assert f"X:CH{channels:03d}:Voltage" in group.pvdb
    # no update is larger than clients take: EPICS_CA_MAX_ARRAY_BYTES is 16384 in those told nothing
    sizes = {"DOUBLE": 8, "LONG": 4, "CHAR": 1}
    points = [point for point in group.pvdb.values() if isinstance(point, Point)]
    largest = max(p.count * sizes.get(p.native.name, 40) for p in points)
    assert largest + 100 < 16384
