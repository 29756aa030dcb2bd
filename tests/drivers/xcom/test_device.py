"""The driver against the simulated site: what a site tells, what is written, what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from drivers.core.device import Device
from drivers.core.errors import Blocked, LinkDown, NoReply, OutOfRange, Refused
from drivers.core.simulation.console import Console
from drivers.core.simulation.faults import parse_fault
from drivers.xcom.addresses import GATEWAY, Family
from drivers.xcom.datapoint import Datapoint, Monitor
from drivers.xcom.datapoints import datapoint
from drivers.xcom.device import Gateway
from drivers.xcom.discovery import DeviceId
from drivers.xcom.frame import FrameFlags
from drivers.xcom.protocol import ErrorCode, Level, Property
from drivers.xcom.readings import Point
from drivers.xcom.settings import BatteryMonitor, MultiInfoUse, XcomSettings
from drivers.xcom.simulator.behaviour import Absent, Behaviour
from drivers.xcom.simulator.device import RESTART_TIME, Condition
from drivers.xcom.simulator.site import BatteryMonitor as SimulatedMonitor
from tests.drivers.xcom.rig import at, live_points, rig
from tests.drivers.xcom.simulator_rig import NOON, Clock
from tests.support.wire.until import recovered, until

OLD_FIRMWARE = Behaviour(firmware=(1, 6, 20), latency=0.0)
(CHARGE,) = at(101, 1138)


def _addresses(devices: tuple[DeviceId, ...]) -> list[int]:
    return [device.address for device in devices]


# -- discovery and identity


async def test_devices_are_found() -> None:
    async with rig() as one:
        site = await one.gateway.find_devices()
        assert _addresses(site.of(Family.XTENDER)) == [101, 102]
        assert _addresses(site.of(Family.VARIOTRACK)) == [301]
        assert _addresses(site.of(Family.VARIOSTRING)) == [701]
        assert site.battery == DeviceId(Family.BATTERY, 601, Monitor.BSP)
        # the gateway's clock, one more of each family than there are, BMS, BSP
        assert one.gateway.exchanges == 1 + 3 + 2 + 2 + 2
        assert [device.index for device in site.devices] == [1, 2, 1, 1, 1]


async def test_a_bms_is_told_from_a_bsp() -> None:
    async with rig(monitor=SimulatedMonitor.BMS) as one:
        site = await one.gateway.find_devices()
        assert site.battery == DeviceId(Family.BATTERY, 601, Monitor.BMS)


async def test_what_the_configuration_tells_is_not_asked() -> None:
    told: dict[str, Any] = {"xtenders": 3, "variotracks": 0, "variostrings": 1}
    async with rig(**told, battery_monitor=BatteryMonitor.NONE) as one:
        site = await one.gateway.find_devices()
        assert _addresses(site.devices) == [101, 102, 103, 701]
        assert one.gateway.exchanges == 0
    async with rig(**told) as one:
        site = await one.gateway.find_devices()
        assert _addresses(site.devices) == [101, 102, 103, 701, 601]
        assert one.gateway.exchanges == 1 + 2


@pytest.mark.parametrize("condition", [Condition.DEAD, Condition.MUTE])
async def test_a_silent_device_is_a_device(condition: Condition) -> None:
    async with rig(timeout=0.3) as one:
        one.simulator.site.gateway.behaviour = Behaviour(latency=0.0, patience=0.01)
        one.put("VT1", condition)
        site = await one.gateway.find_devices()
        assert _addresses(site.of(Family.VARIOTRACK)) == [301]
        assert len(site.devices) == 5
        assert not one.gateway.answering(301)


@pytest.mark.parametrize("behaviour", [None, OLD_FIRMWARE])
async def test_identities(behaviour: Behaviour | None) -> None:
    async with rig(behaviour) as one:
        site = await one.gateway.find_devices()
        found = [await one.gateway.read_identity(device) for device in site.devices]
        assert [each.model for each in found[:2]] == ["XTM", "XTM"]
        assert found[4].model == "BSP"
        assert [each.firmware for each in found] == [
            "1.6.42", "1.6.42", "1.6.40", "1.6.38", "1.6.36"
        ]  # fmt: skip
        assert len({each.serial for each in found}) == 5
        assert all(len(each.serial) == 8 for each in found)
        assert found[0].power == 4000.0
        assert found[0].hardware == "1.2/1.2"
        none = await one.gateway.read_identity(DeviceId(Family.GATEWAY, GATEWAY))
        assert (none.model, none.firmware) == ("", "")
        assert (await one.gateway.read_guid()).version == 4
        assert await one.gateway.read_clock() == pytest.approx(NOON, abs=5)


# -- live values


async def test_a_whole_site_in_three_exchanges() -> None:
    async with rig() as one:
        points = await one.points()
        before = one.gateway.exchanges
        reading = await one.gateway.read_infos(points)
        assert len(points) == 200
        assert one.gateway.exchanges - before == 3
        assert None not in reading.values
        assert reading.time == pytest.approx(NOON, abs=5)
        assert reading.present is not None
        assert reading.present.name == "XTENDER|BSP|VARIOTRACK|VARIOSTRING"
        assert reading.get(101, 3000) == pytest.approx(51.0, abs=8.0)
        assert reading.get(101, 9999) is None
        assert all(one.gateway.answering(address) for address in (101, 102, 301, 601, 701))


async def test_multi_info_and_single_reads_give_the_same() -> None:
    async with rig() as one, rig(multi_info=MultiInfoUse.NEVER) as other:
        points = await one.points()
        together = await one.gateway.read_infos(points)
        singly = await other.gateway.read_infos(points)
        assert other.gateway.exchanges == len(points)
        assert singly.time is None
        for point, a, b in zip(points, together.values, singly.values, strict=True):
            assert a == pytest.approx(b, abs=0.5, nan_ok=True), point


async def test_old_firmware_is_read_one_by_one_and_that_is_remembered() -> None:
    async with rig(OLD_FIRMWARE) as one:
        points = at(101, 3000, 3010, 3049) + at(601, 7000)
        for extra in (1, 0):
            before = one.gateway.exchanges
            reading = await one.gateway.read_infos(points)
            assert None not in reading.values
            assert one.gateway.exchanges - before == len(points) + extra
        assert not one.gateway.by_multi_info
        # another connection may lead to another gateway
        one.simulator.disconnect()
        await until(lambda: not one.gateway.connected)
        await one.gateway.read_infos(points)
        assert one.gateway.by_multi_info


@pytest.mark.parametrize("most", [1, 31, 75, 76])
async def test_batches_are_as_large_as_allowed(most: int) -> None:
    async with rig(max_items=most) as one:
        points = live_points(await one.gateway.find_devices())[:76]
        before = one.gateway.exchanges
        assert None not in (await one.gateway.read_infos(points)).values
        assert one.gateway.exchanges - before == math.ceil(76 / most)


async def test_what_a_device_does_not_have_is_found_and_left_out() -> None:
    """A BSP lacks what a BMS has, and the whole batch is refused for it (xcom-protocol.md 11.2)."""
    async with rig() as one:
        points = at(101, 3000, 3001, 3005) + at(601, 7000, 7057, 7001, 7061, 7002)
        reading = await one.gateway.read_infos(points)
        lacking = [p.datapoint.number for p, v in zip(points, reading.values, strict=True)
                   if v is None]  # fmt: skip
        assert lacking == [7057, 7061]
        assert reading.silent == ()
        before = one.gateway.exchanges
        again = await one.gateway.read_infos(points)
        assert one.gateway.exchanges - before == 1
        assert [v is None for v in again.values] == [v is None for v in reading.values]


async def test_nothing_that_can_be_read_is_an_error() -> None:
    async with rig() as one:
        for _ in range(2):
            with pytest.raises((Refused, NoReply)):
                await one.gateway.read_infos(at(601, 7057, 7061))
        assert one.gateway.connected


@pytest.mark.parametrize("absent", Absent)
async def test_a_device_that_is_not_there(absent: Absent) -> None:
    async with rig(Behaviour(latency=0.0, absent=absent)) as one:
        reading = await one.gateway.read_infos(at(101, 3000) + at(103, 3000))
        here, there = reading.values
        assert here is not None
        expected = {Absent.ERROR: None, Absent.ZERO: 0.0}.get(absent, math.nan)
        assert there == expected or (there is not None and math.isnan(there))
        assert reading.silent == ((103,) if absent is Absent.ERROR else ())


# -- silent devices (quarantine)


@pytest.mark.parametrize("condition", [Condition.DEAD, Condition.MUTE, Condition.ABSENT])
async def test_a_silent_variotrack_does_not_slow_the_others(condition: Condition) -> None:
    async with rig(Behaviour(latency=0.0, patience=0.01), timeout=0.5) as one:
        points = await one.points()
        assert (await one.gateway.read_infos(points)).silent == ()
        one.put("VT1", condition)
        for _ in range(2):  # finds it, makes sure
            reading = await one.gateway.read_infos(points)
            assert reading.silent == (301,)
            missing = {p.address for p, v in zip(points, reading.values, strict=True) if v is None}
            assert missing == {301}
        before = one.gateway.exchanges
        for _ in range(5):
            reading = await one.gateway.read_infos(points)
            assert reading.silent == (301,)
        # it is asked again after 5 s at the earliest
        assert one.gateway.exchanges - before == 5 * 3
        assert (one.gateway.connected, one.gateway.answering(301)) == (True, False)
        with pytest.raises(NoReply, match=r"silent for 2 requests; next probe in"):
            await one.gateway.read_parameters(at(301, 10002))
        # an operator is not kept waiting
        one.put("VT1", Condition.OK)
        await one.gateway.write(at(301, 10002)[0], 40.0)
        assert (await one.gateway.read_infos(points)).silent == ()


@pytest.mark.parametrize("condition", [Condition.DEAD, Condition.MUTE, Condition.ABSENT])
async def test_one_by_one_a_device_is_silent_whatever_the_gateway_calls_it(
    condition: Condition,
) -> None:
    patient = Behaviour(latency=0.0, patience=0.01)
    async with rig(patient, timeout=0.3, multi_info=MultiInfoUse.NEVER) as one:
        points = at(101, 3000, 3005) + at(301, 11000, 11001)
        assert (await one.gateway.read_infos(points)).silent == ()
        one.put("VT1", condition)
        # found, made sure, left alone, and probed by somebody who does not wait
        for _ in range(3):
            reading = await one.gateway.read_infos(points)
            assert (reading.silent, reading.get(301, 11000)) == ((301,), None)
            with pytest.raises(NoReply):
                await one.gateway._singles.read_one(points[-1], urgent=True)
        assert (await one.gateway.read_parameters(at(101, 1138) + at(301, 10002))).silent == (301,)
        with pytest.raises(NoReply):
            await one.gateway.read_parameters(at(301, 10002))
        assert (one.gateway.connected, one.gateway.answering(301)) == (True, False)


@pytest.mark.parametrize("condition", [Condition.DEAD, Condition.ABSENT])
async def test_one_by_one_a_device_that_falls_silent_in_the_middle_is_silent(
    condition: Condition,
) -> None:
    """Half of its values would pass for all it has, and half an identity be kept."""
    patient = Behaviour(latency=0.0, patience=0.01)
    async with rig(patient, multi_info=MultiInfoUse.NEVER) as one:
        track = one.device("VT1")

        def first() -> float:
            track.condition = condition
            return 51.5

        track._infos[11000] = track._infos[11015] = first
        reading = await one.gateway.read_infos(at(101, 3000) + at(301, 11000, 11001))
        assert (reading.silent, reading.get(301, 11000)) == ((301,), None)
        track.condition = Condition.OK
        await one.gateway.write(at(301, 10002)[0], 40.0)
        with pytest.raises(NoReply, match=r"VT1 \(address 301\)|silent: VT1"):
            await one.gateway.read_identity(DeviceId(Family.VARIOTRACK, 301))


async def test_a_site_whose_gateway_was_away_is_back_at_once() -> None:
    """All devices failed with it; none of them waits for its back-off."""
    async with rig(timeout=0.1, retries=0) as one:
        points = await one.points()
        await one.simulator.set_fault(parse_fault("silent"))
        for _ in range(3):
            with pytest.raises((NoReply, LinkDown)):
                await one.gateway.read_infos(points)
        await one.simulator.clear_fault()
        reading = await recovered(lambda: one.gateway.read_infos(points))
        assert (reading.silent, None in reading.values) == ((), False)


# -- parameters


async def test_parameters_are_read_one_by_one() -> None:
    async with rig() as one:
        points = at(101, 1107, 1126, 1202, 1525) + at(501, 5002, 5012)
        reading = await one.gateway.read_parameters(points)
        assert reading.values[:4] == (32.0, True, 1, 1200)
        assert [type(value) for value in reading.values[:4]] == [float, bool, int, int]
        assert one.gateway.exchanges == len(points)
        assert reading.get(101, 1107) == 32.0


async def test_limits_come_from_the_device() -> None:
    async with rig() as one:
        limits = await one.gateway.read_limits(CHARGE)
        assert (limits.minimum, limits.maximum) == (0.0, 200.0)
        assert (limits.level, limits.from_device) == (Level.BASIC, True)
        assert one.gateway.exchanges == 3
        one.device("XT1").parameters[1138].maximum = 100.0
        # asked once per connection
        assert (await one.gateway.read_limits(CHARGE)).maximum == 200.0


@pytest.mark.parametrize("value", [-0.5, 200.5, 1e9])
async def test_values_outside_the_limits_do_not_go_out(value: float) -> None:
    async with rig() as one:
        with pytest.raises(OutOfRange, match="the device allows 0 to 200 A"):
            await one.gateway.write(CHARGE, value)
        assert one.simulator.site.gateway.writes == 0


@pytest.mark.parametrize("value", [0.0, 0.1, 200.0])
async def test_values_at_the_limits_do(value: float) -> None:
    async with rig() as one:
        await one.gateway.write(CHARGE, value)
        assert one.device("XT1").parameters[1138].ram == pytest.approx(value, abs=0.01)


async def test_a_choice_has_to_be_one() -> None:
    async with rig() as one:
        (mode,) = at(101, 1202)
        with pytest.raises(OutOfRange, match="it is none of 1 Automatic, 2 Reversed automatic, 4"):
            await one.gateway.write(mode, 3)
        await one.gateway.write(mode, 4)
        assert one.device("XT1").parameters[1202].ram == 4


async def test_a_write_goes_to_ram_and_flash_still_reads_the_old() -> None:
    async with rig() as one:
        assert one.gateway.ram_value(CHARGE) is None
        await one.gateway.write(CHARGE, 12.0)
        held = one.device("XT1").parameters[1138]
        assert (held.ram, held.flash) == (12.0, 60.0)
        assert (await one.gateway.read_parameters([CHARGE])).values == (60.0,)
        ram = one.gateway.ram_value(CHARGE)
        assert ram is not None
        assert ram.value == 12.0
        assert (one.gateway.flash_writes, held.flash_writes) == (0, {})


async def test_flash_is_written_by_name_only_and_its_budget_is_kept() -> None:
    async with rig(flash_writes_per_day=2) as one:
        assert one.gateway.flash_writes_left(CHARGE) == 2
        for value in (20.0, 30.0):
            await one.gateway.write(CHARGE, value, flash=True)
        assert one.gateway.flash_writes_left(CHARGE) == 0
        with pytest.raises(Blocked, match=r"flash was written 2 times in 24 h, and 2 are allowed"):
            await one.gateway.write(CHARGE, 40.0, flash=True)
        held = one.device("XT1").parameters[1138]
        assert (held.flash, one.gateway.flash_writes) == (30.0, 2)
        assert held.flash_writes == {Property.VALUE: 2}
        assert (await one.gateway.read_parameters([CHARGE])).values == (30.0,)
        # RAM has no budget, and other parameters and devices have their own
        await one.gateway.write(CHARGE, 40.0)
        await one.gateway.write(at(102, 1138)[0], 40.0, flash=True)
        await one.gateway.write(at(101, 1107)[0], 16.0, flash=True)


async def test_no_flash_at_all() -> None:
    async with rig(flash_writes_per_day=0) as one:
        with pytest.raises(Blocked, match="flash was written 0 times in 24 h, and 0 are allowed"):
            await one.gateway.write(CHARGE, 40.0, flash=True)
        assert one.simulator.site.gateway.writes == 0


async def test_signals_are_sent_once_and_cost_no_flash() -> None:
    async with rig() as one:
        (cycle,) = at(301, 10029)
        await one.gateway.signal(cycle)
        assert one.simulator.site.gateway.writes == 1
        assert (one.gateway.flash_writes, one.gateway.ram_value(cycle)) == (0, None)
        with pytest.raises(Blocked, match="it is no signal"):
            await one.gateway.signal(CHARGE)
        with pytest.raises(Blocked, match="it is no parameter that can be written"):
            await one.gateway.write(cycle, 1)
        with pytest.raises(Blocked, match="it is no parameter that can be written"):
            await one.gateway.write(at(101, 3000)[0], 1.0)


async def test_group_addresses_are_written_if_configured_and_never_read() -> None:
    (group,) = at(100, 1138)
    async with rig() as one:
        with pytest.raises(Blocked, match=r"writes to group 100 are not configured"):
            await one.gateway.write(group, 10.0)
    async with rig(group_writes=(100, 192), flash_writes_per_day=1) as one:
        await one.gateway.write(group, 10.0, flash=True)
        assert [one.device(name).parameters[1138].flash for name in ("XT1", "XT2")] == [10.0, 10.0]
        # each device of the group has had its write
        with pytest.raises(Blocked, match="flash was written 1 times"):
            await one.gateway.write(at(102, 1138)[0], 20.0, flash=True)
        ram = one.gateway.ram_value(CHARGE)
        assert ram is not None
        assert ram.value == 10.0
        with pytest.raises(Blocked, match="301 is no address of xtender"):
            await one.gateway.write(at(301, 1138)[0], 10.0)
        with pytest.raises(Blocked, match="group 300 are not configured"):
            await one.gateway.write(at(300, 10002)[0], 10.0)


async def test_a_refusal_of_the_device_is_told() -> None:
    async with rig() as one:
        await one.gateway.read_limits(CHARGE)
        one.device("XT1").parameters[1138].maximum = 100.0
        with pytest.raises(Refused, match="the value is above the maximum") as caught:
            await one.gateway.write(CHARGE, 150.0)
        assert caught.value.code == ErrorCode.DATA_TOO_BIG
        assert one.gateway.ram_value(CHARGE) is None


async def test_nothing_is_written_by_reading_connecting_or_closing() -> None:
    async with rig() as one:
        points = await one.points()
        for device in (await one.gateway.find_devices()).devices:
            await one.gateway.read_identity(device)
        await one.gateway.read_infos(points)
        await one.gateway.read_messages()
        one.simulator.disconnect()
        await until(lambda: not one.gateway.connected)
        await one.gateway.read_infos(points)
        await one.gateway.close()
        assert one.simulator.site.gateway.writes == 0


# -- messages, restarts, pauses


async def test_messages_are_read_when_the_gateway_says_so() -> None:
    async with rig() as one:
        await one.gateway.read_messages()
        asked = one.gateway.exchanges
        assert await one.gateway.read_messages() == ()
        assert one.gateway.exchanges == asked
        one.simulator.site.message(20, 102)
        await one.gateway.read_clock()
        assert one.gateway.flags & FrameFlags.MESSAGE_PENDING
        (new,) = await one.gateway.read_messages()
        assert (new.text, new.source) == ("battery over-voltage", 102)
        assert not one.gateway.flags & FrameFlags.MESSAGE_PENDING
        assert one.gateway.messages[0] == new


async def test_what_was_in_ram_is_forgotten_when_a_device_restarts() -> None:
    async with rig() as one:
        await one.gateway.read_messages()
        (track,) = at(301, 10002)
        await one.gateway.write(CHARGE, 12.0)
        await one.gateway.write(track, 12.0)
        one.simulator.site.message(166, 301)
        await one.gateway.read_clock()
        assert [each.type for each in await one.gateway.read_messages()] == [166]
        assert one.gateway.ram_value(track) is None
        assert one.gateway.ram_value(CHARGE) is not None


async def test_a_restart_that_nobody_watched_is_told_by_a_message() -> None:
    """xcom-protocol.md 9.3: the RAM of that device is lost, that of others is not."""
    (track,) = at(301, 10002)
    clock = Clock()
    async with rig(clock=clock, speed=1.0) as one:
        await one.gateway.read_messages()
        await one.gateway.read_clock()
        await one.gateway.write(CHARGE, 12.0)
        await one.gateway.write(track, 12.0)

        async def restart(name: str) -> None:
            assert await Console(one.simulator).execute(f"restart {name}") == f"ok {name}"
            clock.now += 2.0 * RESTART_TIME
            await one.gateway.read_clock()
            told = [(each.type, each.source) for each in await one.gateway.read_messages()]
            assert (10, one.device(name).address) in told

        await restart("VT1")
        assert one.gateway.ram_value(track) is None
        assert one.gateway.ram_value(CHARGE) is not None
        await restart("XT1")
        assert one.gateway.ram_value(CHARGE) is None


async def test_the_portal_is_left_alone_after_midnight() -> None:
    """xcom-protocol.md 13.3: by the gateway's clock, and an operator may write all the same."""
    midnight = NOON + 12 * 3600.0
    async with rig(start=midnight + 60.0, pause_minutes=10.0) as one:
        await one.gateway.read_infos([at(101, 3000)[0]])
        with pytest.raises(Blocked, match=r"paused for 5[34]\d s more: the portal is served"):
            await one.gateway.read_infos([at(101, 3000)[0]])
        with pytest.raises(Blocked):
            await one.gateway.read_parameters([CHARGE])
        await one.gateway.write(CHARGE, 12.0)
        assert one.gateway.connected
    async with rig(start=midnight - 60.0, pause_minutes=10.0) as one:
        for _ in range(2):
            await one.gateway.read_infos([at(101, 3000)[0]])


def test_it_is_a_device_like_the_others() -> None:
    device: Device = Gateway(XcomSettings("tcp://127.0.0.1"))
    assert (device.link, device.connected, device.exchanges) == ("tcp://127.0.0.1:4001", False, 0)
    assert (device.last_error, device.reconnects) == ("", 0)


def test_points_name_what_they_are() -> None:
    one: Datapoint = datapoint(1138)
    assert Point(101, one).key == (101, 1138)
    assert one.asked == "1138 (battery charge current set point)"
