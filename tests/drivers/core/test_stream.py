"""Plain bytes over a serial line, TCP and UDP: delivery, loss, refusal, what is left behind."""

from __future__ import annotations

import asyncio
import os
import pty
import socket
import termios
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from drivers.core.errors import BadUrl
from drivers.core.stream import ByteStream, open_stream
from drivers.core.stream.udp_stream import UdpStream
from drivers.core.url import SerialLine, SerialUrl, TcpUrl, UdpUrl, parse_link
from tests.support.wire.raw import RawServer
from tests.support.wire.until import until

LINE = SerialLine(38400, "N")


class Ear:
    """Hears a stream."""

    def __init__(self, stream: ByteStream) -> None:
        self.heard = b""
        self.lost: list[str] = []
        stream.receive = self._receive
        stream.lost = self.lost.append

    def _receive(self, data: bytes) -> None:
        self.heard += data


@asynccontextmanager
async def terminal() -> AsyncIterator[tuple[int, str]]:
    """The far end of a serial line, and the device of the near end."""
    far, near = pty.openpty()
    tty.setraw(near)
    os.set_blocking(far, False)
    try:
        yield far, os.ttyname(near)
    finally:
        os.close(near)
        os.close(far)


async def test_a_serial_line_carries_bytes_both_ways() -> None:
    async with terminal() as (far, device):
        stream = await open_stream(SerialUrl(device, LINE))
        ear = Ear(stream)
        assert (stream.peer, stream.alive, stream.delivered) == (device, True, True)
        stream.write(b"to the device")
        assert os.read(far, 100) == b"to the device"
        os.write(far, b"from the device")
        await until(lambda: ear.heard == b"from the device")
        stream.close(discard=False)
        assert (stream.alive, ear.lost) == (False, [])
        stream.close(discard=True)


async def test_a_serial_line_that_takes_nothing_is_no_blockade() -> None:
    """More than the line takes waits; it goes on when the line does."""
    async with terminal() as (far, device):
        stream = await open_stream(SerialUrl(device, LINE))
        sent = bytes(range(256)) * 100
        for _ in range(2):
            stream.write(sent)
        assert not stream.delivered
        received = b""
        while len(received) < 2 * len(sent):
            await asyncio.sleep(0)
            try:
                received += os.read(far, 65536)
            except BlockingIOError:
                await asyncio.sleep(0.001)
        assert received == 2 * sent
        await until(lambda: stream.delivered)
        stream.close(discard=True)


async def test_a_vanished_adapter_is_a_loss() -> None:
    far, near = pty.openpty()
    stream = await open_stream(SerialUrl(os.ttyname(near), LINE))
    ear = Ear(stream)
    os.close(near)
    os.close(far)
    await until(lambda: bool(ear.lost))
    assert not stream.alive
    stream.write(b"into nothing")
    stream.close(discard=True)
    assert len(ear.lost) == 1


async def test_a_serial_line_belongs_to_one_program() -> None:
    async with terminal() as (_, device):
        stream = await open_stream(SerialUrl(device, LINE))
        with pytest.raises(OSError, match=r"exclusive|lock|busy|unavailable"):
            await open_stream(SerialUrl(device, LINE))
        stream.close(discard=False)
        (await open_stream(SerialUrl(device, LINE))).close(discard=False)


async def test_serial_lines_that_cannot_be_opened() -> None:
    with pytest.raises(OSError, match="No such file"):
        await open_stream(SerialUrl("/dev/labioc-none", LINE))
    with pytest.raises(OSError, match="Could not configure port"):
        await open_stream(SerialUrl("/dev/null", LINE))


async def test_line_settings_arrive() -> None:
    async with terminal() as (far, device):
        stream = await open_stream(SerialUrl(device, SerialLine(115200, "N", 8, 2)))
        control, speed = termios.tcgetattr(far)[2], termios.tcgetattr(far)[5]
        assert (bool(control & termios.CSTOPB), speed) == (True, termios.B115200)
        stream.close(discard=False)


async def test_tcp_carries_bytes_and_tells_the_end() -> None:
    async with RawServer(lambda data: data[::-1]) as server:
        stream = await open_stream(TcpUrl("127.0.0.1", server.port))
        ear = Ear(stream)
        assert stream.peer == f"127.0.0.1:{server.port}"
        stream.write(b"abc")
        await until(lambda: ear.heard == b"cba")
        assert stream.delivered
        server.drop_connections()
        await until(lambda: bool(ear.lost))
        assert ear.lost == ["the other end closed the connection"]
        assert (stream.alive, stream.delivered) == (False, False)
        stream.write(b"into nothing")


async def test_what_the_peer_does_not_take_is_not_delivered() -> None:
    """So that a late command can be cut off instead of arriving when the cable is back."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stream = await open_stream(TcpUrl("127.0.0.1", server.getsockname()[1]))
        peer, _ = server.accept()
        stream.write(b"x")
        await until(lambda: stream.delivered)
        stream.write(bytes(16 << 20))
        assert not stream.delivered
        stream.close(discard=True)
        peer.settimeout(20.0)
        with peer, pytest.raises(ConnectionResetError):
            await asyncio.to_thread(_read_all, peer)


def _read_all(peer: socket.socket) -> None:
    while peer.recv(1 << 20):
        pass


async def test_tcp_to_nobody(free_port: int) -> None:
    with pytest.raises(OSError, match="Connect"):
        await open_stream(TcpUrl("127.0.0.1", free_port))


class _Instrument(asyncio.DatagramProtocol):
    """Answers to a fixed port of the host that asked, from any of its own ports."""

    def __init__(self, answer_to: int) -> None:
        self.answer_to = answer_to
        self.heard: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(data)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"re: " + data, (addr[0], self.answer_to))


async def test_udp_receives_on_its_port_whatever_port_the_peer_sends_from(
    new_port: Callable[[], int],
) -> None:
    bind = new_port()
    loop = asyncio.get_running_loop()
    transport, instrument = await loop.create_datagram_endpoint(
        lambda: _Instrument(bind), local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    stream = await open_stream(UdpUrl("127.0.0.1", port, bind))
    ear = Ear(stream)
    stream.write(b"hello")
    await until(lambda: ear.heard == b"re: hello")
    assert instrument.heard == [b"hello"]
    with pytest.raises(OSError, match=r"[Aa]ddress already in use"):
        await open_stream(UdpUrl("127.0.0.1", port, bind))
    stream.close(discard=True)
    assert (stream.alive, ear.lost) == (False, [])
    transport.close()


async def test_udp_takes_nothing_from_strangers(free_port: int) -> None:
    stream = await open_stream(UdpUrl("127.0.0.1", 9, free_port))
    ear = Ear(stream)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        stranger.sendto(b"wrong", ("127.0.0.1", free_port))
    assert isinstance(stream, UdpStream)
    await until(lambda: stream.strangers == 1)
    assert ear.heard == b""
    stream.close(discard=False)


@pytest.mark.parametrize(
    "link", ["rtu+tcp://127.0.0.1:4001", "tcp-listen://:4001", "can://virtual/x"]
)
async def test_other_links_are_no_plain_bytes(link: str) -> None:
    with pytest.raises(BadUrl, match="plain bytes need serial://, tcp:// or udp://"):
        await open_stream(parse_link(link))
