"""A plausible compressor: state machine, temperatures and pressures (cpa1110-protocol.md 7, 8).

Start-up takes about a minute to steady temperatures and pressures, cool-down somewhat longer. It is
made for trying out software, not for predicting a machine.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from ..protocol import Snapshot
from ..units import PressureUnit, TemperatureUnit, convert_pressure, from_celsius
from ..words import OperatingState

REVISION_2X = (2, 154)
REVISION_3X = (3, 101)

_TRANSITION = 2.0
_STEP = 0.5
_AVERAGE = 30
_WARM_UP = 15.0
_COOL_DOWN = 40.0
_PRESSURE_TIME = 8.0
_COOLANT_IN = 20.0
_REST = {"out": 20.0, "oil": 20.5, "helium": 20.8}
_HOT = {"out": 33.0, "oil": 36.5, "helium": 66.0}
_STATIC = 15.1
_LOW, _HIGH = 5.3, 19.9
_REST_CURRENT, _RUN_CURRENT, _INRUSH = 0.22, 18.7, 24.0
_ENERGISED = (OperatingState.STARTING, OperatingState.RUNNING, OperatingState.STOPPING)
_STARTABLE = (OperatingState.IDLE, OperatingState.RECOVERED_FROM_ERROR)


@dataclass(slots=True)
class Panel:
    """What is set at the panel and printed on it."""

    revision: tuple[int, int] = REVISION_2X
    model: tuple[int, int] = (4, 19)
    serial: int = 11873
    pressure_unit: PressureUnit = PressureUnit.PSI
    temperature_unit: TemperatureUnit = TemperatureUnit.F


@dataclass(slots=True)
class CompressorModel:
    """The machine; `advance` moves its time, everything else is immediate.

    Temperatures in degC, pressures in bar inside; `snapshot` shows them in the panel's units.
    """

    panel: Panel = field(default_factory=Panel)
    state: int = OperatingState.IDLE
    warning_mask: int = 0
    alarm_mask: int = 0
    hours: float = 4021.0
    rng: random.Random = field(default_factory=lambda: random.Random(1110))
    _in_state: float = 0.0
    _rest: float = 0.0
    _out: float = _REST["out"]
    _oil: float = _REST["oil"]
    _helium: float = _REST["helium"]
    _low: float = _STATIC
    _high: float = _STATIC
    _current: float = _REST_CURRENT
    _lows: deque[float] = field(default_factory=lambda: deque([_STATIC], maxlen=_AVERAGE))
    _highs: deque[float] = field(default_factory=lambda: deque([_STATIC], maxlen=_AVERAGE))

    @property
    def running(self) -> bool:
        """True while the motor is energised: starting, running, stopping."""
        return self.state in _ENERGISED

    def start(self) -> None:
        """Obey a start, if the state allows it; otherwise nothing happens, as on the panel."""
        if self.state in _STARTABLE and not self.alarm_mask:
            self._enter(OperatingState.STARTING)

    def stop(self) -> None:
        """Obey a stop."""
        if self.state in (OperatingState.STARTING, OperatingState.RUNNING):
            self._enter(OperatingState.STOPPING)

    def raise_alarm(self, mask: int) -> None:
        """Set alarm bits; a running machine goes to the error state with its motor off."""
        self.alarm_mask |= mask
        if self.running:
            self._enter(OperatingState.ERROR)

    def clear_alarms(self) -> None:
        """Clear the alarm bits; an error state becomes `recovered_from_error`."""
        self.alarm_mask = 0
        if self.state == OperatingState.ERROR:
            self._enter(OperatingState.RECOVERED_FROM_ERROR)

    def force_state(self, state: int) -> None:
        """Put the machine in a state, whatever it was."""
        self._enter(state)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._rest += min(seconds, 3600.0)
        while self._rest >= _STEP:
            self._rest -= _STEP
            self._step(_STEP)

    def snapshot(self) -> Snapshot:
        """What the panel shows now."""
        low_average = sum(self._lows) / len(self._lows)
        high_average = sum(self._highs) / len(self._highs)
        return Snapshot(
            operating_state=int(self.state),
            compressor_running=self.running,
            warning_mask=self.warning_mask,
            alarm_mask=self.alarm_mask,
            coolant_in_temperature=self._temperature(_COOLANT_IN + self.rng.gauss(0, 0.02)),
            coolant_out_temperature=self._temperature(self._out),
            oil_temperature=self._temperature(self._oil),
            helium_temperature=self._temperature(self._helium),
            low_pressure=self._pressure(self._low),
            low_pressure_average=self._pressure(low_average),
            high_pressure=self._pressure(self._high),
            high_pressure_average=self._pressure(high_average),
            delta_pressure_average=self._pressure(self._high - self._low),
            motor_current=self._current,
            hours_of_operation=int(self.hours * 2) / 2,
            pressure_unit=self.panel.pressure_unit,
            temperature_unit=self.panel.temperature_unit,
            panel_serial_number=self.panel.serial,
            model_major=self.panel.model[0],
            model_minor=self.panel.model[1],
            revision=self.panel.revision,
        )

    def _enter(self, state: int) -> None:
        self.state = state
        self._in_state = 0.0

    def _step(self, dt: float) -> None:
        self._in_state += dt
        if self._in_state >= _TRANSITION:
            if self.state == OperatingState.STARTING:
                self._enter(OperatingState.RUNNING)
            elif self.state == OperatingState.STOPPING:
                self._enter(OperatingState.IDLE)
        pumping = self.state in (OperatingState.STARTING, OperatingState.RUNNING)
        if self.running:
            self.hours += dt / 3600.0
        self._heat(pumping, dt)
        self._pump(pumping, dt)

    def _heat(self, pumping: bool, dt: float) -> None:
        target = _HOT if pumping else _REST
        share = min(1.0, dt / (_WARM_UP if pumping else _COOL_DOWN))
        noise = self.rng.gauss
        self._out += (target["out"] - self._out) * share + noise(0, 0.02)
        self._oil += (target["oil"] - self._oil) * share + noise(0, 0.02)
        self._helium += (target["helium"] - self._helium) * share + noise(0, 0.05)

    def _pump(self, pumping: bool, dt: float) -> None:
        share = min(1.0, dt / _PRESSURE_TIME)
        swing = 0.05 if pumping else 0.005
        noise = self.rng.gauss
        self._low += ((_LOW if pumping else _STATIC) - self._low) * share + noise(0, swing)
        self._high += ((_HIGH if pumping else _STATIC - 0.016) - self._high) * share
        self._high += noise(0, swing)
        self._lows.append(self._low)
        self._highs.append(self._high)
        current = _REST_CURRENT
        if self.running:
            current = _INRUSH if self.state == OperatingState.STARTING else _RUN_CURRENT
        self._current = max(0.0, current + noise(0, 0.01 if not self.running else 0.1))

    def _temperature(self, celsius: float) -> float:
        return from_celsius(celsius, self.panel.temperature_unit)

    def _pressure(self, bar: float) -> float:
        return convert_pressure(bar, PressureUnit.BAR, self.panel.pressure_unit)
