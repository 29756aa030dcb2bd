"""What the simulated cycler shows of a channel: its record, with aux, BMS and SMB values.

arbin-protocol.md 4.3. Units of aux values are those of usual sensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..reading import NO_AUX, Aux, AuxValue, BmsValue, ChannelReading, ChannelTexts, SmbValue
from ..words import AuxKind, Extra
from .channel import ChannelModel

_NOISE = 5e-5
_LONGEST_EXIT, _LONGEST_STEP = 100, 64
_STEADY = {
    AuxKind.PRESSURE: 101.3,
    AuxKind.FLOW: 1.2,
    AuxKind.HUMIDITY: 45.0,
    AuxKind.SAFETY: 1.0,
    AuxKind.PH: 7.0,
    AuxKind.DENSITY: 1.28,
}


@dataclass(frozen=True, slots=True)
class Wiring:
    """How many aux values of each kind, BMS and SMB values each channel has."""

    aux: Mapping[AuxKind, int] = field(default_factory=dict[AuxKind, int])
    bms: int = 0
    smb: int = 0

    @property
    def temperatures(self) -> int:
        """Aux temperatures of each channel."""
        return self.aux.get(AuxKind.TEMPERATURE, 0)


def reading_of(
    channel: ChannelModel, wiring: Wiring, before: ChannelReading | None, elapsed: float
) -> ChannelReading:
    """A channel as the cycler shows it now; `before` is what it showed `elapsed` seconds ago.

    Without a link to its controller all values read 0.
    """
    texts = ChannelTexts(
        schedule=channel.assignment.name if channel.assignment else "",
        test_name=channel.test_name,
        exit_condition=channel.exit_condition[:_LONGEST_EXIT],
        step_and_cycle=channel.step_text[:_LONGEST_STEP],
        barcode=channel.barcode,
        bms_config="Simulated BMS" if wiring.bms else "",
        smb_config="Simulated SMB" if wiring.smb else "",
    )
    if not channel.linked:
        return ChannelReading(channel.index, 0, True, channel.index, texts=texts)
    measured, counters = channel.measured, channel.counters
    voltage = measured.voltage + channel.dice.gauss(0.0, _NOISE)
    rate = (voltage - before.voltage) / elapsed if before and elapsed > 0.0 else 0.0
    return ChannelReading(
        channel.index,
        channel.status,
        False,
        channel.index,
        counters.test_time,
        counters.step_time,
        voltage,
        measured.current,
        voltage * measured.current,
        counters.charge_capacity,
        counters.discharge_capacity,
        counters.charge_energy,
        counters.discharge_energy,
        measured.internal_resistance,
        rate,
        measured.ac_resistance,
        measured.impedance,
        measured.phase,
        texts,
        _aux(channel, wiring, before, elapsed),
        tuple(_bms(channel, number) for number in range(wiring.bms)),
        tuple(_smb(channel, number) for number in range(wiring.smb)),
    )


def with_extra(reading: ChannelReading, extra: Extra) -> ChannelReading:
    """A reading with what was asked for only (arbin-protocol.md 4.3: counts follow the request)."""
    return reading._replace(
        aux=reading.aux if Extra.AUX in extra else NO_AUX,
        bms=reading.bms if Extra.BMS in extra else (),
        smb=reading.smb if Extra.SMB in extra else (),
    )


def _aux(
    channel: ChannelModel, wiring: Wiring, before: ChannelReading | None, elapsed: float
) -> Aux:
    kinds: list[tuple[AuxValue, ...]] = []
    for kind in AuxKind:
        old = before.aux[kind] if before else ()
        values: list[AuxValue] = []
        for number in range(wiring.aux.get(kind, 0)):
            value = _sensor(channel, kind, number)
            known = number < len(old) and elapsed > 0.0
            values.append(AuxValue(value, (value - old[number].value) / elapsed if known else 0.0))
        kinds.append(tuple(values))
    return tuple(kinds)


def _sensor(channel: ChannelModel, kind: AuxKind, number: int) -> float:
    """An aux value: the cell's voltage and surface, the room, or something steady."""
    noise = channel.dice.gauss(0.0, 1.0)
    if kind is AuxKind.VOLTAGE:
        return channel.measured.voltage - 0.001 * number + _NOISE * noise
    if kind is AuxKind.TEMPERATURE:
        battery = channel.battery
        return (battery.ambient if number else battery.temperature) + 0.02 * noise
    steady = _STEADY.get(kind, 0.0)
    return steady * (1.0 + 1e-4 * noise)


def _bms(channel: ChannelModel, number: int) -> BmsValue:
    battery = channel.battery
    values = (
        (channel.measured.voltage, "V"),
        (battery.temperature, "C"),
        (100.0 * battery.state, "%"),
    )
    return BmsValue(number, *values[number % len(values)])


def _smb(channel: ChannelModel, number: int) -> SmbValue:
    battery = channel.battery
    values: tuple[tuple[float | str, str], ...] = (
        (round(1000.0 * channel.measured.voltage), "mV"),
        (f"SIM-{channel.index + 1:03d}", ""),
        (round(10.0 * battery.temperature) / 10.0, "C"),
    )
    return SmbValue(number, *values[number % len(values)])
