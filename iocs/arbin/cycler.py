"""One IOC: a cycler with its login, its schedules, its channels, and arrays over all of them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from drivers.arbin.device import Cycler
from drivers.arbin.login import LoginReply
from drivers.arbin.settings import CyclerSettings
from drivers.arbin.sweep import Sweep
from drivers.arbin.words import UserType, generation_text
from iocs.core.alarm import COMM, Severity
from iocs.core.dbr import Native
from iocs.core.declare import NO_YES, SLOW, array, integer, text, text_spec
from iocs.core.declared import Internal
from iocs.core.group import DeviceGroup, Group, PartGroup
from iocs.core.instrument import Demo, Instrument
from iocs.core.scan import Block, Scan
from iocs.core.spec import PointSpec
from iocs.core.stamp import Stamp

from .channel import ChannelPVs, Feeds, share, whole
from .extras import Extras

SCHEDULE_LIST_SIZE = 16_000  # an update must fit the 16384 bytes that Java clients take by default
REFUSAL_SIZE = 120
LOGIN_RESULTS = ("None", "Logged in", "Refused", "Already logged in", "Unknown")


async def read_schedules(cycler: Cycler) -> tuple[str, ...]:
    """The names of the schedules that may be assigned."""
    return await cycler.files.list_schedules()


def listed(names: Sequence[str]) -> str:
    """Names, one a line: as many whole ones as there is room for."""
    lines = "\n".join(names)
    if len(lines.encode()) < SCHEDULE_LIST_SIZE:
        return lines
    room = lines.encode()[: SCHEDULE_LIST_SIZE - 1].decode(errors="ignore")
    return room.rpartition("\n")[0]


class CyclerIOC(DeviceGroup[Cycler]):
    """Arbin battery cycler."""

    sweep = Scan(1.0, Cycler.read_sweep)
    schedules = Scan(60.0, read_schedules, vital=False)

    login_result = Internal(
        PointSpec(
            name="LoginResult", record="mbbi", desc="Answer to the last login", native=Native.ENUM,
            states=LOGIN_RESULTS, archive=SLOW,
            severities=(
                Severity.NO_ALARM, Severity.NO_ALARM, Severity.MAJOR, Severity.NO_ALARM,
                Severity.MAJOR,
            ),
        )
    )  # fmt: skip
    allow_control = Internal(
        PointSpec(
            name="AllowControl", record="bi", desc="Commands are passed on to the cycler",
            native=Native.ENUM, states=NO_YES, archive=SLOW,
        )
    )  # fmt: skip
    control_refusal = Internal(
        text_spec("ControlRefusal", "Why commands are not passed on", REFUSAL_SIZE)
    )
    user_type = Internal(
        PointSpec(
            name="UserType", record="mbbi", desc="Kind of the user who is logged in",
            native=Native.ENUM, states=("Normal", "Super", "Unknown"), archive=SLOW,
        )
    )  # fmt: skip
    serial_number = Internal(text_spec("SerialNumber", "Serial number of the cycler", 17))
    generation = Internal(text_spec("ServerGeneration", "Software of the cycler", 39))

    channels_total = integer(
        sweep, "ChannelsTotal", lambda s: len(s.channels), doc="Channels of the cycler",
        archive=SLOW,
    )  # fmt: skip
    channels_running = integer(
        sweep, "ChannelsRunning", lambda s: s.running, doc="Channels that run a test"
    )
    channels_paused = integer(
        sweep, "ChannelsPaused", lambda s: s.paused, doc="Channels whose test is paused"
    )
    channels_unsafe = integer(
        sweep, "ChannelsUnsafe", lambda s: s.unsafe, doc="Channels that are unsafe", hihi=1
    )
    channels_failed = integer(
        sweep, "ChannelsCommFailure", lambda s: sum(c.comm_failure for c in s.channels if c),
        doc="Channels without controller", hihi=1,
    )  # fmt: skip

    schedule_list = text(
        schedules, "ScheduleList", listed, size=SCHEDULE_LIST_SIZE,
        doc="Schedules, one a line",
    )  # fmt: skip
    schedule_count = integer(
        schedules, "ScheduleCount", len, doc="Schedules on the cycler", archive=SLOW
    )

    def build(self) -> None:
        """Add the channels: at once, or when the cycler has told what there is."""
        self._login: LoginReply | None = None
        self._channels: list[ChannelPVs] = []
        settings = self.device.settings
        extras = Extras.configured(settings)
        self._complete = settings.channels is not None and extras is not None
        self.may_grow = not self._complete
        self.feed(CyclerIOC.sweep).followers += [self._grow, self._show_login]
        if settings.channels is not None:
            for part, feeds in self._make_parts([extras or Extras()] * settings.channels):
                self.add_part(part, feeds)

    def _make_parts(self, extras: Sequence[Extras]) -> Iterator[tuple[Group, Feeds]]:
        """The arrays, and a part for each channel, of which `extras` says what else it has."""
        arrays = arrays_of(len(extras))
        yield (
            arrays(self.prefix, None, parent=self),
            {ArrayPVs.sweep: (CyclerIOC.sweep, whole)},
        )
        for index, one in enumerate(extras):
            prefix = f"{self.prefix}CH{index + 1:03d}:"
            channel = ChannelPVs(prefix, self.device, index, parent=self)
            channel.add_extras(one)
            self._channels.append(channel)
            yield channel, {ChannelPVs.channel: (CyclerIOC.sweep, share(index))}

    def _grow(self, sweep: Sweep | None, stamp: Stamp) -> None:
        """With the first sweep: add what only the cycler could tell."""
        del stamp
        if sweep is None or self._complete or not sweep.channels:
            return
        self._complete = True
        extras = Extras.reported(self.device.settings, sweep.channels)
        if self._channels:
            for channel, one in zip(self._channels, extras, strict=True):
                channel.grow_extras(one)
        else:
            for part, feeds in self._make_parts(extras):
                self.grow(part, feeds)
        self.log.info("%d channels: all of their PVs are served now", len(self._channels))

    def _show_login(self, sweep: Sweep | None, stamp: Stamp) -> None:
        """Show what the last login gave, also when it was refused."""
        login, device = self.device.login, self.device
        refusal = device.control_refusal
        known = sweep is not None
        self.allow_control.post(int(known and not refusal), stamp, None if known else COMM)
        self.control_refusal.post(refusal, stamp, None if known else COMM)
        if login is None or login is self._login:
            return
        self._login = login
        result = login.result if 0 < login.result < len(LOGIN_RESULTS) else len(LOGIN_RESULTS) - 1
        self.login_result.post(result, stamp)
        self.user_type.post(login.user_type if login.user_type in list(UserType) else 2, stamp)
        self.serial_number.post(login.serial, stamp)
        self.generation.post(generation_text(login.generation), stamp)


class ArrayPVs(PartGroup[None]):
    """Arrays over all channels; `arrays_of` makes the class for a number of them."""

    sweep = Block[Sweep]()


@functools.cache
def arrays_of(count: int) -> type[ArrayPVs]:
    """The arrays of a cycler with `count` channels, always that long."""

    def first(values: NDArray[Any]) -> Any:
        return values[:count] if count > 1 else values[0]

    class Arrays(ArrayPVs):
        voltages = array(
            ArrayPVs.sweep, "VoltageAll", lambda s: first(s.voltages), count=count, units="V",
            precision=5, doc="Voltages of all channels",
        )  # fmt: skip
        currents = array(
            ArrayPVs.sweep, "CurrentAll", lambda s: first(s.currents), count=count, units="A",
            precision=6, doc="Currents of all channels",
        )  # fmt: skip
        temperatures = array(
            ArrayPVs.sweep, "TemperatureAll", lambda s: first(s.temperatures), count=count,
            units="degC", precision=2, doc="First aux temperature of all channels",
        )  # fmt: skip
        statuses = array(
            ArrayPVs.sweep, "StatusAll", lambda s: first(s.statuses), count=count,
            native=Native.LONG, doc="Status codes of all channels, -1 unknown",
        )  # fmt: skip

    return Arrays


INSTRUMENT = Instrument(
    name="arbin",
    title="Arbin battery cycler",
    settings=CyclerSettings,
    open=Cycler,
    group=CyclerIOC,
    simulator="drivers.arbin.simulator",
    default_prefix="CYC:",
    example_link="tcp://192.168.1.60:9031",
    demo=Demo(
        prefix="DEMO:CYC:",
        show=(
            "LoginResult",
            "ChannelsRunning",
            "CH001:Status",
            "CH001:StepCycle",
            "CH001:Voltage",
            "CH001:Current",
            "CH001:ChargeCapacity",
            "CH001:Aux:Temperature01",
        ),
        fresh="CH001:Voltage",
        simulator=("--channels", "8", "--running", "--speed", "20"),
        settings=(
            ("channels", 8),
            ("allow_control", True),
            ("aux_counts", {"voltage": 1, "temperature": 1}),
        ),
        environment=(
            ("LABIOC_ARBIN_USER", "operator"),
            ("LABIOC_ARBIN_PASSWORD", "operator"),
        ),
    ),
)
