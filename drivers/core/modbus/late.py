"""Answers that come after their time-out: no values any more, but proof that the unit lives.

Over Modbus TCP they are known by their transaction. RTU has none: there it is what would have been
the answer to the last request that was given up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .answer import (
    EXCEPTION_FLAG,
    LONGEST_MBAP,
    MBAP_HEADER,
    Judgement,
    judge_rtu,
    mbap_frames,
)
from .exceptions import FROM_A_GATEWAY

_MOST = 16


@dataclass(frozen=True, slots=True)
class Found:
    """What bytes are that came: answers that were late, or a part of one, and the `rest`.

    `units` have shown that they live. `whole`: late answers came to their end, and nothing else.
    """

    units: frozenset[int] = frozenset()
    rest: bytes = b""
    whole: bool = False


class LateAnswers:
    """Knows which requests of a connection were given up, and takes out their answers."""

    def __init__(self, rtu: bool, crc_is_right: Callable[[bytes], bool]) -> None:
        self._rtu = rtu
        self._crc_is_right = crc_is_right
        self._overdue: dict[bytes, bytes] = {}
        self._missing = 0
        self._sent_since = False
        self._held = b""
        self._to_pass = 0

    def expect(self, sent: bytes) -> None:
        """Note a request whose answer has not come in time."""
        self._overdue[b"" if self._rtu else sent[:2]] = sent
        self._missing += 1
        self._sent_since = False
        if len(self._overdue) > _MOST:
            del self._overdue[next(iter(self._overdue))]

    def answered(self) -> None:
        """Note a good answer in time: no earlier one is to come."""
        self._missing = 0

    def sending(self) -> None:
        """Note that another request goes out."""
        self._sent_since = True
        if self._rtu:
            self._held = b""

    def sent(self, data: bytes) -> None:
        """Note what went out. Its transaction, in use again, is that of no late answer any more."""
        self._overdue.pop(data[:2], None)

    def find(self, data: bytes) -> Found:
        """Look at the bytes that came, one piece after the other; each answer is late once."""
        if not self._overdue and not self._held:
            self._to_pass = 0
            return Found(rest=data)
        return self._find_rtu(data) if self._rtu else self._find_mbap(data)

    def _find_mbap(self, data: bytes) -> Found:
        """Cut the stream into frames. What is not whole is held if it may be a late answer."""
        data = self._held + data
        passed = min(self._to_pass, len(data))
        self._to_pass -= passed
        frames, self._held = mbap_frames(data[passed:])
        rest = [data[:passed]]
        units: set[int] = set()
        for frame in frames:
            sent = self._overdue.pop(frame[:2], None)
            if sent is None:
                rest.append(frame)
            elif frame[6:7] == sent[6:7] and not _of_gateway(frame[MBAP_HEADER:]):
                units.add(frame[6])
        rest.append(self._unfinished())
        others = b"".join(rest)
        return Found(frozenset(units), others, whole=not others and not self._held)

    def _unfinished(self) -> bytes:
        """The start of a frame, if it is no late answer: taken out of what is held."""
        start = self._held
        if len(start) < MBAP_HEADER:
            return b""
        size = 6 + int.from_bytes(start[4:6], "big")
        if start[:2] in self._overdue and MBAP_HEADER < size <= LONGEST_MBAP:
            return b""
        self._held = b""
        if size > MBAP_HEADER:
            self._to_pass = size - len(start)
        else:  # no frame: nobody can tell where the next one begins
            self._overdue.clear()
        return start

    def _find_rtu(self, data: bytes) -> Found:
        """All that came is the late answer, or it is not.

        Once another request is out, or if the one before it was not answered either, who knows of
        which it is. Then it still shows that the unit lives.
        """
        sent = self._overdue[b""]
        self._held = (self._held + data)[: LONGEST_MBAP + 1]
        verdict = judge_rtu(sent, self._held, self._crc_is_right)
        if verdict.judgement is Judgement.INCOMPLETE:
            return Found(rest=data if self._sent_since else b"")
        held, self._held = self._held, b""
        if verdict.judgement is not Judgement.GOOD or verdict.trailing:
            return Found(rest=data if self._sent_since else held)
        self._overdue.clear()
        units = frozenset(() if _of_gateway(verdict.frame[1:-2]) else sent[:1])
        if self._sent_since:
            return Found(units, rest=data)
        alone, self._missing = self._missing == 1, self._missing - 1
        return Found(units, whole=alone)


def _of_gateway(pdu: bytes) -> bool:
    """True for an answer by which a gateway says that the unit gave none."""
    return len(pdu) == 2 and bool(pdu[0] & EXCEPTION_FLAG) and pdu[1] in FROM_A_GATEWAY
