"""The sums of a site, each from the values of one moment; none if one of them is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence

from drivers.xcom.addresses import Family
from drivers.xcom.discovery import DeviceId
from iocs.device.declare import FAST, Presence, analog
from iocs.device.declared import Family as PVFamily
from iocs.device.scan import Block

from .readings import FastReading

_PV_POWERS = {Family.VARIOTRACK: 11004, Family.VARIOSTRING: 15010}
_PV_ENERGIES = {Family.VARIOTRACK: 11007, Family.VARIOSTRING: 15017}
_CURRENTS = {Family.XTENDER: 3005, Family.VARIOTRACK: 11001, Family.VARIOSTRING: 15001}
_VOLTAGES = {Family.XTENDER: 3000, Family.VARIOTRACK: 11000, Family.VARIOSTRING: 15000}
_BATTERY_POWER = 7003


def total(reading: FastReading, numbers: dict[Family, int]) -> float | None:
    """The sum over all devices of these families; None if there are none or a value is missing."""
    values = [
        value_of(reading, device, numbers[device.family])
        for device in reading.devices
        if device.family in numbers
    ]
    return _summed(values)


def battery_power(reading: FastReading) -> float | None:
    """KW into the battery: as its monitor sees it, else of all that charge and discharge it."""
    batteries = [one for one in reading.devices if one.family is Family.BATTERY]
    if batteries:
        watts = value_of(reading, batteries[0], _BATTERY_POWER)
        return None if watts is None else watts / 1000.0
    powers: list[float | None] = []
    for device in reading.devices:
        current = value_of(reading, device, _CURRENTS[device.family])
        voltage = value_of(reading, device, _VOLTAGES[device.family])
        if current is None or voltage is None:
            return None
        powers.append(current * voltage / 1000.0)
    return _summed(powers)


def value_of(reading: FastReading, device: DeviceId, number: int) -> float | None:
    """A live value of a device, None if it did not give it."""
    value = None if reading.infos is None else reading.infos.get(device.address, number)
    return None if value is None or math.isnan(value) else value


def _summed(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if known and len(known) == len(values) else None


_ROWS: tuple[tuple[str, str, str, int, dict[Family, int]], ...] = (
    ("AcPowerIn", "Active power at AC-in, all Xtenders", "kW", 3, {Family.XTENDER: 3137}),
    ("AcPowerOut", "Active power at AC-out, all Xtenders", "kW", 3, {Family.XTENDER: 3136}),
    ("PvPower", "PV power, all VarioTracks and -Strings", "kW", 3, _PV_POWERS),
    ("AcEnergyInCurrDay", "Energy at AC-in today", "kWh", 2, {Family.XTENDER: 3081}),
    ("AcEnergyOutCurrDay", "Energy to the loads today", "kWh", 2, {Family.XTENDER: 3083}),
    ("PvEnergyCurrDay", "PV energy today", "kWh", 2, _PV_ENERGIES),
)


def site_pvs(block: Block[FastReading]) -> PVFamily:
    """``Site:`` PVs: not available until there is a device that they are sums over."""
    found = {
        name.lower(): analog(
            block, f"Site:{name}", lambda r, n=numbers: total(r, n), doc=doc, units=units,
            precision=precision, presence=Presence.AT_TIMES, archive=FAST,
        )
        for name, doc, units, precision, numbers in _ROWS
    }  # fmt: skip
    found["batterypower"] = analog(
        block, "Site:BatteryPower", battery_power, doc="Power into the battery", units="kW",
        precision=3, archive=FAST,
    )  # fmt: skip
    return PVFamily({**found})


def sums_over(devices: Sequence[DeviceId]) -> list[str]:
    """The attributes, in the family of `site_pvs`, of the sums that these devices have a part in.

    What cannot be told of those is a fault.
    """
    families = {device.family for device in devices}
    return [name.lower() for name, *_, numbers in _ROWS if families & set(numbers)]
