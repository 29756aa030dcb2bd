"""Channels: what a client can connect to, and who is told when it changes."""

from __future__ import annotations

import math
from enum import IntFlag
from typing import Any, Protocol

from caproto import AccessRights

from . import dbr
from .access import Client
from .dbr import Native
from .stamp import Stamp

Payloads = dict[tuple[int, int, bool], bytes]
"""Encodings of one state by DBR type, count, and whether it was opened as ``NAME$``."""


class Event(IntFlag):
    """What changed, and what a subscription asks for (DBE_VALUE, _LOG, _ALARM, _PROPERTY)."""

    NONE = 0
    VALUE = 1
    LOG = 2
    ALARM = 4
    PROPERTY = 8


ALL_VALUES = Event.VALUE | Event.LOG


class Subscriber(Protocol):
    """A subscription, as a channel sees it; ``index`` is its place among those of the channel."""

    index: int
    mask: int

    def offer(self, payloads: Payloads, events: int = 0) -> None: ...


class Channel:
    """What a client can connect to: typed value with alarm, stamp, metadata and subscribers."""

    __slots__ = ()
    monitors: list[Subscriber] | None
    pvname: str
    value: Any
    status: int
    severity: int
    ackt: int
    acks: int
    record_type: str
    scalar: bool
    text: bool
    native: Native
    count: int
    units: str
    precision: int
    states: tuple[str, ...]
    epics_stamp: Stamp

    @property
    def long_string_max_length(self) -> int:
        """Element count when the channel is opened as ``NAME$``."""
        return self.count if self.count > 1 else dbr.STRING_SIZE

    def rights(self, client: Client) -> AccessRights:
        """What a client may do with this channel."""
        raise NotImplementedError

    async def put(self, value: Any, client: Client) -> None:
        """Carry out a client's put: returns when it is done, raises the reason when it is not."""
        raise NotImplementedError

    def not_carried_out(self, shown: str, client: Client, error: Exception) -> None:
        """Tell of a client's put that was not carried out: of what value, and why.

        The alarm of the PV shows it too, unless the client had no right to write.
        """
        raise NotImplementedError

    def acknowledge(self, data_type: int, value: int, client: Client) -> None:
        """Carry out DBR_PUT_ACKS or DBR_PUT_ACKT; raises the reason if it is not done."""
        raise dbr.ConversionError(f"{self.pvname} has no alarm to acknowledge")

    def native_of(self, field: str) -> Native | None:
        """The type of a field of it, None for the value itself; KeyError if there is none."""
        if field in ("", "VAL"):
            return None
        raise KeyError(field)

    def get_field(self, field: str) -> Channel:
        """The channel of a field of it; KeyError if there is none."""
        if field in ("", "VAL"):
            return self
        raise KeyError(field)

    def metadata_limits(self) -> tuple[float, ...]:
        """Limits in the order of DBR_CTRL: display, alarm and warning, control.

        HOPR, LOPR, HIHI, HIGH, LOW, LOLO, upper control, lower control.
        """
        return (0.0, 0.0, math.nan, math.nan, math.nan, math.nan, 0.0, 0.0)

    def element_texts(self) -> list[str]:
        """Each element as DBR_STRING shows it: a label, or a number with its decimals."""
        if self.native is Native.ENUM:
            index = int(self.value)
            return [self.states[index] if index < len(self.states) else "Illegal_Value"]
        values = [self.value] if self.scalar else self.value.tolist()
        return [dbr.format_number(v, self.precision, self.native) for v in values]

    def add_monitor(self, monitor: Subscriber) -> None:
        """Subscribe, and send the present state at once."""
        if self.monitors is None:
            self.monitors = []
        monitor.index = len(self.monitors)
        self.monitors.append(monitor)
        monitor.offer({})

    def remove_monitor(self, monitor: Subscriber) -> None:
        """Unsubscribe; the last subscriber takes the place of this one."""
        if self.monitors is None:
            return
        last = self.monitors.pop()
        if last is not monitor:
            self.monitors[monitor.index] = last
            last.index = monitor.index
        if not self.monitors:
            self.monitors = None

    def notify(self, events: int) -> None:
        """Offer the present state to every subscriber whose mask asks for one of ``events``."""
        if self.monitors is None:
            return
        payloads: Payloads = {}
        for monitor in self.monitors:
            if monitor.mask & events:
                monitor.offer(payloads, events)
