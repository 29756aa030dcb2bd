"""The same IOC on a serial line."""

from __future__ import annotations

from drivers.core.simulation.faults import parse_fault
from drivers.cpa1110.simulator.model import CompressorModel
from tests.iocs.cpa1110.client import Client
from tests.iocs.cpa1110.expected import BLOCK, PVS, matches
from tests.iocs.cpa1110.rig import PREFIX, ioc, simulator
from tests.support.ca import CaSpace
from tests.support.wire.until import until

READ = 4
ALIVE = f"{PREFIX}CoolantInTemp"
PERIOD_PV = f"{PREFIX}Scan:Status:Period"


async def test_the_ioc_works_the_same_on_a_serial_line(ca_space: CaSpace) -> None:
    """Modbus RTU over a pseudo-terminal: readings, a start, a panel that falls silent."""
    model = CompressorModel()
    async with simulator(model, link="pty") as (panel, link), ioc(ca_space, link):
        assert link.startswith("serial:///dev/pts/")
        async with Client(ca_space.server_port) as client:
            await client.put(PERIOD_PV, 0.3)
            await client.subscribe(*(PREFIX + name for name in (*BLOCK, "Connected")))
            last = {name: client.updates[PREFIX + name] for name in (*BLOCK, "Connected")}
            await until(lambda: all(updates[-1].severity == 0 for updates in last.values()))
            for name, pv in PVS.items():
                value = last[name][-1].value
                if pv.count == 1:
                    shown = value.decode() if isinstance(value, bytes) else value
                    assert matches(name, shown, model.snapshot()), (name, value)
            await client.put(f"{PREFIX}Start", 1)
            assert model.state == 2
            assert len(panel.requests(write=True)) == 1
            assert {frame.unit for frame in panel.requests()} == {16}
            await panel.set_fault(parse_fault("silent"))
            await until(lambda: all(last[name][-1].severity == 3 for name in BLOCK))
            await panel.clear_fault()
            await until(lambda: all(updates[-1].severity == 0 for updates in last.values()))
