"""The golden frames in tests/golden/xcom.toml, typed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivers.xcom.frame import Frame, ServiceFlags
from drivers.xcom.multi_info import Item
from drivers.xcom.protocol import Format, ObjectType, Service

_FILE = Path(__file__).parents[2] / "golden" / "xcom.toml"
_FIELDS = ("name", "what", "side", "own", "address", "service", "object", "id", "property", "flags")


@dataclass(frozen=True)
class Golden:
    """One frame as it is on the wire, and what it means (xcom-protocol.md 19)."""

    name: str
    what: str
    side: str
    own: int
    address: int
    service: str
    object: str
    id: int
    property_id: int
    flags: int
    bytes: bytes
    means: dict[str, Any] = field(default_factory=dict)

    @property
    def is_request(self) -> bool:
        return self.side == "request"

    @property
    def format(self) -> Format:
        return Format(self.means["format"])

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(Item(number, which) for number, which in self.means["items"])

    def frame(self, data: bytes) -> Frame:
        """The frame with these property data, all else from the table."""
        source, destination = (self.own, self.address)
        if not self.is_request:
            source, destination = destination, source
        reply = ServiceFlags.RESPONSE if not self.is_request else ServiceFlags(0)
        error = ServiceFlags.ERROR if "error" in self.means else ServiceFlags(0)
        return Frame(
            source,
            destination,
            Service[self.service.upper()],
            ObjectType[self.object.upper()],
            self.id,
            self.property_id,
            data,
            self.flags,
            reply | error,
        )


def _load() -> dict[str, Any]:
    with _FILE.open("rb") as file:
        return tomllib.load(file)


def load(*meaning: str) -> list[Golden]:
    """All golden frames, or those with some meaning (`format`, `items`, `error` and so on)."""
    found: list[Golden] = []
    for table in _load()["frame"]:
        data = bytes.fromhex(table.pop("bytes"))
        known = {name: table.pop(name) for name in _FIELDS}
        known["property_id"] = known.pop("property")
        found.append(Golden(**known, bytes=data, means=table))
    return [each for each in found if all(name in each.means for name in meaning)]


def bad(name: str) -> bytes:
    """Bytes that are no frame: N1 or N2."""
    (found,) = [each for each in _load()["bad"] if each["name"] == name]
    return bytes.fromhex(found["bytes"])


GOLDEN = {each.name: each for each in load()}


def wire(name: str) -> bytes:
    """A golden frame as it is on the wire."""
    return GOLDEN[name].bytes
