"""The golden frames in tests/golden, typed."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True)
class GoldenFrame:
    """A request and its reply as they are on the wire, and what the registers mean."""

    name: str
    what: str
    framing: str
    kind: str
    request: bytes = b""
    reply: bytes = b""
    start: int = 0
    measurements: str = "float"
    decoded: dict[str, Any] = field(default_factory=dict)

    @property
    def unit(self) -> int:
        return self.request[6] if self.framing == "mbap" else self.request[0]

    @property
    def reply_pdu(self) -> bytes:
        return self.reply[7:] if self.framing == "mbap" else self.reply[1:-2]

    @property
    def request_pdu(self) -> bytes:
        return self.request[7:] if self.framing == "mbap" else self.request[1:-2]

    @property
    def registers(self) -> Sequence[int]:
        data = self.reply_pdu[2:]
        return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


def load_golden(device: str, *kinds: str) -> list[GoldenFrame]:
    """The frames of a device, all or those of some kinds."""
    with (_FOLDER / f"{device}.toml").open("rb") as file:
        tables = tomllib.load(file)["frame"]
    for table in tables:
        for side in ("request", "reply"):
            table[side] = bytes.fromhex(table.get(side, ""))
    frames = [GoldenFrame(**table) for table in tables]
    return [frame for frame in frames if not kinds or frame.kind in kinds]
