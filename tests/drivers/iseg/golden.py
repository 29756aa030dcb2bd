"""The golden frames in tests/golden/iseg.toml, typed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from drivers.core.can import CanFrame

_FILE = Path(__file__).parents[2] / "golden" / "iseg.toml"


@dataclass(frozen=True)
class Golden:
    """One frame: its number (iseg-protocol.md 14), the frame, its exact length on the wire."""

    number: int
    frame: CanFrame
    what: str
    wire_bits: int


def load() -> dict[int, Golden]:
    """All golden frames by their number."""
    with _FILE.open("rb") as file:
        tables = tomllib.load(file)["frame"]
    return {
        one["number"]: Golden(
            one["number"],
            CanFrame(one["identifier"], bytes.fromhex(one["data"])),
            one["what"],
            one["wire_bits"],
        )
        for one in tables
    }
