from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cvm96.plausibility import doubts
from drivers.cvm96.protocol import (
    BY_NAME,
    ENERGIES,
    MAP_SIZE,
    QUANTITIES,
    DemandMode,
    Image,
    Value,
    decode,
    encode,
    is_documented,
)
from drivers.cvm96.reading import (
    Energies,
    Measurements,
    energies_from,
    measurements_from,
    unbalance,
)

_words = st.integers(0, 0xFFFF)
_whole_map = st.lists(_words, min_size=MAP_SIZE, max_size=MAP_SIZE)


@given(st.integers(0, MAP_SIZE + 4), st.lists(_words, max_size=125))
def test_any_registers_give_the_values_they_hold_completely(start: int, words: list[int]) -> None:
    values = decode(start, words)
    for value in values:
        at = value.image + value.quantity.offset - start
        assert 0 <= at <= len(words) - 2
        high, low = words[at : at + 2]
        assert value.count % 2**32 == high << 16 | low
        assert value.quantity.signed or value.count >= 0
    held = sum(
        start <= image + each.offset and image + each.offset + 2 <= start + len(words)
        for image in Image
        for each in QUANTITIES
    )
    assert len(values) == held


@given(_whole_map, st.sampled_from(DemandMode), st.sampled_from(Image))
def test_any_map_is_a_reading(words: list[int], mode: DemandMode, image: Image) -> None:
    values = decode(0, words)
    assert len(values) == 132
    measurements = measurements_from(values, image, mode)
    energies = energies_from(values, image)
    assert all(getattr(energies, each.name) >= 0 for each in fields(energies))
    # one of three has all: a deviation of twice the mean, but for rounding
    assert 0.0 <= measurements.voltage_unbalance < 200.001
    assert 0.0 <= measurements.current_unbalance < 200.001
    assert all(doubt and doubt.isprintable() for doubt in doubts(measurements))
    per_phase = mode is DemandMode.A_PER_PHASE
    assert (measurements.maximum_demand_l2 is not None) is per_phase


@given(_whole_map)
def test_encode_is_the_reverse_of_decode(words: list[int]) -> None:
    blanked = [word if is_documented(at) else 0 for at, word in enumerate(words)]
    assert list(encode(decode(0, words))) == blanked


@pytest.mark.parametrize(
    ("name", "count", "shown"),
    [
        ("l1_active_power", 2**31, 2**31 - 1),
        ("l1_active_power", -(2**31) - 1, -(2**31)),
        ("active_energy", -1, 0),
        ("active_energy", 2**32, 2**32 - 1),
        ("active_energy", 2**32 - 1, 2**32 - 1),
    ],
)
def test_counts_stop_at_the_end_of_their_range(name: str, count: int, shown: int) -> None:
    quantity = BY_NAME[name]
    registers = encode([Value(quantity, Image.INSTANTANEOUS, count)])
    assert next(v for v in decode(0, registers) if v.quantity is quantity).count == shown


def test_the_map_is_that_of_the_reference() -> None:
    assert len(QUANTITIES) == len(BY_NAME) == 44
    assert len(ENERGIES) == 8
    offsets = [each.offset for each in QUANTITIES]
    assert offsets == [*range(0x00, 0x4A, 2), *range(0x52, 0x60, 2)]
    signed = {each.name for each in QUANTITIES if each.signed}
    lines = {f"l{n}_{what}" for n in (1, 2, 3) for what in ("active_power", "reactive_power")}
    lines |= {f"l{n}_power_factor" for n in (1, 2, 3)}
    totals = {f"total_{kind}_power" for kind in ("active", "inductive", "capacitive")}
    assert signed == lines | totals | {"total_cos_phi", "total_power_factor"}
    gap = {at for at in range(MAP_SIZE) if not is_documented(at)}
    assert gap == {image + at for image in Image for at in range(0x4A, 0x52)}
    assert not is_documented(-1)
    assert not is_documented(MAP_SIZE)


def test_readings_have_all_quantities() -> None:
    own = [each.name for each in fields(Measurements)]
    assert sorted(own) == sorted(each.name for each in QUANTITIES if not each.energy)
    assert {each.name for each in fields(Energies)} == {each.name for each in ENERGIES}


@pytest.mark.parametrize(
    ("mode", "unit", "shown", "phases"),
    [
        ("W", "W", 4711.0, (None, None)),
        ("VA", "VA", 4711.0, (None, None)),
        ("A", "A", 4.711, (None, None)),
        ("A_per_phase", "A", 4.711, (1.5, 2.5)),
    ],
)
def test_the_demand_is_what_the_keypad_says(
    mode: str, unit: str, shown: float, phases: tuple[float | None, float | None]
) -> None:
    demand = DemandMode(mode)
    counts = {"maximum_demand": 4711, "maximum_demand_l2": 1500, "maximum_demand_l3": 2500}
    registers = encode(Value(BY_NAME[name], Image.MAXIMUM, count) for name, count in counts.items())
    reading = measurements_from(decode(0, registers), Image.MAXIMUM, demand)
    assert (demand.unit, reading.maximum_demand) == (unit, shown)
    assert (reading.maximum_demand_l2, reading.maximum_demand_l3) == phases


def test_unbalance_is_that_of_nema() -> None:
    # NEMA MG 1: 460, 467 and 450 V have a mean of 459 V and a largest deviation of 9 V
    assert unbalance((460.0, 467.0, 450.0)) == pytest.approx(100 * 9 / 459)
    assert unbalance((0.0, 0.0, 0.0)) == 0.0
    assert unbalance((10.0, 0.0, 0.0)) == pytest.approx(200.0)


def _reading(**changes: float) -> Measurements:
    values = dict.fromkeys((each.name for each in fields(Measurements)), 0.0)
    values |= {f"l{n}_voltage": 230.0 for n in (1, 2, 3)}
    values |= {"l1_l2_voltage": 398.0, "l2_l3_voltage": 398.0, "l3_l1_voltage": 398.0}
    return Measurements(**{**values, "frequency": 50.0, **changes})


def test_a_plausible_reading_raises_no_doubt() -> None:
    assert doubts(_reading()) == ()
    assert doubts(_reading(l1_power_factor=-1.0, frequency=60.0)) == ()
    # a phase is missing: the line voltages say nothing then
    assert doubts(_reading(l3_voltage=0.0, l2_l3_voltage=230.0, l3_l1_voltage=230.0)) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"frequency": 500.0}, "frequency 500 Hz is not from 45 to 65 Hz"),
        ({"frequency": 0.0}, "frequency 0 Hz"),
        ({"l2_power_factor": 1.01}, "power factor 1.01 is not from -1 to 1"),
        ({"total_cos_phi": -655.0}, "power factor -655"),
        ({"l2_l3_voltage": 230.0}, "line voltage 230 V where 398 V would fit"),
        (dict.fromkeys((each.name for each in fields(Measurements)), 0.0), "all values are 0"),
    ],
)
def test_a_reading_of_another_map_raises_doubts(changes: dict[str, float], words: str) -> None:
    (doubt,) = doubts(_reading(**changes))
    assert words in doubt
