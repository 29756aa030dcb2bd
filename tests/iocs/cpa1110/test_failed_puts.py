"""Start and Stop fail with the reason, and nothing is ever sent twice."""

from __future__ import annotations

import asyncio
import time

import pytest
from caproto import ErrorResponseReceived
from caproto.sync import client as caproto_sync

from drivers.core.simulation.faults import parse_fault
from drivers.cpa1110.simulator.model import CompressorModel
from tests.iocs.cpa1110.bench import (
    ALARM_BIT,
    LONG_CONFIRMATION,
    SHORT_CONFIRMATION,
    START,
    START_FRAME,
    STOP,
    STOP_FRAME,
    Bench,
    DeafToStart,
    TripsOnStart,
    bench,
)
from tests.iocs.cpa1110.client import Client, PutError
from tests.iocs.cpa1110.expected import running
from tests.iocs.cpa1110.rig import PREFIX, eventually
from tests.support.ca import CaSpace
from tests.support.libca import CaError
from tests.support.wire.until import PATIENCE


async def failed(bench: Bench, space: CaSpace, name: str = START) -> str:
    """Put with libca and with caproto's protocol: both must fail; gives the reason."""
    error = await bench.ca.put(name, 1)
    assert error is not None
    assert error.code == CaError.PUTFAIL
    before = len(bench.written)
    async with Client(space.server_port) as client:
        with pytest.raises(PutError) as caught:
            await client.put(name, 1)
    reason = str(caught.value)
    assert len(bench.written) - before <= 1
    assert reason in await bench.last_error()
    return reason


async def test_start_while_it_runs_is_refused_with_the_reason(ca_space: CaSpace) -> None:
    async with bench(ca_space, running()) as one:
        reason = await failed(one, ca_space)
        assert "only from idle or recovered: state running (3), motor on" in reason
        assert one.written == []
        reading = await one.ca.get(START)
        assert (reading.value, reading.severity) == (0, 2)


async def test_caprotos_own_client_tells_the_reason(in_ca_space: CaSpace) -> None:
    async with bench(in_ca_space, running()) as one:
        with pytest.raises(ErrorResponseReceived, match="only from idle or recovered"):
            await asyncio.to_thread(
                caproto_sync.write, START, 1, notify=True, timeout=PATIENCE, repeater=False
            )
        assert one.written == []


async def test_start_with_an_alarm_is_refused(ca_space: CaSpace) -> None:
    model = CompressorModel(alarm_mask=ALARM_BIT)
    async with bench(ca_space, model) as one:
        reason = await failed(one, ca_space)
        assert "an alarm is set" in reason
        assert "three_phase_error" in reason
        assert one.written == []
        model.clear_alarms()
        assert await one.ca.put(START, 1) is None
        reading = await one.ca.get(START)
        assert (reading.value, reading.severity) == (0, 0)


async def test_start_is_refused_but_from_idle_and_recovered(ca_space: CaSpace) -> None:
    model = CompressorModel()
    async with bench(ca_space, model) as one:
        for state in (2, 3, 4, 5, 6, 7, 8, 9, 16):
            model.force_state(state)
            assert f"({state})" in await failed(one, ca_space)
        assert one.written == []
        model.force_state(15)
        assert await one.ca.put(START, 1) is None
        assert one.written == [START_FRAME]


async def test_a_start_that_trips_fails_with_state_and_alarms(ca_space: CaSpace) -> None:
    async with bench(ca_space, TripsOnStart(), *SHORT_CONFIRMATION) as one:
        async with Client(ca_space.server_port) as client:
            with pytest.raises(PutError) as caught:
                await client.put(START, 1)
        assert "state error (7), motor off, alarms: three_phase_error" in str(caught.value)
        assert str(caught.value) in await one.last_error()
        assert one.written == [START_FRAME]
        assert (await one.ca.get(f"{PREFIX}Alarm:ThreePhaseError")).severity == 2
        assert (await one.ca.get(f"{PREFIX}OperatingState")).severity == 2


async def test_a_start_that_is_echoed_and_not_obeyed_fails(ca_space: CaSpace) -> None:
    async with bench(ca_space, DeafToStart(), *SHORT_CONFIRMATION) as one:
        error = await one.ca.put(START, 1)
        assert error is not None
        assert error.code == CaError.PUTFAIL
        said = await one.last_error()
        assert "not obeyed: the state did not follow within 0.5 s (state idle (0)" in said
        assert one.written == [START_FRAME]


@pytest.mark.parametrize("fault", ["lost-reply", "wrong-transaction", "truncated", "reset"])
async def test_a_start_whose_answer_is_lost_but_that_was_obeyed_succeeds(
    ca_space: CaSpace, fault: str
) -> None:
    """The state confirms what the answer could not; nothing is sent twice."""
    async with bench(ca_space, None, *LONG_CONFIRMATION, "--timeout", "2") as one:
        await one.panel.set_fault(parse_fault(f"{fault}:1@writes"))
        assert await one.ca.put(START, 1) is None
        assert await one.state() == 2
        assert one.written == [START_FRAME]


@pytest.mark.parametrize(
    ("name", "frame"), [(START, START_FRAME), (STOP, STOP_FRAME)], ids=["start", "stop"]
)
async def test_a_command_that_got_lost_fails_and_is_not_repeated(
    ca_space: CaSpace, name: str, frame: bytes
) -> None:
    model = CompressorModel() if name == START else running()
    async with bench(ca_space, model, *SHORT_CONFIRMATION, "--timeout", "2") as one:
        await one.panel.set_fault(parse_fault("silent:1@writes"))
        error = await one.ca.put(name, 1)
        assert error is not None
        assert error.code == CaError.PUTFAIL
        assert "unknown whether it was obeyed: no answer in 2 s" in await one.last_error()
        assert one.written == [frame]
        await one.good()
        assert (await one.ca.get(name)).severity == 2
        assert one.written == [frame]


async def test_a_command_the_panel_refuses_fails(ca_space: CaSpace) -> None:
    async with bench(ca_space) as one:
        await one.panel.set_fault(parse_fault("exception=4:1@writes"))
        error = await one.ca.put(START, 1)
        assert error is not None
        assert error.code == CaError.PUTFAIL
        assert "refused" in await one.last_error()
        assert one.written == [START_FRAME]
        assert (await one.ca.get(f"{PREFIX}Connected")).value == 1


@pytest.mark.parametrize("name", [START, STOP])
async def test_a_put_while_the_link_is_down_fails_at_once(ca_space: CaSpace, name: str) -> None:
    """At once: long before the minute that a confirmation might take here."""
    async with bench(ca_space, None, *LONG_CONFIRMATION) as one:
        await one.panel.set_fault(parse_fault("refuse"))

        async def lost() -> bool:
            return (await one.ca.get(f"{PREFIX}Connected")).value == 0

        await eventually(lost)
        start = time.monotonic()
        error = await one.ca.put(name, 1)
        assert time.monotonic() - start < 30
        assert error is not None
        assert error.code == CaError.PUTFAIL
        assert "link down" in await one.last_error()
        await one.panel.clear_fault()
        await one.good()
        assert one.written == []
