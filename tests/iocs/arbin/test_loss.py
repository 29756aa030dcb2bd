"""A cycler that is lost, silent, restarted or throws us out: honest alarms, and nothing written."""

from __future__ import annotations

from functools import partial

import pytest

from drivers.arbin.protocol import Code
from drivers.core.simulation.faults import parse_fault
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
from tests.iocs.cpa1110.client import Client, PutError
from tests.support.ca import CaSpace
from tests.support.wire.until import until

WATCHED = (
    "Connected",
    "CH001:Voltage",
    "CH003:Aux:Temperature01",
    "CH001:TestName",
    "ChannelsRunning",
    "VoltageAll",
    "AllowControl",
    "ReconnectCount",
)
VALUES = WATCHED[1:6]


@pytest.mark.parametrize(
    "faults",
    [("silent", "bad-crc", "truncated"), ("other-reply", "flood=5000"), ("refuse", "reset")],
    ids=" ".join,
)
async def test_a_lost_cycler_is_invalid_and_comes_back(
    ca_space: CaSpace, faults: tuple[str, ...]
) -> None:
    async with (
        simulator(running=True) as (cycler, link),
        ioc(ca_space, link) as (_, port),
        watching(port, *WATCHED) as client,
    ):
        for times, fault in enumerate(faults, 1):
            for name in VALUES:
                await severity_of(client, name, NO_ALARM)
            await shows(client, "Connected", 1)
            await cycler.set_fault(parse_fault(fault))
            for name in VALUES:
                await severity_of(client, name, INVALID)
            await shows(client, "Connected", 0, MAJOR)
            await cycler.clear_fault()
            for name in VALUES:
                await severity_of(client, name, NO_ALARM)
            await shows(client, "Connected", 1)
            await until(partial(_reconnected, client, times))
        assert cycler.writes == 0


def _reconnected(client: Client, times: int) -> bool:
    return int(str(newest(client, "ReconnectCount")[0])) >= times


async def test_kicked_out_and_restarted(ca_space: CaSpace) -> None:
    async with (
        simulator(running=True) as (cycler, link),
        ioc(ca_space, link) as (_, port),
        watching(port, *WATCHED) as client,
    ):
        await severity_of(client, "CH001:Voltage", NO_ALARM)
        logins = cycler.count(Code.LOGIN)
        cycler.kick_out()
        await until(lambda: cycler.count(Code.LOGIN) > logins)
        await severity_of(client, "CH001:Voltage", NO_ALARM)
        cycler.restart(0.5)
        await severity_of(client, "CH001:Voltage", INVALID)
        await severity_of(client, "CH001:Voltage", NO_ALARM)
        await shows(client, "Connected", 1)
        assert cycler.cycler.channels[0].running
        assert cycler.writes == 0


async def test_a_command_whose_answer_is_lost_is_not_repeated(ca_space: CaSpace) -> None:
    async with (
        simulator(running=True) as (cycler, link),
        ioc(ca_space, link, "--confirm-timeout", "2") as (_, port),
        watching(port, "CH001:State", "LastError") as client,
    ):
        await shows(client, "CH001:State", 1)
        await cycler.set_fault(parse_fault("silent:1@writes"))
        with pytest.raises(PutError, match="unknown whether it was obeyed"):
            await client.put(f"{PREFIX}CH001:Stop", 1)
        assert cycler.writes == cycler.count(Code.STOP) == 1  # it came once, and was swallowed
        assert cycler.cycler.channels[0].running
        await shows(client, "CH001:State", 1)
        await client.put(f"{PREFIX}CH001:Stop", 1)
        assert cycler.count(Code.STOP) == 2


async def test_without_credentials_the_ioc_serves_and_says_what_is_missing(
    ca_space: CaSpace,
) -> None:
    async with (
        simulator() as (cycler, link),
        ioc(ca_space, link, "--user-variable", "NOBODY_SET_THIS") as (process, port),
        watching(port, "CH001:State", "LastError") as client,
    ):
        await process.line("NOBODY_SET_THIS not set in the environment")
        assert newest(client, "CH001:State")[1] == INVALID
        assert cycler.count(Code.LOGIN) == 0


async def test_unanswered_file_commands_cost_the_channels_nothing(
    ca_space: CaSpace, free_port: int
) -> None:
    """File commands are answered on a port of their own, which the IOC is not told of."""
    async with (
        simulator(running=True, file_link=f"tcp://127.0.0.1:{free_port}") as (cycler, link),
        ioc(ca_space, link, "--timeout", "4") as (process, port),
        watching(port, "ScheduleList", "CH001:Voltage", "ReconnectCount") as client,
    ):
        await severity_of(client, "CH001:Voltage", NO_ALARM)
        await process.line("Schedules: lost: .* nothing within 4 s")
        assert cycler.count(Code.BROWSE) == 1
        asked = cycler.count(Code.GET_CHANNELS_INFO)
        await until(lambda: cycler.count(Code.GET_CHANNELS_INFO) > asked)
        assert newest(client, "ScheduleList")[1] == INVALID
        await severity_of(client, "CH001:Voltage", NO_ALARM)
        assert newest(client, "ReconnectCount")[0] == 0


async def test_file_commands_on_a_port_of_their_own(ca_space: CaSpace, free_port: int) -> None:
    async with (
        simulator(file_link=f"tcp://127.0.0.1:{free_port}") as (_, link),
        ioc(ca_space, link, "--file-port", str(free_port)) as (_, port),
        watching(port, "ScheduleCount") as client,
    ):
        await shows(client, "ScheduleCount", 8)
