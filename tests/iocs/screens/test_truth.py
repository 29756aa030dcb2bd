"""No screen looks good while it does not know: rules, covers, what is disabled, what is told.

The rules are evaluated here as Phoebus does: the first case that holds, else the value of the file;
that one too while any PV of the rule is disconnected (``RuleToScript`` of Phoebus 5.0.5).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from xml.etree import ElementTree as ET

from iocs.ca.dbr import Native
from iocs.export.rows import Row, Section
from iocs.screens.style import EDGE

from .reader import INDEX, OPI, Screen, Widget, expand, formula_pvs, place, record

BAD_COLORS = {"DISCONNECTED", "INVALID", "MAJOR"}
GOOD_WORDS = ("OK", "Connected", "Good", "Running")
NUMBERS = (-1000.0, 0.0, 1.0, 1000.0, math.nan)
"""The last one: what the device does not have."""

MANY = 4096
"""Combinations of the values of a rule's PVs up to which all are tried."""

INVALID = 3


@dataclass(frozen=True)
class Told:
    """A PV as a rule sees it."""

    value: float
    severity: int


@dataclass(frozen=True)
class Found:
    """A rule of a widget on an opened screen."""

    screen: Screen
    widget: Widget
    rule: ET.Element

    @property
    def prop(self) -> str:
        return self.rule.get("prop_id", "")

    @property
    def pvs(self) -> list[str]:
        names = [expand(pv.text or "", self.widget.macros) for pv in self.rule.iterfind("pv_name")]
        return [formula_pvs(name)[0] for name in names]

    @property
    def default(self) -> str:
        """What the file says."""
        found = self.widget.element.find(self.prop)
        return "true" if found is None else value_of(found)

    def result(self, told: tuple[Told, ...]) -> str:
        """What the property is for some PVs, all of them connected."""
        names = {f"pv{n}": pv.value for n, pv in enumerate(told)}
        names |= {f"pvSev{n}": pv.severity for n, pv in enumerate(told)}
        for case in self.rule.iterfind("exp"):
            if evaluate(case.get("bool_exp", ""), names):
                (value,) = case
                return value_of(value)
        return self.default

    def __str__(self) -> str:
        return f"{place(self.screen, self.widget)}, rule {self.rule.get('name')!r}"


def value_of(element: ET.Element) -> str:
    """A property as one text: plain, or the name of a colour, or what it consists of."""
    color = element.find("color")
    if color is None:
        return element.text or ""
    return color.get("name") or "/".join(color.get(part, "") for part in ("red", "green", "blue"))


def evaluate(expression: str, names: dict[str, float]) -> bool:
    """The JavaScript of a rule, which Phoebus itself turns into Python."""
    python = expression.replace("&&", " and ").replace("||", " or ")
    assert re.fullmatch(r"[\w\s.()<>=!+-]+", python), expression
    return bool(eval(python, {}, names))


def states(row: Row, name: str) -> tuple[list[Told], list[Told]]:
    """How a PV is told while it is good, and while it is not."""
    spec = row.spec
    if "." in name:
        return [Told(value, 0) for value in NUMBERS], []
    if spec.native is Native.ENUM:
        severities = spec.severities or (0,) * len(spec.states)
        told = [Told(float(n), severity) for n, severity in enumerate(severities)]
    else:
        told = [Told(value, 0) for value in NUMBERS]
    good = [pv for pv in told if not pv.severity]
    bad = [pv for pv in told if pv.severity] + [Told(pv.value, INVALID) for pv in told]
    return good, bad


def all_rules(opened: list[Screen]) -> Iterator[Found]:
    for screen in opened:
        for widget in screen.widgets:
            for rule in widget.element.iter("rule"):
                if rule.get("out_exp") == "false":
                    yield Found(screen, widget, rule)


def combined(values: list[list[Told]]) -> Iterator[tuple[Told, ...]]:
    """What PVs may be at the same time; of many, each in turn with the first of the others."""
    if math.prod(len(told) for told in values) <= MANY:
        yield from product(*values)
        return
    first = [told[0] for told in values]
    for number, told in enumerate(values):
        yield from ((*first[:number], one, *first[number + 1 :]) for one in told)


def looks(found: Found, rows: dict[str, Row]) -> tuple[set[str], set[str]]:
    """What a rule makes of its property when all PVs are good, and when one is not."""
    kinds = [states(rows[record(pv)], pv) for pv in found.pvs]
    good = {found.result(told) for told in combined([pvs for pvs, _ in kinds])}
    bad: set[str] = set()
    for number, (_, sick) in enumerate(kinds):
        others = [pvs[:1] for pvs, _ in kinds]
        for one in sick:
            told = [other[0] for other in others]
            told[number] = one
            bad.add(found.result(tuple(told)))
    return good, bad


def misleading(found: Found, rows: dict[str, Row]) -> list[str]:
    """What is wrong with a rule; nothing if nobody is misled by it."""
    good, bad = looks(found, rows)
    wrong = {
        "visible": found.default == "false" and "true" in bad,
        "enabled": found.default != "false",
        "text": any(word in found.default for word in GOOD_WORDS) or found.default in good,
        "background_color": found.default not in BAD_COLORS,
    }[found.prop]
    faults = [f"{found}: {found.default!r} in the file"] if wrong else []
    hides = found.widget.element.find("rules/rule[@prop_id='visible']") is not None
    if found.prop != "visible" and not hides and good & bad:
        faults.append(f"{found}: {good & bad} both when it is good and when it is not")
    if good == {found.default}:
        faults.append(f"{found}: never anything else than {found.default!r}")
    return faults


def test_what_the_file_says_is_never_the_good_look(
    opened: list[Screen], rows: dict[str, Row]
) -> None:
    """It is what an operator sees of an IOC that is gone, or never was there."""
    found = list(all_rules(opened))
    assert [fault for rule in found for fault in misleading(rule, rows)] == []
    props = {rule.prop for rule in found}
    assert props == {"visible", "enabled", "text", "background_color"}


def test_such_defaults_would_be_found(rows: dict[str, Row]) -> None:
    """Those that misled: a button that says OK by default, a warning hidden by default."""
    name = next(pv for pv in rows if pv.endswith("Connected"))
    for prop, default, value in (("text", "OK", "Invalid"), ("visible", "false", "true")):
        text = (
            f"<widget type='label'><name>W</name><{prop}>{default}</{prop}><rules>"
            f"<rule name='r' prop_id='{prop}' out_exp='false'><exp bool_exp='pv0 == 0'>"
            f"<value>{value}</value></exp><pv_name>{name}</pv_name></rule></rules></widget>"
        )
        element = ET.fromstring(text)
        screen = Screen("x.bob", element, {})
        rule = element.find("rules/rule")
        assert rule is not None
        assert misleading(Found(screen, Widget(element, {}), rule), rows)


def covering(widget: Widget, screen: Screen) -> bool:
    """Whether a label is drawn over a widget while its PV is not fresh, and only then."""
    x, y, wide, high = widget.box
    names = [other.name for other in screen.widgets]
    for other in screen.widgets[names.index(widget.name) + 1 :]:
        left, top, width, height = other.box
        rule = other.element.find("rules/rule[@prop_id='visible']")
        if rule is None or rule.findtext("pv_name") != widget.element.findtext("pv_name"):
            continue
        inside = left <= x + 1 and top <= y + 1
        if inside and left + width >= x + wide - 1 and top + height >= y + high - 1:
            found = Found(screen, other, rule)
            seen = [found.result((Told(0.0, severity),)) for severity in range(4)]
            if found.default == "true" and seen == ["false", "false", "false", "true"]:
                return True
    return False


def tells_a_state(widget: Widget, rows: dict[str, Row]) -> bool:
    """Whether it shows what an instrument is or does; Connected tells itself that it is not."""
    if widget.type in ("led", "multi_state_led", "byte_monitor"):
        return True
    if widget.type != "textupdate" or widget.pv.endswith("Connected"):
        return False
    row = rows[record(widget.pv)]
    return row.spec.native is Native.ENUM and row.section is Section.INSTRUMENT


def test_no_lamp_and_no_state_is_seen_when_it_is_not_fresh(
    opened: list[Screen], rows: dict[str, Row]
) -> None:
    faults = [
        place(screen, widget)
        for screen in opened
        for widget in screen.widgets
        if tells_a_state(widget, rows) and not covering(widget, screen)
    ]
    assert not faults


def test_a_lost_device_is_told_in_a_line_below_the_header(screens: list[Screen]) -> None:
    wide = [s for s in screens if s.size[0] == 1280 and s.file not in (INDEX, "wall.bob")]
    assert wide
    for screen in wide:
        line = next(w for w in screen.widgets if w.name == "Lost")
        font = line.element.find("font/font")
        assert font is not None
        assert float(font.get("size", "0")) >= 24
        background = line.element.find("background_color")
        assert background is not None
        assert value_of(background) == "MAJOR"
        assert line.text("text").startswith("No IOC")
        by = {rule.get("prop_id", ""): rule for rule in line.element.iterfind("rules/rule")}
        shown, said = (Found(screen, line, by[prop]) for prop in ("visible", "text"))
        assert shown.pvs == said.pvs == ["$(P)$(R)Connected"]
        assert shown.default == shown.result((Told(0.0, 2),)) == "true"
        assert shown.result((Told(1.0, 0),)) == "false"
        assert said.result((Told(0.0, 2),)).startswith("No connection")


def stop_look(widget: Widget) -> bool:
    """White words on a dark button."""
    color = widget.element.find("foreground_color/color")
    return widget.type == "action_button" and color is not None and color.get("red") == "255"


def follows(rule: Found, rows: dict[str, Row]) -> bool:
    """Whether what writes follows the Connected of its part, or of the IOC and a number read of it.

    The number is there for parts whose connection is not told by a PV of their own.
    """
    macros = rule.widget.macros
    prefix, part = macros["P"] + macros["R"], macros.get("M", "")
    if f"{prefix}{part}Connected" in rows:
        return rule.pvs == [f"{prefix}{part}Connected"]
    connected, read = rule.pvs
    row = rows[read]
    own = read.startswith(prefix + part) and row.spec.numeric and not row.spec.writable
    return connected == f"{prefix}Connected" and own


def test_what_cannot_work_is_disabled_and_what_stops_never(
    opened: list[Screen], rows: dict[str, Row]
) -> None:
    faults: list[str] = []
    stops: set[str] = set()
    for screen in opened:
        for widget in screen.widgets:
            writes = [a for a in widget.element.iter("action") if a.get("type") == "write_pv"]
            if widget.type not in ("textentry", "combo") and not writes:
                continue
            row = rows[record(widget.pv)]
            rule = widget.element.find("rules/rule[@prop_id='enabled']")
            off = row.spec.stops and widget.text("actions/action/value") in ("0", "")
            if writes:
                ends = off or (row.spec.stops and not row.readback)
                assert stop_look(widget) is ends, place(screen, widget)
            if stop_look(widget):
                stops.add(row.name.rpartition(":")[2])
            free = stop_look(widget) or off or not row.to_device
            if (rule is None) is not free:
                faults.append(place(screen, widget))
            if rule is not None and not follows(Found(screen, widget, rule), rows):
                faults.append(f"{place(screen, widget)}: {Found(screen, widget, rule).pvs}")
    assert not faults
    assert stops >= {"Stop", "AllOff", "EmergencyOffAll", "EmergencyOff", "On"}


def drawn(widget: Widget) -> set[str]:
    """The PVs of the curves of a chart, without the marks that its axes reach."""
    found = [(t.findtext("y_pv", ""), t.find("color")) for t in widget.element.iter("trace")]
    if widget.type == "databrowser":
        root = ET.parse(OPI / widget.text("file")).getroot()
        found = [(pv.findtext("name", ""), pv.find("color")) for pv in root.iterfind("pvlist/pv")]
    shades = [(name, color) for name, color in found if color is not None]
    marks = f"{EDGE.red}/{EDGE.green}/{EDGE.blue}"
    named = [(expand(name, widget.macros), value_of_color(color)) for name, color in shades]
    return {pv for name, color in named if color != marks for pv in formula_pvs(name)}


def value_of_color(element: ET.Element) -> str:
    """A colour of a trace or of a curve of the Data Browser."""
    inner = element.find("color")
    parts = ("red", "green", "blue")
    if inner is not None:
        return "/".join(inner.get(part, "") for part in parts)
    return "/".join(element.findtext(part, "") for part in parts)


def test_a_chart_says_when_its_curves_are_not_fresh(opened: list[Screen]) -> None:
    axis = {"title", "autoscale", "log_scale", "minimum", "maximum", "show_grid", "visible",
            "color"}  # fmt: skip
    for screen in opened:
        for widget in screen.widgets:
            if widget.type not in ("stripchart", "databrowser"):
                continue
            covers = [
                w for w in screen.widgets
                if w.type == "label" and w.name == f"{widget.name} cover"
            ]  # fmt: skip
            assert len(covers) == 1, place(screen, widget)
            assert covers[0].text("visible", "true") == "true", place(screen, widget)
            curves = drawn(widget)
            assert curves, place(screen, widget)
            assert curves == set(covers[0].pvs), place(screen, widget)
            for each in widget.element.iterfind("y_axes/y_axis"):
                assert {child.tag for child in each} == axis, place(screen, widget)
                assert each.findtext("show_grid") == "true", place(screen, widget)


def test_no_chart_follows_curves_that_are_told_their_ends(
    opened: list[Screen], rows: dict[str, Row]
) -> None:
    """It would show the noise of something steady from edge to edge."""
    fixed: set[str] = set()
    for screen in opened:
        for widget in screen.widgets:
            ends: dict[str, list[tuple[float, float]]] = {}
            for trace in widget.element.iterfind("traces/trace"):
                text = expand(trace.findtext("y_pv", ""), widget.macros)
                for pv in formula_pvs(text):  # none of a mark, which is a number
                    own = ends.setdefault(trace.findtext("axis", ""), [])
                    own.append(rows[record(pv)].spec.display)
            axes = widget.element.findall("y_axes/y_axis") if widget.type == "stripchart" else []
            for number, axis in enumerate(axes):
                if axis.findtext("autoscale") == "false":
                    fixed.add(widget.name)
                told = all(low < high for low, high in ends[str(number)])
                assert not told or axis.findtext("autoscale") == "false", place(screen, widget)
    assert fixed >= {"Pressure chart", "Temperature chart", "Load chart"}


def test_nothing_is_repeated_by_a_template(screens: list[Screen]) -> None:
    """Its contents stay blank for minutes when Phoebus is slow to draw."""
    for screen in screens:
        assert not [w.name for w in screen.widgets if w.type == "template"], screen.file


def test_screens_replace_each_other_and_differ_in_name(opened: list[Screen]) -> None:
    names: dict[str, str] = {}
    for screen in opened:
        for widget in screen.widgets:
            for action in widget.element.iter("action"):
                if action.get("type") == "open_display":
                    assert action.findtext("target") == "replace", place(screen, widget)
        if screen.size[0] == 1280:
            title = expand(screen.root.findtext("name", ""), screen.macros)
            assert names.setdefault(title, screen.file) == screen.file, title


def test_states_in_bars_are_large(opened: list[Screen]) -> None:
    for screen in opened:
        for widget in screen.widgets:
            if widget.type == "multi_state_led" and widget.box[3] >= 36:
                font = widget.element.find("font/font")
                assert font is not None
                assert float(font.get("size", "0")) >= 24, place(screen, widget)
