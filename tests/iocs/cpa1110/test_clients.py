"""Many clients at a time: all get the same updates, and the panel is not asked more often."""

from __future__ import annotations

import asyncio

from tests.iocs.cpa1110.client import Client
from tests.iocs.cpa1110.expected import PVS, matches, running
from tests.iocs.cpa1110.rig import PREFIX, eventually, ioc, log_lines, simulator
from tests.support.ca import CaSpace
from tests.support.libca import Libca
from tests.support.wire.until import until

READ = 4
ALIVE = f"{PREFIX}CoolantInTemp"
PERIOD_PV = f"{PREFIX}Scan:Status:Period"


async def test_fifty_clients_all_get_every_update(ca_space: CaSpace) -> None:
    """Fifty circuits with ten monitors each: the same updates for everybody, one read per scan."""
    names = [PREFIX + name for name in list(PVS)[:10]]
    assert ALIVE in names
    async with simulator(running()) as (panel, link), ioc(ca_space, link) as process:
        clients = [Client(ca_space.server_port, f"user{n}") for n in range(50)]
        await asyncio.gather(*(client.__aenter__() for client in clients))
        try:
            await clients[0].put(PERIOD_PV, 0.2)
            await asyncio.gather(*(client.subscribe(*names) for client in clients))
            start = len(clients[0].updates[ALIVE])
            async with Libca(ca_space) as ca:
                await eventually(lambda: _counts(ca, 51, 500))
            await until(lambda: len(clients[0].updates[ALIVE]) > start + 15)
            end = clients[0].updates[ALIVE][-1]
            await until(lambda: all(end in client.updates[ALIVE] for client in clients))
            wanted = [u for u in clients[0].updates[ALIVE][start:] if u.timestamp <= end.timestamp]
            for client in clients:
                got = {update.timestamp: update for update in client.updates[ALIVE]}
                assert [got.get(update.timestamp) for update in wanted] == wanted
                for name in names:
                    last = client.updates[name][-1]
                    assert last.severity == 0
                    assert matches(name.removeprefix(PREFIX), last.value, panel.model.snapshot())
        finally:
            await asyncio.gather(*(client.__aexit__() for client in clients))
        assert panel.connections == 1
        assert not log_lines(process, "WARNING|ERROR|CRITICAL")
        async with Libca(ca_space) as ca:
            await eventually(lambda: _counts(ca, 1, 0))


async def _counts(ca: Libca, clients: int, monitors: int) -> bool:
    """Whether the IOC says that it has so many clients and monitors."""
    found = [(await ca.get(f"{PREFIX}Ioc:CA_{word}_CNT")).value for word in ("CLNT", "MON")]
    return found == [clients, monitors]
