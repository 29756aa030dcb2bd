"""A Channel Access client on caproto's protocol, one circuit each: many of them in one process.

It claims whatever user and host it is told to, and keeps the text with which a put was refused.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Self

import caproto as ca

from tests.support.wire.until import PATIENCE, until

_VALUE_AND_ALARM = 5


class PutError(Exception):
    """The server refused a put: its status and its words."""

    def __init__(self, response: ca.ErrorResponse) -> None:
        text = bytes(response.error_message)
        super().__init__(text.split(b"\0", 1)[0].decode())
        self.status = response.status


@dataclass(frozen=True, slots=True)
class Update:
    """One monitor event: first element, severity, status, Unix time."""

    value: Any
    severity: int
    status: int
    timestamp: float


class Client:
    """One circuit to an IOC on loopback."""

    def __init__(self, port: int, user: str = "tester", host: str = "localhost") -> None:
        self._address = ("127.0.0.1", port)
        self._user = user
        self._host = host
        self._circuit = ca.VirtualCircuit(our_role=ca.CLIENT, address=self._address, priority=0)
        self._channels: dict[str, ca.ClientChannel] = {}
        self._created: dict[int, asyncio.Future[Any]] = {}
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._names: dict[int, str] = {}
        self.updates: dict[str, list[Update]] = {}
        self.writable: dict[str, bool] = {}

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(*self._address)
        self._listener = asyncio.create_task(self._listen())
        self._send(
            ca.VersionRequest(priority=0, version=ca.DEFAULT_PROTOCOL_VERSION),
            ca.HostNameRequest(self._host),
            ca.ClientNameRequest(self._user),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)

    async def connect(self, *names: str) -> None:
        """Create channels."""
        loop = asyncio.get_running_loop()
        waiting: list[asyncio.Future[Any]] = []
        for name in names:
            channel = ca.ClientChannel(name, self._circuit)
            self._channels[name] = channel
            self._created[channel.cid] = loop.create_future()
            self._names[channel.cid] = name
            waiting.append(self._created[channel.cid])
            self._send(channel.create())
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*waiting)

    async def subscribe(self, *names: str) -> None:
        """Set a monitor (values with time stamps) on each PV; returns with their first values."""
        await self.connect(*(name for name in names if name not in self._channels))
        for name in names:
            channel = self._channels[name]
            self.updates[name] = []
            assert channel.native_data_type is not None
            kind = ca.field_types["time"][channel.native_data_type]
            request = channel.subscribe(data_type=kind, mask=_VALUE_AND_ALARM)
            self._names[request.subscriptionid] = name
            self._send(request)
        await until(lambda: all(self.updates[name] for name in names))

    async def put(self, name: str, value: Any) -> None:
        """Write with put-callback; raises `PutError` if it is refused."""
        if name not in self._channels:
            await self.connect(name)
        channel = self._channels[name]
        request = channel.write(value, notify=True, data_type=channel.native_data_type)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[request.ioid] = answer
        self._send(request)
        async with asyncio.timeout(PATIENCE):
            response = await answer
        if isinstance(response, ca.ErrorResponse):
            raise PutError(response)
        assert response.status.success, response

    def _send(self, *commands: Any) -> None:
        for command in commands:
            self._writer.write(b"".join(self._circuit.send(command)))

    async def _listen(self) -> None:
        while data := await self._reader.read(65536):
            commands, _ = self._circuit.recv(data)
            for command in commands:
                self._circuit.process_command(command)
                self._take(command)

    def _take(self, command: Any) -> None:
        match command:
            case ca.AccessRightsResponse():
                right = bool(command.access_rights & ca.AccessRights.WRITE)
                self.writable[self._names[command.cid]] = right
            case ca.CreateChanResponse() | ca.CreateChFailResponse():
                self._created[command.cid].set_result(command)
            case ca.EventAddResponse():
                self._note(command)
            case ca.WriteNotifyResponse():
                # after a refusal its words have been taken already
                answer = self._answers.pop(command.ioid, None)
                if answer is not None:
                    answer.set_result(command)
            case ca.ErrorResponse():
                request = command.original_request
                self._answers.pop(request.parameter2).set_result(command)

    def _note(self, event: ca.EventAddResponse) -> None:
        metadata: Any = event.metadata
        self.updates[self._names[event.subscriptionid]].append(
            Update(
                event.data[0] if len(event.data) else None,
                int(metadata.severity),
                int(metadata.status),
                metadata.timestamp,
            )
        )
