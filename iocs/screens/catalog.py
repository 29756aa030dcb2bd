"""The PVs of an IOC under the names that screens use, with macros in place of the prefix.

A layout asks for a PV by the name that the IOC declares; one that does not exist is an error when
the screens are made, not an empty field in a control room.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from iocs.ca.dbr import Native
from iocs.device.health_pvs import HealthPVs
from iocs.export.bob_values import Macros
from iocs.export.parts import Part
from iocs.export.rows import Row, Section
from iocs.export.target import Target
from iocs.record.spec import Presence

PREFIX = "$(P)$(R)"
PART = "$(M)"
NAME = "$(N)"
"""Macros: P and R are together the prefix of the IOC, M is that of a part of it (``M00:CH00:``), N
the part's name to show (``CH00``)."""

TREND, DETAIL, HEALTH, TILE = "trend", "detail", "health", "wall"
"""Screens that every IOC has beside its main one, as their files end."""

CONNECTED = HealthPVs.connected.spec.name
"""Whether a device answers: of an IOC, and of a part that can be away by itself."""

FACILITY = Macros((("P", "$(P)"),))
"""What a link to the index hands on: it is one screen, whichever instrument it is opened from."""

HANDED = Macros((("P", "$(P)"), ("R", "$(R)")))
"""What every link hands on."""


class UnknownPV(ValueError):
    """A layout asks for a PV that the IOC does not have."""


class MissingParts(ValueError):
    """Screens are made without asking the instrument, so the configuration must tell its parts."""


def handed(part: str, name: str = "") -> Macros:
    """What a link to the screen of a part hands on: `part` is M there, `name` is N."""
    named = (("N", name),) if name else ()
    return Macros((*HANDED.pairs, ("M", part), *named))


@dataclass(frozen=True, slots=True)
class Pv:
    """One PV on a screen: what was declared of it, and its name with macros.

    alive: the PV that tells whether the device behind it answers.
    sign: a number that is read of a part without such a PV of its own; empty for others.
    """

    row: Row
    name: str
    alive: str
    sign: str = ""

    @property
    def desc(self) -> str:
        """What it is, for a label."""
        return self.row.spec.desc

    @property
    def optional(self) -> bool:
        """Whether it is no fault if the device has none of it."""
        return self.row.spec.presence is not Presence.ALWAYS

    @property
    def guidance(self) -> str:
        """What an alarm of it means and what to do, as the alarm server shows it; may be empty."""
        return self.row.spec.guidance

    @property
    def units(self) -> str:
        return self.row.spec.units

    def inside(self, part: str) -> Pv:
        """The same PV of a part of the part that the macro M names: ``$(M)CH00:``."""
        return replace(self, name=self.name.replace(PART, PART + part))

    @property
    def long_text(self) -> bool:
        """Whether it is a text in an array of characters, which must be told to Phoebus."""
        return self.row.spec.text

    @property
    def wide(self) -> bool:
        """Whether it needs a line of its own: texts and arrays."""
        return self.row.spec.count > 1

    @property
    def enum(self) -> bool:
        return self.row.spec.native is Native.ENUM

    @property
    def is_connection(self) -> bool:
        """Whether it tells itself that it is not fresh."""
        return self.row.name.rpartition(":")[2] == CONNECTED

    @property
    def command(self) -> bool:
        """Whether writing to it does something once, instead of setting a value that stays."""
        spec = self.row.spec
        return spec.writable and spec.record == "bo" and not self.row.readback


class Pvs:
    """The PVs of an IOC, or of one kind of part of it, by their names.

    prefix: what the names of the IOC's own PVs have in front.
    """

    def __init__(self, rows: Mapping[str, Row], prefix: str, where: str, part: str = "") -> None:
        self._rows = rows
        self.macros = prefix + part
        self._where = where
        alone = CONNECTED in rows
        self._alive = (self.macros if alone else prefix) + CONNECTED
        numbers = (name for name, row in rows.items() if row.spec.numeric)
        read = next((name for name in numbers if not rows[name].spec.writable), "")
        self._sign = self.macros + read if part and read and not alone else ""

    def __getitem__(self, name: str) -> Pv:
        if name not in self._rows:
            near = difflib.get_close_matches(name, list(self._rows), 1)
            hint = f"; is {near[0]!r} meant?" if near else ""
            raise UnknownPV(f"{self._where} has no PV {name!r}{hint}")
        return Pv(self._rows[name], self.macros + name, self._alive, self._sign)

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[Pv]:
        return (self[name] for name in self._rows)

    def some(self, *names: str) -> list[Pv]:
        """Several by name."""
        return [self[name] for name in names]

    def below(self, level: str) -> list[Pv]:
        """Those whose name starts with a level: ``Warning:``."""
        return [self[name] for name in self._rows if name.startswith(level)]

    def readback(self, pv: Pv) -> Pv:
        """The readback of a set point."""
        base = pv.row.name.removesuffix(pv.name.removeprefix(self.macros))
        return self[pv.row.readback.removeprefix(base)]


class Ioc:
    """One IOC with its parts, for the screens.

    file: its main screen, without the ending, and the start of the names of the others.
    prefix: what the names of its PVs have in front.
    """

    def __init__(self, target: Target, file: str, prefix: str = PREFIX) -> None:
        self.target = target
        self.file = file
        self._prefix = prefix
        self.instrument = target.instrument
        self.title = target.title
        self.prefix = target.prefix
        self.rows = {row.name: row for row in target.rows}
        self.parts = target.parts
        self.pvs = Pvs(self.rows, prefix, f"the IOC of {target.name}")
        inside = {part.prefix + name for part in target.parts for name in part.names}
        own = {name: row for name, row in self.rows.items() if name not in inside}
        self.own = Pvs(own, prefix, f"the IOC of {target.name}, outside of its parts,")

    def screen(self, what: str) -> str:
        """The file of one of its other screens, without the ending."""
        return f"{self.file}_{what}"

    @property
    def shapes(self) -> list[str]:
        """The shapes of parts that the IOC has, outermost first."""
        return list(dict.fromkeys(part.shape for part in self.parts))

    def parts_of(self, kind: str, parent: str | None = None) -> list[Part]:
        """The parts of one kind, of one parent if that is given."""
        return [p for p in self.parts if p.kind == kind and parent in (None, p.parent)]

    def required(self, kind: str, parent: str | None = None) -> list[Part]:
        """The same, at least one; raises :class:`MissingParts`."""
        if found := self.parts_of(kind, parent):
            return found
        raise self._missing(f"{kind} of {parent}" if parent else kind)

    def _missing(self, what: str) -> MissingParts:
        return MissingParts(
            f"the configuration of {self.target.name} does not tell of any {what};"
            " screens need their number, since they are made without asking the instrument"
        )

    def shape_of(self, kind: str) -> str:
        """The one shape of a kind; empty if its parts differ."""
        shapes = {part.shape for part in self.parts_of(kind)}
        return shapes.pop() if len(shapes) == 1 else ""

    def common_parts(self, shape: str) -> list[tuple[str, str]]:
        """Shape and prefix of the parts inside that all parts of a shape have."""
        inside = [
            [(p.shape, p.own) for p in self.parts if p.parent == one.prefix]
            for one in self.parts
            if one.shape == shape
        ]
        return [entry for entry in inside[0] if all(entry in other for other in inside)]

    def other_parts(self) -> list[tuple[str, str]]:
        """Shape and prefix of the parts that not all parts of a shape lead to."""
        shapes = {part.prefix: part.shape for part in self.parts}
        common = {shape: self.common_parts(shape) for shape in self.shapes}
        return [
            (p.shape, p.prefix)
            for p in self.parts
            if (p.shape, p.own) not in common.get(shapes.get(p.parent, ""), [])
        ]

    def name_of(self, part: Part) -> str:
        """What a part is called beside its siblings: ``CH00``."""
        return part.own.rstrip(":")

    def part(self, kind: str) -> Pvs:
        """The PVs that every part of a kind has, with the macro M in their names."""
        return self._shared(kind, self.parts_of(kind))

    def shape(self, shape: str) -> Pvs:
        """The PVs of the parts of one shape, with the macro M in their names."""
        return self._shared(shape, [part for part in self.parts if part.shape == shape])

    def _shared(self, what: str, parts: Sequence[Part]) -> Pvs:
        if not parts:
            raise self._missing(what)
        shared = set(parts[0].names).intersection(*(part.names for part in parts))
        first = parts[0].prefix
        rows = {
            name.removeprefix(first): row
            for name, row in self.rows.items()
            if name.startswith(first) and name.removeprefix(first) in shared
        }
        return Pvs(rows, self._prefix, f"{what} of the IOC of {self.target.name}", PART)

    def section(self, *sections: Section) -> list[Pv]:
        """The PVs of some sections that belong to no part."""
        return [pv for pv in self.own if pv.row.section in sections]
