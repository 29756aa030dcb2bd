"""Monitors: masks, deadbands, filters, and the clients that archive."""

from __future__ import annotations

import asyncio
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iocs.ca.filters import Filters, parse_filters
from iocs.ca.names import MAX_NAME, parse_address
from iocs.ca.stamp import Stamp
from tests.iocs.core.every_record import Pair
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, read_now
from tests.support.ca import CaSpace
from tests.support.libca import Libca, Mask
from tests.support.rawca import (
    ALARM,
    DBR_DOUBLE,
    EVENTS_OFF,
    EVENTS_ON,
    LOG,
    VALUE,
    WRITE,
    RawCa,
    pack,
)

ARCHIVED = ("NAME", "RTYP", "SCAN", "MDEL", "ADEL", "HIHI", "HIGH", "LOW", "LOLO", "LOPR", "HOPR")
WALK = (0.0, 1.0, 1.4, 5.0, math.nan, math.nan, 5.0, 4.0, math.inf, math.inf, -math.inf, 0.0)


@pytest.mark.parametrize("width", [-1.0, 0.0, 2.0])
async def test_deadbands_are_those_of_base(pair: Pair, width: float) -> None:
    clients = (pair.ours, pair.base)
    channels = [await client.create(PREFIX + "ai") for client in clients]
    for client in clients:
        for field in ("LLSV", "LSV", "HSV", "HHSV"):
            await client.put(await client.create(f"{PREFIX}ai.{field}"), "NO_ALARM")
        await client.put(await client.create(PREFIX + "ai.MDEL"), width)
    pair.group.show("ai", 77.0)
    await pair.base.put(channels[1], 77.0)
    monitors = [
        await client.subscribe(channel, VALUE)
        for client, channel in zip(clients, channels, strict=True)
    ]
    for value in (*WALK, 99.0):
        if not math.isnan(value):  # to us NaN is an alarm besides
            pair.group.show("ai", value)
            await pair.base.put(channels[1], value)
        await asyncio.sleep(0)
    for monitor in monitors:
        await monitor.until(lambda event: event.double == 99.0)
    ours, base = ([event.double for event in monitor.events] for monitor in monitors)
    assert ours == base


async def test_a_deadband_filter_passes_alarms_as_in_base(pair: Pair) -> None:
    clients = (pair.ours, pair.base)
    channels = [await client.create(PREFIX + "ai") for client in clients]
    pair.group.show("ai", 50.0)
    await pair.base.put(channels[1], 50.0)
    monitors = [
        await client.subscribe(await client.create(PREFIX + 'ai.{"dbnd":{"abs":5}}'))
        for client in clients
    ]
    for value in (52.0, 57.0, 89.0, 90.5, 89.5, 60.0):
        pair.group.show("ai", value)
        await pair.base.put(channels[1], value)
        await asyncio.sleep(0)
    for monitor in monitors:
        await monitor.until(lambda event: event.double == 60.0)
    ours, base = ([(e.double, e.severity) for e in monitor.events] for monitor in monitors)
    assert ours == base == [(50, 0), (57, 0), (89, 0), (90.5, 1), (89.5, 0), (60, 0)]


async def test_array_filters_are_those_of_base(pair: Pair) -> None:
    values = (1.0, 2.5, 3.125, 4.0, 5.0)
    pair.group.show("waveform", values)
    base = await pair.base.create(PREFIX + "waveform")
    pair.base.send(pack(WRITE, struct.pack(">5d", *values), DBR_DOUBLE, 5, base.sid))
    await pair.base.sync()
    for name in ("[1:3]", "[2]", "[0:2:4]", "[-2:-1]", '{"arr":{"s":1,"i":3}}', '{"arr":{"e":-2}}'):
        answers = []
        for client in (pair.ours, pair.base):
            channel = await client.create(f"{PREFIX}waveform.{name}")
            whole, part = await client.read(channel, 6), await client.read(channel, 6, 1)
            answers.append((whole.count, whole.payload, part.payload))
        assert answers[0] == answers[1], name


async def test_the_time_stamp_filter_gives_the_time_of_the_read(
    group: PlantIoc, raw: RawCa
) -> None:
    await read_now(group)
    channel = await raw.create(PREFIX + 'Temperature.{"ts":{}}')
    stamps = [(await raw.read(channel)).stamp for _ in range(2)]
    assert stamps[0] < stamps[1]


async def test_the_archivers_fields_come_by_monitor(
    space: CaSpace, group: PlantIoc, raw: RawCa
) -> None:
    await read_now(group)
    expected = ["T:Temperature", "ai", 6, 0, 0, 40, 35, None, None, -10, 60]
    async with Libca(space) as ca:
        for field, value in zip(ARCHIVED, expected, strict=True):
            events = Mask.LOG | Mask.ALARM
            async with ca.monitor(f"{PREFIX}Temperature.{field}", events=events) as monitor:
                (first,) = await monitor.count(1)
                if value is None:
                    assert math.isnan(first.value), field
                else:
                    assert first.value == value, field
                assert first.severity == 0


async def test_a_field_by_monitor_follows_changes(group: PlantIoc, raw: RawCa) -> None:
    await read_now(group)
    field = await raw.create(PREFIX + "Temperature.HIHI")
    monitor = await raw.subscribe(field, LOG | ALARM)
    severity = await raw.subscribe(await raw.create(PREFIX + "Temperature.SEVR"), VALUE)
    await raw.put(field, 15.0)
    assert (await monitor.count(2))[1].double == 15.0
    await severity.until(lambda event: event.payload[14:16] == b"\0\2")


async def test_a_client_that_wants_silence_gets_the_newest_afterwards(
    group: PlantIoc, raw: RawCa
) -> None:
    await read_now(group)
    channel = await raw.create(PREFIX + "Level")
    monitor = await raw.subscribe(channel)
    quiet = await raw.subscribe(await raw.create(PREFIX + "Pressure"))
    raw.send(pack(EVENTS_OFF))
    await raw.sync()
    for value in (10.0, 11.0, 12.0):
        group.point("level").post(value, Stamp.now())
    await raw.sync()
    assert len(monitor.events) == 1
    raw.send(pack(EVENTS_ON))
    await raw.sync()
    assert [event.double for event in monitor.events[1:]] == [12.0]
    assert len(quiet.events) == 1


async def test_an_alarm_while_a_client_wants_silence_passes_its_deadband_afterwards(
    group: PlantIoc, plant: Plant, raw: RawCa
) -> None:
    await read_now(group)
    monitor = await raw.subscribe(await raw.create(PREFIX + 'Temperature.{"dbnd":{"abs":50}}'))
    await monitor.count(1)
    for temperature in (41.0, 20.0):
        raw.send(pack(EVENTS_OFF))
        await raw.sync()
        plant.show(temperature=temperature)
        await read_now(group)
        raw.send(pack(EVENTS_ON))
        await raw.sync()
    seen = [(event.double, event.severity) for event in monitor.events]
    assert seen == [(20.0, 0), (41.0, 2), (20.0, 0)]


async def test_pvs_of_a_block_share_their_stamp(group: PlantIoc, raw: RawCa) -> None:
    await read_now(group)
    names = ("Temperature", "Cycles", "Running", "Name", "Trace", "Target_RBV", "Bit:Low")
    stamps = {(await raw.read(await raw.create(PREFIX + name))).stamp for name in names}
    assert len(stamps) == 1


@pytest.mark.parametrize(
    "text", ["[1:2:3:4]", "[x]", "[1:0:2]", "{", "[]", '{"arr":{"i":0}}', "{}x"]
)
def test_a_bad_filter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_filters(text)


def test_a_deeply_nested_filter_is_refused() -> None:
    with pytest.raises(ValueError, match="characters"):
        parse_address("T:X." + "[" * MAX_NAME)


@given(st.integers(-6, 6), st.integers(1, 4), st.integers(-6, 6), st.integers(0, 6))
def test_an_array_filter_announces_what_it_gives(s: int, i: int, e: int, total: int) -> None:
    """The arithmetic of EPICS Base, ``arr.c``, wrapArrayIndices; a scalar passes as it is."""
    first = min(max(s + total if s < 0 else s, 0), total)
    last = min(max(e + total if e < 0 else e, 0), total - 1)
    wanted = 1 + (last - first) // i if last >= first else 0
    assert Filters(array=(s, i, e)).count(total) == (wanted if total > 1 else total)
