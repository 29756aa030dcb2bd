"""The simulated cycler's program on the network: connections, sessions, and what goes wrong there.

Frames follow arbin-protocol.md 2. A request with a wrong checksum gets no answer, and a
START that is malformed ends the program, as it did in the field (arbin-protocol.md 2 and 4.6).
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace

from ...core.simulation.faults import Fault, FaultBoard, FaultSpec
from ...core.url import TcpUrl
from ..messages import REPLY_TO, Request, decode_request
from ..protocol import Code, DecodeError, Frame
from ..queries import UnknownCommandReply
from ..variables import SetVariable
from ..words import Generation
from .answers import FILE_COMMANDS, WRITES, Answers, Session
from .connection import Connection, WireStyle
from .model import CyclerModel
from .refusals import refusal

FAULTS = (
    Fault.SILENT, Fault.LOST_REPLY, Fault.LATE, Fault.OTHER_REPLY, Fault.TRUNCATED, Fault.BAD_CRC,
    Fault.EXCEPTION, Fault.RESET, Fault.REFUSE, Fault.FLOOD, Fault.IGNORE, Fault.CLIP, Fault.DEFER,
)  # fmt: skip
RESTART_TIME = 1.0
"""Seconds for which a program that is started anew takes no connections."""

_LOG_LENGTH = 10_000
_DONE = 0


class CyclerServer:
    """Serves a cycler on any number of ports. Must be made in a running event loop.

    `requests` counts the requests that came, by command; `log` keeps the last 10 000 of them with
    the sessions they came from; `crashes` counts requests that ended the program.
    """

    def __init__(self, cycler: CyclerModel, style: WireStyle | None = None) -> None:
        self.cycler = cycler
        self.style = style or WireStyle()
        self.faults = FaultBoard(FAULTS)
        self.answers = Answers(cycler, self)
        self.requests: Counter[Code] = Counter()
        self.log: deque[tuple[Session, Request]] = deque(maxlen=_LOG_LENGTH)
        self.bad_checksums = 0
        self.crashes = 0
        self.cut_next = False
        self.files_elsewhere = False
        self._connections: list[Connection] = []
        self._ports: dict[TcpUrl, tuple[bool, asyncio.Server | None]] = {}
        self._down = False
        self._deferred: list[asyncio.TimerHandle] = []
        self._back: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None

    @property
    def sessions(self) -> Sequence[Session]:
        """All connections."""
        return [one.session for one in self._connections]

    @property
    def listening(self) -> bool:
        """Whether all ports take connections."""
        return all(server is not None for _, server in self._ports.values())

    def count(self, *codes: Code) -> int:
        """How many requests of some commands came."""
        return sum(self.requests[code] for code in codes)

    @property
    def writes(self) -> int:
        """How many requests came that change something."""
        return self.count(*WRITES)

    # -- ports

    async def listen(self, url: TcpUrl, *, files: bool = False) -> TcpUrl:
        """Serve on a port (0: a free one); with `files`, file commands are answered there only."""
        server = await self._open(url, files)
        actual = TcpUrl(url.host, server.sockets[0].getsockname()[1])
        self._ports[actual] = (files, server)
        self.files_elsewhere = self.files_elsewhere or files
        return actual

    async def _open(self, url: TcpUrl, files: bool) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: Connection(self, files), url.host, url.port)

    async def set_fault(self, spec: FaultSpec) -> None:
        """Switch a fault on; raises `BadFault`."""
        self.faults.set(spec)
        await self._follow()

    async def clear_fault(self) -> None:
        """Switch the fault off."""
        self.faults.clear()
        await self._follow()

    def restart(self, seconds: float = RESTART_TIME) -> None:
        """End the program and start it after a while; the controllers go on without it."""
        self._down = True
        for url, (files, server) in self._ports.items():
            if server is not None:
                server.close()
                self._ports[url] = (files, None)
        self.kick_out()
        if self._back is not None:
            self._back.cancel()
        self._back = asyncio.get_running_loop().call_later(seconds, self._come_back)

    def _come_back(self) -> None:
        self._down = False
        self._opening = asyncio.get_running_loop().create_task(self._follow())

    async def _follow(self) -> None:
        """Open or close the ports as fault and restart say."""
        active = self.faults.active
        closed = self._down or (active is not None and active.fault is Fault.REFUSE)
        for url, (files, server) in list(self._ports.items()):
            if closed and server is not None:
                server.close()
                self._ports[url] = (files, None)
            elif not closed and server is None:
                self._ports[url] = (files, await self._open(url, files))
        if closed:
            self.kick_out()

    def kick_out(self, session: Session | None = None) -> None:
        """End a session, or all."""
        for one in list(self._connections):
            if session is None or one.session is session:
                one.reset()

    async def close(self) -> None:
        """Stop serving."""
        for timer in self._deferred:
            timer.cancel()
        if self._back is not None:
            self._back.cancel()
        if self._opening is not None:
            self._opening.cancel()
        for _, server in self._ports.values():
            if server is not None:
                server.close()
        for one in list(self._connections):
            one.close()
        await asyncio.sleep(0)

    # -- requests

    def add(self, connection: Connection) -> None:
        """A connection was made."""
        self._connections.append(connection)

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        if connection in self._connections:
            self._connections.remove(connection)

    def replies(
        self, session: Session, received: Frame, *, files: bool, spec: FaultSpec | None = None
    ) -> list[Frame]:
        """The replies to a frame, perhaps none, with what a fault lets the cycler do with it."""
        try:
            request = decode_request(received)
        except DecodeError:
            return self._senseless(received)
        self.requests[request.code] += 1
        self.log.append((session, request))
        if request.code in FILE_COMMANDS and self.files_elsewhere and not files:
            return []
        if spec is not None:
            return self._misled(spec, session, request)
        return self.answers.answer(session, request)

    def _misled(self, spec: FaultSpec, session: Session, request: Request) -> list[Frame]:
        match spec.fault:
            case Fault.EXCEPTION:
                return refusal(request, int(spec.value))
            case Fault.IGNORE:
                return refusal(request, _DONE)
            case Fault.DEFER:
                loop = asyncio.get_running_loop()
                answer = self.answers.answer
                self._deferred.append(loop.call_later(spec.value, answer, session, request))
                return refusal(request, _DONE)
            case Fault.CLIP if isinstance(request, SetVariable):
                request = replace(request, value=min(request.value, spec.value))
            case _:
                pass
        return self.answers.answer(session, request)

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
