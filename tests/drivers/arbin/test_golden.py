"""Every golden frame, both ways: built by our functions byte for byte, and decoded again."""

from __future__ import annotations

import pytest

from drivers.arbin.commands import Assign, Continue, ControlReply, Jump, Resume, Start, Stop
from drivers.arbin.console import SendMessage, rich_message
from drivers.arbin.files import Browse, Upload, UploadReply, digest
from drivers.arbin.login import Connect, ConnectReply, Login, LoginReply
from drivers.arbin.messages import (
    Reply,
    Request,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from drivers.arbin.protocol import Code, DecodeError, Direction, Frame, FrameStream
from drivers.arbin.queries import ChannelsInfo
from drivers.arbin.reading import AuxValue, BmsValue, ChannelReading, ChannelTexts, SmbValue, Step
from drivers.arbin.records import ChannelsInfoReply, encode_records
from drivers.arbin.results import VariableResult
from drivers.arbin.start_data import GetStartData
from drivers.arbin.variables import SetVariable, Update, UpdateVariables
from drivers.arbin.words import ALL_CHANNELS, AuxKind, Extra, Selection, Status
from tests.drivers.arbin.golden import load

GOLDEN = load()
NEWER = {28, 29}

REQUESTS: dict[int, Request] = {
    1: Login("123", "123"),
    2: Login("fake username", "fake passowrd"),
    3: ChannelsInfo(13),
    4: ChannelsInfo(ALL_CHANNELS, Selection.ALL, Extra.EVERYTHING),
    5: Assign(13, "Rest+207855.sdx", capacity=1.0, variables=(1.0,) * 16),
    7: Start("sample_test_name", (13,)),
    9: Start("t", (0, 5, 300)),
    10: Stop(13),
    12: Stop(-1, every=True),
    13: SetVariable(13, 52, 0.20000000298023224),
    15: Resume(13),
    16: Continue((0, 5, 300)),
    17: Jump(5, 13),
    18: Connect(may_be_kicked_out=True),
    20: UpdateVariables((Update(1, 52, 1.5), Update(2, 105, -2.0))),
    22: GetStartData((0, 5, 300)),
    23: Browse("Work"),
    24: Upload("Work\\a.sdx", b"\x01\x02\x03\x04", 1, 0, 45000.5, digest(b"\x01\x02\x03\x04")),
}

REPLIES: dict[int, Reply] = {
    6: ControlReply(Code.ASSIGN_SCHEDULE_REPLY, 13),
    8: ControlReply(Code.START_REPLY, 13),
    11: ControlReply(Code.STOP_REPLY, 13),
    14: ControlReply(Code.SET_VARIABLE_REPLY, 13),
    19: ConnectReply(may_be_kicked_out=True, result=0),
    21: ControlReply(Code.UPDATE_VARIABLES_REPLY, 1, VariableResult.TOO_FAST),
    25: UploadReply(45000.5, 1, 0, 1),
}

_STEP_A = ChannelTexts(exit_condition="N/A", step_and_cycle="[1] 1: Step_A, Rest")

INFORMATION: dict[int, tuple[ChannelReading, ...]] = {
    26: (
        ChannelReading(
            0,
            Status.CHARGE,
            test_time=100.5,
            step_time=2.25,
            voltage=3.5,
            current=1.0,
            power=3.5,
            charge_capacity=0.25,
            texts=ChannelTexts(
                "A.sdx",
                "T1",
                exit_condition="N/A",
                step_and_cycle="[2] 4: Step_D, Current(A)",
            ),
            aux=(
                (AuxValue(3.25, 0.5),),
                (AuxValue(25.0, 0.0), AuxValue(26.5, -0.25)),
                *((),) * 10,
            ),
        ),
        ChannelReading(3, master=3, voltage=0.0625, texts=_STEP_A),
    ),
    27: (
        ChannelReading(
            9,
            Status.RUNNING,
            master=9,
            texts=_STEP_A,
            bms=(BmsValue(4, 3.5, "V"),),
            smb=(SmbValue(0, 25.5, "C"), SmbValue(1, "X7")),
        ),
    ),
}


def the_frame(number: int) -> Frame:
    golden = GOLDEN[number]
    stream = FrameStream(golden.direction)
    (frame,) = stream.feed(golden.data)
    assert (stream.waiting, stream.skipped) == (0, 0)
    return frame


@pytest.mark.parametrize("number", GOLDEN)
def test_length_and_checksum(number: int) -> None:
    golden = GOLDEN[number]
    assert len(golden.data) == golden.size
    assert int.from_bytes(golden.data[-2:], "little") == golden.checksum
    assert len(the_frame(number).payload) == golden.size - 22


@pytest.mark.parametrize("number", GOLDEN)
def test_a_frame_of_the_other_direction_is_none(number: int) -> None:
    golden = GOLDEN[number]
    other = Direction.REPLY if golden.direction is Direction.REQUEST else Direction.REQUEST
    assert FrameStream(other).feed(golden.data + bytes(12)) == []


@pytest.mark.parametrize("number", REQUESTS)
def test_requests(number: int) -> None:
    assert encode_request(REQUESTS[number]) == GOLDEN[number].data
    assert decode_request(the_frame(number)) == REQUESTS[number]


@pytest.mark.parametrize("number", REPLIES)
def test_replies(number: int) -> None:
    assert encode_reply(REPLIES[number]) == GOLDEN[number].data
    assert decode_reply(the_frame(number)) == REPLIES[number]


@pytest.mark.parametrize("number", INFORMATION)
def test_channel_information(number: int) -> None:
    reply = decode_reply(the_frame(number))
    assert isinstance(reply, ChannelsInfoReply)
    assert tuple(reply.readings()) == INFORMATION[number]
    assert encode_reply(ChannelsInfoReply.of(INFORMATION[number])) == GOLDEN[number].data


@pytest.mark.parametrize("number", NEWER)
def test_messages_of_newer_cyclers_are_no_commands_here(number: int) -> None:
    request = GOLDEN[number].direction is Direction.REQUEST
    with pytest.raises(DecodeError, match="there is no"):
        (decode_request if request else decode_reply)(the_frame(number))


def test_every_golden_frame_is_covered() -> None:
    assert {*REQUESTS, *REPLIES, *INFORMATION, *NEWER} == set(GOLDEN) == set(range(1, 30))


# -- long captures, built by recipe (G30, G31: arbin-protocol.md 13)

NOTE = """\
LBT21084  16 Channels

Current: 60A,5A,500mA,20mA
Volrage: 0V to 5V\x20

16 Ch Aux T-Couple Type T

16 Ch Aux Voltage -5V to 5V

TCP/IP

Upgrade to MITS8""".replace("\n", "\r\n")


def test_the_captured_login_reply() -> None:
    reply = LoginReply(
        1,
        address=bytes.fromhex("03031f51"),
        serial="207855",
        note=NOTE,
        area_code=7918320,
        generation=1,
        may_control=True,
        channels=16,
    )
    data = encode_reply(reply)
    assert len(data) == 8678
    assert data[8:12] == (8678).to_bytes(4, "little")
    assert data[-2:] == (0x3710).to_bytes(2, "little")
    (frame,) = FrameStream(Direction.REPLY).feed(data)
    assert decode_reply(frame) == reply


def test_the_captured_channel_information() -> None:
    texts = ChannelTexts(
        "Rest+207855.sdx", "0", exit_condition="N/A", step_and_cycle="[1] 1: Step_A, Rest"
    )
    reading = ChannelReading(
        13,
        Status.REST,
        master=13,
        test_time=2.5432,
        step_time=2.5432,
        voltage=3.4564647674560547,
        texts=texts,
    )
    data = encode_reply(ChannelsInfoReply.of([reading]))
    assert len(data) == 1779
    assert data[-2:] == (0x1BAD).to_bytes(2, "little")
    (frame,) = FrameStream(Direction.REPLY).feed(data)
    reply = decode_reply(frame)
    assert isinstance(reply, ChannelsInfoReply)
    assert reply.readings() == [reading]
    assert reading.texts.step == Step(1, 1, "Step_A", "Rest")


def test_sizes_of_the_reference() -> None:
    """arbin-protocol.md 7: bytes of a reply by channels and aux values."""
    for channels, aux, size in (
        (1, 0, 1779),
        (8, 2, 14_178),
        (64, 8, 116_314),
        (128, 0, 224_410),
        (512, 8, 930_330),
    ):
        values = ((AuxValue(1.0),) * aux, *((),) * (len(AuxKind) - 1))
        payload = encode_records([ChannelReading(n, aux=values) for n in range(channels)])
        assert len(payload) + 22 == size


def test_a_message_has_the_form_that_the_vendors_library_insists_on() -> None:
    text = rich_message("Cell 4 {ü} hot\n€", "2026-11-21 12:00:00")
    assert text == r"2026-11-21 12:00:00<-->{\rtf1\ansi Cell 4 \{\u252?\} hot\par \u8364?}"
    assert len(encode_request(SendMessage(text))) == 2070
