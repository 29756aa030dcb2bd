"""Fixtures of the driver tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


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
