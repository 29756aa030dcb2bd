"""`labioc run` and `labioc sim` as processes: flags, site files, ports, logs, signals."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import pytest

from tests.iocs.cpa1110.rig import eventually, simulator
from tests.support.ca import CaSpace
from tests.support.libca import Libca
from tests.support.process import PythonProcess

SITE = """
[[ioc]]
name = "cold"
instrument = "cpa1110"
prefix = "S:"
link = "{link}"
autosave = "{autosave}"
log_level = "{level}"
log_json = {json}
{more}
"""
READY = r"TCP port \d+"


def labioc(space: CaSpace, *arguments: str | Path) -> PythonProcess:
    """The command on the ports of a CA space."""
    return PythonProcess("iocs.cli", *arguments, env=space.env)


def site(folder: Path, link: str, more: str = "", level: str = "info", js: bool = False) -> Path:
    """A site file with one compressor."""
    path = folder / "site.toml"
    autosave = folder / "kept" / "cold.json"
    path.write_text(
        SITE.format(link=link, autosave=autosave, level=level, json=str(js).lower(), more=more)
    )
    return path


async def reads(ca: Libca, name: str, value: object) -> None:
    """Wait until a PV shows a value."""

    async def right() -> bool:
        return (await ca.get(name)).value == value

    await eventually(right)


async def test_sim_and_run_talk_to_each_other(ca_space: CaSpace) -> None:
    sim = ("sim", "cpa1110", "--link", "tcp://127.0.0.1:0", "--firmware", "3", "--speed", "20")
    async with labioc(ca_space, *sim) as panel:
        link = (await panel.line("^listening (.+)$"))[1]
        run = ("run", "cpa1110", "--link", link, "--prefix", "R:", "--no-autosave")
        async with labioc(ca_space, *run) as process, Libca(ca_space) as ca:
            await process.line(rf"labioc: R: cpa1110 on {link}, \d+ PVs, {READY}")
            await reads(ca, "R:SoftwareRev", "3.101")
            assert await ca.put("R:Start", 1) is None
            await panel.say("state\n")
            await panel.line(r"^ok state [23] (starting|running) running 1$")
            assert await process.stop(signal.SIGTERM) == 0
        assert await panel.stop(signal.SIGINT) == 0


async def test_run_of_a_site_file_serves_what_it_says(ca_space: CaSpace, tmp_path: Path) -> None:
    async with simulator() as (_, link):
        path = site(tmp_path, link, 'pressure_unit = "kPa"')
        arguments = ("run", "cold", "--config", path, "--list-pvs")
        async with labioc(ca_space, *arguments) as process, Libca(ca_space) as ca:
            await process.line(rf"labioc: cold: cpa1110 on {link}, \d+ PVs, {READY}")
            await process.line("^S:HighPressure$")
            await reads(ca, "S:Connected", 1)
            assert 1400 < (await ca.get("S:HighPressure")).value < 1600
            assert await ca.put("S:Scan:Status:Period", 0.5) is None
            assert await process.stop() == 0
    kept = json.loads((tmp_path / "kept" / "cold.json").read_text())
    assert kept["settings"] == {"Scan:Status:Period": {"VAL": 0.5}}


async def test_a_site_file_sets_level_and_form_of_the_log(
    ca_space: CaSpace, tmp_path: Path, free_port: int
) -> None:
    path = site(tmp_path, f"tcp://127.0.0.1:{free_port}", level="warning", js=True)
    async with labioc(ca_space, "run", "cold", "--config", path) as process:
        await process.line("lost: ")
        assert await process.stop() == 0
    [entry] = [json.loads(line) for line in process.stderr]
    assert (entry["level"], entry["logger"]) == ("warning", "labioc.scan")
    assert f"tcp://127.0.0.1:{free_port}" in entry["message"]
    assert entry["time"].endswith("Z")


async def test_a_file_with_mistakes_is_not_run(ca_space: CaSpace, tmp_path: Path) -> None:
    path = site(tmp_path, "tcp:/h", "timeout = 99")
    async with labioc(ca_space, "run", "cold", "--config", path) as process:
        assert await process.wait() == 2
    assert len(process.stderr) == 2
    assert all(line.startswith(f"{path}: [[ioc]] 1 (cold): key ") for line in process.stderr)


async def test_a_tcp_port_that_is_taken_is_told(
    ca_space: CaSpace, tmp_path: Path, free_port: int
) -> None:
    with socket.create_server(("127.0.0.1", free_port)):
        path = site(tmp_path, "tcp://127.0.0.1:1", f"port = {free_port}")
        async with labioc(ca_space, "run", "cold", "--config", path) as process:
            assert await process.wait() == 1
    [line] = [line for line in process.stderr if "CRITICAL" in line]
    assert f"TCP port {free_port} is in use" in line
    assert not [line for line in process.stderr if "Traceback" in line]


async def test_a_udp_port_that_is_not_shared_is_told(ca_space: CaSpace, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", ca_space.server_port))
        path = site(tmp_path, "tcp://127.0.0.1:1", 'interfaces = ["127.0.0.1"]')
        async with labioc(ca_space, "run", "cold", "--config", path) as process:
            assert await process.wait() == 1
    [line] = [line for line in process.stderr if "CRITICAL" in line]
    assert f"UDP port {ca_space.server_port} is in use on 127.0.0.1 by a program" in line
    assert "EPICS_CA_SERVER_PORT" in line
    assert not [line for line in process.stderr if "Traceback" in line]


async def test_a_port_that_is_none_is_told(ca_space: CaSpace) -> None:
    env = ca_space.env | {"EPICS_CAS_SERVER_PORT": "70000"}
    arguments = ("iocs.cpa1110", "--link", "tcp://127.0.0.1:1", "--no-autosave")
    async with PythonProcess(*arguments, env=env) as process:
        assert await process.wait() == 1
    [line] = [line for line in process.stderr if "CRITICAL" in line]
    assert "EPICS_CAS_SERVER_PORT" in line
    assert "70000 is no port" in line
    assert not [line for line in process.stderr if "Traceback" in line]


async def test_an_ioc_ends_though_no_name_server_answers(ca_space: CaSpace) -> None:
    arguments = ("iocs.cpa1110", "--link", "tcp://panel.invalid:502", "--no-autosave")
    env = ca_space.env | {"EPICS_CAS_BEACON_ADDR_LIST": "beacons.invalid"}
    async with PythonProcess("tests.support.dead_names", *arguments, env=env) as process:
        await process.line("looking up panel.invalid")
        await process.line("looking up beacons.invalid")
        async with Libca(ca_space) as ca:
            assert (await ca.get("CPA:ErrorCount")).value == 0
        assert await process.stop() == 0


async def test_the_tcp_port_that_a_file_asks_for_is_served(
    ca_space: CaSpace, tmp_path: Path, free_port: int
) -> None:
    async with simulator() as (_, link):
        path = site(tmp_path, link, f'port = {free_port}\ninterfaces = ["127.0.0.1"]')
        env = ca_space.env | {
            "EPICS_CA_ADDR_LIST": "",
            "EPICS_CA_NAME_SERVERS": f"127.0.0.1:{free_port}",
        }
        async with labioc(ca_space, "run", "cold", "--config", path) as process, Libca(env) as ca:
            await process.line(f"TCP port {free_port}")
            await reads(ca, "S:Connected", 1)
            assert (await ca.info("S:Connected")).host.endswith(f":{free_port}")


async def test_an_interface_that_does_not_exist_is_told(ca_space: CaSpace, tmp_path: Path) -> None:
    path = site(tmp_path, "tcp://127.0.0.1:1", 'interfaces = ["192.0.2.1"]')
    async with labioc(ca_space, "run", "cold", "--config", path) as process:
        assert await process.wait() == 1
    assert "cold cannot be served on 192.0.2.1: " in process.stderr[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_an_ioc_well(ca_space: CaSpace, number: signal.Signals) -> None:
    async with simulator() as (_, link):
        run = ("run", "cpa1110", "--link", link, "--no-autosave")
        async with labioc(ca_space, *run) as process:
            await process.line(READY)
            assert await process.stop(number) == 0
    assert "ending with exit code 0" in process.stderr[-1]


async def test_a_simulator_on_a_port_that_is_taken_says_so(
    ca_space: CaSpace, free_port: int
) -> None:
    with socket.create_server(("127.0.0.1", free_port)):
        link = f"tcp://127.0.0.1:{free_port}"
        async with labioc(ca_space, "sim", "cpa1110", "--link", link) as process:
            assert await process.wait() == 2
    assert str(free_port) in process.stderr[-1]
    assert "Traceback" not in process.output
