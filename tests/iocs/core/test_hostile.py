"""Hostile and broken clients: the IOC lives on, and everybody else is served."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iocs.app.serve import Ioc
from iocs.ca.dbr import ConversionError
from iocs.ca.framing import MAX_HELD, SMALL, Framer, Held, TooLong, room_for
from iocs.ca.search import answer
from iocs.ca.stamp import Stamp
from iocs.device.declare import array
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, read_now, serving, until
from tests.support.ca import CaSpace
from tests.support.rawca import (
    CREATE,
    DBR_TIME_DOUBLE,
    ECHO,
    ERROR,
    EVENT_ADD,
    EVENT_CANCEL,
    READ_NOTIFY,
    WRITE_NOTIFY,
    Channel,
    NoSuchPv,
    RawCa,
    pack,
    subscription,
)

ECA_TOLARGE = 72
_NAME = (PREFIX + "Temperature").encode() + b"\0"
_VALID = (
    pack(0, b"", 0, 13),
    pack(CREATE, _NAME, 0, 0, 1, 13),
    pack(READ_NOTIFY, b"", 6, 1, 1, 7),
    pack(WRITE_NOTIFY, bytes(8), 6, 1, 1, 8),
    subscription(Channel("", 1, 1, 6, 1, 1), 9, 20, 0, 5),
    pack(EVENT_CANCEL, b"", 20, 0, 1, 9),
    pack(12, b"", 0, 0, 1, 1),
    pack(ECHO),
)
messages = st.builds(
    lambda command, payload, fields: pack(command, payload, *fields),
    st.integers(0, 40),
    st.binary(max_size=100),
    st.tuples(
        st.integers(0, 60) | st.integers(0, 65535),
        st.integers(0, 5) | st.integers(0, 2**31),
        st.integers(0, 3) | st.integers(0, 2**32 - 1),
        st.integers(0, 20) | st.integers(0, 2**32 - 1),
    ),
)
streams = st.lists(st.sampled_from(_VALID) | messages | st.binary(max_size=200), max_size=12).map(
    b"".join
)
bounded = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def is_served(port: int) -> bool:
    """Whether a well-behaved client is served."""
    async with RawCa(port) as client:
        answer = await client.read(await client.create(PREFIX + "Temperature"), DBR_TIME_DOUBLE)
        return answer.one == 1


async def send_and_go(port: int, data: bytes) -> None:
    """Send some bytes, and go when the server has taken them in or dropped the circuit."""
    async with RawCa(port, greet=False) as client:
        client.send(data)
        with contextlib.suppress(OSError):
            await client.drain()
            client._writer.write_eof()
            await client.gone()


def test_any_bytes_over_tcp(space: CaSpace, caplog: pytest.LogCaptureFixture) -> None:
    errors: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: errors.append(str(context)))

        @bounded
        @given(streams)
        def attack(data: bytes) -> None:
            future = asyncio.run_coroutine_threadsafe(send_and_go(ioc.context.port, data), loop)
            future.result(30)

        async with serving(PlantIoc(PREFIX, Plant())) as ioc:
            await asyncio.to_thread(attack)
            assert await is_served(ioc.context.port)
            await until(lambda: not ioc.context.circuits)

    asyncio.run(main())
    assert errors == []
    assert [r.getMessage() for r in caplog.records if r.exc_info] == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=60) | messages, max_size=6).map(b"".join))
def test_any_search_datagram(datagram: bytes) -> None:
    for reply in answer(datagram, 5064, lambda name: name == "T:X"):
        assert len(reply) <= 1400


def test_a_search_gets_what_it_asks_for_and_no_more() -> None:
    def search(name: str, number: int) -> bytes:
        return pack(6, name.encode() + b"\0", 5, 13, number, number)

    version = pack(0, b"", 1, 13, 77)
    names = [search("T:X" if number % 2 else "T:Y", number) for number in range(200)]
    replies = answer(version + b"".join(names), 5064, lambda name: name == "T:X")
    assert all(reply.startswith(pack(0, b"", 1, 13, 77)) for reply in replies)
    found = [
        struct.unpack_from(">I", reply, at + 12)[0]
        for reply in replies
        for at in range(16, len(reply), 24)
    ]
    assert found == list(range(1, 200, 2))
    assert answer(names[1][:-1], 5064, lambda _: True) == []


async def test_any_bytes_over_udp(space: CaSpace, ioc: Ioc) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for size in range(0, 2000, 7):
            sock.sendto(bytes(range(256)) * 8, ("127.0.0.1", space.server_port))
            sock.sendto(b"\0\6" * size, ("127.0.0.1", space.server_port))
            sock.sendto(pack(6, b"T:X." + b"[" * size, 5, 13), ("127.0.0.1", space.server_port))
            await asyncio.sleep(0)
    assert await is_served(ioc.context.port)


@pytest.fixture
async def bystander(ioc: Ioc, group: PlantIoc, raw: RawCa) -> AsyncIterator[RawCa]:
    """A well-behaved client; when the test ends it must still get events."""
    await read_now(group)
    monitor = await raw.subscribe(await raw.create(PREFIX + "Level"))
    yield raw
    group.point("level").post(12345.0, Stamp.now())
    await monitor.until(lambda event: event.double == 12345.0)


async def test_half_a_message_holds_up_nobody(ioc: Ioc, bystander: RawCa) -> None:
    async with RawCa(ioc.context.port) as client:
        client.send(_VALID[1][:20])
        await client.drain()
        assert await is_served(ioc.context.port)
        client.send(_VALID[1][20:])
        await client.sync()
        assert client.unasked[-1].command == CREATE


@pytest.mark.parametrize("command", [CREATE, READ_NOTIFY, WRITE_NOTIFY, ECHO, 20, 0x4745])
async def test_a_message_too_long_drops_the_client(
    ioc: Ioc, bystander: RawCa, command: int
) -> None:
    """Nothing but a put to an open channel may be long, whatever it says it is."""
    async with RawCa(ioc.context.port) as client:
        client.send(struct.pack(">HHHHIIII", command, 0xFFFF, 6, 0, 1, 1, SMALL + 8, 9))
        await client.gone()


@pytest.mark.parametrize("sent", [0, 1, 8000, 99_992, 100_000])
async def test_a_put_that_no_pv_can_take_is_refused_when_it_is_announced(
    ioc: Ioc, bystander: RawCa, sent: int
) -> None:
    async with RawCa(ioc.context.port) as client:
        trace = await client.create(PREFIX + "Trace")
        request = client.put_request(trace, bytes(100_000), None, 77)
        header = len(request) - 100_000
        client.send(request[: header + sent])
        await until(lambda: len(client.unasked) == 3)
        _, error, answer = client.unasked
        assert (error.command, error.one, error.two) == (ERROR, trace.cid, ECA_TOLARGE)
        assert f"takes {SMALL} bytes" in error.text
        assert (answer.command, answer.one, answer.two) == (WRITE_NOTIFY, ECA_TOLARGE, 77)
        assert ioc.context.held.size == 0
        client.send(request[header + sent :])
        assert (await client.read(trace)).one == 1


async def test_a_put_that_is_long_for_others_fits_a_long_pv(space: CaSpace) -> None:
    class LongIoc(PlantIoc):
        """A plant with a long array."""

        curve = array(
            PlantIoc.main, "Curve", lambda r: r.trace, count=5000, doc="Curve", units="mV"
        )

    async with serving(LongIoc(PREFIX, Plant())) as ioc, RawCa(ioc.context.port) as client:
        curve = await client.create(PREFIX + "Curve")
        request = client.put_request(curve, bytes(40_000), None, 5)
        client.send(request[:30_000])
        await until(lambda: ioc.context.held.size == 30_000)
        client.send(request[30_000:])
        await client.sync()
        assert [m for m in client.unasked if m.two == ECA_TOLARGE] == []
        assert ioc.context.held.size == 0


def _announced(size: int) -> bytes:
    return struct.pack(">HHHHIIII", WRITE_NOTIFY, 0xFFFF, 6, 0, 1, 1, size, size // 8)


def test_unfinished_messages_hold_what_came_and_no_more() -> None:
    held = Held()
    framers = [Framer(lambda _: 1 << 20, held) for _ in range(200)]
    for framer in framers:
        assert list(framer.take(_announced(1 << 20) + bytes(1000))) == []
    assert held.size == 200 * 1024
    refused = 0
    for framer in framers:
        for _ in range(100):
            refused += sum(isinstance(frame, TooLong) for frame in framer.take(bytes(8192)))
    assert MAX_HELD <= held.size < MAX_HELD + (1 << 20) + 200 * 8192
    assert refused > 100
    for framer in framers:
        framer.close()
    assert held.size == 0


@given(
    st.lists(st.sampled_from(_VALID) | st.just(_announced(40_000) + bytes(40_000)), max_size=12),
    st.lists(st.integers(0, 100_000), max_size=12),
)
def test_messages_are_cut_out_of_any_chunks(whole: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(whole)
    ends = [*sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    framer = Framer(lambda _: room_for(1000), Held())
    chunks = [stream[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert [frame for chunk in chunks for frame in framer.take(chunk)] == whole


@given(st.lists(st.binary(max_size=100) | messages, max_size=20))
def test_any_chunks_are_cut_or_refused(chunks: list[bytes]) -> None:
    held = Held()
    framer = Framer(lambda _: SMALL, held)
    with contextlib.suppress(ConversionError):
        for chunk in chunks:
            for frame in framer.take(chunk):
                assert frame
    framer.close()
    assert held.size == 0


async def test_a_huge_count_is_refused(ioc: Ioc, bystander: RawCa) -> None:
    channel = await bystander.create(PREFIX + "Trace")
    for count in (6, 70_000, 0xFFFFFFF0):
        reply = await bystander.read(channel, 6, count)
        assert (reply.one, reply.payload) == (152, b"")
    bystander.send(subscription(channel, 99, 20, 0xFFFFFFF0, 1))
    await bystander.sync()
    assert "has 5 elements" in bystander.unasked[-1].text


async def test_unknown_types_and_names_are_refused(bystander: RawCa) -> None:
    channel = await bystander.create(PREFIX + "Temperature")
    for data_type in (35, 36, 39, 1000, 65535):
        assert (await bystander.read(channel, data_type)).one == 152
    for name in ("", ".", "T:", "T:Temperature.{", 'T:Temperature.{"dbnd":1}', "x" * 5000):
        with pytest.raises(NoSuchPv):
            await bystander.create(name)


async def test_a_subscription_cancelled_twice(bystander: RawCa, group: PlantIoc) -> None:
    channel = await bystander.create(PREFIX + "Temperature")
    monitor = await bystander.subscribe(channel)
    await bystander.cancel(monitor)
    assert group.point("temperature").monitors is None
    await bystander.cancel(monitor)
    assert bystander.unasked[-1].two == 242  # ECA_BADMONID
    assert (await bystander.read(channel)).one == 1


async def test_a_subscription_number_used_twice_drops_the_client(
    ioc: Ioc, bystander: RawCa, group: PlantIoc
) -> None:
    async with RawCa(ioc.context.port) as client:
        channel = await client.create(PREFIX + "Temperature")
        monitor = await client.subscribe(channel)
        client.send(subscription(channel, monitor.number, 20, 0, 1))
        await client.gone()
    await until(lambda: group.point("temperature").monitors is None)


async def test_a_channel_that_is_not_open_drops_the_client(ioc: Ioc, bystander: RawCa) -> None:
    for command in (EVENT_ADD, EVENT_CANCEL, READ_NOTIFY, WRITE_NOTIFY, 12):
        async with RawCa(ioc.context.port) as client:
            client.send(pack(command, bytes(16), 20, 1, 4711, 1))
            await client.gone()


async def test_a_client_that_asks_and_never_reads_costs_bounded_memory(
    ioc: Ioc, bystander: RawCa
) -> None:
    async with RawCa(ioc.context.port, receive_buffer=4096) as client:
        channel = await client.create(PREFIX + "Note")
        (circuit,) = [
            c for c in ioc.context.circuits if len(c.channels) == 1 and not c.monitor_count
        ]
        client.pause()
        request = pack(READ_NOTIFY, b"", 4, 0, channel.sid, 1)
        sent = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                while sent < 600_000:
                    client.send(request * 1000)
                    sent += 1000
                    await client.drain()
        waiting = circuit._writer.transport.get_write_buffer_size()
        assert waiting < 1 << 20
        assert await is_served(ioc.context.port)
        client.abort()


async def test_a_flood_of_puts(ioc: Ioc, bystander: RawCa, plant: Plant) -> None:
    async with RawCa(ioc.context.port) as client:
        limit = await client.create(PREFIX + "Temperature.HIHI")
        target = await client.create(PREFIX + "Target")
        for number in range(3000):
            client.send(client.put_request(limit, float(number), None, number))
            client.send(client.put_request(target, float(number % 50), None, number, command=4))
        await client.sync()
        assert await is_served(ioc.context.port)
        assert (await client.put(limit, 7.0)).one == 1


async def test_fifty_clients_with_monitors(ioc: Ioc, bystander: RawCa, group: PlantIoc) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(RawCa(ioc.context.port)) for _ in range(50)]
        monitors = [await c.subscribe(await c.create(PREFIX + "Pressure")) for c in clients]
        for last in range(104, 120, 5):  # fewer than a client may be behind
            for number in range(last - 4, last + 1):
                group.point("pressure").post(float(number), Stamp.now())
                await asyncio.sleep(0)
            for monitor in monitors:
                await monitor.until(lambda event, last=last: event.double == last)
        for monitor in monitors:
            posted = [e.double for e in monitor.events if e.double >= 100.0]  # a scan may fall in
            assert posted == [100.0 + n for n in range(20)]
        assert ioc._count_clients() == (51, 51, 51)
    await until(lambda: len(ioc.context.circuits) == 1)


async def test_names_of_clients_cannot_forge_log_lines(
    ioc: Ioc, bystander: RawCa, caplog: pytest.LogCaptureFixture
) -> None:
    async with RawCa(ioc.context.port, user="eve\nroot", host="x\r\n\x1b[2J") as client:
        await client.put(await client.create(PREFIX + "Target"), 1e9)
    (line,) = [r.getMessage() for r in caplog.records if "put to" in r.getMessage()]
    assert line.isprintable()
