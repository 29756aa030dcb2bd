"""Port numbers that belong to one test alone, however many test runs share the machine.

A lease holds a socket of the abstract Unix namespace named after the port. The kernel gives a name
to one process at a time and frees it when that process ends, so two test workers never get the same
number, and nothing is left behind. Numbers are taken below the ephemeral range, where no outgoing
connection can land on them between the lease and its use.
"""

from __future__ import annotations

import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
_LOWEST = 10_000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


class PortLease:
    """A port number, free for TCP and UDP when leased, and leased to nobody else until closed."""

    def __init__(self, port: int, name: socket.socket) -> None:
        self.port = port
        self._name = name

    def close(self) -> None:
        """Give the number back."""
        self._name.close()


def lease_port() -> PortLease:
    """Lease a random port of the loopback interface.

    Raises:
        OSError: no port was free after as many tries as there are numbers.
    """
    ports = range(_LOWEST, _first_ephemeral())
    for port in random.sample(ports, len(ports)):
        name = _claim(port)
        if name is None:
            continue
        if _is_free(port):
            return PortLease(port, name)
        name.close()
    raise OSError(f"no port from {ports.start} to {ports.stop - 1} is free for both TCP and UDP")


def _first_ephemeral() -> int:
    first = int(_EPHEMERAL.read_text().split()[0])
    return first if first > _LOWEST + 1000 else 65_536


def _claim(port: int) -> socket.socket | None:
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0labioc-tests-port-{port}")
    except OSError:
        name.close()
        return None
    return name


def _is_free(port: int) -> bool:
    """Whether both protocols can be bound on every interface, as a CA server would."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                return False
    return True
