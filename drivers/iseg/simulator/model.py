"""A plausible high-voltage module with its channels.

Behaviour of the registers: iseg-protocol.md 7 and 8. Where that is silent (exact rules of
"module good", power-on defaults) this is a guess to try software on, not a prediction of a module.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..words import BLOCKING, Action, ChannelEvent, ModuleControl, ModuleEvent, ModuleStatus
from .channel import ChannelModel

_STEP = 0.05
_LONGEST_CATCH_UP = 600.0
_HOTTEST = 55.0


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
        """The status word (iseg-protocol.md 7.1)."""
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
        """Take a control word (iseg-protocol.md 7.3)."""
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
