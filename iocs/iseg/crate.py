"""One IOC: the modules on a line, and a summary of them all."""

from __future__ import annotations

import math

from drivers.iseg.device import Crate
from drivers.iseg.readings import ModuleReading
from drivers.iseg.settings import CrateSettings
from iocs.core.alarm import COMM
from iocs.core.dbr import Native
from iocs.core.declare import FAST
from iocs.core.declared import Internal
from iocs.core.group import DeviceGroup
from iocs.core.instrument import Demo, Instrument
from iocs.core.scan import Follower
from iocs.core.spec import PointSpec
from iocs.core.stamp import Stamp

from .module import ModulePVs


def _count(name: str, doc: str, hihi: float = math.nan) -> Internal:
    spec = PointSpec(
        name=name, record="longin", desc=doc, native=Native.LONG, hihi=hihi, archive=FAST
    )
    return Internal(spec)


class CrateIOC(DeviceGroup[Crate]):
    """iseg high-voltage modules on one CAN line."""

    channels_on = _count("ChannelsOn", "Channels that are on, all modules")
    channels_tripped = _count("ChannelsTripped", "Channels that have tripped", hihi=1)
    max_voltage = Internal(
        PointSpec(
            name="MaxVoltage",
            record="ai",
            desc="Highest voltage, without its sign",
            native=Native.DOUBLE,
            units="V",
            precision=1,
            archive=FAST,
        )
    )

    def build(self) -> None:
        """Add the modules."""
        self._latest: dict[str, ModuleReading | None] = {}
        for module in self.device.modules:
            part = ModulePVs(f"{self.prefix}{module.name}:", module, parent=self)
            self._latest[module.name] = None
            part.feed(ModulePVs.fast).followers.append(self._follower(module.name))
            self.add_part(part)

    def _follower(self, name: str) -> Follower:
        def follow(reading: ModuleReading | None, stamp: Stamp) -> None:
            self._latest[name] = reading
            self._summarise(stamp)

        return follow

    def _summarise(self, stamp: Stamp) -> None:
        """Post the summary: of the modules that answer, and INVALID if one of them does not."""
        known = [reading for reading in self._latest.values() if reading is not None]
        alarm = None if len(known) == len(self._latest) else COMM
        voltages = [reading.max_voltage for reading in known]
        highest = max((value for value in voltages if value == value), default=math.nan)
        self.channels_on.post(sum(r.channels_on for r in known), stamp, alarm)
        self.channels_tripped.post(sum(r.channels_tripped for r in known), stamp, alarm)
        self.max_voltage.post(highest, stamp, alarm)


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
