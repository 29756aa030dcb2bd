"""One IOC: the gateway, the devices behind it, and the sums of the site."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from drivers.core.errors import NoReply
from drivers.xcom.addresses import family_of_address
from drivers.xcom.discovery import DeviceId
from drivers.xcom.health import device_name
from drivers.xcom.settings import XcomSettings
from iocs.ca.stamp import Stamp
from iocs.device.declare import Presence
from iocs.device.group import DeviceGroup
from iocs.device.instrument import Demo, Instrument
from iocs.device.scan import Block, Scan

from .gateway import GatewayPVs
from .names import GROUP_LEVELS
from .parts import DevicePVs, GroupPVs, group_pvs, part_of
from .plant import GATEWAY_ID, Plant
from .readings import FastReading, SettingsReading, SlowReading
from .sums import site_pvs, sums_over
from .unit import Unit

Feeds = dict[Block[Any], tuple[Block[Any], Callable[[Any], Any]]]


class SiteIOC(DeviceGroup[Plant]):
    """A Studer site behind one Xcom gateway."""

    fast = Scan(5.0, Plant.read_fast)
    slow = Scan(60.0, Plant.read_slow, vital=False)
    parameters = Scan(10.0, Plant.read_settings, vital=False)

    site = site_pvs(fast)

    def __init__(self, prefix: str, device: Plant, **kwargs: Any) -> None:
        super().__init__(prefix, device, **kwargs)
        self.settings[self.point("fast_period").pvname].apply(device.settings.fast_period)

    def build(self) -> None:
        """Add the gateway and the devices that are known; others when they are found."""
        gateway = Unit(self.device, GATEWAY_ID)
        self.add_part(
            GatewayPVs(f"{self.prefix}{gateway.level}", gateway, parent=self),
            {
                GatewayPVs.fast: (SiteIOC.fast, lambda reading: reading),
                GatewayPVs.slow: (SiteIOC.slow, lambda reading: reading),
                GatewayPVs.settings_block: (
                    SiteIOC.parameters,
                    functools.partial(_settings_of, GATEWAY_ID.address),
                ),
            },
        )
        for address in self.device.settings.group_writes:
            self._add_group(address)
        settings = self.device.settings
        self.may_grow = None in (settings.xtenders, settings.variotracks, settings.variostrings)
        self._served: dict[int, DevicePVs] = {}
        self._silent: set[int] = set()
        for device in self.device.devices:
            self.add_part(*self._part(device))
        self._sum_up()
        self.feed(SiteIOC.fast).followers.append(self._grow)
        self.feed(SiteIOC.slow).followers.append(self._grow)
        self.feed(SiteIOC.fast).followers.append(self._notice_silence)

    def _add_group(self, address: int) -> None:
        """Serve what can be written to all devices of a family."""
        family = family_of_address(address)
        if address not in GROUP_LEVELS or family is None:
            return
        unit = Unit(self.device, DeviceId(family, address))
        group = group_pvs(family)(f"{self.prefix}{unit.level}", unit, parent=self)
        self.add_part(
            group,
            {
                GroupPVs.fast: (SiteIOC.fast, lambda reading: reading),
                GroupPVs.settings_block: (
                    SiteIOC.parameters,
                    lambda reading: reading.common(family),
                ),
            },
        )

    def _grow(self, reading: FastReading | SlowReading | None, stamp: Stamp) -> None:
        """Serve devices that were found."""
        del stamp
        new = [d for d in (reading.devices if reading else ()) if d.address not in self._served]
        for device in new:
            part, feeds = self._part(device)
            self.grow(part, feeds)
            self.log.info("%s found: its PVs are served now", part.target.level.rstrip(":"))
        if new:
            self._sum_up()
            self.pollers[SiteIOC.slow].read_soon()
            self.pollers[SiteIOC.parameters].read_soon()

    def _notice_silence(self, reading: FastReading | None, stamp: Stamp) -> None:
        """Tell once of a device that falls silent and once when it is back, in log and LastError.

        If the gateway itself is lost, the scans tell of that.
        """
        if reading is None:
            return
        fast, others = self.pollers[SiteIOC.fast], (SiteIOC.slow, SiteIOC.parameters)
        for address, part in self._served.items():
            silent = reading.share(address) is None
            if silent == (address in self._silent):
                continue
            if silent:
                self._silent.add(address)
                reason = "it does not answer; its PVs are INVALID until it does"
                error = NoReply(self.device.link, device_name(address), "read live values", reason)
                self.log.warning("%s", error)
                self.health.read_failed(fast, error)
                part.fall_silent(stamp)
            else:
                self._silent.remove(address)
                self.log.warning("%s answers again", device_name(address))
                for scan in others:
                    self.pollers[scan].read_soon()

    def _sum_up(self) -> None:
        """Sums over the devices that are known have a value, or something is wrong."""
        for attribute in sums_over(self.device.devices):
            point = self.point(f"site_{attribute}")
            point.spec = replace(point.spec, presence=Presence.ALWAYS)

    def _part(self, device: DeviceId) -> tuple[DevicePVs, Feeds]:
        unit = Unit(self.device, device)
        part = part_of(device)(f"{self.prefix}{unit.level}", unit, parent=self)
        address = device.address
        self._served[address] = part
        feeds: Feeds = {
            DevicePVs.fast: (SiteIOC.fast, functools.partial(_share_of, address)),
            DevicePVs.slow: (SiteIOC.slow, functools.partial(_share_of, address)),
            DevicePVs.settings_block: (
                SiteIOC.parameters,
                lambda reading: None if address in self._silent else reading.share(address),
            ),
        }
        return part, feeds


def _share_of(address: int, reading: FastReading | SlowReading) -> Any:
    return reading.share(address)


def _settings_of(address: int, reading: SettingsReading) -> Any:
    return reading.share(address)


INSTRUMENT = Instrument(
    name="xcom",
    title="Studer Xcom inverter and battery systems",
    settings=XcomSettings,
    open=Plant,
    group=SiteIOC,
    simulator="drivers.xcom.simulator",
    default_prefix="PWR:",
    example_link="tcp-listen://:4001",
    demo=Demo(
        prefix="DEMO:PWR:",
        show=(
            "Site:PvPower",
            "Site:AcPowerOut",
            "Site:BatteryPower",
            "Bat:SocNow",
            "Bat:Voltage",
            "XT1:OperatingState",
            "XT1:BattCyclePhase",
            "Gateway:LastMessage:Source",
        ),
        fresh="Site:PvPower",
        link="tcp://127.0.0.1:0",
        simulator=("--hour", "9", "--speed", "60"),
        settings=(
            ("xtenders", 2),
            ("variotracks", 1),
            ("variostrings", 1),
            ("battery_monitor", "bsp"),
            ("fast_period", 1.0),
        ),
    ),
)
