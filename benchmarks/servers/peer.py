"""The peer's server under test: pythonSoftIOC (softioc) with the same records and updates."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Any

from softioc import asyncio_dispatcher, builder, softioc

from .options import PREFIX, TICK, Load, parse

_STAMP_OF_PROGRAM = -2
"""Field TSE: the record keeps the time stamp it is given."""


def make_records(load: Load) -> list[Any]:
    """The records of a load, and a set point that copies its puts to a readback."""
    builder.SetDeviceName(PREFIX.rstrip(":"))
    records = [
        builder.aIn(
            f"V{index}",
            DESC="Benchmark",
            EGU="V",
            PREC=3,
            HIGH=1e9,
            HIHI=1e12,
            HSV="MINOR",
            HHSV="MAJOR",
            TSE=_STAMP_OF_PROGRAM,
        )
        for index in range(load.pvs)
    ]
    readback = builder.aIn("X_RBV", initial_value=0.0)
    builder.aOut("X", always_update=True, on_update=readback.set, DRVL=-1e9, DRVH=1e9)
    return records


async def post_for_ever(records: list[Any], load: Load) -> None:
    """The updates of a load."""
    if load.spread:
        await _post_spread(records, load)
    else:
        await _post_blocks(records, load)


async def _post_blocks(records: list[Any], load: Load) -> None:
    loop = asyncio.get_running_loop()
    due, count = loop.time(), 0
    while True:
        count += 1
        now = time.time()
        for record in records:
            record.set(count, timestamp=now)
        due += load.period
        await asyncio.sleep(due - loop.time())


async def _post_spread(records: list[Any], load: Load) -> None:
    counts = [0] * load.pvs
    loop = asyncio.get_running_loop()
    due = loop.time()
    for turn in load.turns():
        for index in turn:
            counts[index] += 1
            records[index].set(counts[index], timestamp=time.time())
        due += TICK
        await asyncio.sleep(due - loop.time())


def main() -> None:
    """Serve until SIGTERM."""
    load = parse()
    records = make_records(load)
    dispatcher = asyncio_dispatcher.AsyncioDispatcher()
    builder.LoadDatabase()
    softioc.iocInit(dispatcher)
    dispatcher(post_for_ever, (records, load))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        signal.pause()
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
