"""The half of the conversation with a module that changes nothing: reads, with retries.

Items that the module does not have are remembered and not asked for again (iseg-protocol.md 8).
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..core.can import CanBus, CanFrame, Part
from ..core.errors import BadReply, DriverError, NoReply
from .items import CHANNELS_PER_REQUEST, ITEMS, Item, Scope
from .protocol import (
    Answer,
    DecodeError,
    Value,
    data_identifier,
    parse_answer,
    read,
    read_many,
)
from .session import Session
from .settings import CrateSettings, ModuleSettings

T = TypeVar("T")

log = logging.getLogger("labioc.iseg")


class Reader(Session):
    """Reads the items of one module."""

    def __init__(self, bus: CanBus, settings: CrateSettings, module: ModuleSettings) -> None:
        super().__init__(bus, settings, module)
        self._missing: set[int] = set()
        self._single: set[int] = set()
        self.present: set[int] = set()

    @property
    def missing(self) -> tuple[str, ...]:
        """The items that the module does not have, in words."""
        return tuple(f"{ITEMS[one].name} (0x{one:04X})" for one in sorted(self._missing))

    async def begin(self) -> None:
        """Register the module and forget what was known of its items. It does not answer."""
        self._missing.clear()
        self._single.clear()
        self.present.clear()
        await super().begin()

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
