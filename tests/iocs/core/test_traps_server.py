"""Traps of caproto 1.3.0 that concern the server and its clients: owned, and pinned here."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
import tracemalloc
from importlib import metadata
from typing import cast

import pytest

from iocs.app.serve import Ioc
from iocs.ca.circuit import USER_TIMEOUT
from iocs.ca.monitor import BACKLOG, Monitor
from iocs.ca.stamp import Stamp
from iocs.device.group import DeviceGroup
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, read_now, until
from tests.support.rawca import DBR_TIME_DOUBLE, VERSION, RawCa, pack


def test_trap_13_a_declaration_is_typed() -> None:
    """PVs are attributes with the type Reading, Setpoint ... : no `dtype=`, no putter decorator."""
    assert PlantIoc.temperature.spec.units == "degC"
    assert PlantIoc.temperature.block is PlantIoc.main


def test_trap_14_psutil_is_declared() -> None:
    requirements = metadata.requires("caproto") or []
    assert not any(line.startswith("psutil") for line in requirements), "caproto declares it now"
    from tests.support.process import ROOT

    assert "psutil" in (ROOT / "setup.cfg").read_text()


async def test_trap_17_a_stalled_client_holds_up_nobody_and_keeps_a_bounded_backlog(
    ioc: Ioc, group: PlantIoc, raw: RawCa
) -> None:
    await read_now(group)
    trace = group.point("trace")
    healthy = await raw.subscribe(await raw.create(PREFIX + "Level"))
    async with RawCa(ioc.context.port, receive_buffer=4096) as stalled:
        for _ in range(10):
            await stalled.subscribe(await stalled.create(PREFIX + "Trace"))
        stalled.pause()
        for number in range(30_000):
            trace.post((float(number),), Stamp.now())
            if number % 100 == 0:
                group.point("level").post(float(number), Stamp.now())
            if number % 5 == 0:
                await asyncio.sleep(0)
        await healthy.until(lambda event: event.double == 29_900.0)
        backlogs = [len(cast(Monitor, one).backlog) for one in trace.monitors or ()]
        assert max(backlogs) == BACKLOG
        stalled.resume()
        newest = list(stalled._monitors.values())
        for monitor in newest:
            await monitor.until(lambda event: event.payload[16:24] == _double(29_999.0))
            assert len(monitor.events) < 30_000


def _double(value: float) -> bytes:
    return struct.pack(">d", value)


async def test_trap_17_sockets_have_no_nagle_delay_and_a_user_timeout(ioc: Ioc, raw: RawCa) -> None:
    await raw.sync()
    (circuit,) = ioc.context.circuits
    sock = circuit._writer.get_extra_info("socket")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    timeout = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert timeout == USER_TIMEOUT * 1000


async def test_trap_17_a_circuit_leaves_nothing_behind(ioc: Ioc, group: PlantIoc) -> None:
    tasks = len(asyncio.all_tasks())
    for _ in range(50):
        async with RawCa(ioc.context.port) as client:
            await client.subscribe(await client.create(PREFIX + "Temperature"))
            group.point("temperature").post(1.0, Stamp.now())
            client.abort()
    await until(lambda: not ioc.context.circuits)
    assert group.point("temperature").monitors is None
    await until(lambda: len(asyncio.all_tasks()) <= tasks)


async def test_trap_18_a_pv_with_all_its_fields_costs_little(plant: Plant) -> None:
    from iocs.device.declare import number_pv

    members = {f"pv{i}": number_pv(f"Pv{i}", f"PV {i}", "mm") for i in range(1000)}
    kind = type("Many", (DeviceGroup,), {"__module__": __name__, **members})
    DeviceGroup("WARM:", plant)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        group = kind("T:", plant)
        gc.collect()
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(group.pvdb) > 1000
    assert used / 1000 < 8192
    assert group.pvdb["T:Pv7"].get_field("HIHI") is not None


@pytest.mark.parametrize("priority", [0, 20])
async def test_trap_19_a_second_version_and_searches_are_answered(
    raw: RawCa, ioc: Ioc, priority: int
) -> None:
    raw.send(pack(VERSION, b"", priority, 13))
    answer = await raw.search(PREFIX + "Temperature")
    assert answer.data_type == ioc.context.port
    assert (await raw.create(PREFIX + "Temperature")).data_type == 6


async def test_trap_20_puts_take_turns(ioc: Ioc, plant: Plant) -> None:
    plant.write_gate.clear()
    async with RawCa(ioc.context.port) as one, RawCa(ioc.context.port) as two:
        first, second = await one.create(PREFIX + "Target"), await two.create(PREFIX + "Target")
        mode = await two.create(PREFIX + "SetMode")
        puts = [
            asyncio.create_task(one.put(first, 1.0)),
            asyncio.create_task(two.put(second, 2.0)),
            asyncio.create_task(two.put(mode, "Heat")),
        ]
        await until(lambda: plant.running_writes == 1)
        plant.write_gate.set()
        assert [answer.one for answer in await asyncio.gather(*puts)] == [1, 1, 1]
    assert plant.most_writes_at_once == 1
    assert len(plant.writes) == 3


async def test_trap_20_a_read_commands_nothing(raw: RawCa, plant: Plant) -> None:
    channel = await raw.create(PREFIX + "Target")
    for _ in range(3):
        await raw.read(channel, DBR_TIME_DOUBLE)
    assert plant.writes == []


async def test_trap_22_a_leaking_cancellation_does_not_end_the_ioc(
    group: PlantIoc, plant: Plant, raw: RawCa, ioc: Ioc
) -> None:
    plant.fault = asyncio.CancelledError("from a cancelled future")
    await read_now(group)
    assert group.point("temperature").severity == 3
    plant.find()
    await read_now(group)
    assert group.point("temperature").severity == 0
    channel = await raw.create(PREFIX + "Temperature")
    assert (await raw.read(channel)).severity == 0
    assert not ioc._ended.is_set()
