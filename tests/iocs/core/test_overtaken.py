"""What must not happen late: a put that waits is not carried out once nobody can mean it."""

from __future__ import annotations

import asyncio

import pytest

from drivers.core.errors import Blocked
from iocs.app.serve import Ioc
from iocs.device.puts import PutQueue, PutRefused
from iocs.record.alarm import Severity
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, read_now, serving, until
from tests.support.ca import CaSpace
from tests.support.rawca import RawCa


async def test_a_queued_start_does_not_follow_a_stop(
    ioc: Ioc, raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    target, start, stop = [await raw.create(PREFIX + n) for n in ("Target", "Start", "Stop")]
    plant.write_gate.clear()
    first = asyncio.create_task(raw.put(target, 33.0))
    await until(lambda: plant.running_writes == 1)
    queued = asyncio.create_task(raw.put(start, 1.0))
    await until(lambda: group.put_queue.waiting == 2)
    await raw.put(stop, 1.0)
    plant.write_gate.set()
    await asyncio.gather(first, queued)
    assert [what for what, _ in plant.writes] == ["stop", "target"]
    assert not plant.reading.running
    assert "Stop was put meanwhile" in str(group.point("last_error").value)


async def test_a_queued_put_does_not_outlive_its_client(
    ioc: Ioc, plant: Plant, group: PlantIoc
) -> None:
    plant.write_gate.clear()
    assert ioc.context.port is not None
    async with RawCa(ioc.context.port) as raw:
        target, start = [await raw.create(PREFIX + n) for n in ("Target", "Start")]
        puts = [asyncio.create_task(raw.put(target, 33.0))]
        await until(lambda: plant.running_writes == 1)
        puts.append(asyncio.create_task(raw.put(start, 1.0)))
        await until(lambda: group.put_queue.waiting == 2)
    for put in puts:
        put.cancel()
    await until(lambda: not ioc.context.circuits)
    plant.write_gate.set()
    await until(lambda: group.put_queue.waiting == 0)
    assert [what for what, _ in plant.writes] == ["target"]


async def test_a_queued_put_is_not_begun_while_the_ioc_ends(
    space: CaSpace, plant: Plant, group: PlantIoc
) -> None:
    async with serving(group) as ioc:
        assert ioc.context.port is not None
        async with RawCa(ioc.context.port) as raw:
            target, start = [await raw.create(PREFIX + n) for n in ("Target", "Start")]
            plant.write_gate.clear()
            puts = [asyncio.create_task(raw.put(target, 33.0))]
            await until(lambda: plant.running_writes == 1)
            puts.append(asyncio.create_task(raw.put(start, 1.0)))
            await until(lambda: group.put_queue.waiting == 2)
            group.put_queue.end()
            plant.write_gate.set()
            await until(lambda: group.put_queue.waiting == 0)
            for put in puts:
                put.cancel()
    assert [what for what, _ in plant.writes] == ["target"]


async def test_writing_done_clears_the_alarm_of_a_refused_command(
    ioc: Ioc, raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await read_now(group)
    start = await raw.create(PREFIX + "Start")
    plant.write_fault = Blocked("link", "", "start", "no")
    await raw.put(start, 1.0)
    assert group.point("start_plant").severity == Severity.MAJOR
    await raw.put(start, 0.0)
    assert group.point("start_plant").severity == Severity.NO_ALARM
    assert not plant.writes


async def test_disp_does_not_disable_a_stop(ioc: Ioc, raw: RawCa, plant: Plant) -> None:
    for name in ("Stop", "Start"):
        await raw.put(await raw.create(f"{PREFIX}{name}.DISP"), 1.0)
        await raw.put(await raw.create(PREFIX + name), 1.0)
    assert [what for what, _ in plant.writes] == ["stop"]


async def test_a_part_with_a_queue_of_its_own_holds_up_no_other() -> None:
    device = PutQueue()
    one, other = PutQueue(device), PutQueue(device)
    done: list[str] = []
    gate = asyncio.Event()

    async def put(queue: PutQueue, name: str, *, urgent: bool = False) -> None:
        async with queue.turn(name, urgent):
            if name == "first":
                await gate.wait()
            done.append(name)

    first = asyncio.create_task(put(one, "first"))
    second = asyncio.create_task(put(one, "second"))
    await until(lambda: one.waiting == 2)
    await put(other, "elsewhere")
    await put(other, "stop elsewhere", urgent=True)
    assert device.waiting == 2
    gate.set()
    await asyncio.gather(first, second)
    assert done == ["elsewhere", "stop elsewhere", "first", "second"]
    assert device.waiting == 0


@pytest.mark.parametrize("overtaker", ["own", "device"])
async def test_a_part_is_overtaken_by_its_own_stop_and_by_the_device_s(overtaker: str) -> None:
    device = PutQueue()
    part = PutQueue(device)
    gate = asyncio.Event()

    async def put(name: str) -> None:
        async with part.turn(name, False):
            await gate.wait()

    first, second = asyncio.create_task(put("first")), asyncio.create_task(put("second"))
    await until(lambda: part.waiting == 2)
    async with (part if overtaker == "own" else device).turn("Stop", True):
        gate.set()
    await first
    with pytest.raises(PutRefused, match="second: Stop was put meanwhile"):
        await second


@pytest.mark.parametrize("overtaker", ["own", "device", "other"])
async def test_a_put_that_waits_for_its_readback_is_told_of_a_stop(overtaker: str) -> None:
    device = PutQueue()
    part, other = PutQueue(device), PutQueue(device)
    stops = {"own": part, "device": device, "other": other}
    with part.watch() as told:
        async with stops[overtaker].turn("Stop", True):
            pass
        if overtaker == "other":
            assert not told.done()
            device.end()
        assert told.result() == (
            "the IOC ends" if overtaker == "other" else "Stop was put meanwhile"
        )
    device.end()


async def test_a_part_s_puts_end_with_the_ioc() -> None:
    device = PutQueue()
    part = PutQueue(device)
    device.end()
    with pytest.raises(PutRefused, match="the IOC ends"):
        async with part.turn("X", False):
            pytest.fail("carried out")
    async with part.turn("Stop", True):
        pass
