"""Every put that is not carried out is seen by all: in two PVs of the IOC, and in its own alarm."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime

import pytest

from drivers.core.errors import Ambiguous, Blocked, LinkDown, Refused
from iocs.app.serve import Ioc
from iocs.ca.access import Access, WriteRule
from iocs.device.health_pvs import PUT_ERROR_SIZE
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, read_now, serving, until
from tests.support.ca import CaSpace
from tests.support.libca import Libca
from tests.support.rawca import (
    DBR_PUT_ACKS,
    ECA_NOWTACCESS,
    ECA_PUTFAIL,
    WRITE,
    RawCa,
    pack,
)

GOOD, WRITE_MINOR, WRITE_MAJOR = (0, 0), (2, 1), (2, 2)
_LINE = re.compile(
    r"(?P<at>\S+ \S+) (?P<pv>T:\S+) = (?P<value>.*?): (?P<reason>.*)"
    r" \((?P<user>.*)@(?P<host>.*), (?P<address>.*)\)"
)


def alarm(group: PlantIoc, attribute: str) -> tuple[int, int]:
    point = group.point(attribute)
    return int(point.status), int(point.severity)


def last(group: PlantIoc) -> tuple[str, ...]:
    """PV, value, user, host, address and reason of LastPutError, whose time is just now."""
    match = _LINE.fullmatch(str(group.point("last_put_error").value))
    assert match is not None, group.point("last_put_error").value
    age = datetime.now(UTC) - datetime.fromisoformat(match["at"])
    assert -1 < age.total_seconds() < 3600
    return match.group("pv", "value", "user", "host", "address", "reason")


def count(group: PlantIoc) -> int:
    return int(group.point("refused_puts").value)


async def test_there_is_none_at_first(raw: RawCa, group: PlantIoc) -> None:
    for name in ("LastPutError", "RefusedPuts"):
        channel = await raw.create(PREFIX + name)
        assert (channel.rights, (await raw.read(channel)).severity) == (1, 0)
    assert (group.point("last_put_error").value, count(group)) == ("", 0)


Bad = tuple[str, float | str, str, str]
BAD_VALUES: list[Bad] = [
    ("Target", 100.1, "100.1", "100.1 is outside 0 to 100 degC"),
    ("Target", float("nan"), "nan", "nan is not a finite number"),
    ("Target", "warm", "'warm'", "'warm' is not a number"),
    ("SetMode", 7.0, "7.0", "no state 7.0; there are 0 'Idle', 1 'Cool', 2 'Heat'"),
    ("Start", "x", "'x'", "no state 'x'; there are 0 'Done', 1 'Start'"),
    ("Scan:Main:Period", 0.0, "0.0", "0 is outside 0.02 to 86400 s"),
]


@pytest.mark.parametrize("callback", [True, False], ids=["put-callback", "plain put"])
@pytest.mark.parametrize("bad", BAD_VALUES, ids=lambda bad: f"{bad[0]} {bad[1]}")
async def test_a_bad_value_is_told_and_shown(
    raw: RawCa,
    plant: Plant,
    group: PlantIoc,
    bad: tuple[str, float | str, str, str],
    callback: bool,
) -> None:
    name, value, shown, reason = bad
    await read_now(group)
    channel = await raw.create(PREFIX + name)
    point = group.pvdb[PREFIX + name]
    before = point.value
    monitor = await raw.subscribe(channel)
    if callback:
        assert (await raw.put(channel, value)).two == ECA_PUTFAIL
    else:
        raw.send(raw.put_request(channel, value, None, 0, command=WRITE))
        await until(lambda: count(group) == 1)
    assert last(group) == (PREFIX + name, shown, "operator", "console", "127.0.0.1", reason)
    assert count(group) == 1
    event = (await monitor.count(2))[-1]
    assert (event.status, event.severity) == WRITE_MINOR
    assert point.value == before
    assert plant.writes == []
    # neither a read nor anything else clears it, but a put that is carried out
    await read_now(group)
    assert (point.status, point.severity) == WRITE_MINOR
    assert (await raw.put(channel, 1.0)).one == 1
    assert (point.status, point.severity) == GOOD
    assert count(group) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Refused("l", "u", "a", "interlock", 7), "l u: a: refused by the instrument: interlock"),
        (
            Ambiguous("l", "u", "a", "no answer"),
            "l u: a: unknown whether it was obeyed: no answer",
        ),
        (LinkDown("l", "u", "a", "cable"), "l u: a: link down: cable"),
        (RuntimeError("a bug"), "a bug"),
    ],
)
async def test_what_the_device_did_not_do_is_told_and_shown(
    raw: RawCa, plant: Plant, group: PlantIoc, fault: Exception, reason: str
) -> None:
    await read_now(group)
    plant.write_fault = fault
    told = ("operator", "console", "127.0.0.1", reason)
    assert (await raw.put(await raw.create(PREFIX + "Target"), 33.0)).two == ECA_PUTFAIL
    assert last(group) == (f"{PREFIX}Target", "33.0", *told)
    assert alarm(group, "goal") == WRITE_MINOR
    assert (await raw.put(await raw.create(PREFIX + "Start"), 1.0)).two == ECA_PUTFAIL
    assert last(group) == (f"{PREFIX}Start", "1.0", *told)
    assert alarm(group, "start_plant") == WRITE_MAJOR  # a command
    assert count(group) == 2


async def test_who_may_not_write_is_told_and_alarms_nothing(space: CaSpace, plant: Plant) -> None:
    """Else anybody could put every set point in alarm."""
    access = Access(rules=(WriteRule(users=("anna",)),), prefix=PREFIX)
    group = PlantIoc(PREFIX, plant, access=access)
    async with serving(group) as ioc, RawCa(ioc.context.port) as raw:
        await read_now(group)
        names = ("Target", "Start", "Temperature", "Target.DESC", "LastPutError")
        for number, name in enumerate(names, 1):
            answer = await raw.put(await raw.create(PREFIX + name), 1.0)
            assert answer.two == ECA_NOWTACCESS
            assert count(group) == number
            pv, *_, reason = last(group)
            assert (pv, "may not be written by operator@console" in reason) == (PREFIX + name, True)
        assert alarm(group, "goal") == alarm(group, "start_plant") == GOOD
        assert alarm(group, "temperature") == GOOD
        target = await raw.create(PREFIX + "Target")
        raw.send(raw.put_request(target, bytes(100_000), None, 77))
        await until(lambda: count(group) == len(names) + 1)
        assert last(group)[-1] == "a put of 100000 bytes: T:Target takes 16384 bytes"
        assert alarm(group, "goal") == GOOD


async def test_disp_and_fields_are_told_and_alarm_nothing(raw: RawCa, group: PlantIoc) -> None:
    await read_now(group)
    await raw.put(await raw.create(f"{PREFIX}Target.DISP"), 1.0)
    await raw.put(await raw.create(f"{PREFIX}Target"), 1.0)
    assert last(group)[-1] == "T:Target has DISP set: puts are disabled"
    await raw.put(await raw.create(f"{PREFIX}Temperature.PREC"), 99.0)
    assert last(group)[0] == f"{PREFIX}Temperature.PREC"
    assert count(group) == 2
    assert alarm(group, "goal") == alarm(group, "temperature") == GOOD


async def test_what_was_overtaken_or_left_alone_is_told(
    ioc: Ioc, raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await read_now(group)
    async with RawCa(ioc.context.port, user="gone") as other:
        start, stop = [await raw.create(PREFIX + name) for name in ("Start", "Stop")]
        mode, target = [await other.create(PREFIX + name) for name in ("SetMode", "Target")]
        plant.write_gate.clear()
        first = asyncio.create_task(raw.put(start, 1.0))
        await until(lambda: plant.running_writes == 1)
        overtaken = asyncio.create_task(other.put(mode, 2.0))
        await until(lambda: group.put_queue.waiting == 2)
        await raw.put(stop, 1.0)
        left = asyncio.create_task(other.put(target, 5.0))
        await until(lambda: group.put_queue.waiting == 3)
        other.abort()
        await until(lambda: len(ioc.context.circuits) == 1)
        plant.write_gate.set()
        await first
        await asyncio.gather(overtaken, left, return_exceptions=True)
    await until(lambda: count(group) == 2)
    assert alarm(group, "want_mode") == alarm(group, "goal") == WRITE_MINOR
    assert last(group)[0] == f"{PREFIX}Target"
    assert (last(group)[2], last(group)[-1]) == ("gone", "its client has gone")


async def test_a_lost_device_wins_and_the_alarm_comes_back_with_it(
    raw: RawCa, plant: Plant, group: PlantIoc
) -> None:
    await read_now(group)
    channels = [await raw.create(PREFIX + name) for name in ("Target", "Start")]
    for channel in channels:
        await raw.put(channel, "rubbish")
    plant.lose()
    await read_now(group)
    for channel in channels:
        await raw.put(channel, 1.0)  # refused as well: still lost
    assert alarm(group, "goal") == alarm(group, "start_plant") == (9, 3)
    plant.find()
    plant.show(target=60.0)
    await read_now(group)
    point = group.point("goal")
    assert (point.value, alarm(group, "goal")) == (60.0, WRITE_MINOR)  # it follows the device
    assert alarm(group, "start_plant") == WRITE_MAJOR
    for channel in channels:
        assert (await raw.put(channel, 1.0)).one == 1
    assert alarm(group, "goal") == alarm(group, "start_plant") == GOOD


async def test_a_refusal_before_the_first_read_is_shown_with_it(
    plant: Plant, group: PlantIoc
) -> None:
    group.point("goal").refuse()
    assert group.point("goal").severity == 3
    await read_now(group)
    assert alarm(group, "goal") == WRITE_MINOR


async def test_a_graver_alarm_of_the_value_stays(group: PlantIoc, plant: Plant) -> None:
    await read_now(group)
    point = group.point("goal")
    point.change_limit("HIHI", 10.0)
    assert alarm(group, "goal") == (3, 2)  # HIHI, MAJOR
    point.refuse()
    assert alarm(group, "goal") == (3, 2)
    point.change_limit("HIHI", 1000.0)
    assert alarm(group, "goal") == WRITE_MINOR


async def test_writing_done_clears_it(raw: RawCa, plant: Plant, group: PlantIoc) -> None:
    await read_now(group)
    start = await raw.create(PREFIX + "Start")
    plant.write_fault = Blocked("l", "u", "a", "no")
    await raw.put(start, 1.0)
    await raw.put(start, "rubbish")
    assert alarm(group, "start_plant") == WRITE_MAJOR
    assert (await raw.put(start, 0.0)).one == 1
    assert alarm(group, "start_plant") == GOOD
    assert count(group) == 2


async def test_a_command_carried_out_clears_it_though_it_was_put_before_one_failed(
    plant: Plant, group: PlantIoc, raw: RawCa
) -> None:
    await read_now(group)
    start = await raw.create(PREFIX + "Start")
    plant.gate.clear()
    first = asyncio.create_task(raw.put(start, 1.0))
    await until(lambda: len(plant.writes) == 1)
    plant.write_gate.clear()
    second = asyncio.create_task(raw.put(start, 1.0))
    await until(lambda: group.put_queue.waiting == 1)
    plant.fault = Refused(plant.link, "", "read", "busy")
    plant.gate.set()
    assert (await first).two == ECA_PUTFAIL
    plant.find()
    plant.write_gate.set()
    assert (await second).one == 1
    assert (count(group), alarm(group, "start_plant")) == (1, GOOD)


async def test_what_a_client_claims_is_bounded_and_escaped(ioc: Ioc, group: PlantIoc) -> None:
    forged = 'x\n{"ts": 1}\x1b[31m' + "y" * 300
    async with RawCa(ioc.context.port, user=forged, host=forged) as raw:
        note = await raw.create(PREFIX + "Target")
        await raw.put(note, b"\xff\x1b[2J\n" + b"z" * 3000)
        await raw.put(note, forged[:39])
        text = str(group.point("last_put_error").value)
        assert text.isprintable()
        assert len(text.encode()) < PUT_ERROR_SIZE
        assert "127.0.0.1" in text
        await raw.put(note, b"\xff" * 16_000)
        raw.send(pack(WRITE, b"12345678", 6, 3, note.sid, 0))
        await until(lambda: count(group) == 4)
        assert "T:Target = malformed (8 bytes): " in str(group.point("last_put_error").value)


async def test_a_long_value_leaves_room_for_the_reason(raw: RawCa, group: PlantIoc) -> None:
    target = await raw.create(PREFIX + "Target")
    raw.send(pack(WRITE, (b"\1" * 39 + b"\0") * 4, 0, 4, target.sid, 0))
    await until(lambda: count(group) == 1)
    pv, shown, user, *_, reason = last(group)
    assert (pv, shown[:3], user) == (PREFIX + "Target", "[b'", "operator")
    assert "is not a number" in reason


async def test_a_refused_acknowledgement_is_no_put(space: CaSpace, plant: Plant) -> None:
    group = PlantIoc(PREFIX, plant, access=Access(read_only=True))
    async with serving(group) as ioc, RawCa(ioc.context.port) as raw:
        await read_now(group)
        target = await raw.create(PREFIX + "Target")
        answer = await raw.put(target, b"\0\1", DBR_PUT_ACKS)
        assert answer.two == ECA_NOWTACCESS
        assert (count(group), alarm(group, "goal")) == (0, GOOD)


async def test_clients_that_do_not_look_can_be_helped(space: CaSpace, group: PlantIoc) -> None:
    """Pyepics reports success for what was refused: the PVs tell."""
    async with serving(group), Libca(space, "pyepics") as ca:
        await read_now(group)
        async with ca.monitor(f"{PREFIX}RefusedPuts") as refused:
            await ca.put(f"{PREFIX}Target", 1e6)
            await refused.until(lambda reading: reading.value == 1)
        assert (await ca.get(f"{PREFIX}Target")).severity == 1
