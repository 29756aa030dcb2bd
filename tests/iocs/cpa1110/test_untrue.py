"""A panel that echoes a command and does something else: the state tells, and the put fails."""

from __future__ import annotations

import pytest

from drivers.core.simulation.faults import parse_fault
from tests.iocs.cpa1110.bench import (
    LONG_CONFIRMATION,
    SHORT_CONFIRMATION,
    START,
    START_FRAME,
    STOP,
    STOP_FRAME,
    bench,
)
from tests.iocs.cpa1110.expected import running, text
from tests.iocs.cpa1110.rig import PREFIX
from tests.support.ca import CaSpace
from tests.support.libca import CaError


@pytest.mark.parametrize(
    ("name", "frame", "fault"),
    [
        (START, START_FRAME, "ignore"),
        (STOP, STOP_FRAME, "ignore"),
        (START, START_FRAME, "clip=0"),
        (STOP, STOP_FRAME, "clip=10"),
        (START, START_FRAME, "defer=3600"),
        (STOP, STOP_FRAME, "defer=3600"),
    ],
)
async def test_a_command_that_is_echoed_and_not_obeyed_fails(
    ca_space: CaSpace, name: str, frame: bytes, fault: str
) -> None:
    model = running() if name == STOP else None
    async with bench(ca_space, model, *SHORT_CONFIRMATION) as one:
        await one.panel.set_fault(parse_fault(fault))
        error = await one.ca.put(name, 1)
        assert error is not None
        assert error.code == CaError.PUTFAIL
        assert one.written == [frame]
        told = text((await one.ca.get(f"{PREFIX}LastPutError")).value)
        assert f" {name} = 1" in told
        assert "not obeyed: the state did not follow within 0.5 s" in told
        assert (await one.ca.get(f"{PREFIX}RefusedPuts")).value == 1
        assert (await one.ca.get(name)).severity == 2


@pytest.mark.parametrize(("name", "frame"), [(START, START_FRAME), (STOP, STOP_FRAME)])
async def test_a_command_that_is_obeyed_late_is_waited_for(
    ca_space: CaSpace, name: str, frame: bytes
) -> None:
    model = running() if name == STOP else None
    async with bench(ca_space, model, *LONG_CONFIRMATION) as one:
        await one.panel.set_fault(parse_fault("defer=0.6"))
        assert await one.ca.put(name, 1) is None
        assert one.written == [frame]
        assert (await one.ca.get(f"{PREFIX}RefusedPuts")).value == 0
