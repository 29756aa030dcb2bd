"""What the driver of a crate is told by its configuration."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from ..core.errors import BadUrl
from ..core.url import CanUrl, Defaults, parse_link
from .protocol import ADDRESSES, MAX_CHANNELS

LINK_DEFAULTS = Defaults(bitrate=125_000)
"""The bit rate modules are delivered with (iseg-protocol.md 2)."""

_LONGEST_KEEP_ALIVE = 50.0
_NAME = re.compile(r"[A-Za-z0-9_-]{1,16}")


class Polarity(StrEnum):
    """Which sign set values of a module have.

    `auto` goes by the polarity item of the module if it has one, else by the sign of its nominal
    voltage, which negative modules report negative (iseg-protocol.md 8: inferred).
    """

    AUTO = "auto"
    POSITIVE = "positive"
    NEGATIVE = "negative"


@dataclass(frozen=True, slots=True)
class ModuleSettings:
    """One module.

    name: name in PVs, such as `M00`.
    address: 0 to 63; of single-board modules the slot number.
    channels: 1 to 48; asked of the module if left out.
    polarity: auto, positive or negative.
    """

    name: str
    address: int
    channels: int | None = None
    polarity: Polarity = Polarity.AUTO

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise ValueError(f"name {self.name!r} must be 1 to 16 of A-Z, a-z, 0-9, '_' and '-'")
        if self.address not in ADDRESSES:
            raise ValueError(f"address {self.address} is not from 0 to {ADDRESSES[-1]}")
        if self.channels is not None and not 1 <= self.channels <= MAX_CHANNELS:
            raise ValueError(f"channels {self.channels} is not from 1 to {MAX_CHANNELS}")


@dataclass(frozen=True, slots=True)
class CrateSettings:
    """Settings of the modules on one CAN line, checked when made.

    link: URL: `can://socketcan/can0?bitrate=125000`, `can://slcan//dev/ttyACM0?bitrate=125000`.
    modules: the modules on the line.
    timeout: seconds without a frame after which an answer counts as lost, 0.01 to 5.
    tries: how often a read is tried, 1 to 10. Writes are never repeated.
    confirm_timeout: seconds for a module to take a written value, 0.1 to 30.
    keep_alive: seconds after which a module that nobody asked is asked, 1 to 50.

    Raises ValueError (a bad link: `BadUrl`) that names the setting and what would be right.
    """

    link: str
    modules: tuple[ModuleSettings, ...]
    timeout: float = 0.1
    tries: int = 3
    confirm_timeout: float = 1.0
    keep_alive: float = 15.0

    def __post_init__(self) -> None:
        _check("timeout", self.timeout, 0.01, 5.0)
        _check("tries", self.tries, 1, 10)
        _check("confirm_timeout", self.confirm_timeout, 0.1, 30.0)
        _check("keep_alive", self.keep_alive, 1.0, _LONGEST_KEEP_ALIVE)
        if not self.modules:
            raise ValueError("modules must name at least one module")
        for what, values in (
            ("name", [module.name for module in self.modules]),
            ("address", [str(module.address) for module in self.modules]),
        ):
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"modules have the {what} {', '.join(twice)} more than once")
        _ = self.url

    @property
    def url(self) -> CanUrl:
        """The link, parsed."""
        url = parse_link(self.link, LINK_DEFAULTS)
        if not isinstance(url, CanUrl):
            raise BadUrl(
                self.link, "iseg modules are on a CAN bus", "can://socketcan/can0?bitrate=125000"
            )
        return url


def _check(name: str, value: float, low: float, high: float) -> None:
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{name} {value:g} is not from {low:g} to {high:g}")
