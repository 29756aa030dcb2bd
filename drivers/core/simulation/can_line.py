"""A simulated CAN line: one frame at a time, lowest identifier first, in real time if asked for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ..can.frame import CanFrame, wire_bits

_LOG_LENGTH = 200_000
_OVERSLEEP = 0.0002
"""Seconds before the end of a frame from which on the clock is watched: sleeps end late."""


@dataclass(frozen=True, slots=True)
class LineRecord:
    """A frame that was on the line: when it ended (monotonic seconds) and who sent it."""

    time: float
    sender: str
    frame: CanFrame


class Station:
    """One controller on the line. Its frames go out in order; the first takes part in arbitration.

    `receive` gets the frames of all others, `bus_off` hears that its controller gave up.
    """

    def __init__(
        self,
        line: SimulatedLine,
        name: str,
        receive: Callable[[CanFrame], None],
        bus_off: Callable[[], None],
    ) -> None:
        self.name = name
        self.receive = receive
        self.bus_off = bus_off
        self.waiting: deque[tuple[float, CanFrame]] = deque()
        self._line = line

    def send(self, frame: CanFrame) -> None:
        """Queue a frame."""
        self._line.submit(self, frame)


class SimulatedLine:
    """The line. Without `paced` frames are delivered at once; with it each takes its exact bits.

    Pacing runs in a thread, since an event loop cannot wait for tenths of a millisecond. `receive`
    of the stations is always called in the loop. `log` keeps the last 200 000 frames; `collisions`
    counts frames of one identifier that two stations wanted to send at the same moment
    (iseg-protocol.md 3: a master must not do this to a module).
    """

    def __init__(self, bitrate: int = 125_000, *, paced: bool = False) -> None:
        self.bitrate = bitrate
        self.paced = paced
        self.log: deque[LineRecord] = deque(maxlen=_LOG_LENGTH)
        self.frames = 0
        self.collisions = 0
        self.bus_off = False
        self.lose: Callable[[str, CanFrame], bool] = lambda _sender, _frame: False
        self._loop = asyncio.get_running_loop()
        self._stations: list[Station] = []
        self._news = threading.Condition()
        self._scheduled = False
        self._closed = False
        self._thread = threading.Thread(target=self._pace, name="can-line", daemon=True)
        if paced:
            self._thread.start()

    def attach(
        self,
        name: str,
        receive: Callable[[CanFrame], None],
        bus_off: Callable[[], None] = lambda: None,
    ) -> Station:
        """Connect a station."""
        station = Station(self, name, receive, bus_off)
        with self._news:
            self._stations.append(station)
        return station

    def detach(self, station: Station) -> None:
        """Take a station off the line."""
        with self._news:
            self._stations.remove(station)

    def submit(self, station: Station, frame: CanFrame) -> None:
        """Queue a frame of a station; on a line that is bus-off its controller complains."""
        if self.bus_off:
            station.bus_off()
            return
        with self._news:
            station.waiting.append((time.monotonic(), frame))
            self._news.notify()
        if not self.paced and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._deliver_all)

    def break_down(self, broken: bool) -> None:
        """Short-circuit the line, or mend it."""
        self.bus_off = broken
        if broken:
            with self._news:
                for station in self._stations:
                    station.waiting.clear()
            for station in list(self._stations):
                station.bus_off()

    def close(self) -> None:
        """End the pacing thread."""
        with self._news:
            self._closed = True
            self._news.notify()
        if self.paced:
            self._thread.join()

    def _win(self) -> tuple[Station, float, CanFrame] | None:
        """Arbitration: the lowest identifier among the first frames of all stations."""
        heads = [station for station in self._stations if station.waiting]
        if not heads:
            return None
        winner = min(heads, key=lambda station: station.waiting[0][1].identifier)
        queued, frame = winner.waiting.popleft()
        rivals = sum(s.waiting[0][1].identifier == frame.identifier for s in heads if s.waiting)
        if winner.waiting and winner.waiting[0][1].identifier == frame.identifier:
            rivals -= 1
        self.collisions += rivals
        return winner, queued, frame

    def _deliver_all(self) -> None:
        self._scheduled = False
        while True:
            with self._news:
                won = self._win()
            if won is None:
                return
            self._deliver(won[0], won[2], time.monotonic())

    def _deliver(self, sender: Station, frame: CanFrame, when: float) -> None:
        self.frames += 1
        self.log.append(LineRecord(when, sender.name, frame))
        if self.bus_off or self.lose(sender.name, frame):
            return
        for station in list(self._stations):
            if station is not sender:
                station.receive(frame)

    def _pace(self) -> None:
        busy_until = 0.0
        while True:
            with self._news:
                while not self._closed and not any(s.waiting for s in self._stations):
                    self._news.wait()
                if self._closed:
                    return
                won = self._win()
            if won is None:
                continue
            sender, queued, frame = won
            busy_until = max(busy_until, queued) + wire_bits(frame) / self.bitrate
            if (left := busy_until - time.monotonic() - _OVERSLEEP) > 0.0:
                time.sleep(left)
            while time.monotonic() < busy_until:
                pass
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._deliver, sender, frame, busy_until)
