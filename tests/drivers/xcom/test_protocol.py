"""Values, objects and tables: any bytes give a value or our error, and what is printed is true."""

from __future__ import annotations

import math
import struct
from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.xcom.addresses import (
    GROUPS,
    Family,
    family_of_address,
    family_of_number,
    object_type_of,
    range_of,
)
from drivers.xcom.frame import DecodeError
from drivers.xcom.identity import firmware_version, hardware_version, model_name, serial_id
from drivers.xcom.message_types import MESSAGE_TYPES, MessageClass, message_type
from drivers.xcom.messages import Message, decode_message, encode_message
from drivers.xcom.multi_info import (
    MAX_ITEMS,
    Aggregation,
    Item,
    ItemValue,
    MultiInfo,
    Present,
    decode_items,
    decode_multi_info,
    encode_items,
    encode_multi_info,
)
from drivers.xcom.objects import (
    decode_file_names,
    decode_guid,
    decode_text,
    encode_guid,
    encode_text,
)
from drivers.xcom.protocol import (
    ErrorCode,
    Format,
    ObjectType,
    decode_value,
    decode_word,
    encode_value,
    error_text,
)

some_bytes = st.binary(max_size=600)
words = st.integers(0, 0xFFFF)
longs = st.integers(0, 0xFFFF_FFFF)
items = st.builds(Item, words, st.sampled_from([*range(16), *Aggregation]))


@given(st.sampled_from(Format), st.binary(max_size=6))
def test_any_bytes_are_a_value_or_our_error(layout: Format, data: bytes) -> None:
    if len(data) != layout.size or (layout is Format.BOOL and data not in (b"\0", b"\1")):
        with pytest.raises(DecodeError, match=layout.value):
            decode_value(layout, data)
        return
    value = decode_value(layout, data)
    if layout is not Format.FLOAT:  # which of the NaN it was is not kept
        assert encode_value(layout, value) == data


@given(some_bytes, st.lists(items, max_size=80))
def test_any_bytes_are_an_object_or_our_error(data: bytes, asked: list[Item]) -> None:
    decode_text(data)
    decode_file_names(data)
    for decode in (decode_word, decode_guid, decode_message, decode_items):
        with suppress(DecodeError):
            decode(data)
    with suppress(DecodeError):
        reply = decode_multi_info(data, asked)
        assert [each.item for each in reply.values] == asked


@given(
    longs,
    longs,
    st.lists(st.tuples(items, st.floats(width=32, allow_nan=False)), min_size=1, max_size=76,
             unique_by=lambda pair: pair[0]),
    st.randoms(),
)  # fmt: skip
def test_multi_info_both_ways_in_any_order(
    flags: int, time: int, pairs: list[tuple[Item, float]], random: object
) -> None:
    reply = MultiInfo(flags, time, tuple(ItemValue(*pair) for pair in pairs))
    asked = [item for item, _ in pairs]
    assert decode_items(encode_items(asked)) == tuple(asked)
    # a gateway may answer in another order
    turned = MultiInfo(flags, time, reply.values[::-1])
    assert decode_multi_info(encode_multi_info(turned), asked) == reply


@pytest.mark.parametrize("count", [0, MAX_ITEMS + 1])
def test_too_many_or_no_items(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} items are not from 1 to 76"):
        encode_items([Item(3000)] * count)
    with pytest.raises(DecodeError, match="are not 1 to 76 items"):
        decode_items(bytes(3 * count))


def test_a_multi_info_reply_has_what_was_asked() -> None:
    asked = [Item(3000, 1), Item(3001, 1)]
    data = encode_multi_info(MultiInfo(0, 0, (ItemValue(asked[0], 1.0), ItemValue(Item(9), 2.0))))
    with pytest.raises(DecodeError, match="and not Item"):
        decode_multi_info(data, asked)
    with pytest.raises(DecodeError, match="2 values came for 1 items"):
        decode_multi_info(data, asked[:1])


@pytest.mark.parametrize("aggregation", [0x10, 0xFC, 0xFF, -1])
def test_reserved_aggregations(aggregation: int) -> None:
    with pytest.raises(ValueError, match="is reserved"):
        Item(3000, aggregation)
    if aggregation > 0:
        with pytest.raises(DecodeError, match="is reserved"):
            decode_items(struct.pack("<HB", 3000, aggregation))


def test_values_that_a_format_cannot_hold() -> None:
    wrong = [
        (Format.BOOL, 2, "neither true nor false"),
        (Format.SHORT_ENUM, 70_000, "does not fit into SHORT_ENUM"),
        (Format.SHORT_ENUM, -1, "does not fit into SHORT_ENUM"),
        (Format.INT32, 1.5, "is not a whole number"),
        (Format.INT32, math.nan, "is not a whole number"),
        (Format.INT32, 2**31, "does not fit into INT32"),
        (Format.FLOAT, 1e39, "does not fit into FLOAT"),
    ]
    for layout, value, problem in wrong:
        with pytest.raises(ValueError, match=problem):
            encode_value(layout, value)
    with pytest.raises(DecodeError, match="2 is no BOOL"):
        decode_value(Format.BOOL, b"\x02")


def test_short_enums_are_unsigned() -> None:
    """xcom-protocol.md 17, V13."""
    assert decode_value(Format.SHORT_ENUM, b"\xff\xff") == 0xFFFF


@given(st.builds(Message, longs, words, longs, longs, longs))
def test_messages_both_ways(message: Message) -> None:
    assert decode_message(encode_message(message)) == message
    assert message.text


def test_message_types() -> None:
    assert len(MESSAGE_TYPES) == len({each.number for each in MESSAGE_TYPES}) == 189
    of_class = [each.message_class for each in MESSAGE_TYPES]
    counts = {kind.value: of_class.count(kind) for kind in MessageClass}
    assert counts == {"I": 69, "W": 34, "E": 53, "H": 33, "?": 0}
    assert message_type(20).text == "battery over-voltage"
    assert message_type(235).message_class is MessageClass.HALTED
    assert message_type(66) == (type(message_type(66))(66, MessageClass.UNKNOWN, "message 66"))


@given(st.uuids())
def test_guids_both_ways(guid: UUID) -> None:
    assert decode_guid(encode_guid(guid)) == guid


def test_text_is_iso_8859_15() -> None:
    assert encode_text("5 € Öl") == b"5 \xa4 \xd6l"
    with pytest.raises(ValueError, match="'Ω' is not in ISO 8859-15"):
        encode_text("10 Ω")


def test_file_names_may_end_with_either_line_end() -> None:
    assert decode_file_names(b"A.CSV\r\nB.CSV\nC.CSV\r") == ("A.CSV", "B.CSV", "C.CSV")
    assert decode_file_names(b"") == ()


def test_error_codes_in_words() -> None:
    for code in ErrorCode:
        assert code.name in error_text(code)
    assert error_text(0x77) == "unknown error code 0x0077"


# -- addresses and numbers


def test_infos_and_parameters_are_told_apart() -> None:
    """xcom-protocol.md 17, V8."""
    infos = (3000, 3169, 3999, 7000, 7999, 11000, 11999, 15000, 15999)
    parameters = (1107, 2999, 4000, 5002, 6001, 10029, 10058, 14001, 14999, 16000)
    assert all(object_type_of(number) is ObjectType.INFO for number in infos)
    assert all(object_type_of(number) is ObjectType.PARAMETER for number in parameters)


def test_families_of_numbers_and_addresses() -> None:
    for family in Family:
        one = range_of(family)
        for number in (*one.infos[:1], *one.infos[-1:], *one.parameters[:1], *one.parameters[-1:]):
            assert family_of_number(number) is family
        for index, address in enumerate(one.addresses, start=1):
            assert family_of_address(address) is family
            assert (one.index(address), one.address(index)) == (index, address)
        if one.group is not None:
            assert family_of_address(one.group) is family
            assert one.group in GROUPS
    assert family_of_address(192) is Family.XTENDER
    assert family_of_address(0) is None
    assert family_of_address(110) is None
    assert family_of_number(2500) is None


def test_flags_of_a_reply_are_kept_if_unknown() -> None:
    assert Present(0x1E0) == (
        Present.XTENDER | Present.BSP | Present.VARIOTRACK | Present.VARIOSTRING
    )
    assert int(Present(0x8001)) == 0x8001


# -- identity (xcom-protocol.md 6.3)


def test_versions_and_serial_ids() -> None:
    assert firmware_version(0x0100, 0x062A) == "1.6.42"
    assert serial_id(0x0A03, 0x1B2D) == "0A031B2D"
    assert hardware_version(0x0402) == "4.2"
    assert model_name(Family.XTENDER, 256.0) == "XTM"
    assert model_name(Family.VARIOTRACK, 9217.0) == "type 9217"


@given(st.none() | st.floats(), st.none() | st.floats())
def test_a_device_may_say_anything_of_itself(high: float | None, low: float | None) -> None:
    for text in (
        firmware_version(high, low),
        serial_id(high, low),
        hardware_version(high),
        model_name(Family.XTENDER, low),
    ):
        assert len(text) <= 12
