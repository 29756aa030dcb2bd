"""The driver against the simulated cycler of `pycti-arbin` 0.0.13, an independent server.

Where the two disagree arbin-protocol.md 8 decides, and a test here says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from drivers.arbin.device import Cycler
from drivers.arbin.protocol import TOKEN, checksum
from drivers.arbin.settings import CyclerSettings
from drivers.arbin.words import Status
from drivers.core.errors import BadReply, Blocked, NotObeyed
from tests.support.process import PythonProcess
from tests.support.wire.raw import RawServer

User = Callable[..., None]
_SURPLUS = 2
_LOGIN_REPLY = 8678
_MAY_CONTROL_AT = 8660


@asynccontextmanager
async def spoofer(port: int) -> AsyncIterator[None]:
    """The library's server in a process of its own; it does not say when it listens."""
    async with PythonProcess("tests.drivers.arbin.serve_spoofer", str(port)):
        for _ in range(2000):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
            else:
                break
        else:
            raise AssertionError("it never listened")
        await closed(writer)
        yield


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def mended(port: int, *, may_control: bool = False) -> AsyncIterator[RawServer]:
    """A server before it that takes the two surplus bytes out of each of its frames.

    It never gives the permission to control: `may_control` writes that into its login reply.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def answer(data: bytes) -> bytes:
        writer.write(data)
        head = await reader.readexactly(12)
        assert head[:8] == TOKEN
        length = int.from_bytes(head[8:], "little")
        rest = await reader.readexactly(length + _SURPLUS - len(head))
        reply = mend(head + rest)
        if may_control and len(reply) == _LOGIN_REPLY:
            body = reply[:_MAY_CONTROL_AT] + b"\x01" + reply[_MAY_CONTROL_AT + 1 : -2]
            reply = body + checksum(body).to_bytes(2, "little")
        return reply

    try:
        async with RawServer(answer) as server:
            yield server
    finally:
        await closed(writer)


def mend(data: bytes) -> bytes:
    """Its checksum is behind two zero bytes, where the frame should have ended."""
    assert data[-4:-2] == bytes(2)
    assert int.from_bytes(data[-2:], "little") == checksum(data[:-2])
    return data[:-4] + data[-2:]


@asynccontextmanager
async def driver(port: int) -> AsyncIterator[Cycler]:
    settings = CyclerSettings(
        f"tcp://127.0.0.1:{port}", allow_control=True, refresh=0.1, confirm_timeout=1.0
    )
    cycler = Cycler(settings)
    try:
        yield cycler
    finally:
        await cycler.close()


async def test_its_frames_are_two_bytes_too_long_and_are_refused(
    user: User, free_port: int
) -> None:
    """arbin-protocol.md 8: the vendor's library drops such frames, a driver must too."""
    del user
    async with spoofer(free_port), driver(free_port) as cycler:
        with pytest.raises(BadReply, match="log in: bad reply: its checksum is wrong"):
            await cycler.read_channel(0)


async def test_with_its_frames_mended_they_understand_each_other(
    user: User, free_port: int
) -> None:
    del user
    async with spoofer(free_port), mended(free_port) as server, driver(server.port) as cycler:
        login = await cycler.log_in()
        assert (login.channels, login.may_control) == (4, False)
        one = await cycler.read_channel(2)
        assert one.status == Status.CHARGE
        assert (one.voltage, one.current, one.test_time) == (3.5, 1.25, 100.5)
        assert (one.texts.schedule, one.texts.test_name) == ("A.sdx", "T1")
        with pytest.raises(Blocked, match="no permission"):
            await cycler.assign(1, "A.sdx")


async def test_it_takes_our_commands(user: User, free_port: int) -> None:
    del user
    allowing = mended(free_port, may_control=True)
    async with spoofer(free_port), allowing as server, driver(server.port) as cycler:
        await cycler.assign(1, "A.sdx")
        await cycler.set_variable(1, 3, 0.25)
        with pytest.raises(NotObeyed, match=r"the status did not follow within 1 s \(channel 2"):
            await cycler.start([1], "t")
        (stopped,) = (await cycler.stop(1)).readings
        assert stopped.status == Status.IDLE


async def test_it_packs_some_texts_with_a_byte_order_mark(user: User, free_port: int) -> None:
    """arbin-protocol.md 8: captures have none. The mark is shown, as a part of the text."""
    del user
    async with spoofer(free_port), mended(free_port) as server, driver(server.port) as cycler:
        texts = (await cycler.read_channel(2)).texts
        assert texts.barcode == "\ufeffB1"
        assert texts.test_name == "T1"


async def test_it_answers_a_request_for_all_channels_with_one(user: User, free_port: int) -> None:
    """arbin-protocol.md 8: the driver shows the others as unknown."""
    del user
    async with spoofer(free_port), mended(free_port) as server, driver(server.port) as cycler:
        sweep = await cycler.read_sweep()
        assert [one is not None for one in sweep.channels] == [False, False, False, True]
