"""A cycler that acknowledges a command and does something else: what its status can tell."""

from __future__ import annotations

import pytest

from drivers.arbin.protocol import Code
from drivers.core.simulation.faults import parse_fault
from tests.iocs.arbin.rig import (
    MAJOR,
    NO_ALARM,
    PREFIX,
    assigned,
    ioc,
    newest,
    shows,
    simulator,
    watching,
)
from tests.iocs.cpa1110.client import PutError
from tests.support.ca import CaSpace

SHORT = ("--confirm-timeout", "2")


@pytest.mark.parametrize("fault", ["ignore@writes", "defer=3600@writes"])
async def test_what_the_status_does_not_show_was_not_obeyed(ca_space: CaSpace, fault: str) -> None:
    async with (
        simulator(running=True) as (cycler, link),
        ioc(ca_space, link, *SHORT) as (_, port),
        watching(port, "CH001:State", "CH002:State", "CH002:Start", "RefusedPuts") as client,
    ):
        await shows(client, "CH001:State", 1)
        await assigned(client, "CH002", "Rest.sdx")
        await cycler.set_fault(parse_fault(fault))
        with pytest.raises(PutError, match="not obeyed"):
            await client.put(f"{PREFIX}CH002:Start", 1)
        await shows(client, "CH002:Start", 0, MAJOR)
        with pytest.raises(PutError, match="not obeyed"):
            await client.put(f"{PREFIX}CH001:Stop", 1)
        await shows(client, "RefusedPuts", 2)
        assert cycler.count(Code.START) == cycler.count(Code.STOP) == 1
        assert [one.running for one in cycler.cycler.channels[:2]] == [True, False]


async def test_what_is_done_late_is_waited_for(ca_space: CaSpace) -> None:
    async with (
        simulator(running=True) as (cycler, link),
        ioc(ca_space, link, "--confirm-timeout", "60") as (_, port),
        watching(port, "CH001:State", "CH002:State") as client,
    ):
        await shows(client, "CH001:State", 1)
        await assigned(client, "CH002", "Rest.sdx")
        await cycler.set_fault(parse_fault("defer=0.5@writes"))
        await client.put(f"{PREFIX}CH002:Start", 1)
        await client.put(f"{PREFIX}CH001:Stop", 1)
        assert cycler.count(Code.START) == cycler.count(Code.STOP) == 1
        assert [one.running for one in cycler.cycler.channels[:2]] == [False, True]


@pytest.mark.parametrize(
    ("fault", "held"), [("ignore@writes", 0.0), ("clip=1", 1.0), ("defer=3600", 0.0)]
)
async def test_a_user_variable_is_only_acknowledged(
    ca_space: CaSpace, fault: str, held: float
) -> None:
    """The cycler reports none of them (arbin-protocol.md 4.10): nobody can compare."""
    async with (
        simulator() as (cycler, link),
        ioc(ca_space, link) as (_, port),
        watching(port, "CH001:State", "CH001:MV:UD01") as client,
    ):
        await shows(client, "CH001:State", 0)
        value, severity = newest(client, "CH001:MV:UD01")
        assert (value != value, severity) == (True, NO_ALARM)
        await assigned(client, "CH001", "Follow UD1.sdx")
        await client.put(f"{PREFIX}CH001:Start", 1)
        await cycler.set_fault(parse_fault(fault))
        await client.put(f"{PREFIX}CH001:MV:UD01", 5.0)
        await shows(client, "CH001:MV:UD01", 5.0)
        run = cycler.cycler.channels[0].run
        assert run is not None
        assert run.variables[0] == held
