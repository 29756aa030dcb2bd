"""Site files: what they describe, and every mistake of one at once with file, table and key."""

from __future__ import annotations

import inspect
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from drivers.cpa1110.settings import CompressorSettings
from drivers.cpa1110.units import PressureUnit
from iocs.app.options import model_of, parse
from iocs.app.runner import autosave_path
from iocs.ca.access import WriteRule
from iocs.config import ConfigError, IocTable, find_ioc, load_site, site_schema
from iocs.registry import MODULES

GOOD = """
[[ioc]]
name = "cpa-1"
instrument = "cpa1110"
prefix = "LAB:CPA1:"
link = "tcp://192.168.1.20"
pressure_unit = "kPa"
timeout = 2
interfaces = ["192.168.1.5"]
port = 5070
log_level = "warning"

[[ioc.write]]
users = ["operator", "ops-*"]
hosts = ["10.1.2.0/24", "console"]

[[ioc.write]]
users = ["expert"]
pvs = ["Scan:*"]

[[ioc]]
name = "cpa_2"
instrument = "cpa1110"
prefix = "LAB:CPA2:"
link = "serial:///dev/ttyUSB0?baud=9600&parity=E"
read_only = true
autosave = false
"""

TEN_MISTAKES = """
colour = "blue"

[[ioc]]
name = "cold head"
instrument = "cpa1110"
prefix = "LAB CPA:"
link = "tcp:/192.168.1.20"
pressure_unit = "mbar"
timeout = 99.0
confirm_timeout = 0
speed = 3

[[ioc]]
name = "other"
instrument = "cpa1111"
prefix = "LAB:"
port = 0

[[ioc.write]]
hosts = ["10.0.0.0/99"]

[[ioc]]
instrument = "cpa1110"
prefix = "LAB:"
link = "tcp://192.168.1.21"
autosave = ""
"""


def site(tmp_path: Path, text: str) -> Path:
    """A site file."""
    path = tmp_path / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(path: Path) -> list[str]:
    """The lines of what is wrong with a file, without the file's name, which each must have."""
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    assert len(lines) == len(caught.value.problems)
    return [line.removeprefix(f"{path}: ") for line in lines]


def test_a_good_file_is_read_whole(tmp_path: Path) -> None:
    one, two = load_site(site(tmp_path, GOOD))
    assert (one.table.name, one.instrument.name, one.table.prefix) == (
        *("cpa-1", "cpa1110", "LAB:CPA1:"),
    )
    assert one.settings == CompressorSettings(
        "tcp://192.168.1.20", pressure_unit=PressureUnit.KPA, timeout=2.0
    )
    options = one.run_options(list_pvs=True)
    assert options.rules == (
        WriteRule(users=("operator", "ops-*"), hosts=("10.1.2.0/24", "console")),
        WriteRule(users=("expert",), pvs=("Scan:*",)),
    )
    assert (options.name, options.read_only, options.list_pvs) == ("cpa-1", False, True)
    assert (options.serve.interfaces, options.serve.port) == (("192.168.1.5",), 5070)
    assert options.serve.autosave == autosave_path("cpa-1")
    assert two.settings.link == "serial:///dev/ttyUSB0?baud=9600&parity=E"
    assert two.run_options().read_only
    assert two.run_options().serve.autosave is None
    assert two.run_options().serve.interfaces is None


def test_autosave_takes_a_file(tmp_path: Path) -> None:
    text = GOOD.replace("autosave = false", 'autosave = "~/cpa.json"')
    two = find_ioc(site(tmp_path, text), "cpa_2")
    assert two.run_options().serve.autosave == Path.home() / "cpa.json"


def test_every_mistake_of_a_file_is_listed_at_once(tmp_path: Path) -> None:
    first, second, third = "[[ioc]] 1 (cold head)", "[[ioc]] 2 (other)", "[[ioc]] 3"
    name = "must be of A-Z, a-z, 0-9, '_' and '-', and not empty"
    assert set(mistakes(site(tmp_path, TEN_MISTAKES))) == {
        "there is no such table or key: colour",
        f"{first}: key name: 'cold head' {name}",
        (
            f"{first}: key prefix: 'LAB CPA:' must be of A-Z, a-z, 0-9, '_', ':' and '-', "
            "and not empty"
        ),
        (
            f"{first}: key link: 'tcp:/192.168.1.20': it must start with one of tcp://, "
            "rtu+tcp://, serial://, udp://, tcp-listen://, can://; "
            "for example tcp://192.168.1.20:502"
        ),
        f"{first}: key pressure_unit: input should be 'psi', 'bar' or 'kPa', not 'mbar'",
        f"{first}: key timeout: 99 is not from 0.05 to 60",
        f"{first}: key confirm_timeout: 0 is not from 0.5 to 60",
        f"{first}: key speed: there is no such key",
        f"{second}: key instrument: no instrument 'cpa1111'; there are {', '.join(MODULES)}",
        f"{second}: key port: input should be greater than or equal to 1, not 0",
        (
            f"{second}: key write.0.hosts.0: '10.0.0.0/99' does not appear to be an IPv4 or IPv6 "
            "network; for example 10.1.2.0/24"
        ),
        f"{third}: key name: is missing",
        (
            f"{third}: key autosave: '' is not the name of a file, "
            "or input should be a valid boolean, not ''"
        ),
        "[[ioc]] 2, 3: key prefix: 'LAB:' is used more than once",
    }


@pytest.mark.parametrize("key", ["name", "prefix", "link", "port", "autosave"])
def test_what_may_stand_only_once_is_told_with_its_tables(tmp_path: Path, key: str) -> None:
    value = {"port": "5070", "autosave": '"a.json"'}.get(key, '"tcp://h"')
    if key in ("name", "prefix"):
        value = '"same"'
    tables = ""
    for number in (1, 2):
        keys = {
            "name": f'"cpa{number}"',
            "instrument": '"cpa1110"',
            "prefix": f'"P{number}:"',
            "link": f'"tcp://h{number}"',
            key: value,
        }
        tables += "[[ioc]]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items())
    text = value.strip('"')
    shown = text if key == "port" else repr(text)
    assert mistakes(site(tmp_path, tables)) == [
        f"[[ioc]] 1, 2: key {key}: {shown} is used more than once"
    ]


def test_two_iocs_may_both_keep_or_not_keep_settings(tmp_path: Path) -> None:
    text = GOOD.replace(
        '[[ioc.write]]\nusers = ["op', 'autosave = false\n[[ioc.write]]\nusers = ["op'
    )
    assert len(load_site(site(tmp_path, text))) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "there is no [[ioc]] table"),
        ("[ioc]\nname = 1", "ioc must be a list of tables: write [[ioc]]"),
        ("ioc = [1]", "ioc must be a list of tables: write [[ioc]]"),
        ("[[ioc]\n", "line 1"),
        (f"a = {'9' * 5000}", "4300 digits"),
        (f"a = {'[' * 100_000}", "nested too deeply"),
    ],
)
def test_a_file_that_is_no_site_says_so(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in "\n".join(mistakes(site(tmp_path, text)))


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    assert mistakes(tmp_path / "none.toml") == ["No such file or directory"]
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    assert "decode" in mistakes(binary)[0]


def test_an_unknown_ioc_is_told_with_those_there_are(tmp_path: Path) -> None:
    path = site(tmp_path, GOOD)
    with pytest.raises(ConfigError, match="no IOC named 'cpa3'; there are cpa-1, cpa_2"):
        find_ioc(path, "cpa3")
    assert find_ioc(path, "cpa_2").table.prefix == "LAB:CPA2:"


def many(count: int) -> str:
    """A site of so many IOCs."""
    return "".join(
        f'[[ioc]]\nname = "c{n}"\ninstrument = "cpa1110"\nprefix = "C{n}:"\nlink = "tcp://h{n}"\n'
        for n in range(count)
    )


def test_an_ioc_of_a_large_site_reads_its_own_table_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = site(tmp_path, many(50))
    parsed: list[type] = []

    def counting(settings: type, table: Mapping[str, Any]) -> Any:
        parsed.append(settings)
        return parse(settings, table)

    monkeypatch.setattr("iocs.config.parse", counting)
    assert find_ioc(path, "c7").table.prefix == "C7:"
    assert parsed == [IocTable, CompressorSettings]
    parsed.clear()
    assert len(load_site(path)) == 50
    assert len(parsed) == 100


def test_the_models_of_settings_are_made_once() -> None:
    assert model_of(CompressorSettings) is model_of(CompressorSettings)


def test_a_mistake_of_another_ioc_stops_only_that_one(tmp_path: Path) -> None:
    path = site(tmp_path, many(2).replace("tcp://h1", "tcp:/h1"))
    assert find_ioc(path, "c0").table.name == "c0"
    with pytest.raises(ConfigError, match=r"\[\[ioc\]\] 2 \(c1\): key link: 'tcp:/h1'"):
        find_ioc(path, "c1")
    with pytest.raises(ConfigError, match="key link"):
        load_site(path)


@pytest.mark.parametrize("key", ["name", "prefix", "link"])
def test_an_ioc_that_clashes_with_another_is_not_run(tmp_path: Path, key: str) -> None:
    one, two = {"name": ("c0", "c1"), "prefix": ("C0:", "C1:"), "link": ("//h0", "//h1")}[key]
    path = site(tmp_path, many(3).replace(one, two))
    with pytest.raises(ConfigError, match=rf"^.*\[\[ioc\]\] 1, 2: key {key}: .* more than once$"):
        find_ioc(path, "c1")
    assert find_ioc(path, "c2").table.prefix == "C2:"


def validator() -> jsonschema.Draft202012Validator:
    """What an editor checks a site file with."""
    schema = site_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(json.loads(json.dumps(schema)))


def test_the_schema_takes_a_good_file() -> None:
    assert list(validator().iter_errors(tomllib.loads(GOOD))) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("instrument", "cpa1111"),
        ("prefix", "LAB CPA:"),
        ("prefix", ""),
        ("name", "cold head"),
        ("pressure_unit", "mbar"),
        ("timeout", "2"),
        ("port", 0),
        ("port", "5070"),
        ("read_only", "yes"),
        ("log_level", "loud"),
        ("write", {"users": ["x"]}),
        ("write", [{"user": ["x"]}]),
        ("interfaces", "127.0.0.1"),
        ("interfaces", ["nonsense"]),
        ("speed", 1),
    ],
)
def test_the_schema_and_the_check_refuse_the_same_mistakes(
    tmp_path: Path, key: str, value: object
) -> None:
    document: dict[str, Any] = tomllib.loads(GOOD)
    document["ioc"][0][key] = value
    assert not validator().is_valid(document)
    text = "".join(
        "[[ioc]]\n" + "".join(f"{k} = {_toml(v)}\n" for k, v in table.items())
        for table in document["ioc"]
    )
    assert [line for line in mistakes(site(tmp_path, text)) if f"key {key}" in line]


def _toml(value: Any) -> str:
    """A value as TOML, tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


@pytest.mark.parametrize("key", ["name", "instrument", "prefix", "link"])
def test_the_schema_asks_for_what_is_needed(key: str) -> None:
    document: dict[str, Any] = tomllib.loads(GOOD)
    del document["ioc"][0][key]
    assert not validator().is_valid(document)


def test_every_setting_is_explained() -> None:
    """A key that nobody explains cannot be set rightly."""
    for kind in (IocTable, CompressorSettings):
        text = f"\n{inspect.getdoc(kind)}"
        for name in kind.__dataclass_fields__:
            assert f"\n{name}: " in text, f"{kind.__name__}.{name}"
