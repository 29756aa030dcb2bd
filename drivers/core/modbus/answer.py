"""Is this answer the answer to that request? Modbus answers are checked before they are believed.

pymodbus checks the CRC and skips frames of another transaction or unit; it takes an answer with
another function code, another byte count or another echo as valid. These checks are pure functions
over bytes: MBAP frames (Modbus Messaging on TCP/IP, section 3.1) and RTU frames (Modbus over
Serial Line, section 2.5.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from struct import Struct

from ..noise import MOST_NOISE

MBAP_HEADER = 7
_MBAP = Struct(">HHH")
_MAX_PDU = 253
LONGEST_MBAP = MBAP_HEADER + _MAX_PDU
EXCEPTION_FLAG = 0x80
_READS = (3, 4)
_WRITE_ECHO_LENGTH = 5


class Judgement(Enum):
    """What the bytes so far amount to."""

    INCOMPLETE = "incomplete"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement, the frame (if good), a text on what is wrong or missing, bytes left over.

    `passed` are the bytes of late answers in front, which need not be looked at again.
    """

    judgement: Judgement
    frame: bytes = b""
    detail: str = ""
    trailing: int = 0
    passed: int = 0


def _bad(detail: str) -> Verdict:
    return Verdict(Judgement.BAD, detail=detail)


def shown(data: bytes) -> str:
    """Bytes as hex for an error text, the long ones cut."""
    return data[:16].hex(" ").upper() + (f" ... ({len(data)} bytes)" if len(data) > 16 else "")


def answer_length(request: bytes) -> int:
    """Length of the normal answer PDU to a request PDU of function 03, 04, 06 or 16."""
    count = int.from_bytes(request[3:5], "big")
    return 2 + 2 * count if request[0] in _READS else _WRITE_ECHO_LENGTH


def judge_pdu(request: bytes, answer: bytes) -> str:
    """What is wrong with an answer PDU to a request PDU; empty if nothing is."""
    function = request[0]
    if answer[0] == function | EXCEPTION_FLAG:
        return "" if len(answer) == 2 else f"an exception of {len(answer)} bytes instead of 2"
    if answer[0] != function:
        return f"the answer to function {answer[0]}, asked was {function}"
    if len(answer) != (expected := answer_length(request)):
        return f"an answer of {len(answer)} bytes instead of {expected}"
    if function in _READS and answer[1] != expected - 2:
        return f"byte count {answer[1]} instead of {expected - 2}"
    if function not in _READS and answer[1:] != request[1:5]:
        return f"the echo {shown(answer)} differs from the request {shown(request[:5])}"
    return ""


def mbap_frames(received: bytes) -> tuple[list[bytes], bytes]:
    """The whole MBAP frames at the start of some bytes, and what is left of them."""
    frames: list[bytes] = []
    start = 0
    while len(received) >= start + MBAP_HEADER:
        end = start + 6 + int.from_bytes(received[start + 4 : start + 6], "big")
        if not start + MBAP_HEADER < end <= len(received):
            break
        frames.append(received[start:end])
        start = end
    return frames, received[start:]


def shows_life(request: bytes, received: bytes, *, rtu: bool) -> bool:
    """Whether bytes that are no valid answer come from the unit that was asked all the same."""
    if rtu:
        return received[:1] == request[:1] and not request.startswith(received[: len(request)])
    frames, rest = mbap_frames(received)
    return any(frame[:2] == request[:2] and frame[6:7] == request[6:7] for frame in (*frames, rest))


def judge_mbap(request: bytes, received: bytes) -> Verdict:
    """Find the answer to an MBAP request frame in the bytes received since it was sent.

    Frames of other transactions are late answers to earlier requests and are passed over.
    """
    stale = -1
    at = 0
    while len(received) - at >= MBAP_HEADER and at <= MOST_NOISE:
        transaction, protocol, length = _MBAP.unpack_from(received, at)
        if protocol != 0 or not 2 <= length <= _MAX_PDU + 1:
            return _bad(f"not a Modbus TCP frame: {shown(received[at : at + LONGEST_MBAP])}")
        end = at + 6 + length
        if len(received) < end:
            break
        if received[at : at + 2] != request[:2]:
            stale = transaction
            at = end
            continue
        if received[at + 6] != request[6]:
            return _bad(f"an answer of unit {received[at + 6]}, asked was {request[6]}")
        problem = judge_pdu(request[MBAP_HEADER:], received[at + MBAP_HEADER : end])
        if problem:
            return _bad(problem)
        return Verdict(Judgement.GOOD, received[at:end], trailing=len(received) - end)
    rest = received[at:]
    if rest or stale < 0:
        half = f"{len(rest)} bytes of an unfinished answer: {shown(rest)}" if rest else ""
        return Verdict(Judgement.INCOMPLETE, detail=half, passed=at)
    asked = int.from_bytes(request[:2], "big")
    detail = f"an answer to transaction {stale}, asked was {asked}"
    return Verdict(Judgement.INCOMPLETE, detail=detail, passed=at)


def _wrong_rtu_start(request: bytes, received: bytes, end: int) -> str:
    asked, function = request[1], request[1] | EXCEPTION_FLAG
    if received and received[0] != request[0]:
        return f"an answer of unit {received[0]}, asked was {request[0]}"
    if len(received) < 2 or received[1] == function:
        return ""
    if received[1] != asked:
        return f"the answer to function {received[1]}, asked was {asked}"
    if asked not in _READS or request.startswith(received[: len(request)]):
        echoed = asked in _READS and len(received) >= len(request)
        return "the request itself came back (switch off the local echo)" if echoed else ""
    if received[2] != end - 5:
        return f"byte count {received[2]} instead of {end - 5}"
    return ""


def judge_rtu(request: bytes, received: bytes, crc_is_right: Callable[[bytes], bool]) -> Verdict:
    """Judge the bytes received since an RTU request frame was sent."""
    pdu = request[1:-2]
    end = 3 + (2 if received[1:2] == bytes([pdu[0] | EXCEPTION_FLAG]) else answer_length(pdu))
    problem = _wrong_rtu_start(request, received, end)
    if problem:
        return _bad(f"{problem}: {shown(received)}")
    if len(received) < end:
        half = f"{len(received)} bytes of an unfinished answer: {shown(received)}"
        return Verdict(Judgement.INCOMPLETE, detail=half if received else "")
    frame = received[:end]
    if not crc_is_right(frame):
        return _bad(f"wrong CRC or length: {shown(received)}")
    problem = judge_pdu(pdu, frame[1:-2])
    if problem:
        return _bad(problem)
    return Verdict(Judgement.GOOD, frame, trailing=len(received) - end)
