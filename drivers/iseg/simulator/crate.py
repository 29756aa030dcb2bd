"""A CAN line with simulated modules on it, its ports, and what can be done to it while it runs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from ...core.can import CanFrame
from ...core.errors import BadUrl
from ...core.simulation.can_line import SimulatedLine
from ...core.simulation.commands import (
    ON_OFF,
    Command,
    CommandError,
    Run,
    echoing,
    number,
    one_of,
    plain,
    switch,
)
from ...core.simulation.simulator import Simulator
from ...core.simulation.slcan import SlcanAdapter
from ...core.simulation.socketcand import serve_socketcand
from ...core.simulation.virtual_can import VirtualGateway
from ...core.url import CanUrl, parse_link
from ..items import ITEMS
from ..protocol import ADDRESSES
from .model import ModuleModel
from .module import FAULTS, SimulatedModule

LINKS = "slcan-pty, slcan-pty:/PATH/OF/A/LINK, socketcand://127.0.0.1:0 or can://virtual/NAME"
_FOREIGN_PERIOD = 0.02


class CrateSimulator(Simulator[CanFrame]):
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
        super().__init__(FAULTS)
        self.can = SimulatedLine(bitrate, paced=paced)
        self.modules = [
            SimulatedModule(
                self.can,
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
        self._gateways: list[VirtualGateway] = []
        self._stranger = self.can.attach("stranger", lambda _frame: None)
        self._talking: asyncio.Task[None] | None = None

    # -- what a simulator offers

    async def listen(self, link: str) -> str:
        """Open an endpoint; returns the URL a client opens. Raises `BadUrl`, `OSError`."""
        kind, _, rest = link.partition(":")
        if kind == "slcan-pty":
            adapter = SlcanAdapter(self.can, Path(rest) if rest else None)
            self.adapters.append(adapter)
            return str(adapter.url)
        if kind == "socketcand":
            host, _, port = rest.removeprefix("//").rpartition(":")
            if not host or not port.isdecimal() or int(port) > 0xFFFF:
                raise BadUrl(link, "host and port are missing", "socketcand://127.0.0.1:0")
            return str(await serve_socketcand(self.can, self.ports, host, int(port)))
        if link.startswith("can://virtual/"):
            url = parse_link(link)
            assert isinstance(url, CanUrl)
            gateway = VirtualGateway(self.can, url.channel)
            self._gateways.append(gateway)
            return str(await gateway.open())
        raise BadUrl(link, "a simulator serves SLCAN, socketcand or a virtual bus", LINKS)

    async def close(self) -> None:
        """Stop."""
        self.chatter(False)
        for module in self.modules:
            module.close()
        for gateway in self._gateways:
            await gateway.close()
        for adapter in self.adapters:
            adapter.close()
        await super().close()
        self.can.close()

    def commands(self) -> Sequence[Command]:
        """What can be done on this line while it runs."""
        of_channel = (
            Command("trip M0 CH3", "trips a channel", echoing(self._trip)),
            Command("load M0 CH3 OHM", "sets the load of a channel", echoing(self._load)),
            Command(
                "inhibit M0 CH3 on|off", "external inhibit of a channel", echoing(self._inhibit)
            ),
            Command("channel M0 CH3", "tells the state of a channel", self._tell_channel),
        )
        of_module = (
            Command("loop M0 open|close", "safety loop", echoing(self._loop)),
            Command("temperature M0 DEGC", "board temperature", echoing(self._temperature)),
            Command("supply M0 VOLT", "supply +24 V", echoing(self._supply)),
            Command("silence M0 on|off", "a module that is off", echoing(self._silence)),
            Command(
                "restart M0", "power-cycles a module", self._on_module(SimulatedModule.restart)
            ),
            Command("alarm M0", "sends an active frame", self._on_module(SimulatedModule.alarm)),
            Command(
                "refuse M0 ID|clear",
                "an item, such as 4123, it does not have",
                echoing(self._refuse),
            ),
        )
        of_line = (
            Command("foreign on|off", "frames of others on the line", switch(self.chatter)),
            Command("busoff on|off", "breaks the line", switch(self.can.break_down)),
            Command("unplug", "takes the adapter away", plain(self._unplug)),
            Command("replug", "plugs it in again", plain(self._replug)),
            Command("echo on|off", "the adapter hands back what is sent", switch(self._echo)),
            Command("garbage", "the adapter sends junk", plain(self._garbage)),
            Command("requests", "tells how many requests and writes came", plain(self._count)),
        )
        return (*of_channel, *of_module, *of_line)

    # -- commands

    def module(self, word: str) -> SimulatedModule:
        """A module by its place, as `M0`."""
        place = word[1:]
        if word[:1] != "M" or not place.isdecimal() or int(place) >= len(self.modules):
            raise CommandError(f"{word!r} is not a module from M0 to M{len(self.modules) - 1}")
        return self.modules[int(place)]

    def _channel(self, words: Sequence[str]) -> tuple[SimulatedModule, int]:
        if len(words) < 2:
            raise CommandError("needs a module and a channel, such as M0 CH3")
        module = self.module(words[0])
        place, count = words[1][2:], len(module.model.channels)
        if words[1][:2] != "CH" or not place.isdecimal() or int(place) >= count:
            raise CommandError(f"{words[1]!r} is not a channel from CH0 to CH{count - 1}")
        module.catch_up()
        return module, int(place)

    def _on_module(self, do: Callable[[SimulatedModule], None]) -> Run:
        return echoing(lambda words: do(self._addressed(words)))

    def _trip(self, words: Sequence[str]) -> None:
        module, channel = self._channel(words)
        module.model.channels[channel].trip()

    def _load(self, words: Sequence[str]) -> None:
        module, channel = self._channel(words)
        module.model.channels[channel].load = number(words[2:], 1.0, 1e15)

    def _inhibit(self, words: Sequence[str]) -> None:
        module, channel = self._channel(words)
        module.model.inhibit(channel, one_of(words[2:], ON_OFF))

    async def _tell_channel(self, words: Sequence[str]) -> str:
        module, place = self._channel(words)
        one = module.model.channels[place]
        return (
            f"voltage {one.voltage:g} set {one.voltage_set:g} on {int(one.on)} "
            f"status {one.status:04X} events {one.events:04X}"
        )

    def _loop(self, words: Sequence[str]) -> None:
        module = self._addressed(words)
        module.model.safety_loop = one_of(words[1:], {"open": False, "close": True})

    def _temperature(self, words: Sequence[str]) -> None:
        module = self._addressed(words)
        module.model.temperature = number(words[1:], -50.0, 150.0)

    def _supply(self, words: Sequence[str]) -> None:
        module = self._addressed(words)
        module.model.supply_24v = number(words[1:], 0.0, 50.0)

    def _silence(self, words: Sequence[str]) -> None:
        module = self._addressed(words)
        module.silent = one_of(words[1:], ON_OFF)

    def _refuse(self, words: Sequence[str]) -> None:
        refused = self._addressed(words).registers.refused
        if list(words[1:]) == ["clear"]:
            refused.clear()
            return
        items = [item for item in ITEMS if f"{item:04X}" in words[1:]]
        if len(words) != 2 or not items:
            raise CommandError("refuse needs a module and the four hex digits of an item")
        refused.add(items[0])

    def _unplug(self) -> str:
        for adapter in self.adapters:
            adapter.unplug()
        for connection in list(self.ports.connections):
            connection.close()
        return "unplugged"

    def _replug(self) -> str:
        for adapter in self.adapters:
            adapter.plug_in()
        return " ".join(str(adapter.url) for adapter in self.adapters)

    def _garbage(self) -> str:
        for adapter in self.adapters:
            adapter.inject(b"t20\xff\rZ" + bytes(range(14, 64)) + b"\r")
        return "sent"

    def _count(self) -> str:
        requests = sum(module.requests for module in self.modules)
        writes = sum(module.writes for module in self.modules)
        overlaps = sum(module.overlaps for module in self.modules)
        return f"requests {requests} writes {writes} overlaps {overlaps} frames {self.can.frames}"

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
