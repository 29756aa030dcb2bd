"""What the simulated cycler answers to each request of a session.

Nothing but a login is answered before the login; what a real one does then is not known
(arbin-protocol.md, end).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..commands import Assign, Continue, Jump, Resume, Start, Stop
from ..console import AutoCalibrate, ResultReply, SendMessage
from ..extended import ResumeEx, StartEx
from ..files import Browse, DeleteFolder, Download, NewFolder, NewOrDelete, Upload
from ..login import Connect, ConnectReply, Login, LoginReply
from ..messages import REPLY_TO, Reply, Request
from ..protocol import Code, Frame
from ..queries import ChannelsInfo, GetSerial, SerialReply
from ..records import encode_records
from ..results import ConnectResult, LoginResult
from ..start_data import GetResumeData, GetStartData, ResumeDataReply, StartDataReply
from ..variables import SetVariable, UpdateVariables
from ..words import ALL_CHANNELS, Selection
from .control import Control
from .data import resume_data, start_data
from .folders import Arriving, Folders
from .model import SERIAL, CyclerModel, User
from .records import with_extra

_MESSAGE_SEPARATOR = "<-->"
_DONE, _FAILED = 1, 2

FILE_COMMANDS = frozenset(
    {
        Code.BROWSE, Code.DOWNLOAD, Code.UPLOAD, Code.NEW_OR_DELETE, Code.NEW_FOLDER,
        Code.DELETE_FOLDER,
    }
)  # fmt: skip
WRITES = (FILE_COMMANDS - {Code.BROWSE, Code.DOWNLOAD}) | {
    Code.ASSIGN_SCHEDULE, Code.START, Code.CONTINUE, Code.RESUME, Code.STOP, Code.JUMP,
    Code.SET_VARIABLE, Code.UPDATE_VARIABLES, Code.START_EX, Code.RESUME_EX, Code.AUTO_CALIBRATE,
    Code.SEND_MESSAGE,
}  # fmt: skip
"""Commands that change something."""


@dataclass(slots=True, eq=False)
class Session:
    """One connection: who is logged in on it, and what it has begun."""

    user: User | None = None
    may_be_kicked_out: bool = False
    arriving: Arriving | None = None

    @property
    def may_control(self) -> bool:
        """Whether its user may give commands."""
        return self.user is not None and self.user.may_control


class Sessions(Protocol):
    """What answers need of the server: who is there, and a way to push somebody out."""

    @property
    def sessions(self) -> Sequence[Session]:
        """All connections."""
        ...

    def kick_out(self, session: Session) -> None:
        """End a session."""
        ...


class Answers:
    """Answers requests; control commands and file commands are carried out elsewhere."""

    def __init__(self, cycler: CyclerModel, sessions: Sessions) -> None:
        self._cycler = cycler
        self._sessions = sessions
        control, folders = Control(cycler), Folders(cycler.files, cycler.behaviour.generation)
        self._controls: dict[type, Callable[[Any, bool], Sequence[Reply]]] = {
            Assign: control.assign,
            Start: control.start,
            StartEx: control.start_ex,
            Continue: control.go_on,
            Resume: control.resume,
            ResumeEx: control.resume_ex,
            Stop: control.stop,
            Jump: control.jump,
            SetVariable: control.set_variable,
            UpdateVariables: control.update_variables,
        }
        self._changes: dict[type, Callable[[Any, bool], Reply]] = {
            NewOrDelete: folders.new_or_delete,
            NewFolder: folders.new_folder,
            DeleteFolder: folders.delete_folder,
            AutoCalibrate: self._calibrate,
            SendMessage: self._message,
        }
        self._folders = folders

    def answer(self, session: Session, request: Request) -> list[Frame]:
        """The frames that answer a request, perhaps none."""
        if isinstance(request, Login):
            return _frames([self._login(session, request)])
        if isinstance(request, Connect):
            return _frames([self._connect(session, request)])
        if session.user is None:
            return []
        if isinstance(request, ChannelsInfo):
            return self._channels(request)
        return _frames(self._obey(session, request))

    def _obey(self, session: Session, request: Request) -> Sequence[Reply]:
        allowed = session.may_control
        if (control := self._controls.get(type(request))) is not None:
            return control(request, allowed)
        if (change := self._changes.get(type(request))) is not None:
            return [change(request, allowed)]
        if isinstance(request, Upload):
            reply, session.arriving = self._folders.upload(request, session.arriving, allowed)
            return [reply]
        return self._ask(request)

    def _ask(self, request: Request) -> Sequence[Reply]:
        cycler = self._cycler
        match request:
            case GetSerial():
                return [SerialReply(SERIAL)]
            case GetStartData():
                found = (start_data(cycler.channel(n), n) for n in request.channels)
                return [StartDataReply(tuple(found))]
            case GetResumeData():
                points = (resume_data(cycler.channel(n), n) for n in request.channels)
                return [ResumeDataReply(tuple(points))]
            case Browse():
                return [self._folders.browse(request)]
            case Download():
                return self._folders.download(request)
            case _:
                return []

    # -- sessions

    def _login(self, session: Session, request: Login) -> LoginReply:
        if session.user is not None:
            return self._welcome(session.user, LoginResult.ALREADY)
        users = self._cycler.behaviour.users
        user = next((user for user in users if user.name == request.user), None)
        if user is None or user.password != request.password or not self._make_room():
            return self._welcome(None, LoginResult.REFUSED)
        session.user = user
        return self._welcome(user, LoginResult.LOGGED_IN)

    @property
    def _full(self) -> bool:
        inside = [one for one in self._sessions.sessions if one.user is not None]
        return len(inside) >= self._cycler.behaviour.most_users

    @property
    def _victim(self) -> Session | None:
        """Somebody who may be pushed out to make room."""
        inside = (one for one in self._sessions.sessions if one.user is not None)
        return next((one for one in inside if one.may_be_kicked_out), None)

    def _make_room(self) -> bool:
        """Whether one more user fits; if need be, one that allows it is pushed out."""
        if not self._full:
            return True
        victim = self._victim
        if victim is not None:
            self._sessions.kick_out(victim)
        return victim is not None

    def _welcome(self, user: User | None, result: LoginResult) -> LoginReply:
        """The reply has its full size for refused users as well (arbin-protocol.md 4.1)."""
        behaviour = self._cycler.behaviour
        return LoginReply(
            result,
            address=bytes((127, 0, 0, 1)),
            serial=str(SERIAL),
            note="Simulated cycler\r\n\r\nCurrent: 60A\r\nVoltage: 0V to 5V",
            nickname="Simulator",
            generation=behaviour.generation,
            may_control=user is not None and user.may_control,
            channels=behaviour.channels,
            user_type=user.kind if user is not None else 0,
        )

    def _connect(self, session: Session, request: Connect) -> ConnectReply:
        session.may_be_kicked_out = request.may_be_kicked_out
        full = session.user is None and self._full and self._victim in (None, session)
        result = ConnectResult.FULL if full else ConnectResult.ACCEPTED
        return ConnectReply(request.may_be_kicked_out, result)

    # -- the rest

    def _channels(self, request: ChannelsInfo) -> list[Frame]:
        """GET_CHANNELS_INFO; a channel that does not exist gives a reply without records."""
        cycler = self._cycler
        payloads: Sequence[bytes] = ()
        if request.channel != ALL_CHANNELS:
            view = cycler.view()
            chosen = [one for one in view if one.channel == request.channel]
            payloads = [encode_records([with_extra(one, request.extra) for one in chosen])]
        elif request.selection in list(Selection):
            payloads = cycler.payloads(Selection(request.selection), request.extra)
        return [Frame(Code.CHANNELS_INFO_REPLY, payload) for payload in payloads]

    def _calibrate(self, request: AutoCalibrate, allowed: bool) -> ResultReply:
        """AUTOCAL_START: the calibration window must be open."""
        done = allowed and self._cycler.calibration_window
        return ResultReply(REPLY_TO[request.code], _DONE if done else _FAILED)

    def _message(self, request: SendMessage, allowed: bool) -> ResultReply:
        """SEND_MESSAGE, in the form that the library insists on (arbin-protocol.md 4.16)."""
        shown = allowed and _MESSAGE_SEPARATOR in request.text
        if shown:
            self._cycler.messages.append(request.text)
        return ResultReply(REPLY_TO[request.code], _DONE if shown else _FAILED)


def _frames(replies: Sequence[Reply]) -> list[Frame]:
    return [Frame(reply.code, reply.encode()) for reply in replies]
