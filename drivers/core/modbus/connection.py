"""One open Modbus connection, watched byte by byte. The only module that imports pymodbus.

pymodbus frames, parses and moves the bytes. This module adds what it leaves open (3.16, measured):
it does not check function code, byte count, register count and write echoes; it takes transaction
id 0 for any; a malformed answer raises inside its transport; it waits its full time-out when the
connection is lost or an answer is malformed; it hides why a connection cannot be opened; its
transaction ids start again with each connection; and its own retries would repeat writes (switched
off here).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import termios
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU, FramerType
from pymodbus.pdu import ModbusPDU

from .. import tcp
from ..errors import Ambiguous, BadReply, DriverError, LinkDown, NoReply, Refused
from ..noise import too_noisy
from ..url import SerialUrl, TcpUrl
from .answer import EXCEPTION_FLAG, Judgement, Verdict, judge_mbap, judge_rtu, shows_life
from .exceptions import ACKNOWLEDGE, FROM_A_GATEWAY, exception_text
from .late import LateAnswers
from .silence import LineSilence

Client: TypeAlias = AsyncModbusTcpClient | AsyncModbusSerialClient

_NEVER = 3600.0
_RECEIVE_BUFFER = 1 << 20
"""More than asyncio hands over at once: what is longer pymodbus drops unseen."""

_SILENCES_TO_REOPEN = 2


def silence_pymodbus() -> None:
    """Keep pymodbus from logging each fault at ERROR: here a fault becomes one exception."""
    logger = logging.getLogger("pymodbus.logging")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)


def _crc_is_right(frame: bytes) -> bool:
    return FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))


@dataclass(frozen=True, slots=True)
class Request:
    """One request (functions 03, 04, 06, 16), and how errors name it."""

    link: str
    unit: str
    number: int
    asked: str
    function: int
    start: int
    count: int
    values: tuple[int, ...] = ()


class _Watch:
    """Follows the bytes of one exchange: what was sent, what came back, and whether it is right."""

    def __init__(self, rtu: bool) -> None:
        self._rtu = rtu
        self._waiting = b""
        self._noise = 0
        self.sent = b""
        self.verdict = Verdict(Judgement.INCOMPLETE)
        self.lost = False
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def receive(self, data: bytes) -> bytes:
        """Judge what has come so far; returns the frame if it is good, else nothing."""
        if self.verdict.judgement is not Judgement.INCOMPLETE or not self.sent:
            return b""
        self._waiting += data
        if self._rtu:
            self.verdict = judge_rtu(self.sent, self._waiting, _crc_is_right)
        else:
            self.verdict = judge_mbap(self.sent, self._waiting)
        passed = self.verdict.passed
        self._waiting = self._waiting[passed:]
        self._noise += passed
        if noise := too_noisy(self._noise):
            self.verdict = Verdict(Judgement.BAD, detail=f"{noise}: answers to other requests")
        if self.verdict.judgement is Judgement.BAD:
            self.end()
        return self.verdict.frame

    @property
    def silent(self) -> bool:
        """Whether the request went out and nothing has come."""
        return bool(self.sent) and not (self.lost or self.verdict.detail or self._waiting)

    @property
    def shows_life(self) -> bool:
        """Whether what came is at least of the unit that was asked."""
        return bool(self.sent) and shows_life(self.sent, self._waiting, rtu=self._rtu)

    def end(self) -> None:
        """Wake the exchange: nothing useful can come any more."""
        if not self.over.done():
            self.over.set_result(None)


class ModbusConnection:
    """An open pymodbus client, watched byte by byte.

    `on_heard` is told of units whose answer is no good but proves that they live: it comes too
    late, or is garbled.
    """

    def __init__(
        self,
        url: TcpUrl | SerialUrl,
        silence: LineSilence,
        *,
        first_transaction: int,
        on_send: Callable[[int], None],
        on_heard: Callable[[int], None],
    ) -> None:
        self._serial = isinstance(url, SerialUrl)
        self._rtu = isinstance(url, SerialUrl) or url.rtu
        self._silence = silence
        self._on_send = on_send
        self._on_heard = on_heard
        self._watch: _Watch | None = None
        self._opened = asyncio.Event()
        self._out_of_step = False
        self._whole_answer = False
        self._late = LateAnswers(self._rtu, _crc_is_right)
        self._in_step = False
        self._late_over = asyncio.Event()
        self._unanswered = 0
        self._first_transaction = first_transaction
        self._client = self._make_client(url)
        self._client.ctx.max_buffer_size = _RECEIVE_BUFFER

    def _make_client(self, url: TcpUrl | SerialUrl) -> Client:
        if isinstance(url, SerialUrl):
            return AsyncModbusSerialClient(
                url.device,
                framer=FramerType.RTU,
                baudrate=url.line.baud,
                bytesize=url.line.bits,
                parity=url.line.parity,
                stopbits=url.line.stop,
                reconnect_delay=0,
                timeout=_NEVER,
                retries=0,
                trace_packet=self._on_packet,
                trace_connect=self._on_connect,
            )
        return AsyncModbusTcpClient(
            url.host,
            port=url.port,
            framer=FramerType.RTU if url.rtu else FramerType.SOCKET,
            reconnect_delay=0,
            timeout=_NEVER,
            retries=0,
            trace_packet=self._on_packet,
            trace_connect=self._on_connect,
        )

    async def open(self) -> None:
        """Open, or raise the OSError that `connect()` of pymodbus hides."""
        try:
            await self._client.ctx.call_create()
        except termios.error as error:
            raise OSError(f"the line settings are refused: {error}") from error
        await self._opened.wait()

    @property
    def alive(self) -> bool:
        """False once the connection is lost, or bytes came that nobody asked for."""
        return self._client.connected and not self._out_of_step

    @property
    def keep_after_error(self) -> bool:
        """A serial line is brought back in step by silence; a stream is closed.

        It stays open if a whole answer came, by which a gateway says that the unit gave none, or
        one that was late; with transactions also for a late answer to come, unless nothing at all
        came for two requests.
        """
        return self._serial or self._whole_answer or self._in_step

    def close(self, *, discard: bool) -> None:
        """Close; `discard` resets a TCP connection, so that nothing is delivered later."""
        self._lost()
        if discard and not self._serial and self._client.connected:
            tcp.reset(self._client.ctx.transport)
        self._client.close()

    def _on_connect(self, connected: bool) -> None:
        if connected:
            self._client.ctx.next_tid = self._first_transaction
            self._opened.set()
        else:
            self._lost()

    def _lost(self) -> None:
        """End the exchange that is under way, if one is: no answer can come."""
        self._late_over.set()
        if self._watch is not None:
            self._watch.lost = True
            self._watch.end()

    def _on_packet(self, sending: bool, data: bytes) -> bytes:
        if sending:
            if self._watch is not None:
                self._watch.sent = data
            self._late.sent(data)
            self._on_send(self._client.ctx.next_tid)
            return data
        self._client.ctx.recv_buffer = b""  # kept by pymodbus, it would come again with each piece
        self._unanswered = 0
        rest = self._take_late(data)
        if self._watch is None:
            if rest and not self._serial and self._client.connected:
                self._out_of_step = True
                tcp.reset(self._client.ctx.transport)
            return b""
        self._silence.heard()
        return self._watch.receive(rest) if rest else b""

    def _take_late(self, data: bytes) -> bytes:
        """Tell of late answers among the bytes that came; returns what is none of them."""
        found = self._late.find(data)
        for unit in found.units:
            self._on_heard(unit)
        if self._watch is None and not found.whole:
            self._silence.disturbed()
        if self._rtu and found.whole:
            self._silence.back_in_step()
            self._in_step = True
            self._late_over.set()
        return found.rest

    async def _wait_for_late(self) -> None:
        """Keep the connection for an answer that did not come in time.

        An RTU stream is closed if it does not come while the line has to be silent anyway.
        """
        self._unanswered += 1
        if not self._rtu:
            self._in_step = self._unanswered < _SILENCES_TO_REOPEN
        elif not self._serial:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._silence.longest):
                    await self._late_over.wait()

    async def _quiet(self, request: Request, within: float) -> None:
        try:
            async with asyncio.timeout(within + self._silence.longest):
                await self._silence.wait()
        except TimeoutError:
            detail = "the line is never quiet; nothing was sent"
            raise LinkDown(request.link, request.unit, request.asked, detail) from None

    async def exchange(
        self, request: Request, within: float, guard: Callable[[], None] | None = None
    ) -> tuple[int, ...]:
        """Send one request and return the registers of its checked answer (none for a write).

        Raises `LinkDown`, `NoReply`, `BadReply`, `Refused` or `Ambiguous`.
        """
        if self._rtu:
            await self._quiet(request, within)
        if guard is not None:
            guard()
        self._whole_answer = self._in_step = False
        self._late_over.clear()
        self._late.sending()
        self._watch = watch = _Watch(self._rtu)
        task = asyncio.ensure_future(self._send(request))
        try:
            await asyncio.wait(
                {task, watch.over}, timeout=within, return_when=asyncio.FIRST_COMPLETED
            )
            to_come = watch.silent and not request.values
            if to_come:
                self._late.expect(watch.sent)
        finally:
            self._watch = None
            task.cancel()
            (answer,) = await asyncio.gather(task, return_exceptions=True)
        if watch.verdict.trailing and not self._serial:
            self._out_of_step = True
        if isinstance(answer, ModbusPDU) and watch.verdict.judgement is Judgement.GOOD:
            self._whole_answer = True
            self._late.answered()
            return self._registers(request, answer)
        if isinstance(answer, Exception) and not isinstance(answer, ModbusException):
            raise answer
        if watch.sent:
            self._silence.out_of_step()
        if watch.shows_life:
            self._on_heard(request.number)
        elif to_come:
            await self._wait_for_late()
        raise self._failure(request, watch, within)

    async def _send(self, request: Request) -> ModbusPDU:
        client, start, unit = self._client, request.start, request.number
        if request.function == 3:
            return await client.read_holding_registers(start, count=request.count, device_id=unit)
        if request.function == 4:
            return await client.read_input_registers(start, count=request.count, device_id=unit)
        if request.function == 6:
            return await client.write_register(start, request.values[0], device_id=unit)
        return await client.write_registers(start, list(request.values), device_id=unit)

    def _registers(self, request: Request, answer: ModbusPDU) -> tuple[int, ...]:
        if answer.function_code & EXCEPTION_FLAG:
            raise self._refusal(request, answer.exception_code)
        return () if request.values else tuple(answer.registers)

    def _refusal(self, request: Request, code: int) -> DriverError:
        """The instrument's own refusal, or a gateway's word that the instrument was silent."""
        where = (request.link, request.unit, request.asked)
        if request.values and code == ACKNOWLEDGE:
            return Ambiguous(*where, exception_text(code))
        if code not in FROM_A_GATEWAY:
            return Refused(*where, exception_text(code), code)
        detail = f"the gateway answered with {exception_text(code)}"
        return Ambiguous(*where, detail) if request.values else NoReply(*where, detail)

    def _failure(self, request: Request, watch: _Watch, within: float) -> DriverError:
        where = (request.link, request.unit, request.asked)
        if not watch.sent:
            return LinkDown(*where, "the connection was lost before the request went out")
        detail = watch.verdict.detail
        cause = detail or f"no answer in {within:g} s"
        if watch.lost:
            cause = "the connection was lost before the answer" + (detail and f", after {detail}")
        if request.values:
            return Ambiguous(*where, cause)
        return BadReply(*where, cause) if detail else NoReply(*where, cause)
