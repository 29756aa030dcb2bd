"""Simulated meters on one bus: `python -m drivers.cvm96.simulator --meters 8 --link pty`.

They behave on the wire as cvm96-protocol.md 8 asks: functions 03 and 04 for 0x000 to
0x11F but the gap, even starts and counts up to 40, function 01, no writes; other addresses are
silent.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from ...core.simulation.commands import Command, CommandError
from ...core.simulation.console import (
    add_line,
    add_think,
    line_of,
    make_parser,
    number_within,
    run_simulator,
)
from ...core.simulation.modbus_server import ModbusServer
from ...core.url import SerialLine
from ..protocol import DEFAULT_ADDRESS, FRAME_LIMIT, DemandMode
from ..settings import LINK_DEFAULTS
from .answers import Behaviour, MeterRegisters, SilentTarget
from .load import LOADS, LoadModel
from .model import MeterModel

_POWER_UP = 5.0


class BusSimulator(ModbusServer):
    """Meters by address, on real ports, and their control commands.

    `gateway`: on TCP, silent addresses are answered with exception 11, as by many gateways.
    """

    def __init__(
        self,
        meters: Mapping[int, MeterRegisters],
        *,
        line: SerialLine | None = None,
        think: float = 0.0,
        gateway: bool = False,
    ) -> None:
        self.meters = dict(meters)
        super().__init__(
            meters,
            any_unit=SilentTarget() if gateway else None,
            line=line,
            think=think,
            defaults=LINK_DEFAULTS,
        )

    def kill(self, address: int) -> None:
        """Take a meter off the bus: its address is silent."""
        self.remove_device(address)

    def revive(self, address: int) -> None:
        """Put a meter back on the bus."""
        self.add_device(address, self.meters[address])

    def commands(self) -> Sequence[Command]:
        """What can be done at these meters while they run."""
        return (
            Command("kill ADDRESS...", "takes meters off the bus", self._kill),
            Command("revive ADDRESS...", "puts meters back on the bus", self._revive),
            Command(
                "power-up ADDRESS [SECONDS]", "a power cut: zeros for a while (5)", self._power_up
            ),
            Command(
                "clear ADDRESS energies|extremes", "clears counters, as at the keypad", self._clear
            ),
            self.count_command,
        )

    async def _kill(self, words: Sequence[str]) -> str:
        addresses = self._addresses(words)
        for address in addresses:
            self.kill(address)
        return f"silent {' '.join(map(str, addresses))}"

    async def _revive(self, words: Sequence[str]) -> str:
        addresses = self._addresses(words)
        for address in addresses:
            self.revive(address)
        return f"answering {' '.join(map(str, addresses))}"

    async def _power_up(self, words: Sequence[str]) -> str:
        (address,) = self._addresses(words[:1])
        try:
            seconds = float(words[1]) if len(words) > 1 else _POWER_UP
        except ValueError:
            seconds = -1.0
        if not 0.0 < seconds <= 3600.0 or len(words) > 2:
            raise CommandError("power-up takes an address and up to 3600 seconds")
        self.meters[address].power_up(seconds)
        return f"zeros from {address} for {seconds:g} s"

    async def _clear(self, words: Sequence[str]) -> str:
        (address,) = self._addresses(words[:1])
        model = self.meters[address].model
        if list(words[1:]) == ["energies"]:
            model.clear_energies()
        elif list(words[1:]) == ["extremes"]:
            model.clear_extremes()
        else:
            raise CommandError("clear takes an address and energies or extremes")
        return f"cleared {words[1]} of {address}"

    def _addresses(self, words: Sequence[str]) -> list[int]:
        known = {str(address): address for address in self.meters}
        wrong = [word for word in words if word not in known]
        if wrong or not words:
            raise CommandError(
                f"{' '.join(wrong) or 'nothing'} is no meter; there are {', '.join(known)}"
            )
        return [known[word] for word in words]


def make_bus(
    meters: int = 1,
    behaviour: Behaviour | None = None,
    *,
    first_address: int = DEFAULT_ADDRESS,
    demand_mode: DemandMode = DemandMode.W,
    hour: float = 10.0,
    line: SerialLine | None = None,
    think: float = 0.0,
    gateway: bool = False,
) -> BusSimulator:
    """Meters with loads of several kinds, at addresses one after the other."""
    devices: dict[int, MeterRegisters] = {}
    for index in range(meters):
        address = first_address + index
        load = LoadModel(LOADS[index % len(LOADS)], hour=hour, seed=address)
        devices[address] = MeterRegisters(MeterModel(load, demand_mode), behaviour)
    return BusSimulator(devices, line=line, think=think, gateway=gateway)


def _build(options: argparse.Namespace) -> BusSimulator:
    return make_bus(
        options.meters,
        Behaviour(
            options.speed, options.max_registers, options.gap == "zeros", options.accept_resets
        ),
        first_address=options.first_address,
        demand_mode=DemandMode(options.demand_mode),
        hour=options.hour,
        line=line_of(options),
        think=options.think,
        gateway=options.gateway,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the simulator from the command line; returns the exit code."""
    parser = make_parser(
        "cvm96-simulator", "Simulated Circutor CVM-96 meters on one bus.", "tcp://127.0.0.1:1502"
    )
    parser.add_argument(
        "--meters", type=int, choices=range(1, 33), default=1, metavar="1..32", help="how many"
    )
    parser.add_argument(
        "--first-address", type=int, choices=range(1, 217), default=DEFAULT_ADDRESS,
        metavar="1..216", help="address of the first meter; the others follow (default 1)",
    )  # fmt: skip
    parser.add_argument(
        "--hour", type=number_within(0.0, 24.0), default=10.0,
        help="time of the day to start at, 0 to 24 (default 10)",
    )  # fmt: skip
    parser.add_argument(
        "--demand-mode", choices=[str(mode) for mode in DemandMode], default="W",
        help="what maximum demand is, as set at the keypad",
    )  # fmt: skip
    parser.add_argument(
        "--max-registers", type=int, choices=range(2, 126), default=FRAME_LIMIT, metavar="2..125",
        help="largest read; more than 40 as on sister models",
    )  # fmt: skip
    parser.add_argument(
        "--gap", choices=("refused", "zeros"), default="refused", help="undocumented registers"
    )
    parser.add_argument(
        "--accept-resets", action="store_true", help="accept and note the reset coils of sisters"
    )
    parser.add_argument(
        "--gateway", action="store_true",
        help="on tcp:// answer for silent addresses with exception 11, as gateways do",
    )  # fmt: skip
    add_line(parser)
    add_think(parser)
    return run_simulator(parser, _build, argv)
