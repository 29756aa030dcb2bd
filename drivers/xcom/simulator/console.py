"""A simulated Studer site on real ports: `python -m drivers.xcom.simulator --link pty`.

It behaves on the wire as xcom-protocol.md 20 asks: on a pseudo-terminal as an
Xcom-232i in both serial profiles, over TCP (dialled or dialling) and UDP as an Xcom-LAN.
"""

from __future__ import annotations

import argparse
import calendar
import math
import re
import time
from collections.abc import Sequence

from ...core.errors import BadUrl
from ...core.simulation.console import Command, line_of, make_parser, run_simulator
from ...core.simulation.faults import BadFault, Fault, FaultSpec
from ...core.url import ListenUrl, SerialLine, TcpUrl, UdpUrl, parse_link
from ..settings import LINK_DEFAULTS
from .behaviour import Absent, Behaviour
from .commands import SiteCommands
from .line import Station
from .moxa import Moxa
from .site import BatteryMonitor, SimulatedSite
from .supply import DAY, HOUR
from .terminal import Terminal

LINKS = (
    "pty (Xcom-232i, RS-232 mode), pty-lan (Xcom-LAN mode), tcp://HOST:PORT (port 0 picks a free "
    "one), tcp-listen://HOST:PORT (dials in there), udp://HOST:PORT?bind=PORT (answers to bind)"
)
_THINK = 0.02


class XcomSimulator:
    """A site, its ports and its control commands. Must be made in a running event loop."""

    def __init__(
        self,
        site: SimulatedSite,
        *,
        line: SerialLine | None = None,
        strip: bool = True,
        redial: float = 1.0,
    ) -> None:
        self.site = site
        self.station = Station(site, line)
        self.moxa = Moxa(self.station, strip=strip, redial=redial)
        self.terminals: list[Terminal] = []

    async def listen(self, link: str) -> str:
        """Open an endpoint; returns the URL a client uses. Raises `BadUrl`, `OSError`."""
        if link in ("pty", "pty-lan"):
            terminal = Terminal(self.station, terminated=link == "pty-lan")
            self.terminals.append(terminal)
            return str(terminal.url)
        url = parse_link(link, LINK_DEFAULTS, any_port=True)
        if isinstance(url, TcpUrl) and not url.rtu:
            return str(await self.moxa.listen(url))
        if isinstance(url, ListenUrl):
            return str(self.moxa.dial(url))
        if isinstance(url, UdpUrl):
            return str(await self.moxa.open_udp(url))
        raise BadUrl(link, "a simulator serves other links", LINKS)

    async def set_fault(self, spec: FaultSpec) -> None:
        """Switch a fault on; raises `BadFault`."""
        if spec.fault in (Fault.RESET, Fault.REFUSE) and not self.moxa.has_tcp:
            raise BadFault(f"{spec.fault} needs a TCP link")
        self.station.faults.set(spec)
        await self.moxa.refuse(spec.fault is Fault.REFUSE)

    async def clear_fault(self) -> None:
        """Switch the fault off."""
        self.station.faults.clear()
        await self.moxa.refuse(False)

    def commands(self) -> Sequence[Command]:
        """What can be done at this site while it runs."""
        return SiteCommands(self.site, self.moxa, self.inject).all()

    def inject(self, data: bytes) -> None:
        """Send junk on every line."""
        for line in (self.moxa.line, *(terminal.line for terminal in self.terminals)):
            line.inject(data)

    async def close(self) -> None:
        """Stop serving."""
        await self.moxa.close()
        for terminal in self.terminals:
            terminal.close()


def wall_clock(hour: float | None = None) -> float:
    """The local time as a gateway has it, s since 1970; at an hour of today if one is given."""
    now = float(calendar.timegm(time.localtime()))
    return now if hour is None else now - now % DAY + hour * HOUR


def _build(options: argparse.Namespace) -> XcomSimulator:
    behaviour = Behaviour(
        firmware=options.firmware,
        strict_property=options.strict_property,
        strict_groups=options.strict_groups,
        absent=Absent(options.absent),
        latency=options.think,
        bump=options.bump,
        saving=options.saving,
    )
    site = SimulatedSite(
        behaviour,
        start=wall_clock(options.hour),
        speed=options.speed,
        monitor=BatteryMonitor(options.monitor),
    )
    return XcomSimulator(site, line=line_of(options), strip=not options.no_strip)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the simulator from the command line; returns the exit code."""
    parser = make_parser(
        "xcom-simulator",
        "Simulated Studer site: Xcom gateway, two Xtenders, VarioTrack, VarioString, BSP.",
        "tcp://127.0.0.1:4001",
        LINKS,
    )
    add = parser.add_argument
    add("--hour", type=_hour, help="start at this hour of the day (default: now)")
    add("--monitor", choices=list(BatteryMonitor), default="bsp", help="what stands at 601")
    add("--firmware", type=_firmware, default=(1, 6, 74), metavar="1.6.74", help="of the gateway")
    add("--strict-property", action="store_true", help="infos by property 1 only, else 0x0023")
    add("--strict-groups", action="store_true", help="reads at group addresses give 0x002D")
    add("--absent", choices=list(Absent), default="error", help="absent devices in a multi-info")
    add("--bump", type=_seconds, default=0.0, help="seconds more for an answer, once a minute")
    add("--saving", type=_seconds, default=10.0, help="seconds busy with the datalog, 00:00:30")
    add("--no-strip", action="store_true", help="TCP and UDP pass 0D 0A on, as plain servers do")
    parser.set_defaults(think=_THINK)
    return run_simulator(parser, _build, argv)


def _hour(text: str) -> float:
    return _number(text, 0.0, 24.0)


def _seconds(text: str) -> float:
    return _number(text, 0.0, 3600.0)


def _number(text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
    return value


def _firmware(text: str) -> tuple[int, int, int]:
    match = re.fullmatch(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 1.6.74")
    return int(match[1]), int(match[2]), int(match[3])
