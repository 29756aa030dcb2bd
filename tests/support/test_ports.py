"""Ports and Channel Access spaces belong to one test alone."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.ca import CaSpace
from tests.support.ports import lease_port
from tests.support.process import ROOT

_LEASE_100 = """
import json, sys
from tests.support.ports import lease_port
leases = [lease_port() for _ in range(100)]
print(json.dumps([lease.port for lease in leases]), flush=True)
sys.stdin.read()
"""


def test_a_leased_port_can_be_bound_for_tcp_and_udp(free_port: int) -> None:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as server:
            server.bind(("127.0.0.1", free_port))


def test_ports_are_below_the_ephemeral_range(new_port: Callable[[], int]) -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    if first < 12_000:
        pytest.skip(f"the ephemeral range starts at {first}: too low to stay below it")
    assert all(new_port() < first for _ in range(50))


def test_processes_never_lease_the_same_port() -> None:
    command = [sys.executable, "-c", _LEASE_100]
    with ExitStack() as processes:
        others = [
            processes.enter_context(
                subprocess.Popen(
                    command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for _ in range(3)
        ]
        ports: list[int] = []
        for other in others:
            assert other.stdout is not None
            ports += json.loads(other.stdout.readline())
        for _ in range(100):
            ports.append(processes.enter_context(closing(lease_port())).port)
    assert len(set(ports)) == 400


def test_a_port_in_use_is_not_leased(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(lease_port()) as used, closing(lease_port()) as free:
        free.close()
        monkeypatch.setattr("random.sample", lambda *_: [used.port, busy.getsockname()[1]])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
            busy.bind(("127.0.0.1", free.port))
            with pytest.raises(OSError, match="free for both TCP and UDP"):
                lease_port()


def test_a_space_keeps_its_own_environment(
    ca_space: CaSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EPICS_CA_NAME_SERVERS", "gateway")
    monkeypatch.setenv("UNRELATED", "kept")
    assert "EPICS_CA_NAME_SERVERS" not in ca_space.env
    assert ca_space.env["UNRELATED"] == "kept"
    assert ca_space.env["EPICS_CA_SERVER_PORT"] == str(ca_space.server_port)


def test_a_space_sees_others_when_asked(new_ca_space: Callable[[], CaSpace]) -> None:
    one, two = new_ca_space(), new_ca_space()
    addresses = one.env_seeing(two)["EPICS_CA_ADDR_LIST"].split()
    assert addresses == [f"127.0.0.1:{one.server_port}", f"127.0.0.1:{two.server_port}"]
