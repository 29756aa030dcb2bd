"""Runs the benchmarks and prints one table: `python -m benchmarks [--only NAME ...] [--quick]`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

from .arbin import Arbin
from .bench import Benchmark, Setup
from .connect import Connect
from .cvm96 import Cvm96
from .iseg import Iseg
from .memory import Memory
from .process import BenchmarkError, Cores, OtherPrograms
from .puts import Puts
from .results import Row, as_json, table
from .snapshot import Snapshot
from .stalled import Stalled
from .startup import Startup
from .updates import Updates
from .xcom import Xcom

BENCHMARKS: tuple[Benchmark, ...] = (
    Snapshot(), Cvm96(), Iseg(), Xcom(), Arbin(), Startup(), Updates(), Puts(), Connect(), Memory(),
    Stalled(),
)  # fmt: skip


def main() -> int:
    """Run what was asked for; exit code 2 if a benchmark could not run."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument("--only", action="extend", nargs="+", choices=names, metavar="NAME",
                        help=f"run these alone: {', '.join(names)}")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="under 90 s, with rough figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows to a file")
    options = parser.parse_args()
    chosen = [each for each in BENCHMARKS if not options.only or each.name in options.only]
    setup = Setup(Cores.choose(), options.quick)
    os.sched_setaffinity(0, {setup.cores.load})
    others = OtherPrograms()
    try:
        rows = asyncio.run(_run(chosen, setup))
    except BenchmarkError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    print(table(rows))
    print(f"\nOther programs took {others.share:.0%} of the processors meanwhile.")
    if options.json is not None:
        options.json.write_text(as_json(rows) + "\n")
    return 0


async def _run(chosen: list[Benchmark], setup: Setup) -> list[Row]:
    rows: list[Row] = []
    for benchmark in chosen:
        start = time.monotonic()
        print(f"{benchmark.name} ...", file=sys.stderr, end=" ", flush=True)
        rows += await benchmark.run(setup)
        print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
    return rows


if __name__ == "__main__":
    raise SystemExit(main())
