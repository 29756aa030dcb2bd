"""The cycler's files, in memory: folders, schedules, uploads in parts, what may be deleted.

Paths are the vendor's, with backslashes and without regard to case; the word `SCHEDULE` alone lists
the schedules (arbin-protocol.md 4.15), which lie in the folder `Work`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..results import FolderResult

ROOTS = ("Work", "Simulation", "Support", "SMB", "CAN")
"""Folders that are always there: work, simulation, support, SMB and CAN configurations."""

SCHEDULES = "SCHEDULE"
SCHEDULE_FOLDER = "Work"
SCHEDULE_SUFFIX = ".sdx"
DELETABLE = (".sdx", ".sdu", ".can", ".smb", ".txt")
MOST_BYTES = 64 << 20
MOST_ENTRIES = 10_000
LONGEST_NAME = 64
"""Code units that the name of an entry has room for (arbin-protocol.md 4.15)."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as it lies on the cycler's disk; `modified` is its date as text."""

    name: str
    content: bytes
    modified: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a listing; `size` None is a folder."""

    name: str
    size: int | None
    modified: str


def parts_of(path: str) -> tuple[str, ...]:
    """A path as its names."""
    return tuple(part for part in path.replace("/", "\\").split("\\") if part)


def _key(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.casefold() for part in parts)


class FileStore:
    """Folders and files by path.

    `in_use` tells whether a file is in use by a running test.
    """

    def __init__(self, in_use: Callable[[str], bool] = lambda _: False) -> None:
        self._in_use = in_use
        self._files: dict[tuple[str, ...], tuple[tuple[str, ...], StoredFile]] = {}
        self._folders: dict[tuple[str, ...], tuple[str, ...]] = {
            _key((root,)): (root,) for root in ROOTS
        }

    # -- reading

    def listing(self, path: str) -> list[Listed] | None:
        """What a folder holds, None if there is none; `SCHEDULE` is the list of schedules."""
        if path == SCHEDULES:
            found = self.listing(SCHEDULE_FOLDER) or []
            return [one for one in found if one.name.casefold().endswith(SCHEDULE_SUFFIX)]
        inside = _key(parts_of(path))
        if inside and inside not in self._folders:
            return None
        depth = len(inside) + 1
        folders = [
            Listed(parts[-1], None, "")
            for key, parts in sorted(self._folders.items())
            if len(key) == depth and key[:-1] == inside
        ]
        files = [
            Listed(file.name, len(file.content), file.modified)
            for key, (_, file) in sorted(self._files.items())
            if len(key) == depth and key[:-1] == inside
        ]
        return folders + files

    def read(self, path: str) -> bytes | None:
        """The content of a file, None if there is none."""
        found = self._files.get(_key(parts_of(path)))
        return None if found is None else found[1].content

    def schedule(self, name: str) -> bytes | None:
        """The content of a schedule, by its name in the list of schedules."""
        return self.read(f"{SCHEDULE_FOLDER}\\{name}")

    def is_used(self, path: str) -> bool:
        """Whether a running test uses a file."""
        parts = parts_of(path)
        scheduled = _key(parts[:1]) == _key((SCHEDULE_FOLDER,))
        return scheduled and self._in_use("\\".join(parts[1:]))

    # -- changing

    def write(self, path: str, content: bytes) -> bool:
        """Store a file; False if its folder does not exist, its name is none, or disk is full."""
        parts = parts_of(path)
        key = _key(parts)
        if len(parts) < 2 or key[:-1] not in self._folders or key in self._folders:
            return False
        if not _fits(parts[-1]) or not self._has_room(key, len(content)):
            return False
        stored = StoredFile(parts[-1], content, time.strftime("%Y-%m-%d %H:%M:%S"))
        self._files[key] = (parts, stored)
        return True

    def new_folder(self, path: str) -> FolderResult:
        """Make a folder, which must be below one of the roots."""
        parts = parts_of(path)
        key = _key(parts)
        if len(parts) < 2 or key[:1] not in self._folders:
            return FolderResult.NOT_ALLOWED
        free = key not in self._folders and key not in self._files
        if not free or key[:-1] not in self._folders or not _fits(parts[-1]):
            return FolderResult.NOT_CREATED
        if len(self._folders) >= MOST_ENTRIES:
            return FolderResult.NOT_CREATED
        self._folders[key] = parts
        return FolderResult.CREATED

    def delete(self, path: str) -> FolderResult:
        """Delete a file or folder: only some kinds of files, nothing in use, no root."""
        key = _key(parts_of(path))
        if key in self._folders:
            return self.delete_folder(path)
        if key not in self._files:
            return FolderResult.NOT_FOUND
        if not key[-1].endswith(DELETABLE):
            return FolderResult.NOT_DELETABLE
        if self.is_used(path):
            return FolderResult.IN_USE
        del self._files[key]
        return FolderResult.DELETED

    def delete_folder(self, path: str) -> FolderResult:
        """Delete a folder with all that is in it."""
        key = _key(parts_of(path))
        if key not in self._folders:
            return FolderResult.NOT_FOUND
        if len(key) < 2:
            return FolderResult.NOT_DELETED
        below = [other for other in self._files if other[: len(key)] == key]
        if any(self.is_used("\\".join(other)) for other in below):
            return FolderResult.IN_USE
        for other in below:
            del self._files[other]
        for other in [other for other in self._folders if other[: len(key)] == key]:
            del self._folders[other]
        return FolderResult.DELETED

    def _has_room(self, key: tuple[str, ...], size: int) -> bool:
        others = sum(len(f.content) for k, (_, f) in self._files.items() if k != key)
        return others + size <= MOST_BYTES and len(self._files) < MOST_ENTRIES


def _fits(name: str) -> bool:
    return len(name.encode("utf-16-le", "replace")) <= 2 * LONGEST_NAME and name not in (".", "..")
