"""One open stream to a gateway: a request out, the reply that belongs to it in.

Everything else that comes is dropped and counted: late replies to our own requests, and the traffic
of another master that a serial server copies to us (xcom-protocol.md 8.1 and 13.3).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from ..core.errors import Ambiguous, BadReply, DriverError, LinkDown, NoReply
from ..core.noise import too_noisy
from ..core.stream import ByteStream
from .frame import Frame, FrameParser, ParserCounts
from .protocol import is_reply_to

_QUIET = 0.05
"""Seconds without a byte after which an incomplete frame is looked at more closely."""

_SILENCES_TO_REOPEN = 5
"""Requests without a good reply in a row after which the stream is opened anew."""

_OWN_REQUESTS = 32
"""Requests back to which a reply is told from those to another master."""


class Stripped(BadReply):
    """The reply lost a pair 0D 0A on its way through a Moxa (xcom-protocol.md 13.4)."""

    kind = "stripped reply"


@dataclass(slots=True)
class WireCounts:
    """What came besides replies, over all connections of a link."""

    parser: ParserCounts = field(default_factory=ParserCounts)
    late: int = 0
    foreign: int = 0
    stripped: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """A request, and how errors name it; `write` tells that it changes something."""

    frame: Frame
    link: str
    unit: str
    asked: str
    write: bool = False

    def no_reply(self, cause: str, kind: type[DriverError] = NoReply) -> DriverError:
        """What a missing or bad reply means: of a write, that nobody knows."""
        return (Ambiguous if self.write else kind)(self.link, self.unit, self.asked, cause)


class XcomConnection:
    """A stream to a gateway, for one request at a time."""

    def __init__(self, stream: ByteStream, counts: WireCounts) -> None:
        self._stream = stream
        self._counts = counts
        self._parser = FrameParser(counts.parser)
        self._question: Question | None = None
        self._answer: asyncio.Future[Frame] | None = None
        self._quiet: asyncio.TimerHandle | None = None
        self._silences = 0
        self._recent: deque[int] = deque(maxlen=_OWN_REQUESTS)
        stream.receive = self._received
        stream.lost = self._lost

    @property
    def alive(self) -> bool:
        """True until the stream ends."""
        return self._stream.alive

    @property
    def keep_after_error(self) -> bool:
        """True unless something may still be on its way out, or nothing came for long.

        Replies are matched, so a stream cannot get out of step.
        """
        return self._stream.delivered and self._silences < _SILENCES_TO_REOPEN

    def close(self, *, discard: bool) -> None:
        self._stream.close(discard=discard)
        self._lost("it was closed")

    async def exchange(self, question: Question, within: float) -> Frame:
        """Send a request and return its reply, of success or error.

        Raises `LinkDown` if nothing went out, `NoReply`, `BadReply`, `Stripped`, or `Ambiguous` for
        a write.
        """
        if not self._stream.alive:
            where = (question.link, question.unit, question.asked)
            raise LinkDown(*where, "the connection was lost before the request went out")
        self._parser.reset()
        self._question = question
        self._recent.append(question.frame.source)
        answer = self._answer = asyncio.get_running_loop().create_future()
        self._stream.write(question.frame.encode())
        self._silences += 1
        try:
            async with asyncio.timeout(within):
                reply = await answer
        except TimeoutError:
            raise self._too_late(question, within) from None
        finally:
            self._question = self._answer = None
            self._stop_watching()
        self._silences = 0
        return reply

    def _received(self, data: bytes) -> None:
        self._stop_watching()
        for frame in self._parser.feed(data):
            self._sort(frame)
        noise = too_noisy(self._parser.noise)
        if noise:
            self._stream.close(discard=True)
            self._lost(noise)
        if self._answer is not None and not self._answer.done():
            loop = asyncio.get_running_loop()
            self._quiet = loop.call_later(_QUIET, self._look_closer)

    def _sort(self, frame: Frame) -> None:
        waiting = self._answer is not None and not self._answer.done()
        if waiting and self._question and is_reply_to(frame, self._question.frame):
            assert self._answer is not None
            self._answer.set_result(frame)
        elif frame.is_reply and frame.destination in self._recent:
            self._counts.late += 1
        else:
            self._counts.foreign += 1

    def _look_closer(self) -> None:
        """The line went quiet and no reply was found: tell why, if it can be told."""
        self._quiet = None
        question = self._question
        if question is None:
            return
        ours = (question.frame.destination, question.frame.source)
        if ours in self._parser.beheaded or (
            self._parser.waiting_addresses == ours and self._parser.lacks_stripped_pair()
        ):
            self._counts.stripped += 1
            problem = "the pair 0D 0A was cut out of it: the delimiter setting of the serial server"
            self._fail(question.no_reply(problem, Stripped))
        elif ours in self._parser.spoilt:
            self._fail(question.no_reply("its checksum is wrong", BadReply))

    def _too_late(self, question: Question, within: float) -> DriverError:
        if self._parser.waiting:
            cause = f"only {self._parser.waiting} bytes of a frame came in {within:g} s"
            return question.no_reply(cause, BadReply)
        return question.no_reply(f"no answer in {within:.3g} s")

    def _lost(self, reason: str) -> None:
        if self._question is not None:
            cause = f"the connection was lost before the answer: {reason}"
            self._fail(self._question.no_reply(cause))

    def _fail(self, error: DriverError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    def _stop_watching(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
