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
from iocs.ca.dbr import Native
from iocs.ca.stamp import Stamp
from iocs.device.declare import SLOW, array, binary, integer, state, text
from iocs.device.group import DeviceGroup, Group, PartGroup
from iocs.device.instrument import Demo, Instrument
from iocs.device.scan import Block, Scan
from iocs.record.alarm import Severity

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


def _login_result(result: int) -> int:
    """The place of a result among `LOGIN_RESULTS`."""
    return result if 0 < result < len(LOGIN_RESULTS) else len(LOGIN_RESULTS) - 1


def _user_type(code: int) -> int:
    """The place of a user type among the states of UserType."""
    return code if code in list(UserType) else len(UserType)


class CyclerIOC(DeviceGroup[Cycler]):
    """Arbin battery cycler."""

    sweep = Scan(1.0, Cycler.read_sweep)
    schedules = Scan(60.0, read_schedules, vital=False)

    session = Block[LoginReply]()
    control = Block[str]()

    login_result = state(
        session, "LoginResult", lambda login: _login_result(login.result), states=LOGIN_RESULTS,
        severities={2: Severity.MAJOR, 4: Severity.MAJOR}, doc="Login at the cycler",
        guidance="The cycler does not let this IOC in, and nothing is read. Check user and password"
        " of the IOC, and the user's rights at the cycler.",
        archive=SLOW,
    )  # fmt: skip
    allow_control = binary(
        control, "AllowControl", lambda refusal: not refusal, archive=SLOW,
        doc="Commands are passed on to the cycler",
    )  # fmt: skip
    control_refusal = text(
        control, "ControlRefusal", lambda refusal: refusal, size=REFUSAL_SIZE,
        doc="Why commands are not passed on",
    )  # fmt: skip
    user_type = state(
        session, "UserType", lambda login: _user_type(login.user_type), archive=SLOW,
        states=("Normal", "Super", "Unknown"), doc="Kind of the user who is logged in",
    )  # fmt: skip
    serial_number = text(
        session, "SerialNumber", lambda login: login.serial, size=17,
        doc="Serial number of the cycler",
    )  # fmt: skip
    generation = text(
        session, "ServerGeneration", lambda login: generation_text(login.generation),
        doc="Software of the cycler",
    )  # fmt: skip

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
        sweep, "ChannelsUnsafe", lambda s: s.unsafe, doc="Unsafe channels", hihi=1,
        guidance="The cycler finds channels unsafe. Keep clear of cells that are hot, swollen or"
        " smoke; stop the channels in state Fault. Look there at Why the test ended; then clear"
        " them at the console.",
    )  # fmt: skip
    channels_failed = integer(
        sweep, "ChannelsCommFailure", lambda s: s.failed,
        doc="Channels without controller", hihi=1,
        guidance="The cycler has lost controllers of channels, whose values are INVALID. Find those"
        " with No link to channel's controller; check the controllers at the cycler.",
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
        self._channels: list[ChannelPVs] = []
        settings = self.device.settings
        extras = Extras.configured(settings)
        self._complete = settings.channels is not None and extras is not None
        self.may_grow = not self._complete
        self.feed(CyclerIOC.sweep).followers.append(self._grow)
        self.derive(CyclerIOC.session, [(self, CyclerIOC.sweep)], self._session)
        self.derive(CyclerIOC.control, [(self, CyclerIOC.sweep)], self._control)
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

    def _session(self, latest: Sequence[Sweep | None]) -> LoginReply | None:
        """The login that holds: that of the sweep, or one that was refused and is not tried yet."""
        return self.device.refused_login if latest[0] is None else self.device.login

    def _control(self, latest: Sequence[Sweep | None]) -> str | None:
        """Why no command goes out, empty if they do."""
        return None if latest[0] is None else self.device.control_refusal


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
