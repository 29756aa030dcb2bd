"""The half of the conversation with a module that changes nothing: log-on, reads with retries.

Items that the module does not have are remembered and not asked for again (EDCP reference,
section 8).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..core.can import CanBus, CanFrame
from ..core.can.bus import Part
from ..core.errors import BadReply, DriverError, NoReply
from .items import CHANNELS_PER_REQUEST, ITEMS, Item, Scope
from .protocol import (
    DEVICE_CLASSES,
    NODE_MASK,
    Answer,
    DecodeError,
    Value,
    data_identifier,
    is_active,
    log_on,
    parse_announcement,
    parse_answer,
    read,
    read_many,
)
from .settings import CrateSettings, ModuleSettings

T = TypeVar("T")

log = logging.getLogger("labioc.iseg")

_FORGOTTEN_AFTER = 60.0
"""Seconds after which a module that nobody asked announces itself again (section 5)."""

_HINT_PERIOD = 0.2
"""Seconds between two active frames that are taken as hints to read."""

_SETTLING = 1.0
"""Seconds after a log-on in which an announcement may still have been on its way."""


class Reader:
    """Reads the items of one module.

    `hint` is called when it reports something by itself or was told to clear something,
    `restarted` when it was registered again, `registered` whenever it was logged on,
    `failed` with the text of each error.
    """

    def __init__(self, bus: CanBus, settings: CrateSettings, module: ModuleSettings) -> None:
        self.hint: Callable[[], None] = lambda: None
        self.restarted: Callable[[], None] = lambda: None
        self.registered: Callable[[], None] = lambda: None
        self.failed: Callable[[str], None] = lambda _text: None
        self.address = module.address
        self.restarts = 0
        self.device_class = ""
        self._bus = bus
        self.settings = settings
        self.node = bus.node(
            f"{module.name} (address {module.address})", module.address << 3, NODE_MASK, self._heard
        )
        self._logged_on = False
        self._registered_at = float("-inf")
        self.asked_at = float("-inf")
        self._missing: set[int] = set()
        self._single: set[int] = set()
        self.present: set[int] = set()
        self._hinted_at = float("-inf")
        self._logging_on: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The module in messages."""
        return self.node.name

    @property
    def link(self) -> str:
        """The link in messages."""
        return self._bus.name

    @property
    def answering(self) -> bool:
        """True if the module answered its last request."""
        return self.node.answering and self._bus.connected

    @property
    def exchanges(self) -> int:
        """How many requests and writes went out to it."""
        return self.node.exchanges

    @property
    def logged_on(self) -> bool:
        """True if the module was registered and has not announced itself since."""
        return self._logged_on

    @property
    def idle(self) -> float:
        """Seconds since the module was asked."""
        return time.monotonic() - self.asked_at

    @property
    def session(self) -> tuple[int, int]:
        """Changes with every new connection and every restart of the module."""
        return self._bus.opens, self.restarts

    @property
    def missing(self) -> tuple[str, ...]:
        """The items that the module does not have, in words."""
        return tuple(f"{ITEMS[one].name} (0x{one:04X})" for one in sorted(self._missing))

    # -- session

    async def connect(self) -> None:
        """Open the link if it is not; raises `LinkDown`."""
        await self._bus.opened(self.node, "connect")

    async def begin(self) -> None:
        """Register the module and forget what was known of its items. It does not answer."""
        self._missing.clear()
        self._single.clear()
        self.present.clear()
        await self._register()

    async def release(self) -> None:
        """Log off: the module announces itself until somebody registers it."""
        self._logged_on = False
        await self.node.send([log_on(self.address, False)], asked="log off")

    async def _register(self) -> None:
        await self.node.send([log_on(self.address)], asked="log on")
        self._logged_on = True
        self._registered_at = time.monotonic()
        self.registered()

    def _heard(self, frame: CanFrame) -> None:
        """A frame that no request waits for: an announcement, an active frame, or a late answer."""
        announcement = parse_announcement(frame)
        if announcement is not None:
            number = announcement.device_class
            self.device_class = DEVICE_CLASSES.get(number, f"class {number}" if number else "")
            self._announced()
        elif is_active(frame.identifier) and time.monotonic() - self._hinted_at > _HINT_PERIOD:
            self._hinted_at = time.monotonic()
            self.hint()

    def _announced(self) -> None:
        now = time.monotonic()
        if self._logged_on and now - self._registered_at < _SETTLING:
            return
        if self._logged_on and now - self.asked_at < _FORGOTTEN_AFTER:
            self.restarts += 1
            log.warning("%s: restarted, or was swapped: its settings may be others", self.name)
        self._logged_on = False
        if self._logging_on is None or self._logging_on.done():
            self._logging_on = asyncio.ensure_future(self._welcome())

    async def _welcome(self) -> None:
        try:
            await self._register()
        except DriverError as error:
            self.failed(str(error))
            return
        self.restarted()

    async def close(self) -> None:
        """Stop answering announcements; sends nothing."""
        if self._logging_on is not None:
            self._logging_on.cancel()
            await asyncio.gather(self._logging_on, return_exceptions=True)

    # -- reading

    async def read(
        self, item: Item, place: int | None = None, *, urgent: bool = False
    ) -> Value | None:
        """The value of an item, None if the module does not have it.

        Raises `NoReply` after all tries, `BadReply`, `LinkDown`.
        """
        if item.id in self._missing:
            return None
        asked = asked_text("read", item, place)
        value = await self._tries(
            lambda: self._read_once(item, place, asked, urgent=urgent), 1 if urgent else None
        )
        if value is None:
            self._lacks(item)
        else:
            self.present.add(item.id)
        return value

    async def read_number(self, item: Item, place: int | None = None) -> float | None:
        """The value of an item that is a number."""
        return number_of(await self.read(item, place))

    async def read_all(self, item: Item, channels: int) -> tuple[Value | None, ...]:
        """A channel item of all channels: one request for each 16 of them, if the module can.

        What is lost on the way is asked for again, channel by channel.
        """
        if item.id in self._missing:
            return (None,) * channels
        found: dict[int, Value | None] = {}
        for first in range(0, channels, CHANNELS_PER_REQUEST):
            if item.id not in self._single:
                count = min(CHANNELS_PER_REQUEST, channels - first)
                found |= await self._read_block(item, first, count)
        for channel in range(channels):
            if channel not in found:
                found[channel] = await self.read(item, channel)
                if found[channel] is None:
                    return (None,) * channels
        self.present.add(item.id)
        return tuple(found[channel] for channel in range(channels))

    async def _read_block(self, item: Item, first: int, count: int) -> dict[int, Value | None]:
        """One multiple access; what came of it, which may be less than all.

        A module that never answered one to this item may not know multiple access: that is left to
        the single reads, which fail if it is silent.
        """
        asked = f"read {item.name} of channels {first} to {first + count - 1}"
        frame = read_many(self.address, item, first, count)
        found: dict[int, Value | None] = {}
        refused = False

        def take(reply: Answer) -> Part:
            nonlocal refused
            if not reply.multiple or reply.id != item.id:
                return Part.OTHER
            if reply.value is None and not found:
                refused = True
                return Part.LAST
            if reply.place is None or not first <= reply.place < first + count:
                return Part.OTHER
            found[reply.place] = reply.value
            return Part.LAST if len(found) == count else Part.MORE

        async def ask() -> None:
            try:
                await self._ask(frame, take, item.multiple_id, asked)
            except NoReply:
                if not found:
                    raise

        if item.id in self.present:
            await self._tries(ask)
        else:
            with contextlib.suppress(NoReply):
                await ask()
        if refused:
            self._single.add(item.id)
        return found

    async def _read_once(
        self, item: Item, place: int | None, asked: str, *, urgent: bool
    ) -> Value | None:
        value: Value | None = None

        def take(reply: Answer) -> Part:
            nonlocal value
            if reply.multiple or reply.id != item.id:
                return Part.OTHER
            if reply.place != place and not (reply.value is None and reply.place is None):
                return Part.OTHER
            value = reply.value
            return Part.LAST

        await self._ask(read(self.address, item, place), take, item.id, asked, urgent=urgent)
        return value

    async def _ask(
        self,
        frame: CanFrame,
        take: Callable[[Answer], Part],
        number: int,
        asked: str,
        *,
        urgent: bool = False,
    ) -> None:
        """One request; `take` gets the answers that can be decoded."""
        head = number.to_bytes(2, "big")
        bad: DecodeError | None = None

        def received(candidate: CanFrame) -> Part:
            nonlocal bad
            if candidate.identifier != data_identifier(self.address) or candidate.data[:2] != head:
                return Part.OTHER
            try:
                return take(parse_answer(candidate.data))
            except DecodeError as error:
                bad = error
                return Part.LAST

        self.asked_at = time.monotonic()
        try:
            await self.node.request(
                frame, received, asked=asked, within=self.settings.timeout, urgent=urgent
            )
            if bad is not None:
                raise BadReply(self.link, self.name, asked, str(bad)) from bad
        except DriverError as error:
            self.failed(str(error))
            raise

    async def _tries(self, attempt: Callable[[], Awaitable[T]], tries: int | None = None) -> T:
        """Try a read as often as the settings say; the last error counts."""
        left = tries or self.settings.tries
        while True:
            try:
                return await attempt()
            except (NoReply, BadReply):
                left -= 1
                if left <= 0:
                    raise

    def _lacks(self, item: Item) -> None:
        if item.id not in self._missing:
            self._missing.add(item.id)
            log.info("%s: has no %s (0x%04X); not asked for again", self.name, item.name, item.id)


def number_of(value: Value | None) -> float | None:
    """A value as a number; None if there is none."""
    return float(value) if isinstance(value, (int, float)) else None


def word_of(value: Value | None) -> int | None:
    """A value as a bit word; None if there is none."""
    return value if isinstance(value, int) else None


def asked_text(verb: str, item: Item, place: int | None) -> str:
    """What was asked, for messages."""
    where = {Scope.CHANNEL: "channel", Scope.BLOCK: "block", Scope.ARRAY: "index"}.get(item.scope)
    return f"{verb} {item.name}" + (f" of {where} {place}" if where else "")
