"""The simulated meter obeys physics (cvm96-protocol.md 8)."""

from __future__ import annotations

import math

import pytest

from drivers.cvm96.plausibility import doubts
from drivers.cvm96.protocol import QUANTITIES, DemandMode, Image, decode, encode
from drivers.cvm96.reading import Energies, Measurements, energies_from, measurements_from
from drivers.cvm96.simulator.load import LOADS, Load, LoadModel
from drivers.cvm96.simulator.model import MeterModel

HOURS = range(0, 24, 3)


def _model(load: Load, hour: float, mode: DemandMode = DemandMode.W) -> MeterModel:
    return MeterModel(LoadModel(load, hour=hour, seed=7), mode)


def _reading(model: MeterModel, image: Image = Image.INSTANTANEOUS) -> Measurements:
    return measurements_from(decode(0, encode(model.values())), image, model.demand_mode)


def _energies(model: MeterModel) -> Energies:
    return energies_from(model.values(), Image.INSTANTANEOUS)


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("hour", HOURS)
def test_what_is_on_the_wire_is_consistent(load: Load, hour: float) -> None:
    model = _model(load, hour)
    model.advance(900.0)
    one = _reading(model)
    assert doubts(one) == ()
    for line in ("l1", "l2", "l3"):
        voltage, current, active, reactive, factor, thd = (
            getattr(one, f"{line}_{what}")
            for what in (
                "voltage", "current", "active_power", "reactive_power", "power_factor",
                "current_thd",
            )
        )  # fmt: skip
        apparent = voltage * current
        assert active == pytest.approx(apparent * factor, abs=0.006 * apparent)
        distorted = math.hypot(active, reactive) * math.hypot(1.0, thd / 100)
        assert apparent == pytest.approx(distorted, rel=0.01, abs=3.0)
    assert one.total_active_power == pytest.approx(
        one.l1_active_power + one.l2_active_power + one.l3_active_power, abs=2
    )
    reactive = one.l1_reactive_power + one.l2_reactive_power + one.l3_reactive_power
    assert one.total_inductive_power - one.total_capacitive_power == pytest.approx(reactive, abs=2)
    assert 0 in (one.total_inductive_power, one.total_capacitive_power)
    assert one.total_apparent_power >= math.hypot(one.total_active_power, reactive) - 2
    assert one.total_power_factor == pytest.approx(
        one.total_active_power / one.total_apparent_power, abs=0.006
    )
    first, second, third = one.voltages
    assert one.l1_l2_voltage == pytest.approx(
        math.sqrt(first**2 + second**2 + first * second), abs=0.2
    )
    assert one.l3_l1_voltage == pytest.approx(
        math.sqrt(first**2 + third**2 + first * third), abs=0.2
    )
    assert one.average_current == pytest.approx(sum(one.currents) / 3, abs=0.002)
    assert 0.0 < one.neutral_current < sum(one.currents)


def test_s2_is_about_p2_plus_q2() -> None:
    one = _reading(_model(LOADS[2], 12.0))
    reactive = one.total_inductive_power
    assert one.total_apparent_power**2 == pytest.approx(
        one.total_active_power**2 + reactive**2, rel=0.01
    )


def test_a_day_has_its_course() -> None:
    office = [_reading(_model(LOADS[0], hour)).total_active_power for hour in (3.0, 12.0, 22.0)]
    assert office[1] > 2 * office[0]
    assert office[1] > 2 * office[2]
    solar = {hour: _reading(_model(LOADS[1], hour)) for hour in (0.0, 13.0)}
    assert solar[13.0].total_active_power < -5000
    assert solar[13.0].total_power_factor < 0
    assert solar[0.0].total_active_power > 0
    assert _reading(_model(LOADS[3], 12.0)).total_capacitive_power > 0


@pytest.mark.parametrize(("load", "hour", "suffix"), [(0, 12.0, ""), (1, 12.5, "_generated")])
def test_energies_integrate_the_powers(load: int, hour: float, suffix: str) -> None:
    model = _model(LOADS[load], hour)
    start, powers = _energies(model), []
    for _ in range(600):
        model.advance(1.0)
        powers.append(_reading(model))
    end = _energies(model)
    hours = len(powers) / 3600
    for name, mean in (
        (f"active_energy{suffix}", sum(abs(each.total_active_power) for each in powers)),
        (f"inductive_energy{suffix}", sum(each.total_inductive_power for each in powers)),
        (f"apparent_energy{suffix}", sum(each.total_apparent_power for each in powers)),
    ):
        counted = getattr(end, name) - getattr(start, name)
        assert counted == pytest.approx(mean / len(powers) * hours, abs=1.5), name
    other = "" if suffix else "_generated"
    assert getattr(end, f"active_energy{other}") == 0


def test_maxima_and_minima_follow_the_image_from_the_start() -> None:
    model = _model(LOADS[1], 8.0)
    seen = {(v.image, v.quantity.name): v.count for v in model.values()}
    for each in QUANTITIES:
        first = seen[Image.INSTANTANEOUS, each.name]
        assert seen[Image.MAXIMUM, each.name] == seen[Image.MINIMUM, each.name] == first
    images = [_counts(model)]
    for _ in range(50):
        model.advance(1.0)
        images.append(_counts(model))
    for name in images[0]:
        counts = [image[name] for image in images]
        assert _counts(model, Image.MAXIMUM)[name] == max(counts)
        assert _counts(model, Image.MINIMUM)[name] == min(counts)
    model.clear_extremes()
    assert _counts(model, Image.MAXIMUM) == _counts(model, Image.MINIMUM) == images[-1]


def _counts(model: MeterModel, image: Image = Image.INSTANTANEOUS) -> dict[str, int]:
    return {v.quantity.name: v.count for v in model.values() if v.image is image}


@pytest.mark.parametrize("mode", DemandMode)
def test_the_demand_is_a_mean_over_15_minutes(mode: DemandMode) -> None:
    model = _model(LOADS[0], 6.5, mode)
    shown: list[Measurements] = []
    for _ in range(1000):
        model.advance(1.0)
        shown.append(_reading(model))
    quantity = {
        DemandMode.W: "total_active_power",
        DemandMode.VA: "total_apparent_power",
        DemandMode.A: "average_current",
        DemandMode.A_PER_PHASE: "l1_current",
    }[mode]
    last = [getattr(each, quantity) for each in shown[-900:]]
    assert shown[-1].maximum_demand == pytest.approx(sum(last) / 900, rel=2e-3)
    # the load rises in the morning: the mean lags behind
    assert shown[-1].maximum_demand < last[-1]


def test_the_image_is_refreshed_once_a_second_and_long_pauses_cost_little() -> None:
    model = _model(LOADS[0], 10.0)
    before = model.values()
    model.advance(0.4)
    assert model.values() == before
    model.advance(0.7)
    assert model.values() != before
    model.advance(30 * 86400.0)
    assert _energies(model).active_energy > 24 * 30 * 3 * LOADS[0].base * 0.8
