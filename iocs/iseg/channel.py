"""The PVs of one channel: fed from the blocks of its module."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from drivers.iseg.channel import Channel
from drivers.iseg.readings import (
    ChannelParameters,
    ChannelReading,
    ChannelSettings,
    ChannelState,
)
from drivers.iseg.words import CHANNEL_EVENT_BITS, CHANNEL_STATUS_BITS, Action
from iocs.ca.stamp import Stamp
from iocs.device.declare import (
    BY_DRIVER,
    NO_YES,
    SLOW,
    Presence,
    analog,
    binary,
    choice,
    command,
    integer,
    setpoint,
    signed_word,
    state,
)
from iocs.device.group import PartGroup
from iocs.device.scan import Block
from iocs.record.alarm import Severity

from .bitwords import bit_family

STATES = (
    "Off", "RampingUp", "On", "RampingDown", "Tripped", "Inhibited", "EmergencyOff", "Error",
)  # fmt: skip
ACTIONS = ("No action", "Ramp down", "Shut off", "Shut off module")
_NO_ACTION = -1
_BAD_STATES = (
    ChannelState.TRIPPED,
    ChannelState.INHIBITED,
    ChannelState.EMERGENCY_OFF,
    ChannelState.ERROR,
)
_VOLT, _AMPERE = 3, 10


def action_index(code: int | None) -> int | None:
    """The place of an action code among `ACTIONS`; one that is none for an unknown code.

    None if the module does not have the item.
    """
    return code if code is None or code in list(Action) else _NO_ACTION


class ChannelPVs(PartGroup[Channel]):
    """One channel. Set points are checked against its nominal values and the module's limits.

    All puts go straight to the driver, which keeps them in order for each module and lets off and
    emergency off overtake.
    """

    fast = Block[ChannelReading]()
    settings_block = Block[ChannelSettings]()
    parameters = Block[ChannelParameters]()

    voltage = analog(
        fast, "VoltageMeasure", lambda r: r.voltage, units="V", precision=_VOLT,
        doc="Measured voltage",
    )  # fmt: skip
    current = analog(
        fast, "CurrentMeasure", lambda r: r.current, units="A", precision=_AMPERE,
        doc="Measured current",
    )  # fmt: skip
    channel_state = state(
        fast, "ChannelState", lambda r: int(r.state), doc="Channel state", states=STATES,
        severities=dict.fromkeys(map(int, _BAD_STATES), Severity.MAJOR),
        guidance="Something is wrong, and the channel may still be live: see the measured voltage."
        " Its status bits tell why; make the output safe, remove the cause, then press Clear.",
    )  # fmt: skip
    ramping = binary(fast, "Ramping", lambda r: r.ramping, doc="Output ramps", states=NO_YES)
    status_word = integer(
        fast, "Status", lambda r: signed_word(r.status), doc="Channel status, bit word"
    )
    status = bit_family(fast, "Status", lambda r: r.status, CHANNEL_STATUS_BITS)

    on = choice(
        "On", Channel.switch, confirm=fast, readback=lambda r: int(r.on), states=("Off", "On"),
        doc="On ramps to set value, Off to zero", urgent=True, stops=True,
        agreement=BY_DRIVER,
    )  # fmt: skip
    emergency_off = command(
        "EmergencyOff", Channel.emergency_off, confirm=fast, doc="Cut the output without a ramp",
        urgent=True,
    )  # fmt: skip
    trip_reset = command(
        "TripReset", Channel.reset_trip, confirm=fast, doc="Clear the events of the channel",
        urgent=True, stops=False,
    )  # fmt: skip

    voltage_set = setpoint(
        "VoltageSet", Channel.set_voltage, confirm=settings_block, urgent=True,
        readback=lambda r: r.voltage_set, units="V", precision=_VOLT, doc="Set voltage",
        snapshot=True,
        agreement=BY_DRIVER,
    )  # fmt: skip
    current_set = setpoint(
        "CurrentSet", Channel.set_current, confirm=settings_block, urgent=True,
        readback=lambda r: r.current_set, units="A", precision=_AMPERE,
        doc="Current limit, or trip with kill", snapshot=True,
        agreement=BY_DRIVER,
    )  # fmt: skip
    event_word = integer(
        settings_block, "EventStatus",
        lambda r: None if r.events is None else signed_word(r.events),
        doc="Latched events, bit word",
    )  # fmt: skip
    event = bit_family(
        settings_block, "EventStatus", lambda r: r.events, CHANNEL_EVENT_BITS, "event: "
    )

    voltage_nominal = analog(
        parameters, "VoltageNominal", lambda r: r.voltage_nominal, units="V", precision=_VOLT,
        doc="Nominal voltage", archive=SLOW,
    )  # fmt: skip
    current_nominal = analog(
        parameters, "CurrentNominal", lambda r: r.current_nominal, units="A", precision=_AMPERE,
        doc="Nominal current", archive=SLOW,
    )  # fmt: skip
    voltage_bounds = setpoint(
        "VoltageBounds", Channel.set_voltage_bounds, confirm=parameters, urgent=True,
        readback=lambda r: r.voltage_bounds, units="V", precision=_VOLT, archive=SLOW,
        doc="Allowed distance from set voltage", low=0.0, snapshot=True,
        agreement=BY_DRIVER,
    )  # fmt: skip
    current_bounds = setpoint(
        "CurrentBounds", Channel.set_current_bounds, confirm=parameters, urgent=True,
        readback=lambda r: r.current_bounds, units="A", precision=_AMPERE, archive=SLOW,
        doc="Allowed distance from set current", low=0.0, snapshot=True,
        agreement=BY_DRIVER,
    )  # fmt: skip
    ramp_up = setpoint(
        "RampSpeedUp", Channel.set_ramp_up, confirm=parameters, urgent=True,
        readback=lambda r: r.ramp_up, units="V/s", precision=_VOLT, archive=SLOW,
        doc="Own ramp speed upwards", low=0.0, presence=Presence.IF_FITTED,
        agreement=BY_DRIVER,
    )  # fmt: skip
    ramp_down = setpoint(
        "RampSpeedDown", Channel.set_ramp_down, confirm=parameters, urgent=True,
        readback=lambda r: r.ramp_down, units="V/s", precision=_VOLT, archive=SLOW,
        doc="Own ramp speed downwards", low=0.0, presence=Presence.IF_FITTED,
        agreement=BY_DRIVER,
    )  # fmt: skip
    module_ramp = analog(
        parameters, "ModuleRampSpeed", lambda r: r.module_ramp, units="V/s", precision=_VOLT,
        doc="Ramp speed of the module here", archive=SLOW,
    )  # fmt: skip
    trip_time = setpoint(
        "TripTime", Channel.set_trip_time, confirm=parameters, urgent=True,
        readback=lambda r: r.trip_time, units="ms", archive=SLOW, doc="Delay of a trip",
        low=0.0, high=65535.0, presence=Presence.IF_FITTED,
        agreement=BY_DRIVER,
    )  # fmt: skip
    trip_action = choice(
        "TripAction", Channel.set_trip_action, confirm=parameters, urgent=True,
        readback=lambda r: action_index(r.trip_action), states=ACTIONS, archive=SLOW,
        doc="What a delayed trip does", presence=Presence.IF_FITTED,
        agreement=BY_DRIVER,
    )  # fmt: skip
    inhibit_action = choice(
        "ExternalInhibitAction", Channel.set_inhibit_action, confirm=parameters, urgent=True,
        readback=lambda r: action_index(r.inhibit_action), states=ACTIONS, archive=SLOW,
        doc="What the external inhibit does", presence=Presence.IF_FITTED,
        agreement=BY_DRIVER,
    )  # fmt: skip

    def build(self) -> None:
        """Let the drive limits of the set points follow what the module says."""
        self.feed(ChannelPVs.parameters).followers.append(self._follow_limits)

    def _follow_limits(self, reading: ChannelParameters | None, stamp: Stamp) -> None:
        del stamp
        if reading is None:
            return
        bounds = abs(reading.voltage_nominal or math.nan), abs(reading.current_nominal or math.nan)
        self._limit("voltage_set", reading.lowest_voltage, reading.highest_voltage)
        self._limit("current_set", 0.0, reading.highest_current)
        self._limit("voltage_bounds", 0.0, bounds[0])
        self._limit("current_bounds", 0.0, bounds[1])

    def _limit(self, attribute: str, low: float, high: float) -> None:
        point: Any = self.point(attribute)
        if high == high and point.spec.control != (low, high):
            point.spec = replace(point.spec, control=(low, high))
