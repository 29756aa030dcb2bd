"""The iseg modules on one CAN line: what an IOC or a script holds on to."""

from __future__ import annotations

import asyncio
import contextlib

from ..core.can import CanBus
from ..core.errors import DriverError
from .items import ITEMS, I
from .module import Module
from .settings import CrateSettings

_CHECKS_PER_KEEP_ALIVE = 3


class Crate:
    """All modules on a line. Constructing it never touches the wire; closing it sends nothing.

    `bus` shares a line with other devices; without it the crate opens its own and closes it.
    The hardware keeps its state, whatever happens to the line or to this program.
    """

    def __init__(self, settings: CrateSettings, bus: CanBus | None = None) -> None:
        self.settings = settings
        self._own_bus = bus is None
        self.bus = bus or CanBus(settings.url)
        self.modules = [Module(settings, one, self.bus) for one in settings.modules]
        self._keeping: asyncio.Task[None] | None = None
        self._last_error = ""
        for module in self.modules:
            module.talk.registered = self._registered
            module.talk.failed = self._failed

    @property
    def link(self) -> str:
        """The address of the link, as a URL."""
        return self.bus.name

    @property
    def connected(self) -> bool:
        """True while the interface is open and a module answered its last request."""
        return any(module.talk.answering for module in self.modules)

    @property
    def reconnects(self) -> int:
        """How often the interface was opened again after the first time."""
        return self.bus.reconnects

    @property
    def exchanges(self) -> int:
        """How many requests and writes went out to the modules."""
        return sum(module.talk.exchanges for module in self.modules)

    @property
    def last_error(self) -> str:
        """The text of the most recent error, empty if there never was one."""
        return self._last_error

    def _failed(self, text: str) -> None:
        self._last_error = text

    def _registered(self) -> None:
        if self._keeping is None:
            self._keeping = asyncio.ensure_future(self._keep_alive())

    async def _keep_alive(self) -> None:
        """Ask each registered module often enough that it stays registered.

        A module that nobody asks for a minute takes its master for gone and announces itself
        (iseg-protocol.md 5).
        """
        while True:
            await asyncio.sleep(self.settings.keep_alive / _CHECKS_PER_KEEP_ALIVE)
            for module in self.modules:
                if module.talk.logged_on and module.talk.idle > self.settings.keep_alive:
                    with contextlib.suppress(DriverError):
                        await module.talk.read(ITEMS[I.MODULE_STATUS])

    async def close(self) -> None:
        """Close the line if it is the crate's own. Sends nothing."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        for module in self.modules:
            await module.talk.close()
        if self._own_bus:
            await self.bus.close()
