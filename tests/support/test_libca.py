"""The libca clients against an IOC of EPICS Base, whose answers are known."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.c_ioc import c_ioc
from tests.support.ca import CaSpace
from tests.support.libca import CaError, CaType, Form, Libca, Library, Mask, Reading
from tests.support.libca_types import Limits

_DATABASE = """
record(ai, "$(P)Level") {
    field(DESC, "Level")     field(EGU, "mm")    field(PREC, "2")  field(VAL, "1.5")
    field(HOPR, "10")        field(LOPR, "-10")  field(PINI, "YES")
    field(LOLO, "-5")  field(LOW, "-4")  field(HIGH, "4")  field(HIHI, "5")
    field(LLSV, "MAJOR")  field(LSV, "MINOR")  field(HSV, "MINOR")  field(HHSV, "MAJOR")
    field(MDEL, "0")
}
record(ao, "$(P)Goal") { field(DRVL, "0") field(DRVH, "100") field(PINI, "YES") field(VAL, "7") }
record(ao, "$(P)Locked") { field(DISP, "1") field(DISS, "MAJOR") }
record(mbbo, "$(P)Mode") {
    field(ZRST, "Off")  field(ONST, "On")  field(TWST, "Auto")  field(VAL, "1")
}
record(stringin, "$(P)Name") { field(VAL, "compressor") field(PINI, "YES") }
record(longout, "$(P)Count") { field(VAL, "3") field(PINI, "YES") }
record(waveform, "$(P)Trace") { field(FTVL, "DOUBLE") field(NELM, "4") }
record(ai, "$(P)Never") { }
"""


@pytest.fixture
async def base_ioc(ca_space: CaSpace, tmp_path: Path) -> AsyncIterator[CaSpace]:
    database = tmp_path / "test.db"
    database.write_text(_DATABASE)
    async with c_ioc(ca_space, database, macros="P=T:"):
        yield ca_space


@pytest.fixture(params=["aioca", "pyepics"])
async def client(base_ioc: CaSpace, request: pytest.FixtureRequest) -> AsyncIterator[Libca]:
    async with Libca(base_ioc, request.param) as ca:
        yield ca


@pytest.fixture
async def aioca(base_ioc: CaSpace) -> AsyncIterator[Libca]:
    async with Libca(base_ioc) as ca:
        yield ca


async def test_time_form_has_alarm_and_time_stamp(client: Libca) -> None:
    before = time.time()
    assert await client.put("T:Level", 4.5) is None
    reading = await client.get("T:Level", form=Form.TIME)
    assert (reading.value, reading.status, reading.severity) == (4.5, 4, 1)  # HIGH, MINOR
    assert reading.timestamp is not None
    assert before - 1 < reading.timestamp < time.time() + 1
    assert (reading.datatype, reading.count, reading.units) == (CaType.DOUBLE, 1, None)


async def test_ctrl_form_has_units_precision_and_limits(client: Libca) -> None:
    reading = await client.get("T:Level", form=Form.CTRL)
    assert (reading.units, reading.precision) == ("mm", 2)
    assert reading.limits == Limits(-10, 10, -5, -4, 4, 5, -10, 10)
    goal = await client.get("T:Goal", form=Form.CTRL)
    assert goal.limits is not None
    assert (goal.limits.drvl, goal.limits.drvh) == (0, 100)
    assert math.isnan(goal.limits.hihi)


async def test_enums_strings_integers_and_arrays(client: Libca) -> None:
    mode = await client.get("T:Mode", form=Form.CTRL)
    assert (mode.value, mode.enums, mode.datatype) == (1, ("Off", "On", "Auto"), CaType.ENUM)
    assert (await client.get("T:Mode", datatype=CaType.STRING)).value == "On"
    assert (await client.get("T:Name")).value == "compressor"
    count = await client.get("T:Count")
    assert (count.value, count.datatype) == (3, CaType.LONG)
    assert await client.put("T:Trace", [1.0, 2.0, math.pi]) is None
    trace = await client.get("T:Trace")
    assert (trace.value, trace.count) == ([1.0, 2.0, math.pi], 3)


async def test_a_pv_never_processed_is_udf_invalid(client: Libca) -> None:
    reading = await client.get("T:Never")
    assert (reading.status, reading.severity) == (17, 3)


async def test_an_unknown_pv_is_a_timeout(client: Libca) -> None:
    with pytest.raises(CaError, match="T:Nothing") as caught:
        await client.get("T:Nothing", timeout=0.3)
    assert caught.value.code == CaError.TIMEOUT
    error = await client.put("T:Nothing", 1, timeout=0.3)
    assert error is not None
    assert error.code == CaError.TIMEOUT


async def test_a_refused_put_is_reported_by_aioca(aioca: Libca) -> None:
    error = await aioca.put("T:Locked", 1)
    assert error is not None
    assert error.code == CaError.PUTFAIL
    assert error.text == "Channel write request failed"
    assert (await aioca.get("T:Locked")).value == 0


async def test_info_tells_host_type_count_and_access(client: Libca, base_ioc: CaSpace) -> None:
    info = await client.info("T:Trace")
    assert (info.datatype, info.count) == (CaType.DOUBLE, 4)
    assert info.host.rpartition(":")[2] == str(base_ioc.server_port)
    assert (info.read_access, info.write_access) == (True, True)


async def test_a_monitor_delivers_every_update(client: Libca) -> None:
    async with client.monitor("T:Goal") as monitor:
        await monitor.count(1)
        for value in range(20):
            assert await client.put("T:Goal", value) is None
        await monitor.until(lambda update: update.value == 19)
    assert monitor.values == [7, *range(20)]


async def test_masks_select_what_a_monitor_delivers(aioca: Libca) -> None:
    async with (
        aioca.monitor("T:Level", events=Mask.VALUE) as values,
        aioca.monitor("T:Level", events=Mask.ALARM) as alarms,
        aioca.monitor("T:Level", events=Mask.PROPERTY, form=Form.CTRL) as properties,
    ):
        for monitor in (values, alarms, properties):
            await monitor.count(1)
        for value in (1.0, 2.0, 4.5, 5.5, 3.0):
            assert await aioca.put("T:Level", value) is None
        assert await aioca.put("T:Level.HOPR", 20) is None
        changed = await properties.until(lambda update: update is not properties.updates[0])
        await values.until(lambda update: update.value == 3.0)
    assert changed.limits is not None
    assert changed.limits.hopr == 20
    assert values.values == [1.5, 1.0, 2.0, 4.5, 5.5, 3.0]
    assert [update.severity for update in alarms.updates] == [0, 1, 2, 0]


async def test_requests_of_aioca_overlap(aioca: Libca) -> None:
    await aioca.get("T:Level")
    missing = asyncio.create_task(aioca.put("T:Nothing", 1, timeout=20))
    assert (await aioca.get("T:Level")).value == 1.5
    assert not missing.done()
    missing.cancel()


@pytest.mark.parametrize("library", ["aioca", "pyepics"])
async def test_a_monitor_tells_of_a_lost_connection_and_comes_back(
    ca_space: CaSpace, tmp_path: Path, library: Library
) -> None:
    database = tmp_path / "test.db"
    database.write_text('record(ai, "T:X") { field(VAL, "5") }')
    async with Libca(ca_space, library) as ca, AsyncExitStack() as monitors:
        async with c_ioc(ca_space, database):
            monitor = await monitors.enter_async_context(ca.monitor("T:X"))
            await monitor.count(1)
        await monitor.until(lambda update: not update.connected)
        seen = len(monitor.updates)
        async with c_ioc(ca_space, database):
            await monitor.until(lambda update: update.value == 5, since=seen)


async def test_a_client_that_dies_fails_its_requests(aioca: Libca) -> None:
    request = asyncio.create_task(aioca.get("T:Nothing", timeout=60))
    await aioca.get("T:Level")
    await aioca.kill()
    with pytest.raises(AssertionError, match="the client died"):
        await request


async def test_one_client_finds_iocs_in_several_spaces(
    new_ca_space: Callable[[], CaSpace], tmp_path: Path
) -> None:
    database = tmp_path / "test.db"
    database.write_text('record(ai, "$(P)X") { }')
    one, two = new_ca_space(), new_ca_space()
    async with (
        c_ioc(one, database, macros="P=A:"),
        c_ioc(two, database, macros="P=B:"),
        Libca(one.env_seeing(two)) as ca,
    ):
        readings = [await ca.get("A:X"), await ca.get("B:X")]
        assert [type(reading) for reading in readings] == [Reading, Reading]
        with pytest.raises(CaError):
            await ca.get("C:X", timeout=0.3)
    async with c_ioc(two, database, macros="P=B:"), Libca(one) as ca:
        with pytest.raises(CaError):
            await ca.get("B:X", timeout=1.0)
