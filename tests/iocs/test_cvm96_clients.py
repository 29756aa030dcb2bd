"""The CVM-96 IOC and simulator as processes, seen by EPICS's own client library."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from drivers.core.url import TcpUrl, parse_link
from tests.support.ca import CaSpace
from tests.support.libca import CaError, Form, Libca, Library, Reading
from tests.support.process import PythonProcess
from tests.support.wire.until import PATIENCE

INVALID, MAJOR = 3, 2
METERS = '[{name = "Main", address = 1}, {name = "Solar", address = 2}]'


@dataclass(frozen=True, slots=True)
class Bench:
    """Two simulated meters, their IOC, and a client."""

    ca: Libca
    control: str

    async def tell(self, command: str) -> str:
        """Give the simulator a control command."""
        url = parse_link(self.control)
        assert isinstance(url, TcpUrl)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"{command}\n".encode())
        answer = (await reader.readline()).decode().strip()
        writer.close()
        await writer.wait_closed()
        assert answer.startswith("ok"), answer
        return answer

    async def fresh(self, name: str, *, within: float = PATIENCE) -> Reading:
        """The first valid value."""
        async with self.ca.monitor(name) as monitor:
            return await monitor.until(lambda r: r.severity != INVALID, within=within)


async def _start(stack: AsyncExitStack, space: CaSpace, link: str, *settings: str) -> Bench:
    simulator = await stack.enter_async_context(
        PythonProcess(
            "drivers.cvm96.simulator",
            *("--link", link, "--meters", "2", "--hour", "12", "--control", "tcp://127.0.0.1:0"),
        )
    )
    url = (await simulator.line(r"listening (\S+)"))[1]
    control = (await simulator.line(r"control (\S+)"))[1]
    ioc = await stack.enter_async_context(
        PythonProcess(
            "iocs.cvm96",
            *("--link", url, "--prefix", "T:", "--no-autosave", "--timeout", "0.5", *settings),
            env=space.env,
        )
    )
    await ioc.line("PVs, TCP port")
    return Bench(await stack.enter_async_context(Libca(space)), control)


@pytest.fixture(
    params=[
        "pty",
        pytest.param("rtu+tcp://127.0.0.1:0", marks=pytest.mark.slow),
        pytest.param("tcp://127.0.0.1:0", marks=pytest.mark.slow),
    ]
)
async def bench(request: pytest.FixtureRequest, ca_space: CaSpace) -> AsyncIterator[Bench]:
    """Two meters on every kind of link, with nominal values."""
    settings = ("--set", f"meters = {METERS}", "--nominal-voltage", "230")
    async with AsyncExitStack() as stack:
        yield await _start(stack, ca_space, request.param, *settings)


@pytest.fixture
async def single(ca_space: CaSpace) -> AsyncIterator[Bench]:
    """One meter without a name of its own, the other is not configured."""
    async with AsyncExitStack() as stack:
        yield await _start(stack, ca_space, "pty", "--address", "2", "--demand-mode", "A_per_phase")


async def test_values_have_units_precision_and_limits(bench: Bench) -> None:
    await bench.fresh("T:Main:L1:Voltage")
    voltage = await bench.ca.get("T:Main:L1:Voltage", form=Form.CTRL)
    assert voltage.value == pytest.approx(230.0, abs=5.0)
    assert (voltage.units, voltage.precision, voltage.severity) == ("V", 1, 0)
    assert voltage.limits is not None
    assert (voltage.limits.low, voltage.limits.high) == (207.0, 253.0)
    power = await bench.fresh("T:Solar:Total:ActivePower")
    assert power.value < -5000
    generated = await bench.fresh("T:Solar:Energy:ActiveGenerated")
    assert generated.value >= 0
    await bench.fresh("T:Main:L1:VoltageMax")
    for name in ("VoltageMin", "Voltage", "VoltageMax"):
        assert (await bench.ca.get(f"T:Main:L1:{name}", form=Form.TIME)).severity == 0
    unbalance = await bench.fresh("T:Main:CurrentUnbalance")
    assert 0 < unbalance.value < 30
    plausible = await bench.ca.get("T:Main:Plausible", form=Form.CTRL)
    assert plausible.enums is not None
    assert plausible.enums[plausible.value] == "Plausible"
    refused = await bench.ca.put("T:Main:L1:Voltage", 1)
    assert refused is not None
    assert refused.code == CaError.NO_WRITE_ACCESS


async def test_values_of_a_block_have_one_stamp(bench: Bench) -> None:
    await bench.fresh("T:Main:Frequency")
    names = ("L1:VoltageMax", "L3:CurrentMin", "Energy:ActiveMax")
    await bench.fresh(f"T:Main:{names[0]}")
    stamps = {(await bench.ca.get(f"T:Main:{name}", form=Form.TIME)).timestamp for name in names}
    assert len(stamps) == 1


async def test_a_dead_meter_is_invalid_alone_and_comes_back(bench: Bench) -> None:
    await bench.fresh("T:Main:Frequency")
    await bench.fresh("T:Solar:Connected")
    async with (
        bench.ca.monitor("T:Solar:L1:Voltage") as voltage,
        bench.ca.monitor("T:Solar:Connected") as connected,
        bench.ca.monitor("T:Main:L1:Voltage") as other,
    ):
        await voltage.until(lambda r: r.severity == 0)
        await connected.until(lambda r: r.value == 1)
        await bench.tell("kill 2")
        seen = len(voltage.updates)
        await voltage.until(lambda r: r.severity == INVALID, since=seen)
        lost = await connected.until(lambda r: r.value == 0, since=1)
        assert lost.severity == MAJOR
        await other.count(len(other.updates) + 3)
        assert all(update.severity != INVALID for update in other.updates[1:])
        assert (await bench.ca.get("T:Connected", form=Form.TIME)).value == 1
        error = await bench.ca.get("T:LastError")
        assert "unit 2" in _text(error.value)
        await bench.tell("revive 2")
        back = len(voltage.updates)
        await voltage.until(lambda r: r.severity == 0, since=back)
        await connected.until(lambda r: r.value == 1, since=2)


def _text(value: object) -> str:
    return value if isinstance(value, str) else bytes(value).decode().rstrip("\0")  # type: ignore[arg-type]


async def test_a_single_meter_and_its_demands(single: Bench) -> None:
    await single.fresh("T:Connected")
    power = await single.fresh("T:Total:ActivePower")
    assert power.value < -5000
    demand = await single.ca.get("T:MaxDemand", form=Form.CTRL)
    assert (demand.units, demand.precision) == ("A", 3)
    assert (await single.fresh("T:MaxDemandL3")).severity == 0


async def test_a_reset_of_the_counters_is_marked(single: Bench) -> None:
    await single.ca.put("T:Scan:Energies:Period", 0.2)
    await single.fresh("T:Energy:ActiveGenerated")
    async with (
        single.ca.monitor("T:Energy:ActiveGenerated") as counter,
        single.ca.monitor("T:Energy:ActiveGeneratedSinceStart") as used,
        single.ca.monitor("T:Energy:ResetCount") as resets,
    ):
        await counter.until(lambda r: r.value > 20)
        assert (await resets.count(1))[0].value == 0
        await single.tell("clear 2 energies")
        await resets.until(lambda r: r.value == 1)
        after = len(used.updates)
        await used.count(after + 2)
        values = [value for value in used.values if value == value]
        assert values == sorted(values)
        last = _text((await single.ca.get("T:Energy:LastReset")).value)
        assert re.match(r"active_energy_generated \d+ to \d+ Wh and \d more", last)


@pytest.mark.parametrize("library", ["pyepics"])
async def test_pyepics_sees_the_same(single: Bench, ca_space: CaSpace, library: Library) -> None:
    await single.fresh("T:Frequency")
    async with Libca(ca_space, library) as ca:
        frequency = await ca.get("T:Frequency", form=Form.CTRL)
    assert frequency.value == pytest.approx(50.0, abs=0.3)
    assert (frequency.units, frequency.precision) == ("Hz", 1)
