from __future__ import annotations

import pytest

from drivers.cpa1110.simulator.model import CompressorModel, Panel
from drivers.cpa1110.units import PressureUnit, TemperatureUnit
from drivers.cpa1110.words import OperatingState


@pytest.fixture
def model() -> CompressorModel:
    return CompressorModel(
        Panel(pressure_unit=PressureUnit.BAR, temperature_unit=TemperatureUnit.C)
    )


def test_start_and_stop_take_two_seconds_each(model: CompressorModel) -> None:
    seen = [model.state]
    model.start()
    for _ in range(8):
        seen.append(model.state)
        model.advance(0.5)
    model.stop()
    for _ in range(8):
        seen.append(model.state)
        model.advance(0.5)
    assert [state for at, state in enumerate(seen) if at == 0 or seen[at - 1] != state] == [
        OperatingState.IDLE,
        OperatingState.STARTING,
        OperatingState.RUNNING,
        OperatingState.STOPPING,
        OperatingState.IDLE,
    ]


def test_it_warms_up_within_minutes_and_cools_down(model: CompressorModel) -> None:
    rest = model.snapshot()
    assert rest.delta_pressure_average == pytest.approx(0.0, abs=0.1)
    assert 0.1 < rest.motor_current < 0.3
    model.start()
    model.advance(120.0)
    hot = model.snapshot()
    assert 60.0 < hot.helium_temperature < 72.0
    assert 30.0 < hot.coolant_out_temperature < 36.0
    assert 13.5 < hot.delta_pressure_average < 15.5
    assert 4.9 < hot.low_pressure_average < 5.7
    assert 17.0 < hot.motor_current < 20.0
    model.stop()
    model.advance(600.0)
    cold = model.snapshot()
    assert not cold.compressor_running
    assert cold.helium_temperature == pytest.approx(20.8, abs=1.0)
    assert cold.delta_pressure_average == pytest.approx(0.0, abs=0.1)


def test_readings_are_alive_and_delta_is_of_the_same_moment(model: CompressorModel) -> None:
    model.start()
    model.advance(300.0)
    readings = []
    for _ in range(20):
        model.advance(1.0)
        readings.append(model.snapshot())
    assert len({one.helium_temperature for one in readings}) > 10
    for one in readings:
        assert one.delta_pressure_average == one.high_pressure - one.low_pressure
        assert one.high_pressure_average == pytest.approx(one.high_pressure, abs=0.6)


def test_hours_rise_only_while_running(model: CompressorModel) -> None:
    before = model.snapshot().hours_of_operation
    model.advance(3600.0)
    assert model.snapshot().hours_of_operation == before
    model.start()
    for _ in range(3):
        model.advance(3600.0)
    assert model.snapshot().hours_of_operation == before + 3.0


def test_an_alarm_stops_the_motor_and_a_start_is_not_obeyed(model: CompressorModel) -> None:
    model.start()
    model.advance(5.0)
    model.raise_alarm(1 << 4)
    snapshot = model.snapshot()
    assert (snapshot.operating_state, snapshot.compressor_running) == (OperatingState.ERROR, False)
    assert snapshot.alarms == ("oil_high",)
    model.start()
    assert model.state == OperatingState.ERROR
    model.clear_alarms()
    assert model.state == OperatingState.RECOVERED_FROM_ERROR
    model.start()
    assert model.state == OperatingState.STARTING


@pytest.mark.parametrize("state", [6, 7, 8, 9, 16])
def test_error_states_do_not_start(model: CompressorModel, state: int) -> None:
    model.force_state(state)
    model.start()
    model.stop()
    assert model.state == state
