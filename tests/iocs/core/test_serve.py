"""The life of an IOC: ports, signals, restart by PV, and an end that leaves nothing behind."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import pytest

from iocs.app.serve import Ioc, ServeOptions
from iocs.ca.server import PortTaken, Server, _bind_all
from iocs.device.statistics import RESTART_EXIT_CODE
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc
from tests.support.ca import CaSpace
from tests.support.libca import Libca
from tests.support.process import PythonProcess

_MODULE = "tests.iocs.core.serve_plant"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_trap_08_a_signal_ends_cleanly_with_autosave_written(
    ca_space: CaSpace, tmp_path: Path, number: signal.Signals
) -> None:
    saved = tmp_path / "plant.json"
    async with PythonProcess(_MODULE, PREFIX, "--autosave", saved, env=ca_space.env) as ioc:
        await ioc.line("^ready on")
        async with Libca(ca_space) as ca:
            assert await ca.put(PREFIX + "Temperature.HIHI", 12.5) is None
            assert await ioc.stop(number) == 0
    assert json.loads(saved.read_text())["settings"] == {"Temperature": {"HIHI": 12.5}}
    assert not [line for line in ioc.stderr if "Traceback" in line]


async def test_sysreset_asks_for_a_restart(ca_space: CaSpace) -> None:
    async with PythonProcess(_MODULE, PREFIX, env=ca_space.env) as ioc:
        await ioc.line("^ready on")
        async with Libca(ca_space) as ca:
            await ca.put(PREFIX + "Ioc:SYSRESET", 1, wait=False)
            assert await ioc.wait() == RESTART_EXIT_CODE == 86


async def test_a_port_that_is_taken_is_a_clear_error(ca_space: CaSpace, free_port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_port))
        other.listen()
        arguments = (PREFIX, "--port", str(free_port))
        async with PythonProcess(_MODULE, *arguments, env=ca_space.env) as ioc:
            assert await ioc.wait() == 2
    assert any(f"TCP port {free_port} is in use on 127.0.0.1" in line for line in ioc.stderr)
    assert not [line for line in ioc.stderr if "Traceback" in line]


@pytest.mark.parametrize("fault", ["task", "cancel"])
async def test_a_dead_task_ends_the_ioc(ca_space: CaSpace, tmp_path: Path, fault: str) -> None:
    saved = tmp_path / "plant.json"
    arguments = (PREFIX, "--fault", fault, "--autosave", saved)
    async with PythonProcess(_MODULE, *arguments, env=ca_space.env) as ioc:
        assert await ioc.wait() == 1
    assert any("a task of the IOC ended" in line for line in ioc.stderr)


async def test_a_link_that_cannot_be_closed_costs_no_settings(
    ca_space: CaSpace, tmp_path: Path
) -> None:
    saved = tmp_path / "plant.json"
    arguments = (PREFIX, "--fault", "close", "--autosave", saved)
    async with PythonProcess(_MODULE, *arguments, env=ca_space.env) as ioc:
        await ioc.line("^ready on")
        async with Libca(ca_space) as ca:
            assert await ca.put(PREFIX + "Temperature.HIHI", 12.5) is None
        await ioc.stop()
    assert json.loads(saved.read_text())["settings"] == {"Temperature": {"HIHI": 12.5}}


async def test_two_servers_never_share_a_tcp_port(space: CaSpace) -> None:
    one, two = Server({}, ["127.0.0.1"]), Server({}, ["127.0.0.1"])
    try:
        await one.start()
        await two.start()
        assert one.port == space.server_port
        assert two.port != one.port
        three = Server({}, ["127.0.0.1"], port=one.port)
        with pytest.raises(PortTaken, match=f"TCP port {one.port} is in use on 127.0.0.1"):
            await three.start()
    finally:
        await one.close()
        await two.close()


def test_a_port_is_ours_as_soon_as_it_is_bound(free_port: int) -> None:
    """IOCs that start at the same moment must not both believe that they have the port."""
    _, sockets = _bind_all(["127.0.0.1"], free_port)
    try:
        with pytest.raises(OSError, match="in use"):
            _bind_all(["127.0.0.1"], free_port)
    finally:
        for sock in sockets:
            sock.close()


async def test_stop_frees_everything(space: CaSpace) -> None:
    for _ in range(2):
        plant = Plant()
        group = PlantIoc(PREFIX, plant)
        ioc = Ioc(group, ServeOptions(("127.0.0.1",), port=space.server_port))
        await ioc.start()
        await ioc.stop()
        assert plant.closed
        assert plant.writes == []
        assert all(task.done() for task in group._tasks)
