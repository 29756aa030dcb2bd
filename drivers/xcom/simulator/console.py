"""A simulated Studer site on real ports: `python -m drivers.xcom.simulator --link pty`.

It behaves on the wire as xcom-protocol.md 20 asks: on a pseudo-terminal as an
Xcom-232i in both serial profiles, over TCP (dialled or dialling) and UDP as an Xcom-LAN.
"""

from __future__ import annotations

import argparse
import calendar
import re
import time
from collections.abc import Sequence
from dataclasses import replace

from ...core.errors import BadUrl
from ...core.simulation.commands import Command
from ...core.simulation.console import (
    add_line,
    add_think,
    line_of,
    make_parser,
    number_within,
    run_simulator,
)
from ...core.simulation.ports import Ports, Terminal
from ...core.simulation.simulator import Simulator
from ...core.url import ListenUrl, SerialLine, SerialUrl, TcpUrl, UdpUrl, parse_link
from ..frame import Frame
from ..settings import LINK_DEFAULTS
from .behaviour import Absent, Behaviour
from .commands import SiteCommands
from .line import FAULTS, GatewayLine
from .moxa import Moxa
from .site import BatteryMonitor, SimulatedSite
from .supply import DAY, HOUR

LINKS = (
    "pty (Xcom-232i, RS-232 mode), pty-lan (Xcom-LAN mode), tcp://HOST:PORT (port 0 picks a free "
    "one), tcp-listen://HOST:PORT (dials in there), udp://HOST:PORT?bind=PORT (answers to bind)"
)
PROFILE_A = SerialLine(38_400, "E", 8, 1)
PROFILE_B = SerialLine(115_200, "N", 8, 1)
"""The two link profiles (xcom-protocol.md 2.1)."""

_THINK = 0.02


class XcomSimulator(Simulator[Frame]):
    """A site, its ports and its control commands. Must be made in a running event loop."""

    def __init__(
        self,
        site: SimulatedSite,
        *,
        line: SerialLine | None = None,
        strip: bool = True,
        redial: float = 1.0,
    ) -> None:
        super().__init__(FAULTS, line=line, ports=Ports(redial=redial))
        self.site = site
        self.moxa = Moxa(self, site, strip=strip)
        self._lines = [self.moxa.line]

    async def listen(self, link: str) -> str:
        """Open an endpoint; returns the URL a client uses. Raises `BadUrl`, `OSError`."""
        if link in ("pty", "pty-lan"):
            return str(self._open_terminal(terminated=link == "pty-lan"))
        url = parse_link(link, LINK_DEFAULTS, any_port=True)
        if isinstance(url, TcpUrl) and not url.rtu:
            return str(await self.ports.listen(url, self.moxa.connect))
        if isinstance(url, ListenUrl):
            return str(self.ports.dial(url, self.moxa.connect))
        if isinstance(url, UdpUrl):
            return str(await self.ports.open_udp(url, self.moxa.line.receive))
        raise BadUrl(link, "a simulator serves other links", LINKS)

    def _open_terminal(self, *, terminated: bool) -> SerialUrl:
        """A terminal with the Xcom-232i at its end; terminated: in Xcom-LAN mode (profile B)."""

        def connect(terminal: Terminal) -> GatewayLine:
            name = f"serial://{terminal.path}"
            line = GatewayLine(self, self.site, name, terminal.write, terminated=terminated)
            self._lines.append(line)
            return line

        speed = self.line or (PROFILE_B if terminated else PROFILE_A)
        # a pseudo-terminal cannot be set to a parity: opening it with one fails
        return SerialUrl(self.ports.open_terminal(connect).path, replace(speed, parity="N"))

    def commands(self) -> Sequence[Command]:
        """What can be done at this site while it runs."""
        own = SiteCommands(self.site, self.moxa, self.inject).all()
        return (*own, self.disconnect_command, self.count_command)

    def inject(self, data: bytes) -> None:
        """Send junk on every line."""
        for line in self._lines:
            line.put(data)

    async def close(self) -> None:
        """Stop serving."""
        self.moxa.close()
        await super().close()


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
        faults=FAULTS,
    )
    add_line(parser)
    add_think(parser, _THINK)
    add = parser.add_argument
    add(
        "--hour", type=number_within(0.0, 24.0), help="start at this hour of the day (default: now)"
    )
    add("--monitor", choices=list(BatteryMonitor), default="bsp", help="what stands at 601")
    add("--firmware", type=_firmware, default=(1, 6, 74), metavar="1.6.74", help="of the gateway")
    add("--strict-property", action="store_true", help="infos by property 1 only, else 0x0023")
    add("--strict-groups", action="store_true", help="reads at group addresses give 0x002D")
    add("--absent", choices=list(Absent), default="error", help="absent devices in a multi-info")
    add(
        "--bump",
        type=number_within(0.0, 3600.0),
        default=0.0,
        help="seconds more for an answer, once a minute",
    )
    add(
        "--saving",
        type=number_within(0.0, 3600.0),
        default=10.0,
        help="seconds busy with the datalog, 00:00:30",
    )
    add("--no-strip", action="store_true", help="TCP and UDP pass 0D 0A on, as plain servers do")
    return run_simulator(parser, _build, argv)


def _firmware(text: str) -> tuple[int, int, int]:
    match = re.fullmatch(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 1.6.74")
    return int(match[1]), int(match[2]), int(match[3])
