"""A Modbus bus and its units: what a Modbus instrument's driver works with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import BadUrl
from ..link import Link
from ..quarantine import QuarantineRule, UnitHealth
from ..url import EXAMPLES, LinkUrl, SerialLine, SerialUrl, TcpUrl
from .connection import ModbusConnection, Request, silence_pymodbus
from .silence import LineSilence

_MAX_READ = 125
_MAX_WRITE = 123
_LAST_UNIT_RTU = 247
# A probe of a silent unit waits for an answer of 40 registers, with time to think.
_PROBE_CHARACTERS = 100
_PROBE_THINK_TIME = 0.3


class ModbusBus:
    """One Modbus link: a TCP device or gateway, or a serial line with one or more units.

    `timeout` is the default of the units: seconds from sending a request to its whole answer.
    `settle` is the silence kept on RTU after a missing or bad answer (default: half of `timeout`).
    `quarantine` says how silent units are probed (default: after 3 failures, with time enough for
    an answer of 40 registers on the line; 9600 baud is assumed where the URL does not tell).
    Constructing a bus touches nothing; the first request opens the link.
    Raises `BadUrl` if Modbus cannot run over the link.
    """

    def __init__(
        self,
        url: LinkUrl,
        *,
        timeout: float = 1.0,
        open_timeout: float = 3.0,
        settle: float | None = None,
        quarantine: QuarantineRule | None = None,
    ) -> None:
        if not isinstance(url, TcpUrl | SerialUrl):
            raise BadUrl(str(url), "Modbus needs tcp://, rtu+tcp:// or serial://", EXAMPLES["tcp"])
        if isinstance(url, SerialUrl) and url.line.bits != 8:
            raise BadUrl(str(url), "Modbus RTU needs bits=8", EXAMPLES["serial"])
        silence_pymodbus()
        self.url = url
        self.rtu = isinstance(url, SerialUrl) or url.rtu
        self.timeout = timeout
        self.link: Link[ModbusConnection] = Link(str(url), self._connect, open_timeout=open_timeout)
        self._exchanges = 0
        line = url.line if isinstance(url, SerialUrl) else SerialLine()
        probe = _PROBE_THINK_TIME + _PROBE_CHARACTERS * line.character_time
        self._rule = quarantine or QuarantineRule(probe_timeout=probe)
        self._transaction = 0
        self._silence = LineSilence(
            url.line if isinstance(url, SerialUrl) else None,
            timeout / 2 if settle is None else settle,
        )
        self._units: dict[int, ModbusUnit] = {}

    @property
    def exchanges(self) -> int:
        """How many requests went out on this bus, to all units."""
        return self._exchanges

    def unit(self, number: int, *, timeout: float | None = None) -> ModbusUnit:
        """The unit with this address; asking twice gives the same unit.

        Addresses are 1 to 247 on RTU (0 is the broadcast, which nobody answers), 0 to 255 on TCP.
        """
        low, high = (1, _LAST_UNIT_RTU) if self.rtu else (0, 255)
        if not low <= number <= high:
            raise ValueError(f"{self.url}: unit {number} is not from {low} to {high}")
        known = self._units.get(number)
        if known is not None:
            return known
        health = UnitHealth(f"unit {number}", self._rule)
        self.link.register(health)
        self._units[number] = ModbusUnit(
            self, number, health, self.timeout if timeout is None else timeout
        )
        return self._units[number]

    async def close(self) -> None:
        """Close the link after the request that is running now; later requests fail."""
        await self.link.close()

    async def _connect(self) -> ModbusConnection:
        connection = ModbusConnection(
            self.url,
            self._silence,
            first_transaction=self._transaction,
            on_send=self._sent,
            on_heard=self._heard,
        )
        try:
            await connection.open()
        except BaseException:
            connection.close(discard=False)
            raise
        return connection

    def _sent(self, transaction: int) -> None:
        self._exchanges += 1
        self._transaction = transaction

    def _heard(self, number: int) -> None:
        if number in self._units:
            self._units[number].heard()


class ModbusUnit:
    """One unit on a bus. Reads may be repeated by the caller; nothing is ever repeated here.

    All reads raise `LinkDown`, `NoReply`, `BadReply` or `Refused` (with the exception code).
    Writes raise `LinkDown` (nothing went out), `Refused`, or `Ambiguous` when the answer is missing
    or wrong. `guard`, if given, is called right before a write goes out and may raise to stop it.
    """

    def __init__(self, bus: ModbusBus, number: int, health: UnitHealth, timeout: float) -> None:
        self.bus = bus
        self.number = number
        self.timeout = timeout
        self._health = health
        self._exchanges = 0

    @property
    def name(self) -> str:
        """The unit as errors name it."""
        return self._health.name

    @property
    def link(self) -> str:
        """The URL of the bus."""
        return self.bus.link.name

    @property
    def connected(self) -> bool:
        """True while the link is open and this unit answered its last request."""
        return self.bus.link.connected and self._health.answering

    @property
    def reconnects(self) -> int:
        """How often the link was opened again after the first time."""
        return self.bus.link.reconnects

    @property
    def exchanges(self) -> int:
        """How many requests went out to this unit."""
        return self._exchanges

    def heard(self) -> None:
        """Note a sign of life of this unit that is no valid answer."""
        self._health.heard()

    async def read_holding(self, start: int, count: int) -> tuple[int, ...]:
        """Read `count` holding registers from wire address `start` (function 03)."""
        asked = f"read {count} holding registers from {start}"
        return await self._exchange(3, start, count, asked)

    async def read_input(self, start: int, count: int) -> tuple[int, ...]:
        """Read `count` input registers from wire address `start` (function 04)."""
        asked = f"read {count} input registers from {start}"
        return await self._exchange(4, start, count, asked)

    async def write_register(
        self, address: int, value: int, *, guard: Callable[[], None] | None = None
    ) -> None:
        """Write one register (function 06), once."""
        asked = f"write {value:#06x} to register {address}"
        await self._exchange(6, address, 1, asked, values=(value,), guard=guard)

    async def write_registers(
        self, start: int, values: Sequence[int], *, guard: Callable[[], None] | None = None
    ) -> None:
        """Write registers from wire address `start` (function 16), once."""
        asked = f"write {len(values)} registers from {start}"
        await self._exchange(16, start, len(values), asked, values=tuple(values), guard=guard)

    async def _exchange(
        self,
        function: int,
        start: int,
        count: int,
        asked: str,
        *,
        values: tuple[int, ...] = (),
        guard: Callable[[], None] | None = None,
    ) -> tuple[int, ...]:
        write = bool(values)
        most = _MAX_WRITE if write else _MAX_READ
        if not 1 <= count <= most or not 0 <= start <= 0x10000 - count:
            raise ValueError(f"{count} registers from {start}: 1 to {most} within 0 to 65535")
        if any(not 0 <= value <= 0xFFFF for value in values):
            raise ValueError(f"register values {values} are not all from 0 to 65535")
        request = Request(self.link, self.name, self.number, asked, function, start, count, values)

        async def turn(connection: ModbusConnection, within: float) -> tuple[int, ...]:
            before = self.bus.exchanges
            try:
                return await connection.exchange(request, within, guard)
            finally:
                self._exchanges += self.bus.exchanges - before

        return await self.bus.link.request(
            self._health, asked, turn, within=self.timeout, urgent=write
        )
