"""One IOC, as everything that is generated for it sees it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .parts import Part
from .rows import Row


@dataclass(frozen=True, slots=True)
class Target:
    """One IOC to export for: its name, its instrument, its prefix, its PVs and repeated parts."""

    name: str
    instrument: str
    title: str
    prefix: str
    rows: tuple[Row, ...]
    parts: tuple[Part, ...] = ()


def screen_names(targets: Sequence[Target]) -> Iterator[tuple[Target, str]]:
    """Each IOC with the name of its screen: that of its instrument, which all IOCs of it share.

    Where settings give IOCs of one instrument PVs that look different, each has screens of its own.
    """
    looks: dict[str, set[str]] = {}
    for target in targets:
        looks.setdefault(target.instrument, set()).add(_look(target))
    for target in targets:
        shared = len(looks[target.instrument]) == 1
        yield target, target.instrument if shared else target.name


def _look(target: Target) -> str:
    """All of an IOC that a screen may depend on."""
    specs = [(row.name, row.spec, row.alarms) for row in target.rows]
    return repr((target.title, specs, target.parts))
