"""Screens follow what an IOC has: other modules, channels, meters, an instrument without layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from iocs.cli import main
from iocs.config import load_site
from iocs.export.files import Kind, Target, configured_target, demo_target, export, write
from iocs.registry import load
from iocs.screens.catalog import Ioc, MissingParts, UnknownPV
from iocs.screens.widgets import states_lamp
from tests.iocs.export.sample import INSTRUMENT

from .reader import Box, Screen, reachable


def target_of(name: str, label: str, **settings: Any) -> Target:
    """An IOC with other settings than the demo's, and a prefix of its own."""
    instrument = load(name)
    changed = {**dict(instrument.demo.settings), **settings}
    demo = replace(instrument.demo, settings=tuple(changed.items()), prefix=f"LAB:{label}:")
    return replace(demo_target(replace(instrument, demo=demo)), name=label)


def made(targets: list[Target], folder: Path) -> list[Screen]:
    """The screens of some IOCs as an operator reaches them, all files reached and all PVs shown."""
    written = write(export(Kind.SCREENS, targets), folder)
    opened = reachable(folder)
    reached = {screen.file for screen in opened}
    assert reached == {path.name for path in written if path.suffix == ".bob"}
    rows = {target.prefix + row.name for target in targets for row in target.rows}
    shown = {pv.partition(".")[0] for s in opened for widget in s.widgets for pv in widget.pvs}
    assert shown == rows
    return opened


def channels(count: int, *names: str) -> list[dict[str, Any]]:
    return [{"name": n, "address": i, "channels": count} for i, n in enumerate(names)]


def test_an_instrument_without_a_layout_has_screens_from_its_pvs(tmp_path: Path) -> None:
    opened = made([demo_target(INSTRUMENT)], tmp_path)
    assert {"sample.bob", "sample_detail.bob", "sample_samplepart_detail.bob"} <= {
        screen.file for screen in opened
    }


def test_more_modules_and_channels_need_no_new_kind_of_screen(tmp_path: Path) -> None:
    crate = target_of("iseg", "hv", modules=channels(16, "M00", "M01", "M02"))
    opened = made([crate], tmp_path)
    main_screen = next(s for s in opened if s.file == "iseg.bob")
    tabs = [text.text for widget in main_screen.widgets for text in widget.element.iter("name")]
    assert {"M00", "M01", "M02"} <= set(tabs)
    rows = [screen for screen in opened if screen.file == "iseg_channel_row.bob"]
    assert len(rows) == 3 * 16


def test_modules_of_different_size_are_in_one_crate(tmp_path: Path) -> None:
    modules = [*channels(4, "A"), {"name": "B", "address": 1, "channels": 24}]
    opened = made([target_of("iseg", "hv", modules=modules)], tmp_path)
    assert {"iseg_module_4ch.bob", "iseg_module_24ch.bob"} <= {screen.file for screen in opened}


def states_of(screen: Screen) -> dict[str, Box]:
    """The channels whose state is in a cell of a grid, and where that is."""
    cells = [widget for widget in screen.widgets if widget.type == "multi_state_led"]
    return {w.pv.removesuffix(":State"): w.box for w in cells if w.pv.endswith(":State")}


def test_a_cycler_has_its_channels_in_one_grid(tmp_path: Path) -> None:
    counts = {"bms": True, "bms_count": 3, "smb": True, "smb_count": 2}
    opened = made([target_of("arbin", "cyc", channels=24, **counts)], tmp_path)
    grid = next(s for s in opened if s.file == "arbin.bob")
    cells = states_of(grid)
    assert list(cells) == [f"LAB:cyc:CH{number + 1:03d}" for number in range(24)]
    assert max(y + height for _, y, _, height in cells.values()) <= grid.size[1]
    channel = next(s for s in opened if s.file == "arbin_channel.bob")
    shown = {pv for widget in channel.widgets for pv in widget.pvs}
    kinds = ("Aux:Voltage01", "Aux:Temperature01", "BMS:Value03", "SMB:Text02")
    assert {channel.macros["M"] + kind for kind in kinds} <= {
        pv.removeprefix("LAB:cyc:") for pv in shown
    }


def test_a_channel_shows_all_of_its_auxiliary_values(tmp_path: Path) -> None:
    counts = {"voltage": 20, "temperature": 9, "pressure": 2}
    opened = made([target_of("arbin", "cyc", channels=1, aux_counts=counts)], tmp_path)
    channel = next(s for s in opened if s.file == "arbin_channel.bob")
    shown = {w.pv for w in channel.widgets if w.type == "textupdate" and ":Aux:" in w.pv}
    assert len(shown) == 31


def test_a_cycler_of_many_channels_has_pages_of_them(tmp_path: Path) -> None:
    opened = made([target_of("arbin", "cyc", channels=70)], tmp_path)
    first = next(s for s in opened if s.file == "arbin.bob")
    channels = [f"LAB:cyc:CH{number + 1:03d}" for number in range(70)]
    marks = [w.pv for w in first.widgets if w.type == "action_button" and ":CH" in w.pv]
    assert marks == [f"{channel}:State" for channel in channels]
    pages = [s for s in opened if s.file.startswith("arbin_page")]
    assert sorted(len(states_of(page)) for page in pages) == [6, 32, 32]
    assert {channel for page in pages for channel in states_of(page)} == set(channels)


def test_no_screen_of_a_large_cycler_has_so_many_widgets_that_phoebus_is_slow() -> None:
    """It needs minutes for a few thousand, and seconds for those of a page."""
    target = target_of("arbin", "cyc", channels=512)
    files = [f for f in export(Kind.SCREENS, [target]) if f.path.endswith(".bob")]
    counts = {f.path: len(ET.fromstring(f.text).findall("widget")) for f in files}
    assert max(counts.values()) < 700, counts
    assert max(n for path, n in counts.items() if "_page" in path) < 300
    assert not [f.path for f in files if 'type="embedded"' in f.text and "arbin" in f.path]


@pytest.mark.parametrize(
    "devices",
    [
        {"xtenders": 3, "variotracks": 2, "variostrings": 2, "battery_monitor": "bms"},
        {"xtenders": 1, "variotracks": 0, "variostrings": 0, "battery_monitor": "none"},
        {"xtenders": 0, "variotracks": 1, "variostrings": 0, "battery_monitor": "bsp"},
    ],
)
def test_sites_of_any_devices_have_screens(tmp_path: Path, devices: dict[str, Any]) -> None:
    made([target_of("xcom", "site", **devices)], tmp_path)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("arbin", {"channels": None}), ("iseg", {"modules": [{"name": "M", "address": 0}]})],
)
def test_parts_that_only_the_instrument_could_tell_are_asked_for(
    name: str, settings: dict[str, Any]
) -> None:
    with pytest.raises(MissingParts, match="configuration of unknown does not tell of any Channel"):
        export(Kind.SCREENS, [target_of(name, "unknown", **settings)])


def test_iocs_share_screens_unless_they_look_different(tmp_path: Path) -> None:
    one = target_of("cpa1110", "one")
    two = replace(target_of("cpa1110", "two"), prefix="LAB:two:")
    paths = {file.path for file in export(Kind.SCREENS, [one, two])}
    assert {"cpa1110.bob", "cpa1110.plt"} <= paths
    assert "two.bob" not in paths
    other = target_of("cpa1110", "other", pressure_unit="psi")
    opened = made([one, other], tmp_path)
    assert {"one.bob", "other.bob", "other_trend.bob"} <= {screen.file for screen in opened}
    alarms = [ET.fromstring(file.text) for file in export(Kind.ALARM, [one, other])]
    assert [root.findtext("component/display/details") for root in alarms] == [
        "opi/one.bob?P=LAB%3A&R=one%3A", "opi/other.bob?P=LAB%3A&R=other%3A",
    ]  # fmt: skip


def test_a_single_meter_without_a_name_has_the_names_of_its_ioc(tmp_path: Path) -> None:
    meter = target_of("cvm96", "m", meters=[], address=7)
    assert not meter.parts
    opened = made([meter], tmp_path)
    pages = [screen for screen in opened if screen.file == "cvm96_meter.bob"]
    assert {pv for page in pages for w in page.widgets for pv in w.pvs} >= {
        "LAB:m:Total:ActivePower", "LAB:m:Energy:Active",
    }  # fmt: skip


def test_iocs_of_different_facilities_have_their_prefixes_in_the_index(tmp_path: Path) -> None:
    here = target_of("cpa1110", "one")
    there = replace(here, name="two", prefix="FAR:two:")
    made([here, there], tmp_path)
    text = (tmp_path / "index.bob").read_text(encoding="utf-8")
    assert "$(P=" not in text
    shared = {f.path: f.text for f in export(Kind.SCREENS, [here])}["index.bob"]
    assert "$(P=LAB:)one:Connected" in shared


def test_a_pv_that_does_not_exist_is_an_error_when_screens_are_made() -> None:
    ioc = Ioc(demo_target(load("cpa1110")), "cpa1110")
    with pytest.raises(UnknownPV, match=r"cpa1110, .*has no PV 'OilTmp'; is 'OilTemp' meant\?"):
        ioc.own["OilTmp"]
    with pytest.raises(ValueError, match=r"OperatingState has no states \['Runing'\]"):
        states_lamp(ioc.own["OperatingState"], 0, 0, 10, 10, active=["Runing"])


def test_the_command_writes_screens_for_a_site(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        '[[ioc]]\nname = "north"\ninstrument = "cpa1110"\nprefix = "LAB:N:"\n'
        'link = "tcp://127.0.0.1:1"\n'
    )
    code = main(["export", "screens", "--config", str(site), "--output", str(tmp_path / "opi")])
    assert code == 0
    assert str(tmp_path / "opi" / "index.bob") in capsys.readouterr().out
    (ioc,) = load_site(site)
    made([configured_target(ioc)], tmp_path / "again")
    assert {path.name: path.read_bytes() for path in (tmp_path / "opi").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()
    }
