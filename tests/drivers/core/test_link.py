"""The link by itself, on a transport that is not Modbus: lines of text in UDP datagrams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

import pytest

from drivers.core.backoff import Backoff
from drivers.core.errors import BadReply, LinkDown, NoReply
from drivers.core.link import Link, LinkState
from drivers.core.quarantine import UnitHealth


class _Echo(asyncio.DatagramProtocol):
    """A device that answers `ping N` with `pong N`."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.silent = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received.append(data)
        if not self.silent:
            self.transport.sendto(data.replace(b"ping", b"pong"), addr)


class _Socket(asyncio.DatagramProtocol):
    """The link's end."""

    keep_after_error = False

    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()
        self.alive = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.answers.put_nowait(data)

    def close(self, *, discard: bool) -> None:
        self.alive = False
        self.transport.close()


def _ping(number: int) -> Callable[[_Socket, float], Awaitable[bytes]]:
    async def exchange(connection: _Socket, within: float) -> bytes:
        connection.transport.sendto(b"ping %d" % number)
        try:
            async with asyncio.timeout(within):
                answer = await connection.answers.get()
        except TimeoutError:
            raise NoReply("udp", "unit", "ping", "nothing") from None
        if answer != b"pong %d" % number:
            raise BadReply("udp", "unit", "ping", answer.decode())
        return answer

    return exchange


class _Rig:
    def __init__(self, echo: _Echo, address: tuple[str, int]) -> None:
        self.echo = echo
        self.address = address
        self.refuse = False
        self.now = 0.0
        self.link: Link[_Socket] = Link(
            "udp",
            self._connect,
            open_timeout=0.1,
            backoff=Backoff(1.0, 8.0, clock=lambda: self.now, uniform=lambda low, _: low),
        )
        self.unit = UnitHealth("unit")
        self.link.register(self.unit)

    async def _connect(self) -> _Socket:
        if self.refuse:
            raise OSError(113, "No route to host")
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_datagram_endpoint(_Socket, remote_addr=self.address)
        return protocol

    async def ping(self, number: int, within: float = 5.0) -> bytes:
        return await self.link.request(self.unit, f"ping {number}", _ping(number), within=within)


@pytest.fixture
async def rig() -> AsyncIterator[_Rig]:
    loop = asyncio.get_running_loop()
    transport, echo = await loop.create_datagram_endpoint(_Echo, local_addr=("127.0.0.1", 0))
    rig = _Rig(echo, transport.get_extra_info("sockname"))
    yield rig
    await rig.link.close()
    transport.close()


async def test_requests_take_turns(rig: _Rig) -> None:
    answers = await asyncio.gather(*(rig.ping(number) for number in range(20)))
    assert answers == [b"pong %d" % number for number in range(20)]
    assert rig.echo.received == [b"ping %d" % number for number in range(20)]
    assert (rig.link.opens, rig.link.reconnects) == (1, 0)


async def test_states(rig: _Rig) -> None:
    assert rig.link.state is LinkState.IDLE
    rig.refuse = True
    with pytest.raises(LinkDown, match=r"No route to host; next try in 1\.0 s"):
        await rig.ping(1)
    assert rig.link.state is LinkState.DOWN
    rig.refuse = False
    rig.now += 1.0
    await rig.ping(2)
    assert rig.link.state is LinkState.OPEN
    await rig.link.close()
    assert rig.link.state is LinkState.CLOSED


async def test_back_off_grows_and_is_forgotten_after_success(rig: _Rig) -> None:
    rig.refuse = True
    for wait in (1.0, 1.5, 3.0, 6.0, 6.0):
        with pytest.raises(LinkDown, match=f"next try in {wait:.1f} s"):
            await rig.ping(1)
        with pytest.raises(LinkDown, match=f"next try in {wait:.1f} s"):
            await rig.ping(1)
        rig.now += wait
    rig.refuse = False
    await rig.ping(1)
    rig.refuse = True
    assert rig.echo.received == [b"ping 1"]


async def test_the_first_missing_answer_reopens_at_once_the_second_backs_off(rig: _Rig) -> None:
    await rig.ping(1)
    rig.echo.silent = True
    for number in (2, 3):
        with pytest.raises(NoReply):
            await rig.ping(number, 0.05)
    with pytest.raises(LinkDown, match=r"no reply: nothing; next try in 1\.0 s"):
        await rig.ping(4, 0.05)
    rig.echo.silent = False
    rig.now += 1.0
    assert await rig.ping(5) == b"pong 5"
    assert rig.echo.received == [b"ping %d" % number for number in (1, 2, 3, 5)]
    assert rig.link.opens == 3


async def test_a_cancelled_request_ends_before_the_next_begins(rig: _Rig) -> None:
    rig.echo.silent = True
    first = asyncio.create_task(rig.ping(1, 0.3))
    while not rig.echo.received:
        await asyncio.sleep(0.01)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    rig.echo.silent = False
    second = asyncio.create_task(rig.ping(2))
    await asyncio.sleep(0.05)
    assert rig.echo.received == [b"ping 1"]
    assert await second == b"pong 2"


async def test_a_request_cancelled_in_the_queue_is_never_sent(rig: _Rig) -> None:
    rig.echo.silent = True
    first = asyncio.create_task(rig.ping(1, 0.2))
    second = asyncio.create_task(rig.ping(2))
    await asyncio.sleep(0.05)
    second.cancel()
    with pytest.raises(NoReply):
        await first
    rig.echo.silent = False
    await rig.ping(3)
    assert rig.echo.received == [b"ping 1", b"ping 3"]


async def test_a_queued_request_fails_with_the_one_that_could_not_open(rig: _Rig) -> None:
    rig.refuse = True
    outcomes = await asyncio.gather(*(rig.ping(n) for n in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LinkDown] * 5
    rig.refuse = False
    rig.now += 1.0
    assert await rig.ping(6) == b"pong 6"


async def test_a_mistake_in_a_driver_does_not_jam_the_link(rig: _Rig) -> None:
    async def broken(connection: _Socket, within: float) -> bytes:
        raise ZeroDivisionError

    await rig.ping(1)
    with pytest.raises(ZeroDivisionError):
        await rig.link.request(rig.unit, "break", broken, within=1.0)
    assert not rig.link.connected
    assert await rig.ping(2) == b"pong 2"
    assert rig.link.reconnects == 1


async def test_opening_has_a_time_limit(rig: _Rig) -> None:
    async def never() -> _Socket:
        await asyncio.Event().wait()
        raise AssertionError

    link: Link[_Socket] = Link("udp", never, open_timeout=0.05)
    with pytest.raises(LinkDown, match=r"no answer in 0\.05 s"):
        await link.request(UnitHealth("unit"), "ping", _ping(1), within=1.0)


async def test_closing_waits_for_the_running_request(rig: _Rig) -> None:
    request = asyncio.create_task(rig.ping(1))
    await asyncio.sleep(0)
    await rig.link.close()
    assert await request == b"pong 1"
    with pytest.raises(LinkDown, match="closed"):
        await rig.ping(2)
