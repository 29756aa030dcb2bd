"""A put is done when the device holds what was put: compared, waited for, and shown if not."""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from drivers.core.errors import Ambiguous, NotObeyed
from iocs.app.serve import Ioc
from iocs.device.agreement import AT_ONCE, BY_DRIVER, Agreement
from iocs.device.declare import setpoint
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, read_now, serving, until
from tests.support.ca import CaSpace
from tests.support.libca import CaError, Libca
from tests.support.rawca import ECA_PUTFAIL, Message, RawCa

MINOR_WRITE = (2, 1)


def single(value: float) -> float:
    """A number as an IEEE-754 single has it."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


@pytest.mark.parametrize(
    ("put", "held", "agreement", "holds"),
    [
        (5.0, 5.0, AT_ONCE, True),
        (5.0, 3.0, AT_ONCE, False),
        (0.1, single(0.1), AT_ONCE, True),
        (-6000.1, single(-6000.1), AT_ONCE, True),
        (1e-12, single(1e-12), AT_ONCE, True),
        (1e-44, single(1e-44), AT_ONCE, True),
        (0.0, -0.0, AT_ONCE, True),
        (5.0, 5.00001, AT_ONCE, False),
        (0.0, 1e-9, AT_ONCE, False),
        (5.0, math.nan, AT_ONCE, False),
        (5.0, math.inf, AT_ONCE, False),
        (5.0, None, AT_ONCE, False),
        (5.04, 5.0, Agreement(resolution=0.1), True),
        (5.04, 5.1, Agreement(resolution=0.1), True),  # rounded up
        (5.0, 5.1, Agreement(resolution=0.1), False),
        (1.0, 0.9, Agreement(resolution=0.1), False),
        (0.3, 0.2, Agreement(resolution=0.1), False),
        (7, 7, AT_ONCE, True),
        (7, 8, Agreement(resolution=5.0), False),  # whole numbers never differ
        (1, True, AT_ONCE, True),
        (53.7, 53.5, Agreement(same=lambda put, held: abs(put - held) < 0.5), True),
        (53.7, None, Agreement(same=lambda put, held: True), False),
    ],
)
def test_what_agrees(put: float, held: float | None, agreement: Agreement, holds: bool) -> None:
    assert agreement.holds(put, held) is holds


def ignore(plant: Plant) -> Callable[[float], None]:
    return lambda _: None


def clip(plant: Plant) -> Callable[[float], None]:
    return lambda value: plant.show(target=min(value, 30.0))


@pytest.mark.parametrize(("way", "held"), [(ignore, 21.0), (clip, 30.0)])
async def test_a_device_that_does_something_else_fails_the_put_with_both_values(
    raw: RawCa,
    plant: Plant,
    group: PlantIoc,
    way: Callable[[Plant], Callable[[float], None]],
    held: float,
) -> None:
    await read_now(group)
    plant.obey = way(plant)
    target = await raw.create(PREFIX + "Target")
    monitor = await raw.subscribe(target)
    reads = plant.reads
    answer = await raw.put(target, 33.5)
    text = f"T:Target: put 33.5 degC, the device holds {held:g} degC"
    assert (answer.two, answer.text) == (ECA_PUTFAIL, text)
    assert plant.writes == [("target", 33.5)]
    assert plant.reads == reads + 1
    # the set point shows what the device holds, in one event with the alarm
    point = group.point("goal")
    assert (point.value, (point.status, point.severity)) == (held, MINOR_WRITE)
    assert group.point("goal_rbv").value == held
    assert text in str(group.point("last_error").value)
    event = (await monitor.count(2))[-1]
    assert (event.double, (event.status, event.severity)) == (held, MINOR_WRITE)
    await read_now(group)
    assert (point.status, point.severity) == MINOR_WRITE
    plant.obey = None
    assert (await raw.put(target, 34.0)).one == 1
    assert (point.value, point.severity) == (34.0, 0)
    await raw.sync()
    assert [one.severity for one in monitor.events] == [0, 1, 0]


async def test_every_client_library_hears_of_it(space: CaSpace, ioc: Ioc, plant: Plant) -> None:
    plant.obey = ignore(plant)
    async with Libca(space, "aioca") as ca:
        error = await ca.put(PREFIX + "Target", 33.0)
        assert error is not None
        assert error.code == CaError.PUTFAIL


async def test_a_state_must_be_the_one_that_was_put(
    raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await read_now(group)
    plant.obey = ignore(plant)
    answer = await raw.put(await raw.create(PREFIX + "SetMode"), 2.0)
    assert answer.text == "T:SetMode: put Heat, the device holds Cool"
    assert group.point("want_mode").value == 1


async def test_a_value_that_is_not_there_is_no_agreement(
    raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await read_now(group)
    plant.obey = lambda _: plant.show(target=None)
    answer = await raw.put(await raw.create(PREFIX + "Target"), 5.0)
    assert answer.text == "T:Target: put 5 degC, the device holds an unknown value"
    assert group.point("goal").value == 21.0


async def test_puts_that_replace_each_other_before_they_are_read_back_succeed(
    raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    """The first one's readback shows what the second put: it was obeyed, and replaced."""
    await read_now(group)
    target = await raw.create(PREFIX + "Target")
    plant.gate.clear()
    puts = [asyncio.create_task(raw.put(target, value)) for value in (50.0, 60.0)]
    await until(lambda: len(plant.writes) == 2)
    plant.gate.set()
    assert [answer.one for answer in await asyncio.gather(*puts)] == [1, 1]
    assert group.point("goal").value == 60.0


async def test_what_the_driver_found_not_obeyed_is_looked_at_again(
    raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    """Of a write that the driver could not confirm nobody knows what it did."""
    await read_now(group)
    target = await raw.create(PREFIX + "Target")
    point = group.point("goal")
    for held, fault in ((30.0, NotObeyed("l", "u", "x", "")), (29.0, Ambiguous("l", "u", "x", ""))):
        plant.write_fault = fault
        plant.show(target=held)
        assert (await raw.put(target, 33.0)).two == ECA_PUTFAIL
        await until(lambda held=held: point.value == held)
        assert (point.status, point.severity) == MINOR_WRITE
    assert plant.writes == []


class LateIoc(PlantIoc):
    """The plant, with set points that show late, or are confirmed by the driver, or round."""

    late = setpoint(
        "Late", Plant.write_target, confirm=PlantIoc.main, readback=lambda r: r.target,
        doc="Shows late", units="degC", agreement=Agreement(within=3600.0),
    )  # fmt: skip
    soon = setpoint(
        "Soon", Plant.write_target, confirm=PlantIoc.main, readback=lambda r: r.target,
        doc="Shows soon", units="degC", agreement=Agreement(within=1.0),
    )  # fmt: skip
    trusted = setpoint(
        "Trusted", Plant.write_target, confirm=PlantIoc.main, readback=lambda r: r.target,
        doc="Confirmed by the driver", agreement=BY_DRIVER,
    )  # fmt: skip
    keeps = setpoint(
        "Keeps", Plant.write_target, confirm=PlantIoc.main, readback=lambda r: r.target,
        doc="Keeps what was asked for", follow=False,
    )  # fmt: skip
    both = setpoint(
        "Both", Plant.write_target, confirm=PlantIoc.main, readback=lambda r: r.target,
        doc="Of two devices", units="K",
        agreement=Agreement(held=lambda r: (r.target, r.temperature)),
    )  # fmt: skip


@pytest.fixture
async def late(space: CaSpace, plant: Plant) -> AsyncIterator[tuple[LateIoc, RawCa]]:
    """Its IOC in this process, and a client."""
    group = LateIoc(PREFIX, plant)
    async with serving(group) as ioc, RawCa(ioc.context.port) as raw:
        await read_now(group)
        yield group, raw


async def _waits(raw: RawCa, plant: Plant, name: str = "Late") -> asyncio.Task[Message]:
    """A put that waits for its readback: it has been read three times, and still does not show."""
    plant.obey = ignore(plant)
    channel = await raw.create(PREFIX + name)
    reads = plant.reads
    put = asyncio.create_task(raw.put(channel, 50.0))
    await until(lambda: plant.reads > reads + 3)
    assert not put.done()
    return put


async def test_a_value_that_shows_late_is_waited_for(
    late: tuple[LateIoc, RawCa], plant: Plant
) -> None:
    group, raw = late
    put = await _waits(raw, plant)
    plant.show(target=50.0)
    assert (await put).one == 1
    assert plant.writes == [("target", 50.0)]
    assert (group.point("late").value, group.point("late").severity) == (50.0, 0)


async def test_it_is_waited_for_no_longer_than_declared(
    late: tuple[LateIoc, RawCa], plant: Plant
) -> None:
    group, raw = late
    plant.obey = ignore(plant)
    reads = plant.reads
    answer = await raw.put(await raw.create(PREFIX + "Soon"), 50.0)
    assert answer.text == "T:Soon: put 50 degC, the device holds 21 degC"
    assert plant.reads > reads + 1
    assert plant.writes == [("target", 50.0)]
    assert group.point("soon").value == 21.0


@pytest.mark.parametrize("hanging", [False, True], ids=["between reads", "in a read"])
async def test_a_stop_ends_the_waiting(
    late: tuple[LateIoc, RawCa], plant: Plant, hanging: bool
) -> None:
    group, raw = late
    put = await _waits(raw, plant)
    if hanging:
        plant.gate.clear()
        reads = plant.reads
        await until(lambda: plant.reads > reads)
    stop = asyncio.create_task(raw.put(await raw.create(PREFIX + "Stop"), 1.0))
    text = "T:Late: put 50 degC, the device holds 21 degC; T:Stop was put meanwhile"
    assert (await put).text == text
    plant.gate.set()
    await stop
    assert plant.writes == [("target", 50.0), ("stop", True)]
    assert group.point("late").severity == 1


async def test_a_lost_device_ends_the_waiting(late: tuple[LateIoc, RawCa], plant: Plant) -> None:
    group, raw = late
    put = await _waits(raw, plant)
    plant.lose()
    assert "T:Late: written, but not read back: " in (await put).text
    assert group.point("late").severity == 3


async def test_a_device_that_hangs_ends_the_waiting(
    late: tuple[LateIoc, RawCa], plant: Plant
) -> None:
    _, raw = late
    put = await _waits(raw, plant)
    plant.gate.clear()
    assert "T:Late: written, but not read back: it does not answer" in (await put).text
    plant.gate.set()


async def test_the_end_of_the_ioc_ends_the_waiting(
    late: tuple[LateIoc, RawCa], plant: Plant
) -> None:
    group, raw = late
    put = await _waits(raw, plant)
    group.put_queue.end()
    assert (await put).text.endswith("the device holds 21 degC; the IOC ends")


async def test_a_put_that_waits_for_its_readback_holds_up_no_other(
    late: tuple[LateIoc, RawCa], plant: Plant
) -> None:
    _, raw = late
    put = await _waits(raw, plant)
    plant.obey = None
    assert (await raw.put(await raw.create(PREFIX + "SetMode"), 2.0)).one == 1
    assert not put.done()
    plant.show(target=50.0)
    assert (await put).one == 1


async def test_what_the_driver_has_confirmed_is_not_compared_again(
    late: tuple[LateIoc, RawCa], plant: Plant
) -> None:
    group, raw = late
    plant.obey = ignore(plant)
    reads = plant.reads
    assert (await raw.put(await raw.create(PREFIX + "Trusted"), 50.0)).one == 1
    assert plant.reads == reads + 1  # it feeds the PVs
    assert (group.point("trusted").value, group.point("trusted_rbv").value) == (50.0, 21.0)


async def test_a_set_point_that_does_not_follow_keeps_what_was_asked_for(
    late: tuple[LateIoc, RawCa], plant: Plant
) -> None:
    group, raw = late
    channel = await raw.create(PREFIX + "Keeps")
    assert (await raw.put(channel, 40.0)).one == 1
    plant.obey = ignore(plant)
    assert (await raw.put(channel, 50.0)).two == ECA_PUTFAIL
    point = group.point("keeps")
    assert (point.value, (point.status, point.severity)) == (40.0, MINOR_WRITE)


async def test_every_device_of_a_group_must_hold_it(
    late: tuple[LateIoc, RawCa], plant: Plant
) -> None:
    _, raw = late
    channel = await raw.create(PREFIX + "Both")
    answer = await raw.put(channel, 40.0)
    assert answer.text == "T:Both: put 40 K, the devices hold 40 K, 20 K"
    plant.obey = lambda value: plant.show(target=value, temperature=value)
    assert (await raw.put(channel, 30.0)).one == 1
