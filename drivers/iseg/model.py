"""A plausible high-voltage module: ramps, loads, limits, trips, events.

Behaviour of the registers: EDCP reference, sections 7 and 8. Where that is silent (exact rules of
"module good", power-on defaults) this is a guess to try software on, not a prediction of a module.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from .words import (
    BLOCKING,
    Action,
    ChannelControl,
    ChannelEvent,
    ChannelStatus,
    ModuleControl,
    ModuleEvent,
    ModuleStatus,
)

_STEP = 0.05
_LONGEST_CATCH_UP = 600.0
_LOAD = 100e6
_LEAKAGE = 2e-9
_HOTTEST = 55.0
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
        """The status word (section 7.4)."""
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
        """Obey a control word; a blocking event keeps the channel off (sections 7.6 and 8)."""
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
        """Take a set voltage; False if it is not plausible (section 8)."""
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
        """Clear events, except those whose cause persists (section 8)."""
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
        """A status bit that is set sets its event (section 8); ramp, on and range have none."""
        same = status & ~(ChannelStatus.RAMP | ChannelStatus.ON | ChannelStatus.LOW_CURRENT_RANGE)
        self.events |= same & 0xFEFE


@dataclass(slots=True)
class ModuleModel:
    """One module with its channels. `ramp` in % of the nominal voltage per second."""

    address: int
    channels: list[ChannelModel]
    serial: int = 474218
    release: bytes = b"\x05\x32\x00\x01"
    firmware: str = "E08F0"
    device_class: int = 25
    ramp: float = 1.0
    current_ramp: float = 50.0
    voltage_limit: float = 100.0
    current_limit: float = 100.0
    kill: bool = False
    fine_adjustment: bool = False
    interlock: bool = False
    safety_loop: bool = True
    temperature: float = 31.5
    supply_24v: float = 24.1
    supply_5v: float = 5.02
    input_error: bool = False
    events: int = 0
    event_mask: int = 0
    channel_mask: int = 0xFFFFFFFFFFFF
    set_values: int = 0
    _rest: float = 0.0

    @property
    def status(self) -> int:
        """The status word (section 7.1)."""
        summed = not any(channel.events & BLOCKING for channel in self.channels)
        good = self._temperature_good and self._supply_good and self.safety_loop
        flags = {
            ModuleStatus.KILL_ENABLE: self.kill,
            ModuleStatus.TEMPERATURE_GOOD: self._temperature_good,
            ModuleStatus.SUPPLY_GOOD: self._supply_good,
            ModuleStatus.MODULE_GOOD: summed and good,
            ModuleStatus.EVENT_ACTIVE: self._event_active,
            ModuleStatus.SAFETY_LOOP_GOOD: self.safety_loop,
            ModuleStatus.NO_RAMP: not any(channel.ramping for channel in self.channels),
            ModuleStatus.NO_SUM_ERROR: summed,
            ModuleStatus.INPUT_ERROR: self.input_error,
            ModuleStatus.HIGH_VOLTAGE_ON: any(abs(c.voltage) > 1.0 for c in self.channels),
            ModuleStatus.FINE_ADJUSTMENT: self.fine_adjustment,
        }
        return int(sum(flag for flag, is_set in flags.items() if is_set))

    @property
    def control(self) -> int:
        """The control word as it reads back."""
        word = ModuleControl.BIG_ENDIAN
        word |= ModuleControl.KILL_ENABLE if self.kill else 0
        word |= ModuleControl.FINE_ADJUSTMENT if self.fine_adjustment else 0
        return int(word | (ModuleControl.INTERLOCK if self.interlock else 0))

    @property
    def _temperature_good(self) -> bool:
        return self.temperature <= _HOTTEST

    @property
    def _supply_good(self) -> bool:
        return abs(self.supply_24v / 24 - 1) < 0.05 and abs(self.supply_5v / 5 - 1) < 0.05

    @property
    def _event_active(self) -> bool:
        return bool(self.events & self.event_mask or self.event_channels & self.channel_mask)

    @property
    def event_channels(self) -> int:
        """One bit for each channel with an event that its mask lets through."""
        return sum(1 << n for n, c in enumerate(self.channels) if c.events & c.event_mask)

    def obey(self, word: int) -> None:
        """Take a control word (section 7.3)."""
        self.kill = bool(word & ModuleControl.KILL_ENABLE)
        self.fine_adjustment = bool(word & ModuleControl.FINE_ADJUSTMENT)
        interlock = bool(word & ModuleControl.INTERLOCK)
        if interlock != self.interlock:
            self.interlock = interlock
            for channel in self.channels:
                channel.inhibit(interlock)
                if interlock:
                    channel.shut(ChannelEvent.EXTERNAL_INHIBIT)
        if word & ModuleControl.CLEAR:
            self.clear(0xFFFF)
            for channel in self.channels:
                channel.clear(0xFFFF)

    def clear(self, events: int) -> None:
        """Clear module events, except those whose cause persists."""
        if events & ModuleEvent.INPUT_ERROR:
            self.input_error = False
        self.events &= ~events
        self._latch()

    def shut_all(self, cause: ChannelEvent) -> None:
        """Cut every output without a ramp."""
        for channel in self.channels:
            channel.shut(cause)

    def inhibit(self, number: int, active: bool) -> None:
        """Apply or lift the external inhibit of a channel."""
        if self.channels[number].inhibit(active) is Action.SHUT_OFF_MODULE:
            self.shut_all(ChannelEvent.EXTERNAL_INHIBIT)

    def refuse_input(self) -> None:
        """A message that makes no sense."""
        self.input_error = True
        self.events |= ModuleEvent.INPUT_ERROR

    def switch_on_some(self) -> None:
        """Begin with every other channel on its way to some voltage."""
        for n, channel in enumerate(self.channels[::2]):
            share = 0.2 + 0.6 * n / len(self.channels)
            channel.voltage_set, channel.on = channel.nominal_voltage * share, True

    def restart(self) -> None:
        """Lose everything that is not burnt in, as at a power cycle."""
        fresh = ChannelModel()
        for n, old in enumerate(self.channels):
            self.channels[n] = ChannelModel(
                old.nominal_voltage,
                old.nominal_current,
                old.load,
                current_set=old.nominal_current,
                ramp_up=None if old.ramp_up is None else abs(old.nominal_voltage) / 100,
                ramp_down=None if old.ramp_down is None else abs(old.nominal_voltage) / 100,
                rng=fresh.rng,
            )
        self.kill = self.fine_adjustment = self.interlock = self.input_error = False
        self.events, self.event_mask, self.ramp = int(ModuleEvent.RESTART), 0, 1.0

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._rest += min(seconds, _LONGEST_CATCH_UP)
        while self._rest >= _STEP:
            self._rest -= _STEP
            self._step(_STEP)

    def _step(self, seconds: float) -> None:
        self._latch()
        if not (self._supply_good and self._temperature_good and self.safety_loop):
            self.shut_all(ChannelEvent(0))
        for channel in self.channels:
            ramp = abs(channel.nominal_voltage) * self.ramp / 100
            if channel.advance(seconds, ramp, self.kill) is Action.SHUT_OFF_MODULE:
                self.shut_all(ChannelEvent.ON_TO_OFF)

    def _latch(self) -> None:
        causes = {
            ModuleEvent.TEMPERATURE_NOT_GOOD: not self._temperature_good,
            ModuleEvent.SUPPLY_NOT_GOOD: not self._supply_good,
            ModuleEvent.SAFETY_LOOP_NOT_GOOD: not self.safety_loop,
            ModuleEvent.INPUT_ERROR: self.input_error,
        }
        self.events |= sum(event for event, present in causes.items() if present)
