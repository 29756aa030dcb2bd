"""Who is addressed: families of devices, their addresses and number ranges.

Source: xcom-protocol.md 5, 14 and 18.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .protocol import ObjectType

BROADCAST = 0
GATEWAY = 501
"""The gateway that we talk to."""

PHASES = (191, 192, 193)
"""All Xtenders of phase L1, L2, L3."""

GROUPS = (BROADCAST, 100, *PHASES, 300, 600, 700)
"""Addresses of more than one device: written if configured, never read."""


class Family(Enum):
    """Families of devices, by the short names of their maker."""

    XTENDER = "XT"
    VARIOTRACK = "VT"
    VARIOSTRING = "VS"
    BATTERY = "BSP"
    GATEWAY = "RCC"


@dataclass(frozen=True, slots=True)
class FamilyRange:
    """Addresses and numbers of a family: `addresses`, group address, parameters and infos."""

    family: Family
    addresses: range
    group: int | None
    parameters: range
    infos: range

    def address(self, index: int) -> int:
        """The address of device 1, 2, ... of the family."""
        return self.addresses[index - 1]

    def index(self, address: int) -> int:
        """Which device of the family this is, from 1; raises ValueError if it is none."""
        return self.addresses.index(address) + 1


_RANGES = {
    one.family: one
    for one in (
        FamilyRange(
            Family.XTENDER, range(101, 110), 100, range(1000, 2000), range(3000, 4000)
        ),
        FamilyRange(
            Family.VARIOTRACK, range(301, 316), 300, range(10000, 11000), range(11000, 12000)
        ),
        FamilyRange(
            Family.VARIOSTRING, range(701, 716), 700, range(14000, 15000), range(15000, 16000)
        ),
        FamilyRange(Family.BATTERY, range(601, 602), 600, range(6000, 7000), range(7000, 8000)),
        FamilyRange(
            Family.GATEWAY, range(GATEWAY, GATEWAY + 1), None, range(5000, 6000), range(0)
        ),
    )
}  # fmt: skip


def range_of(family: Family) -> FamilyRange:
    """The addresses and numbers of a family."""
    return _RANGES[family]


def family_of_number(number: int) -> Family | None:
    """The family that has this info or parameter; None outside all ranges."""
    for one in _RANGES.values():
        if number in one.infos or number in one.parameters:
            return one.family
    return None


def family_of_address(address: int) -> Family | None:
    """The family of a device or of a group; None for the broadcast and unknown addresses."""
    if address in PHASES:
        return Family.XTENDER
    for one in _RANGES.values():
        if address in one.addresses or address == one.group:
            return one.family
    return None


def object_type_of(number: int) -> ObjectType:
    """Whether a number is an info or a parameter (xcom-protocol.md 17, V8)."""
    is_info = any(number in one.infos for one in _RANGES.values())
    return ObjectType.INFO if is_info else ObjectType.PARAMETER
