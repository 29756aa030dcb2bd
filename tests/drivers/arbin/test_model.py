"""The simulated cell, schedules, and the tests that a channel runs."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.arbin.results import (
    AssignResult,
    ContinueResult,
    JumpResult,
    Result,
    ResumeResult,
    StartResult,
    StopResult,
    VariableResult,
)
from drivers.arbin.simulator.battery import Battery
from drivers.arbin.simulator.channel import Assignment, ChannelModel, Refusal
from drivers.arbin.simulator.schedule import END, BadSchedule, Control, parse_schedule
from drivers.arbin.words import Status

CC_CV = """\
Step_A; Rest; ; step_time >= 10
Step_B; Current(A); 2.5; voltage >= 4.2
Step_C; Voltage(V); 4.2; current <= 0.25
Step_D; Current(A); -2.5; voltage <= 3
Step_E; Set Variable(s); ; cycle <= 2 -> Step_B
"""


def running(text: str, **options: object) -> ChannelModel:
    """A channel on which a schedule has just been started."""
    channel = ChannelModel(0, Battery(), **options)  # type: ignore[arg-type]
    channel.assign(Assignment("T.sdx", parse_schedule(text.encode())), "", 0.0)
    channel.start("T1")
    return channel


def refused(result: Result) -> pytest.RaisesExc[Refusal]:
    """The command is answered with this result."""
    return pytest.raises(Refusal, check=lambda error: error.result is result)


# -- the cell


@given(st.floats(-0.2, 1.2), st.floats(-60, 60), st.floats(-20, 60))
def test_a_cell_gives_back_the_current_of_a_voltage(
    state: float, current: float, temperature: float
) -> None:
    cell = Battery(state=state, temperature=temperature)
    assert cell.current_at(cell.voltage_at(current)) == pytest.approx(current, abs=1e-6)
    power = current * cell.voltage_at(current)
    if current > -cell.inner_voltage / (2 * cell.ohmic_resistance):
        assert cell.current_for(power) == pytest.approx(current, abs=1e-3)


def test_charge_goes_in_and_out_and_the_open_voltage_rises_with_it() -> None:
    cell = Battery(capacity=5.0, state=0.0)
    voltages = [cell.open_circuit_voltage]
    for _ in range(10):
        cell.advance(360.0, 5.0)
        voltages.append(cell.open_circuit_voltage)
    assert cell.state == pytest.approx(1.0)
    assert voltages == sorted(voltages)
    assert (voltages[0], voltages[-1]) == pytest.approx((2.7, 4.2))
    for _ in range(10):
        cell.advance(360.0, -5.0)
    assert cell.state == pytest.approx(0.0)


def test_a_cell_sags_under_load_warms_up_and_recovers() -> None:
    cell = Battery(state=0.5)
    rest = cell.voltage_at(0.0)
    sag = [cell.voltage_at(-10.0)]
    for _ in range(120):
        cell.advance(1.0, -10.0)
        sag.append(cell.voltage_at(-10.0))
    assert rest > sag[0] > sag[-1]
    assert cell.temperature > 25.5
    hot = cell.temperature
    for _ in range(3600):
        cell.advance(1.0, 0.0)
    assert cell.slow_voltage == pytest.approx(0.0, abs=1e-6)
    assert 25.0 < cell.temperature < hot


def test_more_power_than_the_cell_has_gives_its_highest() -> None:
    cell = Battery(state=0.5)
    current = cell.current_for(-1e6)
    assert current == pytest.approx(-cell.inner_voltage / (2 * cell.ohmic_resistance))


# -- schedules


def test_a_schedule_is_parsed() -> None:
    schedule = parse_schedule(("# a comment\nversion = 7\n" + CC_CV).encode())
    assert schedule.version == 7
    assert [step.label[-1] for step in schedule.steps] == list("ABCDE")
    assert schedule.steps[1].control is Control.CURRENT
    assert schedule.steps[1].limits[0].target == 2
    assert schedule.steps[4].limits[0].target == 1
    assert parse_schedule(b"A; Rest; ; step_time >= 1").steps[0].limits[0].target == END


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no step"),
        ("A; Rest", "line 1: not of the form"),
        ("A; Rest;\n; Rest;", "line 2: the label ''"),
        ("A; Rest;\nA; Rest;", "the only one"),
        ("A; Dance;", "'Dance' is none of Rest"),
        ("A; Rest; 5", "takes no value"),
        ("A; Current(A);", "needs a value"),
        ("A; Current(A); fast", "'fast' is no number"),
        ("A; Current(A); MV_UD17", "MV_UD1 to MV_UD16"),
        ("A; Current(A); nan", "'nan' is no number"),
        ("A; Rest; ; step_time = 5", "not of the form quantity"),
        ("A; Rest; ; mood >= 5", "quantity of step_time"),
        ("A; Rest; ; step_time >= 5 -> B", "no step 'B'"),
        ("\xff", "not a text"),
        ("A\0; Rest;", "line 1: characters that cannot be printed"),
        ("A" * (1 << 20) + ";", "at most"),
    ],
)
def test_what_is_no_schedule_says_why(text: str, says: str) -> None:
    with pytest.raises(BadSchedule, match=says.replace("(", r"\(")):
        parse_schedule(text.encode("latin-1"))


@given(st.binary(max_size=200))
def test_any_file_is_a_schedule_or_says_why_not(content: bytes) -> None:
    with contextlib.suppress(BadSchedule):
        assert parse_schedule(content).steps


# -- a test on a channel


def test_a_cell_is_cycled_with_constant_current_and_voltage() -> None:
    channel = running(CC_CV)
    assert (channel.status, channel.exit_condition) == (Status.TRANSITION, "N/A")
    seen: list[tuple[Status, str]] = []
    highest = 0.0
    while channel.running:
        channel.advance(5.0)
        highest = max(highest, channel.measured.voltage)
        now = (channel.status, channel.step_text)
        if seen[-1:] != [now]:
            seen.append(now)
        assert len(seen) < 20
    assert seen == [
        (Status.REST, "[1] 1: Step_A, Rest"),
        (Status.CHARGE, "[1] 2: Step_B, Current(A)"),
        (Status.CHARGE, "[1] 3: Step_C, Voltage(V)"),
        (Status.DISCHARGE, "[1] 4: Step_D, Current(A)"),
        (Status.CHARGE, "[2] 2: Step_B, Current(A)"),
        (Status.CHARGE, "[2] 3: Step_C, Voltage(V)"),
        (Status.DISCHARGE, "[2] 4: Step_D, Current(A)"),
        (Status.FINISHED, "[3] 5: Step_E, Set Variable(s)"),
    ]
    assert highest == pytest.approx(4.2, abs=0.01)
    assert channel.exit_condition == "Step_D: voltage <= 3"
    counters = channel.counters
    gained = (counters.charge_capacity - counters.discharge_capacity) / channel.battery.capacity
    assert channel.battery.state == pytest.approx(0.4 + gained, abs=1e-6)
    assert counters.charge_energy > 3.0 * counters.charge_capacity
    assert channel.measured.current == 0.0


def test_the_current_of_a_step_follows_a_user_variable() -> None:
    channel = running("A; Current(A); MV_UD1; voltage >= 4.2")
    channel.advance(5.0)
    assert (channel.measured.current, channel.status) == (0.0, Status.CHARGE)
    channel.set_variable(1, -1.5)
    channel.advance(1.0)
    assert (channel.measured.current, channel.status) == (-1.5, Status.DISCHARGE)
    with refused(VariableResult.NO_META_CODE):
        channel.set_variable(17, 1.0)
    with refused(VariableResult.NO_META_CODE):
        channel.set_variable(None, 1.0)
    channel.stop()
    with refused(VariableResult.NOT_RUNNING):
        channel.set_variable(1, 1.0)


def test_the_channel_can_do_no_more_than_it_can() -> None:
    channel = running("A; Current(A); -1e6; step_time >= 1")
    channel.advance(1.5)
    assert channel.measured.current == -60.0


def test_constant_power() -> None:
    channel = running("A; Power(W); -8; test_time >= 60")
    channel.advance(30.0)
    measured = channel.measured
    assert measured.voltage * measured.current == pytest.approx(-8.0, rel=0.01)
    assert channel.status is Status.DISCHARGE
    channel.advance(40.0)
    assert (channel.running, channel.exit_condition) == (False, "A: test_time >= 60")


@pytest.mark.parametrize(
    ("current", "limit"),
    [
        ("3", "charge_capacity >= 0.05"),
        ("-3", "discharge_capacity >= 0.05"),
        ("-6", "temperature >= 26"),
        ("3", "current >= 2.9"),
    ],
)
def test_every_quantity_can_end_a_step(current: str, limit: str) -> None:
    channel = running(f"A; Current(A); {current}; {limit}; step_time >= 600 -> B\nB; Rest;")
    channel.advance(300.0)
    assert channel.step_text.startswith("[1] 2: B")
    assert channel.run is not None
    assert channel.run.exit_condition == f"A: {limit}"
    assert channel.exit_condition == "N/A"


def test_resistances_are_measured_and_stay() -> None:
    channel = running("A; Internal Resistance;\nB; ACI;\nC; Rest; ; step_time >= 9")
    channel.advance(2.0)
    assert channel.status is Status.INTERNAL_RESISTANCE
    channel.advance(2.0)
    assert channel.status is Status.AC_IMPEDANCE
    channel.advance(3.0)
    assert channel.status is Status.REST
    measured = channel.measured
    assert 0.0 < measured.ac_resistance < measured.impedance < measured.internal_resistance


def test_a_pause_waits_to_be_continued() -> None:
    channel = running("A; Rest; ; step_time >= 2\nB; Pause;\nC; Current(A); 1; step_time >= 60")
    with refused(ContinueResult.RUNNING):
        channel.go_on()
    channel.advance(60.0)
    assert channel.status is Status.PAUSE
    channel.go_on()
    channel.advance(1.0)
    assert (channel.status, channel.measured.current) == (Status.CHARGE, 1.0)
    channel.pause()
    channel.advance(300.0)
    assert (channel.status, channel.measured.current) == (Status.PAUSE, 0.0)
    assert channel.counters.step_time == pytest.approx(1.0)
    channel.go_on()
    channel.advance(1.0)
    assert channel.counters.step_time == pytest.approx(2.0)


def test_a_stopped_test_is_resumed_where_it_was() -> None:
    channel = running("A; Rest; ; step_time >= 5\nB; Current(A); 1; step_time >= 60")
    channel.advance(16.0)
    channel.stop()
    assert (channel.status, channel.exit_condition) == (Status.IDLE, "Stopped by user")
    with refused(StopResult.NOT_RUNNING):
        channel.stop()
    channel.advance(100.0)
    channel.resume()
    channel.advance(11.0)
    assert channel.counters.step_time == pytest.approx(20.0)
    channel.stop()
    channel.resume(0)
    channel.advance(1.5)
    assert channel.status is Status.REST
    channel.jump(END)
    assert channel.status is Status.FINISHED
    with refused(ResumeResult.TEST_NAME):
        channel.resume()


def test_jumps() -> None:
    channel = running(CC_CV)
    channel.jump(3)
    channel.advance(1.0)
    assert (channel.status, channel.step_text) == (Status.DISCHARGE, "[1] 4: Step_D, Current(A)")
    channel.linked = False
    with refused(JumpResult.NOT_CONNECTED):
        channel.jump(0)
    channel.linked = True
    channel.jump(5)  # beyond the last step: the test stops (arbin-protocol.md 4.9)
    assert (channel.running, channel.status) == (False, Status.FINISHED)
    with refused(JumpResult.NOT_RUNNING):
        channel.jump(0)
    long = running("\n".join(f"S{n}; Rest; ; step_time >= 9" for n in range(201)))
    with refused(JumpResult.TOO_MANY_STEPS):
        long.jump(1)


def test_steps_that_take_no_time_do_not_go_round_for_ever() -> None:
    channel = running("A; Rest; ; step_time >= 1\nB; Set Variable(s); ; cycle >= 0 -> B")
    channel.advance(10.0)
    assert (channel.status, channel.running) == (Status.ERROR, False)


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ({"unsafe": True}, StartResult.RUNNING),
        ({"linked": False}, StartResult.NOT_CONNECTED),
        ({"assignment": None}, StartResult.NO_SCHEDULE),
        ({"assignment": Assignment("X.sdx", None)}, StartResult.SCHEDULE_INVALID),
        ({"mits": 7}, StartResult.SCHEDULE_VERSION),
        ({"temperatures": 0}, StartResult.AUX_COUNT),
        ({"downloading": 5.0}, StartResult.DOWNLOADING),
        ({"battery": Battery(state=-0.05)}, StartResult.SAFETY_CHECK),
    ],
)
def test_a_start_is_refused(change: dict[str, object], result: StartResult) -> None:
    schedule = parse_schedule(b"A; Rest; ; temperature >= 60")
    channel = ChannelModel(0, assignment=Assignment("T.sdx", schedule))
    for name, value in change.items():
        setattr(channel, name, value)
    with refused(result):
        channel.start("T1")
    with refused(ResumeResult[result.name]):
        channel.resume()
    assert not channel.running


def test_further_refusals() -> None:
    channel = running(CC_CV)
    schedule = Assignment("T.sdx", parse_schedule(CC_CV.encode()))
    with refused(StartResult.RUNNING):
        channel.start("T2")
    with refused(AssignResult.RUNNING):
        channel.assign(schedule, "", 0.0)
    channel.linked = False
    with refused(StopResult.NOT_CONNECTED):
        channel.stop()
    with refused(ContinueResult.NOT_CONNECTED):
        channel.go_on()
    channel.linked = True
    channel.stop()
    with refused(ContinueResult.NOT_PAUSED):
        channel.go_on()
    channel.calibrating = True
    with refused(ContinueResult.CALIBRATING):
        channel.go_on()
    channel.calibrating = False
    channel.assign(schedule, "", 3.0)
    with refused(AssignResult.DOWNLOADING):
        channel.assign(schedule, "", 3.0)
    channel.advance(3.0)
    with refused(StartResult.TEST_NAME):
        channel.start("")
    with refused(StartResult.STEP_NUMBER):
        channel.start("T2", 5)
    channel.make_unsafe()
    with refused(ContinueResult.UNSAFE):
        channel.go_on()


def test_what_is_unsafe_stops_the_test_and_stays_so() -> None:
    channel = running("A; Current(A); 60; voltage >= 9")
    channel.advance(3600.0)
    assert (channel.status, channel.running) == (Status.UNSAFE, False)
    assert channel.exit_condition.startswith("Unsafe: ")
    channel.advance(3600.0)
    assert channel.status is Status.UNSAFE
    channel.clear_unsafe()
    channel.advance(1.0)
    assert channel.status is Status.IDLE
