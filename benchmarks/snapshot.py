"""Reading a compressor: our driver and the public `cpa1110` library on the same simulated panel.

The library has two ways: its properties, each of which reads the whole block, and `read_snapshot`,
which reads it once. Both are measured. The limit on the wire is that of cpa1110-protocol.md 1.
"""

from __future__ import annotations

import statistics
import time

import serial
from cpa1110 import CPA1110
from cpa1110.enums import Connection
from pymodbus.client import ModbusSerialClient
from pymodbus.framer import FramerType

from drivers.core.url import LinkUrl, SerialUrl, TcpUrl
from drivers.cpa1110.device import Compressor
from drivers.cpa1110.settings import LINK_DEFAULTS, CompressorSettings

from .bench import Setup
from .cost import Cost, Simulated
from .ports import LOOPBACK
from .process import BenchmarkError, ServerProcess
from .results import Goal, Row
from .servers.panel import SILENCE

_SNAPSHOTS = 100
_LINE_SPEED = 115_200
_CHARACTER = 10 / _LINE_SPEED
_REQUEST = bytes.fromhex("10 04 00 01 00 21 62 93")
_ANSWER = 5 + 2 * 33
WIRE_LIMIT = (len(_REQUEST) + _ANSWER) * _CHARACTER + 2 * SILENCE
"""Seconds of one exchange of 33 registers at 115200 8N1, with the silence RTU demands: 10.4 ms."""
_MARGIN = 1.15
_PROPERTIES = (
    "operating_state", "warnings", "errors", "coolant_in_temperature", "coolant_out_temperature",
    "oil_temperature", "helium_temperature", "low_pressure", "low_pressure_average",
    "high_pressure", "high_pressure_average", "delta_pressure_average", "motor_current",
    "hours_of_operation", "pressure_units", "temperature_units", "panel_serial_number",
    "model_number", "software_rev",
)  # fmt: skip


class Snapshot:
    """The whole state of a CPA1110, read back to back at 115200 8N1 and on Modbus TCP."""

    name = "snapshot"

    async def run(self, setup: Setup) -> list[Row]:
        return [*await self._on_a_line(setup), *await self._on_tcp(setup)]

    async def _on_a_line(self, setup: Setup) -> list[Row]:
        arguments = ("--link", "pty", "--baud", str(_LINE_SPEED))
        with ServerProcess(setup.cores, "benchmarks.servers.panel", arguments) as process:
            panel = await _Panel.find(process, LINK_DEFAULTS)
            ours, properties, block = await panel.measure(setup)
            bare = panel.bare_exchange(_SNAPSHOTS)
        limit, share = Goal(WIRE_LIMIT * 1e3 * _MARGIN), Goal(_MARGIN)
        times = (ours.milliseconds, block.milliseconds)
        return [
            self._row("exchanges, serial", "", ours.exchanges, properties.exchanges, Goal(1)),
            self._row("time, serial", "ms", ours.milliseconds, properties.milliseconds, limit),
            self._row("time, serial, peer's read_snapshot", "ms", *times, limit),
            self._row("same ÷ bare exchange", "", times[0] / bare, times[1] / bare, share),
        ]

    async def _on_tcp(self, setup: Setup) -> list[Row]:
        arguments = ("--link", f"tcp://{LOOPBACK}:0")
        with ServerProcess(setup.cores, "benchmarks.servers.panel", arguments) as process:
            ours, properties, block = await (await _Panel.find(process, LINK_DEFAULTS)).measure(
                setup
            )
        times = (ours.milliseconds, block.milliseconds)
        return [
            self._row("exchanges, TCP", "", ours.exchanges, properties.exchanges, Goal(1)),
            self._row("time, TCP", "ms", ours.milliseconds, properties.milliseconds),
            self._row("time, TCP, peer's read_snapshot", "ms", *times),
        ]

    def _row(
        self, figure: str, unit: str, ours: float, peer: float, goal: Goal | None = None
    ) -> Row:
        return Row(self.name, figure, unit, ours, peer, goal)


class _Panel(Simulated):
    """A simulated panel."""

    async def measure(self, setup: Setup) -> tuple[Cost, Cost, Cost]:
        """Our driver, the library by its properties, the library by its snapshot."""
        count = _SNAPSHOTS // 5 if setup.quick else _SNAPSHOTS
        compressor = Compressor(CompressorSettings(str(self.link)))
        try:
            ours = await self.cost(compressor.read_status, count)
        finally:
            await compressor.close()
        with _library(self.link) as library:

            async def by_property() -> object:
                return [getattr(library, name) for name in _PROPERTIES]

            async def by_block() -> object:
                return library.read_snapshot()

            return (
                ours,
                await self.cost(by_property, count // 5),
                await self.cost(by_block, count),
            )

    def bare_exchange(self, count: int) -> float:
        """Milliseconds of an exchange with the silence after it, by a client that does no more."""
        assert isinstance(self.link, SerialUrl)
        taken: list[float] = []
        with serial.Serial(self.link.device, _LINE_SPEED, timeout=1.0) as line:
            for _ in range(count):
                start = time.perf_counter()
                line.write(_REQUEST)
                if len(line.read(_ANSWER)) < _ANSWER:
                    raise BenchmarkError("the simulated panel did not answer")
                taken.append(time.perf_counter() - start + SILENCE)
                time.sleep(2 * SILENCE)
        return statistics.median(taken) * 1e3


def _library(url: LinkUrl) -> CPA1110:
    """The public library on the same link, with the line at 115200 8N1 as ours.

    By itself it opens a serial port with 9600 8E1 only, and a pseudo-terminal refuses parity.
    """
    if isinstance(url, SerialUrl):
        library = CPA1110(url.device, Connection.SERIAL, auto_connect=False)
        library.client = ModbusSerialClient(
            url.device, framer=FramerType.RTU, baudrate=_LINE_SPEED, timeout=3.0, retries=0
        )
        return library
    assert isinstance(url, TcpUrl)
    return CPA1110(url.host, Connection.TCP, port=url.port, auto_connect=False)
