"""The golden frames byte for byte: driver, simulator and codec (cvm96-protocol.md 9)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from drivers.core.simulation.modbus_framing import Framing, MbapFraming, RtuFraming
from drivers.cvm96.device import MeterBus
from drivers.cvm96.protocol import Image, Value, decode, encode
from drivers.cvm96.reading import ImageReading
from drivers.cvm96.settings import Cvm96Settings
from drivers.cvm96.simulator import make_bus
from drivers.cvm96.simulator.answers import Behaviour
from tests.drivers.golden import GoldenFrame, load_golden
from tests.support.wire.raw import RawServer
from tests.support.wire.until import PATIENCE

_PREFIXES = {Image.INSTANTANEOUS: "", Image.MAXIMUM: "max_", Image.MINIMUM: "min_"}
_ALL = {frame.name: frame for frame in load_golden("cvm96")}


def _golden(*kinds: str) -> pytest.MarkDecorator:
    frames = load_golden("cvm96", *kinds)
    return pytest.mark.parametrize("frame", frames, ids=lambda frame: frame.name)


def _framing(frame: GoldenFrame) -> Framing:
    return MbapFraming() if frame.framing == "mbap" else RtuFraming()


def _named(values: tuple[Value, ...]) -> Mapping[str, float]:
    return {_PREFIXES[v.image] + v.quantity.name: v.number for v in values}


@_golden("read")
def test_a_block_means_what_the_reference_says(frame: GoldenFrame) -> None:
    assert _named(decode(frame.start, frame.registers)) == pytest.approx(frame.decoded, abs=1e-6)


@_golden("read")
def test_encoding_the_values_gives_the_registers_back(frame: GoldenFrame) -> None:
    registers = encode(decode(frame.start, frame.registers))
    assert list(registers[frame.start : frame.start + len(frame.registers)]) == frame.registers


@_golden()
def test_the_simulator_finds_and_builds_the_same_frames(frame: GoldenFrame) -> None:
    framing = _framing(frame)
    transaction = int.from_bytes(frame.request[:2], "big") if frame.framing == "mbap" else 0
    (request,) = framing.feed(frame.request)
    assert (request.unit, request.pdu) == (frame.unit, frame.request_pdu)
    if frame.reply:
        assert framing.wrap(frame.unit, frame.reply_pdu, transaction) == frame.reply


def _answers(*frames: str) -> Mapping[bytes, bytes]:
    return {_ALL[name].request: _ALL[name].reply for name in frames}


async def test_an_image_is_read_by_the_golden_requests() -> None:
    """F3 to F8: what the driver sends, and what it makes of the answers."""
    answers = _answers("F3", "F5", "F7")

    async with RawServer(lambda request: answers[request]) as server:
        bus = MeterBus(Cvm96Settings(f"rtu+tcp://127.0.0.1:{server.port}"))
        reading = await bus.meters[0].read_image(Image.INSTANTANEOUS)
        assert server.received == list(answers)
        _check(reading)
        await bus.close()


def _check(reading: ImageReading) -> None:
    decoded = {**_ALL["F3"].decoded, **_ALL["F5"].decoded, **_ALL["F7"].decoded}
    for name, right in decoded.items():
        part = reading.energies if name.split("_generated")[0].endswith("energy") else None
        if name.startswith("maximum_demand_l"):
            assert getattr(reading.measurements, name) is None
        else:
            found = getattr(part or reading.measurements, name)
            assert found == pytest.approx(right, abs=1e-6), name


async def test_the_blocks_of_maxima_and_minima_are_the_golden_ones() -> None:
    golden = [frame.request for frame in load_golden("cvm96", "request") if frame.start]

    async with RawServer(_zeros) as server:
        bus = MeterBus(Cvm96Settings(f"rtu+tcp://127.0.0.1:{server.port}"))
        await bus.meters[0].read_extremes()
        assert server.received == golden
        await bus.close()
    assert len(golden) == 6


async def test_function_03_at_address_3_and_a_gateway() -> None:
    async with RawServer(_zeros) as server:
        bus = MeterBus(Cvm96Settings(f"rtu+tcp://127.0.0.1:{server.port}", address=3, function=3))
        await bus.meters[0].read_instantaneous()
        assert server.received[0] == _ALL["F17"].request
        await bus.close()
    frame = _ALL["F18"]

    async def answer(request: bytes) -> bytes:
        if request[2:] == frame.request[2:]:
            return request[:2] + frame.reply[2:]
        return request[:4] + bytes([0, 71]) + request[6:8] + bytes([68]) + bytes(68)

    async with RawServer(answer) as server:
        bus = MeterBus(Cvm96Settings(f"tcp://127.0.0.1:{server.port}"))
        reading = await bus.meters[0].read_instantaneous()
        assert reading.l3_active_power == -246
        await bus.close()


def _zeros(request: bytes) -> bytes:
    count = 2 * request[5]
    return RtuFraming().wrap(request[0], request[1:2] + bytes([count]) + bytes(count), 0)


async def _ask(url: str, request: bytes, size: int) -> bytes:
    host, _, port = url.rpartition("//")[2].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    answer = await asyncio.wait_for(reader.readexactly(size), PATIENCE)
    writer.close()
    await writer.wait_closed()
    return answer


@_golden("read", "request", "exception")
async def test_the_simulator_answers_golden_requests(frame: GoldenFrame) -> None:
    simulator = make_bus(10)
    scheme = "tcp" if frame.framing == "mbap" else "rtu+tcp"
    url = await simulator.listen(f"{scheme}://127.0.0.1:0")
    if frame.kind == "exception":
        assert await _ask(url, frame.request, len(frame.reply)) == frame.reply
    else:
        head = 9 if frame.framing == "mbap" else 3
        count = 2 * frame.request_pdu[4]
        tail = 0 if frame.framing == "mbap" else 2
        answer = await _ask(url, frame.request, head + count + tail)
        assert answer[:head] == (frame.reply or _zeros(frame.request))[:head]
    await simulator.close()


@pytest.mark.parametrize("accepted", [False, True])
async def test_the_reset_of_sister_models_is_refused_unless_it_is_to_be_noted(
    accepted: bool,
) -> None:
    """F20, which this project never sends by itself."""
    simulator = make_bus(10, Behaviour(accept_resets=accepted))
    url = await simulator.listen("rtu+tcp://127.0.0.1:0")
    request = _ALL["F20"].request
    refused = RtuFraming().wrap(10, bytes([0x85, 2]), 0)
    answer = await _ask(url, request, len(request) if accepted else len(refused))
    assert answer == (request if accepted else refused)
    assert simulator.meters[10].resets == ([0x0834] if accepted else [])
    await simulator.close()
