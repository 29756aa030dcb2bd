"""Start and Stop complete when the state of the compressor confirms them."""

from __future__ import annotations

import asyncio

from drivers.cpa1110.words import OperatingState
from tests.iocs.cpa1110.bench import (
    LONG_CONFIRMATION,
    START,
    START_FRAME,
    STOP,
    STOP_FRAME,
    Sluggish,
    bench,
)
from tests.iocs.cpa1110.client import Client
from tests.iocs.cpa1110.rig import PREFIX, background, eventually
from tests.support.ca import CaSpace
from tests.support.libca import CaError, Libca
from tests.support.wire.until import until


async def test_start_and_stop_complete_when_the_state_confirms_them(ca_space: CaSpace) -> None:
    async with bench(ca_space, speed=20) as one:
        assert await one.ca.put(START, 1) is None
        assert await one.state() in (2, 3)
        assert one.written == [START_FRAME]
        await eventually(lambda: one.is_in(3))
        assert (await one.ca.get(f"{PREFIX}Running")).value == 1
        assert await one.ca.put(STOP, "Stop") is None
        assert await one.state() in (5, 0)
        assert one.written == [START_FRAME, STOP_FRAME]
        await eventually(lambda: one.is_in(0))
        for name in (START, STOP):
            reading = await one.ca.get(name)
            assert (reading.value, reading.severity) == (0, 0)


async def test_a_put_waits_for_the_state_and_not_for_the_echo(ca_space: CaSpace) -> None:
    model = Sluggish()
    async with bench(ca_space, model, *LONG_CONFIRMATION) as one:
        for name, state in ((START, OperatingState.STARTING), (STOP, OperatingState.STOPPING)):
            model.wanted = None
            async with background(one.ca.put(name, 1)) as put:
                await until(lambda: model.wanted is not None)
                reads = len(one.panel.requests(write=False))
                await until(lambda n=reads: len(one.panel.requests(write=False)) > n + 2)
                assert not put.done()
                assert (await one.ca.get(name)).value == 1
                model.obey()
                assert await put is None
            assert await one.state() == state
        assert one.written == [START_FRAME, STOP_FRAME]


async def test_a_stop_overtakes_a_start_that_waits_for_its_confirmation(
    ca_space: CaSpace,
) -> None:
    model = Sluggish()
    async with bench(ca_space, model, *LONG_CONFIRMATION) as one, Libca(ca_space) as other:
        async with background(one.ca.put(START, 1, timeout=50)) as start:
            await until(lambda: one.written == [START_FRAME])
            async with background(other.put(STOP, 1)) as stop:
                await until(lambda: one.written == [START_FRAME, STOP_FRAME])
                model.obey()
                assert await stop is None
            failure = await start
        assert isinstance(failure, CaError)
        assert failure.code == CaError.PUTFAIL
        assert one.written == [START_FRAME, STOP_FRAME]


async def test_a_client_that_goes_away_leaves_its_start_to_end_by_itself(
    ca_space: CaSpace,
) -> None:
    model = Sluggish()
    async with bench(ca_space, model, *LONG_CONFIRMATION) as one:
        async with Client(ca_space.server_port) as client, background(client.put(START, 1)):
            await until(lambda: one.written == [START_FRAME])
        await eventually(lambda: one.is_in(0))
        model.obey()

        async def done() -> bool:
            reading = await one.ca.get(START)
            return (reading.value, reading.severity, await one.state()) == (0, 0, 2)

        await eventually(done)
        model.force_state(OperatingState.RUNNING)
        assert await one.ca.put(STOP, 1, timeout=1) is not None  # the panel is slow: still waiting
        await until(lambda: one.written == [START_FRAME, STOP_FRAME])
        model.obey()
        await eventually(lambda: one.is_in(5))
        assert not [line for line in one.ioc.stderr if "Traceback" in line]


async def test_the_end_of_the_ioc_does_not_wait_for_a_put_and_writes_nothing(
    ca_space: CaSpace,
) -> None:
    async with bench(ca_space, Sluggish(), *LONG_CONFIRMATION) as one:
        async with background(one.ca.put(START, 1, timeout=50)) as put:
            await until(lambda: one.written == [START_FRAME])
            assert await one.ioc.stop() == 0
            assert isinstance(await put, CaError)
        assert one.written == [START_FRAME]
        assert not [line for line in one.ioc.stderr if "Traceback" in line]


async def test_two_starts_at_a_time_are_one_start(ca_space: CaSpace) -> None:
    """The second waits for the first and is then refused: it runs already."""
    async with bench(ca_space) as one, Libca(ca_space) as other:
        results = await asyncio.gather(one.ca.put(START, 1), other.put(START, 1))
        assert sorted(result is None for result in results) == [False, True]
        assert one.written == [START_FRAME]


async def test_writing_done_asks_for_nothing(ca_space: CaSpace) -> None:
    async with bench(ca_space) as one:
        assert await one.ca.put(START, 0) is None
        assert await one.ca.put(STOP, "Done") is None
        assert await one.ca.put(START, 2) is not None
        assert await one.ca.put(START, "Go") is not None
        assert one.written == []
