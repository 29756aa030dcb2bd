"""An instrument's address that sends nothing but noise: its PVs are INVALID, the IOC serves on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from drivers.arbin.protocol import TOKEN
from tests.drivers.xcom.simulator_rig import simulator as xcom_simulator
from tests.iocs.arbin import rig as arbin
from tests.iocs.cpa1110 import rig as cpa1110
from tests.iocs.cpa1110.client import Client
from tests.iocs.xcom import rig as xcom
from tests.support.ca import CaSpace
from tests.support.process import PythonProcess
from tests.support.wire.proxy import FaultProxy
from tests.support.wire.until import until

from . import iseg_rig as iseg

Served = tuple[str, PythonProcess, FaultProxy, int]
MAJOR, INVALID = 2, 3


@asynccontextmanager
async def _proxied(link: str) -> AsyncIterator[tuple[str, FaultProxy]]:
    """The link of a simulator, with a proxy in between."""
    match = re.search(r":(\d+)(?=/|$)", link)
    assert match is not None, link
    async with FaultProxy("127.0.0.1", int(match[1])) as proxy:
        yield link.replace(match[0], f":{proxy.port}"), proxy


@asynccontextmanager
async def _xcom(space: CaSpace) -> AsyncIterator[Served]:
    async with (
        xcom_simulator() as one,
        _proxied(await one.listen("tcp://127.0.0.1:0")) as (link, proxy),
        xcom.ioc(space, link) as (process, port),
    ):
        yield f"{xcom.PREFIX}XT1:BattVoltage", process, proxy, port


@asynccontextmanager
async def _arbin(space: CaSpace) -> AsyncIterator[Served]:
    async with (
        arbin.simulator() as (_, url),
        _proxied(url) as (link, proxy),
        arbin.ioc(space, link) as (process, port),
    ):
        yield f"{arbin.PREFIX}CH001:Voltage", process, proxy, port


@asynccontextmanager
async def _iseg(space: CaSpace) -> AsyncIterator[Served]:
    async with (
        iseg.simulator() as (_, url),
        _proxied(url) as (link, proxy),
        iseg.ioc(space, link) as (process, port),
    ):
        yield f"{iseg.PREFIX}M00:Temperature", process, proxy, port


@asynccontextmanager
async def _modbus(space: CaSpace, link: str) -> AsyncIterator[Served]:
    async with (
        cpa1110.simulator(link=link) as (_, url),
        _proxied(url) as (there, proxy),
        cpa1110.ioc(space, there) as process,
    ):
        port = int((await process.line(r"labioc: .* TCP port (\d+)"))[1])
        yield f"{cpa1110.PREFIX}CoolantInTemp", process, proxy, port


def _tcp(space: CaSpace) -> AbstractAsyncContextManager[Served]:
    return _modbus(space, "tcp://127.0.0.1:0")


def _rtu(space: CaSpace) -> AbstractAsyncContextManager[Served]:
    return _modbus(space, "rtu+tcp://127.0.0.1:0")


@pytest.mark.parametrize(
    ("served", "pattern"),
    [
        (_xcom, b"\xaa"),
        (_arbin, TOKEN),
        (_iseg, b"<"),
        (_tcp, bytes.fromhex("0000 0000 0002 01 03")),
        (_rtu, b"\1\3"),
    ],
)
async def test_noise_is_given_up_and_starves_nobody(
    ca_space: CaSpace,
    served: Callable[[CaSpace], AbstractAsyncContextManager[Served]],
    pattern: bytes,
) -> None:
    async with served(ca_space) as (name, process, proxy, port), Client(port) as client:
        prefix = ":".join(name.split(":")[:2]) + ":"
        await client.subscribe(name, f"{prefix}Connected")
        newest = client.updates[name]
        await until(lambda: newest[-1].severity != INVALID, 60)
        before = proxy.connections
        proxy.flood(pattern)
        await until(lambda: newest[-1].severity == INVALID, 60)
        await until(lambda: proxy.connections > before, 60)  # one was dropped, another is tried
        poured = proxy.poured
        await client.subscribe(f"{prefix}LastError", f"{prefix}Ioc:HEARTBEAT")
        beats = client.updates[f"{prefix}Ioc:HEARTBEAT"]
        await until(lambda: len(beats) >= 4, 60)
        assert proxy.poured >= poured
        connected = client.updates[f"{prefix}Connected"]
        await until(lambda: (connected[-1].value, connected[-1].severity) == (0, MAJOR), 60)
        lost = re.findall(r"\S+: lost: ", process.output)
        assert lost
        assert len(lost) == len(set(lost))
        await proxy.heal()
        await until(lambda: newest[-1].severity != INVALID, 120)
