"""Arbin battery cyclers over CTI: one IOC per cycler, with all of its channels.

All channels are read in one exchange. Control is off unless the configuration allows it and the
cycler gave the user permission; stops overtake whatever waits for the same channel, and stop no
other. Nothing is started, stopped or set by starting, reconnecting or ending.
"""

from __future__ import annotations

from .cycler import INSTRUMENT, CyclerIOC

__all__ = ["INSTRUMENT", "CyclerIOC"]
