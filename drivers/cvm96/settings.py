"""What the driver of a bus of CVM-96 meters is told by its configuration."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.errors import BadUrl
from ..core.url import EXAMPLES, Defaults, SerialLine, SerialUrl, TcpUrl, parse_link
from .blocks import check_max_registers
from .protocol import (
    DEFAULT_ADDRESS,
    DEFAULT_BAUD,
    DEFAULT_TCP_PORT,
    FRAME_LIMIT,
    READ_HOLDING,
    READ_INPUT,
    DemandMode,
)

LINK_DEFAULTS = Defaults(port=DEFAULT_TCP_PORT, line=SerialLine(DEFAULT_BAUD, "N", 8, 1))
"""Port 502; 9600 8N1 on a serial line (cvm96-protocol.md 1)."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,20}")
_LAST_ADDRESS = 247
_CHARACTERS_BESIDE_REGISTERS = 8 + 5
"""Of a request and an answer in RTU, without the registers (cvm96-protocol.md 6)."""


@dataclass(frozen=True, slots=True)
class MeterSettings:
    """One meter on the bus, checked when made.

    name: level of its names, such as Main in Main:L1:Voltage.
    address: Modbus address, 1 to 247, as set at the keypad.
    demand_mode: W, VA, A or A_per_phase, as set at the keypad (default: that of the bus).
    nominal_voltage: phase to neutral in V, for alarm limits (default: that of the bus).
    """

    name: str
    address: int
    demand_mode: DemandMode | None = None
    nominal_voltage: float | None = None

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise ValueError(f"name {self.name!r} is not 1 to 20 letters, digits, '_' or '-'")
        _check_address(self.address)
        _check_optional("nominal_voltage", self.nominal_voltage, 1.0, 1e6)


@dataclass(frozen=True, slots=True)
class Cvm96Settings:
    """Settings of a bus of meters, checked when made.

    link: URL: `serial:///dev/ttyUSB0?baud=9600`, `rtu+tcp://host:4001` or `tcp://host:502`.
    address: Modbus address of a single meter, whose names have no meter level (default 1).
    meters: several meters, each with name and address.
    demand_mode: what maximum demand is at the meters: W, VA, A or A_per_phase.
    nominal_voltage: phase to neutral in V, for alarm limits (default: no limits).
    nominal_frequency: Hz, for alarm limits (default: no limits).
    max_registers: largest read, an even number from 2 to 124; more than 40 on sister models only.
    function: Modbus function that reads, 4 or 3.
    timeout: seconds a meter may take for an answer beside its time on a serial line, 0.05 to 60.
    retries: how often a read is sent again at once if its answer is garbled, 0 to 2.

    Raises ValueError (a bad link: `BadUrl`) that names the setting and what would be right.
    """

    link: str
    address: int | None = None
    meters: tuple[MeterSettings, ...] = ()
    demand_mode: DemandMode = DemandMode.W
    nominal_voltage: float | None = None
    nominal_frequency: float | None = None
    max_registers: int = FRAME_LIMIT
    function: int = READ_INPUT
    timeout: float = 0.75
    retries: int = 1

    def __post_init__(self) -> None:
        _ = self.url
        if self.address is not None:
            _check_address(self.address)
            if self.meters:
                raise ValueError("address is for a single meter; with meters, each has its own")
        _check_unlike("name", [meter.name for meter in self.meters])
        _check_unlike("address", [meter.address for meter in self.meters])
        check_max_registers(self.max_registers)
        if self.function not in (READ_HOLDING, READ_INPUT):
            raise ValueError(f"function {self.function} is not {READ_INPUT} or {READ_HOLDING}")
        _check("timeout", self.timeout, 0.05, 60.0)
        _check("retries", self.retries, 0, 2)
        _check_optional("nominal_voltage", self.nominal_voltage, 1.0, 1e6)
        _check_optional("nominal_frequency", self.nominal_frequency, 45.0, 65.0)

    @property
    def url(self) -> SerialUrl | TcpUrl:
        """The link, parsed."""
        url = parse_link(self.link, LINK_DEFAULTS)
        if not isinstance(url, SerialUrl | TcpUrl):
            wanted = "meters need serial://, rtu+tcp:// or tcp://"
            raise BadUrl(self.link, wanted, EXAMPLES["serial"])
        return url

    @property
    def answer_timeout(self) -> float:
        """Seconds from sending a request to its whole answer, with the time on a serial line."""
        url = self.url
        if not isinstance(url, SerialUrl):
            return self.timeout
        characters = _CHARACTERS_BESIDE_REGISTERS + 2 * self.max_registers
        return self.timeout + characters * url.line.character_time

    @property
    def units(self) -> tuple[Unit, ...]:
        """The meters with all that is known of each."""
        if not self.meters:
            address = DEFAULT_ADDRESS if self.address is None else self.address
            return (Unit("", address, self.demand_mode, self.nominal_voltage),)
        return tuple(
            Unit(
                meter.name,
                meter.address,
                self.demand_mode if meter.demand_mode is None else meter.demand_mode,
                self.nominal_voltage if meter.nominal_voltage is None else meter.nominal_voltage,
            )
            for meter in self.meters
        )


@dataclass(frozen=True, slots=True)
class Unit:
    """A meter as the driver knows it; the name is empty if it is the only one."""

    name: str
    address: int
    demand_mode: DemandMode = DemandMode.W
    nominal_voltage: float | None = None


def _check_address(address: int) -> None:
    if not 1 <= address <= _LAST_ADDRESS:
        raise ValueError(f"address {address} is not from 1 to {_LAST_ADDRESS}")


def _check_unlike(what: str, found: Sequence[object]) -> None:
    twice = next((each for each in found if found.count(each) > 1), None)
    if twice is not None:
        raise ValueError(f"meters have the {what} {twice!r} more than once")


def _check(name: str, value: float, low: float, high: float) -> None:
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{name} {value:g} is not from {low:g} to {high:g}")


def _check_optional(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None:
        _check(name, value, low, high)
