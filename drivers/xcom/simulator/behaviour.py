"""How a simulated gateway behaves where real ones differ, or where sources disagree.

Source: xcom-protocol.md 5, 8, 11.2 and 20.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Absent(StrEnum):
    """What a multi-info request for a device that is not there gives: not known of real ones."""

    ERROR = "error"
    NAN = "nan"
    ZERO = "zero"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a gateway behaves where real ones differ or sources disagree, and how long it takes.

    firmware: multi-info needs 1.6.74, messages 1.5.0.
    strict_property: infos are read with property 0x0001 only, else 0x0023.
    strict_groups: reads at group addresses give 0x002D, not the value of the first device.
    absent: what multi-info gives for an absent device.
    latency: seconds for an answer; bump: more seconds once a minute.
    patience: seconds after which it gives up a device that does not answer.
    saving: seconds that it is busy writing the datalog, from 00:00:30 and on request.
    """

    firmware: tuple[int, int, int] = (1, 6, 74)
    strict_property: bool = False
    strict_groups: bool = False
    absent: Absent = Absent.ERROR
    latency: float = 0.02
    bump: float = 0.0
    patience: float = 0.5
    saving: float = 10.0
