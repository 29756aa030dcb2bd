"""A peer that sends nothing but noise is given up, and holds up nobody meanwhile."""

from __future__ import annotations

import asyncio
import os
import pty
import time
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress

import can
import pytest

from drivers.arbin.device import Cycler
from drivers.arbin.protocol import TOKEN
from drivers.arbin.settings import CyclerSettings
from drivers.arbin.simulator.model import Behaviour, CyclerModel
from drivers.arbin.simulator.server import CyclerServer
from drivers.core import noise, tcp
from drivers.core.can import CanBus, CanFrame, Part
from drivers.core.can.interfaces import SlcanBus
from drivers.core.errors import DriverError, LinkDown
from drivers.core.modbus import ModbusBus
from drivers.core.noise import MOST_NOISE
from drivers.core.simulation.can_line import SimulatedLine
from drivers.core.simulation.modbus_device import ModbusDevice
from drivers.core.simulation.modbus_server import ModbusServer
from drivers.core.simulation.ports import Ports
from drivers.core.simulation.socketcand import serve_socketcand
from drivers.core.stream import open_stream
from drivers.core.url import CanUrl, TcpUrl
from drivers.xcom.device import Gateway
from drivers.xcom.settings import XcomSettings
from tests.drivers.xcom.rig import at
from tests.drivers.xcom.scripted import NEVER
from tests.drivers.xcom.simulator_rig import Raw, simulator
from tests.support.wire.until import until

MANY = 4096


class Flooder:
    """A server that sends a pattern as fast as it is taken, and reads nothing."""

    def __init__(self, pattern: bytes) -> None:
        self._pattern = pattern * (65_536 // len(pattern))
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = TcpUrl("127.0.0.1", 0)
        self.ended = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Flooder]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = TcpUrl("127.0.0.1", server.sockets[0].getsockname()[1])
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            await until(lambda: not self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        self._writers.add(writer)
        try:
            while True:
                writer.write(self._pattern)
                await writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            self.ended += 1
        finally:
            self._writers.discard(writer)
            writer.close()


async def _xcom(url: TcpUrl) -> None:
    gateway = Gateway(XcomSettings(str(url), retries=0), timeout=NEVER)
    try:
        await gateway.read_infos(at(101, 3000))
    finally:
        await gateway.close()


async def _modbus(url: TcpUrl) -> None:
    bus = ModbusBus(url, timeout=NEVER)
    try:
        await bus.unit(1).read_holding(0, 10)
    finally:
        await bus.close()


async def _rtu(url: TcpUrl) -> None:
    await _modbus(TcpUrl(url.host, url.port, rtu=True))


async def _arbin(url: TcpUrl) -> None:
    cycler = Cycler(CyclerSettings(str(url), timeout=NEVER))
    try:
        await cycler.read_sweep()
    finally:
        await cycler.close()


async def _socketcand(url: TcpUrl) -> None:
    bus = CanBus(CanUrl("socketcand", "can0", url.host, url.port))
    node = bus.node("node", 0x100, 0x7F8)
    try:
        await node.request(CanFrame(0x101, b"\1"), lambda _: Part.OTHER, asked="read", within=NEVER)
    finally:
        await bus.close()


STALE = bytes.fromhex("0000 0000 0002 01 03")
CASES = [
    *((_xcom, each) for each in (b"\xaa", b"\0", bytes.fromhex("AA27037F68467A706B"))),
    *((_arbin, each) for each in (b"\xaa", TOKEN, TOKEN + bytes.fromhex("16000000") + bytes(10))),
    *((_modbus, each) for each in (b"\xaa", STALE)),
    *((_rtu, each) for each in (b"\xaa", b"\1\3")),
    *((_socketcand, each) for each in (b"<", b"< hi >", b"\xaa")),
]


@pytest.mark.parametrize(("ask", "pattern"), CASES)
async def test_a_request_to_a_peer_that_is_all_noise_ends_by_it(
    ask: Callable[[TcpUrl], asyncio.Future[None]],
    pattern: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not by its time-out, which nobody waits for, and the connection is dropped."""
    monkeypatch.setenv("LABIOC_ARBIN_USER", "user")
    monkeypatch.setenv("LABIOC_ARBIN_PASSWORD", "password")
    async with Flooder(pattern).serving() as flooder:
        with pytest.raises(DriverError):
            await asyncio.wait_for(ask(flooder.url), NEVER)
        await until(lambda: flooder.ended > 0)


async def test_it_is_told_and_followed_by_a_back_off() -> None:
    async with Flooder(b"\xaa").serving() as flooder:
        gateway = Gateway(XcomSettings(str(flooder.url), retries=0), timeout=NEVER)
        for _ in range(2):
            with pytest.raises(DriverError, match="nothing but noise came"):
                await gateway.read_infos(at(101, 3000))
        with pytest.raises(LinkDown, match="next try in"):
            await gateway.read_infos(at(101, 3000))
        assert not gateway.connected
        await gateway.close()


async def test_noise_between_requests_ends_a_connection_too() -> None:
    async with Flooder(b"\xaa").serving() as flooder:
        stream = await open_stream(flooder.url)
        taken: list[int] = []
        await until(lambda: not stream.alive)  # nobody listens
        stream = await open_stream(flooder.url)
        stream.receive = lambda data: taken.append(len(data))
        # with a listener it is his affair, and comes in pieces
        await until(lambda: sum(taken) > 2 * MOST_NOISE)
        assert max(taken) <= tcp.PIECE
        stream.close(discard=True)


async def test_unasked_modbus_answers_end_a_connection_at_once() -> None:
    async with Flooder(b"\xaa").serving() as flooder:
        bus = ModbusBus(flooder.url)
        connection = await bus._connect()
        await until(lambda: flooder.ended > 0)
        assert not connection.alive
        await bus.close()


@pytest.mark.parametrize("pattern", [b"\r", b"\a", b"x", b"t\r", b"\r\a"])
async def test_an_adapter_that_is_all_noise_is_given_up(pattern: bytes) -> None:
    far, near = pty.openpty()
    tty.setraw(near)
    os.set_blocking(far, False)
    options = (("sleep_after_open", "0.05"),)
    bus = CanBus(CanUrl("slcan", os.ttyname(near), bitrate=125_000, options=options))
    node = bus.node("node", 0x100, 0x7F8)
    noise = pattern * (MANY // len(pattern))
    ended = asyncio.ensure_future(
        node.request(CanFrame(0x101, b"\1"), lambda _: Part.OTHER, asked="read", within=NEVER)
    )

    def pour() -> bool:
        with suppress(BlockingIOError):
            os.write(far, noise)
        with suppress(BlockingIOError):
            os.read(far, MANY)
        return ended.done()

    await until(pour, NEVER)
    with pytest.raises(LinkDown, match="nothing but noise came"):
        await ended
    await bus.close()
    os.close(near)
    os.close(far)


@pytest.fixture
def serial_bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, SlcanBus]]:
    """The adapter's end of a serial line on which a little noise is much, and our end."""
    monkeypatch.setattr(noise, "MOST_NOISE", 1000)
    far, near = pty.openpty()
    tty.setraw(near)
    bus = SlcanBus(os.ttyname(near), 125_000, sleep_after_open=0.0)
    yield far, bus
    bus.shutdown()
    os.close(near)
    os.close(far)


@pytest.mark.parametrize("acknowledgement", [b"z\r", b"\r", b"\a"])
def test_what_an_adapter_says_to_our_frames_is_no_noise(
    serial_bus: tuple[int, SlcanBus], acknowledgement: bytes
) -> None:
    adapter, bus = serial_bus
    frame = can.Message(arbitration_id=0x100, data=b"\1", is_extended_id=False)
    for _ in range(2000):
        bus.send(frame)
        os.read(adapter, MANY)
        os.write(adapter, acknowledgement)
        bus.recv(0.0)


def test_frames_of_other_instruments_on_the_bus_are_no_noise(
    serial_bus: tuple[int, SlcanBus],
) -> None:
    adapter, bus = serial_bus
    for _ in range(100):
        os.write(adapter, b"T000001238" + b"00" * 8 + b"\r")
        frame = bus.recv(NEVER)
        assert frame is not None
        assert frame.is_extended_id
        assert (frame.arbitration_id, bytes(frame.data)) == (0x123, bytes(8))


# -- simulators


async def _flooded(link: TcpUrl, pattern: bytes) -> None:
    """Send a simulator noise until it ends the connection."""
    reader, writer = await asyncio.open_connection(link.host, link.port)
    noise = pattern * (MANY // len(pattern))

    async def pour() -> None:
        with suppress(ConnectionError):
            while True:
                writer.write(noise)
                await writer.drain()
                await asyncio.sleep(0)

    async def drink() -> None:
        with suppress(ConnectionError):
            while await reader.read(MANY):
                pass

    async with asyncio.timeout(NEVER):
        await asyncio.gather(pour(), drink())
    writer.close()


async def test_a_simulated_gateway_drops_noise_and_serves_others() -> None:
    async with simulator() as one:
        link = await one.listen("tcp://127.0.0.1:0")
        async with Raw.connected(link) as other:
            url = TcpUrl("127.0.0.1", int(link.rpartition(":")[2]))
            flood = asyncio.ensure_future(_flooded(url, b"\xaa"))
            while not flood.done():
                assert await other.read(101, 3000) is not None
            await flood
            assert one.connections == 1


@pytest.mark.parametrize("rtu", [False, True])
async def test_a_simulated_modbus_device_drops_noise(rtu: bool) -> None:
    server = ModbusServer({1: ModbusDevice()})
    url = await server.open_tcp(TcpUrl("127.0.0.1", 0, rtu))
    await _flooded(url, b"\xaa")
    assert server.connections == 0
    await server.close()


async def test_a_simulated_cycler_drops_noise() -> None:
    server = CyclerServer(CyclerModel(Behaviour(), time.monotonic))
    url = await server.open_tcp(TcpUrl("127.0.0.1", 0))
    await _flooded(url, b"\xaa")
    assert len(server.sessions) == 0
    await server.close()


@pytest.mark.parametrize("pattern", [b"<", b"<>", b"\xaa"])
async def test_a_simulated_socketcand_drops_noise(pattern: bytes) -> None:
    line = SimulatedLine()
    ports = Ports()
    url = await serve_socketcand(line, ports, "127.0.0.1", 0)
    await _flooded(TcpUrl(url.host, url.port), pattern)
    await ports.close()
    line.close()
