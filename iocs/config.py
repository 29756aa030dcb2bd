"""The site file: many IOCs in one TOML file, checked as a whole, every mistake listed.

::

    [[ioc]]
    name = "cpa"
    instrument = "cpa1110"
    prefix = "LAB:CPA:"
    link = "tcp://192.168.1.20:502"
    pressure_unit = "bar"

Keys that are not of :class:`IocTable` are the instrument's own settings, in the same table.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from drivers.core.loglines import plain
from iocs.app.options import (
    Problem,
    SettingsError,
    json_schema,
    model_of,
    parse,
    read_toml,
    shown,
)
from iocs.app.runner import RunOptions, autosave_path, check_prefix
from iocs.app.serve import ServeOptions
from iocs.ca.access import WriteRule
from iocs.device.instrument import Instrument
from iocs.record.spec import NAME_PATTERN
from iocs.registry import MODULES, UnknownInstrument, load

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_TWICE = "is used more than once"
_ONCE = ("name", "prefix", "port", "link", "autosave")
"""Keys whose value may stand only once in a site."""

SHARED_LINKS = ("can://",)
"""Links that several IOCs may name: a CAN bus has room for several."""


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} must be of A-Z, a-z, 0-9, '_' and '-', and not empty")
    return name


def _check_file(name: str) -> str:
    if not name or "\0" in name:
        raise ValueError(f"{name!r} is not the name of a file")
    try:
        Path(name).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{name!r}: {error}") from None
    return name


def _check_interface(text: str) -> str:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no IPv4 address of this machine; for example 192.168.1.5"
        ) from None
    return text


def _check_host(pattern: str) -> str:
    """Something with a slash must be a network: as a name it would never match."""
    if "/" in pattern:
        try:
            ipaddress.ip_network(pattern, strict=False)
        except ValueError as error:
            raise ValueError(f"{error}; for example 10.1.2.0/24") from None
    return pattern


def _pattern(expression: str) -> Any:
    return Field(json_schema_extra={"pattern": f"^{expression}$"})


Name = Annotated[str, AfterValidator(_check_name), _pattern(_NAME.pattern)]
Prefix = Annotated[str, AfterValidator(check_prefix), _pattern(NAME_PATTERN.pattern)]
Port = Annotated[int, Field(ge=1, le=65535)]
File = Annotated[str, AfterValidator(_check_file)]
Host = Annotated[str, AfterValidator(_check_host)]
Interface = Annotated[
    str, AfterValidator(_check_interface), _pattern(r"([0-9]{1,3}\.){3}[0-9]{1,3}")
]


@dataclass(frozen=True, slots=True)
class WriteTable:
    """Who may write; all three lists must match (see access control in the documentation).

    users: user names, shell patterns.
    hosts: host names (shell patterns), addresses or networks.
    pvs: PV names without the prefix, shell patterns.
    """

    users: list[str] = field(default_factory=lambda: ["*"])
    hosts: list[Host] = field(default_factory=lambda: ["*"])
    pvs: list[str] = field(default_factory=lambda: ["*"])


@dataclass(frozen=True, slots=True)
class IocTable:
    """One ``[[ioc]]`` table, beside the instrument's own settings.

    name: what the IOC is called on the command line, in logs and for autosave.
    instrument: which instrument.
    prefix: what stands in front of every PV name.
    interfaces: addresses to listen on (default: EPICS_CAS_INTF_ADDR_LIST).
    port: TCP port to insist on, for EPICS_CA_NAME_SERVERS.
    read_only: refuse every write.
    autosave: file for the settings, or false for none.
    log_level: debug, info, warning or error.
    log_json: log JSON lines.
    write: who may write; everybody if there is none.
    """

    name: Name
    instrument: str
    prefix: Prefix
    interfaces: list[Interface] = field(default_factory=list)
    port: Port | None = None
    read_only: bool = False
    autosave: File | bool = True
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_json: bool = False
    write: list[WriteTable] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class IocConfig:
    """One IOC of a site, checked."""

    table: IocTable
    instrument: Instrument[Any, Any]
    settings: Any

    def run_options(self, *, list_pvs: bool = False) -> RunOptions:
        table = self.table
        rules = tuple(WriteRule(tuple(w.users), tuple(w.hosts), tuple(w.pvs)) for w in table.write)
        return RunOptions(
            name=table.name,
            prefix=table.prefix,
            serve=ServeOptions(tuple(table.interfaces) or None, table.port, self._autosave()),
            read_only=table.read_only,
            rules=rules,
            list_pvs=list_pvs,
        )

    def _autosave(self) -> Path | None:
        if isinstance(self.table.autosave, str):
            return Path(self.table.autosave).expanduser()
        return autosave_path(self.table.name) if self.table.autosave else None


class ConfigError(ValueError):
    """A site file that cannot be used: every mistake, one a line, with file, table and key."""

    def __init__(self, path: Path, problems: Iterable[str]) -> None:
        self.problems = tuple(map(plain, problems))
        place = plain(path)
        super().__init__("\n".join(f"{place}: {problem}" for problem in self.problems))


def load_site(path: Path) -> list[IocConfig]:
    """Read and check a whole site file. Raises :class:`ConfigError` with all of its mistakes."""
    tables, problems = _read(path)
    found: list[IocConfig] = []
    for number, table in enumerate(tables, 1):
        try:
            found.append(_parse_table(table))
        except SettingsError as error:
            problems += _placed(number, table, error)
    problems += [clash.text for clash in _clashes(tables)]
    if problems:
        raise ConfigError(path, problems)
    return found


def find_ioc(path: Path, name: str) -> IocConfig:
    """One IOC of a site file; of the other tables only what clashes with its own is looked at.

    Raises :class:`ConfigError`.
    """
    tables, problems = _read(path)
    numbers = [number for number, table in enumerate(tables, 1) if table.get("name") == name]
    problems += [clash.text for clash in _clashes(tables) if set(numbers) & set(clash.numbers)]
    if not numbers:
        names = ", ".join(t["name"] for t in tables if isinstance(t.get("name"), str))
        problems.append(f"no IOC named {name!r}; there are {names}")
    for number in numbers:
        try:
            found = _parse_table(tables[number - 1])
        except SettingsError as error:
            problems += _placed(number, tables[number - 1], error)
        else:
            if not problems:
                return found
    raise ConfigError(path, problems)


def _read(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The tables of a site file, and what is wrong outside of them."""
    try:
        document = read_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(path, [error.strerror or str(error)]) from error
    except ValueError as error:
        raise ConfigError(path, [str(error)]) from error
    problems = [f"there is no such table or key: {key}" for key in document if key != "ioc"]
    tables = document.get("ioc", [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise ConfigError(path, [*problems, "ioc must be a list of tables: write [[ioc]]"])
    if not tables:
        problems.append("there is no [[ioc]] table")
    return tables, problems


def _placed(number: int, table: Mapping[str, Any], error: SettingsError) -> list[str]:
    """The mistakes of a table, with its place in the file."""
    name = table.get("name")
    place = f"[[ioc]] {number}" + (f" ({name})" if isinstance(name, str) else "")
    return [f"{place}: {_at(problem)}" for problem in error.problems]


def _at(problem: Problem) -> str:
    return f"key {problem.key}: {problem.text}" if problem.key else problem.text


def _parse_table(table: Mapping[str, Any]) -> IocConfig:
    """One table; the mistakes of its own keys and of the instrument's settings together."""
    own = {f.name for f in dataclasses.fields(IocTable)}
    problems: list[Problem] = []
    parsed: IocTable | None = None
    settings: Any = None
    instrument: Instrument[Any, Any] | None = None
    try:
        parsed = parse(IocTable, {k: v for k, v in table.items() if k in own})
    except SettingsError as error:
        problems += error.problems
    name = table.get("instrument")
    if isinstance(name, str):
        try:
            instrument = load(name)
        except UnknownInstrument as error:
            problems.append(Problem("instrument", str(error)))
    if instrument is not None:
        try:
            settings = _parse_settings(instrument, {k: table[k] for k in table if k not in own})
        except SettingsError as error:
            problems += error.problems
    if problems or parsed is None or instrument is None:
        raise SettingsError(problems)
    return IocConfig(parsed, instrument, settings)


def _parse_settings(instrument: Instrument[Any, Any], table: Mapping[str, Any]) -> Any:
    """An instrument's settings; a wrong link does not hide what else is wrong."""
    try:
        return parse(instrument.settings, table)
    except SettingsError as error:
        problems = list(error.problems)
    if "link" in {problem.key for problem in problems}:
        try:
            parse(instrument.settings, {**table, "link": instrument.example_link})
        except SettingsError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    raise SettingsError(problems)


@dataclass(frozen=True, slots=True)
class _Clash:
    """What several tables of a file must not share."""

    numbers: tuple[int, ...]
    text: str


def _clashes(tables: list[dict[str, Any]]) -> list[_Clash]:
    """What may stand only once in a site but stands more often."""
    found: list[_Clash] = []
    for key in _ONCE:
        users: dict[str | int, list[int]] = defaultdict(list)
        for number, table in enumerate(tables, 1):
            value = table.get(key)
            shared = isinstance(value, str) and value.startswith(SHARED_LINKS)
            if isinstance(value, (str, int)) and not isinstance(value, bool) and not shared:
                users[value].append(number)
        found += [
            _Clash(tuple(numbers), f"{tables_at(numbers)}: key {key}: {shown(value)} {_TWICE}")
            for value, numbers in users.items()
            if len(numbers) > 1
        ]
    return found


def tables_at(numbers: Iterable[int]) -> str:
    """How messages name several tables."""
    return f"[[ioc]] {', '.join(map(str, numbers))}"


def site_schema() -> dict[str, Any]:
    """The JSON Schema of a site file, for editors: per instrument its own keys."""
    definitions: dict[str, Any] = {}
    variants: list[dict[str, Any]] = []
    for name in MODULES:
        own = json_schema(load(name).settings)
        common = model_of(IocTable).model_json_schema()
        definitions.update(common.pop("$defs", {}))
        definitions.update(own.pop("$defs", {}))
        properties = {**common["properties"], **own["properties"]}
        properties["instrument"] = {"const": name, "title": "Instrument"}
        variants.append(
            {
                "title": name,
                "type": "object",
                "properties": properties,
                "required": [*common["required"], *own.get("required", [])],
                "additionalProperties": False,
            }
        )
    return {
        "$schema": SCHEMA_ID,
        "title": "labioc site file",
        "type": "object",
        "properties": {"ioc": {"type": "array", "minItems": 1, "items": {"oneOf": variants}}},
        "required": ["ioc"],
        "additionalProperties": False,
        "$defs": definitions,
    }
