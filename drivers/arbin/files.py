"""Files and folders of the cycler's computer: list, download, upload, make, delete.

Source: arbin-protocol.md 4.15. Files travel in packages, each with the MD5 sum of its bytes.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Self

from .fields import Cursor, from_wide, unpack, whole, wide
from .protocol import Code, DecodeError, EncodeError

PACKAGE = 512 * 1024
"""Bytes of a file in one package, as the vendor cuts them."""

PATH_UNITS = 1024
SCHEDULES = "SCHEDULE"
"""The path that lists the schedules."""

_PATH = struct.Struct(f"<{2 * PATH_UNITS}s")
_BROWSE_REPLY = struct.Struct("<II")
_ENTRY = struct.Struct("<I128sI64s")
_DOWNLOAD = struct.Struct(f"<{2 * PATH_UNITS}sd")
_DOWNLOAD_REPLY = struct.Struct("<IdII16sQ")
_UPLOAD = struct.Struct(f"<{2 * PATH_UNITS}sQIId16s")
_UPLOAD_REPLY = struct.Struct("<dIII")
_NEW_OR_DELETE = struct.Struct(f"<I{2 * PATH_UNITS}s")
_U32 = 0xFFFFFFFF


def digest(data: bytes) -> bytes:
    """The MD5 sum of a package: an error check, no protection."""
    return hashlib.md5(data, usedforsecurity=False).digest()


class EntryKind(IntEnum):
    """What an entry of a folder is."""

    FOLDER = 0
    FILE = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder; `kind` is one of `EntryKind`, `modified` a text of the server."""

    kind: int
    name: str
    size: int = 0
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Browse:
    """BROWSE_DIRECTORY: lists a folder; `SCHEDULES` lists the schedules."""

    code: ClassVar[Code] = Code.BROWSE
    path: str

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return _path(self.path)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        return cls(from_wide(*unpack(_PATH, payload, "browse")))


@dataclass(frozen=True, slots=True)
class BrowseReply:
    """The entries of a folder; `result` is one of `BrowseResult`."""

    code: ClassVar[Code] = Code.BROWSE_REPLY
    result: int
    entries: tuple[Entry, ...] = ()

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        head = _BROWSE_REPLY.pack(whole(self.result, 0, _U32, "result"), len(self.entries))
        return head + b"".join(
            _ENTRY.pack(
                whole(entry.kind, 0, _U32, "kind"),
                wide(entry.name, 64, "name"),
                whole(entry.size, 0, _U32, "size"),
                wide(entry.modified, 32, "date"),
            )
            for entry in self.entries
        )

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        cursor = Cursor(payload, "browse reply")
        result = cursor.u32()
        entries = [cursor.take(_ENTRY) for _ in range(cursor.count(_ENTRY.size))]
        cursor.end()
        return cls(
            result,
            tuple(Entry(k, from_wide(name), s, from_wide(date)) for k, name, s, date in entries),
        )


@dataclass(frozen=True, slots=True)
class Download:
    """DOWNLOAD_FILE; `tag` is a number of the client's choice that comes back."""

    code: ClassVar[Code] = Code.DOWNLOAD
    path: str
    tag: float

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return _DOWNLOAD.pack(_path(self.path), self.tag)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        path, tag = unpack(_DOWNLOAD, payload, "download")
        return cls(from_wide(path), tag)


@dataclass(frozen=True, slots=True)
class DownloadReply:
    """A package of a file; `result` is one of `DownloadResult`. `index` counts from 0."""

    code: ClassVar[Code] = Code.DOWNLOAD_REPLY
    result: int
    tag: float
    packages: int = 0
    index: int = 0
    md5: bytes = bytes(16)
    data: bytes = field(default=b"", repr=False)

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return (
            _DOWNLOAD_REPLY.pack(
                whole(self.result, 0, _U32, "result"),
                self.tag,
                whole(self.packages, 0, _U32, "number of packages"),
                whole(self.index, 0, _U32, "package"),
                self.md5,
                len(self.data),
            )
            + self.data
        )

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        cursor = Cursor(payload, "download reply")
        result, tag, packages, number, md5, size = cursor.take(_DOWNLOAD_REPLY)
        data = cursor.bytes(size)
        cursor.end()
        return cls(result, tag, packages, number, md5, data)


@dataclass(frozen=True, slots=True)
class Upload:
    """UPLOAD_FILE: a package of a file; `index` counts from 0."""

    code: ClassVar[Code] = Code.UPLOAD
    path: str
    data: bytes = field(repr=False)
    packages: int
    index: int
    tag: float
    md5: bytes

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        packages = whole(self.packages, 1, _U32, "number of packages")
        number = whole(self.index, 0, packages - 1, "package")
        head = _UPLOAD.pack(_path(self.path), len(self.data), packages, number, self.tag, self.md5)
        return head + self.data

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        cursor = Cursor(payload, "upload")
        path, size, packages, number, tag, md5 = cursor.take(_UPLOAD)
        data = cursor.bytes(size)
        cursor.end()
        return cls(from_wide(path), data, packages, number, tag, md5)


@dataclass(frozen=True, slots=True)
class UploadReply:
    """The answer to a package; `result` is one of `UploadResult`."""

    code: ClassVar[Code] = Code.UPLOAD_REPLY
    tag: float
    packages: int
    index: int
    result: int

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return _UPLOAD_REPLY.pack(
            self.tag,
            whole(self.packages, 0, _U32, "number of packages"),
            whole(self.index, 0, _U32, "package"),
            whole(self.result, 0, _U32, "result"),
        )

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        return cls(*unpack(_UPLOAD_REPLY, payload, "upload reply"))


class NewOrDeleteKind(IntEnum):
    """What NEW_OR_DELETE does; a vendor's toolbox has the two the wrong way round."""

    DELETE = 0
    NEW_FOLDER = 1


@dataclass(frozen=True, slots=True)
class NewOrDelete:
    """NEW_OR_DELETE: deletes a file or folder, or makes a folder."""

    code: ClassVar[Code] = Code.NEW_OR_DELETE
    kind: int
    path: str

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return _NEW_OR_DELETE.pack(whole(self.kind, 0, 1, "kind"), _path(self.path))

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        kind, path = unpack(_NEW_OR_DELETE, payload, "new or delete")
        return cls(kind, from_wide(path))


@dataclass(frozen=True, slots=True)
class NewFolder:
    """NEW_FOLDER."""

    code: ClassVar[Code] = Code.NEW_FOLDER
    path: str

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return _path(self.path)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload: path at its start or after four zero bytes (arbin-protocol.md 4.15).

        Raises `DecodeError`.
        """
        (field,) = unpack(_PATH, payload, "new folder")
        return cls(from_wide(field[4:] if field.startswith(bytes(4)) else field))


@dataclass(frozen=True, slots=True)
class DeleteFolder:
    """DELETE_FOLDER."""

    code: ClassVar[Code] = Code.DELETE_FOLDER
    path: str

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return _path(self.path)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        return cls(from_wide(*unpack(_PATH, payload, "delete folder")))


def checked(md5: bytes, data: bytes) -> bytes:
    """The data of a package whose MD5 sum is right. Raises `DecodeError`."""
    if digest(data) != md5:
        raise DecodeError("the MD5 sum of the package is wrong")
    return data


def _path(path: str) -> bytes:
    if not path:
        raise EncodeError("the path is empty")
    return wide(path, PATH_UNITS, "path")
