"""The PVs of one device: Xtender, VarioTrack, VarioString or battery monitor."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from drivers.xcom.addresses import Family as DeviceFamily
from drivers.xcom.datapoint import Datapoint, Monitor
from drivers.xcom.datapoints import datapoint, datapoints_of
from drivers.xcom.discovery import DeviceId
from drivers.xcom.enumerations import Locking
from drivers.xcom.readings import Point as Place
from iocs.ca.stamp import Stamp
from iocs.device.declare import FAST, NO_YES, SLOW, analog, bits, connected_pv, integer, text
from iocs.device.group import PartGroup
from iocs.device.scan import Block
from iocs.record.alarm import COMM, Severity

from .choose import FAST_NUMBERS, SLOW_NUMBERS
from .names import pv_name
from .readings import FastReading, Share, SlowShare
from .unit import Unit
from .values import (
    IN_SNAPSHOT,
    SettingsShare,
    follow_doubts,
    limits_follower,
    live_values,
    parameter_pvs,
    signal_pvs,
)

RAM_LIST_SIZE = 600  # the names of all parameters of an Xtender
_OFF_SIGNALS = (1399, 10040, 14039)
_LOCKINGS = 3056
_LOCKING_BITS = {
    bit.bit_length() - 1: (
        bit.name.title().replace("_", ""),
        bit.name.capitalize().replace("_", " "),
    )
    for bit in Locking
    if bit.name
}


def _locking_word(share: SlowShare) -> int | None:
    """The lock bits, which come as a FLOAT."""
    value = share.live.get(_LOCKINGS)
    return None if value is None or not 0.0 <= value < 2.0**24 else int(value)


def _ram_only_names(share: SettingsShare) -> str:
    """The PVs whose value in force is only in RAM, or unknown since a write was not confirmed."""
    names: list[str] = []
    for found in share.values():
        if found.in_ram and not found.agree:
            mark = "?" if found.in_force is None else ""
            names.append(pv_name(found.point) + mark)
    return ", ".join(names)


class DevicePVs(PartGroup[Unit]):
    """What all devices have."""

    fast = Block[Share]()
    slow = Block[SlowShare]()
    settings_block = Block[SettingsShare]()

    answers = connected_pv(
        "Device answers",
        "The device does not answer the gateway, and its values are old. Check whether it is on,"
        " and its communication cable.",
    )
    model = text(
        slow, "ModelName", lambda r: r.identity.model if r.identity else None, doc="Model",
    )  # fmt: skip
    firmware = text(
        slow, "Firmware", lambda r: r.identity.firmware if r.identity else None,
        doc="Firmware version",
    )  # fmt: skip
    hardware = text(
        slow, "Hardware", lambda r: r.identity.hardware if r.identity else None,
        doc="Hardware version",
    )  # fmt: skip
    serial = text(
        slow, "SerialNumber", lambda r: r.identity.serial if r.identity else None,
        doc="Serial number (FID)",
    )  # fmt: skip
    ram_only = text(
        settings_block, "RamOnly", _ram_only_names, size=RAM_LIST_SIZE,
        doc="In force only until a restart (in RAM)",
    )  # fmt: skip

    def build(self) -> None:
        """Let limits follow what the device tells, and `Connected` whether it does."""
        self.feed(DevicePVs.fast).followers.append(self._follow_answers)
        self.feed(DevicePVs.settings_block).followers.append(limits_follower(self))
        follow_doubts(self)
        self.target.plant.doubted.append(self._list_again)

    def _list_again(self, points: Sequence[Place]) -> None:
        """A write was ambiguous: say so in the list as well."""
        device = self.target.device
        shown = self.point("ram_only")
        mine = device.address in [point.address for point in points]
        if mine and shown.severity != Severity.INVALID:
            shown.post(_ram_only_names(self.target.plant.last_known(device)), Stamp.now())

    def fall_silent(self, stamp: Stamp) -> None:
        """The live values have not come: what other scans have read is not to be trusted either."""
        for block in (DevicePVs.slow, DevicePVs.settings_block):
            self.feed(block).fail(COMM, stamp)

    def _follow_answers(self, reading: Share | None, stamp: Stamp) -> None:
        self.answers.post(int(reading is not None), stamp)


class XtenderPVs(DevicePVs):
    """An inverter and charger."""

    live = live_values(DevicePVs.fast, FAST_NUMBERS[DeviceFamily.XTENDER], Share.get, FAST)
    slow_live = live_values(
        DevicePVs.slow,
        (n for n in SLOW_NUMBERS[DeviceFamily.XTENDER] if n != _LOCKINGS),
        lambda r, n: r.live.get(n),
        SLOW,
    )
    lockings_word = integer(
        DevicePVs.slow, "Lockings", _locking_word, doc="What is locked, bit word", archive=SLOW
    )
    lockings = bits(
        DevicePVs.slow, "Lockings", _locking_word, _LOCKING_BITS, states=NO_YES, archive=SLOW
    )
    parameters = parameter_pvs(
        DevicePVs.settings_block, datapoints_of(DeviceFamily.XTENDER), IN_SNAPSHOT
    )
    signals = signal_pvs(DevicePVs.fast, datapoints_of(DeviceFamily.XTENDER), _OFF_SIGNALS)
    rated_power = analog(
        DevicePVs.slow, "RatedPower", lambda r: r.identity.power if r.identity else None,
        units="VA", doc="Rated power", archive=SLOW,
    )  # fmt: skip


class VarioTrackPVs(DevicePVs):
    """A solar charger."""

    live = live_values(DevicePVs.fast, FAST_NUMBERS[DeviceFamily.VARIOTRACK], Share.get, FAST)
    slow_live = live_values(
        DevicePVs.slow, SLOW_NUMBERS[DeviceFamily.VARIOTRACK], lambda r, n: r.live.get(n), SLOW
    )
    parameters = parameter_pvs(
        DevicePVs.settings_block, datapoints_of(DeviceFamily.VARIOTRACK), IN_SNAPSHOT
    )
    signals = signal_pvs(DevicePVs.fast, datapoints_of(DeviceFamily.VARIOTRACK), _OFF_SIGNALS)


class VarioStringPVs(DevicePVs):
    """A solar charger for high voltages."""

    live = live_values(DevicePVs.fast, FAST_NUMBERS[DeviceFamily.VARIOSTRING], Share.get, FAST)
    slow_live = live_values(
        DevicePVs.slow, SLOW_NUMBERS[DeviceFamily.VARIOSTRING], lambda r, n: r.live.get(n), SLOW
    )
    parameters = parameter_pvs(
        DevicePVs.settings_block, datapoints_of(DeviceFamily.VARIOSTRING), IN_SNAPSHOT
    )
    signals = signal_pvs(DevicePVs.fast, datapoints_of(DeviceFamily.VARIOSTRING), _OFF_SIGNALS)


@functools.cache
def battery_pvs(monitor: Monitor) -> type[DevicePVs]:
    """The PVs of a battery monitor of this kind."""

    def theirs(point: Datapoint) -> bool:
        return bool(point.monitors & monitor)

    def numbers(table: dict[DeviceFamily, tuple[int, ...]]) -> list[int]:
        return [n for n in table[DeviceFamily.BATTERY] if theirs(datapoint(n))]

    class BatteryPVs(DevicePVs):
        """A battery, as its monitor sees it."""

        live = live_values(DevicePVs.fast, numbers(FAST_NUMBERS), Share.get, FAST)
        slow_live = live_values(
            DevicePVs.slow, numbers(SLOW_NUMBERS), lambda r, n: r.live.get(n), SLOW
        )
        parameters = parameter_pvs(
            DevicePVs.settings_block,
            filter(theirs, datapoints_of(DeviceFamily.BATTERY)),
            IN_SNAPSHOT,
        )

    return BatteryPVs


class GroupPVs(PartGroup[Unit]):
    """All devices of a family, written in one go."""

    fast = Block[FastReading]()
    settings_block = Block[SettingsShare]()

    def build(self) -> None:
        """Let limits follow what all devices allow, and tell of writes that nobody knows of."""
        self.feed(GroupPVs.settings_block).followers.append(limits_follower(self))
        follow_doubts(self)


@functools.cache
def group_pvs(family: DeviceFamily) -> type[GroupPVs]:
    """The set points and signals of all devices of a family."""

    class FamilyPVs(GroupPVs):
        """What can be written; readbacks are INVALID where the devices differ.

        Nothing of it is in a snapshot: the devices themselves are, and may differ.
        """

        parameters = parameter_pvs(GroupPVs.settings_block, datapoints_of(family))
        signals = signal_pvs(GroupPVs.fast, datapoints_of(family), _OFF_SIGNALS)

    return FamilyPVs


def part_of(device: DeviceId) -> type[DevicePVs]:
    """The PVs of a device."""
    if device.family is DeviceFamily.BATTERY:
        return battery_pvs(device.monitor)
    return {
        DeviceFamily.XTENDER: XtenderPVs,
        DeviceFamily.VARIOTRACK: VarioTrackPVs,
        DeviceFamily.VARIOSTRING: VarioStringPVs,
    }[device.family]
