"""What is declared of a PV, once and checked at once: name, record, units, limits, states.

Everything else (record fields, record database, archiver list, screens) is derived from a
:class:`PointSpec`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import Enum

import numpy as np

from iocs.ca.dbr import DTYPES, ENUM_STATES, ENUM_STRING_SIZE, UNITS_SIZE, Native

from .alarm import Severity

NAME_PATTERN = re.compile(r"[A-Za-z0-9_:-]+")
DESC_SIZE = 40
GUIDANCE_SIZE = 240
MAX_LONG = (1 << 31) - 1
MIN_LONG = -(1 << 31)

OUTPUT_RECORDS = ("ao", "longout", "bo", "mbbo", "stringout")
NATIVE_OF_RECORD = {
    "ai": Native.DOUBLE,
    "ao": Native.DOUBLE,
    "longin": Native.LONG,
    "longout": Native.LONG,
    "bi": Native.ENUM,
    "bo": Native.ENUM,
    "mbbi": Native.ENUM,
    "mbbo": Native.ENUM,
    "stringin": Native.STRING,
    "stringout": Native.STRING,
}


NOT_AVAILABLE_STATE = "Not available"
"""The last state of an enum whose device may not have it."""


class Presence(Enum):
    """When a reading of None is no fault: there is no value then, and no alarm.

    ALWAYS: never; every device has a value. IF_FITTED: until there was one, since some devices or
    firmwares have none; one that was there and is gone is a fault. AT_TIMES: whenever it comes.
    """

    ALWAYS = 0
    IF_FITTED = 1
    AT_TIMES = 2


class DeclarationError(ValueError):
    """A PV declaration that could not be served as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """How the archiver should take a PV: ``monitor`` or ``scan``, with a sampling period in s.

    With ``monitor`` the period is the longest: the archiver has room for that many samples only, so
    what is exported is shorter where the PV is posted more often.
    """

    method: str = "monitor"
    period: float = 1.0

    @property
    def tag(self) -> str:
        """The value of the ``archive`` info tag, for example ``monitor@1``."""
        return f"{self.method}@{self.period:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSpec:
    """One PV as declared.

    ``units`` is at most 7 bytes (the control structure holds 8 with its NUL), ``desc`` at most 40,
    ``states`` at most 16 labels of 25 bytes. ``count`` is the element count of arrays and long
    texts, fixed for life. Limits are NaN where unset. ``control`` are the ends of what may be put,
    ``display`` the ends of a sensible axis. A text that does not fit is refused, or ends in an
    ellipsis with ``shorten``.

    ``severities`` are those of the states; of a text, that of an empty one and that of any other.
    ``guidance`` tells an operator what an alarm means and what to do, in one or two sentences;
    screens and the alarm server show it. It names no limit, since limits change at run time.

    ``presence`` tells whether the device may have no value; an enum's last state is then
    :data:`NOT_AVAILABLE_STATE`.

    ``restore``: autosave brings the value back when the IOC starts; it must not reach the device.
    ``urgent``: a command that waits for nobody. ``stops``: a command that stops something, or a
    state of which the first one switches off.
    ``snapshot``: a snapshot may hold it, which clients write back all at once and in any order.
    That is for numbers that every such device has, and that switch, start, arm and identify nothing
    and set no clock.
    """

    name: str
    record: str
    desc: str
    native: Native
    count: int = 1
    text: bool = False
    shorten: bool = False
    units: str = ""
    precision: int = 0
    states: tuple[str, ...] = ()
    severities: tuple[int, ...] = ()
    guidance: str = ""
    hihi: float = math.nan
    high: float = math.nan
    low: float = math.nan
    lolo: float = math.nan
    hysteresis: float = 0.0
    display: tuple[float, float] = (0.0, 0.0)
    control: tuple[float, float] = (math.nan, math.nan)
    mdel: float = 0.0
    adel: float = 0.0
    presence: Presence = Presence.ALWAYS
    writable: bool = False
    restore: bool = False
    snapshot: bool = False
    urgent: bool = False
    stops: bool = False
    archive: Archive | None = None

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise DeclarationError(f"PV {self.name!r}: {problem}")

    def _problems(self) -> list[str]:
        """Everything that a client could not decode or an operator would not see."""
        found: list[str] = []
        if not NAME_PATTERN.fullmatch(self.name):
            found.append("the name may hold only A-Z, a-z, 0-9, '_', ':' and '-'")
        found.extend(self._text_problems())
        if not 0 <= self.precision <= 15:
            found.append(f"precision {self.precision} is not between 0 and 15")
        if self.count < 1:
            found.append(f"count {self.count} is less than 1")
        found.extend(self._state_problems())
        expected = NATIVE_OF_RECORD.get(self.record)
        if expected is None and self.record != "waveform":
            found.append(f"record type {self.record!r} is not one that labioc serves")
        if expected is not None and (expected != self.native or self.count != 1):
            found.append(f"a record of type {self.record} holds one {expected.name}")
        if self.snapshot and (not self.writable or not self.numeric or self.count != 1):
            found.append("only a number that may be put can be in a snapshot")
        found.extend(self._presence_problems())
        limits = [v for v in (self.lolo, self.low, self.high, self.hihi) if v == v]
        if limits != sorted(limits):
            found.append(f"alarm limits lolo, low, high, hihi must rise: {limits}")
        return found

    def _text_problems(self) -> list[str]:
        found: list[str] = []
        if not self.desc or len(self.desc.encode()) > DESC_SIZE:
            found.append(f"the description {self.desc!r} must have 1 to {DESC_SIZE} bytes")
        if len(self.guidance) > GUIDANCE_SIZE or not self.guidance.isprintable():
            found.append(f"the guidance must be one line of at most {GUIDANCE_SIZE} characters")
        if len(self.units.encode()) >= UNITS_SIZE:
            found.append(f"units {self.units!r} must have at most {UNITS_SIZE - 1} bytes")
        return found

    def _presence_problems(self) -> list[str]:
        """What cannot be shown as not available, or must not be restored."""
        if self.presence is Presence.ALWAYS:
            return []
        found: list[str] = []
        if not self.text and (self.count != 1 or self.native in (Native.LONG, Native.CHAR)):
            found.append("only a DOUBLE, a state or a text can be not available")
        if self.native is Native.ENUM and self.states[-1:] != (NOT_AVAILABLE_STATE,):
            found.append(f"its last state must be {NOT_AVAILABLE_STATE!r}")
        if self.snapshot:
            found.append("what some devices do not have cannot be in a snapshot")
        return found

    def _state_problems(self) -> list[str]:
        found: list[str] = []
        if self.native is Native.ENUM and not 2 <= len(self.states) <= ENUM_STATES:
            found.append(f"{len(self.states)} states; an enum has 2 to {ENUM_STATES}")
        if self.record in ("bi", "bo") and len(self.states) != 2:
            found.append(f"a {self.record} record has two states, not {len(self.states)}")
        found.extend(
            f"state {label!r} must have 1 to {ENUM_STRING_SIZE - 1} bytes"
            for label in self.states
            if not label or len(label.encode()) >= ENUM_STRING_SIZE
        )
        if len(set(self.states)) != len(self.states):
            found.append("state labels must differ")
        if any(s not in list(Severity) for s in self.severities):
            found.append(f"severities {self.severities} must be of type Severity")
        return found

    @property
    def numeric(self) -> bool:
        """Whether limits, units and precision have a meaning: numbers and arrays of numbers."""
        return self.native in DTYPES and self.native is not Native.ENUM and not self.text

    @property
    def initial(self) -> object:
        """The value before the first read: NaN, 0, empty; never shown as valid."""
        if self.text or self.native is Native.STRING:
            return ""
        if self.count > 1:
            fill = math.nan if self.native in (Native.DOUBLE, Native.FLOAT) else 0
            return np.full(self.count, fill, dtype=DTYPES[self.native].newbyteorder("="))
        return math.nan if self.native is Native.DOUBLE else 0

    @property
    def absent(self) -> object:
        """The value while the device has none: NaN, an empty text, the state that says so."""
        return len(self.states) - 1 if self.native is Native.ENUM else self.initial

    @property
    def control_ends(self) -> tuple[float, float]:
        """DRVL and DRVH: 0 if neither is set; else an open end is that of the number's range."""
        low, high = self.control
        if low != low and high != high:
            return 0.0, 0.0
        if self.native is Native.LONG:
            ends: tuple[float, float] = (MIN_LONG, MAX_LONG)
        else:
            ends = (-math.inf, math.inf)
        return ends[0] if low != low else low, ends[1] if high != high else high

    def unset_limit(self, name: str) -> float:
        """What an alarm limit field reads while unset: NaN, or the end of the integer range."""
        if self.native is Native.LONG:
            return MAX_LONG if name.startswith("H") else MIN_LONG
        return math.nan
