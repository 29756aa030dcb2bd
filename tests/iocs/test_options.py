"""Settings as tables and flags: every mistake at once, nothing bent, no other exception."""

from __future__ import annotations

import argparse
import datetime
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cpa1110.settings import CompressorSettings
from drivers.cpa1110.units import PressureUnit
from iocs.app.flags import add_flags, table_from_flags
from iocs.app.options import Problem, SettingsError, json_schema, parse
from iocs.config import IocTable


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel. number: which, 0 to 15."""

    number: int
    label: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.number <= 15:
            raise ValueError(f"number {self.number} is not from 0 to 15")


@dataclass(frozen=True, slots=True)
class Rack:
    """Every kind of setting that a driver may have.

    link: where it is.
    count: how many, 1 to 9.
    share: 100 % at most.
    """

    link: str
    count: int = 1
    share: float = 0.5
    fast: bool = False
    colour: Colour = Colour.RED
    spare: Colour | None = None
    limit: float | None = None
    channels: tuple[Channel, ...] = ()
    main: Channel = field(default_factory=lambda: Channel(0))
    extra: Channel | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.count <= 9:
            raise ValueError(f"count {self.count} is not from 1 to 9")
        if self.share > 1:
            raise ValueError(f"share {self.share:g} is more than 1")


def problems(kind: type, table: dict[str, Any]) -> set[tuple[str, str]]:
    """What is wrong with a table."""
    with pytest.raises(SettingsError) as caught:
        parse(kind, table)
    return {(problem.key, problem.text) for problem in caught.value.problems}


def test_a_table_becomes_settings_with_its_types() -> None:
    table = {
        "link": "x",
        "share": 1,
        "colour": "green",
        "spare": "red",
        "channels": [{"number": 3}, {"number": 4, "label": "four"}],
        "extra": {"number": 5},
    }
    assert parse(Rack, table) == Rack(
        "x",
        share=1.0,
        colour=Colour.GREEN,
        spare=Colour.RED,
        channels=(Channel(3), Channel(4, "four")),
        extra=Channel(5),
    )
    assert isinstance(parse(Rack, table).share, float)


def test_every_mistake_is_found_at_once_with_its_key() -> None:
    table = {
        "link": "x",
        "count": 10,
        "share": 1.5,
        "fast": "yes",
        "colour": "blue",
        "limit": True,
        "channels": [{"number": 16}, {"number": 1, "lable": "one"}, {"number": 2, "label": 5}],
        "main": {"number": "1"},
        "extra": 7,
        "sped": 1,
    }
    found = problems(Rack, table)
    assert found >= {
        ("count", "10 is not from 1 to 9"),
        ("share", "1.5 is more than 1"),
        ("fast", "input should be a valid boolean, not 'yes'"),
        ("colour", "input should be 'red' or 'green', not 'blue'"),
        ("limit", "input should be a valid number, not True"),
        ("channels.1.lable", "there is no such key"),
        ("channels.2.label", "input should be a valid string, not 5"),
        ("main.number", "input should be a valid integer, not '1'"),
        ("sped", "there is no such key"),
    }
    assert {key for key, _ in found} == {
        *("count", "share", "fast", "colour", "limit", "main.number", "extra", "sped"),
        *("channels.1.lable", "channels.2.label"),
    }


def test_the_checks_of_parts_name_the_part() -> None:
    table = {"link": "x", "channels": [{"number": 16}, {"number": 1}, {"number": -1}]}
    assert problems(Rack, table) == {
        ("channels.0.number", "16 is not from 0 to 15"),
        ("channels.2.number", "-1 is not from 0 to 15"),
    }


@pytest.mark.parametrize("value", [True, "1", 1.0, math.nan, None, [1], {"a": 1}])
def test_nothing_is_bent_into_a_whole_number(value: object) -> None:
    [(key, text)] = problems(Rack, {"link": "x", "count": value})
    assert key == "count"
    assert text.startswith("input should be a valid integer, not ")


@pytest.mark.parametrize("value", [True, "0.5", math.nan, math.inf, 10**400, datetime.date.min])
def test_nothing_is_bent_into_a_number(value: object) -> None:
    [(key, _)] = problems(Rack, {"link": "x", "share": value})
    assert key == "share"


def test_what_is_missing_is_said() -> None:
    assert problems(Rack, {"fast": 1}) >= {("link", "is missing")}


def test_long_values_are_cut_in_messages() -> None:
    [(_, text)] = problems(Rack, {"link": "x", "count": "9" * 10_000})
    assert len(text) < 200
    [(_, text)] = problems(Rack, {"link": "x", "fast": 10**5000})
    assert len(text) < 200


_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(0, 300),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["tcp://h", "tcp://h:99999", "serial:///dev/ttyS0", "rtu+tcp://h", "bar", "x"]),
    st.dates(),
    st.datetimes(),
    st.times(),
)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def tables(kind: type) -> st.SearchStrategy[dict[str, Any]]:
    """Anything a TOML table may hold, its keys often those that mean something."""
    known = st.sampled_from([*kind.__dataclass_fields__, "name", "number", "label", "users"])
    return st.dictionaries(st.one_of(known, st.text(max_size=8)), _values, max_size=6)


@pytest.mark.parametrize("kind", [CompressorSettings, IocTable, Rack])
@given(data=st.data())
def test_any_table_gives_settings_or_a_settings_error(kind: type, data: st.DataObject) -> None:
    table = data.draw(tables(kind))
    made = parsed(kind, table)
    if isinstance(made, SettingsError):
        assert made.problems
        assert all(isinstance(problem, Problem) and problem.text for problem in made.problems)
    else:
        assert isinstance(made, kind)
        assert set(table) <= set(kind.__dataclass_fields__)


def parsed(kind: type, table: dict[str, Any]) -> object:
    """The settings, or the one error that there may be."""
    try:
        return parse(kind, table)
    except SettingsError as error:
        return error


@given(data=st.data())
def test_what_parses_is_what_was_written(data: st.DataObject) -> None:
    written = data.draw(
        st.fixed_dictionaries(
            {"link": st.text()},
            optional={
                "count": st.integers(1, 9),
                "share": st.floats(0, 1),
                "fast": st.booleans(),
                "limit": st.floats(allow_nan=False, allow_infinity=False),
            },
        )
    )
    made = parse(Rack, written)
    assert {key: getattr(made, key) for key in written} == written


def flags(*words: str) -> dict[str, Any]:
    """The table of a command line."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_flags(parser, Rack)
    return table_from_flags(parser.parse_args(words))


def test_flags_carry_the_types_of_settings() -> None:
    table = flags(
        *("--link", "5", "--count", "7", "--share", "0.25", "--fast", "true", "--limit", "3"),
        *("--colour", "green", "--spare", "red", "--set", "channels=[{number = 3}]"),
    )
    made = parse(Rack, table)
    assert made == Rack(
        *("5", 7, 0.25, True, Colour.GREEN, Colour.RED, 3.0), channels=(Channel(3),)
    )


def test_flags_that_were_not_given_leave_the_defaults() -> None:
    assert parse(Rack, flags("--link", "x")) == Rack("x")


def test_wrong_flags_are_named_together() -> None:
    found = problems(Rack, flags("--link", "x", "--count", "many", "--limit", "nan"))
    assert found == {
        ("count", "input should be a valid integer, not 'many'"),
        ("limit", "input should be a finite number, not nan"),
    }


def test_every_malformed_set_is_told() -> None:
    with pytest.raises(SettingsError) as caught:
        flags("--link", "x", "--set", "count", "--set", "share = = 1", "--set", f"a = {'9' * 5000}")
    first, second, third = caught.value.problems
    assert (first.key, second.key, third.key) == ("set count", "set share", "set a")
    assert "write KEY=VALUE" in first.text


def test_the_help_shows_what_the_docstring_says() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, Rack)
    text = parser.format_help()
    assert "how many, 1 to 9 (default 1)" in text
    assert "100 % at most (default 0.5)" in text
    assert "--channels" not in text


def test_the_schema_names_types_choices_and_what_is_needed() -> None:
    schema = json_schema(CompressorSettings)
    assert schema["required"] == ["link"]
    assert schema["properties"]["pressure_unit"]["enum"] == [str(unit) for unit in PressureUnit]
    assert schema["properties"]["timeout"]["type"] == "number"
    assert schema["additionalProperties"] is False
