from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.cvm96.counters import CounterWatch
from drivers.cvm96.reading import Energies

_ZERO = Energies(**dict.fromkeys((each.name for each in fields(Energies)), 0))


def _follow(*counts: int) -> list[tuple[int, int]]:
    """Resets and use after each count of the active energy."""
    watch = CounterWatch()
    readings = [watch.follow(replace(_ZERO, active_energy=count)) for count in counts]
    return [(each.resets, each.since_start.active_energy) for each in readings]


def test_use_is_counted_from_the_first_reading() -> None:
    assert _follow(1000, 1000, 1007, 1107) == [(0, 0), (0, 0), (0, 7), (0, 107)]


def test_a_drop_is_a_reset_and_no_use() -> None:
    assert _follow(1000, 1010, 3, 8, 20) == [(0, 0), (0, 10), (1, 10), (1, 15), (1, 27)]


def test_zeros_after_power_up_are_not_counted_twice() -> None:
    assert _follow(1000, 1010, 0, 0, 1012, 1015) == [
        (0, 0), (0, 10), (1, 10), (1, 10), (1, 12), (1, 15)
    ]  # fmt: skip


def test_a_reset_after_power_up_is_one_more() -> None:
    assert _follow(1000, 500, 0, 30, 40)[-2:] == [(2, 30), (2, 40)]


def test_the_counters_that_dropped_are_named() -> None:
    watch = CounterWatch()
    full = Energies(**{each.name: 5000 for each in fields(Energies)})
    assert watch.follow(full).last_reset == ""
    one = watch.follow(replace(full, apparent_energy=12))
    assert (one.resets, one.last_reset) == (1, "apparent_energy 5000 to 12 VAh")
    more = watch.follow(_ZERO)
    assert (more.resets, more.last_reset) == (2, "active_energy 5000 to 0 Wh and 7 more")
    assert more.energies == _ZERO


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1))
def test_use_never_falls_and_never_exceeds_what_was_shown(counts: list[int]) -> None:
    found = _follow(*counts)
    uses = [use for _, use in found]
    assert uses == sorted(uses)
    assert uses[0] == 0
    drops = sum(after < before for before, after in pairwise(counts))
    assert found[-1][0] == drops
    rises = sum(max(0, b - a) for a, b in pairwise(counts))
    assert uses[-1] <= rises
