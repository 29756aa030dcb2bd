"""Groups: what may be a PV's attribute, parts fed by their parent, health and statistics."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psutil
import pytest

from iocs.app.serve import Ioc
from iocs.ca.stamp import Stamp
from iocs.device.declare import Declared, Internal, analog, connected_pv, number_pv
from iocs.device.group import DeviceGroup, PartGroup
from iocs.device.meta import GroupMeta
from iocs.device.scan import Block, Scan
from iocs.record.spec import NAME_PATTERN, DeclarationError
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, Reading, read_now, until
from tests.support.rawca import LOG, RawCa


async def test_no_pv_may_hide_an_attribute_of_its_group(plant: Plant) -> None:
    group = DeviceGroup("T:", plant)
    own = {name for name in vars(group) if not name.startswith("_")}
    inherited = {"prefix", "pvdb", "states", "start", "stop", "feed", "points", "log", "parent"}
    assert own & {"device", "health", "root"}
    for name in own | inherited:
        with pytest.raises(DeclarationError, match=f"'{name}' is taken"):
            GroupMeta("Bad", (DeviceGroup,), {name: number_pv("X", "X", "")})


def test_two_attributes_may_not_share_a_pv() -> None:
    with pytest.raises(DeclarationError, match="one and two share the PV X"):
        GroupMeta("Bad", (DeviceGroup,), {n: number_pv("X", "X", "") for n in ("one", "two")})


def test_a_pv_of_a_base_class_may_not_be_declared_under_another_attribute() -> None:
    with pytest.raises(DeclarationError, match="connected and answers share the PV Connected"):
        GroupMeta("Bad", (DeviceGroup,), {"answers": connected_pv("Device answers")})


HEALTH = {name: one for name, one in DeviceGroup._pvs_.items() if isinstance(one, Internal)}


@pytest.mark.parametrize("attribute", sorted(HEALTH))
def test_what_the_ioc_posts_to_is_not_declared_again(attribute: str) -> None:
    """Else two would post to it: the IOC and what feeds the other declaration."""
    name = HEALTH[attribute].spec.name
    block: Block[float] = Block()
    for other in (name, "Other"):
        again = analog(block, other, lambda share: share, doc="Again")
        with pytest.raises(DeclarationError, match=f"the IOC itself posts to {name}$"):
            GroupMeta("Bad", (DeviceGroup,), {attribute: again})


def test_what_a_scan_brings_along_is_not_declared_again() -> None:
    again = number_pv("Level", "Level", "mm")
    with pytest.raises(DeclarationError, match=r"the IOC itself posts to Scan:Main:Time$"):
        GroupMeta("Bad", (PlantIoc,), {"main_time": again})


def test_connected_of_a_part_is_the_iocs_to_post() -> None:
    block: Block[float] = Block()
    again = analog(block, "Connected", lambda share: share, doc="Again")
    with pytest.raises(DeclarationError, match=r"the IOC itself posts to Connected$"):
        GroupMeta("Bad", (PartGroup,), {"part_connected": again})
    GroupMeta("Good", (PartGroup,), {"part_connected": connected_pv("Part answers")})


class ChannelPvs(PartGroup[int]):
    """A part."""

    share: Block[float] = Block()
    value = analog(share, "Value", lambda share: share, doc="Value of the channel")


def test_a_reading_may_be_declared_anew() -> None:
    """A class for another model changes a limit, say."""
    again = analog(ChannelPvs.share, "Value", lambda share: share, doc="Another", high=1.0)
    good: Any = GroupMeta("Good", (ChannelPvs,), {"value": again})
    assert good._pvs_["value"] is again


FED_BY_THE_PLANT = {
    PREFIX + declared.spec.name
    for declared in PlantIoc._pvs_.values()
    if isinstance(declared, Declared) and not isinstance(declared, Internal)
}


class PartsIoc(DeviceGroup[Plant]):
    """An IOC of two parts."""

    main = Scan(1.0, Plant.read)

    def build(self) -> None:
        for number in range(2):
            part = ChannelPvs(f"{self.prefix}Ch{number}:", number, parent=self)
            self.add_part(part, {ChannelPvs.share: (PartsIoc.main, _share(number))})


def _share(number: int) -> Callable[[Reading], float | None]:
    return lambda reading: reading.trace[number] if len(reading.trace) > number else None


async def test_one_read_feeds_the_parts_and_a_missing_share_its_part_alone(plant: Plant) -> None:
    group = PartsIoc("T:", plant)
    values = [group.pvdb[f"T:Ch{number}:Value"] for number in range(2)]
    await group.poller(PartsIoc.main).refresh()
    assert [(pv.value, pv.severity) for pv in values] == [(1.0, 0), (2.0, 0)]
    assert plant.reads == 1
    plant.show(trace=(5.0,))
    await group.poller(PartsIoc.main).refresh()
    assert [(pv.value, pv.severity) for pv in values] == [(5.0, 0), (2.0, 3)]


async def test_a_part_that_nothing_feeds_is_refused(plant: Plant) -> None:
    class Unfed(DeviceGroup[Plant]):
        def build(self) -> None:
            self.add_part(ChannelPvs(f"{self.prefix}Ch:", 0, parent=self))

    with pytest.raises(DeclarationError, match="nothing reads or feeds 'share'"):
        Unfed("T:", plant)


async def test_what_ticks_every_second_is_no_event_for_the_archiver(
    ioc: Ioc, group: PlantIoc, raw: RawCa
) -> None:
    """HEARTBEAT counts on, memory and loads move, reads take their time: not all of it is kept."""
    archived = [p for p in group.points() if p.spec.archive and p.pvname not in FED_BY_THE_PLANT]
    assert {p.spec.name for p in archived} > {
        *("Ioc:HEARTBEAT", "Ioc:MEM_FREE", "Ioc:SYS_CPU_LOAD", "Scan:Main:Time", "PollTime"),
        *("ExchangeCount", "ErrorCount", "Connected"),
    }
    heartbeat = await raw.subscribe(await raw.create(PREFIX + "Ioc:HEARTBEAT"))
    logged = [await raw.subscribe(await raw.create(p.pvname), LOG) for p in archived]
    device = group.device
    for beat in range(2, 8):
        device.exchanges += 100
        await heartbeat.count(beat)
    await raw.sync()
    counts = {m.channel.name.removeprefix(PREFIX): len(m.events) for m in logged}
    assert {name: count for name, count in counts.items() if count > 3} == {}
    changed = await raw.subscribe(await raw.create(PREFIX + "Ioc:HEARTBEAT"), LOG)
    group.heartbeat.post(group.heartbeat.value + 61, Stamp.now())
    await changed.count(2)


async def test_statistics_of_the_ioc(ioc: Ioc, group: PlantIoc, raw: RawCa) -> None:
    heartbeat = await raw.subscribe(await raw.create(PREFIX + "Ioc:HEARTBEAT"))
    first = heartbeat.events[0].payload[12:16]
    await heartbeat.until(lambda event: event.payload[12:16] > first)
    await until(lambda: group.point("client_count").value == 1)
    assert group.point("process_id").value == os.getpid()
    assert group.point("record_count").value == len(group.pvdb)
    used, size = group.point("memory_used"), group.point("memory_size")
    assert used.units == size.units == "MB"
    assert size.value == pytest.approx(psutil.virtual_memory().total / 1e6)
    assert 1.0 < used.value < size.value
    for name in ("start_time", "time_of_day"):
        at = datetime.fromisoformat(group.point(name).value)
        assert str(at) == group.point(name).value
        assert abs(datetime.now() - at) < timedelta(hours=1)  # noqa: DTZ005 - local time
    assert group.point("monitor_count").value >= 1


async def test_every_pv_of_a_running_ioc_is_valid(ioc: Ioc, group: PlantIoc) -> None:
    await read_now(group)

    def invalid() -> list[str]:
        return [point.pvname for point in group.points() if point.severity == 3]

    await until(lambda: not invalid())
    assert len(list(group.points())) == len(group.pvdb)


async def test_every_pv_has_a_description_units_and_a_good_name(group: PlantIoc) -> None:
    for point in group.points():
        assert NAME_PATTERN.fullmatch(point.pvname)
        assert len(point.pvname) <= 60
        assert 0 < len(str(point.get_field("DESC").value).encode()) <= 40
        assert point.get_field("RTYP").value == point.spec.record
        if point.spec.numeric:
            assert len(str(point.get_field("EGU").value)) < 8
