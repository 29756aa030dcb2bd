"""The PVs of one channel: its share of the sweep, its commands and their inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drivers.arbin.commands import SCHEDULE_UNITS, TEST_NAME_UNITS
from drivers.arbin.device import Cycler
from drivers.arbin.reading import ChannelReading, ChannelTexts
from drivers.arbin.sweep import Sweep
from iocs.device.declare import SLOW, analog, binary, command, integer, state, text
from iocs.device.group import Group, PartGroup
from iocs.device.scan import Block
from iocs.record.alarm import Severity

from .extras import ExtraPVs, Extras, extras_of
from .inputs import (
    Inputs,
    Variables,
    schedule_input,
    step_input,
    test_name_input,
    user_variables,
    utf8_size,
)
from .states import GROUPS, group_of, text_of
from .states import Group as States

Feeds = dict[Block[Any], tuple[Block[Any], Callable[[Any], Any]]]
"""The blocks of a part, each with the block that it is a share of, and what share."""

_EXIT_CONDITION, _STEP_AND_CYCLE = 100, 64
_VOLT, _AMPERE, _WATT, _HOURS, _OHM = 5, 6, 5, 6, 6


def linked(reading: ChannelReading) -> ChannelReading | None:
    """The reading of a channel whose controller answers; others read zeros, which are no values."""
    return None if reading.comm_failure else reading


def step_number(texts: ChannelTexts) -> int | None:
    """The step as a number: 0 while the cycler names none, None if it cannot be told."""
    if not texts.step_and_cycle:
        return 0
    return None if texts.step is None else texts.step.number


def cycle_number(texts: ChannelTexts) -> int | None:
    """The cycle as a number: 0 while the cycler names none, None if it cannot be told."""
    if not texts.step_and_cycle:
        return 0
    return None if texts.step is None else texts.step.cycle


class ChannelPVs(PartGroup[Inputs]):
    """One channel. Its puts wait for each other, and for no other channel; Stop waits for none."""

    channel = Block[ChannelReading]()
    values = Block[ChannelReading]()

    comm_failure = binary(
        channel, "CommFailure", lambda r: r.comm_failure, doc="No link to channel's controller",
        states=("OK", "Failure"), severity=Severity.MAJOR,
        guidance="The cycler has lost the controller of this channel, and nobody knows what the"
        " channel does. Check the controller's power and cable at the cycler.",
    )  # fmt: skip
    test_name = text(
        channel, "TestName", lambda r: r.texts.test_name, doc="Name of the test",
        size=utf8_size(TEST_NAME_UNITS), archive=SLOW,
    )  # fmt: skip
    schedule = text(
        channel, "Schedule", lambda r: r.texts.schedule, doc="Schedule that is assigned",
        size=utf8_size(SCHEDULE_UNITS), archive=SLOW,
    )  # fmt: skip
    exit_condition = text(
        channel, "ExitCondition", lambda r: r.texts.exit_condition, doc="Why the test ended",
        size=utf8_size(_EXIT_CONDITION), archive=SLOW,
    )  # fmt: skip
    barcode = text(
        channel, "Barcode", lambda r: r.texts.barcode, doc="Barcode or item number",
        size=utf8_size(TEST_NAME_UNITS), archive=SLOW,
    )  # fmt: skip
    master = integer(
        channel, "MasterChannel", lambda r: r.master + 1, archive=SLOW,
        doc="Leader of its parallel group, or itself",
    )  # fmt: skip

    status_text = text(values, "Status", lambda r: text_of(r.status), doc="Status", archive=SLOW)
    status_code = integer(values, "StatusCode", lambda r: r.status, doc="Status, vendor's code")
    group_state = state(
        values, "State", lambda r: group_of(r.status), doc="Channel state",
        states=GROUPS, severities={int(States.FAULT): Severity.MAJOR},
        guidance="The channel is unsafe or has an error. Keep clear of its cell if it is hot,"
        " swollen or smokes; stop the channel. Look at Status and at Why the test ended; then clear"
        " it at the console.",
    )  # fmt: skip
    step_and_cycle = text(
        values, "StepCycle", lambda r: r.texts.step_and_cycle, doc="Cycle, step, label and control",
        size=utf8_size(_STEP_AND_CYCLE), archive=SLOW,
    )  # fmt: skip
    step_id = integer(
        values, "StepId", lambda r: step_number(r.texts), doc="Step of the schedule, from 1",
    )  # fmt: skip
    cycle_id = integer(
        values, "CycleId", lambda r: cycle_number(r.texts), doc="Cycle of the test, from 1",
    )  # fmt: skip
    test_time = analog(
        values, "TestTime", lambda r: r.test_time, units="s", precision=3, doc="Time in the test"
    )
    step_time = analog(
        values, "StepTime", lambda r: r.step_time, units="s", precision=3, doc="Time in the step"
    )
    voltage = analog(
        values, "Voltage", lambda r: r.voltage, units="V", precision=_VOLT, doc="Voltage"
    )
    current = analog(
        values, "Current", lambda r: r.current, units="A", precision=_AMPERE,
        doc="Current, charge is positive",
    )  # fmt: skip
    power = analog(
        values, "Power", lambda r: r.power, units="W", precision=_WATT,
        doc="Power, charge is positive",
    )  # fmt: skip
    charge_capacity = analog(
        values, "ChargeCapacity", lambda r: r.charge_capacity, units="Ah", precision=_HOURS,
        doc="Charge that went in",
    )  # fmt: skip
    discharge_capacity = analog(
        values, "DischargeCapacity", lambda r: r.discharge_capacity, units="Ah", precision=_HOURS,
        doc="Charge that came out",
    )  # fmt: skip
    charge_energy = analog(
        values, "ChargeEnergy", lambda r: r.charge_energy, units="Wh", precision=_HOURS,
        doc="Energy that went in",
    )  # fmt: skip
    discharge_energy = analog(
        values, "DischargeEnergy", lambda r: r.discharge_energy, units="Wh", precision=_HOURS,
        doc="Energy that came out",
    )  # fmt: skip
    internal_resistance = analog(
        values, "InternalResistance", lambda r: r.internal_resistance, units="ohm", precision=_OHM,
        doc="Internal resistance, as measured last",
    )  # fmt: skip
    voltage_rate = analog(
        values, "DvDt", lambda r: r.voltage_rate, units="V/s", precision=6,
        doc="Change of the voltage",
    )  # fmt: skip
    acr = analog(values, "ACR", lambda r: r.acr, units="ohm", precision=_OHM, doc="AC resistance")
    aci = analog(
        values, "ACI", lambda r: r.aci, units="ohm", precision=_OHM, doc="AC impedance at 1 kHz"
    )
    aci_phase = analog(
        values, "ACIPhase", lambda r: r.aci_phase, units="deg", precision=2,
        doc="Phase of the AC impedance",
    )  # fmt: skip

    schedule_set = schedule_input()
    test_name_set = test_name_input()
    jump_step_set = step_input()
    assign = command(
        "Assign", Inputs.assign, confirm=channel, doc="Assign the schedule of ScheduleSet"
    )
    start = command(
        "Start", Inputs.start, confirm=channel, doc="Start a test, named by TestNameSet"
    )
    stop = command(
        "Stop", Inputs.stop, confirm=channel, doc="Stop this channel, no other", urgent=True
    )
    resume = command("Resume", Inputs.resume, confirm=channel, doc="Go on after a pause or stop")
    jump = command("Jump", Inputs.jump, confirm=channel, doc="Go to the step of JumpStepSet")
    variable = user_variables()

    def __init__(self, prefix: str, cycler: Cycler, index: int, *, parent: Group) -> None:
        self.variables = Variables(self)
        super().__init__(prefix, Inputs(cycler, index), parent=parent, own_queue=True)

    def build(self) -> None:
        """Feed the values from the channel's share, as long as its controller answers."""
        below, above = ChannelPVs.values, ChannelPVs.channel
        self.feed(above).parts.append((self.feed(below), linked))
        self.feed(below).told_by = self.point("comm_failure")
        self.upstream[below] = (self, above)
        self.feed(below).followers.append(self.variables.follow)

    def add_extras(self, extras: Extras) -> None:
        """Add aux, BMS and SMB values before the IOC serves."""
        if extras.any:
            self.add_part(*self._make_extras(extras))

    def grow_extras(self, extras: Extras) -> None:
        """Add them while the IOC runs."""
        if extras.any:
            self.grow(*self._make_extras(extras))

    def _make_extras(self, extras: Extras) -> tuple[Group, Feeds]:
        part = extras_of(extras)(self.prefix, parent=self)
        return part, {ExtraPVs.values: (ChannelPVs.values, whole)}


def whole(reading: Any) -> Any:
    """All of a block as the share of a part."""
    return reading


def share(index: int) -> Callable[[Sweep], ChannelReading | None]:
    """What takes a channel's share out of a sweep: None if the cycler left it out."""

    def take(sweep: Sweep) -> ChannelReading | None:
        return sweep.channels[index] if index < len(sweep.channels) else None

    return take
