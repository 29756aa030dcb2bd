"""Auxiliary, BMS and SMB values of a channel: as many PVs as the configuration or the cycler says.

Units of aux values are not on the wire; they are those of the usual sensor, where there is one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from drivers.arbin.reading import ChannelReading
from drivers.arbin.settings import CyclerSettings
from drivers.arbin.words import AuxKind
from iocs.ca.dbr import UNITS_SIZE
from iocs.ca.stamp import Stamp
from iocs.device.declare import SLOW, Presence, analog, text
from iocs.device.declared import Family, Reading
from iocs.device.group import Group, PartGroup
from iocs.device.scan import Block


@dataclass(frozen=True, slots=True)
class AuxNames:
    """How the PVs of one kind of aux values are named and shown."""

    name: str
    doc: str
    units: str = ""
    precision: int = 3


AUX_NAMES = {
    AuxKind.VOLTAGE: AuxNames("Voltage", "Aux voltage", "V", 5),
    AuxKind.TEMPERATURE: AuxNames("Temperature", "Aux temperature", "degC", 2),
    AuxKind.PRESSURE: AuxNames("Pressure", "Aux pressure"),
    AuxKind.EXTERNAL_CHARGE: AuxNames("ExternalCharge", "External charge"),
    AuxKind.FLOW: AuxNames("Flow", "Aux flow"),
    AuxKind.ANALOG_OUT: AuxNames("AnalogOut", "Analogue output"),
    AuxKind.DIGITAL_IN: AuxNames("DigitalIn", "Digital input", precision=0),
    AuxKind.DIGITAL_OUT: AuxNames("DigitalOut", "Digital output", precision=0),
    AuxKind.HUMIDITY: AuxNames("Humidity", "Humidity", "%", 1),
    AuxKind.SAFETY: AuxNames("Safety", "Safety input"),
    AuxKind.PH: AuxNames("PH", "pH"),
    AuxKind.DENSITY: AuxNames("Density", "Density"),
}


@dataclass(frozen=True, slots=True)
class Extras:
    """How many values a channel has: aux values by kind, BMS and SMB values."""

    aux: tuple[int, ...] = (0,) * len(AuxKind)
    bms: int = 0
    smb: int = 0

    @classmethod
    def configured(cls, settings: CyclerSettings) -> Extras | None:
        """What the configuration says of every channel, None if the cycler is to tell."""
        counts = settings.aux_counts
        unknown = (
            (settings.aux and counts is None),
            (settings.bms and settings.bms_count is None),
            (settings.smb and settings.smb_count is None),
        )
        if any(unknown):
            return None
        return cls.told(settings, cls())

    @classmethod
    def reported(
        cls, settings: CyclerSettings, readings: Sequence[ChannelReading | None]
    ) -> list[Extras]:
        """What channels report, but for what the configuration says.

        Those that cannot tell, for want of a link to their controller, are taken to have the most
        that any other has.
        """
        found = [
            None
            if reading is None or reading.comm_failure
            else cls(tuple(map(len, reading.aux)), len(reading.bms), len(reading.smb))
            for reading in readings
        ]
        known = [one for one in found if one is not None]
        most = cls(
            tuple(max((one.aux[kind] for one in known), default=0) for kind in AuxKind),
            max((one.bms for one in known), default=0),
            max((one.smb for one in known), default=0),
        )
        return [cls.told(settings, most if one is None else one) for one in found]

    @classmethod
    def told(cls, settings: CyclerSettings, found: Extras) -> Extras:
        """Counts of the configuration over those that were found; none of what is not read."""
        aux, counts = found.aux, settings.aux_counts
        if counts is not None:
            aux = tuple(counts.of(kind) for kind in AuxKind)
        bms = found.bms if settings.bms_count is None else settings.bms_count
        smb = found.smb if settings.smb_count is None else settings.smb_count
        return cls(
            aux if settings.aux else cls().aux,
            bms if settings.bms else 0,
            smb if settings.smb else 0,
        )

    @property
    def any(self) -> bool:
        """Whether there is any value at all."""
        return any((*self.aux, self.bms, self.smb))


class ExtraPVs(PartGroup[None]):
    """The extra values of one channel; `extras_of` makes the class for their numbers."""

    values = Block[ChannelReading]()

    def __init__(self, prefix: str, *, parent: Group) -> None:
        super().__init__(prefix, None, parent=parent)

    def build(self) -> None:
        """Let the units of BMS and SMB values be those that the cycler tells."""
        self.feed(ExtraPVs.values).followers.append(self._take_units)

    def _take_units(self, reading: ChannelReading | None, stamp: Stamp) -> None:
        del stamp
        if reading is None:
            return
        told = {"bms": reading.bms, "smb": reading.smb}
        for family, values in told.items():
            for number, value in enumerate(values, 1):
                self._take_unit(f"{family}_value{number:02d}", value.unit)

    def _take_unit(self, attribute: str, unit: str) -> None:
        point: Any = self.attr_pvdb.get(attribute)
        if point is None or point.spec.units == unit:
            return
        fitting = unit.encode()[: UNITS_SIZE - 1].decode(errors="ignore")
        if point.spec.units != fitting:
            point.spec = replace(point.spec, units=fitting)


def _aux(kind: AuxKind, number: int) -> Callable[[ChannelReading], float | None]:
    def get(reading: ChannelReading) -> float | None:
        values = reading.aux[kind]
        return values[number].value if number < len(values) else None

    return get


def _bms(number: int) -> Callable[[ChannelReading], float | None]:
    def get(reading: ChannelReading) -> float | None:
        return reading.bms[number].value if number < len(reading.bms) else None

    return get


def _smb_number(number: int) -> Callable[[ChannelReading], float | None]:
    def get(reading: ChannelReading) -> float | None:
        value = reading.smb[number].value if number < len(reading.smb) else math.nan
        return value if isinstance(value, float) else None

    return get


def _smb_text(number: int) -> Callable[[ChannelReading], str | None]:
    def get(reading: ChannelReading) -> str | None:
        if number >= len(reading.smb):
            return None
        value = reading.smb[number]
        if isinstance(value.value, str):
            return value.value
        return f"{value.value:g} {value.unit}".rstrip()

    return get


def _aux_family(counts: tuple[int, ...]) -> Family:
    members: dict[str, Reading[ChannelReading]] = {}
    for kind, count in zip(AuxKind, counts, strict=True):
        names = AUX_NAMES[kind]
        for number in range(count):
            members[f"{kind.name.lower()}{number + 1:02d}"] = analog(
                ExtraPVs.values, f"Aux:{names.name}{number + 1:02d}", _aux(kind, number),
                doc=f"{names.doc} {number + 1}", units=names.units, precision=names.precision,
            )  # fmt: skip
    return Family(members)


def _bms_family(count: int) -> Family:
    return Family(
        {
            f"value{number + 1:02d}": analog(
                ExtraPVs.values, f"BMS:Value{number + 1:02d}", _bms(number), precision=4,
                doc=f"Value {number + 1} of the battery's BMS",
            )
            for number in range(count)
        }
    )  # fmt: skip


def _smb_family(count: int) -> Family:
    members: dict[str, Reading[ChannelReading]] = {}
    for number in range(count):
        members[f"value{number + 1:02d}"] = analog(
            ExtraPVs.values, f"SMB:Value{number + 1:02d}", _smb_number(number), precision=4,
            doc=f"Value {number + 1} of the smart battery", presence=Presence.AT_TIMES,
        )  # fmt: skip
        members[f"text{number + 1:02d}"] = text(
            ExtraPVs.values, f"SMB:Text{number + 1:02d}", _smb_text(number), archive=SLOW,
            shorten=True, doc=f"Value {number + 1} of it as a text",
        )  # fmt: skip
    return Family(members)


@functools.cache
def extras_of(extras: Extras) -> type[ExtraPVs]:
    """The PVs of a channel with so many extra values."""

    class Some(ExtraPVs):
        aux = _aux_family(extras.aux)
        bms = _bms_family(extras.bms)
        smb = _smb_family(extras.smb)

    return Some
