"""The session with a module: log-on, announcements, restarts (iseg-protocol.md 5)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from ..core.can import CanBus, CanFrame
from ..core.errors import DriverError
from .protocol import DEVICE_CLASSES, NODE_MASK, is_active, log_on, parse_announcement
from .settings import CrateSettings, ModuleSettings

log = logging.getLogger("labioc.iseg")

_FORGOTTEN_AFTER = 60.0
"""Seconds after which a module that nobody asked announces itself again."""

_HINT_PERIOD = 0.2
"""Seconds between two active frames that are taken as hints to read."""

_SETTLING = 1.0
"""Seconds after a log-on in which an announcement may still have been on its way."""


class Session:
    """The session with one module.

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

    # -- session

    async def connect(self) -> None:
        """Open the link if it is not; raises `LinkDown`."""
        await self._bus.opened(self.node, "connect")

    async def begin(self) -> None:
        """Register the module. It does not answer."""
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
