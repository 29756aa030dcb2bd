"""Ports for one server under test, on the loopback interface, seen by nobody else."""

from __future__ import annotations

import os
import random
import socket
from dataclasses import dataclass
from typing import Self

LOOPBACK = "127.0.0.1"
_LOWEST, _HIGHEST = 10_000, 32_000  # below the ports that the system gives to outgoing connections


@dataclass(frozen=True, slots=True)
class CaPorts:
    """The port an IOC serves on (TCP circuits, UDP searches) and the one its beacons go to."""

    server: int
    beacon: int

    @classmethod
    def choose(cls) -> Self:
        """Two random ports that are free now."""
        return cls(_free_port(), _free_port())

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a server or client: this process's own, confined to these ports."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("EPICS_")}
        return kept | {
            "EPICS_CA_ADDR_LIST": f"{LOOPBACK}:{self.server}",
            "EPICS_CA_AUTO_ADDR_LIST": "NO",
            "EPICS_CA_SERVER_PORT": str(self.server),
            "EPICS_CA_REPEATER_PORT": str(self.beacon),
            "EPICS_CAS_SERVER_PORT": str(self.server),
            "EPICS_CAS_BEACON_PORT": str(self.beacon),
            "EPICS_CAS_INTF_ADDR_LIST": LOOPBACK,
            "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
            "EPICS_CAS_BEACON_ADDR_LIST": "127.255.255.255",
            "PVXS_QSRV_ENABLE": "NO",  # Channel Access alone is compared
        }


def _free_port() -> int:
    for _ in range(1000):
        port = random.randint(_LOWEST, _HIGHEST)
        if all(_is_free(port, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
            return port
    raise OSError(f"no port from {_LOWEST} to {_HIGHEST} is free for both TCP and UDP")


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
