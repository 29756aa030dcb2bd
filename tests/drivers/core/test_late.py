"""Answers that come after their time-out, and bytes that show that a unit lives."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.core.errors import NoReply
from drivers.core.modbus import ModbusBus
from drivers.core.modbus.answer import mbap_frames, shows_life
from drivers.core.modbus.connection import Request
from drivers.core.modbus.late import Found, LateAnswers
from drivers.core.simulation.modbus_framing import RtuFraming
from drivers.core.turns import Turns
from drivers.core.url import TcpUrl
from tests.support.wire.raw import RawServer
from tests.support.wire.until import until

READ = bytes.fromhex("04 0000 0001")
ANSWER = bytes.fromhex("04 02 1234")


def _mbap(transaction: int, unit: int, pdu: bytes) -> bytes:
    return b"".join((transaction.to_bytes(2, "big"), bytes(2), (len(pdu) + 1).to_bytes(2, "big"),
                     bytes([unit]), pdu))  # fmt: skip


def _rtu(unit: int, pdu: bytes) -> bytes:
    return RtuFraming().wrap(unit, pdu, 0)


def _crc_is_right(frame: bytes) -> bool:
    return _rtu(frame[0], frame[1:-2]) == frame


def test_late_answers_are_known_by_their_transaction_and_taken_out() -> None:
    late = LateAnswers(False, _crc_is_right)
    for transaction, unit in ((7, 2), (8, 3), (9, 4), (10, 4)):
        late.expect(_mbap(transaction, unit, READ))
    late.sending()
    other = _mbap(11, 1, ANSWER)
    both = _mbap(7, 2, ANSWER) + _mbap(8, 3, ANSWER)
    assert late.find(both) == Found(frozenset({2, 3}), whole=True)
    assert late.find(_mbap(9, 4, ANSWER) + other) == Found(frozenset({4}), rest=other)
    assert late.find(_mbap(10, 9, ANSWER)) == Found(whole=True)
    again = _mbap(7, 2, ANSWER)
    assert late.find(again) == Found(rest=again)  # one answer to a request is late


def test_a_late_answer_in_pieces_is_held_and_what_is_none_passes() -> None:
    late = LateAnswers(False, _crc_is_right)
    late.expect(_mbap(7, 2, READ))
    late.expect(_mbap(8, 3, READ))
    other = _mbap(9, 1, ANSWER)
    stream = _mbap(7, 2, ANSWER) + other + _mbap(8, 3, ANSWER) + other
    found = [late.find(stream[i : i + 1]) for i in range(len(stream))]
    assert frozenset[int]().union(*(one.units for one in found)) == {2, 3}
    assert b"".join(one.rest for one in found) == other * 2


async def test_a_transaction_that_is_used_again_is_of_no_late_answer() -> None:
    pdus = (bytes.fromhex("03 04 0000 0000"), bytes.fromhex("06 0005 0007"))
    answers = iter((b"", *(_mbap(1, 1, pdu) for pdu in pdus)))
    server = RawServer(lambda asked: (answer := next(answers)) and asked[:2] + answer[2:])
    async with server:
        connection = await ModbusBus(TcpUrl("127.0.0.1", server.port))._connect()
        with pytest.raises(NoReply):
            await connection.exchange(Request("", "", 1, "", 3, 0, 2), 0.05)
        assert await connection.exchange(Request("", "", 1, "", 3, 0, 2), 30.0) == (0, 0)
        connection._client.ctx.next_tid = 65_000  # the first is next
        write = Request("", "", 1, "", 6, 5, 1, (7,))
        assert await connection.exchange(write, 3.0) == ()
        connection.close(discard=True)


async def test_an_answer_that_comes_in_the_turn_of_its_time_out_is_late() -> None:
    async with RawServer(lambda _: b"") as server:
        bus = ModbusBus(TcpUrl("127.0.0.1", server.port))
        connection = await bus._connect()
        asking = asyncio.ensure_future(connection.exchange(Request("", "", 1, "", 4, 0, 1), 0.05))
        await until(lambda: bool(server.received))
        while connection._watch is not None:
            await asyncio.sleep(0)
        assert not asking.done()
        connection._client.ctx.data_received(_mbap(1, 1, ANSWER))
        with pytest.raises(NoReply):
            await asking
        assert connection.alive
        assert connection.keep_after_error
        connection.close(discard=True)


def test_what_is_no_frame_passes_at_once() -> None:
    late = LateAnswers(False, _crc_is_right)
    late.expect(_mbap(7, 2, READ))
    noise = _mbap(7, 2, READ)[:4] + bytes(4)
    assert late.find(noise) == Found(rest=noise)
    assert late.find(_mbap(7, 2, ANSWER)).units == frozenset()


def test_what_a_gateway_says_of_a_silent_unit_is_no_sign_of_its_life() -> None:
    late = LateAnswers(False, _crc_is_right)
    late.expect(_mbap(7, 2, READ))
    late.expect(_mbap(8, 2, READ))
    assert late.find(_mbap(7, 2, b"\x84\x0b")) == Found(whole=True)
    assert late.find(_mbap(8, 2, b"\x84\x02")) == Found(frozenset({2}), whole=True)
    rtu = LateAnswers(True, _crc_is_right)
    for code, units in (("0B", set[int]()), ("02", {2})):
        rtu.expect(_rtu(2, READ))
        assert rtu.find(_rtu(2, bytes.fromhex("84" + code))) == Found(frozenset(units), whole=True)


def test_in_rtu_it_is_the_answer_to_the_last_request() -> None:
    late = LateAnswers(True, _crc_is_right)
    answer, strange = _rtu(2, ANSWER), _rtu(3, ANSWER)
    assert late.find(answer) == Found(rest=answer)
    late.expect(_rtu(2, READ))
    assert late.find(strange) == Found(rest=strange)
    assert late.find(answer[:-1]) == Found()
    assert late.find(b"?") == Found(rest=answer[:-1] + b"?")
    assert late.find(answer[:3]) == Found()
    assert late.find(answer[3:]) == Found(frozenset({2}), whole=True)
    late.expect(_rtu(2, READ))
    late.sending()  # another request is on the line: the unit lives, but what comes next is open
    assert late.find(answer) == Found(frozenset({2}), rest=answer)


def test_in_rtu_the_line_is_in_step_only_after_the_answer_to_the_only_request() -> None:
    late = LateAnswers(True, _crc_is_right)
    answer = _rtu(2, ANSWER)
    for _ in range(2):
        late.sending()
        late.expect(_rtu(2, READ))
    assert late.find(answer) == Found(frozenset({2}))  # the other one may still come
    assert late.find(answer) == Found(rest=answer)
    late.sending()
    late.answered()
    late.sending()
    late.expect(_rtu(2, READ))
    assert late.find(answer) == Found(frozenset({2}), whole=True)


def test_signs_of_life_are_those_of_the_unit_that_was_asked() -> None:
    request = _rtu(2, READ)
    assert shows_life(request, _rtu(2, ANSWER)[:4], rtu=True)
    assert not shows_life(request, _rtu(3, ANSWER), rtu=True)
    assert not shows_life(request, request + _rtu(3, ANSWER), rtu=True)  # an echo
    assert not shows_life(request, b"", rtu=True)
    request = _mbap(7, 2, READ)
    assert shows_life(request, _mbap(6, 1, ANSWER) + _mbap(7, 2, b"\x03\x00"), rtu=False)
    assert shows_life(request, _mbap(7, 2, ANSWER)[:-1], rtu=False)
    assert not shows_life(request, _mbap(7, 9, ANSWER), rtu=False)
    assert not shows_life(request, _mbap(6, 2, ANSWER), rtu=False)


@given(st.lists(st.binary(max_size=300), max_size=4), st.booleans())
def test_any_bytes_are_cut_and_judged(pieces: list[bytes], rtu: bool) -> None:
    data = b"".join(pieces)
    frames, rest = mbap_frames(data)
    assert b"".join(frames) + rest == data
    assert all(len(frame) >= 8 for frame in frames)
    late = LateAnswers(rtu, _crc_is_right)
    late.expect(_rtu(2, READ) if rtu else _mbap(7, 2, READ))
    passed = b"".join(late.find(piece).rest for piece in pieces)
    assert len(passed) <= len(data)
    shows_life(_rtu(2, READ), data, rtu=rtu)


async def test_one_in_the_middle_of_several_requests_goes_on_before_the_polite() -> None:
    turns = Turns()
    order: list[str] = []

    async def ask(name: str) -> None:
        """A request: a task of its own, as in a link, whose end gives the turn back."""
        order.append(name)
        turn = asyncio.ensure_future(asyncio.sleep(0.01))
        turn.add_done_callback(lambda _: turns.give_back())
        await asyncio.shield(turn)

    async def several() -> None:
        for _ in range(4):
            await turns.take()
            await ask("usual")

    async def one() -> None:
        await turns.take(patience=60.0)
        await ask("polite")

    usual = asyncio.ensure_future(several())
    await asyncio.sleep(0)
    await asyncio.gather(usual, one())
    assert order == ["usual"] * 4 + ["polite"]
