"""`labioc demo` as a user runs it: live values, an honest exit code, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import psutil
import pytest

from iocs import registry
from iocs.export.files import demo_target
from tests.support.ca import CaSpace
from tests.support.libca import Form, Libca
from tests.support.process import PythonProcess
from tests.support.wire.until import until

SIMULATOR = "drivers.cpa1110.simulator"
IOC = "iocs.cpa1110"


def demo(space: CaSpace, *arguments: str) -> PythonProcess:
    """The demo of one instrument on the port of a CA space."""
    return PythonProcess("iocs.cli", "demo", "--only", "cpa1110", *arguments, env=space.env)


def seen(process: PythonProcess) -> dict[str, psutil.Process]:
    """The programs that a process has started, by their module, as far as they show it.

    While a program is being loaded its command line reads as empty, also after the process that
    starts it has gone on.
    """
    found: dict[str, psutil.Process] = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            words = child.cmdline()
        except psutil.NoSuchProcess:
            continue
        if "iocs.cli.child" in words:  # as `python -m iocs.cli.child PARENT MODULE ...`
            found[words[words.index("iocs.cli.child") + 2]] = child
    return found


async def children(process: PythonProcess, *modules: str) -> dict[str, psutil.Process]:
    """Wait for the programs that a process starts: these and no other."""
    await until(lambda: set(seen(process)) >= set(modules))
    found = seen(process)
    assert set(found) == set(modules), process.output
    return found


async def child(process: PythonProcess, module: str) -> psutil.Process:
    """Wait for one of the programs that a process starts."""
    await until(lambda: module in seen(process))
    return seen(process)[module]


def left_behind(process: PythonProcess) -> list[psutil.Process]:
    """What runs on of the session that a process was started in."""
    return [
        one
        for one in psutil.process_iter()
        if not gone(one) and session_of(one) == process.pid and one.pid != process.pid
    ]


def session_of(process: psutil.Process) -> int:
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return 0


def gone(process: psutil.Process) -> bool:
    """Whether it runs no more."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_the_demo_shows_real_values(ca_space: CaSpace) -> None:
    async with demo(ca_space) as process:
        address = await process.line(r"export EPICS_CA_ADDR_LIST=(\S+) ")
        port = await process.line(r"export EPICS_CA_SERVER_PORT=(\d+)")
        await children(process, SIMULATOR, IOC)
        shown = await process.line(r"^DEMO:CPA:HighPressure +(\d+\.\d\d) bar +ok +\d\d:\d\d:\d\d$")
        env = ca_space.env | {"EPICS_CA_ADDR_LIST": address[1], "EPICS_CA_SERVER_PORT": port[1]}
        async with Libca(env) as ca:
            pressure = (await ca.get("DEMO:CPA:HighPressure")).value
        await process.line("^DEMO:CPA:OperatingState .* Running ")
    assert abs(float(shown[1]) - pressure) < 1.0
    assert abs(pressure - 19.9) < 1.0


async def test_the_demo_ends_by_itself_once_every_ioc_has_delivered(ca_space: CaSpace) -> None:
    async with demo(ca_space, "--seconds", "1") as process:
        assert await process.wait() == 0, process.output
        assert left_behind(process) == []
    told = process.stdout.index("every IOC delivers; 1 s from now")
    last = process.stdout[told + 1 :]
    assert last[-1] == "1 of 1 IOCs delivered fresh, valid values"
    assert len([line for line in last if line.startswith("DEMO:CPA:")]) == 6
    assert process.stderr == []


@pytest.mark.parametrize(("module", "name"), [(SIMULATOR, "simulator"), (IOC, "IOC")])
async def test_the_demo_fails_when_a_process_of_it_dies(
    ca_space: CaSpace, module: str, name: str
) -> None:
    async with demo(ca_space) as process:
        await process.line("In another terminal")
        started = await children(process, SIMULATOR, IOC)
        started[module].kill()
        assert await process.wait() == 1
        assert left_behind(process) == []
    assert f"labioc demo: {name} of cpa1110 ended with exit code -9" in process.stderr


async def test_the_demo_fails_when_an_instrument_falls_silent(ca_space: CaSpace) -> None:
    async with demo(ca_space, "--seconds", "3600") as process:
        await process.line("^every IOC delivers")
        started = await children(process, SIMULATOR, IOC)
        started[SIMULATOR].suspend()
        await process.line("^DEMO:CPA:HighPressure .* INVALID")
        to_parent(process, signal.SIGINT)
        await process.line("DEMO:CPA:HighPressure: the value is INVALID")
        started[SIMULATOR].resume()  # so that it hears that it is to end
        assert await process.wait() == 1
        assert left_behind(process) == []
    assert not [line for line in process.stdout if "delivered" in line]


def to_parent(process: PythonProcess, number: signal.Signals) -> None:
    os.kill(process.pid, number)


def to_all(process: PythonProcess, number: signal.Signals) -> None:
    """As a terminal sends it: to the whole process group."""
    os.killpg(process.pid, number)


@pytest.mark.parametrize(
    ("number", "send"),
    [(signal.SIGINT, to_parent), (signal.SIGINT, to_all), (signal.SIGTERM, to_parent)],
)
async def test_a_signal_ends_everything(
    ca_space: CaSpace,
    number: signal.Signals,
    send: Callable[[PythonProcess, signal.Signals], None],
) -> None:
    async with demo(ca_space) as process:
        await process.line(r"^DEMO:CPA:HighPressure .* bar +ok ")
        await children(process, SIMULATOR, IOC)
        send(process, number)
        send(process, number)  # an impatient user
        assert await process.wait() == 0, process.output
        assert left_behind(process) == []
    assert process.stderr == []


@pytest.mark.parametrize("module", [SIMULATOR, IOC])
async def test_ctrl_c_while_it_starts_leaves_nothing_behind(ca_space: CaSpace, module: str) -> None:
    async with demo(ca_space) as process:
        await child(process, module)
        to_parent(process, signal.SIGINT)
        assert await process.wait() == 0, process.output
        assert left_behind(process) == []
    assert process.stderr == []


async def test_the_demo_shows_every_instrument(ca_space: CaSpace) -> None:
    async with PythonProcess("iocs.cli", "demo", "--seconds", "1", env=ca_space.env) as process:
        assert await process.wait() == 0, process.output
        assert left_behind(process) == []
    count = len(registry.MODULES)
    assert f"{count} of {count} IOCs delivered fresh, valid values" in process.stdout
    shown = {line.split()[0] for line in process.stdout if line.startswith("DEMO:")}
    demos = [registry.load(name).demo for name in registry.MODULES]
    assert shown == {one.prefix + name for one in demos for name in one.show}


async def alarms(ca: Libca, names: Sequence[str]) -> dict[str, int]:
    """The PVs that are in alarm, with their severity."""
    found = await asyncio.gather(*(ca.get(name, form=Form.TIME) for name in names))
    pairs = zip(names, found, strict=True)
    return {name: reading.severity for name, reading in pairs if reading.severity}


async def test_a_healthy_demo_has_no_alarm_at_all(ca_space: CaSpace) -> None:
    """What is not there is not broken, and the restart of a demo is no fault."""
    targets = [demo_target(registry.load(name)) for name in registry.MODULES]
    names = [target.prefix + row.name for target in targets for row in target.rows]
    arguments = ("demo", "--seconds", "3600")
    async with PythonProcess("iocs.cli", *arguments, env=ca_space.env) as process:
        address = await process.line(r"export EPICS_CA_ADDR_LIST=(\S+) ")
        await process.line("^every IOC delivers")
        async with (
            Libca(ca_space.env | {"EPICS_CA_ADDR_LIST": address[1]}) as ca,
            AsyncExitStack() as stack,
        ):
            counts = [
                await stack.enter_async_context(ca.monitor(f"{target.prefix}AlarmCount"))
                for target in targets
            ]
            await until(lambda: all(count.values[-1:] == [0] for count in counts))
            heard = [len(count.values) for count in counts]
            assert await alarms(ca, names) == {}
            assert [len(count.values) for count in counts] == heard
        to_parent(process, signal.SIGINT)
        assert await process.wait() == 0, process.output


@pytest.mark.slow
async def test_the_demo_stays_fresh_for_a_minute(ca_space: CaSpace) -> None:
    arguments = ("demo", "--seconds", "60")
    async with PythonProcess("iocs.cli", *arguments, env=ca_space.env) as process:
        assert await process.wait() == 0, process.output
    told = process.stdout.index("every IOC delivers; 60 s from now")
    lines = [line for line in process.stdout[told:] if line.startswith("DEMO:")]
    shown = sum(len(registry.load(name).demo.show) for name in registry.MODULES)
    assert len(lines) > 10 * shown
    assert not [line for line in lines if "INVALID" in line or "not connected" in line]
