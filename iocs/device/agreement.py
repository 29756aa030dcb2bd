"""Whether a device holds what was put: as exactly as its wire can tell, and as soon as it can."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_FLOAT32 = 2.0**-23
_SMALLEST = 2.0**-149
"""Rounding to IEEE-754 single: one part of its last digit, and what is left near zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How a set point finds that its device holds what was put.

    resolution: one step of the number on the wire, in units of the PV (the scale of a register,
    the last digit of a text). The device may hold either of the two steps beside what was put.
    Without it a number may differ by the rounding of an IEEE-754 single; whole numbers and states
    never differ.
    within: seconds for which the readback may lag behind the write; the block is read again until
    it agrees or they are over.
    by_driver: `write` returns only when the driver has read the value back and found it right.
    same: decides instead of `resolution`, from what was put and what is held.
    held: what each device holds, if one set point writes to several.
    """

    resolution: float = 0.0
    within: float = 0.0
    by_driver: bool = False
    same: Callable[[Any, Any], bool] | None = None
    held: Callable[[Any], Sequence[Any]] | None = None

    def holds(self, put: Any, held: Any) -> bool:
        """Whether a value that a device holds is the one that was put; None is none."""
        if held is None:
            return False
        if self.same is not None:
            return self.same(put, held)
        if put == held or not isinstance(put, float) or not math.isfinite(held):
            return bool(put == held)
        rounding = max(abs(put), abs(held)) * _FLOAT32 + _SMALLEST
        apart = abs(put - held)
        return apart <= rounding or apart < self.resolution - rounding


AT_ONCE = Agreement()
"""A device that shows at once, as exactly as its wire can, what it was written."""

BY_DRIVER = Agreement(by_driver=True)
"""A device whose driver reads back itself what it writes."""
