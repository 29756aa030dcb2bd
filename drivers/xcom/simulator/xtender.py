"""The live values of a simulated Xtender: which number shows what of the model.

Source: xcom-protocol.md 18, and 17 for what is in and out.
"""

from __future__ import annotations

from collections.abc import Callable

from ..datapoint import NO_SENSOR
from ..protocol import Value
from .infos import Identity, Infos, constants, day
from .model import SiteModel
from .units import Operation, XtenderState, phase_code_xtender

XTENDER_MEANS = {
    3092: 3000, 3095: 3005, 3098: 3139, 3101: 3136, 3104: 3103, 3113: 3011, 3116: 3012, 3119: 3137
}  # fmt: skip
"""Minute averages, and of what."""

_MAINS_VOLTAGE = 229.0
_MAINS_FREQUENCY = 50.1
_AUXILIARY_MODES = {1: 1, 2: 2, 4: 3, 8: 4}
_SWITCHES = (1124, 1125, 1126, 1128, 1127)
"""Parameters whose "no" is a lock bit, from bit 0 (xcom-protocol.md 18.2)."""


class XtenderView:
    """An Xtender as its numbers show it; `setting` gives what a parameter is at the moment."""

    def __init__(
        self, model: SiteModel, one: XtenderState, setting: Callable[[int], Value]
    ) -> None:
        self._model = model
        self._one = one
        self._setting = setting

    def infos(self, identity: Identity) -> Infos:
        """A getter for each live value."""
        one = self._one
        found = self._battery() | self._input() | self._output() | self._state()
        found |= day(one.discharged, 3078, 3076) | {3079: lambda: one.charged.today}
        found |= day(one.energy_in, 3081, 3080) | day(one.energy_out, 3083, 3082)
        numbers = identity.numbers(3124, 3129, 3130, 3156)
        numbers |= {3125: float(identity.power), 3132: float(identity.hardware)}
        return found | constants(numbers)

    # -- what needs more than a look

    def _voltage_in(self) -> float:
        return _MAINS_VOLTAGE - 1.2 * self._one.power_in if self._model.mains else 0.0

    def _voltage_out(self) -> float:
        if self._one.transfer:
            return self._voltage_in()
        alive = self._model.feeding and self._one.on
        return float(self._setting(1286)) - 0.3 * self._one.power_out if alive else 0.0

    def _frequency_out(self) -> float:
        if self._one.transfer:
            return _MAINS_FREQUENCY
        return float(self._setting(1112)) if self._model.feeding and self._one.on else 0.0

    def _relay_closed(self, mode_number: int) -> float:
        """An auxiliary relay calls for the generator when it is automatic."""
        mode = int(self._setting(mode_number))
        called = self._model.battery.soc < self._model.generator.starts_below
        return float(mode == 4 or (mode == 1 and called) or (mode == 2 and not called))

    def _lockings(self) -> float:
        return float(sum(1 << n for n, each in enumerate(_SWITCHES) if not self._setting(each)))

    def _prefers_battery(self) -> float:
        high = self._model.battery.voltage > float(self._setting(1297))
        return float(bool(self._setting(1296)) and high)

    # -- tables

    def _battery(self) -> Infos:
        one, model = self._one, self._model
        return {
            3000: lambda: model.battery.voltage - 0.02,
            3001: lambda: NO_SENSOR,
            3005: lambda: one.battery_current,
            3006: lambda: 0.05 + 0.08 * one.power_out,
            3007: lambda: 100.0 * model.battery.soc,
            3010: lambda: float(phase_code_xtender(model.cycle.phase)),
            3160: lambda: float(one.limit),
            3161: self._prefers_battery,
            3164: lambda: model.cycle.target,
        }

    def _input(self) -> Infos:
        one, model = self._one, self._model
        return {
            3011: self._voltage_in,
            3012: lambda: _current(one.power_in, self._voltage_in()),
            3013: lambda: round(1.03 * one.power_in, 1),
            3017: lambda: one.input_limit,
            3018: lambda: float(one.limit_reached),
            3019: lambda: float(one.operation is Operation.BOOST and one.transfer),
            3020: lambda: float(one.transfer),
            3074: lambda: float(not one.transfer),
            3075: lambda: float(one.transfer),
            3084: lambda: _MAINS_FREQUENCY if model.mains else 0.0,
            3088: lambda: round(1000.0 * one.power_in, -1),
            3137: lambda: one.power_in,
            3138: lambda: 1.03 * one.power_in,
            3162: lambda: 0.0,
        }

    def _output(self) -> Infos:
        one, model = self._one, self._model
        return {
            3021: self._voltage_out,
            3022: lambda: _current(1.05 * one.power_out, self._voltage_out()),
            3023: lambda: round(1.05 * one.power_out, 1),
            3030: lambda: float(one.on and model.feeding),
            3085: self._frequency_out,
            3087: lambda: round(1000.0 * one.power_out, -1),
            3136: lambda: one.power_out,
            3139: lambda: 1.05 * one.power_out,
        }

    def _state(self) -> Infos:
        one = self._one
        return {
            3028: lambda: float(one.operation if one.on else Operation.INVALID),
            3031: lambda: self._relay_closed(1202),
            3032: lambda: self._relay_closed(1311),
            3045: lambda: float(one.overloads),
            3046: lambda: 0.0,
            3047: lambda: 0.0,
            3049: lambda: float(one.on),
            3051: lambda: 0.0,
            3054: lambda: float(_AUXILIARY_MODES[int(self._setting(1202))]),
            3055: lambda: float(_AUXILIARY_MODES[int(self._setting(1311))]),
            3056: self._lockings,
            3086: lambda: 0.0,
            3089: lambda: 1.0,
            3103: lambda: one.temperature,
            3107: lambda: one.temperature - 2.5,
            3168: lambda: 0.0,
        }


def _current(kilowatts: float, voltage: float) -> float:
    return 1000.0 * kilowatts / voltage if voltage else 0.0
