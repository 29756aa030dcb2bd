"""The cable between driver and panel, by a proxy: out, slow, cut, in again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from drivers.core.errors import Ambiguous, BadReply, LinkDown, NoReply
from drivers.core.url import TcpUrl, parse_link
from drivers.cpa1110.device import Compressor
from drivers.cpa1110.settings import CompressorSettings
from drivers.cpa1110.simulator import CompressorSimulator
from tests.support.wire.proxy import Direction, FaultProxy
from tests.support.wire.until import recovered, until


@dataclass(frozen=True)
class _Cabled:
    simulator: CompressorSimulator
    proxy: FaultProxy
    compressor: Compressor

    @property
    def writes(self) -> int:
        return len(self.simulator.requests(write=True))


@pytest.fixture
async def cabled() -> AsyncIterator[_Cabled]:
    simulator = CompressorSimulator(speed=10.0)
    url = parse_link(await simulator.listen("tcp://127.0.0.1:0"))
    assert isinstance(url, TcpUrl)
    async with FaultProxy(url.host, url.port) as proxy:
        settings = CompressorSettings(
            f"tcp://{proxy.host}:{proxy.port}", timeout=0.3, confirm_timeout=1.0
        )
        compressor = Compressor(settings)
        await compressor.read_status()
        yield _Cabled(simulator, proxy, compressor)
        await compressor.close()
    await simulator.close()


async def test_cable_out_and_in_again(cabled: _Cabled) -> None:
    cabled.proxy.black_hole()
    with pytest.raises(NoReply):
        await cabled.compressor.read_status()
    with pytest.raises((Ambiguous, LinkDown)):
        await cabled.compressor.stop()
    assert not cabled.compressor.connected
    await cabled.proxy.heal()
    await recovered(cabled.compressor.read_status)
    assert cabled.writes == 0


async def test_a_start_lost_in_the_cable_does_not_come_out_of_it_later(cabled: _Cabled) -> None:
    cabled.proxy.drop(Direction.TO_CLIENT)
    with pytest.raises(Ambiguous):
        await cabled.compressor.start(override=True)
    await cabled.proxy.heal()
    status = await recovered(cabled.compressor.read_status)
    assert status.running
    assert cabled.writes == 1


async def test_half_a_frame(cabled: _Cabled) -> None:
    cabled.proxy.half_frame()
    with pytest.raises(BadReply, match="37 bytes of an unfinished answer"):
        await cabled.compressor.read_status()
    await cabled.proxy.heal()
    await recovered(cabled.compressor.read_status)


async def test_answers_that_come_too_late_are_never_shown(cabled: _Cabled) -> None:
    cabled.proxy.delay(0.5)
    for serial in (1, 2):
        cabled.simulator.model.panel.serial = serial
        with pytest.raises(NoReply):
            await cabled.compressor.read_status()
    cabled.simulator.model.panel.serial = 3
    await cabled.proxy.heal()
    status = await recovered(cabled.compressor.read_status)
    assert status.panel_serial_number == 3


async def test_a_slow_cable_is_a_slow_reading(cabled: _Cabled) -> None:
    cabled.proxy.bandwidth(1000.0)
    began = time.monotonic()
    await cabled.compressor.read_status()
    assert time.monotonic() - began >= (12 + 75) / 1000.0


async def test_a_reset_and_a_refusal(cabled: _Cabled) -> None:
    cabled.proxy.reset()
    await recovered(cabled.compressor.read_status)
    assert cabled.compressor.reconnects == 1
    await cabled.proxy.refuse()
    with pytest.raises(LinkDown, match="cannot be opened"):
        await cabled.compressor.read_status()
    await cabled.proxy.heal()
    await recovered(cabled.compressor.read_status)
    assert cabled.proxy.open_connections == 1
    assert cabled.writes == 0


async def test_closing_after_an_error_resets_so_that_nothing_is_delivered_late() -> None:
    """What the peer sees is a reset, not an orderly end that would wait for the send buffer."""
    ends: list[type[BaseException] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(100):
                pass
            ends.append(None)
        except ConnectionError as error:
            ends.append(type(error))
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    compressor = Compressor(
        CompressorSettings(f"tcp://127.0.0.1:{port}", timeout=0.1, confirm_timeout=0.5)
    )
    with pytest.raises(Ambiguous):
        await compressor.stop()
    await compressor.close()
    server.close()
    await until(lambda: bool(ends))
    assert ends[0] is ConnectionResetError
