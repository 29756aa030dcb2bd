"""Studer devices that acknowledge a write and hold something else: flash tells, RAM cannot."""

from __future__ import annotations

import pytest

from drivers.core.errors import Blocked
from drivers.core.simulation.faults import parse_fault
from drivers.xcom.datapoints import datapoint
from drivers.xcom.frame import Frame
from drivers.xcom.protocol import Property
from drivers.xcom.readings import Point
from drivers.xcom.settings import BatteryMonitor, XcomSettings
from drivers.xcom.simulator.behaviour import Behaviour
from drivers.xcom.simulator.device import Condition
from iocs.xcom.plant import ROUND
from iocs.xcom.plant import Plant as Site
from tests.drivers.xcom.simulator_rig import simulator
from tests.iocs.cpa1110.client import PutError
from tests.iocs.xcom.rig import INVALID, MINOR, NO_ALARM, Plant, plant
from tests.support.ca import CaSpace
from tests.support.wire.until import until
from tests.support.work import counted

CURRENT = Point(101, datapoint(1138))
CHARGE = "XT1:BatteryChargeCurr"
TO_FLASH = "flash_parameters=[1138, 1202, 1525, 1126]"
SET_POINTS: tuple[tuple[str, float, object, str], ...] = (
    (CHARGE, 42.0, 60.0, "put 42 A, the device holds 60 A"),
    ("XT1:Aux1Opmode", 3, 0, "put Manual off, the device holds Automatic"),
    ("XT1:ForcedFeedStart", 600, 1200, "put 600 min, the device holds 1200 min"),
    ("XT1:SmartBoostAllowed", 0, 1, "put No, the device holds Yes"),
)


@pytest.mark.parametrize("fault", ["ignore", "defer=3600"])
async def test_what_flash_does_not_show_was_not_put(ca_space: CaSpace, fault: str) -> None:
    """Numbers, states, whole numbers and switches."""
    async with plant(ca_space, TO_FLASH) as one:
        names = [name for name, *_ in SET_POINTS]
        await one.watch(*names, *(f"{name}_RBV" for name in names), "RefusedPuts")
        for count, (name, value, held, text) in enumerate(SET_POINTS, 1):
            assert one.newest(name)[0] == held
            await one.simulator.set_fault(parse_fault(fault))
            writes = len(_writes(one))
            with pytest.raises(PutError, match=text):
                await one.put(name, value)
            assert len(_writes(one)) == writes + 1
            await one.shows(name, held, MINOR)
            await one.shows(f"{name}_RBV", held)
            await one.shows("RefusedPuts", count)
            await one.simulator.clear_fault()
            await one.put(name, value)
            await one.shows(name, value)
            await one.shows(f"{name}_RBV", value)


def _writes(one: Plant) -> list[Frame]:
    return one.simulator.requests(write=True)


async def test_what_is_clipped_fails_and_is_shown(ca_space: CaSpace) -> None:
    async with plant(ca_space, TO_FLASH) as one:
        await one.watch(CHARGE, f"{CHARGE}_RBV")
        await one.simulator.set_fault(parse_fault("clip=10"))
        with pytest.raises(PutError, match="put 42 A, the device holds 10 A"):
            await one.put(CHARGE, 42.0)
        await one.shows(CHARGE, 10.0, MINOR)
        await one.shows(f"{CHARGE}_RBV", 10.0)
        assert one.writes == 1


async def test_what_flash_shows_late_is_waited_for(ca_space: CaSpace) -> None:
    async with plant(ca_space, TO_FLASH) as one:
        await one.watch(CHARGE)
        await one.simulator.set_fault(parse_fault("defer=0.3"))
        await one.put(CHARGE, 42.0)
        assert one.simulator.site.named["XT1"].parameters[1138].flash == 42.0
        assert one.writes == 1


async def test_what_flash_shows_after_that_is_seen(ca_space: CaSpace) -> None:
    """The readback follows with the next reads: what was written is read until it shows."""
    async with plant(ca_space, TO_FLASH) as one:
        await one.watch(CHARGE, f"{CHARGE}_RBV")
        await one.simulator.set_fault(parse_fault("ignore"))
        with pytest.raises(PutError):
            await one.put(CHARGE, 42.0)
        one.simulator.site.named["XT1"].parameters[1138].store(42.0, Property.VALUE)
        await one.put("Scan:Parameters:Period", 0.2)
        await one.shows(f"{CHARGE}_RBV", 42.0)


@pytest.mark.parametrize("fault", ["ignore", "clip=10", "defer=3600"])
async def test_ram_cannot_be_read_back(ca_space: CaSpace, fault: str) -> None:
    """Nobody can compare: such a put is done when it was acknowledged (xcom-protocol.md 9.1)."""
    async with plant(ca_space) as one:
        await one.watch(CHARGE)
        await one.simulator.set_fault(parse_fault(fault))
        await one.put(CHARGE, 42.0)
        await one.shows(CHARGE, 42.0)
        assert one.simulator.site.named["XT1"].ram(1138) != 42.0


async def test_writes_that_flash_never_shows_leave_nothing_behind() -> None:
    """However many there were: a read of the settings costs the same."""

    async def work(one: Site, writes: int) -> int:
        for _ in range(writes):
            with pytest.raises(Blocked, match="flash was written 1 times"):
                await one.write(CURRENT, 42.0)
        await one.read_settings()
        with counted("/iocs/xcom/plant.py") as done:
            for _ in range(ROUND):
                await one.read_settings()
        return done.instructions

    async with simulator(Behaviour(latency=0.0, patience=0.05)) as device:
        link = await device.listen("tcp://127.0.0.1:0")
        told = XcomSettings(
            link, xtenders=1, variotracks=0, variostrings=0, battery_monitor=BatteryMonitor.NONE,
            flash_parameters=(1138,), flash_writes_per_day=1,
        )  # fmt: skip
        one = Site(told)
        for _ in range(5 * ROUND):  # until all limits have been asked for
            await one.read_settings()
        await device.set_fault(parse_fault("ignore"))
        await one.write(CURRENT, 42.0)
        few = await work(one, 0)
        assert await work(one, 500) < 1.1 * few
        await one.close()


async def test_a_device_that_stores_nothing_holds_it_in_ram(ca_space: CaSpace) -> None:
    async with plant(ca_space, TO_FLASH) as one:
        await one.watch(CHARGE, f"{CHARGE}_RBV", "XT1:ParamsSavedInFlash", "XT1:RamOnly")
        await one.put("XT1:ParamsSavedInFlash", 0)
        await one.put(CHARGE, 42.0)
        xtender = one.simulator.site.named["XT1"]
        assert (xtender.ram(1138), xtender.parameters[1138].flash) == (42.0, 60.0)
        await one.shows(f"{CHARGE}_RBV", 42.0)
        await until(lambda: one.newest("XT1:RamOnly")[0] != 0)


async def test_the_clock_is_compared_though_it_goes_on(ca_space: CaSpace) -> None:
    async with plant(ca_space, speed=1.0) as one:
        await one.watch("Gateway:Date")
        await one.put("Gateway:Date", 1_800_000_000)
        await one.simulator.set_fault(parse_fault("ignore"))
        with pytest.raises(PutError, match=r"put 1700000000 s, the device holds 18\d{8} s"):
            await one.put("Gateway:Date", 1_700_000_000)


async def test_every_device_of_a_group_is_compared(ca_space: CaSpace) -> None:
    async with plant(ca_space, "group_writes=[100]", TO_FLASH) as one:
        both = "XTs:BatteryChargeCurr"
        await one.watch(both, f"{both}_RBV")
        second = one.simulator.site.named["XT2"]
        second.stored[1138] = lambda _: second.parameters[1138].store(50.0, Property.VALUE)
        with pytest.raises(PutError, match="put 35 A, the devices hold 35 A, 50 A"):
            await one.put(both, 35.0)
        assert one.writes == 1
        await until(lambda: one.newest(f"{both}_RBV")[1] == INVALID)  # they differ
        await one.shows(both, 60.0, MINOR)
        del second.stored[1138]
        await one.put(both, 36.0)
        await one.shows(both, 36.0, NO_ALARM)


async def test_a_device_of_a_group_that_is_away_fails_the_put(ca_space: CaSpace) -> None:
    async with plant(ca_space, "group_writes=[100]") as one:
        both = "XTs:BatteryChargeCurr"
        await one.watch(both, "XT2:Connected")
        one.simulator.site.named["XT2"].condition = Condition.DEAD
        with pytest.raises(PutError, match=r"the limits of XT2 \(address 102\) are not known"):
            await one.put(both, 35.0)
        assert one.writes == 0


async def test_a_device_of_a_group_that_goes_with_the_write_fails_the_put(
    ca_space: CaSpace,
) -> None:
    async with plant(ca_space, "group_writes=[100]", TO_FLASH) as one:
        both = "XTs:BatteryChargeCurr"
        await one.watch(both, "XT2:Connected")
        second = one.simulator.site.named["XT2"]
        second.stored[1138] = lambda _: setattr(second, "condition", Condition.DEAD)
        with pytest.raises(PutError, match="written, but not read back: it does not answer"):
            await one.put(both, 35.0)
        assert one.simulator.site.named["XT1"].parameters[1138].flash == 35.0
        assert one.writes == 1
