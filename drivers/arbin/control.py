"""Commands to the channels of a cycler: assign, start, stop, resume, jump, set variables.

Channels are counted from 0, as on the wire. The rules are those of arbin-protocol.md 10:
a command names its channels and is checked completely before it goes out; a start needs a channel
that has been stopped for as long as the cycler takes to renew its data; start, stop and resume are
confirmed by the status; nothing is sent twice; a stop waits for nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from ..core.errors import OutOfRange
from .commands import Assign, Continue, Jump, Resume, Start, Stop
from .conversation import Command, Conversation, Done, Goal
from .extended import ResumeEntry, ResumeEx, StartEntry, StartEx
from .pace import Pace
from .reader import unit_of
from .reading import ChannelReading
from .results import (
    AssignResult,
    ContinueResult,
    JumpResult,
    ResumeResult,
    StartResult,
    StopResult,
    VariableResult,
)
from .settings import CyclerSettings
from .variables import SetVariable, Update, UpdateVariables
from .words import FAULTY, PAUSED, RUNNING, STOPPED, meta_code

_UPDATE_INTERVAL = 0.2
"""Seconds between batches of variables (arbin-protocol.md 4.11); for single ones, by channel."""

_EVERY = -1


@dataclass(frozen=True, slots=True)
class VariableUpdate:
    """A user variable, 1 to 16, of a running channel, and its new value."""

    channel: int
    variable: int
    value: float


class Control(Conversation):
    """What can be done to the channels of a cycler."""

    def __init__(self, settings: CyclerSettings) -> None:
        super().__init__(settings)
        self._orders: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._stops: defaultdict[int, int] = defaultdict(int)
        self._begun: dict[int, float] = {}
        self._batches = Pace(_UPDATE_INTERVAL)
        self._singles: defaultdict[int, Pace] = defaultdict(lambda: Pace(_UPDATE_INTERVAL))

    # -- assign

    async def assign(self, channel: int, schedule: str) -> None:
        """Choose the schedule that a channel runs next; the cycler must have it.

        Capacity, barcode and user variables, which older cyclers take over with it, are sent as 0.
        """
        asked = f"assign {schedule!r}"
        request = Assign(channel, schedule)
        async with self._order((channel,)):
            await self.command(Command(request, AssignResult, asked, (channel,)))

    async def assign_every(self, schedule: str) -> None:
        """Choose the schedule of every channel of the cycler. Needs `allow_every_channel`."""
        asked = f"assign {schedule!r} to every channel"
        self._check_every(asked)
        await self.command(Command(Assign(_EVERY, schedule, every=True), AssignResult, asked))

    # -- start and resume

    async def start(self, channels: Sequence[int], test_name: str) -> Done:
        """Start the assigned schedules of some channels as a new test.

        Returns once their status shows it. Raises `Blocked` unless all of them are stopped, and
        have been for `refresh` seconds, which may have to pass first, or if a stop comes before it
        is sent. `OutOfRange`, `CyclerRefused`, `Ambiguous`, `NotObeyed` and `LinkDown` as
        `Conversation.confirmed`.
        """
        request = Start(test_name, tuple(channels))
        command = Command(request, StartResult, f"start {test_name!r}", request.channels)
        return await self._begin(command)

    async def start_with(self, entries: Sequence[StartEntry]) -> Done:
        """Start channels with all details, such as the first step. As `start`."""
        request = StartEx(tuple(entries))
        channels = tuple(entry.channel for entry in entries)
        return await self._begin(Command(request, StartResult, "start with details", channels))

    async def resume(self, channel: int) -> Done:
        """Let a paused channel go on, or a stopped one resume its test.

        Which of the two it is, is read first. Raises as `start`.
        """
        overtaken = self._stop_watch((channel,))
        command = Command(Resume(channel), ResumeResult, "resume", (channel,))
        await self.admit(command)
        if (await self.read_channel(channel)).status in PAUSED:
            return await self._continue((channel,), overtaken)
        return await self._begin(command, overtaken)

    async def resume_every(self) -> None:
        """Resume every channel of the cycler. Needs `allow_every_channel`; is not confirmed."""
        asked = "resume every channel"
        self._check_every(asked)
        await self.command(Command(Resume(_EVERY, every=True), ResumeResult, asked))

    async def resume_with(self, entries: Sequence[ResumeEntry]) -> Done:
        """Resume channels with all details. As `start`."""
        request = ResumeEx(tuple(entries))
        channels = tuple(entry.channel for entry in entries)
        return await self._begin(Command(request, ResumeResult, "resume with details", channels))

    async def continue_paused(self, channels: Sequence[int]) -> Done:
        """Let channels in normal pause go on; the cycler refuses others. Confirmed by status."""
        return await self._continue(tuple(channels), self._stop_watch(channels))

    async def _continue(self, channels: tuple[int, ...], overtaken: Callable[[], bool]) -> Done:
        request = Continue(channels)
        command = Command(request, ContinueResult, "continue", request.channels)
        async with self._order(request.channels):
            goal = Goal(lambda reading: reading.status in RUNNING, overtaken=overtaken)
            self._note_beginning(request.channels)
            return await self.confirmed(command, goal, self._not_overtaken(command, overtaken))

    async def _begin(self, command: Command, overtaken: Callable[[], bool] | None = None) -> Done:
        """Start or resume stopped channels, unless a stop comes after it was asked for."""
        channels = command.channels
        overtaken = overtaken or self._stop_watch(channels)
        async with self._order(channels):
            await self.admit(command)
            names = {one.channel: one.texts.test_name for one in await self._settled(command)}

            def begun(reading: ChannelReading) -> bool:
                name = reading.texts.test_name
                return reading.status in RUNNING or name != names.get(reading.channel, name)

            self._note_beginning(channels)
            goal = Goal(begun, overtaken=overtaken)
            return await self.confirmed(command, goal, self._not_overtaken(command, overtaken))

    async def _settled(self, command: Command) -> list[ChannelReading]:
        """Read until all channels have been seen stopped for as long as data may be old."""
        found = await self._stopped(command)
        since = max(self.stopped_since[one.channel] for one in found)
        wait = since + self.settings.refresh - time.monotonic()
        if wait > 0.0:
            await asyncio.sleep(wait)
            found = await self._stopped(command)
        return found

    async def _stopped(self, command: Command) -> list[ChannelReading]:
        found = await self.read_some(command.channels)
        missing = set(command.channels) - {one.channel for one in found}
        for channel in missing:
            raise self.blocked(unit_of(channel), command.asked, "the cycler does not report it")
        for one in found:
            if one.channel not in self.stopped_since:
                state = "it has no link to its controller" if one.comm_failure else one.state
                reason = f"only a stopped channel can do that: {state}"
                raise self.blocked(unit_of(one.channel), command.asked, reason)
        return found

    # -- stop

    async def stop(self, channel: int) -> Done:
        """Stop one channel, and no other. Returns once its status shows it.

        Overtakes a start of the channel that waits. Raises `CyclerRefused`, `Ambiguous`,
        `NotObeyed` or `LinkDown`. Never sent twice.
        """
        self._stops[channel] += 1
        return await self._end(Stop(channel), "stop", (channel,))

    async def stop_every(self) -> Done:
        """Stop every channel of the cycler, whoever uses it. Needs `allow_every_channel`."""
        asked = "stop every channel"
        self._check_every(asked)
        self._stops[_EVERY] += 1
        return await self._end(Stop(_EVERY, every=True), asked, ())

    async def _end(self, request: Stop, asked: str, channels: tuple[int, ...]) -> Done:
        command = Command(request, StopResult, asked, channels, (StopResult.NOT_RUNNING,))
        concerned = channels or tuple(self._begun)
        for channel in concerned:
            self.stopped_since.pop(channel, None)
        recent = time.monotonic() - self.settings.confirm_timeout
        # what was read before may still show the channel as it was before a recent start
        may_be_old = any(self._begun.get(channel, recent) > recent for channel in concerned)
        return await self.confirmed(
            command, Goal(_has_ended, self.settings.refresh if may_be_old else 0.0)
        )

    # -- in a running test

    async def jump(self, channel: int, step: int) -> None:
        """Go on with another step of the running schedule; steps are counted from 1.

        A step that the schedule does not have would end the test (arbin-protocol.md
        4.9), so the number of steps is asked for first. Raises `OutOfRange` for such a step, and as
        `command`.
        """
        asked = f"jump to step {step}"
        if step < 1:
            raise OutOfRange(self.link, unit_of(channel), asked, "steps are counted from 1")
        command = Command(Jump(step - 1, channel), JumpResult, asked, (channel,))
        async with self._order((channel,)):
            await self.admit(command)
            (data,) = await self.read_start_data((channel,))
            if step > len(data.steps):
                detail = f"the schedule has steps 1 to {len(data.steps)}"
                raise OutOfRange(self.link, unit_of(channel), asked, detail)
            await self.command(command)

    async def set_variable(self, channel: int, variable: int, value: float) -> None:
        """Set user variable 1 to 16 of a running channel; the cycler refuses others."""
        asked = f"set user variable {variable} to {value:g}"
        meta = self._meta(unit_of(channel), asked, variable)
        command = Command(SetVariable(channel, meta, value), VariableResult, asked, (channel,))
        self.check(command)
        async with self._singles[channel].turn():
            await self.command(command)

    async def set_variables(self, updates: Sequence[VariableUpdate]) -> None:
        """Set up to 160 user variables of running channels in one request, every 200 ms at most."""
        asked = f"set {len(updates)} user variables"
        metas = [self._meta(unit_of(one.channel), asked, one.variable) for one in updates]
        request = UpdateVariables(
            tuple(Update(u.channel, m, u.value) for u, m in zip(updates, metas, strict=True))
        )
        channels = tuple(dict.fromkeys(update.channel for update in updates))
        command = Command(request, VariableResult, asked, channels, one_answer=True)
        self.check(command)
        async with self._batches.turn():
            await self.command(command)

    # -- rules

    def _meta(self, unit: str, asked: str, variable: int) -> int:
        try:
            return meta_code(variable)
        except ValueError as error:
            raise OutOfRange(self.link, unit, asked, str(error)) from None

    def _check_every(self, asked: str) -> None:
        if not self.settings.allow_every_channel:
            reason = "it is not allowed: set allow_every_channel in the configuration"
            raise self.blocked("all channels", asked, reason)

    @asynccontextmanager
    async def _order(self, channels: Collection[int]) -> AsyncGenerator[None]:
        """The turn of a command: one at a time for each channel. Stops do not wait for theirs."""
        async with AsyncExitStack() as turns:
            for channel in sorted(set(channels)):
                await turns.enter_async_context(self._orders[channel])
            yield

    def _stop_watch(self, channels: Sequence[int]) -> Callable[[], bool]:
        """Tells whether a stop of one of these channels was asked for since now."""
        watched = (*channels, _EVERY)
        before = [self._stops[channel] for channel in watched]
        return lambda: [self._stops[channel] for channel in watched] != before

    def _not_overtaken(self, command: Command, overtaken: Callable[[], bool]) -> Callable[[], None]:
        def guard() -> None:
            if overtaken():
                reason = "a stop was asked for in the meantime"
                raise self.blocked(command.unit, command.asked, reason)

        return guard

    def _note_beginning(self, channels: Sequence[int]) -> None:
        for channel in channels:
            self._begun[channel] = time.monotonic()
            self.stopped_since.pop(channel, None)


def _has_ended(reading: ChannelReading) -> bool:
    return not reading.comm_failure and reading.status in (STOPPED | FAULTY)
