from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cpa1110.protocol import COUNT_2X, Measurements, decode, encode, revision_of
from drivers.cpa1110.simulator.model import REVISION_3X, CompressorModel, Panel
from drivers.cpa1110.status import status_from
from drivers.cpa1110.units import PressureUnit, TemperatureUnit, from_celsius, to_celsius
from drivers.cpa1110.words import (
    BIT_NAMES,
    DecodeError,
    bit_names,
    bit_texts,
    mask_from_float,
    mask_from_names,
    model_name,
    state_name,
)

_words = st.integers(0, 0xFFFF)
_blocks = st.lists(_words, min_size=33, max_size=33) | st.lists(_words, min_size=55, max_size=55)


@given(_blocks, st.sampled_from(Measurements))
def test_any_registers_are_a_snapshot_or_our_error(
    registers: list[int], measurements: Measurements
) -> None:
    registers[28] %= 4
    registers[29] %= 4
    try:
        snapshot = decode(registers, measurements)
    except DecodeError:
        return
    status = status_from(snapshot, PressureUnit.BAR)
    for each in fields(status):
        value = getattr(status, each.name)
        assert not isinstance(value, float) or math.isfinite(value), each.name
    assert status.summary
    assert snapshot.revision == revision_of(registers)


@given(st.lists(_words).filter(lambda registers: len(registers) not in (33, 55)))
def test_a_block_of_another_length_is_an_error(registers: list[int]) -> None:
    with pytest.raises(DecodeError, match="registers, not 33 or 55"):
        decode(registers)


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_masks_of_3x_keep_every_bit(warnings: int, alarms: int) -> None:
    model = CompressorModel(Panel(revision=REVISION_3X), warning_mask=warnings, alarm_mask=alarms)
    snapshot = decode(encode(model.snapshot()))
    assert (snapshot.warning_mask, snapshot.alarm_mask) == (warnings, alarms)


@given(st.integers(0, 0xFFFFFF))
def test_masks_of_2x_keep_24_bits(mask: int) -> None:
    registers = encode(CompressorModel(alarm_mask=mask).snapshot())
    assert decode(registers[:COUNT_2X]).alarm_mask == mask


def test_the_float_word_of_3x_loses_bit_0_where_the_integer_does_not() -> None:
    mask = 1 << 30 | 1
    registers = encode(CompressorModel(Panel(revision=REVISION_3X), alarm_mask=mask).snapshot())
    assert decode(registers).alarm_mask == mask
    assert decode(registers[:COUNT_2X]).alarm_mask == 1 << 30


def test_a_2x_panel_read_with_55_registers_still_shows_its_alarms() -> None:
    registers = encode(CompressorModel(alarm_mask=5).snapshot())
    assert len(registers) == 55
    assert decode(registers, Measurements.INTEGER).alarms == ("coolant_in_high", "coolant_out_high")


@pytest.mark.parametrize("wire", [*range(7, 29, 2)])
@pytest.mark.parametrize("word", [0x7F80, 0xFF80, 0x7FC0])
def test_nan_and_infinity_are_named_with_their_wire_address(wire: int, word: int) -> None:
    registers = list(encode(CompressorModel().snapshot())[:COUNT_2X])
    registers[wire] = word
    with pytest.raises(DecodeError, match=f"wire {wire}: the value is"):
        decode(registers)


@pytest.mark.parametrize(
    ("value", "words"), [(math.nan, "nan"), (math.inf, "inf"), (1e30, "32 bits")]
)
def test_a_mask_that_cannot_be_one(value: float, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        mask_from_float(value, 3)


@pytest.mark.parametrize(("value", "mask"), [(-0.0, 0), (0.0, 0), (-17.0, 17), (17.0, 17)])
def test_masks_of_both_signs(value: float, mask: int) -> None:
    assert mask_from_float(value, 3) == mask


@pytest.mark.parametrize(("wire", "known"), [(29, "0 psi, 1 bar, 2 kPa"), (30, "0 F, 1 C, 2 K")])
def test_an_unknown_unit_makes_the_block_useless(wire: int, known: str) -> None:
    registers = list(encode(CompressorModel().snapshot())[:COUNT_2X])
    registers[wire - 1] = 3
    with pytest.raises(DecodeError, match=f"wire {wire}: unit 3 is none of {known}"):
        decode(registers)


def test_integers_of_3x_are_signed_tenths() -> None:
    snapshot = CompressorModel(Panel(revision=REVISION_3X)).snapshot()
    snapshot = replace(snapshot, delta_pressure_average=-0.24, hours_of_operation=65001.2)
    decoded = decode(encode(snapshot), Measurements.INTEGER)
    assert decoded.delta_pressure_average == -0.2
    assert decoded.hours_of_operation == 65001.2


def test_unknown_states_and_bits_keep_their_numbers() -> None:
    assert state_name(4) == "unknown"
    assert state_name(15) == "recovered_from_error"
    assert state_name(16) == "resolve_previous_error"
    assert bit_names(1 << 31 | 1 << 5) == ("oil_low", "bit_31")
    assert bit_texts(1 << 31 | 1 << 5) == "Oil temperature too low; Unknown bit 31"
    assert bit_texts(0) == ""
    assert len(BIT_NAMES) == 31


@given(st.integers(0, 0xFFFFFFFF))
def test_bit_names_lead_back_to_the_mask(mask: int) -> None:
    assert mask_from_names(bit_names(mask)) == mask


@pytest.mark.parametrize("name", ["oil", "bit_32", "bit_x", ""])
def test_names_of_no_bit(name: str) -> None:
    with pytest.raises(ValueError, match="unknown bit"):
        mask_from_names([name])


@pytest.mark.parametrize(
    ("pair", "name"),
    [
        ((4, 19), "CPA1110"),
        ((4, 24), "CPA1114"),
        ((5, 18), "CPA289C"),
        ((5, 14), "CPA28H7"),
        ((1, 1), "CPA08A1"),
        ((4, 99), None),
        ((0, 19), None),
    ],
)
def test_models(pair: tuple[int, int], name: str | None) -> None:
    assert model_name(*pair) == name
    snapshot = CompressorModel(Panel(model=pair)).snapshot()
    text = status_from(snapshot, PressureUnit.BAR).model
    assert text == (name or f"unknown ({pair[0]}, {pair[1]})")


@pytest.mark.parametrize("pressure", PressureUnit)
@pytest.mark.parametrize("temperature", TemperatureUnit)
def test_the_units_of_the_panel_never_change_the_meaning(
    pressure: PressureUnit, temperature: TemperatureUnit
) -> None:
    panel = Panel(pressure_unit=pressure, temperature_unit=temperature)
    status = status_from(decode(encode(CompressorModel(panel).snapshot())), PressureUnit.BAR)
    assert status.low_pressure == pytest.approx(15.1, rel=1e-6)
    assert status.helium_temperature == pytest.approx(20.8, rel=1e-4)
    assert (status.panel_pressure_unit, status.panel_temperature_unit) == (pressure, temperature)


def test_unit_factors() -> None:
    assert to_celsius(32.0, TemperatureUnit.F) == 0.0
    assert to_celsius(0.0, TemperatureUnit.K) == -273.15
    assert from_celsius(100.0, TemperatureUnit.F) == pytest.approx(212.0)
    snapshot = replace(CompressorModel().snapshot(), high_pressure=1.0)
    assert status_from(snapshot, PressureUnit.KPA).high_pressure == pytest.approx(6.894757)
    assert status_from(snapshot, PressureUnit.BAR).high_pressure == pytest.approx(0.06894757)
