"""Replies that refuse a request with a result of somebody's choice, for faults on demand."""

from __future__ import annotations

from collections.abc import Sequence

from ..commands import Assign, Continue, ControlReply, Jump, Resume, Start, Stop
from ..console import AutoCalibrate, ResultReply, SendMessage
from ..extended import ResumeEx, StartEx
from ..files import (
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
from ..login import Connect, ConnectReply, Login, LoginReply
from ..messages import REPLY_TO, Reply, Request
from ..protocol import Frame
from ..queries import GetSerial, SerialReply
from ..start_data import (
    GetResumeData,
    GetStartData,
    ResumeData,
    ResumeDataReply,
    StartData,
    StartDataReply,
)
from ..variables import SetVariable, UpdateVariables


def refusal(request: Request, result: int) -> list[Frame]:
    """The frames that refuse a request; none for one whose reply has no place for a result."""
    replies = _of_channels(request, result) or _of_one(request, result)
    return [Frame(reply.code, reply.encode()) for reply in replies]


def _of_channels(request: Request, result: int) -> Sequence[Reply]:
    code = REPLY_TO[request.code]
    match request:
        case Assign() | Resume() | Stop() | Jump() | SetVariable():
            return [ControlReply(code, request.channel, result)]
        case Start() | Continue():
            return [ControlReply(code, channel, result) for channel in request.channels]
        case StartEx() | ResumeEx():
            return [ControlReply(code, entry.channel, result) for entry in request.entries]
        case UpdateVariables():
            return [ControlReply(code, one.channel, result) for one in request.updates[:1]]
        case GetStartData():
            return [StartDataReply(tuple(StartData(n, result) for n in request.channels))]
        case GetResumeData():
            return [ResumeDataReply(tuple(ResumeData(n, result) for n in request.channels))]
        case _:
            return []


def _of_one(request: Request, result: int) -> Sequence[Reply]:
    match request:
        case Login():
            return [LoginReply(result)]
        case Connect():
            return [ConnectReply(request.may_be_kicked_out, result)]
        case GetSerial():
            return [SerialReply(0, result)]
        case Browse():
            return [BrowseReply(result)]
        case Download():
            return [DownloadReply(result, request.tag)]
        case Upload():
            return [UploadReply(request.tag, request.packages, request.index, result)]
        case NewOrDelete() | NewFolder() | DeleteFolder() | AutoCalibrate() | SendMessage():
            return [ResultReply(REPLY_TO[request.code], result)]
        case _:
            return []
