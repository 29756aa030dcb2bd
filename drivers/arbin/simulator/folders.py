"""The file commands of the simulated cycler: arbin-protocol.md 4.15 and 6.3."""

from __future__ import annotations

from dataclasses import dataclass

from ..console import ResultReply
from ..files import (
    PACKAGE,
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
    digest,
)
from ..messages import REPLY_TO
from ..protocol import Code
from ..results import DownloadResult, FolderResult, UploadResult
from ..words import Generation
from .files import MOST_BYTES, SCHEDULES, FileStore

_OK, _OK_SCHEDULES, _FAILED = 1, 2, 3
_OK_SCHEDULES_X, _FAILED_X = 3, 4


@dataclass(slots=True)
class Arriving:
    """A file of which some packages have come."""

    path: str
    tag: float
    packages: int
    content: bytearray


class Folders:
    """Carries out file commands; `allowed` is false for users who may only look."""

    def __init__(self, files: FileStore, generation: int) -> None:
        self._files = files
        self._new = generation >= Generation.MITS_X_1

    def browse(self, request: Browse) -> BrowseReply:
        """BROWSE; result 3 is a failure of older servers, and a list of schedules of newer ones."""
        listed = self._files.listing(request.path)
        if listed is None:
            return BrowseReply(_FAILED_X if self._new else _FAILED)
        result = _OK
        if request.path == SCHEDULES:
            result = _OK_SCHEDULES_X if self._new else _OK_SCHEDULES
        entries = (
            Entry(EntryKind.FOLDER, one.name)
            if one.size is None
            else Entry(EntryKind.FILE, one.name, one.size, one.modified)
            for one in listed
        )
        return BrowseReply(result, tuple(entries))

    def download(self, request: Download) -> list[DownloadReply]:
        """DOWNLOAD: one reply for each package."""
        content = self._files.read(request.path)
        if content is None:
            return [DownloadReply(DownloadResult.FAILED, request.tag)]
        cuts = range(0, max(len(content), 1), PACKAGE)
        packages = [content[cut : cut + PACKAGE] for cut in cuts]
        return [
            DownloadReply(DownloadResult.OK, request.tag, len(packages), n, digest(data), data)
            for n, data in enumerate(packages)
        ]

    def upload(
        self, request: Upload, arriving: Arriving | None, allowed: bool
    ) -> tuple[UploadReply, Arriving | None]:
        """UPLOAD: a package; also returns what has come of the file now."""
        if request.index == 0:
            arriving = Arriving(request.path, request.tag, request.packages, bytearray())
        result = self._package(request, arriving) if allowed else UploadResult.FAILED
        reply = UploadReply(request.tag, request.packages, request.index, result)
        done = request.index + 1 == request.packages
        return reply, None if done or result is not UploadResult.OK else arriving

    def _package(self, request: Upload, arriving: Arriving | None) -> UploadResult:
        if digest(request.data) != request.md5:
            return UploadResult.CHECKSUM
        if self._files.is_used(request.path):
            return UploadResult.IN_USE
        if arriving is None or arriving.path != request.path or arriving.tag != request.tag:
            return UploadResult.FAILED
        if len(arriving.content) + len(request.data) > MOST_BYTES:
            return UploadResult.FAILED
        arriving.content += request.data
        if request.index + 1 < request.packages:
            return UploadResult.OK
        stored = self._files.write(request.path, bytes(arriving.content))
        return UploadResult.OK if stored else UploadResult.FAILED

    def new_or_delete(self, request: NewOrDelete, allowed: bool) -> ResultReply:
        """NEW_OR_DELETE: 0 deletes, 1 makes a folder."""
        if request.kind == NewOrDeleteKind.NEW_FOLDER:
            return self._new_folder(Code.NEW_OR_DELETE, request.path, allowed)
        result = self._files.delete(request.path) if allowed else FolderResult.NOT_DELETED
        return ResultReply(REPLY_TO[Code.NEW_OR_DELETE], result)

    def new_folder(self, request: NewFolder, allowed: bool) -> ResultReply:
        """NEW_FOLDER."""
        return self._new_folder(Code.NEW_FOLDER, request.path, allowed)

    def _new_folder(self, code: Code, path: str, allowed: bool) -> ResultReply:
        result = self._files.new_folder(path) if allowed else FolderResult.NOT_CREATED
        return ResultReply(REPLY_TO[code], result)

    def delete_folder(self, request: DeleteFolder, allowed: bool) -> ResultReply:
        """DELETE_FOLDER."""
        result = self._files.delete_folder(request.path) if allowed else FolderResult.NOT_DELETED
        return ResultReply(REPLY_TO[Code.DELETE_FOLDER], result)
