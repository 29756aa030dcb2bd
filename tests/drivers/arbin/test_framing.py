"""Frames in a stream: however it is cut, whatever is between them; any bytes, bounded memory."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.arbin.protocol import (
    MAX_FRAME,
    OVERHEAD,
    TOKEN,
    Code,
    Direction,
    EncodeError,
    Frame,
    FrameStream,
    checksum,
    frame,
)

_directions = st.sampled_from(Direction)
_frames = st.builds(Frame, st.sampled_from(Code), st.binary(max_size=300), st.just(0))
_garbage = st.binary(max_size=40).filter(lambda data: not any(byte in TOKEN for byte in data))


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


def bytes_of(one: Frame, direction: Direction) -> bytes:
    return frame(one.code, one.payload, direction)


@given(_directions, st.lists(_frames, max_size=5), st.lists(st.integers(0, 10_000), max_size=20))
def test_frames_are_found_however_the_stream_is_cut(
    direction: Direction, frames: list[Frame], cuts: list[int]
) -> None:
    stream = FrameStream(direction)
    data = b"".join(bytes_of(one, direction) for one in frames)
    found = [one for piece in in_pieces(data, cuts) for one in stream.feed(piece)]
    assert found == frames
    assert (stream.waiting, stream.skipped) == (0, 0)


@given(_directions, st.lists(st.tuples(_garbage, _frames), max_size=4), st.booleans())
def test_garbage_between_frames_costs_no_frame(
    direction: Direction, parts: list[tuple[bytes, Frame]], byte_by_byte: bool
) -> None:
    stream = FrameStream(direction)
    data = b"".join(garbage + bytes_of(one, direction) for garbage, one in parts)
    pieces = [data[n : n + 1] for n in range(len(data))] if byte_by_byte else [data]
    assert [one for piece in pieces for one in stream.feed(piece)] == [one for _, one in parts]
    assert stream.skipped == sum(len(garbage) for garbage, _ in parts)


@given(_directions, _frames, _frames, st.integers(0, 10_000), st.integers(1, 255))
def test_a_wrong_checksum_costs_one_frame(
    direction: Direction, bad: Frame, good: Frame, place: int, change: int
) -> None:
    data = bytearray(bytes_of(bad, direction))
    at = 20 + place % (len(data) - 20)  # payload and checksum: what is not needed to find its end
    data[at] ^= change
    stream = FrameStream(direction)
    assert stream.feed(bytes(data) + bytes_of(good, direction)) == [good]
    assert stream.bad_codes == [bad.code]
    stream.feed(b"")
    assert stream.bad_codes == []


@given(st.lists(st.binary(max_size=200), max_size=10), _directions)
def test_any_bytes_are_taken(pieces: list[bytes], direction: Direction) -> None:
    stream = FrameStream(direction, longest=1000)
    for piece in pieces:
        stream.feed(piece)
        assert stream.waiting < 1000


@given(st.integers(0, 0xFFFFFFFF), _directions, _frames)
def test_an_impossible_length_does_not_stop_the_stream(
    length: int, direction: Direction, good: Frame
) -> None:
    extra = 12 if direction is Direction.REQUEST else 0
    if OVERHEAD <= length + extra <= MAX_FRAME:
        length = MAX_FRAME + 1
    stream = FrameStream(direction)
    head = TOKEN + length.to_bytes(4, "little") + bytes(8)
    assert stream.feed(head + bytes_of(good, direction)) == [good]
    assert stream.skipped == len(head)


def test_a_flood_of_garbage_takes_no_memory() -> None:
    stream = FrameStream(Direction.REPLY)
    for _ in range(100):
        stream.feed(bytes(100_000) + TOKEN[:5])
    assert stream.waiting <= len(TOKEN)
    assert stream.skipped >= 9_999_000


def test_a_token_of_eight_dd_is_none() -> None:
    """Older documents have it; current servers do not (arbin-protocol.md 2)."""
    data = frame(Code.STOP_REPLY, bytes(106), Direction.REPLY)
    good = frame(Code.START_REPLY, bytes(106), Direction.REPLY)
    stream = FrameStream(Direction.REPLY)
    assert [one.code for one in stream.feed(b"\xdd" * 8 + data[8:] + good)] == [Code.START_REPLY]


def test_the_checksum_wraps() -> None:
    data = b"\xff" * 774 + b"\xae"
    assert sum(data) == 197_544
    assert checksum(data) == 0x03A8


def test_the_length_counts_differently_in_each_direction() -> None:
    request = frame(Code.STOP, bytes(106), Direction.REQUEST)
    reply = frame(Code.STOP_REPLY, bytes(106), Direction.REPLY)
    assert len(request) == len(reply) == 128
    assert (request[8], reply[8]) == (116, 128)


def test_a_frame_that_nobody_would_take_is_not_made() -> None:
    with pytest.raises(EncodeError, match="longer than 16777216"):
        frame(Code.UPLOAD, bytes(MAX_FRAME), Direction.REQUEST)
