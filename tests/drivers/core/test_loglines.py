"""What outsiders say: plain, short, few lines."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.core.errors import NoReply, NotObeyed
from drivers.core.loglines import LONGEST, MOST_LINES, MOST_WINDOWS, FewLines, plain, quoted
from tests.support.wire.until import until

log = logging.getLogger("labioc.test")
hostile = st.text() | st.sampled_from(
    [
        "a\nb",
        "\x1b[2J",
        "x\r\x00",
        "\u2028",
        "\u202eevil",
        "\ud800",
        "\U000e0001" * 500,
        "y" * 10**6,
    ]
)


@given(hostile, st.integers(1, 300))
def test_any_text_becomes_one_short_line(text: str, most: int) -> None:
    shown = plain(text, most)
    assert shown.isprintable()
    assert len(shown) <= most + 40
    if text.isprintable() and len(text) <= most:
        assert shown == text


@given(hostile | st.binary() | st.floats() | st.none() | st.lists(hostile | st.integers()))
def test_any_value_becomes_one_short_line(value: object) -> None:
    shown = quoted(value)
    assert shown.isprintable()
    assert len(shown) < LONGEST * 2


def test_a_number_of_any_size_has_a_text() -> None:
    assert quoted(10**5000) == "a number of type int"
    assert quoted([1.5] * 1_000_000) == "[1.5, 1.5, 1.5, 1.5, ... (1000000 long)]"
    assert quoted(b"ab\n" * 100).startswith("b'ab\\nab")


def test_what_a_device_says_is_one_line_of_an_error() -> None:
    for error in (
        NoReply("tcp://a:1", "1", "read", "it said \x1b[2J\n2026-01-01 ERROR forged" + "x" * 10**6),
        NotObeyed("tcp://a:1", "1", "start", "no\n", "s\n" * 10**6),
    ):
        assert str(error).isprintable()
        assert len(str(error)) < 2 * LONGEST


async def test_the_first_lines_are_logged_the_others_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lines = FewLines(log)
    for number in range(1000):
        lines.say(logging.WARNING, "10.0.0.1", "read refused", f"line {number}\nforged")
        lines.say(logging.WARNING, "10.0.0.2", "read refused", f"other {number}", most=2)
    lines.close()
    said = [r.getMessage() for r in caplog.records]
    assert len(said) == MOST_LINES + 2 + 2
    assert said[0] == "line 0\\nforged"
    assert f"read refused: ... and {1000 - MOST_LINES} more like this by 10.0.0.1 in 60 s" in said
    assert "read refused: ... and 998 more like this by 10.0.0.2 in 60 s" in said


async def test_a_new_period_has_new_lines(caplog: pytest.LogCaptureFixture) -> None:
    lines = FewLines(log, period=0.01)
    for _ in range(MOST_LINES + 1):
        lines.say(logging.WARNING, "a", "kind", "line")
    await until(lambda: "1 more like this" in caplog.text)
    lines.say(logging.WARNING, "a", "kind", "line of the next period")
    assert caplog.records[-1].getMessage() == "line of the next period"
    lines.close()


async def test_many_senders_cost_bounded_memory_and_lines(caplog: pytest.LogCaptureFixture) -> None:
    lines = FewLines(log)
    for number in range(5 * MOST_WINDOWS):
        lines.say(logging.WARNING, f"10.0.{number // 256}.{number % 256}", "kind", "line")
    assert len(lines._windows) == MOST_WINDOWS + 1
    lines.close()
    assert len(caplog.records) == MOST_WINDOWS + MOST_LINES + 1
    assert not lines._windows
