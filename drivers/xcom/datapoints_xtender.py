"""Datapoints of the Xtenders (XTH, XTM, XTS).

Source: xcom-protocol.md 18.
"""

from __future__ import annotations

from .datapoint import Datapoint, choice, info, setting, signal, state, switch
from .enumerations import (
    AUXILIARY_CHOICE,
    AUXILIARY_MODE,
    GRID_LOSS_SPEED,
    LIMIT_SOURCE,
    OFF_ON,
    RELAY,
    REMOTE_ENTRY,
    REMOTE_ENTRY_ACTIVE,
    THERMAL_STATE,
    XTENDER_PHASE,
    XTENDER_STATE,
)
from .protocol import Format, Level

INFOS: tuple[Datapoint, ...] = (
    info(3000, "XT_BATT_VOLTAGE", "battery voltage at the Xtender", "V", first_choice=True),
    info(3001, "XT_BATT_TEMP", "battery temperature (BTS sensor)", "degC", first_choice=True),
    info(3005, "XT_BATT_CURRENT", "battery charge current", "A", first_choice=True),
    info(3006, "XT_BATT_RIPPLE", "battery voltage ripple", "V"),
    info(3007, "XT_SOC", "state of charge known to the Xtender", "%"),
    state(3010, "BATT_CYCLE_PHASE_XT", "charge-cycle phase seen by the Xtender", XTENDER_PHASE),
    info(3011, "AC_VOLTAGE_IN", "AC-in voltage", "V"),
    info(3012, "AC_CURRENT_IN", "AC-in current", "A"),
    info(3013, "XT_POWER_IN_VA_LOWRES", "apparent power at AC-in, coarse", "kVA"),
    info(3017, "XT_INPUT_LIMIT", "AC-in current limit in force", "A", first_choice=True),
    state(3018, "XT_INPUT_LIMIT_REACHED", "AC-in limit reached", OFF_ON, first_choice=True),
    state(3019, "XT_BOOST_ACTIVE", "Smart-Boost working", OFF_ON, first_choice=True),
    state(3020, "XT_TRANSFER_RELAY", "transfer relay", RELAY, first_choice=True),
    info(3021, "AC_VOLTAGE_OUT", "AC-out voltage", "V"),
    info(3022, "AC_CURRENT_OUT", "AC-out current", "A"),
    info(3023, "XT_POWER_OUT_VA_LOWRES", "apparent power at AC-out, coarse", "kVA"),
    state(3028, "XT_OPERATING_STATE", "operating state", XTENDER_STATE, first_choice=True),
    state(3030, "XT_OUTPUT_RELAY", "output relay", RELAY, first_choice=True),
    state(3031, "XT_AUX1_RELAY", "auxiliary relay 1", RELAY, first_choice=True),
    state(3032, "XT_AUX2_RELAY", "auxiliary relay 2", RELAY, first_choice=True),
    info(3045, "XT_OVERLOAD_COUNT", "overload counter"),
    info(3046, "XT_OVERTEMP_COUNT", "over-temperature counter"),
    info(3047, "XT_OVERVOLT_COUNT", "battery over-voltage counter"),
    state(3049, "XT_STATE", "Xtender on/off", OFF_ON, first_choice=True),
    state(3051, "XT_SEARCH_MODE", "search (stand-by) mode", OFF_ON),
    state(3054, "XT_AUX1_MODE", "auxiliary relay 1 mode", AUXILIARY_MODE),
    state(3055, "XT_AUX2_MODE", "auxiliary relay 2 mode", AUXILIARY_MODE),
    info(3056, "XT_LOCKINGS", "lock bit mask (sent as FLOAT)"),
    state(3074, "XT_GROUND_RELAY", "ground relay", RELAY),
    state(3075, "XT_NEUTRAL_RELAY", "neutral transfer relay", RELAY),
    info(3076, "XT_BATT_DISCH_PREV_DAY", "energy discharged yesterday", "kWh"),
    info(3078, "XT_BATT_DISCH_CURR_DAY", "energy discharged today", "kWh", first_choice=True),
    info(3080, "AC_ENERGY_IN_PREV_DAY", "energy taken at AC-in yesterday", "kWh"),
    info(3081, "AC_ENERGY_IN_CURR_DAY", "energy taken at AC-in today", "kWh"),
    info(3082, "AC_ENERGY_OUT_PREV_DAY", "energy to the loads (AC-out) yesterday", "kWh"),
    info(3083, "AC_ENERGY_OUT_CURR_DAY", "energy to the loads (AC-out) today", "kWh"),
    info(3084, "AC_FREQ_IN", "AC-in frequency", "Hz"),
    info(3085, "AC_FREQ_OUT", "AC-out frequency", "Hz"),
    state(3086, "XT_REMOTE_ENTRY", "remote entry input", REMOTE_ENTRY, first_choice=True),
    info(3087, "XT_POWER_OUT_W", "active power at AC-out, coarse, in W", "W"),
    info(3088, "XT_POWER_IN_W", "active power at AC-in, coarse, in W", "W"),
    info(3089, "XT_PHASE", "phase assignment (1=L1, 2=L2, 4=L3)"),
    info(3092, "XT_BATT_VOLTAGE_AVG", "battery voltage, minute average", "V", first_choice=True),
    info(
        3095,
        "XT_BATT_CURRENT_AVG",
        "battery charge current, minute average",
        "A",
        first_choice=True,
    ),
    info(3098, "XT_POWER_OUT_VA_AVG", "apparent power at AC-out, minute average", "kVA"),
    info(
        3101, "XT_POWER_OUT_AVG", "active power at AC-out, minute average", "kW", first_choice=True
    ),
    info(3103, "XT_TEMP1_MAX", "electronics temperature 1, minute maximum", "degC"),
    info(
        3104, "XT_TEMP1_AVG", "electronics temperature 1, minute average", "degC", first_choice=True
    ),
    info(3107, "XT_TEMP2_AVG", "electronics temperature 2, minute average", "degC"),
    info(3113, "XT_VOLTAGE_IN_AVG", "AC-in voltage, minute average", "V", first_choice=True),
    info(3116, "XT_CURRENT_IN_AVG", "AC-in current, minute average", "A", first_choice=True),
    info(3119, "XT_POWER_IN_AVG", "active power at AC-in, minute average", "kW", first_choice=True),
    info(3124, "XT_ID_TYPE", "model family (1=XTH, 256=XTM, 512=XTS)"),
    info(3125, "XT_ID_POWER", "rated power", "VA"),
    info(3130, "XT_ID_SOFT_MSB", "firmware version, high half"),
    info(3131, "XT_ID_SOFT_LSB", "firmware version, low half"),
    # which is out and which in: xcom-protocol.md 17, V3
    info(3136, "AC_POWER_OUT", "active power at AC-out", "kW"),
    info(3137, "AC_POWER_IN", "active power at AC-in", "kW"),
    info(3138, "XT_POWER_IN_VA", "apparent power at AC-in", "kVA", first_choice=True),
    info(3139, "XT_POWER_OUT_VA", "apparent power at AC-out", "kVA", first_choice=True),
    info(3156, "XT_ID_FID_MSB", "serial id (FID), high half"),
    info(3157, "XT_ID_FID_LSB", "serial id (FID), low half"),
    state(
        3160, "XT_LIMIT_SOURCE", "what limits charger/injector now", LIMIT_SOURCE, first_choice=True
    ),
    state(3161, "XT_BATT_PRIORITY", "battery-priority mode active", OFF_ON),
    state(3162, "XT_FORCED_FEED", "forced grid feeding active", OFF_ON),
    info(3164, "XT_BATT_VOLT_TARGET", "DC voltage target of charger/injector", "V"),
    # two sets of codes (xcom-protocol.md 17, V15)
    state(3168, "XT_OVERTEMP_STATE", "thermal state", THERMAL_STATE, first_choice=True),
)
"""Live values."""

PARAMETERS: tuple[Datapoint, ...] = (
    setting(
        1107,
        "MAX_CURR_AC_SOURCE",
        "AC-source (AC-in) current limit",
        "A",
        (Level.BASIC, 32, 2, 50, 1),
    ),
    setting(
        1108,
        "XT_LVD_NOLOAD",
        "battery under-voltage level, no load",
        "V",
        (Level.EXPERT, 46.3, 36, 72, 0.1),
        first_choice=True,
    ),
    setting(
        1109,
        "XT_LVD_FULLLOAD",
        "battery under-voltage level, full load",
        "V",
        (Level.EXPERT, 42, 36, 72, 0.1),
    ),
    setting(
        1110,
        "XT_LVD_RESTART",
        "restart voltage after under-voltage",
        "V",
        (Level.EXPERT, 48, 37.9, 72, 0.1),
    ),
    setting(1112, "XT_FREQ_SET", "inverter frequency", "Hz", (Level.EXPERT, 50, 45, 65, 0.1)),
    setting(
        1121,
        "XT_BATT_OVERVOLT",
        "battery over-voltage level",
        "V",
        (Level.EXPERT, 68.2, 37.9, 74.4, 0.1),
    ),
    switch(1124, "XT_INVERTER_ALLOWED", "allow the inverter", Level.BASIC, 1, first_choice=True),
    switch(1125, "XT_CHARGER_ALLOWED", "allow the charger", Level.EXPERT, 1, first_choice=True),
    switch(
        1126,
        "SMART_BOOST_ALLOWED",
        "allow Smart-Boost (inverter helps the AC source)",
        Level.BASIC,
        1,
    ),
    switch(
        1127, "XT_GRID_FEEDING_ALLOWED", "allow grid feeding", Level.EXPERT, 0, first_choice=True
    ),
    switch(
        1128, "XT_TRANSFER_ALLOWED", "allow the transfer relay", Level.EXPERT, 1, first_choice=True
    ),
    setting(
        1138,
        "BATTERY_CHARGE_CURR",
        "battery charge current set point",
        "A",
        (Level.BASIC, 60, 0, 200, 1),
    ),
    setting(
        1140,
        "XT_FLOAT_VOLTAGE",
        "float voltage",
        "V",
        (Level.EXPERT, 54.4, 37.9, 72, 0.1),
        first_choice=True,
    ),
    signal(1142, "XT_FORCE_NEW_CYCLE", "start a new charge cycle", Level.EXPERT),
    setting(
        1156,
        "XT_ABSORPTION_VOLTAGE",
        "absorption voltage",
        "V",
        (Level.EXPERT, 57.6, 37.9, 72, 0.1),
        first_choice=True,
    ),
    setting(1157, "XT_ABSORPTION_TIME", "absorption duration", "h", (Level.EXPERT, 2, 0, 18, 0.25)),
    setting(
        1187, "XT_STANDBY_LEVEL", "stand-by (search) load level", "%", (Level.BASIC, 10, 0, 100, 10)
    ),
    choice(
        1202,
        "XT_AUX1_OPMODE",
        "auxiliary contact 1 operating mode",
        Level.EXPERT,
        1,
        AUXILIARY_CHOICE,
        first_choice=True,
    ),
    setting(
        1286,
        "XT_AC_OUT_VOLTAGE_SET",
        "AC-out voltage set point",
        "V",
        (Level.EXPERT, 230, 110, 280, 1),
        first_choice=True,
    ),
    switch(
        1296, "XT_BATT_PRIORITY_ALLOWED", "use the battery before the AC source", Level.EXPERT, 0
    ),
    setting(
        1297,
        "XT_BATT_PRIORITY_VOLT",
        "battery-priority voltage",
        "V",
        (Level.EXPERT, 51.6, 37.9, 72, 0.1),
    ),
    choice(
        1311,
        "XT_AUX2_OPMODE",
        "auxiliary contact 2 operating mode",
        Level.EXPERT,
        1,
        AUXILIARY_CHOICE,
        first_choice=True,
    ),
    signal(1399, "XT_OFF", "switch all Xtenders off", Level.INSTALLER, first_choice=True),
    signal(1415, "XT_ON", "switch all Xtenders on", Level.INSTALLER, first_choice=True),
    signal(1467, "XT_FORCE_FLOAT", "force the float phase", Level.EXPERT),
    signal(1468, "XT_RESET_ALL", "restart every inverter", Level.EXPERT),
    setting(
        1523,
        "MAX_GRID_FEEDING_CURR",
        "ceiling of current injected into AC-in",
        "A",
        (Level.EXPERT, 10, 0, 50, 0.2),
    ),
    setting(
        1524,
        "XT_FORCED_FEED_VOLT",
        "battery voltage target in forced feeding",
        "V",
        (Level.EXPERT, 48, 37.9, 72, 0.1),
    ),
    setting(
        1525,
        "XT_FORCED_FEED_START",
        "forced feeding start, minutes after midnight",
        "min",
        (Level.EXPERT, 1200, 0, 1440, 1),
        layout=Format.INT32,
    ),
    setting(
        1526,
        "XT_FORCED_FEED_STOP",
        "forced feeding stop, minutes after midnight",
        "min",
        (Level.EXPERT, 1200, 0, 1440, 1),
        layout=Format.INT32,
    ),
    choice(
        1545,
        "XT_REMOTE_ENTRY_ACTIVE",
        "remote entry acts when",
        Level.EXPERT,
        1,
        REMOTE_ENTRY_ACTIVE,
    ),
    switch(1550, "PARAMS_SAVED_IN_FLASH", "store written parameters in flash", Level.INSTALLER, 1),
    choice(
        1552, "XT_GRID_LOSS_DETECTION", "grid-loss detection speed", Level.BASIC, 2, GRID_LOSS_SPEED
    ),
    setting(
        1607,
        "SMART_BOOST_LIMIT",
        "cap on Smart-Boost power",
        "%",
        (Level.INSTALLER, 100, 0, 100, 5),
    ),
    switch(
        1628,
        "XT_WATCHDOG_EN",
        "SCOM watchdog in the Xtender",
        Level.INSTALLER,
        0,
        first_choice=True,
    ),
    setting(
        1629,
        "XT_WATCHDOG_DELAY",
        "SCOM watchdog delay",
        "s",
        (Level.INSTALLER, 60, 10, 300, 10),
        first_choice=True,
    ),
)
"""Parameters and signals."""
