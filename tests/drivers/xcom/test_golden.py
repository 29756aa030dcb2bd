"""Every golden frame, both ways: built and decoded byte for byte (xcom-protocol.md 19)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from uuid import UUID

import pytest

from drivers.xcom.addresses import GATEWAY
from drivers.xcom.frame import DecodeError, Frame, FrameParser, checksum, decode_frame
from drivers.xcom.messages import NEWEST, Message, decode_message, encode_message
from drivers.xcom.multi_info import (
    OBJECT_ID,
    Item,
    ItemValue,
    MultiInfo,
    decode_items,
    decode_multi_info,
    encode_items,
    encode_multi_info,
)
from drivers.xcom.objects import (
    decode_file_names,
    decode_guid,
    decode_text,
    encode_file_name,
    encode_guid,
    encode_text,
)
from drivers.xcom.protocol import (
    ErrorCode,
    ObjectType,
    Property,
    decode_value,
    encode_value,
    encode_word,
    error_code,
    error_reply_to,
    error_text,
    is_reply_to,
    read_request,
    reply_to,
    write_request,
)
from tests.drivers.xcom.golden import GOLDEN, Golden, bad, load, wire

# request and its reply
PAIRS = [
    ("G01", "G02"), ("G03", "G04"), ("G05", "G06"), ("G07", "G08"), ("G09", "G10"),
    ("G11", "G12"), ("G18", "G19"), ("G20", "G21"), ("G24", "G25"), ("G28", "G29"),
    ("G30", "G31"), ("G39", "G40"),
]  # fmt: skip


def _golden(*meaning: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("golden", load(*meaning), ids=lambda golden: golden.name)


def test_all_are_there() -> None:
    assert list(GOLDEN) == [f"G{number:02d}" for number in range(1, 41)]


@_golden()
def test_a_frame_decodes_to_its_fields(golden: Golden) -> None:
    frame = decode_frame(golden.bytes)
    assert frame == golden.frame(frame.data)
    assert frame.is_reply is not golden.is_request
    assert frame.is_error is ("error" in golden.means)


def _data(golden: Golden) -> bytes:
    """The property data, encoded from their meaning."""
    means = golden.means
    if "format" in means:
        return encode_value(golden.format, means["value"])
    if "error" in means:
        return encode_word(means["error"])
    if "message" in means:
        return encode_message(Message(**means["message"]))
    if "guid" in means:
        return encode_guid(UUID(means["guid"]))
    if "names" in means:
        return b"".join(encode_file_name(name) for name in means["names"])
    if "text" in means:
        return encode_text(means["text"])
    if "values" in means:
        values = zip(golden.items, means["values"], strict=True)
        return encode_multi_info(
            MultiInfo(means["present"], means["time"], tuple(ItemValue(*pair) for pair in values))
        )
    return encode_items(golden.items) if "items" in means else b""


@_golden()
def test_its_meaning_encodes_to_the_same_bytes(golden: Golden) -> None:
    assert golden.frame(_data(golden)).encode() == golden.bytes


@_golden("format")
def test_values(golden: Golden) -> None:
    value = decode_value(golden.format, decode_frame(golden.bytes).data)
    expected = golden.means["value"]
    assert value == expected or (math.isnan(value) and math.isnan(expected))
    assert type(value) is type(expected)


@_golden("error")
def test_errors(golden: Golden) -> None:
    code = error_code(decode_frame(golden.bytes))
    assert code == golden.means["error"]
    assert ErrorCode(code).name in error_text(code)


def test_objects() -> None:
    message = decode_message(decode_frame(wire("G08")).data)
    assert message == Message(**GOLDEN["G08"].means["message"])
    assert (message.text, message.message_class) == ("fan fault", "W")
    guid = decode_guid(decode_frame(wire("G12")).data)
    assert str(guid) == GOLDEN["G12"].means["guid"]
    assert guid.version == 4
    assert decode_file_names(decode_frame(wire("G10")).data) == ("LG171010.CSV", "LG171011.CSV")
    assert decode_text(decode_frame(wire("G37")).data) == "#ACME:,site 7"


def _multi_info(own: int, number: int, items: Sequence[Item]) -> Frame:
    data = encode_items(items)
    return read_request(own, GATEWAY, ObjectType.MULTI_INFO, OBJECT_ID, number, data)


@_golden("items")
def test_multi_info(golden: Golden) -> None:
    data = decode_frame(golden.bytes).data
    if golden.is_request:
        assert decode_items(data) == golden.items
        request = _multi_info(golden.own, golden.property_id, golden.items)
        assert request.encode() == golden.bytes
        return
    reply = decode_multi_info(data, golden.items)
    assert [each.value for each in reply.values] == golden.means["values"]
    assert (reply.flags, reply.time) == (golden.means["present"], golden.means["time"])


@pytest.mark.parametrize(("asked", "reply"), PAIRS)
def test_a_reply_belongs_to_its_request_and_to_no_other(asked: str, reply: str) -> None:
    answer = decode_frame(wire(reply))
    matches = [
        name
        for name, golden in GOLDEN.items()
        if golden.is_request and is_reply_to(answer, decode_frame(golden.bytes))
        if name != "G17"  # it has the request id of G18
    ]
    assert matches == [asked]


def test_requests_are_built_as_the_reference_prints_them() -> None:
    info, parameter = ObjectType.INFO, ObjectType.PARAMETER
    value = encode_value(GOLDEN["G05"].format, 12.0)
    built: dict[str, Frame] = {
        "G01": read_request(1, 101, info, 3000, Property.INFO_VALUE),
        "G03": read_request(1, 101, parameter, 1138, Property.VALUE),
        "G05": write_request(1, 101, parameter, 1138, Property.VALUE, value),
        "G07": read_request(1, GATEWAY, ObjectType.MESSAGE, NEWEST, Property.NONE),
        "G28": read_request(1, 101, parameter, 1107, Property.MINIMUM),
        "G30": read_request(1, 101, parameter, 1107, Property.LEVEL),
        "G39": read_request(0x5A01, 701, info, 15010, Property.INFO_VALUE),
    }
    assert {name: frame.encode() for name, frame in built.items()} == {
        name: wire(name) for name in built
    }


def test_replies_are_built_from_their_requests() -> None:
    for asked, reply in PAIRS:
        golden = GOLDEN[reply]
        built = reply_to(decode_frame(wire(asked)), _data(golden), flags=golden.flags)
        if golden.object == "files":
            assert built.encode() != golden.bytes  # the one whose reply has another property
        else:
            assert built.encode() == golden.bytes
    asked = read_request(1, 601, ObjectType.INFO, 7032, Property.INFO_VALUE)
    refused = error_reply_to(asked, ErrorCode.GATEWAY_BUSY, flags=0x34)
    assert refused.encode() == wire("G34")


def test_the_largest_request_and_its_reply() -> None:
    """xcom-protocol.md 11.2: 76 items, 254 and 566 bytes."""
    items = [Item(number, 1) for number in range(3000, 3076)]
    request = _multi_info(1, 1, items)
    data = request.encode()
    head = "AA 00 01 00 00 00 F5 01 00 00 EE 00 E4 9E 00 01 0A 00 01 00 00 00 01 00"
    assert data[:24] == bytes.fromhex(head)
    assert (len(data), data[-2:]) == (254, bytes.fromhex("62 27"))
    values = tuple(ItemValue(item, float(n)) for n, item in enumerate(items))
    reply = reply_to(request, encode_multi_info(MultiInfo(0x20, 1, values)), flags=0xFF).encode()
    assert len(reply) == 566
    assert reply[:12] == bytes.fromhex("AA FF F5 01 00 00 01 00 00 00 26 02")
    assert decode_multi_info(decode_frame(reply).data, items).values == values


def test_checksums_of_the_worked_examples() -> None:
    assert checksum(bytes.fromhex("00 01 00 00 00 65 00 00 00 0A 00")).hex() == "6f71"
    assert checksum(bytes.fromhex("00 01 01 00 B8 0B 00 00 01 00")).hex() == "c590"
    assert checksum(b"").hex() == "ff00"


# -- negative and stream cases of xcom-protocol.md 19; N4, N6 and N8 also stand in test_connection


@pytest.mark.parametrize("name", ["N1", "N2"])
def test_a_wrong_checksum_gives_no_frame(name: str) -> None:
    with pytest.raises(DecodeError, match="is not one frame"):
        decode_frame(bad(name))
    parser = FrameParser()
    assert parser.feed(bad(name) + wire("G02")) == [decode_frame(wire("G02"))]
    counts = parser.counts
    assert (counts.bad_headers, counts.bad_checksums) == ((1, 0) if name == "N1" else (0, 1))
    assert counts.junk_bytes == len(bad(name))


def test_n3_junk_before_a_frame_is_skipped() -> None:
    parser = FrameParser()
    assert parser.feed(b"\xff\x00" + wire("G02")) == [decode_frame(wire("G02"))]
    assert parser.counts.junk_bytes == 2


def test_n4_a_frame_in_two_pieces_is_one_frame() -> None:
    parser = FrameParser()
    assert parser.feed(wire("G02")[:20]) == []
    assert parser.waiting == 20
    assert parser.feed(wire("G02")[20:]) == [decode_frame(wire("G02"))]
    assert parser.waiting == parser.counts.junk_bytes == 0


def test_n5_and_n8_replies_to_other_requests_do_not_match() -> None:
    first, second = FrameParser().feed(wire("G33") + wire("G02"))
    asked = decode_frame(wire("G01"))
    assert not is_reply_to(first, asked)
    assert is_reply_to(second, asked)
    assert not is_reply_to(decode_frame(wire("G14")), asked)


def test_n6_a_frame_without_its_0d_0a_is_recognised_as_such() -> None:
    parser = FrameParser()
    first, second = wire("G38").split(b"\r\n")
    assert parser.feed(first) == []
    assert not parser.lacks_stripped_pair()
    assert parser.feed(second) == []
    assert parser.waiting == 28
    assert parser.lacks_stripped_pair()


def test_n7_a_stray_start_byte_costs_nothing() -> None:
    parser = FrameParser()
    assert parser.feed(b"\xaa" + wire("G02")) == [decode_frame(wire("G02"))]
    assert (parser.counts.bad_headers, parser.counts.junk_bytes) == (1, 1)


def test_an_own_address_has_to_come_back() -> None:
    asked = decode_frame(wire("G39"))
    assert is_reply_to(decode_frame(wire("G40")), asked)
    with_address_1 = read_request(1, 701, ObjectType.INFO, 15010, Property.INFO_VALUE)
    assert not is_reply_to(decode_frame(wire("G40")), with_address_1)
