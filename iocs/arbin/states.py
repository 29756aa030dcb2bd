"""The states of a channel as operators read them: in words, and in groups that can alarm.

32 codes are more than an enumeration of EPICS holds, so there are the code, its text, and a group.
"""

from __future__ import annotations

from enum import IntEnum

from drivers.arbin.words import FAULTY, PAUSED, RUNNING, STOPPED, Status

_SPELLED = {
    Status.AC_IMPEDANCE: "AC impedance",
    Status.ACI_CELL: "ACI cell",
    Status.WAITING_FOR_ACS: "Waiting for ACS",
    Status.IDLE_FROM_MCU: "Idle from MCU",
    Status.DAQ_MEMORY_UNSAFE: "DAQ memory unsafe",
    Status.ACR: "ACR",
}


class Group(IntEnum):
    """What a status means to somebody who waits for a channel."""

    STOPPED = 0
    RUNNING = 1
    PAUSED = 2
    FAULT = 3
    OTHER = 4


GROUPS = ("Stopped", "Running", "Paused", "Fault", "Other")

_TEXTS = {int(one): _SPELLED.get(one, one.name.replace("_", " ").capitalize()) for one in Status}
_GROUP_OF = {
    int(status): group
    for group, members in (
        (Group.STOPPED, STOPPED),
        (Group.RUNNING, RUNNING),
        (Group.PAUSED, PAUSED),
        (Group.FAULT, FAULTY),
    )
    for status in members
}


def text_of(status: int) -> str:
    """A status in words; one that is not in the vendor's table by its number."""
    return _TEXTS.get(status, f"Unknown {status}")


def group_of(status: int) -> Group:
    """The group of a status: `OTHER` for calibration, waiting, going to stop, unknown ones."""
    return _GROUP_OF.get(status, Group.OTHER)
