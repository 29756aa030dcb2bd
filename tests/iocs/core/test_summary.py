"""An IOC says itself what is wrong with it: the worst alarm, how many there are, the newest ten.

Contract, claim 41; seen by a Channel Access client.
"""

from __future__ import annotations

import math
import re
import struct
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from drivers.core.errors import LinkDown
from iocs.app.serve import Ioc
from iocs.device.declare import analog, binary
from iocs.device.declare import text as text_of
from iocs.device.group import DeviceGroup, Group, PartGroup
from iocs.device.health_pvs import LISTED
from iocs.device.posted import connected_pv
from iocs.device.scan import Block, Scan, all_or_none
from iocs.device.summary import connection_of
from iocs.record.alarm import Severity
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, Reading, read_now, serving, until
from tests.support.ca import CaSpace
from tests.support.libca import Form, Libca
from tests.support.rawca import (
    DBR_CHAR,
    DBR_DOUBLE,
    DBR_ENUM,
    DBR_LONG,
    ECA_PUTFAIL,
    Monitor,
    RawCa,
)

OK, MINOR, MAJOR, INVALID = range(4)
AWAY = "No connection to the instrument"
CABLE = f"{AWAY}: plant://bench: read: link down: cable pulled"
NAMES = {
    "WorstAlarm": DBR_ENUM,
    "AlarmCount": DBR_LONG,
    "NewestAlarm": DBR_DOUBLE,
    "WorstAlarmText": DBR_CHAR,
    **{f"AlarmList:{n:02d}": DBR_CHAR for n in range(1, 11)},
}
_STAMPED = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (.*)")


def text(payload: bytes) -> str:
    return payload.split(b"\0", 1)[0].decode()


class Screen:
    """What a client sees of the summary, by monitors."""

    def __init__(self, monitors: dict[str, Monitor]) -> None:
        self.monitors = monitors

    @property
    def events(self) -> int:
        return sum(len(monitor.events) for monitor in self.monitors.values())

    @property
    def lines(self) -> list[str]:
        """The alarms of the list without their time, which is just now."""
        found: list[str] = []
        for name in list(NAMES)[4:]:
            line = text(self._newest(name))
            match = _STAMPED.fullmatch(line)
            assert bool(match) is bool(line), line
            if match:
                at = time.mktime(time.strptime(match[1], "%Y-%m-%d %H:%M:%S"))
                assert 0 <= time.time() - at < 3600
                found.append(match[2])
        return found

    @property
    def now(self) -> tuple[int, int, str, list[str]]:
        """Worst alarm, count, text of the worst, the list."""
        worst = struct.unpack_from(">H", self._newest("WorstAlarm"))[0]
        count = struct.unpack_from(">i", self._newest("AlarmCount"))[0]
        return worst, count, text(self._newest("WorstAlarmText")), self.lines

    @property
    def newest(self) -> tuple[str, str]:
        """When the newest alarm came, as its number and as the first line say it."""
        number = struct.unpack_from(">d", self._newest("NewestAlarm"))[0]
        told = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(number)) if number else ""
        return told, text(self._newest("AlarmList:01"))[:19]

    def _newest(self, name: str) -> bytes:
        return self.monitors[name].events[-1].payload

    async def shows(self, worst: int, count: int, words: str, lines: list[str]) -> None:
        wanted = (worst, count, words, lines)
        try:
            await until(lambda: self.now == wanted)
        except TimeoutError:
            raise AssertionError(f"{self.now} instead of {wanted}") from None
        await until(lambda: self.newest[0] == self.newest[1])

    async def is_well(self) -> None:
        await self.shows(OK, 0, "", [])


async def open_screen(raw: RawCa) -> Screen:
    return Screen(
        {
            name: await raw.subscribe(await raw.create(PREFIX + name), data_type=kind)
            for name, kind in NAMES.items()
        }
    )


@asynccontextmanager
async def watched(group: DeviceGroup[Any]) -> AsyncIterator[Screen]:
    async with serving(group) as ioc, RawCa(ioc.context.port) as raw:
        yield await open_screen(raw)


@pytest.fixture
def plant() -> Plant:
    """A plant without an alarm."""
    return Plant(Reading(word=0))


@pytest.fixture
async def screen(raw: RawCa, group: PlantIoc) -> Screen:
    await read_now(group)
    return await open_screen(raw)


async def test_a_healthy_ioc_says_so(screen: Screen) -> None:
    await screen.is_well()


@pytest.mark.parametrize(
    ("changes", "severity", "words"),
    [
        ({"temperature": 93.2}, MAJOR, "Temperature of the plant 93.20 degC: HIHI 40"),
        ({"temperature": 35.0}, MINOR, "Temperature of the plant 35.00 degC: HIGH 35"),
        ({"cycles": 100}, MINOR, "Cycles 100: HIGH 100"),
        ({"mode": 2}, MAJOR, "Mode: Heat"),
        ({"word": 2}, MAJOR, "Bit 1"),
        ({"running": True}, MINOR, "Runs"),
        ({"pressure": None}, INVALID, "Pressure: no value"),
        ({"pressure": float("nan")}, INVALID, "Pressure: no value"),
        ({"note": "x" * 64}, INVALID, "Note: no value"),
    ],
)
async def test_an_alarm_is_told_in_an_operators_words(
    screen: Screen, plant: Plant, group: PlantIoc, changes: Any, severity: int, words: str
) -> None:
    plant.show(**changes)
    await read_now(group)
    line = f"{('', 'MINOR', 'MAJOR', 'INVALID')[severity]} {words}"
    await screen.shows(severity, 1, words, [line])
    plant.reading = Reading(word=0)
    await read_now(group)
    await screen.is_well()


async def test_a_label_that_says_more_than_the_description_is_told(
    screen: Screen, raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await raw.put(await raw.create(f"{PREFIX}Running.ZSV"), 2.0)
    await screen.shows(MAJOR, 1, "Runs: No", ["MAJOR Runs: No"])


async def test_the_newest_alarm_is_first_and_the_worst_is_told(
    screen: Screen, plant: Plant, group: PlantIoc
) -> None:
    for changes in ({"running": True}, {"mode": 2}, {"temperature": 36.0}):
        plant.show(**changes)
        await read_now(group)
    minor = "MINOR Temperature of the plant 36.00 degC: HIGH 35"
    await screen.shows(MAJOR, 3, "Mode: Heat", [minor, "MAJOR Mode: Heat", "MINOR Runs"])
    plant.show(temperature=36.5)  # the same alarm keeps place and words
    await read_now(group)
    plant.show(cycles=200)
    await read_now(group)
    others = [minor, "MAJOR Mode: Heat", "MINOR Runs"]
    await screen.shows(MAJOR, 4, "Mode: Heat", ["MINOR Cycles 200: HIGH 100", *others])
    plant.show(temperature=41.0, cycles=7)  # a graver one is new
    await read_now(group)
    words = "Temperature of the plant 41.00 degC: HIHI 40"
    await screen.shows(MAJOR, 3, words, [f"MAJOR {words}", "MAJOR Mode: Heat", "MINOR Runs"])
    plant.show(mode=1)
    await read_now(group)
    await screen.shows(MAJOR, 2, words, [f"MAJOR {words}", "MINOR Runs"])


async def test_another_bad_state_is_told_though_it_is_the_same_alarm(
    screen: Screen, raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await raw.put(await raw.create(f"{PREFIX}Mode.ZRSV"), 2.0)
    for changes in ({"mode": 2}, {"running": True}, {"mode": 0}):
        plant.show(**changes)
        await read_now(group)
    await screen.shows(MAJOR, 2, "Mode: Idle", ["MINOR Runs", "MAJOR Mode: Idle"])


async def test_what_a_client_calls_a_pv_is_its_name_and_forges_no_line(
    screen: Screen, raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await raw.put(await raw.create(f"{PREFIX}Running.DESC"), "Motor\nMAJOR fire")
    plant.show(running=True)
    await read_now(group)
    await screen.shows(MINOR, 1, r"Motor\nMAJOR fire", [r"MINOR Motor\nMAJOR fire"])


async def test_the_text_follows_the_fields_that_it_shows(
    screen: Screen, raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    plant.show(temperature=50.0)
    await read_now(group)
    temperature = group.temperature
    for field, value, words in (
        ("HIHI", 45.0, "Temperature of the plant 50.00 degC: HIHI 45"),
        ("PREC", 1.0, "Temperature of the plant 50.0 degC: HIHI 45"),
        ("DESC", "Oven", "Oven 50.0 degC: HIHI 45"),
    ):
        await raw.put(await raw.create(f"{PREFIX}Temperature.{field}"), value)
        await screen.shows(MAJOR, 1, words, [f"MAJOR {words}"])
    temperature.spec = replace(temperature.spec, units="K")
    await screen.shows(MAJOR, 1, "Oven 50.0 K: HIHI 45", ["MAJOR Oven 50.0 K: HIHI 45"])


async def test_a_put_that_was_not_carried_out_counts_until_one_is(
    screen: Screen, raw: RawCa, plant: Plant
) -> None:
    channel = await raw.create(f"{PREFIX}Target")
    assert (await raw.put(channel, 1000.0)).two == ECA_PUTFAIL
    words = "Target: put not carried out"
    await screen.shows(MINOR, 1, words, [f"MINOR {words}"])
    plant.write_fault = LinkDown("l", "u", "a", "cable")
    assert (await raw.put(await raw.create(f"{PREFIX}Start"), 1.0)).two == ECA_PUTFAIL
    graver = "Start: put not carried out"
    await screen.shows(MAJOR, 2, graver, [f"MAJOR {graver}", f"MINOR {words}"])
    plant.write_fault = None
    await raw.put(channel, 33.0)
    await raw.put(await raw.create(f"{PREFIX}Start"), 0.0)
    await screen.is_well()


class Speaking(PlantIoc):
    """A plant that repeats its alarms in a text."""

    complaint = text_of(
        PlantIoc.main, "Complaint", lambda r: "too hot" if r.word else "", doc="Complaint",
        severity=Severity.MAJOR,
    )  # fmt: skip


async def test_a_text_that_repeats_alarms_is_none_of_its_own(space: CaSpace, plant: Plant) -> None:
    group = Speaking(PREFIX, plant)
    async with watched(group) as screen:
        await screen.is_well()
        plant.show(word=2)
        await read_now(group)
        await screen.shows(MAJOR, 1, "Bit 1", ["MAJOR Bit 1"])
        assert group.complaint.severity == MAJOR


async def test_what_was_never_read_is_one_alarm(space: CaSpace, plant: Plant) -> None:
    plant.gate.clear()
    plant.slow_fault = LinkDown("l", "u", "read", "nobody there")
    async with watched(PlantIoc(PREFIX, plant)) as screen:
        words = f"{AWAY}: l u: read: link down: nobody there"
        await screen.shows(MAJOR, 1, words, [f"MAJOR {words}"])
        plant.find()
        plant.gate.set()
        await screen.is_well()


async def test_before_anything_is_known_nothing_is_well(space: CaSpace, group: PlantIoc) -> None:
    assert group.worst_alarm.value == INVALID
    assert (group.alarm_count.value, group.worst_alarm_text.value) == (1, AWAY)


async def test_a_lost_device_is_one_alarm_and_what_it_hid_is_there_again(
    screen: Screen, raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    plant.show(mode=2)
    await read_now(group)
    assert (await raw.put(await raw.create(f"{PREFIX}Target"), 1000.0)).two == ECA_PUTFAIL
    refused = "Target: put not carried out"
    await screen.shows(MAJOR, 2, "Mode: Heat", [f"MINOR {refused}", "MAJOR Mode: Heat"])
    plant.lose()
    for poller in group.all_pollers:
        await poller.refresh()
    await screen.shows(MAJOR, 1, CABLE, [f"MAJOR {CABLE}"])
    plant.fault = LinkDown("l", "u", "read", "another reason")
    await read_now(group)
    await raw.sync()
    assert screen.now == (MAJOR, 1, CABLE, [f"MAJOR {CABLE}"])  # the reason was the first
    plant.find()
    for poller in group.all_pollers:
        await poller.refresh()
    await screen.shows(MAJOR, 2, "Mode: Heat", ["MAJOR Mode: Heat", f"MINOR {refused}"])


async def test_an_alarm_of_the_iocs_own_is_told_while_the_device_is_away(
    screen: Screen, raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    plant.lose()
    for poller in group.all_pollers:
        await poller.refresh()
    await raw.put(await raw.create(f"{PREFIX}ErrorCount.HIGH"), 1.0)
    errors = f"Failed reads and puts {group.error_count.value}: HIGH 1"
    await screen.shows(MAJOR, 2, CABLE, [f"MINOR {errors}", f"MAJOR {CABLE}"])


async def test_a_device_that_hangs_is_one_alarm(screen: Screen, plant: Plant) -> None:
    plant.gate.clear()
    plant.slow_fault = LinkDown("l", "u", "read", "silent")
    await until(lambda: AWAY in screen.now[2])
    assert screen.now[:2] == (MAJOR, 1)
    plant.find()
    plant.gate.set()
    await screen.is_well()


async def test_a_block_that_fails_is_one_entry_with_all_of_its_pvs(
    screen: Screen, plant: Plant, group: PlantIoc
) -> None:
    plant.show(pressure=None)
    await read_now(group)
    plant.fault = LinkDown("l", "u", "read", "no such register")
    await read_now(group)
    lost = sum(point.poller is group.poller(PlantIoc.main) for point in group.points())
    assert lost > 15
    words = f"Main not read: {lost} PVs without a value"
    await screen.shows(INVALID, lost, words, [f"INVALID {words}"])
    plant.slow_fault = plant.fault
    await group.poller(PlantIoc.slow).refresh()
    away = f"{AWAY}: l u: read: link down: no such register"
    await screen.shows(MAJOR, 1, away, [f"MAJOR {away}"])
    plant.find()
    await group.poller(PlantIoc.slow).refresh()
    await screen.shows(INVALID, lost, words, [f"INVALID {words}"])
    await read_now(group)
    await screen.shows(INVALID, 1, "Pressure: no value", ["INVALID Pressure: no value"])


async def test_values_that_are_missing_share_one_entry_with_those_of_their_block(
    screen: Screen, plant: Plant, group: PlantIoc
) -> None:
    plant.show(pressure=None, mode=2)
    await read_now(group)
    plant.show(temperature=None)
    plant.slow_fault = LinkDown("l", "u", "read", "x")
    await read_now(group)
    await group.poller(PlantIoc.slow).refresh()
    words = "Temperature of the plant: no value, and 1 more of Main"
    slow = "Slow not read: 1 PV without a value"
    # the mode and its readback
    await screen.shows(
        INVALID, 4, slow, [f"INVALID {slow}", f"INVALID {words}", "MAJOR Mode: Heat"]
    )


class _Settings(DeviceGroup[Plant]):
    main = Scan(1.0, Plant.read)
    settings_scan = Scan(1.0, Plant.read_slow)
    pressure = analog(main, "Pressure", lambda r: r.pressure, doc="Pressure")
    level = analog(settings_scan, "Level", lambda level: level, doc="Level")


async def test_a_scan_is_called_by_what_it_reads(space: CaSpace, plant: Plant) -> None:
    group = _Settings(PREFIX, plant)
    async with watched(group) as screen:
        await screen.is_well()
        plant.slow_fault = LinkDown("l", "u", "read", "x")
        await group.poller(_Settings.settings_scan).refresh()
        words = "Settings not read: 1 PV without a value"
        await screen.shows(INVALID, 1, words, [f"INVALID {words}"])
        assert f"{PREFIX}Scan:SettingsScan:Period" in group.pvdb


class _Part(PartGroup[Plant]):
    main = Scan(1.0, Plant.read_slow)
    level = analog(
        main, "Level", lambda level: level, doc="Level", units="mm", high=50.0, precision=2
    )
    share: Block[float] = Block()
    more = analog(share, "In:More", lambda share: share, doc="More", high=50.0, precision=2)
    part_connected = connected_pv("Part answers")

    def build(self) -> None:
        for number in range(2):
            part = _Channel(f"{self.prefix}CH{number:02d}:", number, parent=self)
            self.add_part(part, {_Channel.share: (_Part.main, lambda level: level)})
        self.derive(_Part.share, [(self, _Part.main)], lambda latest: latest[0])


class _Channel(PartGroup[int]):
    share: Block[float] = Block()
    value = analog(
        share, "Value", lambda share: share, doc="Value", units="V", hihi=90.0, precision=2
    )


class _Parts(DeviceGroup[Plant]):
    totals: Block[float] = Block()
    total = analog(totals, "Total", lambda total: total, doc="Total", hihi=80.0)

    def build(self) -> None:
        self.units = [Plant(Reading(word=0)) for _ in range(3)]
        parts: list[tuple[Group, Block[Any]]] = []
        for number, unit in enumerate(self.units):
            part = _Part(f"{self.prefix}M{number:02d}:", unit, parent=self)
            self.add_part(part)
            parts.append((part, _Part.main))
        self.derive(_Parts.totals, parts, _total)

    async def read(self) -> None:
        for poller in self.all_pollers:
            await poller.refresh()


def _total(levels: Sequence[float | None]) -> float | None:
    known = all_or_none(levels)
    return None if known is None else math.nan if known[0] < 0 else sum(known)


async def test_a_lost_part_is_one_alarm_with_its_name(space: CaSpace, plant: Plant) -> None:
    group = _Parts(PREFIX, plant)
    async with watched(group) as screen:
        await screen.is_well()
        group.units[0].slow_reading = 93.2
        await group.read()
        channels = [f"MAJOR M00:CH{n:02d} Value 93.20 V: HIHI 90" for n in range(2)]
        own = ["MINOR M00 Level 93.20 mm: HIGH 50", "MINOR M00 More 93.20: HIGH 50"]
        total = ["MAJOR Total 101: HIHI 80"]
        await until(lambda: sorted(screen.lines) == sorted([*own, *channels, *total]))
        group.units[0].slow_reading = -1.0
        await group.read()
        await screen.shows(INVALID, 1, "Total: no value", ["INVALID Total: no value"])
        group.units[0].slow_reading = 4.0
        group.units[1].lose()
        await group.read()
        words = "M01 No connection"
        await screen.shows(MAJOR, 1, words, [f"MAJOR {words}"])
        group.units[2].lose()
        await group.read()
        both = ["MAJOR M02 No connection", "MAJOR M01 No connection"]
        await screen.shows(MAJOR, 2, "M02 No connection", both)
        group.units[0].lose()  # with the last of them all is lost
        await group.read()
        await screen.shows(MAJOR, 1, CABLE, [f"MAJOR {CABLE}"])
        for unit in group.units[:2]:
            unit.find()
        await group.read()
        await screen.shows(MAJOR, 1, both[0][6:], both[:1])
        group.units[2].find()
        await group.read()
        await screen.is_well()


class _Unit(PartGroup[int]):
    share: Block[float] = Block()
    values: Block[float] = Block()
    lost = binary(
        share, "Lost", lambda level: level < 0, doc="No link to the unit", severity=Severity.MAJOR
    )
    level = analog(values, "Level", lambda level: level, doc="Level", units="mm")

    def build(self) -> None:
        below, above = self.feed(_Unit.values), self.feed(_Unit.share)
        below.told_by = self.point("lost")
        above.parts.append((below, lambda level: None if level < 0 else level))
        self.upstream[_Unit.values] = (self, _Unit.share)


class _Site(DeviceGroup[Plant]):
    main = Scan(1.0, Plant.read)
    slow = Scan(1.0, Plant.read_slow)
    total = analog(main, "Total", lambda r: r.pressure, doc="Total")
    level = analog(slow, "Level", lambda level: level, doc="Level")

    def build(self) -> None:
        self.module = Plant(Reading(word=0))
        self.add_part(_Part(f"{self.prefix}M00:", self.module, parent=self))
        shares = (lambda r: r.temperature, lambda r: r.target)
        for number, share in enumerate(shares):
            part = _Unit(f"{self.prefix}U{number}:", number, parent=self)
            self.add_part(part, {_Unit.share: (_Site.main, share)})

    async def read(self) -> None:
        for poller in self.all_pollers:
            await poller.refresh()

    def more(self) -> None:
        """A part of a unit that comes late: it is told of as the unit's other values."""
        unit = self.parts[1]
        part = _Channel(f"{unit.prefix}New:", 0, parent=unit)
        unit.grow(part, {_Channel.share: (_Unit.values, lambda level: level)})


async def test_totals_that_lack_a_lost_part_are_no_alarms(space: CaSpace, plant: Plant) -> None:
    group = _Site(PREFIX, plant)
    async with watched(group) as screen:
        await screen.is_well()
        plant.show(pressure=None)
        await group.read()
        await screen.shows(INVALID, 1, "Total: no value", ["INVALID Total: no value"])
        group.module.lose()
        await group.read()
        lost = "M00 No connection"
        await screen.shows(MAJOR, 1, lost, [f"MAJOR {lost}"])
        plant.slow_fault = LinkDown("l", "u", "read", "x")  # that is no total
        await group.read()
        words = "Slow not read: 1 PV without a value"
        await screen.shows(INVALID, 2, words, [f"INVALID {words}", f"MAJOR {lost}"])


async def test_a_pv_that_tells_why_others_are_not_known_is_the_alarm(
    space: CaSpace, plant: Plant
) -> None:
    group = _Site(PREFIX, plant)
    async with watched(group) as screen:
        await screen.is_well()
        group.more()
        plant.show(temperature=-1.0, pressure=None)
        await group.read()
        lost = "U0 No link to the unit"
        await screen.shows(MAJOR, 1, lost, [f"MAJOR {lost}"])
        plant.show(target=None)  # of the other unit nobody tells why
        await group.read()
        words = "U1 Level: no value"
        await screen.shows(INVALID, 2, words, [f"INVALID {words}", f"MAJOR {lost}"])
        plant.show(temperature=20.0, target=21.0)
        await group.read()
        await screen.shows(INVALID, 1, "Total: no value", ["INVALID Total: no value"])


async def test_an_alarm_of_connected_itself_while_the_part_is_there_hides_nothing(
    space: CaSpace, plant: Plant
) -> None:
    group = _Parts(PREFIX, plant)
    async with serving(group) as ioc, RawCa(ioc.context.port) as raw:
        screen = await open_screen(raw)
        await screen.is_well()
        await raw.put(await raw.create(f"{PREFIX}M00:Connected.OSV"), 1.0)
        words = "M00 Part answers: Connected"
        await screen.shows(MINOR, 1, words, [f"MINOR {words}"])
        await raw.put(await raw.create(f"{PREFIX}M01:Connected.ZSV"), 0.0)
        group.units[1].lose()
        await group.read()
        await until(lambda: screen.now[:2] == (INVALID, 6))  # it does not say so: its PVs do


class _Growing(DeviceGroup[Plant]):
    main = Scan(1.0, Plant.read)
    pressure = analog(main, "Pressure", lambda r: r.pressure, doc="Pressure")

    def build(self) -> None:
        self.may_grow = True

    def more(self) -> None:
        part = _Channel(f"{self.prefix}New:", 0, parent=self)
        self.grow(part, {_Channel.share: (_Growing.main, lambda r: r.temperature)})


async def test_pvs_that_come_while_the_ioc_runs_count(space: CaSpace, plant: Plant) -> None:
    group = _Growing(PREFIX, plant)
    async with watched(group) as screen:
        await screen.is_well()
        group.more()
        await screen.shows(INVALID, 1, "New Value: no value", ["INVALID New Value: no value"])
        plant.show(temperature=100.0)
        await group.poller(_Growing.main).refresh()
        words = "New Value 100.00 V: HIHI 90"
        await screen.shows(MAJOR, 1, words, [f"MAJOR {words}"])


async def test_reads_that_change_no_alarm_post_nothing(
    screen: Screen, raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    plant.show(mode=2, temperature=41.0)
    await read_now(group)
    await until(lambda: screen.now[:2] == (MAJOR, 2))
    before = screen.events
    for number in range(20):
        plant.show(temperature=42.0 + number, pressure=float(number))
        await read_now(group)
    await raw.sync()
    assert screen.events == before


async def test_the_summary_never_counts_itself(screen: Screen, raw: RawCa, plant: Plant) -> None:
    answer = await raw.put(await raw.create(f"{PREFIX}AlarmCount.LOW"), 0.0)
    assert answer.one == 1
    severity = await raw.read(await raw.create(f"{PREFIX}AlarmCount.SEVR"), DBR_LONG)
    assert severity.payload[:4] == struct.pack(">i", MINOR)
    await screen.is_well()


_CROWD = 3000


class _Crowd(DeviceGroup[Plant]):
    main = Scan(1.0, Plant.read)
    slow = Scan(1.0, Plant.read_slow)
    level = analog(slow, "Level", lambda level: level, doc="Level")

    def build(self) -> None:
        for number in range(_CROWD):
            part = _Channel(f"{self.prefix}CH{number:04d}:", number, parent=self)
            self.add_part(part, {_Channel.share: (_Crowd.main, lambda r: r.temperature)})


async def test_three_thousand_pvs_at_once_are_one_posting(space: CaSpace, plant: Plant) -> None:
    group = _Crowd(PREFIX, plant)
    main, slow = (group.poller(block) for block in (_Crowd.main, _Crowd.slow))
    async with watched(group) as screen:
        await screen.is_well()
        plant.fault = LinkDown("l", "u", "read", "x")
        before = screen.events
        await main.refresh()
        words = f"Main not read: {_CROWD} PVs without a value"
        await screen.shows(INVALID, _CROWD, words, [f"INVALID {words}"])
        assert screen.events == before + 5  # worst, count, time, text, first line
        plant.find()
        plant.show(temperature=None)
        await main.refresh()  # it is read again, though no value has come
        words = f"CH{_CROWD - 1} Value: no value, and {_CROWD - 1} more of Main"
        await screen.shows(INVALID, _CROWD, words, [f"INVALID {words}"])
        plant.fault = LinkDown("l", "u", "read", "x")
        await main.refresh()
        await until(lambda: screen.now[2].startswith("Main not read"))
        plant.slow_fault = LinkDown("l", "u", "read", "y")
        before = screen.events
        await slow.refresh()
        words = f"{AWAY}: l u: read: link down: y"
        await screen.shows(MAJOR, 1, words, [f"MAJOR {words}"])
        assert screen.events == before + 5
        plant.find()
        plant.show(temperature=20.0)
        await slow.refresh()
        await main.refresh()
        await screen.is_well()


async def test_three_thousand_alarms_of_one_read_are_one_posting(
    space: CaSpace, plant: Plant
) -> None:
    """The read reaches its PVs over as many turns of the loop."""
    group = _Crowd(PREFIX, plant)
    main = group.poller(_Crowd.main)
    async with watched(group) as screen:
        await screen.is_well()
        for _ in range(2):
            before = screen.events
            plant.show(temperature=95.0)
            await main.refresh()
            await until(lambda: screen.now[:2] == (MAJOR, _CROWD))
            lines = screen.lines
            assert len(set(lines)) == LISTED
            assert all(re.fullmatch(r"MAJOR CH\d{4} Value 95.00 V: HIHI 90", x) for x in lines)
            assert screen.events == before + 4 + LISTED
            before = screen.events
            plant.show(temperature=20.0)
            await main.refresh()
            await screen.is_well()
            assert screen.events == before + 4 + LISTED


async def test_alarms_that_are_over_leave_no_room_behind(plant: Plant) -> None:
    group = _Crowd(PREFIX, plant)
    main, summary = group.poller(_Crowd.main), group.health.summary

    def room() -> int:
        kept = [*summary._known.values(), *(place.unknown for place in summary._places.values())]
        return sum(map(sys.getsizeof, kept))

    await main.refresh()
    await group.poller(_Crowd.slow).refresh()
    few = room()
    for level in (95.0, None):
        plant.show(temperature=level)
        await main.refresh()
        assert room() > 10 * few
    plant.show(temperature=20.0)
    await main.refresh()
    assert room() == few


async def test_epicss_own_client_understands_it(
    space: CaSpace, ioc: Ioc, plant: Plant, group: PlantIoc
) -> None:
    plant.show(mode=2)
    await read_now(group)
    async with Libca(space) as ca:
        worst = await ca.get(f"{PREFIX}WorstAlarm", form=Form.CTRL)
        assert (worst.value, worst.severity) == (MAJOR, MAJOR)
        assert worst.enums == ("OK", "MINOR", "MAJOR", "INVALID")
        assert (await ca.get(f"{PREFIX}AlarmCount")).value == 1
        told = (await ca.get(f"{PREFIX}WorstAlarmText")).value
        assert text(bytes(told)) == "Mode: Heat"


@pytest.mark.parametrize(
    ("name", "above"),
    [
        ("M00:CH03:Voltage", "M00:Connected"),
        ("M00:Connected", "Connected"),
        ("M00:Connected:Since", "M00:Connected"),
        ("M01:Voltage", "Connected"),
        ("Voltage", "Connected"),
        ("Connected", ""),
    ],
)
def test_a_pv_hangs_on_the_connected_of_its_part(name: str, above: str) -> None:
    assert connection_of(name, {"Connected", "M00:Connected", "M02:Connected"}) == above
