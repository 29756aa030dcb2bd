"""A simulated battery cycler: `python -m drivers.arbin.simulator --channels 128`.

Behaves on the wire as arbin-protocol.md 11 asks. Users, unless others are given:
operator/operator, super/super (a super user), monitor/monitor (who may not control).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from ...core.errors import BadUrl
from ...core.simulation.console import Command, CommandError, run_simulator
from ...core.simulation.faults import BadFault, FaultSpec, parse_fault
from ...core.url import TcpUrl, parse_link
from ..settings import LINK_DEFAULTS
from ..words import AuxKind, Generation, UserType
from .channel import ChannelModel
from .model import REFRESH, USERS, Behaviour, CyclerModel, User
from .records import Wiring
from .server import FAULTS, RESTART_TIME, CyclerServer, WireStyle

DEFAULT_LINK = "tcp://127.0.0.1:9031"
GENERATIONS = {
    "mits7": Generation.MITS_7, "mits8": Generation.MITS_8, "mitsx": Generation.MITS_X_1,
}  # fmt: skip
_RIGHTS = {"control": (True, UserType.NORMAL), "super": (True, UserType.SUPER),
           "monitor": (False, UserType.NORMAL)}  # fmt: skip
_ON_OFF = {"on": True, "off": False}


class CyclerSimulator:
    """A cycler on the network with its control commands. Must be made in a running event loop."""

    def __init__(
        self, cycler: CyclerModel, style: WireStyle | None = None, file_link: str | None = None
    ) -> None:
        self.cycler = cycler
        self.server = CyclerServer(cycler, style)
        self._file_link = file_link

    async def listen(self, link: str) -> str:
        """Open an endpoint; returns the URL a client uses. Raises `BadUrl`, `OSError`."""
        actual = await self.server.listen(_tcp(link))
        if self._file_link is not None:
            await self.server.listen(_tcp(self._file_link), files=True)
            self._file_link = None
        return str(actual)

    async def set_fault(self, spec: FaultSpec) -> None:
        """Switch a fault on; raises `BadFault`."""
        await self.server.set_fault(spec)

    async def clear_fault(self) -> None:
        """Switch the fault off."""
        await self.server.clear_fault()

    async def close(self) -> None:
        """Stop serving."""
        await self.server.close()

    def commands(self) -> Sequence[Command]:
        """What can be done at this cycler while it runs."""
        return (
            Command("channel CH", "tells the state of a channel (from 1)", self._tell),
            Command("unsafe CH on|off", "latches or clears the unsafe state", self._unsafe),
            Command("unlink CH on|off", "cuts a channel off from its controller", self._unlink),
            Command("pause CH", "pauses the test, as at the cycler", self._pause),
            Command("charge CH PERCENT", "sets the state of charge", self._charge),
            Command("ambient DEGC", "room temperature", self._ambient),
            Command("dialog on|off", "the start window is open at the cycler", self._dialog),
            Command("calibration on|off", "the calibration window is open", self._calibration),
            Command("kick", "ends all sessions", self._kick),
            Command("cut", "ends the next reply, and its session, in the middle", self._cut),
            Command("restart [SECONDS]", "ends the program, starts it again", self._restart),
            Command("requests", "tells how many requests came", self._requests),
        )

    # -- commands

    def _channel(self, words: Sequence[str]) -> ChannelModel:
        count = len(self.cycler.channels)
        word = words[0] if words else ""
        number = int(word) if word.isascii() and word.isdecimal() and len(word) < 6 else 0
        channel = self.cycler.channel(number - 1)
        if channel is None:
            raise CommandError(f"{word!r} is not a channel from 1 to {count}")
        return channel

    async def _tell(self, words: Sequence[str]) -> str:
        one = self._channel(words)
        return (
            f"status {one.status.name} voltage {one.measured.voltage:.4f} "
            f"current {one.measured.current:.4f} charge {100.0 * one.battery.state:.2f} "
            f"temperature {one.battery.temperature:.2f} test {one.test_name!r} "
            f"step {one.step_text!r} exit {one.exit_condition!r}"
        )

    async def _unsafe(self, words: Sequence[str]) -> str:
        channel = self._channel(words)
        if _one_of(words[1:], _ON_OFF):
            channel.make_unsafe()
        else:
            channel.clear_unsafe()
        return " ".join(words)

    async def _unlink(self, words: Sequence[str]) -> str:
        channel = self._channel(words)
        channel.linked = not _one_of(words[1:], _ON_OFF)
        return " ".join(words)

    async def _pause(self, words: Sequence[str]) -> str:
        channel = self._channel(words)
        if not channel.running:
            raise CommandError(f"channel {words[0]} runs no test")
        channel.pause()
        return " ".join(words)

    async def _charge(self, words: Sequence[str]) -> str:
        battery = self._channel(words).battery
        battery.state = _number(words[1:], 0.0, 110.0) / 100.0
        return " ".join(words)

    async def _ambient(self, words: Sequence[str]) -> str:
        temperature = _number(words, -40.0, 120.0)
        for channel in self.cycler.channels:
            channel.battery.ambient = temperature
        return " ".join(words)

    async def _dialog(self, words: Sequence[str]) -> str:
        self.cycler.dialog_open = _one_of(words, _ON_OFF)
        return " ".join(words)

    async def _calibration(self, words: Sequence[str]) -> str:
        self.cycler.calibration_window = _one_of(words, _ON_OFF)
        return " ".join(words)

    async def _kick(self, words: Sequence[str]) -> str:
        del words
        sessions = len(self.server.sessions)
        self.server.kick_out()
        return f"ended {sessions} sessions"

    async def _cut(self, words: Sequence[str]) -> str:
        del words
        self.server.cut_next = True
        return "the next reply"

    async def _restart(self, words: Sequence[str]) -> str:
        seconds = _number(words, 0.0, 3600.0) if words else RESTART_TIME
        self.server.restart(seconds)
        return f"back in {seconds:g} s"

    async def _requests(self, words: Sequence[str]) -> str:
        del words
        server = self.server
        counts = " ".join(f"{code.name} {n}" for code, n in sorted(server.requests.items()))
        return f"writes {server.writes} crashes {server.crashes} {counts}".rstrip()


def _tcp(link: str) -> TcpUrl:
    url = parse_link(link, LINK_DEFAULTS, any_port=True)
    if not isinstance(url, TcpUrl) or url.rtu:
        raise BadUrl(link, "a simulated cycler serves TCP", "tcp://127.0.0.1:0")
    return url


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


def _build(options: argparse.Namespace) -> CyclerSimulator:
    behaviour = Behaviour(
        channels=options.channels,
        wiring=Wiring(dict(options.aux), options.bms, options.smb),
        users=tuple(options.user or USERS),
        most_users=options.most_users,
        generation=GENERATIONS[options.generation],
        refresh=options.refresh,
        speed=options.speed,
        download=options.download,
        one_by_one=options.one_by_one,
        whole_index=options.whole_index,
    )
    cycler = CyclerModel(behaviour)
    if options.running:
        cycler.start_some()
    style = WireStyle(options.think, options.split, options.old_token)
    return CyclerSimulator(cycler, style, options.file_link)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the simulator from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="arbin-simulator",
        description="Simulated Arbin battery cycler on CTI.",
        epilog=f"Faults: {', '.join(FAULTS)}; more by commands, see help.",
    )
    _add_cycler(parser)
    _add_wire(parser)
    parser.set_defaults(default_link=DEFAULT_LINK)
    return run_simulator(parser, _build, argv)


def _add_cycler(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--channels", type=_within(1, 4096), default=16, help="how many (default 16)")
    add("--aux", type=_aux, default="temperature=1,voltage=1", metavar="KIND=COUNT,...",
        help=f"aux values of each channel; kinds: {', '.join(k.name.lower() for k in AuxKind)} "
        "(default temperature=1,voltage=1)")  # fmt: skip
    add("--bms", type=_within(0, 200), default=0, help="BMS values of each channel")
    add("--smb", type=_within(0, 200), default=0, help="SMB values of each channel")
    add("--running", action="store_true", help="start with every other channel under test")
    add("--user", action="append", type=_user, metavar="NAME:PASSWORD:RIGHTS",
        help=f"who may log in, for the simulator only; rights: {', '.join(_RIGHTS)}")  # fmt: skip
    add("--most-users", type=_within(1, 1000), default=58, help="logged in at a time")
    add("--generation", choices=GENERATIONS, default="mits8", help="of the program")
    add("--refresh", type=_seconds(0.0, 60.0), default=REFRESH,
        help="seconds between two views of the channels (default 3; 0: each request)")  # fmt: skip
    add("--speed", type=_seconds(0.0, 10_000.0), default=1.0, help="of the simulated time")
    add("--download", type=_seconds(0.0, 600.0), default=0.0,
        help="seconds for which a controller loads a schedule")  # fmt: skip


def _add_wire(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--link", action="append", metavar="URL", help=f"endpoint (default {DEFAULT_LINK})")
    add("--file-link", metavar="URL", help="answer file commands on this port only")
    add("--think", type=_seconds(0.0, 60.0), default=0.0, help="seconds before each answer")
    add("--split", type=_within(0, 1 << 20), default=0, help="bytes of each piece of a reply")
    add("--one-by-one", action="store_true", help="one reply for each channel of a request for all")
    add("--whole-index", action="store_true", help="START succeeds with channel -1")
    add("--old-token", action="store_true", help="replies begin with eight bytes 0xDD")
    add("--fault", type=_fault, metavar="NAME[=VALUE][:COUNT][@reads|@writes]")
    add("--control", metavar="tcp://127.0.0.1:0", help="also take control commands on this port")


def _within(low: int, high: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, {low} to {high}")
        return int(text)

    return convert


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
        return value

    return convert


def _aux(text: str) -> tuple[tuple[AuxKind, int], ...]:
    kinds = {kind.name.lower(): kind for kind in AuxKind}
    found: list[tuple[AuxKind, int]] = []
    for part in filter(None, text.split(",")):
        name, _, count = part.partition("=")
        if name not in kinds or not count.isdecimal() or int(count) > 64:
            raise argparse.ArgumentTypeError(
                f"{part!r} is not KIND=COUNT, the count up to 64, the kind of {', '.join(kinds)}"
            )
        found.append((kinds[name], int(count)))
    return tuple(found)


def _user(text: str) -> User:
    name, _, rest = text.partition(":")
    password, _, rights = rest.rpartition(":")
    if not name or not password or rights not in _RIGHTS:
        raise argparse.ArgumentTypeError(
            f"not of the form NAME:PASSWORD:RIGHTS, with rights of {', '.join(_RIGHTS)}"
        )
    return User(name, password, *_RIGHTS[rights])


def _fault(text: str) -> FaultSpec:
    try:
        return parse_fault(text)
    except BadFault as error:
        raise argparse.ArgumentTypeError(str(error)) from None
