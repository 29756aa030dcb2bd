"""Traps of caproto 1.3.0 that concern values, alarms and fields: each is owned, and pinned here."""

from __future__ import annotations

import asyncio
import math
import struct

import pytest

from drivers.core.errors import LinkDown
from iocs.app.serve import Ioc
from iocs.ca.dbr import Native
from iocs.ca.stamp import Stamp
from iocs.record.alarm import GOOD, UNDEFINED, Severity, Status
from iocs.record.point import Point
from iocs.record.spec import DeclarationError, PointSpec
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, read_now
from tests.support.rawca import ALARM, DBR_CTRL_DOUBLE, LOG, PROPERTY, VALUE, RawCa


def alarm_of(point: Point) -> tuple[int, int]:
    return point.status, point.severity


async def test_trap_01_alarm_is_per_pv(group: PlantIoc, plant: Plant) -> None:
    plant.show(temperature=50.0)
    await read_now(group)
    assert alarm_of(group.point("temperature")) == (Status.HIHI, 2)
    others = [p for name, p in group.attr_pvdb.items() if name in ("pressure", "cycles", "note")]
    assert [alarm_of(p) for p in others if isinstance(p, Point)] == [GOOD] * 3


async def test_trap_02_unchanged_posts_nothing(group: PlantIoc, raw: RawCa) -> None:
    channel = await raw.create(PREFIX + "Pressure")
    await read_now(group)
    monitor = await raw.subscribe(channel, VALUE | LOG | ALARM)
    for _ in range(5):
        await read_now(group)
    group.point("pressure").post(2.0, Stamp.now())
    await monitor.until(lambda event: event.double == 2.0)
    assert [event.double for event in monitor.events] == [1.5, 2.0]


@pytest.mark.parametrize("name", ["Cycles", "Mode", "Running", "Name", "Note", "Trace"])
async def test_trap_02_holds_for_every_type(group: PlantIoc, raw: RawCa, name: str) -> None:
    await read_now(group)
    monitor = await raw.subscribe(await raw.create(PREFIX + name), VALUE | LOG | ALARM)
    for _ in range(5):
        await read_now(group)
        await raw.sync()
    assert len(monitor.events) == 1


@pytest.mark.parametrize("name", ["temperature", "cycles", "running", "plant_name", "trace"])
async def test_trap_03_an_alarm_stays_until_a_good_value(
    group: PlantIoc, plant: Plant, name: str
) -> None:
    point = group.point(name)
    await read_now(group)
    assert alarm_of(point) == GOOD
    plant.lose()
    seen = []
    for _ in range(4):
        await read_now(group)
        seen.append(alarm_of(point))
    assert seen == [(Status.COMM, 3)] * 4
    plant.find()
    await read_now(group)
    assert alarm_of(point) == GOOD


async def test_trap_04_a_one_sided_limit_has_one_side(group: PlantIoc, plant: Plant) -> None:
    point = group.point("temperature")
    for value in (0.0, -1.0, -1e9):
        plant.show(temperature=value)
        await read_now(group)
        assert alarm_of(point) == GOOD
    plant.show(temperature=40.0)
    await read_now(group)
    assert alarm_of(point) == (Status.HIHI, 2)


async def test_trap_05_display_limits_reject_no_readback(group: PlantIoc, plant: Plant) -> None:
    plant.show(temperature=-500.0)  # display is -10 to 60
    await read_now(group)
    assert (group.point("temperature").value, alarm_of(group.point("temperature"))) == (-500, GOOD)


async def test_trap_05_a_driver_error_at_start_does_not_end_the_ioc(
    raw: RawCa, ioc: Ioc, plant: Plant
) -> None:
    plant.fault = RuntimeError("a bug in the driver")
    await read_now(ioc.group)  # type: ignore[arg-type]
    channel = await raw.create(PREFIX + "Temperature")
    assert (await raw.read(channel)).severity == 3


async def test_trap_06_nan_is_invalid_and_severities_apply_at_once(
    group: PlantIoc, plant: Plant, raw: RawCa
) -> None:
    plant.show(temperature=math.nan)
    await read_now(group)
    assert alarm_of(group.point("temperature")) == UNDEFINED
    plant.show(temperature=36.0)
    await read_now(group)
    assert alarm_of(group.point("temperature")) == (Status.HIGH, 1)
    severity = await raw.create(PREFIX + "Temperature.HSV")
    for label, expected in (("MAJOR", 2), ("INVALID", 3), ("MINOR", 1), ("NO_ALARM", 0)):
        assert (await raw.put(severity, label)).one == 1
        assert group.point("temperature").severity == expected


async def test_trap_07_an_internal_update_never_reaches_the_device(
    group: PlantIoc, plant: Plant, raw: RawCa
) -> None:
    target = group.point("goal")
    target.post(55.0, Stamp.now())
    target.post(56.0, Stamp.now())
    await read_now(group)
    await read_now(group)
    channel = await raw.create(PREFIX + "Target")
    await raw.read(channel, DBR_CTRL_DOUBLE)
    assert plant.writes == []


async def test_trap_09_invalid_before_the_first_read(plant: Plant) -> None:
    group = PlantIoc(PREFIX, plant)
    names = ("temperature", "cycles", "running", "mode_now", "plant_name", "note", "trace", "goal")
    assert [alarm_of(group.point(name)) for name in names] == [UNDEFINED] * len(names)


async def test_trap_10_arrays_are_sent_at_full_length(
    group: PlantIoc, plant: Plant, raw: RawCa
) -> None:
    trace, note = await raw.create(PREFIX + "Trace"), await raw.create(PREFIX + "Note")
    for given in ((), (1.0,), (1.0, 2.0, 3.0, 4.0, 5.0)):
        plant.show(trace=given, note="x" * len(given))
        await read_now(group)
        answer = await raw.read(trace, 6)
        assert (answer.count, len(answer.payload)) == (5, 40)
        values = struct.unpack(">5d", answer.payload)
        assert values[: len(given)] == given
        assert all(math.isnan(value) for value in values[len(given) :])
        text = await raw.read(note, 4)
        assert (text.count, len(text.payload)) == (64, 64)
        assert text.payload == (b"x" * len(given)).ljust(64, b"\0")


async def test_trap_11_the_first_event_of_a_field_is_right(raw: RawCa) -> None:
    expected = {
        "HIHI": b"40.00",
        "HOPR": b"60.00",
        "PREC": b"2",
        "DESC": b"Temperature of the plant",
        "EGU": b"degC",
    }
    for field, text in expected.items():
        channel = await raw.create(f"{PREFIX}Temperature.{field}")
        monitor = await raw.subscribe(channel, VALUE, 14)
        assert monitor.events[0].payload[12:].split(b"\0")[0] == text


async def test_trap_12_fields_tell_the_truth(raw: RawCa) -> None:
    expected = {
        "Temperature.EGU": "degC",
        "Temperature.RTYP": "ai",
        "Temperature.SCAN": "1 second",
        "Trace.NELM": "5",
        "Trace.NORD": "5",
        "Trace.RTYP": "waveform",
        "Running.ONAM": "Yes",
        "Target.SCAN": "Passive",
    }
    for name, text in expected.items():
        answer = await raw.read(await raw.create(PREFIX + name), 0)
        assert answer.payload.split(b"\0")[0].decode() == text, name


async def test_trap_15_masks_and_deadbands_are_honoured(group: PlantIoc, raw: RawCa) -> None:
    await read_now(group)
    channel = await raw.create(PREFIX + "Level")
    group.point("level").post(4.0, Stamp.now())
    masks = (VALUE, LOG, ALARM, PROPERTY)
    monitors = [await raw.subscribe(channel, mask) for mask in masks]
    for field, width in (("MDEL", 1.5), ("ADEL", 3.5)):
        assert (await raw.put(await raw.create(f"{PREFIX}Level.{field}"), width)).one == 1
    for value in (5.0, 6.0, 7.0, 8.0, 9.0):
        group.point("level").post(value, Stamp.now())
        await asyncio.sleep(0)
    await monitors[0].until(lambda event: event.double == 8.0)
    await raw.sync()
    values = [[event.double for event in monitor.events] for monitor in monitors]
    assert values == [[4, 6, 8], [4, 8], [4], [4, 4, 4]]


async def test_trap_15_reading_a_field_posts_nothing(group: PlantIoc, raw: RawCa) -> None:
    await read_now(group)
    monitor = await raw.subscribe(await raw.create(PREFIX + "Temperature"), 15)
    for field in ("HIHI", "PREC", "DESC", "EGU", "MDEL"):
        await raw.read(await raw.create(f"{PREFIX}Temperature.{field}"))
    await raw.sync()
    assert len(monitor.events) == 1


async def test_trap_16_an_alarm_has_a_new_stamp(group: PlantIoc, plant: Plant, raw: RawCa) -> None:
    await read_now(group)
    monitor = await raw.subscribe(await raw.create(PREFIX + "Temperature"), LOG | ALARM)
    plant.lose()
    await read_now(group)
    await monitor.count(2)
    plant.find()
    await read_now(group)
    good, lost, back = await monitor.count(3)
    assert [e.severity for e in (good, lost, back)] == [0, 3, 0]
    assert good.stamp < lost.stamp < back.stamp
    assert [e.double for e in (good, lost, back)] == [20.0] * 3


def test_trap_21_what_clients_could_not_decode_is_refused_at_declaration() -> None:
    good = {"name": "A", "record": "ai", "desc": "d", "native": Native.DOUBLE}
    PointSpec(**good, units="1234567")
    bad = [
        {"units": "12345678"},
        {"units": "ΩΩΩΩ"},
        {"desc": "x" * 41},
        {"desc": ""},
        {"name": "A B"},
        {"record": "bi", "native": Native.ENUM, "states": ("a" * 26, "b")},
        {"record": "mbbi", "native": Native.ENUM, "states": tuple("abcdefghijklmnopq")},
        {"record": "calc"},
        {"hihi": 1.0, "high": 2.0},
        {"guidance": "x" * 241},
        {"guidance": "Too hot.\nCool it."},
    ]
    for change in bad:
        with pytest.raises(DeclarationError, match=r"PV '"):
            PointSpec(**{**good, **change})


async def test_trap_21_a_text_always_leaves_with_its_nul(
    group: PlantIoc, plant: Plant, raw: RawCa
) -> None:
    channel = await raw.create(PREFIX + "Name")
    for text in ("x" * 39, "é" * 19, "a\0b"):
        plant.show(name=text)
        await read_now(group)
        payload = (await raw.read(channel, 0)).payload
        assert payload[39] == 0
        assert payload.split(b"\0")[0].decode() == text.split("\0")[0]


async def test_a_text_that_does_not_fit_is_told_not_cut(
    group: PlantIoc, plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    await read_now(group)
    plant.show(name="x" * 40, note="é" * 32)
    for _ in range(3):
        await read_now(group)
    for name, size, room in (("plant_name", 40, 39), ("note", 64, 63)):
        point = group.point(name)
        assert alarm_of(point) == (Status.READ, Severity.INVALID)
        lines = [line for line in caplog.messages if line.startswith(f"{point.pvname}: ")]
        assert len(lines) == 1
        assert lines[0].endswith(f"has {size} bytes; {room} fit")
    assert alarm_of(group.point("temperature")) == (Status.NO_ALARM, Severity.NO_ALARM)
    plant.show(name="x" * 39)
    await read_now(group)
    assert (group.point("plant_name").value, group.point("plant_name").severity) == ("x" * 39, 0)


async def test_a_long_error_shows_that_there_is_more_of_it(group: PlantIoc, plant: Plant) -> None:
    plant.fault = LinkDown(plant.link, "", "read", "cable pulled " * 30)
    await read_now(group)
    shown = group.point("last_error").value
    assert len(shown) == 255
    assert shown.endswith("...")
