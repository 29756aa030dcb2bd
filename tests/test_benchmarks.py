"""The benchmarks run, and their load client accounts for every update."""

from __future__ import annotations

import json
import math
import struct
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.client import CaClient
from benchmarks.results import Goal, Row, as_json, table
from benchmarks.servers.options import TICK, Load
from tests.support.peers import need

ROOT = Path(__file__).parents[1]


def update(subscription: int, value: float, age: float = 0.0) -> bytes:
    """An update as a server sends it: EVENT_ADD with a DBR_TIME_DOUBLE that is `age` s old."""
    header = struct.pack(">HHHHII", 1, 24, 20, 1, 1, subscription)
    seconds, fraction = divmod(time.time() - age - 631_152_000, 1.0)
    return header + struct.pack(">HHIIId", 0, 0, int(seconds), int(fraction * 1e9), 0, value)


def test_client_counts_updates_that_never_came() -> None:
    client = CaClient()
    client._subscribed = 2
    client.data_received(update(0, 1) + update(1, 7) + update(0, 2) + update(0, 5))
    delivery = client.delivery()
    assert delivery.received == 4
    assert delivery.missing == 2
    assert delivery.share == pytest.approx(4 / 6)


def test_client_takes_updates_however_the_bytes_are_cut() -> None:
    access_rights = struct.pack(">HHHHII", 22, 0, 0, 0, 1, 3)
    data = update(0, 1) + access_rights + update(0, 2) + update(0, 3)
    for cut in range(1, len(data)):
        client = CaClient()
        client._subscribed = 1
        client.data_received(data[:cut])
        client.data_received(data[cut:])
        assert (client.delivery().received, client.delivery().missing) == (3, 0)


def test_latency_is_from_the_time_stamp_to_the_arrival() -> None:
    client = CaClient()
    client._subscribed = 1
    client.data_received(update(0, 1, age=1000.0) + update(0, 2, age=3000.0))
    assert client.delivery().percentile(50) == pytest.approx(2000e3, rel=0.01)


def test_spread_load_updates_every_pv_at_its_period() -> None:
    load = Load(pvs=7, period=0.05, spread=True)
    ticks = round(10 * load.period / TICK)
    turned = [index for turn in islice(load.turns(), ticks) for index in turn]
    assert abs(len(turned) - 10 * load.pvs) <= 1
    assert turned[: 2 * load.pvs] == 2 * list(range(load.pvs))


def test_table_shows_ratio_goal_and_verdict() -> None:
    rows = [
        Row("b", "small", "ms", 1.0, 4.0, Goal(2.0)),
        Row("b", "large", "%", 99.0, None, Goal(100.0, at_least=True)),
    ]
    small, large = table(rows).splitlines()[2:]
    assert [cell.strip() for cell in small.split("|")[4:9]] == ["1", "4", "0.25", "≤ 2", "yes"]
    assert [cell.strip() for cell in large.split("|")[4:9]] == ["99", "-", "-", "≥ 100", "**no**"]
    assert [row["met"] for row in json.loads(as_json(rows))] == [True, False]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [benchmark.name for benchmark in BENCHMARKS])
def test_benchmark_runs(name: str, tmp_path: Path) -> None:
    need("softioc")
    report = tmp_path / "rows.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", name, "--json", report]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(report.read_text())
    assert rows
    assert {row["benchmark"] for row in rows} == {name}
    for row in rows:
        assert row["figure"] in done.stdout
        assert math.isfinite(row["labioc"])
        if name == "snapshot" and row["figure"].startswith("exchanges"):
            assert (row["labioc"], row["peer"]) == (1, 19)
        elif not row["figure"].startswith("growth"):
            assert row["labioc"] > 0
            assert row["peer"] is None or row["peer"] > 0
