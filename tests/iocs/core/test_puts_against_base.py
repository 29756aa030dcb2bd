"""What a put means: what EPICS Base makes of it, or a refusal; never something else."""

from __future__ import annotations

import math
import struct

from iocs.core.convert import decode, parse_put
from iocs.core.dbr import ConversionError, Native
from tests.iocs.core.every_record import Pair
from tests.iocs.core.plant import PREFIX
from tests.support.rawca import DBR_DOUBLE, DBR_STRING, WRITE_NOTIFY, Channel, Message, RawCa, pack

_TEXTS = ("12", "abc", "", "5.5", "1e1", "0x1F", "010", "nan", "Auto", "On", "1", "7", " 7", "7 ")
_TEXTS += ("1 2", "1_0", "-1", "\u0661", "\u00b2", "4e1")
_WHOLE = (0, 1, 2, 3, 7, 40, 120)
VALUES: dict[Native, tuple[str | float, ...]] = {
    Native.STRING: _TEXTS,
    Native.SHORT: (*_WHOLE, -1, 300),
    Native.FLOAT: (0.0, 1.0, 5.5, 7.0, -1.0, math.nan, 1e10),
    Native.ENUM: (*_WHOLE, 65535),
    Native.CHAR: (*_WHOLE, 255),
    Native.LONG: (*_WHOLE, -1, 70000),
    Native.DOUBLE: (0.0, 1.0, 5.5, 7.0, -1.0, math.nan, math.inf, 1e10),
}
CLIPPED = (3.0, 50.0)
"""What ao and longout of Base hold puts at; our set points refuse them (their ``check_limits``)."""

BETTER = {
    ("longout", "1e1"),  # 1 with Base, which stops reading at the e
    ("longout", "4e1"),
}


def payload(native: Native, value: str | float) -> bytes:
    if isinstance(value, str):
        return value.encode().ljust(40, b"\0")
    return struct.pack(">" + " hfHBid"[native], value)


async def put(client: RawCa, channel: Channel, native: Native, raw: bytes) -> Message:
    number = client._number()
    request = pack(WRITE_NOTIFY, raw, native, 1, channel.sid, number)
    return await client._answered(WRITE_NOTIFY, number, request)


async def test_a_put_means_what_it_means_to_base_or_is_refused(pair: Pair) -> None:
    wrong: list[str] = []
    for record in ("ao", "longout", "bo", "mbbo", "stringout"):
        channel = await pair.base.create(PREFIX + record)
        point = pair.group.record(record)
        for native, values in VALUES.items():
            if record == "stringout" and native is not Native.STRING:
                continue  # numbers as text: without Base's six decimals; CHAR is a text
            for value in values:
                raw = payload(native, value)
                try:
                    ours = parse_put(point, decode(native, 1, raw))
                except ConversionError:
                    continue
                answer = await put(pair.base, channel, native, raw)
                theirs = await stored(pair.base, channel, record)
                if answer.one != 1 or not same(record, ours, theirs, value):
                    wrong.append(
                        f"{record} {native.name} {value!r}: ours {ours!r}, Base {theirs!r}"
                    )
    assert not wrong, "\n".join(wrong)


async def stored(client: RawCa, channel: Channel, record: str) -> str | float:
    if record == "stringout":
        return (await client.read(channel, DBR_STRING)).payload.split(b"\0")[0].decode()
    return struct.unpack(">d", (await client.read(channel, DBR_DOUBLE)).payload)[0]


def same(record: str, ours: object, theirs: object, value: object) -> bool:
    if (record, value) in BETTER:
        return True
    if record in ("ao", "longout") and isinstance(ours, (int, float)) and ours == ours:
        ours = min(max(ours, CLIPPED[0]), CLIPPED[1])
    return ours == theirs or (ours != ours and theirs != theirs)
