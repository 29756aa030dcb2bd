"""Which live values are read often, and which slowly.

The often ones of two Xtenders, a VarioTrack, a VarioString and a BSP are 76: one exchange.
"""

from __future__ import annotations

from drivers.xcom.addresses import Family
from drivers.xcom.datapoints import datapoints_of
from drivers.xcom.identity import IDENTITIES
from drivers.xcom.protocol import ObjectType

FAST_NUMBERS = {
    Family.XTENDER: (
        3000, 3005, 3010, 3011, 3012, 3018, 3019, 3020, 3021, 3022, 3028, 3030, 3031, 3032, 3049,
        3078, 3081, 3083, 3084, 3085, 3136, 3137, 3160, 3168,
    ),
    Family.VARIOTRACK: (
        11000, 11001, 11002, 11003, 11004, 11007, 11016, 11034, 11038, 11069,
    ),
    Family.VARIOSTRING: (
        15000, 15001, 15002, 15004, 15007, 15010, 15013, 15017, 15049, 15108,
    ),
    Family.BATTERY: (7000, 7001, 7002, 7003, 7004, 7007, 7008, 7029, 7063, 7064, 7068),
}  # fmt: skip
"""Powers, voltages, currents, states, energies of the day; 7063 and up are of a BMS only."""

_OF_IDENTITY = {
    point.number for _, places in IDENTITIES for point in places.all if point.labels is None
}
"""They have PVs in words; what is a choice has one of its own as well."""

SLOW_NUMBERS = {
    family: tuple(
        point.number
        for point in datapoints_of(family)
        if point.object_type is ObjectType.INFO
        and point.number not in fast
        and point.number not in _OF_IDENTITY
    )
    for family, fast in FAST_NUMBERS.items()
}
"""All others: minute averages, counters, sums of the day before."""
