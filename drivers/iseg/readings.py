"""What is read from modules: frozen snapshots, in V, A, %, degC.

`None` stands for an item that the module does not have. NaN is a value that it could not give.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from .words import ChannelStatus, ModuleStatus

_FAULTS = (
    ChannelStatus.VOLTAGE_LIMIT
    | ChannelStatus.CURRENT_LIMIT
    | ChannelStatus.ARC_ERROR
    | ChannelStatus.INPUT_ERROR
)
_NEAR = 1e-3


class ChannelState(IntEnum):
    """A channel's status in one word."""

    OFF = 0
    RAMPING_UP = 1
    ON = 2
    RAMPING_DOWN = 3
    TRIPPED = 4
    INHIBITED = 5
    EMERGENCY_OFF = 6
    ERROR = 7


def state_of(status: int, voltage: float, target: float | None) -> ChannelState:
    """The state that a status word shows; what shut a channel off comes before on and off.

    The 16-bit status does not say which way a ramp goes: up, if the channel is on and its voltage
    is below the set value (`target`).
    """
    word = ChannelStatus(status)
    if word & ChannelStatus.EMERGENCY:
        return ChannelState.EMERGENCY_OFF
    if word & ChannelStatus.TRIP:
        return ChannelState.TRIPPED
    if word & ChannelStatus.EXTERNAL_INHIBIT:
        return ChannelState.INHIBITED
    if word & _FAULTS:
        return ChannelState.ERROR
    if word & ChannelStatus.RAMP:
        return ChannelState.RAMPING_UP if _rises(word, voltage, target) else _DOWN
    return ChannelState.ON if word & ChannelStatus.ON else ChannelState.OFF


_DOWN = ChannelState.RAMPING_DOWN


def _rises(word: ChannelStatus, voltage: float, target: float | None) -> bool:
    if word & (ChannelStatus.VOLTAGE_RAMP_UP | ChannelStatus.VOLTAGE_RAMP_DOWN):
        return bool(word & ChannelStatus.VOLTAGE_RAMP_UP)
    if not word & ChannelStatus.ON:
        return False
    return target is None or abs(voltage) < abs(target) * (1 - _NEAR)


@dataclass(frozen=True, slots=True)
class ChannelReading:
    """Measured values and status of one channel."""

    voltage: float | None
    current: float | None
    status: int
    state: ChannelState

    @property
    def on(self) -> bool:
        return bool(self.status & ChannelStatus.ON)

    @property
    def ramping(self) -> bool:
        """True while the output ramps."""
        return bool(self.status & ChannelStatus.RAMP)


@dataclass(frozen=True, slots=True)
class ModuleReading:
    """Measured values and status of a module and its channels, which may be fewer than expected."""

    status: int
    channels: tuple[ChannelReading | None, ...]

    @property
    def voltages(self) -> list[float]:
        """Measured voltages, V, of all channels; NaN where there is none."""
        found = (channel.voltage if channel else None for channel in self.channels)
        return [math.nan if value is None else value for value in found]

    @property
    def currents(self) -> list[float]:
        """Measured currents, A, of all channels; NaN where there is none."""
        found = (channel.current if channel else None for channel in self.channels)
        return [math.nan if value is None else value for value in found]

    @property
    def channels_on(self) -> int:
        return sum(channel is not None and channel.on for channel in self.channels)

    @property
    def channels_tripped(self) -> int:
        return sum(
            channel is not None and bool(channel.status & ChannelStatus.TRIP)
            for channel in self.channels
        )

    @property
    def max_voltage(self) -> float:
        """The highest measured voltage without its sign, V; NaN if there is none."""
        known = [abs(value) for value in self.voltages if value == value]
        return max(known, default=math.nan)

    @property
    def kill_enabled(self) -> bool:
        """True if the kill function is on: a channel above its current set trips."""
        return bool(self.status & ModuleStatus.KILL_ENABLE)


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """What a channel is set to, and its latched events."""

    voltage_set: float | None
    current_set: float | None
    events: int | None


@dataclass(frozen=True, slots=True)
class SettingsReading:
    """Events and set values of a module."""

    events: int | None
    channels: tuple[ChannelSettings | None, ...]


@dataclass(frozen=True, slots=True)
class ChannelParameters:
    """What seldom changes of a channel: V, A, V/s, ms; actions as in iseg-protocol.md 7.7."""

    voltage_nominal: float | None
    current_nominal: float | None
    voltage_bounds: float | None
    current_bounds: float | None
    ramp_up: float | None
    ramp_down: float | None
    module_ramp: float | None
    trip_time: int | None
    trip_action: int | None
    inhibit_action: int | None
    lowest_voltage: float
    highest_voltage: float
    highest_current: float


@dataclass(frozen=True, slots=True)
class Identity:
    """What a module says of itself; `channels` is 0 if it does not tell."""

    serial_number: int | None
    firmware_release: str
    firmware_name: str
    channels: int
    device_class: str


@dataclass(frozen=True, slots=True)
class ParametersReading:
    """What seldom changes of a module: %/s, %, V, degC."""

    identity: Identity
    voltage_ramp: float | None
    current_ramp: float | None
    voltage_limit: float | None
    current_limit: float | None
    supply_24v: float | None
    supply_5v: float | None
    temperature: float | None
    missing: tuple[str, ...]
    restarts: int
    channels: tuple[ChannelParameters | None, ...]
