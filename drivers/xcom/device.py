"""A Studer Xcom gateway and the devices behind it: read a site, write its parameters.

What is written goes to RAM unless flash is asked for by name, stays within the limits that the
device tells, and goes out once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from ..core.errors import BadReply, DriverError, NoReply
from .addresses import GATEWAY, Family, family_of_address, range_of
from .conversation import Conversation, Target
from .discovery import GATEWAY_CLOCK, DeviceId, Site, configured_site, find_site
from .frame import DecodeError, FrameFlags
from .health import DeviceHealth, device_name
from .identity import (
    Identity,
    firmware_version,
    hardware_version,
    identity_datapoints,
    model_name,
    serial_id,
)
from .infos import InfoReader
from .message_log import MessageLog
from .messages import Message
from .objects import decode_guid
from .parameters import Parameters, RamValue
from .protocol import ObjectType, Property, Value
from .readings import InfoReading, Limits, ParameterReading, Point
from .settings import XcomSettings
from .singles import Singles

T = TypeVar("T")

_GUID_SIZE = 16
_STARTING = (10, 177)
_LOST_CONTACT = (163, 164, 166, 167)


@dataclass(frozen=True, slots=True)
class WireStatistics:
    """What came on the link since the start, beside good replies to what was asked.

    foreign: frames of another master, late: replies after their time, stripped: replies that lack
    0D 0A, bad: frames with a wrong header, length or checksum, junk: bytes between frames.
    """

    frames: int
    foreign: int
    late: int
    stripped: int
    bad: int
    junk: int


class Gateway:
    """An Xcom-232i or Xcom-LAN. Making it touches nothing; closing it writes nothing.

    All that asks raises `LinkDown`, `NoReply`, `BadReply`, `Refused`, and `Blocked` in the pause
    that the configuration leaves to the portal. `timeout` replaces that of the settings (seconds),
    for simulators that answer at once.
    """

    def __init__(self, settings: XcomSettings, *, timeout: float | None = None) -> None:
        self.settings = settings
        self._conversation = Conversation(settings, timeout)
        self._health = DeviceHealth()
        self._singles = Singles(self._conversation, self._health)
        self._infos = InfoReader(self._singles)
        self._parameters = Parameters(self._conversation, self._singles)
        self._messages = MessageLog(self._conversation)
        self._last_error = ""
        self._conversation.came_back = self._health.allow_all
        self._conversation.restarted = lambda: self._parameters.forget_ram(GATEWAY)

    # -- the members of every device

    @property
    def link(self) -> str:
        """The address of the link, as a URL."""
        return self._conversation.link.name

    @property
    def connected(self) -> bool:
        """True while the link is open and the gateway answered its last request."""
        return self._conversation.connected

    @property
    def reconnects(self) -> int:
        """How often the link was opened again after the first time."""
        return self._conversation.link.reconnects

    @property
    def exchanges(self) -> int:
        """How many requests went out."""
        return self._conversation.exchanges

    @property
    def last_error(self) -> str:
        """The text of the most recent error, empty if there never was one."""
        return self._last_error

    async def close(self) -> None:
        """Close the link, and the port that it listens on."""
        await self._conversation.close()

    # -- state that needs no exchange

    @property
    def flags(self) -> FrameFlags:
        """The state of the gateway, as its last reply told."""
        return self._conversation.flags

    @property
    def by_multi_info(self) -> bool:
        """True while live values are read by multi-info, False while one by one."""
        return self._infos.by_multi_info

    @property
    def statistics(self) -> WireStatistics:
        """What came on the link beside good replies."""
        counts = self._conversation.counts
        parser = counts.parser
        bad = parser.bad_headers + parser.bad_lengths + parser.bad_checksums
        return WireStatistics(
            parser.frames, counts.foreign, counts.late, counts.stripped, bad, parser.junk_bytes
        )

    @property
    def messages(self) -> tuple[Message, ...]:
        """The newest messages that were read, the newest first, at most 10."""
        return self._messages.newest_first

    @property
    def flash_writes(self) -> int:
        """Writes to flash since the start of this program, of all parameters."""
        return self._parameters.flash.total

    def answering(self, address: int) -> bool:
        """True if a device answered its last request."""
        return self._health.answering(address) and self._conversation.link.connected

    def lacks(self, point: Point) -> bool:
        """True if a device is known not to have a datapoint: it said so on this connection."""
        return self._singles.lacks(point)

    def ram_value(self, point: Point) -> RamValue | None:
        """What was last written to RAM, which cannot be read back; None if nothing was."""
        return self._parameters.ram_value(point)

    def flash_writes_left(self, point: Point) -> int:
        """How often a parameter may still be written to flash within 24 h."""
        used = self._parameters.flash.used(*point.key)
        return max(0, self._parameters.flash.per_day - used)

    # -- reading

    async def find_devices(self) -> Site:
        """The devices behind the gateway; asks for those that the configuration does not tell."""
        told = configured_site(self.settings)
        site = told or await self._noted(find_site(self._singles))
        self._parameters.expected.update(device.address for device in site.devices)
        return site

    async def read_infos(self, points: Sequence[Point]) -> InfoReading:
        """Live values of any devices, by multi-info 76 in one exchange.

        Devices that are silent are left out and asked again from time to time, so that the others
        come in time; if nothing can be read, it raises.
        """
        return await self._noted(self._infos.read(points))

    async def read_parameters(self, points: Sequence[Point]) -> ParameterReading:
        """Parameters of any devices as their flash holds them, one exchange each."""
        return await self._noted(self._parameters.read(points))

    async def read_limits(self, point: Point) -> Limits:
        """What a device allows of a parameter; asked once per connection."""
        return await self._noted(self._parameters.limits(point))

    async def read_identity(self, device: DeviceId) -> Identity:
        """Model, versions and serial number of a device, in one exchange by multi-info."""
        places = identity_datapoints(device.family)
        if places is None:
            return Identity(device.family, device.address)
        points = [Point(device.address, each) for each in places.all]
        found = await self._noted(self._infos.read(points))
        if device.address in found.silent:
            asked, detail = "read what it is", "it fell silent in the middle"
            raise NoReply(self.link, device_name(device.address), asked, detail)
        values = {point.datapoint: found.get(*point.key) for point in points}
        boards = [hardware_version(values[each]) for each in places.hardware]
        return Identity(
            device.family,
            device.address,
            model_name(device.family, values[places.model]),
            None if places.power is None else values[places.power],
            "/".join(board for board in boards if board),
            firmware_version(*(values[each] for each in places.firmware)),
            serial_id(*(values[each] for each in places.serial)),
        )

    async def read_guid(self) -> UUID:
        """The GUID of the installation."""
        asked = "read the GUID"
        target = Target(GATEWAY, ObjectType.GUID, 0, Property.NONE, asked)
        data = await self._noted(self._conversation.read(target, reply=_GUID_SIZE))
        try:
            return decode_guid(data)
        except DecodeError as error:
            raise BadReply(self.link, device_name(GATEWAY), asked, str(error)) from error

    async def read_clock(self) -> int:
        """Seconds since 1970 by the gateway's clock, which shows local time without a zone."""
        seconds = int(await self._noted(self._singles.read_one(Point(GATEWAY, GATEWAY_CLOCK))))
        self._conversation.clock.note(seconds)
        return seconds

    async def read_messages(self) -> tuple[Message, ...]:
        """The messages since the last call, the newest first; of a new link, the newest 10.

        Nothing is asked unless the gateway says that there is something new.
        """
        new = await self._noted(self._messages.read_new())
        for message in new:
            for address in _restarted(message):
                self._parameters.forget_ram(address, message.time)
        return new

    # -- writing

    async def write(self, point: Point, value: Value, *, flash: bool = False) -> None:
        """Write a parameter to RAM, or to flash and RAM; returns when the device confirmed it.

        Raises `OutOfRange` or `Blocked` before anything goes out, `LinkDown`, `Refused`, and
        `Ambiguous` if nobody knows. Sent once, before all reads that wait.
        """
        await self._noted(self._parameters.write(point, value, flash=flash))

    async def signal(self, point: Point) -> None:
        """Set off a signal, such as a new charge cycle; raises as `write`."""
        await self._noted(self._parameters.signal(point))

    async def _noted(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except DriverError as error:
            self._last_error = str(error)
            raise


def _restarted(message: Message) -> Sequence[int]:
    """The devices that have restarted, or may have, by a message (xcom-protocol.md 9.3 and 10.2).

    A solar charger or battery monitor tells of itself only; what an Xtender or the system tells is
    taken for all Xtenders.
    """
    if message.type in _LOST_CONTACT:
        return (message.source,)
    if message.type not in _STARTING:
        return ()
    if family_of_address(message.source) in (None, Family.XTENDER, Family.GATEWAY):
        return range_of(Family.XTENDER).addresses
    return (message.source,)
