"""The registers of a simulated meter, as a Modbus server asks for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...core.simulation.modbus_device import ILLEGAL_ADDRESS, ModbusDevice, Refusal
from ..protocol import FRAME_LIMIT, MAP_SIZE, encode, is_documented
from .model import MeterModel

_RELAYS = 2
_RESET_COILS = (0x0834, 0x0837)
_GATEWAY_TARGET_SILENT = 11


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a meter takes requests (cvm96-protocol.md 4 and 8).

    speed: how much faster its time runs.
    max_registers: the largest read.
    gap_reads_zero: undocumented registers are 0 instead of refused.
    accept_resets: the coils by which sisters of the meter are cleared are accepted and noted.
    """

    speed: float = 1.0
    max_registers: int = FRAME_LIMIT
    gap_reads_zero: bool = False
    accept_resets: bool = False


class MeterRegisters(ModbusDevice):
    """The registers of one meter; `resets` lists the reset coils that were written."""

    bad_count = ILLEGAL_ADDRESS

    def __init__(
        self,
        model: MeterModel,
        behaviour: Behaviour | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = model
        self.resets: list[int] = []
        self._behaviour = behaviour or Behaviour()
        self._clock = clock
        self._seen = clock()
        self._zero_until = self._seen

    def read_coils(self, start: int, count: int) -> Sequence[bool]:
        """The relays, which are off."""
        if start + count > _RELAYS:
            raise Refusal(ILLEGAL_ADDRESS)
        return [False] * count

    def write_coil(self, address: int, on: bool) -> None:
        """Refused, as no relay is documented."""
        if not (self._behaviour.accept_resets and on and address in _RESET_COILS):
            raise Refusal(ILLEGAL_ADDRESS)
        self.resets.append(address)

    def read_holding(self, start: int, count: int) -> Sequence[int]:
        """Function 03: the same as 04."""
        return self.read_input(start, count)

    def read_input(self, start: int, count: int) -> Sequence[int]:
        """The three images."""
        most = self._behaviour.max_registers
        if start % 2 or count % 2 or count > most or start + count > MAP_SIZE:
            raise Refusal(ILLEGAL_ADDRESS)
        wanted = range(start, start + count)
        if not self._behaviour.gap_reads_zero and not all(map(is_documented, wanted)):
            raise Refusal(ILLEGAL_ADDRESS)
        self.catch_up()
        if self._clock() < self._zero_until:
            return [0] * count
        return encode(self.model.values())[start : start + count]

    def power_up(self, seconds: float) -> None:
        """Begin again after a power cut: for a while all registers are 0."""
        self._zero_until = self._clock() + seconds

    def catch_up(self) -> None:
        """Let the model's time follow the clock."""
        now = self._clock()
        self.model.advance((now - self._seen) * self._behaviour.speed)
        self._seen = now


class SilentTarget(ModbusDevice):
    """What a Modbus TCP gateway answers for a meter that is silent."""

    def read_holding(self, start: int, count: int) -> Sequence[int]:
        raise Refusal(_GATEWAY_TARGET_SILENT)

    def read_input(self, start: int, count: int) -> Sequence[int]:
        raise Refusal(_GATEWAY_TARGET_SILENT)
