"""A Channel Access port space: servers and clients that see each other and nobody else.

Every CA test takes a space of its own, so that tests can run in parallel and beside real IOCs.
All traffic stays on the loopback interface.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.support.ports import LOOPBACK, PortLease, lease_port

_LOOPBACK_BROADCAST = "127.255.255.255"


@dataclass(frozen=True, slots=True)
class CaSpace:
    """Two leased ports and the environment which confines CA to them.

    `server_port` serves TCP circuits and UDP searches; beacons go to `repeater_port`.
    """

    _server: PortLease
    _repeater: PortLease

    @classmethod
    def open(cls) -> Self:
        """Lease the ports of a new space."""
        return cls(lease_port(), lease_port())

    @property
    def server_port(self) -> int:
        """The port on which an IOC of this space listens."""
        return self._server.port

    @property
    def repeater_port(self) -> int:
        """The port to which an IOC of this space sends its beacons."""
        return self._repeater.port

    @property
    def address(self) -> str:
        """The IOC of this space as one entry of EPICS_CA_ADDR_LIST."""
        return f"{LOOPBACK}:{self.server_port}"

    @property
    def env(self) -> dict[str, str]:
        """The environment for an IOC or a client: this process's own but for its EPICS part."""
        return _without_epics(os.environ) | self._epics(self.address)

    def env_seeing(self, *others: CaSpace) -> dict[str, str]:
        """The environment for a client that finds the IOCs of `others` and that of this space.

        A search sent to one address reaches one server only, so several IOCs need a space each.
        """
        return _without_epics(os.environ) | self._epics(
            " ".join(space.address for space in (self, *others))
        )

    def _epics(self, addresses: str) -> dict[str, str]:
        server, repeater = str(self.server_port), str(self.repeater_port)
        return {
            "EPICS_CA_ADDR_LIST": addresses,
            "EPICS_CA_AUTO_ADDR_LIST": "NO",
            "EPICS_CA_SERVER_PORT": server,
            "EPICS_CA_REPEATER_PORT": repeater,
            "EPICS_CAS_SERVER_PORT": server,
            "EPICS_CAS_BEACON_PORT": repeater,
            "EPICS_CAS_INTF_ADDR_LIST": LOOPBACK,
            "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
            "EPICS_CAS_BEACON_ADDR_LIST": _LOOPBACK_BROADCAST,
        }

    def close(self) -> None:
        """Give the ports back."""
        self._server.close()
        self._repeater.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _without_epics(environ: os._Environ[str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith("EPICS_")}
