"""A site that lives through its days: sun, household, generator, battery, and what links them.

Two Xtenders carry the AC side together; a VarioTrack and a VarioString charge from the sun. Powers
balance at every step: what the sun and the chargers give is what inverters and battery take. It is
made for trying out software, not for planning a site.

Powers in kW on the AC and PV side, W at the battery; times in s of the clock on the site's wall.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from .battery import Battery, ChargeCycle
from .counters import DayCounter
from .supply import DAY, HOUR, Generator, Household, Sky
from .units import Limit, Operation, PvLimit, SolarState, XtenderState

STEP = 30.0
"""Longest step of simulated time, s."""

LONGEST_LEAP = 2 * DAY
"""More time than this at once (the program was stopped) is left out, s."""

_SHORTEST = 1e-6
_CONVERTER_EFFICIENCY = 0.94
_PV_EFFICIENCY = 0.985
_STANDBY = 0.015
_NIGHT = 0.004
_RATED = 4.0
_DARKNESS_WARNED = 48 * HOUR


class SiteModel:
    """The whole site; `advance` moves its time."""

    def __init__(self, time: float, *, seed: int = 2017, soc: float = 0.62) -> None:
        rng = random.Random(seed)
        self.time = time
        self.sky = Sky(rng)
        self.household = Household(rng)
        self.generator = Generator()
        self.battery = Battery(soc=soc)
        self.cycle = ChargeCycle()
        self.xtenders = [XtenderState(), XtenderState()]
        self.track = SolarState(peak=4.0, modules=108.0, current_limit=80.0)
        self.string = SolarState(peak=6.0, modules=540.0, current_limit=120.0)
        self.low_voltage, self.restart_voltage = 46.3, 48.0
        self.charge, self.discharge = DayCounter(), DayCounter()
        self.starved = False
        self.overloaded = False
        self.light = 0.0
        self.dark_for = 0.0
        self._restore_history(rng)
        self.step(1.0)

    @property
    def solar(self) -> tuple[SolarState, SolarState]:
        """VarioTrack and VarioString."""
        return self.track, self.string

    @property
    def mains(self) -> bool:
        """There is voltage at AC-in."""
        return self.generator.running

    @property
    def feeding(self) -> bool:
        """There is voltage at AC-out."""
        inverting = not self.overloaded and any(self._can_invert(one) for one in self.xtenders)
        return inverting or any(one.transfer for one in self.xtenders)

    @property
    def long_dark(self) -> bool:
        """No solar production for 48 hours."""
        return self.dark_for > _DARKNESS_WARNED

    def advance(self, seconds: float, after: Callable[[float], None] | None = None) -> None:
        """Let time pass, in steps; `after` is called with the length of each when it is done."""
        seconds = min(seconds, LONGEST_LEAP)
        while seconds > _SHORTEST:
            step = min(STEP, seconds)
            seconds -= step
            self.step(step)
            if after is not None:
                after(step)

    def step(self, seconds: float) -> None:
        """One step of at most `STEP` seconds."""
        day = self.time // DAY
        self.time += seconds
        if self.time // DAY != day:
            self._midnight()
        self.sky.step(seconds)
        self.household.step(seconds)
        self.generator.step(self.battery.soc)
        self.light = self.sky.light(self.time)
        self._balance()
        self.battery.step(seconds)
        self.cycle.step(self.battery, seconds)
        self._watch_voltage()
        self._count(seconds / HOUR)
        self._warm(seconds)

    # -- one moment

    def _balance(self) -> None:
        """Share the powers out: the household first, then the battery as far as it takes them."""
        demand = self.household.demand(self.time)
        target = max(self.cycle.target, self.battery.open_voltage)
        drawn = self._serve(demand)
        available = [self._offer(one) for one in self.solar]
        charging = self._chargers()
        room = self.battery.accepts(target) + drawn
        offered = sum(available) + sum(charging)
        part = 1.0 if offered <= 0.0 else min(1.0, max(0.0, room / offered))
        for one, power in zip(self.solar, available, strict=True):
            self._charge_from_sun(one, power * part, limited=part < 1.0)
        for one, power in zip(self.xtenders, charging, strict=True):
            self._charge_from_mains(one, power * part, limited=part < 1.0)
        self.battery.take(offered * part - drawn)

    def _can_invert(self, one: XtenderState) -> bool:
        return one.on and one.inverter_allowed and not self.starved

    def _serve(self, demand: float) -> float:
        """Feed the household; returns the W that the inverters draw from the battery."""
        for one in self.xtenders:
            one.transfer = self.mains and one.on and one.transfer_allowed
            one.power_in = one.power_out = one.battery_current = 0.0
            one.limit_reached = False
        through = [one for one in self.xtenders if one.transfer]
        serving = through or [one for one in self.xtenders if self._can_invert(one)]
        too_much = bool(serving) and not through and demand > _RATED * len(serving)
        if too_much and not self.overloaded:
            for one in serving:
                one.overloads += 1
        self.overloaded = too_much
        drawn = sum(_STANDBY for one in self.xtenders if one.on) * 1000.0
        if not serving or self.overloaded:
            return drawn
        for one in serving:
            share = demand / len(serving)
            one.power_out = share
            one.operation = Operation.INVERTER
            from_battery = share
            if one.transfer:
                ceiling = one.input_limit * 0.23
                one.power_in = min(share, ceiling)
                from_battery = share - one.power_in if one.boost_allowed else 0.0
                one.limit_reached = share >= ceiling
                one.operation = Operation.BOOST if from_battery > 0.0 else Operation.CHARGER
            watts = 1000.0 * from_battery / _CONVERTER_EFFICIENCY
            one.battery_current = -watts / self.battery.voltage
            drawn += watts
        return drawn

    def _chargers(self) -> list[float]:
        """W that each Xtender could charge with from AC-in."""
        found: list[float] = []
        for one in self.xtenders:
            room = max(0.0, one.input_limit * 0.23 - one.power_in)
            by_input = 1000.0 * room * _CONVERTER_EFFICIENCY
            by_current = one.charge_current * self.battery.voltage
            charging = one.transfer and one.charger_allowed and one.operation is Operation.CHARGER
            one.limit = Limit.AC_IN if by_input < by_current else Limit.BATTERY_CURRENT
            found.append(min(by_input, by_current) if charging else 0.0)
        return found

    def _charge_from_mains(self, one: XtenderState, watts: float, *, limited: bool) -> None:
        one.battery_current += watts / self.battery.voltage
        one.power_in += watts / 1000.0 / _CONVERTER_EFFICIENCY
        if limited:
            one.limit = Limit.BATTERY_VOLTAGE

    def _offer(self, one: SolarState) -> float:
        """W that a solar charger could give to the battery."""
        power = one.peak * self.light if one.on and self.light > _NIGHT else 0.0
        ceiling = one.current_limit * self.battery.voltage
        watts = 1000.0 * power * _PV_EFFICIENCY
        one.limit = PvLimit.FREE
        if not one.on:
            one.limit = PvLimit.OFF
        elif not power:
            one.limit = PvLimit.NIGHT
        elif watts > ceiling:
            one.limit = PvLimit.CURRENT
        return min(watts, ceiling)

    def _charge_from_sun(self, one: SolarState, watts: float, *, limited: bool) -> None:
        one.power = watts / 1000.0 / _PV_EFFICIENCY
        one.battery_current = watts / self.battery.voltage
        if limited and one.limit in (PvLimit.FREE, PvLimit.CURRENT):
            one.limit = PvLimit.VOLTAGE
        used = one.power / (one.peak * self.light) if self.light > _NIGHT else 0.0
        rise = min(1.0, self.light / 0.02)
        one.voltage = one.modules * rise * (1.18 - 0.18 * used)
        one.highest = max(one.highest, one.power)

    def _watch_voltage(self) -> None:
        """Stop the inverters on an empty battery until it has recovered."""
        if self.battery.voltage < self.low_voltage:
            self.starved = True
        elif self.battery.voltage > self.restart_voltage:
            self.starved = False

    # -- counters

    def _count(self, hours: float) -> None:
        battery = self.battery
        self.charge.add(battery.current * hours)
        self.discharge.add(-battery.current * hours)
        for one in self.xtenders:
            one.energy_in.add(one.power_in * hours)
            one.energy_out.add(one.power_out * hours)
            kilowatts = one.battery_current * battery.voltage / 1000.0
            one.charged.add(kilowatts * hours)
            one.discharged.add(-kilowatts * hours)
        for one in self.solar:
            one.energy.add(one.power * hours)
            one.charge.add(one.battery_current * hours)
            one.sun_hours.add(self.light * hours)
        producing = any(one.power > 0.0 for one in self.solar)
        self.dark_for = 0.0 if producing else self.dark_for + hours * HOUR

    def _midnight(self) -> None:
        counters = [self.charge, self.discharge]
        for one in self.xtenders:
            counters += [one.energy_in, one.energy_out, one.charged, one.discharged]
        for one in self.solar:
            counters += [one.energy, one.charge, one.sun_hours]
            one.highest = 0.0
        for counter in counters:
            counter.midnight()

    def _warm(self, seconds: float) -> None:
        share = min(1.0, seconds / 600.0)
        for one in self.xtenders:
            busy = max(one.power_in, one.power_out)
            one.temperature += (26.0 + 7.0 * busy - one.temperature) * share
        for one in self.solar:
            one.temperature += (24.0 + 5.0 * one.power - one.temperature) * share

    def _restore_history(self, rng: random.Random) -> None:
        """Counters of a site that has run for some years; today's begin when the program does."""
        for one in self.xtenders:
            one.energy_in.yesterday = rng.uniform(0.0, 1.5)
            one.energy_out.yesterday = rng.uniform(8.0, 11.0)
            one.discharged.yesterday = rng.uniform(4.0, 6.0)
        for one, lifetime in zip(self.solar, (9_800.0, 14_200.0), strict=True):
            one.energy.yesterday = one.peak * rng.uniform(3.0, 4.5)
            one.energy.total = lifetime
            one.sun_hours.yesterday = rng.uniform(3.5, 5.0)
        self.charge.yesterday, self.charge.total = rng.uniform(120, 180), 152_000.0
        self.discharge.yesterday, self.discharge.total = rng.uniform(110, 170), 147_000.0
