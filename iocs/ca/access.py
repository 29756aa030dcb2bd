"""Who may write: read-only IOCs, read-only PVs, and rules by user, host and PV.

User and host names are what the client claims; a rule may name the client's real address instead
(``10.1.2.3`` or ``10.1.2.0/24``), which it cannot choose freely.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

from drivers.core.loglines import plain


class Client(NamedTuple):
    """Who is at the other end of a circuit: claimed host and user, and the peer's IP address."""

    host: str
    user: str
    address: str

    def __str__(self) -> str:
        """As a line of the log names it."""
        return f"{plain(self.user, 40)}@{plain(self.host, 80)}"


@dataclass(frozen=True, slots=True)
class WriteRule:
    """Allows writes to those who match any of ``users``, any of ``hosts`` and any of ``pvs``.

    Patterns are shell-style (``ops-*``); hosts may also be addresses or networks; ``pvs`` match the
    name without the IOC's prefix.
    """

    users: tuple[str, ...] = ("*",)
    hosts: tuple[str, ...] = ("*",)
    pvs: tuple[str, ...] = ("*",)

    def allows(self, name: str, client: Client) -> bool:
        return (
            _any(self.users, client.user)
            and any(_host_matches(pattern, client) for pattern in self.hosts)
            and _any(self.pvs, name)
        )


@dataclass(frozen=True, slots=True)
class Access:
    """Write access to one IOC: without rules for everybody, else for those whom a rule allows."""

    read_only: bool = False
    rules: tuple[WriteRule, ...] = ()
    prefix: str = ""

    def may_write(self, pvname: str, client: Client) -> bool:
        """Whether ``client`` may put to the PV (full name)."""
        if self.read_only:
            return False
        if not self.rules:
            return True
        name = pvname.removeprefix(self.prefix)
        return any(rule.allows(name, client) for rule in self.rules)

    def writable(self, pvname: str) -> bool:
        """Whether there is anybody who may put to the PV (full name)."""
        name = pvname.removeprefix(self.prefix)
        named = not self.rules or any(_any(rule.pvs, name) for rule in self.rules)
        return named and not self.read_only


def _any(patterns: tuple[str, ...], text: str) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def network_of(pattern: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The address or network that a rule's host is; None for what is compared with a claim."""
    try:
        return ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return None


def _host_matches(pattern: str, client: Client) -> bool:
    network = network_of(pattern)
    if network is None:
        return fnmatchcase(client.host.lower(), pattern.lower())
    try:
        return ipaddress.ip_address(client.address) in network
    except ValueError:
        return False
