"""Every PV of every instrument: INVALID while what it speaks of is away, and back by itself.

Contract, claims 17 and 18. Which PVs are meant is what their declarations say: those that show
what the device holds or does, and those of the IOC's own, which stay good.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from iocs import registry
from iocs.app.options import parse
from iocs.device.declared import Declared, Internal
from iocs.device.group import DeviceGroup, Group
from iocs.device.health_pvs import HealthPVs
from iocs.device.instrument import Instrument
from iocs.device.summary import LISTED
from iocs.record.alarm import Severity
from iocs.record.point import Point
from tests.support.process import PythonProcess
from tests.support.wire.until import until

LONGEST_PERIOD = 1.0


def declared(group: Group) -> Iterator[tuple[Declared, Point]]:
    """Every PV of a group and its parts, with its declaration."""
    for attribute in group.attr_pvdb:
        yield getattr(type(group), attribute), group.point(attribute)
    for part in group.parts:
        yield from declared(part)


@dataclass
class Bench:
    """An IOC on the simulator of its instrument, which is a process of its own."""

    instrument: Instrument[Any, Any]
    group: DeviceGroup[Any]
    link: str
    arguments: tuple[str, ...]

    def simulator(self) -> PythonProcess:
        """The simulator, to be started on the link of the IOC."""
        return PythonProcess(self.instrument.simulator, "--link", self.link, *self.arguments)

    def names(self, *, at_device: bool) -> set[str]:
        """The PVs that show what the device has, or those of the IOC's own."""
        found = declared(self.group)
        return {self._name(point) for each, point in found if each.at_device is at_device}

    @property
    def invalid(self) -> set[str]:
        """The PVs that are INVALID now, but for the one that repeats the worst alarm of them."""
        points = self.group.points()
        found = {self._name(point) for point in points if point.severity == Severity.INVALID}
        return found - {HealthPVs.worst_alarm.spec.name}

    def value(self, name: str) -> Any:
        """The value of a PV."""
        point = self.group.pvdb[self.group.prefix + name]
        assert isinstance(point, Point)
        return point.value

    async def invalid_are(self, names: set[str]) -> None:
        """Wait until these PVs are INVALID, and no others."""
        try:
            await until(lambda: self.invalid == names)
        except AssertionError:
            still, too = sorted(names - self.invalid), sorted(self.invalid - names)
            raise AssertionError(f"good: {still[:20]}; INVALID: {too[:20]}") from None

    @property
    def alarms(self) -> list[str]:
        """The alarms that the IOC lists, without their time."""
        points = (self.group.point(f"alarm_list_{n:02d}") for n in range(1, LISTED + 1))
        return sorted(point.value[20:] for point in points if point.value)

    async def tells_of(self, *words: str) -> None:
        """Wait until these, as regular expressions, are all that the IOC tells of itself."""
        group = self.group
        patterns = [f"MAJOR {each}" for each in sorted(words)]

        def told() -> bool:
            lines = self.alarms
            return (
                len(lines) == len(patterns) == group.alarm_count.value
                and all(map(re.fullmatch, patterns, lines))
                and any(re.fullmatch(each, group.worst_alarm_text.value) for each in words)
            )

        try:
            await until(told)
        except AssertionError:
            found = group.worst_alarm_text.value, group.alarm_count.value, self.alarms
            raise AssertionError(f"{found} instead of {words}") from None

    def _name(self, point: Point) -> str:
        return point.pvname.removeprefix(self.group.prefix)


@asynccontextmanager
async def bench(
    name: str, port: int, simulator: tuple[str, ...] = (), settings: dict[str, Any] | None = None
) -> AsyncIterator[Bench]:
    """The IOC of an instrument as in the demo, reading often, on a port that nobody serves yet."""
    instrument = registry.load(name)
    demo = instrument.demo
    link = demo.link.replace(":0", f":{port}")
    if name == "iseg":  # a pseudo-terminal has another name each time
        link = f"socketcand://127.0.0.1:{port}"
    own = link.replace("socketcand://", "can://socketcand/") + "/can0"
    told = {"link": own if name == "iseg" else link, **dict(demo.settings), **(settings or {})}
    group = instrument.group("T:", instrument.open(parse(instrument.settings, told)))
    for poller in group.all_pollers:
        poller.set_period(min(poller.period, LONGEST_PERIOD))
    group.start()
    try:
        yield Bench(instrument, group, link, (*demo.simulator, *simulator))
    finally:
        await group.stop()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the demo."""
    for name in registry.MODULES:
        for key, value in registry.load(name).demo.environment:
            monkeypatch.setenv(key, value)


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("name", registry.MODULES)
async def test_every_pv_goes_with_its_device_and_comes_back(name: str, free_port: int) -> None:
    async with bench(name, free_port) as one:
        of_device = one.names(at_device=True)
        assert of_device <= one.invalid
        async with one.simulator() as device:
            await one.invalid_are(set())
            check_what_is_the_iocs_own(one.group)
            await device.stop(signal.SIGKILL)
        await one.invalid_are(of_device)
        await one.tells_of("No connection to the instrument: .*")
        async with one.simulator() as device:
            await one.invalid_are(set())
            os.kill(device.pid, signal.SIGSTOP)  # it hangs, and so does its link
            await one.invalid_are(of_device)
            os.kill(device.pid, signal.SIGCONT)
            await one.invalid_are(set())


def check_what_is_the_iocs_own(group: Group) -> None:
    """An instrument has no PVs of the IOC's own but those that all have: what it posts is read."""
    members = [each for base in HealthPVs.__mro__ for each in vars(base).values()]
    health = {each.name for each in members if isinstance(each, Declared)}
    own = {each.name for each, _ in declared(group) if isinstance(each, Internal)}
    assert {name for name in own - health if not name.startswith("Scan:")} <= {"Connected"}


@dataclass(frozen=True)
class Part:
    """A part of a device that can be lost alone: how, what speaks of it, what includes it.

    ``told`` are the alarms that the IOC has then.
    """

    instrument: str
    lose: str
    find: str
    lost: str
    told: tuple[str, ...]
    totals: str = ""
    simulator: tuple[str, ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()


_MODULES = [{"name": f"M{n:02d}", "address": n, "channels": 4} for n in range(2)]
PARTS = (
    Part(
        "iseg",
        "silence M1 on",
        "silence M1 off",
        r"M01:.*",
        ("M01 No connection",),
        "ChannelsOn|ChannelsTripped|MaxVoltage",
        simulator=("--modules", "2", "--channels", "4"),
        settings=(("modules", _MODULES),),
    ),
    Part("cvm96", "kill 2", "revive 2", r"Solar:.*", ("Solar No connection",)),
    Part(
        "xcom",
        "device XT2 dead",
        "device XT2 ok",
        r"XT2:.*",
        ("Gateway .*: Error", "XT2 No connection"),  # it sends a message, too
        # commands to all that are there can still be given
        r"Site:Ac\w+|XTs:(?!(ForceNewCycle|ForceFloat|Off|On|ResetAll)$).*",
        settings=(("group_writes", [100]),),
    ),
    Part(
        "arbin",
        "unlink 2 on",
        "unlink 2 off",
        # the rest is known to the cycler itself, whose link to the channel is cut
        r"CH002:(?!Assign|Start|Stop|Resume|Jump|Barcode|CommFailure|ExitCondition|MasterChannel|"
        r"Schedule|TestName).*",
        ("CH002 No link to channel's controller", "Channels without controller 1: HIHI 1"),
        "ChannelsRunning|ChannelsPaused|ChannelsUnsafe",
    ),
)


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.instrument)
async def test_a_lost_part_takes_its_pvs_and_the_totals(part: Part, free_port: int) -> None:
    async with (
        bench(part.instrument, free_port, part.simulator, dict(part.settings)) as one,
        one.simulator() as device,
    ):
        await one.invalid_are(set())
        names = one.names(at_device=True)
        totals = {name for name in names if re.fullmatch(part.totals, name)}
        lost = {name for name in names if re.fullmatch(part.lost, name)}
        await device.say(f"{part.lose}\n")
        await one.invalid_are(lost | totals)
        await one.tells_of(*part.told)
        await device.say(f"{part.find}\n")
        await one.invalid_are(set())


async def test_a_total_never_contradicts_a_part_that_is_lost(free_port: int) -> None:
    crate = PARTS[0]
    async with (
        bench("iseg", free_port, crate.simulator, dict(crate.settings)) as one,
        one.simulator() as device,
    ):
        await one.invalid_are(set())
        await device.say("trip M1 CH3\n")
        await until(lambda: one.value("ChannelsTripped") == one.value("M01:ChannelsTripped") == 1)
        await device.say(f"{crate.lose}\n")
        await until(lambda: "ChannelsTripped" in one.invalid and "MaxVoltage" in one.invalid)
        assert one.value("ChannelsTripped") == one.value("M01:ChannelsTripped") == 1
        assert one.value("MaxVoltage") > 0
