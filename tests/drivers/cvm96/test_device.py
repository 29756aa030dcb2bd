from __future__ import annotations

import asyncio

import pytest

from drivers.core.device import Device
from drivers.core.errors import Refused
from drivers.cvm96.device import MeterBus
from drivers.cvm96.protocol import DemandMode, Image
from drivers.cvm96.reading import ImageReading
from drivers.cvm96.settings import Cvm96Settings
from drivers.cvm96.simulator import make_bus
from drivers.cvm96.simulator.answers import Behaviour
from tests.drivers.cvm96.conftest import Rig, make_rig, names

IMAGE = [(0x00, 40), (0x28, 34), (0x52, 14)]
LIVE = IMAGE[:2]
ENERGIES = [(0x3C, 6), (0x56, 10)]
EXTREMES = [(start + image, count) for image in (0x60, 0xC0) for start, count in IMAGE]


async def test_constructing_touches_nothing(rig: Rig) -> None:
    device: Device = rig.bus
    await asyncio.sleep(0.05)
    assert (device.connected, device.exchanges, device.last_error) == (False, 0, "")
    assert rig.blocks == []


async def test_exchanges_of_every_reading(rig: Rig) -> None:
    """3 exchanges for an image, 9 for all 132 values; none touches the gap."""
    meter = rig.meter
    readings = [
        (meter.read_instantaneous, LIVE),
        (meter.read_energies, ENERGIES),
        (meter.read_extremes, EXTREMES),
        (lambda: meter.read_image(Image.INSTANTANEOUS), IMAGE),
        (meter.read_all, [*IMAGE, *EXTREMES]),
    ]
    expected: list[tuple[int, int]] = []
    for read, blocks in readings:
        await read()
        expected += blocks
        assert rig.blocks == expected
        assert meter.exchanges == rig.bus.exchanges == len(expected)
    assert [len(blocks) for _, blocks in readings] == [2, 2, 6, 3, 9]
    assert (rig.bus.connected, meter.connected, rig.bus.reconnects) == (True, True, 0)


async def test_a_demand_per_phase_is_one_exchange_more() -> None:
    mode = DemandMode.A_PER_PHASE
    rig = await make_rig("tcp", make_bus(demand_mode=mode), demand_mode=mode)
    reading = await rig.meter.read_instantaneous()
    assert rig.blocks == [*LIVE, (0x52, 4)]
    demands = (reading.maximum_demand, reading.maximum_demand_l2, reading.maximum_demand_l3)
    assert demands == pytest.approx(reading.currents, rel=0.2)
    await rig.close()


async def test_sister_models_take_larger_frames() -> None:
    rig = await make_rig("tcp", make_bus(1, Behaviour(max_registers=125)), max_registers=124)
    await rig.meter.read_all()
    assert rig.blocks == [(0x00, 74), (0x52, 88), (0xB2, 88), (0x112, 14)]
    await rig.close()


async def test_too_large_frames_are_refused_with_a_reason() -> None:
    rig = await make_rig("tcp", max_registers=124)
    with pytest.raises(Refused, match=r"read 74 input registers from 0: .*illegal data address"):
        await rig.meter.read_instantaneous()
    assert "illegal data address" in rig.bus.last_error
    await rig.close()


@pytest.mark.parametrize("function", [3, 4])
async def test_only_the_chosen_function_is_used_and_nothing_is_written(function: int) -> None:
    rig = await make_rig("rtu+tcp", function=function)
    await rig.meter.read_all()
    await rig.meter.read_energies()
    assert {frame.pdu[0] for frame in rig.simulator.requests()} == {function}
    assert rig.simulator.writes == 0
    await rig.close()


async def test_both_ways_of_reading_show_the_same() -> None:
    """Live values and energies are those of the whole image, read at once."""
    rig = await make_rig("tcp", make_bus(1, Behaviour(speed=1e-6)))
    image = await rig.meter.read_image(Image.INSTANTANEOUS)
    assert image == ImageReading(
        await rig.meter.read_instantaneous(), (await rig.meter.read_energies()).energies
    )
    everything = await rig.meter.read_all()
    assert everything.instantaneous == image
    assert everything.extremes == await rig.meter.read_extremes()
    await rig.close()


async def test_counters_are_followed_from_reading_to_reading() -> None:
    rig = await make_rig("tcp", make_bus(1, Behaviour(speed=1e-6)))
    model = rig.simulator.meters[1].model
    model.advance(3600.0)
    first = await rig.meter.read_energies()
    model.advance(3600.0)
    second = await rig.meter.read_energies()
    used = second.energies.active_energy - first.energies.active_energy
    assert used > 1000
    assert (second.since_start.active_energy, second.resets) == (used, 0)
    model.clear_energies()
    third = await rig.meter.read_energies()
    assert (third.since_start.active_energy, third.resets) == (used, 1)
    assert third.last_reset.startswith("active_energy ")
    await rig.close()


async def test_several_meters_share_the_link() -> None:
    rig = await make_rig("pty", make_bus(3), meters=names(3))
    readings = await asyncio.gather(*(meter.read_instantaneous() for meter in rig.bus.meters))
    assert [meter.name for meter in rig.bus.meters] == ["A", "B", "C"]
    assert len({reading.total_active_power for reading in readings}) == 3
    assert [meter.exchanges for meter in rig.bus.meters] == [2, 2, 2]
    assert rig.bus.exchanges == 6
    await rig.close()


def test_there_is_no_way_to_write() -> None:
    public = {name for name in dir(MeterBus(Cvm96Settings("tcp://x")).meters[0]) if name[0] != "_"}
    assert public == {
        "connected",
        "exchanges",
        "name",
        "read_all",
        "read_energies",
        "read_extremes",
        "read_image",
        "read_instantaneous",
        "unit",
    }
