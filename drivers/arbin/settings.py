"""What the driver of a cycler is told by its configuration."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ..core.errors import BadUrl
from ..core.url import Defaults, TcpUrl, parse_link
from .protocol import PORT
from .words import AuxKind, Extra

LINK_DEFAULTS = Defaults(port=PORT)

MAX_CHANNELS = 1024
"""Channels that one IOC may have; the largest systems known have some hundreds."""

MAX_VALUES = 256
"""Values of one kind, aux, BMS or SMB, of one channel."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class AuxCounts:
    """How many auxiliary values of each kind the channel with most of them has.

    voltage: voltage inputs.
    temperature: temperature inputs.
    pressure: pressure inputs.
    external_charge: external chargers.
    flow: flow inputs.
    analog_out: analogue outputs.
    digital_in: digital inputs.
    digital_out: digital outputs.
    humidity: humidity inputs.
    safety: safety inputs.
    ph: pH inputs.
    density: density inputs.
    """

    voltage: int = 0
    temperature: int = 0
    pressure: int = 0
    external_charge: int = 0
    flow: int = 0
    analog_out: int = 0
    digital_in: int = 0
    digital_out: int = 0
    humidity: int = 0
    safety: int = 0
    ph: int = 0
    density: int = 0

    def __post_init__(self) -> None:
        for kind in AuxKind:
            _check(kind.name.lower(), self.of(kind), 0, MAX_VALUES)

    def of(self, kind: AuxKind) -> int:
        return int(getattr(self, kind.name.lower()))


@dataclass(frozen=True, slots=True)
class CyclerSettings:
    """Settings of a cycler, checked when made.

    link: URL of the cycler's computer: `tcp://host`, port 9031 if left out.
    channels: number of channels, 1 to 1024; as the cycler says at login if left out.
    file_port: port for file commands if they need one of their own, 9032 on some cyclers.
    user_variable: name of the environment variable that holds the user's name.
    password_variable: name of the environment variable that holds the password.
    credentials_file: file with user and password that only its owner can read, instead of these.
    allow_control: whether channels may be controlled; the user needs permission as well.
    allow_every_channel: whether commands to all channels at once may be used.
    allow_file_changes: whether files may be uploaded and deleted, and folders made.
    allow_calibration: whether the calibration may be started.
    may_be_kicked_out: told to the cycler before the login, unless left out.
    aux: whether auxiliary values are read.
    bms: whether values of batteries' management systems are read.
    smb: whether values of smart batteries are read.
    aux_counts: how many auxiliary values there are, by the first answer if left out.
    bms_count: how many values of a management system there are, by the first answer if left out.
    smb_count: how many values of a smart battery there are, by the first answer if left out.
    timeout: seconds for one answer, 0.1 to 120.
    connect_timeout: seconds for the connection, 0.1 to 120.
    confirm_timeout: seconds for a channel's status to follow a command, 1 to 120.
    refresh: seconds in which the cycler renews what it reports, 0.1 to 60.

    Raises ValueError (a bad link: `BadUrl`) that names the setting and what would be right.
    """

    link: str
    channels: int | None = None
    file_port: int | None = None
    user_variable: str = "LABIOC_ARBIN_USER"
    password_variable: str = "LABIOC_ARBIN_PASSWORD"
    credentials_file: str | None = None
    allow_control: bool = False
    allow_every_channel: bool = False
    allow_file_changes: bool = False
    allow_calibration: bool = False
    may_be_kicked_out: bool | None = None
    aux: bool = True
    bms: bool = False
    smb: bool = False
    aux_counts: AuxCounts | None = None
    bms_count: int | None = None
    smb_count: int | None = None
    timeout: float = 10.0
    connect_timeout: float = 30.0
    confirm_timeout: float = 15.0
    refresh: float = 3.0

    def __post_init__(self) -> None:
        if self.channels is not None:
            _check("channels", self.channels, 1, MAX_CHANNELS)
        if self.file_port is not None:
            _check("file_port", self.file_port, 1, 65535)
        for name in ("user_variable", "password_variable"):
            value = getattr(self, name)
            if _VARIABLE.fullmatch(value) is None:
                # a password written here by mistake must not be shown
                raise ValueError(f"{name} must be the name of an environment variable")
        if self.credentials_file == "":
            raise ValueError("credentials_file is empty: leave it out, or give the path of a file")
        for name in ("bms_count", "smb_count"):
            count = getattr(self, name)
            if count is not None:
                _check(name, count, 0, MAX_VALUES)
        _check("timeout", self.timeout, 0.1, 120.0)
        _check("connect_timeout", self.connect_timeout, 0.1, 120.0)
        _check("confirm_timeout", self.confirm_timeout, 1.0, 120.0)
        _check("refresh", self.refresh, 0.1, 60.0)
        if self.confirm_timeout < self.refresh:
            shortest = f"the {self.refresh:g} s of refresh"
            raise ValueError(f"confirm_timeout {self.confirm_timeout:g} is less than {shortest}")
        _ = self.url

    @property
    def url(self) -> TcpUrl:
        """The link, parsed."""
        url = parse_link(self.link, LINK_DEFAULTS)
        if not isinstance(url, TcpUrl) or url.rtu:
            raise BadUrl(self.link, "a cycler is reached by tcp://", "tcp://192.168.1.20:9031")
        return url

    @property
    def file_url(self) -> TcpUrl:
        """Where file commands go."""
        return TcpUrl(self.url.host, self.file_port or self.url.port)

    @property
    def extra(self) -> Extra:
        """What the cycler is asked for besides the values of the channels themselves."""
        wanted = Extra.AUX if self.aux else Extra.NONE
        wanted |= Extra.BMS if self.bms else Extra.NONE
        return wanted | (Extra.SMB if self.smb else Extra.NONE)


def _check(name: str, value: float, low: float, high: float) -> None:
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{name} {value:g} is not from {low:g} to {high:g}")
