"""Implementations that are not ours: minimalmodbus as client, a pymodbus server as meter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import minimalmodbus
import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.core.url import SerialUrl, parse_link
from drivers.cvm96.device import MeterBus
from drivers.cvm96.protocol import QUANTITIES, Image, encode
from drivers.cvm96.settings import Cvm96Settings
from drivers.cvm96.simulator import make_bus
from drivers.cvm96.simulator.answers import Behaviour
from drivers.cvm96.simulator.model import MeterModel
from tests.support.wire.until import until

_SCALES = {1: 0, 10: 1, 100: 2, 1000: 3}


def _instrument(url: str, address: int, timeout: float = 5.0) -> minimalmodbus.Instrument:
    link = parse_link(url)
    assert isinstance(link, SerialUrl)
    instrument = minimalmodbus.Instrument(link.device, address)
    assert instrument.serial is not None
    instrument.serial.baudrate = link.line.baud
    instrument.serial.timeout = timeout
    return instrument


def _one_by_one(url: str, address: int, function: int) -> dict[str, float]:
    """Every value of the instantaneous image, the way simple drivers read."""
    instrument = _instrument(url, address)
    found: dict[str, float] = {}
    for each in QUANTITIES:
        count = instrument.read_long(each.offset, function, signed=each.signed)
        found[each.name] = round(count / each.counts, _SCALES[each.counts])
    assert instrument.serial is not None
    instrument.serial.close()
    return found


@pytest.mark.parametrize("function", [3, 4])
async def test_minimalmodbus_reads_the_same_values_over_a_pty(function: int) -> None:
    simulator = make_bus(3, Behaviour(speed=1e-6))
    simulator.meters[2].model.advance(5 * 3600.0)
    url = await simulator.listen("pty")
    theirs = await asyncio.to_thread(_one_by_one, url, 2, function)
    assert simulator.reads == 44
    bus = MeterBus(Cvm96Settings(url, address=2, function=function))
    ours = await bus.meters[0].read_image(Image.INSTANTANEOUS)
    assert theirs["total_active_power"] < 0 < theirs["active_energy_generated"]
    for name, value in theirs.items():
        part = ours.energies if hasattr(ours.energies, name) else ours.measurements
        found = getattr(part, name)
        assert found == pytest.approx(value, abs=1e-9) or name.startswith("maximum_demand_l"), name
    await bus.close()
    await simulator.close()


def _refused(url: str) -> list[str]:
    # it waits for as many bytes as it asked for, then looks at what came
    instrument = _instrument(url, 1, timeout=1.0)
    found: list[str] = []
    for start, count in ((0, 42), (1, 2), (0x4A, 2), (0, 3)):
        with pytest.raises(minimalmodbus.IllegalRequestError) as caught:
            instrument.read_registers(start, count, 4)
        found.append(str(caught.value))
    with pytest.raises(minimalmodbus.IllegalRequestError) as caught:
        instrument.write_bit(0x0834, 1, functioncode=5)
    found.append(str(caught.value))
    assert instrument.serial is not None
    instrument.serial.close()
    return found


async def test_minimalmodbus_is_refused_what_the_meter_refuses() -> None:
    simulator = make_bus()
    url = await simulator.listen("pty")
    texts = await asyncio.to_thread(_refused, url)
    assert all("Slave reported illegal data address" in text for text in texts), texts
    await simulator.close()


@pytest.fixture
async def pymodbus_meter() -> AsyncIterator[str]:
    """A plain pymodbus server that holds the registers of a meter."""
    registers = list(encode(MeterModel().values()))
    device = SimDevice(5, simdata=[SimData(0, values=registers, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve_forever())
    await until(lambda: server.transport is not None)
    port = server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    yield f"tcp://127.0.0.1:{port}"
    await server.shutdown()
    await serving


@pytest.mark.parametrize("function", [3, 4])
async def test_our_driver_reads_a_pymodbus_server(pymodbus_meter: str, function: int) -> None:
    bus = MeterBus(Cvm96Settings(pymodbus_meter, address=5, function=function))
    everything = await bus.meters[0].read_all()
    assert bus.exchanges == 9
    image = everything.instantaneous
    state = MeterModel().state
    assert image.measurements.frequency == pytest.approx(state.frequency, abs=0.05)
    assert image.measurements.l2_voltage == pytest.approx(state.phases[1].voltage, abs=0.05)
    assert image.measurements.total_active_power == pytest.approx(state.active, abs=0.5)
    assert everything.extremes.maxima == everything.extremes.minima == image
    await bus.close()
