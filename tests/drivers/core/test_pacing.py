"""The pacer's timing against the schedule of a UART, as bounds that hold by design."""

from __future__ import annotations

import asyncio
import time

import pytest

from drivers.core.simulation.pacing import PacedPipe
from drivers.core.url import SerialLine


class _Sink:
    def __init__(self) -> None:
        self.data = bytearray()
        self.times: list[tuple[float, int]] = []

    def __call__(self, data: bytes) -> None:
        self.data += data
        self.times.append((time.monotonic(), len(self.data)))


@pytest.mark.parametrize(
    "line",
    [SerialLine(9600, "N"), SerialLine(9600, "E"), SerialLine(19200, "N", 8, 2)],
    ids=lambda line: f"{line.baud}-{line.bits_per_character}",
)
async def test_no_byte_comes_before_its_time(line: SerialLine) -> None:
    sink = _Sink()
    pipe = PacedPipe(line, sink)
    frame = bytes(range(71))
    began = time.monotonic()
    pipe.put(frame)
    await pipe.drained()
    assert bytes(sink.data) == frame
    for at, count in sink.times:
        assert at - began >= count * line.character_time * 0.999


async def test_single_sleeps_do_not_add_up() -> None:
    """A wake-up that comes late brings all that is due by then, so that the next is not late."""
    line = SerialLine(9600, "N")
    pieces: list[int] = []

    def deliver(data: bytes) -> None:
        pieces.append(len(data))
        if len(pieces) % 2:
            time.sleep(0.05)

    pipe = PacedPipe(line, deliver)
    began = time.monotonic()
    for _ in range(5):
        pipe.put(bytes(40))
    await pipe.drained()
    assert sum(pieces) == 200
    assert time.monotonic() - began >= 200 * line.character_time
    due = int(0.05 / line.character_time)
    assert all(piece >= due for piece in pieces[1:-1:2])
    assert len(pieces) <= 2 * (200 // due + 1)


async def test_an_idle_line_starts_anew() -> None:
    line = SerialLine(19200, "N")
    sink = _Sink()
    pipe = PacedPipe(line, sink)
    pipe.put(b"one")
    await pipe.drained()
    await asyncio.sleep(0.05)
    again = time.monotonic()
    pipe.put(b"two")
    await pipe.drained()
    assert bytes(sink.data) == b"onetwo"
    assert time.monotonic() - again >= 3 * line.character_time * 0.999


async def test_closing_drops_what_waits() -> None:
    sink = _Sink()
    pipe = PacedPipe(SerialLine(300, "N"), sink)
    pipe.put(bytes(10_000))
    await asyncio.sleep(0.1)
    pipe.close()
    count = len(sink.data)
    await asyncio.sleep(0.1)
    assert len(sink.data) == count < 10_000
