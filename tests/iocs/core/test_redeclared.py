"""What a device tells of its set points after the start reaches clients that watch already."""

from __future__ import annotations

from dataclasses import replace

from tests.iocs.core.plant import PREFIX, PlantIoc, read_now
from tests.support.rawca import PROPERTY, VALUE, RawCa


async def test_new_ends_reach_the_fields_and_the_metadata(group: PlantIoc, raw: RawCa) -> None:
    await read_now(group)
    field = await raw.subscribe(await raw.create(PREFIX + "Target.DRVH"), VALUE)
    metadata = await raw.subscribe(await raw.create(PREFIX + "Target"), PROPERTY)
    other = await raw.subscribe(await raw.create(PREFIX + "Target"), VALUE)
    before = field.events[0].double
    point = group.point("goal")
    point.spec = replace(point.spec, control=(0.0, before + 7.0))
    await field.until(lambda event: event.double == before + 7.0)
    await metadata.until(lambda _: len(metadata.events) == 2)
    await raw.sync()
    assert len(other.events) == 1
