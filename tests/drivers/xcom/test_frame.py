"""The stream parser under any bytes: no exception, no hang, bounded memory, all frames found."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.xcom.frame import (
    LONGEST_FRAME_DATA,
    OVERHEAD,
    STRIPPED,
    Frame,
    FrameFlags,
    FrameParser,
    checksum,
    decode_frame,
)
from tests.drivers.xcom.golden import load, wire

FRAMES = [golden.bytes for golden in load()]
LONGEST = 16 + LONGEST_FRAME_DATA

addresses = st.integers(0, 0xFFFF_FFFF)
words = st.integers(0, 0xFFFF)
frames = st.builds(
    Frame,
    addresses,
    addresses,
    st.integers(0, 255),
    words,
    addresses,
    words,
    st.binary(max_size=LONGEST_FRAME_DATA - 10),
    st.integers(0, 255),
    st.integers(0, 255),
)
# junk in which a false start is likely; what follows it may be taken for its length
junk = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from([b"\xaa", b"\r\n", b"\xff\x00", b"\xaa\xaa\xaa", wire("G02")[:20]]),
    ),
    max_size=6,
).map(b"".join)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Some bytes, cut at some places."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


@given(frames)
def test_what_is_encoded_is_decoded(frame: Frame) -> None:
    data = frame.encode()
    assert len(data) == OVERHEAD + len(frame.data)
    assert decode_frame(data) == frame


@given(st.lists(frames, max_size=4), st.lists(st.integers(0, 10**6), max_size=30))
def test_frames_are_found_however_they_are_cut(sent: list[Frame], cuts: list[int]) -> None:
    parser = FrameParser()
    stream = b"\r\n".join(frame.encode() for frame in sent)
    found = [frame for piece in pieces(stream, cuts) for frame in parser.feed(piece)]
    assert found == sent
    assert parser.waiting == 0


@given(
    st.lists(st.tuples(junk, st.sampled_from(FRAMES)), max_size=6),
    st.lists(st.integers(0, 10**6), max_size=30),
)
def test_junk_hides_no_frame_for_good(parts: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    """Junk may be the head of a frame, which ends with the frames after it; then they are found."""
    parser = FrameParser()
    stream = b"".join(head + frame for head, frame in parts)
    found = [frame for piece in pieces(stream, cuts) for frame in parser.feed(piece)]
    found += parser.feed(bytes(LONGEST))
    assert found == [decode_frame(frame) for _, frame in parts]


@given(st.binary(max_size=4000), st.lists(st.integers(0, 10**6), max_size=30))
def test_any_bytes_are_survived_in_bounded_memory(data: bytes, cuts: list[int]) -> None:
    parser = FrameParser()
    for piece in pieces(data, cuts):
        parser.feed(piece)
        assert parser.waiting < LONGEST
        parser.lacks_stripped_pair()
    counts = parser.counts
    assert counts.junk_bytes + parser.waiting <= len(data)
    before = counts.junk_bytes
    assert parser.reset() == counts.junk_bytes - before
    assert parser.feed(wire("G02")) == [decode_frame(wire("G02"))]


def _header(length: int) -> bytes:
    head = bytes([0]) + (1).to_bytes(4, "little") + (2).to_bytes(4, "little")
    head += length.to_bytes(2, "little")
    return b"\xaa" + head + checksum(head)


@pytest.mark.parametrize("length", [0, 9, LONGEST_FRAME_DATA + 1, 0xFFFF])
def test_an_impossible_length_is_not_waited_for(length: int) -> None:
    parser = FrameParser()
    assert parser.feed(_header(length) + wire("G02")) == [decode_frame(wire("G02"))]
    assert parser.counts.bad_lengths == 1


def test_a_screen_and_a_file_block_are_not_too_long() -> None:
    for size in (512, 1024):
        frame = Frame(501, 1, 1, 0x0100, 0, 0, bytes(size), 0, 2)
        assert decode_frame(frame.encode()) == frame


def test_a_flood_of_headers_costs_time_in_proportion() -> None:
    """Each false frame is looked at once, not once for each byte that comes."""
    parser = FrameParser()
    body = _header(200) * 40
    for _ in range(50):
        assert parser.feed(body) == []
    assert parser.counts.bad_checksums <= 50 * 40
    assert parser.waiting < 16 + 200


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_frame_on_its_way_is_not_taken_for_one_that_lost_0d_0a(missing: int) -> None:
    for frame in FRAMES:
        parser = FrameParser()
        parser.feed(frame[:-missing])
        assert not parser.lacks_stripped_pair()


@given(frames.filter(lambda frame: STRIPPED not in frame.encode()), st.data())
def test_a_pair_that_was_cut_out_of_data_is_noticed(frame: Frame, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(frame.data)))
    with_pair = Frame(1, 2, 1, 1, 1, 1, frame.data[:place] + STRIPPED + frame.data[place:])
    if len(with_pair.data) > LONGEST_FRAME_DATA - 10:
        return
    whole = with_pair.encode()
    at = 24 + place
    parser = FrameParser()
    parser.feed(whole[:at])
    found = parser.feed(whole[at + 2 :])
    assert found or parser.lacks_stripped_pair()


def test_unknown_flags_are_kept() -> None:
    frame = Frame(501, 1, 1, 1, 1, 1, b"", 0xC1, 2)
    flags = FrameFlags(decode_frame(frame.encode()).flags)
    assert flags & FrameFlags.MESSAGE_PENDING
    assert int(flags) == 0xC1
