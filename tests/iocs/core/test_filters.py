"""Names with filters: any text is a filter or no name, and costs its neighbours nothing."""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from iocs.ca.filters import MAX_FILTERS, Filters, parse_filters
from iocs.ca.search import answer
from iocs.ca.server import Server
from tests.iocs.core.every_record import EveryRecord, Pair
from tests.iocs.core.plant import PREFIX, Plant, serving
from tests.iocs.core.test_fields_against_base import created
from tests.support.ca import CaSpace
from tests.support.rawca import SEARCH, RawCa, pack

HUGE = "1" + "0" * 310


def each(pattern: str, *values: str) -> tuple[str, ...]:
    """The pattern with each of the values for its #."""
    return tuple(pattern.replace("#", value) for value in values)


numbers = st.integers() | st.floats() | st.just(10**310) | st.sampled_from([2**31, -(2**31) - 1])
leaves = st.none() | st.booleans() | numbers | st.text(max_size=5)
keys = st.sampled_from(["dbnd", "arr", "ts", "abs", "rel", "d", "m", "s", "i", "e"]) | st.text(
    max_size=4
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)
)
objects = st.dictionaries(keys, values, max_size=4)
bracketed = st.text(alphabet="[]:-+0123456789 x_\u0661", max_size=30).map("[".__add__)
filter_texts = (
    objects.map(json.dumps) | bracketed | st.tuples(bracketed, objects.map(json.dumps)).map("".join)
)
hostile = st.sampled_from(
    [
        each('{"dbnd":{"abs":#}}', HUGE)[0],
        each('{"dbnd":{"abs":#}}', HUGE * 16)[0],
        '{"dbnd":{"abs":1e400}}',
        '{"dbnd":{"abs":NaN}}',
        '{"dbnd":{"abs":Infinity}}',
        each('{"arr":{"s":#}}', HUGE)[0],
        f"[{HUGE}:2]",
        '{"dbnd":' + "[" * 100_000,
        '{"a":' * 100_000,
        '{"dbnd":{"abs":1},"dbnd":{"abs":2}}',
        '{"ts":{"\\ud800":1}}',
        "{\ud800}",
        '{"ts":{}}\x00',
    ]
)


@pytest.fixture
async def context(space: CaSpace) -> AsyncIterator[Server]:
    """The server of a PV of every record type."""
    async with serving(EveryRecord(PREFIX, Plant())) as ioc:
        yield ioc.context


@given(st.text() | filter_texts | hostile)
@example(each('{"dbnd":{"abs":#}}', HUGE)[0])
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    try:
        found = parse_filters(text)
    except ValueError:
        return
    assert isinstance(found, Filters)
    assert len(text) <= 2 * MAX_FILTERS
    assert 0 <= found.count(5) <= 5
    assert found.count(1) == 1


async def test_any_name_is_known_or_not_and_costs_its_neighbours_nothing(
    context: Server,
) -> None:
    @given(st.sampled_from(["ai.", "waveform.VAL", "stringin.$", ""]), filter_texts | hostile)
    @example("ai.", each('{"dbnd":{"abs":#}}', HUGE)[0])
    def attack(channel: str, text: str) -> None:
        name = PREFIX + channel + text
        assert (context.find(name) is not None) == context.knows(name)
        names = [f"{PREFIX}ai", name[:60_000], f"{PREFIX}ao", f"{PREFIX}ai.HIHI"]
        datagram = b"".join(
            pack(SEARCH, n.encode("utf-8", "replace") + b"\0", 5, 13, number, number)
            for number, n in enumerate(names)
        )
        (reply,) = answer(datagram, 5064, context.knows)
        found = {struct.unpack_from(">I", reply, at + 12)[0] for at in range(16, len(reply), 24)}
        assert {0, 2, 3} <= found

    attack()


REFUSED_ON_PURPOSE = (
    'ai.{"dbnd":{"abs":NaN}}',  # no width
    'ai.{"dbnd":{"abs":true}}',
    'ai.{"dbnd":{"abs":"1.5"}}',
    'ai.{"dbnd":{}}',
    'ai.{"dbnd":{"abs":1,"rel":2}}',
    'ai.{"dbnd":{"abs":1},"dbnd":{"abs":2}}',  # Base applies the two in turn
    'ai.{"dbnd":{"abs":1,"abs":2}}',
    "ai.{dbnd:{abs:1}}",  # JSON5
    "ai.{'dbnd':{'abs':1}}",
    'ai.{"dbnd":{"abs":0x10}}',
    'ai.{"dbnd":{"abs":1}/*x*/}',
    'ai.{"ts":{"num":"dbl"}}',  # changes type and value
    'ai.{"ts":{"str":"iso"}}',
    'ai.{"utag":{}}',
    'ai.{"dec":{"n":2}}',
    "waveform.[0:0:3]",
    "waveform.[0:99999999999]",
    'waveform.{"arr":{"i":-1}}',
    'waveform.{"arr":{"s":1.5}}',
    'waveform.[0:3]{"arr":{"s":1}}',
)
SAME_AS_BASE = (
    *each('ai.{"dbnd":{"abs":#}}', "1", "-1", "1.5", "1E-400", "2147483648.0"),
    *each('ai.{"dbnd":{"abs":#}}', HUGE, "1e400", "2147483648", "1e5000", "null", "x"),
    *each('ai.{"dbnd":#}', "1", "[1]", "[" * 300 + "]" * 300, '{"x":1}', ""),
    *each("ai.#", '{"dbnd":{"abs":1}}x', '{"dbnd":{"abs":1}', '{"dbnd":{"abs":1}} '),
    *each("ai.#", "{}", '{"ts":{}}', '{"ts":1}', '{"ts":null}', '{"ts":{"x":1}}'),
    *each("ai.#", "[0]", "[5]", "[0:5]", "[1:2:]", "[\u0661]", '{"\\u0064bnd":{"d":1}}'),
    *each("waveform.[#]", "", "0", "9", "1:2", "1:2:4", ":", "::", "4:1", "-2:-1"),
    *each("waveform.[#]", "-99", "-2", "0:-99", "-99:99", "-2:-3", ":-2", "::-1"),
    *each("waveform.[#]", " 1:2", "0x1:2", "010:011", "08", "+1", "1_0", "1 ", "a"),
    *each('waveform.{"arr":{"s":#}}', "1", "-2", "99999999999", HUGE, "null", "[]"),
    *each("waveform.#", '[1:2]{"ts":{}}', '{"arr":{}}', '{"arr":1}', '{"arr":{"x":1}}'),
)


async def test_filters_are_those_of_base_or_no_name(pair: Pair) -> None:
    wrong: list[str] = []
    for name in (*REFUSED_ON_PURPOSE, *SAME_AS_BASE):
        ours, base = await shape(pair.ours, name), await shape(pair.base, name)
        if (ours != base) != (name in REFUSED_ON_PURPOSE) or (ours != base and ours is not None):
            wrong.append(f"{name}: ours {ours}, Base's {base}")
    assert not wrong, "\n".join(wrong)


async def shape(client: RawCa, name: str) -> tuple[int, int] | None:
    """Type and element count of a channel; None if there is none of that name."""
    channel = await created(client, PREFIX + name)
    return None if channel is None else (channel.data_type, channel.count)
