"""All messages of CTI: from a frame to a typed request or reply, and back to bytes.

A server decodes requests and encodes replies, a client the other way round.
Source: arbin-protocol.md 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from .commands import Assign, Continue, ControlReply, Jump, Resume, Start, Stop
from .console import AutoCalibrate, ResultReply, SendMessage
from .extended import ResumeEx, StartEx
from .files import (
    Browse,
    BrowseReply,
    DeleteFolder,
    Download,
    DownloadReply,
    NewFolder,
    NewOrDelete,
    Upload,
    UploadReply,
)
from .login import Connect, ConnectReply, Login, LoginReply
from .protocol import Code, DecodeError, Direction, Frame, frame
from .queries import ChannelsInfo, GetSerial, SerialReply, UnknownCommandReply
from .records import ChannelsInfoReply
from .start_data import GetResumeData, GetStartData, ResumeDataReply, StartDataReply
from .variables import SetVariable, UpdateVariables

Request: TypeAlias = (
    Login
    | Connect
    | ChannelsInfo
    | Assign
    | Start
    | Continue
    | Resume
    | Stop
    | Jump
    | SetVariable
    | UpdateVariables
    | GetSerial
    | GetStartData
    | StartEx
    | GetResumeData
    | ResumeEx
    | AutoCalibrate
    | SendMessage
    | Browse
    | Download
    | Upload
    | NewOrDelete
    | NewFolder
    | DeleteFolder
)

Reply: TypeAlias = (
    LoginReply
    | ConnectReply
    | ChannelsInfoReply
    | ControlReply
    | SerialReply
    | StartDataReply
    | ResumeDataReply
    | ResultReply
    | BrowseReply
    | DownloadReply
    | UploadReply
    | UnknownCommandReply
)

REPLY_TO: Mapping[Code, Code] = {
    Code.LOGIN: Code.LOGIN_REPLY,
    Code.CONNECT: Code.CONNECT_REPLY,
    Code.GET_CHANNELS_INFO: Code.CHANNELS_INFO_REPLY,
    Code.ASSIGN_SCHEDULE: Code.ASSIGN_SCHEDULE_REPLY,
    Code.START: Code.START_REPLY,
    Code.CONTINUE: Code.CONTINUE_REPLY,
    Code.RESUME: Code.RESUME_REPLY,
    Code.STOP: Code.STOP_REPLY,
    Code.JUMP: Code.JUMP_REPLY,
    Code.SET_VARIABLE: Code.SET_VARIABLE_REPLY,
    Code.UPDATE_VARIABLES: Code.UPDATE_VARIABLES_REPLY,
    Code.GET_SERIAL: Code.SERIAL_REPLY,
    Code.GET_START_DATA: Code.START_DATA_REPLY,
    Code.START_EX: Code.START_REPLY,
    Code.GET_RESUME_DATA: Code.RESUME_DATA_REPLY,
    Code.RESUME_EX: Code.RESUME_REPLY,
    Code.AUTO_CALIBRATE: Code.AUTO_CALIBRATE_REPLY,
    Code.SEND_MESSAGE: Code.SEND_MESSAGE_REPLY,
    Code.BROWSE: Code.BROWSE_REPLY,
    Code.DOWNLOAD: Code.DOWNLOAD_REPLY,
    Code.UPLOAD: Code.UPLOAD_REPLY,
    Code.NEW_OR_DELETE: Code.NEW_OR_DELETE_REPLY,
    Code.NEW_FOLDER: Code.NEW_FOLDER_REPLY,
    Code.DELETE_FOLDER: Code.DELETE_FOLDER_REPLY,
}
"""The code of the answer to each command; the EX commands have those of the plain ones."""

CONTROL_REPLIES = frozenset(
    {
        Code.ASSIGN_SCHEDULE_REPLY,
        Code.START_REPLY,
        Code.CONTINUE_REPLY,
        Code.RESUME_REPLY,
        Code.STOP_REPLY,
        Code.JUMP_REPLY,
        Code.SET_VARIABLE_REPLY,
        Code.UPDATE_VARIABLES_REPLY,
    }
)
"""Replies of 128 bytes with a channel and a result (arbin-protocol.md 4.4)."""

RESULT_REPLIES = frozenset(
    {
        Code.AUTO_CALIBRATE_REPLY,
        Code.SEND_MESSAGE_REPLY,
        Code.NEW_OR_DELETE_REPLY,
        Code.NEW_FOLDER_REPLY,
        Code.DELETE_FOLDER_REPLY,
    }
)
"""Replies that are one number."""


class _RequestDecoder(Protocol):
    def __call__(self, payload: bytes, /) -> Request: ...


class _ReplyDecoder(Protocol):
    def __call__(self, payload: bytes, /) -> Reply: ...


_REQUESTS: Mapping[int, _RequestDecoder] = {
    kind.code: kind.decode
    for kind in (
        *(Login, Connect, ChannelsInfo, Assign, Start, Continue, Resume, Stop, Jump),
        *(SetVariable, UpdateVariables, GetSerial, GetStartData, StartEx, GetResumeData),
        *(ResumeEx, AutoCalibrate, SendMessage, Browse, Download, Upload),
        *(NewOrDelete, NewFolder, DeleteFolder),
    )
}

_REPLIES: Mapping[int, _ReplyDecoder] = {
    kind.code: kind.decode
    for kind in (
        *(LoginReply, ConnectReply, ChannelsInfoReply, SerialReply, StartDataReply),
        *(ResumeDataReply, BrowseReply, DownloadReply, UploadReply, UnknownCommandReply),
    )
}


def encode_request(request: Request) -> bytes:
    """The bytes of a request on the wire. Raises `EncodeError`."""
    return frame(request.code, request.encode(), Direction.REQUEST)


def encode_reply(reply: Reply) -> bytes:
    """The bytes of a reply on the wire. Raises `EncodeError`."""
    return frame(reply.code, reply.encode(), Direction.REPLY)


def decode_request(received: Frame) -> Request:
    """The request in a frame. Raises `DecodeError`, also for a command that nobody knows."""
    decode = _REQUESTS.get(received.code)
    if decode is None:
        raise DecodeError(f"there is no command 0x{received.code:08X}")
    return decode(received.payload)


def decode_reply(received: Frame) -> Reply:
    """The reply in a frame. Raises `DecodeError`, also for a code that no reply has."""
    decode = _REPLIES.get(received.code)
    if decode is not None:
        return decode(received.payload)
    if received.code in CONTROL_REPLIES:
        return ControlReply.decode(Code(received.code), received.payload)
    if received.code in RESULT_REPLIES:
        return ResultReply.decode(Code(received.code), received.payload)
    raise DecodeError(f"there is no reply 0x{received.code:08X}")


def affected(request: Request) -> tuple[int, ...]:
    """The channels that a command acts on; none where it acts on all, or on none."""
    match request:
        case Assign() | Resume() | Stop():
            return () if request.every else (request.channel,)
        case Start() | Continue():
            return request.channels
        case Jump() | SetVariable():
            return (request.channel,)
        case UpdateVariables():
            return tuple(dict.fromkeys(update.channel for update in request.updates))
        case StartEx() | ResumeEx():
            return tuple(entry.channel for entry in request.entries)
        case _:
            return ()
