from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.core.backoff import Backoff


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_doubles_up_to_the_cap_and_starts_again_after_success() -> None:
    clock = _Clock()
    backoff = Backoff(0.5, 30.0, clock=clock, uniform=lambda low, high: (low + high) / 2)
    waits = [backoff.failed() for _ in range(9)]
    assert waits[1:6] == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0])
    assert 0.5 <= waits[0] <= 0.625
    assert all(22.5 <= wait <= 30.0 for wait in waits[6:])
    backoff.reset()
    assert backoff.remaining == 0.0
    assert backoff.failed() <= 0.625


def test_remaining_counts_down_with_the_clock() -> None:
    clock = _Clock()
    backoff = Backoff(1.0, 8.0, clock=clock, uniform=lambda low, _: low)
    assert backoff.remaining == 0.0
    wait = backoff.failed()
    assert backoff.remaining == pytest.approx(wait)
    clock.now += wait / 4
    assert backoff.remaining == pytest.approx(wait * 3 / 4)
    clock.now += wait
    assert backoff.remaining == 0.0
    assert backoff.failures == 1


def test_allow_now_keeps_the_failures() -> None:
    clock = _Clock()
    backoff = Backoff(clock=clock)
    for _ in range(5):
        backoff.failed()
    backoff.allow_now()
    assert backoff.remaining == 0.0
    assert backoff.failed() >= 10.0


@given(st.integers(1, 200), st.floats(0.0, 1.0))
def test_every_wait_is_between_first_and_cap(failures: int, share: float) -> None:
    backoff = Backoff(0.5, 30.0, uniform=lambda low, high: low + share * (high - low))
    assert all(0.5 <= backoff.failed() <= 30.0 for _ in range(failures))


@pytest.mark.parametrize(("first", "cap"), [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0)])
def test_refuses_limits_that_make_no_sense(first: float, cap: float) -> None:
    with pytest.raises(ValueError, match="first"):
        Backoff(first, cap)
