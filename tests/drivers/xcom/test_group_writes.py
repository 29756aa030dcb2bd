"""A write to a group of devices goes out only when every one of them has told what it allows."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from drivers.core.errors import Blocked, DriverError, OutOfRange
from drivers.xcom.frame import Frame
from drivers.xcom.protocol import (
    ErrorCode,
    Format,
    Property,
    Service,
    encode_value,
    error_reply_to,
    reply_to,
)
from drivers.xcom.simulator.behaviour import Behaviour
from drivers.xcom.simulator.device import Condition
from tests.drivers.xcom.rig import Rig, at, rig
from tests.drivers.xcom.scripted import scripted
from tests.support.wire.until import until

(ALL,) = at(100, 1138)
(ONE,) = at(101, 1138)
TOLD = {"xtenders": 2, "variotracks": 1, "variostrings": 1, "battery_monitor": "bsp"}


@asynccontextmanager
async def grouped(**settings: Any) -> AsyncIterator[Rig]:
    """A site of which groups may be written."""
    behaviour = Behaviour(latency=0.0, patience=0.02)
    async with rig(behaviour, group_writes=(0, 100, 191), timeout=0.3, **settings) as one:
        yield one


async def refused(one: Rig, value: float, why: str, kind: type[DriverError]) -> None:
    """Nothing is written, and it is told of which device."""
    for address in (0, 100, 191):
        (group,) = at(address, 1138)
        with pytest.raises(kind, match=why):
            await one.gateway.write(group, value)
    assert one.simulator.requests(write=True) == []


async def written(one: Rig, value: float) -> None:
    """One frame reaches all."""
    before = len(one.simulator.requests(write=True))
    await one.gateway.write(ALL, value)
    assert len(one.simulator.requests(write=True)) == before + 1
    there = [each for each in ("XT1", "XT2") if one.device(each).condition is Condition.OK]
    assert {one.device(name).ram(1138) for name in there} == {value}


@pytest.mark.parametrize("told", [{}, TOLD])
async def test_what_one_device_does_not_allow_is_not_sent(told: dict[str, Any]) -> None:
    async with grouped(**told) as one:
        one.device("XT2").parameters[1138].maximum = 50.0
        await refused(one, 100.0, r"XT2 \(address 102\) allows 0 to 50 A", OutOfRange)
        await written(one, 50.0)


@pytest.mark.parametrize("condition", [Condition.DEAD, Condition.MUTE, Condition.ABSENT])
@pytest.mark.parametrize("told", [{}, TOLD])
async def test_nothing_is_sent_while_the_limits_of_one_are_unknown(
    told: dict[str, Any], condition: Condition
) -> None:
    async with grouped(**told) as one:
        await one.gateway.find_devices()
        one.put("XT2", condition)
        for _ in range(3):
            await refused(one, 10.0, r"limits of XT2 \(address 102\) are not known", Blocked)
        one.put("XT2", Condition.OK)
        await written(one, 10.0)


async def test_limits_that_were_known_do_not_stand_for_those_of_now() -> None:
    """Neither on this connection nor on the next, where another device may be."""
    async with grouped() as one:
        for address in (101, 102):
            await one.gateway.read_limits(at(address, 1138)[0])
        second = one.device("XT2").parameters[1138]
        second.maximum = 50.0
        await refused(one, 100.0, "XT2 .* allows 0 to 50 A", OutOfRange)
        # what was asked is what holds for the device alone, too
        assert (await one.gateway.read_limits(at(102, 1138)[0])).maximum == 50.0
        one.simulator.disconnect()
        await until(lambda: not one.gateway.connected)
        second.minimum = 20.0
        await refused(one, 10.0, "XT2 .* allows 20 to 50 A", OutOfRange)
        await written(one, 30.0)


async def test_a_device_that_nobody_has_found_yet_is_asked_as_well() -> None:
    async with grouped() as one:
        one.put("XT2", Condition.ABSENT)
        await one.gateway.find_devices()
        second = one.device("XT2").parameters[1138]
        second.maximum = 50.0
        one.put("XT2", Condition.OK)
        await refused(one, 100.0, "XT2 .* allows 0 to 50 A", OutOfRange)
        one.put("XT2", Condition.ABSENT)
        await written(one, 100.0)


async def test_a_device_behind_a_gap_is_asked_as_well() -> None:
    async with grouped() as one:
        one.put("XT1", Condition.ABSENT)
        one.device("XT2").parameters[1138].maximum = 50.0
        await refused(one, 100.0, "XT2 .* allows 0 to 50 A", OutOfRange)


async def test_an_end_counts_as_the_wire_holds_it() -> None:
    """34.1 is no FLOAT; the next one above is more than the device allows."""
    async with grouped() as one:
        one.device("XT2").parameters[1138].maximum = 34.1
        (word,) = struct.unpack("<I", struct.pack("<f", 34.1))
        (above,) = struct.unpack("<f", struct.pack("<I", word + 1))
        await refused(one, above, "XT2 .* allows 0 to 34.1 A", OutOfRange)
        await one.gateway.write(ALL, 34.1)
        assert len(one.simulator.requests(write=True)) == 1


async def test_a_new_connection_in_between_keeps_the_write_back() -> None:
    """What was asked on one connection is not written on the next."""
    last: tuple[int, int] | None = (109, Property.MINIMUM)

    def answer(asked: Frame) -> bytes:
        if (asked.destination, asked.property_id) == last:
            asyncio.get_running_loop().call_soon(one.server.drop_connections)
        if asked.destination > 101:
            return error_reply_to(asked, ErrorCode.DEVICE_NOT_FOUND).encode()
        end = 0.0 if asked.property_id == Property.MINIMUM else 200.0
        return reply_to(asked, encode_value(Format.FLOAT, end)).encode()

    async with scripted(answer, group_writes=(100,)) as one:
        with pytest.raises(Blocked, match="opened anew meanwhile; nothing was sent"):
            await one.gateway.write(ALL, 10.0)
        last = None
        assert [asked for asked in one.asked if asked.service == Service.WRITE] == []
        await one.gateway.write(ALL, 10.0)
        assert len([asked for asked in one.asked if asked.service == Service.WRITE]) == 1


async def test_what_is_only_on_or_off_needs_no_limits() -> None:
    async with grouped() as one:
        await one.gateway.write(at(100, 1126)[0], False)
        assert [each.property_id for each in one.simulator.requests()] == [Property.UNSAVED_VALUE]
        single = at(101, 1138)[0]
        await one.gateway.write(single, 12.0)
        assert one.device("XT2").ram(1138) == 60.0
