"""A driver, a proxy and a simulated cycler in one process, on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from drivers.arbin.device import Cycler
from drivers.arbin.messages import Request, decode_request
from drivers.arbin.settings import CyclerSettings
from drivers.arbin.simulator.answers import WRITES
from drivers.arbin.simulator.model import Behaviour, CyclerModel
from drivers.arbin.simulator.server import CyclerServer
from drivers.core.url import TcpUrl
from tests.support.wire.proxy import FaultProxy


@dataclass
class Rig:
    """A cycler behind a proxy, and the driver at its other end."""

    server: CyclerServer
    proxy: FaultProxy
    cycler: Cycler

    @property
    def model(self) -> CyclerModel:
        return self.server.cycler

    @property
    def requests(self) -> list[Request]:
        """Everything that reached the cycler, in its order."""
        return [decode_request(asked) for asked in self.server.requests()]

    @property
    def writes(self) -> list[Request]:
        """What reached the cycler and would change something."""
        return [request for request in self.requests if request.code in WRITES]


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the credentials in the environment; of the simulator's users the names are theirs."""

    def become(name: str, password: str | None = None) -> None:
        monkeypatch.setenv("LABIOC_ARBIN_USER", name)
        monkeypatch.setenv("LABIOC_ARBIN_PASSWORD", name if password is None else password)

    become("operator")
    return become


@asynccontextmanager
async def opened(behaviour: Behaviour | None = None, **settings: Any) -> AsyncIterator[Rig]:
    """A rig; `settings` are those of the driver."""
    async with AsyncExitStack() as stack:
        server = CyclerServer(CyclerModel(behaviour or Behaviour(channels=4, refresh=0.1)))
        stack.push_async_callback(server.close)
        url = await server.open_tcp(TcpUrl("127.0.0.1", 0))
        proxy = await stack.enter_async_context(FaultProxy(url.host, url.port))
        link = settings.pop("link", f"tcp://{proxy.host}:{proxy.port}")
        values: dict[str, Any] = {"timeout": 20.0, "refresh": 0.1, **settings}
        cycler = Cycler(CyclerSettings(link, **values))
        stack.push_async_callback(cycler.close)
        yield Rig(server, proxy, cycler)


@pytest.fixture
async def rig(user: Callable[[str], None]) -> AsyncIterator[Rig]:
    """Four channels; the driver may do everything."""
    del user
    async with opened(
        allow_control=True,
        allow_every_channel=True,
        allow_file_changes=True,
        allow_calibration=True,
    ) as one:
        yield one
