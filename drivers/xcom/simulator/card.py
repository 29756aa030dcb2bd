"""The SD card of a simulated gateway: daily files, and the transfer of them.

Source: xcom-protocol.md 12.2; separator 0A as in its samples, accepted as 0D too.
"""

from __future__ import annotations

from ..objects import DIRECTORY, FILE, FILE_BLOCK, decode_file_names, encode_file_name
from ..protocol import ErrorCode, FileStep
from .device import Refusal


class DatalogCard:
    """Files by name; one transfer at a time."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.new = False
        self._blocks: list[bytes] = []
        self._place = 0

    def save(self, name: str, content: bytes) -> None:
        """Write a file."""
        self.files[name] = content
        self.new = True

    def transfer(self, kind: int, step: int, data: bytes) -> tuple[FileStep, bytes]:
        """One step of a transfer: the property and the data of its reply; raises `Refusal`."""
        if step == FileStep.START:
            self._begin(self._content(kind, data))
        elif not self._blocks:
            raise Refusal(ErrorCode.OBJECT_PROPERTY_INVALID)
        elif step == FileStep.CONTINUE:
            self._place += 1
        elif step == FileStep.ABORT:
            self._blocks = []
            return FileStep.FINISH, b""
        elif step != FileStep.REPEAT:
            raise Refusal(ErrorCode.OBJECT_PROPERTY_INVALID)
        block = self._blocks[self._place]
        if self._place < len(self._blocks) - 1:
            return FileStep.BLOCK, block
        self._blocks = []
        return FileStep.FINISH, block

    def _content(self, kind: int, data: bytes) -> bytes:
        if kind == DIRECTORY:
            self.new = False
            return b"".join(encode_file_name(name) for name in sorted(self.files))
        if kind != FILE:
            raise Refusal(ErrorCode.OBJECT_ID_NOT_FOUND)
        names = decode_file_names(data)
        if len(names) != 1 or names[0] not in self.files:
            raise Refusal(ErrorCode.FILE_OR_DIR_NOT_PRESENT)
        return self.files[names[0]]

    def _begin(self, content: bytes) -> None:
        self._place = 0
        starts = range(0, max(len(content), 1), FILE_BLOCK)
        self._blocks = [content[start : start + FILE_BLOCK] for start in starts]
