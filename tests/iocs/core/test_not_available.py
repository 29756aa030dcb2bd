"""What a device does not have: not available, without an alarm, and never to be taken for a fault.

Contract, claim 42.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from iocs.app.serve import Ioc
from iocs.ca.dbr import Native
from iocs.device.declare import choice, setpoint
from iocs.device.declared import Reading
from iocs.device.group import DeviceGroup
from iocs.device.scan import Scan
from iocs.record.alarm import Status
from iocs.record.spec import NOT_AVAILABLE_STATE, DeclarationError, PointSpec, Presence
from tests.iocs.core.plant import MODES, PREFIX, Plant, serving, until
from tests.iocs.core.plant import Reading as Values
from tests.support.ca import CaSpace
from tests.support.libca import Form, Libca, Mask
from tests.support.rawca import ECA_NORMAL, ECA_NOWTACCESS, ECA_PUTFAIL, RawCa

NOTHING: dict[str, Any] = dict.fromkeys(("temperature", "pressure", "name", "mode", "target"))
SENSOR = PointSpec(
    name="Sensor",
    record="ai",
    desc="Sensor that not all have",
    native=Native.DOUBLE,
    presence=Presence.IF_FITTED,
    high=30.0,
)


class FittedIoc(DeviceGroup[Plant]):
    """What some plants have and others do not."""

    main = Scan(1.0, Plant.read)

    sensor = Reading[Values](SENSOR, main, lambda r: r.temperature)
    at_times = Reading[Values](
        replace(SENSOR, name="TimeLeft", presence=Presence.AT_TIMES), main, lambda r: r.pressure
    )
    plate = Reading[Values](
        PointSpec(
            name="Plate",
            record="stringin",
            desc="Plate that not all have",
            native=Native.STRING,
            presence=Presence.IF_FITTED,
        ),
        main,
        lambda r: r.name,
    )
    goal = setpoint(
        "Target", Plant.write_target, confirm=main, readback=lambda r: r.target, doc="Target",
        presence=Presence.IF_FITTED,
    )  # fmt: skip
    want_mode = choice(
        "SetMode", Plant.write_mode, confirm=main, readback=lambda r: r.mode, states=MODES,
        doc="Mode to be in", presence=Presence.IF_FITTED,
    )  # fmt: skip


NAMES = ("sensor", "at_times", "plate", "goal", "goal_rbv", "want_mode", "want_mode_rbv")


@pytest.fixture
async def fitted(space: CaSpace, plant: Plant) -> AsyncIterator[Ioc]:
    """The IOC of a plant that has nothing of it."""
    plant.show(**NOTHING)
    group = FittedIoc(PREFIX, plant)
    async with serving(group) as ioc:
        await until(lambda: severities(group) == {0})
        yield ioc


def severities(group: DeviceGroup[Any], names: tuple[str, ...] = NAMES) -> set[int]:
    return {int(group.point(name).severity) for name in names}


async def read_now(ioc: Ioc) -> None:
    await ioc.group.poller(FittedIoc.main).refresh()


async def test_what_a_device_does_not_have_is_not_available(space: CaSpace, fitted: Ioc) -> None:
    async with Libca(space) as ca:
        for name in ("Sensor", "TimeLeft", "Target", "Target_RBV"):
            found = await ca.get(PREFIX + name, form=Form.TIME)
            assert math.isnan(found.value)
            assert (found.status, found.severity) == (Status.UDF, 0)
        mode = await ca.get(f"{PREFIX}SetMode_RBV", form=Form.CTRL)
        assert mode.enums is not None
        assert mode.enums[mode.value] == NOT_AVAILABLE_STATE
        assert (await ca.get(f"{PREFIX}Plate")).value == ""
        assert (await ca.get(f"{PREFIX}Sensor.UDF")).value == 1
        async with ca.monitor(f"{PREFIX}Sensor", events=Mask.ALARM | Mask.VALUE) as monitor:
            await monitor.count(1)
            for _ in range(3):
                await read_now(fitted)
            assert await ca.put(f"{PREFIX}Sensor.HIGH", 5.0) is None  # judges nothing
            fitted.group.device.show(temperature=20.0)
            await read_now(fitted)
            first, second = await monitor.count(2)  # NaN once, and no flood of it
            assert (math.isnan(first.value), first.severity) == (True, 0)
            assert (second.value, second.severity) == (20.0, 1)


async def test_what_was_there_and_is_gone_is_invalid(fitted: Ioc, plant: Plant) -> None:
    group = fitted.group
    plant.show(temperature=20.0, pressure=2.0, name="plant", mode=1, target=3.0)
    await read_now(fitted)
    assert severities(group) == {0}
    assert (group.point("goal").value, group.point("want_mode").value) == (3.0, 1)
    plant.show(**NOTHING)
    await read_now(fitted)
    assert severities(group, ("sensor", "plate", "goal_rbv", "want_mode_rbv")) == {3}
    assert group.point("sensor").value == 20.0
    assert severities(group, ("at_times",)) == {0}
    assert math.isnan(group.point("at_times").value)


async def test_what_could_not_be_told_is_no_missing_thing(fitted: Ioc, plant: Plant) -> None:
    plant.show(temperature=math.nan, target=math.nan, mode=-1)
    await read_now(fitted)
    names = ("sensor", "goal", "goal_rbv", "want_mode", "want_mode_rbv")
    assert severities(fitted.group, names) == {3}
    plant.show(target=4.0, mode=2)
    await read_now(fitted)
    assert (fitted.group.point("goal").value, fitted.group.point("want_mode").value) == (4.0, 2)


async def test_a_lost_device_takes_what_it_does_not_have_as_well(fitted: Ioc, plant: Plant) -> None:
    plant.lose()
    await read_now(fitted)
    assert severities(fitted.group) == {3}
    plant.find()
    await read_now(fitted)
    assert severities(fitted.group) == {0}


async def test_a_put_to_what_is_not_there_fails_with_the_reason(
    space: CaSpace, fitted: Ioc, plant: Plant
) -> None:
    group = fitted.group
    async with RawCa(space.server_port) as raw:
        for name, value in (("Target", 3.0), ("SetMode", 1)):
            answer = await raw.put(await raw.create(PREFIX + name), value)
            assert answer.two == ECA_NOWTACCESS
            reason = "the device does not have it"
            assert f": {reason} (" in str(group.point("last_put_error").value)
    assert plant.writes == []
    assert severities(group) == {0}  # which no put could ever end


async def test_the_state_that_says_so_cannot_be_put(
    space: CaSpace, fitted: Ioc, plant: Plant
) -> None:
    plant.show(mode=1)
    await read_now(fitted)
    async with RawCa(space.server_port) as raw:
        channel = await raw.create(f"{PREFIX}SetMode")
        assert (await raw.put(channel, len(MODES))).two == ECA_PUTFAIL
        assert (await raw.put(channel, 2)).one == ECA_NORMAL
    assert plant.writes == [("mode", 2)]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"record": "longin", "native": Native.LONG}, "only a DOUBLE, a state or a text"),
    ({"record": "mbbi", "native": Native.ENUM, "states": MODES}, "its last state must be"),
    ({"record": "ao", "writable": True, "snapshot": True}, "cannot be in a snapshot"),
]


@pytest.mark.parametrize(("changes", "problem"), BAD)
def test_what_cannot_be_shown_as_not_available_is_refused(
    changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DeclarationError, match=problem):
        replace(SENSOR, high=math.nan, **changes)
