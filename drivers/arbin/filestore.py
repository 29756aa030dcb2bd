"""Files of the cycler's computer: schedules above all."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..core.errors import Blocked, DriverError, OutOfRange
from .console import ResultReply
from .errors import CyclerRefused
from .exchange import Question
from .files import (
    PACKAGE,
    SCHEDULES,
    Browse,
    BrowseReply,
    DeleteFolder,
    Download,
    DownloadReply,
    Entry,
    EntryKind,
    NewFolder,
    NewOrDelete,
    NewOrDeleteKind,
    Upload,
    UploadReply,
    checked,
    digest,
)
from .messages import REPLY_TO
from .protocol import DecodeError, Frame
from .results import BrowseResult, DownloadResult, FolderResult, Result, UploadResult, known
from .session import Session
from .settings import CyclerSettings

MAX_FILE = 64 * 1024 * 1024
"""Larger files are neither taken nor given."""

_MAX_PACKAGES = 16 * 1024
_DELETABLE = (".sdx", ".sdu", ".can", ".smb", ".txt")


class FileStore:
    """Lists, gets and puts files. What changes any needs `allow_file_changes`.

    Some cyclers answer file commands on another port only (arbin-protocol.md 1): that they are
    not answered costs no connection.
    """

    def __init__(
        self, settings: CyclerSettings, session: Session, failed: Callable[[DriverError], None]
    ) -> None:
        self._settings = settings
        self._session = session
        self._failed = failed
        self._last_tag = 0.0

    async def list_schedules(self) -> tuple[str, ...]:
        """The names of the schedules that can be assigned."""
        entries = await self.browse(SCHEDULES)
        return tuple(entry.name for entry in entries if entry.kind == EntryKind.FILE)

    async def browse(self, path: str) -> tuple[Entry, ...]:
        """The entries of a folder; `SCHEDULES` stands for the schedules.

        3 is a success where entries came with it: documents disagree on its meaning
        (arbin-protocol.md 6.3).
        """
        found: list[BrowseReply] = []

        def take(frame: Frame) -> bool:
            found.append(BrowseReply.decode(frame.payload))
            return True

        asked = f"list {path!r}"
        await self._ask(Question(Browse(path), take, asked, optional=True))
        (reply,) = found
        good = (BrowseResult.OK, BrowseResult.OK_SCHEDULES)
        if known(BrowseResult, reply.result) not in good and not reply.entries:
            raise self._refused(asked, BrowseResult, reply.result)
        return reply.entries

    async def download(self, path: str) -> bytes:
        """The content of a file of at most `MAX_FILE` bytes."""
        asked = f"download {path!r}"
        packages: list[DownloadReply] = []
        tag = self._tag()

        def take(frame: Frame) -> bool:
            one = DownloadReply.decode(frame.payload)
            if one.tag != tag:
                raise DecodeError("a package of another file")
            packages.append(one)
            if known(DownloadResult, one.result) is not DownloadResult.OK:
                return True
            if one.index != len(packages) - 1 or one.packages < len(packages):
                raise DecodeError(f"package {one.index} of {one.packages} came out of order")
            if one.packages != packages[0].packages:
                raise DecodeError("the number of packages changed")
            checked(one.md5, one.data)
            if sum(len(each.data) for each in packages) > MAX_FILE or one.packages > _MAX_PACKAGES:
                raise DecodeError(f"the file is longer than {MAX_FILE} bytes")
            return one.index == one.packages - 1

        await self._ask(Question(Download(path, tag), take, asked, optional=True))
        if known(DownloadResult, packages[-1].result) is not DownloadResult.OK:
            raise self._refused(asked, DownloadResult, packages[-1].result)
        return b"".join(each.data for each in packages)

    async def upload(self, path: str, data: bytes) -> None:
        """Put a file there, in packages, each of which is acknowledged.

        Raises `Ambiguous` if an acknowledgement is missing: the file may be there in part.
        """
        asked = f"upload {path!r}"
        self._check_allowed(asked)
        if len(data) > MAX_FILE:
            detail = f"{len(data)} bytes are more than {MAX_FILE}"
            raise self._noted(OutOfRange(self._session.link, "", asked, detail))
        tag = self._tag()
        cuts = range(0, max(1, len(data)), PACKAGE)
        for number, at in enumerate(cuts):
            part = data[at : at + PACKAGE]
            await self._put(Upload(path, part, len(cuts), number, tag, digest(part)), asked)

    async def _put(self, package: Upload, asked: str) -> None:
        found: list[UploadReply] = []

        def take(frame: Frame) -> bool:
            reply = UploadReply.decode(frame.payload)
            if (reply.tag, reply.index) != (package.tag, package.index):
                raise DecodeError("the acknowledgement is about another package")
            found.append(reply)
            return True

        question = Question(package, take, asked, writes=True, optional=True)
        await self._ask(question)
        if known(UploadResult, found[0].result) is not UploadResult.OK:
            raise self._refused(asked, UploadResult, found[0].result)

    async def new_folder(self, path: str) -> None:
        asked = f"make folder {path!r}"
        await self._change(NewFolder(path), asked, FolderResult.CREATED)

    async def delete_folder(self, path: str) -> None:
        """Delete a folder with what is in it."""
        asked = f"delete folder {path!r}"
        await self._change(DeleteFolder(path), asked, FolderResult.DELETED)

    async def delete(self, path: str) -> None:
        """Delete a file of one of the types that the cycler lets go of."""
        asked = f"delete {path!r}"
        if not path.lower().endswith(_DELETABLE):
            detail = f"only files of type {' '.join(_DELETABLE)} can be deleted"
            raise self._noted(OutOfRange(self._session.link, "", asked, detail))
        request = NewOrDelete(NewOrDeleteKind.DELETE, path)
        await self._change(request, asked, FolderResult.DELETED)

    async def _change(
        self, request: NewFolder | DeleteFolder | NewOrDelete, asked: str, wanted: FolderResult
    ) -> None:
        self._check_allowed(asked)
        found: list[ResultReply] = []

        def take(frame: Frame) -> bool:
            found.append(ResultReply.decode(REPLY_TO[request.code], frame.payload))
            return True

        question = Question(request, take, asked, writes=True, optional=True)
        await self._ask(question)
        if known(FolderResult, found[0].result) is not wanted:
            raise self._refused(asked, FolderResult, found[0].result)

    def _check_allowed(self, asked: str) -> None:
        if not self._settings.allow_file_changes:
            reason = "it is not allowed: set allow_file_changes in the configuration"
            raise self._noted(Blocked(self._session.link, "", asked, reason))

    async def _ask(self, question: Question) -> None:
        try:
            await self._session.ask(question)
        except DriverError as error:
            raise self._noted(error) from None

    def _refused(self, asked: str, results: type[Result], code: int) -> DriverError:
        return self._noted(CyclerRefused(self._session.link, "", asked, results, code))

    def _noted(self, error: DriverError) -> DriverError:
        self._failed(error)
        return error

    def _tag(self) -> float:
        """A number that no other transfer has: the time, but never the same twice."""
        self._last_tag = max(time.time(), self._last_tag + 1e-3)
        return self._last_tag
