"""One bus, many nodes: matched answers, urgent ones first, never an echo, back by itself."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from drivers.core.can import CanBus, CanFrame
from drivers.core.errors import BadUrl, Blocked, LinkDown, NoReply
from drivers.core.simulation.ports import Ports
from drivers.core.simulation.socketcand import serve_socketcand
from drivers.core.url import CanUrl, parse_link
from tests.drivers.core.can_rig import (
    KINDS,
    PATIENCE,
    SHORT,
    Responder,
    ask,
    collect,
    no_wait,
    other_url,
    rig,
)
from tests.support.wire.until import recovered, until


@pytest.mark.parametrize("kind", KINDS)
async def test_a_request_gets_its_answer(kind: str) -> None:
    async with rig(kind) as one:
        responder = Responder(one.line, 0x229)
        responder.parts = 3
        node = one.node(5)
        assert not one.bus.connected
        found = await ask(node, 5, b"\x12\x08", count=3)
        assert found == [CanFrame(0x228, b"\x12\x08" + bytes((n,))) for n in range(3)]
        assert one.bus.connected
        assert node.answering
        assert (one.bus.opens, one.bus.reconnects, node.exchanges) == (1, 0, 1)


@pytest.mark.parametrize("kind", KINDS)
async def test_frames_go_out_as_they_were_given(kind: str) -> None:
    async with rig(kind) as one:
        responder = Responder(one.line, 0x201)
        frames = [CanFrame(0x200, bytes(range(n))) for n in range(9)]
        await one.node(0).send(frames, asked="write")
        await until(lambda: len(responder.heard) == 9)
        assert responder.heard == frames


@pytest.mark.parametrize("kind", KINDS)
async def test_our_own_frames_are_no_answers(kind: str) -> None:
    """A write to a module that is off looks like its answer: it must not count as one."""
    async with rig(kind) as one:
        node = one.node(0)
        found: list[CanFrame] = []
        frame = CanFrame(0x200, b"\x41\x00\x02\x44\x9a\x50\x00")
        with pytest.raises(NoReply, match="nothing within"):
            await node.request(frame, collect(found, 0x200), asked="write", within=SHORT)
        assert not found
        assert not one.listened
        assert not node.answering


async def test_an_adapter_that_echoes_is_found_out_and_not_believed() -> None:
    async with rig("slcan") as one:
        responder = Responder(one.line, 0x201)
        assert one.adapter is not None
        one.adapter.echo = True
        node = one.node(0)
        for _ in range(3):
            await ask(node, 0)
        write = CanFrame(0x200, b"\x41\x00\x02\x44\x9a\x50\x00")
        found: list[CanFrame] = []
        responder.dumb = True
        with pytest.raises(NoReply):
            await node.request(write, collect(found, 0x200), asked="write", within=SHORT)
        assert not found
        responder.dumb = False
        assert await ask(node, 0) == [CanFrame(0x200, b"\x10\x00\x00")]


async def test_another_master_that_asks_the_same_is_not_an_echo() -> None:
    async with rig("slcan") as one:
        Responder(one.line, 0x201)
        stranger = one.line.attach("stranger", lambda _frame: None)
        node = one.node(0)
        for round_ in range(6):
            asking = asyncio.ensure_future(ask(node, 0))
            if round_ % 2:
                stranger.send(CanFrame(0x201, b"\x10\x00"))
            await asking
        found: list[CanFrame] = []
        answered = asyncio.ensure_future(
            node.request(
                CanFrame(0x200, b"\x10\x00\x00"), collect(found, 0x200), asked="x", within=PATIENCE
            )
        )
        ours = ("slcan", 0x200)
        await until(lambda: ours in [(r.sender, r.frame.identifier) for r in one.line.log])
        stranger.send(CanFrame(0x200, b"\x10\x00\x00"))
        await answered


async def test_answers_of_others_and_to_others_are_not_taken() -> None:
    async with rig("virtual") as one:
        responder = Responder(one.line, 0x201)
        responder.held = []
        node = one.node(0)
        asking = asyncio.ensure_future(ask(node, 0))
        await until(lambda: bool(responder.held))
        for stray in (CanFrame(0x208, b"\x10\x00\x00"), CanFrame(0x201, b"\xd8\x77\x19")):
            responder.station.send(stray)
        await until(lambda: bool(one.listened))
        assert not asking.done()
        responder.let_go()
        assert await asking == [CanFrame(0x200, b"\x10\x00\x00")]
        assert one.listened == [CanFrame(0x201, b"\xd8\x77\x19")]
        assert one.bus.unexpected == 1


async def test_one_request_at_a_time_to_a_node_and_many_to_the_bus() -> None:
    async with rig("virtual") as one:
        responders = [Responder(one.line, 0x201 + 8 * n) for n in range(3)]
        for responder in responders:
            responder.held = []
        nodes = [one.node(n) for n in range(3)]
        asking = [asyncio.ensure_future(ask(node, n)) for n, node in enumerate(nodes)]
        again = [asyncio.ensure_future(ask(node, n, b"\x11")) for n, node in enumerate(nodes)]
        await until(lambda: all(len(responder.heard) == 1 for responder in responders))
        assert not any(task.done() for task in (*asking, *again))
        for responder in responders:
            responder.let_go()
        await asyncio.gather(*asking, *again)
        assert [len(responder.heard) for responder in responders] == [2, 2, 2]


async def test_urgent_frames_go_before_all_that_waits() -> None:
    async with rig("virtual") as one:
        responder = Responder(one.line, 0x201)
        responder.held = []
        node = one.node(0)
        asking = [asyncio.ensure_future(ask(node, 0, bytes((n,)))) for n in range(5)]
        await until(lambda: len(responder.heard) == 1)
        urgent = asyncio.ensure_future(
            node.send([CanFrame(0x200, b"\x40\x01\x03\x00\x20")], asked="off", urgent=True)
        )
        await asyncio.sleep(0)
        responder.let_go()
        await urgent
        await asyncio.gather(*asking)
        assert responder.heard[1].data == b"\x40\x01\x03\x00\x20"
        assert [frame.data for frame in responder.heard[2:]] == [b"\x01", b"\x02", b"\x03", b"\x04"]


async def test_a_guard_keeps_a_frame_back() -> None:
    async with rig("virtual") as one:
        responder = Responder(one.line, 0x201)

        def guard() -> None:
            raise Blocked(one.bus.name, "node 0", "on", "it was switched off")

        node = one.node(0)
        with pytest.raises(Blocked):
            await node.send([CanFrame(0x200, b"\x01")], asked="on", guard=guard)
        await ask(node, 0)
        assert [frame.identifier for frame in responder.heard] == [0x201]


async def test_a_cancelled_request_runs_to_its_end_before_the_next() -> None:
    async with rig("virtual") as one:
        responder = Responder(one.line, 0x201)
        responder.held = []
        node = one.node(0)
        first = asyncio.ensure_future(ask(node, 0, b"\x01"))
        await until(lambda: len(responder.heard) == 1)
        first.cancel()
        second = asyncio.ensure_future(ask(node, 0, b"\x02"))
        await asyncio.sleep(SHORT)
        assert len(responder.heard) == 1
        responder.let_go()
        assert await second == [CanFrame(0x200, b"\x02\x00")]


async def test_silence_is_an_error_that_names_all() -> None:
    async with rig("socketcand") as one:
        with pytest.raises(NoReply) as caught:
            await ask(one.node(3), 3, within=SHORT)
        text = str(caught.value)
        assert one.bus.name in text
        assert "node 3" in text
        assert "ask 1000" in text
        assert one.bus.connected


def test_two_nodes_cannot_share_identifiers() -> None:
    bus = CanBus(CanUrl("virtual", "none"))
    bus.node("one", 0x20, 0x1F8)
    with pytest.raises(ValueError, match="two and one share"):
        bus.node("two", 0x20, 0x1F8)


# -- the interface


def test_an_unknown_interface_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadUrl, match=r"no interface 'pcann'.*pcan.*socketcan"):
        CanBus(CanUrl("pcann", "x"))


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("can://socketcan/nosuchcan0?bitrate=125000", "there is no CAN interface nosuchcan0"),
        ("can://socketcan/lo?bitrate=125000", "lo is not a CAN interface"),
        ("can://slcan//dev/nosuchtty?bitrate=125000", "nosuchtty"),
        ("can://slcan//dev/null?bitrate=125000", "/dev/null"),
    ],
)
async def test_no_interface_is_a_clear_error(link: str, reason: str) -> None:
    url = parse_link(link)
    assert isinstance(url, CanUrl)
    bus = CanBus(url)
    node = bus.node("module", 0, 0x1F8)
    with pytest.raises(LinkDown) as caught:
        await ask(node, 0)
    assert "cannot be opened" in str(caught.value)
    assert reason in str(caught.value)
    with pytest.raises(LinkDown, match="next try in"):
        await ask(node, 0)
    assert bus.opens == 0
    await bus.close()


async def test_a_bit_rate_that_the_adapter_lacks_is_a_clear_error() -> None:
    async with rig("slcan") as one:
        bus = CanBus(other_url(one.bus.url, bitrate=123456))
        with pytest.raises(LinkDown, match="Invalid bitrate"):
            await ask(bus.node("module", 0, 0x1F8), 0)
        await bus.close()


async def test_a_server_that_is_away_is_a_clear_error_and_comes_back(free_port: int) -> None:
    url = CanUrl("socketcand", "can0", "127.0.0.1", free_port)
    bus = CanBus(url, backoff=no_wait())
    node = bus.node("module", 0, 0x1F8)
    with pytest.raises(LinkDown, match="refused"):
        await ask(node, 0)
    async with rig("socketcand") as one:
        Responder(one.line, 0x201)
        ports = Ports()
        await serve_socketcand(one.line, ports, "127.0.0.1", free_port)
        assert await recovered(lambda: ask(node, 0))
        await bus.close()
        await ports.close()


async def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = CanUrl("socketcand", "can0", "127.0.0.1", listener.getsockname()[1])
        bus = CanBus(url, open_timeout=0.3)
        with pytest.raises(LinkDown, match="no answer in"):
            await ask(bus.node("module", 0, 0x1F8), 0)
        await bus.close()


async def test_a_wrong_bit_rate_says_what_it_may_be_and_comes_back() -> None:
    async with rig("slcan") as one:
        Responder(one.line, 0x201)
        node = one.node(0)
        one.line.bitrate = 250_000
        with pytest.raises((NoReply, LinkDown), match="refuses frames"):
            await ask(node, 0, within=1.5)
        one.line.bitrate = 125_000
        assert await recovered(lambda: ask(node, 0, within=5.0))


@pytest.mark.parametrize("kind", ["slcan", "socketcand"])
async def test_bus_off_is_said_and_mended_by_itself(kind: str) -> None:
    async with rig(kind) as one:
        Responder(one.line, 0x201)
        node = one.node(0)
        await ask(node, 0)
        one.line.break_down(True)
        with pytest.raises((NoReply, LinkDown), match=r"bus off|its bus is off"):
            await ask(node, 0, within=1.5)
        one.line.break_down(False)
        assert await recovered(lambda: ask(node, 0, within=5.0))
        assert one.bus.reconnects >= 1


async def test_an_adapter_that_is_unplugged_and_plugged_in_again(tmp_path: Path) -> None:
    async with rig("slcan", link_name=tmp_path / "can0") as one:
        Responder(one.line, 0x201)
        node = one.node(0)
        await ask(node, 0)
        assert one.adapter is not None
        one.adapter.unplug()
        await until(lambda: not one.bus.connected)
        with pytest.raises(LinkDown):
            await ask(node, 0)
        one.adapter.plug_in()
        assert await recovered(lambda: ask(node, 0))


async def test_a_request_under_way_fails_when_the_connection_breaks() -> None:
    async with rig("socketcand") as one:
        responder = Responder(one.line, 0x201)
        responder.held = []
        node = one.node(0)
        asking = asyncio.ensure_future(ask(node, 0))
        await until(lambda: len(responder.heard) == 1)
        assert one.ports is not None
        one.ports.connections[0].close()
        with pytest.raises(LinkDown, match="closed the connection"):
            await asking
        responder.held = None
        assert await recovered(lambda: ask(node, 0))


async def test_a_back_off_holds_back_reads_but_not_what_is_urgent() -> None:
    async with rig("slcan") as one:
        bus = CanBus(other_url(one.bus.url), backoff=None)
        Responder(one.line, 0x201)
        node = bus.node("module", 0, 0x1F8)
        await ask(node, 0)
        one.line.break_down(True)
        with pytest.raises((NoReply, LinkDown)):
            await ask(node, 0, within=0.3)
        await until(lambda: not bus.connected)
        one.line.break_down(False)
        await node.send([CanFrame(0x200, b"\x01")], asked="off", urgent=True)
        await bus.close()


async def test_after_closing_nothing_is_opened_again() -> None:
    async with rig("virtual") as one:
        Responder(one.line, 0x201)
        node = one.node(0)
        await ask(node, 0)
        await one.bus.close()
        with pytest.raises(LinkDown, match="was closed"):
            await ask(node, 0)
        with pytest.raises(LinkDown, match="was closed"):
            await node.send([CanFrame(0x200, b"")], asked="x", urgent=True)


async def test_garbage_of_an_adapter_is_dropped() -> None:
    async with rig("slcan") as one:
        Responder(one.line, 0x201)
        node = one.node(0)
        await ask(node, 0)
        assert one.adapter is not None
        for line in (b"tZZZ8", b"t2008001", b"\xff\xfe", b"t", b"t2009" + b"00" * 9):
            one.adapter.inject(line + b"\r")
        one.adapter.inject(b"t" * 3000)
        one.adapter.inject(b"\r")
        assert await ask(node, 0) == [CanFrame(0x200, b"\x10\x00\x00")]
        assert one.bus.opens == 1
