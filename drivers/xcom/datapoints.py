"""All datapoints that are known, by number and by name.

Source: xcom-protocol.md 18 (appendix 1.6.42 of the maker).
"""

from __future__ import annotations

from .addresses import Family
from .datapoint import Datapoint
from .datapoints_battery import BATTERY
from .datapoints_gateway import GATEWAY
from .datapoints_variostring import VARIOSTRING
from .datapoints_variotrack import VARIOTRACK
from .datapoints_xtender import INFOS as XTENDER_INFOS
from .datapoints_xtender import PARAMETERS as XTENDER_PARAMETERS

DATAPOINTS: tuple[Datapoint, ...] = (
    *XTENDER_INFOS, *XTENDER_PARAMETERS, *VARIOTRACK, *VARIOSTRING, *BATTERY, *GATEWAY
)  # fmt: skip

_BY_NUMBER = {one.number: one for one in DATAPOINTS}
_BY_NAME = {one.name: one for one in DATAPOINTS}


def datapoint(number: int, family: Family | None = None) -> Datapoint:
    """The datapoint with this number, of this family if one is named.

    Raises KeyError with a text that says what is wrong.
    """
    found = _BY_NUMBER.get(number)
    if found is None:
        raise KeyError(f"datapoint {number} is not in the table")
    if family is not None and found.family is not family:
        raise KeyError(f"datapoint {number} is one of {found.family.name}, not of {family.name}")
    return found


def datapoint_by_name(name: str) -> Datapoint:
    """The datapoint with this name, such as XT_BATT_VOLTAGE; raises KeyError for others."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise KeyError(f"datapoint {name!r} is not in the table") from None


def datapoints_of(family: Family) -> tuple[Datapoint, ...]:
    """All datapoints of a family."""
    return tuple(one for one in DATAPOINTS if one.family is family)
