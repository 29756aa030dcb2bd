"""A simulated site in the test's own process, and a client that sends it frames as they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from drivers.core.url import ListenUrl, SerialLine, TcpUrl, UdpUrl, parse_link
from drivers.xcom.frame import Frame, FrameParser
from drivers.xcom.multi_info import Item, MultiInfo, decode_multi_info, encode_items
from drivers.xcom.protocol import (
    Format,
    ObjectType,
    Property,
    Value,
    decode_value,
    encode_value,
    error_code,
    read_request,
    write_request,
)
from drivers.xcom.simulator import XcomSimulator
from drivers.xcom.simulator.behaviour import Behaviour
from drivers.xcom.simulator.device import SimulatedDevice
from drivers.xcom.simulator.site import BatteryMonitor, SimulatedSite
from tests.support.wire.until import PATIENCE

NOON = 1_700_049_600.0
"""2023-11-15 12:00, by the clock on the wall."""

OWN = 0x5A01


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def simulator(
    behaviour: Behaviour | None = None,
    *,
    start: float = NOON,
    speed: float = 0.0,
    monitor: BatteryMonitor = BatteryMonitor.BSP,
    clock: Clock | None = None,
    line: SerialLine | None = None,
    strip: bool = True,
) -> AsyncIterator[XcomSimulator]:
    """A site whose time stands still unless `speed` says otherwise, and that answers at once."""
    site = SimulatedSite(
        behaviour or Behaviour(latency=0.0),
        start=start,
        speed=speed,
        monitor=monitor,
        clock=clock or time.monotonic,
    )
    one = XcomSimulator(site, line=line, strip=strip, redial=0.02)
    try:
        yield one
    finally:
        await one.close()


@dataclass
class Refused:
    """An error reply."""

    code: int


class Raw:
    """A TCP connection to a simulator that sends frames and hears all that comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = FrameParser()
        self._frames: list[Frame] = []
        self.last: Frame | None = None

    @classmethod
    @asynccontextmanager
    async def connected(cls, link: str) -> AsyncIterator[Raw]:
        """Connected to a `tcp://` link."""
        url = parse_link(link)
        assert isinstance(url, TcpUrl)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)

    async def bytes(self, within: float = PATIENCE) -> bytes:
        """What comes next, empty at the end of the connection."""
        async with asyncio.timeout(within):
            return await self._reader.read(65_536)

    async def frame(self) -> Frame:
        """The next frame."""
        while not self._frames:
            data = await self.bytes()
            assert data, "the connection ended"
            self._frames += self._parser.feed(data)
        self.last = self._frames.pop(0)
        return self.last

    async def ask(self, frame: Frame) -> Frame:
        """Send a request; the next frame that comes."""
        self.send(frame.encode())
        return await self.frame()

    async def read(
        self, address: int, number: int, layout: Format = Format.FLOAT, *, prop: int | None = None
    ) -> Value | Refused:
        """Read an info or a parameter; a value, or how it was refused."""
        kind = ObjectType.INFO if number // 1000 in (3, 7, 11, 15) else ObjectType.PARAMETER
        usual = Property.INFO_VALUE if kind is ObjectType.INFO else Property.VALUE
        reply = await self.ask(
            read_request(OWN, address, kind, number, usual if prop is None else prop)
        )
        return Refused(error_code(reply)) if reply.is_error else decode_value(layout, reply.data)

    async def write(
        self,
        address: int,
        number: int,
        value: Value,
        layout: Format = Format.FLOAT,
        *,
        prop: Property = Property.UNSAVED_VALUE,
    ) -> Refused | None:
        """Write a parameter; None, or how it was refused."""
        data = encode_value(layout, value)
        reply = await self.ask(
            write_request(OWN, address, ObjectType.PARAMETER, number, prop, data)
        )
        return Refused(error_code(reply)) if reply.is_error else None


@dataclass
class Bench:
    """A simulator, and a raw client of it."""

    simulator: XcomSimulator
    raw: Raw

    @property
    def site(self) -> SimulatedSite:
        """The site."""
        return self.simulator.site

    def device(self, name: str) -> SimulatedDevice:
        """A device by its name, such as XT1."""
        return self.site.named[name]


@asynccontextmanager
async def bench(
    behaviour: Behaviour | None = None,
    *,
    start: float = NOON,
    monitor: BatteryMonitor = BatteryMonitor.BSP,
    clock: Clock | None = None,
    strip: bool = True,
) -> AsyncIterator[Bench]:
    """A simulator with a client, over TCP."""
    async with (
        simulator(behaviour, start=start, monitor=monitor, clock=clock, strip=strip) as one,
        Raw.connected(await one.listen("tcp://127.0.0.1:0")) as raw,
    ):
        yield Bench(one, raw)


async def multi_info(one: Bench, *items: Item) -> MultiInfo | Refused:
    """Read infos of any devices in one exchange."""
    request = read_request(OWN, 501, ObjectType.MULTI_INFO, 1, 77, encode_items(items))
    reply = await one.raw.ask(request)
    return Refused(error_code(reply)) if reply.is_error else decode_multi_info(reply.data, items)


def port_of(link: str) -> int:
    """The port of a link."""
    url = parse_link(link)
    assert isinstance(url, TcpUrl | UdpUrl | ListenUrl)
    return url.port
