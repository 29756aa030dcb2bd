"""Faults to switch on in a simulator: what really happens on wires, at a chosen request.

A fault is written `NAME[=VALUE][:COUNT][@reads|@writes]`, for example `silent`, `late=2.5:1@writes`
or `exception=6:3`. Without a count it stays until cleared; without a filter it hits every request.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What goes wrong."""

    SILENT = "silent"
    LOST_REPLY = "lost-reply"
    LATE = "late"
    WRONG_TRANSACTION = "wrong-transaction"
    OTHER_REPLY = "other-reply"
    WRONG_UNIT = "wrong-unit"
    ECHO = "echo"
    TRUNCATED = "truncated"
    BAD_CRC = "bad-crc"
    EXCEPTION = "exception"
    RESET = "reset"
    REFUSE = "refuse"
    FLOOD = "flood"
    IGNORE = "ignore"
    CLIP = "clip"
    DEFER = "defer"


class FaultFilter(StrEnum):
    """Which requests a fault hits."""

    ALL = "all"
    READS = "reads"
    WRITES = "writes"


FAULT_HELP = {
    Fault.SILENT: "the request is not obeyed and not answered",
    Fault.LOST_REPLY: "the request is obeyed, but not answered",
    Fault.LATE: "the request is obeyed and answered after VALUE seconds (1.5)",
    Fault.WRONG_TRANSACTION: "the answer carries the transaction id before (TCP only)",
    Fault.OTHER_REPLY: "the answer is one to another request",
    Fault.WRONG_UNIT: "the answer carries the address of the next unit",
    Fault.ECHO: "the request comes back before its answer, as on two-wire adapters (RTU only)",
    Fault.TRUNCATED: "only half of the answer is sent",
    Fault.BAD_CRC: "the answer has a wrong CRC (RTU only)",
    Fault.EXCEPTION: "the request is refused with code VALUE (4)",
    Fault.RESET: "the request is obeyed, then the connection is reset (TCP only)",
    Fault.REFUSE: "connections are closed and refused (TCP only)",
    Fault.FLOOD: "VALUE junk bytes are sent instead of the answer (600)",
    Fault.IGNORE: "a write is acknowledged, and not obeyed",
    Fault.CLIP: "a write is acknowledged, and no number above VALUE (1) is taken, but VALUE",
    Fault.DEFER: "a write is acknowledged at once, and obeyed after VALUE seconds (0.5)",
}
UNTRUE = frozenset((Fault.IGNORE, Fault.CLIP, Fault.DEFER))
"""Faults of a device that acknowledges a write and does something else; they hit writes only."""
_VALUES: dict[Fault, tuple[float, float, float]] = {
    Fault.LATE: (1.5, 0.0, 3600.0),
    Fault.EXCEPTION: (4, 1, 255),
    Fault.FLOOD: (600, 1, 100_000),
    Fault.CLIP: (1.0, 0.0, 1e9),
    Fault.DEFER: (0.5, 0.0, 3600.0),
}
_SYNTAX = re.compile(r"([a-z-]+)(?:=([0-9.]+))?(?::([0-9]+))?(?:@([a-z]+))?")


class BadFault(ValueError):
    """A fault that cannot be switched on; the text says why."""


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """A fault, its value (see `FAULT_HELP`), how often (None: until cleared), on which requests."""

    fault: Fault
    value: float = 0.0
    count: int | None = None
    only: FaultFilter = FaultFilter.ALL


def parse_fault(text: str) -> FaultSpec:
    """Parse `NAME[=VALUE][:COUNT][@reads|@writes]`; raises `BadFault`."""
    match = _SYNTAX.fullmatch(text)
    if match is None:
        raise BadFault(f"{text!r} is not of the form NAME[=VALUE][:COUNT][@reads|@writes]")
    name, value, count, only = match.groups()
    if name not in list(Fault):
        raise BadFault(f"unknown fault {name!r}, known are {', '.join(Fault)}")
    fault = Fault(name)
    if only is not None and only not in list(FaultFilter):
        raise BadFault(f"unknown filter {only!r}, known are {', '.join(FaultFilter)}")
    if count is not None and int(count) < 1:
        raise BadFault("a count is at least 1")
    return FaultSpec(
        fault,
        _fault_value(fault, value),
        None if count is None else int(count),
        FaultFilter.ALL if only is None else FaultFilter(only),
    )


def _fault_value(fault: Fault, text: str | None) -> float:
    if fault not in _VALUES:
        if text is not None:
            raise BadFault(f"{fault} takes no value")
        return 0.0
    default, low, high = _VALUES[fault]
    try:
        value = default if text is None else float(text)
    except ValueError:
        raise BadFault(f"{fault}={text}: not a number") from None
    if not low <= value <= high:
        raise BadFault(f"{fault}={text}: not from {low:g} to {high:g}")
    return value


class FaultBoard:
    """The fault that is switched on, if any. One at a time."""

    def __init__(self, supported: Collection[Fault] = tuple(Fault)) -> None:
        self._supported = frozenset(supported)
        self._active: FaultSpec | None = None
        self._left: int | None = None

    @property
    def active(self) -> FaultSpec | None:
        """The fault that is on."""
        return self._active

    def restrict(self, supported: Collection[Fault]) -> None:
        """Take away what the endpoints of this simulator cannot do."""
        self._supported &= frozenset(supported)

    def set(self, spec: FaultSpec) -> None:
        """Switch a fault on; raises `BadFault` if this simulator cannot show it."""
        if spec.fault not in self._supported:
            names = ", ".join(sorted(self._supported))
            raise BadFault(f"{spec.fault} cannot happen on this link; possible are {names}")
        self._active = spec
        self._left = spec.count

    def clear(self) -> None:
        """Switch the fault off."""
        self._active = None
        self._left = None

    def hit(self, *, write: bool) -> FaultSpec | None:
        """The fault for this request, counted down."""
        spec = self._active
        if spec is None or spec.fault is Fault.REFUSE:
            return None
        if spec.only is (FaultFilter.READS if write else FaultFilter.WRITES):
            return None
        if spec.fault in UNTRUE and not write:
            return None
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self.clear()
        return spec
