"""The golden frames byte for byte: driver, simulator and codec (cpa1110-protocol.md 9 and 10)."""

from __future__ import annotations

import asyncio
import math

import pytest

from drivers.core.modbus import ModbusBus
from drivers.core.simulation.modbus_framing import Framing, MbapFraming, RtuFraming
from drivers.core.url import TcpUrl
from drivers.cpa1110.protocol import (
    COUNT_2X,
    COUNT_3X,
    Measurements,
    Snapshot,
    decode,
    decode_float_mask,
    encode,
)
from drivers.cpa1110.simulator import CompressorSimulator
from drivers.cpa1110.simulator.model import CompressorModel, Panel
from drivers.cpa1110.units import PressureUnit, TemperatureUnit
from drivers.cpa1110.words import bit_names
from tests.drivers.golden import GoldenFrame, load_golden
from tests.support.wire.raw import RawServer
from tests.support.wire.until import PATIENCE


def _names(frame: GoldenFrame) -> str:
    return frame.name


def _golden(*kinds: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("frame", load_golden("cpa1110", *kinds), ids=_names)


def _framing(frame: GoldenFrame) -> Framing:
    return MbapFraming() if frame.framing == "mbap" else RtuFraming()


def _check(snapshot: Snapshot, frame: GoldenFrame) -> None:
    for name, right in frame.decoded.items():
        value = getattr(snapshot, name)
        if name.endswith("_unit"):
            assert str(value) == right
        elif isinstance(right, float):
            assert math.isclose(value, right, rel_tol=1e-6), name
        elif isinstance(right, list):
            assert list(value) == right
        else:
            assert value == right, name


def _snapshot(frame: GoldenFrame) -> Snapshot:
    registers = frame.registers
    count = COUNT_3X if len(registers) == COUNT_3X else COUNT_2X
    return decode(registers[:count], Measurements(frame.measurements))


_BLOCKS = [frame for frame in load_golden("cpa1110", "read", "foreign-read") if frame.reply]


@pytest.mark.parametrize("frame", _BLOCKS, ids=_names)
def test_a_block_means_what_the_reference_says(frame: GoldenFrame) -> None:
    _check(_snapshot(frame), frame)


@_golden("masks")
def test_the_status_words_alone(frame: GoldenFrame) -> None:
    assert decode_float_mask(frame.registers, 3, frame.start) == frame.decoded["warning_mask"]
    alarms = decode_float_mask(frame.registers, 5, frame.start)
    assert alarms == frame.decoded["alarm_mask"]
    assert bit_names(alarms) in ((), ("three_phase_error",))


def test_words_34_to_53_of_the_published_dump() -> None:
    (frame,) = (f for f in load_golden("cpa1110", "foreign-read") if f.reply)
    assert frame.registers[33] == 0x0475
    assert set(frame.registers[34:]) == {0}


@_golden("read")
def test_encoding_a_snapshot_gives_the_registers_back(frame: GoldenFrame) -> None:
    words = (0x0475, 0) if frame.decoded["software_revision"].startswith("2.") else (0, 0x0700)
    registers = frame.registers
    encoded = encode(_snapshot(frame), words_34=words)
    if frame.measurements == "integer":
        # the golden block was rounded to tenths in the integers alone
        assert list(encoded[39:]) == list(registers[39:])
        assert list(encoded[28:39]) == list(registers[28:39])
        assert list(encoded[:6]) == list(registers[:6])
    else:
        assert list(encoded[: len(registers)]) == list(registers)


@_golden()
def test_the_simulator_finds_and_builds_the_same_frames(frame: GoldenFrame) -> None:
    framing = _framing(frame)
    transaction = int.from_bytes(frame.request[:2], "big") if frame.framing == "mbap" else 0
    if frame.request:
        (request,) = framing.feed(frame.request)
        assert (request.unit, request.pdu) == (frame.unit, frame.request_pdu)
        assert request.transaction == transaction
    if frame.reply:
        unit = frame.unit if frame.request else frame.reply[0]
        assert framing.wrap(unit, frame.reply_pdu, transaction) == frame.reply


@_golden("read", "masks", "holding", "write")
async def test_the_driver_sends_the_request_and_understands_the_reply(frame: GoldenFrame) -> None:
    """The real pymodbus client; its transaction ids are its own, all other bytes are golden."""
    skip = 2 if frame.framing == "mbap" else 0

    async def answer(request: bytes) -> bytes:
        assert request[skip:] == frame.request[skip:]
        return request[:skip] + frame.reply[skip:]

    async with RawServer(answer) as server:
        bus = ModbusBus(TcpUrl("127.0.0.1", server.port, rtu=frame.framing == "rtu"))
        unit = bus.unit(frame.unit)
        first = int.from_bytes(frame.request_pdu[1:3], "big")
        second = int.from_bytes(frame.request_pdu[3:5], "big")
        if frame.kind == "write":
            await unit.write_register(first, second)
        elif frame.kind == "holding":
            assert await unit.read_holding(first, second) == tuple(frame.registers)
        else:
            assert await unit.read_input(first, second) == tuple(frame.registers)
        assert len(server.received) == 1
        await bus.close()


async def test_t1_and_t17_with_their_transaction_ids() -> None:
    (t2, *_) = load_golden("cpa1110", "read")
    (t17,) = load_golden("cpa1110", "read-request")

    async def answer(request: bytes) -> bytes:
        return request[:2] + t2.reply[2:6] + request[6:7] + t2.reply[7:]

    async with RawServer(answer) as server:
        bus = ModbusBus(TcpUrl("127.0.0.1", server.port))
        for _ in range(9):
            await bus.unit(1).read_input(1, 33)
        await bus.unit(16).read_input(1, 33)
        assert server.received[0] == t2.request
        assert server.received[-1] == t17.request
        await bus.close()


async def _ask(url: str, request: bytes, size: int) -> bytes:
    host, _, port = url.rpartition("//")[2].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    answer = await asyncio.wait_for(reader.readexactly(size), PATIENCE)
    writer.close()
    await writer.wait_closed()
    return answer


_ANSWERABLE = [
    frame
    for frame in load_golden("cpa1110", "read", "foreign-read", "write", "exception")
    if frame.request and frame.name != "T16"
]


@pytest.mark.parametrize("frame", _ANSWERABLE, ids=_names)
async def test_the_simulator_answers_golden_requests(frame: GoldenFrame) -> None:
    revision = (3, 101) if frame.measurements == "integer" else (2, 154)
    simulator = CompressorSimulator(CompressorModel(Panel(revision=revision)))
    try:
        url = await simulator.listen(
            f"{'tcp' if frame.framing == 'mbap' else 'rtu+tcp'}://127.0.0.1:0"
        )
        size = len(frame.reply) or 5 + 2 * frame.request_pdu[4]
        answer = await _ask(url, frame.request, size)
        if frame.kind in ("write", "exception"):
            assert answer == frame.reply
        elif frame.reply:
            head = 9 if frame.framing == "mbap" else 3
            assert answer[:head] == frame.reply[:head]
            assert len(answer) == len(frame.reply)
    finally:
        await simulator.close()


async def test_t14_the_command_register_holds_the_last_word() -> None:
    (frame,) = load_golden("cpa1110", "holding")
    simulator = CompressorSimulator()
    url = await simulator.listen("tcp://127.0.0.1:0")
    await _ask(url, bytes.fromhex("0005000000060106000100FF"), 12)
    assert await _ask(url, frame.request, len(frame.reply)) == frame.reply
    await simulator.close()


async def test_s11_and_t15_a_read_outside_the_map() -> None:
    frames = {frame.name: frame for frame in load_golden("cpa1110", "exception")}
    simulator = CompressorSimulator()
    url = await simulator.listen("rtu+tcp://127.0.0.1:0")
    request = RtuFraming().wrap(16, bytes.fromhex("0400010038"), 0)
    assert await _ask(url, request, 5) == frames["S11"].reply
    await simulator.close()


def test_a_healthy_2x_word_is_minus_zero_on_the_wire() -> None:
    registers = encode(CompressorModel().snapshot())
    assert registers[2:6] == (0x0000, 0x8000, 0x0000, 0x8000)


def test_units_of_the_golden_frames_cover_all() -> None:
    frames = load_golden("cpa1110", "read")
    assert {frame.decoded["pressure_unit"] for frame in frames} == {str(u) for u in PressureUnit}
    assert {frame.decoded["temperature_unit"] for frame in frames} == {
        str(u) for u in TemperatureUnit
    }
