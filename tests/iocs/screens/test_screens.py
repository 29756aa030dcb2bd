"""Every screen of ``opi`` is one that an operator can trust: what it names exists and fits.

These are the checks that need no Phoebus. The screens are read by a reader of their own and
followed from the index with the macros that they hand on.
"""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree as ET

from iocs.export.bob_types import DISPLAY_VERSION, TYPES, WRITING
from iocs.export.files import demo_target
from iocs.export.rows import Row
from iocs.registry import MODULES, load
from iocs.screens.style import EDGE

from .reader import INDEX, OPI, Screen, Widget, place, record

STOCK_COLORS = {
    "OK", "MINOR", "MAJOR", "INVALID", "DISCONNECTED", "Text", "ActiveText", "Background",
    "Read_Background", "Write_Background", "Button_Background",
}  # fmt: skip
ALARM_COLORS = {
    ("255", "0", "0"): "MAJOR",
    ("255", "128", "0"): "MINOR",
    ("255", "0", "255"): "INVALID",
}
MACROS = {"P", "R", "M", "N"}
TOP = 100
"""Height of the header with the line below it."""


def test_files_are_displays_with_names_and_sizes(screens: list[Screen]) -> None:
    for screen in screens:
        assert (screen.root.tag, screen.root.get("version")) == ("display", DISPLAY_VERSION)
        assert screen.root.findtext("name") not in (None, "", "Display"), screen.file
        assert min(screen.size) > 0, screen.file
        names = [widget.name for widget in screen.widgets]
        assert all(names), screen.file
        assert len(set(names)) == len(names), screen.file


def test_types_versions_and_properties_are_those_of_phoebus(screens: list[Screen]) -> None:
    for screen in screens:
        for widget in screen.widgets:
            known = TYPES[widget.type]
            assert widget.element.get("version") == known.version, place(screen, widget)
            tags = [child.tag for child in widget.element]
            assert set(tags) <= {"name", *known.properties}, place(screen, widget)
            assert len(set(tags)) == len(tags), place(screen, widget)


def test_every_pv_exists(opened: list[Screen], rows: dict[str, Row]) -> None:
    for screen in opened:
        for widget in screen.widgets:
            unknown = {record(pv) for pv in widget.pvs} - rows.keys()
            assert not unknown, f"{place(screen, widget)} {unknown}"


def test_every_pv_of_every_ioc_is_on_a_screen(opened: list[Screen], rows: dict[str, Row]) -> None:
    shown = {pv for screen in opened for widget in screen.widgets for pv in widget.pvs}
    assert rows.keys() - shown == set()


def test_links_lead_to_files_and_every_file_is_reached(opened: list[Screen]) -> None:
    reached = {INDEX}
    for screen in opened:
        for widget in screen.widgets:
            for file, _ in widget.links:
                assert (OPI / file).is_file(), f"{place(screen, widget)}: {file}"
                reached.add(file)
    assert reached == {path.name for path in OPI.iterdir()}


def test_every_macro_is_handed_over(opened: list[Screen]) -> None:
    for screen in opened:
        for widget in screen.widgets:
            for element in widget.element.iter():
                known = {**screen.macros, **dict.fromkeys(("pv_name", "actions"), "x")}
                names = re.findall(r"\$\((\w+)\)", element.text or "")
                assert set(names) <= known.keys(), place(screen, widget)


def test_only_the_prefix_and_the_part_are_macros_and_no_screen_defines_them() -> None:
    for path in OPI.iterdir():
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"\$\((\w+)", text)) <= MACROS | {"pv_name", "actions"}, path.name
        assert ET.fromstring(text).find("macros") is None, path.name


def test_colours_of_alarms_are_the_named_ones(screens: list[Screen]) -> None:
    for screen in screens:
        for color in screen.root.iter("color"):
            name = color.get("name")
            if name is not None:
                assert name in STOCK_COLORS, f"{screen.file}: {name}"
            rgb = (color.get("red", ""), color.get("green", ""), color.get("blue", ""))
            assert ALARM_COLORS.get(rgb, name) == name, f"{screen.file}: {rgb}"


def written(widget: Widget) -> list[str]:
    """The PVs that a widget writes to."""
    actions = [a for a in widget.element.iter("action") if a.get("type") == "write_pv"]
    return [widget.pv] if widget.type in WRITING or actions else []


def test_what_writes_has_a_writable_pv_and_what_shows_no_command(
    opened: list[Screen], rows: dict[str, Row]
) -> None:
    for screen in opened:
        for widget in screen.widgets:
            if not widget.pv or record(widget.pv) != widget.pv:
                assert not written(widget), place(screen, widget)
                continue
            spec = rows[widget.pv].spec
            if written(widget):
                assert spec.writable, place(screen, widget)
            else:
                assert not spec.writable, place(screen, widget)


def is_command(row: Row) -> bool:
    return row.spec.writable and row.spec.record == "bo" and not row.readback


def test_stopping_never_asks_and_starting_always_does(
    opened: list[Screen], rows: dict[str, Row]
) -> None:
    asked: dict[str, bool] = {}
    for screen in opened:
        for widget in screen.widgets:
            for pv in written(widget):
                asks = widget.text("show_confirm_dialog") == "true"
                value = widget.text("actions/action/value")
                if is_command(rows[pv]):
                    assert asks is not rows[pv].spec.urgent, place(screen, widget)
                    asked[pv.rpartition(":")[2]] = asks
                elif widget.type == "action_button":
                    assert asks is (value != "0"), place(screen, widget)
                if asks:
                    assert widget.text("confirm_message"), place(screen, widget)
    assert asked["Start"]
    assert not asked["Stop"]
    assert not asked["EmergencyOffAll"]


def test_texts_in_arrays_are_told_to_be_texts(opened: list[Screen], rows: dict[str, Row]) -> None:
    for screen in opened:
        for widget in screen.widgets:
            if widget.type in ("textupdate", "textentry"):
                string = widget.text("format") == "6"
                assert string is rows[record(widget.pv)].spec.text, place(screen, widget)


def test_screens_run_nothing_and_name_no_place_of_their_own(screens: list[Screen]) -> None:
    allowed = {"open_display", "write_pv"}
    for screen in screens:
        assert not list(screen.root.iter("scripts")), screen.file
        assert not list(screen.root.iter("script")), screen.file
        assert {action.get("type") for action in screen.root.iter("action")} <= allowed, screen.file
        for file in screen.root.iter("file"):
            assert re.fullmatch(r"\w+\.(bob|plt)", file.text or ""), screen.file
    for path in OPI.glob("*.plt"):
        assert "<archive>" not in path.read_text(encoding="utf-8")


def test_rules_use_the_pvs_that_they_have(opened: list[Screen]) -> None:
    for screen in opened:
        for widget in screen.widgets:
            for rule in widget.element.iter("rule"):
                count = len(rule.findall("pv_name"))
                assert rule.get("prop_id") in TYPES[widget.type].properties, place(screen, widget)
                for case in rule.iterfind("exp"):
                    expression = case.get("bool_exp", "")
                    used = {int(n) for n in re.findall(r"pv(?:Int|Str|Sev)?(\d+)", expression)}
                    assert used, place(screen, widget)
                    assert max(used) < count, place(screen, widget)
                    tag = "value" if rule.get("out_exp") == "false" else "expression"
                    assert case.find(tag) is not None, place(screen, widget)


def test_the_index_has_a_row_for_each_ioc(opened: list[Screen]) -> None:
    index = next(screen for screen in opened if screen.file == INDEX)
    shown = {pv for widget in index.widgets for pv in widget.pvs}
    opens = {file for widget in index.widgets for file, _ in widget.links}
    for name in MODULES:
        prefix = demo_target(load(name)).prefix
        assert {f"{prefix}Connected", f"{prefix}Ioc:HEARTBEAT"} <= shown
        assert f"{name}.bob" in opens


def test_what_every_screen_tells_is_at_one_place(screens: list[Screen]) -> None:
    """The connection is that of the part where a screen is about one that can be away itself."""
    wide = [s for s in screens if s.size[0] == 1280 and s.file != INDEX]
    places = {
        tuple(
            (w.box, w.pv.replace("$(M)Connected", "Connected"))
            for w in screen.widgets
            if w.pv and w.type != "label" and w.box[1] < TOP
        )
        for screen in wide
    }
    assert len(places) == 1
    assert [pv.removeprefix("$(P)$(R)") for _, pv in places.pop()] == [
        "Connected", "Connected", "Ioc:HEARTBEAT", "WorstAlarm", "WorstAlarmText", "LastPutError",
    ]  # fmt: skip
    assert {screen.file for screen in wide} >= {f"{name}.bob" for name in MODULES}
    own = {screen.file: next(w.pv for w in screen.widgets if w.pv) for screen in wide}
    assert own["xcom_xtender.bob"] == "$(P)$(R)$(M)Connected"
    assert own["iseg_channel.bob"] == own["xcom.bob"] == "$(P)$(R)Connected"


def test_trends_show_pvs_that_exist(rows: dict[str, Row]) -> None:
    for name in MODULES:
        root = ET.parse(OPI / f"{name}.plt").getroot()
        prefix = demo_target(load(name)).prefix
        axes = root.findall("axes/axis")
        ends: dict[int, list[tuple[float, float]]] = {}
        held = Counter[int]()
        for pv in root.iterfind("pvlist/pv"):
            full = pv.findtext("name", "").replace("$(P)$(R)", prefix)
            number = int(pv.findtext("axis", ""))
            if pv.findtext("color/red") == str(EDGE.red):
                held[number] += 1
            if full.startswith("="):
                assert set(re.findall("'(.*?)'", full)) <= set(rows)
                continue
            assert full in rows
            units = rows[full].spec.units
            assert axes[number].findtext("name") == (units or "1")
            assert axes[number].findtext("use_axis_name") == ("true" if units else "false")
            ends.setdefault(number, []).append(rows[full].spec.display)
        for number, axis in enumerate(axes):
            told = all(low < high for low, high in ends[number])
            assert told or held[number], (name, number)
            assert axis.findtext("autoscale") == ("false" if told else "true"), name
            if told:
                assert float(axis.findtext("min", "")) == min(low for low, _ in ends[number])
                assert float(axis.findtext("max", "")) == max(high for _, high in ends[number])
        names = [pv.findtext("display_name") for pv in root.iterfind("pvlist/pv")]
        colors = [pv.findtext("color/red", "") + pv.findtext("color/green", "")
                  for pv in root.iterfind("pvlist/pv")]  # fmt: skip
        assert names, name
        assert len(set(names)) == len(names), name
        curves = [color for color in colors if color != f"{EDGE.red}{EDGE.green}"]
        assert len(set(curves)) == len(curves), name
        assert [axis.findtext("use_trace_names") for axis in axes] == ["true"] * len(axes)
        assert axes[0].findtext("grid") == "true"
