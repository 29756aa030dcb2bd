"""The codec: any bytes give a value or `DecodeError`; every value comes back as it was sent."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.core.can import CanFrame
from drivers.iseg.items import ITEMS, ROWS, Access, Confidence, I, Item, Kind, Scope
from drivers.iseg.protocol import (
    ADDRESSES,
    Answer,
    DecodeError,
    Value,
    address_of,
    answer,
    decode,
    encode,
    parse_announcement,
    parse_answer,
    read,
    read_many,
    to_single,
    write,
)
from drivers.iseg.words import (
    BLOCKING,
    CHANNEL_EVENT_BITS,
    CHANNEL_STATUS_BITS,
    MODULE_EVENT_BITS,
    MODULE_STATUS_BITS,
    ChannelEvent,
    names_of,
)

_singles = st.floats(width=32, allow_nan=False, allow_infinity=False)
_VALUES: dict[Kind, st.SearchStrategy[Value]] = {
    Kind.U8: st.integers(0, 0xFF),
    Kind.I8: st.integers(-128, 127),
    Kind.U16: st.integers(0, 0xFFFF),
    Kind.U32: st.integers(0, 0xFFFFFFFF),
    Kind.WORD: st.integers(0, 0xFFFFFFFF),
    Kind.F32: _singles,
    Kind.F32_U8: st.tuples(_singles, st.integers(0, 0xFF)),
    Kind.TEXT: st.from_regex(r"[A-Z0-9]{1,6}", fullmatch=True),
    Kind.RELEASE: st.binary(min_size=4, max_size=4),
    Kind.PARTS: st.binary(min_size=1, max_size=6),
}


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    item = draw(st.sampled_from(ROWS))
    place = None if item.scope is Scope.MODULE else draw(st.integers(0, 47))
    multiple = item.scope is Scope.CHANNEL and draw(st.booleans())
    return Answer(item.id, multiple, place, draw(_VALUES[item.kind]))


@given(st.binary(max_size=8))
def test_any_bytes_are_an_answer_or_a_decode_error(data: bytes) -> None:
    with suppress(DecodeError):
        parse_answer(data)


@given(st.sampled_from(ROWS), st.binary(max_size=8))
def test_any_bytes_are_a_value_or_a_decode_error(item: Item, data: bytes) -> None:
    with suppress(DecodeError):
        decode(item, data)


@given(st.integers(0, 0x7FF), st.binary(max_size=8))
def test_any_frame_is_an_announcement_or_none(identifier: int, data: bytes) -> None:
    found = parse_announcement(CanFrame(identifier, data))
    if found is not None:
        assert data[0] == 0xD8
        assert found.address in ADDRESSES


@given(answers(), st.sampled_from(ADDRESSES))
def test_every_answer_comes_back(given_answer: Answer, address: int) -> None:
    frame = answer(address, given_answer)
    assert address_of(frame.identifier) == address
    assert frame.identifier & 0x001 == 0
    assert parse_answer(frame.data) == given_answer


@given(st.sampled_from([kind for kind in Kind if kind is not Kind.WORD]), st.data())
def test_a_value_that_does_not_fit_is_refused(kind: Kind, data: st.DataObject) -> None:
    item = next(item for item in ROWS if item.kind is kind)
    wrong = data.draw(st.sampled_from([1 << 40, -1 << 40, math.inf, math.nan, "\u20ac"]))
    if kind is Kind.F32 and isinstance(wrong, int):
        return
    with pytest.raises(ValueError, match=item.name):
        encode(item, wrong)


def test_a_float_that_is_no_number_is_no_value() -> None:
    for raw in (b"\x7f\xc0\x00\x00", b"\x7f\x80\x00\x00", b"\xff\x80\x00\x00"):
        value = decode(ITEMS[I.VOLTAGE_MEASURE], raw)
        assert isinstance(value, float)
        assert math.isnan(value)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "too short"),
        (b"\x41", "too short"),
        (b"\x00\x00\x01", "not the id of an item"),
        (b"\x1f\xff\x01", "not an item that is known"),
        (b"\x41\x02\x30\x00\x00\x00\x00", "channel 48"),
        (b"\x41\x02\x00\x00\x00\x00", "voltage measured: 3 bytes"),
        (b"\x10\x00\x01", "module status: 1 bytes"),
    ],
)
def test_what_cannot_be_decoded_is_named(data: bytes, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        parse_answer(data)


def test_words_may_have_four_bytes() -> None:
    """iseg-protocol.md 7.8: the low halves are the same."""
    assert parse_answer(b"\x40\x00\x03\x00\x08\x00\x18").value == 0x00080018


def test_an_event_channel_word_may_lack_its_block() -> None:
    """iseg-protocol.md 13: a data length of 4 is block 0."""
    assert parse_answer(b"\x10\x05\x00\xff") == Answer(I.EVENT_CHANNEL_MASK, False, 0, 0xFF)


def test_the_table_is_frozen_sorted_and_whole() -> None:
    ids = [item.id for item in ROWS]
    assert ids == sorted(set(ids))
    assert {number.value for number in I} <= set(ids)
    assert len(ITEMS) == len(ROWS)
    with pytest.raises(AttributeError):
        ROWS[0].name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("number", "access", "confidence"),
    [
        (I.MODULE_STATUS, Access.READ, Confidence.CONFIRMED),
        (I.MODULE_EVENTS, Access.READ_CLEAR, Confidence.CONFIRMED),
        (I.EVENT_CHANNEL_MASK, Access.READ_WRITE, Confidence.CONFIRMED),
        (I.INHIBIT_ACTION, Access.READ_WRITE, Confidence.SINGLE),
        (I.CURRENT_RAMP_MAX, Access.READ, Confidence.CONFIRMED),
        (I.RESET, Access.WRITE, Confidence.SINGLE),
        (I.EXTERNAL_TEMPERATURE, Access.READ, Confidence.CONFIRMED),
    ],
)
def test_rights_and_confidence(number: int, access: Access, confidence: Confidence) -> None:
    assert ITEMS[number].access is access
    assert ITEMS[number].confidence is confidence


def test_the_disagreements_are_decided_as_the_reference_does() -> None:
    """iseg-protocol.md 13."""
    assert ITEMS[0x1004].name == "event channel status"
    assert ITEMS[0x1005].name == "event channel mask"
    assert ITEMS[0x4007].name == "external inhibit action"
    assert ITEMS[0x4130].name == "current ramp speed maximum"
    assert ITEMS[0x1200].name == "serial number"
    assert ITEMS[0x1102].unit == "%"


@pytest.mark.parametrize("count", [0, 17])
def test_a_multiple_access_names_one_to_sixteen_channels(count: int) -> None:
    with pytest.raises(ValueError, match=str(count)):
        read_many(0, ITEMS[I.STATUS], 0, count)


def test_a_channel_item_needs_its_channel() -> None:
    with pytest.raises(ValueError, match="needs the channel"):
        read(0, ITEMS[I.STATUS])
    with pytest.raises(ValueError, match="needs nothing"):
        write(0, ITEMS[I.VOLTAGE_RAMP], 1.0, 3)


def test_bits_have_the_places_of_the_reference() -> None:
    """iseg-protocol.md 7.1, 7.2, 7.4 and 7.5."""

    def places(bits: object) -> set[int]:
        return {bit.number for bit in bits}  # type: ignore[attr-defined]

    assert places(CHANNEL_STATUS_BITS) == set(range(16))
    assert places(CHANNEL_EVENT_BITS) == {n for n in range(16) if 0xFEFE >> n & 1}
    assert places(MODULE_STATUS_BITS) == set(range(16)) - {7}
    assert places(MODULE_EVENT_BITS) == {14, 13, 10, 6, 5, 4, 2, 1}
    assert BLOCKING == 0xF020
    assert names_of(CHANNEL_EVENT_BITS, ChannelEvent.TRIP | 1) == "tripped, bit 0"


@given(_singles)
def test_a_single_keeps_its_value(value: float) -> None:
    assert to_single(value) == value
