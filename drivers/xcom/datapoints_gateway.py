"""Datapoints of the gateway itself.

Source: xcom-protocol.md 18.
"""

from __future__ import annotations

from .datapoint import Datapoint, choice, info, setting, signal, switch
from .enumerations import AUTOMATIC_YES_NO, USER_LEVEL
from .protocol import Format, Level

GATEWAY: tuple[Datapoint, ...] = (
    setting(
        5002,
        "RCC_DATE",
        "system clock, seconds since 1970-01-01, wall clock",
        "s",
        (Level.BASIC, None, None, None, 1),
        layout=Format.INT32,
        first_choice=True,
    ),
    # some firmware sends two bytes (xcom-protocol.md 17, V5)
    info(
        5012,
        "USER_LEVEL",
        "access level of the operator",
        layout=Format.LONG_ENUM,
        labels=USER_LEVEL,
    ),
    signal(5035, "RCC_ERASE_MESSAGES", "erase stored messages", Level.QSP),
    signal(5059, "RCC_SAVE_DATALOG", "write today's datalog to the SD card", Level.EXPERT),
    choice(5072, "RCC_PORTAL_WATCHDOG", "portal watchdog", Level.INSTALLER, 1, AUTOMATIC_YES_NO),
    switch(
        5095,
        "RCC_SCOM_WATCHDOG_EN",
        "SCOM watchdog of the gateway",
        Level.QSP,
        0,
        first_choice=True,
    ),
    setting(
        5096,
        "RCC_SCOM_WATCHDOG_DELAY",
        "SCOM watchdog delay",
        "s",
        (Level.QSP, 60, 10, 300, 10),
        first_choice=True,
    ),
    choice(5101, "RCC_DATALOGGER", "datalogger", Level.EXPERT, 1, AUTOMATIC_YES_NO),
    switch(5103, "RCC_HW_WATCHDOG", "hardware watchdog (0 restarts the gateway)", Level.QSP, 0),
    signal(5104, "RCC_CLEAR_RESTART", "clear frame_flags bit 1", Level.QSP, first_choice=True),
    setting(
        5119,
        "RCC_IDENTIFY",
        "blink LEDs of the device with this address",
        "",
        (Level.QSP, 0, 0, 831, 1),
    ),
)
"""Parameters and signals."""
