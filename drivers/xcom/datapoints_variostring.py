"""Datapoints of the VarioStrings.

Source: xcom-protocol.md 18.
"""

from __future__ import annotations

from .datapoint import Datapoint, info, setting, signal, state, switch
from .enumerations import OFF_ON, PV_WIRING, VARIO_PHASE, VARIOSTRING_ERROR, VARIOSTRING_MODE
from .protocol import Level

VARIOSTRING: tuple[Datapoint, ...] = (
    setting(
        14001,
        "VS120_CHARGE_CURR",
        "charge current set point, VS-120",
        "A",
        (Level.EXPERT, 120, 0, 120, 2),
        first_choice=True,
    ),
    signal(14038, "VS_ON", "switch on", Level.EXPERT),
    signal(14039, "VS_OFF", "switch off", Level.EXPERT),
    switch(
        14069,
        "VS_PARAMS_IN_FLASH",
        "store written parameters in flash",
        Level.INSTALLER,
        1,
        first_choice=True,
    ),
    setting(
        14217,
        "VS70_CHARGE_CURR",
        "charge current set point, VS-70",
        "A",
        (Level.EXPERT, 70, 0, 70, 1),
    ),
    switch(14218, "VS_WATCHDOG_EN", "SCOM watchdog in the VarioString", Level.INSTALLER, 0),
    setting(
        14219, "VS_WATCHDOG_DELAY", "SCOM watchdog delay", "s", (Level.INSTALLER, 60, 10, 300, 10)
    ),
    info(15000, "VS_BATT_VOLTAGE", "battery voltage", "V", first_choice=True),
    info(15001, "VS_BATT_CURRENT", "battery current", "A", first_choice=True),
    state(15002, "VS_CYCLE_PHASE", "charge-cycle phase", VARIO_PHASE),
    state(15003, "VS_PV_WIRING", "PV wiring", PV_WIRING),
    info(15004, "VS_PV_VOLTAGE", "PV voltage", "V", first_choice=True),
    info(15007, "VS_PV_CURRENT", "PV current", "A"),
    info(15010, "VS_PV_POWER", "PV power", "kW"),
    info(15011, "VS_PV1_POWER", "PV input 1 power", "kW"),
    info(15012, "VS_PV2_POWER", "PV input 2 power", "kW"),
    state(15013, "VS_PV_MODE", "PV operating mode", VARIOSTRING_MODE, first_choice=True),
    info(15017, "VS_PV_PROD", "PV energy today", "kWh"),
    info(15023, "VS_PV_ENERGY_TOTAL", "PV energy, lifetime", "MWh", first_choice=True),
    info(15027, "VS_PV_ENERGY_PREV_DAY", "PV energy yesterday", "kWh"),
    info(15030, "VS_SUN_HOURS_CURR_DAY", "sun hours today", "h"),
    state(15049, "VS_ERROR", "error type", VARIOSTRING_ERROR, first_choice=True),
    info(15054, "VS_BATT_VOLTAGE_AVG", "battery voltage, minute average", "V"),
    info(15057, "VS_BATT_CURRENT_AVG", "battery current, minute average", "A"),
    info(15061, "VS_PV_POWER_AVG", "PV power, minute average", "kW", first_choice=True),
    info(15065, "VS_TEMP1_AVG", "electronics temperature 1, minute average", "degC"),
    state(15108, "VS_STATE", "VarioString on/off", OFF_ON, first_choice=True),
)
"""Live values, parameters and signals."""
