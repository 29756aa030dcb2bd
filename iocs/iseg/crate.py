"""One IOC: the modules on a line, and a summary of them all."""

from __future__ import annotations

import math
from collections.abc import Sequence

from drivers.iseg.device import Crate
from drivers.iseg.readings import ModuleReading
from drivers.iseg.settings import CrateSettings
from iocs.device.declare import analog, integer
from iocs.device.group import DeviceGroup
from iocs.device.instrument import Demo, Instrument
from iocs.device.scan import Block, all_or_none

from .module import ModulePVs


class CrateIOC(DeviceGroup[Crate]):
    """iseg high-voltage modules on one CAN line.

    The summary is of all modules: it is INVALID while one of them does not answer.
    """

    summary = Block[Sequence[ModuleReading]]()

    channels_on = integer(
        summary, "ChannelsOn", lambda modules: sum(r.channels_on for r in modules),
        doc="Channels that are on, all modules",
    )  # fmt: skip
    channels_tripped = integer(
        summary, "ChannelsTripped", lambda modules: sum(r.channels_tripped for r in modules),
        doc="Tripped channels", hihi=1,
        guidance="Channels tripped; they may still be live. See in each module which ones; make"
        " them safe before you look for the cause.",
    )  # fmt: skip
    max_voltage = analog(
        summary, "MaxVoltage", lambda modules: _highest([r.max_voltage for r in modules]),
        units="V", precision=1, doc="Highest voltage, without its sign",
    )  # fmt: skip

    def build(self) -> None:
        """Add the modules."""
        parts = [
            ModulePVs(f"{self.prefix}{module.name}:", module, parent=self)
            for module in self.device.modules
        ]
        for part in parts:
            self.add_part(part)
        self.derive(CrateIOC.summary, [(part, ModulePVs.fast) for part in parts], all_or_none)


def _highest(voltages: Sequence[float]) -> float:
    return max((value for value in voltages if value == value), default=math.nan)


INSTRUMENT = Instrument(
    name="iseg",
    title="iseg high-voltage modules on CAN",
    settings=CrateSettings,
    open=Crate,
    group=CrateIOC,
    simulator="drivers.iseg.simulator",
    default_prefix="HV:",
    example_link="can://socketcan/can0?bitrate=125000",
    demo=Demo(
        prefix="DEMO:HV:",
        show=(
            "ChannelsOn",
            "MaxVoltage",
            "M00:Temperature",
            "M00:CH00:ChannelState",
            "M00:CH00:VoltageMeasure",
            "M00:CH00:CurrentMeasure",
        ),
        fresh="M00:CH00:VoltageMeasure",
        link="slcan-pty",
        simulator=("--modules", "1", "--channels", "8", "--speed", "5", "--on"),
        settings=(
            ("modules", [{"name": "M00", "address": 0, "channels": 8}]),
            ("timeout", 0.5),  # beside ten other programs on a small machine
        ),
    ),
)
