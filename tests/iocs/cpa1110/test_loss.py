"""A lost device: every PV of it says so within two periods, and it comes back by itself."""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from drivers.core.simulation.faults import parse_fault
from drivers.cpa1110.simulator import CompressorSimulator
from drivers.cpa1110.simulator.model import REVISION_2X, REVISION_3X, CompressorModel, Panel
from tests.iocs.cpa1110.client import Client, Update
from tests.iocs.cpa1110.expected import BLOCK, HEALTH, PVS, matches, running
from tests.iocs.cpa1110.rig import PERIOD, PREFIX, ioc, log_lines, port_of, simulator
from tests.support.ca import CaSpace
from tests.support.libca import Libca
from tests.support.process import PythonProcess
from tests.support.wire.proxy import FaultProxy
from tests.support.wire.until import until

COMM = 9
INVALID = 3
MAJOR = 2
LOST = "labioc.scan: .* lost: "
BACK = "labioc.scan: .* back after "
ALIVE = "CoolantInTemp"
"""A PV that changes with each reading: its stamps are those of the readings."""


@dataclass(frozen=True, slots=True)
class Wire:
    """What lies between the IOC and the panel: how it breaks and how it heals."""

    link: str
    model: CompressorModel
    cut: Callable[[], Awaitable[None]]
    mend: Callable[[], Awaitable[None]]
    requests: Callable[[], int]


@asynccontextmanager
async def faulty(fault: str, revision: tuple[int, int] = REVISION_2X) -> AsyncIterator[Wire]:
    """A panel that misbehaves as the fault says."""
    async with simulator(running(Panel(revision))) as (panel, link):

        async def cut() -> None:
            await panel.set_fault(parse_fault(fault))

        yield Wire(link, panel.model, cut, panel.clear_fault, lambda: _writes(panel))


@asynccontextmanager
async def behind_proxy(how: str) -> AsyncIterator[Wire]:
    """A panel behind a network that breaks."""
    async with simulator(running()) as (panel, link), FaultProxy("127.0.0.1", port_of(link)) as net:

        async def cut() -> None:
            if how == "cable out":
                net.black_hole()
            else:
                net.half_frame()

        url = f"tcp://127.0.0.1:{net.port}"
        yield Wire(url, panel.model, cut, net.heal, lambda: _writes(panel))


def _writes(panel: CompressorSimulator) -> int:
    return len(panel.requests(write=True))


FAULTS = ("silent", "wrong-transaction", "truncated", "reset", "refuse", "other-reply", "flood")
FAULTS += ("exception=4",)


def newest(client: Client, name: str) -> Update:
    """The last update of a PV."""
    return client.updates[PREFIX + name][-1]


async def all_have(client: Client, names: tuple[str, ...], severity: int) -> None:
    """Wait until each PV has shown a severity last."""
    await until(lambda: all(newest(client, name).severity == severity for name in names))


def check_readings(client: Client, model: CompressorModel) -> None:
    """What is shown is what the panel says (arrays: their first letter)."""
    snapshot = model.snapshot()
    for name, pv in PVS.items():
        value = newest(client, name).value
        if pv.count == 1:
            shown = value.decode() if isinstance(value, bytes) else value
            assert matches(name, shown, snapshot), (name, value)


async def lose_and_find(space: CaSpace, wire: Wire, process: PythonProcess) -> None:
    """Cut the wire and mend it, with monitors on every PV."""
    async with Client(space.server_port) as client:
        await client.subscribe(*(PREFIX + name for name in (*BLOCK, *HEALTH)))
        await all_have(client, BLOCK, 0)
        await until(lambda: len(client.updates[PREFIX + ALIVE]) > 4)

        await wire.cut()
        await all_have(client, BLOCK, INVALID)
        check_loss(client)
        good = [name for name in HEALTH if name not in ("Connected", "WorstAlarm")]
        assert {newest(client, name).severity for name in good} == {0}
        beats = newest(client, "Ioc:HEARTBEAT").value
        await until(lambda: newest(client, "Ioc:HEARTBEAT").value > beats)
        assert {newest(client, name).severity for name in BLOCK} == {INVALID}

        wire.model.advance(600.0)
        wire.model.warning_mask = 0x11
        await wire.mend()
        await all_have(client, ("Connected", *(n for n in BLOCK if not n.startswith("Warn"))), 0)
        assert newest(client, "Connected").value == 1
        check_readings(client, wire.model)
        assert newest(client, "Warning:CoolantInHigh").severity == 1
        assert newest(client, "Warning:CoolantOutHigh").severity == 0
        await until(lambda: bool(log_lines(process, BACK)))
        assert [len(log_lines(process, line)) for line in (LOST, BACK)] == [1, 1]
        assert not log_lines(process, "Traceback|internal error")


def check_loss(client: Client) -> None:
    """INVALID within two periods of the last good reading, all with one stamp, value kept."""
    good = [update for update in client.updates[PREFIX + ALIVE] if not update.severity]
    lost = newest(client, ALIVE)
    assert (lost.severity, lost.status) == (INVALID, COMM)
    assert lost.value == good[-1].value
    periods = (lost.timestamp - good[-1].timestamp) / PERIOD
    # two, and what a busy machine adds; the driver's own time limit would make it more than eight
    assert 0 < periods < 6, periods
    assert {newest(client, name).timestamp for name in BLOCK} == {lost.timestamp}
    connected = newest(client, "Connected")
    assert (connected.value, connected.severity) == (0, MAJOR)
    assert connected.timestamp == pytest.approx(lost.timestamp, abs=PERIOD)


async def one_loss(space: CaSpace, wire: Wire) -> None:
    async with ioc(space, wire.link, "--timeout", "3") as process:
        async with Libca(space) as ca:
            assert await ca.put(f"{PREFIX}Scan:Status:Period", PERIOD) is None
        await lose_and_find(space, wire, process)
        assert wire.requests() == 0


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_panel_that_misbehaves_is_lost_and_found(ca_space: CaSpace, fault: str) -> None:
    async with faulty(fault) as wire:
        await one_loss(ca_space, wire)


@pytest.mark.parametrize("how", ["cable out", "half a frame"])
async def test_a_network_that_breaks_loses_and_finds_the_panel(ca_space: CaSpace, how: str) -> None:
    async with behind_proxy(how) as wire:
        await one_loss(ca_space, wire)


async def test_a_3x_panel_is_lost_and_found(ca_space: CaSpace) -> None:
    async with faulty("reset", REVISION_3X) as wire:
        await one_loss(ca_space, wire)


async def test_a_panel_that_dies_and_starts_again_is_lost_and_found(
    ca_space: CaSpace, free_port: int
) -> None:
    link = f"tcp://127.0.0.1:{free_port}"
    arguments = ("drivers.cpa1110.simulator", "--link", link)
    async with ioc(ca_space, link) as process, Client(ca_space.server_port) as client:
        await client.put(f"{PREFIX}Scan:Status:Period", PERIOD)
        await client.subscribe(*(PREFIX + name for name in (*BLOCK, *HEALTH)))
        for _ in range(2):
            async with PythonProcess(*arguments) as panel:
                await panel.line("^listening")
                await all_have(client, (*BLOCK, "Connected"), 0)
                await until(lambda: len(client.updates[PREFIX + ALIVE]) > 4)
                assert math.isclose(newest(client, "HighPressure").value, 15.1, abs_tol=1.0)
                await panel.stop(9)
                await all_have(client, BLOCK, INVALID)
                check_loss(client)
        lines = [line for line in process.stderr if re.search(f"{LOST}|{BACK}", line)]
        assert ["lost:" in line for line in lines[:4]] == [True, False, True, False]


async def test_one_lost_answer_is_one_line_in_the_log_and_heals_at_once(
    ca_space: CaSpace,
) -> None:
    async with simulator(running()) as (panel, link), ioc(ca_space, link) as process:
        async with Client(ca_space.server_port) as client:
            await client.put(f"{PREFIX}Scan:Status:Period", PERIOD)
            await client.subscribe(PREFIX + ALIVE, f"{PREFIX}ErrorCount", f"{PREFIX}LastError")
            await until(lambda: len(client.updates[PREFIX + ALIVE]) > 4)
            await panel.set_fault(parse_fault("wrong-transaction:1"))
            await until(lambda: newest(client, ALIVE).severity == INVALID)
            await until(lambda: newest(client, ALIVE).severity == 0)
            assert newest(client, "ErrorCount").value == 1
        await until(lambda: bool(log_lines(process, BACK)))
        assert [len(log_lines(process, line)) for line in (LOST, BACK)] == [1, 1]
