"""Fixtures of the driver tests."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.clock import own_clock


@pytest.fixture
async def _own_clock() -> AsyncIterator[None]:
    with own_clock(asyncio.get_running_loop()):
        yield


@pytest.fixture(autouse=True)
def _time_of_others_does_not_count(request: pytest.FixtureRequest) -> None:
    """Let no time-out of a driver end because the machine was busy with something else."""
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("_own_clock")


@pytest.fixture(autouse=True)
def _quiet_loggers(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which asyncio or pymodbus logged a warning or an error."""
    yield
    noise = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.levelno >= logging.WARNING and record.name.startswith(("asyncio", "pymodbus"))
    ]
    assert not noise
