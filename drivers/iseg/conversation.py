"""The conversation with one module: everything is read, and what is written is confirmed.

A module acknowledges no write and never says why it does not obey (iseg-protocol.md 4 and
8), so what was written is read back until it shows, for a limited time. Nothing is sent twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from ..core.errors import Ambiguous, BadReply, DriverError, NoReply, NotObeyed, Refused
from .items import Item
from .protocol import Value, write
from .reader import Reader, asked_text

_CONFIRM_PERIOD = 0.02


class Conversation(Reader):
    """Reads and writes the items of one module."""

    async def send(
        self,
        item: Item,
        value: Value,
        places: Sequence[int | None] = (None,),
        *,
        urgent: bool = False,
        guard: Callable[[], None] | None = None,
    ) -> None:
        """Write an item, of several channels if need be. Returns when it is sent: once."""
        frames = [write(self.address, item, value, place) for place in places]
        self.asked_at = time.monotonic()
        asked = f"write {value!r} to {item.name}"
        await self.node.send(frames, asked=asked, urgent=urgent, guard=guard)

    async def write(
        self,
        item: Item,
        value: Value,
        place: int | None,
        shown: Callable[[Value], bool],
        *,
        guard: Callable[[], None] | None = None,
        state: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        """Write an item and read it back until `shown` says that it was taken.

        Raises `Refused` if the module does not have the item, `NotObeyed` if it does not take the
        value (with what `state` tells), `Ambiguous` if it cannot be read back.
        """
        asked = f"{asked_text('write', item, place)} = {_text(value)}"
        if item.id not in self.present and await self.read(item, place) is None:
            raise Refused(self.link, self.name, asked, "the module does not have this item")
        await self.send(item, value, [place], guard=guard)

        async def taken() -> str:
            found = await self.read(item, place)
            return "" if found is not None and shown(found) else f"it reads {_text(found)}"

        await self.confirm(asked, taken, state)

    async def confirm(
        self,
        asked: str,
        missing: Callable[[], Awaitable[str]],
        state: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        """Read until `missing` finds nothing that is not as it was asked for.

        Raises `NotObeyed`, or `Ambiguous` if nothing could be read.
        """
        deadline = time.monotonic() + self.settings.confirm_timeout
        failure: DriverError | None = None
        detail = ""
        while True:
            try:
                detail = await missing()
                failure = None
            except (NoReply, BadReply) as error:
                failure = error
            except DriverError as error:
                raise Ambiguous(
                    self.link, self.name, asked, f"sent, then {error.detail}"
                ) from error
            if failure is None and not detail:
                return
            if time.monotonic() + _CONFIRM_PERIOD > deadline:
                break
            await asyncio.sleep(_CONFIRM_PERIOD)
        if failure is not None:
            reason = f"sent, but it could not be read back: {failure.detail}"
            raise Ambiguous(self.link, self.name, asked, reason) from failure
        raise NotObeyed(self.link, self.name, asked, detail, await state() if state else "")


def _text(value: Value | None) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "nothing" if value is None else str(value)
