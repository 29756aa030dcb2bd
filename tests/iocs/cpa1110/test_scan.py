"""What goes over the wire: one exchange per scan, at the period that is set, whoever looks on."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from drivers.cpa1110.simulator import CompressorSimulator
from drivers.cpa1110.simulator.model import REVISION_2X, REVISION_3X, CompressorModel, Panel
from tests.iocs.cpa1110.client import Client
from tests.iocs.cpa1110.expected import BLOCK
from tests.iocs.cpa1110.rig import PREFIX, eventually, ioc, simulator
from tests.support.ca import CaSpace
from tests.support.libca import Form, Libca
from tests.support.wire.until import until

READ = 4
ALIVE = f"{PREFIX}CoolantInTemp"
PERIOD_PV = f"{PREFIX}Scan:Status:Period"
BEAT = f"{PREFIX}Ioc:HEARTBEAT"


def reads(panel: CompressorSimulator) -> int:
    """How often the panel was asked."""
    return len(panel.requests())


def intervals(panel: CompressorSimulator, count: int) -> list[float]:
    """The time between the newest requests, in s."""
    times = [one.time for one in panel.log if not one.sent][-count - 1 :]
    return [after - before for before, after in itertools.pairwise(times)]


async def _missed(ca: Libca) -> int:
    """How many scans were missed until now, as the IOC counts them."""
    beat = (await ca.get(BEAT)).value

    async def told() -> bool:
        return (await ca.get(BEAT)).value > beat

    await eventually(told)
    return (await ca.get(f"{PREFIX}PollOverruns")).value


async def test_the_period_pv_sets_the_rate_on_the_wire(ca_space: CaSpace) -> None:
    async with simulator() as (panel, link), ioc(ca_space, link), Libca(ca_space) as ca:
        assert (await ca.get(PERIOD_PV)).value == 1.0
        for period in (0.2, 0.1):
            assert await ca.put(PERIOD_PV, period) is None
            assert (await ca.get(PERIOD_PV)).value == period
            missed, before = await _missed(ca), reads(panel)
            await until(lambda n=before: reads(panel) > n + 8)
            seconds = sum(intervals(panel, 7))
            missed = await _missed(ca) - missed
            # never faster; as slow as a busy machine makes it, which the IOC counts
            assert 6 * period <= seconds <= (7 + missed + 1) * period


async def test_a_period_out_of_range_is_refused(ca_space: CaSpace) -> None:
    async with simulator() as (_, link), ioc(ca_space, link), Libca(ca_space) as ca:
        for period in (0.0, -1.0, 0.001, 1e9, float("nan"), float("inf")):
            assert await ca.put(PERIOD_PV, period) is not None, period
        assert (await ca.get(PERIOD_PV)).value == 1.0
        limits = (await ca.get(PERIOD_PV, form=Form.CTRL)).limits
        assert limits is not None
        assert (limits.drvl, limits.drvh) == (0.02, 86400.0)


@pytest.mark.parametrize(
    ("revision", "first", "later"),
    [(REVISION_2X, [33], 33), (REVISION_3X, [33, 55], 55)],
    ids=["2.x", "3.x"],
)
async def test_a_scan_is_one_exchange_however_many_clients_look_on(
    ca_space: CaSpace, revision: tuple[int, int], first: list[int], later: int
) -> None:
    """A 3.x panel is asked for its revision once per connection, then for all of it at once."""
    model = CompressorModel(Panel(revision))
    async with simulator(model) as (panel, link), ioc(ca_space, link):
        async with Client(ca_space.server_port) as client, Libca(ca_space) as ca:
            await client.put(PERIOD_PV, 0.2)
            names = [PREFIX + name for name in BLOCK]
            await client.subscribe(*names)
            await until(lambda: client.updates[ALIVE][-1].severity == 0)
            before, seen = reads(panel), len(client.updates[ALIVE])
            for _ in range(3):
                await asyncio.gather(*(ca.get(name) for name in names))
            await until(lambda: len(client.updates[ALIVE]) >= seen + 10)
            scans = len(client.updates[ALIVE]) - seen
            # a scan may be between wire and client at either end of the count
            assert abs(reads(panel) - before - scans) <= 1
        requests = [frame.pdu for frame in panel.requests()]
    assert {pdu[0] for pdu in requests} == {READ}
    counts = [int.from_bytes(pdu[3:5], "big") for pdu in requests]
    assert counts[: len(first)] == first
    assert set(counts[len(first) :]) == {later}


async def test_the_ioc_counts_its_exchanges(ca_space: CaSpace) -> None:
    async with simulator() as (panel, link), ioc(ca_space, link), Libca(ca_space) as ca:
        await ca.put(PERIOD_PV, 0.1)
        await until(lambda: reads(panel) > 10)
        await ca.put(PERIOD_PV, 3600.0)

        async def equal() -> bool:
            return (await ca.get(f"{PREFIX}ExchangeCount")).value == reads(panel)

        await eventually(equal)
        assert (await ca.get(f"{PREFIX}ReconnectCount")).value == 0
        assert panel.connections == 1


async def test_a_start_and_a_stop_read_nothing_twice(ca_space: CaSpace) -> None:
    """What confirms them in the driver feeds the PVs, too."""
    async with simulator() as (panel, link), ioc(ca_space, link), Libca(ca_space) as ca:
        await ca.put(PERIOD_PV, 3600.0)

        async def state() -> str:
            return str((await ca.get(f"{PREFIX}OperatingState", form=Form.TIME)).value)

        await eventually(lambda: connected(ca))
        for name, exchanges in (("Start", 3), ("Stop", 2)):
            before, told = len(panel.requests()), await state()
            assert await ca.put(f"{PREFIX}{name}", 1) is None
            assert len(panel.requests()) - before == exchanges
            assert await state() != told


async def connected(ca: Libca) -> bool:
    return (await ca.get(f"{PREFIX}Connected")).value == 1


async def test_processing_a_reading_asks_the_panel_now(ca_space: CaSpace) -> None:
    model = CompressorModel()
    async with simulator(model) as (panel, link), ioc(ca_space, link), Libca(ca_space) as ca:
        await ca.put(PERIOD_PV, 3600.0)

        async def connected() -> bool:
            return (await ca.get(f"{PREFIX}Connected")).value == 1

        await eventually(connected)
        before = reads(panel)
        model.force_state(3)
        await ca.put(f"{PREFIX}OperatingState.PROC", 1)

        async def running_now() -> bool:
            return (await ca.get(f"{PREFIX}OperatingStateRaw")).value == 3

        await eventually(running_now)
        assert reads(panel) == before + 1
