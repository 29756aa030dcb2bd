"""A Modbus server for simulators: TCP, RTU in TCP and RTU on a pseudo-terminal, with faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ..errors import BadUrl
from ..url import Defaults, SerialLine, SerialUrl, TcpUrl, parse_link
from .faults import Fault
from .line import Line
from .modbus_device import (
    ModbusDevice,
    acknowledgement,
    answer,
    clipped,
    exception_answer,
    is_write,
    other_answer,
)
from .modbus_framing import Framing, MbapFraming, ModbusFrame, RtuFraming
from .ports import Connection, Terminal
from .simulator import Simulator

_MBAP_ONLY = {Fault.WRONG_TRANSACTION}
_RTU_ONLY = {Fault.BAD_CRC, Fault.ECHO}
_GAP_CHARACTERS = 3.5
_QUIET = 0.02


class ModbusServer(Simulator[ModbusFrame]):
    """Serves units on any number of endpoints.

    `devices` maps unit addresses to devices. `any_unit` answers every address on Modbus TCP, as
    instruments do that ignore the unit id; RTU units answer their own address only. `defaults` are
    those of the links.
    """

    def __init__(
        self,
        devices: Mapping[int, ModbusDevice],
        *,
        any_unit: ModbusDevice | None = None,
        line: SerialLine | None = None,
        think: float = 0.0,
        defaults: Defaults | None = None,
    ) -> None:
        super().__init__(line=line, think=think)
        self._devices = dict(devices)
        self._any_unit = any_unit
        self._defaults = defaults or Defaults()

    async def listen(self, link: str) -> str:
        """Serve on a link: a TCP URL (port 0: a free one) or ``pty``.

        Returns the URL a client uses. Raises `BadUrl`, `OSError`.
        """
        if link == "pty":
            return str(self.open_terminal(self._defaults.line))
        url = parse_link(link, self._defaults, any_port=True)
        if not isinstance(url, TcpUrl):
            example = "tcp://127.0.0.1:0, rtu+tcp://127.0.0.1:0 or pty"
            raise BadUrl(link, "a simulator serves TCP or a pseudo-terminal", example)
        return str(await self.open_tcp(url))

    async def open_tcp(self, url: TcpUrl) -> TcpUrl:
        """Serve on a TCP port (0: a free one); returns the URL with the port."""

        def connect(connection: Connection) -> ModbusLine:
            framing = RtuFraming() if url.rtu else MbapFraming()
            return ModbusLine(self, str(url), framing, connection.write, connection.reset)

        self.faults.restrict(set(Fault) - (_MBAP_ONLY if url.rtu else _RTU_ONLY))
        return await self.ports.listen(url, connect)

    def open_terminal(self, line: SerialLine) -> SerialUrl:
        """Serve RTU on a new pseudo-terminal; returns the URL a client opens.

        `line` is what the URL says if the server does not move bytes at the speed of its own.
        """

        def connect(terminal: Terminal) -> ModbusLine:
            return ModbusLine(self, f"serial://{terminal.path}", RtuFraming(), terminal.write)

        self.faults.restrict(set(Fault) - _MBAP_ONLY)
        path = self.ports.open_terminal(connect).path
        # a pseudo-terminal cannot be set to a parity: opening it with one fails
        return SerialUrl(path, replace(self.line or line, parity="N"))

    def add_device(self, unit: int, device: ModbusDevice) -> None:
        """Connect one more unit while serving."""
        self._devices[unit] = device

    def remove_device(self, unit: int) -> None:
        """Disconnect a unit while serving: its address is silent from now on."""
        self._devices.pop(unit, None)

    def device_for(self, unit: int, *, rtu: bool) -> ModbusDevice | None:
        """The device that answers this address, None if nobody does."""
        device = self._devices.get(unit)
        return device if device is not None or rtu else self._any_unit


class ModbusLine(Line[ModbusFrame]):
    """Answers one client of a Modbus server."""

    def __init__(
        self,
        server: ModbusServer,
        endpoint: str,
        framing: Framing,
        write: Callable[[bytes], None],
        reset: Callable[[], None] = lambda: None,
    ) -> None:
        self._server = server
        self._framing = framing
        self._rtu = isinstance(framing, RtuFraming)
        self._quiet: asyncio.TimerHandle | None = None
        super().__init__(server, endpoint, write, reset)

    @property
    def noise(self) -> int:
        return self._framing.noise

    def parse(self, data: bytes) -> Iterable[ModbusFrame]:
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = asyncio.get_running_loop().call_later(_QUIET, self._silence)
        return self._framing.feed(data)

    def _silence(self) -> None:
        # if bytes are on their way, this program was late, not the line silent
        if not self.busy:
            self.queue(self._framing.silence())

    def close(self) -> None:
        super().close()
        if self._quiet is not None:
            self._quiet.cancel()

    def encode(self, reply: ModbusFrame) -> bytes:
        return self._framing.wrap(reply.unit, reply.pdu, reply.transaction)

    def is_write(self, asked: ModbusFrame) -> bool:
        return is_write(asked.pdu)

    def is_taken(self, asked: ModbusFrame) -> bool:
        return self._device(asked) is not None

    def delay(self, asked: ModbusFrame) -> float:
        line = self._server.line
        gap = _GAP_CHARACTERS * line.character_time if line and self._rtu else 0.0
        return gap + super().delay(asked)

    def answer(self, asked: ModbusFrame) -> Sequence[ModbusFrame]:
        return self._obey(asked, asked.pdu)

    def acknowledge(self, asked: ModbusFrame) -> Sequence[ModbusFrame]:
        return [replace(asked, pdu=acknowledgement(asked.pdu))]

    def refuse(self, asked: ModbusFrame, code: int) -> Sequence[ModbusFrame]:
        return [replace(asked, pdu=exception_answer(asked.pdu, code))]

    def clip(self, asked: ModbusFrame, highest: float) -> Sequence[ModbusFrame]:
        self._obey(asked, clipped(asked.pdu, int(highest)))
        return self.acknowledge(asked)

    def mistake(
        self, fault: Fault, asked: ModbusFrame, replies: Sequence[ModbusFrame]
    ) -> Sequence[ModbusFrame]:
        match fault:
            case Fault.WRONG_TRANSACTION:
                before = (asked.transaction - 1) & 0xFFFF
                return [replace(each, transaction=before) for each in replies]
            case Fault.WRONG_UNIT:
                return [replace(each, unit=(each.unit + 1) & 0xFF) for each in replies]
            case _:
                return [replace(each, pdu=other_answer(asked.pdu, each.pdu)) for each in replies]

    def _device(self, asked: ModbusFrame) -> ModbusDevice | None:
        return self._server.device_for(asked.unit, rtu=self._rtu)

    def _obey(self, asked: ModbusFrame, pdu: bytes) -> Sequence[ModbusFrame]:
        device = self._device(asked)
        return [] if device is None else [replace(asked, pdu=answer(device, pdu))]
