"""The live values of simulated solar chargers and batteries: which number shows what of the model.

Source: xcom-protocol.md 18, and 17 for units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .counters import DayCounter
from .device import Getter
from .model import SiteModel
from .units import PvLimit, SolarState, phase_code_vario

Infos = dict[int, Getter]

_TRACK_MODES = {
    PvLimit.NIGHT: 0, PvLimit.OFF: 6, PvLimit.FREE: 8, PvLimit.VOLTAGE: 9, PvLimit.CURRENT: 10
}  # fmt: skip
_STRING_MODES = {
    PvLimit.NIGHT: 0, PvLimit.OFF: 2, PvLimit.FREE: 3, PvLimit.VOLTAGE: 4, PvLimit.CURRENT: 5
}  # fmt: skip

VARIOTRACK_MEANS = {11039: 11000, 11040: 11001, 11041: 11002, 11043: 11004}
VARIOSTRING_MEANS = {15054: 15000, 15057: 15001, 15061: 15010}
BATTERY_MEANS = {7030: 7000, 7031: 7001, 7032: 7002, 7033: 7029}
"""Minute averages, and of what."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says of itself: type code, firmware, hardware, serial id (FID)."""

    kind: int
    firmware: tuple[int, int, int]
    fid: int
    hardware: int = 0x0102
    power: int = 0

    def numbers(self, kind: int, hardware: int, firmware: int, fid: int) -> dict[int, float]:
        """The values that tell it (xcom-protocol.md 6.3); msb first, lsb behind it."""
        major, minor, patch = self.firmware
        return {
            kind: float(self.kind),
            hardware: float(self.hardware),
            firmware: float(major << 8),
            firmware + 1: float(minor << 8 | patch),
            fid: float(self.fid >> 16),
            fid + 1: float(self.fid & 0xFFFF),
        }


def constants(numbers: dict[int, float]) -> Infos:
    """Getters of values that never change."""
    return {number: lambda value=value: value for number, value in numbers.items()}


def day(counter: DayCounter, today: int, yesterday: int, scale: float = 1.0) -> Infos:
    """Getters of a counter's sums of today and yesterday."""
    return {
        today: lambda: counter.today * scale,
        yesterday: lambda: counter.yesterday * scale,
    }


def variotrack_infos(model: SiteModel, one: SolarState, identity: Identity) -> Infos:
    """Live values of a VarioTrack; its powers are in kW (V1)."""
    found: Infos = {
        11000: lambda: model.battery.voltage + 0.05,
        11001: lambda: one.battery_current,
        11002: lambda: one.voltage,
        11003: lambda: one.current,
        11004: lambda: one.power,
        11006: lambda: one.charge.today,
        11009: lambda: one.energy.total / 1000.0,
        11015: lambda: 0.0,
        11016: lambda: float(_TRACK_MODES[one.limit]),
        11019: lambda: one.highest,
        11034: lambda: 0.0,
        11037: lambda: 21.0,
        11038: lambda: float(phase_code_vario(model.cycle.phase)),
        11045: lambda: one.temperature,
        11061: lambda: 0.0,
        11062: lambda: 0.0,
        11066: lambda: 4.0,
        11069: lambda: float(one.on),
    }
    found |= day(one.energy, 11007, 11011) | day(one.sun_hours, 11025, 11026)
    return found | constants(identity.numbers(11047, 11049, 11050, 11067))


def variostring_infos(model: SiteModel, one: SolarState, identity: Identity) -> Infos:
    """Live values of a VarioString with its two inputs in series."""
    found: Infos = {
        15000: lambda: model.battery.voltage + 0.03,
        15001: lambda: one.battery_current,
        15002: lambda: float(phase_code_vario(model.cycle.phase)),
        15003: lambda: 2.0,
        15004: lambda: one.voltage,
        15007: lambda: one.current,
        15010: lambda: one.power,
        15011: lambda: 0.5 * one.power,
        15012: lambda: 0.5 * one.power,
        15013: lambda: float(_STRING_MODES[one.limit]),
        15023: lambda: one.energy.total / 1000.0,
        15049: lambda: 0.0,
        15065: lambda: one.temperature,
        15108: lambda: float(one.on),
    }
    found |= day(one.energy, 15017, 15027) | day(one.sun_hours, 15030, 15031)
    return found | constants(identity.numbers(15074, 15076, 15077, 15102))


def battery_infos(model: SiteModel, identity: Identity, *, bms: bool) -> Infos:
    """Live values of a BSP, or of a battery with a BMS behind an Xcom-CAN."""
    battery = model.battery

    def minutes_left() -> float:
        if battery.current >= 0.0:
            return math.nan
        return max(-60_000.0, -60.0 * battery.soc * battery.capacity / -battery.current)

    found: Infos = {
        7000: lambda: battery.voltage,
        7001: lambda: battery.current,
        7002: lambda: 100.0 * battery.soc,
        7003: lambda: battery.power,
        7029: lambda: battery.temperature,
        7047: lambda: 100.0 * battery.soc,
    }
    found |= day(model.charge, 7007, 7009) | day(model.discharge, 7008, 7010)
    if bms:
        found |= {
            7054: lambda: 1.0,
            7055: lambda: battery.capacity,
            7057: lambda: 97.0,
            7061: lambda: model.cycle.absorption_voltage,
            7062: lambda: model.low_voltage,
            7063: lambda: 300.0 if battery.soc < 0.95 else 60.0,
            7064: lambda: 400.0,
            7065: lambda: 150.0,
            7066: lambda: 200.0,
            7067: lambda: 2.0,
            7068: lambda: 9.0 if battery.soc > 0.98 else 10.0,
        }
    else:
        found |= {
            7004: minutes_left,
            7005: lambda: battery.temperature + 4.0,
            7011: lambda: model.charge.total / 1000.0,
            7012: lambda: model.discharge.total / 1000.0,
            7013: lambda: 1460.0,
        }
    return found | constants(identity.numbers(7034, 7036, 7037, 7048))
