"""The simulated gateway on the wire (Studer Xcom reference, sections 4 to 12, 19, 20)."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.xcom.addresses import Family, family_of_number, range_of
from drivers.xcom.datapoint import Access
from drivers.xcom.datapoints import DATAPOINTS
from drivers.xcom.frame import Frame, FrameFlags, decode_frame
from drivers.xcom.multi_info import Aggregation, Item, MultiInfo, decode_multi_info, encode_items
from drivers.xcom.objects import decode_file_names, decode_guid
from drivers.xcom.protocol import (
    ErrorCode,
    FileStep,
    Format,
    ObjectType,
    Property,
    Service,
    error_code,
    read_request,
    write_request,
)
from drivers.xcom.simulated_behaviour import Absent, Behaviour
from drivers.xcom.simulated_device import RESTART_TIME, Condition, fixed_point
from drivers.xcom.simulated_site import DEFAULT_GUID, BatteryMonitor, SimulatedSite
from tests.drivers.xcom.simulator_rig import NOON, OWN, Bench, Clock, Refused, bench
from tests.support.wire.until import until

QUIET = Behaviour(latency=0.0)
FLASH, RAM = Property.VALUE, Property.UNSAVED_VALUE
ADDRESSES = {
    Family.XTENDER: 102,
    Family.VARIOTRACK: 301,
    Family.VARIOSTRING: 701,
    Family.BATTERY: 601,
    Family.GATEWAY: 501,
}


@pytest.fixture
async def one() -> AsyncIterator[Bench]:
    async with bench() as found:
        yield found


async def _multi(one: Bench, *items: Item) -> MultiInfo | Refused:
    request = read_request(OWN, 501, ObjectType.MULTI_INFO, 1, 77, encode_items(items))
    reply = await one.raw.ask(request)
    return Refused(error_code(reply)) if reply.is_error else decode_multi_info(reply.data, items)


# -- infos and parameters


@pytest.mark.parametrize("monitor", [BatteryMonitor.BSP, BatteryMonitor.BMS])
async def test_every_datapoint_of_the_table_is_there(monitor: BatteryMonitor) -> None:
    async with bench(monitor=monitor) as one:
        for point in DATAPOINTS:
            found = await one.raw.read(ADDRESSES[point.family], point.number, point.format)
            if point.monitors and point.monitors.name not in ("BSP|BMS", monitor.name):
                assert found == Refused(ErrorCode.INVALID_DATA), point
            elif point.access is Access.SIGNAL:
                assert found == Refused(ErrorCode.PROPERTY_NOT_SUPPORTED), point
            else:
                assert not isinstance(found, Refused), point
            if point.labels is not None and not isinstance(found, Refused):
                assert point.labels.label(int(found)) is not None, (point, found)


async def test_golden_request_and_reply(one: Bench) -> None:
    """G01 and G02 but for the value: the frame that the vendor prints."""
    one.raw.send(bytes.fromhex("AA000100000065000000 0A006F71 0001 0100 B80B0000 0100 C590"))
    reply = await one.raw.frame()
    assert (reply.source, reply.destination, reply.service_flags) == (101, 1, 2)
    assert (reply.object_id, reply.property_id, len(reply.data)) == (3000, 1, 4)
    assert FrameFlags.CARD_PRESENT | FrameFlags.DATALOGGER in FrameFlags(reply.flags)


@pytest.mark.parametrize(
    "golden",
    [
        "AA00010000006500 00000A006F72 00010100B80B00000100C590",  # N1
        "AA00010000006500 00000A006F71 00010100B80B00000100C591",  # N2
    ],
)
async def test_frames_with_a_wrong_checksum_get_no_reply(one: Bench, golden: str) -> None:
    one.raw.send(bytes.fromhex(golden) + b"\xff\x00\r\n\xaa\xaa")
    assert await one.raw.read(101, 3000) == pytest.approx(49.9, abs=5.0)
    assert one.site.gateway.reads == 1


async def test_writes_to_ram_and_flash_and_what_reads_show(one: Bench) -> None:
    parameter = one.device("XT1").parameters[1138]
    assert await one.raw.read(101, 1138) == 60.0
    assert await one.raw.write(101, 1138, 42.0, prop=RAM) is None
    assert (parameter.ram, parameter.flash, parameter.flash_writes) == (42.0, 60.0, {})
    # section 9.1: both properties show what is in flash
    assert await one.raw.read(101, 1138, prop=RAM) == 60.0
    assert await one.raw.read(101, 1138, prop=FLASH) == 60.0
    assert await one.raw.write(101, 1138, 12.0, prop=FLASH) is None
    assert await one.raw.read(101, 1138) == 12.0
    assert (parameter.ram, parameter.flash_writes) == (12.0, {FLASH: 1})
    assert one.device("XT2").parameters[1138].flash == 60.0
    assert await one.raw.read(101, 1107, prop=Property.MINIMUM) == 2.0
    assert await one.raw.read(101, 1107, prop=Property.MAXIMUM) == 50.0
    assert await one.raw.read(101, 1107, Format.SHORT_ENUM, prop=Property.LEVEL) == 0x10


async def test_ram_is_lost_in_a_restart() -> None:
    clock = Clock()
    async with bench(clock=clock) as one:
        await one.raw.write(101, 1138, 42.0)
        await one.raw.write(101, 1107, 16.0, prop=FLASH)
        one.device("XT1").restart()
        assert await one.raw.read(101, 3000) == Refused(ErrorCode.RESPONSE_TIMEOUT)
        clock.now += RESTART_TIME
        assert await one.raw.read(101, 3000) == pytest.approx(49.9, abs=5.0)
        device = one.device("XT1")
        assert (device.ram(1138), device.ram(1107)) == (60.0, 16.0)


async def test_with_flash_switched_off_all_writes_stay_in_ram(one: Bench) -> None:
    """Section 9.2: the 0 of 1550 costs flash the first time, the 1 each time."""
    device = one.device("XT1")
    for _ in range(3):
        assert await one.raw.write(101, 1550, 0, Format.BOOL, prop=FLASH) is None
    assert device.parameters[1550].flash_writes == {FLASH: 1}
    await one.raw.write(101, 1138, 20.0, prop=FLASH)
    assert (device.ram(1138), device.parameters[1138].flash_writes) == (20.0, {})
    assert await one.raw.read(101, 1138) == 60.0
    for _ in range(2):
        await one.raw.write(101, 1550, 1, Format.BOOL, prop=FLASH)
    assert device.parameters[1550].flash_writes == {FLASH: 3}


@pytest.mark.parametrize(
    ("address", "number", "value", "layout", "code"),
    [
        (101, 1107, 1.0, Format.FLOAT, ErrorCode.DATA_TOO_SMALL),
        (101, 1107, 50.5, Format.FLOAT, ErrorCode.DATA_TOO_BIG),
        (101, 1107, math.nan, Format.FLOAT, ErrorCode.INVALID_DATA),
        (101, 1107, 3, Format.BOOL, ErrorCode.INVALID_DATA_LENGTH),
        (101, 1202, 3, Format.LONG_ENUM, ErrorCode.INVALID_DATA),
        (101, 1525, 1441, Format.INT32, ErrorCode.DATA_TOO_BIG),
        (101, 1399, 2, Format.INT32, ErrorCode.INVALID_DATA),
        (101, 1099, 1.0, Format.FLOAT, ErrorCode.OBJECT_ID_NOT_FOUND),
        (501, 5012, 64, Format.LONG_ENUM, ErrorCode.ACCESS_DENIED),
        (103, 1107, 10.0, Format.FLOAT, ErrorCode.DEVICE_NOT_FOUND),
        (301, 1107, 10.0, Format.FLOAT, ErrorCode.OBJECT_ID_NOT_FOUND),
        (400, 1107, 10.0, Format.FLOAT, ErrorCode.DEVICE_NOT_FOUND),
    ],
)
async def test_bad_writes_are_refused_with_their_code(
    one: Bench, address: int, number: int, value: float, layout: Format, code: ErrorCode
) -> None:
    if layout is Format.BOOL:
        frame = write_request(OWN, address, ObjectType.PARAMETER, number, RAM, b"\x03")
        assert error_code(await one.raw.ask(frame)) == code
    else:
        assert await one.raw.write(address, number, value, layout) == Refused(code)
    assert all(d.writes == 0 for d in one.site.gateway.devices.values())


async def test_other_refusals(one: Bench) -> None:
    raw = one.raw
    info, parameter = ObjectType.INFO, ObjectType.PARAMETER
    for frame, code in (
        (read_request(OWN, 101, info, 3999, 1), ErrorCode.OBJECT_ID_NOT_FOUND),
        (read_request(OWN, 101, info, 3000, 9), ErrorCode.PROPERTY_NOT_SUPPORTED),
        (read_request(OWN, 101, parameter, 1107, 1), ErrorCode.PROPERTY_NOT_SUPPORTED),
        (read_request(OWN, 109, info, 3000, 1), ErrorCode.DEVICE_NOT_FOUND),
        (read_request(OWN, 0, info, 3000, 1), ErrorCode.MULTICAST_READ_NOT_SUPPORTED),
        (write_request(OWN, 101, info, 3000, 1, bytes(4)), ErrorCode.PROPERTY_IS_READ_ONLY),
        (write_request(OWN, 101, parameter, 1107, 6, bytes(4)), ErrorCode.PROPERTY_IS_READ_ONLY),
        (read_request(OWN, 501, ObjectType.SCREEN, 0, 0), ErrorCode.TYPE_NOT_SUPPORTED),
        (read_request(OWN, 101, ObjectType.GUID, 0, 0), ErrorCode.TYPE_NOT_SUPPORTED),
        (read_request(OWN, 501, ObjectType.MULTI_INFO, 1, 1, b"\0" * 4),
         ErrorCode.INVALID_SERVICE_ARGUMENT),
        (read_request(OWN, 501, ObjectType.MESSAGE, 999, 0), ErrorCode.OBJECT_ID_NOT_FOUND),
        (Frame(OWN, 101, 9, info, 3000, 1), ErrorCode.SERVICE_NOT_SUPPORTED),
    ):  # fmt: skip
        reply = await raw.ask(frame)
        assert reply.is_error, frame
        assert error_code(reply) == code, frame


async def test_settings_change_what_the_site_does(one: Bench) -> None:
    model = one.site.model
    await one.raw.write(101, 1399, 1, Format.INT32)
    assert await one.raw.read(102, 3049, Format.SHORT_ENUM) == 0
    assert not any(each.on for each in model.xtenders)
    await one.raw.write(102, 1415, 1, Format.INT32)
    assert await one.raw.read(101, 3049, Format.SHORT_ENUM) == 1
    await one.raw.write(101, 1286, 225.0)
    assert await one.raw.read(101, 3021) == pytest.approx(225.0, abs=2.0)
    await one.raw.write(301, 10002, 6.0)
    await one.raw.write(701, 14039, 1, Format.INT32)
    one.site.speed = 1.0
    model.step(1.0)
    assert await one.raw.read(301, 11001) == pytest.approx(6.0, rel=0.05)
    assert await one.raw.read(701, 15013, Format.SHORT_ENUM) == 2


async def test_special_values(one: Bench) -> None:
    one.site.model.household.fixed, one.site.model.sky.fixed = 0.2, 1.0
    one.site.model.step(1.0)
    assert await one.raw.read(101, 3001) == 32767.0
    autonomy = await one.raw.read(601, 7004)
    assert isinstance(autonomy, float)
    assert math.isnan(autonomy)
    assert await one.raw.read(501, 5002, Format.INT32) == int(NOON) + 2
    assert await one.raw.write(501, 5002, int(NOON) + 3600, Format.INT32) is None
    assert await one.raw.read(501, 5002, Format.INT32) == int(NOON) + 3600
    msb, lsb = await one.raw.read(101, 3130), await one.raw.read(101, 3131)
    assert isinstance(msb, float)
    assert isinstance(lsb, float)
    assert (int(msb) >> 8, int(lsb) >> 8, int(lsb) & 0xFF) == (1, 6, 42)


def test_fixed_point_is_within_half_a_step() -> None:
    assert fixed_point(60.0, 200.0) == 60.0
    assert fixed_point(57.6, 72.0) == pytest.approx(57.6, abs=0.05)
    assert fixed_point(20_000.0, 20_000.0) == 20_000.0


_SITE = SimulatedSite(QUIET, start=NOON, speed=0.0)
_KNOWN = [point.number for point in DATAPOINTS]


@given(
    frame=st.builds(
        Frame,
        source=st.integers(0, 2**32 - 1),
        destination=st.sampled_from((0, 100, 101, 102, 191, 193, 300, 301, 500, 501, 601, 701, 7)),
        service=st.integers(0, 255),
        object_type=st.sampled_from((1, 2, 3, 4, 5, 10, 0x100, 0x101, 77)),
        object_id=st.one_of(st.sampled_from(_KNOWN), st.integers(0, 2**32 - 1)),
        property_id=st.one_of(st.integers(0, 0x26), st.integers(0, 0xFFFF)),
        data=st.binary(max_size=250),
        service_flags=st.integers(0, 3),
    )
)
@settings(max_examples=400)
def test_any_frame_gets_a_reply_that_can_be_sent_or_none(frame: Frame) -> None:
    _SITE.catch_up()
    reply = _SITE.gateway.respond(frame)
    if frame.is_reply:
        assert reply is None
    elif reply is not None:
        assert decode_frame(reply.encode()).is_reply
        assert (reply.source, reply.destination) == (frame.destination, frame.source)


@given(value=st.integers(-(2**31), 2**31 - 1), number=st.sampled_from(_KNOWN))
@settings(max_examples=200)
def test_any_write_leaves_a_site_that_can_be_read(value: int, number: int) -> None:
    family = family_of_number(number)
    assert family is not None
    address = range_of(family).address(1)
    data = value.to_bytes(4, "little", signed=True)
    write = write_request(OWN, address, ObjectType.PARAMETER, number, RAM, data)
    assert _SITE.gateway.respond(write) is not None or not _SITE.gateway.device.answers
    _SITE.catch_up()
    items = encode_items([Item(3136, 1), Item(7000), Item(11004, 1), Item(15010, 1)])
    for read in (
        read_request(OWN, 501, ObjectType.MULTI_INFO, 1, 1, items),
        read_request(OWN, 501, ObjectType.PARAMETER, 5002, FLASH),
    ):
        reply = _SITE.gateway.respond(read)
        assert reply is None or decode_frame(reply.encode()).is_reply


# -- groups


async def test_group_writes_reach_every_device_and_reads_the_first(one: Bench) -> None:
    assert await one.raw.write(100, 1311, 8, Format.LONG_ENUM, prop=FLASH) is None  # G23
    assert [one.device(name).ram(1311) for name in ("XT1", "XT2")] == [8, 8]
    assert await one.raw.write(191, 1107, 20.0) is None
    assert one.device("XT2").ram(1107) == 20.0
    assert await one.raw.write(192, 1107, 20.0) == Refused(ErrorCode.DEVICE_NOT_FOUND)
    assert await one.raw.write(300, 1107, 20.0) == Refused(ErrorCode.OBJECT_ID_NOT_FOUND)
    assert await one.raw.write(0, 10002, 40.0) is None
    assert one.device("VT1").ram(10002) == 40.0
    assert await one.raw.read(100, 3000) == await one.raw.read(101, 3000)
    assert await one.raw.read(191, 3000) == await one.raw.read(101, 3000)


async def test_strict_switches() -> None:
    strict = Behaviour(latency=0.0, strict_groups=True, strict_property=True)
    async with bench(strict) as one:
        assert await one.raw.read(100, 3000) == Refused(ErrorCode.MULTICAST_READ_NOT_SUPPORTED)
        assert await one.raw.read(700, 15000) == Refused(ErrorCode.MULTICAST_READ_NOT_SUPPORTED)
        assert isinstance(await one.raw.read(191, 3000), float)
        for prop in (FLASH, RAM):
            found = await one.raw.read(101, 3000, prop=prop)
            assert found == Refused(ErrorCode.PROPERTY_NOT_SUPPORTED)
    async with bench() as one:
        for prop in (FLASH, RAM):
            assert isinstance(await one.raw.read(101, 3000, prop=prop), float)


# -- multi-info


async def test_multi_info_gives_what_single_reads_give(one: Bench) -> None:
    items = (
        Item(3136, Aggregation.SUM), Item(3136, 1), Item(3136, 2), Item(3000, Aggregation.AVERAGE),
        Item(7002), Item(11004, 1), Item(3028, 1), Item(15010, Aggregation.MASTER),
    )  # fmt: skip
    found = await _multi(one, *items)
    assert isinstance(found, MultiInfo)
    assert (found.flags, found.time) == (0x1E0, int(NOON) + 1)
    values = {each.item: each.value for each in found.values}
    total = values[Item(3136, 1)] + values[Item(3136, 2)]
    assert values[Item(3136, Aggregation.SUM)] == pytest.approx(total)
    assert values[Item(7002)] == await one.raw.read(601, 7002)
    assert values[Item(11004, 1)] == await one.raw.read(301, 11004)
    assert values[Item(3028, 1)] == await one.raw.read(101, 3028, Format.SHORT_ENUM)


async def test_a_full_multi_info_has_566_bytes(one: Bench) -> None:
    items = [Item(number, 1) for number in range(3000, 3100)]
    known = [item for item in items if one.device("XT1").has_info(item.number)][:38]
    items = [Item(item.number, which) for item in known for which in (1, 2)]
    request = read_request(OWN, 501, ObjectType.MULTI_INFO, 1, 9, encode_items(items))
    assert len(request.encode()) == 254
    reply = await one.raw.ask(request)
    assert len(reply.encode()) == 566
    assert reply.property_id == 9


@pytest.mark.parametrize(
    ("absent", "check"),
    [(Absent.NAN, math.isnan), (Absent.ZERO, lambda value: value == 0.0)],
)
async def test_absent_devices_in_a_multi_info(absent: Absent, check: object) -> None:
    async with bench(Behaviour(latency=0.0, absent=absent)) as one:
        found = await _multi(one, Item(3000, 1), Item(3000, 5))
        assert isinstance(found, MultiInfo)
        assert found.values[0].value > 40.0
        assert callable(check)
        assert check(found.values[1].value)


async def test_by_default_one_bad_item_fails_the_whole_multi_info(one: Bench) -> None:
    for item, code in (
        (Item(3000, 5), ErrorCode.DEVICE_NOT_FOUND),
        (Item(3999, 1), ErrorCode.OBJECT_ID_NOT_FOUND),
        (Item(1107, 1), ErrorCode.OBJECT_ID_NOT_FOUND),
        (Item(3000, 12), ErrorCode.DEVICE_NOT_FOUND),
    ):
        assert await _multi(one, Item(3000, 1), item) == Refused(code)
    one.device("VT1").condition = Condition.DEAD
    assert await _multi(one, Item(3000, 1), Item(11000, 1)) == Refused(ErrorCode.RESPONSE_TIMEOUT)
    found = await _multi(one, Item(3000, 1), Item(15000, 1))
    assert isinstance(found, MultiInfo)


@pytest.mark.parametrize(
    ("firmware", "works"),
    [((1, 6, 73), False), ((1, 6, 74), True), ((1, 7, 0), True), ((1, 4, 99), False)],
)
async def test_old_firmware_knows_no_multi_info(
    firmware: tuple[int, int, int], works: bool
) -> None:
    async with bench(Behaviour(firmware=firmware, latency=0.0)) as one:
        found = await _multi(one, Item(3000, 1))
        assert isinstance(found, MultiInfo) is works
        if not works:
            assert found == Refused(ErrorCode.SERVICE_NOT_SUPPORTED)
        message = await one.raw.ask(read_request(OWN, 501, ObjectType.MESSAGE, 0, 0))
        assert message.is_error is (firmware < (1, 5, 0))


# -- devices that are away


async def test_dead_mute_and_absent_devices(one: Bench) -> None:
    track = one.device("VT1")
    track.condition = Condition.DEAD
    assert await one.raw.read(301, 11000) == Refused(ErrorCode.RESPONSE_TIMEOUT)
    track.condition = Condition.ABSENT
    assert await one.raw.read(301, 11000) == Refused(ErrorCode.DEVICE_NOT_FOUND)
    found = await _multi(one, Item(3000, 1))
    assert isinstance(found, MultiInfo)
    assert found.flags == 0x160
    track.condition = Condition.MUTE
    one.raw.send(read_request(OWN, 301, ObjectType.INFO, 11000, 1).encode())
    assert await one.raw.read(101, 3000) == pytest.approx(49.9, abs=5.0)
    assert one.raw.last is not None
    assert one.raw.last.object_id == 3000


async def test_without_a_battery_monitor_nobody_answers_at_601() -> None:
    async with bench(monitor=BatteryMonitor.NONE) as one:
        assert await one.raw.read(601, 7034) == Refused(ErrorCode.DEVICE_NOT_FOUND)


async def test_which_monitor_it_is(one: Bench) -> None:
    assert await one.raw.read(601, 7034) == 10241.0
    assert isinstance(await one.raw.read(601, 7054), Refused)
    async with bench(monitor=BatteryMonitor.BMS) as other:
        assert isinstance(await other.raw.read(601, 7054), float)


# -- messages, flags, watchdogs, busy


async def _message(one: Bench, index: int) -> Frame:
    return await one.raw.ask(read_request(OWN, 501, ObjectType.MESSAGE, index, 0))


async def test_messages_pend_until_read_and_are_latched(one: Bench) -> None:
    gateway = one.site.gateway
    assert FrameFlags.MESSAGE_PENDING in gateway.flags
    one.site.message(15, 101)
    newest = await _message(one, 0)
    assert newest.data[:10] == bytes.fromhex("02000000 0F00 65000000")
    assert FrameFlags.MESSAGE_PENDING not in FrameFlags(newest.flags)
    one.site.message(83, 301)
    older = await _message(one, 1)
    assert older.data[4:6] == b"\x0a\x00"
    assert FrameFlags.MESSAGE_PENDING in FrameFlags(older.flags)
    assert (await _message(one, 0)).data[4:6] == b"\x53\x00"
    assert (await _message(one, 1)).data[4:6] == b"\x0f\x00"
    assert (await _message(one, 3)).is_error
    await one.raw.write(501, 5035, 1, Format.INT32)
    assert (await _message(one, 0)).is_error


async def test_what_happens_on_the_site_becomes_a_message(one: Bench) -> None:
    def newest() -> tuple[int, int]:
        found = one.site.gateway.messages.newest
        assert found is not None
        return found.type, found.source

    one.device("VT1").condition = Condition.DEAD
    one.site.catch_up()
    assert newest() == (166, 301)
    await one.raw.write(101, 1399, 1, Format.INT32)
    one.site.catch_up()
    assert newest() == (223, 102)


async def test_the_restart_flag_stays_until_it_is_cleared(one: Bench) -> None:
    await one.raw.read(101, 3000)
    assert one.raw.last is not None
    assert FrameFlags.RESTARTED in FrameFlags(one.raw.last.flags)
    await one.raw.write(501, 5104, 1, Format.INT32)
    await one.raw.read(101, 3000)
    assert FrameFlags.RESTARTED not in FrameFlags(one.raw.last.flags)


async def test_the_gateways_watchdog_wants_requests() -> None:
    clock = Clock()
    async with bench(clock=clock) as one:
        await one.raw.write(501, 5104, 1, Format.INT32)
        await one.raw.write(501, 5095, 1, Format.BOOL, prop=FLASH)
        clock.now += 59.0
        await one.raw.read(101, 3000)
        assert not one.site.gateway.restarted
        clock.now += 61.0
        one.raw.send(read_request(OWN, 101, ObjectType.INFO, 3000, 1).encode())
        await until(lambda: one.site.gateway.restarted)
        clock.now += RESTART_TIME
        assert isinstance(await one.raw.read(101, 3000), float)
        newest = one.site.gateway.messages.newest
        assert newest is not None
        assert (newest.type, newest.source) == (216, 501)


async def test_an_xtenders_watchdog_wants_writes() -> None:
    clock = Clock()
    async with bench(clock=clock) as one:
        device = one.device("XT1")
        await one.raw.write(101, 1628, 1, Format.BOOL, prop=FLASH)
        clock.now += 100.0
        await one.raw.read(101, 3000)
        assert device.restarts == 0  # not armed: only flash was written
        await one.raw.write(101, 1138, 30.0)
        clock.now += 59.0
        await one.raw.write(101, 1138, 31.0)
        clock.now += 59.0
        await one.raw.read(101, 3000)
        assert device.restarts == 0
        clock.now += 2.0
        await one.raw.read(101, 3000)
        assert device.restarts == 1
        assert device.ram(1138) == 60.0
        assert one.device("XT2").restarts == 0


async def test_writing_0_to_5103_restarts_the_gateway() -> None:
    clock = Clock()
    async with bench(clock=clock) as one:
        await one.raw.write(501, 5104, 1, Format.INT32)
        await one.raw.write(501, 5103, 0, Format.BOOL)
        assert one.site.gateway.restarted


async def test_it_is_busy_at_half_a_minute_past_midnight() -> None:
    midnight = NOON + 43_200.0
    async with bench(start=midnight + 25.0) as one:
        assert isinstance(await one.raw.read(101, 3000), float)
        one.site.model.advance(6.0, one.site._after)
        assert await one.raw.read(101, 3000) == Refused(ErrorCode.GATEWAY_BUSY)
        assert one.site.gateway.card.new
        one.site.model.advance(10.0)
        assert isinstance(await one.raw.read(101, 3000), float)
        assert one.raw.last is not None
        assert FrameFlags.NEW_DATALOG in FrameFlags(one.raw.last.flags)


async def test_delays_and_the_bump_once_a_minute() -> None:
    clock = Clock()
    async with bench(Behaviour(latency=0.5, bump=1.5, patience=0.7), clock=clock) as one:
        gateway = one.site.gateway
        asked = read_request(OWN, 301, ObjectType.INFO, 11000, 1)
        assert gateway.delay(asked) == 0.5
        clock.now += 60.0
        assert gateway.delay(asked) == 2.0
        assert gateway.delay(asked) == 0.5
        one.device("VT1").condition = Condition.DEAD
        assert gateway.delay(asked) == 1.2


async def test_the_card_and_its_files() -> None:
    clock = Clock()
    # the lines of a file end with 0D 0A, which a Moxa would cut out of the frames
    async with bench(clock=clock, strip=False) as one:
        field = read_request(OWN, 501, ObjectType.DATALOG_FIELD, 0, 1)
        assert (await one.raw.ask(field)).is_error
        g37 = "AA0001000000F50100001700 0DF0 00020500000000000100 2341434D453A2C736974652037 B2E9"
        one.raw.send(bytes.fromhex(g37))
        assert not (await one.raw.frame()).is_error
        await one.raw.write(501, 5059, 1, Format.INT32)
        assert await one.raw.read(101, 3000) == Refused(ErrorCode.GATEWAY_BUSY)
        clock.now += 10.0

        async def step(kind: int, prop: FileStep, data: bytes = b"") -> Frame:
            return await one.raw.ask(read_request(OWN, 501, ObjectType.FILES, kind, prop, data))

        listing = await step(1, FileStep.START)
        assert (listing.property_id, decode_file_names(listing.data)) == (
            FileStep.FINISH, ("LG231115.CSV",),
        )  # fmt: skip
        one.site.gateway.card.save("LG231114.CSV", bytes(range(256)) * 5)
        parts = [await step(2, FileStep.START, b"LG231114.CSV\n")]
        parts += [await step(2, FileStep.CONTINUE), await step(2, FileStep.REPEAT)]
        parts += [await step(2, FileStep.CONTINUE)]
        assert [p.property_id for p in parts] == [0x22, 0x22, 0x22, 0x26]
        assert parts[1].data == parts[2].data
        assert parts[0].data + parts[1].data + parts[3].data == bytes(range(256)) * 5
        day = await step(2, FileStep.START, b"LG231115.CSV\n")
        assert day.data.endswith(b"#ACME:,site 7")
        assert error_code(await step(2, FileStep.CONTINUE)) == ErrorCode.OBJECT_PROPERTY_INVALID
        missing = await step(2, FileStep.START, b"LG990101.CSV\n")
        assert error_code(missing) == ErrorCode.FILE_OR_DIR_NOT_PRESENT


async def test_the_guid_is_that_of_the_vendors_sample(one: Bench) -> None:
    reply = await one.raw.ask(read_request(1, 501, ObjectType.GUID, 0, 0))
    assert decode_guid(reply.data) == DEFAULT_GUID
    golden = decode_frame(
        bytes.fromhex(
            "AA23F5010000010000001A00334B020104000000000000003AD01B0B58C932BAEC4D3528613D7D4034A3"
        )
    )
    assert reply.data == golden.data


def test_the_addresses_are_those_of_the_table() -> None:
    for family, address in ADDRESSES.items():
        assert address in range_of(family).addresses
    assert Service.READ == 1
