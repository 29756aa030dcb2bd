"""Link addresses: where an instrument is and how its line is set, written as a URL.

| URL | What |
|---|---|
| `tcp://host:502` | TCP; for Modbus with the MBAP header |
| `rtu+tcp://host:4001` | Modbus RTU frames inside TCP (transparent serial servers) |
| `serial:///dev/ttyUSB0?baud=9600&parity=N&bits=8&stop=1` | serial line |
| `udp://host:4002?bind=4001` | UDP; `bind` is the local port |
| `tcp-listen://:4001` | the instrument connects to us |
| `can://socketcan/can0?bitrate=125000` | CAN of the Linux kernel |
| `can://slcan//dev/ttyACM0?bitrate=125000` | CAN adapter on a serial line |
| `can://socketcand/host:29536/can0` | CAN through a socketcand server |
| `can://pcan/PCAN_USBBUS1?bitrate=125000` | any other interface of python-can, by its name |
| `can://virtual/name` | CAN inside this process, for tests |

What a URL leaves out (port, line settings) comes from the instrument's `Defaults`. Every mistake is
a `BadUrl`. The parsed values are frozen, and `str()` gives a URL that parses to the same value.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, NoReturn, TypeAlias

from .errors import BadUrl

Parity: TypeAlias = Literal["N", "E", "O"]

EXAMPLES = {
    "tcp": "tcp://192.168.1.20:502",
    "rtu+tcp": "rtu+tcp://192.168.1.20:4001",
    "serial": "serial:///dev/ttyUSB0?baud=9600&parity=N",
    "udp": "udp://192.168.1.20:4002?bind=4001",
    "tcp-listen": "tcp-listen://:4001",
    "can": "can://socketcan/can0?bitrate=125000",
}
_CAN_EXAMPLES = {
    "socketcan": "can://socketcan/can0?bitrate=125000",
    "slcan": "can://slcan//dev/ttyACM0?bitrate=125000",
    "socketcand": "can://socketcand/192.168.1.20:29536/can0",
}
_SOCKETCAND_PORT = 29536
_CAN_OPTIONS = {
    "socketcan": {"bitrate"},
    "slcan": {"bitrate", "tty_baudrate", "sleep_after_open"},
    "socketcand": set[str](),
}
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9_.-]+)?")


@dataclass(frozen=True, slots=True)
class SerialLine:
    """Settings of a serial line: baud rate, parity N/E/O, 7 or 8 data bits, 1 or 2 stop bits."""

    baud: int = 9600
    parity: Parity = "N"
    bits: int = 8
    stop: int = 1

    @property
    def bits_per_character(self) -> int:
        """Bits on the wire for one byte: start bit, data, parity if any, stop bits."""
        return 1 + self.bits + (self.parity != "N") + self.stop

    @property
    def character_time(self) -> float:
        """Seconds one byte takes on the wire."""
        return self.bits_per_character / self.baud


@dataclass(frozen=True, slots=True)
class Defaults:
    """What an instrument assumes where the URL says nothing."""

    port: int | None = None
    rtu_port: int | None = None
    line: SerialLine = field(default_factory=SerialLine)
    bind: int | None = None
    bitrate: int | None = None


@dataclass(frozen=True, slots=True)
class TcpUrl:
    """A TCP connection we open; `rtu` means Modbus RTU frames inside."""

    host: str
    port: int
    rtu: bool = False

    def __str__(self) -> str:
        scheme = "rtu+tcp" if self.rtu else "tcp"
        return f"{scheme}://{_bracketed(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class SerialUrl:
    """A serial line on this machine; `device` is its path."""

    device: str
    line: SerialLine

    def __str__(self) -> str:
        one = self.line
        return (
            f"serial://{self.device}?baud={one.baud}&parity={one.parity}"
            f"&bits={one.bits}&stop={one.stop}"
        )


@dataclass(frozen=True, slots=True)
class UdpUrl:
    """A UDP peer; `bind` is the local port to receive on, None for any."""

    host: str
    port: int
    bind: int | None = None

    def __str__(self) -> str:
        tail = "" if self.bind is None else f"?bind={self.bind}"
        return f"udp://{_bracketed(self.host)}:{self.port}{tail}"


@dataclass(frozen=True, slots=True)
class ListenUrl:
    """A TCP port on which the instrument connects to us; an empty host means every address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"tcp-listen://{_bracketed(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class CanUrl:
    """A CAN bus: kernel interface, serial adapter, socketcand server, or what python-can has.

    `channel` is the interface name or the path of the adapter; `host` and `port` are used by
    socketcand only; `bitrate` (bit/s) is None where somebody else sets it up; `options`
    are further ones of python-can's interface, as they stand in the URL.
    """

    backend: str
    channel: str
    host: str = ""
    port: int = 0
    bitrate: int | None = None
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        middle = f"{_bracketed(self.host)}:{self.port}/" if self.backend == "socketcand" else ""
        bitrate = [] if self.bitrate is None else [("bitrate", str(self.bitrate))]
        query = "&".join(f"{name}={value}" for name, value in (*bitrate, *self.options))
        return f"can://{self.backend}/{middle}{self.channel}{'?' if query else ''}{query}"


LinkUrl: TypeAlias = TcpUrl | SerialUrl | UdpUrl | ListenUrl | CanUrl


def parse_link(text: str, defaults: Defaults | None = None, *, any_port: bool = False) -> LinkUrl:
    """Parse a link URL; `any_port` also takes port 0, for servers that pick a free one.

    Raises `BadUrl`, which names the bad part and shows a right URL.
    """
    return _Parser(text, defaults or Defaults(), any_port).parse()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class _Parser:
    def __init__(self, text: str, defaults: Defaults, any_port: bool) -> None:
        self._text = text
        self._defaults = defaults
        self._lowest_port = 0 if any_port else 1
        self._scheme, found, rest = text.partition("://")
        self._example = EXAMPLES.get(self._scheme, EXAMPLES["tcp"])
        if not found or self._scheme not in EXAMPLES:
            known = ", ".join(f"{name}://" for name in EXAMPLES)
            self._fail(f"it must start with one of {known}")
        self._where, _, query = rest.partition("?")
        self._options = self._split_options(query)

    def parse(self) -> LinkUrl:
        if self._scheme == "serial":
            return self._serial()
        if self._scheme == "can":
            return self._can()
        if self._scheme == "udp":
            self._allow({"bind"})
            host, port = self._host_and_port(self._where, self._defaults.port)
            bind = self._number("bind", 1, 65535, self._defaults.bind)
            return UdpUrl(host, port, bind)
        self._allow(set())
        if self._scheme == "tcp-listen":
            return ListenUrl(*self._host_and_port(self._where, self._defaults.port, listen=True))
        rtu = self._scheme == "rtu+tcp"
        default = self._defaults.rtu_port if rtu else self._defaults.port
        return TcpUrl(*self._host_and_port(self._where, default), rtu=rtu)

    def _fail(self, problem: str) -> NoReturn:
        raise BadUrl(self._text, problem, self._example)

    def _split_options(self, query: str) -> dict[str, str]:
        options: dict[str, str] = {}
        for part in query.split("&") if query else []:
            name, found, value = part.partition("=")
            if not found or not name or not value:
                self._fail(f"option {part!r} is not of the form name=value")
            if name in options:
                self._fail(f"option {name!r} is given twice")
            options[name] = value
        return options

    def _allow(self, names: Collection[str]) -> None:
        for name in self._options:
            if name not in names:
                known = ", ".join(sorted(names)) or "none"
                self._fail(f"unknown option {name!r} (known for {self._scheme}: {known})")

    def _number(self, name: str, low: int, high: int, default: int | None) -> int | None:
        text = self._options.get(name)
        return default if text is None else self._integer(name, text, low, high)

    def _integer(self, name: str, text: str, low: int, high: int) -> int:
        if re.fullmatch(r"[0-9]{1,9}", text) is None or not low <= int(text) <= high:
            self._fail(f"{name} {text!r} is not a whole number from {low} to {high}")
        return int(text)

    def _host_and_port(
        self, where: str, default: int | None, *, listen: bool = False
    ) -> tuple[str, int]:
        if "@" in where:  # nothing of what stands before it may be shown
            self._text = f"{self._scheme}://...@{where.rpartition('@')[2]}"
            self._fail("a link has no user and no password; instruments have settings for them")
        bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", where)
        if bracketed:
            host, port = bracketed[1], bracketed[2]
            if _IPV6.fullmatch(host) is None:
                self._fail(f"host {where!r} is not an IPv6 address in brackets")
        elif where.count(":") > 1:
            self._fail(f"host {where!r}: an IPv6 address needs brackets, like [::1]:502")
        else:
            host, found, rest = where.partition(":")
            port = rest if found else None
            self._check_host(host, listen)
        if port is None:
            if default is None:
                self._fail("the port is missing")
            return host, default
        return host, self._integer("port", port, self._lowest_port, 65535)

    def _check_host(self, host: str, listen: bool) -> None:
        if not host and listen:
            return
        if not host:
            self._fail("the host is missing")
        if _HOST.fullmatch(host) is None:
            self._fail(f"host {host!r} is neither a name nor an address")

    def _device(self, path: str) -> str:
        if not re.fullmatch(r"/[^?\s]*[^?\s/]", path):
            self._fail(f"device {path!r} is not an absolute path without spaces")
        return path

    def _serial(self) -> SerialUrl:
        self._allow({"baud", "parity", "bits", "stop"})
        default = self._defaults.line
        parity = self._options.get("parity", default.parity).upper()
        if parity not in ("N", "E", "O"):
            self._fail(f"parity {parity!r} is not N, E or O")
        line = SerialLine(
            baud=self._number("baud", 50, 4_000_000, None) or default.baud,
            parity=parity,
            bits=self._number("bits", 7, 8, None) or default.bits,
            stop=self._number("stop", 1, 2, None) or default.stop,
        )
        return SerialUrl(self._device(self._where), line)

    def _can(self) -> CanUrl:
        backend, _, rest = self._where.partition("/")
        if re.fullmatch(r"[a-z][a-z0-9_]*", backend) is None:
            known = ", ".join((*_CAN_EXAMPLES, "virtual"))
            self._fail(f"CAN backend {backend!r} is not a name like {known}")
        self._example = _CAN_EXAMPLES.get(backend, self._example)
        self._allow(_CAN_OPTIONS.get(backend, self._options))
        bitrate = self._number("bitrate", 1_000, 1_000_000, self._defaults.bitrate)
        options = tuple((k, v) for k, v in self._options.items() if k != "bitrate")
        if backend == "slcan":
            self._number("tty_baudrate", 50, 4_000_000, None)
            self._seconds("sleep_after_open")
            return CanUrl("slcan", self._device(rest), bitrate=bitrate, options=options)
        if backend == "socketcan":
            return CanUrl("socketcan", self._can_interface(rest), bitrate=bitrate)
        if backend == "socketcand":
            address, _, channel = rest.partition("/")
            host, port = self._host_and_port(address, _SOCKETCAND_PORT)
            return CanUrl("socketcand", self._can_interface(channel), host, port)
        if re.fullmatch(r"[^\s]+", rest) is None:
            self._fail(f"CAN channel {rest!r} is not a name or a path without spaces")
        return CanUrl(backend, rest, bitrate=bitrate, options=options)

    def _seconds(self, name: str) -> None:
        text = self._options.get(name, "0")
        if re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,6})?", text) is None:
            self._fail(f"{name} {text!r} is not a number of seconds such as 0.5")

    def _can_interface(self, name: str) -> str:
        if re.fullmatch(r"[A-Za-z0-9_.-]{1,15}", name) is None:
            self._fail(f"CAN interface {name!r} is not a name like can0")
        return name
