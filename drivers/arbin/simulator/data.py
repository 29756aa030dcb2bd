"""What the simulated cycler says about starting and resuming: arbin-protocol.md 4.13."""

from __future__ import annotations

from ..results import DataResult
from ..resume_point import ResumePoint
from ..start_data import ResumeData, StartData
from .channel import ChannelModel
from .run import TestRun

_MOST_NAMES = 50


def start_data(channel: ChannelModel | None, index: int) -> StartData:
    """What a channel could start with: the schedule that is assigned, and names of past tests."""
    if channel is None or channel.assignment is None:
        return StartData(index, DataResult.ERROR)
    schedule = channel.assignment.schedule
    return StartData(
        index,
        DataResult.OK,
        channel.assignment.name,
        tuple(channel.variables),
        tuple(channel.past_tests[-_MOST_NAMES:]),
        tuple(step.label for step in schedule.steps) if schedule else (),
    )


def resume_data(channel: ChannelModel | None, index: int) -> ResumeData:
    """What a channel could resume: the test that was stopped last."""
    if channel is None:
        return ResumeData(index, DataResult.ERROR)
    run = channel.resumable
    if run is None or channel.assignment is None:
        return ResumeData(index, DataResult.NOTHING_TO_RESUME)
    return ResumeData(
        index,
        DataResult.OK,
        channel.test_name,
        channel.assignment.name,
        point=_point(run),
        steps=tuple(step.label for step in run.schedule.steps),
    )


def _point(run: TestRun) -> ResumePoint:
    counters = run.counters
    return ResumePoint(
        run.cycle,
        counters.test_time,
        counters.step_time,
        counters.charge_capacity,
        counters.discharge_capacity,
        counters.charge_energy,
        counters.discharge_energy,
        variables=tuple(run.variables),
    )
