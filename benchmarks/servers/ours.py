"""Our server under test: a device group as every instrument has one, with a device of no wire.

In a block the PVs are fed by one scan, as those of an instrument. Spread updates are posted one by
one. `B:X` is a set point with the full way of a put: limits, device, confirming read, readback.
"""

from __future__ import annotations

import asyncio
import types
from dataclasses import dataclass
from typing import Any

from iocs.app.serve import Ioc, serve
from iocs.ca.stamp import Stamp
from iocs.device.declare import analog, setpoint
from iocs.device.declared import Declared, Internal
from iocs.device.group import DeviceGroup
from iocs.device.scan import Scan

from .options import PREFIX, TICK, Load, parse

_KNOB_PERIOD = 10.0


@dataclass(frozen=True, slots=True)
class Block:
    """One reading: what every PV of the block shows."""

    count: float


class Source:
    """A device that counts its reads and holds one set point."""

    link = "benchmark://"
    connected = True
    reconnects = 0
    last_error = ""

    def __init__(self) -> None:
        self.exchanges = 0
        self._count = 0.0
        self._knob = 0.0

    async def read_block(self) -> Block:
        """All readings."""
        self.exchanges += 1
        self._count += 1.0
        return Block(self._count)

    async def read_knob(self) -> float:
        """What the device holds."""
        self.exchanges += 1
        return self._knob

    async def write_knob(self, value: float) -> None:
        """Take the set point."""
        self.exchanges += 1
        self._knob = value

    async def close(self) -> None:
        """Nothing is open."""


def _readings(block: Scan[Source, Block], count: int) -> dict[str, Declared]:
    """Analog inputs that the block feeds."""

    def get(reading: Block) -> float:
        return reading.count

    return {
        f"v{index}": analog(
            block, f"V{index}", get, doc="Benchmark", units="V", precision=3, high=1e9, hihi=1e12
        )
        for index in range(count)
    }


def _posted(count: int) -> dict[str, Declared]:
    """The same analog inputs, fed by nothing: they are posted to."""
    unused = Scan(_KNOB_PERIOD, Source.read_block)
    return {name: Internal(each.spec) for name, each in _readings(unused, count).items()}


def make_group(load: Load) -> DeviceGroup[Source]:
    """A group with the PVs of a load."""
    knob = Scan(_KNOB_PERIOD, Source.read_knob)
    body: dict[str, Any] = {
        "knob": knob,
        "x": setpoint(
            "X",
            Source.write_knob,
            confirm=knob,
            readback=lambda held: held,
            doc="Benchmark set point",
            low=-1e9,
            high=1e9,
        ),
    }
    if load.spread:
        body |= _posted(load.pvs)
    else:
        block = Scan(load.period, Source.read_block)
        body |= {"block": block, **_readings(block, load.pvs)}
    group = types.new_class("Load", (DeviceGroup,), {}, lambda space: space.update(body))
    return group(PREFIX, Source())


async def post_for_ever(group: DeviceGroup[Any], load: Load) -> None:
    """Spread updates, a few every tick."""
    points = [getattr(group, f"v{index}") for index in range(load.pvs)]
    counts = [0] * load.pvs
    loop = asyncio.get_running_loop()
    due = loop.time()
    for turn in load.turns():
        for index in turn:
            counts[index] += 1
            points[index].post(counts[index], Stamp.now())
        due += TICK
        await asyncio.sleep(due - loop.time())


async def main() -> int:
    """Serve until SIGTERM."""
    load = parse()
    group = make_group(load)
    posting: list[asyncio.Task[None]] = []

    def begin(_: Ioc) -> None:
        if load.spread:
            posting.append(asyncio.create_task(post_for_ever(group, load)))

    code = await serve(group, on_ready=begin)
    for task in posting:
        task.cancel()
    return code


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
