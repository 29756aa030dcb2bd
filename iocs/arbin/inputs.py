"""What is put to a channel: the inputs of its commands, the commands, and user variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from drivers.arbin.commands import SCHEDULE_UNITS, TEST_NAME_UNITS
from drivers.arbin.conversation import Done
from drivers.arbin.device import Cycler
from drivers.arbin.reader import unit_of
from drivers.arbin.reading import ChannelReading
from drivers.arbin.words import FAULTY, STOPPED, USER_VARIABLES
from iocs.ca.dbr import ConversionError, Native
from iocs.ca.stamp import Stamp
from iocs.device.declare import FAST, Family
from iocs.device.declared import Declared, Setting
from iocs.device.puts import PutGroup, check_limits
from iocs.record.alarm import COMM
from iocs.record.point import Point
from iocs.record.spec import PointSpec, Presence

NO_TEST = STOPPED | FAULTY


class ChannelGroup(PutGroup, Protocol):
    """The PVs of a channel, as its inputs see them."""

    prefix: str
    target: Inputs


def utf8_size(units: int) -> int:
    """Elements of a PV that holds every text of so many UTF-16 code units, with its NUL."""
    return 3 * units + 1


@dataclass(slots=True)
class Inputs:
    """One channel as its commands see it: what was put for them, and the cycler they go to."""

    cycler: Cycler
    index: int
    test_name: str = ""
    schedule: str = ""
    step: int = 1

    async def assign(self) -> None:
        """Assign the schedule that was put to ScheduleSet."""
        if not self.schedule:
            raise self._missing("assign", "ScheduleSet")
        await self.cycler.assign(self.index, self.schedule)

    async def start(self) -> Done:
        """Start the assigned schedule under the name that was put to TestNameSet."""
        if not self.test_name:
            raise self._missing("start", "TestNameSet")
        return await self.cycler.start((self.index,), self.test_name)

    async def stop(self) -> Done:
        """Stop this channel, and no other."""
        return await self.cycler.stop(self.index)

    async def resume(self) -> Done:
        """Go on after a pause or a stop."""
        return await self.cycler.resume(self.index)

    async def jump(self) -> None:
        """Go to the step that was put to JumpStepSet, counted from 1 as in StepId."""
        await self.cycler.jump(self.index, self.step)

    def _missing(self, asked: str, name: str) -> Exception:
        return self.cycler.blocked(unit_of(self.index), asked, f"{name} is empty: put it first")


def text_input(name: str, doc: str, units: int, attribute: str) -> Setting:
    """A text that a command uses: kept in the IOC, empty when it starts."""

    def apply(group: ChannelGroup, value: str) -> None:
        if len(value.encode("utf-16-le")) > 2 * units:
            raise ConversionError(f"{group.prefix}{name}: at most {units} characters fit")
        if not value.isprintable():
            raise ConversionError(f"{group.prefix}{name}: {value!r} has unprintable characters")
        setattr(group.target, attribute, value)

    spec = PointSpec(
        name=name, record="waveform", desc=doc, native=Native.CHAR, count=utf8_size(units),
        text=True, writable=True,
    )  # fmt: skip
    return Setting(spec, "", apply)


def schedule_input() -> Setting:
    """Which schedule Assign assigns."""
    return text_input("ScheduleSet", "Schedule that Assign assigns", SCHEDULE_UNITS, "schedule")


def test_name_input() -> Setting:
    """Under which name Start starts."""
    doc = "Name of the test that Start starts"
    return text_input("TestNameSet", doc, TEST_NAME_UNITS, "test_name")


def step_input() -> Setting:
    """Where Jump goes."""

    def apply(group: ChannelGroup, value: int) -> None:
        group.target.step = value

    spec = PointSpec(
        name="JumpStepSet", record="longout", desc="Step that Jump goes to, from 1",
        native=Native.LONG, writable=True, control=(1, 1_000_000),
    )  # fmt: skip
    return Setting(spec, 1, apply)


class UserVariable(Declared):
    """A user variable of the running test, as a set point.

    The cycler does not report it: it shows the value that was accepted last in this test, and is
    not available while there is none.
    """

    def __init__(self, number: int) -> None:
        spec = PointSpec(
            name=f"MV:UD{number:02d}", record="ao", desc=f"User variable {number} of the test",
            native=Native.DOUBLE, precision=6, presence=Presence.AT_TIMES, writable=True,
            archive=FAST,
        )  # fmt: skip
        super().__init__(spec)
        self.number = number

    def bind(self, point: Point, group: Any) -> None:
        group.variables.add(point, self.number)


def user_variables() -> Family:
    """All user variables of a channel."""
    numbers = range(1, USER_VARIABLES + 1)
    return Family({f"ud{number:02d}": UserVariable(number) for number in numbers})


class Variables:
    """Carries out the puts to the user variables of a channel, and knows when to forget them.

    They belong to one test: what was set is not known any more once the test has ended, another
    one has begun, or the channel was out of sight.
    """

    def __init__(self, group: ChannelGroup) -> None:
        self._group = group
        self._points: list[Point] = []
        self._lost = True
        self._known = False
        self._test = ""
        self._time = 0.0

    def add(self, point: Point, number: int) -> None:
        """Take puts of one variable."""
        self._points.append(point)

        async def put(target: Point, value: float) -> None:
            await self._put(target, number, value)

        point.putter = put

    def follow(self, reading: ChannelReading | None, stamp: Stamp) -> None:
        """Forget the values if this is another test, none, or nothing at all."""
        if reading is None:
            self._lost, self._known, self._test = True, False, ""
            for point in self._points:
                point.fail(COMM, stamp)
            return
        test = "" if reading.status in NO_TEST else reading.texts.test_name
        other = test != self._test or reading.test_time < self._time
        if self._lost or (self._known and self._test and other):
            self._lost = self._known = False
            for point in self._points:
                point.post(None, stamp)
        self._test, self._time = test, reading.test_time

    async def _put(self, point: Point, number: int, value: float) -> None:
        check_limits(point, value)
        group = self._group
        target = group.target
        try:
            async with group.put_queue.turn(point.pvname, urgent=False):
                await target.cycler.set_variable(target.index, number, value)
        except Exception as error:
            group.put_failed(point.pvname, error)
            raise
        self._known = True
        point.take(value, Stamp.now())
