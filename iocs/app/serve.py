"""Running one IOC: restore settings, open the ports, poll, and end cleanly.

SIGTERM, SIGINT and SIGHUP stop polling, write autosave and close all circuits (exit code 0);
``Ioc:SYSRESET`` does the same with exit code 86, which asks the service manager for a restart.
Neither starting nor ending writes to the instrument.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from iocs.ca.channel import Channel
from iocs.ca.server import Server
from iocs.device.group import DeviceGroup
from iocs.device.statistics import RESTART_EXIT_CODE

from .autosave import Autosave

log = logging.getLogger("labioc")


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How an IOC is served.

    ``port``: TCP port to insist on; ``interfaces``: addresses to listen on.
    """

    interfaces: tuple[str, ...] | None = None
    port: int | None = None
    autosave: Path | None = None


class Ioc:
    """A running IOC: its group, its server, its autosave."""

    def __init__(self, group: DeviceGroup[Any], options: ServeOptions) -> None:
        self.group = group
        pvdb = cast("Mapping[str, Channel]", group.pvdb)
        self.context = Server(pvdb, options.interfaces, port=options.port)
        self.autosave = Autosave(group, options.autosave) if options.autosave else None
        self._ended = asyncio.Event()
        self._exit_code = 0

    async def start(self) -> None:
        """Restore, serve, poll; OSError if the ports cannot be had: nothing is started then."""
        if self.autosave is not None:
            self.autosave.restore()
            self.group.on_growth = self.autosave.restore_grown
        self.group.on_restart = lambda: self.end(RESTART_EXIT_CODE)
        self.group.count_clients = self._count_clients
        await self.context.start()
        if self.autosave is not None:
            self.autosave.start()
        self.group.start(self._task_ended)

    def _count_clients(self) -> tuple[int, int, int]:
        circuits = list(self.context.circuits)
        channels = sum(len(c.channels) for c in circuits)
        monitors = sum(c.monitor_count for c in circuits)
        return len(circuits), channels, monitors

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        """A task of the group ended though nobody stopped it: better restarted than half alive."""
        if self._ended.is_set():
            return
        error = None if task.cancelled() else task.exception()
        log.critical("a task of the IOC ended: the IOC ends too", exc_info=error)
        self.end(1)

    def end(self, exit_code: int) -> None:
        """Ask for the end."""
        self._exit_code = exit_code
        self._ended.set()

    async def wait(self) -> int:
        """Wait until the end is asked for; returns the exit code."""
        await self._ended.wait()
        return self._exit_code

    async def stop(self) -> None:
        """Stop polling, write autosave, close the link and all circuits."""
        self._ended.set()
        self.group.put_queue.end()
        try:
            await self.group.stop()
        finally:
            try:
                if self.autosave is not None:
                    await self.autosave.stop()
            finally:
                await self.context.close()


async def serve(
    group: DeviceGroup[Any],
    options: ServeOptions | None = None,
    on_ready: Callable[[Ioc], None] | None = None,
) -> int:
    """Run an IOC until it is told to end; returns the exit code."""
    ioc = Ioc(group, options or ServeOptions())
    loop = asyncio.get_running_loop()
    signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, ioc.end, 0)
    try:
        await ioc.start()
        gc.collect()
        gc.freeze()  # what lives as long as the IOC need not be walked at each collection
        if on_ready is not None:
            on_ready(ioc)
        code = await ioc.wait()
        log.info("ending with exit code %d", code)
    finally:
        await ioc.stop()
        for number in signals:
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(number)
    return code
