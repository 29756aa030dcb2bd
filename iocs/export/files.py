"""What ``labioc export`` writes: for each kind of file and each IOC, a name and a text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from iocs.app.options import parse
from iocs.app.runner import RunOptions, check_prefix, make_group
from iocs.config import IocConfig
from iocs.device.instrument import Instrument
from iocs.registry import MODULES, load

from . import alarm, archiver, db, pvtable, saverestore
from .parts import parts_of
from .pieces import Piece, pieces_of
from .rows import rows_of
from .target import Target, screen_names

DB_FOLDER = "db"
OPI_FOLDER = "opi"


class Kind(StrEnum):
    """What may be exported."""

    DB = "db"
    ARCHIVER = "archiver"
    ALARM = "alarm"
    SAVERESTORE = "saverestore"
    PVTABLE = "pvtable"
    SCREENS = "screens"

    @property
    def help(self) -> str:
        """One line for the command's help."""
        return _HELP[self]


_HELP = {
    Kind.DB: "record database templates and a substitutions file",
    Kind.ARCHIVER: "requests and lists for the archiver",
    Kind.ALARM: "configuration of the alarm server",
    Kind.SAVERESTORE: "set points for save-and-restore, settings for autosave",
    Kind.PVTABLE: "PV tables for Phoebus",
    Kind.SCREENS: "screens and trends for Phoebus",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the files say of their surroundings.

    collection: name of the file that lists all IOCs (``<collection>.substitutions``).
    whole: whether all of them are exported; some get files of their own and leave that one alone.
    tree: name of the alarm server's configuration.
    screens: folder of the screens, as the control room's Phoebus finds it.
    """

    collection: str = "demo"
    whole: bool = True
    tree: str = "labioc"
    screens: str = "opi"


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file to be: its path below the folder that is written to, and its text."""

    path: str
    text: str


def demo_target(instrument: Instrument[Any, Any], prefix: str | None = None) -> Target:
    """An instrument with the settings that the demo gives it; `prefix` None is the demo's.

    Raises ValueError for a prefix that cannot stand in front of PV names.
    """
    demo = instrument.demo
    table = {"link": instrument.example_link, **dict(demo.settings)}
    settings = parse(instrument.settings, table)
    chosen = demo.prefix if prefix is None else check_prefix(prefix)
    return _target(instrument, settings, RunOptions(instrument.name, chosen))


def configured_target(ioc: IocConfig) -> Target:
    """One IOC of a site file."""
    return _target(ioc.instrument, ioc.settings, ioc.run_options())


def _target(instrument: Instrument[Any, Any], settings: Any, options: RunOptions) -> Target:
    group = make_group(instrument, settings, options)
    rows, parts = rows_of(group), parts_of(group)
    return Target(options.name, instrument.name, instrument.title, options.prefix, rows, parts)


def export(
    kind: Kind, targets: Sequence[Target], options: Options | None = None
) -> tuple[ExportFile, ...]:
    """The files of one kind for some IOCs, in a fixed order."""
    chosen = options or Options()
    if kind is Kind.DB:
        if chosen.whole:
            return _databases(targets, chosen.collection)
        alone = (_databases([target], target.name, apart=True) for target in targets)
        return tuple(dict.fromkeys(file for files in alone for file in files))
    if kind is Kind.SCREENS:
        return _screen_files(targets)
    if kind is Kind.ALARM:
        return tuple(_alarm_file(*named, chosen) for named in screen_names(targets))
    makers: dict[Kind, Callable[[Target, Options], Iterable[ExportFile]]] = {
        Kind.ARCHIVER: _archiver_files,
        Kind.SAVERESTORE: _save_files,
        Kind.PVTABLE: _table_files,
    }
    return tuple(file for target in targets for file in makers[kind](target, chosen))


def repository_files() -> tuple[ExportFile, ...]:
    """The generated files that the repository holds, by their path from its root."""
    targets = [demo_target(load(name)) for name in MODULES]
    kinds = ((DB_FOLDER, Kind.DB), (OPI_FOLDER, Kind.SCREENS))
    return tuple(
        ExportFile(f"{folder}/{file.path}", file.text)
        for folder, kind in kinds
        for file in export(kind, targets)
    )


def write(files: Iterable[ExportFile], folder: Path) -> list[Path]:
    """Write files below a folder, which is made if need be; returns their paths.

    Raises OSError with the path that cannot be written.
    """
    written: list[Path] = []
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8", newline="\n")
        written.append(path)
    return written


def _databases(
    targets: Sequence[Target], collection: str, *, apart: bool = False
) -> tuple[ExportFile, ...]:
    """A template of each kind of part, and which of them make up the IOCs.

    IOCs of an instrument share its templates; where their settings give them different PVs, each
    has its own. `apart`: in files of their names, beside what all share.
    """
    templates: dict[tuple[str, str], dict[str, list[tuple[Target, Piece]]]] = {}
    for target in targets:
        for piece in pieces_of(target):
            owner = "" if piece.shared else target.instrument
            text = db.template(piece, f"labioc export db {owner}".rstrip())
            texts = templates.setdefault((owner, piece.kind), {})
            texts.setdefault(text, []).append((target, piece))
    files: dict[str, str] = {}
    uses: dict[str, list[dict[str, str]]] = {}
    for (owner, kind), texts in sorted(templates.items(), key=lambda item: item[0][0] != ""):
        for text, users in texts.items():
            first = users[0][0].name if apart or len(texts) > 1 else owner
            stem = "_".join(word for word in (owner and first, kind) if word)
            name = _free(stem, files)
            files[name] = text
            uses[name] = [_macros(target, piece) for target, piece in users]
    text = db.substitutions(uses, "labioc export db")
    found = [ExportFile(name, text) for name, text in files.items()]
    return (*found, ExportFile(f"{collection}.substitutions", text))


def _free(stem: str, taken: Collection[str]) -> str:
    """The name of a template, with a number if others have it."""
    numbers = ("", *map(str, range(2, len(taken) + 3)))
    return next(n for number in numbers if (n := f"{stem}{number}.template") not in taken)


def _macros(target: Target, piece: Piece) -> dict[str, str]:
    p, r = db.split_prefix(target.prefix)
    return {"P": p, "R": r, **dict(piece.macros)}


def _archiver_files(target: Target, _: Options) -> Iterable[ExportFile]:
    rows, prefix = target.rows, target.prefix
    yield ExportFile(f"{target.name}.archive.json", archiver.archive_request(rows, prefix))
    yield ExportFile(f"{target.name}.archive", archiver.archive_list(rows, prefix))


def _alarm_file(target: Target, screen_name: str, options: Options) -> ExportFile:
    screen = f"{options.screens}/{screen_name}.bob"
    place = alarm.Place(options.tree, target.name, target.title, target.prefix, screen)
    return ExportFile(f"{target.name}.alarm.xml", alarm.alarm_tree(target.rows, place))


def _screen_files(targets: Sequence[Target]) -> tuple[ExportFile, ...]:
    from iocs.screens.opi import opi_files

    return tuple(ExportFile(path, text) for path, text in opi_files(targets))


def _save_files(target: Target, _: Options) -> Iterable[ExportFile]:
    rows = target.rows
    snapshot = saverestore.snapshot_list(rows, target.prefix, target.name, target.title)
    yield ExportFile(f"{target.name}.saverestore.csv", snapshot)
    yield ExportFile(f"{target.name}.req", saverestore.autosave_request(rows))


def _table_files(target: Target, _: Options) -> Iterable[ExportFile]:
    yield ExportFile(f"{target.name}.pvs", pvtable.pv_table_file(target.rows, target.prefix))
