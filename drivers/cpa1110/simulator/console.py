"""A simulated compressor on a real port: `python -m drivers.cpa1110.simulator --link pty`.

It behaves on the wire as cpa1110-protocol.md 8 asks: function 04 for wire 1 to 55,
functions 03, 06 and 16 for the command register, any unit id on TCP, only its own on RTU.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ...core.simulation.commands import Command, CommandError
from ...core.simulation.console import (
    add_line,
    add_think,
    line_of,
    make_parser,
    run_simulator,
)
from ...core.simulation.modbus_server import ModbusServer
from ...core.url import SerialLine
from ..protocol import (
    DEFAULT_RTU_UNIT,
)
from ..settings import LINK_DEFAULTS
from ..units import PressureUnit, TemperatureUnit
from ..words import OperatingState, mask_from_names, state_name
from .answers import PanelRegisters
from .model import REVISION_2X, REVISION_3X, CompressorModel, Panel

SETTLED_AFTER = 3600.0
"""Simulated seconds after which temperatures and pressures of a running machine have settled."""


class CompressorSimulator(ModbusServer):
    """A panel on real ports and its control commands."""

    def __init__(
        self,
        model: CompressorModel | None = None,
        *,
        unit: int = DEFAULT_RTU_UNIT,
        speed: float = 1.0,
        line: SerialLine | None = None,
        think: float = 0.0,
    ) -> None:
        self.model = model or CompressorModel()
        self.registers = PanelRegisters(self.model, speed=speed)
        super().__init__(
            {unit: self.registers},
            any_unit=self.registers,
            line=line,
            think=think,
            defaults=LINK_DEFAULTS,
        )

    def commands(self) -> Sequence[Command]:
        """What can be done at this compressor while it runs."""
        return (
            Command("state [NAME|NUMBER]", "shows or forces the operating state", self._state),
            Command("alarm BIT...|clear", "sets alarms (a running motor stops)", self._alarm),
            Command("warning BIT...|clear", "sets warnings", self._warning),
            Command("units psi|bar|kPa F|C|K", "switches the units of the panel", self._units),
            self.count_command,
            self.disconnect_command,
        )

    async def _state(self, words: Sequence[str]) -> str:
        self.registers.catch_up()
        if words:
            self.model.force_state(_state_number(words[0]))
        number = int(self.model.state)
        return f"state {number} {state_name(number)} running {int(self.model.running)}"

    async def _alarm(self, words: Sequence[str]) -> str:
        self.registers.catch_up()
        if list(words) == ["clear"]:
            self.model.clear_alarms()
        else:
            self.model.raise_alarm(_mask(words))
        return f"alarms {self.model.alarm_mask}"

    async def _warning(self, words: Sequence[str]) -> str:
        if list(words) == ["clear"]:
            self.model.warning_mask = 0
        else:
            self.model.warning_mask |= _mask(words)
        return f"warnings {self.model.warning_mask}"

    async def _units(self, words: Sequence[str]) -> str:
        pressures = {str(unit): unit for unit in PressureUnit}
        temperatures = {str(unit): unit for unit in TemperatureUnit}
        if len(words) != 2 or words[0] not in pressures or words[1] not in temperatures:
            raise CommandError("units needs a pressure (psi, bar, kPa) and a temperature (F, C, K)")
        self.model.panel.pressure_unit = pressures[words[0]]
        self.model.panel.temperature_unit = temperatures[words[1]]
        return f"units {words[0]} {words[1]}"


def _mask(words: Sequence[str]) -> int:
    if not words:
        raise CommandError("name at least one bit, such as oil_high, or clear")
    try:
        return mask_from_names(words)
    except ValueError as error:
        raise CommandError(str(error)) from None


def _state_number(word: str) -> int:
    if word.isdecimal() and int(word) <= 0xFFFF:
        return int(word)
    try:
        return OperatingState[word.upper()]
    except KeyError:
        known = ", ".join(state.name.lower() for state in OperatingState)
        raise CommandError(f"unknown state {word!r}, known are {known}") from None


def _build(options: argparse.Namespace) -> CompressorSimulator:
    panel = Panel(
        revision=REVISION_3X if options.firmware == "3" else REVISION_2X,
        pressure_unit=next(u for u in PressureUnit if str(u) == options.pressure_unit),
        temperature_unit=next(u for u in TemperatureUnit if str(u) == options.temperature_unit),
    )
    model = CompressorModel(panel)
    if options.running:
        model.start()
        model.advance(SETTLED_AFTER)
    return CompressorSimulator(
        model,
        unit=options.unit,
        speed=options.speed,
        line=line_of(options),
        think=options.think,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the simulator from the command line; returns the exit code."""
    parser = make_parser(
        "cpa1110-simulator", "Simulated Cryomech CPA compressor.", "tcp://127.0.0.1:1502"
    )
    parser.add_argument("--firmware", choices=("2", "3"), default="2", help="panel firmware series")
    parser.add_argument(
        "--unit", type=int, choices=range(1, 248), default=DEFAULT_RTU_UNIT, metavar="1..247",
        help="address on RTU; on TCP every address is answered",
    )  # fmt: skip
    parser.add_argument("--pressure-unit", choices=[str(u) for u in PressureUnit], default="psi")
    parser.add_argument(
        "--temperature-unit", choices=[str(u) for u in TemperatureUnit], default="F"
    )
    parser.add_argument(
        "--running", action="store_true", help="start as a compressor that runs since an hour"
    )
    add_line(parser)
    add_think(parser)
    return run_simulator(parser, _build, argv)
