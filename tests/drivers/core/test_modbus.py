"""Modbus through the real pymodbus client, against servers that send the bytes named here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from drivers.core.errors import (
    Ambiguous,
    BadReply,
    BadUrl,
    Blocked,
    DriverError,
    LinkDown,
    NoReply,
    Refused,
)
from drivers.core.link import LinkState
from drivers.core.modbus import ModbusBus
from drivers.core.simulation.modbus_framing import RtuFraming
from drivers.core.simulation.modbus_server import ModbusServer
from drivers.core.url import SerialLine, SerialUrl, TcpUrl, UdpUrl
from tests.support.wire.raw import RawServer
from tests.support.wire.until import until


def _bus(server: RawServer, *, rtu: bool = False, timeout: float = 0.3) -> ModbusBus:
    return ModbusBus(TcpUrl("127.0.0.1", server.port, rtu), timeout=timeout)


def _registers(*values: int) -> bytes:
    return bytes([2 * len(values)]) + b"".join(value.to_bytes(2, "big") for value in values)


def _mbap(request: bytes, pdu: bytes, *, shift: int = 0, unit: int | None = None) -> bytes:
    transaction = (int.from_bytes(request[:2], "big") + shift) & 0xFFFF
    address = request[6] if unit is None else unit
    return (
        transaction.to_bytes(2, "big")
        + bytes(2)
        + (len(pdu) + 1).to_bytes(2, "big")
        + bytes([address])
        + pdu
    )


def _good(request: bytes) -> bytes:
    return _mbap(request, request[7:8] + _registers(*range(request[11])))


async def test_reads_and_writes_as_asked() -> None:
    async def answer(request: bytes) -> bytes:
        return _good(request) if request[7] in (3, 4) else _mbap(request, request[7:12])

    async with RawServer(answer) as server:
        bus = _bus(server)
        unit = bus.unit(5)
        assert server.connections == 0
        assert await unit.read_input(1, 3) == (0, 1, 2)
        assert await unit.read_holding(0x100, 2) == (0, 1)
        await unit.write_register(7, 0xABCD)
        await unit.write_registers(8, [1, 0xFFFF])
        assert [frame.hex() for frame in server.received] == [
            "000100000006" + "0504" + "00010003",
            "000200000006" + "0503" + "01000002",
            "000300000006" + "0506" + "0007abcd",
            "00040000000b" + "0510" + "00080002" + "04" + "0001ffff",
        ]
        assert (bus.exchanges, unit.exchanges, unit.reconnects) == (4, 4, 0)
        assert unit.connected
        await bus.close()
        assert bus.link.state is LinkState.CLOSED


@pytest.mark.parametrize(
    ("pdu", "words"),
    [
        ("03040000 0001", "function 3"),
        ("0402 0000", "4 bytes instead of 6"),
        ("0406 000000010002", "8 bytes instead of 6"),
        ("0402 00000001", "byte count 2"),
        ("04", "1 bytes instead of 6"),
        ("8302", "function 131"),
        ("840211", "an exception of 3 bytes"),
        ("1004 00000001", "function 16"),
    ],
)
async def test_an_answer_that_is_not_the_answer_is_a_bad_reply_at_once(
    pdu: str, words: str
) -> None:
    async def answer(request: bytes) -> bytes:
        if request[10:12] == b"\x00\x02":
            return _mbap(request, bytes.fromhex(pdu))
        return _good(request)

    async with RawServer(answer) as server:
        bus = _bus(server, timeout=30.0)
        unit = bus.unit(1)
        with pytest.raises(BadReply, match=words):
            await unit.read_input(1, 2)
        assert not unit.connected
        assert await unit.read_input(1, 3) == (0, 1, 2)
        assert server.connections == 2
        assert len(server.received) == 2
        await bus.close()


async def test_an_answer_of_another_unit_is_a_bad_reply() -> None:
    async with RawServer(lambda request: _mbap(request, _good(request)[7:], unit=9)) as server:
        bus = _bus(server, timeout=30.0)
        with pytest.raises(BadReply, match="unit 9, asked was 1"):
            await bus.unit(1).read_input(1, 2)
        with pytest.raises(BadReply, match="unit 9, asked was 0"):
            await bus.unit(0).read_input(1, 2)
        await bus.close()


async def test_a_stale_transaction_is_never_taken_for_the_answer() -> None:
    async with RawServer(lambda request: _mbap(request, _good(request)[7:], shift=-1)) as server:
        bus = _bus(server)
        with pytest.raises(BadReply, match="transaction 0, asked was 1"):
            await bus.unit(1).read_input(1, 2)
        await bus.close()


async def test_late_answers_are_passed_over_and_the_right_one_is_taken() -> None:
    async def answer(request: bytes) -> bytes:
        late = _mbap(request, b"\x04" + _registers(66, 66), shift=-1)
        return late + late + _good(request)

    async with RawServer(answer) as server:
        bus = _bus(server)
        assert await bus.unit(1).read_input(1, 2) == (0, 1)
        assert server.connections == 1
        await bus.close()


async def test_transaction_ids_rise_across_connections() -> None:
    async with RawServer(_good) as server:
        bus = _bus(server)
        unit = bus.unit(1)
        for _ in range(3):
            await unit.read_input(1, 2)
            server.drop_connections()
            await asyncio.sleep(0.05)
        assert [frame[:2].hex() for frame in server.received] == ["0001", "0002", "0003"]
        assert (server.connections, unit.reconnects) == (3, 2)
        await bus.close()


async def test_bytes_nobody_asked_for_end_the_connection_quietly() -> None:
    async with RawServer(lambda request: _good(request) + b"\x00") as server:
        bus = _bus(server)
        unit = bus.unit(1)
        assert await unit.read_input(1, 2) == (0, 1)
        assert await unit.read_input(1, 2) == (0, 1)
        assert server.connections == 2
        server.answer = _good
        assert await unit.read_input(1, 2) == (0, 1)
        server.push(b"junk")
        await asyncio.sleep(0.05)
        assert await unit.read_input(1, 2) == (0, 1)
        assert server.connections == 4
        await bus.close()


async def test_a_refusal_carries_the_code_and_keeps_the_connection() -> None:
    async with RawServer(lambda request: _mbap(request, bytes([request[7] | 0x80, 2]))) as server:
        bus = _bus(server)
        unit = bus.unit(1)
        for call in (unit.read_input(99, 1), unit.write_register(99, 1)):
            with pytest.raises(Refused, match="illegal data address") as caught:
                await call
            assert caught.value.code == 2
        assert unit.connected
        assert server.connections == 1
        await bus.close()


@pytest.mark.parametrize("code", [10, 11])
async def test_a_gateway_that_speaks_for_a_silent_unit_has_not_refused(code: int) -> None:
    async with RawServer(
        lambda request: _mbap(request, bytes([request[7] | 0x80, code]))
    ) as server:
        bus = _bus(server)
        unit = bus.unit(1)
        with pytest.raises(NoReply, match=f"the gateway answered with exception {code}"):
            await unit.read_input(1, 1)
        with pytest.raises(Ambiguous, match=f"exception {code}"):
            await unit.write_register(1, 1)
        assert len(server.received) == 2
        await bus.close()


async def test_a_write_that_is_only_acknowledged_is_ambiguous() -> None:
    async with RawServer(lambda request: _mbap(request, bytes([request[7] | 0x80, 5]))) as server:
        bus = _bus(server)
        with pytest.raises(Ambiguous, match="acknowledge"):
            await bus.unit(1).write_register(1, 1)
        with pytest.raises(Refused, match="acknowledge"):
            await bus.unit(1).read_input(1, 1)
        await bus.close()


async def test_transaction_zero_is_no_answer_to_everything() -> None:
    """An id of 0 passes for any in pymodbus; the answer to another request must not pass."""
    async with RawServer(lambda request: bytes(2) + _good(request)[2:]) as server:
        bus = _bus(server)
        with pytest.raises(BadReply, match="transaction 0, asked was 1"):
            await bus.unit(1).read_input(1, 2)
        await bus.close()


@pytest.mark.parametrize(
    "pdu", ["", "06 0001 0002", "06 0002 0001", "06 0001", "10 0001 0001", "04 02 0001"]
)
async def test_a_write_without_its_echo_is_ambiguous_and_sent_once(pdu: str) -> None:
    async with RawServer(
        lambda request: _mbap(request, bytes.fromhex(pdu)) if pdu else b""
    ) as server:
        bus = _bus(server)
        with pytest.raises(Ambiguous):
            await bus.unit(1).write_register(1, 1)
        await asyncio.sleep(0.1)
        assert len(server.received) == 1
        await bus.close()


async def test_a_guard_stops_a_write_before_it_goes_out() -> None:
    async with RawServer(_good) as server:
        bus = _bus(server)
        unit = bus.unit(1)
        await unit.read_input(1, 1)

        def guard() -> None:
            raise Blocked(unit.link, unit.name, "write", "somebody said no")

        with pytest.raises(Blocked, match="somebody said no"):
            await unit.write_register(1, 1, guard=guard)
        assert unit.connected
        await unit.read_input(1, 1)
        assert (len(server.received), server.connections, unit.exchanges) == (2, 1, 2)
        await bus.close()


async def test_a_cancelled_read_never_leaves_its_answer_to_the_next() -> None:
    gate = asyncio.Event()

    async def answer(request: bytes) -> bytes:
        frame = RtuFraming().wrap(request[0], bytes([4]) + _registers(request[3]), 0)
        if request[3] == 11:
            await gate.wait()
        return frame

    async with RawServer(answer) as server:
        bus = _bus(server, rtu=True, timeout=20.0)
        unit = bus.unit(1)
        first = asyncio.create_task(unit.read_input(11, 1))
        while not server.received:
            await asyncio.sleep(0.01)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        second = asyncio.create_task(unit.read_input(22, 1))
        third = asyncio.create_task(unit.read_input(33, 1))
        await asyncio.sleep(0.05)
        assert len(server.received) == 1
        third.cancel()
        gate.set()
        assert await second == (22,)
        assert await unit.read_input(44, 1) == (44,)
        assert [frame[3] for frame in server.received] == [11, 22, 44]
        await bus.close()


async def test_a_lost_connection_ends_the_request_at_once() -> None:
    server = RawServer(lambda _: b"")

    async def answer(request: bytes) -> bytes:
        server.drop_connections()
        return b""

    server.answer = answer
    async with server:
        bus = _bus(server, timeout=60.0)
        with pytest.raises(NoReply, match="connection was lost before the answer"):
            await bus.unit(1).read_input(1, 1)
        with pytest.raises(Ambiguous, match="connection was lost before the answer"):
            await bus.unit(1).write_register(1, 1)
        await bus.close()


async def test_a_closed_port_says_why_and_when_the_next_try_is() -> None:
    async with RawServer(_good) as server:
        port = server.port
    bus = ModbusBus(TcpUrl("127.0.0.1", port))
    unit = bus.unit(1)
    assert bus.link.state is LinkState.IDLE
    with pytest.raises(LinkDown, match=r"cannot be opened: .*(refused|Connect).* next try in"):
        await unit.read_input(1, 1)
    assert bus.link.state is LinkState.DOWN
    for call in (unit.read_input(1, 1), unit.write_register(1, 1)):
        with pytest.raises(LinkDown, match="next try in"):
            await call
    assert bus.exchanges == 0
    await bus.close()
    with pytest.raises(LinkDown, match="closed"):
        await unit.read_input(1, 1)


async def test_a_device_that_never_answers_is_not_hammered() -> None:
    async with RawServer(lambda _: b"") as server:
        bus = _bus(server, timeout=0.05)
        unit = bus.unit(1)
        outcomes: list[type[Exception]] = []
        for _ in range(20):
            with pytest.raises((NoReply, LinkDown)) as caught:
                await unit.read_input(1, 1)
            outcomes.append(caught.type)
        assert outcomes[:2] == [NoReply, NoReply]
        assert outcomes.count(NoReply) <= 3
        assert server.connections <= 3
        await bus.close()


@pytest.mark.parametrize("kind", ["missing", "a file", "a folder"])
async def test_a_serial_device_that_cannot_be_opened_is_link_down(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "port"
    if kind == "a file":
        path.touch()
    elif kind == "a folder":
        path.mkdir()
    bus = ModbusBus(SerialUrl(str(path), SerialLine()))
    with pytest.raises(LinkDown, match="cannot be opened"):
        await bus.unit(1).read_input(1, 1)
    await bus.close()


async def test_line_settings_that_the_port_refuses_are_link_down() -> None:
    server = ModbusServer({})
    terminal = server.open_terminal(SerialLine())
    bus = ModbusBus(SerialUrl(terminal.device, SerialLine(9600, "E")))
    with pytest.raises(LinkDown, match="the line settings are refused"):
        await bus.unit(1).read_input(1, 1)
    await bus.close()
    await server.close()


@pytest.mark.parametrize(("start", "count"), [(0, 0), (0, 126), (65535, 2), (-1, 1), (70000, 1)])
async def test_a_read_outside_of_modbus_is_a_mistake_of_the_caller(start: int, count: int) -> None:
    unit = ModbusBus(TcpUrl("127.0.0.1", 1)).unit(1)
    with pytest.raises(ValueError, match="registers from"):
        await unit.read_input(start, count)


@pytest.mark.parametrize("values", [[], [-1], [65536], [0] * 124])
async def test_a_write_outside_of_modbus_is_a_mistake_of_the_caller(values: Sequence[int]) -> None:
    unit = ModbusBus(TcpUrl("127.0.0.1", 1)).unit(1)
    with pytest.raises(ValueError, match="register"):
        await unit.write_registers(0, values)


@pytest.mark.parametrize(
    ("url", "number"),
    [
        (TcpUrl("h", 1), 256),
        (TcpUrl("h", 1), -1),
        (TcpUrl("h", 1, rtu=True), 0),
        (TcpUrl("h", 1, rtu=True), 248),
        (SerialUrl("/dev/x", SerialLine()), 0),
    ],
)
def test_unit_addresses_have_limits(url: TcpUrl | SerialUrl, number: int) -> None:
    with pytest.raises(ValueError, match=f"unit {number}"):
        ModbusBus(url).unit(number)


@pytest.mark.parametrize("url", [UdpUrl("h", 1), SerialUrl("/dev/x", SerialLine(9600, "N", 7, 1))])
def test_modbus_needs_a_link_it_can_run_on(url: UdpUrl | SerialUrl) -> None:
    with pytest.raises(BadUrl, match="Modbus"):
        ModbusBus(url)


def test_asking_twice_for_a_unit_gives_the_same() -> None:
    bus = ModbusBus(TcpUrl("h", 1))
    assert bus.unit(3) is bus.unit(3)
    assert bus.unit(3) is not bus.unit(4)


async def test_closing_does_not_wait_out_a_silent_device() -> None:
    async with RawServer(lambda _: b"") as server:
        bus = _bus(server, timeout=60.0)
        read = asyncio.create_task(bus.unit(1).read_input(1, 1))
        await until(lambda: bus.exchanges == 1)
        async with asyncio.timeout(30.0):
            await bus.close()
            with pytest.raises(DriverError):
                await read
