"""More clients and searches at once than there is room for."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from iocs.ca import listener
from iocs.ca.listener import Listener, most_clients
from iocs.ca.search import MAX_WAITING, RECEIVE_BUFFER, SearchSocket
from iocs.ca.server import Server
from tests.iocs.core.plant import PREFIX, PlantIoc, until
from tests.iocs.cpa1110.rig import simulator
from tests.support.ca import CaSpace
from tests.support.process import PythonProcess
from tests.support.rawca import DBR_TIME_DOUBLE, RawCa, pack

FILES = 128
RMEM_MAX = int(Path("/proc/sys/net/core/rmem_max").read_text())


def _search(number: int, name: str = PREFIX + "Level") -> bytes:
    return pack(0, b"", 1, 13, number) + pack(6, name.encode() + b"\0", 5, 13, number, number)


def _found(datagram: bytes) -> list[int]:
    """The numbers of the searches that a datagram answers."""
    found: list[int] = []
    at = 0
    while at < len(datagram):
        command, size, _, _, _, number = struct.unpack_from(">HHHHII", datagram, at)
        found += [number] if command == 6 else []
        at += 16 + size
    return found


@contextmanager
def _asking() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        client.bind(("127.0.0.1", 0))
        yield client


async def _answers(client: socket.socket, count: int) -> tuple[set[int], int]:
    """The searches that were answered, when all of them or for long none, and the datagrams."""
    loop = asyncio.get_running_loop()
    found: set[int] = set()
    datagrams = 0
    while len(found) < count:
        try:
            async with asyncio.timeout(10):
                found.update(_found(await loop.sock_recv(client, 1 << 16)))
        except TimeoutError:
            break
        datagrams += 1
    return found, datagrams


async def test_a_burst_of_searches_is_taken_in_at_once_and_answered_together(
    space: CaSpace, group: PlantIoc
) -> None:
    """As many as the system can keep, sent while the server has no chance to look."""
    context = Server(cast("Any", group.pvdb), ["127.0.0.1"])
    await context.start()
    try:
        (search, _) = context._search
        kept = search._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        assert kept >= 2 * min(RMEM_MAX, RECEIVE_BUFFER)
        burst = min(3000, kept // 1280)
        with _asking() as client:
            for number in range(burst):
                client.sendto(_search(number), ("127.0.0.1", space.server_port))
            found, datagrams = await _answers(client, burst)
        assert found == set(range(burst))
        assert datagrams <= burst // 10
    finally:
        await context.close()


@pytest.mark.skipif(RMEM_MAX < RECEIVE_BUFFER, reason="net.core.rmem_max: less than this burst")
async def test_three_thousand_searches_at_once_are_all_answered(ca_space: CaSpace) -> None:
    async with PythonProcess("tests.iocs.core.serve_plant", PREFIX, env=ca_space.env) as ioc:
        await ioc.line("^ready on")
        with _asking() as client:
            for number in range(3000):
                client.sendto(_search(number), ("127.0.0.1", ca_space.server_port))
            found, _ = await _answers(client, 3000)
    assert found == set(range(3000))


async def test_a_flood_of_searches_costs_bounded_memory_and_time_per_turn() -> None:
    with _asking() as client, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        asked: list[str] = []
        search = SearchSocket(sock, 5064, lambda name: not asked.append(name), frozenset())
        try:
            largest = 0
            for _ in range(200):
                for number in range(100):
                    client.sendto(_search(number) * 20, sock.getsockname())
                before = len(asked)
                await asyncio.sleep(0)
                largest = max(largest, len(asked) - before)
                assert search._waiting_size < MAX_WAITING + (1 << 16)
            assert 0 < largest < 5000
        finally:
            search.close()


class _Clogged(socket.socket):
    """A socket whose network takes nothing three times out of four."""

    tries = 0

    def sendto(self, *arguments: Any) -> int:
        self.tries += 1
        if self.tries % 4:
            raise BlockingIOError
        return super().sendto(*arguments)


async def test_answers_that_the_system_does_not_take_wait() -> None:
    with _asking() as client, _Clogged(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        search = SearchSocket(sock, 5064, lambda _: True, frozenset())
        try:
            for number in range(250):
                client.sendto(_search(number), sock.getsockname())
            found, datagrams = await _answers(client, 250)
            assert found == set(range(250))
            assert sock.tries == 4 * datagrams
        finally:
            search.close()


async def test_a_burst_of_clients_finds_the_limit(ca_space: CaSpace, tmp_path: Path) -> None:
    """All files of the host cannot be had by connecting; who waits is served in turn."""
    saved = tmp_path / "cpa.json"
    async with AsyncExitStack() as stack:
        panel, link = await stack.enter_async_context(simulator())
        arguments = ("--link", link, "--prefix", PREFIX, "--autosave", saved)
        limited = (str(FILES), "iocs.cpa1110", *arguments)
        ioc = PythonProcess("tests.support.few_files", *limited, env=ca_space.env)
        await stack.enter_async_context(ioc)
        port = int((await ioc.line(r"TCP port (\d+)$"))[1])
        first = await stack.enter_async_context(RawCa(port))
        connected = await first.subscribe(await first.create(PREFIX + "Connected"))
        await connected.until(lambda event: _is(event.payload, 1))
        crowd = [await stack.enter_async_context(RawCa(port)) for _ in range(2 * FILES)]
        await first.sync()

        await panel.close()  # the link is closed, and opened again when the panel is back
        await connected.until(lambda event: _is(event.payload, 0), since=len(connected.events) - 1)
        await panel.listen(link)
        await connected.until(lambda event: _is(event.payload, 1), since=len(connected.events) - 1)
        await first.put(await first.create(PREFIX + "CoolantInTemp.HIHI"), 77.0)
        await until(saved.exists)
        assert json.loads(saved.read_text())["settings"]

        await _served_in_turn(first, crowd)
        await ioc.line("there is room for more")
        async with RawCa(port) as last:
            await last.sync()
        assert len([line for line in ioc.stderr if "more have to wait" in line]) == 1, ioc.output
        assert not [line for line in ioc.stderr if "Traceback" in line or "asyncio" in line]


async def _served_in_turn(first: RawCa, crowd: list[RawCa]) -> None:
    """As many as there is room for are served, and as many again when those go."""
    room = FILES - min(listener.RESERVE, FILES // 2)
    count = await first.create(PREFIX + "Ioc:CA_CLNT_CNT")
    clients = await first.subscribe(count, data_type=DBR_TIME_DOUBLE)
    await clients.until(lambda event: event.double == room)
    answers = {client: asyncio.create_task(client.sync()) for client in crowd}
    await until(lambda: sum(task.done() for task in answers.values()) == room - 1)
    for client in [client for client, task in answers.items() if task.done()]:
        client.abort()
    await until(lambda: sum(task.done() for task in answers.values()) == 2 * (room - 1))
    assert max(event.double for event in clients.events) == room
    for client in crowd:
        client.abort()
    await asyncio.gather(*answers.values(), return_exceptions=True)


def _is(payload: bytes, state: int) -> bool:
    """Whether a DBR_TIME_ENUM payload shows a state."""
    return struct.unpack_from(">H", payload, 14)[0] == state


async def test_a_listener_without_files_says_so_once_and_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are used up by something else: accept() fails with EMFILE."""
    monkeypatch.setattr(listener, "RETRY", 0.01)
    monkeypatch.setattr(listener, "CALM", 0.1)
    served: list[socket.socket] = []

    async def serve(client: socket.socket) -> None:
        served.append(client)
        client.close()

    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        door = Listener([sock], serve, 10)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        others = [socket.socket() for _ in range(3)]
        hoard: list[int] = []
        try:
            for other in others:
                other.setblocking(False)
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
            with pytest.raises(OSError, match="Too many open files"):
                hoard.extend(os.dup(0) for _ in range(1000))
            for other in others:
                other.connect_ex(sock.getsockname())
            for _ in range(20):
                await asyncio.sleep(0.01)
            assert served == []
        finally:
            for number in hoard:
                os.close(number)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await until(lambda: len(served) == 3)
        await until(lambda: len(caplog.records) == 2)
        for other in others:
            other.close()
        await door.close()
    texts = [record.getMessage() for record in caplog.records]
    assert "more have to wait: [Errno 24]" in texts[0]
    assert "there is room for more" in texts[1]


def test_files_are_kept_in_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    for soft, most in ((20, 10), (128, 64), (256, 128), (1024, 896), (65536, 65408)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, soft=soft: (soft, soft))
        assert most_clients() == most
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert most_clients() == 65536
