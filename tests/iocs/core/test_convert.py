"""Values in and out: refused or right, never bent and never another kind of error."""

from __future__ import annotations

import asyncio
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from iocs.ca.access import Access, Client, WriteRule
from iocs.ca.dbr import ConversionError, Form, Native, format_number, head_size
from iocs.ca.payload import payload
from iocs.ca.stamp import Stamp
from iocs.ca.values import decode
from iocs.device.declare import text_spec
from iocs.record.convert import coerce, parse_put
from iocs.record.point import Point
from tests.iocs.core.every_record import RECORDS, EveryRecord
from tests.iocs.core.plant import Plant

SPECS = {name: getattr(EveryRecord, name).spec for name in RECORDS}
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60) | st.binary()
anything = plain | st.lists(plain, max_size=8)


@pytest.fixture(scope="module")
def points() -> dict[str, Point]:
    async def make() -> dict[str, Point]:
        group = EveryRecord("T:", Plant())
        return {name: group.record(name) for name in RECORDS}

    return asyncio.run(make())


@example("bi", "²")
@example("waveform", [0.0] * 6)
@given(st.sampled_from(RECORDS), anything)
def test_any_put_is_understood_or_refused(
    points: dict[str, Point], record: str, value: Any
) -> None:
    point = points[record]
    try:
        parsed = parse_put(point, value)
    except (ConversionError, TypeError):
        return
    held = coerce(point.spec, parsed, point.pvname)
    if point.native is Native.ENUM:
        assert held in range(len(point.states))
    elif point.native is Native.LONG:
        assert isinstance(held, int)
        assert -(2**31) <= held < 2**31
    elif point.native is Native.STRING:
        assert isinstance(held, str)
        assert len(held.encode()) < 40


def test_nothing_is_a_negative_zero(points: dict[str, Point]) -> None:
    for zero in (-0.0, np.float64(-0.0)):
        assert math.copysign(1.0, coerce(points["ai"].spec, zero, "T:ai")) == 1.0
        assert math.copysign(1.0, parse_put(points["ao"], zero)) == 1.0
    array = coerce(points["waveform"].spec, [-0.0, 1.0], "T:waveform")
    assert not np.signbit(array[:2]).any()


def test_an_empty_text_may_come_without_a_byte_but_not_without_an_element(
    points: dict[str, Point],
) -> None:
    assert parse_put(points["stringout"], decode(Native.STRING, 1, b"")) == ""
    with pytest.raises(ConversionError, match="an empty array is no value"):
        parse_put(points["stringout"], decode(Native.STRING, 0, b""))


@given(st.integers(0, 34), st.integers(0, 2**32), st.binary(max_size=200))
def test_any_payload_of_a_put_is_decoded_or_refused(kind: int, count: int, raw: bytes) -> None:
    try:
        value = decode(kind, count, raw)
    except ConversionError:
        return
    assert len(value) <= count


@given(st.sampled_from(RECORDS), st.integers(0, 38), st.integers(0, 5))
def test_every_payload_has_the_size_that_its_header_announces(
    points: dict[str, Point], record: str, kind: int, count: int
) -> None:
    point = points[record]
    try:
        data = payload(point, kind, count)
    except ConversionError:
        return
    if kind <= 34:
        native = Native(kind % 7)
        size = 40 if native is Native.STRING else struct.calcsize(">" + " hfHBid"[native])
        assert len(data) == head_size(Form(kind // 7), native) + size * (count or point.count)


@pytest.mark.parametrize("native", [Native.SHORT, Native.ENUM, Native.CHAR, Native.LONG])
@pytest.mark.parametrize("value", [math.nan, 1e300, -1e300, math.inf, 70000.0, -1.0])
def test_numbers_are_held_at_the_ends_of_a_type(
    points: dict[str, Point], native: Native, value: float
) -> None:
    """Where EPICS Base wraps (70000 as SHORT is 4464) or leaves it to the processor (NaN)."""
    ends = {1: (-(2**15), 2**15 - 1), 3: (0, 2**16 - 1), 4: (0, 255), 5: (-(2**31), 2**31 - 1)}
    low, high = ends[native]
    expected = 0 if value != value else int(min(max(value, low), high))
    points["ai"].post(value, Stamp.now())
    points["waveform"].post((value,) * 5, Stamp.now())
    for name in ("ai", "waveform"):
        for form in Form:
            data = payload(points[name], 7 * form + native, 1)[head_size(form, native) :]
            assert struct.unpack(">" + " hfHBid"[native], data) == (expected,)


@given(st.floats(-1e300, 1e300), st.integers(0, 15))
def test_a_number_as_text_is_the_number(value: float, precision: int) -> None:
    text = format_number(value, precision)
    assert len(text) < 40
    if precision > 8 or abs(value) > 1e16:  # scientific
        assert math.isclose(float(text), value, rel_tol=0.51 * 10.0**-precision)
    else:
        digits = precision if abs(value) <= 1e7 else min(precision, 3)
        assert math.isclose(float(text), value, rel_tol=1e-15, abs_tol=0.501 * 10.0**-digits)


@pytest.mark.parametrize(
    ("record", "value"),
    [
        ("longin", 2**31),
        ("longin", -(2**31) - 1),
        ("mbbi", 3),
        ("mbbi", -1),
        ("waveform", [0.0] * 6),
        ("ai", "warm"),
        ("longin", math.inf),
        ("waveform", ["warm"]),
        ("stringin", "x" * 40),
        ("stringin", "é" * 20),
    ],
)
def test_a_drivers_value_that_does_not_fit_is_refused(record: str, value: Any) -> None:
    with pytest.raises(ConversionError, match=rf"^LAB:A:{record}: "):
        coerce(SPECS[record], value, f"LAB:A:{record}")


def test_arrays_are_padded_and_texts_end_at_their_nul() -> None:
    padded = coerce(SPECS["waveform"], [1.0], "X")
    assert padded[0] == 1.0
    assert np.all(np.isnan(padded[1:]))
    assert coerce(SPECS["stringin"], "a\0b" + "x" * 40, "X") == "a"


@given(st.text(), st.integers(1, 80))
def test_a_text_that_is_shortened_says_so_and_splits_no_character(value: str, size: int) -> None:
    spec = text_spec("Note", "A note", size)
    room = size - 1 if spec.count > 1 else 39
    whole = value.split("\0", maxsplit=1)[0].encode("utf-8", "replace").decode()
    held = coerce(spec, value, "LAB:Note")
    assert len(held.encode()) <= room
    if len(whole.encode()) <= room:
        assert held == whole
    else:
        assert held.endswith("...")
        assert whole.startswith(held.removesuffix("..."))
        assert room - len(held.encode()) < 4


def test_an_array_is_a_copy() -> None:
    given_array = np.zeros(5)
    held = coerce(SPECS["waveform"], given_array, "X")
    given_array[0] = 1.0
    assert held[0] == 0.0


texts = st.text(alphabet="abAB*?[].-0123456789/:", max_size=12)


@given(texts, texts, texts, st.lists(texts, max_size=3))
def test_without_a_rule_that_allows_nobody_writes(
    host: str, user: str, address: str, patterns: list[str]
) -> None:
    client = Client(host, user, address)
    rules = tuple(WriteRule(users=(pattern,), pvs=("nothing",)) for pattern in patterns)
    allowed = Access(rules=rules).may_write("T:X", client)
    assert allowed is (not rules)
    assert not Access(read_only=True).may_write("T:X", client)
    assert Access(rules=(*rules, WriteRule())).may_write("T:X", client)


def test_the_prefix_is_not_part_of_a_rule() -> None:
    rule = WriteRule(pvs=("Target",))
    anna = Client("desk", "anna", "10.0.0.1")
    assert Access(rules=(rule,), prefix="T:").may_write("T:Target", anna)
    assert not Access(rules=(rule,), prefix="T:").may_write("T:SetMode", anna)
