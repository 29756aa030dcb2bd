"""The simulated compressor panel of the snapshot benchmark, with a line that is true to 0.1 ms.

asyncio's usual event loop on Linux wakes up to 1 ms late, as much as 10 characters of the line
take; the simulators wait with `select`, which knows microseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import signal

from drivers.core.simulation.console import Console, exact_loop
from drivers.core.url import SerialLine
from drivers.cpa1110.simulator import CompressorSimulator

SILENCE = 0.00175
"""Seconds of silence before an answer, above 19200 baud (Modbus over Serial Line, 2.5.1.1)."""

SIMULATED_GAP = 3.5
"""Characters of silence that the simulator keeps by itself."""


async def serve(link: str, baud: int | None) -> None:
    """Serve until SIGTERM; prints where."""
    if baud is None:
        simulator = CompressorSimulator()
    else:
        line = SerialLine(baud, "N", 8, 1)
        think = SILENCE - SIMULATED_GAP * line.character_time
        simulator = CompressorSimulator(line=line, think=max(0.0, think))
    console = Console(simulator)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(f"listening {await simulator.listen(link)}")
    print(f"control {await console.listen('tcp://127.0.0.1:0')}")
    await stop.wait()
    await console.close()
    await simulator.close()


def main() -> None:
    """Serve on the link given, at the speed of a line if one is given."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--link", required=True)
    parser.add_argument("--baud", type=int)
    options = parser.parse_args()

    with asyncio.Runner(loop_factory=exact_loop) as runner:
        runner.run(serve(options.link, options.baud))


if __name__ == "__main__":
    main()
