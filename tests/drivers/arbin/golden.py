"""The golden frames in tests/golden/arbin.toml, typed."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from drivers.arbin.protocol import Direction

_FILE = Path(__file__).parents[2] / "golden" / "arbin.toml"
_ZEROS = re.compile(r"\[00x(\d+)\]")


@dataclass(frozen=True)
class Golden:
    """One frame: its number (G01 is 1), which way it goes, its bytes, what it says."""

    number: int
    direction: Direction
    data: bytes
    what: str
    size: int
    checksum: int


def load() -> dict[int, Golden]:
    """All golden frames by their number."""
    with _FILE.open("rb") as file:
        tables = tomllib.load(file)["frame"]
    return {
        one["number"]: Golden(
            one["number"],
            Direction(one["direction"]),
            _bytes(one["data"]),
            one["what"],
            one["size"],
            one["checksum"],
        )
        for one in tables
    }


def _bytes(text: str) -> bytes:
    found = b""
    for word in text.split():
        zeros = _ZEROS.fullmatch(word)
        found += bytes(int(zeros[1])) if zeros else bytes.fromhex(word)
    return found
