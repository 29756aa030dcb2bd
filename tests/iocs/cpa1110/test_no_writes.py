"""Nothing is written to a compressor that nobody asked for."""

from __future__ import annotations

from pathlib import Path

from drivers.core.simulation.faults import parse_fault
from tests.iocs.cpa1110.client import Client
from tests.iocs.cpa1110.expected import running
from tests.iocs.cpa1110.rig import PREFIX, ioc, simulator
from tests.support.ca import CaSpace
from tests.support.wire.until import until

READ = 4
ALIVE = f"{PREFIX}CoolantInTemp"
PERIOD_PV = f"{PREFIX}Scan:Status:Period"


async def test_nothing_is_written_by_living(ca_space: CaSpace, tmp_path: Path) -> None:
    """Starts, ends, kills, losses, reconnects, restored settings: not one write on the wire."""
    saved = tmp_path / "settings.json"
    async with simulator(running()) as (panel, link):
        for number in (15, 9, 2):
            async with (
                ioc(ca_space, link, autosave=saved) as process,
                Client(ca_space.server_port) as client,
            ):
                await client.put(PERIOD_PV, 0.2)
                await client.put(f"{PREFIX}HeliumTemp.HIHI", 80.0)
                await client.subscribe(ALIVE)
                for fault in ("reset:1", "refuse"):
                    await until(lambda: client.updates[ALIVE][-1].severity == 0)
                    seen = len(client.updates[ALIVE])
                    await panel.set_fault(parse_fault(fault))
                    await until(lambda n=seen: _failed_since(client, n))
                    await panel.clear_fault()
                await until(lambda: client.updates[ALIVE][-1].severity == 0)
                await process.stop(number)
        assert panel.requests(write=True) == []
        assert {frame.pdu[0] for frame in panel.requests()} == {READ}
        assert panel.model.state == 3


def _failed_since(client: Client, seen: int) -> bool:
    return any(update.severity == 3 for update in client.updates[ALIVE][seen:])
