"""The simulated gateway: multi-info, messages, flags, watchdogs, card (xcom-protocol.md 8-12)."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator

import pytest

from drivers.xcom.frame import Frame, FrameFlags, decode_frame
from drivers.xcom.multi_info import Aggregation, Item, MultiInfo, encode_items
from drivers.xcom.objects import decode_file_names, decode_guid
from drivers.xcom.protocol import (
    ErrorCode,
    FileStep,
    Format,
    ObjectType,
    Property,
    error_code,
    read_request,
)
from drivers.xcom.simulator.behaviour import Absent, Behaviour
from drivers.xcom.simulator.device import RESTART_TIME, Condition
from drivers.xcom.simulator.site import DEFAULT_GUID, BatteryMonitor
from tests.drivers.xcom.simulator_rig import NOON, OWN, Bench, Clock, Refused, bench, multi_info
from tests.support.wire.until import until

FLASH, RAM = Property.VALUE, Property.UNSAVED_VALUE


@pytest.fixture
async def one() -> AsyncIterator[Bench]:
    async with bench() as found:
        yield found


# -- multi-info


async def test_multi_info_gives_what_single_reads_give(one: Bench) -> None:
    items = (
        Item(3136, Aggregation.SUM), Item(3136, 1), Item(3136, 2), Item(3000, Aggregation.AVERAGE),
        Item(7002), Item(11004, 1), Item(3028, 1), Item(15010, Aggregation.MASTER),
    )  # fmt: skip
    found = await multi_info(one, *items)
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
        found = await multi_info(one, Item(3000, 1), Item(3000, 5))
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
        assert await multi_info(one, Item(3000, 1), item) == Refused(code)
    one.device("VT1").condition = Condition.DEAD
    assert await multi_info(one, Item(3000, 1), Item(11000, 1)) == Refused(
        ErrorCode.RESPONSE_TIMEOUT
    )
    found = await multi_info(one, Item(3000, 1), Item(15000, 1))
    assert isinstance(found, MultiInfo)


@pytest.mark.parametrize(
    ("firmware", "works"),
    [((1, 6, 73), False), ((1, 6, 74), True), ((1, 7, 0), True), ((1, 4, 99), False)],
)
async def test_old_firmware_knows_no_multi_info(
    firmware: tuple[int, int, int], works: bool
) -> None:
    async with bench(Behaviour(firmware=firmware, latency=0.0)) as one:
        found = await multi_info(one, Item(3000, 1))
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
    found = await multi_info(one, Item(3000, 1))
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


async def test_the_restart_flag_stays_until_it_is_cleared() -> None:
    clock = Clock()
    async with bench(clock=clock) as one:

        async def flags() -> FrameFlags:
            await one.raw.read(101, 3000)
            assert one.raw.last is not None
            return FrameFlags(one.raw.last.flags)

        assert FrameFlags.RESTARTED not in await flags()
        one.site.gateway.restart()
        clock.now += 60.0  # until it has started
        assert FrameFlags.RESTARTED in await flags()
        assert FrameFlags.RESTARTED in await flags()
        await one.raw.write(501, 5104, 1, Format.INT32)
        assert FrameFlags.RESTARTED not in await flags()


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
