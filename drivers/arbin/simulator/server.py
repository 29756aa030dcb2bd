"""The simulated cycler's program on the network: connections, sessions, and what goes wrong there.

Frames follow arbin-protocol.md 2. A request with a wrong checksum gets no answer, and a
START that is malformed ends the program, as it did in the field (arbin-protocol.md 2 and 4.6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from ...core.errors import BadUrl
from ...core.simulation.faults import Fault
from ...core.simulation.line import Line, Timers
from ...core.simulation.ports import Connection, Ports
from ...core.simulation.simulator import Simulator
from ...core.url import TcpUrl, parse_link
from ..messages import REPLY_TO, Request, decode_request
from ..protocol import TOKEN, Code, DecodeError, Direction, Frame, FrameStream, frame
from ..queries import UnknownCommandReply
from ..settings import LINK_DEFAULTS
from ..variables import SetVariable
from ..words import Generation
from .answers import FILE_COMMANDS, WRITES, Answers, Session
from .model import CyclerModel
from .refusals import refusal

FAULTS = (
    Fault.SILENT, Fault.LOST_REPLY, Fault.LATE, Fault.OTHER_REPLY, Fault.TRUNCATED, Fault.BAD_CRC,
    Fault.EXCEPTION, Fault.RESET, Fault.REFUSE, Fault.FLOOD, Fault.IGNORE, Fault.CLIP, Fault.DEFER,
)  # fmt: skip
RESTART_TIME = 1.0
"""Seconds for which a program that is started anew takes no connections."""

Answer: TypeAlias = Callable[[Session, Request], list[Frame]]

_OLD_TOKEN = b"\xdd" * 8
_LONGEST_REQUEST = 4 << 20
_DONE = 0


class CyclerServer(Simulator[Frame]):
    """Serves a cycler on any number of ports.

    think: seconds before each answer. piece: bytes of each piece of a reply (0: all at once).
    old_token: replies begin with eight bytes 0xDD. file_link: a second port that is opened with the
    first, where file commands are answered and nowhere else.
    `crashes` counts requests that ended the program.
    """

    def __init__(
        self,
        cycler: CyclerModel,
        *,
        think: float = 0.0,
        piece: int = 0,
        old_token: bool = False,
        file_link: str | None = None,
    ) -> None:
        super().__init__(FAULTS, think=think, ports=Ports(piece=piece))
        self.cycler = cycler
        self.lines: list[SessionLine] = []
        self.old_token = old_token
        self.bad_checksums = 0
        self.crashes = 0
        self.cut_next = False
        self.files_elsewhere = False
        self._file_link = file_link
        self._answers = Answers(cycler, self)
        self._down = False
        self._timers = Timers()
        self._opening: asyncio.Task[None] | None = None

    @property
    def sessions(self) -> Sequence[Session]:
        """All connections."""
        return [line.session for line in self.lines]

    def count(self, *codes: Code) -> int:
        """How many requests of some commands came."""
        return sum(asked.code in codes for asked in self.requests())

    # -- ports

    async def listen(self, link: str) -> str:
        """Open an endpoint; returns the URL a client uses. Raises `BadUrl`, `OSError`."""
        actual = await self.open_tcp(_tcp(link))
        if self._file_link is not None:
            await self.open_tcp(_tcp(self._file_link), files=True)
            self._file_link = None
        return str(actual)

    async def open_tcp(self, url: TcpUrl, *, files: bool = False) -> TcpUrl:
        """Serve on a port (0: a free one); with `files`, file commands are answered there only."""

        def connect(connection: Connection) -> SessionLine:
            return SessionLine(self, connection, files=files)

        self.files_elsewhere = self.files_elsewhere or files
        return await self.ports.listen(url, connect)

    def restart(self, seconds: float = RESTART_TIME) -> None:
        """End the program and start it after a while; the controllers go on without it."""
        self._down = True
        self.ports.refuse()
        self._timers.close()
        self._timers.later(seconds, self._come_back)

    def _come_back(self) -> None:
        self._down = False
        self._opening = asyncio.get_running_loop().create_task(self.follow_fault())

    async def follow_fault(self) -> None:
        """Open or close the ports as fault and restart say."""
        if not self._down:
            await super().follow_fault()

    def kick_out(self, session: Session | None = None) -> None:
        """End a session, or all."""
        for line in list(self.lines):
            if session is None or line.session is session:
                line.reset()

    async def close(self) -> None:
        """Stop serving."""
        self._timers.close()
        if self._opening is not None:
            self._opening.cancel()
        await super().close()

    # -- requests

    def obey(self, session: Session, request: Request) -> list[Frame]:
        """Carry a request out; returns the replies."""
        return self._answers.answer(session, request)

    def replies(
        self, received: Frame, session: Session, answer: Answer, files: bool
    ) -> list[Frame]:
        """The replies to a frame, perhaps none, given what answers a request."""
        try:
            request = decode_request(received)
        except DecodeError:
            return self._senseless(received)
        if request.code in FILE_COMMANDS and self.files_elsewhere and not files:
            return []
        return answer(session, request)

    def _senseless(self, received: Frame) -> list[Frame]:
        """A command that is not known, or one with a wrong payload."""
        if received.code == Code.START:
            self.crashes += 1
            self.restart()
            return []
        known = received.code in list(REPLY_TO)
        if known or self.cycler.behaviour.generation < Generation.MITS_X_1:
            return []
        reply = UnknownCommandReply(received.code, received.extended)
        return [Frame(reply.code, reply.encode())]


class SessionLine(Line[Frame]):
    """One connection to the cycler's program; `files`: on the port for files."""

    def __init__(self, server: CyclerServer, connection: Connection, *, files: bool) -> None:
        self.session = Session()
        self._server = server
        self._connection = connection
        self._files = files
        self._stream = FrameStream(Direction.REQUEST, _LONGEST_REQUEST)
        server.lines.append(self)
        super().__init__(server, "files" if files else "cti", connection.write, connection.reset)

    @property
    def noise(self) -> int:
        return self._stream.noise

    def parse(self, data: bytes) -> Iterable[Frame]:
        found = self._stream.feed(data)
        self._server.bad_checksums += len(self._stream.bad_codes)
        return found

    def encode(self, reply: Frame) -> bytes:
        data = frame(reply.code, reply.payload, Direction.REPLY)
        return _OLD_TOKEN + data[len(TOKEN) :] if self._server.old_token else data

    def is_write(self, asked: Frame) -> bool:
        return asked.code in WRITES

    def answer(self, asked: Frame) -> Sequence[Frame]:
        return self._replies(asked, self._server.obey)

    def refuse(self, asked: Frame, code: int) -> Sequence[Frame]:
        return self._replies(asked, lambda _, request: refusal(request, code))

    def acknowledge(self, asked: Frame) -> Sequence[Frame]:
        return self.refuse(asked, _DONE)

    def clip(self, asked: Frame, highest: float) -> Sequence[Frame]:
        def clipped(session: Session, request: Request) -> list[Frame]:
            if isinstance(request, SetVariable):
                request = replace(request, value=min(request.value, highest))
            return self._server.obey(session, request)

        return self._replies(asked, clipped)

    def mistake(self, fault: Fault, asked: Frame, replies: Sequence[Frame]) -> Sequence[Frame]:
        other = UnknownCommandReply(0)
        return [Frame(other.code, other.encode())]

    def send(self, replies: Sequence[Frame]) -> None:
        """Send replies; one that is to be cut ends in the middle, and the session with it."""
        if not (self._server.cut_next and replies):
            super().send(replies)
            return
        self._server.cut_next = False
        data = b"".join(map(self.encode, replies))
        self.put(data[: len(data) // 2])
        self._connection.close()

    def close(self) -> None:
        super().close()
        self._server.lines.remove(self)

    def _replies(self, asked: Frame, answer: Answer) -> list[Frame]:
        return self._server.replies(asked, self.session, answer, self._files)


def _tcp(link: str) -> TcpUrl:
    url = parse_link(link, LINK_DEFAULTS, any_port=True)
    if not isinstance(url, TcpUrl) or url.rtu:
        raise BadUrl(link, "a simulated cycler serves TCP", "tcp://127.0.0.1:0")
    return url
