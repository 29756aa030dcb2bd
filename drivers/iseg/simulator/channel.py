"""A plausible high-voltage channel: ramps, load, limits, trips, events.

Behaviour of the registers: iseg-protocol.md 7 and 8.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from ..words import BLOCKING, Action, ChannelControl, ChannelEvent, ChannelStatus

_LOAD = 100e6
_LEAKAGE = 2e-9
_SAME = 1e-6


@dataclass(slots=True)
class ChannelModel:
    """One channel. Voltages in V with the sign of `nominal_voltage`, currents in A, ohm, s."""

    nominal_voltage: float = 6000.0
    nominal_current: float = 1e-3
    load: float = _LOAD
    voltage_set: float = 0.0
    current_set: float = 1e-3
    voltage: float = 0.0
    voltage_bounds: float = 0.0
    current_bounds: float = 0.0
    ramp_up: float | None = None
    ramp_down: float | None = None
    trip_time: int = 0
    trip_action: int = Action.NONE
    inhibit_action: int = Action.NONE
    inhibited: bool = False
    on: bool = False
    emergency: bool = False
    tripped: bool = False
    input_error: bool = False
    events: int = 0
    event_mask: int = 0
    over_for: float = 0.0
    limited: bool = False
    rng: random.Random = field(default_factory=lambda: random.Random(1))

    @property
    def target(self) -> float:
        """Where the output goes."""
        return self.voltage_set if self.on else 0.0

    @property
    def ramping(self) -> bool:
        """True while the output is on its way."""
        return not self.limited and abs(self.voltage - self.target) > _SAME

    @property
    def current(self) -> float:
        """The current through the load, A, without its sign."""
        return abs(self.voltage) / self.load + (_LEAKAGE if self.voltage else 0.0)

    @property
    def measured_voltage(self) -> float:
        """What the ADC gives."""
        return self.voltage + self.rng.gauss(0, abs(self.nominal_voltage) * 2e-6)

    @property
    def measured_current(self) -> float:
        """What the ADC gives."""
        return self.current + self.rng.gauss(0, self.nominal_current * 2e-7)

    @property
    def status(self) -> int:
        """The status word (iseg-protocol.md 7.4)."""
        regulated = self.on and not self.ramping
        flags = {
            ChannelStatus.TRIP: self.tripped,
            ChannelStatus.EXTERNAL_INHIBIT: self.inhibited,
            ChannelStatus.VOLTAGE_BOUNDS: self._outside(
                self.voltage, self.voltage_set, self.voltage_bounds
            ),
            ChannelStatus.CURRENT_BOUNDS: self._outside(
                self.current, self.current_set, self.current_bounds
            ),
            ChannelStatus.CONSTANT_VOLTAGE: regulated and not self.limited,
            ChannelStatus.CONSTANT_CURRENT: self.on and self.limited,
            ChannelStatus.EMERGENCY: self.emergency,
            ChannelStatus.RAMP: self.ramping,
            ChannelStatus.ON: self.on,
            ChannelStatus.INPUT_ERROR: self.input_error,
        }
        return int(sum(flag for flag, is_set in flags.items() if is_set))

    def _outside(self, value: float, wanted: float, bounds: float) -> bool:
        return self.on and not self.ramping and bounds > 0 and abs(value - wanted) > bounds

    # -- what a master does

    def control(self, word: int) -> None:
        """Obey a control word; blocking events keep the channel off (iseg-protocol.md 7.6, 8)."""
        if word & ChannelControl.EMERGENCY_OFF:
            self.shut(ChannelEvent.EMERGENCY)
            self.emergency, self.voltage_set = True, 0.0
            return
        self.emergency = False
        wanted = bool(word & ChannelControl.ON)
        if wanted and not self.on and not (self.events & BLOCKING or self.inhibited):
            self.on = True
        elif not wanted:
            self.on = False

    def set_voltage(self, value: float) -> bool:
        """Take a set voltage; False if it is not plausible (iseg-protocol.md 8)."""
        low, high = sorted((0.0, self.nominal_voltage))
        if not low - _SAME <= value <= high + _SAME:
            return self._refuse()
        if self.on and self.events & BLOCKING and abs(value) > abs(self.voltage_set):
            return True
        self.voltage_set = value
        return True

    def set_current(self, value: float) -> bool:
        """Take a set current; False if it is not plausible."""
        if not 0.0 <= value <= self.nominal_current * (1 + 1e-6):
            return self._refuse()
        self.current_set = value
        return True

    def _refuse(self) -> bool:
        self.input_error = True
        self.events |= ChannelEvent.INPUT_ERROR
        return False

    def clear(self, events: int) -> None:
        """Clear events, except those whose cause persists (iseg-protocol.md 8)."""
        if events & ChannelEvent.TRIP:
            self.tripped = False
        if events & ChannelEvent.INPUT_ERROR:
            self.input_error = False
        self.events &= ~events
        self._latch(self.status)

    # -- time and faults

    def shut(self, cause: ChannelEvent) -> None:
        """Cut the output without a ramp."""
        if self.on or self.voltage:
            self.events |= ChannelEvent.ON_TO_OFF
        self.on, self.limited, self.voltage = False, False, 0.0
        self.events |= cause

    def trip(self) -> None:
        """Shut off as for a current above its limit."""
        self.shut(ChannelEvent.TRIP)
        self.tripped, self.over_for = True, 0.0

    def inhibit(self, active: bool) -> Action:
        """Apply or lift the external inhibit; returns what the module has to do."""
        self.inhibited = active
        if not active:
            return Action.NONE
        self.events |= ChannelEvent.EXTERNAL_INHIBIT
        return self._act(self.inhibit_action, ChannelEvent.EXTERNAL_INHIBIT)

    def _act(self, action: int, cause: ChannelEvent) -> Action:
        if action == Action.RAMP_DOWN:
            self.on = False
        elif action == Action.SHUT_OFF:
            self.shut(cause)
        return Action.SHUT_OFF_MODULE if action == Action.SHUT_OFF_MODULE else Action.NONE

    def advance(self, seconds: float, module_ramp: float, kill: bool) -> Action:
        """Let time pass; `module_ramp` in V/s. Returns what the module has to do."""
        was_ramping = self.ramping
        self._move(seconds, module_ramp, kill)
        if was_ramping and not self.ramping:
            self.events |= ChannelEvent.END_OF_RAMP
        action = self._protect(seconds, kill)
        self._latch(self.status)
        return action

    def _move(self, seconds: float, module_ramp: float, kill: bool) -> None:
        rising = abs(self.target) > abs(self.voltage)
        own = self.ramp_up if rising else self.ramp_down
        step = (own or module_ramp) * seconds
        way = self.target - self.voltage
        self.voltage = self.target if abs(way) <= step else self.voltage + step * (way > 0 or -1)
        highest = self.current_set * self.load
        self.limited = not kill and self.on and abs(self.voltage) > highest
        if self.limited:
            self.voltage = highest if self.voltage > 0 else -highest

    def _protect(self, seconds: float, kill: bool) -> Action:
        over = kill and self.on and self.current > self.current_set
        self.over_for = self.over_for + seconds if over else 0.0
        if not over or self.over_for * 1000 < self.trip_time:
            return Action.NONE
        if self.trip_time and self.trip_action in (Action.RAMP_DOWN, Action.SHUT_OFF_MODULE):
            self.tripped, self.over_for = True, 0.0
            self.events |= ChannelEvent.TRIP
            return self._act(self.trip_action, ChannelEvent.TRIP)
        self.trip()
        return Action.NONE

    def _latch(self, status: int) -> None:
        """Status bits set their events (iseg-protocol.md 8); ramp, on and range have none."""
        same = status & ~(ChannelStatus.RAMP | ChannelStatus.ON | ChannelStatus.LOW_CURRENT_RANGE)
        self.events |= same & 0xFEFE
