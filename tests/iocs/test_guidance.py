"""Every alarm tells an operator what it means and what to do, the same everywhere."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from iocs.ca.dbr import Native
from iocs.export.files import Kind, Target, demo_target, export
from iocs.export.rows import Row
from iocs.registry import MODULES, load
from iocs.screens.catalog import Ioc

SHORTEST = 30
LONGEST = 240
_DO = (
    "ask|call|charge|check|close|compare|find|have|keep|look|make|note|plan|press|read|remove|see|stop"
    "|switch|take|wait|watch"
)
ACTION = re.compile(rf"(?:^|[.:;,] |\b(?:and|then|else|only) )(?:{_DO})\b", re.IGNORECASE)
"""Something that an operator is asked to do."""

OFF = re.compile(r"(?<!switch )(?<!switch it )(?<!emergency )\boff\b|\bcut\b", re.IGNORECASE)
"""A word on an output being off; not what somebody does, or has done."""

AT_THE_LOAD = re.compile(
    r"\b(?:load|cable|connectors?|short circuit|look for (?:a|the) discharge)\b"
)
SAFE = "witch off, and make sure that it is discharged, before anybody touches load or cable"
CAPITALS = re.compile(r"\b[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+|\b[A-Z][a-z]+\d+\b")
"""Words as PVs have them: VoltageSet, Message01."""


def with_bms() -> Target:
    """A site with a battery that has a BMS, which has PVs of its own."""
    xcom = load("xcom")
    others = tuple(s for s in xcom.demo.settings if s[0] != "battery_monitor")
    demo = replace(xcom.demo, settings=(*others, ("battery_monitor", "bms")))
    return demo_target(replace(xcom, demo=demo))


@pytest.fixture(scope="module", params=[*MODULES, "xcom with BMS"])
def target(request: pytest.FixtureRequest) -> Target:
    return with_bms() if request.param == "xcom with BMS" else demo_target(load(request.param))


@pytest.fixture(scope="module")
def alarming(target: Target) -> list[Row]:
    """The PVs that can alarm, each kind of repeated part once."""
    found = [row for row in target.rows if row.alarms]
    kinds = {(row.spec.name, row.spec.desc, row.spec.guidance): row for row in found}
    assert kinds
    return list(kinds.values())


@pytest.fixture(scope="module")
def iseg() -> list[Row]:
    """The alarming PVs of high-voltage modules."""
    return [row for row in demo_target(load("iseg")).rows if row.alarms]


def test_every_alarm_has_guidance_in_sentences(alarming: list[Row]) -> None:
    for row in alarming:
        text = row.spec.guidance
        assert SHORTEST <= len(text) <= LONGEST, (row.name, text)
        assert text[0].isupper(), (row.name, text)
        assert text.endswith("."), (row.name, text)
        asked = ACTION.search(text)
        assert asked, f"{row.name} does not tell what to do: {text}"
        assert asked.start() >= SHORTEST // 2, f"{row.name} does not tell what it means: {text}"
        assert not text.casefold().startswith(row.spec.desc.casefold()), (row.name, text)


def test_no_guidance_repeats_a_limit(alarming: list[Row]) -> None:
    for row in alarming:
        limits = (row.spec.lolo, row.spec.low, row.spec.high, row.spec.hihi)
        told = [f"{limit:g}" for limit in limits if limit == limit and limit > 1]
        assert not set(told) & set(row.spec.guidance.rstrip(".").split()), row.name


def test_guidance_has_the_words_of_the_screen(target: Target, alarming: list[Row]) -> None:
    """An operator looks for what stands on a button or beside a value, not for a PV."""
    names = {part for row in target.rows for part in row.name.split(":")}
    found = {row.name: names & set(CAPITALS.findall(row.spec.guidance)) for row in alarming}
    assert {name: told for name, told in found.items() if told} == {}


def test_alarms_of_a_part_can_be_told_apart(target: Target) -> None:
    """What lists show of an alarm are the name of its part and its description."""
    same: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in target.rows:
        if row.alarms:
            same[row.name.removesuffix(row.spec.name), row.spec.desc].append(row.name)
    assert {key: names for key, names in same.items() if len(names) > 1} == {}


def test_no_text_takes_high_voltage_for_off(iseg: list[Row]) -> None:
    """A trip or inhibit may ramp down or do nothing (iseg-protocol.md 7.7), an error anything."""
    for row in iseg:
        assert not OFF.search(row.spec.guidance), (row.name, row.spec.guidance)


def test_who_is_sent_to_the_load_has_it_discharged_first(iseg: list[Row]) -> None:
    for row in iseg:
        text = row.spec.guidance
        sent = AT_THE_LOAD.search(text.replace(SAFE, ""))
        if sent and not row.name.endswith("Connected"):
            assert 0 <= text.find(SAFE) <= sent.start(), (row.name, text)


def test_each_bit_has_a_text_of_its_own(alarming: list[Row]) -> None:
    bits: dict[str, set[str]] = defaultdict(set)
    for row in alarming:
        if row.spec.native is Native.ENUM and row.spec.record == "bi":
            bits[row.spec.guidance].add(row.name)
    assert [names for names in bits.values() if len(names) > 1] == []


def test_alarm_server_and_screens_show_the_declared_text(target: Target) -> None:
    (file,) = export(Kind.ALARM, [target])
    entries = {entry.get("name"): entry for entry in ET.fromstring(file.text).iter("pv")}
    screens = Ioc(target, target.name)
    for row in target.rows:
        assert screens.pvs[row.name].guidance == row.spec.guidance
        if row.alarms:
            shown = entries[target.prefix + row.name].findtext("guidance/details", "")
            pointer = f"If INVALID: see {target.prefix}LastError."
            assert shown == f"{row.spec.guidance} {pointer}"


def test_alarms_in_words_are_no_alarms_of_their_own() -> None:
    """The alarm server has a PV for each bit; the texts that list them would be a second alarm."""
    rows = {row.name: row for row in demo_target(load("cpa1110")).rows}
    alarming = {name for name, row in rows.items() if row.alarms}
    assert {"Alarm:OilHigh", "Warning:OilHigh"} < alarming
    assert not {"AlarmText", "WarningText"} & alarming
