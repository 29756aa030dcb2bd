"""The conversation with a gateway: one request at a time, reads tried again, writes never.

Source: xcom-protocol.md 7, 8.1 and 13.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..core.errors import BadReply, Blocked, DriverError, NoReply, Refused
from ..core.link import Link
from ..core.quarantine import UnitHealth
from .access import GatewayAccess
from .clock import GatewayClock
from .connection import Question, WireCounts, XcomConnection
from .frame import OVERHEAD, DecodeError, Frame, FrameFlags
from .health import device_name
from .protocol import (
    ErrorCode,
    ObjectType,
    Service,
    error_code,
    error_text,
    read_request,
    write_request,
)
from .settings import XcomSettings

_BUSY_WAIT = 0.3
_SILENCES_OF_A_DEAD_GATEWAY = 3
_TRANSIENT = (ErrorCode.GATEWAY_BUSY, ErrorCode.READ_PROPERTY_FAILED)


class NoDevice(NoReply):
    """The gateway answered a read: it has no device with this address, at least not now.

    Of a device that is served this means what silence means, and it need not be asked twice.
    """

    kind = "no such device"


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked: the device, the object, the property, and how messages name it."""

    address: int
    object_type: ObjectType
    object_id: int
    property_id: int
    asked: str


class Conversation:
    """Asks one gateway. Making it touches nothing.

    `timeout` replaces that of the settings, for simulators that answer at once. `came_back` is
    called when the gateway answers after it was silent for some requests, `restarted` when it
    begins to tell that it was started anew.
    """

    def __init__(self, settings: XcomSettings, timeout: float | None = None) -> None:
        self.settings = settings
        self.flags = FrameFlags(0)
        self.counts = WireCounts()
        self.clock = GatewayClock()
        self.exchanges = 0
        self.answering = False
        self.came_back: Callable[[], None] = lambda: None
        self.restarted: Callable[[], None] = lambda: None
        self._timeout = settings.timeout if timeout is None else timeout
        self._access = GatewayAccess(settings, self.counts, self._timeout)
        self._unit = UnitHealth("gateway")
        self._silences = 0
        self._free_at = 0.0
        self.link: Link[XcomConnection] = Link(
            str(settings.url),
            self._access.open,
            open_timeout=self._access.open_timeout,
            backoff=self._access.backoff,
        )
        self.link.register(self._unit)

    @property
    def connected(self) -> bool:
        """True while the link is open and the gateway answered its last request."""
        return self.link.connected and self.answering

    def next_number(self) -> int:
        """A number of 16 bits, another one for each request."""
        return self._access.next_number()

    async def read(
        self,
        target: Target,
        data: bytes = b"",
        *,
        reply: int = 4,
        urgent: bool = False,
        once: bool = False,
    ) -> bytes:
        """The property data of a read; `reply` is how many bytes of it are expected.

        Tried again after a missing reply (unless `once`) or a bad one, and when the gateway was
        busy or the read failed. Raises `Blocked` in the pause for the portal unless it is `urgent`,
        `LinkDown`, `NoReply` (also if the gateway says so of the device), `NoDevice`, `BadReply`,
        `Stripped`, `Refused` with the error code.
        """
        if not urgent:
            self._check_pause(target)
        tries = 1 + (self.settings.retries if self.answering else 0)
        while True:
            tries -= 1
            try:
                return await self._read_once(target, data, reply, urgent)
            except NoDevice:
                raise
            except NoReply:
                if once or tries <= 0:
                    raise
            except BadReply:
                if tries <= 0:
                    raise
            except Refused as error:
                if tries <= 0 or error.code not in _TRANSIENT:
                    raise
                await asyncio.sleep(_BUSY_WAIT)

    async def write(self, target: Target, data: bytes, *, on: int | None = None) -> None:
        """Write a property, once, before all reads that wait; `on` is the opening of the link.

        Raises `LinkDown` if nothing went out, `Blocked` on another opening than `on` (behind that
        may be other devices), `Refused`, or `Ambiguous`.
        """
        frame = write_request(
            self._access.source(), target.address, target.object_type, target.object_id,
            target.property_id, data,
        )  # fmt: skip
        question = self._question(frame, target)
        reply = await self._ask(question, 0, urgent=True, on=on)
        if reply.is_error:
            raise self._refusal(question, reply)

    async def close(self) -> None:
        """Close the link, and the port that it listens on."""
        await self.link.close()
        await self._access.close()

    async def _read_once(self, target: Target, data: bytes, reply: int, urgent: bool) -> bytes:
        frame = read_request(
            self._access.source(), target.address, target.object_type, target.object_id,
            target.property_id, data,
        )  # fmt: skip
        question = self._question(frame, target)
        found = await self._ask(question, reply, urgent=urgent)
        if found.is_error:
            raise self._refusal(question, found)
        return found.data

    def _question(self, frame: Frame, target: Target) -> Question:
        name = device_name(target.address)
        is_write = frame.service == Service.WRITE
        return Question(frame, self.link.name, name, target.asked, is_write)

    async def _ask(
        self, question: Question, reply: int, *, urgent: bool, on: int | None = None
    ) -> Frame:
        line_time = self.settings.line_time(OVERHEAD + len(question.frame.data), OVERHEAD + reply)

        async def turn(connection: XcomConnection, within: float) -> Frame:
            await self._rest()
            if on is not None and on != self.link.opens:
                where = (question.link, question.unit, question.asked)
                raise Blocked(*where, "the link was opened anew meanwhile; nothing was sent")
            self.exchanges += 1
            try:
                return await connection.exchange(question, within)
            finally:
                self._free_at = time.monotonic() + self.settings.gap

        try:
            found = await self.link.request(
                self._unit, question.asked, turn, within=self._timeout + line_time, urgent=urgent
            )
        except Blocked:
            raise
        except DriverError:
            self.answering = False
            self._silences += 1
            raise
        self._heard(found)
        return found

    def _heard(self, reply: Frame) -> None:
        silences, self._silences = self._silences, 0
        self.answering = True
        before, self.flags = self.flags, FrameFlags(reply.flags)
        if self.flags & ~before & FrameFlags.RESTARTED:
            self.restarted()
        if silences >= _SILENCES_OF_A_DEAD_GATEWAY:
            self.came_back()

    def _check_pause(self, target: Target) -> None:
        left = self.clock.pause_left(60.0 * self.settings.pause_minutes)
        if left > 0.0:
            where = (self.link.name, device_name(target.address), target.asked)
            reason = f"paused for {left:.0f} s more: the portal is served from midnight on"
            raise Blocked(*where, reason)

    async def _rest(self) -> None:
        wait = self._free_at - time.monotonic()
        if wait > 0.0:
            await asyncio.sleep(wait)

    def _refusal(self, question: Question, reply: Frame) -> DriverError:
        where = (question.link, question.unit, question.asked)
        try:
            code = error_code(reply)
        except DecodeError as error:
            return question.no_reply(f"an error reply without a code: {error}", BadReply)
        says = f"the gateway says: {error_text(code)}"
        if code == ErrorCode.RESPONSE_TIMEOUT:
            return question.no_reply(says)
        if code == ErrorCode.DEVICE_NOT_FOUND and not question.write:
            return NoDevice(*where, says)
        return Refused(*where, error_text(code), code)
