"""What one client or one odd value may not do to the others."""

from __future__ import annotations

import math

from iocs.app.serve import Ioc
from iocs.record.alarm import Severity
from iocs.record.base_fields import base_fields
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, read_now, until
from tests.support.rawca import DBR_TIME_DOUBLE, RawCa


async def test_a_text_that_is_no_number_harms_only_who_asked_for_one(
    ioc: Ioc, raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    plant.show(name="7")
    await read_now(group)
    name = await raw.create(PREFIX + "Name")
    await raw.subscribe(name, data_type=DBR_TIME_DOUBLE)
    plant.show(name="no number")
    await read_now(group)
    assert group.point("plant_name").value == "no number"
    assert group.point("pressure").severity == Severity.NO_ALARM
    plant.lose()
    await read_now(group)
    await until(lambda: group.connected.value == 0)
    plant.find()
    await read_now(group)
    assert group.point("pressure").severity == Severity.NO_ALARM


async def test_nan_for_an_integer_makes_that_pv_invalid_alone(
    ioc: Ioc, plant: Plant, group: PlantIoc
) -> None:
    plant.show(cycles=math.nan)
    await read_now(group)
    assert group.point("cycles").severity == Severity.INVALID
    assert group.point("pressure").severity == Severity.NO_ALARM


async def test_an_alarm_by_a_new_limit_has_a_new_stamp(
    ioc: Ioc, raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await read_now(group)
    group.pollers[PlantIoc.main].set_period(60.0)
    await read_now(group)
    before = group.point("temperature").epics_stamp
    await raw.put(await raw.create(PREFIX + "Temperature.HIGH"), 5.0)
    assert group.point("temperature").severity == Severity.MINOR
    assert group.point("temperature").epics_stamp > before


async def test_a_search_makes_nothing(ioc: Ioc, group: PlantIoc) -> None:
    for field in base_fields("ai"):
        assert ioc.context.knows(f"{PREFIX}Pressure.{field}")
    assert ioc.context.knows(f"{PREFIX}Pressure.DESC$")
    for wrong in ("Pressure.NOPE", "Pressure.HIHI$", "Nope", "Nope.DESC", "Pressure.{"):
        assert not ioc.context.knows(PREFIX + wrong)
    assert group.point("pressure").made_fields == ()
    assert ioc.context.find(f"{PREFIX}Pressure.HIHI") is not None
    assert group.point("pressure").made_fields == ("HIHI",)


async def test_what_find_finds_is_what_a_search_knows(ioc: Ioc, group: PlantIoc) -> None:
    names = [
        f"{p.pvname}{end}" for p in group.points() for end in ("", ".DESC$", "$", ".VAL$", ".")
    ]
    for name in names:
        assert ioc.context.knows(name) == (ioc.context.find(name) is not None), name
