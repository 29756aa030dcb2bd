"""A simulated battery cycler: `python -m drivers.arbin.simulator --channels 128`.

Behaves on the wire as arbin-protocol.md 11 asks. Users, unless others are given:
operator/operator, super/super (a super user), monitor/monitor (who may not control).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ...core.simulation.commands import (
    ON_OFF,
    Command,
    CommandError,
    echoing,
    number,
    one_of,
    plain,
)
from ...core.simulation.console import (
    add_think,
    make_parser,
    number_within,
    run_simulator,
    whole_within,
)
from ..protocol import Code
from ..words import AuxKind, Generation, UserType
from .channel import ChannelModel
from .model import REFRESH, USERS, Behaviour, CyclerModel, User
from .records import Wiring
from .server import FAULTS, RESTART_TIME, CyclerServer

DEFAULT_LINK = "tcp://127.0.0.1:9031"
GENERATIONS = {
    "mits7": Generation.MITS_7, "mits8": Generation.MITS_8, "mitsx": Generation.MITS_X_1,
}  # fmt: skip
_RIGHTS = {"control": (True, UserType.NORMAL), "super": (True, UserType.SUPER),
           "monitor": (False, UserType.NORMAL)}  # fmt: skip


class CyclerSimulator(CyclerServer):
    """A cycler on the network with its control commands."""

    def commands(self) -> Sequence[Command]:
        """What can be done at this cycler while it runs."""
        return (
            Command("channel CH", "tells the state of a channel (from 1)", self._tell),
            Command(
                "unsafe CH on|off", "latches or clears the unsafe state", echoing(self._unsafe)
            ),
            Command(
                "unlink CH on|off", "cuts a channel off from its controller", echoing(self._unlink)
            ),
            Command("pause CH", "pauses the test, as at the cycler", echoing(self._pause)),
            Command("charge CH PERCENT", "sets the state of charge", echoing(self._charge)),
            Command("ambient DEGC", "room temperature", echoing(self._ambient)),
            Command(
                "dialog on|off", "the start window is open at the cycler", echoing(self._dialog)
            ),
            Command(
                "calibration on|off", "the calibration window is open", echoing(self._calibration)
            ),
            Command("kick", "ends all sessions", plain(self._kick)),
            Command("cut", "ends the next reply, and its session, in the middle", plain(self._cut)),
            Command("restart [SECONDS]", "ends the program, starts it again", self._restart),
            Command("requests", "tells how many requests came", plain(self._tell_requests)),
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

    def _unsafe(self, words: Sequence[str]) -> None:
        channel = self._channel(words)
        if one_of(words[1:], ON_OFF):
            channel.make_unsafe()
        else:
            channel.clear_unsafe()

    def _unlink(self, words: Sequence[str]) -> None:
        channel = self._channel(words)
        channel.linked = not one_of(words[1:], ON_OFF)

    def _pause(self, words: Sequence[str]) -> None:
        channel = self._channel(words)
        if not channel.running:
            raise CommandError(f"channel {words[0]} runs no test")
        channel.pause()

    def _charge(self, words: Sequence[str]) -> None:
        battery = self._channel(words).battery
        battery.state = number(words[1:], 0.0, 110.0) / 100.0

    def _ambient(self, words: Sequence[str]) -> None:
        temperature = number(words, -40.0, 120.0)
        for channel in self.cycler.channels:
            channel.battery.ambient = temperature

    def _dialog(self, words: Sequence[str]) -> None:
        self.cycler.dialog_open = one_of(words, ON_OFF)

    def _calibration(self, words: Sequence[str]) -> None:
        self.cycler.calibration_window = one_of(words, ON_OFF)

    def _kick(self) -> str:
        sessions = len(self.sessions)
        self.kick_out()
        return f"ended {sessions} sessions"

    def _cut(self) -> str:
        self.cut_next = True
        return "the next reply"

    async def _restart(self, words: Sequence[str]) -> str:
        seconds = number(words, 0.0, 3600.0) if words else RESTART_TIME
        self.restart(seconds)
        return f"back in {seconds:g} s"

    def _tell_requests(self) -> str:
        codes = [asked.code for asked in self.requests()]
        told = " ".join(
            f"{code.name} {codes.count(code)}" for code in sorted(Code) if code in codes
        )
        return f"writes {self.writes} crashes {self.crashes} {told}".rstrip()


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
    return CyclerSimulator(
        cycler,
        think=options.think,
        piece=options.split,
        old_token=options.old_token,
        file_link=options.file_link,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the simulator from the command line; returns the exit code."""
    parser = make_parser(
        "arbin-simulator",
        "Simulated Arbin battery cycler on CTI.",
        DEFAULT_LINK,
        "tcp://HOST:PORT (port 0 picks a free one)",
        faults=FAULTS,
        slowest=0.0,
    )
    add_think(parser)
    _add_cycler(parser)
    _add_wire(parser)
    return run_simulator(parser, _build, argv)


def _add_cycler(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--channels", type=whole_within(1, 4096), default=16, help="how many (default 16)")
    add("--aux", type=_aux, default="temperature=1,voltage=1", metavar="KIND=COUNT,...",
        help=f"aux values of each channel; kinds: {', '.join(k.name.lower() for k in AuxKind)} "
        "(default temperature=1,voltage=1)")  # fmt: skip
    add("--bms", type=whole_within(0, 200), default=0, help="BMS values of each channel")
    add("--smb", type=whole_within(0, 200), default=0, help="SMB values of each channel")
    add("--running", action="store_true", help="start with every other channel under test")
    add("--user", action="append", type=_user, metavar="NAME:PASSWORD:RIGHTS",
        help=f"who may log in, for the simulator only; rights: {', '.join(_RIGHTS)}")  # fmt: skip
    add("--most-users", type=whole_within(1, 1000), default=58, help="logged in at a time")
    add("--generation", choices=GENERATIONS, default="mits8", help="of the program")
    add("--refresh", type=number_within(0.0, 60.0), default=REFRESH,
        help="seconds between two views of the channels (default 3; 0: each request)")  # fmt: skip
    add("--download", type=number_within(0.0, 600.0), default=0.0,
        help="seconds for which a controller loads a schedule")  # fmt: skip


def _add_wire(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--file-link", metavar="URL", help="answer file commands on this port only")
    add("--split", type=whole_within(0, 1 << 20), default=0, help="bytes of each piece of a reply")
    add("--one-by-one", action="store_true", help="one reply for each channel of a request for all")
    add("--whole-index", action="store_true", help="START succeeds with channel -1")
    add("--old-token", action="store_true", help="replies begin with eight bytes 0xDD")


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
