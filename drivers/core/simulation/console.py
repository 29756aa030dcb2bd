"""The command line all simulators share: endpoints, line speed, faults, control while running.

On start one line per endpoint goes to stdout, such as `listening tcp://127.0.0.1:41234`,
`listening serial:///dev/pts/5?...` or `control tcp://127.0.0.1:45678`. Control commands are lines
on stdin, or on the control port; each is answered by one line that starts with `ok` or `error`.
SIGTERM and SIGINT end a simulator with exit code 0.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import selectors
import signal
import stat
import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeAlias

from ..errors import BadUrl
from ..url import Parity, SerialLine, TcpUrl, parse_link
from .commands import Command, CommandError
from .faults import FAULT_HELP, BadFault, Fault, FaultSpec, parse_fault
from .simulator import Simulator

MODBUS_LINKS = "tcp://HOST:PORT, rtu+tcp://HOST:PORT (port 0 picks a free one) or pty"
_LONGEST_GOODBYE = 1.0


Build: TypeAlias = Callable[[argparse.Namespace], Simulator[Any]]


def make_parser(
    prog: str,
    description: str,
    default_link: str,
    links: str = MODBUS_LINKS,
    *,
    faults: Collection[Fault] = tuple(Fault),
    slowest: float = 0.001,
) -> argparse.ArgumentParser:
    """A parser with the options every simulator has; instruments add their own.

    `links` are the endpoints that `--link` takes, for its help; `slowest` is the lowest `--speed`.
    """
    known = "; ".join(f"{fault}: {FAULT_HELP[fault]}" for fault in faults)
    parser = argparse.ArgumentParser(prog=prog, description=description, epilog=f"Faults: {known}.")
    add = parser.add_argument
    add("--link", action="append", metavar="URL", help=f"endpoint to serve: {links}; may be given "
        f"several times (default {default_link})")  # fmt: skip
    add("--speed", type=number_within(slowest, 10_000.0), default=1.0,
        help="how much faster the simulated time runs")  # fmt: skip
    add("--fault", type=_fault, metavar="NAME[=VALUE][:COUNT][@reads|@writes]",
        help="fault to start with")  # fmt: skip
    add("--control", metavar="tcp://127.0.0.1:0", help="also take control commands on this port")
    parser.set_defaults(default_link=default_link)
    return parser


def add_think(parser: argparse.ArgumentParser, default: float = 0.0) -> None:
    """Add the time that an instrument takes for an answer."""
    parser.add_argument(
        "--think", type=number_within(0.0, 60.0), default=default,
        help="seconds between request and answer",
    )  # fmt: skip


def add_line(parser: argparse.ArgumentParser) -> None:
    """Add the serial line at whose speed bytes move."""
    parser.add_argument(
        "--baud", type=whole_within(50, 4_000_000),
        help="move bytes at the speed of a serial line (default: at once)",
    )  # fmt: skip
    parser.add_argument(
        "--line", type=_framing, default=("N", 1), metavar="8N1", help="framing used with --baud"
    )


def line_of(options: argparse.Namespace) -> SerialLine | None:
    """The serial line of `--baud` and `--line`, None without `--baud`."""
    if options.baud is None:
        return None
    parity, stop = options.line
    return SerialLine(options.baud, parity, 8, stop)


def run_simulator(parser: argparse.ArgumentParser, build: Build, argv: Sequence[str] | None) -> int:
    """Parse the command line, serve until a signal, return the exit code."""
    options = parser.parse_args(argv)
    try:
        with asyncio.Runner(loop_factory=exact_loop) as runner:
            return runner.run(_serve(options, build))
    except (BadUrl, BadFault, OSError) as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 2


def exact_loop() -> asyncio.AbstractEventLoop:
    """An event loop that waits with `select`, whose timers are true to microseconds.

    The usual one may wake 1 ms late, as long as 11 characters take at 115200 baud.
    """
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def _serve(options: argparse.Namespace, build: Build) -> int:
    simulator = build(options)
    console = Console(simulator)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        for link in options.link or [options.default_link]:
            _say(f"listening {await simulator.listen(link)}")
        if options.fault is not None:
            await simulator.set_fault(options.fault)
        if options.control is not None:
            _say(f"control {await console.listen(options.control)}")
        typed = asyncio.create_task(_typed_commands(console))
        await stop.wait()
        typed.cancel()
    finally:
        await console.close()
        await simulator.close()
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _typed_commands(console: Console) -> None:
    if not _somebody_types():
        return
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        text = line.decode(errors="replace").strip()
        if text:
            _say(await console.execute(text))


def _somebody_types() -> bool:
    """True if stdin is a terminal or a pipe, not a file, closed or /dev/null."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(0)


class Console:
    """Executes control commands, typed or over a loopback port."""

    def __init__(self, simulator: Simulator[Any]) -> None:
        self._simulator = simulator
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        own = [
            Command("help", "lists the commands", self._help),
            Command("fault SPEC | clear", "switches a fault on or off", self._fault),
        ]
        self._commands = {command.name: command for command in [*own, *simulator.commands()]}

    async def execute(self, line: str) -> str:
        """Run one command line; returns one line that starts with `ok` or `error`."""
        words = line.split()
        command = self._commands.get(words[0]) if words else None
        if command is None:
            return f"error unknown command {line!r}, known are {', '.join(self._commands)}"
        try:
            return f"ok {await command.run(words[1:])}".rstrip()
        except (CommandError, BadFault) as error:
            return f"error {error}"

    async def listen(self, url: str) -> TcpUrl:
        """Take commands on a TCP port, one per line; returns the URL with the port."""
        where = parse_link(url, any_port=True)
        if not isinstance(where, TcpUrl) or where.rtu:
            raise BadUrl(url, "the control port is a plain TCP port", "tcp://127.0.0.1:0")
        self._server = await asyncio.start_server(self._serve, where.host, where.port)
        return TcpUrl(where.host, self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Close the control port and its connections."""
        if self._server is not None:
            self._server.close()
        for writer in self._clients.values():
            writer.close()
        if self._clients:
            await asyncio.wait(list(self._clients), timeout=_LONGEST_GOODBYE)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients[task] = writer
        try:
            async for line in reader:
                text = line.decode(errors="replace").strip()
                if text:
                    writer.write((await self.execute(text)).encode() + b"\n")
                    await writer.drain()
        except (ConnectionError, ValueError):
            # the client went away, or sent a line without end
            return
        finally:
            del self._clients[task]
            writer.close()

    async def _help(self, words: Sequence[str]) -> str:
        del words
        return "; ".join(f"{each.usage}: {each.help}" for each in self._commands.values())

    async def _fault(self, words: Sequence[str]) -> str:
        if list(words) == ["clear"]:
            await self._simulator.clear_fault()
            return "no fault"
        if len(words) != 1:
            raise CommandError(
                "fault needs one word: NAME[=VALUE][:COUNT][@reads|@writes] or clear"
            )
        spec = parse_fault(words[0])
        await self._simulator.set_fault(spec)
        return f"fault {spec.fault}"


def whole_within(low: int, high: int) -> Callable[[str], int]:
    """The type of an argument that is a whole number in a range."""

    def convert(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, {low} to {high}")
        return int(text)

    return convert


def number_within(low: float, high: float) -> Callable[[str], float]:
    """The type of an argument that is a number in a range."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
        return value

    return convert


def _framing(text: str) -> tuple[Parity, int]:
    parities: dict[str, Parity] = {"N": "N", "E": "E", "O": "O"}
    parity = parities.get(text[1:2].upper())
    if len(text) != 3 or text[0] != "8" or parity is None or text[2] not in "12":
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 8N1, 8E1, 8O1 or 8N2")
    return parity, int(text[2])


def _fault(text: str) -> FaultSpec:
    try:
        return parse_fault(text)
    except BadFault as error:
        raise argparse.ArgumentTypeError(str(error)) from None
