"""A small plant for the tests of iocs.core: a device that is only state, and its IOC.

The device stands for a driver: a test changes what it reads, makes it fail, hang or wait, and sees
what reached it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from drivers.core.errors import LinkDown
from iocs.app.serve import Ioc, ServeOptions
from iocs.device.declare import (
    analog,
    array,
    binary,
    bits,
    choice,
    command,
    integer,
    setpoint,
    state,
    text,
)
from iocs.device.group import DeviceGroup
from iocs.device.scan import Scan
from iocs.record.alarm import Severity
from tests.support.wire.until import PATIENCE

PREFIX = "T:"
MODES = ("Idle", "Cool", "Heat")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one block read of the plant gives."""

    temperature: float | None = 20.0
    pressure: float | None = 1.5
    cycles: int | None = 7
    running: bool | None = False
    mode: int | None = 1
    name: str | None = "plant"
    note: str | None = "all is well"
    trace: Sequence[float] = (1.0, 2.0, 3.0)
    word: int | None = 0b01
    target: float | None = 21.0


@dataclass(slots=True)
class Plant:
    """The device."""

    reading: Reading = field(default_factory=Reading)
    slow_reading: float = 4.0
    fault: BaseException | None = None
    slow_fault: BaseException | None = None
    write_fault: BaseException | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    write_gate: asyncio.Event = field(default_factory=asyncio.Event)
    obey: Callable[[Any], None] | None = None
    writes: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    reads: int = 0
    running_writes: int = 0
    most_writes_at_once: int = 0
    closed: bool = False
    link: str = "plant://bench"
    connected: bool = True
    reconnects: int = 0
    exchanges: int = 0
    last_error: str = ""

    def __post_init__(self) -> None:
        self.gate.set()
        self.write_gate.set()

    def lose(self) -> None:
        """Cut the link."""
        self.fault = self.slow_fault = self.write_fault = LinkDown(
            self.link, "", "read", "cable pulled"
        )

    def find(self) -> None:
        """Mend the link."""
        self.fault = self.slow_fault = self.write_fault = None

    def show(self, **changes: Any) -> None:
        """Change what the next reads give."""
        self.reading = replace(self.reading, **changes)

    async def read(self) -> Reading:
        self.reads += 1
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return self.reading

    async def read_slow(self) -> float:
        if self.slow_fault is not None:
            raise self.slow_fault
        return self.slow_reading

    async def write_target(self, value: float) -> None:
        await self._write("target", value)
        self._obey(value, "target")

    async def write_mode(self, value: int) -> None:
        await self._write("mode", value)
        self._obey(value, "mode")

    def _obey(self, value: Any, what: str) -> None:
        """Do what was written, or what a test wants to be done instead."""
        if self.obey is None:
            self.show(**{what: value})
        else:
            self.obey(value)

    async def start(self) -> None:
        await self._write("start", True)
        self.show(running=True)

    async def stop_now(self) -> None:
        self.writes.append(("stop", True))
        self.show(running=False)

    async def close(self) -> None:
        self.closed = True

    async def _write(self, what: str, value: Any) -> None:
        if self.write_fault is not None:
            raise self.write_fault
        self.running_writes += 1
        self.most_writes_at_once = max(self.most_writes_at_once, self.running_writes)
        try:
            await self.write_gate.wait()
            self.writes.append((what, value))
        finally:
            self.running_writes -= 1


class PlantIoc(DeviceGroup[Plant]):
    """Every kind of PV once."""

    main = Scan(1.0, Plant.read)
    slow = Scan(1.0, Plant.read_slow)

    temperature = analog(
        main,
        "Temperature",
        lambda r: r.temperature,
        doc="Temperature of the plant",
        units="degC",
        precision=2,
        high=35.0,
        hihi=40.0,
        display=(-10.0, 60.0),
    )
    pressure = analog(main, "Pressure", lambda r: r.pressure, doc="Pressure", units="bar")
    cycles = integer(main, "Cycles", lambda r: r.cycles, doc="Cycles", high=100)
    running = binary(main, "Running", lambda r: r.running, doc="Runs", severity=Severity.MINOR)
    mode_now = state(
        main,
        "Mode",
        lambda r: r.mode,
        doc="Mode",
        states=MODES,
        severities={2: Severity.MAJOR},
    )
    plant_name = text(main, "Name", lambda r: r.name, doc="Name")
    note = text(main, "Note", lambda r: r.note, doc="Note", size=64)
    trace = array(main, "Trace", lambda r: r.trace, count=5, doc="Trace", units="mV")
    word = integer(main, "Word", lambda r: r.word, doc="Word")
    word_bits = bits(
        main,
        "Bit",
        lambda r: r.word,
        {0: ("Low", "Bit 0"), 1: ("Hot", "Bit 1")},
        severity=Severity.MAJOR,
    )
    goal = setpoint(
        "Target",
        Plant.write_target,
        confirm=main,
        readback=lambda r: r.target,
        doc="Target",
        units="degC",
        precision=1,
        low=0.0,
        high=100.0,
    )
    want_mode = choice(
        "SetMode",
        Plant.write_mode,
        confirm=main,
        readback=lambda r: r.mode,
        states=MODES,
        doc="Mode to be in",
    )
    start_plant = command("Start", Plant.start, confirm=main, doc="Start")
    stop_plant = command("Stop", Plant.stop_now, confirm=main, doc="Stop at once", urgent=True)
    level = analog(slow, "Level", lambda level: level, doc="Level", units="mm")


@asynccontextmanager
async def serving(
    group: DeviceGroup[Any], options: ServeOptions | None = None
) -> AsyncIterator[Ioc]:
    """Run an IOC inside the test; the CA environment must be set."""
    ioc = Ioc(group, options or ServeOptions(interfaces=("127.0.0.1",)))
    try:
        await ioc.start()
        yield ioc
    finally:
        await ioc.stop()


async def until(condition: Callable[[], bool], within: float = PATIENCE) -> None:
    """Wait for a condition; the test fails if it does not come true."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.005)


async def read_now(group: PlantIoc) -> None:
    """Read the plant's main block at once and post it."""
    await group.poller(PlantIoc.main).refresh()
