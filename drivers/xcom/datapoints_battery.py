"""Datapoints of the battery monitor: a BSP, or a BMS behind an Xcom-CAN.

Source: xcom-protocol.md 18.
"""

from __future__ import annotations

from .datapoint import Datapoint, Monitor, choice, info, setting, state
from .enumerations import BATTERY_MAKE, SOC_BAND, SYSTEM_VOLTAGE
from .protocol import Level

BOTH = Monitor.BSP | Monitor.BMS

BATTERY: tuple[Datapoint, ...] = (
    setting(
        6001,
        "BSP_CAPACITY",
        "nominal capacity",
        "Ah",
        (Level.BASIC, 110, 20, 20000, 10),
        monitors=Monitor.BSP,
    ),
    choice(
        6057,
        "BSP_SYSTEM_VOLTAGE",
        "system voltage",
        Level.BASIC,
        1,
        SYSTEM_VOLTAGE,
        monitors=Monitor.BSP,
    ),
    setting(
        6062,
        "SOC_LEVEL_FOR_BACKUP",
        "SoC kept in reserve for backup",
        "%",
        (Level.EXPERT, 30, 0, 100, 1),
        monitors=Monitor.BMS,
    ),
    setting(
        6063,
        "SOC_LEVEL_FOR_GRID_FEEDING",
        "SoC above which grid feeding is used",
        "%",
        (Level.EXPERT, 98, 0, 100, 1),
        monitors=Monitor.BMS,
    ),
    setting(
        6069,
        "BMS_USER_CHARGE_CURR",
        "charge current ceiling set by the user",
        "A",
        (Level.EXPERT, 10, 0, 10000, 1),
        monitors=Monitor.BMS,
    ),
    setting(
        6070,
        "BMS_SOC_STOP_DISCH",
        "SoC below which discharge stops",
        "%",
        (Level.EXPERT, 15, 0, 100, 1),
        monitors=Monitor.BMS,
    ),
    setting(
        6075,
        "BMS_SOC_END_CHARGE",
        "SoC taken as end of charge",
        "%",
        (Level.EXPERT, 100, 80, 100, 1),
        monitors=Monitor.BMS,
    ),
    info(7000, "BATT_VOLTAGE", "battery voltage", "V", monitors=BOTH),
    info(7001, "BATT_CURRENT", "battery current", "A", monitors=BOTH),
    info(7002, "BATT_SOC_NOW", "state of charge", "%", monitors=BOTH, first_choice=True),
    info(7003, "BATT_POWER", "battery power", "W", monitors=BOTH),
    info(
        7004,
        "BATT_AUTONOMY",
        "minutes left (-60000..0), NaN while charging",
        "min",
        monitors=Monitor.BSP,
        first_choice=True,
    ),
    info(7005, "BSP_TEMP", "BSP temperature", "degC", monitors=Monitor.BSP),
    # Ah, where an example of the specification has kAh (xcom-protocol.md 17, V7)
    info(7007, "BATT_CHARGE", "charge put in today", "Ah", monitors=BOTH),
    info(7008, "BATT_DISCHARGE", "charge taken out today", "Ah", monitors=BOTH),
    info(7009, "BATT_CHARGE_PREV_DAY", "charge put in yesterday", "Ah", monitors=BOTH),
    info(7010, "BATT_DISCHARGE_PREV_DAY", "charge taken out yesterday", "Ah", monitors=BOTH),
    info(7011, "BATT_CHARGE_TOTAL", "charge put in, lifetime", "kAh", monitors=Monitor.BSP),
    info(7012, "BATT_DISCHARGE_TOTAL", "charge taken out, lifetime", "kAh", monitors=Monitor.BSP),
    info(7013, "BATT_TOTAL_TIME", "time in service", "d", monitors=Monitor.BSP),
    info(7029, "BATT_TEMP", "battery temperature", "degC", monitors=BOTH),
    info(
        7030,
        "BATT_VOLTAGE_AVG",
        "battery voltage, minute average",
        "V",
        monitors=BOTH,
        first_choice=True,
    ),
    info(
        7031,
        "BATT_CURRENT_AVG",
        "battery current, minute average",
        "A",
        monitors=BOTH,
        first_choice=True,
    ),
    info(7032, "BATT_SOC", "state of charge, one-minute average", "%", monitors=BOTH),
    info(
        7033,
        "BATT_TEMP_AVG",
        "battery temperature, minute average",
        "degC",
        monitors=BOTH,
        first_choice=True,
    ),
    info(7034, "BSP_ID_TYPE", "model id (10241 = BSP)", monitors=Monitor.BSP),
    info(
        7047,
        "BATT_SOC_MANUF",
        "state of charge reported by the manufacturer model",
        "%",
        monitors=BOTH,
    ),
    info(7055, "BMS_CAPACITY", "nominal or remaining capacity", "Ah", monitors=Monitor.BMS),
    info(7057, "BMS_SOH", "state of health", "%", monitors=Monitor.BMS, first_choice=True),
    info(7061, "BMS_CHARGE_VOLT_LIMIT", "charge voltage limit", "V", monitors=Monitor.BMS),
    info(7062, "BMS_DISCH_VOLT_LIMIT", "discharge voltage limit", "V", monitors=Monitor.BMS),
    info(
        7063,
        "BMS_CHARGE_CURR_LIMIT",
        "charge current limit",
        "A",
        monitors=Monitor.BMS,
        first_choice=True,
    ),
    info(
        7064,
        "BMS_DISCH_CURR_LIMIT",
        "discharge current limit",
        "A",
        monitors=Monitor.BMS,
        first_choice=True,
    ),
    info(7065, "BMS_CHARGE_CURR_RECO", "recommended charge current", "A", monitors=Monitor.BMS),
    info(7066, "BMS_DISCH_CURR_RECO", "recommended discharge current", "A", monitors=Monitor.BMS),
    state(7067, "BMS_MANUFACTURER", "battery make", BATTERY_MAKE, monitors=Monitor.BMS),
    state(
        7068,
        "BMS_SOC_STATUS",
        "state-of-charge band",
        SOC_BAND,
        monitors=Monitor.BMS,
        first_choice=True,
    ),
)
"""Live values and parameters."""
