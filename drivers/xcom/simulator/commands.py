"""What can be done at a simulated site while it runs, by typed commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ...core.simulation.commands import Command, CommandError, Run, echoing, number, plain
from .device import Condition, SimulatedDevice
from .moxa import Moxa
from .site import SimulatedSite
from .supply import GridMode

_JUNK = b"\xff\x00\xaa\x55" + bytes(range(14, 64))
_AUTO = "auto"


class _Fixable(Protocol):
    """Something that somebody may hold at a value."""

    fixed: float | None


class SiteCommands:
    """The commands of one simulator."""

    def __init__(self, site: SimulatedSite, moxa: Moxa, inject: Callable[[bytes], None]) -> None:
        self._site = site
        self._moxa = moxa
        self._inject = inject

    def all(self) -> Sequence[Command]:
        """Every command."""
        model = self._site.model
        conditions = "|".join(Condition)
        return (
            Command(f"device NAME {conditions}", "how a device answers", echoing(self._device)),
            Command("restart NAME", "power-cycles a device, RCC for the gateway", self._restart),
            Command("parameter NAME ID", "tells RAM, flash and flash writes", self._parameter),
            Command("message NAME TYPE", "stores a message of a device", self._message),
            Command("grid auto|on|off", "the source at AC-in", echoing(self._grid)),
            Command("sun PART|auto", "light, 0 to 1", self._fix(model.sky, 0.0, 1.0)),
            Command("load KW|auto", "what hangs on AC-out", self._fix(model.household, 0.0, 50.0)),
            Command("soc PERCENT", "state of charge", echoing(self._soc)),
            Command("clock SECONDS", "sets the site's clock, s since 1970", echoing(self._clock)),
            Command("card in|out|full", "the SD card of the gateway", echoing(self._card)),
            Command("busy", "the gateway is busy as while saving", plain(self._busy)),
            Command(
                "portal on|off [ADDRESS]", "a second master asks as well", echoing(self._portal)
            ),
            Command("junk", "sends junk on every line", plain(self._send_junk)),
            Command("site", "tells what the site does", plain(self._tell)),
        )

    def _device(self, words: Sequence[str]) -> None:
        device, word = self._named(words), " ".join(words[1:])
        if word not in [condition.value for condition in Condition]:
            known = ", ".join(condition.value for condition in Condition)
            raise CommandError(f"device needs a name and one of {known}")
        device.condition = Condition(word)

    async def _restart(self, words: Sequence[str]) -> str:
        device = self._named(words)
        if device is self._site.gateway.device:
            self._site.gateway.restart()
        else:
            device.restart()
        return words[0]

    async def _parameter(self, words: Sequence[str]) -> str:
        device = self._named(words)
        parameter = device.parameters.get(int(number(words[1:], 0.0, 99_999.0)))
        if parameter is None:
            raise CommandError(f"{words[0]} has no parameter {words[1]}")
        writes = sum(parameter.flash_writes.values())
        return f"ram {parameter.ram:g} flash {parameter.flash:g} flash writes {writes}"

    async def _message(self, words: Sequence[str]) -> str:
        device = self._named(words)
        self._site.message(int(number(words[1:], 0.0, 65_535.0)), device.address)
        return f"{self._site.gateway.messages.total} messages"

    def _grid(self, words: Sequence[str]) -> None:
        if len(words) != 1 or words[0] not in [mode.value for mode in GridMode]:
            raise CommandError("grid needs auto, on or off")
        self._site.model.generator.mode = GridMode(words[0])

    def _fix(self, what: _Fixable, low: float, high: float) -> Run:
        def fix(words: Sequence[str]) -> None:
            what.fixed = None if list(words) == [_AUTO] else number(words, low, high)

        return echoing(fix)

    def _soc(self, words: Sequence[str]) -> None:
        self._site.model.battery.soc = number(words, 0.0, 100.0) / 100.0

    def _clock(self, words: Sequence[str]) -> None:
        self._site.model.time = number(words, 0.0, 2.0**31)

    def _card(self, words: Sequence[str]) -> None:
        if len(words) != 1 or words[0] not in ("in", "out", "full"):
            raise CommandError("card needs in, out or full")
        self._site.gateway.card_present = words[0] != "out"
        self._site.gateway.card_full = words[0] == "full"

    def _busy(self) -> str:
        self._site.gateway.be_busy()
        return "busy"

    def _portal(self, words: Sequence[str]) -> None:
        if not words or words[0] not in ("on", "off"):
            raise CommandError("portal needs on or off, and may have its source address")
        source = int(number(words[1:], 0.0, 2.0**32 - 1)) if len(words) > 1 else 1
        self._moxa.let_portal_ask(words[0] == "on", source)

    def _send_junk(self) -> str:
        self._inject(_JUNK)
        return f"{len(_JUNK)} bytes"

    def _tell(self) -> str:
        self._site.catch_up()
        model = self._site.model
        sun = sum(one.power for one in model.solar)
        load = sum(one.power_out for one in model.xtenders)
        grid = sum(one.power_in for one in model.xtenders)
        return (
            f"pv {sun:.3f} kW load {load:.3f} kW ac-in {grid:.3f} kW "
            f"battery {model.battery.power:.0f} W {model.battery.voltage:.2f} V "
            f"soc {100.0 * model.battery.soc:.1f} % {model.cycle.phase.name.lower()}"
        )

    def _named(self, words: Sequence[str]) -> SimulatedDevice:
        self._site.catch_up()
        named = self._site.named
        if not words or words[0] not in named:
            raise CommandError(f"needs a device: {', '.join(named)}")
        return named[words[0]]
