"""A simulated Xcom-232i: takes requests, asks its devices, and answers as the real one does.

Source: xcom-protocol.md 3.2, 4, 5, 8, 10 to 12 and 20.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from ..addresses import BROADCAST, GATEWAY, PHASES, Family, family_of_number, range_of
from ..frame import DecodeError, Frame, FrameFlags
from ..multi_info import (
    Aggregation,
    Item,
    ItemValue,
    MultiInfo,
    Present,
    decode_items,
    encode_multi_info,
)
from ..objects import encode_guid
from ..protocol import ErrorCode, ObjectType, Property, Service, error_reply_to, reply_to
from .behaviour import Absent, Behaviour
from .card import DatalogCard
from .device import Condition, Refusal, SimulatedDevice
from .messages import MessageStore
from .supply import DAY

RESTARTED_BY_WATCHDOG = 216
_ALL_GATEWAYS = 500
_SAVING_STARTS = 30.0
_LONGEST_DATALOG_FIELD = 250
_FIRST_WITH_MESSAGES = (1, 5, 0)
_FIRST_WITH_MULTI_INFO = (1, 6, 74)
_MINUTE = 60.0
_TIME_MASK = 0xFFFFFFFF
_PRESENT = {
    Family.XTENDER: Present.XTENDER,
    Family.BATTERY: Present.BSP,
    Family.VARIOTRACK: Present.VARIOTRACK,
    Family.VARIOSTRING: Present.VARIOSTRING,
}


class Silence(Exception):
    """Nobody answers this request."""


class SimulatedGateway:
    """A gateway and the devices behind it. `clock` counts s, `wall` is the time of the site."""

    def __init__(
        self,
        behaviour: Behaviour,
        guid: UUID,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.behaviour = behaviour
        self.guid = guid
        self.messages = MessageStore()
        self.card = DatalogCard()
        self.card_present = True
        self.card_full = False
        self.restarted = False
        self.reads = 0
        self.writes = 0
        self.datalog_field = b""
        self.device = SimulatedDevice(GATEWAY, Family.GATEWAY, clock=clock)
        self.devices = {GATEWAY: self.device}
        self.phases: dict[int, tuple[int, ...]] = {}
        self._clock = clock
        self._wall = wall
        self._asked_at: float | None = None
        self._busy_until = -math.inf
        self._bump_due = clock() + _MINUTE
        self.device.stored[5103] = lambda on: None if on else self.restart()
        self.device.signals[5035] = self.messages.erase
        self.device.signals[5104] = self._clear_restarted

    def add(self, device: SimulatedDevice) -> None:
        """Connect a device."""
        self.devices[device.address] = device

    @property
    def flags(self) -> FrameFlags:
        """The flags of its replies."""
        states = {
            FrameFlags.MESSAGE_PENDING: self.messages.pending,
            FrameFlags.RESTARTED: self.restarted,
            FrameFlags.CARD_PRESENT: self.card_present,
            FrameFlags.CARD_FULL: self.card_present and self.card_full,
            FrameFlags.NEW_DATALOG: self.card_present and self.card.new,
            FrameFlags.DATALOGGER: True,
        }
        return FrameFlags(sum(flag for flag, on in states.items() if on))

    @property
    def busy(self) -> bool:
        """It writes to the card and answers nothing but that it is busy."""
        since = self._wall() % DAY - _SAVING_STARTS
        return 0.0 <= since < self.behaviour.saving or self._clock() < self._busy_until

    def save_datalog(self, name: str, content: bytes) -> None:
        """Write a file, which takes its time."""
        if self.card_present:
            self.card.save(name, content)

    def be_busy(self) -> None:
        """Be busy for as long as saving takes."""
        self._busy_until = self._clock() + self.behaviour.saving

    def restart(self) -> None:
        """Start again."""
        self.device.restart()
        self.restarted = True
        self._asked_at = None

    def watch(self) -> None:
        """Restart if no request came in time (xcom-protocol.md 8.2)."""
        if self._asked_at is None or not self.device.ram(5095):
            return
        if self._clock() - self._asked_at > self.device.ram(5096):
            self.restart()
            self.messages.add(RESTARTED_BY_WATCHDOG, GATEWAY, self._wall())

    def delay(self, asked: Frame) -> float:
        """Seconds until the answer to a request."""
        delay = self.behaviour.latency
        if self._clock() >= self._bump_due:
            self._bump_due = self._clock() + _MINUTE
            delay += self.behaviour.bump
        device = self.devices.get(asked.destination)
        if device is not None and device.condition is Condition.DEAD:
            delay += self.behaviour.patience
        return delay

    def respond(self, asked: Frame) -> Frame | None:
        """The answer to a request; None if there is none."""
        if asked.is_reply or not self.device.answers:
            return None
        self._asked_at = self._clock()
        self.writes += asked.service == Service.WRITE
        self.reads += asked.service == Service.READ
        try:
            step, data = self._served(asked)
        except Refusal as refusal:
            return error_reply_to(asked, refusal.code, flags=self.flags)
        except Silence:
            return None
        reply = reply_to(asked, data, flags=self.flags)
        return replace(reply, property_id=step)

    # -- objects

    def _served(self, asked: Frame) -> tuple[int, bytes]:
        """Property and data of the reply."""
        if self.busy:
            raise Refusal(ErrorCode.GATEWAY_BUSY)
        if asked.service not in tuple(Service):
            raise Refusal(ErrorCode.SERVICE_NOT_SUPPORTED)
        if asked.object_type in (ObjectType.INFO, ObjectType.PARAMETER):
            if asked.service == Service.READ:
                return asked.property_id, self._read(asked)
            self._write(asked)
            return asked.property_id, b""
        if asked.destination != GATEWAY:
            known = asked.destination in self.devices
            raise Refusal(ErrorCode.TYPE_NOT_SUPPORTED if known else ErrorCode.DEVICE_NOT_FOUND)
        return self._own_object(asked)

    def _own_object(self, asked: Frame) -> tuple[int, bytes]:
        kind, reading = asked.object_type, asked.service == Service.READ
        if kind == ObjectType.DATALOG_FIELD and not reading:
            if len(asked.data) > _LONGEST_DATALOG_FIELD:
                raise Refusal(ErrorCode.INVALID_DATA_LENGTH)
            self.datalog_field = asked.data
            return asked.property_id, b""
        if kind == ObjectType.FILES and self.card_present:
            return self.card.transfer(asked.object_id, asked.property_id, asked.data)
        if kind == ObjectType.FILES:
            raise Refusal(ErrorCode.FILE_OR_DIR_NOT_PRESENT)
        read = {
            ObjectType.MESSAGE: self._message,
            ObjectType.GUID: self._guid,
            ObjectType.MULTI_INFO: self._multi_info,
        }
        if kind not in read:
            raise Refusal(ErrorCode.TYPE_NOT_SUPPORTED)
        if not reading:
            raise Refusal(ErrorCode.SERVICE_NOT_SUPPORTED)
        return asked.property_id, read[ObjectType(kind)](asked)

    def _guid(self, asked: Frame) -> bytes:
        del asked
        return encode_guid(self.guid)

    def _message(self, asked: Frame) -> bytes:
        if self.behaviour.firmware < _FIRST_WITH_MESSAGES:
            raise Refusal(ErrorCode.SERVICE_NOT_SUPPORTED)
        if asked.property_id != Property.NONE:
            raise Refusal(ErrorCode.PROPERTY_NOT_SUPPORTED)
        found = self.messages.read(asked.object_id)
        if found is None:
            raise Refusal(ErrorCode.OBJECT_ID_NOT_FOUND)
        return found

    # -- infos and parameters

    def _read(self, asked: Frame) -> bytes:
        device = self._one(asked.destination)
        return device.read(
            asked.object_type,
            asked.object_id,
            asked.property_id,
            strict=self.behaviour.strict_property,
        )

    def _one(self, address: int) -> SimulatedDevice:
        """The device that answers a read at an address; of a group, the first one."""
        members = self.members(address)
        if members is None:
            return self._alive(self.devices.get(address))
        if (self.behaviour.strict_groups and address not in PHASES) or address == BROADCAST:
            raise Refusal(ErrorCode.MULTICAST_READ_NOT_SUPPORTED)
        return self._alive(members[0] if members else None)

    def members(self, address: int) -> list[SimulatedDevice] | None:
        """The devices of a group that are there; None if the address is that of one device."""
        there = [one for one in self.devices.values() if one.condition is not Condition.ABSENT]
        if address == BROADCAST:
            return there
        if address in PHASES:
            return [one for one in there if one.address in self.phases.get(address, ())]
        if address == _ALL_GATEWAYS:
            return [self.device]
        families = [family for family in Family if range_of(family).group == address]
        return [one for one in there if one.family in families] if families else None

    def _alive(self, device: SimulatedDevice | None) -> SimulatedDevice:
        if device is None or device.condition is Condition.ABSENT:
            raise Refusal(ErrorCode.DEVICE_NOT_FOUND)
        if device.condition is Condition.MUTE:
            raise Silence
        if not device.answers:
            raise Refusal(ErrorCode.RESPONSE_TIMEOUT)
        return device

    def _write(self, asked: Frame) -> None:
        """Write at one device, or at all of a group that have the number."""
        members = self.members(asked.destination)
        targets = members
        if members is None:
            targets = [self._alive(self.devices.get(asked.destination))]
        family = family_of_number(asked.object_id)
        takers = [one for one in targets or () if members is None or one.family is family]
        if not takers:
            missing = ErrorCode.OBJECT_ID_NOT_FOUND if members else ErrorCode.DEVICE_NOT_FOUND
            raise Refusal(missing)
        for one in takers:
            if one.answers:
                one.write(asked.object_type, asked.object_id, asked.property_id, asked.data)

    # -- multi-info

    def _multi_info(self, asked: Frame) -> bytes:
        if self.behaviour.firmware < _FIRST_WITH_MULTI_INFO:
            raise Refusal(ErrorCode.SERVICE_NOT_SUPPORTED)
        try:
            items = decode_items(asked.data)
        except DecodeError:
            raise Refusal(ErrorCode.INVALID_SERVICE_ARGUMENT) from None
        values = tuple(ItemValue(item, self._item(item)) for item in items)
        families = {one.family for one in self.members(BROADCAST) or ()}
        flags = sum(flag for family, flag in _PRESENT.items() if family in families)
        return encode_multi_info(MultiInfo(flags, int(self._wall()) & _TIME_MASK, values))

    def _item(self, item: Item) -> float:
        family = family_of_number(item.number)
        if family is None or item.number not in range_of(family).infos:
            raise Refusal(ErrorCode.OBJECT_ID_NOT_FOUND)
        try:
            return self._aggregate(item, family)
        except Refusal:
            if self.behaviour.absent is Absent.ERROR:
                raise
            return math.nan if self.behaviour.absent is Absent.NAN else 0.0

    def _aggregate(self, item: Item, family: Family) -> float:
        addresses = range_of(family).addresses
        if item.aggregation in (Aggregation.AVERAGE, Aggregation.SUM):
            alive = [one for one in self.members(BROADCAST) or () if one.family is family]
            values = [self._alive(one).info(item.number) for one in alive]
            if not values:
                raise Refusal(ErrorCode.DEVICE_NOT_FOUND)
            total = math.fsum(values)
            return total if item.aggregation == Aggregation.SUM else total / len(values)
        place = max(item.aggregation, 1) - 1
        if place >= len(addresses):
            raise Refusal(ErrorCode.DEVICE_NOT_FOUND)
        return self._alive(self.devices.get(addresses[place])).info(item.number)

    def _clear_restarted(self) -> None:
        self.restarted = False
