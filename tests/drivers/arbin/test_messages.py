"""The other messages: each comes back as it was sent; any bytes give a value or our error."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.arbin.commands import Assign, Continue, ControlReply, Jump, Resume, Start, Stop
from drivers.arbin.console import AutoCalibrate, ResultReply, SendMessage
from drivers.arbin.extended import ResumeEntry, ResumeEx, StartEntry, StartEx
from drivers.arbin.files import (
    Browse,
    BrowseReply,
    DeleteFolder,
    Download,
    DownloadReply,
    Entry,
    NewFolder,
    NewOrDelete,
    Upload,
    UploadReply,
)
from drivers.arbin.login import Connect, ConnectReply, Login, LoginReply
from drivers.arbin.messages import (
    CONTROL_REPLIES,
    REPLY_TO,
    RESULT_REPLIES,
    Reply,
    Request,
    affected,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from drivers.arbin.protocol import Code, DecodeError, Direction, EncodeError, Frame, FrameStream
from drivers.arbin.queries import ChannelsInfo, GetSerial, SerialReply, UnknownCommandReply
from drivers.arbin.results import LoginResult
from drivers.arbin.resume_point import ResumePoint
from drivers.arbin.start_data import (
    GetResumeData,
    GetStartData,
    ResumeData,
    ResumeDataReply,
    StartData,
    StartDataReply,
)
from drivers.arbin.variables import SetVariable, Update, UpdateVariables
from drivers.arbin.words import Extra, meta_code
from tests.drivers.arbin.strategies import doubles, narrows, singles, wides

_channel = st.integers(0, 0xFFFF)
_channels = st.lists(_channel, min_size=1, max_size=10, unique=True).map(tuple)
_u32 = st.integers(0, 0xFFFFFFFF)
_byte = st.integers(0, 0xFF)
_finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
_secret = st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=32)
_name = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=72)
_path = wides(1024).filter(bool)
_sixteen = st.tuples(*[_finite] * 16)
_two, _four = st.tuples(*[doubles] * 2), st.tuples(*[doubles] * 4)
_point = st.builds(
    ResumePoint,
    _u32,
    *[doubles] * 6,
    _four,
    *[_two] * 4,
    st.tuples(*[_finite] * 4),
    _two,
    _sixteen,
)
_texts = st.lists(narrows(40), max_size=4).map(tuple)
_every = st.builds(lambda kind: kind(-1, every=True), st.sampled_from([Resume, Stop]))

REQUESTS: st.SearchStrategy[Request] = st.one_of(
    st.builds(Login, _secret, _secret),
    st.builds(Connect, st.booleans()),
    st.builds(
        ChannelsInfo, st.integers(-1, 0x7FFF), st.integers(1, 3), st.sampled_from(Extra)
    ),
    st.builds(Assign, _channel, _name, st.booleans(), _finite, wides(72), _sixteen),
    st.builds(Start, _name, _channels),
    st.builds(Continue, _channels),
    st.builds(Resume, _channel),
    st.builds(Stop, _channel),
    _every,
    st.builds(Jump, st.integers(0, 0x7FFFFFFF), _channel),
    st.builds(SetVariable, _channel, st.integers(0, 200), _finite),
    st.builds(
        UpdateVariables,
        st.lists(st.builds(Update, _channel, _channel, _finite), min_size=1, max_size=160).map(
            tuple
        ),
    ),
    st.builds(GetSerial),
    st.builds(GetStartData, _channels),
    st.builds(GetResumeData, _channels),
    st.builds(
        lambda entry: StartEx((entry,)),
        st.builds(StartEntry, _channel, _name, _name, _u32, wides(64), wides(64), _point),
    ),
    st.builds(
        lambda entry: ResumeEx((entry,)),
        st.builds(ResumeEntry, _channel, _name, _name, _u32, _point),
    ),
    st.builds(AutoCalibrate),
    st.builds(SendMessage, wides(1024)),
    st.builds(Browse, _path),
    st.builds(Download, _path, doubles),
    st.builds(
        Upload, _path, st.binary(max_size=50), st.just(3), st.integers(0, 2), doubles,
        st.binary(min_size=16, max_size=16),
    ),
    st.builds(NewOrDelete, st.integers(0, 1), _path),
    st.builds(NewFolder, _path),
    st.builds(DeleteFolder, _path),
)  # fmt: skip

REPLIES: st.SearchStrategy[Reply] = st.one_of(
    st.builds(
        LoginReply, _u32, st.binary(min_size=4, max_size=4), narrows(16), narrows(256),
        *[wides(1024)] * 4, wides(64), wides(16), _u32, _u32, st.booleans(),
        st.integers(0, 4096), _u32, st.binary(max_size=50),
    ),
    st.builds(ConnectReply, st.booleans(), _u32),
    st.builds(ControlReply, st.sampled_from(sorted(CONTROL_REPLIES)), st.integers(-1, 600), _byte),
    st.builds(ResultReply, st.sampled_from(sorted(RESULT_REPLIES)), _u32),
    st.builds(SerialReply, _u32, _byte),
    st.builds(
        StartDataReply,
        st.lists(
            st.builds(StartData, _channel, _u32, wides(200), _sixteen, _texts, _texts), max_size=3
        ).map(tuple),
    ),
    st.builds(
        ResumeDataReply,
        st.lists(
            st.builds(
                ResumeData, _channel, _u32, wides(72), wides(200), *[wides(64)] * 3, _point, _texts
            ),
            max_size=3,
        ).map(tuple),
    ),
    st.builds(
        BrowseReply,
        _u32,
        st.lists(st.builds(Entry, _u32, wides(64), _u32, wides(32)), max_size=4).map(tuple),
    ),
    st.builds(
        DownloadReply, _u32, doubles, _u32, _u32, st.binary(min_size=16, max_size=16),
        st.binary(max_size=50),
    ),
    st.builds(UploadReply, doubles, _u32, _u32, _u32),
    st.builds(UnknownCommandReply, _u32, _u32),
)  # fmt: skip


@given(REQUESTS)
def test_requests_come_back(request: Request) -> None:
    (frame,) = FrameStream(Direction.REQUEST).feed(encode_request(request))
    assert decode_request(frame) == request


@given(REPLIES)
def test_replies_come_back(reply: Reply) -> None:
    (frame,) = FrameStream(Direction.REPLY).feed(encode_reply(reply))
    assert decode_reply(frame) == reply


@given(st.sampled_from(Code), st.binary(max_size=3000))
def test_any_payload_is_a_message_or_an_error(code: Code, payload: bytes) -> None:
    with suppress(DecodeError):
        decode_request(Frame(code, payload))
    with suppress(DecodeError):
        decode_reply(Frame(code, payload))


@given(st.one_of(REQUESTS, REPLIES), st.data())
def test_a_spoilt_payload_is_a_message_or_an_error(
    message: Request | Reply, data: st.DataObject
) -> None:
    payload = bytearray(message.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        if payload:
            at = data.draw(st.integers(0, min(len(payload), 600) - 1))
            payload[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(payload)))
    for code, decode in ((message.code, decode_request), (message.code, decode_reply)):
        with suppress(DecodeError):
            decode(Frame(code, bytes(payload)))
        with suppress(DecodeError):
            decode(Frame(code, bytes(payload[:cut])))


def test_every_command_has_its_reply() -> None:
    codes = {code for code in Code if not code.name.endswith("_REPLY")}
    assert set(REPLY_TO) == codes
    for command, reply in REPLY_TO.items():
        plain = command.name.removesuffix("_EX").removeprefix("GET_")
        assert reply.name == f"{plain}_REPLY"


@pytest.mark.parametrize(
    ("request_", "size"),
    [
        (Login("u", "p"), 86),
        (Connect(may_be_kicked_out=True), 58),
        (ChannelsInfo(), 62),
        (Assign(0, "s"), 671),
        (Start("t", (1, 2, 3)), 176),
        (Continue((1, 2, 3)), 32),
        (Resume(1), 128),
        (Stop(1), 128),
        (Jump(1, 2), 131),
        (SetVariable(1, 52, 1.0), 74),
        (UpdateVariables((Update(1, 52, 1.0),)), 198),
        (UpdateVariables((Update(1, 52, 1.0),) * 160), 1470),
        (GetSerial(), 128),
        (GetStartData((1, 2)), 30),
        (GetResumeData((1, 2)), 30),
        (StartEx((StartEntry(1, "t", "s"), StartEntry(2, "t", "s"))), 26 + 2 * 1052),
        (ResumeEx((ResumeEntry(1, "t", "s"), ResumeEntry(2, "t", "s"))), 26 + 2 * 796),
        (AutoCalibrate(), 124),
        (SendMessage("m"), 2070),
        (Browse("p"), 2070),
        (Download("p", 1.0), 2078),
        (Upload("p", b"1234", 1, 0, 1.0, bytes(16)), 2114),
        (NewOrDelete(0, "p"), 2074),
        (NewFolder("p"), 2070),
        (DeleteFolder("p"), 2070),
    ],
)
def test_requests_have_the_size_of_the_reference(request_: Request, size: int) -> None:
    """arbin-protocol.md 3."""
    assert len(encode_request(request_)) == size


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (Start("", (1,)), "the test name is empty"),
        (Start("  ", (1,)), "the test name is empty"),
        (Start("a\nb", (1,)), "cannot be printed"),
        (Start("a\0b", (1,)), "cannot be printed"),
        (Start("\ud800", (1,)), "cannot be printed"),
        (Start("x" * 73, (1,)), "73 characters, at most 72 fit"),
        (Start("\N{BATTERY}" * 37, (1,)), "74 characters, at most 72 fit"),
        (Start("t", ()), "no channel is named"),
        (Start("t", (1, 1)), "channel 1 is named twice"),
        (Start("t", (0x10000,)), "channel 65536 is not from 0 to 65535"),
        (Start("t", (-1,)), "channel -1 is not from 0"),
        (Stop(-1), "channel -1 is not from 0"),
        (Resume(-1), "channel -1 is not from 0"),
        (Assign(1, ""), "the schedule's name is empty"),
        (Assign(-1, "s"), "channel -1 is not from 0"),
        (Assign(1, "s", capacity=float("inf")), "capacity inf is not a finite number"),
        (Assign(1, "s", variables=(1.0,)), "1 user variables, not 16"),
        (Jump(-1, 1), "step -1 is not from 0"),
        (SetVariable(1, 52, float("nan")), "value nan is not a finite number"),
        (SetVariable(1, 52, 1e39), "is not a finite number of single precision"),
        (UpdateVariables(()), "number of updates 0 is not from 1 to 160"),
        (UpdateVariables((Update(1, 52, 0.0),) * 161), "number of updates 161 is not from 1"),
        (StartEx(()), "no channel is named"),
        (StartEx((StartEntry(1, "t", ""),)), "the schedule's name is empty"),
        (ResumeEx((ResumeEntry(1, "", "s"),)), "the test name is empty"),
        (Browse(""), "the path is empty"),
        (Browse("x" * 1025), "1025 characters, at most 1024 fit"),
        (Upload("p", b"", 1, 1, 0.0, bytes(16)), "package 1 is not from 0 to 0"),
    ],
)
def test_what_cannot_be_right_is_not_encoded(request_: Request, text: str) -> None:
    with pytest.raises(EncodeError, match=text):
        encode_request(request_)


@pytest.mark.parametrize(
    "login", [Login("hunter2" * 5, "x"), Login("u", "hünter2"), Login("u", "hunter2\0")]
)
def test_user_and_password_are_shown_nowhere(login: Login) -> None:
    with pytest.raises(EncodeError) as caught:
        encode_request(login)
    shown = f"{caught.value} {caught.value!r} {login!r} {login}"
    assert "nter2" not in shown


@given(REQUESTS)
def test_what_a_command_acts_on(request: Request) -> None:
    match request:
        case Stop(channel, every) | Resume(channel, every) | Assign(channel, _, every):
            assert affected(request) == (() if every else (channel,))
        case StartEx(entries) | ResumeEx(entries):
            assert affected(request) == tuple(entry.channel for entry in entries)
        case Start() | Continue():
            assert affected(request) == request.channels
        case Jump() | SetVariable():
            assert affected(request) == (request.channel,)
        case UpdateVariables(updates):
            assert set(affected(request)) == {update.channel for update in updates}
        case _:
            assert affected(request) == ()


def test_the_meta_codes_of_user_variables() -> None:
    """arbin-protocol.md 4.10."""
    assert [meta_code(n) for n in range(1, 17)] == [*range(52, 56), *range(105, 117)]
    for wrong in (0, 17, -1):
        with pytest.raises(ValueError, match="is not from 1 to 16"):
            meta_code(wrong)


def test_a_refused_login_may_be_short() -> None:
    assert LoginReply.decode(b"\x02\0\0\0").result == LoginResult.REFUSED
    with pytest.raises(DecodeError):
        LoginReply.decode(b"\x01\0\0\0")
    with pytest.raises(DecodeError):
        LoginReply.decode(b"\x02")


def test_a_login_reply_with_too_many_channels_is_an_error() -> None:
    payload = bytearray(LoginReply(1, channels=4096).encode())
    struct.pack_into("<I", payload, 8664 - 20, 4097)
    with pytest.raises(DecodeError, match="4097 channels are more than 4096"):
        LoginReply.decode(bytes(payload))


def test_a_new_folder_may_stand_behind_four_zero_bytes() -> None:
    """arbin-protocol.md 4.15: the vendor's library writes it so, its documents do not say so."""
    payload = bytes(4) + NewFolder("Work\\New").encode()[:-4]
    assert NewFolder.decode(payload) == NewFolder("Work\\New")


def test_a_batch_is_taken_with_any_tail() -> None:
    """arbin-protocol.md 4.11."""
    batch = UpdateVariables((Update(1, 52, 1.5),))
    assert UpdateVariables.decode(batch.encode()[:-148]) == batch


@given(st.integers(0, 0xFFFFFFFF), st.binary(max_size=100))
def test_counts_are_bounded_before_they_are_used(count: int, rest: bytes) -> None:
    for code in (Code.CONTINUE, Code.GET_START_DATA, Code.START_EX, Code.RESUME_EX):
        with suppress(DecodeError):
            decode_request(Frame(code, count.to_bytes(4, "little") + rest))
    for code in (Code.START_DATA_REPLY, Code.RESUME_DATA_REPLY):
        with suppress(DecodeError):
            decode_reply(Frame(code, count.to_bytes(4, "little") + rest))


def test_counts_of_texts_are_bounded_before_they_are_used() -> None:
    payload = bytearray(StartDataReply((StartData(1, 0),)).encode())
    struct.pack_into("<I", payload, 12, 0xFFFFFFFF)
    with pytest.raises(DecodeError, match="bytes are missing"):
        StartDataReply.decode(bytes(payload))


@given(singles)
def test_single_precision_is_kept(value: float) -> None:
    if value - value == 0.0:
        assert SetVariable.decode(SetVariable(1, 52, value).encode()).value == value
