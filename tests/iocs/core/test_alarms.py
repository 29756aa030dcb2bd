"""Alarms: one-sided limits, NaN, hysteresis, changes at run time, acknowledgement, one event."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iocs.ca.stamp import Stamp
from iocs.device.declare import text
from iocs.device.group import DeviceGroup
from iocs.device.scan import Scan
from iocs.record.alarm import GOOD, UNDEFINED, Limits, Severity, Status, judge_state
from tests.iocs.core.every_record import Pair
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, read_now, serving
from tests.support.ca import CaSpace
from tests.support.rawca import (
    ALARM,
    DBR_PUT_ACKS,
    DBR_PUT_ACKT,
    DBR_STSACK_STRING,
    VALUE,
    RawCa,
)

numbers = st.floats(allow_nan=False, width=32)


@given(numbers, st.sampled_from(["HIHI", "HIGH", "LOW", "LOLO"]), numbers)
def test_one_limit_judges_one_side(limit: float, name: str, value: float) -> None:
    beyond = value >= limit if name[0] == "H" else value <= limit
    alarm = Limits({name: limit}).judge(value)
    assert (alarm != GOOD) is beyond
    if beyond:
        assert Status(alarm.status).name == name


@given(st.dictionaries(st.sampled_from(["HIHI", "HIGH", "LOW", "LOLO"]), numbers))
def test_nan_is_undefined_whatever_the_limits(values: dict[str, float]) -> None:
    assert Limits(values).judge(math.nan) == UNDEFINED


@given(numbers, st.dictionaries(st.sampled_from(["HIHI", "LOW"]), st.just(math.nan)))
def test_a_limit_of_nan_is_not_set(value: float, values: dict[str, float]) -> None:
    assert Limits(values).judge(value) == GOOD


def test_a_limit_holds_until_the_value_is_back_by_more_than_hysteresis() -> None:
    limits = Limits({"HIGH": 10.0, "HIHI": 20.0}, hysteresis=2.0)
    steps = [(9.9, 0), (10.0, 1), (8.0, 1), (7.9, 0), (9.0, 0), (20.0, 2), (18.0, 2), (17.9, 1)]
    assert [limits.judge(value).severity for value, _ in steps] == [s for _, s in steps]


async def test_hysteresis_is_that_of_base(pair: Pair) -> None:
    """The same walk over the limits gives the same severities in both."""
    ours, base = await pair.ours.create(PREFIX + "ai"), await pair.base.create(PREFIX + "ai")
    for client in (pair.ours, pair.base):
        await client.put(await client.create(PREFIX + "ai.HYST"), 3.0)
    found = []
    for value in (
        50.0,
        90.0,
        88.0,
        86.9,
        95.0,
        93.0,
        91.9,
        89.0,
        86.0,
        4.0,
        6.0,
        7.1,
        2.0,
        4.9,
        5.1,
    ):
        pair.group.show("ai", value)
        await pair.base.put(base, value)
        answers = await pair.ours.read(ours), await pair.base.read(base)
        found.append([(answer.status, answer.severity) for answer in answers])
    assert [one for one, _ in found] == [two for _, two in found]
    assert len({one for one, _ in found}) == 5


@pytest.mark.parametrize(
    ("index", "severities", "expected"),
    [(0, (), 0), (1, (0, 2), 2), (0, (1, 0), 1), (2, (0, 2), 0), (1, None, 0)],
)
def test_states_have_severities(
    index: int, severities: tuple[int, ...] | None, expected: int
) -> None:
    assert judge_state(index, severities).severity == expected


async def test_limits_change_at_run_time(group: PlantIoc, plant: Plant, raw: RawCa) -> None:
    await read_now(group)
    monitor = await raw.subscribe(await raw.create(PREFIX + "Temperature"), ALARM)
    limit = await raw.create(PREFIX + "Temperature.LOLO")
    assert (await raw.put(limit, 25.0)).one == 1
    assert (await monitor.count(2))[1].severity == 2
    assert (await raw.put(limit, "nan")).one == 1
    assert (await monitor.count(3))[2].severity == 0
    hysteresis = await raw.create(PREFIX + "Temperature.HYST")
    answer = await raw.put(hysteresis, -1.0)
    assert "must be 0 or a positive number" in answer.text


async def test_a_change_of_limits_does_not_make_a_lost_pv_good(
    group: PlantIoc, plant: Plant, raw: RawCa
) -> None:
    channel = await raw.create(PREFIX + "Temperature")
    await read_now(group)
    plant.lose()
    await read_now(group)
    await raw.put(await raw.create(PREFIX + "Temperature.HIHI"), 90.0)
    assert (await raw.read(channel)).severity == 3


async def test_severities_of_states_change_at_run_time(group: PlantIoc, raw: RawCa) -> None:
    await read_now(group)
    channel = await raw.create(PREFIX + "Mode")
    assert (await raw.read(channel)).severity == 0
    assert (await raw.put(await raw.create(PREFIX + "Mode.ONSV"), "MAJOR")).one == 1
    answer = await raw.read(channel)
    assert (answer.status, answer.severity) == (Status.STATE, 2)
    missing = await raw.put(await raw.create(PREFIX + "Mode.FFSV"), "MAJOR")
    assert missing.text == "T:Mode.FFSV: there is no such state"


class TellingIoc(DeviceGroup[Plant]):
    """Two texts that tell of alarms, one of each record type, and one that does not."""

    main = Scan(1.0, Plant.read)

    short = text(main, "Short", lambda r: r.name, doc="Short", severity=Severity.MINOR)
    long = text(main, "Long", lambda r: r.name, doc="Long", size=64, severity=Severity.MAJOR)
    plain = text(main, "Plain", lambda r: r.name, doc="Plain", size=64)


async def test_a_text_of_alarms_alarms_while_it_is_not_empty(space: CaSpace, plant: Plant) -> None:
    group = TellingIoc(PREFIX, plant)
    plant.show(name="")
    async with serving(group), RawCa(space.server_port) as raw:
        channels = [await raw.create(PREFIX + name) for name in ("Short", "Long", "Plain")]
        monitor = await raw.subscribe(channels[1], ALARM)
        for name, severities in (
            ("", (0, 0, 0)),
            ("Oil too hot", (1, 2, 0)),
            ("Oil too hot; no helium", (1, 2, 0)),
            ("", (0, 0, 0)),
        ):
            plant.show(name=name)
            await group.poller(TellingIoc.main).refresh()
            readings = [await raw.read(channel) for channel in channels]
            assert tuple(reading.severity for reading in readings) == severities
            assert all(r.status == (Status.STATE if r.severity else 0) for r in readings)
        plant.lose()
        await group.poller(TellingIoc.main).refresh()
        assert [(await raw.read(channel)).severity for channel in channels] == [3, 3, 3]
        await raw.sync()
        assert [event.severity for event in monitor.events][-4:] == [0, 2, 0, 3]


async def test_value_alarm_and_stamp_come_in_one_event(
    group: PlantIoc, plant: Plant, raw: RawCa
) -> None:
    await read_now(group)
    monitor = await raw.subscribe(await raw.create(PREFIX + "Temperature"), VALUE | ALARM)
    plant.show(temperature=50.0)
    before = Stamp.now()
    await read_now(group)
    await monitor.count(2)
    await raw.sync()
    assert len(monitor.events) == 2
    event = monitor.events[1]
    assert (event.double, event.status, event.severity) == (50.0, Status.HIHI, Severity.MAJOR)
    assert event.stamp >= tuple(before)


async def test_alarms_are_acknowledged_as_in_base(pair: Pair) -> None:
    found = []
    clients = (pair.ours, pair.base)
    channels = [await client.create(PREFIX + "ai") for client in clients]
    fields = [await client.create(PREFIX + "ai.ACKS") for client in clients]
    monitors = [
        await client.subscribe(f, VALUE, 3) for client, f in zip(clients, fields, strict=True)
    ]

    async def look() -> None:
        answers = [
            (await client.read(channel, DBR_STSACK_STRING)).payload[:8]
            for client, channel in zip(clients, channels, strict=True)
        ]
        found.append(answers)

    for step in (
        50.0,
        99.0,
        50.0,
        (DBR_PUT_ACKS, 1),
        (DBR_PUT_ACKS, 2),
        99.0,
        (DBR_PUT_ACKT, 0),
        50.0,
    ):
        if isinstance(step, tuple):
            kind, value = step
            for client, channel in zip(clients, channels, strict=True):
                answer = await client.put(channel, struct.pack(">H", value), kind)
                assert answer.one == 1
        else:
            pair.group.show("ai", step)
            await pair.base.put(channels[1], step)
        await look()
    assert [one for one, _ in found] == [two for _, two in found]
    await monitors[0].until(lambda event: event.payload[:2] == b"\0\2")
    await monitors[0].until(lambda event: event.payload[:2] == b"\0\0", since=2)
