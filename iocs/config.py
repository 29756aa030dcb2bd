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
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from iocs.core.access import WriteRule
from iocs.core.instrument import Instrument
from iocs.core.options import Problem, SettingsError, json_schema, model_of, parse
from iocs.core.runner import RunOptions, autosave_path, check_prefix
from iocs.core.serve import ServeOptions
from iocs.registry import MODULES, UnknownInstrument, load

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class WriteTable:
    """Who may write; all three lists must match (see access control in the documentation).

    users: user names, shell patterns.
    hosts: host names (shell patterns), addresses or networks.
    pvs: PV names without the prefix, shell patterns.
    """

    users: list[str] = field(default_factory=lambda: ["*"])
    hosts: list[str] = field(default_factory=lambda: ["*"])
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

    name: str
    instrument: str
    prefix: str
    interfaces: list[str] = field(default_factory=list)
    port: int | None = None
    read_only: bool = False
    autosave: str | bool = True
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_json: bool = False
    write: list[WriteTable] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.name or not self.name.replace("-", "").replace("_", "").isalnum():
            raise ValueError(f"name {self.name!r} must be of letters, digits, '-' and '_'")
        check_prefix(self.prefix)
        if self.port is not None and not 1 <= self.port <= 65535:
            raise ValueError(f"port {self.port} is not from 1 to 65535")


@dataclass(frozen=True, slots=True)
class IocConfig:
    """One IOC of a site, checked."""

    table: IocTable
    instrument: Instrument[Any, Any]
    settings: Any

    def run_options(self, *, list_pvs: bool = False) -> RunOptions:
        """How to run it."""
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
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{path}: {problem}" for problem in self.problems))


def load_site(path: Path) -> list[IocConfig]:
    """Read and check a whole site file. Raises :class:`ConfigError` with all of its mistakes."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(path, [error.strerror or str(error)]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(path, [str(error)]) from error
    problems = [f"there is no such table or key: {key}" for key in document if key != "ioc"]
    tables = document.get("ioc", [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise ConfigError(path, [*problems, "ioc must be a list of tables: write [[ioc]]"])
    if not tables:
        problems.append("there is no [[ioc]] table")
    found: list[IocConfig] = []
    for number, table in enumerate(tables, 1):
        place = f"[[ioc]] {number}" + (f" ({table['name']})" if "name" in table else "")
        try:
            found.append(_parse_table(table))
        except SettingsError as error:
            problems += [f"{place}: {_at(p)}" for p in error.problems]
    problems += _clashes(tables)
    if problems:
        raise ConfigError(path, problems)
    return found


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
    try:
        instrument = load(str(table.get("instrument")))
    except UnknownInstrument as error:
        if "instrument" in table:
            problems.append(Problem("instrument", str(error)))
    if instrument is not None:
        try:
            settings = parse(instrument.settings, {k: v for k, v in table.items() if k not in own})
        except SettingsError as error:
            problems += error.problems
    if problems or parsed is None or instrument is None:
        raise SettingsError(problems)
    return IocConfig(parsed, instrument, settings)


def _clashes(tables: list[dict[str, Any]]) -> list[str]:
    """What may stand only once in a site: names, prefixes, TCP ports, links."""
    problems: list[str] = []
    for key in ("name", "prefix", "port", "link"):
        users: dict[Any, list[int]] = defaultdict(list)
        for number, table in enumerate(tables, 1):
            shared = str(table.get(key)).startswith("can://")  # a CAN bus may serve several IOCs
            if isinstance(table.get(key), (str, int)) and not shared:
                users[table[key]].append(number)
        problems += [
            f"[[ioc]] {', '.join(map(str, numbers))}: key {key}: {value!r} is used more than once"
            for value, numbers in users.items()
            if len(numbers) > 1
        ]
    return problems


def find_ioc(path: Path, name: str) -> IocConfig:
    """One IOC of a site file. Raises :class:`ConfigError`."""
    site = load_site(path)
    for ioc in site:
        if ioc.table.name == name:
            return ioc
    names = ", ".join(ioc.table.name for ioc in site)
    raise ConfigError(path, [f"no IOC named {name!r}; there are {names}"])


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
