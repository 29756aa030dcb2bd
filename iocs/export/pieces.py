"""The pieces of an IOC that get a record database template of their own.

Each kind of part has one, the PVs that belong to no part have one, and so have what every IOC
brings along: its scans, its health. So a template depends on what it is of, not on how many of it
a site has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from .db import LEVEL, PART, Entry, Piece, template
from .rows import Row, Section, number_text
from .target import Target


def pieces_of(target: Target) -> Iterator[Piece]:
    """Every piece of an IOC; each PV is in one."""
    sections: dict[Section, list[Row]] = {section: [] for section in Section}
    for row in target.rows:
        sections[row.section].append(row)
    for piece in _parts(target, sections[Section.INSTRUMENT]):
        repeated = list(_repeated(piece))
        taken = {row.name for part in repeated for row in part.rows}
        if rest := tuple(row for row in piece.rows if row.name not in taken):
            yield replace(piece, rows=rest)
        yield from repeated
    scans: dict[str, list[Row]] = {}
    for row in sections[Section.SCAN]:
        scans.setdefault(row.name.rpartition(":")[0], []).append(row)
    yield from (_scan(place, rows) for place, rows in scans.items())
    yield _health([*sections[Section.HEALTH], *sections[Section.IOC]])


def _parts(target: Target, rows: list[Row]) -> Iterator[Piece]:
    """What belongs to no part, and each part."""
    owners = {part.prefix + name: part.prefix for part in target.parts for name in part.names}
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(owners.get(row.name, ""), []).append(row)
    yield Piece("", target.title, "", tuple(found.get("", ())))
    for part in target.parts:
        title = f"{target.title}: one {part.kind}"
        own = tuple(found.get(part.prefix, ()))
        yield Piece(part.kind.lower(), title, part.prefix, own, ((PART, part.prefix),))


def _repeated(piece: Piece) -> Iterator[Piece]:
    """Levels of names below which all is the same but for the level's own name, such as phases."""
    levels: dict[str, list[Row]] = {}
    for row in piece.rows:
        level, colon, _ = piece.short(row.name).partition(":")
        if colon:
            levels.setdefault(level, []).append(row)
    alike: dict[str, list[Piece]] = {}
    for level, rows in levels.items():
        one = _level(piece, level, rows)
        alike.setdefault(template(one, ""), []).append(one)
    for same in alike.values():
        if len(same) > 1:
            names = [dict(one.macros)[LEVEL] for one in same]
            letters = "".join(filter(str.isalpha, names[0])).lower()
            kind = "_".join(word for word in (piece.kind, letters or "level") if word)
            title = f"{piece.title}, one of {', '.join(names)}"
            yield from (replace(one, kind=kind, title=title) for one in same)


def _level(piece: Piece, level: str, rows: list[Row]) -> Piece:
    texts: dict[Entry, str] = {}
    for row in rows:
        name = piece.short(row.name)
        texts["NAME", name] = f"$({LEVEL}){name.removeprefix(level)}"
        texts["DESC", row.spec.desc] = re.sub(rf"\b{level}\b", f"$({LEVEL})", row.spec.desc)
    return replace(piece, rows=tuple(rows), macros=(*piece.macros, (LEVEL, level)), texts=texts)


def _scan(place: str, rows: list[Row]) -> Piece:
    """A scan, for example ``Main:Scan:Fast``: names and descriptions of its PVs have its name."""
    part, _, label = place.rpartition("Scan:")
    period, time, *_ = rows
    values = {
        PART: part,
        "SCAN": label,
        "PERIOD": number_text(period.value or 0.0),
        "ADEL": dict(time.fields)["ADEL"],
        "ARCHIVE": _archived(rows),
    }
    texts = {("VAL", values["PERIOD"]): "$(PERIOD)", ("ADEL", values["ADEL"]): "$(ADEL)"}
    texts["archive", values["ARCHIVE"]] = "$(ARCHIVE)"
    for row in rows:
        name = row.name.removeprefix(part)
        texts["NAME", name] = name.replace(f"Scan:{label}:", "Scan:$(SCAN):")
        texts["DESC", row.spec.desc] = f"{row.spec.desc.removesuffix(label)}$(SCAN)"
    title = "A scan: its period and how it keeps up"
    return Piece("scan", title, part, tuple(rows), tuple(values.items()), texts, shared=True)


def _health(rows: list[Row]) -> Piece:
    archived = _archived(rows)
    texts = {("archive", archived): "$(ARCHIVE)"}
    macros = (("ARCHIVE", archived),)
    return Piece(
        "ioc", "What every IOC tells of itself", "", tuple(rows), macros, texts, shared=True
    )


def _archived(rows: list[Row]) -> str:
    """How what the IOC posts by itself is archived: all of it at the same rate."""
    return next((row.archive.tag for row in rows if row.archive is not None), "")
