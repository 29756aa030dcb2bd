"""What clients claim: it forges no line, steers no terminal and fills no disk."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import struct
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.core.loglines import LONGEST, MOST_LINES
from iocs.app import logs
from iocs.app.serve import Ioc
from iocs.ca.framing import SMALL
from iocs.device.health_pvs import ERROR_SIZE
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, serving
from tests.support.ca import CaSpace
from tests.support.rawca import (
    DBR_STRING,
    ECA_NORMAL,
    READ_NOTIFY,
    WRITE_NOTIFY,
    RawCa,
    pack,
    subscription,
)

FLOOD = 1000
LONGEST_NAME = SMALL - 8
"""Bytes of a name in a message that is not too long; its client is dropped for a longer one."""

EVIL = "eve\n2026-01-01 00:00:00 ERROR labioc: forged \x1b[2J\x9b\u2028"


class Log:
    """What the IOC writes to its standard error."""

    def __init__(self) -> None:
        self._stream = io.StringIO()

    def set_up(self, level: str, *, json_lines: bool = False) -> None:
        """As an IOC sets it up."""
        logs.set_up(level, json_lines=json_lines)
        (handler,) = logging.getLogger().handlers
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(self._stream)

    @property
    def lines(self) -> list[str]:
        return self._stream.getvalue().split("\n")[:-1]

    def clear(self) -> None:
        self._stream.seek(0)
        self._stream.truncate()


@pytest.fixture
def log() -> Iterator[Log]:
    """The log as an IOC sets it up."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = Log()
    written.set_up("debug")
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("kind", ["put", "read", "subscription", "drop"])
async def test_a_flood_of_refusals_leaves_a_few_lines(log: Log, ioc: Ioc, kind: str) -> None:
    long = "n" * LONGEST_NAME
    log.clear()
    if kind == "drop":
        for _ in range(30):
            async with RawCa(ioc.context.port, user=long, host=long) as client:
                client.send(pack(READ_NOTIFY, b"", 6, 1, 4711, 1))
                await client.gone()
    else:
        async with RawCa(ioc.context.port, user=long, host=long) as client:
            await flood(client, kind)
    ioc.context.lines.close()
    caused = [line for line in log.lines if "DEBUG" not in line]
    assert len(caused) == MOST_LINES + 1
    assert sum(len(line) for line in caused) < (MOST_LINES + 1) * (LONGEST + 100)
    expected = 30 if kind == "drop" else FLOOD
    assert f"... and {expected - MOST_LINES} more like this by 127.0.0.1 in 60 s" in caused[-1]


async def flood(client: RawCa, kind: str) -> None:
    """Ask a thousand times for what is refused."""
    target = await client.create(PREFIX + "Target")
    note = await client.create(PREFIX + 'Name.{"ts":{}}')
    for number in range(FLOOD):
        if kind == "put":
            client.send(client.put_request(target, 1e9, None, number))
        elif kind == "read":
            client.send(pack(READ_NOTIFY, b"", 6, 70_000, note.sid, number))
        else:
            client.send(subscription(note, number, 20, 70_000, 1))
    await client.sync()
    last = FLOOD - 1
    if kind == "put":  # their answers may come behind the echo
        while not any(m.command == WRITE_NOTIFY and m.two == last for m in client.unasked):
            await client.sync()


evil_texts = st.text(max_size=300) | st.just(EVIL) | st.just("\ud800\r" + "x" * 70_000)
bounded = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_no_client_forges_a_line(space: CaSpace, log: Log) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        @bounded
        @given(evil_texts, evil_texts, evil_texts)
        def attack(user: str, host: str, text: str) -> None:
            claims = (t.encode("utf-8", "surrogatepass") for t in (user, host, text))
            session = claim(ioc, *claims)
            asyncio.run_coroutine_threadsafe(session, loop).result(60)

        async with serving(PlantIoc(PREFIX, Plant())) as ioc:
            await asyncio.to_thread(attack)
            assert ioc.group.last_error.value.isprintable()
            assert len(ioc.group.last_error.value) < ERROR_SIZE

    asyncio.run(main())
    assert len(log.lines) > 20
    for line in log.lines:
        assert line.isprintable(), repr(line)
        assert line.startswith("20"), repr(line)  # its own time: nothing else begins a line
        assert len(line) < 5 * LONGEST


async def claim(ioc: Ioc, user: bytes, host: bytes, text: bytes) -> None:
    """Claim these names, and put, read and subscribe with the text wherever one goes."""
    ioc.context.lines.close()  # as if a minute had passed
    async with RawCa(ioc.context.port, greet=False) as client:
        client.send(pack(0, b"", 0, 13) + pack(21, host[:LONGEST_NAME] + b"\0"))
        client.send(pack(20, user[:LONGEST_NAME] + b"\0"))
        name = PREFIX + "Name." + '{"ts":\n\t{}\r\n}'
        for number, pv in enumerate(("Target", "SetMode", "Target.DESC", "Temperature.HIHI")):
            channel = await client.create(PREFIX + pv)
            payload = text.split(b"\0")[0][:39].ljust(40, b"\0")
            client.send(pack(WRITE_NOTIFY, payload, DBR_STRING, 1, channel.sid, 100 + number))
            client.send(pack(WRITE_NOTIFY, text, 4, len(text), channel.sid, 200 + number))
        note = await client.create(name)
        client.send(pack(READ_NOTIFY, b"", 6, 999, note.sid, 1))
        client.send(subscription(note, 1, 20, 999, 1))
        client.send(pack(READ_NOTIFY, b"", 6, 1, note.sid, 2))
        await client.sync()
        for message in client.unasked:
            if message.command == 11:
                assert message.text.isprintable()
                assert len(message.payload) <= 280
        client.send(pack(4711, text))
        client.send(pack(READ_NOTIFY, b"", 6, 1, 4711, 1))
        await client.gone()


async def test_a_long_text_is_refused_in_a_short_line(log: Log, ioc: Ioc) -> None:
    async with RawCa(ioc.context.port) as client:
        target = await client.create(PREFIX + "Target.DESC")
        answer = await client.put(target, b"\x1b[2J\n" * 150_000)
        assert len(answer.payload) < 300
        mode = await client.create(PREFIX + "SetMode")
        payload = struct.pack(">150000d", *[1e9] * 150_000)
        client.send(pack(WRITE_NOTIFY, payload[:900_000], 6, 112_500, mode.sid, 9))
        await client.sync()
    assert max(len(line) for line in log.lines) < LONGEST + 100


def test_a_traceback_forges_no_line(log: Log) -> None:
    try:
        raise RuntimeError(EVIL * 2 + "\n" * 5000)
    except RuntimeError:
        logging.getLogger("labioc").exception("it said %s", EVIL)
    assert len(log.lines) < 120
    assert [line[:2] for line in log.lines[1:]] == ["  "] * (len(log.lines) - 1)
    assert all(line.isprintable() for line in log.lines)


def test_a_line_for_collectors_is_one_line(log: Log) -> None:
    log.set_up("info", json_lines=True)
    logging.getLogger("labioc").error("it said %s", EVIL * 1000)
    (line,) = log.lines
    assert len(json.loads(line)["message"]) < 5 * LONGEST
    assert json.loads(line)["message"].isprintable()


async def test_names_are_compared_in_full_up_to_a_bound(ioc: Ioc) -> None:
    async with RawCa(ioc.context.port, user="u" * 255, host="h" * LONGEST_NAME) as client:
        target = await client.create(PREFIX + "Target")
        assert (await client.put(target, 5.0)).one == ECA_NORMAL
        (circuit,) = [c for c in ioc.context.circuits if c.channels]
        who = circuit.identify()
        assert who.user == "u" * 255
        assert len(who.host) < 300
