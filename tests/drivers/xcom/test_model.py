"""The simulated site obeys physics: powers balance, the battery follows, days repeat."""

from __future__ import annotations

import pytest

from drivers.xcom.simulator.battery import Battery, ChargeCycle, Phase
from drivers.xcom.simulator.counters import DayCounter, MinuteMean
from drivers.xcom.simulator.model import SiteModel
from drivers.xcom.simulator.supply import DAY, HOUR, GridMode, clear_sky
from drivers.xcom.simulator.units import Limit, Operation, PvLimit

MIDNIGHT = 20_000 * DAY


def _site(hour: float = 12.0, soc: float = 0.6) -> SiteModel:
    model = SiteModel(MIDNIGHT + hour * HOUR, soc=soc)
    model.sky.fixed = 1.0
    model.household.fixed = 1.0
    return model


@pytest.mark.parametrize("hour", range(0, 24, 3))
@pytest.mark.parametrize("grid", [GridMode.OFF, GridMode.ON])
@pytest.mark.parametrize("soc", [0.4, 0.99])
def test_powers_balance_at_every_hour(hour: float, grid: GridMode, soc: float) -> None:
    model = _site(hour, soc)
    model.generator.mode = grid
    for _ in range(20):
        # what flows at a moment is told at the voltage of the moment before
        model.step(0.01)
    battery = model.battery
    sun = sum(one.battery_current for one in model.solar)
    inverters = sum(one.battery_current for one in model.xtenders)
    standby = 30.0 / battery.voltage
    assert battery.current == pytest.approx(sun + inverters - standby, abs=0.3)
    assert sum(one.power_out for one in model.xtenders) == pytest.approx(1.0)
    for one in model.solar:
        assert 0.0 <= one.power <= one.peak * model.light + 1e-9
        assert one.battery_current <= one.current_limit + 0.1
        assert one.battery_current * battery.voltage == pytest.approx(985 * one.power, rel=0.02)


def test_energy_is_neither_made_nor_lost_over_a_day() -> None:
    model = SiteModel(MIDNIGHT + 60.0)
    before = model.battery.soc
    model.advance(DAY - 120.0)
    battery = model.battery
    charge, discharge = model.charge.today, model.discharge.today
    change = (battery.soc - before) * battery.capacity
    assert change == pytest.approx(0.97 * charge - discharge, abs=0.5)
    produced = sum(one.energy.today for one in model.solar)
    consumed = sum(one.energy_out.today for one in model.xtenders)
    stored = change * 51.0 / 1000.0
    assert produced == pytest.approx(consumed + stored, rel=0.2)
    assert 15.0 < consumed < 40.0


def test_a_day_has_a_night_a_noon_and_a_full_battery() -> None:
    model = _site(0.0)
    production: dict[int, float] = {}
    phases: set[Phase] = set()
    for hour in range(24):
        model.advance(HOUR)
        production[hour] = model.string.power
        phases.add(model.cycle.phase)
    assert production[2] == production[22] == 0.0
    assert max(production.values()) > 3.0
    assert phases == set(Phase)
    assert model.string.energy.yesterday > 10.0 > model.string.energy.today


def test_midnight_moves_the_sums_of_the_day() -> None:
    counter = DayCounter()
    counter.add(3.0)
    counter.add(-5.0)
    counter.midnight()
    counter.add(1.0)
    assert (counter.today, counter.yesterday, counter.total) == (1.0, 3.0, 4.0)


def test_the_battery_is_charged_to_the_voltage_that_is_set() -> None:
    model = _site(12.0, soc=0.9)
    model.cycle.absorption_voltage = 56.2
    model.advance(600.0)
    assert model.battery.voltage == pytest.approx(56.2, abs=0.1)
    assert model.track.limit is PvLimit.VOLTAGE
    model.cycle.force_float()
    model.cycle.float_voltage = 53.5
    model.advance(60.0)
    assert model.battery.voltage == pytest.approx(53.5, abs=0.1)


def test_charge_currents_are_limited() -> None:
    model = _site(13.0, soc=0.4)
    model.track.current_limit = 20.0
    model.advance(60.0)
    assert model.track.battery_current == pytest.approx(20.0, rel=0.01)
    assert model.track.limit is PvLimit.CURRENT
    model.track.on = False
    model.advance(1.0)
    assert (model.track.power, model.track.limit) == (0.0, PvLimit.OFF)


def test_the_generator_feeds_the_house_and_charges() -> None:
    model = _site(0.0, soc=0.5)
    model.advance(10.0)
    assert all(one.operation is Operation.INVERTER for one in model.xtenders)
    assert model.battery.current < -15.0
    model.generator.mode = GridMode.ON
    model.advance(10.0)
    for one in model.xtenders:
        assert one.transfer
        assert one.operation is Operation.CHARGER
        assert one.limit is Limit.BATTERY_CURRENT
        assert one.battery_current == pytest.approx(60.0, rel=0.01)
        assert one.power_in > one.power_out == 0.5


def test_smart_boost_helps_a_weak_source() -> None:
    model = _site(0.0, soc=0.8)
    model.generator.mode = GridMode.ON
    for one in model.xtenders:
        one.input_limit = 2.0
    model.household.fixed = 3.0
    model.advance(10.0)
    for one in model.xtenders:
        assert one.operation is Operation.BOOST
        assert one.limit_reached
        assert one.power_in == pytest.approx(0.46)
        assert one.battery_current < 0.0


def test_the_generator_starts_and_stops_by_itself() -> None:
    model = _site(0.0, soc=0.29)
    assert model.mains
    model.battery.soc = 0.74
    model.advance(1.0)
    assert model.mains
    model.battery.soc = 0.76
    model.advance(1.0)
    assert not model.mains


def test_an_empty_battery_stops_the_inverters_until_it_has_recovered() -> None:
    model = _site(0.0, soc=0.05)
    model.generator.mode = GridMode.OFF
    model.household.fixed = 3.5
    model.advance(60.0)
    assert model.starved
    assert not model.feeding
    model.battery.soc = 0.6
    model.advance(5.0)
    assert model.feeding


def test_too_much_load_trips_the_inverters_once() -> None:
    model = _site(0.0)
    model.household.fixed = 9.0
    model.advance(120.0)
    assert model.overloaded
    assert [one.overloads for one in model.xtenders] == [1, 1]
    assert sum(one.power_out for one in model.xtenders) == 0.0
    model.household.fixed = 2.0
    model.advance(1.0)
    assert not model.overloaded


def test_a_long_darkness_is_noticed() -> None:
    model = _site(0.0)
    model.sky.fixed = 0.0
    model.advance(47 * HOUR)
    assert not model.long_dark
    model.advance(2 * HOUR)
    assert model.long_dark


def test_a_long_stop_of_the_program_is_left_out() -> None:
    model = _site(0.0)
    model.advance(30 * DAY)
    assert model.time == pytest.approx(MIDNIGHT + 2 * DAY, abs=2.0)


def test_the_cycle_goes_to_floating_and_begins_again() -> None:
    battery, cycle = Battery(soc=0.97), ChargeCycle(absorption_time=100.0)
    battery.voltage = 57.6
    cycle.step(battery, 10.0)
    assert cycle.phase is Phase.ABSORPTION
    cycle.step(battery, 99.0)
    assert cycle.phase is Phase.ABSORPTION
    cycle.step(battery, 2.0)
    assert cycle.phase is Phase.FLOATING
    battery.soc, battery.current, battery.voltage = 0.9, -10.0, 50.0
    cycle.step(battery, 1.0)
    assert cycle.phase is Phase.BULK


def test_a_full_battery_takes_less_and_less() -> None:
    powers = [Battery(soc=soc).accepts(57.6) for soc in (0.5, 0.8, 0.9, 0.95, 1.0)]
    assert powers == sorted(powers, reverse=True)
    assert powers[0] > 10_000.0
    assert 0.0 < powers[-1] < 200.0


def test_minute_averages_follow_within_a_minute() -> None:
    mean = MinuteMean()
    mean.take(10.0, 1.0)
    assert mean.value == 10.0
    for _ in range(60):
        mean.take(20.0, 1.0)
    assert mean.value == pytest.approx(16.3, abs=0.1)
    mean.take(float("nan"), 1.0)
    assert mean.value != mean.value


def test_the_sun_shines_from_6_to_20() -> None:
    assert clear_sky(6.0) == clear_sky(20.0) == clear_sky(0.0) == 0.0
    assert clear_sky(13.0) == 1.0
    assert 0.0 < clear_sky(7.0) < clear_sky(9.0) < clear_sky(11.0)
