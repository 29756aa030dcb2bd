"""One high-voltage channel: what an operator can ask of it, checked before it reaches the wire."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from ..core.errors import Blocked, OutOfRange
from .conversation import Conversation
from .items import ITEMS, I
from .protocol import Value, to_single
from .reader import number_of, word_of
from .words import (
    BLOCKING,
    CHANNEL_EVENT_BITS,
    CHANNEL_STATUS_BITS,
    MODULE_BLOCKING,
    MODULE_EVENT_BITS,
    Action,
    ChannelControl,
    ChannelEvent,
    ChannelStatus,
    names_of,
)

STEPS = 2e-5
"""Share of the nominal value by which a set value may differ when it is read back."""

MAX_RAMP = 20.0
"""Fastest voltage ramp, % of the nominal voltage per second (iseg-protocol.md 6.1)."""

_LONGEST_TRIP = 0xFFFF


class OwnModule(Protocol):
    """What a channel needs of its module. `sign` is that of set values, 0 if it is not known."""

    talk: Conversation
    sign: int
    offs: int

    def order(self, asked: str) -> AbstractAsyncContextManager[None]:
        """The turn of a command."""
        ...

    async def switch_off(self, channels: Sequence[Channel]) -> None:
        """Ramp channels to zero, ahead of everything that waits."""
        ...

    async def emergency_off(self, channels: Sequence[Channel]) -> None:
        """Cut outputs, ahead of everything that waits."""
        ...


class Channel:
    """Channel `number` of a module. Every command raises a `DriverError` unless it was obeyed."""

    def __init__(self, module: OwnModule, number: int) -> None:
        self.module = module
        self.number = number
        self.voltage_set: float | None = None
        self.voltage_nominal: float | None = None
        self.current_nominal: float | None = None
        self.polarity: int | None = None
        self._offs = 0

    # -- set values

    async def set_voltage(self, value: float) -> None:
        """Set the voltage, V. Refused outside nominal range, hardware limit and sign."""
        async with self.module.order("set voltage"):
            limit = await self.module.talk.read_number(ITEMS[I.VOLTAGE_LIMIT])
            low, high = self.voltage_range(limit)
            self._check("voltage", value, low, high, "V")
            await self._write(I.VOLTAGE_SET, value, self._nominal_voltage)
            self.voltage_set = value

    async def set_current(self, value: float) -> None:
        """Set the current limit, A; with kill enabled it is the current at which to trip."""
        async with self.module.order("set current"):
            limit = await self.module.talk.read_number(ITEMS[I.CURRENT_LIMIT])
            high = self.highest_current(limit)
            self._check("current", value, 0.0, high, "A")
            await self._write(I.CURRENT_SET, value, high)

    async def set_voltage_bounds(self, value: float) -> None:
        """Set how far the voltage may be from its set value before a bit says so, V."""
        async with self.module.order("set voltage bounds"):
            self._check("voltage bounds", value, 0.0, self._nominal_voltage, "V")
            await self._write(I.VOLTAGE_BOUNDS, value, self._nominal_voltage)

    async def set_current_bounds(self, value: float) -> None:
        """Set how far the current may be from its set value before a bit says so, A."""
        async with self.module.order("set current bounds"):
            high = self.highest_current(None)
            self._check("current bounds", value, 0.0, high, "A")
            await self._write(I.CURRENT_BOUNDS, value, high)

    async def set_ramp_up(self, value: float) -> None:
        """Set the channel's own ramp speed upwards, V/s, where the module has one."""
        await self._set_ramp(I.VOLTAGE_RAMP_UP, value)

    async def set_ramp_down(self, value: float) -> None:
        """Set the channel's own ramp speed downwards, V/s, where the module has one."""
        await self._set_ramp(I.VOLTAGE_RAMP_DOWN, value)

    async def set_trip_time(self, value: float) -> None:
        """Set the delay of a trip, whole ms, 0 to 65535."""
        async with self.module.order("set trip time"):
            self._check("trip time", value, 0, _LONGEST_TRIP, "ms")
            await self._write(I.TRIP_TIME, round(value), 0.0)

    async def set_trip_action(self, value: int) -> None:
        """Set what a delayed trip does: an `Action`."""
        async with self.module.order("set trip action"):
            await self._write(I.TRIP_ACTION, int(self._action(value)), 0.0)

    async def set_inhibit_action(self, value: int) -> None:
        """Set what the external inhibit does: an `Action`."""
        async with self.module.order("set external inhibit action"):
            await self._write(I.INHIBIT_ACTION, int(self._action(value)), 0.0)

    # -- on, off, emergency off

    async def switch(self, on: int) -> None:
        """Switch on (ramps to the set value) or off (ramps to zero)."""
        if on:
            await self.switch_on()
        else:
            await self.switch_off()

    async def switch_on(self) -> None:
        """Switch on. `Blocked` while an event or the module forbids it, with the reason.

        An off or emergency off that comes while this waits for its turn wins: nothing is sent then.
        """
        offs = self._offs, self.module.offs

        def guard() -> None:
            if (self._offs, self.module.offs) != offs:
                raise self._blocked("switch on", "it was switched off in the meantime")

        async with self.module.order("switch on"):
            guard()
            await self._check_may_switch_on()
            await self.module.talk.write(
                ITEMS[I.CONTROL],
                int(ChannelControl.ON),
                self.number,
                lambda value: bool((word_of(value) or 0) & ChannelControl.ON),
                guard=guard,
                state=self.describe,
            )

    async def switch_off(self) -> None:
        """Switch off: the voltage ramps to zero. Overtakes all that waits."""
        self._offs += 1
        await self.module.switch_off([self])

    async def emergency_off(self) -> None:
        """Cut the output without a ramp. Overtakes all that waits."""
        self._offs += 1
        await self.module.emergency_off([self])

    async def reset_trip(self) -> None:
        """Clear the events of the channel, and leave emergency off. Switches nothing on.

        Raises `NotObeyed` if the cause persists (iseg-protocol.md 7.6 and 8).
        """
        talk = self.module.talk
        async with self.module.order("reset trip"):
            status = word_of(await talk.read(ITEMS[I.STATUS], self.number)) or 0
            if status & ChannelStatus.EMERGENCY:
                await talk.send(ITEMS[I.CONTROL], 0, [self.number])
            events = word_of(await talk.read(ITEMS[I.EVENTS], self.number)) or 0
            if events:
                await talk.send(ITEMS[I.EVENTS], events, [self.number])
            try:
                await talk.confirm(
                    f"reset trip of channel {self.number}", self._blocking, state=self.describe
                )
            finally:
                talk.hint()

    # -- helpers of the module

    @property
    def _nominal_voltage(self) -> float:
        """Without its sign; NaN while it is not known."""
        known = self.voltage_nominal
        return math.nan if known is None else abs(known)

    @property
    def negative(self) -> bool:
        """Whether set values are negative."""
        wanted = self.module.sign
        if wanted:
            return wanted < 0
        if self.polarity:
            return self.polarity < 0
        return (self.voltage_nominal or 0.0) < 0

    def voltage_range(self, limit: float | None) -> tuple[float, float]:
        """The set voltages that are allowed, V, at a hardware limit in % (None: no limit)."""
        highest = self._nominal_voltage * _share(limit)
        return (-highest, 0.0) if self.negative else (0.0, highest)

    def highest_current(self, limit: float | None) -> float:
        """The highest set current, A, at a hardware limit in % (None: no limit)."""
        known = self.current_nominal
        return math.nan if known is None else abs(known) * _share(limit)

    async def describe(self) -> str:
        """Status and events in words."""
        talk = self.module.talk
        status = word_of(await talk.read(ITEMS[I.STATUS], self.number)) or 0
        events = word_of(await talk.read(ITEMS[I.EVENTS], self.number)) or 0
        return (
            f"status: {names_of(CHANNEL_STATUS_BITS, status) or 'off'}; "
            f"events: {names_of(CHANNEL_EVENT_BITS, events) or 'none'}"
        )

    async def _blocking(self) -> str:
        """What still keeps the channel from being switched on, in words."""
        talk = self.module.talk
        events = word_of(await talk.read(ITEMS[I.EVENTS], self.number)) or 0
        status = word_of(await talk.read(ITEMS[I.STATUS], self.number)) or 0
        left = (events | status) & BLOCKING
        return f"still there: {names_of(CHANNEL_EVENT_BITS, left)}" if left else ""

    async def _check_may_switch_on(self) -> None:
        left = await self._blocking()
        if left:
            raise self._blocked("switch on", f"{left}; clear it with TripReset or ClearEvents")
        talk = self.module.talk
        events = word_of(await talk.read(ITEMS[I.MODULE_EVENTS])) or 0
        if events & MODULE_BLOCKING:
            names = names_of(MODULE_EVENT_BITS, events & MODULE_BLOCKING)
            reason = f"event of the module: {names}; clear it with ClearEvents"
            raise self._blocked("switch on", reason)

    async def _set_ramp(self, number: int, value: float) -> None:
        item = ITEMS[number]
        async with self.module.order(f"set {item.name}"):
            read = self.module.talk.read_number
            lowest = await read(ITEMS[I.VOLTAGE_RAMP_MIN], self.number)
            highest = await read(ITEMS[I.VOLTAGE_RAMP_MAX], self.number)
            if highest is None:
                highest = self._nominal_voltage * MAX_RAMP / 100
            self._check(item.name, value, lowest or 0.0, highest, "V/s")
            if value <= 0.0:
                raise self._out_of_range(item.name, "a ramp speed is above 0 V/s")
            await self._write(number, value, highest)

    async def _write(self, number: int, value: Value, scale: float) -> None:
        await self.module.talk.write(
            ITEMS[number], value, self.number, near(value, scale * STEPS), state=self.describe
        )

    def _check(self, what: str, value: float, low: float, high: float, unit: str) -> None:
        if low != low or high != high:
            reason = f"the nominal value of channel {self.number} is not known yet"
            raise self._blocked(f"set {what}", reason)
        if not low <= value <= high and to_single(value) not in (to_single(low), to_single(high)):
            detail = f"{value:g} is not from {low:g} to {high:g} {unit}"
            raise self._out_of_range(what, detail)

    def _out_of_range(self, what: str, detail: str) -> OutOfRange:
        talk = self.module.talk
        return OutOfRange(talk.link, talk.name, f"set {what} of channel {self.number}", detail)

    def _action(self, value: int) -> Action:
        try:
            return Action(value)
        except ValueError:
            raise self._out_of_range("action", f"{value} is not 0 to {max(Action)}") from None

    def _blocked(self, asked: str, reason: str) -> Blocked:
        talk = self.module.talk
        return Blocked(talk.link, talk.name, f"{asked} channel {self.number}", reason)

    def off_missing(self, status: Value | None, events: Value | None) -> str:
        """What shows that an emergency off was not obeyed; empty if it was."""
        word = (word_of(status) or 0) | (word_of(events) or 0)
        obeyed = word & ChannelEvent.EMERGENCY or not (word_of(status) or 0) & ChannelStatus.ON
        return "" if obeyed else f"channel {self.number} is still on"


def near(value: Value, tolerance: float) -> Callable[[Value], bool]:
    """Whether what is read back is the value that was written."""
    wanted = number_of(value) or 0.0
    allowed = max(abs(wanted) * 1e-5, tolerance if tolerance == tolerance else 0.0)

    def is_near(found: Value) -> bool:
        number = number_of(found)
        return number is not None and abs(number - wanted) <= allowed

    return is_near


def _share(limit: float | None) -> float:
    """A hardware limit in % as a factor of at most 1."""
    return 1.0 if limit is None or not 0.0 <= limit <= 100.0 else limit / 100.0
