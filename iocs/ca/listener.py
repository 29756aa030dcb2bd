"""Taking in clients: no more than there are files for, however many come at once.

Clients that find the IOC full wait at the door: the system answers their connect, and they are
served as soon as another one goes.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

log = logging.getLogger("labioc.ca")

RESERVE = 128
"""Files kept for device, autosave, log and sockets of the IOC itself."""

RETRY = 1.0
"""Seconds after which clients are accepted again where the system had no file for one."""

CALM = 5.0
"""Seconds in which nobody had to wait, after which the log says that there is room again."""

_ACCEPTS_PER_TURN = 32


def most_clients() -> int:
    """How many clients may be connected: all files that the process may open, less a reserve."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 16 if soft == resource.RLIM_INFINITY else soft - min(RESERVE, soft // 2)


class Listener:
    """The listening sockets of an IOC, which it owns. ``serve`` is run for each client."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        serve: Callable[[socket.socket], Coroutine[Any, Any, None]],
        most: int,
    ) -> None:
        self._sockets = sockets
        self._serve = serve
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._clients: set[asyncio.Task[None]] = set()
        self._open = False
        self._full_at = 0.0
        self._calm: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._let_in()

    def stop(self) -> None:
        """Accept no more clients."""
        self._keep_out()
        for timer in (self._retry, self._calm):
            if timer is not None:
                timer.cancel()
        for sock in self._sockets:
            sock.close()
        self._sockets = ()

    async def close(self) -> None:
        """Give up the clients that are here as well."""
        self.stop()
        clients = list(self._clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    def _let_in(self) -> None:
        self._retry = None
        self._open = True
        for sock in self._sockets:
            self._loop.add_reader(sock, self._accept, sock)

    def _keep_out(self) -> None:
        self._open = False
        for sock in self._sockets:
            self._loop.remove_reader(sock)

    def _accept(self, sock: socket.socket) -> None:
        """Take in those who wait, as many as there is room for."""
        for _ in range(_ACCEPTS_PER_TURN):
            if len(self._clients) >= self._most:
                self._keep_out()
                self._complain(f"{self._most} clients are the most")
                return
            try:
                client, _ = sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:  # gone again already
                continue
            except OSError as error:  # no file or memory for it
                self._keep_out()
                self._retry = self._loop.call_later(RETRY, self._let_in)
                self._complain(str(error))
                return
            client.setblocking(False)
            task = self._loop.create_task(self._serve(client))
            self._clients.add(task)
            task.add_done_callback(self._gone)

    def _gone(self, client: asyncio.Task[None]) -> None:
        """A client has gone: there is room for another one."""
        self._clients.discard(client)
        if not self._open and self._retry is None:
            self._let_in()

    def _complain(self, reason: str) -> None:
        """One line when clients have to wait, and one when for some time none had to."""
        self._full_at = self._loop.time()
        if self._calm is None:
            log.warning(
                "%d clients are connected, more have to wait: %s", len(self._clients), reason
            )
            self._calm = self._loop.call_later(CALM, self._look_again)

    def _look_again(self) -> None:
        if self._open and self._loop.time() - self._full_at >= CALM:
            self._calm = None
            log.warning("%d clients are connected: there is room for more", len(self._clients))
        else:
            self._calm = self._loop.call_later(CALM, self._look_again)
