"""Do the numbers look like those of a CVM-96? Tells a meter with another register map.

No register identifies the model, and sisters of the CVM-96 have other maps
(cvm96-protocol.md 3, with these checks).
"""

from __future__ import annotations

import math

from .reading import Measurements

_FREQUENCIES = (45.0, 65.0)
_BALANCED = 0.1
_TOLERANCE = 0.2


def doubts(reading: Measurements) -> tuple[str, ...]:
    """What does not fit, one text each; nothing for a reading that may be right."""
    if not any((*reading.voltages, *reading.currents, reading.frequency)):
        return ("all values are 0: just powered up, or nothing is connected",)
    found: list[str] = []
    low, high = _FREQUENCIES
    if any(reading.voltages) and not low <= reading.frequency <= high:
        found.append(f"frequency {reading.frequency:g} Hz is not from {low:g} to {high:g} Hz")
    worst = max(reading.power_factors, key=abs)
    if abs(worst) > 1.0:
        found.append(f"power factor {worst:g} is not from -1 to 1")
    mean = sum(reading.voltages) / 3
    if all(abs(voltage - mean) <= _BALANCED * mean for voltage in reading.voltages):
        expected = math.sqrt(3) * mean
        found += [
            f"line voltage {voltage:g} V where {expected:.0f} V would fit"
            for voltage in reading.line_voltages
            if abs(voltage - expected) > _TOLERANCE * expected
        ][:1]
    return tuple(found)
