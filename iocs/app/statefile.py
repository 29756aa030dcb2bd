"""One state file on whatever lies at its path: never hangs, never loses what it cannot read.

The path may be a symbolic link; what is read, written and put aside is the file that it leads to.
Only regular files are opened: a FIFO would block, and opening a device may act on it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import tempfile
from pathlib import Path

MAX_SIZE = 16 << 20
"""Bytes that are read: twice what 27000 PVs with all of their limits changed take."""


class NotAFile(OSError):
    """A directory, FIFO, socket or device is where the file should be."""


def read_text(path: Path) -> str:
    """The text of a file. Raises OSError, or ValueError for what is too long or not UTF-8."""
    _check(path.stat())
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        _check(os.fstat(handle))  # it may be another one by now
        content = file.read(MAX_SIZE + 1)
    if len(content) > MAX_SIZE:
        raise ValueError(f"more than {MAX_SIZE} bytes")
    return content.decode("utf-8")


def put_aside(path: Path) -> Path:
    """Keep a file as ``NAME.bad`` beside itself, without touching older ones. Raises OSError."""
    _check(path.stat())
    target = Path(os.path.realpath(path))
    names = (f"{target.name}.bad{n if n > 1 else ''}" for n in itertools.count(1))
    aside = next(a for a in map(target.with_name, names) if not os.path.lexists(a))
    target.rename(aside)
    return aside


def write_atomically(path: Path, text: str) -> None:
    """Replace a file whole: after a crash it holds the old text or the new one, never a part."""
    with contextlib.suppress(FileNotFoundError):
        _check(path.stat())
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _check(status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise NotAFile(f"it is {_KINDS.get(kind, 'something else')}, not a file")
