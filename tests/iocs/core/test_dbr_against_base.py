"""Every DBR type of every record type is, byte for byte, what EPICS Base sends."""

from __future__ import annotations

import struct

from iocs.core.dbr import (
    _PADDING,
    CLASS_NAME,
    DTYPES,
    MAX_VALUE_TYPE,
    STSACK_STRING,
    Form,
    Native,
    head_size,
)
from tests.iocs.core.every_record import CASES, Case, Pair
from tests.iocs.core.plant import PREFIX
from tests.support.rawca import DBR_DOUBLE, DBR_STRING, WRITE, pack

_NO_NUMBERS = ("bi", "bo", "mbbi", "mbbo", "stringin", "stringout")


async def show(pair: Pair, case: Case) -> None:
    """Bring both IOCs into the same state."""
    pair.group.show(case.record, case.value)
    channel = await pair.base.create(PREFIX + case.record)
    value = case.value
    if isinstance(value, tuple):
        payload = struct.pack(f">{len(value)}d", *value)
        pair.base.send(pack(WRITE, payload, DBR_DOUBLE, len(value), channel.sid))
        await pair.base.sync()
    else:
        kind = DBR_STRING if isinstance(value, str) else None
        assert (await pair.base.put(channel, value, kind)).one == 1


def comparable(payload: bytes, data_type: int, count: int) -> bytes:
    """A payload without time stamp, and without what Base leaves in gaps and behind a NUL."""
    if data_type in (STSACK_STRING, CLASS_NAME):
        head = 8 if data_type == STSACK_STRING else 0
        return payload[:head] + payload[head:].split(b"\0")[0].lstrip()
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
    padding = _PADDING.get((form, native), 0)
    head = head[: len(head) - padding] + bytes(padding)
    body = payload[size:]
    if native is not Native.STRING:
        return head + body[: count * DTYPES[native].itemsize]
    texts = [body[40 * i : 40 * i + 40].split(b"\0")[0].lstrip() for i in range(count)]
    return head + b"|".join(texts)


async def test_every_dbr_type_equals_base(pair: Pair) -> None:
    wrong: list[str] = []
    for case in CASES:
        ours = await pair.ours.create(PREFIX + case.record)
        base = await pair.base.create(PREFIX + case.record)
        assert (ours.data_type, ours.count) == (base.data_type, base.count)
        await show(pair, case)
        types = [7 * form + native for form in Form for native in case.natives]
        if case.record in _NO_NUMBERS:  # their limits mean nothing, and Base leaves them to chance
            types = [t for t in types if t < 7 * Form.GR or t % 7 in (Native.STRING, Native.ENUM)]
        for data_type in [*types, STSACK_STRING, CLASS_NAME]:
            mine = await pair.ours.read(ours, data_type)
            theirs = await pair.base.read(base, data_type)
            assert mine.count == theirs.count or data_type > MAX_VALUE_TYPE
            one = (mine.one, comparable(mine.payload, data_type, mine.count))
            two = (theirs.one, comparable(theirs.payload, data_type, theirs.count))
            if one != two:
                wrong.append(f"{case} as {data_type}: ours {one}, Base's {two}")
    assert not wrong, "\n".join(wrong)
