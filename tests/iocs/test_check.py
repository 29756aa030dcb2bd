"""`labioc check`: what it says of any site file, and that it never breaks on one."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iocs import cli, registry
from iocs.config import IocTable

METERS = """
[[ioc]]
name = "{name}"
instrument = "cvm96"
prefix = "{prefix}"
link = "rtu+tcp://{name}:502"
meters = [{{name = "{meter}", address = 1}}]
"""
COMPRESSOR = """
[[ioc]]
name = "cold"
instrument = "cpa1110"
prefix = "LAB:CPA:"
link = "tcp://192.168.1.20:502"
"""


def check(folder: Path, text: str) -> tuple[int, list[str], list[str]]:
    """The exit code and the lines of both outputs, without the name of the file."""
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(["check", str(path)])
    told = err.getvalue().replace(f"{path}: ", "")
    return code, out.getvalue().split("\n")[:-1], told.split("\n")[:-1]


def test_pvs_that_two_iocs_share_under_different_prefixes_are_told(tmp_path: Path) -> None:
    text = METERS.format(name="a", prefix="A:", meter="Main")
    text += METERS.format(name="b", prefix="A:Main:", meter="Other")
    code, _, told = check(tmp_path, text)
    assert code == 1
    [line] = told
    assert line.startswith("[[ioc]] 1, 2: key prefix: all of them have A:Main:")


def test_one_prefix_may_begin_with_another(tmp_path: Path) -> None:
    text = METERS.format(name="a", prefix="A:", meter="Main")
    text += METERS.format(name="b", prefix="A:Hall:", meter="Other")
    assert check(tmp_path, text)[0] == 0


@pytest.mark.parametrize("digits", ["1" + "0" * 400, "0x" + "f" * 5000, "9223372036854775808"])
def test_whole_numbers_that_no_float_holds_are_told(tmp_path: Path, digits: str) -> None:
    text = METERS.format(name="a", prefix="A:", meter="Main") + f"retries = {digits}\n"
    code, _, told = check(tmp_path, text)
    assert code == 1
    [line] = told
    assert line.startswith("[[ioc]] 1 (a): key retries: ")
    assert line.endswith("has more than 64 bits")
    assert len(line) < 120


@pytest.mark.parametrize("key", [f.name for f in dataclasses.fields(IocTable)] + ["link", "x"])
def test_a_number_too_long_to_be_written_is_told_at_any_key(tmp_path: Path, key: str) -> None:
    kept = [line for line in COMPRESSOR.splitlines() if not line.startswith(f"{key} =")]
    text = "\n".join([*kept, f"{key} = 0x{'f' * 5000}", ""])
    code, _, told = check(tmp_path, text + text)
    assert code == 1
    assert [line for line in told if f"key {key}: " in line]


def test_what_a_terminal_would_obey_is_shown_escaped(tmp_path: Path) -> None:
    code, _, told = check(tmp_path, '"\\u001b[31mred\\nsite.toml: fine" = 1\n' + COMPRESSOR)
    assert code == 1
    assert told == [r"there is no such table or key: \x1b[31mred\nsite.toml: fine"]


@pytest.mark.parametrize("interface", ["nonsense", "localhost", "", "::1", "10.1.2.0/24"])
def test_an_interface_must_be_an_address(tmp_path: Path, interface: str) -> None:
    code, _, told = check(tmp_path, COMPRESSOR + f'interfaces = ["127.0.0.1", "{interface}"]\n')
    assert code == 1
    [line] = told
    assert line == (
        f"[[ioc]] 1 (cold): key interfaces.1: {interface!r} is no IPv4 address of this machine; "
        "for example 192.168.1.5"
    )


def test_hosts_of_a_rule_that_clients_may_claim_are_warned_of(tmp_path: Path) -> None:
    hosts = ["*", "10.1.2.3", "10.1.2.0/24", "fe80::1", "10.1.2.*", "console-*"]
    text = COMPRESSOR + f"[[ioc.write]]\nhosts = {json.dumps(hosts)}\n"
    code, rows, told = check(tmp_path, text)
    assert code == 0
    assert len(rows) == 2
    start = "warning: [[ioc]] 1 (cold): key write.0.hosts"
    claimed = "is compared with the host name that a client claims and may choose freely; "
    assert [line.partition("an address")[0] for line in told] == [
        f"{start}.4: '10.1.2.*' {claimed}",
        f"{start}.5: 'console-*' {claimed}",
    ]


# -- any file

LINKS = {
    "cpa1110": "tcp://h",
    "cvm96": "rtu+tcp://h:1",
    "iseg": "can://socketcan/can0?bitrate=125000",
    "xcom": "tcp://h",
    "arbin": "tcp://h:9031",
}
OTHERS: dict[str, dict[str, Any]] = {
    "cvm96": {"meters": [{"name": "Main", "address": 1}]},
    "iseg": {"modules": [{"name": "M00", "address": 0}]},
}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "\x1b[31m",
        "a\nb",
        "\x7f",
        "\u202e",
        "\x9b31m",
        "~nobody-there/x",
        "\0",
        "tcp://\x1b[2J",
        "A:",
    ]
)
scalars = (
    st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, -1, 65535, 10**400, -(10**400)])
    | st.floats()
    | st.dates()
    | st.datetimes()
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    """A good table of some instrument, some of its keys changed to anything."""
    name = draw(st.sampled_from(list(registry.MODULES)))
    table: dict[str, Any] = {
        "name": "a",
        "instrument": name,
        "prefix": draw(st.sampled_from(["A:", "B:", "A:Main:"])),
        "link": LINKS[name],
        **OTHERS.get(name, {}),
    }
    own = [field.name for field in dataclasses.fields(registry.load(name).settings)]
    common = [field.name for field in dataclasses.fields(IocTable)]
    changes = st.dictionaries(st.sampled_from([*own, *common]) | texts, values, max_size=3)
    table.update(draw(changes))
    rules = st.dictionaries(st.sampled_from(["users", "hosts", "pvs"]), st.lists(texts, max_size=2))
    if draw(st.booleans()):
        table["write"] = draw(st.lists(rules, max_size=2))
    return table


def toml(value: Any) -> str:
    """A value as TOML, tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower()


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(tables(), max_size=3), st.dictionaries(texts, values, max_size=1))
def test_any_file_is_fine_or_told_what_is_wrong(
    tmp_path: Path, iocs: list[dict[str, Any]], top: dict[str, Any]
) -> None:
    document = "".join(f"{toml(key)} = {toml(value)}\n" for key, value in top.items())
    for table in iocs:
        document += "[[ioc]]\n" + "".join(f"{toml(k)} = {toml(v)}\n" for k, v in table.items())
    code, rows, told = check(tmp_path, document)
    assert code == (0 if rows else 1)
    assert bool(rows) == (not [line for line in told if not line.startswith("warning: ")])
    assert all(line.isprintable() for line in (*rows, *told))
