"""Conditions of rules mean what they mean in Phoebus, and nothing else can be said in them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.preview.expression import BadExpression, evaluate

_NAMES = {"pv0": 1.0, "pv1": 0.0, "pvInt0": 5.0, "pvStr0": "Run", "pvSev0": 2.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("pv0 == 1", True),
        ("pv0 === 1", True),
        ("pv0 != 1", False),
        ("pvSev0 >= 2 || pv1 == 1", True),
        ("pvSev0 >= 2 && pv1 == 1", False),
        ("!(pv1 == 1)", True),
        ('pvStr0 == "Run"', True),
        ("pvStr0 == 'a && b'", False),
        ("(pvInt0 & 4) != 0", True),
        ("pv0 + 2 * pvSev0 > -1", True),
        ("true", True),
    ],
)
def test_values(text: str, value: bool) -> None:
    assert evaluate(text, _NAMES) is value


@pytest.mark.parametrize(
    "text",
    ["", "pv7 == 1", "pv0 ==", "__import__('os')", "pv0.real", "pv0 / 0", "[1]", "pvStr0 < 1"],
)
def test_what_is_not_understood_is_told(text: str) -> None:
    with pytest.raises(BadExpression):
        evaluate(text, _NAMES)


@given(st.text(max_size=40))
def test_any_text_gives_a_value_or_our_error(text: str) -> None:
    with contextlib.suppress(BadExpression):
        assert isinstance(evaluate(text, _NAMES), (float, int, str))
