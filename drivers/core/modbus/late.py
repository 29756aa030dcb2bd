"""Answers that come after their time-out: no values any more, but proof that the unit lives.

Over Modbus TCP they are known by their transaction. RTU has none: there it is what would have been
the answer to the last request that was given up.
"""

from __future__ import annotations

from collections.abc import Callable

from .answer import Judgement, judge_rtu, mbap_frames
from .exceptions import FROM_A_GATEWAY

_MOST = 16
_EXCEPTION_BIT = 0x80


class LateAnswers:
    """Knows which requests of a connection were given up, and finds their answers."""

    def __init__(self, rtu: bool, crc_is_right: Callable[[bytes], bool]) -> None:
        self._rtu = rtu
        self._crc_is_right = crc_is_right
        self._overdue: dict[bytes, bytes] = {}
        self._sent_since = False

    def expect(self, sent: bytes) -> None:
        """Note a request whose answer has not come in time."""
        self._overdue[b"" if self._rtu else sent[:2]] = sent
        self._sent_since = False
        if len(self._overdue) > _MOST:
            del self._overdue[next(iter(self._overdue))]

    def sending(self) -> None:
        """Note that another request goes out."""
        self._sent_since = True

    def find(self, data: bytes) -> tuple[frozenset[int], bool]:
        """The units whose late answers are among these bytes; whether these are nothing else.

        In RTU nobody can tell that once another request has gone out.
        """
        if not self._overdue:
            return frozenset(), False
        if self._rtu:
            return self._find_rtu(data)
        frames, rest = mbap_frames(data)
        units = {
            frame[6]
            for frame in frames
            if frame[6:7] == self._overdue.get(frame[:2], b"")[6:7] and not _of_gateway(frame)
        }
        return frozenset(units), not rest and all(frame[:2] in self._overdue for frame in frames)

    def _find_rtu(self, data: bytes) -> tuple[frozenset[int], bool]:
        (sent,) = self._overdue.values()
        verdict = judge_rtu(sent, data, self._crc_is_right)
        if verdict.judgement is not Judgement.GOOD or verdict.trailing:
            return frozenset(), False
        return frozenset(sent[:1]), not self._sent_since


def _of_gateway(frame: bytes) -> bool:
    """True for an answer by which a gateway says that the unit gave none."""
    return len(frame) == 9 and bool(frame[7] & _EXCEPTION_BIT) and frame[8] in FROM_A_GATEWAY
