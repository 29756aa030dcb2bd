"""A compressor on the wire: read its status, start it, stop it.

The rules for start and stop are those of cpa1110-protocol.md 6: the panel has no watchdog
and no arming step, so nothing is ever repeated, and nothing is written that nobody asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from ..core.errors import Ambiguous, BadReply, Blocked, DriverError, NotObeyed
from ..core.modbus import ModbusBus
from .protocol import (
    COMMAND_ADDRESS,
    COMMAND_START,
    COMMAND_STOP,
    COUNT_2X,
    COUNT_3X,
    FIRST_EXTENDED_MAJOR,
    START,
    Snapshot,
    decode,
    revision_of,
)
from .settings import CompressorSettings
from .status import CompressorStatus, status_from
from .words import DecodeError, OperatingState

_CONFIRM_PERIOD = 0.25
_MAY_START = (OperatingState.IDLE, OperatingState.RECOVERED_FROM_ERROR)
_AFTER_START = (OperatingState.STARTING, OperatingState.RUNNING)
_AFTER_STOP = (OperatingState.STOPPING, OperatingState.IDLE)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A start or stop that was obeyed: the status that shows it, and a note if it was not plain."""

    status: CompressorStatus
    note: str = ""


class Compressor:
    """A Cryomech CPA compressor. Constructing it never touches the wire.

    `bus` shares a link with other units; without it the compressor opens its own and closes it.
    """

    def __init__(self, settings: CompressorSettings, bus: ModbusBus | None = None) -> None:
        self.settings = settings
        self._own_bus = bus is None
        self._bus = bus or ModbusBus(settings.url, timeout=settings.timeout)
        self._unit = self._bus.unit(settings.address, timeout=settings.timeout)
        self._block: tuple[int, int] = (-1, COUNT_2X)
        self._starting = asyncio.Lock()
        self._stops = 0
        self._last_error = ""
        self._snapshot_at = float("-inf")

    @property
    def link(self) -> str:
        """The address of the link, as a URL."""
        return self._unit.link

    @property
    def connected(self) -> bool:
        """True while the link is open and the panel answered its last request."""
        return self._unit.connected

    @property
    def reconnects(self) -> int:
        """How often the link was opened again after the first time."""
        return self._unit.reconnects

    @property
    def exchanges(self) -> int:
        """How many requests went out to this panel."""
        return self._unit.exchanges

    @property
    def last_error(self) -> str:
        """The text of the most recent error, empty if there never was one."""
        return self._last_error

    async def close(self) -> None:
        """Close the link if it is the compressor's own. Writes nothing."""
        if self._own_bus:
            await self._bus.close()

    async def read_status(self) -> CompressorStatus:
        """Read everything in one exchange on the wire.

        On a 3.x panel the first reading of each connection takes two: 33 registers tell the
        revision, then 55 are read from there on (cpa1110-protocol.md 5).
        Raises `LinkDown`, `NoReply`, `BadReply` or `Refused`.
        """
        try:
            return status_from(await self._read_snapshot(), self.settings.pressure_unit)
        except DriverError as error:
            self._last_error = str(error)
            raise

    async def start(self, override: bool = False) -> CommandResult:
        """Start the compressor: returns once its state shows it.

        Reads the status first and refuses (`Blocked`) unless the state is idle or recovered and no
        alarm is set; `override` skips this. Raises `Ambiguous` if nobody knows whether the panel
        obeyed, `NotObeyed` if it answered but did not start or a stop came in between, `Refused`,
        and `LinkDown`. Never sent twice.
        """
        stops = self._stops

        def guard() -> None:
            if self._stops != stops:
                raise self._blocked("start", "a stop was asked for in the meantime")
            age = time.monotonic() - self._snapshot_at
            if not override and age > self.settings.snapshot_age:
                raise self._blocked("start", f"the last reading is {age:.1f} s old")

        try:
            async with self._starting:
                if not override:
                    self._check_startable(await self.read_status())
                return await self._command(
                    "start", COMMAND_START, _AFTER_START, guard, lambda: self._stops != stops
                )
        except DriverError as error:
            self._last_error = str(error)
            raise

    async def stop(self) -> CommandResult:
        """Stop the compressor: returns once its state shows it. Always allowed, overtakes a start.

        Raises `Ambiguous`, `NotObeyed`, `Refused` or `LinkDown`, as `start`. Never sent twice.
        """
        self._stops += 1
        try:
            return await self._command("stop", COMMAND_STOP, _AFTER_STOP, None, lambda: False)
        except DriverError as error:
            self._last_error = str(error)
            raise

    async def _read_snapshot(self) -> Snapshot:
        known_on, count = self._block
        if known_on != self._bus.link.opens or not self._bus.link.connected:
            count = COUNT_2X
        self._block = (-1, COUNT_2X)
        registers = await self._unit.read_input(START, count)
        major, _ = revision_of(registers)
        wanted = COUNT_3X if major >= FIRST_EXTENDED_MAJOR else COUNT_2X
        if wanted != count:
            registers = await self._unit.read_input(START, wanted)
        try:
            snapshot = decode(registers, self.settings.measurements)
        except DecodeError as error:
            asked = f"read {wanted} input registers from {START}"
            raise BadReply(self.link, self._unit.name, asked, str(error)) from error
        self._block = (self._bus.link.opens, wanted)
        self._snapshot_at = time.monotonic()
        return snapshot

    def _check_startable(self, status: CompressorStatus) -> None:
        if status.state not in _MAY_START:
            raise self._blocked("start", f"only from idle or recovered: {status.summary}")
        if status.alarm_mask:
            raise self._blocked("start", f"an alarm is set: {status.summary}")

    def _blocked(self, command: str, reason: str) -> Blocked:
        return Blocked(self.link, self._unit.name, command, reason)

    async def _command(
        self,
        name: str,
        word: int,
        expected: Collection[int],
        guard: Callable[[], None] | None,
        overtaken: Callable[[], bool],
    ) -> CommandResult:
        lost: Ambiguous | None = None
        try:
            await self._unit.write_register(COMMAND_ADDRESS, word, guard=guard)
        except Ambiguous as error:
            lost = error
        seen = await self._follow(expected, overtaken)
        if seen.confirmed and seen.status is not None:
            note = f"the answer was missing ({lost.detail}), the state confirms it" if lost else ""
            return CommandResult(seen.status, note)
        where = (self.link, self._unit.name, name)
        if overtaken():
            raise NotObeyed(*where, "a stop was asked for before it was confirmed")
        time_limit = f"within {self.settings.confirm_timeout:g} s"
        if seen.status is None:
            cause = lost.detail if lost else "the panel echoed it"
            raise Ambiguous(*where, f"{cause}; no state could be read {time_limit}: {seen.error}")
        if lost:
            raise Ambiguous(*where, f"{lost.detail}; not seen {time_limit}: {seen.status.summary}")
        raise NotObeyed(*where, f"the state did not follow {time_limit}", seen.status.summary)

    async def _follow(self, expected: Collection[int], overtaken: Callable[[], bool]) -> _Seen:
        """Read the state until it is an expected one, or the time is over, or a stop comes."""
        deadline = time.monotonic() + self.settings.confirm_timeout
        status: CompressorStatus | None = None
        failure = ""
        while not overtaken():
            try:
                status = await self.read_status()
            except DriverError as error:
                failure = str(error)
            else:
                if status.state in expected:
                    return _Seen(status, failure, confirmed=True)
            if time.monotonic() + _CONFIRM_PERIOD > deadline:
                break
            await asyncio.sleep(_CONFIRM_PERIOD)
        return _Seen(status, failure, confirmed=False)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the state showed after a command."""

    status: CompressorStatus | None
    error: str
    confirmed: bool
