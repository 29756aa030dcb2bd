"""Reading a CVM-96: our blocks, and `minimalmodbus` one value after the other, on a slow line.

One after the other is how drivers for this meter read it. The simulated line moves bytes at its
speed, and the meter takes 20 ms for each answer. The limits are those of cvm96-protocol.md 6.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import minimalmodbus

from drivers.core.url import SerialUrl
from drivers.cvm96.device import Meter, MeterBus
from drivers.cvm96.protocol import QUANTITIES, Image
from drivers.cvm96.settings import Cvm96Settings

from .bench import Setup
from .cost import Simulated
from .process import ServerProcess
from .results import Goal, Row

_THINK = 0.02
_SPEEDS = (9600, 19200)
_OURS, _PEERS = 20, 3
_MARGIN = 1.1
_IMAGE_BLOCKS = (40, 34, 14)


def wire_limit(baud: int, images: int) -> float:
    """Milliseconds that the blocks of some images take on a line of 8N1 with this think time.

    Per exchange: request, answer, and 3.5 characters of silence after each.
    """
    character = 10.0 / baud
    characters = sum(8 + 3.5 + 5 + 2 * count + 3.5 for count in _IMAGE_BLOCKS)
    return images * (characters * character + len(_IMAGE_BLOCKS) * _THINK) * 1e3


class Cvm96:
    """All values of one meter, as they are and with their extremes, at 9600 and 19200 baud."""

    name = "cvm96"

    async def run(self, setup: Setup) -> list[Row]:
        rows: list[Row] = []
        for baud in _SPEEDS:
            rows += await self._at(setup, baud)
        return rows

    async def _at(self, setup: Setup, baud: int) -> list[Row]:
        arguments = ("--link", "pty", "--baud", str(baud), "--think", str(_THINK))
        control = ("--control", "tcp://127.0.0.1:0")
        module = "drivers.cvm96.simulator"
        with ServerProcess(setup.cores, module, (*arguments, *control)) as process:
            line = await Simulated.find(process)
            assert isinstance(line.link, SerialUrl)
            bus = MeterBus(Cvm96Settings(str(line.link)))
            (meter,) = bus.meters
            repeats = _OURS // 4 if setup.quick else _OURS
            try:
                image = await line.cost(_instantaneous(meter), repeats)
                everything = await line.cost(meter.read_all, max(1, repeats // 4))
            finally:
                await bus.close()
            peer = await line.cost(_one_by_one(line.link), 1 if setup.quick else _PEERS)
        times = (image.milliseconds, peer.milliseconds)
        limit = Goal(wire_limit(baud, 1) * _MARGIN)
        whole = Goal(wire_limit(baud, 3) * _MARGIN)
        return [
            self._row(f"exchanges, 44 values, {baud}", "", image.exchanges, peer.exchanges, 3),
            self._row(f"exchanges, 132 values, {baud}", "", everything.exchanges, None, 9),
            Row(self.name, f"44 values, {baud}", "ms", *times, limit),
            Row(self.name, f"132 values, {baud}", "ms", everything.milliseconds, None, whole),
        ]

    def _row(self, figure: str, unit: str, ours: float, peer: float | None, most: float) -> Row:
        return Row(self.name, figure, unit, ours, peer, Goal(most))


def _instantaneous(meter: Meter) -> Callable[[], Awaitable[object]]:
    return lambda: meter.read_image(Image.INSTANTANEOUS)


def _one_by_one(link: SerialUrl) -> Callable[[], Awaitable[object]]:
    instrument = minimalmodbus.Instrument(link.device, 1)
    assert instrument.serial is not None
    instrument.serial.baudrate = link.line.baud
    instrument.serial.timeout = 1.0

    async def read() -> object:
        return [instrument.read_long(each.offset, 4, signed=each.signed) for each in QUANTITIES]

    return read
