"""A CAN line with simulated modules on it, its ports, and what can be done to it while it runs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from ...core.can import CanFrame
from ...core.errors import BadUrl
from ...core.simulation.can_line import SimulatedLine
from ...core.simulation.console import Command, CommandError
from ...core.simulation.faults import FaultBoard, FaultSpec
from ...core.simulation.slcan import SlcanAdapter
from ...core.simulation.socketcand import SocketcandServer
from ...core.simulation.virtual_can import VirtualGateway
from ...core.url import CanUrl, parse_link
from ..items import ITEMS
from ..protocol import ADDRESSES
from .model import ModuleModel
from .module import FAULTS, SimulatedModule

_Run: TypeAlias = Callable[[Sequence[str]], Awaitable[str]]

LINKS = "slcan-pty, slcan-pty:/PATH/OF/A/LINK, socketcand://127.0.0.1:0 or can://virtual/NAME"
_FOREIGN_PERIOD = 0.02


class CrateSimulator:
    """A line with modules on it. Must be made in a running event loop."""

    def __init__(
        self,
        models: Sequence[ModuleModel],
        *,
        bitrate: int = 125_000,
        paced: bool = False,
        latency: float = 0.001,
        speed: float = 1.0,
        announce_every: float = 3.0,
        forget_after: float = 60.0,
    ) -> None:
        self.line = SimulatedLine(bitrate, paced=paced)
        self.faults = FaultBoard(FAULTS)
        self.modules = [
            SimulatedModule(
                self.line,
                model,
                self.faults,
                latency=latency,
                speed=speed,
                announce_every=announce_every,
                forget_after=forget_after,
            )
            for model in models
        ]
        self.adapters: list[SlcanAdapter] = []
        self._servers: list[SocketcandServer] = []
        self._gateways: list[VirtualGateway] = []
        self._stranger = self.line.attach("stranger", lambda _frame: None)
        self._talking: asyncio.Task[None] | None = None

    # -- what a simulator offers

    async def listen(self, link: str) -> str:
        """Open an endpoint; returns the URL a client opens. Raises `BadUrl`, `OSError`."""
        kind, _, rest = link.partition(":")
        if kind == "slcan-pty":
            adapter = SlcanAdapter(self.line, Path(rest) if rest else None)
            self.adapters.append(adapter)
            return str(adapter.url)
        if kind == "socketcand":
            server = SocketcandServer(self.line)
            host, _, port = rest.removeprefix("//").rpartition(":")
            if not host or not port.isdecimal() or int(port) > 0xFFFF:
                raise BadUrl(link, "host and port are missing", "socketcand://127.0.0.1:0")
            self._servers.append(server)
            return str(await server.listen(host, int(port)))
        if link.startswith("can://virtual/"):
            url = parse_link(link)
            assert isinstance(url, CanUrl)
            gateway = VirtualGateway(self.line, url.channel)
            self._gateways.append(gateway)
            return str(await gateway.open())
        raise BadUrl(link, "a simulator serves SLCAN, socketcand or a virtual bus", LINKS)

    async def set_fault(self, spec: FaultSpec) -> None:
        """Switch a fault of all modules on; raises `BadFault`."""
        self.faults.set(spec)

    async def clear_fault(self) -> None:
        """Switch the fault off."""
        self.faults.clear()

    async def close(self) -> None:
        """Stop."""
        self.chatter(False)
        for module in self.modules:
            module.close()
        for gateway in self._gateways:
            await gateway.close()
        for each in (*self.adapters, *self._servers):
            each.close()
        self.line.close()

    def commands(self) -> Sequence[Command]:
        """What can be done on this line while it runs."""
        on_off = {"on": True, "off": False}
        of_channel = (
            Command(
                "trip M0 CH3",
                "trips a channel",
                self._on_channel(lambda m, n: m.channels[n].trip()),
            ),
            Command("load M0 CH3 OHM", "sets the load of a channel", self._load),
            Command("inhibit M0 CH3 on|off", "external inhibit of a channel", self._inhibit),
            Command("channel M0 CH3", "tells the state of a channel", self._tell_channel),
        )
        of_module = (
            Command("loop M0 open|close", "safety loop", self._loop),
            Command("temperature M0 DEGC", "board temperature", self._temperature),
            Command("supply M0 VOLT", "supply +24 V", self._supply),
            Command("silence M0 on|off", "a module that is off", self._silence),
            Command("restart M0", "power-cycles a module", self._restart),
            Command("alarm M0", "sends an active frame", self._alarm),
            Command("refuse M0 ID|clear", "an item, such as 4123, it does not have", self._refuse),
        )
        of_line = (
            Command(
                "foreign on|off", "frames of others on the line", self._choice(on_off, self.chatter)
            ),
            Command("busoff on|off", "breaks the line", self._choice(on_off, self.line.break_down)),
            Command("unplug", "takes the adapter away", self._unplug),
            Command("replug", "plugs it in again", self._replug),
            Command(
                "echo on|off",
                "the adapter hands back what is sent",
                self._choice(on_off, self._echo),
            ),
            Command("garbage", "the adapter sends junk", self._garbage),
            Command("requests", "tells how many requests and writes came", self._requests),
        )
        return (*of_channel, *of_module, *of_line)

    # -- commands

    def module(self, word: str) -> SimulatedModule:
        """A module by its place, as `M0`."""
        number = word[1:]
        if word[:1] != "M" or not number.isdecimal() or int(number) >= len(self.modules):
            raise CommandError(f"{word!r} is not a module from M0 to M{len(self.modules) - 1}")
        return self.modules[int(number)]

    def _channel(self, words: Sequence[str]) -> tuple[SimulatedModule, int]:
        if len(words) < 2:
            raise CommandError("needs a module and a channel, such as M0 CH3")
        module = self.module(words[0])
        number, count = words[1][2:], len(module.model.channels)
        if words[1][:2] != "CH" or not number.isdecimal() or int(number) >= count:
            raise CommandError(f"{words[1]!r} is not a channel from CH0 to CH{count - 1}")
        module.catch_up()
        return module, int(number)

    def _on_channel(self, do: Callable[[ModuleModel, int], None]) -> _Run:
        async def run(words: Sequence[str]) -> str:
            module, number = self._channel(words)
            do(module.model, number)
            return " ".join(words)

        return run

    def _choice(self, choices: dict[str, bool], do: Callable[[bool], None]) -> _Run:
        async def run(words: Sequence[str]) -> str:
            do(_one_of(words, choices))
            return " ".join(words)

        return run

    async def _load(self, words: Sequence[str]) -> str:
        module, number = self._channel(words)
        module.model.channels[number].load = _number(words[2:], 1.0, 1e15)
        return " ".join(words)

    async def _inhibit(self, words: Sequence[str]) -> str:
        module, number = self._channel(words)
        module.model.inhibit(number, _one_of(words[2:], {"on": True, "off": False}))
        return " ".join(words)

    async def _tell_channel(self, words: Sequence[str]) -> str:
        module, number = self._channel(words)
        one = module.model.channels[number]
        return (
            f"voltage {one.voltage:g} set {one.voltage_set:g} on {int(one.on)} "
            f"status {one.status:04X} events {one.events:04X}"
        )

    async def _loop(self, words: Sequence[str]) -> str:
        module = self._addressed(words)
        module.model.safety_loop = _one_of(words[1:], {"open": False, "close": True})
        return " ".join(words)

    async def _temperature(self, words: Sequence[str]) -> str:
        module = self._addressed(words)
        module.model.temperature = _number(words[1:], -50.0, 150.0)
        return " ".join(words)

    async def _supply(self, words: Sequence[str]) -> str:
        module = self._addressed(words)
        module.model.supply_24v = _number(words[1:], 0.0, 50.0)
        return " ".join(words)

    async def _silence(self, words: Sequence[str]) -> str:
        module = self._addressed(words)
        module.silent = _one_of(words[1:], {"on": True, "off": False})
        return " ".join(words)

    async def _restart(self, words: Sequence[str]) -> str:
        self._addressed(words).restart()
        return " ".join(words)

    async def _alarm(self, words: Sequence[str]) -> str:
        self._addressed(words).alarm()
        return " ".join(words)

    async def _refuse(self, words: Sequence[str]) -> str:
        registers = self._addressed(words).registers
        if list(words[1:]) == ["clear"]:
            registers.refused.clear()
            return " ".join(words)
        numbers = [number for number in ITEMS if f"{number:04X}" in words[1:]]
        if len(words) != 2 or not numbers:
            raise CommandError("refuse needs a module and the four hex digits of an item")
        registers.refused.add(numbers[0])
        return " ".join(words)

    async def _unplug(self, words: Sequence[str]) -> str:
        del words
        for adapter in self.adapters:
            adapter.unplug()
        for server in self._servers:
            server.disconnect()
        return "unplugged"

    async def _replug(self, words: Sequence[str]) -> str:
        del words
        for adapter in self.adapters:
            adapter.plug_in()
        return " ".join(str(adapter.url) for adapter in self.adapters)

    async def _garbage(self, words: Sequence[str]) -> str:
        del words
        for adapter in self.adapters:
            adapter.inject(b"t20\xff\rZ" + bytes(range(14, 64)) + b"\r")
        return "sent"

    async def _requests(self, words: Sequence[str]) -> str:
        del words
        requests = sum(module.requests for module in self.modules)
        writes = sum(module.writes for module in self.modules)
        overlaps = sum(module.overlaps for module in self.modules)
        return f"requests {requests} writes {writes} overlaps {overlaps} frames {self.line.frames}"

    def _addressed(self, words: Sequence[str]) -> SimulatedModule:
        if not words:
            raise CommandError("needs a module, such as M0")
        module = self.module(words[0])
        module.catch_up()
        return module

    def _echo(self, on: bool) -> None:
        for adapter in self.adapters:
            adapter.echo = on

    def chatter(self, on: bool) -> None:
        """Let others use the line too: another module's traffic, garbage, a crate controller."""
        if self._talking is not None:
            self._talking.cancel()
            self._talking = None
        if on:
            self._talking = asyncio.ensure_future(self._chatter())

    async def _chatter(self) -> None:
        dice = random.Random(7)
        ours = {module.address for module in self.modules}
        theirs = [address for address in ADDRESSES if address not in ours]
        while True:
            base = dice.choice([0x200, 0x201, 0x600, 0x601]) + 8 * dice.choice(theirs)
            self._stranger.send(CanFrame(base, dice.randbytes(dice.randrange(9))))
            await asyncio.sleep(_FOREIGN_PERIOD)


def _number(words: Sequence[str], low: float, high: float) -> float:
    try:
        (word,) = words
        value = float(word)
    except ValueError:
        raise CommandError("needs one number at its end") from None
    if not low <= value <= high:
        raise CommandError(f"{word} is not from {low:g} to {high:g}")
    return value


def _one_of(words: Sequence[str], choices: dict[str, bool]) -> bool:
    if len(words) != 1 or words[0] not in choices:
        raise CommandError(f"needs one of {', '.join(choices)} at its end")
    return choices[words[0]]
