"""Every alarm tells an operator what it means and what to do, the same everywhere."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from iocs.core.dbr import Native
from iocs.export.files import Kind, Target, demo_target, export
from iocs.export.rows import Row
from iocs.registry import MODULES, load
from iocs.screens.catalog import Ioc

SHORTEST = 30
LONGEST = 200


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


def test_every_alarm_has_guidance_in_sentences(alarming: list[Row]) -> None:
    for row in alarming:
        text = row.spec.guidance
        assert SHORTEST <= len(text) <= LONGEST, (row.name, text)
        assert text[0].isupper(), (row.name, text)
        assert text.endswith("."), (row.name, text)
        assert text.count(".") >= 2, f"{row.name} tells what it means, but not what to do: {text}"
        assert not text.casefold().startswith(row.spec.desc.casefold()), (row.name, text)


def test_no_guidance_repeats_a_limit(alarming: list[Row]) -> None:
    for row in alarming:
        limits = (row.spec.lolo, row.spec.low, row.spec.high, row.spec.hihi)
        told = [f"{limit:g}" for limit in limits if limit == limit and limit > 1]
        assert not set(told) & set(row.spec.guidance.rstrip(".").split()), row.name


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
