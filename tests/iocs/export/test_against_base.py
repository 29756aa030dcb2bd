"""The record database, loaded by EPICS Base, is to a client what our IOC is."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from iocs.export.files import Kind, demo_target, export, write
from iocs.export.rows import Row
from iocs.record.fields import SCAN_MENU
from iocs.registry import MODULES
from tests.iocs.export import compare
from tests.iocs.export.conftest import BASE, OURS, Pair
from tests.iocs.export.sample import INSTRUMENT
from tests.support.c_ioc import c_ioc, c_ioc_of
from tests.support.ca import CaSpace
from tests.support.libca import CaError, Libca, Mask, Reading
from tests.support.process import PythonProcess

SAMPLE = INSTRUMENT.simulator
EVERY = pytest.mark.parametrize("pair", [SAMPLE, *MODULES.values()], indirect=True)
STRING_SIZE = 39
"""What a string holds: longer names are cut in it, as EPICS Base cuts them."""

SAMPLE_NAME = INSTRUMENT.name
DRIVE_LIMITS = ("ctrl drvl", "ctrl drvh", "field DRVL", "field DRVH")
ONLY_SAMPLE = pytest.mark.parametrize("pair", [SAMPLE], indirect=True)


async def differences(pair: Pair) -> list[compare.Difference]:
    """All differences between the two servers, but for that of the prefix."""
    rows = compare.distinct(pair.target.rows)
    ours, base = await asyncio.gather(
        compare.all_facts(pair.ours, OURS, rows), compare.all_facts(pair.base, BASE, rows)
    )
    found: list[compare.Difference] = []
    for row, mine, theirs in zip(rows, ours, base, strict=True):
        assert mine.pop("field NAME") == (OURS + row.name)[:STRING_SIZE]
        assert theirs.pop("field NAME") == (BASE + row.name)[:STRING_SIZE]
        found += (
            one
            for one in compare.differences(row, mine, theirs)
            if pair.target.instrument == SAMPLE_NAME or not told_by_the_device(row, one.fact)
        )
    return found


def told_by_the_device(row: Row, fact: str) -> bool:
    """Whether this is a limit of a set point that is not declared: only its device may know it."""
    undeclared = any(limit != limit for limit in row.spec.control)
    return fact in DRIVE_LIMITS and bool(row.readback) and undeclared


async def base_field(process: PythonProcess, field: str) -> dict[str, str]:
    """A field of every record that EPICS Base has loaded, empty where there is none."""
    return await base_told(process, f'dbl "" {field}', r', "(.*)"')


async def base_info(process: PythonProcess, tag: str) -> dict[str, str]:
    """An info tag of every record that has it."""
    return await base_told(process, f"dbli {tag}", rf' info\({tag}, "(.*)"\)')


async def base_told(process: PythonProcess, command: str, pattern: str) -> dict[str, str]:
    """What a command of EPICS Base's own shell tells of each record: name, then `pattern`."""
    start = len(process.stdout)
    await process.say(f"ioc({command!r}); print({command!r}[::-1])\n")
    await process.line(f"{re.escape(command[::-1])}$")
    line = re.compile(rf"(?:>>> )*({BASE}\S+?){pattern}$")
    found = (line.match(text) for text in process.stdout[start:])
    return {match[1]: match[2] for match in found if match}


@EVERY
async def test_names_types_and_texts_are_those_of_our_ioc(pair: Pair) -> None:
    loaded = await base_field(pair.base_process, "RTYP")
    assert loaded == {BASE + row.name: row.spec.record for row in pair.target.rows}
    served = {line for line in pair.our_process.stderr if line.startswith(OURS)}
    assert served == {OURS + row.name for row in pair.target.rows}
    names = [row.name for row in pair.target.rows]
    for asked in (compare.types, compare.descriptions):
        ours, base = await asyncio.gather(
            asked(pair.ours, [OURS + name for name in names]),
            asked(pair.base, [BASE + name for name in names]),
        )
        assert dict(zip(names, ours, strict=True)) == dict(zip(names, base, strict=True))


@EVERY
async def test_links_and_info_tags_are_those_of_each_pv(pair: Pair) -> None:
    rows = pair.target.rows
    links = await base_field(pair.base_process, "INP")
    followed = {name: link.split(" ")[0] for name, link in links.items() if link.split(" ")[0]}
    assert followed == {BASE + row.name: BASE + row.setpoint for row in rows if row.setpoint}
    archived, _ = export(Kind.ARCHIVER, [replace(pair.target, prefix=BASE)])
    assert await base_info(pair.base_process, "archive") == {
        entry["pv"]: f"{entry['samplingmethod'].lower()}@{float(entry['samplingperiod']):g}"
        for entry in json.loads(archived.text)
    }
    kept = {BASE + row.name: "VAL" for row in rows if "VAL" in row.settings}
    assert await base_info(pair.base_process, "autosaveFields") == kept


@EVERY
async def test_metadata_and_fields_are_those_of_our_ioc(pair: Pair) -> None:
    found = await differences(pair)
    assert [d for d in found if not d.reason] == []


@ONLY_SAMPLE
async def test_every_difference_that_is_meant_is_still_there(pair: Pair) -> None:
    assert {d.reason for d in await differences(pair)} == {m.reason for m in compare.MEANT}


@EVERY
async def test_a_stand_in_shows_good_values(pair: Pair) -> None:
    rows = pair.target.rows
    readings = await compare.gather(pair.base.get(BASE + row.name) for row in rows)
    for row, reading in zip(rows, readings, strict=True):
        assert (row.name, reading.status, reading.severity) == (row.name, 0, 0)
        if row.value is not None and not row.setpoint:
            assert reading.value == row.value, row.name


@ONLY_SAMPLE
async def test_a_stand_in_reads_back_its_set_points(pair: Pair) -> None:
    for name, value in (("Level", 12.5), ("Free", -3.0), ("Power", 1), ("Range", 2)):
        async with pair.base.monitor(f"{BASE}{name}_RBV") as monitor:
            assert await pair.base.put(BASE + name, value) is None
            await monitor.until(lambda update, value=value: update.value == value)


@ONLY_SAMPLE
async def test_a_stand_in_clamps_a_one_sided_set_point(pair: Pair) -> None:
    assert await pair.base.put(f"{BASE}Floor", -7.0) is None
    assert (await pair.base.get(f"{BASE}Floor")).value == -4.0
    assert await pair.base.put(f"{BASE}Floor", 1e9) is None
    assert (await pair.base.get(f"{BASE}Floor")).value == 1e9


@EVERY
async def test_every_archived_pv_answers_what_the_archiver_asks(pair: Pair) -> None:
    archived = [row for row in compare.distinct(pair.target.rows) if row.spec.archive]
    assert archived
    await compare.gather(check_archived(pair.ours, OURS + row.name, row) for row in archived)


async def check_archived(ca: Libca, name: str, row: Row) -> None:
    """Ask as the archiver does: fields and value by monitor, the value in its full length."""
    declared = dict(row.fields)
    for field in ("NAME", "RTYP", "SCAN", *(f for f in ("MDEL", "ADEL") if f in declared)):
        value = (await first_event(ca, f"{name}.{field}")).value
        # a DBR_STRING holds 39 characters; the archiver reads longer names as NAME$
        expected = {"NAME": name[:39], "RTYP": row.spec.record}.get(field)
        if field == "SCAN":
            expected = SCAN_MENU.index(declared[field])
        assert value == (float(declared[field]) if expected is None else expected), field
    assert (await first_event(ca, name)).count == (await ca.info(name)).count


async def first_event(ca: Libca, name: str) -> Reading:
    async with ca.monitor(name, events=Mask.LOG | Mask.ALARM) as monitor:
        return (await monitor.count(1))[0]


@ONLY_SAMPLE
async def test_fields_that_a_record_type_lacks_are_absent_on_both_sides(pair: Pair) -> None:
    for name in ("Flag.MDEL", "ShortText.HIHI", "Counts.PREC", "BothLimits.DRVH"):
        for ca, prefix in ((pair.ours, OURS), (pair.base, BASE)):
            with pytest.raises(CaError):
                await ca.info(prefix + name, timeout=0.5)


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ('field(PREC, "3")', 'field(PRECC, "3")', "PRECC"),
        ('field(HHSV, "MAJOR")', 'field(HHSV, "SEVERE")', "SEVERE"),
        ("record(ai,", "record(analog,", "analog"),
        ('field(HIGH, "35.25")', 'field(HIGH, "warm")', "warm"),
    ],
)
async def test_base_refuses_a_wrong_record(
    ca_space: CaSpace, tmp_path: Path, right: str, wrong: str, complaint: str
) -> None:
    *_, substitutions = write(export(Kind.DB, [demo_target(INSTRUMENT)]), tmp_path)
    template = tmp_path / "sample.template"
    text = template.read_text(encoding="utf-8")
    assert right in text
    template.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(AssertionError, match=complaint):
        async with c_ioc_of(ca_space, substitutions):
            pass


async def test_the_comparison_finds_what_is_wrong_in_a_database(
    new_ca_space: Callable[[], CaSpace], tmp_path: Path
) -> None:
    target = demo_target(INSTRUMENT)
    row = target.rows[0]
    paths = write(export(Kind.DB, [target]), tmp_path)
    (database,) = (path for path in paths if path.name == "sample.template")
    right = wrong = database.read_text(encoding="utf-8")
    for text, replacement in (
        ('field(EGU, "°C")', 'field(EGU, "K")'),
        ('field(HIGH, "35.25")', 'field(HIGH, "35")'),
        ('field(LLSV, "MAJOR")', 'field(LLSV, "MINOR")'),
        ('field(PREC, "3")', 'field(PREC, "2")'),
        ('field(HOPR, "100")', ""),
    ):
        assert text in wrong
        wrong = wrong.replace(text, replacement, 1)
    answers: list[compare.Facts] = []
    for content in (right, wrong):
        database.write_text(content, encoding="utf-8")
        space = new_ca_space()
        async with c_ioc(space, database, macros="P=A:,R=B:"), Libca(space) as ca:
            answers.append(await compare.facts(ca, f"A:B:{row.name}", row))
    found = {d.fact for d in compare.differences(row, *answers) if not d.reason}
    assert found == {
        *("ctrl units", "field EGU", "ctrl high", "field HIGH", "field LLSV"),
        *("ctrl precision", "field PREC", "ctrl hopr", "ctrl drvh", "field HOPR"),
    }
