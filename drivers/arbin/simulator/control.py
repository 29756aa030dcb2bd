"""What the simulated cycler does for each command to channels, and how it answers.

Rules and result codes: arbin-protocol.md 4.4 to 4.14 and 6. A command to all channels is
answered by a reply for each channel (4.4 of it), one to several named ones likewise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from ..commands import Assign, Continue, ControlReply, Jump, Resume, Start, Stop
from ..extended import ResumeEx, StartEx
from ..messages import REPLY_TO
from ..protocol import Code
from ..results import (
    AssignResult,
    ContinueResult,
    JumpResult,
    Result,
    ResumeResult,
    StartResult,
    StopResult,
    VariableResult,
)
from ..variables import SetVariable, UpdateVariables
from ..words import USER_VARIABLES, WHOLE_REQUEST, Generation, meta_code
from .channel import ChannelModel, Refusal
from .model import CyclerModel

FASTEST_BATCH = 0.2
"""Seconds between two batches of variables (arbin-protocol.md 4.11)."""

_NUMBER_OF = {meta_code(number): number for number in range(1, USER_VARIABLES + 1)}
_USER_VARIABLE, _F32 = 1, 1
_HIGHEST_CHANNEL = 0xFFFF
_NO_CHANNEL, _WINDOW_IN_USE = 0x10, 0x11


class Control:
    """Carries out commands to channels; `allowed` is false for users who may only look."""

    def __init__(self, cycler: CyclerModel) -> None:
        self._cycler = cycler

    # -- schedules and tests

    def assign(self, request: Assign, allowed: bool) -> list[ControlReply]:
        """ASSIGN_SCHEDULE."""
        cycler = self._cycler
        old = cycler.behaviour.generation == Generation.MITS_7

        def do(channel: ChannelModel) -> None:
            if not request.schedule:
                raise Refusal(AssignResult.NAME_EMPTY)
            assignment = cycler.assignment(request.schedule)
            if assignment is None:
                raise Refusal(AssignResult.NOT_FOUND)
            barcode = request.barcode if old else channel.barcode
            channel.assign(assignment, barcode, cycler.behaviour.download)
            if old:  # later versions ignore capacity, barcode and variables (arbin-protocol.md 4.5)
                channel.variables = [v if math.isfinite(v) else 0.0 for v in request.variables]

        numbers = self._numbers(request.channel, request.every)
        return self._each(Code.ASSIGN_SCHEDULE, numbers, AssignResult, allowed, do)

    def start(self, request: Start, allowed: bool) -> list[ControlReply]:
        """START."""
        return self._several(
            Code.START, request.channels, StartResult, allowed, lambda c: c.start(request.test_name)
        )

    def start_ex(self, request: StartEx, allowed: bool) -> list[ControlReply]:
        """START_EX: of each entry, name, schedule and step count (arbin-protocol.md 4.14)."""
        by_channel = {entry.channel: entry for entry in request.entries}

        def do(channel: ChannelModel) -> None:
            entry = by_channel[channel.index]
            assignment = self._cycler.assignment(entry.schedule)
            if assignment is None:
                raise Refusal(StartResult.NO_SCHEDULE)
            if channel.running or channel.unsafe:
                raise Refusal(StartResult.RUNNING)
            channel.assignment = assignment
            channel.start(entry.test_name, entry.step)

        return self._several(Code.START_EX, tuple(by_channel), StartResult, allowed, do)

    def go_on(self, request: Continue, allowed: bool) -> list[ControlReply]:
        """CONTINUE."""
        return self._several(
            Code.CONTINUE, request.channels, ContinueResult, allowed, ChannelModel.go_on
        )

    def resume(self, request: Resume, allowed: bool) -> list[ControlReply]:
        """RESUME."""
        numbers = self._numbers(request.channel, request.every)
        return self._each(Code.RESUME, numbers, ResumeResult, allowed, ChannelModel.resume)

    def resume_ex(self, request: ResumeEx, allowed: bool) -> list[ControlReply]:
        """RESUME_EX: of each entry, the step counts."""
        steps = {entry.channel: entry.step for entry in request.entries}
        return self._each(
            Code.RESUME_EX, tuple(steps), ResumeResult, allowed,
            lambda channel: channel.resume(steps[channel.index]),
        )  # fmt: skip

    def stop(self, request: Stop, allowed: bool) -> list[ControlReply]:
        """STOP."""
        numbers = self._numbers(request.channel, request.every)
        return self._each(Code.STOP, numbers, StopResult, allowed, ChannelModel.stop)

    def jump(self, request: Jump, allowed: bool) -> list[ControlReply]:
        """JUMP; a channel that does not exist is one that does not run (arbin-protocol.md 6.1)."""

        def do(channel: ChannelModel) -> None:
            channel.jump(request.step)

        numbers = (request.channel,)
        return self._each(
            Code.JUMP, numbers, JumpResult, allowed, do, missing=JumpResult.NOT_RUNNING
        )

    # -- variables

    def set_variable(self, request: SetVariable, allowed: bool) -> list[ControlReply]:
        """SET_MV."""
        channel = self._cycler.channel(request.channel)
        code = REPLY_TO[Code.SET_VARIABLE]
        try:
            if not allowed or channel is None or request.variable_type != _USER_VARIABLE:
                raise Refusal(VariableResult.FAILED)
            if request.value_type != _F32:
                raise Refusal(VariableResult.DATA_TYPE)
            if not math.isfinite(request.value):
                raise Refusal(VariableResult.FAILED)
            channel.set_variable(_NUMBER_OF.get(request.meta), request.value)
        except Refusal as refusal:
            return [_reply(code, request.channel, refusal.result)]
        return [_reply(code, request.channel)]

    def update_variables(self, request: UpdateVariables, allowed: bool) -> list[ControlReply]:
        """UPDATE_MV: all entries or none; the reply names the first channel, or the bad one."""
        code = REPLY_TO[Code.UPDATE_VARIABLES]
        first = request.updates[0].channel if request.updates else WHOLE_REQUEST
        now = self._cycler.now
        too_fast = now - self._cycler.last_batch < FASTEST_BATCH
        self._cycler.last_batch = now
        if too_fast:
            return [ControlReply(code, first, VariableResult.TOO_FAST)]
        chosen = {one.index: one for one in self._cycler.chosen(u.channel for u in request.updates)}
        for update in request.updates:
            channel = chosen.get(update.channel)
            try:
                if not allowed or channel is None or not math.isfinite(update.value):
                    raise Refusal(VariableResult.FAILED)
                channel.check_variable(_NUMBER_OF.get(update.meta))
            except Refusal as refusal:
                return [ControlReply(code, update.channel, refusal.result)]
        for update in request.updates:
            chosen[update.channel].set_variable(_NUMBER_OF[update.meta], update.value)
        return [ControlReply(code, first)]

    # -- what they share

    def _numbers(self, channel: int, every: bool) -> tuple[int, ...]:
        """Those of a command: with `every`, whatever the index says (arbin-protocol.md 10)."""
        return tuple(range(len(self._cycler.channels))) if every else (channel,)

    def _several(
        self,
        code: Code,
        numbers: tuple[int, ...],
        results: type[StartResult | ContinueResult],
        allowed: bool,
        do: Callable[[ChannelModel], None],
    ) -> list[ControlReply]:
        """A command that names a number of channels, perhaps none."""
        if not numbers:
            nothing = StartResult.NO_CHANNEL_SELECTED
            return [ControlReply(REPLY_TO[code], WHOLE_REQUEST, nothing)]
        replies = self._each(code, numbers, results, allowed, do)
        if self._cycler.behaviour.whole_index and not any(reply.result for reply in replies):
            return [ControlReply(REPLY_TO[code], WHOLE_REQUEST)]
        return replies

    def _each(
        self,
        code: Code,
        numbers: Iterable[int],
        results: type[AssignResult | StartResult | ContinueResult | ResumeResult | StopResult]
        | type[JumpResult],
        allowed: bool,
        do: Callable[[ChannelModel], None],
        missing: Result | None = None,
    ) -> list[ControlReply]:
        """Do it to each channel and answer for each.

        A user without the right to control is answered as if somebody at the cycler had the window
        open; what a real one answers is not known (arbin-protocol.md, end).
        """
        replies: list[ControlReply] = []
        for number in numbers:
            channel = self._cycler.channel(number)
            result = 0
            try:
                if channel is None:
                    raise Refusal(missing or results(_NO_CHANNEL))
                if not allowed or self._cycler.dialog_open:
                    raise Refusal(results(_WINDOW_IN_USE))
                do(channel)
            except Refusal as refusal:
                result = refusal.result
            replies.append(_reply(REPLY_TO[code], number, result))
        return replies


def _reply(code: Code, channel: int, result: int = 0) -> ControlReply:
    """A reply; a channel that is none at all is answered as the request as a whole."""
    there_may_be = 0 <= channel <= _HIGHEST_CHANNEL
    return ControlReply(code, channel if there_may_be else WHOLE_REQUEST, result)
