"""The simulated gateway on the wire (xcom-protocol.md 4 to 12, 19, 20)."""

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
from drivers.xcom.multi_info import Item, encode_items
from drivers.xcom.protocol import (
    ErrorCode,
    Format,
    ObjectType,
    Property,
    Service,
    error_code,
    read_request,
    write_request,
)
from drivers.xcom.simulator.behaviour import Behaviour
from drivers.xcom.simulator.device import RESTART_TIME, fixed_point
from drivers.xcom.simulator.site import BatteryMonitor, SimulatedSite
from tests.drivers.xcom.simulator_rig import NOON, OWN, Bench, Clock, Refused, bench

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
    # xcom-protocol.md 9.1: both properties show what is in flash
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
    """xcom-protocol.md 9.2: the 0 of 1550 costs flash the first time, the 1 each time."""
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


def test_the_addresses_are_those_of_the_table() -> None:
    for family, address in ADDRESSES.items():
        assert address in range_of(family).addresses
    assert Service.READ == 1
