"""An iseg IOC as its clients see it: values, puts, trips, losses, and that nothing is written."""

from __future__ import annotations

import asyncio

import pytest

from drivers.iseg.words import ChannelEvent
from tests.iocs.cpa1110.client import Client, PutError
from tests.iocs.iseg_rig import (
    INVALID,
    MAJOR,
    NO_ALARM,
    PREFIX,
    ioc,
    modules_toml,
    newest,
    simulator,
)
from tests.support.ca import CaSpace
from tests.support.libca import Form, Libca
from tests.support.process import PythonProcess
from tests.support.wire.until import until

CH1 = f"{PREFIX}M00:CH01:"


@pytest.mark.parametrize("library", ["aioca", "pyepics"])
async def test_an_operator_sets_switches_trips_and_resets(ca_space: CaSpace, library: str) -> None:
    async with (
        simulator(link="slcan-pty", speed=30.0) as (crate, link),
        ioc(ca_space, link),
        Libca(ca_space, library) as ca,  # type: ignore[arg-type]
    ):
        model = crate.modules[0].model.channels[1]
        async with ca.monitor(f"{CH1}ChannelState") as states:
            await states.until(lambda r: r.value == 0 and r.severity == NO_ALARM)
            assert await ca.put(f"{CH1}VoltageSet", 250.0) is None
            assert model.voltage_set == 250.0
            assert (await ca.get(f"{CH1}VoltageSet_RBV")).value == 250.0
            refused = await ca.put(f"{CH1}VoltageSet", 7000.0)
            assert refused is not None or library == "pyepics"  # which cannot tell
            assert model.voltage_set == 250.0
            assert await ca.put(f"{CH1}On", "On", datatype=None) is None
            assert model.on
            await states.until(lambda r: r.value == 2)
            model.trip()
            await states.until(lambda r: r.value == 4 and r.severity == MAJOR)
            refused = await ca.put(f"{CH1}On", 1)
            assert refused is not None or library == "pyepics"
            assert not model.on
            assert await ca.put(f"{CH1}TripReset", 1) is None
            assert not model.events & ChannelEvent.TRIP
            assert await ca.put(f"{CH1}On", 1) is None
            assert await ca.put(f"{CH1}EmergencyOff", 1) is None
            assert model.emergency
            await states.until(lambda r: r.value == 6 and r.severity == MAJOR)
        info = await ca.get(f"{CH1}VoltageSet", form=Form.CTRL)
        assert info.units == "V"
        assert info.limits is not None
        assert (info.limits.drvl, info.limits.drvh) == (0.0, 6000.0)
        everything = await ca.get(f"{PREFIX}M00:VoltageMeasureAll")
        assert len(everything.value) == 4


async def test_a_trip_alarms_its_own_channel_and_no_other(ca_space: CaSpace) -> None:
    async with (
        simulator(2, 3) as (crate, link),
        ioc(ca_space, link, modules=2, channels=3) as (
            _,
            port,
        ),
        Client(port) as client,
    ):
        names = [f"{PREFIX}M0{m}:CH0{n}:ChannelState" for m in range(2) for n in range(3)]
        bits = [f"{PREFIX}M0{m}:CH0{n}:Status:Trip" for m in range(2) for n in range(3)]
        summary = [f"{PREFIX}ChannelsTripped", f"{PREFIX}ChannelsOn", f"{PREFIX}MaxVoltage"]
        await client.subscribe(*names, *bits, *summary)
        await until(lambda: all(client.updates[n][-1].severity == NO_ALARM for n in names))
        channel = crate.modules[1].model.channels[2]
        channel.voltage_set, channel.on, channel.voltage = 900.0, True, 900.0
        await until(lambda: newest(client, "ChannelsOn") == (1, NO_ALARM))
        scans = crate.modules[1].requests
        channel.trip()
        await until(lambda: client.updates[names[5]][-1].severity == MAJOR)
        # within one scan: 4 requests of a fast scan, and those of the other two blocks
        assert crate.modules[1].requests - scans <= 4 + 4 + 20
        await until(lambda: newest(client, "ChannelsTripped") == (1, MAJOR))
        assert newest(client, "M01:CH02:Status:Trip") == (1, MAJOR)
        for name in (*names[:5], *bits[:5]):
            assert all(update.severity != MAJOR for update in client.updates[name])


async def test_forty_eight_set_points_at_once(ca_space: CaSpace) -> None:
    async with (
        simulator(1, 48) as (crate, link),
        ioc(ca_space, link, channels=48) as (
            _,
            port,
        ),
        Client(port) as client,
    ):
        names = [f"{PREFIX}M00:CH{n:02d}:VoltageSet" for n in range(48)]
        await client.subscribe(*names, *(f"{name}_RBV" for name in names))
        await until(lambda: all(client.updates[n][-1].severity == NO_ALARM for n in names))
        await asyncio.gather(*(client.put(name, 100.0 + n) for n, name in enumerate(names)))
        assert [c.voltage_set for c in crate.modules[0].model.channels] == [
            100.0 + n for n in range(48)
        ]
        for n, name in enumerate(names):
            assert client.updates[f"{name}_RBV"][-1].value == 100.0 + n
        assert crate.modules[0].writes == 48
        assert crate.modules[0].overlaps == 0


async def test_puts_that_are_refused_say_why(ca_space: CaSpace) -> None:
    async with (
        simulator() as (crate, link),
        ioc(ca_space, link) as (_, port),
        Client(port) as client,
    ):
        await client.subscribe(f"{CH1}VoltageSet", f"{CH1}RampSpeedUp", f"{PREFIX}M00:MissingItems")
        await until(lambda: newest(client, "M00:CH01:VoltageSet")[1] == NO_ALARM)
        for name, value in (
            (f"{CH1}VoltageSet", -1.0),
            (f"{CH1}VoltageSet", 6001.0),
            (f"{CH1}RampSpeedUp", 10.0),
            (f"{PREFIX}M00:VoltageRampSpeed", 21.0),
        ):
            with pytest.raises(PutError):
                await client.put(name, value)
        assert crate.modules[0].writes == 0
        # the module has none
        await until(lambda: newest(client, "M00:CH01:RampSpeedUp")[1] == NO_ALARM)
        assert "nan" in repr(newest(client, "M00:CH01:RampSpeedUp")[0])
        with pytest.raises(PutError, match="the device does not have it"):
            await client.put(f"{CH1}RampSpeedUp", 10.0)
        assert newest(client, "M00:CH01:RampSpeedUp")[1] == NO_ALARM
        assert crate.modules[0].writes == 0
        crate.modules[0].model.channels[1].trip()
        with pytest.raises(PutError, match="trip"):
            await client.put(f"{CH1}On", 1)
        assert crate.modules[0].writes == 0


async def test_a_lost_module_is_invalid_and_its_neighbour_is_not(ca_space: CaSpace) -> None:
    async with (
        simulator(2, 2) as (crate, link),
        ioc(ca_space, link, modules=2, channels=2) as (
            _,
            port,
        ),
        Client(port) as client,
    ):
        names = [f"{PREFIX}M0{m}:CH00:VoltageMeasure" for m in range(2)]
        more = [f"{PREFIX}M00:Connected", f"{PREFIX}M01:Connected", f"{PREFIX}ChannelsOn"]
        await client.subscribe(*names, *more)
        await until(lambda: all(client.updates[n][-1].severity == NO_ALARM for n in names))
        crate.modules[0].silent = True
        await until(lambda: newest(client, "M00:Connected") == (0, MAJOR))
        await until(lambda: newest(client, "ChannelsOn")[1] == INVALID)
        assert newest(client, "M00:CH00:VoltageMeasure")[1] == INVALID
        assert newest(client, "M01:CH00:VoltageMeasure")[1] == NO_ALARM
        crate.modules[0].silent = False
        await until(lambda: newest(client, "M00:CH00:VoltageMeasure")[1] == NO_ALARM)
        await until(lambda: newest(client, "ChannelsOn") == (0, NO_ALARM))
        assert [module.writes for module in crate.modules] == [0, 0]


async def test_channels_come_when_the_module_says_how_many(ca_space: CaSpace) -> None:
    async with (
        simulator(1, 3) as (crate, link),
        ioc(ca_space, link, channels=None) as (
            process,
            port,
        ),
    ):
        await process.line(r"M00 \(address 0\) has 3 channels: their PVs are served now")
        async with Client(port) as client:
            last = f"{PREFIX}M00:CH02:VoltageMeasure"
            await client.subscribe(last, f"{PREFIX}M00:CurrentMeasureAll")
            await until(lambda: client.updates[last][-1].severity == NO_ALARM)
            await client.put(f"{PREFIX}M00:CH02:VoltageSet", 55.0)
            assert crate.modules[0].model.channels[2].voltage_set == 55.0


async def test_kill_and_restart_of_the_hardware_during_a_ramp(
    ca_space: CaSpace, free_port: int
) -> None:
    arguments = ("--link", f"socketcand://127.0.0.1:{free_port}", "--channels", "2")
    toml = modules_toml(1, 2)
    async with PythonProcess("drivers.iseg.simulator", *arguments) as first:
        link = (await first.line(r"listening (\S+)"))[1]
        async with (
            ioc(ca_space, link, "--set", toml, channels=2) as (_, port),
            Client(port) as client,
        ):
            state, voltage = f"{PREFIX}M00:CH00:ChannelState", f"{PREFIX}M00:CH00:VoltageMeasure"
            setpoint = f"{PREFIX}M00:CH00:VoltageSet"
            await client.subscribe(state, voltage, setpoint, f"{PREFIX}Connected")
            await until(lambda: newest(client, "M00:CH00:VoltageSet") == (0.0, NO_ALARM))
            await client.put(setpoint, 5000.0)
            await client.put(f"{PREFIX}M00:CH00:On", 1)
            await until(lambda: newest(client, "M00:CH00:ChannelState") == (1, NO_ALARM))
            await first.stop(9)
            await until(lambda: newest(client, "M00:CH00:VoltageMeasure")[1] == INVALID)
            await until(lambda: newest(client, "Connected") == (0, MAJOR))
            with pytest.raises(PutError):
                await client.put(f"{PREFIX}M00:CH00:On", 1)
            async with PythonProcess("drivers.iseg.simulator", *arguments) as second:
                await until(lambda: newest(client, "M00:CH00:ChannelState") == (0, NO_ALARM))
                await until(lambda: newest(client, "M00:CH00:VoltageSet") == (0.0, NO_ALARM))
                await until(lambda: newest(client, "Connected") == (1, NO_ALARM))
                await second.say("requests\n")
                assert (await second.line(r"ok requests \d+ writes (\d+)"))[1] == "0"


@pytest.mark.slow
async def test_ten_modules_of_sixteen_channels_in_one_ioc(ca_space: CaSpace) -> None:
    async with (
        simulator(10, 16) as (crate, link),
        ioc(ca_space, link, modules=10, channels=16) as (_, port),
        Client(port) as client,
    ):
        names = [f"{PREFIX}M{m:02d}:CH{n:02d}:VoltageMeasure" for m in range(10) for n in range(16)]
        await client.subscribe(*names, f"{PREFIX}ChannelsOn")
        await until(lambda: all(client.updates[n][-1].severity == NO_ALARM for n in names))
        before = {name: len(client.updates[name]) for name in names}
        await until(lambda: all(len(client.updates[n]) >= before[n] + 10 for n in names))
        sets = [f"{PREFIX}M{m:02d}:CH{n:02d}:VoltageSet" for m in range(10) for n in range(16)]
        await asyncio.gather(*(client.put(name, 10.0) for name in sets))
        voltages = [c.voltage_set for module in crate.modules for c in module.model.channels]
        assert voltages == [10.0] * 160
        assert sum(module.overlaps for module in crate.modules) == 0
