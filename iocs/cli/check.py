"""``labioc check site.toml``: every mistake of a site file at once, also those of its PVs."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from drivers.core.loglines import plain
from iocs.app.runner import make_group
from iocs.ca.access import network_of
from iocs.cli.text import aligned, fail
from iocs.config import SHARED_LINKS, ConfigError, IocConfig, load_site, tables_at
from iocs.device.group import DeviceGroup

MAX_NAME = 60
"""Characters of a record name in EPICS Base (dbBase, PVNAME_STRINGSZ 61 with its NUL)."""


def add_parsers(subparsers: Any) -> None:
    """Add ``check``."""
    parser = subparsers.add_parser("check", help="check a site file, every mistake at once")
    parser.add_argument("file", type=Path)
    parser.set_defaults(handler=check)


def check(arguments: argparse.Namespace) -> int:
    """Print what the file describes, or all of its mistakes; exit code 1 if there are any."""
    try:
        site = load_site(arguments.file)
        _check_pvs(arguments.file, site)
    except ConfigError as error:
        return fail(str(error), 1)
    for warning in _warnings(site):
        fail(f"{arguments.file}: warning: {warning}")
    rows = [("name", "instrument", "prefix", "link")]
    rows += [
        (ioc.table.name, ioc.instrument.name, ioc.table.prefix, plain(ioc.settings.link))
        for ioc in site
    ]
    print(aligned(rows))
    return 0


def _check_pvs(path: Path, site: Sequence[IocConfig]) -> None:
    """Make the PVs of every IOC, without touching a wire. Raises :class:`ConfigError`."""
    problems: list[str] = []
    links: dict[str, list[int]] = defaultdict(list)
    names: dict[str, list[int]] = defaultdict(list)
    for number, ioc in enumerate(site, 1):
        place = f"[[ioc]] {number} ({ioc.table.name})"
        try:
            group = make_group(ioc.instrument, ioc.settings, ioc.run_options())
        except ValueError as error:
            problems.append(f"{place}: {error}")
            continue
        links[group.device.link].append(number)
        for name in group.pvdb:
            names[name].append(number)
        problems += [f"{place}: {problem}" for problem in _pv_problems(ioc, group)]
    problems += [
        f"{tables_at(numbers)}: key link: {link!r} is used more than once"
        for link, numbers in links.items()
        if len(numbers) > 1 and not link.startswith(SHARED_LINKS)
    ]
    problems += _shared_names(names)
    if problems:
        raise ConfigError(path, problems)


def _shared_names(users: dict[str, list[int]]) -> Iterator[str]:
    """PVs that several IOCs would serve; clients would get the one that answers first."""
    shared: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for name, numbers in users.items():
        if len(numbers) > 1:
            shared[tuple(numbers)].append(name)
    for numbers, names in shared.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"{tables_at(numbers)}: key prefix: all of them have {names[0]}{more}"


def _warnings(site: Sequence[IocConfig]) -> Iterator[str]:
    """What is no mistake, but may not mean what its author believes."""
    for number, ioc in enumerate(site, 1):
        for index, rule in enumerate(ioc.table.write):
            for place, host in enumerate(rule.hosts):
                if host != "*" and network_of(host) is None:
                    yield (
                        f"[[ioc]] {number} ({ioc.table.name}): key write.{index}.hosts.{place}: "
                        f"{host!r} is compared with the host name that a client claims and may "
                        "choose freely; an address or network (10.1.2.0/24) is compared with "
                        "where it really is"
                    )


def _pv_problems(ioc: IocConfig, group: DeviceGroup[Any]) -> Iterator[str]:
    longest = max(group.pvdb, key=len)
    if len(longest) > MAX_NAME:
        yield (
            f"key prefix: {longest} has {len(longest)} characters; a PV name has at most {MAX_NAME}"
        )
    if group.may_grow:
        return
    names = [name.removeprefix(group.prefix) for name in group.pvdb]
    for index, rule in enumerate(ioc.table.write):
        for pattern in rule.pvs:
            if not any(fnmatchcase(name, pattern) for name in names):
                yield f"key write.{index}.pvs: {pattern!r} matches no PV of this IOC"
