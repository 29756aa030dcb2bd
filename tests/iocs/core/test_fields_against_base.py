"""Every record has the fields that EPICS Base gives its type: names, types, menus, long strings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from iocs.record.fields import Field
from tests.iocs.core.every_record import RECORDS, Pair
from tests.iocs.core.plant import PREFIX
from tests.support.rawca import DBR_ENUM, DBR_STRING, Channel, NoSuchPv, RawCa

_FIELD = re.compile(r"^\s*field\((\w+),\s*DBF_(\w+)\)", re.MULTILINE)

DIFFERENT_ON_PURPOSE = {
    "DTYP",  # the device supports that an IOC has; ours has but one
    "VAL",  # is the PV itself
}
SAME_VALUES = {
    *("DESC", "EGU", "PREC", "HOPR", "LOPR", "HIHI", "HIGH", "LOW", "LOLO", "HHSV", "HSV", "LSV"),
    *("LLSV", "HYST", "MDEL", "ADEL", "DRVH", "DRVL", "PINI", "DISP", "ACKS", "ACKT"),
    *("NELM", "FTVL", "ZNAM", "ONAM", "ZSV", "OSV", "ZRST", "ONST", "TWST", "THST", "TWSV"),
    *("PHAS", "EVNT", "TSE", "PRIO", "DISV", "DISA", "FLNK", "INP", "OUT", "LINR", "OMSL"),
}


def declared_fields(record: str) -> Iterator[tuple[str, str]]:
    """Names and types of a record type's fields in EPICS Base."""
    import epicscorelibs

    folder = Path(epicscorelibs.__file__).parent / "dbd"
    for name in ("dbCommon", f"{record}Record"):
        yield from _FIELD.findall((folder / f"{name}.dbd").read_text())


async def created(client: RawCa, name: str) -> Channel | None:
    try:
        return await client.create(name)
    except NoSuchPv:
        return None


async def text_of(client: RawCa, channel: Channel) -> str:
    answer = await client.read(channel, DBR_STRING, 1)
    return answer.payload.split(b"\0")[0].decode()


async def menu_of(client: RawCa, channel: Channel) -> list[str]:
    answer = await client.read(channel, 28 + DBR_ENUM)
    count = int.from_bytes(answer.payload[4:6], "big")
    labels = answer.payload[6 : 6 + 26 * 16]
    return [labels[26 * i : 26 * i + 26].split(b"\0")[0].decode() for i in range(count)]


async def test_every_field_of_base_is_there(pair: Pair) -> None:
    wrong: list[str] = []
    for record in RECORDS:
        for field, _ in declared_fields(record):
            base = await created(pair.base, f"{PREFIX}{record}.{field}")
            if base is not None and field != "VAL":
                difference = await compared(pair, f"{record}.{field}", base)
                wrong += [f"{record}.{field}: {difference}"] if difference else []
    assert not wrong, "\n".join(wrong)


async def compared(pair: Pair, name: str, base: Channel) -> str:
    """How a field differs from Base's, empty if it does not."""
    field = name.split(".")[1]
    ours = await created(pair.ours, PREFIX + name)
    if ours is None:
        return "missing"
    if (ours.data_type, ours.count) != (base.data_type, base.count):
        return f"{ours} is not {base}"
    for form in (0, 7, 14, 28):
        if (await pair.ours.read(ours, form + ours.data_type)).one != 1:
            return f"not readable as {form + ours.data_type}"
    if base.data_type == DBR_ENUM and field not in DIFFERENT_ON_PURPOSE:
        menu, meant = await menu_of(pair.ours, ours), await menu_of(pair.base, base)
        if menu != meant:
            return f"the menu {menu} is not {meant}"
    if field in SAME_VALUES and name != "bo.HIGH":  # a time there
        value, meant = await text_of(pair.ours, ours), await text_of(pair.base, base)
        if value != meant:
            return f"{value!r} is not {meant!r}"
    return ""


async def test_name_and_rtyp_tell_the_record(pair: Pair) -> None:
    for record in RECORDS:
        for field in ("NAME", "RTYP"):
            name = f"{PREFIX}{record}.{field}"
            ours = await text_of(pair.ours, await pair.ours.create(name))
            assert ours == await text_of(pair.base, await pair.base.create(name))


async def test_long_strings_have_the_size_of_base(pair: Pair) -> None:
    for name in ("ai.NAME$", "ai.DESC$", "ai.EGU$", "ai.EVNT$", "stringin.VAL$", "stringin.$"):
        ours, base = await pair.ours.create(PREFIX + name), await pair.base.create(PREFIX + name)
        assert (ours.data_type, ours.count) == (base.data_type, base.count), name
        mine = (await pair.ours.read(ours, ours.data_type)).payload.rstrip(b"\0")
        assert mine == (await pair.base.read(base, base.data_type)).payload.rstrip(b"\0"), name


NAMES = {
    "ai.": True,
    "ai.VAL": True,
    'ai.{"dbnd":{"abs":1.5}}': True,
    'ai.{"dbnd":{"d":1.5}}': True,
    'ai.VAL{"ts":{}}': True,
    "waveform.[1:2]": True,
    "waveform.VAL[1:2]": True,
    'waveform.{"arr":{"s":1,"i":2}}': True,
    "ai$": False,
    "ai.$": False,
    "waveform.VAL$": False,
    'ai{"dbnd":{"abs":1.5}}': False,
    'ai.{"sync":{"m":"while","s":"x"}}': False,
    'ai.{"none":{}}': False,
    "ai.NOFIELD": False,
    "ai.hihi": False,
    "nothing": False,
}


async def test_names_mean_what_they_mean_to_base(pair: Pair) -> None:
    for name, exists in NAMES.items():
        ours, base = (
            await created(pair.ours, PREFIX + name),
            await created(pair.base, PREFIX + name),
        )
        assert (ours is not None, base is not None) == (exists, exists), name
        if ours is not None and base is not None:
            assert (ours.data_type, ours.count) == (base.data_type, base.count), name


async def test_a_field_costs_nothing_until_somebody_asks(pair: Pair) -> None:
    point = pair.group.record("ai")
    assert point._fields is None
    await pair.ours.create(PREFIX + "ai.HIHI")
    assert [type(field) for field in (point._fields or {}).values()] == [Field]
