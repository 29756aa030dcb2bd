"""The PVs of one module and what they feed: channels, and arrays over all channels."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from drivers.iseg.module import Module
from drivers.iseg.readings import ModuleReading, ParametersReading, SettingsReading
from drivers.iseg.words import MODULE_EVENT_BITS, MODULE_STATUS_BITS
from iocs.ca.stamp import Stamp
from iocs.device.declare import (
    BY_DRIVER,
    SLOW,
    Presence,
    analog,
    array,
    choice,
    command,
    connected_pv,
    integer,
    setpoint,
    signed_word,
    text,
)
from iocs.device.group import Group, PartGroup
from iocs.device.scan import Block, Scan

from .bitwords import bit_family
from .channel import ChannelPVs

MISSING_SIZE = 512
_MAX_RAMP = 20.0


class ModulePVs(PartGroup[Module]):
    """One module."""

    fast = Scan(1.0, Module.read_fast)
    settings_scan = Scan(2.0, Module.read_settings)
    parameters = Scan(10.0, Module.read_parameters)

    part_connected = connected_pv(
        "Module answers",
        "The module does not answer; its high voltage may still be on. Check the crate's power, the"
        " CAN cable and the module's address.",
    )
    status_word = integer(
        fast, "Status", lambda r: signed_word(r.status), doc="Module status, bit word"
    )
    status = bit_family(fast, "Status", lambda r: r.status, MODULE_STATUS_BITS)
    channels_on = integer(fast, "ChannelsOn", lambda r: r.channels_on, doc="Channels that are on")
    channels_tripped = integer(
        fast, "ChannelsTripped", lambda r: r.channels_tripped, hihi=1,
        doc="Tripped channels",
        guidance="Channels of this module tripped; they may still be live. Find those in state"
        " Tripped, and see their status bits; make them safe before you look for the cause.",
    )  # fmt: skip
    max_voltage = analog(
        fast, "MaxVoltage", lambda r: r.max_voltage, units="V", precision=1,
        doc="Highest voltage, without its sign",
    )  # fmt: skip
    kill_enable = choice(
        "KillEnable", Module.set_kill, confirm=fast, readback=lambda r: int(r.kill_enabled),
        states=("Disabled", "Enabled"), doc="Trip channels above current set", urgent=True,
        agreement=BY_DRIVER,
    )  # fmt: skip
    event_word = integer(
        settings_scan, "EventStatus",
        lambda r: None if r.events is None else signed_word(r.events),
        doc="Latched events, bit word",
    )  # fmt: skip
    event = bit_family(
        settings_scan, "EventStatus", lambda r: r.events, MODULE_EVENT_BITS, "event: "
    )

    clear_events = command(
        "ClearEvents", Module.clear_events, confirm=settings_scan, urgent=True, stops=False,
        doc="Clear events of module and channels",
    )  # fmt: skip
    all_off = command(
        "AllOff", Module.all_off, confirm=fast, doc="All channels ramp to zero", urgent=True
    )
    emergency_off_all = command(
        "EmergencyOffAll", Module.emergency_off_all, confirm=fast, urgent=True,
        doc="Cut all outputs without a ramp",
    )  # fmt: skip

    voltage_ramp = setpoint(
        "VoltageRampSpeed", Module.set_voltage_ramp, confirm=parameters, urgent=True,
        readback=lambda r: r.voltage_ramp, units="%/s", precision=3, archive=SLOW,
        doc="Voltage ramp, % of nominal per s", low=0.0, high=_MAX_RAMP, snapshot=True,
        agreement=BY_DRIVER,
    )  # fmt: skip
    current_ramp = setpoint(
        "CurrentRampSpeed", Module.set_current_ramp, confirm=parameters, urgent=True,
        readback=lambda r: r.current_ramp, units="%/s", precision=3, archive=SLOW,
        doc="Current ramp, % of nominal per s", low=0.0, high=100.0, presence=Presence.IF_FITTED,
        agreement=BY_DRIVER,
    )  # fmt: skip
    voltage_limit = analog(
        parameters, "VoltageLimit", lambda r: r.voltage_limit, units="%", precision=1,
        doc="Hardware voltage limit, % of nominal", archive=SLOW, presence=Presence.IF_FITTED,
    )  # fmt: skip
    current_limit = analog(
        parameters, "CurrentLimit", lambda r: r.current_limit, units="%", precision=1,
        doc="Hardware current limit, % of nominal", archive=SLOW, presence=Presence.IF_FITTED,
    )  # fmt: skip
    temperature = analog(
        parameters, "Temperature", lambda r: r.temperature, units="degC", precision=1, high=50.0,
        hihi=55.0, doc="Board temperature", presence=Presence.IF_FITTED,
        guidance="The board gets too hot; the module may block its outputs. Check fans, filters"
        " and air flow of the crate.",
    )  # fmt: skip
    supply_24v = analog(
        parameters, "Supply24V", lambda r: r.supply_24v, units="V", precision=2, lolo=22.8,
        hihi=25.2, doc="Supply +24 V", archive=SLOW,
        presence=Presence.IF_FITTED,
        guidance="The crate's 24 V is out of tolerance, and the module may block its outputs."
        " Check the power supply of the crate, and what else it feeds.",
    )  # fmt: skip
    supply_5v = analog(
        parameters, "Supply5V", lambda r: r.supply_5v, units="V", precision=2, lolo=4.75,
        hihi=5.25, doc="Supply +5 V", archive=SLOW,
        presence=Presence.IF_FITTED,
        guidance="The 5 V is out of tolerance, and the module may block its outputs. Check the"
        " power supply of the crate; if that is good, the module needs service.",
    )  # fmt: skip
    serial_number = integer(
        parameters, "SerialNumber", lambda r: r.identity.serial_number, doc="Serial number",
        archive=SLOW,
    )  # fmt: skip
    firmware_release = text(
        parameters, "FirmwareRelease", lambda r: r.identity.firmware_release,
        doc="Firmware release",
    )  # fmt: skip
    firmware_name = text(
        parameters, "FirmwareName", lambda r: r.identity.firmware_name, doc="Firmware name"
    )
    device_class = text(
        parameters, "DeviceClass", lambda r: r.identity.device_class,
        doc="Device class, of the last announcement",
    )  # fmt: skip
    channel_number = integer(
        parameters, "ChannelNumber", lambda r: r.identity.channels,
        doc="Channels, as the module says", archive=SLOW,
    )  # fmt: skip
    missing_items = text(
        parameters, "MissingItems", lambda r: ", ".join(r.missing), size=MISSING_SIZE,
        shorten=True, doc="What the module does not have",
    )  # fmt: skip
    restart_count = integer(
        parameters, "RestartCount", lambda r: r.restarts, doc="Restarts of the module seen",
        archive=SLOW,
    )  # fmt: skip

    def build(self) -> None:
        """Add the channels: at once, or when the module has told how many they are."""
        self.target.talk.hint = self._read_soon
        self.target.talk.restarted = self._read_all_soon
        count = self.target.settings.channels
        if count is None:
            self.root.may_grow = True
            self.feed(ModulePVs.fast).followers.append(self._grow)
        else:
            for part, feeds in self._make_parts(count):
                self.add_part(part, feeds)

    def _grow(self, reading: ModuleReading | None, stamp: Stamp) -> None:
        """With the first reading: add a PV group for each channel the module has."""
        del stamp
        if reading is None or self.parts:
            return
        for part, feeds in self._make_parts(len(reading.channels)):
            self.grow(part, feeds)
        self.root.log.info("%s has %d channels: their PVs are served now", self.target.talk.name,
                           len(reading.channels))  # fmt: skip

    def _make_parts(
        self, count: int
    ) -> list[tuple[Group, dict[Block[Any], tuple[Block[Any], Callable[[Any], Any]]]]]:
        arrays = arrays_of(count)
        parts: list[tuple[Group, dict[Block[Any], tuple[Block[Any], Callable[[Any], Any]]]]] = [
            (
                arrays(self.prefix, self.target, parent=self),
                {arrays.fast: (ModulePVs.fast, lambda reading: reading)},
            )
        ]
        for n in range(count):
            prefix = f"{self.prefix}CH{n:02d}:"
            part = ChannelPVs(prefix, self.target.channels[n], parent=self)
            share = functools.partial(_channel_of, n)
            feeds: dict[Block[Any], tuple[Block[Any], Callable[[Any], Any]]] = {
                ChannelPVs.fast: (ModulePVs.fast, share),
                ChannelPVs.settings_block: (ModulePVs.settings_scan, share),
                ChannelPVs.parameters: (ModulePVs.parameters, share),
            }
            parts.append((part, feeds))
        return parts

    def _read_soon(self) -> None:
        for block in (ModulePVs.fast, ModulePVs.settings_scan):
            self.pollers[block].read_soon()

    def _read_all_soon(self) -> None:
        self._read_soon()
        self.pollers[ModulePVs.parameters].read_soon()


class ArrayPVs(PartGroup[Module]):
    """Arrays over all channels of a module; `arrays_of` makes the class for a number of them."""

    fast = Block[ModuleReading]()


@functools.cache
def arrays_of(count: int) -> type[ArrayPVs]:
    """The arrays of a module with `count` channels, always that long."""

    class Arrays(ArrayPVs):
        voltages = array(
            ArrayPVs.fast, "VoltageMeasureAll", lambda r: r.voltages, count=count, units="V",
            precision=3, doc="Measured voltages of all channels",
        )  # fmt: skip
        currents = array(
            ArrayPVs.fast, "CurrentMeasureAll", lambda r: r.currents, count=count, units="A",
            precision=10, doc="Measured currents of all channels",
        )  # fmt: skip

    return Arrays


def _channel_of(number: int, reading: ModuleReading | SettingsReading | ParametersReading) -> Any:
    """A channel's share of a block of its module."""
    return reading.channels[number]
