"""The PVs of a Studer IOC as declared: all that are promised are there, and well formed."""

from __future__ import annotations

import math

import pytest

from drivers.xcom.addresses import Family
from drivers.xcom.datapoint import Access, Monitor
from drivers.xcom.datapoints import DATAPOINTS, datapoint
from drivers.xcom.discovery import DeviceId, told_devices
from drivers.xcom.frame import FrameFlags
from drivers.xcom.message_types import MessageClass
from drivers.xcom.messages import Message
from drivers.xcom.protocol import ObjectType
from drivers.xcom.readings import InfoReading
from drivers.xcom.readings import Point as Place
from drivers.xcom.settings import BatteryMonitor, XcomSettings
from iocs.app.options import SettingsError, parse
from iocs.ca.stamp import Stamp
from iocs.record.alarm import Severity
from iocs.record.point import Point
from iocs.xcom import INSTRUMENT, SiteIOC
from iocs.xcom.alarms import MessageAlarm, source_name
from iocs.xcom.choose import FAST_NUMBERS, SLOW_NUMBERS
from iocs.xcom.gateway import message_line
from iocs.xcom.names import States, description, pv_name
from iocs.xcom.plant import Plant
from iocs.xcom.readings import FastReading
from iocs.xcom.sums import battery_power, total

LINK = "tcp://127.0.0.1:1"
PROMISED = """
    Site:AcPowerIn Site:AcPowerOut Site:PvPower Site:BatteryPower Site:PvEnergyCurrDay
    Site:AcEnergyInCurrDay Site:AcEnergyOutCurrDay Gateway:MessagePending Gateway:Message01
    Gateway:Message10 Gateway:MessageAlarm Gateway:AcknowledgeMessages Gateway:MessageCount:Halted
    Gateway:LastMessage:Class Gateway:Guid Gateway:Restarted Gateway:ClearRestart Gateway:Date
    Gateway:FlashWriteCount Gateway:Wire:Foreign Gateway:Wire:Stripped Gateway:Devices
    XT1:Connected XT1:Firmware XT1:SerialNumber XT1:BattVoltage XT1:OperatingState XT1:RamOnly
    XT2:AcPowerOut XT1:BatteryChargeCurr XT1:BatteryChargeCurr_RBV XT1:BatteryChargeCurr_Flash
    XT1:Aux1Opmode XT1:ForcedFeedStart XT1:InverterAllowed XT1:Off XT1:On XT1:ForceNewCycle
    XT1:Lockings XT1:Lockings:InverterForbidden VT1:PvPowerNow VT1:PvPower VT1:PvOperationMode
    VT1:ChargeCurr VT1:Off VS1:PvPower VS1:Vs120ChargeCurr Bat:Soc Bat:SocNow Bat:Voltage
    Bat:Power Bat:Temp Bat:Autonomy Bat:BspCapacity Connected LastError
"""


async def _group(**settings: object) -> SiteIOC:
    told: dict[str, object] = {
        "xtenders": 2, "variotracks": 1, "variostrings": 1, "battery_monitor": "bsp",
    }  # fmt: skip
    return SiteIOC("X:", Plant(parse(XcomSettings, {"link": LINK, **told, **settings})))


def _spec(group: SiteIOC, name: str) -> Point:
    point = group.pvdb[f"X:{name}"]
    assert isinstance(point, Point)
    return point


async def test_every_promised_pv_is_there() -> None:
    group = await _group()
    assert not {f"X:{name}" for name in PROMISED.split()} - set(group.pvdb)
    assert max(len(f"DEMO:PWR:{name[2:]}") for name in group.pvdb) <= 60
    assert "X:XT3:Connected" not in group.pvdb
    assert "X:Bat:Soh" not in group.pvdb


async def test_every_datapoint_of_the_table_has_its_pv() -> None:
    bsp, bms = await _group(), await _group(battery_monitor="bms")
    levels = {
        Family.XTENDER: "XT1:", Family.VARIOTRACK: "VT1:", Family.VARIOSTRING: "VS1:",
        Family.BATTERY: "Bat:", Family.GATEWAY: "Gateway:",
    }  # fmt: skip
    identity = {3124, 3125, 3130, 3131, 3156, 3157, 7034}
    for point in DATAPOINTS:
        if point.number in identity:
            continue
        name = f"X:{levels[point.family]}{pv_name(point)}"
        here = bms if point.monitors is Monitor.BMS else bsp
        assert name in here.pvdb, point
        if point.access is Access.READ_WRITE:
            assert {f"{name}_RBV", f"{name}_Flash"} <= set(here.pvdb), point
    assert "X:Bat:Soh" in bms.pvdb
    assert "X:Bat:Autonomy" not in bms.pvdb


def test_names_descriptions_and_states() -> None:
    assert pv_name(datapoint(3010)) == "BattCyclePhase"
    assert pv_name(datapoint(7002)) == "SocNow"
    assert all(len(description(p).encode()) <= 40 for p in DATAPOINTS if p.number != 3130)
    mode = States(datapoint(11016))
    # the states of a live value have the numbers of the device
    assert mode.labels[8:10] == ("Charge", "Charge, voltage limited")
    assert mode.labels[2] == "Unused 2"
    assert (mode.index(9), mode.index(13), mode.index(None)) == (9, None, None)
    choice = States(datapoint(1202))
    assert choice.labels == ("Automatic", "Reversed automatic", "Manual on", "Manual off")
    assert [choice.number(n) for n in range(4)] == [1, 2, 4, 8]
    assert choice.index(math.nan) is None


async def test_alarms_that_an_operator_wants() -> None:
    group = await _group()
    assert _spec(group, "VT1:Error").spec.severities[0] == Severity.NO_ALARM
    assert set(_spec(group, "VT1:Error").spec.severities[1:]) == {Severity.MAJOR}
    assert _spec(group, "XT1:State").spec.severities == (Severity.MAJOR, Severity.NO_ALARM)
    assert _spec(group, "Bat:SocNow").spec.lolo == 15.0
    alarm = _spec(group, "Gateway:MessageAlarm").spec
    by_label = dict(zip(alarm.states, alarm.severities, strict=True))
    assert by_label == {
        "None": 0, "Information": 0, "Unknown": 0, "Warning": Severity.MINOR,
        "Error": Severity.MAJOR, "Halted": Severity.MAJOR,
    }  # fmt: skip


def test_the_live_values_of_the_standard_site_are_one_exchange() -> None:
    counts = {Family.XTENDER: 2, Family.VARIOTRACK: 1, Family.VARIOSTRING: 1, Family.BATTERY: 1}
    bsp = [
        number
        for family, numbers in FAST_NUMBERS.items()
        for number in numbers * counts[family]
        if not datapoint(number).monitors or datapoint(number).monitors & Monitor.BSP
    ]
    assert len(bsp) == 76
    for family, slow in SLOW_NUMBERS.items():
        assert not set(slow) & set(FAST_NUMBERS[family])
        assert all(datapoint(n).object_type is ObjectType.INFO for n in slow)


# -- sums


def _reading(values: dict[tuple[int, int], float | None], *devices: DeviceId) -> FastReading:
    points = tuple(Place(address, datapoint(number)) for address, number in values)
    infos = InfoReading(points, tuple(values.values()))
    plant = Plant(XcomSettings(LINK))
    return FastReading(
        infos, devices, FrameFlags(0), (), plant.alarm.state, plant.gateway.statistics, 0, True
    )


XT1, XT2 = DeviceId(Family.XTENDER, 101), DeviceId(Family.XTENDER, 102)
VT1, BAT = DeviceId(Family.VARIOTRACK, 301), DeviceId(Family.BATTERY, 601, Monitor.BSP)


def test_a_sum_needs_every_value() -> None:
    values: dict[tuple[int, int], float | None] = {(101, 3136): 1.5, (102, 3136): 0.25}
    numbers = {Family.XTENDER: 3136}
    assert total(_reading(values, XT1, XT2), numbers) == 1.75
    values[102, 3136] = None
    assert total(_reading(values, XT1, XT2), numbers) is None
    assert total(_reading({}, VT1), numbers) is None


async def test_a_sum_over_devices_of_which_there_is_none_is_not_available() -> None:
    group = await _group(xtenders=1, variotracks=0, variostrings=0)
    stamp = Stamp.now()
    feed = group.feed(SiteIOC.fast)
    for point, get in feed.points:
        point.post(get(_reading({(101, 3136): 1.5}, XT1)), stamp)
    pv, out, into = (_spec(group, f"Site:{n}") for n in ("PvPower", "AcPowerOut", "AcPowerIn"))
    assert (pv.value != pv.value, int(pv.severity)) == (True, 0)
    assert (out.value, int(out.severity)) == (1.5, 0)
    assert int(into.severity) == 3  # the Xtender did not tell


def test_battery_power_with_and_without_a_monitor() -> None:
    assert battery_power(_reading({(601, 7003): -1500.0}, XT1, BAT)) == -1.5
    values: dict[tuple[int, int], float | None] = {
        (101, 3005): -20.0, (101, 3000): 50.0, (301, 11001): 30.0, (301, 11000): 50.0,
    }  # fmt: skip
    assert battery_power(_reading(values, XT1, VT1)) == pytest.approx(0.5)
    values[301, 11000] = None
    assert battery_power(_reading(values, XT1, VT1)) is None


# -- messages


def test_only_new_messages_alarm_until_they_are_acknowledged() -> None:
    alarm = MessageAlarm()
    alarm.take((Message(1, 15, 101, 0),))  # history
    assert alarm.state.gravest == 0
    alarm.take((Message(2, 0, 101, 1), Message(3, 3, 101, 2)))
    warned = alarm.state
    assert warned.gravest == 3
    alarm.take((Message(4, 19, 101, 3),))
    alarm.take((Message(5, 0, 101, 4), Message(6, 9999, 101, 5)))
    assert alarm.state.gravest == 5
    counts = alarm.state.counts
    assert counts[MessageClass.WARNING] == 2
    assert counts[MessageClass.HALTED] == counts[MessageClass.UNKNOWN] == 1
    alarm.acknowledge()
    assert alarm.state.gravest == 0
    assert warned.counts[MessageClass.HALTED] == 0


def test_messages_in_words() -> None:
    message = Message(1, 19, 102, 1_700_049_600)
    line = "2023-11-15 12:00:00 XT2 19 halted: battery under-voltage"
    assert message_line(message) == line
    assert [source_name(a) for a in (101, 315, 601, 501, 502, 7)] == [
        "XT1", "VT15", "Bat", "Gateway", "address 502", "address 7",
    ]  # fmt: skip


# -- settings


def test_devices_from_the_configuration() -> None:
    partly = XcomSettings(LINK, xtenders=1, battery_monitor=BatteryMonitor.BMS)
    assert told_devices(partly) == (XT1, DeviceId(Family.BATTERY, 601, Monitor.BMS))
    assert told_devices(XcomSettings(LINK)) == ()


async def test_groups_are_served_only_if_they_may_be_written() -> None:
    assert "X:XTs:Off" not in (await _group()).pvdb
    group = await _group(group_writes=[100, 700, 191])
    assert {"X:XTs:Off", "X:XTs:BatteryChargeCurr_RBV", "X:VSs:ParamsInFlash"} <= set(group.pvdb)
    assert "X:VTs:Off" not in group.pvdb


async def test_the_period_of_the_live_values_is_a_setting() -> None:
    group = await _group(fast_period=12.5)
    assert group.pollers[SiteIOC.fast].period == 12.5
    assert _spec(group, "Scan:Fast:Period").value == 12.5


def test_settings_of_the_demo_and_the_example() -> None:
    parse(INSTRUMENT.settings, {"link": INSTRUMENT.example_link, **dict(INSTRUMENT.demo.settings)})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"flash_parameters": [3000]}, "3000, which is no parameter"),
        ({"flash_parameters": [1399]}, "1399, which is no parameter"),
        ({"fast_period": 0.5}, "fast_period: 0.5 is not from 1 to 60"),
        ({"xtenders": 10}, "xtenders: 10 is not from 0 to 9"),
        ({"battery_monitor": "lead"}, "battery_monitor"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, object], text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(XcomSettings, {"link": LINK, **change})
    assert text in str(caught.value)
