"""iseg modules that do not hold what they were written: the driver sees it, and the put fails."""

from __future__ import annotations

import pytest

from drivers.core.simulation.faults import parse_fault
from tests.iocs.cpa1110.client import Client, PutError
from tests.iocs.iseg_rig import MINOR, NO_ALARM, PREFIX, ioc, newest, simulator
from tests.support.ca import CaSpace
from tests.support.wire.until import until

QUICK = ("--set", "confirm_timeout=0.3")
SET_POINTS: tuple[tuple[str, float, str], ...] = (
    ("M00:KillEnable", 1, "write module control = "),
    ("M00:VoltageRampSpeed", 5.0, "voltage ramp speed = 5: not obeyed: it reads 1"),
    ("M00:CurrentRampSpeed", 20.0, "current ramp speed = 20: not obeyed: it reads 50"),
    ("M00:CH01:On", 1, "channel control of channel 1 = 8: not obeyed: it reads 0"),
    ("M00:CH01:VoltageSet", 250.0, "voltage set of channel 1 = 250: not obeyed: it reads 0"),
    ("M00:CH01:CurrentSet", 5e-4, "channel 1 = 0.0005: not obeyed: it reads 0.001"),
    ("M00:CH01:VoltageBounds", 20.0, "voltage bounds of channel 1 = 20: not obeyed: it reads 0"),
    ("M00:CH01:CurrentBounds", 1e-4, "channel 1 = 0.0001: not obeyed: it reads 0"),
    ("M00:CH01:RampSpeedUp", 90.0, "speed up of channel 1 = 90: not obeyed: it reads 60"),
    ("M00:CH01:RampSpeedDown", 90.0, "speed down of channel 1 = 90: not obeyed: it reads 60"),
    ("M00:CH01:TripTime", 500, "trip time of channel 1 = 500: not obeyed: it reads 0"),
    ("M00:CH01:TripAction", 2, "trip action of channel 1 = 2: not obeyed: it reads 0"),
    ("M00:CH01:ExternalInhibitAction", 1, "action of channel 1 = 1: not obeyed: it reads 0"),
)


async def test_no_set_point_succeeds_at_a_module_that_ignores_it(ca_space: CaSpace) -> None:
    async with (
        simulator() as (crate, link),
        ioc(ca_space, link, *QUICK) as (_, port),
        Client(port) as client,
    ):
        for channel in crate.modules[0].model.channels:
            channel.ramp_up = channel.ramp_down = 60.0
        names = [name for name, _, _ in SET_POINTS]
        await client.subscribe(*(PREFIX + name for name in (*names, "RefusedPuts")))
        await until(lambda: all(newest(client, name)[1] == NO_ALARM for name in names))
        for count, (name, value, text) in enumerate(SET_POINTS, 1):
            shown = newest(client, name)[0]
            writes = crate.modules[0].writes
            await crate.set_fault(parse_fault("ignore@writes"))
            with pytest.raises(PutError) as caught:
                await client.put(PREFIX + name, value)
            assert text in str(caught.value)
            assert "not obeyed: it reads " in str(caught.value)
            assert crate.modules[0].writes == writes + 1
            await until(lambda n=name, s=shown: newest(client, n) == (s, MINOR))
            await until(lambda c=count: newest(client, "RefusedPuts")[0] == c)
            await crate.clear_fault()
            await client.put(PREFIX + name, value)
            await until(lambda n=name: newest(client, n)[1] == NO_ALARM)


async def test_an_off_that_is_ignored_fails(ca_space: CaSpace) -> None:
    async with (
        simulator() as (crate, link),
        ioc(ca_space, link, *QUICK) as (_, port),
        Client(port) as client,
    ):
        await client.put(f"{PREFIX}M00:CH01:On", 1)
        await crate.set_fault(parse_fault("ignore@writes"))
        with pytest.raises(PutError, match="not obeyed: channel 1 is still on"):
            await client.put(f"{PREFIX}M00:CH01:On", 0)


async def test_a_module_that_clips_fails_the_put_and_shows_what_it_holds(
    ca_space: CaSpace,
) -> None:
    name = "M00:CH01:VoltageSet"
    async with (
        simulator() as (crate, link),
        ioc(ca_space, link, *QUICK) as (_, port),
        Client(port) as client,
    ):
        await client.subscribe(PREFIX + name, f"{PREFIX}{name}_RBV")
        await until(lambda: newest(client, name) == (0.0, NO_ALARM))
        await crate.set_fault(parse_fault("clip=100"))
        with pytest.raises(PutError, match="channel 1 = 250: not obeyed: it reads 100 "):
            await client.put(PREFIX + name, 250.0)
        await until(lambda: newest(client, name) == (100.0, MINOR))
        await until(lambda: newest(client, f"{name}_RBV") == (100.0, NO_ALARM))
        await client.put(PREFIX + name, 90.0)
        await until(lambda: newest(client, name) == (90.0, NO_ALARM))


async def test_a_module_that_takes_it_late_is_waited_for(ca_space: CaSpace) -> None:
    name = f"{PREFIX}M00:CH01:VoltageSet"
    async with (
        simulator() as (crate, link),
        ioc(ca_space, link, "--set", "confirm_timeout=30.0") as (_, port),
        Client(port) as client,
    ):
        await crate.set_fault(parse_fault("defer=0.3"))
        await client.put(name, 250.0)
        assert crate.modules[0].model.channels[1].voltage_set == 250.0
        assert crate.modules[0].writes == 1
