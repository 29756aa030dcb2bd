"""Scans: honest about a lost device, healing by themselves, without bursts, one log line each."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from drivers.core.errors import NoReply
from iocs.app.serve import Ioc
from iocs.record.alarm import Status
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, read_now, until
from tests.support.rawca import RawCa

_FED_BY_MAIN = ("temperature", "cycles", "running", "mode_now", "note", "trace", "goal_rbv", "goal")


def severities(group: PlantIoc, names: tuple[str, ...] = _FED_BY_MAIN) -> set[int]:
    return {group.point(name).severity for name in names}


def lines(caplog: pytest.LogCaptureFixture, word: str) -> list[str]:
    found = [record.getMessage() for record in caplog.records if record.name == "labioc.scan"]
    return [line for line in found if word in line]


async def test_loss_makes_all_pvs_of_the_block_invalid_and_they_heal(
    ioc: Ioc, group: PlantIoc, plant: Plant
) -> None:
    group.set_period(PlantIoc.main, 0.05)
    await until(lambda: severities(group) == {0})
    plant.lose()
    await until(lambda: severities(group) == {3})
    assert group.point("connected").value == 1  # the slow block is read still
    plant.find()
    await until(lambda: severities(group) == {0})


async def test_a_lost_block_takes_only_its_own_pvs(ioc: Ioc, group: PlantIoc, plant: Plant) -> None:
    await until(lambda: severities(group) == {0} and group.point("level").severity == 0)
    plant.fault = NoReply(plant.link, "", "read", "silent")
    await read_now(group)
    assert severities(group) == {3}
    assert group.point("level").severity == 0
    assert group.point("connected").severity == 0


async def test_a_hanging_driver_is_noticed_within_two_periods(
    ioc: Ioc, group: PlantIoc, plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    period = 1.0
    group.set_period(PlantIoc.main, period)
    await until(lambda: severities(group) == {0})
    loop = asyncio.get_running_loop()
    poller = group.poller(PlantIoc.main)
    plant.gate.clear()
    reads = plant.reads
    await until(lambda: plant.reads > reads)
    assert poller._stale is not None
    assert poller._stale.when() - loop.time() <= 2 * period
    await until(lambda: severities(group) == {3})
    assert group.point("temperature").status == Status.COMM
    plant.gate.set()
    await until(lambda: severities(group) == {0})
    assert len(lines(caplog, "lost: no answer for two periods (plant://bench)")) == 1
    assert len(lines(caplog, "back after")) == 1


async def test_an_ioc_that_was_held_up_itself_calls_no_device_lost(
    ioc: Ioc, group: PlantIoc, plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    group.set_period(PlantIoc.main, 0.1)
    await until(lambda: severities(group) == {0})
    for _ in range(3):
        reads = plant.reads
        time.sleep(0.6)  # noqa: ASYNC251 - the machine is busy with something else
        await until(lambda seen=reads: plant.reads > seen + 2)
    assert lines(caplog, "lost") == []


async def test_connected_is_major_when_nothing_is_read(
    ioc: Ioc, group: PlantIoc, plant: Plant
) -> None:
    plant.lose()
    for scan in (PlantIoc.main, PlantIoc.slow):
        await group.poller(scan).refresh()
    connected = group.point("connected")
    assert (connected.value, connected.severity) == (0, 2)
    assert "cable pulled" in group.point("last_error").value


async def test_one_log_line_down_and_one_up(
    group: PlantIoc, plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await read_now(group)
    plant.lose()
    for _ in range(5):
        await read_now(group)
    plant.find()
    for _ in range(3):
        await read_now(group)
    assert len(lines(caplog, "lost: plant://bench: read: link down: cable pulled")) == 1
    assert len(lines(caplog, "5 failed reads")) == 1
    assert group.point("error_count").value == 5


@pytest.mark.parametrize("fault", [RuntimeError("bug"), KeyError("x"), OSError("io"), EOFError()])
async def test_no_error_of_a_driver_ends_the_ioc(
    ioc: Ioc, group: PlantIoc, plant: Plant, fault: Exception
) -> None:
    plant.fault = fault
    await read_now(group)
    assert severities(group) == {3}
    plant.fault = None
    await read_now(group)
    assert severities(group) == {0}
    assert not ioc._ended.is_set()


async def test_overruns_are_counted_and_not_caught_up(
    ioc: Ioc, group: PlantIoc, plant: Plant
) -> None:
    period = 0.05
    group.set_period(PlantIoc.main, period)
    await until(lambda: severities(group) == {0})
    poller = group.poller(PlantIoc.main)
    plant.gate.clear()
    reads = plant.reads
    await until(lambda: plant.reads > reads)
    before = poller.overruns
    started = asyncio.get_running_loop().time()
    await asyncio.sleep(10 * period)
    reads = plant.reads
    plant.gate.set()
    await until(lambda: plant.reads >= reads + 3)
    elapsed = asyncio.get_running_loop().time() - started
    assert poller.overruns - before >= 9
    assert plant.reads - reads <= elapsed / period - 8  # none of the ten that were missed
    total = group.point("poll_overruns")
    await until(lambda: total.value == sum(p.overruns for p in group.all_pollers))


async def test_the_period_is_set_by_a_pv(raw: RawCa, group: PlantIoc, plant: Plant) -> None:
    period = await raw.create(PREFIX + "Scan:Main:Period")
    scan = await raw.create(PREFIX + "Temperature.SCAN")
    assert (await raw.put(period, 0.02)).one == 1
    reads = plant.reads
    await until(lambda: plant.reads > reads + 5)
    assert (await raw.put(period, 2.0)).one == 1
    assert (await raw.read(scan, 0)).payload.startswith(b"2 second\0")
    for bad in (0.0, -1.0, 0.001, 1e9, float("nan")):
        answer = await raw.put(period, bad)
        assert answer.two == 160
        assert "T:Scan:Main:Period" in answer.text
    assert group.poller(PlantIoc.main).period == 2.0


async def test_proc_reads_at_once(raw: RawCa, group: PlantIoc, plant: Plant) -> None:
    await raw.put(await raw.create(PREFIX + "Scan:Main:Period"), 3600.0)
    proc = await raw.create(PREFIX + "Temperature.PROC")
    await until(lambda: plant.reads >= 2)
    for _ in range(3):
        reads = plant.reads
        assert (await raw.put(proc, 1.0)).one == 1
        await until(lambda seen=reads: plant.reads == seen + 1)


async def test_proc_during_a_read_is_not_lost(raw: RawCa, group: PlantIoc, plant: Plant) -> None:
    await raw.put(await raw.create(PREFIX + "Scan:Main:Period"), 3600.0)
    proc = await raw.create(PREFIX + "Temperature.PROC")
    await read_now(group)
    plant.gate.clear()
    reads = plant.reads
    await raw.put(proc, 1.0)
    await until(lambda: plant.reads > reads)
    await raw.put(proc, 1.0)
    seen = plant.reads
    plant.gate.set()
    await until(lambda: plant.reads > seen)


async def test_a_value_that_does_not_fit_takes_its_own_pv_only(
    group: PlantIoc, plant: Plant
) -> None:
    plant.show(cycles=1 << 40, mode=99)
    await read_now(group)
    names = ("cycles", "mode_now", "want_mode", "want_mode_rbv")
    assert [(group.point(n).status, group.point(n).severity) for n in names] == [(1, 3)] * 4
    assert severities(group, ("temperature", "running", "note", "goal")) == {0}
    plant.show(cycles=1, mode=0)
    await read_now(group)
    assert severities(group, names) == {0}


async def test_none_is_invalid_unless_declared(group: PlantIoc, plant: Plant) -> None:
    plant.show(temperature=None, running=None, word=None)
    await read_now(group)
    assert severities(group, ("temperature", "running", "word", "word_bits_hot")) == {3}
    assert severities(group, ("pressure", "note")) == {0}


async def test_bits_of_a_word(group: PlantIoc, plant: Plant) -> None:
    plant.show(word=0b1010)
    await read_now(group)
    assert group.point("word").value == 0b1010  # bit 3 is not known, and kept
    assert [group.point(f"word_bits_{name}").value for name in ("low", "hot")] == [0, 1]
    assert group.point("word_bits_hot").severity == 2


async def test_stopping_leaves_no_read_behind(ioc: Ioc, group: PlantIoc, plant: Plant) -> None:
    await read_now(group)
    plant.gate.clear()
    reads = plant.reads
    group.poller(PlantIoc.main).read_soon()
    await until(lambda: plant.reads > reads)
    await ioc.stop()
    assert plant.closed
    assert not any("_read_alone" in repr(task) for task in asyncio.all_tasks())
