"""The repeated parts of an IOC (channels, meters, inverters), as screens repeat them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from iocs.device.group import DeviceGroup, Group

SUFFIX = "PVs"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an IOC.

    kind: what it is, the name of its class without ``PVs``: ``Channel``.
    prefix: what its PVs have in front, behind the prefix of the IOC: ``M00:CH00:``.
    parent: the same of the part that it belongs to; empty for the IOC.
    names: its own PVs without that prefix, those of its parts left out.
    shape: the kind, with a number where parts of one kind have different PVs: ``Channel2``.
    """

    kind: str
    prefix: str
    parent: str
    names: tuple[str, ...]
    shape: str = ""

    @property
    def own(self) -> str:
        """The last part of its prefix: ``CH00:``."""
        return self.prefix.removeprefix(self.parent)


def parts_of(group: DeviceGroup[Any]) -> tuple[Part, ...]:
    """Every part of an IOC, each before those inside it.

    A part that has no prefix of its own belongs to the one around it.
    """
    shapes: dict[str, list[frozenset[str]]] = {}
    found: list[Part] = []
    for part in _below(group, group.prefix):
        known = shapes.setdefault(part.kind, [])
        names = frozenset(part.names)
        if names not in known:
            known.append(names)
        number = known.index(names) + 1
        found.append(replace(part, shape=f"{part.kind}{number}" if number > 1 else part.kind))
    return tuple(found)


def _below(group: Group, root: str) -> Iterator[Part]:
    for part in group.parts:
        if part.prefix == group.prefix:
            continue
        parent = group.prefix.removeprefix(root)
        kind = type(part).__name__.removesuffix(SUFFIX)
        names = tuple(name.removeprefix(part.prefix) for name in _own(part))
        yield Part(kind, part.prefix.removeprefix(root), parent, names)
        yield from _below(part, root)


def _own(part: Group) -> list[str]:
    inside = {name for p in part.parts if p.prefix != part.prefix for name in p.pvdb}
    return [name for name in part.pvdb if name not in inside]
