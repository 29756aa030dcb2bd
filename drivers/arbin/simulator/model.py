"""The simulated cycler: channels, users, files, and a view of all channels every few seconds.

As on the real one, channel data is a snapshot that is taken every 3 s; reading faster gives the
same bytes again (arbin-protocol.md 7).
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..reading import ChannelReading
from ..records import encode_records
from ..words import RUNNING, Extra, Generation, Selection, Status, UserType
from .battery import Battery
from .channel import Assignment, ChannelModel
from .files import SCHEDULE_FOLDER, FileStore
from .records import Wiring, reading_of, with_extra
from .schedule import BadSchedule, parse_schedule

REFRESH = 3.0
SERIAL = 190_001
OTHER_VERSION = "Other version.sdx"
SCHEDULES = {
    "CC-CV cycle.sdx": """\
Step_A; Rest; ; step_time >= 10
Step_B; Current(A); 2.5; voltage >= 4.2
Step_C; Voltage(V); 4.2; current <= 0.25; step_time >= 7200
Step_D; Rest; ; step_time >= 60
Step_E; Internal Resistance;
Step_F; Current(A); -2.5; voltage <= 2.9
Step_G; Set Variable(s); ; cycle <= 50 -> Step_A
""",
    "Formation.sdx": """\
Step_A; Rest; ; step_time >= 30
Step_B; Current(A); 0.5; voltage >= 3.9; step_time >= 3600
Step_C; ACI;
Step_D; Current(A); 1; voltage >= 4.2
Step_E; Current(A); -1; voltage <= 3
""",
    "Follow UD1.sdx": """\
Step_A; Rest; ; step_time >= 2
Step_B; Current(A); MV_UD1; voltage >= 4.2; voltage <= 2.8
""",
    "Rest.sdx": "Step_A; Rest; ; step_time >= 86400\n",
    "Watch temperature.sdx": "Step_A; Current(A); 5; voltage >= 4.2; temperature >= 40 -> end\n",
    "Pause.sdx": """\
Step_A; Rest; ; step_time >= 2
Step_B; Pause;
Step_C; Current(A); 1; voltage >= 4.2
""",
    "Damaged.sdx": "\x01\x02\x03",
}


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in."""

    name: str
    password: str = field(repr=False)
    may_control: bool = True
    kind: UserType = UserType.NORMAL


USERS = (
    User("operator", "operator"),
    User("super", "super", kind=UserType.SUPER),
    User("monitor", "monitor", may_control=False),
)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a simulated cycler is set up.

    channels: how many. wiring: aux, BMS and SMB values of each channel. users: who may log in.
    most_users: how many at a time. generation: of its software. refresh: seconds between two views
    of the channels. speed: how much faster simulated time runs. download: simulated seconds for
    which a controller loads a schedule. one_by_one: all channels are answered in a reply each.
    whole_index: START and CONTINUE succeed with channel -1, as one document says.
    """

    channels: int = 16
    wiring: Wiring = field(default_factory=Wiring)
    users: tuple[User, ...] = USERS
    most_users: int = 58
    generation: int = Generation.MITS_8
    refresh: float = REFRESH
    speed: float = 1.0
    download: float = 0.0
    one_by_one: bool = False
    whole_index: bool = False

    @property
    def mits(self) -> int:
        """The version that schedules must be of."""
        return 7 if self.generation == Generation.MITS_7 else 8


class CyclerModel:
    """A cycler; `clock` gives seconds."""

    def __init__(
        self, behaviour: Behaviour | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.files = FileStore(self._in_use)
        self.dialog_open = False
        self.calibration_window = False
        self.messages: deque[str] = deque(maxlen=100)
        self.channels = [self._channel(number) for number in range(self.behaviour.channels)]
        self._clock = clock
        self._born = clock()
        self._known_at = [0.0] * self.behaviour.channels
        self._tick = -1
        self._view: list[ChannelReading] = []
        self._encoded: dict[tuple[Selection, Extra], tuple[bytes, ...]] = {}
        self.last_batch = float("-inf")
        self._store_schedules()

    def _store_schedules(self) -> None:
        mits = self.behaviour.mits
        texts = {name: f"version = {mits}\n{text}" for name, text in SCHEDULES.items()}
        texts[OTHER_VERSION] = f"version = {15 - mits}\n{SCHEDULES['Rest.sdx']}"
        for name, text in texts.items():
            self.files.write(f"{SCHEDULE_FOLDER}\\{name}", text.encode("ascii"))

    def _channel(self, number: int) -> ChannelModel:
        dice = random.Random(number)
        battery = Battery(
            capacity=dice.uniform(4.8, 5.1),
            state=dice.uniform(0.2, 0.8),
            resistance=dice.uniform(0.016, 0.021),
        )
        temperatures = self.behaviour.wiring.temperatures
        return ChannelModel(number, battery, temperatures, self.behaviour.mits, dice=dice)

    def _in_use(self, schedule: str) -> bool:
        name = schedule.casefold()
        running = (one.assignment for one in self.channels if one.running)
        return any(used is not None and used.name.casefold() == name for used in running)

    # -- time

    @property
    def now(self) -> float:
        """Seconds since it was switched on."""
        return self._clock() - self._born

    def channel(self, number: int) -> ChannelModel | None:
        """A channel as it is now, None if there is none."""
        if not 0 <= number < len(self.channels):
            return None
        self._look()
        self._advance(number, self.now)
        return self.channels[number]

    def view(self) -> list[ChannelReading]:
        """All channels as they were at the last refresh."""
        self._look()
        return self._view

    def payloads(self, selection: Selection, extra: Extra) -> tuple[bytes, ...]:
        """The replies to a request for all channels that match; encoded once for each view."""
        view = self.view()
        found = self._encoded.get((selection, extra))
        if found is None:
            chosen = [with_extra(one, extra) for one in view if _matches(one, selection)]
            groups = [[one] for one in chosen] if self.behaviour.one_by_one else [chosen]
            found = tuple(encode_records(group) for group in groups)
            self._encoded[selection, extra] = found
        return found

    def _look(self) -> None:
        """Take a new view if it is time for one."""
        refresh, now = self.behaviour.refresh, self.now
        tick = int(now / refresh) if refresh > 0.0 else self._tick + 1
        if tick == self._tick:
            return
        moment = tick * refresh if refresh > 0.0 else now
        for number in range(len(self.channels)):
            self._advance(number, moment)
        before = self._view or [None] * len(self.channels)
        elapsed = (tick - self._tick) * refresh * self.behaviour.speed
        self._view = [
            reading_of(channel, self.behaviour.wiring, old, elapsed)
            for channel, old in zip(self.channels, before, strict=True)
        ]
        self._encoded.clear()
        self._tick = tick

    def _advance(self, number: int, moment: float) -> None:
        elapsed = moment - self._known_at[number]
        if elapsed > 0.0:
            self.channels[number].advance(elapsed * self.behaviour.speed)
            self._known_at[number] = moment

    # -- what several commands need

    def assignment(self, schedule: str) -> Assignment | None:
        """A schedule file, read; None if there is no such file."""
        content = self.files.schedule(schedule)
        if content is None:
            return None
        try:
            return Assignment(schedule, parse_schedule(content))
        except BadSchedule:
            return Assignment(schedule, None)

    def start_some(self) -> None:
        """Begin with every other channel under test."""
        assignment = self.assignment("CC-CV cycle.sdx")
        assert assignment is not None
        for channel in self.channels[::2]:
            channel.assign(assignment, "", 0.0)
            channel.start(f"Cell {channel.index + 1:03d}")

    def chosen(self, numbers: Iterable[int]) -> list[ChannelModel]:
        """Channels as they are now, those that exist."""
        found = (self.channel(number) for number in numbers)
        return [channel for channel in found if channel is not None]


def _matches(one: ChannelReading, selection: Selection) -> bool:
    if selection is Selection.RUNNING:
        return one.status in RUNNING
    return selection is Selection.ALL or one.status == Status.UNSAFE
