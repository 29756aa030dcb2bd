"""A Studer IOC as its clients see it: values, puts, messages, silent devices, losses."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable

import pytest

from drivers.core.simulation.faults import parse_fault
from drivers.xcom.frame import Frame
from drivers.xcom.multi_info import decode_items
from drivers.xcom.protocol import ObjectType, Property
from drivers.xcom.simulator.device import Condition
from tests.drivers.xcom.simulator_rig import simulator
from tests.iocs.cpa1110.client import Client, PutError
from tests.iocs.xcom.rig import (
    INVALID,
    MAJOR,
    MINOR,
    NO_ALARM,
    PREFIX,
    Plant,
    ioc,
    plant,
)
from tests.support.ca import CaSpace
from tests.support.libca import Form, Libca
from tests.support.wire.until import PATIENCE, until

CHARGE = "XT1:BatteryChargeCurr"


@pytest.mark.parametrize("library", ["aioca", "pyepics"])
async def test_an_operator_reads_sets_and_switches(ca_space: CaSpace, library: str) -> None:
    async with (
        simulator() as one,
        ioc(ca_space, await one.listen("tcp://127.0.0.1:0")),
        Libca(ca_space, library) as ca,  # type: ignore[arg-type]
    ):
        xtender = one.site.named["XT1"]
        async with ca.monitor(PREFIX + CHARGE) as updates:
            await updates.until(lambda r: r.value == 60.0 and r.severity == NO_ALARM)
        assert await ca.put(PREFIX + CHARGE, 42.0) is None
        assert (xtender.ram(1138), xtender.parameters[1138].flash) == (42.0, 60.0)
        found = [(await ca.get(f"{PREFIX}{CHARGE}{end}")).value for end in ("", "_RBV", "_Flash")]
        assert found == [42.0, 42.0, 60.0]
        refused = await ca.put(PREFIX + CHARGE, 201.0)
        assert refused is not None or library == "pyepics"  # which cannot tell
        assert xtender.ram(1138) == 42.0
        assert await ca.put(f"{PREFIX}XT2:Aux1Opmode", "Manual off", datatype=None) is None
        assert one.site.named["XT2"].ram(1202) == 8
        assert await ca.put(f"{PREFIX}XT1:ForcedFeedStart", 600) is None
        assert xtender.ram(1525) == 600
        assert await ca.put(f"{PREFIX}XT1:Off", 1) is None
        one.site.catch_up()
        assert not any(each.on for each in one.site.model.xtenders)
        async with ca.monitor(f"{PREFIX}XT2:State") as states:
            await states.until(lambda r: r.value == 0 and r.severity == MAJOR)
        info = await ca.get(f"{PREFIX}Site:PvPower", form=Form.CTRL)
        assert (info.units, info.precision) == ("kW", 3)
        # the limits come from the device, a few at a time
        assert await ca.put(f"{PREFIX}Scan:Parameters:Period", 0.2) is None
        async with asyncio.timeout(PATIENCE):
            while await _drive_limits(ca, "XT2:MaxCurrAcSource") == (0.0, 0.0):
                await asyncio.sleep(0.05)
        assert await _drive_limits(ca, "XT2:MaxCurrAcSource") == (2.0, 50.0)
        assert all(not each.flash_writes for each in xtender.parameters.values())


async def _drive_limits(ca: Libca, name: str) -> tuple[float, float]:
    limits = (await ca.get(PREFIX + name, form=Form.CTRL)).limits
    assert limits is not None
    return limits.drvl, limits.drvh


async def test_values_identity_and_what_is_not_there(ca_space: CaSpace) -> None:
    async with plant(ca_space) as one:
        model = one.simulator.site.model
        await one.watch(
            "Site:PvPower", "Site:AcPowerOut", "Site:BatteryPower", "Bat:SocNow", "XT1:Firmware",
            "VS1:SerialNumber", "Gateway:Guid", "VT1:PvOperationMode", "XT1:Connected",
            "VT1:ModelName",
        )  # fmt: skip
        power = sum(each.power for each in model.solar)
        assert one.newest("Site:PvPower")[0] == pytest.approx(power, rel=0.01)
        out = sum(each.power_out for each in model.xtenders)
        assert one.newest("Site:AcPowerOut")[0] == pytest.approx(out, rel=0.01)
        battery = model.battery.power / 1000.0
        assert one.newest("Site:BatteryPower")[0] == pytest.approx(battery, rel=0.01)
        assert one.newest("XT1:Firmware") == (b"1.6.42", NO_ALARM)
        assert one.newest("VT1:ModelName") == (b"VT-80", NO_ALARM)
        assert one.newest("VS1:SerialNumber") == (b"0A090B77", NO_ALARM)
        assert one.newest("VT1:PvOperationMode")[0] in (8, 9, 10)
        assert one.newest("XT1:Connected") == (1, NO_ALARM)
        assert one.writes == 0


async def test_no_sensor_and_no_time_left_are_no_fault(ca_space: CaSpace) -> None:
    async with plant(ca_space) as one:
        one.simulator.site.speed = 1.0
        model = one.simulator.site.model
        await one.watch("XT1:BattTemp", "Bat:Autonomy", "Bat:Current")
        # 32767 degC is no sensor, NaN no value: the battery is being charged
        assert model.battery.current > 0.0
        for name in ("XT1:BattTemp", "Bat:Autonomy"):
            value, severity = one.newest(name)
            assert (value != value, severity) == (True, NO_ALARM)
        model.sky.fixed, model.household.fixed = 0.0, 2.0
        # the device counts from -60000 to 0
        await until(lambda: "nan" not in repr(one.newest("Bat:Autonomy")[0]))
        left = 60.0 * model.battery.soc * model.battery.capacity / -model.battery.current
        assert one.newest("Bat:Autonomy") == (pytest.approx(left, rel=0.1), NO_ALARM)
        model.sky.fixed = 1.0
        await until(lambda: "nan" in repr(one.newest("Bat:Autonomy")[0]))
        assert one.newest("Bat:Autonomy")[1] == NO_ALARM


async def test_a_parameter_that_the_model_does_not_have_is_no_fault(ca_space: CaSpace) -> None:
    async with plant(ca_space, missing=[("VS1", 14217)]) as one:
        names = ("VS1:Vs70ChargeCurr", "VS1:Vs70ChargeCurr_RBV", "VS1:Vs70ChargeCurr_Flash")
        await one.watch(*names, "VS1:Vs120ChargeCurr_RBV")
        for name in names:
            value, severity = one.newest(name)
            assert (value != value, severity) == (True, NO_ALARM)
        with pytest.raises(PutError):
            await one.put("VS1:Vs70ChargeCurr", 40.0)
        assert one.writes == 0


async def test_what_goes_to_flash_and_how_often(ca_space: CaSpace) -> None:
    async with plant(ca_space, "flash_parameters=[1138]", "flash_writes_per_day=2") as one:
        await one.watch(CHARGE, f"{CHARGE}_Flash", "XT1:MaxCurrAcSource", "Gateway:FlashWriteCount")
        parameters = one.simulator.site.named["XT1"].parameters
        for value in (30.0, 31.0):
            await one.put(CHARGE, value)
        await one.shows(f"{CHARGE}_Flash", 31.0)
        assert parameters[1138].flash_writes == {Property.VALUE: 2}
        with pytest.raises(PutError, match="flash was written 2 times"):
            await one.put(CHARGE, 32.0)
        await one.shows("Gateway:FlashWriteCount", 2)
        # others stay in RAM, and of another device each has its own count
        await one.put("XT1:MaxCurrAcSource", 16.0)
        await one.put("XT2:BatteryChargeCurr", 33.0)
        assert (parameters[1107].ram, parameters[1107].flash_writes) == (16.0, {})
        assert parameters[1138].flash_writes == {Property.VALUE: 2}


async def test_ram_values_are_said_to_be_so_and_forgotten_after_a_restart(
    ca_space: CaSpace,
) -> None:
    async with plant(ca_space, speed=1.0) as one:
        await one.watch(CHARGE, f"{CHARGE}_RBV", "XT1:RamOnly", "Gateway:LastMessage:Type")
        await one.put(CHARGE, 25.0)
        await one.shows(f"{CHARGE}_RBV", 25.0)
        await until(lambda: one.newest("XT1:RamOnly")[0] == ord("B"))
        xtender = one.simulator.site.named["XT1"]
        xtender.restart()
        await one.shows("Gateway:LastMessage:Type", 177)
        await one.put("Scan:Parameters:Period", 0.5)
        await one.shows(f"{CHARGE}_RBV", 60.0)
        assert xtender.ram(1138) == 60.0  # nothing is written again by itself


async def test_what_flash_holds_is_not_said_to_be_in_ram_only(ca_space: CaSpace) -> None:
    """The device rounds to its fixed point: 53.7 V is read back as another number."""
    float_voltage = "XT1:FloatVoltage"
    async with plant(ca_space, "flash_parameters=[1140]") as one:
        await one.watch(float_voltage, f"{float_voltage}_RBV", CHARGE, "XT1:RamOnly")
        xtender = one.simulator.site.named["XT1"]
        await one.put(float_voltage, 53.7)
        held = float(xtender.parameters[1140].flash)
        assert held != 53.7
        await one.shows(f"{float_voltage}_RBV", held)
        # what was only in RAM is there, or not any more once it is the same
        await one.put(CHARGE, 42.0)
        await until(lambda: one.newest("XT1:RamOnly")[0] == ord("B"))
        await one.put(CHARGE, 60.0)
        await until(lambda: one.newest("XT1:RamOnly")[0] == 0)
        # somebody changes it at the display: the readback follows
        xtender.parameters[1140].store(52.5, Property.VALUE)
        await one.put("Scan:Parameters:Period", 0.2)
        await one.shows(f"{float_voltage}_RBV", 52.5)


async def test_an_ambiguous_write_is_shown_at_once(ca_space: CaSpace) -> None:
    """By no read: neither is due while this lasts."""
    async with plant(ca_space, "group_writes=[100]", period=60.0) as one:
        readbacks = (f"{CHARGE}_RBV", "XTs:BatteryChargeCurr_RBV")
        others = ("XT1:FloatVoltage_RBV", "XT2:BatteryChargeCurr_RBV", "XT1:BattVoltage")
        await one.watch(CHARGE, *readbacks, *others, "XT1:RamOnly")
        await one.put("Scan:Parameters:Period", 3600.0)
        await one.put(CHARGE, 60.0)  # now the limits are known
        assert one.newest("XT1:RamOnly") == (0, NO_ALARM)
        one.simulator.site.named["XT1"].condition = Condition.MUTE
        with pytest.raises(PutError):
            await one.put(CHARGE, 42.0)
        await until(lambda: all(one.newest(name)[1] == INVALID for name in readbacks))
        await one.shows("XT1:RamOnly", ord("B"))
        assert all(one.newest(name)[1] == NO_ALARM for name in others)


async def test_a_group_is_written_in_one_go_if_that_is_configured(ca_space: CaSpace) -> None:
    async with plant(ca_space, "group_writes=[100]") as one:
        both = "XTs:BatteryChargeCurr"
        await one.watch(both, f"{both}_RBV", f"{CHARGE}_RBV")
        await one.put(both, 35.0)
        site = one.simulator.site
        assert [site.named[name].ram(1138) for name in ("XT1", "XT2")] == [35.0, 35.0]
        assert one.writes == 1
        await one.shows(f"{both}_RBV", 35.0)
        await one.shows(f"{CHARGE}_RBV", 35.0)
        await one.put(CHARGE, 36.0)
        await until(lambda: one.newest(f"{both}_RBV")[1] == INVALID)
        await one.put("XTs:Off", 1)
        site.catch_up()
        assert not any(each.on for each in site.model.xtenders)


async def test_a_group_allows_what_all_of_its_devices_allow(ca_space: CaSpace) -> None:
    async with simulator() as one:
        first, second = (one.site.named[name].parameters[1107] for name in ("XT1", "XT2"))
        first.maximum, second.minimum = 34.0, 4.0
        link = await one.listen("tcp://127.0.0.1:0")
        async with (
            ioc(ca_space, link, "group_writes=[100]"),
            Libca(ca_space, "aioca") as ca,
        ):
            assert await ca.put(f"{PREFIX}Scan:Parameters:Period", 0.2) is None
            async with asyncio.timeout(PATIENCE):
                while await _drive_limits(ca, "XTs:MaxCurrAcSource") == (0.0, 0.0):
                    await asyncio.sleep(0.05)
            assert await _drive_limits(ca, "XTs:MaxCurrAcSource") == (4.0, 34.0)
            # the first Xtender would take it
            assert await ca.put(f"{PREFIX}XTs:MaxCurrAcSource", 3.0) is not None
            assert one.site.gateway.writes == 0


async def test_a_group_put_right_after_the_start_asks_every_device(ca_space: CaSpace) -> None:
    """The put is refused before the IOC itself has asked for the limits of the second Xtender."""
    async with plant(ca_space, "group_writes=[100]", period=60.0) as one:
        site = one.simulator.site
        site.named["XT2"].parameters[1138].maximum = 50.0
        with pytest.raises(PutError, match=r"XT2 \(address 102\) allows 0 to 50 A"):
            await one.put("XTs:BatteryChargeCurr", 100.0)
        site.named["XT2"].condition = Condition.DEAD
        with pytest.raises(PutError, match=r"the limits of XT2 \(address 102\) are not known"):
            await one.put("XTs:BatteryChargeCurr", 40.0)
        assert one.simulator.requests(write=True) == []
        site.named["XT2"].condition = Condition.OK
        await one.put("XTs:BatteryChargeCurr", 40.0)
        assert [site.named[name].ram(1138) for name in ("XT1", "XT2")] == [40.0, 40.0]
        assert len(one.simulator.requests(write=True)) == 1


async def test_messages_alarm_and_are_acknowledged(ca_space: CaSpace) -> None:
    async with plant(ca_space) as one:
        names = ("MessageAlarm", "MessageCount:Halted", "MessageCount:Warning", "MessagePending",
                 "LastMessage:Class", "LastMessage:Source", "Message01")  # fmt: skip
        await one.watch(*(f"Gateway:{name}" for name in names))
        assert one.newest("Gateway:MessageAlarm") == (0, NO_ALARM)
        site = one.simulator.site
        site.message(19, 102)
        await one.shows("Gateway:MessageAlarm", 5, MAJOR)
        assert one.newest("Gateway:LastMessage:Source") == (b"XT2", NO_ALARM)
        site.message(0, 101)
        await one.shows("Gateway:MessageCount:Warning", 1)
        assert one.newest("Gateway:MessageAlarm") == (5, MAJOR)
        assert one.newest("Gateway:LastMessage:Class")[0] == 3
        await one.put("Gateway:AcknowledgeMessages", 1)
        await one.shows("Gateway:MessageAlarm", 0)
        assert one.newest("Gateway:MessageCount:Halted") == (1, NO_ALARM)
        assert not site.gateway.messages.pending
        assert one.writes == 0


async def test_flags_and_the_clock_of_the_gateway(ca_space: CaSpace) -> None:
    async with plant(ca_space) as one:
        await one.watch("Gateway:Restarted", "Gateway:CardPresent", "Gateway:Date_RBV")
        assert one.newest("Gateway:Restarted") == (0, NO_ALARM)
        one.simulator.site.gateway.restart()
        await one.shows("Gateway:Restarted", 1, MINOR)
        await one.put("Gateway:ClearRestart", 1)
        await one.shows("Gateway:Restarted", 0)
        one.simulator.site.gateway.card_present = False
        await one.shows("Gateway:CardPresent", 0)
        await one.put("Gateway:Date", 1_800_000_000)
        assert one.simulator.site.model.time == pytest.approx(1.8e9, abs=60)


async def test_a_silent_variotrack_takes_its_own_pvs_only(ca_space: CaSpace) -> None:
    async with plant(ca_space, period=2.0) as one:
        others = ("XT1:BattVoltage", "VS1:PvPower", "Bat:Voltage", "Site:AcPowerOut")
        await one.watch(
            *others, "VT1:PvPowerNow", "VT1:Connected", "Site:PvPower", "VT1:ChargeCurr"
        )
        track = one.simulator.site.named["VT1"]
        track.condition = Condition.DEAD
        await one.shows("VT1:Connected", 0, MAJOR)
        await until(lambda: one.newest("VT1:PvPowerNow")[1] == INVALID)
        # a sum without one of its parts would be wrong
        await until(lambda: one.newest("Site:PvPower")[1] == INVALID)
        # that sum is no alarm of its own; the gateway sends a message
        await one.watch("AlarmCount", "WorstAlarm")
        await one.shows("AlarmCount", 2)
        assert one.newest("WorstAlarm") == (MAJOR, MAJOR)
        with pytest.raises(PutError):
            await one.put("VT1:ChargeCurr", 40.0)
        seen = {name: len(one.client.updates[PREFIX + name]) for name in others}
        one.simulator.site.speed = 500.0
        await until(lambda: all(
            len(one.client.updates[PREFIX + name]) >= seen[name] + 2 for name in others
        ))  # fmt: skip
        for name in others:
            assert all(u.severity == NO_ALARM for u in one.client.updates[PREFIX + name][1:])
        one.simulator.site.speed = 0.0
        track.condition = Condition.OK
        await one.shows("VT1:Connected", 1)
        await until(lambda: one.newest("Site:PvPower")[1] == NO_ALARM)
        assert track.ram(10002) == 80.0


async def test_a_device_that_falls_silent_is_told_once_each_way(ca_space: CaSpace) -> None:
    """Also what slower scans have read goes INVALID at once: none of them is due meanwhile."""
    async with plant(ca_space) as one:
        theirs = ("VT1:Firmware", "VT1:ChargeCurr", "VT1:ChargeCurr_RBV", "VT1:PvPower")
        await one.watch(
            *theirs, "VS1:Firmware", f"{CHARGE}_RBV", "VT1:Connected", "ErrorCount",
            "LastError",
        )  # fmt: skip
        for scan in ("Slow", "Parameters"):
            await one.put(f"Scan:{scan}:Period", 3600.0)
        assert one.newest("LastError")[0] == 0
        track = one.simulator.site.named["VT1"]
        lost = "VT1 (address 301): read live values: no reply: it does not answer"
        back = "VT1 (address 301) answers again"
        for times in (1, 2):
            track.condition = Condition.DEAD
            await one.shows("VT1:Connected", 0, MAJOR)
            await until(lambda: all(one.newest(name)[1] == INVALID for name in theirs))
            await one.shows("ErrorCount", times)
            assert all(one.newest(n)[1] == NO_ALARM for n in ("VS1:Firmware", f"{CHARGE}_RBV"))
            track.condition = Condition.OK
            await one.shows("VT1:Connected", 1)
            await until(lambda: all(one.newest(name)[1] == NO_ALARM for name in theirs))
            for line in (lost, back):
                await until(lambda: one.process.output.count(line) == times)  # noqa: B023
        assert one.newest("ErrorCount") == (2, NO_ALARM)
        assert one.newest("LastError")[0] == ord("t")  # tcp://...: VT1 ...


@pytest.mark.parametrize(
    ("multi_info", "condition"),
    [
        ("never", Condition.ABSENT),
        pytest.param("never", Condition.DEAD, marks=pytest.mark.slow),
        pytest.param("auto", Condition.ABSENT, marks=pytest.mark.slow),
        pytest.param("auto", Condition.DEAD, marks=pytest.mark.slow),
    ],
)
async def test_a_device_that_is_away_stays_lost_at_every_probe(
    ca_space: CaSpace, multi_info: str, condition: Condition
) -> None:
    """Whether the gateway calls it silent or unknown, and however live values are read."""
    async with plant(ca_space, f'multi_info="{multi_info}"') as one:
        await one.watch("VT1:Connected", "VT1:PvPowerNow", "XT1:BattVoltage", "ErrorCount")
        seen = {name: len(one.client.updates[PREFIX + name])
                for name in ("VT1:Connected", "XT1:BattVoltage")}  # fmt: skip
        gateway, track = one.simulator.site.gateway, one.simulator.site.named["VT1"]
        probes = 0

        def is_probe(asked: Frame) -> bool:
            items = asked.object_type == ObjectType.MULTI_INFO and decode_items(asked.data)
            return asked.destination == 301 or bool(items and items[0].number // 1000 == 11)

        def respond(asked: Frame, answer: Callable[[Frame], Frame | None]) -> Frame | None:
            nonlocal probes
            probes += is_probe(asked)
            return answer(asked)

        track.condition = condition
        await one.shows("VT1:Connected", 0, MAJOR)
        gateway.respond = functools.partial(respond, answer=gateway.respond)
        await until(lambda: probes >= 2)
        await until(lambda: one.newest("VT1:PvPowerNow")[1] == INVALID)
        track.condition = Condition.OK
        await one.shows("VT1:Connected", 1)
        updates = one.client.updates[f"{PREFIX}VT1:Connected"][seen["VT1:Connected"] :]
        assert [update.value for update in updates] == [0, 1]
        others = one.client.updates[f"{PREFIX}XT1:BattVoltage"][seen["XT1:BattVoltage"] :]
        assert all(update.severity == NO_ALARM for update in others)
        await one.process.line("VT1 .* answers again")
        for line in ("VT1 (address 301): read live values: no reply", "VT1 (address 301) answers"):
            assert one.process.output.count(line) == 1
        assert one.newest("ErrorCount")[0] == 1
        assert one.writes == 0


@pytest.mark.slow
async def test_a_mute_variotrack_delays_nobody_for_long(ca_space: CaSpace) -> None:
    """Not even the gateway says that it is silent: each probe of it costs a whole timeout."""
    async with plant(ca_space, period=5.0) as one:
        others = ("XT1:BattVoltage", "VS1:PvPower", "Bat:Voltage", "Site:AcPowerOut")
        await one.watch(*others, "VT1:Connected")
        one.simulator.site.speed = 500.0
        one.simulator.site.named["VT1"].condition = Condition.MUTE
        await one.shows("VT1:Connected", 0, MAJOR)
        seen = {name: len(one.client.updates[PREFIX + name]) for name in others}
        await until(lambda: all(
            len(one.client.updates[PREFIX + name]) >= seen[name] + 6 for name in others
        ))  # fmt: skip
        for name in others:
            assert all(u.severity == NO_ALARM for u in one.client.updates[PREFIX + name][1:])


async def test_devices_come_when_they_are_found(ca_space: CaSpace) -> None:
    async with simulator() as site:
        link = await site.listen("tcp://127.0.0.1:0")
        site.site.named["VS1"].condition = Condition.ABSENT
        async with ioc(ca_space, link, told=False) as (process, port):
            await process.line("VT1 found: its PVs are served now")
            async with Client(port) as client:
                one = Plant(site, process, client)
                await one.watch("XT2:BattVoltage", "Bat:Soc", "Site:PvPower", "Gateway:Devices")
                assert "VS1 found" not in process.output
                site.site.named["VS1"].condition = Condition.OK
                await one.put("Scan:Slow:Period", 0.5)
                await process.line("VS1 found: its PVs are served now")
                await one.watch("VS1:PvPower", "VS1:Firmware", "VS1:Vs120ChargeCurr")
                await one.put("VS1:Vs120ChargeCurr", 100.0)
                assert site.site.named["VS1"].ram(14001) == 100.0


async def test_a_lost_gateway_makes_all_invalid_and_comes_back(ca_space: CaSpace) -> None:
    async with plant(ca_space) as one:
        names = ("Site:PvPower", "XT1:BattVoltage", CHARGE, "XT1:Firmware")
        await one.watch(*names, "Connected", "Bat:Connected")
        await one.simulator.set_fault(parse_fault("refuse"))
        await one.shows("Connected", 0, MAJOR)
        await until(lambda: one.newest("XT1:BattVoltage")[1] == INVALID)
        assert one.newest("Bat:Connected") == (0, MAJOR)
        with pytest.raises(PutError):
            await one.put(CHARGE, 20.0)
        await one.simulator.clear_fault()
        await one.shows("Connected", 1)
        await until(lambda: one.newest("Site:PvPower")[1] == NO_ALARM)
        assert one.writes == 0


async def test_no_parameter_from_before_a_loss_is_shown_as_good(ca_space: CaSpace) -> None:
    """What flash holds may be set at the panel while the gateway is away."""
    names = [f"{unit}:{one}_Flash" for unit in ("XT1", "XT2") for one in ("BatteryChargeCurr",)]
    async with plant(ca_space) as one:
        await one.watch(*names, "Connected")
        await until(lambda: all(one.newest(name) == (60.0, NO_ALARM) for name in names))
        await one.simulator.set_fault(parse_fault("refuse"))
        await until(lambda: all(one.newest(name)[1] == INVALID for name in names))
        for unit in ("XT1", "XT2"):
            parameter = one.simulator.site.named[unit]._parameter(1138)
            parameter.flash = parameter.ram = 33.0
        await one.simulator.clear_fault()
        for name in names:
            await until(lambda name=name: one.newest(name)[1] == NO_ALARM)
            assert one.newest(name)[0] == 33.0


@pytest.mark.parametrize("which", ["pty", "pty-lan", "udp", "tcp-listen"])
async def test_every_link(ca_space: CaSpace, which: str, new_port: Callable[[], int]) -> None:
    links = {
        "udp": f"udp://127.0.0.1:0?bind={new_port()}",
        "tcp-listen": f"tcp-listen://127.0.0.1:{new_port()}",
    }
    async with simulator() as site:
        link = await site.listen(links.get(which, which))
        async with ioc(ca_space, link) as (process, port), Client(port) as client:
            one = Plant(site, process, client)
            await one.watch("Site:PvPower", "XT1:Firmware", CHARGE)
            await one.put(CHARGE, 44.0)
            assert site.site.named["XT1"].ram(1138) == 44.0
