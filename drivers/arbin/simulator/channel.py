"""One simulated channel: its status, the test on it, and what it says to each command.

Refusals follow the result codes of arbin-protocol.md 6; what is inferred is marked there.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

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
from ..words import Status
from .battery import Battery
from .run import Counters, Measured, Phase, TestRun
from .schedule import END, USER_VARIABLES, Control, Schedule

NOTHING = "N/A"
LOWEST_SAFE, HIGHEST_SAFE, HOTTEST_SAFE = 1.0, 4.6, 75.0
MOST_STEPS_FOR_JUMP = 200
TRANSITION_TIME = 1.0
"""Seconds between a start and its first step."""

_STEP = 1.0
_MOST_STEPS = 120
_STATUS = {
    Control.REST: Status.REST,
    Control.RESISTANCE: Status.INTERNAL_RESISTANCE,
    Control.IMPEDANCE: Status.AC_IMPEDANCE,
    Control.PAUSE: Status.PAUSE,
}


class Refusal(Exception):
    """A command that is answered with a result other than success."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.meaning)
        self.result = result


@dataclass(slots=True)
class Assignment:
    """A schedule file as it was when it was assigned; None if it is none of this simulator's."""

    name: str
    schedule: Schedule | None


@dataclass(slots=True)
class ChannelModel:
    """A channel with a cell on it.

    linked: its controller answers; without it the cycler shows zeros.
    downloading: seconds until the controller has the schedule that was assigned last.
    mits: the version that schedules must be of.
    """

    index: int
    battery: Battery = field(default_factory=Battery)
    temperatures: int = 1
    mits: int = 8
    linked: bool = True
    unsafe: bool = False
    downloading: float = 0.0
    calibrating: bool = False
    assignment: Assignment | None = None
    run: TestRun | None = None
    last: TestRun | None = None
    test_name: str = ""
    barcode: str = ""
    exit_condition: str = NOTHING
    measured: Measured = field(default_factory=Measured)
    variables: list[float] = field(default_factory=lambda: [0.0] * USER_VARIABLES)
    past_tests: list[str] = field(default_factory=list[str])
    dice: random.Random = field(default_factory=lambda: random.Random(0))
    _starting: float = 0.0
    _ended: Status = Status.IDLE

    def __post_init__(self) -> None:
        self.measured.voltage = self.battery.voltage_at(0.0)

    @property
    def running(self) -> bool:
        """Whether a test is under way, paused ones included."""
        return self.run is not None

    @property
    def paused(self) -> bool:
        """Whether the test waits to be continued."""
        return self.run is not None and self.run.phase is Phase.PAUSED

    @property
    def resumable(self) -> TestRun | None:
        """The test that was stopped before its end, if it was the last one."""
        if self.last is None or self.last.phase in (Phase.FINISHED, Phase.BROKEN):
            return None
        return self.last

    @property
    def status(self) -> Status:
        """What the cycler shows of it."""
        if self.unsafe:
            return Status.UNSAFE
        if self.run is None:
            return Status.CALIBRATION if self.calibrating else self._ended
        if self._starting > 0.0:
            return Status.TRANSITION
        if self.paused:
            return Status.PAUSE
        control = self.run.present.control
        if control in _STATUS:
            return _STATUS[control]
        return Status.CHARGE if self.measured.current >= 0.0 else Status.DISCHARGE

    @property
    def counters(self) -> Counters:
        """Times, charges and energies of the test under way, else of the last one."""
        shown = self.run or self.last
        return shown.counters if shown else Counters()

    @property
    def step_text(self) -> str:
        """Cycle, step, label and control as the record has them: `[1] 2: Step_B, Current(A)`."""
        shown = self.run or self.last
        if shown is None:
            return ""
        step = shown.present
        return f"[{shown.cycle}] {shown.step + 1}: {step.label}, {step.control}"

    # -- time

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        step = max(_STEP, seconds / _MOST_STEPS)
        while seconds > 0.0:
            self._advance(min(step, seconds))
            seconds -= step
        self.measured.voltage = self.battery.voltage_at(self.measured.current)
        self._watch_safety()

    def _advance(self, seconds: float) -> None:
        self.downloading = max(0.0, self.downloading - seconds)
        if self._starting > 0.0 or self.run is None:
            self._starting = max(0.0, self._starting - seconds)
            self.battery.advance(seconds, 0.0)
            return
        self.run.advance(seconds)
        if self.run.phase in (Phase.FINISHED, Phase.BROKEN):
            broken = self.run.phase is Phase.BROKEN
            self._end(Status.ERROR if broken else Status.FINISHED, self.run.exit_condition)

    def _watch_safety(self) -> None:
        voltage = self.measured.voltage
        if not LOWEST_SAFE <= voltage <= HIGHEST_SAFE:
            self.make_unsafe(f"Unsafe: voltage {voltage:.2f} V")
        elif self.battery.temperature > HOTTEST_SAFE:
            self.make_unsafe(f"Unsafe: temperature {self.battery.temperature:.1f} degC")

    def make_unsafe(self, reason: str = "Unsafe") -> None:
        """Latch the unsafe state; a test is stopped."""
        if not self.unsafe:
            self.unsafe = True
            self._end(Status.IDLE, reason)

    def clear_unsafe(self) -> None:
        """Let an operator at the cycler clear it; a cell that is out of limits is replaced."""
        if not (LOWEST_SAFE <= self.battery.voltage_at(0.0) <= HIGHEST_SAFE):
            self.battery.state, self.battery.slow_voltage = 0.4, 0.0
        self.battery.temperature = min(self.battery.temperature, self.battery.ambient + 20.0)
        self.unsafe = False

    def pause(self) -> None:
        """Let an operator at the cycler pause the test."""
        if self.run is not None:
            self.run.pause()

    def _end(self, status: Status, reason: str) -> None:
        if self.run is not None:
            self.last, self.run = self.run, None
            self.exit_condition = reason
            self._ended = status
        self.measured.current = 0.0
        self._starting = 0.0

    # -- commands

    def assign(self, assignment: Assignment, barcode: str, download: float) -> None:
        """ASSIGN_SCHEDULE, of a file that exists."""
        if self.running:
            raise Refusal(AssignResult.RUNNING)
        if self.downloading > 0.0:
            raise Refusal(AssignResult.DOWNLOADING)
        self.assignment, self.barcode = assignment, barcode
        self.downloading = download

    def start(self, test_name: str, step: int = 0) -> None:
        """START and START_EX."""
        schedule = self._startable(StartResult)
        if not test_name:
            raise Refusal(StartResult.TEST_NAME)
        if not 0 <= step < len(schedule.steps):
            raise Refusal(StartResult.STEP_NUMBER)
        self.measured.voltage = self.battery.voltage_at(0.0)
        self.test_name = test_name
        self.past_tests.append(test_name)
        run = TestRun(schedule, self.battery, self.measured, step, variables=list(self.variables))
        self._begin(run)

    def resume(self, step: int | None = None) -> None:
        """RESUME and RESUME_EX: go on with the test that ended last, at its step or another."""
        schedule = self._startable(ResumeResult)
        run = self.resumable
        if run is None or run.schedule is not schedule:
            raise Refusal(ResumeResult.TEST_NAME)
        if step is None:
            run.go_on()
        elif 0 <= step < len(schedule.steps):
            run.enter(step)
        else:
            raise Refusal(ResumeResult.STEP_NUMBER)
        self._begin(run)

    def _startable(self, results: type[StartResult | ResumeResult]) -> Schedule:
        """The schedule, if a test may be started or resumed now."""
        if self.running or self.unsafe:
            raise Refusal(results.RUNNING)
        if not self.linked:
            raise Refusal(results.NOT_CONNECTED)
        if self.assignment is None:
            raise Refusal(results.NO_SCHEDULE)
        schedule = self.assignment.schedule
        if schedule is None:
            raise Refusal(results.SCHEDULE_INVALID)
        if schedule.version != self.mits:
            raise Refusal(results.SCHEDULE_VERSION)
        if schedule.needs_temperature and not self.temperatures:
            raise Refusal(results.AUX_COUNT)
        if self.downloading > 0.0:
            raise Refusal(results.DOWNLOADING)
        if not LOWEST_SAFE <= self.battery.voltage_at(0.0) <= HIGHEST_SAFE:
            raise Refusal(results.SAFETY_CHECK)
        return schedule

    def _begin(self, run: TestRun) -> None:
        self.run, self.last = run, None
        self.measured.current = 0.0
        self.exit_condition = NOTHING
        self._starting = TRANSITION_TIME

    def stop(self) -> None:
        """STOP."""
        if not self.running:
            raise Refusal(StopResult.NOT_RUNNING)
        if not self.linked:
            raise Refusal(StopResult.NOT_CONNECTED)
        self._end(Status.IDLE, "Stopped by user")

    def go_on(self) -> None:
        """CONTINUE."""
        if self.unsafe:
            raise Refusal(ContinueResult.UNSAFE)
        if not self.linked:
            raise Refusal(ContinueResult.NOT_CONNECTED)
        if self.calibrating:
            raise Refusal(ContinueResult.CALIBRATING)
        if self.run is None:
            raise Refusal(ContinueResult.NOT_PAUSED)
        if not self.paused:
            raise Refusal(ContinueResult.RUNNING)
        self.run.go_on()

    def jump(self, step: int) -> None:
        """JUMP to a step from 0; beyond the last one the test stops."""
        if self.run is None:
            raise Refusal(JumpResult.NOT_RUNNING)
        if not self.linked:
            raise Refusal(JumpResult.NOT_CONNECTED)
        steps = len(self.run.schedule.steps)
        if steps > MOST_STEPS_FOR_JUMP:
            raise Refusal(JumpResult.TOO_MANY_STEPS)
        if 0 <= step < steps:
            self.run.enter(step)
            self._starting = 0.0
        else:
            self.run.enter(END)
        if self.run.phase in (Phase.FINISHED, Phase.BROKEN):
            self._end(Status.FINISHED, "Jump beyond the last step")

    def check_variable(self, number: int | None) -> None:
        """Whether user variable 1 to 16 could be set now."""
        if number is None or not 1 <= number <= USER_VARIABLES:
            raise Refusal(VariableResult.NO_META_CODE)
        if self.run is None:
            raise Refusal(VariableResult.NOT_RUNNING)

    def set_variable(self, number: int | None, value: float) -> None:
        """SET_MV, and each entry of UPDATE_MV."""
        self.check_variable(number)
        assert self.run is not None
        assert number is not None
        self.run.variables[number - 1] = value
