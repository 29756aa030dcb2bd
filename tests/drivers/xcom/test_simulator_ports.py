"""The ports of the simulator: serial profiles, Moxa packing and dialling, UDP, faults, console."""

from __future__ import annotations

import asyncio
import os
import socket
import termios
import time
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from drivers.core.errors import BadUrl
from drivers.core.simulation.console import Console
from drivers.core.simulation.faults import BadFault, parse_fault
from drivers.core.url import SerialLine, SerialUrl, parse_link
from drivers.xcom.frame import STRIPPED, Frame, decode_frame
from drivers.xcom.protocol import ErrorCode, ObjectType, error_code, read_request
from drivers.xcom.simulator.behaviour import Behaviour
from drivers.xcom.simulator.device import Condition
from drivers.xcom.simulator.moxa import BUFFER, Packer
from tests.drivers.xcom.simulator_rig import OWN, Raw, Refused, bench, port_of, simulator
from tests.support.process import PythonProcess
from tests.support.wire.until import PATIENCE, until

READ = read_request(OWN, 101, ObjectType.INFO, 3000, 1)
HAZARD_TIME = float(0x670A_0D00)
"""A time whose two middle bytes are 0D 0A on the wire (xcom-protocol.md 13.4)."""


@contextmanager
def _opened(link: str) -> Iterator[int]:
    url = parse_link(link)
    assert isinstance(url, SerialUrl)
    fd = os.open(url.device, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd, termios.TCSANOW)
    try:
        yield fd
    finally:
        os.close(fd)


async def _bytes(fd: int, count: int) -> bytes:
    found = b""
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            found += await asyncio.to_thread(os.read, fd, 4096)
    return found


@pytest.mark.parametrize(("link", "tail"), [("pty", b""), ("pty-lan", STRIPPED)])
@pytest.mark.parametrize("after", [b"", STRIPPED, b"\xff\x00"])
async def test_both_serial_profiles(link: str, tail: bytes, after: bytes) -> None:
    async with simulator() as one:
        url = await one.listen(link)
        assert f"baud={38400 if link == 'pty' else 115200}" in url
        with _opened(url) as fd:
            for _ in range(2):
                os.write(fd, READ.encode() + after)
                found = await _bytes(fd, 30 + len(tail))
                assert found[30:] == tail
                assert decode_frame(found[:30]).object_id == 3000


async def test_a_request_in_pieces_with_junk_between(new_port: Callable[[], int]) -> None:
    async with bench() as one:
        whole = READ.encode()
        for at in range(len(whole)):
            one.raw.send(whole[at : at + 1])
            await asyncio.sleep(0)
        assert (await one.raw.frame()).object_id == 3000
        one.raw.send(b"\xaa\xaa\xff" + whole + b"\r\n" + whole)
        assert [(await one.raw.frame()).object_id for _ in range(2)] == [3000, 3000]


# -- the Moxa


def test_the_packer_cuts_wherever_the_pair_stands() -> None:
    packer = Packer(strip=True)
    assert packer.feed(b"abc\r\ndef\r") == [b"abc"]
    assert packer.feed(b"\nghi") == [b"def"]
    assert packer.feed(b"\r\n\r\n") == [b"ghi"]
    assert packer.feed(b"x" * (BUFFER + 7)) == [b"x" * BUFFER]
    assert packer.feed(b"\r\n") == [b"x" * 7]
    assert Packer(strip=False).feed(b"a\r\nb") == [b"a\r\nb"]


async def test_n6_a_pair_inside_a_reply_is_cut_out() -> None:
    """G38 and N6: 28 bytes of 30 arrive, and the checksum cannot fit."""
    async with bench() as one:
        battery = one.site.model.battery
        battery.voltage = 34.5126953125
        wanted = bytes.fromhex("000D0A42")
        one.raw.send(read_request(1, 601, ObjectType.INFO, 7000, 1).encode())
        found = b""
        while len(found) < 28:
            found += await one.raw.bytes()
        assert len(found) == 28
        assert wanted not in found
        assert found[-3:-2] == b"\x42"
        assert found[24:25] == b"\x00"


@pytest.mark.parametrize("strip", [True, False])
async def test_a_time_with_the_pair_breaks_every_multi_info(strip: bool) -> None:
    async with bench(start=HAZARD_TIME, strip=strip) as one:
        data = bytes.fromhex("B80B01 C20B01")
        asked = read_request(OWN, 501, ObjectType.MULTI_INFO, 1, 3, data)
        one.raw.send(asked.encode() + READ.encode())
        kinds = [(await one.raw.frame()).object_type]
        if not strip:
            kinds.append((await one.raw.frame()).object_type)
        assert kinds == ([] if strip else [ObjectType.MULTI_INFO]) + [ObjectType.INFO]


async def test_every_connection_hears_the_replies_to_all() -> None:
    async with simulator() as one:
        link = await one.listen("tcp://127.0.0.1:0")
        async with Raw.connected(link) as first, Raw.connected(link) as second:
            await until(lambda: one.connections == 2)
            first.send(READ.encode())
            assert (await first.frame()).destination == OWN
            assert (await second.frame()).destination == OWN


async def test_a_portal_asks_on_the_same_line() -> None:
    async with bench() as one:
        one.simulator.moxa.let_portal_ask(True, 9)
        foreign = await one.raw.frame()
        assert (foreign.destination, foreign.is_reply) == (9, True)
        one.simulator.moxa.let_portal_ask(False)


@asynccontextmanager
async def _listening(port: int) -> AsyncIterator[asyncio.Queue[Raw]]:
    """A host that the simulated Moxa dials."""
    calls: asyncio.Queue[Raw] = asyncio.Queue()
    writers: list[asyncio.StreamWriter] = []

    async def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await calls.put(Raw(reader, writer))

    server = await asyncio.start_server(called, "127.0.0.1", port)
    try:
        yield calls
    finally:
        server.close()
        for writer in writers:
            writer.close()


async def test_it_dials_in_and_dials_again(free_port: int) -> None:
    async with simulator() as one:
        link = f"tcp-listen://127.0.0.1:{free_port}"
        assert await one.listen(link) == link
        async with _listening(free_port) as calls:
            async with asyncio.timeout(PATIENCE):
                first = await calls.get()
            assert isinstance(await first.read(101, 3000), float)
            one.disconnect()
            async with asyncio.timeout(PATIENCE):
                second = await calls.get()
            assert isinstance(await second.read(101, 3000), float)
            await one.set_fault(parse_fault("refuse"))
            await until(lambda: one.connections == 0)
            await one.clear_fault()
            async with asyncio.timeout(PATIENCE):
                third = await calls.get()
            assert isinstance(await third.read(101, 3000), float)


async def test_udp_answers_to_a_fixed_port(free_port: int) -> None:
    async with simulator() as one:
        link = await one.listen(f"udp://127.0.0.1:0?bind={free_port}")
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        ):
            listener.bind(("127.0.0.1", free_port))
            listener.settimeout(20)
            sender.sendto(READ.encode(), ("127.0.0.1", port_of(link)))
            found = await asyncio.to_thread(listener.recv, 2000)
            assert decode_frame(found).object_id == 3000


@pytest.mark.parametrize("link", ["serial:///dev/ttyS0", "rtu+tcp://127.0.0.1:0", "nonsense"])
async def test_a_link_it_cannot_serve_is_named(link: str) -> None:
    async with simulator() as one:
        with pytest.raises(BadUrl):
            await one.listen(link)


async def test_bytes_take_as_long_as_on_a_line() -> None:
    """26 and 30 bytes of 11 bits; measured against the wire model, never faster than it."""
    line = SerialLine(9600, "E", 8, 1)
    async with simulator(line=line) as one:
        with _opened(await one.listen("pty")) as fd:
            start = time.monotonic()
            os.write(fd, READ.encode())
            await _bytes(fd, 30)
            assert time.monotonic() - start >= 56 * line.character_time - 1e-3


# -- faults


@pytest.mark.parametrize(("fault", "obeyed"), [("silent:1", False), ("lost-reply:1", True)])
async def test_requests_without_an_answer(fault: str, obeyed: bool) -> None:
    async with bench() as one:
        await one.simulator.set_fault(parse_fault(fault))
        one.raw.send(READ.encode())
        assert isinstance(await one.raw.read(102, 3000), float)
        assert one.raw.last is not None
        assert one.raw.last.source == 102
        assert one.site.gateway.reads == 1 + obeyed


async def test_spoilt_answers() -> None:
    async with bench() as one:

        async def with_fault(fault: str) -> Frame:
            await one.simulator.set_fault(parse_fault(fault))
            return await one.raw.ask(READ)

        assert (await with_fault("other-reply:1")).object_id == 3001
        assert (await with_fault("wrong-unit:1")).source == 102
        assert error_code(await with_fault("exception=19:1")) == ErrorCode.GATEWAY_BUSY
        assert (await with_fault("late=0.05:1")).object_id == 3000
        for fault in ("truncated:1", "bad-crc:1", "flood=300:1"):
            await one.simulator.set_fault(parse_fault(fault))
            one.raw.send(READ.encode())
            assert isinstance(await one.raw.read(102, 3000), float)


async def test_reset_and_refuse() -> None:
    async with simulator() as one:
        link = await one.listen("tcp://127.0.0.1:0")
        async with Raw.connected(link) as raw:
            await one.set_fault(parse_fault("reset:1"))
            raw.send(READ.encode())
            with pytest.raises(ConnectionError):
                await raw.bytes()
        await one.set_fault(parse_fault("refuse"))
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port_of(link))
        await one.clear_fault()
        async with Raw.connected(link) as raw:
            assert isinstance(await raw.read(101, 3000), float)


async def test_a_fault_of_tcp_needs_tcp() -> None:
    async with simulator() as one:
        await one.listen("pty")
        with pytest.raises(BadFault, match="needs a TCP link"):
            await one.set_fault(parse_fault("reset"))


# -- console and command line


async def test_every_command_answers_and_bad_ones_say_what_is_right() -> None:
    async with bench() as one:
        console = Console(one.simulator)
        for line, answer in (
            ("device VT1 dead", "ok VT1 dead"),
            ("device VT9 dead", "error needs a device: RCC, XT1, XT2, VT1, VS1, BSP"),
            ("device VT1 asleep", "error device needs a name and one of ok, dead, mute, absent"),
            ("parameter XT1 1138", "ok ram 60 flash 60 flash writes 0"),
            ("parameter XT1 3000", "error XT1 has no parameter 3000"),
            ("grid on", "ok on"),
            ("grid maybe", "error grid needs auto, on or off"),
            ("sun 0.5", "ok 0.5"),
            ("sun 7", "error 7 is not from 0 to 1"),
            ("load auto", "ok auto"),
            ("soc 50", "ok 50"),
            ("clock 1700000000", "ok 1700000000"),
            ("card out", "ok out"),
            ("card gone", "error card needs in, out or full"),
            ("portal on 9", "ok on 9"),
            ("portal off", "ok off"),
            ("portal", "error portal needs on or off, and may have its source address"),
            ("junk", "ok 54 bytes"),
            ("restart VT1", "ok VT1"),
            ("restart RCC", "ok RCC"),
            ("requests", "ok reads 0 writes 0"),
            ("disconnect", "ok disconnected"),
            ("busy", "ok busy"),
            ("fault echo", "error echo cannot happen on this link"),
        ):
            assert (await console.execute(line)).startswith(answer), line
        assert (await console.execute("message XT1 15")).startswith("ok ")
        assert "soc 50.0 %" in await console.execute("site")
        assert one.site.gateway.busy


async def test_the_command_line(free_port: int) -> None:
    links = ("--link", "pty", "--link", "pty-lan", "--link", "tcp://127.0.0.1:0")
    udp = ("--link", f"udp://127.0.0.1:0?bind={free_port}")
    flags = (
        "--hour",
        "11",
        "--speed",
        "100",
        "--monitor",
        "bms",
        "--think",
        "0",
        "--strict-groups",
    )
    async with PythonProcess("drivers.xcom.simulator", *links, *udp, *flags) as process:
        await process.line(r"listening serial:///dev/pts/\d+\?baud=38400&parity=N")
        await process.line(r"listening serial:///dev/pts/\d+\?baud=115200&parity=N")
        await process.line(rf"listening udp://127\.0\.0\.1:\d+\?bind={free_port}")
        link = (await process.line(r"listening (tcp://127\.0\.0\.1:\d+)"))[1]
        async with Raw.connected(link) as raw:
            assert await raw.read(100, 3000) == Refused(ErrorCode.MULTICAST_READ_NOT_SUPPORTED)
            assert await raw.read(601, 7034) == Refused(ErrorCode.INVALID_DATA)
        await process.say("site\n")
        assert float((await process.line(r"ok pv (\S+) kW"))[1]) > 0.5
        assert await process.stop() == 0


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--hour", "25"), ("--firmware", "new"), ("--monitor", "other"), ("--bump", "-1"),
     ("--absent", "maybe"), ("--speed", "nan"), ("--fault", "sleepy")],
)  # fmt: skip
async def test_a_wrong_flag_is_refused(flag: str, value: str) -> None:
    async with PythonProcess("drivers.xcom.simulator", flag, value) as process:
        assert await process.wait() == 2
        assert f"argument {flag}" in process.output


async def test_a_device_that_is_dead_takes_the_gateways_patience() -> None:
    async with bench(Behaviour(latency=0.0, patience=0.1)) as one:
        one.device("XT2").condition = Condition.DEAD
        start = time.monotonic()
        assert await one.raw.read(102, 3000) == Refused(ErrorCode.RESPONSE_TIMEOUT)
        assert time.monotonic() - start >= 0.1
