"""Every export says what is declared, in the form that its reader takes."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from iocs.app.options import parse
from iocs.app.runner import RunOptions, make_group
from iocs.cli import main
from iocs.config import load_site
from iocs.device.group import DeviceGroup
from iocs.export import db, files
from iocs.export.files import Kind, Target, configured_target, demo_target, export
from iocs.export.rows import Row, Section, number_text
from iocs.export.table import Format, pv_table
from iocs.record.point import Point
from iocs.registry import MODULES, load
from tests.iocs.export.sample import INSTRUMENT
from tests.support.process import ROOT

PREFIX = "LAB:SAMPLE:"


@pytest.fixture(scope="module")
def sample() -> Target:
    return demo_target(INSTRUMENT)


@pytest.fixture(params=["sample", *MODULES])
def target(request: pytest.FixtureRequest, sample: Target) -> Target:
    return sample if request.param == "sample" else demo_target(load(request.param))


def rows_by_name(target: Target) -> dict[str, Row]:
    return {row.name: row for row in target.rows}


def test_the_repository_holds_what_is_generated() -> None:
    made = {file.path: file.text for file in files.repository_files()}
    held = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for folder in (files.DB_FOLDER, files.OPI_FOLDER)
        for path in (ROOT / folder).iterdir()
    }
    assert made == held, 'run "labioc export" and commit what it writes'


def test_generating_twice_gives_the_same(target: Target) -> None:
    again = demo_target(INSTRUMENT if target.name == "sample" else load(target.instrument))
    for kind in Kind:
        assert export(kind, [target]) == export(kind, [again])


def test_writing_makes_the_folder_and_every_file(tmp_path: Path, sample: Target) -> None:
    made = [file for kind in Kind for file in export(kind, [sample])]
    paths = files.write(made, tmp_path / "new")
    assert [path.read_text(encoding="utf-8") for path in paths] == [file.text for file in made]
    assert len(set(paths)) == len(made)
    assert all(b"\r" not in path.read_bytes() for path in paths)


def test_rows_come_in_the_order_of_declaration(sample: Target) -> None:
    sections = [row.section for row in sample.rows]
    assert sections == sorted(sections)
    assert set(sections) == set(Section)
    names = [row.name for row in sample.rows]
    first = names.index("Range")
    assert names[:3] == ["BothLimits", "UpperLimits", "LowerLimits"]
    assert names[first : first + 2] == ["Range", "Range_RBV"]
    assert names.index("Word:First") < names.index("Reset") < names.index("Part1:Level")


def test_harmless_values_raise_no_alarm(sample: Target) -> None:
    rows = rows_by_name(sample)
    values = {name: rows[name].value for name in ("BothLimits", "UpperLimits", "ZeroLimit")}
    assert values == {"BothLimits": 22.625, "UpperLimits": -3.0, "ZeroLimit": 1.0}
    assert (rows["Flag"].value, rows["Mode"].value, rows["Connected"].value) == (1, 2, 1)
    assert rows["Scan:Odd:Period"].value == 0.7
    assert rows["LongText"].value is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.005, "-0.005"),
        (1e300, "1e+300"),
        (float("nan"), "NaN"),
        (float("inf"), "Inf"),
        (float("-inf"), "-Inf"),
        (0.1 + 0.2, "0.30000000000000004"),
        (2147483647, "2147483647"),
    ],
)
def test_numbers_keep_all_their_digits(value: float, text: str) -> None:
    assert number_text(value) == text
    assert value != value or float(text) == value


@pytest.mark.parametrize(
    ("prefix", "macros"),
    [
        ("DEMO:CPA:", ("DEMO:", "CPA:")),
        ("A:B:C:", ("A:B:", "C:")),
        ("CPA:", ("", "CPA:")),
        ("A:B", ("A:", "B")),
    ],
)
def test_a_prefix_is_split_at_its_last_level(prefix: str, macros: tuple[str, str]) -> None:
    assert db.split_prefix(prefix) == macros


def databases(*targets: Target) -> dict[str, str]:
    """Texts of the record databases by file name, without those that every instrument has."""
    made = {file.path: file.text for file in export(Kind.DB, targets)}
    return {name: text for name, text in made.items() if name not in SHARED}


SHARED = ("ioc.template", "scan.template")


def uses(text: str, template: str) -> list[tuple[str, ...]]:
    """The values of the macros in the lines of a substitutions file for one template."""
    (block,) = re.findall(rf'file "{template}" {{\n.*\n([\s\S]*?)^}}', text, re.MULTILINE)
    return [tuple(re.findall(r'"([^"]*)"', line)) for line in block.splitlines()]


def test_iocs_share_templates_however_many_parts_they_have() -> None:
    made = databases(*_targets_with_parts(1, 2))
    assert set(made) == {"sample.template", "sample_samplepart.template", "demo.substitutions"}
    assert uses(made["demo.substitutions"], "sample_samplepart.template") == [
        ("LAB:", "one:", "Part1:"),
        ("LAB:", "two:", "Part1:"),
        ("LAB:", "two:", "Part2:"),
    ]
    assert made["sample_samplepart.template"].count('"$(P)$(R)$(N)Level"') == 1


def test_parts_with_different_pvs_have_a_template_each() -> None:
    target = demo_target(load("iseg"))
    odd = "M00:CH03:VoltageMeasure"
    rows = tuple(
        replace(row, fields=tuple((n, "kV" if n == "EGU" else t) for n, t in row.fields))
        if row.name == odd
        else row
        for row in target.rows
    )
    made = databases(replace(target, rows=rows))
    lines = uses(made["demo.substitutions"], "iseg_channel.template")
    assert [name for *_, name in lines] == [f"M00:CH0{i}:" for i in (0, 1, 2, 4, 5, 6, 7)]
    lines = uses(made["demo.substitutions"], "iseg_channel2.template")
    assert lines == [("DEMO:", "HV:", "M00:CH03:")]
    assert 'field(EGU, "kV")' in made["iseg_channel2.template"]


def test_levels_of_names_that_repeat_have_one_template() -> None:
    made = databases(demo_target(load("cvm96")))
    phases = uses(made["demo.substitutions"], "cvm96_namedmeter_l.template")
    assert phases == [
        ("DEMO:", "CVM:", meter, line)
        for meter in ("Main:", "Solar:")
        for line in ("L1", "L2", "L3")
    ]
    assert 'field(DESC, "$(L) current")' in made["cvm96_namedmeter_l.template"]
    assert "$(N)L1:" not in made["cvm96_namedmeter.template"]


def test_a_template_says_only_what_base_would_not_say_by_itself(target: Target) -> None:
    templates = [text for name, text in databases(target).items() if name.endswith(".template")]
    written = [found for text in templates for found in re.findall(FIELD, text)]
    assert written
    limits = {"HIHI", "HIGH", "LOW", "LOLO", "VAL"}  # a limit of 0 beside its severity is one
    for name, value in written:
        assert value not in ("", "NaN", "NO_ALARM", "Passive", "2147483647"), name
        assert value != "0" or name in limits, name


FIELD = r'field\((\w+), "([^"]*)"\)'


def test_some_iocs_alone_leave_the_files_of_all_alone(tmp_path: Path) -> None:
    """One instrument exported into the folder of all must not cost the others their place in it."""
    folder = tmp_path / "db"
    assert main(["export", "db", "--output", str(folder)]) == 0
    before = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert main(["export", "db", "cpa1110", "--prefix", "LAB:C:", "--output", str(folder)]) == 0
    after = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"cpa1110.substitutions"}
    assert '{ "LAB:", "C:" }' in after["cpa1110.substitutions"]


def test_an_ioc_alone_leaves_the_template_of_its_instrument_alone(tmp_path: Path) -> None:
    site, folder = tmp_path / "site.toml", tmp_path / "db"

    def write_site(unit: str) -> None:
        site.write_text(
            "".join(
                f'[[ioc]]\nname = "{name}"\ninstrument = "cpa1110"\nprefix = "LAB:{name}:"\n'
                f'link = "tcp://127.0.0.1:{port}"\npressure_unit = "{unit}"\n'
                for port, name in enumerate(("north", "south"), 1)
            )
        )

    write_site("bar")
    assert main(["export", "db", "--config", str(site), "--output", str(folder)]) == 0
    before = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert set(before) == {"cpa1110.template", "site.substitutions", *SHARED}
    write_site("psi")
    assert main(["export", "db", "south", "--config", str(site), "--output", str(folder)]) == 0
    after = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"south.template", "south.substitutions"}
    assert 'field(EGU, "psi")' in after["south.template"]
    assert 'file "south.template"' in after["south.substitutions"]


def test_iocs_of_different_settings_have_templates_of_their_names() -> None:
    targets: list[Target] = []
    for name, unit in (("north", "bar"), ("south", "psi"), ("east", "bar")):
        instrument = load("cpa1110")
        demo = replace(instrument.demo, settings=(("pressure_unit", unit),), prefix=f"{name}:")
        targets.append(replace(demo_target(replace(instrument, demo=demo)), name=name))
    made = databases(*targets)
    assert set(made) == {"north.template", "south.template", "demo.substitutions"}
    assert uses(made["demo.substitutions"], "north.template") == [("", "north:"), ("", "east:")]
    assert uses(made["demo.substitutions"], "south.template") == [("", "south:")]


def _targets_with_parts(*counts: int) -> list[Target]:
    names = ("one", "two")
    made: list[Target] = []
    for name, count in zip(names, counts, strict=True):
        demo = replace(INSTRUMENT.demo, settings=(("parts", count),), prefix=f"LAB:{name}:")
        made.append(replace(demo_target(replace(INSTRUMENT, demo=demo)), name=name))
    return made


def test_an_ioc_of_a_site_file_keeps_its_name_prefix_and_settings(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        '[[ioc]]\nname = "north"\ninstrument = "cpa1110"\nprefix = "LAB:N:"\n'
        'link = "tcp://127.0.0.1:1"\npressure_unit = "psi"\n'
    )
    (ioc,) = load_site(site)
    target = configured_target(ioc)
    assert rows_by_name(target)["LowPressure"].spec.units == "psi"
    (_, names) = export(Kind.ARCHIVER, [target])
    assert names.path == "north.archive"
    assert all(line.startswith("LAB:N:") for line in names.text.splitlines())


def test_another_prefix_than_that_of_the_demo() -> None:
    target = demo_target(INSTRUMENT, "LAB:X:")
    assert "LAB:X:BothLimits\t0.25\tmonitor" in export(Kind.ARCHIVER, [target])[1].text
    with pytest.raises(ValueError, match="'LAB X'"):
        demo_target(INSTRUMENT, "LAB X")


def test_the_archiver_gets_strings_for_periods(target: Target) -> None:
    request, plain = export(Kind.ARCHIVER, [target])
    entries = json.loads(request.text)
    assert [entry["pv"] for entry in entries] == [
        target.prefix + row.name for row in target.rows if row.spec.archive
    ]
    summary = {row.name: row.spec.archive for row in target.rows if "Alarm" in row.name}
    methods = {name: archive and archive.method for name, archive in summary.items()}
    assert (methods["WorstAlarm"], methods["AlarmCount"]) == ("monitor", "monitor")
    assert methods["WorstAlarmText"] is methods["AlarmList:10"] is None
    for entry in entries:
        assert set(entry) == {"pv", "samplingperiod", "samplingmethod"}
        assert isinstance(entry["samplingperiod"], str)
        assert float(entry["samplingperiod"]) >= 0.1  # the appliance's shortest
        assert entry["samplingmethod"] in ("MONITOR", "SCAN")
        assert re.fullmatch(r"[a-zA-Z0-9_\-+:\[\]<>;/,#{}^]+", entry["pv"])
    lines = [line.split("\t") for line in plain.text.splitlines()]
    assert lines == [[e["pv"], e["samplingperiod"], e["samplingmethod"].lower()] for e in entries]


def room(period: str) -> int:
    """Samples of a PV that the appliance keeps until it writes them (ArchiveEngine.addChannel)."""
    return math.floor(max(WRITE_PERIOD / float(period), 1.0) + 0.5) + 1


WRITE_PERIOD = 10.0


def most_postings(group: DeviceGroup[Any], point: Point) -> float:
    """How often a PV may be posted between two writes of the appliance.

    A reading with each read of its block; what hangs on no block (health, sums over parts) with
    each read of any, and once a second.
    """
    if point.poller is not None and not point.spec.writable:
        return WRITE_PERIOD / point.poller.period + 1
    return sum(WRITE_PERIOD / p.period + 1 for p in group.all_pollers) + WRITE_PERIOD


def test_the_archiver_has_room_for_all_that_is_posted(target: Target) -> None:
    instrument = INSTRUMENT if target.name == "sample" else load(target.instrument)
    settings = parse(
        instrument.settings, {"link": instrument.example_link, **dict(instrument.demo.settings)}
    )
    group = make_group(instrument, settings, RunOptions(target.name, target.prefix))
    points = {point.pvname: point for point in group.points()}
    request, _ = export(Kind.ARCHIVER, [target])
    entries = json.loads(request.text)
    assert entries
    for entry in entries:
        name = entry["pv"].removesuffix("_RBV")
        readback = points.get(f"{name}_RBV")
        puts = 0 if readback is None else WRITE_PERIOD  # each reads the block once more
        needed = most_postings(group, readback or points[name]) + puts
        assert entry["samplingmethod"] == "MONITOR"
        assert room(entry["samplingperiod"]) >= needed, entry


def test_a_block_that_is_read_faster_gets_more_room() -> None:
    instrument = load("xcom")
    others = tuple(s for s in instrument.demo.settings if s[0] != "fast_period")
    periods: list[str] = []
    for fast in (1.0, 5.0):
        demo = replace(instrument.demo, settings=(*others, ("fast_period", fast)))
        request, _ = export(Kind.ARCHIVER, [demo_target(replace(instrument, demo=demo))])
        found = {e["pv"]: e["samplingperiod"] for e in json.loads(request.text)}
        periods.append(found["DEMO:PWR:Site:PvPower"])
    assert periods == ["0.25", "0.41"]


def test_the_alarm_tree_has_every_pv_that_can_alarm(target: Target) -> None:
    (file,) = export(Kind.ALARM, [target])
    root = ET.fromstring(file.text)
    (component,) = root
    assert (root.tag, root.get("name")) == ("config", "labioc")
    assert (component.tag, component.get("name")) == ("component", target.name)
    entries = {entry.get("name"): entry for entry in component.findall("pv")}
    assert list(entries) == [target.prefix + row.name for row in target.rows if row.alarms]
    assert f"{target.prefix}WorstAlarm" not in entries  # each alarm is there already
    for name, entry in entries.items():
        assert [len(entry.findall(tag)) for tag in ("description", "guidance", "display")] == [
            1
        ] * 3
        assert all(part.text for part in entry.iter() if part.tag in ("title", "details"))
        assert entry.findtext("enabled") == "true"
        if name == f"{target.prefix}Connected":
            assert entry.find("filter") is None
        else:
            connected = entry.findtext("filter", "").removesuffix(" > 0").strip("'")
            assert connected in {target.prefix + row.name for row in target.rows} - {name}
            assert connected.endswith(":Connected")


def test_a_lost_meter_is_one_alarm_and_hides_no_other_meter() -> None:
    target = demo_target(load("cvm96"))
    (file,) = export(Kind.ALARM, [target])
    filters = {e.get("name"): e.findtext("filter") for e in ET.fromstring(file.text).iter("pv")}
    for meter in ("Main", "Solar"):
        own = f"{target.prefix}{meter}:"
        assert filters[f"{own}L1:Voltage"] == f"'{own}Connected' > 0"
        assert filters[f"{own}Connected"] == f"'{target.prefix}Connected' > 0"


def test_alarms_are_described_worst_first(sample: Target) -> None:
    (file,) = export(Kind.ALARM, [sample], files.Options(tree="Lab", screens="https://x/opi"))
    root = ET.fromstring(file.text)
    entries = {entry.get("name"): entry for entry in root.iter("pv")}
    guidance = entries[f"{PREFIX}BothLimits"].findtext("guidance/details", "")
    assert guidance.startswith(
        "MAJOR at or above 40 °C; MAJOR at or below -0.005 °C; "
        "MINOR at or above 35.25 °C; MINOR at or below 10 °C."
    )
    assert (
        entries[f"{PREFIX}Mode"]
        .findtext("guidance/details", "")
        .startswith("MAJOR Fault; MINOR Warning.")
    )
    assert f"{PREFIX}NoLimits" not in entries
    assert entries[f"{PREFIX}Counts"].findtext("guidance/details", "") == (
        f"There are too many counts. Put Reset. If INVALID: see {PREFIX}LastError."
    )
    link = entries[f"{PREFIX}Mode"].findtext("display/details")
    assert link == "https://x/opi/sample.bob?P=LAB%3A&R=SAMPLE%3A"
    assert root.get("name") == "Lab"


def test_autosave_never_holds_what_reaches_an_instrument(target: Target) -> None:
    _, request = export(Kind.SAVERESTORE, [target])
    lines = request.text.splitlines()
    assert all(re.fullmatch(r"\$\(P\)\$\(R\)[\w:-]+\.[A-Z]+", line) for line in lines)
    values = {line for line in lines if line.endswith(".VAL")}
    assert values == {f"$(P)$(R){row.name}.VAL" for row in target.rows if row.spec.restore}
    assert all(":Scan:" in f":{line.removeprefix('$(P)$(R)')}" for line in values)


def test_the_pv_table_file_selects_what_can_be_written_back(sample: Target) -> None:
    (file,) = export(Kind.PVTABLE, [sample])
    root = ET.fromstring(file.text)
    assert (root.tag, root.get("version")) == ("pvtable", "3.0")
    selected = {pv.findtext("name"): pv.findtext("selected") for pv in root.iter("pv")}
    assert selected[f"{PREFIX}Level"] == "true"
    assert selected[f"{PREFIX}Floor"] == "false"
    assert selected[f"{PREFIX}Reset"] == "false"
    assert selected[f"{PREFIX}Connected"] == "false"
    assert f"{PREFIX}Ioc:HEARTBEAT" not in selected


def test_the_table_of_pvs_is_the_same_in_every_format(sample: Target) -> None:
    expected = [
        (row.name, row.spec.record, row.spec.units, row.spec.writable, row.spec.desc)
        for row in sample.rows
    ]
    objects = json.loads(pv_table(sample.rows, Format.JSON))
    assert [tuple(entry.values()) for entry in objects] == expected
    table = list(csv.reader(io.StringIO(pv_table(sample.rows, Format.CSV))))
    assert table[0] == ["name", "record", "unit", "writable", "description"]
    assert [(*r[:3], r[3] == "yes", r[4]) for r in table[1:]] == expected
    lines = pv_table(sample.rows, Format.MD).splitlines()
    assert lines[2] == '| BothLimits | ai | °C | no | A "quoted" \\ text, at 20 °C |'
    assert len(lines) == len(expected) + 2
    text = pv_table(sample.rows, prefix="T:").splitlines()
    assert text[0].split() == table[0]
    column = text[0].index("description")
    assert [line[column:] for line in text[1:]] == [entry[4] for entry in expected]
    assert all(line.startswith("T:") for line in text[1:])
