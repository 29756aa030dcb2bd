"""Datapoints of the VarioTracks.

Source: xcom-protocol.md 18.
"""

from __future__ import annotations

from .datapoint import Datapoint, info, setting, signal, state, switch
from .enumerations import (
    OFF_ON,
    RELAY,
    SYNCHRONISATION,
    VARIO_PHASE,
    VARIOTRACK_ERROR,
    VARIOTRACK_MODE,
    VARIOTRACK_MODEL,
)
from .protocol import Level

VARIOTRACK: tuple[Datapoint, ...] = (
    setting(
        10002,
        "VT_CHARGE_CURR",
        "battery charge current set point",
        "A",
        (Level.EXPERT, 80, 0, 80, 2),
        first_choice=True,
    ),
    setting(10005, "VT_FLOAT_VOLTAGE", "float voltage", "V", (Level.BASIC, 54.4, 37.9, 68.2, 0.1)),
    setting(
        10009,
        "VT_ABSORPTION_VOLTAGE",
        "absorption voltage",
        "V",
        (Level.BASIC, 57.6, 37.9, 68.2, 0.1),
    ),
    signal(10029, "FORCE_NEW_CYCLE", "start a new charge cycle", Level.EXPERT),
    signal(10039, "VT_ON", "switch on", Level.EXPERT),
    signal(10040, "VT_OFF", "switch off", Level.EXPERT),
    switch(
        10058,
        "VT_PARAMS_IN_FLASH",
        "store written parameters in flash",
        Level.INSTALLER,
        1,
        first_choice=True,
    ),
    switch(10342, "VT_WATCHDOG_EN", "SCOM watchdog in the VarioTrack", Level.INSTALLER, 0),
    setting(
        10343, "VT_WATCHDOG_DELAY", "SCOM watchdog delay", "s", (Level.INSTALLER, 60, 10, 300, 10)
    ),
    info(11000, "VT_BATT_VOLTAGE", "battery voltage", "V", first_choice=True),
    info(11001, "VT_BATT_CURRENT", "battery current", "A", first_choice=True),
    info(11002, "VT_PV_VOLTAGE_NOW", "PV voltage", "V", first_choice=True),
    info(11003, "VT_PV_CURRENT_NOW", "PV current", "A"),
    info(11004, "VT_PV_POWER_NOW", "PV power", "kW", first_choice=True),
    info(11006, "VT_PV_AH_CURR_DAY", "PV charge today", "Ah"),
    info(11007, "PV_ENERGY_CURR_DAY", "PV energy today", "kWh"),
    info(11009, "PV_ENERGY_TOTAL", "PV energy, lifetime", "MWh"),
    info(11011, "PV_ENERGY_PREV_DAY", "PV energy yesterday", "kWh"),
    state(11015, "VT_MODEL", "VarioTrack model", VARIOTRACK_MODEL),
    state(11016, "PV_OPERATION_MODE", "charger operating mode", VARIOTRACK_MODE),
    info(11019, "VT_PV_POWER_MAX_DAY", "highest PV power today", "kW"),
    info(11025, "PV_SUN_HOURS_CURR_DAY", "sun hours today", "h"),
    info(11026, "PV_SUN_HOURS_PREV_DAY", "sun hours yesterday", "h"),
    state(11034, "VT_ERROR", "error type", VARIOTRACK_ERROR, first_choice=True),
    info(11037, "PV_NEXT_EQUAL", "days left to the next equalisation", "d"),
    # codes of its own (xcom-protocol.md 17, V6)
    state(11038, "BATT_CYCLE_PHASE", "charge-cycle phase seen by the VarioTrack", VARIO_PHASE),
    info(11039, "VT_BATT_VOLTAGE_AVG", "battery voltage, minute average", "V"),
    info(11040, "VT_BATT_CURRENT_AVG", "battery current, minute average", "A"),
    info(11041, "PV_VOLTAGE", "PV voltage, one-minute average", "V"),
    # kW, where a public library says W (xcom-protocol.md 17, V1)
    info(11043, "PV_POWER", "PV power, one-minute average", "kW"),
    info(11045, "VT_TEMP1_AVG", "electronics temperature 1, minute average", "degC"),
    state(11061, "VT_AUX1_RELAY", "auxiliary relay 1", RELAY),
    state(11062, "VT_AUX2_RELAY", "auxiliary relay 2", RELAY),
    state(11066, "VT_SYNC", "synchronisation state", SYNCHRONISATION),
    state(11069, "VT_STATE", "VarioTrack on/off", OFF_ON, first_choice=True),
)
"""Live values, parameters and signals."""
