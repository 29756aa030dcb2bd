"""Meters on one bus: read what each of them measures. There is nothing that writes.

Each reading takes the fewest exchanges that the meter allows. A meter that does not answer is only
asked at its own back-off times, so that each of them costs its neighbours at most one time-out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ..core.errors import BadReply, DriverError
from ..core.modbus import ModbusBus, ModbusUnit
from ..core.quarantine import QuarantineRule
from .blocks import Block, plan
from .counters import CounterWatch, EnergyReading
from .protocol import (
    ENERGIES,
    PHASE_DEMANDS,
    QUANTITIES,
    READ_HOLDING,
    DemandMode,
    Image,
    Quantity,
    Value,
    decode,
)
from .reading import (
    Extremes,
    ImageReading,
    Measurements,
    Snapshot,
    energies_from,
    measurements_from,
)
from .settings import Cvm96Settings, Unit

_EXTREMES = (Image.MAXIMUM, Image.MINIMUM)
_FAILURES_TO_QUARANTINE = 3
_FIRST_PROBE = 1.0
_LAST_PROBE = 30.0


class Meter:
    """One CVM-96. Its readings raise `LinkDown`, `NoReply`, `BadReply` or `Refused`.

    Energies and extremes are read from one meter after the other (`background` is held meanwhile),
    so that what is measured now has to wait for one exchange of them at most.
    """

    def __init__(
        self,
        unit: Unit,
        modbus: ModbusUnit,
        settings: Cvm96Settings,
        background: asyncio.Lock,
        on_error: Callable[[DriverError], None],
    ) -> None:
        self.unit = unit
        self._background = background
        self._on_error = on_error
        self._modbus = modbus
        self._holding = settings.function == READ_HOLDING
        self._retries = settings.retries
        self._most = settings.max_registers
        self._counters = CounterWatch()
        per_phase = unit.demand_mode is DemandMode.A_PER_PHASE
        self._live = self._plan(
            (
                each
                for each in QUANTITIES
                if not each.energy and (per_phase or each not in PHASE_DEMANDS)
            ),
            Image.INSTANTANEOUS,
        )
        self._energies = self._plan(ENERGIES, Image.INSTANTANEOUS)
        self._extremes = self._plan(QUANTITIES, *_EXTREMES)
        self._everything = self._plan(QUANTITIES, *Image)

    @property
    def name(self) -> str:
        """The name that the configuration gives it, empty for a single meter."""
        return self.unit.name

    @property
    def connected(self) -> bool:
        """True while the link is open and this meter answered its last request."""
        return self._modbus.connected

    @property
    def exchanges(self) -> int:
        """How many requests went out to this meter."""
        return self._modbus.exchanges

    async def read_instantaneous(self) -> Measurements:
        """What it measures now, without the energies: two exchanges.

        With demands per phase it takes a third one.
        """
        values = await self._read(self._live)
        return measurements_from(values, Image.INSTANTANEOUS, self.unit.demand_mode)

    async def read_energies(self) -> EnergyReading:
        """Its counters of energy: two exchanges."""
        async with self._background:
            values = await self._read(self._energies)
        return self._counters.follow(energies_from(values, Image.INSTANTANEOUS))

    async def read_extremes(self) -> Extremes:
        """All maxima and minima: six exchanges."""
        async with self._background:
            return self._extremes_from(await self._read(self._extremes))

    async def read_image(self, image: Image) -> ImageReading:
        """The 44 quantities of one image: three exchanges."""
        return self._image_from(await self._read(self._plan(QUANTITIES, image)), image)

    async def read_all(self) -> Snapshot:
        """Everything that the meter holds, 132 values: nine exchanges."""
        values = await self._read(self._everything)
        return Snapshot(self._image_from(values, Image.INSTANTANEOUS), self._extremes_from(values))

    def _plan(self, quantities: Iterable[Quantity], *images: Image) -> tuple[Block, ...]:
        return plan(quantities, images, self._most)

    def _image_from(self, values: Iterable[Value], image: Image) -> ImageReading:
        return ImageReading(
            measurements_from(values, image, self.unit.demand_mode), energies_from(values, image)
        )

    def _extremes_from(self, values: Iterable[Value]) -> Extremes:
        return Extremes(*(self._image_from(values, image) for image in _EXTREMES))

    async def _read(self, blocks: Iterable[Block]) -> list[Value]:
        values: list[Value] = []
        for block in blocks:
            try:
                values += decode(block.start, await self._read_block(block))
            except DriverError as error:
                self._on_error(error)
                raise
        return values

    async def _read_block(self, block: Block) -> tuple[int, ...]:
        """Read a block, again at once if the answer is garbled; silence costs too much for that."""
        for _ in range(self._retries):
            try:
                return await self._exchange(block)
            except BadReply as error:
                self._on_error(error)
        return await self._exchange(block)

    async def _exchange(self, block: Block) -> tuple[int, ...]:
        if self._holding:
            return await self._modbus.read_holding(block.start, block.count)
        return await self._modbus.read_input(block.start, block.count)


class MeterBus:
    """One or more CVM-96 on a serial line, a serial server or a Modbus gateway.

    Constructing it never touches the wire.
    """

    def __init__(self, settings: Cvm96Settings) -> None:
        self.settings = settings
        self._last_error = ""
        background = asyncio.Lock()
        timeout, settle = settings.answer_timeout, settings.timeout / 4
        self._bus = ModbusBus(
            settings.url,
            timeout=timeout,
            settle=settle,
            quarantine=QuarantineRule(
                failures=_FAILURES_TO_QUARANTINE,
                # what comes while the line is silent after it is a sign of life as well
                probe_timeout=timeout - settle,
                first=_FIRST_PROBE,
                cap=_LAST_PROBE,
            ),
        )
        self.meters = tuple(
            Meter(unit, self._bus.unit(unit.address), settings, background, self._failed)
            for unit in settings.units
        )

    @property
    def link(self) -> str:
        """The address of the link, as a URL."""
        return str(self._bus.url)

    @property
    def connected(self) -> bool:
        """True while the link is open and at least one meter answered its last request."""
        return any(meter.connected for meter in self.meters)

    @property
    def reconnects(self) -> int:
        """How often the link was opened again after the first time."""
        return self._bus.link.reconnects

    @property
    def exchanges(self) -> int:
        """How many requests went out, to all meters."""
        return self._bus.exchanges

    @property
    def last_error(self) -> str:
        """The text of the most recent error of any meter, empty if there never was one."""
        return self._last_error

    async def close(self) -> None:
        await self._bus.close()

    def _failed(self, error: DriverError) -> None:
        self._last_error = str(error)
