"""Channel records: every part comes back as it was sent; any bytes give a value or our error."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.arbin.protocol import DecodeError, EncodeError
from drivers.arbin.reading import AuxValue, BmsValue, ChannelReading, ChannelTexts, SmbValue
from drivers.arbin.records import RECORD, ChannelsInfoReply, encode_record, encode_records
from drivers.arbin.texts import TEXT_BYTES, TextCache, texts_of
from drivers.arbin.words import AuxKind
from tests.drivers.arbin.strategies import aux_values, readings, texts

_same_aux = st.tuples(
    st.lists(aux_values, min_size=2, max_size=2).map(tuple),
    st.just(()),
    st.lists(aux_values, min_size=1, max_size=1).map(tuple),
    *[st.just(())] * (len(AuxKind) - 3),
)


def test_the_fixed_part_has_the_offsets_of_the_reference() -> None:
    """arbin-protocol.md 4.3."""
    assert RECORD.itemsize == 1753
    assert RECORD.fields is not None
    offsets = {name: RECORD.fields[name][1] for name in RECORD.fields}
    assert offsets["status"] == 4
    assert offsets["comm_failure"] == 6
    assert offsets["texts"] == 7
    assert offsets["master"] == 1659
    assert offsets["test_time"] == 1661
    assert offsets["voltage"] == 1677
    assert offsets["aci_phase"] == 1721
    assert offsets["counts"] == 1725
    assert TEXT_BYTES == 1652


@settings(max_examples=40)
@given(st.lists(readings(), max_size=4))
def test_records_come_back(channels: list[ChannelReading]) -> None:
    reply = ChannelsInfoReply.decode(encode_records(channels))
    assert reply.readings() == channels
    assert reply.encode() == encode_records(channels)
    assert ChannelsInfoReply.of(channels).readings() == channels


@settings(max_examples=40)
@given(st.lists(readings(_same_aux, tails=False), min_size=1, max_size=4))
def test_records_of_one_length_come_back(channels: list[ChannelReading]) -> None:
    """These are decoded all at once."""
    reply = ChannelsInfoReply.decode(encode_records(channels))
    assert reply.readings() == channels
    assert reply.aux.shape == (3 * len(channels), 2)


@settings(max_examples=40)
@given(st.lists(st.lists(readings(), max_size=2), min_size=1, max_size=3))
def test_several_replies_join(parts: list[list[ChannelReading]]) -> None:
    replies = [ChannelsInfoReply.decode(encode_records(part)) for part in parts]
    assert ChannelsInfoReply.joined(replies).readings() == [one for part in parts for one in part]


def test_records_of_one_length_with_other_kinds_of_aux() -> None:
    """The same length is not the same layout."""
    one, other = (AuxValue(1.0, 0.5),), ()
    channels = [
        ChannelReading(0, aux=(one, other, *((),) * 10)),
        ChannelReading(1, aux=(other, one, *((),) * 10)),
    ]
    assert ChannelsInfoReply.decode(encode_records(channels)).readings() == channels


@given(st.binary(max_size=4000))
def test_any_bytes_are_a_reply_or_an_error(data: bytes) -> None:
    with suppress(DecodeError):
        ChannelsInfoReply.decode(data).readings()


@settings(max_examples=40)
@given(st.lists(readings(), min_size=1, max_size=3), st.data())
def test_a_spoilt_reply_is_a_reply_or_an_error(
    channels: list[ChannelReading], data: st.DataObject
) -> None:
    payload = bytearray(encode_records(channels))
    counts = [4 + at + n for at in (0, 1725) for n in range(28)]  # where lengths come from
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.one_of(st.sampled_from(counts), st.integers(0, len(payload) - 1)))
        payload[at % len(payload)] = data.draw(st.integers(0, 255))
    with suppress(DecodeError):
        ChannelsInfoReply.decode(bytes(payload)).readings()


@settings(max_examples=40)
@given(st.lists(readings(), min_size=1, max_size=3), st.integers(1, 10_000))
def test_a_reply_that_is_cut_is_an_error(channels: list[ChannelReading], cut: int) -> None:
    payload = encode_records(channels)
    with pytest.raises(DecodeError):
        ChannelsInfoReply.decode(payload[: -1 - cut % len(payload)])


@settings(max_examples=40)
@given(st.lists(readings(), max_size=2), st.binary(min_size=1, max_size=8))
def test_bytes_that_are_left_over_are_an_error(channels: list[ChannelReading], more: bytes) -> None:
    with pytest.raises(DecodeError):
        ChannelsInfoReply.decode(encode_records(channels) + more)


@pytest.mark.parametrize("count", [2, 10_000, 0xFFFFFFFF])
def test_a_count_is_bounded_before_it_is_used(count: int) -> None:
    record = encode_record(ChannelReading(0))
    with pytest.raises(DecodeError, match=f"{count} records in 1757 bytes"):
        ChannelsInfoReply.decode(count.to_bytes(4, "little") + record)


def test_a_count_of_aux_values_is_bounded_before_it_is_used() -> None:
    record = bytearray(encode_record(ChannelReading(0)))
    record[1725:1749] = b"\xff" * 24
    with pytest.raises(DecodeError, match="6291360 bytes are missing"):
        ChannelsInfoReply.decode(b"\x01\0\0\0" + bytes(record))


def test_an_smb_value_of_unknown_type_is_an_error() -> None:
    payload = bytearray(encode_records([ChannelReading(0, smb=(SmbValue(0, 1.0),))]))
    payload[4 + 1753 + 4] = 2
    with pytest.raises(DecodeError, match="type 2, which is not 0 or 1"):
        ChannelsInfoReply.decode(bytes(payload))


@pytest.mark.parametrize(
    "value",
    [SmbValue(0, "no end"), SmbValue(0, 1.0, "no end")],
)
def test_a_text_without_an_end_is_an_error(value: SmbValue) -> None:
    payload = encode_records([ChannelReading(0, smb=(value,))])
    with pytest.raises(DecodeError, match=r"has no end|are missing"):
        ChannelsInfoReply.decode(payload[:-1])


def test_bms_values_alone() -> None:
    channels = [ChannelReading(n, bms=(BmsValue(n, 1.5, "V"),) * n) for n in range(3)]
    assert ChannelsInfoReply.decode(encode_records(channels)).readings() == channels


def test_a_text_that_does_not_fit_is_named() -> None:
    with pytest.raises(EncodeError, match=r"test name 'x+' has 73 characters, at most 72 fit"):
        encode_record(ChannelReading(0, texts=ChannelTexts(test_name="x" * 73)))


# -- texts


def raw_of(channels: list[ChannelTexts]) -> np.ndarray:
    records = [encode_record(ChannelReading(0, texts=one))[7:1659] for one in channels]
    return np.frombuffer(b"".join(records), np.uint8).reshape(len(channels), TEXT_BYTES)


@given(st.lists(texts, min_size=1, max_size=5))
def test_texts_come_back(channels: list[ChannelTexts]) -> None:
    assert texts_of(raw_of(channels)) == channels


@given(st.lists(st.binary(min_size=TEXT_BYTES, max_size=TEXT_BYTES), min_size=1, max_size=3))
def test_any_bytes_are_texts(rows: list[bytes]) -> None:
    found = texts_of(np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), TEXT_BYTES))
    for one in found:
        "".join(one).encode()  # no half of a surrogate pair is left
        assert "\0" not in "".join(one)


def test_a_text_ends_at_the_first_zero_unit() -> None:
    """arbin-protocol.md 2: at an even offset, whatever stands behind it."""
    raw = raw_of([ChannelTexts()]).copy()
    raw[0, :8] = list(b"a\0\0bc\0\0\0")
    raw[0, 8:10] = list(b"x\0")
    raw[0, 544:550] = list(b"N/A\0zz")
    assert texts_of(raw) == [ChannelTexts(schedule="a\u6200c", exit_condition="N/A")]


def test_a_text_may_fill_its_field() -> None:
    full = ChannelTexts(test_name="ä" * 72, step_and_cycle="s" * 64)
    assert texts_of(raw_of([full])) == [full]


@pytest.mark.parametrize("reorder", [False, True])
def test_only_texts_whose_bytes_changed_are_decoded(reorder: bool) -> None:
    before = [ChannelTexts(test_name=f"test {n}") for n in range(4)]
    cache = TextCache()
    indices = np.arange(4, dtype="<u4")
    first = cache.texts(indices, raw_of(before))
    assert (first, cache.decoded) == (before, 4)
    again = cache.texts(indices, raw_of(before))
    assert cache.decoded == 4
    assert all(a is b for a, b in zip(first, again, strict=True))
    after = [before[0], before[1], ChannelTexts(test_name="new"), before[3]]
    found = cache.texts(indices, raw_of(after))
    assert (found, cache.decoded) == (after, 5)
    assert [a is b for a, b in zip(first, found, strict=True)] == [True, True, False, True]
    assert first == before
    if reorder:
        assert cache.texts(indices[::-1].copy(), raw_of(after[::-1])) == after[::-1]
        assert cache.decoded == 9


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[1] 1: Step_A, Rest", (1, 1, "Step_A", "Rest")),
        ("[12] 34: Step_D, Current(A)", (12, 34, "Step_D", "Current(A)")),
        ("[2]4:x", (2, 4, "x", "")),
        ("[1] 2: a, b, c", (1, 2, "a", "b, c")),
        ("", None),
        ("N/A", None),
        ("[x] 1: a, b", None),
        (f"[{'9' * 5000}] 1: a, b", None),
    ],
)
def test_the_step_is_found_in_its_text(text: str, parts: tuple[int, int, str, str] | None) -> None:
    step = ChannelTexts(step_and_cycle=text).step
    found = None if step is None else (step.cycle, step.number, step.label, step.control)
    assert found == parts
