"""Whatever bytes come, and however they are cut: the work of a parser is in proportion to them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from drivers.arbin.protocol import TOKEN, Direction, FrameStream
from drivers.core.can.interfaces import MessageSplitter
from drivers.core.modbus import ModbusBus
from drivers.core.modbus.connection import _Watch
from drivers.core.noise import MOST_NOISE
from drivers.core.simulation.modbus_framing import MbapFraming, RtuFraming, crc16
from drivers.core.url import TcpUrl
from drivers.xcom.frame import FrameParser, checksum
from drivers.xcom.simulator.moxa import Packer
from tests.support.wire.raw import RawServer

Feed = Callable[[bytes], object]

MOST_LINES = 60
"""Lines of Python for a byte that comes alone, and for each byte of a longer piece far less."""

_SAME = [b"\xaa", b"\0", b"\xff", b"\r", b"\a", b"<", b"\xdd", b"\1"]


def _xcom_header(length: int) -> bytes:
    head = bytes([0]) + bytes(8) + length.to_bytes(2, "little")
    return b"\xaa" + head + checksum(head)


def _cti(length: int) -> bytes:
    return TOKEN + length.to_bytes(4, "little") + bytes(8)


def _with_crc(request: bytes) -> bytes:
    return request + crc16(request).to_bytes(2, "little")


XCOM = [
    *_SAME, b"\xaa\0", b"\xaa\r\n", *map(_xcom_header, (9, 10, 200, 1100, 1101)),
    # a header begins in each period of these, with a good checksum and a length
    bytes.fromhex("AA BB A4 01 51 3F B5 A3"), bytes.fromhex("AA 27 03 7F 68 46 7A 70 6B"),
]  # fmt: skip
CTI = [*_SAME, TOKEN, TOKEN[:5], _cti(0xFFFFFFFF), _cti(22) + b"\xff\xff", _cti(34), _cti(1000)]
MODBUS = [
    *_SAME, bytes.fromhex("0001 0000 0002 01 03"), bytes.fromhex("0001 0000 00FE") + b"\1" * 254,
    bytes.fromhex("0009 0000 00FE 01 03"), b"\1\3", _with_crc(bytes.fromhex("01 03 0000 0001")),
    bytes.fromhex("01 10 0000 007B F7") + b"\x55" * 300, bytes.fromhex("01 10 0000 0001 02"),
]  # fmt: skip
TEXT = [*_SAME, b"<>", b"<" + b"a" * 200, b"<" + b"a" * 5000, b"< frame 123 1.0 AA >", b"<a"]

PARSERS: dict[str, tuple[Callable[[], Feed], list[bytes]]] = {
    "xcom": (lambda: FrameParser().feed, XCOM),
    "cti replies": (lambda: FrameStream(Direction.REPLY).feed, CTI),
    "cti requests": (lambda: FrameStream(Direction.REQUEST).feed, CTI),
    "mbap server": (lambda: MbapFraming().feed, MODBUS),
    "rtu server": (lambda: RtuFraming().feed, MODBUS),
    "socketcand": (lambda: MessageSplitter().feed, TEXT),
    "moxa": (lambda: Packer(strip=True).feed, [*_SAME, b"\r\n"]),
}
CASES = [
    pytest.param(make, pattern, id=f"{name}-{pattern[:12].hex()}")
    for name, (make, patterns) in PARSERS.items()
    for pattern in patterns
]


def lines(feed: Feed, data: bytes, piece: int) -> int:
    """Lines of Python that are run to take some bytes in pieces."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        del frame, argument
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for at in range(0, len(data), piece):
            feed(data[at : at + piece])
    finally:
        sys.settrace(before)
    return count


def hostile(pattern: bytes, size: int) -> bytes:
    """A pattern, again and again."""
    return (pattern * (size // len(pattern) + 1))[:size]


@pytest.mark.parametrize(("make", "pattern"), CASES)
def test_each_byte_costs_so_much_and_no_more(make: Callable[[], Feed], pattern: bytes) -> None:
    alone = hostile(pattern, 3000)
    assert lines(make(), alone, 1) <= MOST_LINES * len(alone)
    data = hostile(pattern, 20_000)
    for piece in (100, 4096, len(data)):
        assert lines(make(), data, piece) <= 25 * len(data)


@pytest.mark.parametrize("rtu", [False, True])
@pytest.mark.parametrize("pattern", MODBUS, ids=[pattern[:12].hex() for pattern in MODBUS])
async def test_an_answer_that_never_comes_is_not_looked_for_again_and_again(
    pattern: bytes, rtu: bool
) -> None:
    for piece in (1, 64, 4096):
        watch = _Watch(rtu)
        watch.sent = bytes.fromhex(
            "01 03 0000 007D 8429" if rtu else "0009 0000 0006 0103 0000 007D"
        )
        data = hostile(pattern, 3000)
        assert lines(watch.receive, data, piece) <= MOST_LINES * len(data)


async def test_what_was_looked_at_does_not_come_again_with_the_next_piece() -> None:
    """As pymodbus hands it over: it keeps what has not become an answer."""
    stale = hostile(bytes.fromhex("0001 0000 0002 01 03"), 8000)
    async with RawServer(lambda _: b"") as server:
        bus = ModbusBus(TcpUrl("127.0.0.1", server.port))
        connection = await bus._connect()
        watch = connection._watch = _Watch(rtu=False)
        watch.sent = bytes.fromhex("0009 0000 0006 0103 0000 007D")
        assert lines(connection._client.ctx.data_received, stale, 8) <= MOST_LINES * len(stale)
        assert not watch.over.done()
        connection.close(discard=True)
        await bus.close()


async def test_answers_to_other_requests_are_not_waited_through_for_ever() -> None:
    watch = _Watch(rtu=False)
    watch.sent = bytes.fromhex("0009 0000 0006 0103 0000 007D")
    stale = bytes.fromhex("0001 0000 0002 01 03")
    for _ in range(MOST_NOISE // len(stale) // 100 + 1):
        assert not watch.over.done()
        watch.receive(stale * 100)
    assert "nothing but noise came" in watch.verdict.detail
    assert watch.over.done()


@pytest.mark.parametrize("pattern", XCOM, ids=[pattern.hex() for pattern in XCOM])
def test_no_more_places_are_tried_than_bytes_came(pattern: bytes) -> None:
    parser = FrameParser()
    data = hostile(pattern, 20_000)
    for at in range(0, len(data), 7):
        parser.feed(data[at : at + 7])
    counts = parser.counts
    tried = counts.frames + counts.bad_headers + counts.bad_lengths + counts.bad_checksums
    assert tried <= len(data)
    assert parser.noise + parser.waiting == len(data)


def test_what_a_splitter_keeps_is_bounded() -> None:
    """It is looked at again with each piece."""
    splitter = MessageSplitter()
    for pattern in TEXT:
        for byte in hostile(pattern, 2000):
            splitter.feed(bytes([byte]))
            assert len(splitter._rest) < 202
    assert splitter.feed(b"< ok") == []
    assert splitter.feed(b" >< a ><") == [b"ok", b"a"]
    assert splitter.feed(b"b>") == [b"b"]


def test_noise_ends_with_a_good_frame() -> None:
    parser = FrameParser()
    parser.feed(b"\xaa" * 1000)
    assert parser.noise == 1000 - 13
    good = bytes.fromhex(
        "AA 00 01 00 00 00 65 00 00 00 0A 00 6F 71 00 01 01 00 B8 0B 00 00 01 00 C5 90"
    )
    assert len(parser.feed(good)) == 1
    assert parser.noise == 0
    rtu = RtuFraming()
    rtu.feed(b"\xff" * 300)
    rtu.silence()
    assert rtu.noise == 300
    assert len(rtu.feed(_with_crc(bytes.fromhex("01 03 0000 0001")))) == 1
    assert rtu.noise == 0
