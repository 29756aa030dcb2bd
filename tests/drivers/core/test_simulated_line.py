"""A simulated line whose program is held up: late, but not silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from drivers.core.simulation.modbus_device import ModbusDevice
from drivers.core.simulation.modbus_server import ModbusServer
from drivers.core.url import SerialLine, TcpUrl
from tests.support.wire.until import PATIENCE

READ = bytes.fromhex("01 04 00 00 00 01 31 CA")


class _One(ModbusDevice):
    def read_input(self, start: int, count: int) -> Sequence[int]:
        del start
        return [1] * count


async def test_a_request_survives_a_pause_of_the_simulator_itself() -> None:
    """8 bytes take 67 ms here; a pause in the middle must not look like the end of a frame."""
    server = ModbusServer({1: _One()}, line=SerialLine(1200))
    url = await server.open_tcp(TcpUrl("127.0.0.1", 0, rtu=True))
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(READ)
    await asyncio.sleep(0.03)
    asyncio.get_running_loop().call_soon(time.sleep, 0.025)
    answer = await asyncio.wait_for(reader.readexactly(7), PATIENCE)
    assert answer[:5] == bytes.fromhex("01 04 02 00 01")
    writer.close()
    await writer.wait_closed()
    await server.close()
