"""A Channel Access client that can keep up: plain bytes, no library, every update accounted for.

Message layouts: EPICS Channel Access protocol specification (header, CA_PROTO_CREATE_CHAN,
EVENT_ADD, READ_NOTIFY, WRITE_NOTIFY) and `db_access.h` for DBR_TIME_DOUBLE.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from .ports import LOOPBACK

_HEADER = struct.Struct(">HHHHII")
_VERSION, _EVENT_ADD, _READ_NOTIFY, _CREATE, _WRITE_NOTIFY = 0, 1, 15, 18, 19
_CLIENT_NAME, _HOST_NAME, _CREATE_FAILED = 20, 21, 26
_NORMAL = 1
_DOUBLE, _TIME_DOUBLE = 6, 20
_MASK = struct.Struct(">3fHxx")
_VALUE_AND_ALARM = 5
_EPICS_EPOCH = 631_152_000
_EVENT = np.dtype(
    [
        ("command", ">u2"), ("size", ">u2"), ("type", ">u2"), ("count", ">u2"),
        ("status", ">u4"), ("subscription", ">u4"),
        ("alarm", ">u2"), ("severity", ">u2"), ("seconds", ">u4"), ("nanoseconds", ">u4"),
        ("padding", ">u4"), ("value", ">f8"),
    ]
)  # fmt: skip
_EVENT_PAYLOAD = _EVENT.itemsize - _HEADER.size
_PATIENCE = 60.0


class ClientError(RuntimeError):
    """The server did not answer as Channel Access demands."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel on the server: its number there."""

    name: str
    sid: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came in during a measurement.

    Attributes:
        received: updates.
        missing: updates that were posted between the first and the last received of each PV but
            never came (the values of a PV count up by one).
        latencies: seconds from the update's time stamp to its arrival.
    """

    received: int
    missing: int
    latencies: np.ndarray[Any, np.dtype[np.float64]]

    @classmethod
    def sum(cls, parts: Sequence[Delivery]) -> Delivery:
        """What several clients received."""
        return cls(
            sum(part.received for part in parts),
            sum(part.missing for part in parts),
            np.concatenate([part.latencies for part in parts]),
        )

    @property
    def share(self) -> float:
        """The part of the updates that was delivered, 0 to 1."""
        total = self.received + self.missing
        return self.received / total if total else 0.0

    def percentile(self, percent: float) -> float:
        """A percentile of the latency, in ms."""
        return float(np.percentile(self.latencies, percent)) * 1e3 if len(self.latencies) else 0.0


class CaClient(asyncio.Protocol):
    """One circuit. Make it with `connect`."""

    def __init__(self) -> None:
        self._buffer = b""
        self._pending: dict[tuple[int, int], asyncio.Future[bytes]] = {}
        self._next_id = 0
        self._arrays: list[np.ndarray[Any, Any]] = []
        self._times: list[tuple[float, int]] = []
        self._subscribed = 0
        self._news = asyncio.Event()
        self._expected: tuple[float, asyncio.Future[None]] | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def connect(cls, port: int, *, receive_buffer: int | None = None) -> Self:
        """Open a circuit; `receive_buffer` in bytes makes a client that is soon full."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if receive_buffer is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            await asyncio.get_running_loop().sock_connect(sock, (LOOPBACK, port))
        except OSError:
            sock.close()
            raise
        _, client = await asyncio.get_running_loop().create_connection(cls, sock=sock)
        client._send(
            _HEADER.pack(_VERSION, 0, 0, 13, 0, 0)
            + _text(_CLIENT_NAME, "benchmark")
            + _text(_HOST_NAME, "localhost")
        )
        return client

    async def create(self, names: Iterable[str]) -> list[Channel]:
        """Channels of PV names; raises `ClientError` if the server does not have one."""
        ordered = list(names)
        first = self._take_ids(len(ordered))
        futures = [self._expect(_CREATE, first + i) for i in range(len(ordered))]
        self._send(b"".join(_text(_CREATE, name, first + i, 13) for i, name in enumerate(ordered)))
        async with asyncio.timeout(_PATIENCE):
            answers = await asyncio.gather(*futures)
        return [
            Channel(name, int.from_bytes(answer[12:16], "big"))
            for name, answer in zip(ordered, answers, strict=True)
        ]

    def subscribe(self, channels: Sequence[Channel]) -> None:
        """Ask for every update of these PVs, as DBR_TIME_DOUBLE."""
        mask = _MASK.pack(0.0, 0.0, 0.0, _VALUE_AND_ALARM)
        self._send(
            b"".join(
                _HEADER.pack(_EVENT_ADD, 16, _TIME_DOUBLE, 1, channel.sid, self._subscribed + i)
                + mask
                for i, channel in enumerate(channels)
            )
        )
        self._subscribed += len(channels)

    async def read(self, channel: Channel) -> float:
        """The value of a PV."""
        ioid = self._take_ids(1)
        future = self._expect(_READ_NOTIFY, ioid)
        self._send(_HEADER.pack(_READ_NOTIFY, 0, _DOUBLE, 1, channel.sid, ioid))
        async with asyncio.timeout(_PATIENCE):
            answer = await future
        return float(struct.unpack_from(">d", answer, _HEADER.size)[0])

    async def write(self, channel: Channel, value: float) -> None:
        """Put with completion; raises `ClientError` if the server refuses."""
        ioid = self._take_ids(1)
        future = self._expect(_WRITE_NOTIFY, ioid)
        header = _HEADER.pack(_WRITE_NOTIFY, 8, _DOUBLE, 1, channel.sid, ioid)
        self._send(header + struct.pack(">d", value))
        async with asyncio.timeout(_PATIENCE):
            answer = await future
        status = int.from_bytes(answer[8:12], "big")
        if status != _NORMAL:
            raise ClientError(f"the put of {value} to {channel.name} failed with status {status}")

    async def write_and_see(self, channel: Channel, value: float) -> float:
        """Put, and wait for a monitor that brings this value; returns the seconds it took."""
        seen: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._expected = (value, seen)
        start = time.perf_counter()
        done = asyncio.ensure_future(self.write(channel, value))
        async with asyncio.timeout(_PATIENCE):
            await seen
        taken = time.perf_counter() - start
        await done
        return taken

    def stop_reading(self) -> None:
        """Take nothing more from the socket, as a client that hangs."""
        self._live.pause_reading()

    async def updates(self, count: int) -> None:
        """Wait until `count` updates have come since the last `clear`."""
        async with asyncio.timeout(_PATIENCE):
            while sum(len(events) for events in self._arrays) < count:
                self._news.clear()
                await self._news.wait()

    def clear(self) -> None:
        """Begin a measurement."""
        self._arrays.clear()
        self._times.clear()

    def delivery(self) -> Delivery:
        """What came since `clear`."""
        if not self._arrays:
            return Delivery(0, 0, np.empty(0))
        events = np.concatenate(self._arrays)
        arrivals = np.repeat(
            np.array([when for when, _ in self._times]), [count for _, count in self._times]
        )
        sent = events["seconds"] + float(_EPICS_EPOCH) + events["nanoseconds"] * 1e-9
        ids = events["subscription"].astype(np.intp)
        lowest = np.full(self._subscribed, np.inf)
        highest = np.full(self._subscribed, -np.inf)
        np.minimum.at(lowest, ids, events["value"])
        np.maximum.at(highest, ids, events["value"])
        seen = np.isfinite(lowest)
        posted = int(np.sum(highest[seen] - lowest[seen] + 1)) if seen.any() else 0
        return Delivery(len(events), max(0, posted - len(events)), arrivals - sent)

    def close(self) -> None:
        """End the circuit at once."""
        self._live.abort()

    # -- the protocol

    @property
    def _live(self) -> asyncio.Transport:
        if self._transport is None:
            raise ClientError("the circuit is not open")
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        for future in self._pending.values():
            if not future.done():
                future.set_exception(ClientError("the server closed the circuit"))

    def data_received(self, data: bytes) -> None:
        now = time.time()
        data = self._buffer + data
        position = 0
        while len(data) - position >= _HEADER.size:
            events = self._events(data, position)
            if len(events):
                self._arrays.append(events)
                self._times.append((now, len(events)))
                self._news.set()
                position += len(events) * _EVENT.itemsize
                if self._expected is not None and self._expected[0] in events["value"]:
                    self._expected[1].set_result(None)
                    self._expected = None
                continue
            size = _HEADER.size + int.from_bytes(data[position + 2 : position + 4], "big")
            if len(data) - position < size:
                break
            self._answered(data[position : position + size])
            position += size
        self._buffer = data[position:]

    def _events(self, data: bytes, position: int) -> np.ndarray[Any, Any]:
        """The unbroken run of updates at `position`; the bytes are kept, not copied."""
        count = (len(data) - position) // _EVENT.itemsize
        events = np.frombuffer(data, _EVENT, count, position)
        other = (events["command"] != _EVENT_ADD) | (events["size"] != _EVENT_PAYLOAD)
        return events[: int(np.argmax(other))] if other.any() else events

    def _answered(self, message: bytes) -> None:
        command, _, _, _, first, second = _HEADER.unpack_from(message)
        if command == _CREATE_FAILED:
            future = self._pending.pop((_CREATE, first), None)
            if future is not None:
                future.set_exception(ClientError("the server does not know a PV"))
            return
        future = self._pending.pop((command, first if command == _CREATE else second), None)
        if future is not None and not future.done():
            future.set_result(message)

    def _expect(self, command: int, number: int) -> asyncio.Future[bytes]:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._pending[command, number] = future
        return future

    def _take_ids(self, count: int) -> int:
        first = self._next_id
        self._next_id += count
        return first

    def _send(self, data: bytes) -> None:
        self._live.write(data)


def _text(command: int, text: str, parameter1: int = 0, parameter2: int = 0) -> bytes:
    raw = text.encode() + b"\0"
    raw += bytes(-len(raw) % 8)
    return _HEADER.pack(command, len(raw), 0, 0, parameter1, parameter2) + raw
