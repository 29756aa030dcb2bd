"""One question to a cycler and its answer, with what may go wrong in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ..core.errors import Ambiguous, BadReply, DriverError, LinkDown, NoReply, OutOfRange, Refused
from .connection import Connection, Exchange, Take, UnknownCommand
from .messages import REPLY_TO, Request, encode_request
from .protocol import DecodeError, EncodeError

_OVERDUE = 6
"""Time-outs after which an answer that did not come is not expected any more."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request, who takes its answer, and how errors name it.

    Each frame of the answer may take the time-out of the settings; with `quiet`, an answer that
    has begun is over after so many seconds without another frame. `writes` tells that nobody knows
    what a missing answer means, `optional` that some cyclers never give one: the connection is kept
    then, and the next request of the kind waits until none is to be expected any more.
    """

    request: Request
    take: Take
    asked: str
    unit: str = ""
    quiet: float | None = None
    writes: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Wire:
    """Where questions go: the connection, its name in errors, seconds for a frame of an answer.

    `sent` is called for each that goes out.
    """

    link: str
    connection: Connection
    timeout: float
    sent: Callable[[], None]


async def exchange(wire: Wire, question: Question) -> None:
    """Send a request and hand each frame of its answer to `take` until that says it is whole.

    Raises `LinkDown` and `OutOfRange` (nothing went out), `Refused` for a command that the cycler
    does not know, `NoReply`, `BadReply`; instead of the last two `Ambiguous` for one that writes.
    """
    where = (wire.link, question.unit, question.asked)
    request, connection = question.request, wire.connection
    try:
        data = encode_request(request)
    except EncodeError as error:
        raise OutOfRange(*where, str(error)) from None
    running = Exchange(request.code, REPLY_TO[request.code], question.take)
    overdue = connection.overdue(running.reply)
    if overdue > 0.0:
        detail = f"the last one was not answered; not asked again for {overdue:.0f} s"
        raise NoReply(*where, detail)
    try:
        connection.begin(running, data)
    except OSError as error:
        connection.end(running)
        raise LinkDown(*where, str(error)) from None
    wire.sent()
    try:
        await _answer(running, question.quiet, wire.timeout)
    except UnknownCommand:
        raise Refused(*where, "the cycler does not know this command") from None
    except (OSError, DecodeError) as error:
        raise _broken(wire, error, question) from None
    finally:
        connection.end(running)


async def _answer(running: Exchange, quiet: float | None, timeout: float) -> None:
    """Wait until the answer is whole, or has gone quiet. Raises TimeoutError, an OSError."""
    while not running.done.done():
        begun = running.frames > 0
        running.news.clear()
        try:
            async with asyncio.timeout(quiet if begun and quiet is not None else timeout):
                await running.news.wait()
        except TimeoutError:
            if begun and quiet is not None:
                return
            raise
    running.done.result()


def _broken(wire: Wire, error: Exception, question: Question) -> DriverError:
    """Give the connection up: an answer that is still to come belongs to nothing any more."""
    kind = BadReply if isinstance(error, DecodeError) else NoReply
    detail = str(error)
    if isinstance(error, TimeoutError):
        strange = wire.connection.skipped
        detail = f"nothing within {wire.timeout:g} s" + (
            f", and {strange} bytes came that are no frame of CTI" if strange else ""
        )
    if isinstance(error, TimeoutError) and question.optional:
        wire.connection.give_up(REPLY_TO[question.request.code], _OVERDUE * wire.timeout)
    else:
        reason = f"the connection was given up: {question.asked}: {detail}"
        wire.connection.close(reason, discard=True)
    where = (wire.link, question.unit, question.asked)
    return (Ambiguous if question.writes else kind)(*where, detail)
