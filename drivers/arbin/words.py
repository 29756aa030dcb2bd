"""The numbers with a meaning in CTI messages, but for result codes, which `results` has.

Source: arbin-protocol.md 4.1, 4.3, 4.10, 5 and 9.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

ALL_CHANNELS = -1
"""The channel index that stands for every channel, in a request for information."""

WHOLE_REQUEST = -1
"""The channel index of a reply that is about the request as a whole (arbin-protocol.md 4.4)."""


class Status(IntEnum):
    """What a channel does (arbin-protocol.md 5)."""

    IDLE = 0
    TRANSITION = 1
    CHARGE = 2
    DISCHARGE = 3
    REST = 4
    WAIT = 5
    EXTERNAL_CHARGE = 6
    CALIBRATION = 7
    UNSAFE = 8
    PULSE = 9
    INTERNAL_RESISTANCE = 10
    AC_IMPEDANCE = 11
    ACI_CELL = 12
    TEST_SETTINGS = 13
    ERROR = 14
    FINISHED = 15
    VOLT_METER = 16
    WAITING_FOR_ACS = 17
    PAUSE = 18
    EMPTY = 19
    IDLE_FROM_MCU = 20
    START = 21
    RUNNING = 22
    STEP_TRANSFER = 23
    RESUME = 24
    GOING_TO_PAUSE = 25
    GOING_TO_STOP = 26
    GOING_TO_NEXT_STEP = 27
    ONLINE_UPDATE = 28
    DAQ_MEMORY_UNSAFE = 29
    ACR = 30
    SUSPENDED = 31


RUNNING = frozenset(map(Status, (*range(1, 7), *range(9, 13), 16, *range(21, 25), 27, 28, 30)))
"""States of a test that goes on (arbin-protocol.md 5)."""

STOPPED = frozenset(map(Status, (0, 13, 15, 19, 20)))
"""States in which a test may be started."""

PAUSED = frozenset(map(Status, (18, 25, 31)))
"""States of a test that somebody interrupted."""

FAULTY = frozenset(map(Status, (8, 14, 29)))
"""States that need an operator at the cycler."""


def status_text(status: int) -> str:
    """A channel's status in words; unknown ones by their number."""
    try:
        return Status(status).name.replace("_", " ").lower()
    except ValueError:
        return f"unknown status {status}"


class Selection(IntEnum):
    """Which channels a request for information is about."""

    ALL = 1
    RUNNING = 2
    UNSAFE = 3


class Extra(IntFlag):
    """What else a request for information wants."""

    NONE = 0
    BMS = 0x100
    SMB = 0x200
    AUX = 0x400
    EVERYTHING = 0x700


class AuxKind(IntEnum):
    """Kinds of auxiliary inputs and outputs, in the order of the record (arbin-protocol.md 4.3)."""

    VOLTAGE = 0
    TEMPERATURE = 1
    PRESSURE = 2
    EXTERNAL_CHARGE = 3
    FLOW = 4
    ANALOG_OUT = 5
    DIGITAL_IN = 6
    DIGITAL_OUT = 7
    HUMIDITY = 8
    SAFETY = 9
    PH = 10
    DENSITY = 11


class Generation(IntEnum):
    """What the server runs (arbin-protocol.md 9)."""

    MITS_7 = 0
    MITS_8 = 1
    MITS_8_SECOND = 2
    MITS_X_1 = 0x01000001
    MITS_X_2 = 0x01000002
    MITS_X_3 = 0x01000003
    MITS_X_4 = 0x01000004
    MITS_X_5 = 0x01000005
    MITS_X_6 = 0x01000006
    MITS_X_7 = 0x01000007
    MITS_X_8 = 0x01000008
    MITS_X_FORMATION = 0x01001001


def generation_text(generation: int) -> str:
    """The server's software in words; customer builds and unknown ones by their number."""
    try:
        return Generation(generation).name.replace("_", " ")
    except ValueError:
        return f"generation 0x{generation:08X}"


class UserType(IntEnum):
    """What kind of user is logged in."""

    NORMAL = 0
    SUPER = 1


USER_VARIABLES = 16
"""User variables that a channel has, numbered from 1."""

MAX_UPDATES = 160
"""Variables that one batch may set (arbin-protocol.md 4.11)."""


def meta_code(variable: int) -> int:
    """Meta code of user variable 1 to 16 (arbin-protocol.md 4.10); ValueError for others."""
    if not 1 <= variable <= USER_VARIABLES:
        raise ValueError(f"user variable {variable} is not from 1 to {USER_VARIABLES}")
    return 51 + variable if variable <= 4 else 100 + variable
