"""Puts: complete on confirmation, fail at the client with the reason, take turns, harm nothing."""

from __future__ import annotations

import asyncio
import struct

import pytest
from caproto.asyncio.client import Context as CaprotoClient

from drivers.core.errors import Refused
from iocs.app.serve import Ioc
from iocs.ca.access import Access, Client, WriteRule
from iocs.ca.stamp import Stamp
from iocs.device.puts import MAX_WAITING
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, read_now, serving, until
from tests.support.ca import CaSpace
from tests.support.libca import CaError, Libca
from tests.support.rawca import (
    CLEAR,
    DBR_CHAR,
    DBR_LONG,
    ECA_NOWTACCESS,
    ECA_PUTFAIL,
    WRITE,
    RawCa,
    pack,
)
from tests.support.wire.until import PATIENCE


async def test_a_put_completes_after_confirmation(
    raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    plant.write_gate.clear()
    target = await raw.create(PREFIX + "Target")
    put = asyncio.create_task(raw.put(target, 33.0))
    await until(lambda: plant.running_writes == 1)
    reads = plant.reads
    assert not put.done()
    plant.gate.clear()
    plant.write_gate.set()
    await until(lambda: plant.reads > reads)
    assert not put.done()  # written, and not read back yet
    plant.gate.set()
    assert (await put).one == 1
    assert group.point("goal_rbv").value == group.point("goal").value == 33.0


async def test_a_refusal_reaches_every_client_with_its_reason(
    space: CaSpace, ioc: Ioc, raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await read_now(group)
    plant.write_fault = Refused(plant.link, "", "target 33", "interlock open", 7)
    answer = await raw.put(await raw.create(PREFIX + "Target"), 33.0)
    assert (answer.two, answer.text) == (
        ECA_PUTFAIL,
        "plant://bench: target 33: refused by the instrument: interlock open",
    )
    point = group.point("goal")
    assert (point.value, point.status, point.severity) == (21.0, 2, 1)  # WRITE, MINOR
    async with Libca(space, "aioca") as ca:
        error = await ca.put(PREFIX + "Target", 33.0)
        assert error is not None
        assert error.code == CaError.PUTFAIL
    async with Libca(space, "pyepics") as ca:
        await ca.put(PREFIX + "Target", 33.0)
        assert (await ca.get(PREFIX + "Target")).value == 21.0
    plant.write_fault = None
    assert (await raw.put(await raw.create(PREFIX + "Target"), 30.0)).one == 1
    assert point.severity == 0


async def test_caprotos_own_client_puts_and_hears_of_refusals(ioc: Ioc, plant: Plant) -> None:
    client = CaprotoClient()
    try:
        (pv,) = await client.get_pvs(PREFIX + "Target")
        await pv.wait_for_connection(timeout=PATIENCE)
        await pv.write([44.0], timeout=PATIENCE)
        assert plant.writes == [("target", 44.0)]
        assert list((await pv.read(timeout=PATIENCE)).data) == [44.0]
        answer = await pv.write([444.0], timeout=PATIENCE)
        assert answer.status.name == "ECA_PUTFAIL"
    finally:
        await client.disconnect()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("Target", 100.1, "T:Target: 100.1 is outside 0 to 100 degC"),
        ("Target", -0.1, "T:Target: -0.1 is outside 0 to 100 degC"),
        ("Target", float("nan"), "T:Target: nan is not a finite number"),
        ("Target", float("inf"), "T:Target: inf is not a finite number"),
        ("Target", "warm", "T:Target: 'warm' is not a number"),
        ("SetMode", "Hot", "T:SetMode: no state 'Hot'; there are 0 'Idle', 1 'Cool', 2 'Heat'"),
        ("SetMode", 3.0, "T:SetMode: no state 3.0; there are 0 'Idle', 1 'Cool', 2 'Heat'"),
        ("SetMode", 0.5, "T:SetMode: no state 0.5; there are 0 'Idle', 1 'Cool', 2 'Heat'"),
        (
            "SetMode",
            float("nan"),
            "T:SetMode: no state nan; there are 0 'Idle', 1 'Cool', 2 'Heat'",
        ),
        (
            "SetMode",
            float("inf"),
            "T:SetMode: no state inf; there are 0 'Idle', 1 'Cool', 2 'Heat'",
        ),
        ("Temperature.DESC", b"x" * 41, "T:Temperature.DESC: the text has 41 bytes; 40 fit"),
        (
            "Temperature.DESC",
            b"\xff\xfe",
            "T:Temperature.DESC: the text b'\\xff\\xfe' is not UTF-8",
        ),
        ("Temperature.PREC", 16.0, "T:Temperature.PREC: 16 is not between 0 and 15"),
        ("Temperature.PREC", 1.5, "T:Temperature.PREC: 1.5 is not a whole number"),
        ("Temperature.MDEL", float("inf"), "T:Temperature.MDEL: inf is not a finite number"),
    ],
)
async def test_a_bad_value_is_refused_before_the_device(
    raw: RawCa, plant: Plant, name: str, value: float | str | bytes, reason: str
) -> None:
    answer = await raw.put(await raw.create(PREFIX + name), value)
    assert answer.two == ECA_PUTFAIL
    assert answer.text.startswith(reason)
    assert plant.writes == []


@pytest.mark.parametrize("value", ["Heat", "2", 2.0])
async def test_a_state_may_be_named_or_numbered(raw: RawCa, plant: Plant, value: float) -> None:
    assert (await raw.put(await raw.create(PREFIX + "SetMode"), value)).one == 1
    assert plant.writes == [("mode", 2)]


async def test_malformed_puts_are_refused(raw: RawCa, plant: Plant) -> None:
    target = await raw.create(PREFIX + "Target")
    for data_type, count, payload in ((6, 3, b"12345678"), (5, 0, b""), (6, 0, b""), (0, 1, b"")):
        number = raw._number()
        request = pack(19, payload, data_type, count, target.sid, number)
        answer = await raw._answered(19, number, request)
        assert answer.two == ECA_PUTFAIL
    assert plant.writes == []


async def test_numbers_of_every_type_are_understood(raw: RawCa, plant: Plant) -> None:
    target = await raw.create(PREFIX + "Target")
    puts = [
        (DBR_CHAR, b"\x07"),
        (DBR_LONG, struct.pack(">i", 8)),
        (1, struct.pack(">h", 9)),
        (2, struct.pack(">f", 10.5)),
        (20, bytes(16) + struct.pack(">d", 11.5)),
        (0, b"0x10"),
    ]
    for data_type, payload in puts:
        assert (await raw.put(target, payload, data_type)).one == 1
    assert [value for _, value in plant.writes] == [7, 8, 9, 10.5, 11.5, 16]


async def test_read_only_pvs_refuse(space: CaSpace, ioc: Ioc, raw: RawCa) -> None:
    channel = await raw.create(PREFIX + "Temperature")
    assert channel.rights == 1
    assert (await raw.put(channel, 1.0)).two == ECA_NOWTACCESS
    async with Libca(space) as ca:
        error = await ca.put(PREFIX + "Temperature", 1.0)
        assert error is not None
        assert error.code == CaError.NO_WRITE_ACCESS
        assert not (await ca.info(PREFIX + "Temperature")).write_access


async def test_disp_disables_puts(raw: RawCa, plant: Plant) -> None:
    target, disp = await raw.create(PREFIX + "Target"), await raw.create(PREFIX + "Target.DISP")
    assert (await raw.put(disp, 1.0)).one == 1
    assert (await raw.put(target, 5.0)).text == "T:Target has DISP set: puts are disabled"
    other = await raw.create(PREFIX + "Target.DESC")
    assert (await raw.put(other, "text")).two == ECA_NOWTACCESS
    assert (await raw.put(disp, 0.0)).one == 1
    assert (await raw.put(target, 5.0)).one == 1
    assert plant.writes == [("target", 5.0)]


async def test_a_read_only_ioc_refuses_everything(space: CaSpace, plant: Plant) -> None:
    group = PlantIoc(PREFIX, plant, access=Access(read_only=True))
    async with serving(group) as ioc, RawCa(ioc.context.port) as raw:
        for name in ("Target", "Start", "Temperature.HIHI", "Scan:Main:Period", "Ioc:SYSRESET"):
            channel = await raw.create(PREFIX + name)
            assert channel.rights == 1
            assert (await raw.put(channel, 1.0)).two == ECA_NOWTACCESS
    assert plant.writes == []


async def test_rules_by_user_host_address_and_pv(space: CaSpace, plant: Plant) -> None:
    rules = (
        WriteRule(users=("ops-*",), pvs=("Target", "Start")),
        WriteRule(hosts=("Console",), pvs=("SetMode",)),
        WriteRule(hosts=("127.0.0.2",)),
    )
    group = PlantIoc(PREFIX, plant, access=Access(rules=rules, prefix=PREFIX))
    async with serving(group) as ioc:
        port = ioc.context.port
        allowed: dict[str, list[str]] = {}
        who = {
            "ops": RawCa(port, user="ops-anna", host="desk"),
            "console": RawCa(port, user="anna", host="CONSOLE"),
            "desk": RawCa(port, user="anna", host="desk"),
            "address": RawCa(port, user="anna", host="desk", source="127.0.0.2"),
        }
        for label, client in who.items():
            async with client as raw:
                for name in ("Target", "SetMode", "Start"):
                    channel = await raw.create(PREFIX + name)
                    answer = await raw.put(channel, 1.0)
                    assert (channel.rights == 3) is (answer.one == 1)
                    if answer.one == 1:
                        allowed.setdefault(label, []).append(name)
    assert allowed == {
        "ops": ["Target", "Start"],
        "console": ["SetMode"],
        "address": ["Target", "SetMode", "Start"],
    }


def test_a_claimed_host_is_no_address() -> None:
    rule = WriteRule(hosts=("10.0.0.0/8",))
    assert not rule.allows("X", Client("10.1.2.3", "anna", "192.168.0.1"))
    assert rule.allows("X", Client("anything", "anna", "10.1.2.3"))


async def test_overlapping_puts_run_in_order(raw: RawCa, plant: Plant) -> None:
    target = await raw.create(PREFIX + "Target")
    plant.write_gate.clear()
    puts = [asyncio.create_task(raw.put(target, float(value))) for value in range(10)]
    await until(lambda: plant.running_writes == 1)
    plant.write_gate.set()
    await asyncio.gather(*puts)
    assert plant.writes == [("target", float(value)) for value in range(10)]
    assert plant.most_writes_at_once == 1


async def test_an_urgent_command_overtakes(raw: RawCa, plant: Plant) -> None:
    target, stop = await raw.create(PREFIX + "Target"), await raw.create(PREFIX + "Stop")
    plant.write_gate.clear()
    slow = asyncio.create_task(raw.put(target, 50.0))
    await until(lambda: plant.running_writes == 1)
    assert (await raw.put(stop, 1.0)).one == 1
    assert plant.writes == [("stop", True)]
    assert not slow.done()
    plant.write_gate.set()
    await slow


async def test_a_put_to_a_lost_device_fails_at_once(
    raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await read_now(group)
    plant.lose()
    await read_now(group)
    for name in ("Target", "SetMode", "Start"):
        channel = await raw.create(PREFIX + name)
        monitor = await raw.subscribe(channel, 4)
        answer = await raw.put(channel, 1.0)
        await raw.sync()
        assert len(monitor.events) == 1  # no alarm between
        assert (answer.two, "cable pulled" in answer.text) == (ECA_PUTFAIL, True)
        point = group.pvdb[PREFIX + name]
        assert (point.status, point.severity) == (9, 3)
    assert plant.writes == []


async def test_a_failed_command_does_not_wait_for_a_hanging_read(
    raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await read_now(group)
    plant.gate.clear()
    reads = plant.reads
    group.poller(PlantIoc.main).read_soon()
    await until(lambda: plant.reads > reads)
    plant.write_fault = Refused(plant.link, "", "start", "interlock")
    answer = await raw.put(await raw.create(PREFIX + "Start"), 1.0)
    assert answer.two == ECA_PUTFAIL
    plant.gate.set()


async def test_written_but_not_read_back_is_no_success(
    raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await read_now(group)
    plant.fault = Refused(plant.link, "", "read", "busy")
    for name in ("Target", "Start"):
        answer = await raw.put(await raw.create(PREFIX + name), 1.0)
        assert (answer.two, "not read back" in answer.text) == (ECA_PUTFAIL, True)
        assert group.pvdb[PREFIX + name].severity == 3
    assert plant.writes == [("target", 1.0), ("start", True)]  # and never again


async def test_a_command_shows_that_it_is_under_way(
    raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await read_now(group)
    start = await raw.create(PREFIX + "Start")
    monitor = await raw.subscribe(start, 1, 3)
    plant.write_gate.clear()
    put = asyncio.create_task(raw.put(start, 1.0))
    await monitor.count(2)
    plant.write_gate.set()
    await put
    states = [struct.unpack_from(">H", event.payload)[0] for event in await monitor.count(3)]
    assert states == [0, 1, 0]
    assert (await raw.put(start, 0.0)).one == 1  # "Done" asks for nothing
    assert plant.writes == [("start", True)]


async def test_a_set_point_follows_the_device_after_a_reconnect_only(
    raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await read_now(group)
    target = group.point("goal")
    assert target.value == 21.0
    plant.show(target=60.0)  # at the panel
    await read_now(group)
    assert (target.value, group.point("goal_rbv").value) == (21.0, 60.0)
    plant.lose()
    await read_now(group)
    assert target.severity == 3
    plant.find()
    await read_now(group)
    assert (target.value, target.severity) == (60.0, 0)
    assert plant.writes == []


async def test_a_client_that_goes_in_the_middle_of_a_put_does_no_harm(
    ioc: Ioc, raw: RawCa, plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    plant.write_gate.clear()
    async with RawCa(ioc.context.port) as other:
        target = await other.create(PREFIX + "Target")
        put = asyncio.create_task(other.put(target, 12.0))
        await until(lambda: plant.running_writes == 1)
        other.abort()
        with pytest.raises(ConnectionError):
            await put
    plant.write_gate.set()
    await until(lambda: plant.writes == [("target", 12.0)])
    assert (await raw.put(await raw.create(PREFIX + "Target"), 13.0)).one == 1
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_channel_closed_in_the_middle_of_a_put_does_no_harm(
    raw: RawCa, plant: Plant
) -> None:
    plant.write_gate.clear()
    for fault in (None, Refused(plant.link, "", "target", "no")):
        plant.write_fault = None
        target = await raw.create(PREFIX + "Target")
        put = asyncio.create_task(raw.put(target, 12.0))
        await until(lambda: plant.running_writes == 1)
        raw.send(pack(CLEAR, b"", 0, 0, target.sid, target.cid))
        await raw.sync()
        plant.write_fault = fault
        plant.write_gate.set()
        await put
        plant.write_gate.clear()
    plant.write_gate.set()


async def test_too_many_waiting_puts_are_refused(ioc: Ioc, plant: Plant) -> None:
    plant.write_gate.clear()
    async with RawCa(ioc.context.port) as client:
        target = await client.create(PREFIX + "Target")
        puts = [asyncio.create_task(client.put(target, 1.0)) for _ in range(MAX_WAITING + 20)]
        done, _ = await asyncio.wait(puts, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        assert all("already wait" in put.result().text for put in done)
        plant.write_gate.set()
        answers = await asyncio.gather(*puts)
    assert sum(answer.command == 19 for answer in answers) == MAX_WAITING
    assert len(plant.writes) == MAX_WAITING


async def test_a_plain_write_is_carried_out_too(raw: RawCa, plant: Plant) -> None:
    target = await raw.create(PREFIX + "Target")
    raw.send(raw.put_request(target, 5.0, None, 0, command=WRITE))
    await until(lambda: plant.writes == [("target", 5.0)])
    raw.send(raw.put_request(target, 500.0, None, 0, command=WRITE))
    await until(lambda: bool(raw.unasked) and "outside" in raw.unasked[-1].text)


async def test_write_from_inside_is_no_put(group: PlantIoc, plant: Plant) -> None:
    group.point("goal").post(5.0, Stamp.now())
    group.point("goal").post(6.0, Stamp.now())
    assert (group.point("goal").value, plant.writes) == (6.0, [])


async def test_a_failed_put_is_answered_as_in_base_and_with_the_reason_before(
    raw: RawCa,
) -> None:
    target = await raw.create(PREFIX + "Target")
    reason = await raw.put(target, 444.0)
    await raw.sync()
    answer = raw.unasked[-1]
    assert (reason.command, answer.command) == (11, 19)
    assert (answer.one, answer.data_type, answer.count) == (ECA_PUTFAIL, 6, 1)
