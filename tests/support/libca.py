"""EPICS's own client library as a client for tests, through aioca or pyepics.

libca reads its environment once per process, so each client is a worker process of its own:

    async with Libca(space) as ca:
        reading = await ca.get("T:Pressure", form=Form.CTRL)
        assert await ca.put("T:Setpoint", 3) is None  # None or the CaError that libca reported
        async with ca.monitor("T:Pressure", events=Mask.ALARM) as monitor:
            await monitor.until(lambda reading: reading.severity == 3)
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Literal, Self

from tests.support.ca import CaSpace
from tests.support.libca_types import (
    CaError,
    CaType,
    ChannelInfo,
    Form,
    Mask,
    Reading,
    reading_from_json,
)
from tests.support.peers import need
from tests.support.process import PythonProcess
from tests.support.wire.until import PATIENCE

__all__ = [
    "CaError",
    "CaType",
    "ChannelInfo",
    "Form",
    "Libca",
    "Library",
    "Mask",
    "Monitor",
    "Reading",
]

Library = Literal["aioca", "pyepics"]
_GRACE = 120.0  # seconds that the worker gets on top of the time limit it was told


class Monitor:
    """The updates of one subscription, oldest first, as they come in.

    A lost connection is an update too: `connected` is False and `value` None.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.updates: list[Reading] = []
        self._news = asyncio.Condition()

    @property
    def values(self) -> list[Any]:
        """The values alone, without those of lost connections."""
        return [update.value for update in self.updates if update.connected]

    async def count(self, number: int, *, within: float = PATIENCE) -> list[Reading]:
        """Wait until at least `number` updates have come and give them all."""
        await self._until(lambda: len(self.updates) >= number, within, f"{number} updates")
        return list(self.updates)

    async def until(
        self, wanted: Callable[[Reading], bool], *, since: int = 0, within: float = PATIENCE
    ) -> Reading:
        """Wait for an update that is `wanted`, from index `since` on, and give the first one."""

        def first() -> Reading | None:
            return next((update for update in self.updates[since:] if wanted(update)), None)

        await self._until(lambda: first() is not None, within, "a wanted update")
        update = first()
        assert update is not None
        return update

    async def add(self, update: Reading) -> None:
        """Take in an update that the worker delivered."""
        self.updates.append(update)
        async with self._news:
            self._news.notify_all()

    async def _until(self, condition: Callable[[], bool], within: float, what: str) -> None:
        try:
            async with asyncio.timeout(within), self._news:
                await self._news.wait_for(condition)
        except TimeoutError:
            heard = "\n".join(str(update) for update in self.updates[-20:])
            raise AssertionError(
                f"{self.name}: waited {within:g} s for {what}; the last of {len(self.updates)}"
                f" updates:\n{heard}"
            ) from None


class Libca:
    """A client process; `async with` starts and ends it.

    `space` is the CA space to live in, or a whole environment (see `CaSpace.env_seeing`).
    libca searches for a lost PV again only after 10 s (its disconnect governor), so allow for that
    when an IOC is started anew. Requests may overlap with aioca; pyepics serves one after the
    other, and tells of a failed put only that libca refused to send it (PUTFAIL) or that no reply
    came (TIMEOUT), not that the IOC refused.
    """

    def __init__(self, space: CaSpace | Mapping[str, str], library: Library = "aioca") -> None:
        need(library)
        self._process = PythonProcess(
            "tests.support.libca_worker",
            library,
            env=space.env if isinstance(space, CaSpace) else space,
            on_stdout=self._receive,
        )
        self._requests = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._monitors: dict[int, Monitor] = {}
        self._deliveries: asyncio.Queue[tuple[int, Reading]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._process.__aenter__()
        self._tasks = [asyncio.create_task(self._deliver()), asyncio.create_task(self._watch())]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if error is None and self._process.returncode is None:
            self._process.end_input()
            await self._process.wait()
        await self._process.__aexit__(kind, error, trace)

    async def get(
        self,
        name: str,
        *,
        form: Form = Form.TIME,
        datatype: CaType | None = None,
        count: int = 0,
        timeout: float = 60.0,
    ) -> Reading:
        """Read a PV once; `datatype` None is the PV's own, `count` 0 the elements there are.

        Raises:
            CaError: not found, not readable, or no reply in `timeout` seconds.
        """
        answer = await self._ask(
            timeout, do="get", name=name, form=form, datatype=datatype, count=count
        )
        return reading_from_json(answer)

    async def put(
        self,
        name: str,
        value: float | str | list[Any],
        *,
        datatype: CaType | None = None,
        wait: bool = True,
        timeout: float = 60.0,
    ) -> CaError | None:
        """Write a PV, with put-callback when `wait`, and give the error that libca reported."""
        try:
            await self._ask(timeout, do="put", name=name, value=value, datatype=datatype, wait=wait)
        except CaError as error:
            return error
        return None

    async def info(self, name: str, *, timeout: float = 60.0) -> ChannelInfo:
        """Connect to a PV and tell what the channel says, without reading it."""
        return ChannelInfo(**await self._ask(timeout, do="info", name=name))

    @asynccontextmanager
    async def monitor(
        self,
        name: str,
        *,
        events: Mask = Mask.VALUE | Mask.ALARM,
        form: Form = Form.TIME,
        datatype: CaType | None = None,
    ) -> AsyncIterator[Monitor]:
        """Subscribe to a PV and collect every update until the context is left."""
        monitor = Monitor(name)
        key = self._requests
        self._monitors[key] = monitor
        await self._ask(
            10.0, do="monitor", name=name, key=key, events=events, form=form, datatype=datatype
        )
        try:
            yield monitor
        finally:
            await self._ask(10.0, do="unmonitor", name=name, key=key)
            del self._monitors[key]

    async def kill(self) -> None:
        """End the client without farewell, as when its machine loses power."""
        await self._process.stop(signal.SIGKILL)

    async def _ask(self, timeout: float, **request: Any) -> Any:
        number = self._requests
        self._requests += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            line = json.dumps({"id": number, "timeout": timeout, **request})
            await self._process.say(line + "\n")
            async with asyncio.timeout(timeout + _GRACE):
                return await answer
        finally:
            del self._answers[number]

    def _receive(self, line: str) -> None:
        message = json.loads(line)
        if "key" in message:
            self._deliveries.put_nowait((message["key"], reading_from_json(message["reading"])))
            return
        answer = self._answers.get(message["id"])
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(CaError(**message["error"]))
        else:
            answer.set_result(message["answer"])

    async def _deliver(self) -> None:
        while True:
            key, update = await self._deliveries.get()
            monitor = self._monitors.get(key)
            if monitor is not None:
                await monitor.add(update)

    async def _watch(self) -> None:
        """Let no request wait for a worker that has died."""
        await self._process.ended()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(AssertionError(f"the client died\n{self._process.output}"))
