"""What a compressor's driver is told by its configuration."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..core.errors import BadUrl
from ..core.url import Defaults, LinkUrl, SerialLine, SerialUrl, TcpUrl, parse_link
from .protocol import (
    DEFAULT_BAUD,
    DEFAULT_RTU_UNIT,
    DEFAULT_TCP_PORT,
    DEFAULT_TCP_UNIT,
    Measurements,
)
from .units import PressureUnit

LINK_DEFAULTS = Defaults(port=DEFAULT_TCP_PORT, line=SerialLine(DEFAULT_BAUD, "N", 8, 1))
"""Port 502; 115200 8N1 on a serial line (cpa1110-protocol.md 1: some panels use 9600 8E1)."""


@dataclass(frozen=True, slots=True)
class CompressorSettings:
    """Settings of a compressor, checked when made.

    link: URL: `tcp://host`, `rtu+tcp://host:4001` or `serial:///dev/ttyUSB0?baud=115200`.
    unit: Modbus address, 0 to 255 on TCP (default 1), 1 to 247 on RTU (default 16).
    pressure_unit: unit of all pressures that are reported, whatever the panel shows.
    timeout: seconds for one answer, 0.05 to 60.
    confirm_timeout: seconds for the state to follow a start or stop, 0.5 to 60.
    snapshot_age: seconds after which a reading is too old to start on, 0.1 to 60.
    measurements: on 3.x panels, from the float words or the integers of 0.1 unit.

    Raises ValueError (a bad link: `BadUrl`) that names the setting and what would be right.
    """

    link: str
    unit: int | None = None
    pressure_unit: PressureUnit = PressureUnit.BAR
    timeout: float = 1.0
    confirm_timeout: float = 5.0
    snapshot_age: float = 5.0
    measurements: Measurements = Measurements.FLOAT

    def __post_init__(self) -> None:
        _check("timeout", self.timeout, 0.05, 60.0)
        _check("confirm_timeout", self.confirm_timeout, 0.5, 60.0)
        _check("snapshot_age", self.snapshot_age, 0.1, 60.0)
        if not isinstance(self.url, TcpUrl | SerialUrl):
            example = "tcp://192.168.1.20:502"
            raise BadUrl(self.link, "Modbus needs tcp://, rtu+tcp:// or serial://", example)
        low, high = (1, 247) if self.rtu else (0, 255)
        if not low <= self.address <= high:
            raise ValueError(f"unit {self.unit} is not from {low} to {high}")

    @property
    def url(self) -> LinkUrl:
        """The link, parsed."""
        return parse_link(self.link, LINK_DEFAULTS)

    @property
    def rtu(self) -> bool:
        """True if the panel is asked in RTU frames."""
        url = self.url
        return not isinstance(url, TcpUrl) or url.rtu

    @property
    def address(self) -> int:
        """The Modbus address that is used."""
        if self.unit is not None:
            return self.unit
        return DEFAULT_RTU_UNIT if self.rtu else DEFAULT_TCP_UNIT


def _check(name: str, value: float, low: float, high: float) -> None:
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{name} {value:g} is not from {low:g} to {high:g}")
