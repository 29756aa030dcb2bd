"""Implementations that are not ours: the cpa1110 library as client, a pymodbus server as panel."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator

import pytest
from cpa1110 import CPA1110, Connection, CPASnapshot, Errors
from cpa1110 import Warnings as LibraryWarnings
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.core.url import TcpUrl, parse_link
from drivers.cpa1110.device import Compressor
from drivers.cpa1110.settings import CompressorSettings
from drivers.cpa1110.simulator import CompressorSimulator
from drivers.cpa1110.units import PressureUnit
from drivers.cpa1110.words import OperatingState
from tests.drivers.cpa1110.conftest import Rig
from tests.drivers.golden import load_golden
from tests.support.wire.until import until


def _client(simulator_url: str) -> CPA1110:
    url = parse_link(simulator_url)
    assert isinstance(url, TcpUrl)
    return CPA1110(url.host, Connection.TCP, url.port, auto_refresh=False)


def _read(url: str) -> CPASnapshot:
    with _client(url) as client:
        return client.read_snapshot()


def _command(url: str, start: bool) -> None:
    with _client(url) as client:
        if start:
            client.enable_compressor()
        else:
            client.disable_compressor()


async def test_the_library_reads_the_same_values_from_our_simulator(tcp_rig: Rig) -> None:
    tcp_rig.simulator.registers.catch_up()
    tcp_rig.model.force_state(OperatingState.HELIUM_COOLDOWN)
    theirs = await asyncio.to_thread(_read, tcp_rig.compressor.link)
    ours = tcp_rig.model.snapshot()
    assert theirs.operating_state == ours.operating_state
    for name in (
        "coolant_out_temperature",
        "oil_temperature",
        "low_pressure",
        "low_pressure_average",
        "high_pressure",
        "delta_pressure_average",
        "hours_of_operation",
    ):
        assert math.isclose(getattr(theirs, name), getattr(ours, name), rel_tol=0.1, abs_tol=1.0)
    assert theirs.pressure_units == ours.pressure_unit
    assert theirs.temperature_units == ours.temperature_unit
    assert theirs.panel_serial_number == ours.panel_serial_number
    assert theirs.model_number == 0x0413
    assert theirs.software_rev == 0x029A


async def test_the_library_starts_and_stops_our_simulator(tcp_rig: Rig) -> None:
    await asyncio.to_thread(_command, tcp_rig.compressor.link, True)
    assert tcp_rig.model.running
    await asyncio.to_thread(_command, tcp_rig.compressor.link, False)
    assert tcp_rig.model.state in (OperatingState.STOPPING, OperatingState.IDLE)
    assert {frame.unit for frame in tcp_rig.simulator.requests()} == {16}


async def test_the_library_is_wrong_about_warnings_and_alarms(tcp_rig: Rig) -> None:
    """cpa1110-protocol.md 3: it reads float words as integers, and never reads the alarms."""
    healthy = await asyncio.to_thread(_read, tcp_rig.compressor.link)
    assert healthy.warnings != LibraryWarnings.NO_WARNINGS
    assert int(healthy.errors) == Errors.THREE_PHASE_ERROR
    assert (await tcp_rig.compressor.read_status()).warnings == ()
    tcp_rig.model.raise_alarm(1 << 6)
    alarmed = await asyncio.to_thread(_read, tcp_rig.compressor.link)
    assert alarmed.errors == healthy.errors
    assert (await tcp_rig.compressor.read_status()).alarms == ("helium_high",)


@pytest.fixture
async def pymodbus_panel() -> AsyncIterator[str]:
    """A plain pymodbus server that holds the registers of a real panel (T4)."""
    (frame,) = (each for each in load_golden("cpa1110", "foreign-read") if each.reply)
    device = SimDevice(
        1, simdata=[SimData(1, values=list(frame.registers), datatype=DataType.REGISTERS)]
    )
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve_forever())
    await until(lambda: server.transport is not None)
    port = server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    yield f"tcp://127.0.0.1:{port}"
    await server.shutdown()
    await serving


async def test_our_driver_reads_a_pymodbus_server(pymodbus_panel: str) -> None:
    compressor = Compressor(CompressorSettings(pymodbus_panel, pressure_unit=PressureUnit.PSI))
    status = await compressor.read_status()
    await compressor.close()
    assert (status.state_name, status.running, status.alarms, status.warnings) == (
        "idle",
        False,
        (),
        (),
    )
    assert (status.model, status.revision, status.panel_serial_number) == (
        "CPA1114",
        "2.154",
        10556,
    )
    assert status.low_pressure == pytest.approx(219.1825, rel=1e-6)
    assert status.coolant_in_temperature == pytest.approx((65.627 - 32) * 5 / 9, rel=1e-5)
    assert status.hours_of_operation == 10613.5


async def test_the_two_simulated_series_differ_as_the_panels_do() -> None:
    simulator = CompressorSimulator()
    registers = simulator.registers.read_input(1, 55)
    assert registers[33] == 0x0475
    assert set(registers[34:]) == {0}
    simulator.model.panel.revision = (3, 101)
    registers = simulator.registers.read_input(1, 55)
    assert registers[32] == 0x0365
    assert registers[34] == 0x0700
    assert 0 not in registers[39:47]
