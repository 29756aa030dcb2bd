from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from drivers.core.device import Device
from drivers.core.errors import Ambiguous, BadReply, BadUrl, Blocked, NotObeyed
from drivers.core.modbus import ModbusBus
from drivers.core.simulation.faults import parse_fault
from drivers.core.url import TcpUrl
from drivers.cpa1110.device import Compressor
from drivers.cpa1110.protocol import Measurements, encode
from drivers.cpa1110.settings import CompressorSettings
from drivers.cpa1110.simulator import CompressorSimulator
from drivers.cpa1110.simulator.model import REVISION_3X, CompressorModel, Panel
from drivers.cpa1110.units import PressureUnit, TemperatureUnit
from drivers.cpa1110.words import OperatingState
from tests.drivers.cpa1110.conftest import Rig, make_rig
from tests.support.wire.raw import RawServer
from tests.support.wire.until import until


async def test_constructing_touches_nothing_and_a_reading_is_one_exchange(rig: Rig) -> None:
    device: Device = rig.compressor
    await asyncio.sleep(0.05)
    assert (device.connected, device.exchanges, rig.reads) == (False, 0, 0)
    for number in range(1, 6):
        await rig.compressor.read_status()
        assert (device.exchanges, rig.reads, rig.writes) == (number, number, 0)
    assert (device.connected, device.reconnects, device.last_error) == (True, 0, "")


async def test_a_3x_panel_costs_one_more_exchange_per_connection() -> None:
    simulator = CompressorSimulator(CompressorModel(Panel(revision=REVISION_3X)))
    rig = await make_rig("tcp", simulator)
    rig.model.raise_alarm(1 << 30 | 1)
    for exchanges in (2, 3, 4):
        status = await rig.compressor.read_status()
        assert status.alarms == ("coolant_in_high", "inverter_comm_loss")
        assert rig.compressor.exchanges == exchanges
    simulator.disconnect()
    await until(lambda: not rig.compressor.connected)
    await rig.compressor.read_status()
    assert rig.compressor.exchanges == 6
    await rig.compressor.close()
    await simulator.close()


async def test_floats_and_integers_of_a_3x_panel_agree() -> None:
    simulator = CompressorSimulator(CompressorModel(Panel(revision=REVISION_3X)), speed=1e-6)
    url = await simulator.listen("tcp://127.0.0.1:0")
    readings = {}
    for kind in Measurements:
        compressor = Compressor(CompressorSettings(url, measurements=kind))
        readings[kind] = await compressor.read_status()
        await compressor.close()
    fine, coarse = readings[Measurements.FLOAT], readings[Measurements.INTEGER]
    assert coarse.high_pressure != fine.high_pressure
    assert coarse.high_pressure == pytest.approx(fine.high_pressure, abs=0.06 * 0.069)
    assert coarse.oil_temperature == pytest.approx(fine.oil_temperature, abs=0.06 * 5 / 9)
    assert coarse.hours_of_operation == fine.hours_of_operation
    await simulator.close()


async def test_units_switched_at_the_panel_change_no_reading(tcp_rig: Rig) -> None:
    before = await tcp_rig.compressor.read_status()
    tcp_rig.model.panel.pressure_unit = PressureUnit.KPA
    tcp_rig.model.panel.temperature_unit = TemperatureUnit.K
    after = await tcp_rig.compressor.read_status()
    assert after.panel_pressure_unit is PressureUnit.KPA
    assert after.low_pressure == pytest.approx(before.low_pressure, rel=0.02)
    assert after.helium_temperature == pytest.approx(before.helium_temperature, abs=1.0)


async def test_nan_from_the_panel_is_a_bad_reply() -> None:
    registers = list(encode(CompressorModel().snapshot())[:33])
    registers[7] = 0x7FC0
    data = b"".join(register.to_bytes(2, "big") for register in registers)

    async def answer(request: bytes) -> bytes:
        return request[:4] + bytes([0, 69]) + request[6:8] + bytes([66]) + data

    async with RawServer(answer) as server:
        compressor = Compressor(CompressorSettings(f"tcp://127.0.0.1:{server.port}"))
        with pytest.raises(BadReply, match="wire 7: the value is nan"):
            await compressor.read_status()
        assert "wire 7" in compressor.last_error
        await compressor.close()


async def test_start_and_stop_are_confirmed_by_the_state(rig: Rig) -> None:
    started = await rig.compressor.start()
    assert started.status.state in (OperatingState.STARTING, OperatingState.RUNNING)
    assert started.note == ""
    stopped = await rig.compressor.stop()
    assert stopped.status.state in (OperatingState.STOPPING, OperatingState.IDLE)
    assert rig.writes == 2
    assert [frame.pdu.hex() for frame in rig.simulator.requests(write=True)] == [
        "0600010001",
        "06000100ff",
    ]


@pytest.mark.parametrize(
    "state", [state for state in OperatingState if state not in (0, 15)], ids=lambda s: s.name
)
async def test_a_start_from_another_state_is_blocked(tcp_rig: Rig, state: OperatingState) -> None:
    tcp_rig.simulator.registers.catch_up()
    tcp_rig.model.force_state(state)
    with pytest.raises(Blocked, match="only from idle or recovered: state"):
        await tcp_rig.compressor.start()
    assert tcp_rig.writes == 0


async def test_a_start_with_an_alarm_is_blocked_and_names_it(tcp_rig: Rig) -> None:
    tcp_rig.model.raise_alarm(1 << 15)
    with pytest.raises(Blocked, match=r"an alarm is set.*three_phase_error"):
        await tcp_rig.compressor.start()
    assert tcp_rig.writes == 0


async def test_a_start_that_the_panel_does_not_obey_carries_state_and_alarms(
    tcp_rig: Rig,
) -> None:
    tcp_rig.model.force_state(OperatingState.ERROR)
    tcp_rig.model.alarm_mask = 1 << 6
    with pytest.raises(NotObeyed, match=r"did not follow within 1 s.*error.*helium_high") as caught:
        await tcp_rig.compressor.start(override=True)
    assert "helium_high" in caught.value.state
    assert tcp_rig.writes == 1


async def test_a_stop_is_sent_in_every_state(tcp_rig: Rig) -> None:
    tcp_rig.model.force_state(OperatingState.HELIUM_COOLDOWN)
    with pytest.raises(NotObeyed, match="helium_cooldown"):
        await tcp_rig.compressor.stop()
    assert tcp_rig.writes == 1


async def test_a_stop_overtakes_a_start_that_waits_for_its_confirmation() -> None:
    rig = await make_rig("tcp", CompressorSimulator(speed=1e-6))
    rig.model.force_state(OperatingState.ERROR)
    start = asyncio.create_task(rig.compressor.start(override=True))
    await until(lambda: rig.writes == 1)
    rig.model.force_state(OperatingState.IDLE)
    result = await rig.compressor.stop()
    assert result.status.state == OperatingState.IDLE
    with pytest.raises(NotObeyed, match="a stop was asked for"):
        await start
    assert rig.writes == 2
    await rig.compressor.close()
    await rig.simulator.close()


async def test_a_stop_cancels_a_start_that_has_not_gone_out(tcp_rig: Rig) -> None:
    await tcp_rig.compressor.read_status()
    await tcp_rig.simulator.set_fault(parse_fault("late=0.15@reads"))
    start = asyncio.create_task(tcp_rig.compressor.start())
    await until(lambda: tcp_rig.reads == 2)
    stop = asyncio.create_task(tcp_rig.compressor.stop())
    with pytest.raises(Blocked, match="a stop was asked for in the meantime"):
        await start
    await stop
    assert [frame.pdu[-1] for frame in tcp_rig.simulator.requests(write=True)] == [0xFF]


async def test_a_reading_that_is_too_old_blocks_a_start(tcp_rig: Rig) -> None:
    settings = replace(tcp_rig.compressor.settings, snapshot_age=0.1, timeout=2.0)
    bus = ModbusBus(settings.url, timeout=2.0)
    compressor = Compressor(settings, bus)
    other = bus.unit(7, timeout=2.0)
    await other.read_input(1, 1)
    await tcp_rig.simulator.set_fault(parse_fault("late=0.4:3"))
    start = asyncio.create_task(compressor.start())
    await until(lambda: tcp_rig.reads >= 2)
    # a slow neighbour gets its turn between the reading and the write
    await other.read_input(1, 1)
    with pytest.raises(Blocked, match=r"the last reading is 0\.\d s old"):
        await start
    assert tcp_rig.writes == 0
    await compressor.close()
    await bus.close()


async def test_two_starts_at_once_do_not_cross(tcp_rig: Rig) -> None:
    first, second = await asyncio.gather(
        tcp_rig.compressor.start(), tcp_rig.compressor.start(), return_exceptions=True
    )
    assert not isinstance(first, BaseException)
    assert isinstance(second, Blocked)
    assert tcp_rig.writes == 1


async def test_a_cancelled_start_leaves_the_driver_usable(rig: Rig) -> None:
    await rig.compressor.read_status()
    await rig.simulator.set_fault(parse_fault("late=0.2:1@writes"))
    start = asyncio.create_task(rig.compressor.start())
    await until(lambda: rig.writes == 1)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    status = await rig.compressor.read_status()
    assert status.running
    assert rig.writes == 1
    assert rig.compressor.reconnects == 0


async def test_closing_and_reading_write_nothing(rig: Rig) -> None:
    await rig.compressor.start()
    await rig.compressor.close()
    assert rig.writes == 1
    assert rig.model.running


async def test_an_ambiguous_write_says_what_the_state_shows(tcp_rig: Rig) -> None:
    await tcp_rig.simulator.set_fault(parse_fault("silent:1@writes"))
    with pytest.raises(Ambiguous, match="not seen within 1 s: state idle") as caught:
        await tcp_rig.compressor.start()
    assert tcp_rig.compressor.last_error == str(caught.value)


@pytest.mark.parametrize(
    ("link", "unit", "address"),
    [
        ("tcp://panel", None, 1),
        ("tcp://panel", 16, 16),
        ("tcp://panel", 0, 0),
        ("rtu+tcp://panel:4001", None, 16),
        ("serial:///dev/ttyUSB0", None, 16),
        ("serial:///dev/ttyUSB0", 17, 17),
    ],
)
def test_unit_addresses_by_default(link: str, unit: int | None, address: int) -> None:
    assert CompressorSettings(link, unit).address == address


def test_the_default_line_is_that_of_the_manufacturers_samples() -> None:
    assert str(CompressorSettings("serial:///dev/ttyUSB0").url).endswith(
        "?baud=115200&parity=N&bits=8&stop=1"
    )
    assert CompressorSettings("tcp://panel").url == TcpUrl("panel", 502)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"timeout": 0.0}, "timeout 0 is not from 0.05 to 60"),
        ({"timeout": float("nan")}, "timeout nan"),
        ({"confirm_timeout": 100.0}, "confirm_timeout 100"),
        ({"snapshot_age": 0.0}, "snapshot_age 0"),
        ({"unit": 256}, "unit 256 is not from 0 to 255"),
        ({"unit": 0, "link": "serial:///dev/ttyUSB0"}, "unit 0 is not from 1 to 247"),
    ],
)
def test_settings_are_checked_when_made(settings: dict[str, float | str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CompressorSettings(**{"link": "tcp://panel", **settings})


def test_a_bad_link_is_found_when_the_settings_are_made() -> None:
    with pytest.raises(BadUrl, match="unknown option 'retries'"):
        CompressorSettings("tcp://panel?retries=3")
