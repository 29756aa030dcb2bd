"""Commands to channels on the wire: permission, one sending, results, and what the status shows.

A command goes out once. Whether it was obeyed is decided by the cycler's answer and by the status
of the channels afterwards; where both are missing, nobody knows, and nothing is sent again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ..core.errors import Ambiguous, DriverError, NotObeyed, OutOfRange
from .commands import ControlReply
from .errors import CyclerRefused
from .exchange import Question
from .login import LoginReply
from .messages import REPLY_TO, Request, affected, decode_request
from .protocol import EncodeError, Frame
from .reader import QUIET, Reader, unit_of, units_of
from .reading import ChannelReading
from .results import Result, meaning_of
from .session import Guard
from .words import WHOLE_REQUEST

CONFIRM_PERIOD = 0.5
"""Seconds between two readings of a channel whose status shall change."""

_SUCCESS = 0
_LISTED = 8


@dataclass(frozen=True, slots=True)
class Done:
    """A command that was obeyed: the readings that show it, and a note if it was not plain."""

    readings: tuple[ChannelReading, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A command to some channels (none named: the cycler as a whole), and how to judge it.

    `accept` are results that mean that there was nothing to do. `one_answer`: a single one stands
    for all channels, whichever of them it names.
    """

    request: Request
    results: type[Result]
    asked: str
    channels: tuple[int, ...] = ()
    accept: Collection[int] = ()
    one_answer: bool = False

    @property
    def unit(self) -> str:
        """The channels, as errors name them."""
        return units_of(self.channels) if self.channels else "all channels"


@dataclass(frozen=True, slots=True)
class Goal:
    """What a status has to show before `limit` seconds are over.

    Readings within `after` seconds of the answer do not count; `overtaken` ends the waiting.
    """

    reached: Callable[[ChannelReading], bool]
    after: float = 0.0
    overtaken: Callable[[], bool] = lambda: False


class Conversation(Reader):
    """Sends commands to channels and follows their status."""

    @property
    def control_refusal(self) -> str:
        """Why commands do not go out, empty if they do or if that is not known yet."""
        if not self.settings.allow_control:
            return "control is not allowed: set allow_control in the configuration"
        login = self.login
        if login is not None and login.accepted and not login.may_control:
            return "the cycler gave this user no permission to control"
        return ""

    async def command(self, command: Command, guard: Callable[[], None] | None = None) -> None:
        """Send a command once, and judge the answer.

        Raises `Blocked` (not allowed), `OutOfRange` (it cannot be right), `CyclerRefused`,
        `Ambiguous`, `LinkDown`.
        """
        self.check(command)
        try:
            results = await self._results(command, self._guarded(command, guard))
        except DriverError as error:
            self.failed(error)
            raise
        self._judge(command, results)

    def check(self, command: Command) -> None:
        """Raises `Blocked` or `OutOfRange` for a command that will not go out."""
        try:
            self._check_sound(command)
        except DriverError as error:
            self.failed(error)
            raise
        self.check_allowed(command.unit, command.asked)

    async def admit(self, command: Command) -> None:
        """As `check`, with what the cycler says at login: for what is read before a command."""
        self.check(command)
        await self.log_in()
        self.check(command)

    def _guarded(self, command: Command, guard: Callable[[], None] | None) -> Guard:
        def check(_login: LoginReply) -> None:
            self.check_allowed(command.unit, command.asked)
            for channel in command.channels:
                self.check_channel(channel, command.asked)
            if guard is not None:
                guard()

        return check

    def check_allowed(self, unit: str, asked: str) -> None:
        """Raises `Blocked` if commands do not go out."""
        if self.control_refusal:
            raise self.blocked(unit, asked, self.control_refusal)

    def _check_sound(self, command: Command) -> None:
        """A command whose bytes do not say what it says is never sent (arbin-protocol.md 10)."""
        request = command.request
        for channel in command.channels:
            self.check_channel(channel, command.asked)
        try:
            said = decode_request(Frame(request.code, request.encode()))
        except EncodeError as error:
            raise OutOfRange(self.link, command.unit, command.asked, str(error)) from None
        if affected(said) != command.channels:
            detail = f"its bytes name {units_of(affected(said)) or 'all channels'}"
            raise OutOfRange(self.link, command.unit, command.asked, detail)

    async def _results(self, command: Command, guard: Guard) -> dict[int, int]:
        """The result for each channel that answered; `WHOLE_REQUEST` for all at once."""
        reply = REPLY_TO[command.request.code]
        expected = set(command.channels)
        results: dict[int, int] = {}

        def take(frame: Frame) -> bool:
            answer = ControlReply.decode(reply, frame.payload)
            if answer.channel == WHOLE_REQUEST or not expected or answer.channel in expected:
                results[answer.channel] = answer.result
            if WHOLE_REQUEST in results or (command.one_answer and results):
                return True
            return results.keys() >= (expected or set(range(self.total or 0)))

        where = (command.asked, command.unit)
        await self.ask(Question(command.request, take, *where, QUIET, writes=True), guard)
        return results

    def _judge(self, command: Command, results: dict[int, int]) -> None:
        good = (_SUCCESS, *command.accept)
        bad = {channel: code for channel, code in results.items() if code not in good}
        if not bad:
            self._check_all_answered(command, results)
            return
        first, code = next(iter(bad.items()))
        unit = command.unit if first == WHOLE_REQUEST else unit_of(first)
        others = [f"{unit_of(c)}: {meaning_of(command.results, bad[c])}" for c in bad if c != first]
        obeyed = [c for c, code in results.items() if code in good]
        done = _listed(others) + (f"; obeyed by {units_of(obeyed)}" if obeyed else "")
        where = (self.link, unit, command.asked)
        error = CyclerRefused(*where, command.results, code, done.removeprefix("; "))
        self.failed(error)
        raise error

    def _check_all_answered(self, command: Command, results: dict[int, int]) -> None:
        missing = [channel for channel in command.channels if channel not in results]
        if missing and WHOLE_REQUEST not in results and not command.one_answer:
            error = Ambiguous(self.link, units_of(missing), command.asked, "no answer about them")
            self.failed(error)
            raise error

    async def confirmed(
        self, command: Command, goal: Goal, guard: Callable[[], None] | None = None
    ) -> Done:
        """Send a command once and wait until the status of its channels shows that it was obeyed.

        Raises as `command`; `NotObeyed` if it was answered but the status did not follow, or if it
        was overtaken; `Ambiguous` if the answer is missing and the status does not show it either.
        """
        lost: Ambiguous | None = None
        try:
            await self.command(command, guard)
        except Ambiguous as error:
            lost = error
        channels = command.channels or tuple(range(self.total or 0))
        seen, failure = await self._follow(channels, goal)
        if len(seen) == len(channels) and all(map(goal.reached, seen)):
            note = f"the answer was missing ({lost.detail}), the status shows it" if lost else ""
            return Done(tuple(seen), note)
        error = self._unconfirmed(command, goal, lost, seen, failure)
        self.failed(error)
        raise error

    def _unconfirmed(
        self,
        command: Command,
        goal: Goal,
        lost: Ambiguous | None,
        seen: Sequence[ChannelReading],
        failure: str,
    ) -> DriverError:
        where = (self.link, command.unit, command.asked)
        if goal.overtaken():
            return NotObeyed(*where, "a stop was asked for before it was confirmed")
        limit = f"within {self.settings.confirm_timeout:g} s"
        behind = [one for one in seen if not goal.reached(one)]
        states = _listed([f"{unit_of(one.channel)}: {_state(one)}" for one in behind])
        if not seen:
            cause = lost.detail if lost else "the cycler accepted it"
            return Ambiguous(*where, f"{cause}; no status could be read {limit}: {failure}")
        if lost:
            return Ambiguous(*where, f"{lost.detail}; not seen {limit}: {states}")
        return NotObeyed(*where, f"the status did not follow {limit}", states)

    async def _follow(
        self, channels: Sequence[int], goal: Goal
    ) -> tuple[list[ChannelReading], str]:
        """Read the status until all channels have reached the goal; the last readings."""
        deadline = time.monotonic() + self.settings.confirm_timeout
        seen: list[ChannelReading] = []
        failure = ""
        await asyncio.sleep(goal.after)
        while not goal.overtaken():
            try:
                seen = await self.read_some(channels)
            except DriverError as error:
                failure = str(error)
            else:
                if len(seen) == len(channels) and all(map(goal.reached, seen)):
                    break
            if time.monotonic() + CONFIRM_PERIOD > deadline:
                break
            await asyncio.sleep(CONFIRM_PERIOD)
        return seen, failure

    async def read_some(self, channels: Sequence[int]) -> list[ChannelReading]:
        """Some channels: one alone, several in a reading of all. Raises as `read_sweep`."""
        if len(channels) == 1:
            return [await self.read_channel(channels[0])]
        found = (await self.read_sweep()).channels
        return [one for n in channels if n < len(found) and (one := found[n]) is not None]


def _listed(texts: Sequence[str]) -> str:
    """Some of many texts."""
    more = len(texts) - _LISTED
    return "; ".join(texts[:_LISTED]) + (f"; and {more} more" if more > 0 else "")


def _state(reading: ChannelReading) -> str:
    if reading.comm_failure:
        return "no link to the channel's controller"
    return reading.state
