"""Honest alarms: one evaluator for limits and states, where an unset limit really is unset.

caproto judges limits in pairs, takes 0 for an unset one and answers every write with its own
verdict; here a limit is NaN until somebody sets it, each limit stands alone, and the verdict is
part of the same post as the value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from caproto import AlarmSeverity, AlarmStatus


class Severity(IntEnum):
    """EPICS alarm severities, in their order."""

    NO_ALARM = int(AlarmSeverity.NO_ALARM)
    MINOR = int(AlarmSeverity.MINOR_ALARM)
    MAJOR = int(AlarmSeverity.MAJOR_ALARM)
    INVALID = int(AlarmSeverity.INVALID_ALARM)


class Status(IntEnum):
    """The EPICS alarm conditions that labioc sets."""

    NO_ALARM = int(AlarmStatus.NO_ALARM)
    READ = int(AlarmStatus.READ)
    WRITE = int(AlarmStatus.WRITE)
    HIHI = int(AlarmStatus.HIHI)
    HIGH = int(AlarmStatus.HIGH)
    LOLO = int(AlarmStatus.LOLO)
    LOW = int(AlarmStatus.LOW)
    STATE = int(AlarmStatus.STATE)
    COMM = int(AlarmStatus.COMM)
    UDF = int(AlarmStatus.UDF)


class Alarm(NamedTuple):
    """A verdict: condition and severity."""

    status: int
    severity: int


GOOD = Alarm(Status.NO_ALARM, Severity.NO_ALARM)
UNDEFINED = Alarm(Status.UDF, Severity.INVALID)
COMM = Alarm(Status.COMM, Severity.INVALID)
NOT_AVAILABLE = Alarm(Status.UDF, Severity.NO_ALARM)
"""There is no value, and that is no fault."""
READ_FAILED = Alarm(Status.READ, Severity.INVALID)
WRITE_FAILED = Alarm(Status.WRITE, Severity.MAJOR)
"""A command that was not carried out."""
NOT_CARRIED_OUT = Alarm(Status.WRITE, Severity.MINOR)
"""Any other put that was not carried out."""

LIMIT_FIELDS = ("HIHI", "LOLO", "HIGH", "LOW")
"""Limits in the order in which EPICS Base judges them."""

SEVERITY_FIELDS = {"HIHI": "HHSV", "LOLO": "LLSV", "HIGH": "HSV", "LOW": "LSV"}
DEFAULT_SEVERITIES = {
    "HIHI": Severity.MAJOR,
    "LOLO": Severity.MAJOR,
    "HIGH": Severity.MINOR,
    "LOW": Severity.MINOR,
}
_STATUS = {"HIHI": Status.HIHI, "LOLO": Status.LOLO, "HIGH": Status.HIGH, "LOW": Status.LOW}


@dataclass(slots=True)
class Limits:
    """Alarm limits of one analog PV, changeable at run time; NaN is "not set", each stands alone.

    A limit that was reached holds its alarm until the value comes back by more than ``hysteresis``
    (field HYST), as in EPICS Base ``aiRecord``.
    """

    values: dict[str, float] = field(default_factory=dict[str, float])
    severities: dict[str, int] = field(default_factory=dict[str, int])
    hysteresis: float = 0.0
    active: str = ""

    def value(self, name: str) -> float:
        return self.values.get(name, math.nan)

    def severity(self, name: str) -> int:
        return self.severities.get(name, DEFAULT_SEVERITIES[name])

    def judge(self, value: float) -> Alarm:
        """The alarm of a value; NaN is undefined, whatever the limits."""
        if value != value:
            self.active = ""
            return UNDEFINED
        for name in LIMIT_FIELDS:
            limit = self.values.get(name)
            if limit is None or limit != limit:
                continue
            severity = self.severity(name)
            if not severity:
                continue
            slack = self.hysteresis if self.active == name else 0.0
            beyond = value >= limit - slack if name[0] == "H" else value <= limit + slack
            if beyond:
                self.active = name
                return Alarm(_STATUS[name], severity)
        self.active = ""
        return GOOD


def judge_state(index: int, severities: tuple[int, ...] | None) -> Alarm:
    """The alarm of an enum state; states without a severity of their own are good."""
    if severities and index < len(severities) and severities[index]:
        return Alarm(Status.STATE, severities[index])
    return GOOD
