"""Instruments that connect to us: told apart, replaced, refused, and the port given back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from drivers.core.stream import Caller, expect_caller
from drivers.core.stream.tcp_stream import TcpStream
from drivers.core.url import ListenUrl
from tests.support.wire.until import PATIENCE, until


class Dialled:
    """An instrument that has connected."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, port: int, host: str = "127.0.0.1") -> Dialled:
        return cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0)))

    async def ended(self) -> bool:
        """True once the other side has ended the connection."""
        try:
            return await asyncio.wait_for(self.reader.read(1), PATIENCE) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.writer.close()


def _from(host: str) -> Callable[[TcpStream], Awaitable[bool]]:
    async def recognise(stream: TcpStream) -> bool:
        return stream.host == host

    return recognise


async def _anybody(_stream: TcpStream) -> bool:
    return True


def _nothing() -> None:
    return


@asynccontextmanager
async def expecting(*callers: Caller) -> AsyncIterator[None]:
    """Callers that are waited for, and left at the end."""
    try:
        yield
    finally:
        for caller in callers:
            await caller.leave()


async def test_a_connection_is_handed_to_who_waits_for_it(free_port: int) -> None:
    url = ListenUrl("127.0.0.1", free_port)
    arrivals: list[str] = []
    first = expect_caller(url, "first", _from("127.0.0.1"), lambda: arrivals.append("first"))
    second = expect_caller(url, "second", _from("127.0.0.2"), lambda: arrivals.append("second"))
    async with expecting(first, second):
        waiting = [asyncio.ensure_future(each.stream()) for each in (first, second)]
        await asyncio.sleep(0.01)
        instruments = [await Dialled.to(free_port, host) for host in ("127.0.0.2", "127.0.0.1")]
        streams = await asyncio.gather(*waiting)
        assert [stream.host for stream in streams] == ["127.0.0.1", "127.0.0.2"]
        assert sorted(arrivals) == ["first", "second"]
        heard: list[bytes] = []
        streams[1].receive = heard.append
        instruments[0].writer.write(b"from the second")
        await until(lambda: heard == [b"from the second"])
        for each in instruments:
            each.close()


async def test_the_port_opens_with_the_first_wait_and_closes_with_the_last(
    free_port: int,
) -> None:
    url = ListenUrl("127.0.0.1", free_port)
    callers = [expect_caller(url, name, _from("127.0.0.9"), _nothing) for name in ("a", "b")]
    with pytest.raises(ConnectionRefusedError):
        await Dialled.to(free_port)
    waiting = asyncio.ensure_future(callers[0].stream())
    await asyncio.sleep(0.01)
    (await Dialled.to(free_port)).close()
    waiting.cancel()
    await callers[0].leave()
    (await Dialled.to(free_port)).close()
    await callers[1].leave()
    with pytest.raises(ConnectionRefusedError):
        await Dialled.to(free_port)


async def test_a_new_connection_replaces_the_one_before(free_port: int) -> None:
    """An instrument that lost its power connects again; the old connection looks alive."""
    caller = expect_caller(ListenUrl("127.0.0.1", free_port), "x", _anybody, _nothing, anybody=True)
    async with expecting(caller):
        waiting = asyncio.ensure_future(caller.stream())
        await asyncio.sleep(0.01)
        before = await Dialled.to(free_port)
        old = await waiting
        losses: list[str] = []
        old.lost = losses.append
        after = await Dialled.to(free_port)
        new = await caller.stream()
        assert (old.alive, new.alive) == (False, True)
        assert losses == [f"replaced by a new connection of {new.peer}"]
        assert await before.ended()
        assert caller.current is new
        after.close()
        await until(lambda: caller.current is None)


async def test_strangers_are_refused_and_named(
    free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caller = expect_caller(ListenUrl("127.0.0.1", free_port), "x", _from("127.0.0.3"), _nothing)
    async with expecting(caller):
        waiting = asyncio.ensure_future(caller.stream())
        await asyncio.sleep(0.01)
        with caplog.at_level(logging.WARNING, "labioc.acceptor"):
            stranger = await Dialled.to(free_port)
            assert await stranger.ended()
        assert "nobody waits for 127.0.0.1:" in caplog.text
        assert not waiting.done()
        stranger.close()
        instrument = await Dialled.to(free_port, "127.0.0.3")
        assert (await waiting).host == "127.0.0.3"
        instrument.close()


async def test_the_choosy_come_before_who_takes_anybody(free_port: int) -> None:
    url = ListenUrl("127.0.0.1", free_port)
    anybody = expect_caller(url, "anybody", _anybody, _nothing, anybody=True)
    choosy = expect_caller(url, "choosy", _from("127.0.0.1"), _nothing)
    async with expecting(anybody, choosy):
        waiting = [asyncio.ensure_future(each.stream()) for each in (anybody, choosy)]
        await asyncio.sleep(0.01)
        one, two = await Dialled.to(free_port), await Dialled.to(free_port, "127.0.0.2")
        assert [(await each).host for each in waiting] == ["127.0.0.2", "127.0.0.1"]
        one.close()
        two.close()


async def test_only_one_may_take_anybody(free_port: int) -> None:
    url = ListenUrl("127.0.0.1", free_port)
    one, two = (
        expect_caller(url, name, _anybody, _nothing, anybody=True) for name in ("one", "two")
    )
    async with expecting(one, two):
        with pytest.raises(OSError, match=r"one waits on .* for anybody too: say which peer"):
            await two.stream()


async def test_a_port_of_another_program_is_told(free_port: int) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", free_port)
    caller = expect_caller(ListenUrl("127.0.0.1", free_port), "x", _anybody, _nothing)
    with pytest.raises(OSError, match="address already in use"):
        await caller.stream()
    await caller.leave()
    server.close()


async def test_a_crowd_is_turned_away(free_port: int) -> None:
    """Connections that are not told apart yet are limited: nobody can fill the memory with them."""
    forever = asyncio.Event()

    async def undecided(_stream: TcpStream) -> bool:
        await forever.wait()
        return False

    caller = expect_caller(ListenUrl("127.0.0.1", free_port), "x", undecided, _nothing)
    async with expecting(caller):
        waiting = asyncio.ensure_future(caller.stream())
        await asyncio.sleep(0.01)
        crowd = [await Dialled.to(free_port) for _ in range(20)]
        ends = [asyncio.ensure_future(each.ended()) for each in crowd]
        await until(lambda: sum(each.done() for each in ends) == 4)
        forever.set()
        assert all(await asyncio.gather(*ends))
        waiting.cancel()
        for each in crowd:
            each.close()
