"""The simulated line: exact lengths, arbitration, pacing; what the kernel says of interfaces."""

from __future__ import annotations

import asyncio
import struct
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.core.can import CanFrame
from drivers.core.can.frame import wire_bits
from drivers.core.can.netlink import InterfaceState, check_interface, parse_link_message
from drivers.core.simulation.can_line import SimulatedLine
from tests.drivers.core.can_rig import settle
from tests.support.wire.until import until

_frames = st.builds(CanFrame, st.integers(0, 0x7FF), st.binary(max_size=8))


@given(_frames)
def test_a_frame_has_at_least_its_bits_and_at_most_the_worst_stuffing(frame: CanFrame) -> None:
    """iseg-protocol.md 10: 47 + 8n bits, at worst floor((33 + 8n) / 4) more."""
    count = len(frame.data)
    assert 47 + 8 * count <= wire_bits(frame) <= 47 + 8 * count + (33 + 8 * count) // 4


@pytest.mark.parametrize(("identifier", "data"), [(-1, b""), (0x800, b""), (0, bytes(9))])
def test_what_is_no_frame_is_refused(identifier: int, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"identifier|9 data bytes"):
        CanFrame(identifier, data)


async def test_the_lowest_identifier_wins() -> None:
    line = SimulatedLine()
    heard: list[int] = []
    line.attach("listener", lambda frame: heard.append(frame.identifier))
    stations = [line.attach(f"{n}", lambda _frame: None) for n in range(3)]
    stations[0].send(CanFrame(0x300, b""))
    stations[0].send(CanFrame(0x001, b""))
    stations[1].send(CanFrame(0x200, b""))
    stations[2].send(CanFrame(0x100, b""))
    await settle()
    # a controller sends its frames in their order: 0x001 waits behind 0x300
    assert heard == [0x100, 0x200, 0x300, 0x001]
    assert line.collisions == 0
    line.close()


async def test_two_stations_with_one_identifier_collide() -> None:
    line = SimulatedLine()
    first, second = (line.attach(f"{n}", lambda _frame: None) for n in range(2))
    first.send(CanFrame(0x200, b"\x01"))
    second.send(CanFrame(0x200, b"\x02"))
    await settle()
    assert line.collisions == 1
    assert line.frames == 2
    line.close()


@pytest.mark.parametrize("bitrate", [125_000, 250_000])
async def test_a_paced_line_gives_each_frame_its_time(bitrate: int) -> None:
    line = SimulatedLine(bitrate, paced=True)
    heard: list[CanFrame] = []
    line.attach("listener", heard.append)
    station = line.attach("sender", lambda _frame: None)
    frames = [CanFrame(0x200, bytes(range(n % 9))) for n in range(20)]
    queued: list[float] = []
    for frame in frames:
        station.send(frame)
        queued.append(time.monotonic())
    await until(lambda: len(heard) == len(frames))
    assert heard == frames
    ends = [record.time for record in line.log]
    for n, frame in enumerate(frames[1:], 1):
        duration = wire_bits(frame) / bitrate
        assert ends[n] - ends[n - 1] >= duration - 1e-9
        if queued[n] <= ends[n - 1]:  # it was there when the line became free
            assert ends[n] - ends[n - 1] == pytest.approx(duration, abs=1e-9)
    line.close()


async def test_a_broken_line_carries_nothing() -> None:
    line = SimulatedLine()
    heard: list[CanFrame] = []
    complaints: list[str] = []
    line.attach("listener", heard.append)
    station = line.attach("sender", lambda _frame: None, lambda: complaints.append("bus off"))
    station.send(CanFrame(0x200, b""))
    line.break_down(True)
    await settle()
    station.send(CanFrame(0x200, b""))
    await settle()
    assert not heard
    assert complaints == ["bus off"] * 2
    line.break_down(False)
    station.send(CanFrame(0x200, b""))
    await settle()
    assert len(heard) == 1
    line.close()


async def test_a_station_that_left_hears_nothing() -> None:
    line = SimulatedLine(paced=True)
    heard: list[CanFrame] = []
    station = line.attach("listener", heard.append)
    sender = line.attach("sender", lambda _frame: None)
    sender.send(CanFrame(0x200, b""))
    await until(lambda: bool(heard))
    line.detach(station)
    sender.send(CanFrame(0x200, b""))
    await until(lambda: line.frames == 2)
    await asyncio.sleep(0)
    assert len(heard) == 1
    line.close()


# -- the kernel


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _link_message(flags: int, kind: bytes, bitrate: int) -> bytes:
    """An RTM_NEWLINK as Linux sends it for a CAN interface (linux/can/netlink.h)."""
    timing = struct.pack("=8I", bitrate, 875, 500, 6, 7, 2, 1, 8)
    data = _attribute(3, bytes(48)) + _attribute(1, timing)
    info = _attribute(18 | 0x8000, _attribute(1, kind + b"\0") + _attribute(2 | 0x8000, data))
    body = struct.pack("=BxHiII", 0, 280, 3, flags, 0) + _attribute(3, b"can0\0") + info
    return struct.pack("=LHHLL", 16 + len(body), 16, 0, 1, 0) + body


@pytest.mark.parametrize(
    ("message", "state"),
    [
        (_link_message(1, b"can", 125_000), InterfaceState(True, "can", 125_000)),
        (_link_message(0, b"can", 0), InterfaceState(False, "can", None)),
        (_link_message(1, b"vcan", 0), InterfaceState(True, "vcan", None)),
    ],
)
def test_what_the_kernel_says(message: bytes, state: InterfaceState) -> None:
    assert parse_link_message(message) == state


@given(st.binary(max_size=200))
def test_any_netlink_message_is_a_state_or_an_os_error(message: bytes) -> None:
    with suppress(OSError):
        parse_link_message(message)


def test_an_interface_that_is_not_there_is_named() -> None:
    with pytest.raises(OSError, match="there is no CAN interface nosuchcan0"):
        check_interface("nosuchcan0", 125_000)
    with pytest.raises(OSError, match="lo is not a CAN interface"):
        check_interface("lo", None)
