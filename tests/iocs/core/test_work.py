"""What a client sends costs in proportion to its bytes, whatever it has open."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from iocs.app.autosave import Autosave
from iocs.ca.monitor import Monitor
from iocs.ca.server import Server
from iocs.ca.stamp import Stamp
from iocs.device.declare import analog
from iocs.device.group import DeviceGroup, PartGroup
from iocs.device.posted import connected_pv
from iocs.device.scan import Block, Scan
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, until
from tests.support.ca import CaSpace
from tests.support.rawca import (
    CLEAR,
    CREATE,
    ECHO,
    EVENT_CANCEL,
    EVENTS_OFF,
    EVENTS_ON,
    READ_NOTIFY,
    WRITE_NOTIFY,
    Channel,
    RawCa,
    pack,
    subscription,
)
from tests.support.work import counted

_FEW, _MANY, _MESSAGES = 100, 3000, 40
OURS = tuple(f"/iocs/{storey}/" for storey in ("ca", "record", "device", "app"))
_LEVEL = PREFIX + "Level"

Request = Callable[[list[Channel], int], bytes]
"""Makes the message of a number, given the channels that are open."""


def _clear(channels: list[Channel], number: int) -> bytes:
    channel = channels[-3 - number]  # the youngest first: walks that look for it are longest
    return pack(CLEAR, b"", 0, 0, channel.sid, channel.cid)


def _cancel(channels: list[Channel], number: int) -> bytes:
    youngest = len(channels) - 3 - number
    return pack(EVENT_CANCEL, b"", 20, 0, channels[youngest].sid, 10_000 + youngest)


def _cancel_of_one_channel(channels: list[Channel], number: int) -> bytes:
    youngest = len(channels) - 3 - number
    return pack(EVENT_CANCEL, b"", 20, 0, channels[-1].sid, 20_000 + youngest)


def _off_and_on(channels: list[Channel], number: int) -> bytes:
    return pack(EVENTS_OFF) + pack(EVENTS_ON)


def _subscribe(channels: list[Channel], number: int) -> bytes:
    return subscription(channels[number], 30_000 + number, 20, 0, 5)


def _create(channels: list[Channel], number: int) -> bytes:
    return pack(CREATE, _LEVEL.encode() + b"\0", 0, 0, 500_000 + number, 13)


def _read(channels: list[Channel], number: int) -> bytes:
    return pack(READ_NOTIFY, b"", 20, 1, channels[number].sid, number)


def _write(channels: list[Channel], number: int) -> bytes:
    return pack(WRITE_NOTIFY, struct.pack(">d", number), 6, 1, channels[-2].sid, number)


def _echo(channels: list[Channel], number: int) -> bytes:
    return pack(ECHO)


@asynccontextmanager
async def _crowded(server: Server, count: int) -> AsyncIterator[tuple[RawCa, list[Channel]]]:
    """A client with that many channels to one PV, each with a subscription.

    The last channel has as many subscriptions by itself; the one before is a field to write.
    """
    async with RawCa(server.port) as client:
        names = [*[_LEVEL] * count, PREFIX + "Temperature.HIHI", PREFIX + "Pressure"]
        channels = list(await asyncio.gather(*[client.create(name) for name in names]))
        for number in range(count):
            client.send(subscription(channels[number], 10_000 + number, 20, 0, 5))
            client.send(subscription(channels[-1], 20_000 + number, 20, 0, 5))
        await client.sync()
        yield client, channels


async def _work_of(server: Server, request: Request, count: int) -> int:
    """Instructions for some requests of a client that has `count` of everything."""
    async with _crowded(server, count) as (client, channels):
        messages = [request(channels, number) for number in range(_MESSAGES)]
        with counted(*OURS, "/caproto/", but=frozenset({"_send_beacons"})) as work:
            for message in messages:
                client.send(message)
            await client.sync()
    return work.instructions


@pytest.fixture
async def server(space: CaSpace, group: PlantIoc) -> AsyncIterator[Server]:
    """The plant's PVs, served and not polled: nothing happens that no client asked for."""
    context = Server(cast("Any", group.pvdb), ["127.0.0.1"])
    await context.start()
    yield context
    await context.close()


@pytest.mark.parametrize(
    "request_of",
    [
        _clear,
        _cancel,
        _cancel_of_one_channel,
        _off_and_on,
        _subscribe,
        _create,
        _read,
        _write,
        _echo,
    ],
)
async def test_a_message_costs_the_same_whatever_is_open(
    server: Server, request_of: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = 0

    def equal(one: Monitor, other: object) -> bool:
        nonlocal compared
        compared += 1
        return one is other

    monkeypatch.setattr(Monitor, "__eq__", equal)  # called by walks through lists in C
    few = await _work_of(server, request_of, _FEW)
    many = await _work_of(server, request_of, _MANY)
    assert many < 1.3 * few
    assert compared == 0


async def test_events_off_and_on_cost_the_same_while_updates_wait(
    server: Server, group: PlantIoc
) -> None:
    """A client that does not read gets no cheap way to make the server walk its updates."""

    async def work(count: int) -> int:
        async with _crowded(server, count) as (client, _):
            client.pause()
            client.send(pack(EVENTS_OFF))
            await until(lambda: len(server.circuits) == 1)
            (circuit,) = server.circuits
            await until(lambda: circuit._outbox.muted)
            group.point("level").post(float(count), Stamp.now())
            with counted(*OURS, but=frozenset({"_send_beacons", "take"})) as spent:
                for _ in range(_MESSAGES):
                    circuit._outbox.mute(False)
                    circuit._outbox.mute(True)
            client.resume()
        return spent.instructions

    assert await work(_MANY) == await work(_FEW)


async def test_subscriptions_that_come_and_go_unheard_leave_nothing(
    server: Server, group: PlantIoc
) -> None:
    async with RawCa(server.port) as client:
        channel = await client.create(_LEVEL)
        client.send(pack(EVENTS_OFF))
        for number in range(3000):
            client.send(subscription(channel, number, 20, 0, 5))
            client.send(pack(EVENT_CANCEL, b"", 20, 0, channel.sid, number))
        await client.sync()
        (circuit,) = server.circuits
        assert len(circuit._outbox._queue) < 200
        assert circuit.monitor_count == 0
    assert group.point("level").monitors is None


async def test_a_post_looks_only_at_fields_that_somebody_watches(
    server: Server, group: PlantIoc
) -> None:
    level = group.point("level")

    def work() -> int:
        with counted(*OURS, but=frozenset({"_send_beacons"})) as spent:
            level.post(level.value + 1.0, Stamp.now())
        return spent.instructions

    level.post(1.0, Stamp.now())
    before = work()
    async with RawCa(server.port) as client:
        for field in ("HIHI", "HIGH", "LOW", "LOLO", "DESC", "EGU", "PREC", "MDEL", "ADEL"):
            await client.create(f"{_LEVEL}.{field}")
        monitor = await client.subscribe(await client.create(f"{_LEVEL}.SEVR"))
        assert work() > before
        await client.cancel(monitor)
        assert work() == before


class _Part(PartGroup[Plant]):
    main = Scan(60.0, Plant.read_slow)
    level = analog(main, "Level", lambda level: level, doc="Level", units="mm")
    part_connected = connected_pv("Part answers")


class _Parts(DeviceGroup[Plant]):
    count = 0

    def build(self) -> None:
        for number in range(self.count):
            self.add_part(_Part(f"{self.prefix}P{number}:", self.device, parent=self))


async def test_a_read_of_one_part_does_not_walk_the_others() -> None:
    async def work(count: int) -> int:
        kind = type("Some", (_Parts,), {"__module__": __name__, "count": count})
        group = kind(PREFIX, Plant())
        poller = group.all_pollers[0]
        await poller.refresh()
        with counted(*OURS) as spent:
            await poller.refresh()
            group.health.polled(poller)
        await group.stop()
        return spent.instructions

    assert await work(200) < 1.1 * await work(4)


async def test_autosave_looks_only_at_what_changed(tmp_path: Path) -> None:
    def work(count: int) -> int:
        kind = type("Some", (_Parts,), {"__module__": __name__, "count": count})
        group = kind(PREFIX, Plant())
        autosave = Autosave(group, tmp_path / f"{count}.json")
        points = list(group.points())
        for point in points:
            if point.limits is not None and point.spec.numeric:
                point.change_limit("HIHI", 1.0)
        autosave.content()
        points[-1].change("DESC", "changed")
        with counted(*OURS) as spent:
            autosave._settings()
        return spent.instructions

    assert work(200) < 1.1 * work(4)


class _Cell(PartGroup[int]):
    share: Block[float] = Block()
    level = analog(share, "Level", lambda level: level, doc="Level", high=1.0)


class _Cells(DeviceGroup[Plant]):
    main = Scan(60.0, Plant.read_slow)
    count = 0

    def build(self) -> None:
        for number in range(self.count):
            part = _Cell(f"{self.prefix}C{number}:", number, parent=self)
            self.add_part(part, {_Cell.share: (_Cells.main, lambda level: level)})


async def _cells_in_alarm(count: int) -> _Cells:
    """An IOC that keeps its summary of alarms, with that many of them."""
    kind = type("Some", (_Cells,), {"__module__": __name__, "count": count})
    group = kind(PREFIX, Plant())
    await group.all_pollers[0].refresh()
    group.health.summary.start()
    assert group.alarm_count.value >= count
    return group


async def test_an_alarm_costs_the_same_whatever_else_is_in_alarm() -> None:
    async def work(count: int) -> int:
        group = await _cells_in_alarm(count)
        level, before = group.parts[-1].point("level"), group.alarm_count.value
        with counted(*OURS) as spent:
            for value in (0.0, 5.0, None, 5.0):
                level.post(value, Stamp.now())
                await asyncio.sleep(0)
        assert group.alarm_count.value == before
        return spent.instructions

    assert await work(3000) < 1.02 * await work(20)


async def test_a_read_that_changes_no_alarm_does_not_look_at_them() -> None:
    group = await _cells_in_alarm(100)

    async def read(level: float) -> int:
        group.device.slow_reading = level
        with counted("/iocs/device/summary.py", "/iocs/ca/stamp.py") as spent:
            await group.all_pollers[0].refresh()
            await asyncio.sleep(0)
        return spent.instructions

    few = await read(17.0)
    assert few == await read(18.0)
    assert few < 100 < await read(0.0)
