"""Writes that are given up, limits that are none, and signals that must not wait."""

from __future__ import annotations

import asyncio
import math

import pytest

from drivers.core.errors import DriverError, OutOfRange
from drivers.xcom.frame import Frame
from drivers.xcom.protocol import (
    Format,
    Level,
    Property,
    Service,
    encode_value,
    encode_word,
    reply_to,
)
from tests.drivers.xcom.rig import at
from tests.drivers.xcom.scripted import scripted
from tests.support.wire.until import until

CHARGE_CURRENT, ALL_OFF = 1138, 1399


@pytest.mark.parametrize("end", [math.nan, math.inf, -math.inf])
async def test_an_end_that_is_no_number_is_no_leave_to_write_anything(end: float) -> None:
    def answer(request: Frame) -> bytes:
        if request.service == Service.WRITE:
            return reply_to(request).encode()
        if request.property_id == Property.LEVEL:
            return reply_to(request, encode_word(Level.BASIC)).encode()
        return reply_to(request, encode_value(Format.FLOAT, end)).encode()

    async with scripted(answer) as server:
        with pytest.raises(OutOfRange, match="the table allows"):
            await server.gateway.write(at(101, CHARGE_CURRENT)[0], 1e30)
        assert not [f for f in server.asked if f.service == Service.WRITE]


async def test_a_write_that_was_given_up_counts_as_written() -> None:
    def answer(request: Frame) -> bytes:
        if request.service == Service.WRITE:
            return b""
        if request.property_id == Property.LEVEL:
            return reply_to(request, encode_word(Level.BASIC)).encode()
        end = 0.0 if request.property_id == Property.MINIMUM else 200.0
        return reply_to(request, encode_value(Format.FLOAT, end)).encode()

    async with scripted(answer, flash_writes_per_day=2, timeout=1.0) as server:
        gateway = server.gateway
        (point,) = at(101, CHARGE_CURRENT)
        write = asyncio.create_task(gateway.write(point, 20.0, flash=True))
        await until(lambda: any(f.service == Service.WRITE for f in server.asked))
        write.cancel()
        await asyncio.gather(write, return_exceptions=True)
        assert gateway.flash_writes_left(point) == 1
        unknown = gateway.ram_value(point)
        assert unknown is not None
        assert unknown.value is None


async def test_a_signal_waits_for_no_parameter() -> None:
    """Nine writes hang on a device that is silent; what switches another off goes out next."""

    def answer(request: Frame) -> bytes:
        return reply_to(request).encode() if request.service == Service.WRITE else b""

    async with scripted(answer, timeout=0.5, retries=0) as server:
        point = at(101, CHARGE_CURRENT)[0]
        writes = [asyncio.create_task(server.gateway.write(point, 10.0)) for _ in range(9)]
        await until(lambda: len(server.asked) == 1)
        await server.gateway.signal(at(102, ALL_OFF)[0])
        assert [f.service for f in server.asked] == [Service.READ, Service.WRITE]
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert all(isinstance(result, DriverError) for result in results)
