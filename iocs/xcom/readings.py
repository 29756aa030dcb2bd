"""What the IOC reads of a site in one go, and the share of each device in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from drivers.xcom.addresses import Family
from drivers.xcom.datapoint import Datapoint
from drivers.xcom.device import WireStatistics
from drivers.xcom.discovery import DeviceId
from drivers.xcom.frame import FrameFlags
from drivers.xcom.identity import Identity
from drivers.xcom.messages import Message
from drivers.xcom.protocol import Value
from drivers.xcom.readings import InfoReading, Limits

from .alarms import AlarmState


@dataclass(frozen=True, slots=True)
class Share:
    """The live values of one device, by their numbers."""

    address: int
    reading: InfoReading

    def get(self, number: int) -> float | None:
        """A value; None if the device does not have it."""
        return self.reading.get(self.address, number)


@dataclass(frozen=True, slots=True)
class FastReading:
    """Live values of all devices; flags, messages and statistics of the gateway.

    `messages` are the newest first; `alarm` is what they ask of an operator.
    """

    infos: InfoReading | None
    devices: tuple[DeviceId, ...]
    flags: FrameFlags
    messages: tuple[Message, ...]
    alarm: AlarmState
    statistics: WireStatistics
    flash_writes: int
    by_multi_info: bool

    def share(self, address: int) -> Share | None:
        """The part of a device; None if it is silent."""
        return _share(self.infos, address)


@dataclass(frozen=True, slots=True)
class SlowShare:
    """The slow values of one device, and what it is."""

    live: Share
    identity: Identity | None


@dataclass(frozen=True, slots=True)
class SlowReading:
    """Slow values of all devices, their identities, and the GUID of the installation."""

    infos: InfoReading | None
    devices: tuple[DeviceId, ...]
    identities: Mapping[int, Identity]
    guid: UUID | None

    def share(self, address: int) -> SlowShare | None:
        """The part of a device; None if it is silent."""
        live = _share(self.infos, address)
        return None if live is None else SlowShare(live, self.identities.get(address))


@dataclass(frozen=True, slots=True)
class ParameterState:
    """A parameter: what flash holds, what is in force as far as is known, what is allowed.

    `lacking` tells that the device does not have it, `in_ram` that what is in force was written to
    RAM, which cannot be read back. `each` is what is in force in each device of a group.
    """

    point: Datapoint
    flash: Value | None
    in_force: Value | None
    in_ram: bool
    limits: Limits | None
    lacking: bool = False
    each: tuple[Value | None, ...] = ()

    @property
    def in_each(self) -> tuple[Value | None, ...]:
        """What is in force in each of the devices: in the one, unless this is a group."""
        return self.each or (self.in_force,)

    @property
    def agree(self) -> bool:
        """What is in force is known, and flash holds the same, as the device rounds it."""
        if self.in_force is None or self.flash is None:
            return False
        return self.point.same(self.in_force, self.flash)


@dataclass(frozen=True, slots=True)
class SettingsReading:
    """The parameters of all devices that answer, by address and number."""

    parameters: Mapping[int, Mapping[int, ParameterState]]
    devices: tuple[DeviceId, ...] = ()

    def share(self, address: int) -> Mapping[int, ParameterState] | None:
        """The parameters of a device; None if it is silent."""
        return self.parameters.get(address)

    def common(self, family: Family) -> Mapping[int, ParameterState] | None:
        """The parameters of all devices of a family: what they have in common.

        A value is None where they differ; None if one of them is silent or there are none.
        """
        shares = [
            self.parameters.get(device.address)
            for device in self.devices
            if device.family is family
        ]
        known = [share for share in shares if share is not None]
        if not known or len(known) < len(shares):
            return None
        return {number: _common([share[number] for share in known]) for number in known[0]}


def _common(states: Sequence[ParameterState]) -> ParameterState:
    first = states[0]
    return replace(
        first,
        flash=first.flash if all(one.flash == first.flash for one in states) else None,
        in_force=first.in_force if all(one.in_force == first.in_force for one in states) else None,
        in_ram=any(one.in_ram for one in states),
        lacking=all(one.lacking for one in states),
        limits=_allowed_by_all([one.limits for one in states]),
        each=tuple(one.in_force for one in states),
    )


def _allowed_by_all(limits: Sequence[Limits | None]) -> Limits | None:
    """What every device of a group allows; None until that is known of all."""
    known = [one for one in limits if one is not None]
    if len(known) < len(limits):
        return None
    lows = [one.minimum for one in known if one.minimum is not None]
    highs = [one.maximum for one in known if one.maximum is not None]
    return replace(known[0], minimum=max(lows, default=None), maximum=min(highs, default=None))


def _share(infos: InfoReading | None, address: int) -> Share | None:
    silent = infos is None or address in infos.silent
    return None if silent or infos is None else Share(address, infos)
