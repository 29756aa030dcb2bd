"""What a channel of the cycler reports: its state, texts, measured values, and extra inputs.

Units: s, V, A (charge positive), W, Ah, Wh, ohm, V/s, degrees. Those of aux values are not on the
wire. What is made for each channel of each sweep is a named tuple: five times as fast to make as a
frozen dataclass. Source: arbin-protocol.md 4.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from .words import AuxKind, status_text

_STEP = re.compile(r"\[(\d{1,9})\]\s*(\d{1,9}):\s*(.*?)(?:,\s*(.*))?", re.DOTALL)


class AuxValue(NamedTuple):
    """An auxiliary value, in the unit of its sensor, and its change per second."""

    value: float
    rate: float = 0.0


Aux = tuple[tuple[AuxValue, ...], ...]
"""The aux values of a channel: one tuple for each `AuxKind`, in that order."""

NO_AUX: Aux = ((),) * len(AuxKind)


@dataclass(frozen=True, slots=True)
class BmsValue:
    """A value of the battery's management system; `index` counts in its configuration."""

    index: int
    value: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class SmbValue:
    """A value of a smart battery, a number or a text."""

    index: int
    value: float | str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Where a schedule is: cycle and step, both counted from 1, the step's label and control."""

    cycle: int
    number: int
    label: str
    control: str


class ChannelTexts(NamedTuple):
    """The texts of a channel. `step_and_cycle` is like `[1] 2: Step_B, Current(A)`."""

    schedule: str = ""
    test_name: str = ""
    exit_condition: str = ""
    step_and_cycle: str = ""
    barcode: str = ""
    bms_config: str = ""
    smb_config: str = ""

    @property
    def step(self) -> Step | None:
        """The parts of `step_and_cycle`, None if it has not that form."""
        match = _STEP.fullmatch(self.step_and_cycle)
        if match is None:
            return None
        cycle, number, label, control = match.groups()
        return Step(int(cycle), int(number), label, control or "")


NO_TEXTS = ChannelTexts()


class ChannelReading(NamedTuple):
    """One channel at one moment; `channel` is its index, which counts from 0.

    `status` is one of `Status`, or a number that this table does not have. With `comm_failure` the
    channel's controller cannot be reached, and all values read 0. `master` is the index of the
    channel that leads a parallel group, its own without one.
    """

    channel: int
    status: int = 0
    comm_failure: bool = False
    master: int = 0
    test_time: float = 0.0
    step_time: float = 0.0
    voltage: float = 0.0
    current: float = 0.0
    power: float = 0.0
    charge_capacity: float = 0.0
    discharge_capacity: float = 0.0
    charge_energy: float = 0.0
    discharge_energy: float = 0.0
    internal_resistance: float = 0.0
    voltage_rate: float = 0.0
    acr: float = 0.0
    aci: float = 0.0
    aci_phase: float = 0.0
    texts: ChannelTexts = NO_TEXTS
    aux: Aux = NO_AUX
    bms: tuple[BmsValue, ...] = ()
    smb: tuple[SmbValue, ...] = ()

    @property
    def state(self) -> str:
        """The status in words."""
        return status_text(self.status)
