"""What can be done at a simulated site while it runs, by typed commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from ...core.simulation.console import Command, CommandError
from .device import Condition, SimulatedDevice
from .moxa import Moxa
from .site import SimulatedSite
from .supply import GridMode

_Run: TypeAlias = Callable[[Sequence[str]], Awaitable[str]]

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
            Command(f"device NAME {conditions}", "how a device answers", self._device),
            Command("restart NAME", "power-cycles a device, RCC for the gateway", self._restart),
            Command("parameter NAME ID", "tells RAM, flash and flash writes", self._parameter),
            Command("message NAME TYPE", "stores a message of a device", self._message),
            Command("grid auto|on|off", "the source at AC-in", self._grid),
            Command("sun PART|auto", "light, 0 to 1", self._fix(model.sky, 0.0, 1.0)),
            Command("load KW|auto", "what hangs on AC-out", self._fix(model.household, 0.0, 50.0)),
            Command("soc PERCENT", "state of charge", self._soc),
            Command("clock SECONDS", "sets the site's clock, s since 1970", self._clock),
            Command("card in|out|full", "the SD card of the gateway", self._card),
            Command("busy", "the gateway is busy as while saving", self._busy),
            Command("portal on|off [ADDRESS]", "a second master asks as well", self._portal),
            Command("disconnect", "resets all TCP connections", self._disconnect),
            Command("junk", "sends junk on every line", self._send_junk),
            Command("site", "tells what the site does", self._tell),
            Command("requests", "tells how many reads and writes were received", self._requests),
        )

    async def _device(self, words: Sequence[str]) -> str:
        device, word = self._named(words), " ".join(words[1:])
        if word not in [condition.value for condition in Condition]:
            known = ", ".join(condition.value for condition in Condition)
            raise CommandError(f"device needs a name and one of {known}")
        device.condition = Condition(word)
        return " ".join(words)

    async def _restart(self, words: Sequence[str]) -> str:
        device = self._named(words)
        if device is self._site.gateway.device:
            self._site.gateway.restart()
        else:
            device.restart()
        return words[0]

    async def _parameter(self, words: Sequence[str]) -> str:
        device = self._named(words)
        parameter = device.parameters.get(int(_number(words[1:], 0.0, 99_999.0)))
        if parameter is None:
            raise CommandError(f"{words[0]} has no parameter {words[1]}")
        writes = sum(parameter.flash_writes.values())
        return f"ram {parameter.ram:g} flash {parameter.flash:g} flash writes {writes}"

    async def _message(self, words: Sequence[str]) -> str:
        device = self._named(words)
        self._site.message(int(_number(words[1:], 0.0, 65_535.0)), device.address)
        return f"{self._site.gateway.messages.total} messages"

    async def _grid(self, words: Sequence[str]) -> str:
        if len(words) != 1 or words[0] not in [mode.value for mode in GridMode]:
            raise CommandError("grid needs auto, on or off")
        self._site.model.generator.mode = GridMode(words[0])
        return words[0]

    def _fix(self, what: _Fixable, low: float, high: float) -> _Run:
        async def run(words: Sequence[str]) -> str:
            what.fixed = None if list(words) == [_AUTO] else _number(words, low, high)
            return " ".join(words)

        return run

    async def _soc(self, words: Sequence[str]) -> str:
        self._site.model.battery.soc = _number(words, 0.0, 100.0) / 100.0
        return words[0]

    async def _clock(self, words: Sequence[str]) -> str:
        self._site.model.time = _number(words, 0.0, 2.0**31)
        return words[0]

    async def _card(self, words: Sequence[str]) -> str:
        if len(words) != 1 or words[0] not in ("in", "out", "full"):
            raise CommandError("card needs in, out or full")
        self._site.gateway.card_present = words[0] != "out"
        self._site.gateway.card_full = words[0] == "full"
        return words[0]

    async def _busy(self, words: Sequence[str]) -> str:
        del words
        self._site.gateway.be_busy()
        return "busy"

    async def _portal(self, words: Sequence[str]) -> str:
        if not words or words[0] not in ("on", "off"):
            raise CommandError("portal needs on or off, and may have its source address")
        source = int(_number(words[1:], 0.0, 2.0**32 - 1)) if len(words) > 1 else 1
        self._moxa.let_portal_ask(words[0] == "on", source)
        return " ".join(words)

    async def _disconnect(self, words: Sequence[str]) -> str:
        del words
        self._moxa.disconnect()
        return "disconnected"

    async def _send_junk(self, words: Sequence[str]) -> str:
        del words
        self._inject(_JUNK)
        return f"{len(_JUNK)} bytes"

    async def _tell(self, words: Sequence[str]) -> str:
        del words
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

    async def _requests(self, words: Sequence[str]) -> str:
        del words
        gateway = self._site.gateway
        return f"reads {gateway.reads} writes {gateway.writes}"

    def _named(self, words: Sequence[str]) -> SimulatedDevice:
        self._site.catch_up()
        named = self._site.named
        if not words or words[0] not in named:
            raise CommandError(f"needs a device: {', '.join(named)}")
        return named[words[0]]


def _number(words: Sequence[str], low: float, high: float) -> float:
    try:
        (word,) = words
        value = float(word)
    except ValueError:
        raise CommandError("needs one number at its end") from None
    if not low <= value <= high:
        raise CommandError(f"{word} is not from {low:g} to {high:g}")
    return value
