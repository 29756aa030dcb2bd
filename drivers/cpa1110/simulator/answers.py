"""The registers of a simulated panel."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ...core.simulation.modbus_device import ILLEGAL_ADDRESS, ModbusDevice, Refusal
from ..protocol import (
    COMMAND_ADDRESS,
    COMMAND_START,
    COMMAND_STOP,
    COMMAND_STOP_OF_SAMPLES,
    COUNT_3X,
    START,
    encode,
)
from .model import REVISION_3X, CompressorModel

_WORDS_34_2X = (0x0475, 0)
_WORDS_34_3X = (0, 0x0700)


class PanelRegisters(ModbusDevice):
    """The registers of a panel with a model behind them; time follows `clock` times `speed`."""

    def __init__(
        self,
        model: CompressorModel,
        *,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = model
        self.command = 0
        self._speed = speed
        self._clock = clock
        self._seen = clock()

    def read_input(self, start: int, count: int) -> Sequence[int]:
        """Wire 1 to 55."""
        if start < START or start + count > START + COUNT_3X:
            raise Refusal(ILLEGAL_ADDRESS)
        self.catch_up()
        major = self.model.panel.revision[0]
        words = _WORDS_34_3X if major >= REVISION_3X[0] else _WORDS_34_2X
        registers = encode(self.model.snapshot(), words_34=words)
        return registers[start - START : start - START + count]

    def read_holding(self, start: int, count: int) -> Sequence[int]:
        """The command register: the last command word, not the run state."""
        if start != COMMAND_ADDRESS or count != 1:
            raise Refusal(ILLEGAL_ADDRESS)
        return [self.command]

    def write_register(self, address: int, value: int) -> None:
        """Start, stop, or a word that is echoed and does nothing."""
        if address != COMMAND_ADDRESS:
            raise Refusal(ILLEGAL_ADDRESS)
        self.catch_up()
        self.command = value
        if value == COMMAND_START:
            self.model.start()
        elif value in (COMMAND_STOP, COMMAND_STOP_OF_SAMPLES):
            self.model.stop()

    def write_registers(self, start: int, values: Sequence[int]) -> None:
        """One register by function 16."""
        if len(values) != 1:
            raise Refusal(ILLEGAL_ADDRESS)
        self.write_register(start, values[0])

    def catch_up(self) -> None:
        """Let the model's time follow the clock."""
        now = self._clock()
        self.model.advance((now - self._seen) * self._speed)
        self._seen = now
