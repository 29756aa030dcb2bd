"""Frames as simulators see them: any bytes, in any pieces, never crash or jam the parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU

from drivers.core.modbus.answer import Judgement, judge_mbap, judge_rtu
from drivers.core.simulation.modbus_device import ModbusDevice, answer
from drivers.core.simulation.modbus_framing import (
    Framing,
    MbapFraming,
    ModbusFrame,
    RtuFraming,
    crc16,
)

_pieces = st.lists(st.binary(max_size=300), max_size=12)


def _crc_is_right(frame: bytes) -> bool:
    return crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little")


@given(_pieces)
@pytest.mark.parametrize("kind", [MbapFraming, RtuFraming])
def test_any_bytes_are_requests_or_nothing(kind: type[Framing], pieces: list[bytes]) -> None:
    framing = kind()
    for piece in pieces:
        for request in framing.feed(piece) + framing.silence():
            assert 0 <= request.unit <= 255
            assert request.pdu
            assert answer(ModbusDevice(), request.pdu)[0] & 0x7F == request.pdu[0] & 0x7F


@given(_pieces, st.integers(1, 247), st.integers(0, 100), st.integers(1, 125))
def test_rtu_finds_a_good_request_after_garbage_and_silence(
    pieces: list[bytes], unit: int, start: int, count: int
) -> None:
    framing = RtuFraming()
    for piece in pieces:
        framing.feed(piece)
    framing.silence()
    pdu = bytes([4]) + start.to_bytes(2, "big") + count.to_bytes(2, "big")
    assert framing.feed(framing.wrap(unit, pdu, 0)) == [ModbusFrame(unit, pdu)]


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(min_size=1, max_size=100))), st.data())
def test_mbap_requests_may_come_in_any_pieces(
    requests: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    framing = MbapFraming()
    stream = b"".join(
        framing.wrap(unit, pdu, number) for number, (unit, pdu) in enumerate(requests)
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    found: list[ModbusFrame] = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += framing.feed(stream[begin:end])
    assert [(each.unit, each.pdu) for each in found] == requests
    assert [each.transaction for each in found] == list(range(len(requests)))


@given(st.binary(max_size=260))
def test_the_two_crcs_agree(data: bytes) -> None:
    assert crc16(data).to_bytes(2, "little") == FramerRTU.compute_CRC(data).to_bytes(2, "big")


_REQUEST_MBAP = bytes.fromhex("000700000006010400010002")
_REQUEST_RTU = RtuFraming().wrap(16, bytes.fromhex("0400010002"), 0)


@given(st.binary(max_size=400))
def test_any_answer_gets_a_verdict(received: bytes) -> None:
    for verdict in (
        judge_mbap(_REQUEST_MBAP, received),
        judge_rtu(_REQUEST_RTU, received, _crc_is_right),
    ):
        assert (verdict.judgement is Judgement.GOOD) == bool(verdict.frame)
        assert verdict.judgement is not Judgement.BAD or verdict.detail


@given(st.binary(max_size=30), st.integers(0, 11))
def test_a_good_answer_is_found_in_any_pieces(trailing: bytes, cut: int) -> None:
    pdu = bytes.fromhex("0404DEADBEEF")
    rtu = RtuFraming().wrap(16, pdu, 0)
    mbap = MbapFraming().wrap(1, pdu, 7)
    late = MbapFraming().wrap(1, pdu, 6)
    assert judge_mbap(_REQUEST_MBAP, mbap[:cut]).judgement is Judgement.INCOMPLETE
    assert judge_rtu(_REQUEST_RTU, rtu[: min(cut, 8)], _crc_is_right).judgement is (
        Judgement.INCOMPLETE
    )
    assert judge_mbap(_REQUEST_MBAP, late + mbap + trailing).frame == mbap
    verdict = judge_rtu(_REQUEST_RTU, rtu + trailing, _crc_is_right)
    assert verdict.frame == rtu
    assert verdict.trailing == len(trailing)


@pytest.mark.parametrize(
    ("received", "words"),
    [
        ("0007000000070104040000", "unfinished"),
        ("00060000000701040400000000", "transaction 6, asked was 7"),
        ("00070000000702040400000000", "unit 2, asked was 1"),
        ("00070000000701030400000000", "function 3, asked was 4"),
        ("0007000000050104020000", "5 bytes|4 bytes instead of 6"),
        ("00070000000701040300000000", "byte count 3 instead of 4"),
        ("00070001000701040400000000", "not a Modbus TCP frame"),
        ("00070000000001040400000000", "not a Modbus TCP frame"),
        ("000700000004018402AA", "an exception of 3 bytes"),
    ],
)
def test_what_is_wrong_with_a_tcp_answer_is_said(received: str, words: str) -> None:
    verdict = judge_mbap(_REQUEST_MBAP, bytes.fromhex(received))
    assert verdict.judgement is not Judgement.GOOD
    assert any(word in verdict.detail for word in words.split("|"))


@pytest.mark.parametrize(
    ("received", "words"),
    [
        ("1004", "2 bytes of an unfinished answer"),
        ("1104040000000000", "unit 17, asked was 16"),
        ("100304", "function 3, asked was 4"),
        ("1004060000", "byte count 6 instead of 4"),
        ("10040400000000FFFF", "wrong CRC"),
        (_REQUEST_RTU.hex(), "local echo"),
    ],
)
def test_what_is_wrong_with_an_rtu_answer_is_said(received: str, words: str) -> None:
    verdict = judge_rtu(_REQUEST_RTU, bytes.fromhex(received), _crc_is_right)
    assert verdict.judgement is not Judgement.GOOD
    assert words in verdict.detail
