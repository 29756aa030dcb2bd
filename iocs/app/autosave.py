"""Autosave: settings of the IOC survive a restart; nothing here can ever reach an instrument.

Kept are alarm limits and the other record fields that clients may change, and PVs declared as
settings with ``restore`` (scan periods). One JSON file per IOC, written whole and atomically, a
moment after a change and on exit. Names are kept without the prefix. Entries of PVs that do not
exist now are carried along, not lost. A file that cannot be used is put aside before another one
is written in its place; what is no file at all is left alone, and nothing is saved.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iocs.record.convert import parse_put
from iocs.record.fields import restore_field, setting_fields
from iocs.record.point import Point

from .statefile import NotAFile, put_aside, read_text, write_atomically

if TYPE_CHECKING:
    from iocs.device.group import Bound, DeviceGroup

log = logging.getLogger("labioc.autosave")

DELAY = 1.0
"""Seconds from a change to the file; further changes in between go into the same write."""

RETRY = 30.0
"""Seconds after which settings that could not be written are tried again."""

_VERSION = 1


class Autosave:
    """Keeps the settings of one IOC in ``path``."""

    def __init__(self, group: DeviceGroup[Any], path: Path, delay: float = DELAY) -> None:
        self._group = group
        self._path = path
        self._delay = delay
        self._unknown: dict[str, dict[str, Any]] = {}
        self._kept: dict[str, dict[str, Any]] = {}
        self._touched = {p for p in group.points() if p.overrides or self._setting(p)}
        self._changed = asyncio.Event()
        self._dirty = False
        self._in_the_way = False
        self._failure = ""
        self._task: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        group.on_settings_changed = self.touch

    def restore(self) -> int:
        """Put back what was saved, before anything is served; returns how many settings.

        Touches no hardware.
        """
        count = self._restore(self._load())
        self._dirty = False
        self._changed.clear()
        return count

    def restore_grown(self) -> None:
        """Put back what was kept of PVs that came while the IOC was running."""
        kept, self._unknown = self._unknown, {}
        self._restore(kept)

    def _restore(self, saved: dict[str, dict[str, Any]]) -> int:
        """Put back settings; what has no PV (yet) is kept."""
        count = 0
        for name, values in saved.items():
            point = self._group.pvdb.get(self._group.prefix + name)
            for field, value in values.items():
                if isinstance(point, Point) and self._restore_one(point, field, value):
                    count += 1
                else:
                    self._unknown.setdefault(name, {})[field] = value
        if count:
            log.info("restored %d settings from %s", count, self._path)
        return count

    def _restore_one(self, point: Point, field: str, value: Any) -> bool:
        try:
            if field != "VAL":
                restore_field(point, field, value)
                return True
            found = self._setting(point)
            if found is None:
                raise ValueError(f"{point.pvname} is not a setting")
            found.apply(parse_put(point, value))
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            log.warning("%s: %s.%s not restored: %s", self._path, point.pvname, field, error)
            return False
        return True

    def _setting(self, point: Point) -> Bound | None:
        """A setting that is kept; None for other PVs."""
        return self._group.settings.get(point.pvname) if point.spec.restore else None

    def _load(self) -> dict[str, dict[str, Any]]:
        try:
            return _settings_in(read_text(self._path))
        except FileNotFoundError:
            if self._path.is_symlink():
                log.warning("%s leads to no file: nothing restored", self._path)
        except NotAFile as error:
            log.error("%s cannot be used (%s): nothing restored or saved", self._path, error)
        except (OSError, ValueError) as error:
            self._put_aside(getattr(error, "strerror", None) or str(error))
        return {}

    def _put_aside(self, reason: str) -> None:
        """Keep a file that cannot be used; until that is done nothing is written in its place."""
        self._in_the_way = True
        try:
            aside = put_aside(self._path)
        except OSError as error:
            log.error(
                "%s cannot be used (%s) and not be put aside (%s): nothing restored or saved",
                *(self._path, reason, error.strerror),
            )
        else:
            self._in_the_way = False
            log.error("%s cannot be used (%s); kept as %s", self._path, reason, aside)

    def content(self) -> str:
        """What the file would hold now."""
        return _document(self._group.label, self._settings())

    def _settings(self) -> dict[str, dict[str, Any]]:
        """What is to be kept, by PV; looks only at PVs that changed since it was last asked."""
        for point in self._touched:
            values = setting_fields(point)
            found = self._setting(point)
            if found is not None and point.value != found.initial:
                values = {"VAL": point.value, **values}
            name = point.pvname.removeprefix(self._group.prefix)
            self._kept[name] = {k: _plain(v) for k, v in values.items()}
        self._touched.clear()
        settings = self._kept.copy()
        for name, fields in self._unknown.items():
            settings[name] = {**fields, **settings.get(name, {})}
        return settings

    def touch(self, point: Point | None = None) -> None:
        """A setting of a PV changed, or the file is gone: write soon."""
        if point is not None:
            self._touched.add(point)
        self._dirty = True
        self._changed.set()

    def start(self) -> None:
        """Watch for changes; needs the running loop."""
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(self._delay)
            self._changed.clear()
            await self._save()
            if self._failure:  # it could not be written: again, later
                await asyncio.sleep(RETRY)
                self._changed.set()

    async def _save(self) -> None:
        """Write the file in a thread; one write at a time, so that the newest content stays."""
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await asyncio.shield(self._writing)

    async def _write(self) -> None:
        self._dirty = False
        failure = ""
        try:
            settings = self._settings()
            await asyncio.to_thread(self._replace, settings)
        except OSError as error:
            self._dirty = True
            failure = str(error)
        finally:
            self._writing = None
        if failure and failure != self._failure:
            log.error("settings not saved to %s: %s", self._path, failure)
        elif self._failure and not failure:
            log.info("settings saved to %s again", self._path)
        self._failure = failure

    def _replace(self, settings: dict[str, dict[str, Any]]) -> None:
        """Write the file, in a thread; one that could not be used is put aside first.

        Raises OSError.
        """
        if self._in_the_way:
            with contextlib.suppress(FileNotFoundError):  # somebody else did it
                put_aside(self._path)
            self._in_the_way = False
        write_atomically(self._path, _document(self._group.label, settings))

    async def stop(self) -> None:
        """Stop watching, and write what has not been written."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._writing is not None:
            await self._writing
        if self._dirty:
            await self._save()


def _settings_in(text: str) -> dict[str, dict[str, Any]]:
    """The settings that a file holds; ValueError if it is none of ours."""
    try:
        content = json.loads(text, parse_constant=str)  # NaN as text, as it is written
    except RecursionError:
        raise ValueError("nested too deeply") from None
    settings = content.get("settings") if isinstance(content, dict) else None
    if (
        not isinstance(settings, dict)
        or content.get("version") != _VERSION
        or not all(map(_are_fields, settings.values()))
    ):
        raise ValueError("not an autosave file of this version")
    return settings


def _are_fields(fields: Any) -> bool:
    """Whether these are values of fields: nothing nests, so that all can be written again."""
    return isinstance(fields, dict) and not any(
        isinstance(item, (list, dict))
        for value in fields.values()
        for item in (value if isinstance(value, list) else [value])
    )


def _document(label: str, settings: dict[str, dict[str, Any]]) -> str:
    """The text of a file with some settings."""
    document = {
        "version": _VERSION,
        "ioc": label,
        "saved": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "settings": {name: fields for name, fields in sorted(settings.items()) if fields},
    }
    return json.dumps(document, indent=1) + "\n"


def _plain(value: Any) -> Any:
    """A value as JSON holds it; NaN and infinities as text, since JSON has none."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    return value
