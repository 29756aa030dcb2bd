"""What a device is: model, versions, serial number.

Source: xcom-protocol.md 6.3 and 14. All numbers are live values and come as FLOAT.
A VarioTrack is named by its 11015: what the numbers of 11047 mean is not known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .addresses import Family
from .datapoint import Datapoint
from .datapoint import info as _info
from .datapoints import datapoint
from .enumerations import VARIOTRACK_MODEL


def _row(number: int, name: str, what: str) -> Datapoint:
    return _info(number, name, what)


@dataclass(frozen=True, slots=True)
class IdentityDatapoints:
    """Where a family keeps its identity; None for what it does not have."""

    model: Datapoint
    power: Datapoint | None
    hardware: tuple[Datapoint, ...]
    firmware: tuple[Datapoint, Datapoint]
    serial: tuple[Datapoint, Datapoint]

    @property
    def all(self) -> tuple[Datapoint, ...]:
        power = () if self.power is None else (self.power,)
        return (self.model, *power, *self.hardware, *self.firmware, *self.serial)


IDENTITIES: tuple[tuple[Family, IdentityDatapoints], ...] = (
    (
        Family.XTENDER,
        IdentityDatapoints(
            datapoint(3124),
            datapoint(3125),
            (
                _row(3129, "XT_ID_HW", "hardware version"),
                _row(3132, "XT_ID_HW_POWER", "hardware version of the power board"),
            ),
            (
                datapoint(3130),
                datapoint(3131),
            ),
            (
                datapoint(3156),
                datapoint(3157),
            ),
        ),
    ),
    (
        Family.BATTERY,
        IdentityDatapoints(
            datapoint(7034),
            None,
            (_row(7036, "BSP_ID_HW", "hardware version"),),
            (
                _row(7037, "BSP_ID_SOFT_MSB", "firmware version, high half"),
                _row(7038, "BSP_ID_SOFT_LSB", "firmware version, low half"),
            ),
            (
                _row(7048, "BSP_ID_FID_MSB", "serial id, high half"),
                _row(7049, "BSP_ID_FID_LSB", "serial id, low half"),
            ),
        ),
    ),
    (
        Family.VARIOTRACK,
        IdentityDatapoints(
            datapoint(11015),
            None,
            (_row(11049, "VT_ID_HW", "hardware version"),),
            (
                _row(11050, "VT_ID_SOFT_MSB", "firmware version, high half"),
                _row(11051, "VT_ID_SOFT_LSB", "firmware version, low half"),
            ),
            (
                _row(11067, "VT_ID_FID_MSB", "serial id, high half"),
                _row(11068, "VT_ID_FID_LSB", "serial id, low half"),
            ),
        ),
    ),
    (
        Family.VARIOSTRING,
        IdentityDatapoints(
            _row(15074, "VS_ID_TYPE", "model id"),
            None,
            (_row(15076, "VS_ID_HW", "hardware version"),),
            (
                _row(15077, "VS_ID_SOFT_MSB", "firmware version, high half"),
                _row(15078, "VS_ID_SOFT_LSB", "firmware version, low half"),
            ),
            (
                _row(15102, "VS_ID_FID_MSB", "serial id, high half"),
                _row(15103, "VS_ID_FID_LSB", "serial id, low half"),
            ),
        ),
    ),
)

_MODELS = {
    (Family.XTENDER, 1): "XTH",
    (Family.XTENDER, 256): "XTM",
    (Family.XTENDER, 512): "XTS",
    (Family.BATTERY, 10241): "BSP",
    **{(Family.VARIOTRACK, number): label for number, label in VARIOTRACK_MODEL.labels},
}


@dataclass(frozen=True, slots=True)
class Identity:
    """A device: its family and address, and what it tells of itself (empty or None if it did not).

    model: name, such as XTH, or the number if no list has it.
    power: rated power in VA, Xtenders only.
    hardware: versions of its boards, such as 4.2, joined by a slash.
    firmware: such as 1.6.24.
    serial: its serial id (FID), 8 hexadecimal digits.
    """

    family: Family
    address: int
    model: str = ""
    power: float | None = None
    hardware: str = ""
    firmware: str = ""
    serial: str = ""


def identity_datapoints(family: Family) -> IdentityDatapoints | None:
    """Where a family keeps its identity; None for the gateway, which tells none."""
    return next((found for each, found in IDENTITIES if each is family), None)


def model_name(family: Family, number: float | None) -> str:
    """A model in words."""
    whole = _whole(number)
    return "" if whole is None else _MODELS.get((family, whole), f"type {whole}")


def hardware_version(number: float | None) -> str:
    """A hardware version: high byte, low byte; empty if it is unknown."""
    whole = _whole(number)
    return "" if whole is None else f"{whole >> 8}.{whole & 0xFF}"


def firmware_version(high: float | None, low: float | None) -> str:
    """A firmware version of three numbers; empty if it is unknown."""
    msb, lsb = _whole(high), _whole(low)
    return "" if msb is None or lsb is None else f"{msb >> 8}.{lsb >> 8}.{lsb & 0xFF}"


def serial_id(high: float | None, low: float | None) -> str:
    """A serial id (FID) of 8 hexadecimal digits; empty if it is unknown."""
    msb, lsb = _whole(high), _whole(low)
    return "" if msb is None or lsb is None else f"{msb << 16 | lsb:08X}"


def _whole(number: float | None) -> int | None:
    """A FLOAT that holds a word; None for anything else."""
    if number is None or not math.isfinite(number) or not 0 <= number <= 0xFFFF:
        return None
    return int(number)
