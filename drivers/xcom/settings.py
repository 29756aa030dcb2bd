"""What the driver of an Xcom gateway is told by its configuration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from uuid import UUID

from ..core.errors import BadUrl
from ..core.url import (
    Defaults,
    ListenUrl,
    SerialLine,
    SerialUrl,
    TcpUrl,
    UdpUrl,
    parse_link,
)
from .addresses import GROUPS, Family, range_of
from .datapoint import Access
from .datapoints import DATAPOINTS
from .multi_info import MAX_ITEMS
from .protocol import DEFAULT_TCP_PORT, DEFAULT_UDP_BIND, DEFAULT_UDP_PORT, SHORTEST_TIMEOUT

LINK_DEFAULTS = Defaults(port=DEFAULT_TCP_PORT, line=SerialLine(38400, "E", 8, 1))
"""Port 4001 for TCP; 38400 8E1, profile A, on a serial line (xcom-protocol.md 2.1, 13)."""

_UDP_DEFAULTS = Defaults(port=DEFAULT_UDP_PORT, bind=DEFAULT_UDP_BIND)
_HIGHEST_ADDRESS = 0xFFFF_FFFF


class BatteryMonitor(StrEnum):
    """What watches the battery: found out by asking, or told."""

    AUTO = "auto"
    NONE = "none"
    BSP = "bsp"
    BMS = "bms"


class MultiInfoUse(StrEnum):
    """Whether many live values are read in one exchange."""

    AUTO = "auto"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class XcomSettings:
    """Settings of a gateway and the devices behind it, checked when made.

    link: URL: `serial:///dev/ttyUSB0`, `tcp-listen://:4001`, `udp://host?bind=4001` or `tcp://host`.
    peer: address of the serial server that connects to us, if several connect to one port.
    guid: GUID of the installation; another one is refused.
    xtenders: how many Xtenders, 0 to 9 (default: found out by asking).
    variotracks: how many VarioTracks, 0 to 15 (default: found out by asking).
    variostrings: how many VarioStrings, 0 to 15 (default: found out by asking).
    battery_monitor: auto, none, bsp or bms (an Xcom-CAN).
    timeout: seconds the gateway may take for an answer beside serial line time, 2 to 30.
    retries: how often a read without a good answer is sent again, 0 to 3; writes never are.
    gap: seconds without traffic after each exchange, 0 to 5.
    multi_info: auto, or never to read live values one by one.
    fast_period: seconds between two reads of the live values by an IOC, 1 to 60.
    max_items: most values read in one exchange, 1 to 76; 31 if a reply may have only 256 bytes.
    pause_minutes: minutes without reading from the gateway's midnight on, 0 to 120, for the portal.
    flash_writes_per_day: most writes to flash of one parameter of one device in 24 h, 0 to 50.
    flash_parameters: numbers whose set points an IOC writes to flash, such as 1138, and not to RAM.
    group_writes: group addresses that may be written, such as 100.
    source_address: own address in requests; 0 takes another one for each, against late answers.

    Raises ValueError (a bad link: `BadUrl`) that names the setting and what would be right.
    """

    link: str
    peer: str | None = None
    guid: str | None = None
    xtenders: int | None = None
    variotracks: int | None = None
    variostrings: int | None = None
    battery_monitor: BatteryMonitor = BatteryMonitor.AUTO
    timeout: float = SHORTEST_TIMEOUT
    retries: int = 1
    gap: float = 0.0
    multi_info: MultiInfoUse = MultiInfoUse.AUTO
    fast_period: float = 5.0
    max_items: int = MAX_ITEMS
    pause_minutes: float = 0.0
    flash_writes_per_day: int = 4
    flash_parameters: tuple[int, ...] = ()
    group_writes: tuple[int, ...] = ()
    source_address: int = 0

    def __post_init__(self) -> None:
        listening = isinstance(self.url, ListenUrl)
        if self.peer is not None and not listening:
            raise ValueError("peer is for tcp-listen:// links; others name the host in the link")
        if self.peer is not None and not _is_host(self.peer):
            raise ValueError(f"peer {self.peer!r} is no address or host name, such as 192.168.1.60")
        _ = self.installation
        for family in (Family.XTENDER, Family.VARIOTRACK, Family.VARIOSTRING):
            count = self.count_of(family)
            if count is not None:
                _check(f"{family.name.lower()}s", count, 0, len(range_of(family).addresses))
        _check("timeout", self.timeout, SHORTEST_TIMEOUT, 30.0)
        _check("retries", self.retries, 0, 3)
        _check("gap", self.gap, 0.0, 5.0)
        _check("fast_period", self.fast_period, 1.0, 60.0)
        _check("max_items", self.max_items, 1, MAX_ITEMS)
        _check("pause_minutes", self.pause_minutes, 0.0, 120.0)
        _check("flash_writes_per_day", self.flash_writes_per_day, 0, 50)
        _check("source_address", self.source_address, 0, _HIGHEST_ADDRESS)
        self._check_flash_parameters()
        wrong = [address for address in self.group_writes if address not in GROUPS]
        if wrong:
            known = ", ".join(map(str, GROUPS))
            raise ValueError(f"group_writes has {wrong[0]}, which is none of {known}")

    def _check_flash_parameters(self) -> None:
        writable = {each.number for each in DATAPOINTS if each.access is Access.READ_WRITE}
        for number in self.flash_parameters:
            if number not in writable:
                raise ValueError(
                    f"flash_parameters has {number}, which is no parameter that can be written, "
                    f"such as 1138"
                )

    @property
    def url(self) -> SerialUrl | TcpUrl | UdpUrl | ListenUrl:
        """The link, parsed."""
        udp = self.link.startswith("udp:")
        url = parse_link(self.link, _UDP_DEFAULTS if udp else LINK_DEFAULTS)
        example = "tcp-listen://:4001"
        if isinstance(url, SerialUrl) and url.line.bits != 8:
            raise BadUrl(self.link, "an Xcom needs bits=8", "serial:///dev/ttyUSB0?baud=38400")
        if isinstance(url, SerialUrl | UdpUrl | ListenUrl):
            return url
        if isinstance(url, TcpUrl) and not url.rtu:
            return url
        wanted = "an Xcom needs serial://, tcp-listen://, udp:// or tcp://"
        raise BadUrl(self.link, wanted, example)

    @property
    def installation(self) -> UUID | None:
        """The GUID that the gateway must have, if one is given."""
        if self.guid is None:
            return None
        try:
            return UUID(self.guid)
        except ValueError:
            example = "407d3d61-2835-4dec-ba32-c9580b1bd03a"
            raise ValueError(f"guid {self.guid!r} is not of the form {example}") from None

    def count_of(self, family: Family) -> int | None:
        """How many devices of a family there are, if that is told."""
        counts = {
            Family.XTENDER: self.xtenders,
            Family.VARIOTRACK: self.variotracks,
            Family.VARIOSTRING: self.variostrings,
        }
        return counts.get(family)

    def line_time(self, sent: int, received: int) -> float:
        """Seconds that bytes take on a serial line; 0 on a network."""
        url = self.url
        return (sent + received) * url.line.character_time if isinstance(url, SerialUrl) else 0.0


def _check(name: str, value: float, low: float, high: float) -> None:
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{name} {value:g} is not from {low:g} to {high:g}")


def _is_host(text: str) -> bool:
    """Whether a text is an address or has the form of a host name."""
    try:
        ip_address(text)
    except ValueError:
        pass
    else:
        return True
    if text.rpartition(".")[2].isdigit():
        return False  # an address with a mistake
    try:
        url = parse_link(f"tcp://{text}", LINK_DEFAULTS)
    except BadUrl:
        return False
    return isinstance(url, TcpUrl) and url.host == text
