"""Commands to channels: who may give them, what is refused and why, and what overtakes what."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drivers.arbin.protocol import Code
from drivers.core.simulation.faults import parse_fault
from tests.iocs.arbin.rig import (
    INVALID,
    MAJOR,
    MINOR,
    NO_ALARM,
    PREFIX,
    assigned,
    ioc,
    newest,
    put_text,
    severity_of,
    shows,
    simulator,
    watching,
)
from tests.iocs.cpa1110.client import PutError
from tests.support.ca import CaSpace
from tests.support.wire.until import until

COMMANDS = ("Assign", "Start", "Stop", "Resume", "Jump")


async def refused(client: object, name: str, value: object, why: str) -> None:
    with pytest.raises(PutError, match=why):
        await client.put(PREFIX + name, value)  # type: ignore[attr-defined]


@pytest.mark.parametrize("why", ["configuration", "rights"])
async def test_commands_are_refused_without_permission(ca_space: CaSpace, why: str) -> None:
    user, says = (
        ("monitor", "gave this user no permission to control")
        if why == "rights"
        else ("operator", "set allow_control in the configuration")
    )
    async with (
        simulator(running=True) as (cycler, link),
        ioc(ca_space, link, user=user, control=why == "rights") as (_, port),
        watching(port, "CH001:State", "AllowControl", "ControlRefusal") as client,
    ):
        await shows(client, "CH001:State", 1)
        await shows(client, "AllowControl", 0)
        await until(lambda: newest(client, "ControlRefusal")[0] != 0)
        await put_text(client, "CH001:ScheduleSet", "Rest.sdx")
        await put_text(client, "CH001:TestNameSet", "T")
        for name in COMMANDS:
            await refused(client, f"CH001:{name}", 1, says)
        await refused(client, "CH001:MV:UD01", 1.0, says)
        assert cycler.writes == 0
        assert cycler.cycler.channels[0].running


async def test_what_is_refused_says_why(ca_space: CaSpace) -> None:
    async with (
        simulator(running=True) as (cycler, link),
        ioc(ca_space, link) as (_, port),
        watching(port, "CH001:State", "CH002:State", "CH002:MV:UD01") as client,
    ):
        await shows(client, "CH001:State", 1)
        await shows(client, "CH002:State", 0)
        await refused(client, "CH002:Assign", 1, "ScheduleSet is empty: put it first")
        await refused(client, "CH002:Start", 1, "TestNameSet is empty: put it first")
        await refused(client, "CH002:MV:UD01", float("nan"), "not a finite number")
        await refused(client, "CH002:MV:UD01", 1e300, "single precision")
        await refused(client, "CH002:JumpStepSet", 0, "outside 1 to")
        await refused(client, "CH002:ScheduleSet", b"a\x07\0", "unprintable")
        await refused(client, "CH002:TestNameSet", 73 * b"x" + b"\0", "at most 72 characters")
        assert cycler.writes == 0
        await put_text(client, "CH002:ScheduleSet", "Nothing.sdx")
        await refused(client, "CH002:Assign", 1, "there is no such schedule")
        await put_text(client, "CH002:TestNameSet", "T")
        await refused(client, "CH002:Start", 1, "no schedule is assigned")
        await refused(client, "CH002:MV:UD01", 1.0, "not running")
        value, severity = newest(client, "CH002:MV:UD01")
        assert (value != value, severity) == (True, MINOR)
        await put_text(client, "CH001:TestNameSet", "T")
        await refused(client, "CH001:Start", 1, "only a stopped channel can do that")
        await client.put(f"{PREFIX}CH001:JumpStepSet", 8)
        await refused(client, "CH001:Jump", 1, "the schedule has steps 1 to 7")
        assert cycler.count(Code.START) == 1
        assert cycler.count(Code.JUMP) == 0
        assert cycler.crashes == 0


async def test_a_stop_waits_for_no_other_channel_and_stops_none(ca_space: CaSpace) -> None:
    """Channel 2 is being started, which takes as long as its status needs; 1 is stopped."""
    async with (
        simulator(running=True) as (cycler, link),
        ioc(ca_space, link) as (_, port),
        watching(port, "CH001:State", "CH002:State", "CH003:State") as client,
    ):
        await shows(client, "CH001:State", 1)
        await shows(client, "CH003:State", 1)
        await assigned(client, "CH002", "Rest.sdx")
        # the start is not answered: it is under way until its status has been read long enough
        await cycler.set_fault(parse_fault("lost-reply:1@writes"))
        start = asyncio.create_task(client.put(f"{PREFIX}CH002:Start", 1))
        await until(lambda: cycler.count(Code.START) == 1)
        again = asyncio.create_task(client.put(f"{PREFIX}CH002:Assign", 1))
        await client.put(f"{PREFIX}CH001:Stop", 1)
        assert not start.done()
        await shows(client, "CH001:State", 0)
        assert [channel.running for channel in cycler.cycler.channels] == [False, True, True]
        await start  # the status showed what the missing answer did not
        with pytest.raises(PutError, match="the channel is running"):
            await again  # was not dropped by the stop of another channel
        assert cycler.count(Code.STOP) == 1
        assert cycler.count(Code.START) == 1


async def test_a_stop_overtakes_what_waits_for_its_own_channel(ca_space: CaSpace) -> None:
    async with (
        simulator(running=True) as (cycler, link),
        ioc(ca_space, link) as (_, port),
        watching(port, "CH001:State", "CH001:Jump") as client,
    ):
        await shows(client, "CH001:State", 1)
        await cycler.set_fault(parse_fault("silent:1@writes"))
        first = asyncio.create_task(client.put(f"{PREFIX}CH001:MV:UD01", 1.0))
        await until(lambda: cycler.faults.active is None)
        waiting = asyncio.create_task(client.put(f"{PREFIX}CH001:Jump", 1))
        await until(lambda: newest(client, "CH001:Jump") == (1, NO_ALARM))
        await client.put(f"{PREFIX}CH001:Stop", 1)
        assert not cycler.cycler.channels[0].running
        with pytest.raises(PutError):  # nobody knows whether it was set, and it is not set again
            await first
        with pytest.raises(PutError, match="Stop was put meanwhile"):
            await waiting
        assert cycler.count(Code.JUMP) == 0
        assert cycler.count(Code.SET_VARIABLE) == 1  # the one that was swallowed


async def test_user_variables_are_known_only_while_their_test_runs(ca_space: CaSpace) -> None:
    async with (
        simulator() as (cycler, link),
        ioc(ca_space, link) as (_, port),
        watching(port, "CH001:State", "CH001:MV:UD01", "CH001:MV:UD16") as client,
    ):
        await shows(client, "CH001:State", 0)
        await assigned(client, "CH001", "Follow UD1.sdx")
        await client.put(f"{PREFIX}CH001:Start", 1)
        await client.put(f"{PREFIX}CH001:MV:UD01", -0.25)
        await client.put(f"{PREFIX}CH001:MV:UD16", 7.0)
        await shows(client, "CH001:MV:UD01", -0.25)
        run = cycler.cycler.channels[0].run
        assert run is not None
        assert (run.variables[0], run.variables[15]) == (-0.25, 7.0)
        await cycler.set_fault(parse_fault("exception=17:1@writes"))
        await refused(client, "CH001:MV:UD01", 5.0, "no such variable")
        await shows(client, "CH001:MV:UD01", -0.25, MINOR)
        cycler.cycler.channels[0].stop()
        await until(lambda: "nan" in repr(newest(client, "CH001:MV:UD01")[0]))
        await until(lambda: "nan" in repr(newest(client, "CH001:MV:UD16")[0]))
        assert newest(client, "CH001:MV:UD16")[1] == NO_ALARM


async def test_a_refused_login_is_shown_and_mended_without_a_restart(
    ca_space: CaSpace, tmp_path: Path
) -> None:
    secret = tmp_path / "credentials.toml"
    secret.write_text('user = "operator"\npassword = "not this one"\n')
    secret.chmod(0o600)
    async with (
        simulator(running=True) as (cycler, link),
        ioc(ca_space, link, "--credentials-file", str(secret)) as (process, port),
        watching(
            port, "LoginResult", "AllowControl", "Connected", "CH001:State", "LastError"
        ) as client,
    ):
        await shows(client, "LoginResult", 2, MAJOR)
        await shows(client, "Connected", 0, MAJOR)
        await severity_of(client, "CH001:State", INVALID)
        await severity_of(client, "AllowControl", INVALID)
        await refused(client, "CH001:Stop", 1, "user or password refused|log in")
        assert cycler.writes == 0
        secret.write_text('user = "operator"\npassword = "operator"\n')
        await shows(client, "LoginResult", 1)
        await shows(client, "CH001:State", 1)
        await shows(client, "AllowControl", 1)
        assert "not this one" not in process.output
        assert cycler.cycler.channels[0].running
