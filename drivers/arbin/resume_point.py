"""Where a test was when it stopped: the block that a resume with details carries.

Source: arbin-protocol.md 4.13.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from .fields import single, whole
from .protocol import EncodeError
from .words import USER_VARIABLES

_U32 = 0xFFFFFFFF
_RESUME_BLOCK = struct.Struct("<I18d4f2d16f")


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where a test was when it stopped: what RESUME_EX goes on from.

    Times in s, capacities in Ah, energies in Wh. `timers`, `counters` and the pairs are those of
    the schedule; `capacity_times` are the two charge-capacity times.
    """

    cycle: int = 0
    test_time: float = 0.0
    step_time: float = 0.0
    charge_capacity: float = 0.0
    discharge_capacity: float = 0.0
    charge_energy: float = 0.0
    discharge_energy: float = 0.0
    timers: tuple[float, ...] = (0.0,) * 4
    charge_capacities: tuple[float, ...] = (0.0,) * 2
    discharge_capacities: tuple[float, ...] = (0.0,) * 2
    charge_energies: tuple[float, ...] = (0.0,) * 2
    discharge_energies: tuple[float, ...] = (0.0,) * 2
    counters: tuple[float, ...] = (0.0,) * 4
    capacity_times: tuple[float, ...] = (0.0,) * 2
    variables: tuple[float, ...] = (0.0,) * USER_VARIABLES

    def encode(self) -> bytes:
        """The block of 244 bytes. Raises `EncodeError`."""
        pairs = (
            self.charge_capacities,
            self.discharge_capacities,
            self.charge_energies,
            self.discharge_energies,
        )
        values = (
            *(self.test_time, self.step_time, self.charge_capacity, self.discharge_capacity),
            *(self.charge_energy, self.discharge_energy, *self.timers),
            *(value for pair in pairs for value in pair),
            *(single(value, "counter") for value in self.counters),
            *self.capacity_times,
            *(single(value, "user variable") for value in self.variables),
        )
        try:
            return _RESUME_BLOCK.pack(whole(self.cycle, 0, _U32, "cycle"), *values)
        except struct.error as error:
            raise EncodeError(f"resume point: {error}") from None

    @classmethod
    def decode(cls, block: bytes) -> Self:
        """From its 244 bytes."""
        cycle, *v = _RESUME_BLOCK.unpack(block)
        cuts = (10, 12, 14, 16, 18, 22, 24, 40)
        groups = [tuple(v[a:b]) for a, b in zip((6, *cuts[:-1]), cuts, strict=True)]
        return cls(cycle, *v[:6], *groups)


FROM_THE_BEGINNING = ResumePoint()
"""All zero."""
