"""What a put means: what EPICS Base makes of it, or a refusal; never something else.

Every record type, element count and field that may be written, put as every DBR type.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pytest

from iocs.ca.dbr import Form, Native, head_size
from iocs.ca.stamp import Stamp
from iocs.device.puts import check_limits
from iocs.record.point import Point
from tests.iocs.core.every_record import RECORDS, Pair
from tests.iocs.core.plant import PREFIX
from tests.iocs.core.test_fields_against_base import (
    SAME_VALUES,
    created,
    declared_fields,
    menu_of,
)
from tests.support.rawca import ERROR, WRITE_NOTIFY, Channel, Message, RawCa, pack

_TEXTS = ("12", "abc", "", "5.5", "1e1", "0x1F", "010", "nan", "Auto", "On", "1", "7", " 7", "7 ")
_TEXTS += ("1 2", "1_0", "-1", "\u0661", "\u00b2", "4e1", "300", "65", "\u00e9", "x" * 39, "x" * 40)
_NAN, _INFINITE = float("nan"), float("inf")
_WHOLE = (0, 1, 2, 3, 7, 40, 120)
VALUES: dict[Native, tuple[str | float, ...]] = {
    Native.STRING: _TEXTS,
    Native.SHORT: (*_WHOLE, -1, 300),
    Native.FLOAT: (0.0, 1.0, 5.5, 7.0, -1.0, _NAN, 1e10),
    Native.ENUM: (*_WHOLE, 65535),
    Native.CHAR: (*_WHOLE, 65, 200, 255),
    Native.LONG: (*_WHOLE, -1, 300, 70000),
    Native.DOUBLE: (0.0, 1.0, 5.5, 7.0, -1.0, _NAN, _INFINITE, 1e10),
}
LABELS = ("NO_ALARM", "MINOR", "MAJOR", "INVALID", "YES", "Off", "On")
BYTES = (b"abc", b"12\0zz", b"\xff\xfe", b"-1\0")

OUTPUTS = ("ao", "longout", "bo", "mbbo", "stringout", "stringout.$")
ARRAYS = ("waveform", "bytes", "shorts", "longs", "floats", "chars")
CHARACTERS = ("chars", "stringout.$")

REFUSED_ON_PURPOSE = (
    "an empty array is no value",  # arrays are always full; the value of a scalar stays with Base
    "is not UTF-8",
    "nan is not a finite number",
    "inf is not a finite number",
    "must be 0 or a positive number",  # a hysteresis
    "is not between 0 and 15",  # a precision
    "there is no such state",  # the severity of a state that the PV does not have
    "64 bytes; 63 fit",  # a text always has its NUL
)
"""Reasons to refuse what Base holds as it was put; the document of the contract has them."""

READ_ONLY_HERE = {
    *("EGU", "DRVH", "DRVL", "PINI", "PHAS", "EVNT", "TSE", "PRIO", "DISV", "DISA", "FLNK"),
    *("INP", "OUT", "LINR", "OMSL", "ZNAM", "ONAM", "ZRST", "ONST", "TWST", "THST"),
    "FTVL",  # of a record of states: the number of the fourteenth
}


@dataclass(frozen=True, slots=True)
class Put:
    """Values of one DBR type."""

    native: Native
    values: tuple[str | float, ...]

    @property
    def payload(self) -> bytes:
        if self.native is Native.STRING:
            return b"".join(str(v).encode()[:40].ljust(40, b"\0") for v in self.values)
        return struct.pack(f">{len(self.values)}{' hfHBid'[self.native]}", *self.values)

    @property
    def text(self) -> bytes | None:
        """The text, up to the first NUL, that it is as characters; None if it has others."""
        if self.native is Native.STRING:
            return str(self.values[0]).encode()[:40] if self.values else b""
        codes = [int(v) & 0xFF for v in self.values if v in range(-128, 256)]
        return bytes(codes).split(b"\0")[0] if len(codes) == len(self.values) else None

    def __str__(self) -> str:
        return f"{self.native.name} x {len(self.values)} {self.values[:5]}"


@dataclass(frozen=True, slots=True)
class Held:
    """What an IOC answered to a put, and what it holds since."""

    accepted: bool
    reason: str
    value: Any


def puts(native: Native, values: tuple[str | float, ...], count: int) -> Iterator[Put]:
    """One element, none, several, as many as there are, and more."""
    yield Put(native, ())
    for value in values:
        yield Put(native, (value,))
    several = values[:1] * 2 if native is Native.STRING else values[:4]
    for length in sorted({2, count, count + 1, count + 3} - {1}):
        yield Put(native, tuple(several[i % len(several)] for i in range(length)))
    if native is Native.CHAR:
        for raw in (*BYTES, b"x" * (count - 1), b"x" * count, b"x" * (count + 1)):
            yield Put(native, tuple(raw))


async def send(
    client: RawCa, channel: Channel, data_type: int, count: int, raw: bytes
) -> tuple[bool, str]:
    """Put with callback: whether it was carried out, and the reason if not."""
    number = client._number()
    request = pack(WRITE_NOTIFY, raw, data_type, count, channel.sid, number)
    answer = await client._answered(WRITE_NOTIFY, number, request)
    return answer.one == 1, answer.text if answer.command == ERROR else ""


async def value_of(client: RawCa, channel: Channel, name: str) -> Any:
    """A list of numbers, or a text up to its NUL."""
    answer: Message = await client.read(channel, channel.data_type)
    if channel.data_type == Native.STRING or name.endswith("$") or name == "chars":
        size = 40 if channel.data_type == Native.STRING else answer.count
        return answer.payload[:size].split(b"\0")[0]
    code = f">{answer.count}{' hfHBid'[channel.data_type]}"
    return list(struct.unpack_from(code, answer.payload))


async def hold(point: Point, value: Any) -> None:
    """What our PVs do with a put: as a set point of a device that does as it is told."""
    check_limits(point, value)
    point.take(value, Stamp.now())


@pytest.fixture
def open_pair(pair: Pair) -> Pair:
    """Both IOCs, with ours taking puts to outputs and arrays."""
    for name in (*OUTPUTS, *ARRAYS):
        point = pair.group.record(name.removesuffix(".$"))
        point.spec = replace(point.spec, writable=True)
        point.putter = hold
    return pair


async def compare(
    pair: Pair, name: str, values: dict[Native, tuple[str | float, ...]]
) -> list[str]:
    """Put all `values` to both; what they make of it differently without a reason."""
    wrong: list[str] = []
    ours, base = await pair.ours.create(PREFIX + name), await pair.base.create(PREFIX + name)
    states = len(await menu_of(pair.ours, ours)) if ours.data_type == Native.ENUM else 0
    for native in Native:
        for put in puts(native, values[native], ours.count):
            before = await value_of(pair.ours, ours, name)
            mine, theirs = [
                Held(
                    *await send(client, channel, native, len(put.values), put.payload),
                    await value_of(client, channel, name),
                )
                for client, channel in ((pair.ours, ours), (pair.base, base))
            ]
            if not mine.accepted and repr(mine.value) != repr(before):
                wrong.append(f"{name} <- {put}: refused, but {before} became {mine.value}")
            elif not agrees(name, ours.data_type, put, mine, theirs, states):
                wrong.append(f"{name} <- {put}: ours {mine}, Base {theirs}")
    return wrong


def agrees(name: str, held: int, put: Put, mine: Held, theirs: Held, states: int) -> bool:
    if mine.accepted and theirs.accepted:
        return same(name, held, put, mine.value, theirs.value)
    if mine.accepted:  # Base has no text for characters
        return is_characters(name) and put.native is Native.STRING and mine.value == put.text
    if not theirs.accepted or any(reason in mine.reason for reason in REFUSED_ON_PURPOSE):
        return True
    if held == Native.ENUM:  # a state without a label, or a text that only begins with a number
        return theirs.value[0] >= states or not is_held(held, put, theirs.value)
    return not is_held(held, put, theirs.value)


def same(name: str, held: int, put: Put, mine: Any, theirs: Any) -> bool:
    """Whether both hold the same; the document of the contract has the exceptions."""
    if is_characters(name):  # Base leaves what was behind them before
        theirs = theirs[: len(put.values)] if "$" in name else theirs
        return mine == (put.text if put.native is Native.STRING else theirs)
    if held == Native.STRING:
        if put.native in (Native.FLOAT, Native.DOUBLE):  # six decimals, or PREC, with Base
            return repr(float(mine)) == repr(float(theirs))
        return mine == (put.text if put.native is Native.CHAR else theirs)
    full = [_NAN] if held in (Native.FLOAT, Native.DOUBLE) else [0]
    theirs = theirs + full * (len(mine) - len(theirs))
    if name.endswith(".PROC") or repr(mine) == repr(theirs):
        return True
    exact = put.native is Native.STRING and re.fullmatch(r"\d+e\d+", str(put.values[0]))
    return bool(exact) and is_held(held, put, mine[: len(put.values)])  # Base stops at the e


def is_characters(name: str) -> bool:
    return name == "chars" or name.endswith("$")


def is_held(held: int, put: Put, value: Any) -> bool:
    """Whether a value is exactly what was put."""
    if isinstance(value, bytes):
        return value == put.text
    asked = [number(v) if isinstance(v, str) else float(v) for v in put.values]
    return repr(asked) == repr([float(v) for v in value])


def number(text: str) -> float | None:
    """The number that a text is as a whole."""
    if "_" in text or not text.isascii():
        return None
    try:
        return float(int(text, 0))
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None


@pytest.mark.parametrize("name", [*OUTPUTS, *ARRAYS])
async def test_a_put_means_what_it_means_to_base_or_is_refused(open_pair: Pair, name: str) -> None:
    wrong = await compare(open_pair, name, VALUES)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("record", RECORDS)
async def test_a_put_to_a_field_means_what_it_means_to_base_or_is_refused(
    pair: Pair, record: str
) -> None:
    wrong: list[str] = []
    read_only: set[str] = set()
    values = VALUES | {Native.STRING: (*_TEXTS, *LABELS)}
    for field, kind in declared_fields(record):
        long = (f"{record}.{field}$",) if kind == "STRING" else ()
        for name in (f"{record}.{field}", *long):
            base = await created(pair.base, PREFIX + name)
            if base is None or base.rights != 3 or field == "VAL":
                continue
            ours = await pair.ours.create(PREFIX + name)
            if ours.rights != 3:
                read_only |= {field} & SAME_VALUES - ({"HIGH"} if record == "bo" else set())
                continue
            wrong += await compare(pair, name, values)
            if field == "DISP":
                await pair.ours.put(ours, 0.0)
                await pair.base.put(base, 0.0)
    assert not wrong, "\n".join(wrong)
    assert read_only <= READ_ONLY_HERE


@pytest.mark.parametrize("form", [form for form in Form if form])
async def test_a_put_with_alarm_stamp_or_limits_is_one_of_its_value(
    open_pair: Pair, form: Form
) -> None:
    """EPICS Base refuses it; no client of its library can send one."""
    for name in ("ao", "longout", "longs"):
        ours = await open_pair.ours.create(PREFIX + name)
        base = await open_pair.base.create(PREFIX + name)
        for native in Native:
            put = Put(native, ("7",) if native is Native.STRING else (7,))
            kind, raw = form * 7 + native, bytes(head_size(form, native)) + put.payload
            await send(open_pair.ours, ours, Native.STRING, 1, b"9")
            assert await send(open_pair.ours, ours, kind, 1, raw) == (True, "")
            assert not (await send(open_pair.base, base, kind, 1, raw))[0]
            assert (await value_of(open_pair.ours, ours, name))[0] == 7


async def test_a_put_without_its_payload_is_refused_and_its_client_kept(pair: Pair) -> None:
    """As with EPICS Base, which looks at no payload of DBR types that are not put."""
    for client in (pair.ours, pair.base):
        channel = await client.create(PREFIX + "longout")
        for data_type, raw in product(range(7, 35), (b"", b"7" + bytes(7))):
            for count in (0, 1):
                accepted, _ = await send(client, channel, data_type, count, raw)
                assert not accepted, (data_type, count, raw)
        assert (await client.read(channel)).one == 1
