"""Every record type, field and long text as every DBR type and count: the bytes of EPICS Base."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from itertools import product

import pytest

from iocs.ca.dbr import (
    CLASS_NAME,
    MAX_VALUE_TYPE,
    PADDING,
    STSACK_STRING,
    Form,
    Native,
    blank,
    element_size,
    head_size,
)
from tests.iocs.core.every_record import CASES, RECORDS, Case, Pair
from tests.iocs.core.plant import PREFIX
from tests.iocs.core.test_fields_against_base import created, declared_fields
from tests.support.rawca import DBR_CHAR, DBR_DOUBLE, DBR_STRING, WRITE, Channel, Message, pack

ALL_TYPES = range(CLASS_NAME + 1)
_TEXTS = ("stringin", "stringout", "chars")
_STATES = ("bi", "bo", "mbbi", "mbbo")


async def show(pair: Pair, case: Case) -> None:
    """Bring both IOCs into the same state."""
    pair.group.show(case.record, case.value)
    channel = await pair.base.create(PREFIX + case.record)
    value = case.value
    if isinstance(value, tuple):
        payload = struct.pack(f">{len(value)}d", *value)
        pair.base.send(pack(WRITE, payload, DBR_DOUBLE, len(value), channel.sid))
        await pair.base.sync()
    elif case.record == "chars":
        payload = value.encode() + b"\0"
        pair.base.send(pack(WRITE, payload, DBR_CHAR, len(payload), channel.sid))
        await pair.base.sync()
    else:
        kind = DBR_STRING if isinstance(value, str) else None
        assert (await pair.base.put(channel, value, kind)).one == 1


def comparable(message: Message) -> tuple[int, int, bytes]:
    """Status, count and payload; without the stamp, and what Base leaves in gaps and behind a NUL.

    A read that failed has no bytes in either: Base leaves alarm and limits in some.
    """
    data_type, count, payload = message.data_type, message.count, message.payload
    if message.one != 1:
        return message.one, count, bytes(len(payload))
    if data_type in (STSACK_STRING, CLASS_NAME):
        head = 8 if data_type == STSACK_STRING else 0
        return 1, 1, payload[:head] + payload[head:].split(b"\0")[0].lstrip()
    form, native = Form(data_type // 7), Native(data_type % 7)
    size = head_size(form, native)
    head = payload[:size]
    if form is Form.TIME:
        head = head[:4] + bytes(8) + head[12:]
    if form in (Form.GR, Form.CTRL) and native is Native.ENUM:
        labels = [head[6 + 26 * i : 32 + 26 * i].split(b"\0")[0] for i in range(16)]
        head = head[:6] + b"|".join(labels)
    elif form in (Form.GR, Form.CTRL) and native in (Native.FLOAT, Native.DOUBLE):
        head = head[:6] + bytes(2) + head[8:]
    padding = PADDING.get((form, native), 0)
    head = head[: len(head) - padding] + bytes(padding)
    body = payload[size : size + count * element_size(native)]
    if native is not Native.STRING:
        return 1, count, head + body
    texts = [body[40 * i : 40 * i + 40].split(b"\0")[0].lstrip() for i in range(count)]
    return 1, count, head + b"|".join(texts)


def full_length(ours: Message, theirs: Message) -> Message:
    """Base's answer as long as ours: it sends what there is of an array, we pad with zeros."""
    native = Native(ours.data_type % 7) if ours.data_type <= MAX_VALUE_TYPE else Native.STRING
    if theirs.one != 1 or ours.count <= theirs.count or ours.data_type > MAX_VALUE_TYPE:
        return theirs
    size = head_size(Form(ours.data_type // 7), native)
    payload = theirs.payload[: size + theirs.count * element_size(native)]
    payload = payload.ljust(size + ours.count * element_size(native), b"\0")
    return Message(theirs.command, ours.data_type, ours.count, theirs.one, theirs.two, payload)


def is_compared(name: str, data_type: int) -> bool:
    """Whether we mean to send what Base does; the document of the contract has the exceptions.

    An array of characters as STRING is the text with us, ``49`` for a "1" with Base. Metadata of a
    bo is that of its HIGH, a time. Other texts of a record of states are no state: Base sends what
    is in its memory.
    """
    record, _, field = name.partition(".")
    form, native = divmod(data_type, 7) if data_type <= MAX_VALUE_TYPE else (0, DBR_STRING)
    if native == DBR_STRING and data_type != CLASS_NAME:
        return "$" not in field and record != "chars"
    if record == "bo" and form >= Form.GR and native != Native.ENUM:
        return False
    return native != Native.ENUM or record not in _STATES or field in ("", "VAL")


def types_of(case: Case) -> Iterable[int]:
    """All but those that cannot hold the value: we hold it at the type's end, Base wraps it."""
    for data_type in ALL_TYPES:
        if data_type > MAX_VALUE_TYPE or data_type % 7 in case.natives:
            yield data_type


def difference(name: str, ours: Message, theirs: Message) -> list[str]:
    one, two = comparable(ours), comparable(full_length(ours, theirs))
    if one == two:
        return []
    return [f"{name} as {ours.data_type} x {ours.count}: ours {one}, Base's {two}"]


async def test_every_dbr_type_and_count_equals_base(pair: Pair) -> None:
    wrong: list[str] = []
    for case in CASES:
        await show(pair, case)
        names = (case.record, case.record + ".$") if case.record in _TEXTS[:2] else (case.record,)
        for name in names:
            ours, base = await both(pair, name)
            asked = [
                (data_type, count)
                for data_type, count in product(types_of(case), {0, 1, 3, ours.count})
                if count <= ours.count and is_compared(name, data_type)
            ]
            for mine, theirs in await answers(pair, ours, base, asked):
                wrong += difference(f"{name} = {case.value!r}", mine, theirs)
    assert not wrong, "\n".join(wrong[:50])


async def both(pair: Pair, name: str) -> tuple[Channel, Channel]:
    """A channel of both IOCs."""
    ours, base = await pair.ours.create(PREFIX + name), await pair.base.create(PREFIX + name)
    assert (ours.data_type, ours.count) == (base.data_type, base.count), name
    return ours, base


async def answers(
    pair: Pair, ours: Channel, base: Channel, asked: Iterable[tuple[int, int]]
) -> list[tuple[Message, Message]]:
    """What both answer to each DBR type and count."""
    mine = asyncio.gather(*(pair.ours.read(ours, *what) for what in asked))
    theirs = asyncio.gather(*(pair.base.read(base, *what) for what in asked))
    return list(zip(await mine, await theirs, strict=True))


async def test_every_first_event_equals_base(pair: Pair) -> None:
    wrong: list[str] = []
    for name in (*RECORDS, "stringin.$", "chars", "bytes", "longs", "ai.DESC$"):
        for case in [case for case in CASES if case.record == name.partition(".")[0]][:6]:
            await show(pair, case)
            for mine, theirs in await first_events(pair, name, case):
                wrong += difference(f"{name} = {case.value!r}", mine, theirs)
    assert not wrong, "\n".join(wrong[:50])


async def first_events(pair: Pair, name: str, case: Case) -> list[tuple[Message, Message]]:
    """What both send to a subscription to each DBR type, of any count and of all elements."""
    ours, base = await both(pair, name)
    asked = [
        (data_type, count)
        for data_type, count in product(types_of(case), {0, 1, ours.count})
        if is_compared(name, data_type)
    ]
    subscribed = [
        asyncio.gather(*(client.subscribe(channel, 5, *what) for what in asked))
        for client, channel in ((pair.ours, ours), (pair.base, base))
    ]
    mine, theirs = [[m.events[0] for m in await monitors] for monitors in subscribed]
    await pair.ours.clear(ours)
    await pair.base.clear(base)
    return list(zip(mine, theirs, strict=True))


@pytest.mark.parametrize("count", [0, 1])
async def test_a_monitor_that_cannot_be_converted_gets_what_base_sends(
    pair: Pair, count: int
) -> None:
    """A text that is a number, is none, and is one again; as a number and as a state."""
    await show(pair, Case("stringout", "1"))
    ours, base = await both(pair, "stringout")
    for data_type in (1, 15, 18, 20, 34, 3, 31, 35, 36):
        mine = await pair.ours.subscribe(ours, data_type=data_type, count=count)
        theirs = await pair.base.subscribe(base, data_type=data_type, count=count)
        for text in ("nothing", "12 V", "", "1"):
            await show(pair, Case("stringout", text))
        for one, two in zip(await mine.count(5), await theirs.count(5), strict=True):
            assert comparable(one) == comparable(two)


async def test_what_cannot_be_answered_is_refused(pair: Pair) -> None:
    """More elements than there are, which Base pads; DBR types that are none, where it hangs up."""
    for name in ("ai", "waveform", "chars", "stringin.$"):
        channel = await pair.ours.create(PREFIX + name)
        for data_type, count in ((6, channel.count + 1), (20, 0xFFFFFFFF), (39, 1), (65535, 0)):
            answer = await pair.ours.read(channel, data_type, count)
            assert (answer.one, answer.count, answer.payload) == (152, 0, b"")


OTHER_VALUES = {
    *("LALM", "MLST", "SCAN", "SSCN", "SDEF", "SDLY"),  # no meaning here, or another
    *("ORAW", "RVAL", "OVAL", "PVAL", "ONVL", "TWVL"),  # what a record of Base works with
    *("FLNK", "INP", "OUT", "DOL", "SDIS", "SIML", "SIOL", "TSEL"),  # no links; NaN with Base
    "RTYP",  # no field in Base, which gives its characters too
    "HIGH",  # of bo, a time
    "BUSY",
    "DTYP",
    "VAL",
}


async def test_every_field_equals_base_as_every_dbr_type(pair: Pair) -> None:
    wrong: list[str] = []
    for record in RECORDS:
        number = 5 if record in ("ai", "ao", "longin", "longout") else 1
        value = "12" if record in _TEXTS else (1.0,) * 5 if record == "waveform" else number
        await show(pair, Case(record, value))
        for field, suffix in product(sorted({f for f, _ in declared_fields(record)}), ("", "$")):
            if field in OTHER_VALUES or (record, field) == ("ao", "IVOV"):
                continue
            name = f"{record}.{field}{suffix}"
            base = await created(pair.base, PREFIX + name)
            ours = await created(pair.ours, PREFIX + name)
            assert (ours is None) == (base is None), name
            if ours is None or base is None:
                continue
            assert (ours.data_type, ours.count) == (base.data_type, base.count), name
            asked = [(data_type, 1) for data_type in ALL_TYPES if is_compared(name, data_type)]
            for mine, theirs in await answers(pair, ours, base, asked):
                if fits(mine, theirs):
                    wrong += difference(name, mine, theirs)
    assert not wrong, "\n".join(wrong[:60])


def fits(ours: Message, theirs: Message) -> bool:
    """Whether limits of the type's width are compared: Base cuts wider ones to it."""
    if ours.data_type > MAX_VALUE_TYPE or ours.one != 1 or theirs.one != 1:
        return True
    form, native = Form(ours.data_type // 7), Native(ours.data_type % 7)
    return form < Form.GR or native in (Native.STRING, Native.FLOAT, Native.ENUM, Native.DOUBLE)


def test_what_failed_is_as_long_as_its_header_says() -> None:
    for data_type, count in product(ALL_TYPES, (0, 1, 5)):
        if data_type not in (STSACK_STRING, CLASS_NAME):
            assert not any(blank(data_type, count))
