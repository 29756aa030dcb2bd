"""An Arbin IOC as its clients see it: values, texts, alarms, growing PVs."""

from __future__ import annotations

import math

import pytest

from drivers.arbin.simulator.records import Wiring
from drivers.arbin.words import AuxKind
from tests.iocs.arbin.rig import (
    INVALID,
    MAJOR,
    NO_ALARM,
    PREFIX,
    ioc,
    newest,
    severity_of,
    shows,
    simulator,
    watching,
)
from tests.support.ca import CaSpace
from tests.support.libca import CaType, Form, Libca
from tests.support.wire.until import until

CH1 = f"{PREFIX}CH001:"


@pytest.mark.parametrize("library", ["aioca", "pyepics"])
async def test_an_operator_tests_a_cell(ca_space: CaSpace, library: str) -> None:
    async with (
        simulator() as (cycler, link),
        ioc(ca_space, link),
        Libca(ca_space, library) as ca,  # type: ignore[arg-type]
    ):
        channel = cycler.cycler.channels[0]
        assert await ca.put(f"{PREFIX}Scan:Sweep:Period", 0.1) is None
        async with ca.monitor(f"{CH1}State") as states:
            await states.until(lambda r: r.value == 0 and r.severity == NO_ALARM)
            text = {"datatype": CaType.CHAR_STR} if library == "aioca" else {}
            for name, value in (("ScheduleSet", "Follow UD1.sdx"), ("TestNameSet", "Cell 7")):
                assert await ca.put(f"{CH1}{name}", value, **text) is None  # type: ignore[arg-type]
            assert await ca.put(f"{CH1}Assign", 1) is None
            assert await ca.put(f"{CH1}Start", 1) is None
            assert (channel.running, channel.test_name) == (True, "Cell 7")
            await states.until(lambda r: r.value == 1)
            async with ca.monitor(f"{CH1}Current") as currents:
                assert await ca.put(f"{CH1}MV:UD01", 0.75) is None
                await currents.until(lambda r: r.value == 0.75)
            assert (await ca.get(f"{CH1}MV:UD01")).value == 0.75
            assert (await ca.get(f"{CH1}StepId")).value == 2
            assert await ca.put(f"{CH1}Jump", 1) is None  # to step 1
            assert channel.step_text.startswith("[1] 1:")
            assert await ca.put(f"{CH1}Stop", 1) is None
            assert not channel.running
            await states.until(lambda r: r.value == 0, since=len(states.updates) - 1)
            assert await ca.put(f"{CH1}Resume", 1) is None
            assert channel.running
            assert await ca.put(f"{CH1}Stop", 1) is None
        forgotten = await ca.get(f"{CH1}MV:UD01")
        assert (math.isnan(forgotten.value), forgotten.severity) == (True, NO_ALARM)
        info = await ca.get(f"{CH1}ChargeCapacity", form=Form.CTRL)
        assert (info.units, info.precision) == ("Ah", 6)


async def test_texts_and_arrays_are_sent_at_full_length(ca_space: CaSpace) -> None:
    async with simulator(running=True) as (_, link), ioc(ca_space, link), Libca(ca_space) as ca:
        async with ca.monitor(f"{CH1}StepCycle") as steps:
            await steps.until(lambda r: r.severity == NO_ALARM)
        for name, size, start in (
            ("CH001:TestName", 217, b"Cell 001\0"),
            ("CH001:Schedule", 601, b"CC-CV cycle.sdx\0"),
            ("CH001:StepCycle", 193, b"[1] 1: Step_A, Rest\0"),
            ("ScheduleList", 16000, b"CC-CV cycle.sdx\nDamaged.sdx\n"),
        ):
            reading = await ca.get(PREFIX + name)
            assert len(reading.value) == size
            assert bytes(reading.value).startswith(start)
            text = await ca.get(PREFIX + name, datatype=CaType.CHAR_STR)
            assert text.value == bytes(reading.value).split(b"\0")[0].decode()
        for name in ("VoltageAll", "CurrentAll", "TemperatureAll", "StatusAll"):
            assert len((await ca.get(PREFIX + name)).value) == 3


async def test_the_cycler_is_shown(ca_space: CaSpace) -> None:
    async with (
        simulator(4, running=True) as (cycler, link),
        ioc(ca_space, link, channels=4) as (
            _,
            port,
        ),
    ):
        names = ("LoginResult", "AllowControl", "UserType", "SerialNumber", "ServerGeneration")
        counts = ("Total", "Running", "Paused", "Unsafe", "CommFailure")
        async with watching(port, *names, *(f"Channels{name}" for name in counts)) as client:
            await shows(client, "LoginResult", 1)
            await shows(client, "AllowControl", 1)
            await shows(client, "UserType", 0)
            await shows(client, "SerialNumber", b"190001")
            await shows(client, "ServerGeneration", b"MITS 8")
            await shows(client, "ChannelsTotal", 4)
            await shows(client, "ChannelsRunning", 2)
            cycler.cycler.channels[0].pause()
            await shows(client, "ChannelsPaused", 1)
            await shows(client, "ChannelsRunning", 1)
        assert cycler.writes == 0


async def test_an_unsafe_and_a_lost_channel_alarm_alone(ca_space: CaSpace) -> None:
    async with simulator(running=True) as (cycler, link), ioc(ca_space, link) as (_, port):
        values = [f"CH00{n}:{name}" for n in (1, 2, 3) for name in ("State", "CommFailure")]
        volts = [f"CH00{n}:{name}" for n in (1, 2, 3) for name in ("Voltage", "Aux:Temperature02")]
        summary = ("ChannelsUnsafe", "ChannelsCommFailure", "AlarmCount")
        async with watching(port, *values, *volts, *summary, "CH001:ExitCondition") as client:
            for name in (*values, *volts):
                await severity_of(client, name, NO_ALARM)
            cycler.cycler.channels[0].make_unsafe()
            await shows(client, "CH001:State", 3, MAJOR)
            await shows(client, "ChannelsUnsafe", 1, MAJOR)
            cycler.cycler.channels[1].linked = False
            await shows(client, "CH002:CommFailure", 1, MAJOR)
            await shows(client, "ChannelsCommFailure", 1, MAJOR)
            for name in ("State", "Voltage", "Aux:Temperature02"):
                await severity_of(client, f"CH002:{name}", INVALID)
            for name in (*values[4:], *volts[:2], *volts[4:]):
                assert newest(client, name)[1] == NO_ALARM
            cycler.cycler.channels[0].clear_unsafe()
            # values and totals without this channel are no alarms of their own
            await shows(client, "AlarmCount", 2)
            async with Libca(ca_space) as ca:
                worst = (await ca.get(f"{PREFIX}WorstAlarmText")).value
            assert bytes(worst).rstrip(b"\0") == b"CH002 No link to channel's controller"
            cycler.cycler.channels[1].linked = True
            for name in (*values, *volts):
                await severity_of(client, name, NO_ALARM)


async def test_pvs_come_when_the_cycler_says_what_there_is(ca_space: CaSpace) -> None:
    wiring = Wiring({AuxKind.PRESSURE: 1}, bms=2, smb=2)
    flags = ("--bms", "true", "--smb", "true")
    async with (
        simulator(2, wiring=wiring) as (cycler, link),
        ioc(ca_space, link, *flags, channels=None, counts=None) as (process, _),
        Libca(ca_space) as ca,
    ):
        await process.line("2 channels: all of their PVs are served now")
        assert len((await ca.get(f"{PREFIX}VoltageAll")).value) == 2
        assert (await ca.get(f"{PREFIX}CH002:Aux:Pressure01")).value == pytest.approx(
            101.3, rel=0.1
        )
        voltage = await ca.get(f"{PREFIX}CH002:BMS:Value01", form=Form.CTRL)
        assert voltage.units == "V"
        assert (await ca.get(f"{PREFIX}CH002:SMB:Text02")).value == "SIM-002"
        number = await ca.get(f"{PREFIX}CH002:SMB:Value02")  # it is a text, and no number
        assert (math.isnan(number.value), number.severity) == (True, NO_ALARM)
        millivolts = await ca.get(f"{PREFIX}CH002:SMB:Value01", form=Form.CTRL)
        assert millivolts.units == "mV"
        assert await ca.put(f"{PREFIX}CH002:JumpStepSet", 3) is None
        assert cycler.writes == 0


async def test_extra_values_alone_may_be_left_to_the_cycler(ca_space: CaSpace) -> None:
    async with (
        simulator(2) as (_, link),
        ioc(ca_space, link, channels=2, counts=None) as (process, port),
    ):
        await process.line("2 channels: all of their PVs are served now")
        async with watching(port, "CH001:Voltage", "CH001:Aux:Temperature02") as client:
            await until(lambda: newest(client, "CH001:Aux:Temperature02")[1] == NO_ALARM)


@pytest.mark.slow
async def test_every_pv_of_512_channels_is_fresh(ca_space: CaSpace) -> None:
    wiring = Wiring({AuxKind.VOLTAGE: 1, AuxKind.TEMPERATURE: 2})
    async with (
        simulator(512, wiring=wiring, running=True, refresh=1.0) as (_, link),
        ioc(ca_space, link, channels=512) as (_, port),
    ):
        names = [f"CH{n:03d}:{what}" for n in range(1, 513) for what in _VALUES.split()]
        async with watching(port, *names, period=1.0) as client:
            await until(lambda: all(newest(client, name)[1] == NO_ALARM for name in names))
            first = {name: client.updates[PREFIX + name][-1].timestamp for name in names}
            moving = [name for name in names if name.endswith(("Voltage", "Voltage01", "DvDt"))]
            await until(
                lambda: all(
                    client.updates[PREFIX + name][-1].timestamp > first[name] for name in moving
                ),
                60,
            )
            await until(lambda: all(newest(client, name)[1] == NO_ALARM for name in names))


_VALUES = """
    Status StatusCode State CommFailure TestName Schedule ExitCondition StepCycle Barcode StepId
    CycleId TestTime StepTime Voltage Current Power ChargeCapacity DischargeCapacity ChargeEnergy
    DischargeEnergy InternalResistance DvDt ACR ACI ACIPhase MasterChannel Aux:Voltage01
    Aux:Temperature01 Aux:Temperature02
"""
