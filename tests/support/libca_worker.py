"""The process behind `tests.support.libca.Libca`: one JSON request, answer or update per line.

Usage: python -m tests.support.libca_worker aioca|pyepics
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from dataclasses import asdict
from typing import Any, Protocol

from tests.support.libca_types import CaError, CaType, ChannelInfo, Emit, Form, Mask, Reading


class Client(Protocol):
    """What either library can be asked; each raises CaError for what libca reports."""

    async def get(
        self, name: str, form: Form, datatype: CaType | None, count: int, timeout: float
    ) -> Reading:
        """Read once."""
        ...

    async def put(
        self, name: str, value: Any, datatype: CaType | None, wait: bool, timeout: float
    ) -> None:
        """Write once."""
        ...

    async def monitor(
        self, key: int, name: str, events: Mask, form: Form, datatype: CaType | None, emit: Emit
    ) -> None:
        """Subscribe; `emit` may be called from any thread."""
        ...

    async def unmonitor(self, key: int) -> None:
        """End a subscription."""
        ...

    async def info(self, name: str, timeout: float) -> ChannelInfo:
        """Connect and tell about the channel."""
        ...


class Worker:
    """Serves requests until the end of the input."""

    def __init__(self, client: Client, output: int) -> None:
        self._client = client
        self._output = os.fdopen(output, "w", encoding="utf-8")
        self._lock = threading.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Read requests from standard input; they may overlap."""
        reader = asyncio.StreamReader(limit=1 << 26)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            task = asyncio.create_task(self._answer(json.loads(line)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _say(self, message: dict[str, Any]) -> None:
        with self._lock:
            self._output.write(json.dumps(message) + "\n")
            self._output.flush()

    async def _answer(self, request: dict[str, Any]) -> None:
        number = request.pop("id")
        try:
            self._say({"id": number, "answer": await self._do(**request)})
        except CaError as error:
            fields = {"name": error.name, "code": error.code, "text": error.text}
            self._say({"id": number, "error": fields})

    async def _do(
        self,
        do: str,
        name: str,
        timeout: float,
        *,
        key: int = -1,
        value: Any = None,
        form: int = 0,
        datatype: int | None = None,
        count: int = 0,
        wait: bool = True,
        events: int = 0,
    ) -> Any:
        kind = None if datatype is None else CaType(datatype)
        match do:
            case "get":
                return asdict(await self._client.get(name, Form(form), kind, count, timeout))
            case "put":
                return await self._client.put(name, value, kind, wait, timeout)
            case "info":
                return asdict(await self._client.info(name, timeout))
            case "monitor":

                def emit(reading: Reading) -> None:
                    self._say({"key": key, "reading": asdict(reading)})

                return await self._client.monitor(key, name, Mask(events), Form(form), kind, emit)
            case "unmonitor":
                return await self._client.unmonitor(key)
        raise ValueError(f"request {do!r}: expected get, put, info, monitor or unmonitor")


async def main(library: str) -> None:
    """Serve with one of the two libraries."""
    output = os.dup(1)
    os.dup2(2, 1)  # what libca prints is no answer
    client: Client
    if library == "aioca":
        from tests.support.libca_aioca import AiocaClient

        client = AiocaClient()
    else:
        from tests.support.libca_pyepics import PyepicsClient

        client = PyepicsClient()
    await Worker(client, output).serve()
    os._exit(0)  # libca's threads have nothing to say after the last request


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
