"""What both servers under test are told, so that they serve the same and do the same."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PREFIX = "B:"
TICK = 0.01
"""Seconds between two bursts of spread updates."""


@dataclass(frozen=True, slots=True)
class Load:
    """PVs and updates of a server.

    Attributes:
        pvs: analog inputs, `B:V0` and on; each update counts the PV up by one.
        period: seconds between two updates of a PV.
        spread: in small bursts all the time, PV after PV, instead of all PVs of the block at once.
    """

    pvs: int
    period: float
    spread: bool

    @property
    def arguments(self) -> list[str]:
        """The command line that gives this load."""
        words = ["--pvs", str(self.pvs), "--period", repr(self.period)]
        return [*words, "--spread"] if self.spread else words

    @property
    def rate(self) -> float:
        """Updates per second."""
        return self.pvs / self.period

    @property
    def names(self) -> list[str]:
        """The names of the PVs."""
        return [f"{PREFIX}V{index}" for index in range(self.pvs)]

    def turns(self) -> Iterator[Sequence[int]]:
        """For each tick the PVs to be updated, by their index, for ever."""
        position, owed = 0, 0.0
        while True:
            owed += self.rate * TICK
            count = int(owed)
            owed -= count
            yield [(position + step) % self.pvs for step in range(count)]
            position = (position + count) % self.pvs


def parse() -> Load:
    """The load named on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pvs", type=int, required=True)
    parser.add_argument("--period", type=float, required=True)
    parser.add_argument("--spread", action="store_true")
    options = parser.parse_args()
    return Load(options.pvs, options.period, options.spread)
