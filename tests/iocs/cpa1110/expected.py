"""What the PVs of a compressor are, written down by hand, and their values for a model's state.

Units are converted here by the definitions of the units, not by the code under test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from drivers.cpa1110.protocol import Snapshot
from drivers.cpa1110.simulator.model import CompressorModel
from drivers.cpa1110.units import PressureUnit, TemperatureUnit

STRING, ENUM, CHAR, LONG, DOUBLE = 0, 3, 4, 5, 6

BITS = (
    *("CoolantInHigh", "CoolantInLow", "CoolantOutHigh", "CoolantOutLow", "OilHigh", "OilLow"),
    *("HeliumHigh", "HeliumLow", "LowPressureHigh", "LowPressureLow", "HighPressureHigh"),
    *("HighPressureLow", "DeltaPressureHigh", "DeltaPressureLow", "MotorCurrentLow"),
    *("ThreePhaseError", "PowerSupplyError", "StaticPressureHigh", "StaticPressureLow"),
    *("ColdHeadMotorStall", "CoolantInSensor", "CoolantOutSensor", "HeliumSensor", "OilSensor"),
    *("HighPressureSensor", "LowPressureSensor", "MotorCurrentSensor", "MotorCurrentHigh"),
    *("InverterError", "DriverCommLoss", "InverterCommLoss", "Unknown"),
)
"""The bits of both words from bit 0 (cpa1110-protocol.md 3), and the one that it lacks."""

WORDS = (
    *("Cooling water inlet too hot", "Cooling water inlet too cold"),
    *("Cooling water outlet too hot", "Cooling water outlet too cold"),
    *("Oil temperature too high", "Oil temperature too low"),
    *("Helium temperature too high", "Helium temperature too low"),
    *("Low-side pressure too high", "Low-side pressure too low"),
    *("High-side pressure too high", "High-side pressure too low"),
    *("Pressure difference too high", "Pressure difference too low", "Motor current too low"),
    *("Three-phase supply error", "Power supply error"),
    *("Static pressure too high", "Static pressure too low", "Cold head motor stalled"),
    *("Water inlet sensor fault", "Water outlet sensor fault", "Helium sensor fault"),
    *("Oil sensor fault", "High-side pressure sensor fault", "Low-side pressure sensor fault"),
    *("Motor current sensor fault", "Motor current too high", "Inverter error"),
    *("Driver communication lost", "Inverter communication lost", "Unknown bit 31"),
)
"""The same in words, with the one that no manual lists."""

STATES = {
    0: ("Idle", 0),
    2: ("Starting", 0),
    3: ("Running", 0),
    5: ("Stopping", 0),
    6: ("Error lockout", 2),
    7: ("Error", 2),
    8: ("Helium cooldown", 1),
    9: ("Power error", 2),
    15: ("Recovered from error", 1),
    16: ("Resolve previous error", 2),
    -1: ("Unknown", 1),
}
"""Panel's number, label, severity (cpa1110-protocol.md 4); the place is the PV's number."""

COMMANDS = ("Start", "Stop")
PAL_PER_PSI = 6894.757
_TO_BAR = {PressureUnit.PSI: PAL_PER_PSI / 1e5, PressureUnit.BAR: 1.0, PressureUnit.KPA: 0.01}


@dataclass(frozen=True, slots=True)
class Pv:
    """One PV: type, elements, units, decimals; its value and its alarm severity for a snapshot."""

    kind: int
    value: Callable[[Snapshot], Any]
    units: str = ""
    precision: int = 0
    count: int = 1
    tolerance: float = 1e-5
    severity: Callable[[Snapshot], int] = lambda _: 0


def celsius(value: float, unit: TemperatureUnit) -> float:
    """A temperature of the panel in degC."""
    match unit:
        case TemperatureUnit.F:
            return (value - 32.0) / 1.8
        case TemperatureUnit.K:
            return value - 273.15
        case TemperatureUnit.C:
            return value


def bar(value: float, unit: PressureUnit) -> float:
    """A pressure of the panel in bar."""
    return value * _TO_BAR[unit]


def _temperature(field: str, low: float = 10.0, high: float = 1e9, noise: float = 0.0) -> Pv:
    def value(snapshot: Snapshot) -> float:
        return celsius(getattr(snapshot, field), snapshot.temperature_unit)

    def severity(snapshot: Snapshot) -> int:
        return int(not low < value(snapshot) < high)

    # float32 in degF holds 5e-6 degC, and the panel's integers of 0.1 are not used here
    return Pv(DOUBLE, value, "degC", 1, tolerance=1e-4 + noise, severity=severity)


def _pressure(field: str) -> Pv:
    return Pv(DOUBLE, lambda s: bar(getattr(s, field), s.pressure_unit), "bar", 2, tolerance=1e-4)


def _index(snapshot: Snapshot) -> int:
    states = list(STATES)
    number = snapshot.operating_state
    return states.index(number if number in STATES else -1)


def _signed(mask: int) -> int:
    return mask - (1 << 32) if mask >> 31 else mask


def _words(mask: int) -> str:
    return "; ".join(text for bit, text in enumerate(WORDS) if mask >> bit & 1)


_COOLANT_NOISE = 0.3
"""The model's coolant sensor is noisy, at each reading anew (sigma 0.02 degC)."""

PVS: dict[str, Pv] = {
    "OperatingState": Pv(ENUM, _index, severity=lambda s: list(STATES.values())[_index(s)][1]),
    "OperatingStateRaw": Pv(LONG, lambda s: s.operating_state),
    "Running": Pv(ENUM, lambda s: int(s.compressor_running)),
    "CoolantInTemp": _temperature("coolant_in_temperature", 10, 44, _COOLANT_NOISE),
    "CoolantOutTemp": _temperature("coolant_out_temperature", 10, 51),
    "CoolantTempRise": Pv(
        DOUBLE,
        lambda s: (
            celsius(s.coolant_out_temperature, s.temperature_unit)
            - celsius(s.coolant_in_temperature, s.temperature_unit)
        ),
        "K",
        1,
        tolerance=_COOLANT_NOISE,
    ),
    "OilTemp": _temperature("oil_temperature", 10, 51),
    "HeliumTemp": _temperature("helium_temperature", 10, 87),
    "LowPressure": _pressure("low_pressure"),
    "LowPressureAvg": _pressure("low_pressure_average"),
    "HighPressure": _pressure("high_pressure"),
    "HighPressureAvg": _pressure("high_pressure_average"),
    "DeltaPressureAvg": _pressure("delta_pressure_average"),
    "MotorCurrent": Pv(DOUBLE, lambda s: s.motor_current, "A", 1),
    "OperatingHours": Pv(DOUBLE, lambda s: s.hours_of_operation, "h", 1, tolerance=0.06),
    "WarningWord": Pv(LONG, lambda s: _signed(s.warning_mask)),
    "AlarmWord": Pv(LONG, lambda s: _signed(s.alarm_mask)),
    "WarningText": Pv(
        CHAR,
        lambda s: _words(s.warning_mask),
        count=900,
        severity=lambda s: int(s.warning_mask > 0),
    ),
    "AlarmText": Pv(
        CHAR, lambda s: _words(s.alarm_mask), count=900, severity=lambda s: 2 * (s.alarm_mask > 0)
    ),
    "PanelPressureUnit": Pv(ENUM, lambda s: ("psi", "bar", "kPa").index(str(s.pressure_unit))),
    "PanelTempUnit": Pv(ENUM, lambda s: ("F", "C", "K").index(str(s.temperature_unit))),
    "PanelSerial": Pv(LONG, lambda s: s.panel_serial_number),
    "Model": Pv(STRING, lambda _: "CPA1110"),
    "SoftwareRev": Pv(STRING, lambda s: f"{s.revision[0]}.{s.revision[1]}"),
}
for _bit, _name in enumerate(BITS):
    PVS[f"Warning:{_name}"] = Pv(
        ENUM,
        lambda s, b=_bit: s.warning_mask >> b & 1,
        severity=lambda s, b=_bit: s.warning_mask >> b & 1,
    )
    PVS[f"Alarm:{_name}"] = Pv(
        ENUM,
        lambda s, b=_bit: s.alarm_mask >> b & 1,
        severity=lambda s, b=_bit: 2 * (s.alarm_mask >> b & 1),
    )

BLOCK = (*PVS, *COMMANDS)
"""Every PV that is good only while the compressor answers."""

HEALTH = {
    "Connected": ENUM,
    "Link": CHAR,
    "LastError": CHAR,
    "ErrorCount": LONG,
    "LastPutError": CHAR,
    "RefusedPuts": LONG,
    "ReconnectCount": LONG,
    "ExchangeCount": DOUBLE,
    "PollTime": DOUBLE,
    "PollOverruns": LONG,
    "WorstAlarm": ENUM,
    "AlarmCount": LONG,
    "NewestAlarm": DOUBLE,
    "WorstAlarmText": CHAR,
    **{f"AlarmList:{number:02d}": CHAR for number in range(1, 11)},
    "Scan:Status:Period": DOUBLE,
    "Scan:Status:Time": DOUBLE,
    "Scan:Status:Overruns": LONG,
    **{f"Ioc:{name}": LONG for name in ("HEARTBEAT", "PROCESS_ID", "PARENT_ID", "CPU_CNT")},
    **{f"Ioc:{name}": LONG for name in ("RECORD_CNT", "CA_CLNT_CNT", "CA_CONN_CNT")},
    **{f"Ioc:{name}": LONG for name in ("CA_MON_CNT", "FD_CNT", "FD_MAX")},
    **{f"Ioc:{name}": STRING for name in ("UPTIME", "STARTTOD", "TOD", "HOSTNAME")},
    **{f"Ioc:{name}": STRING for name in ("EPICS_VERSION", "APP_VERSION", "PYTHON_VERSION")},
    **{f"Ioc:{name}": DOUBLE for name in ("MEM_USED", "MEM_FREE", "MEM_MAX")},
    **{f"Ioc:{name}": DOUBLE for name in ("IOC_CPU_LOAD", "SYS_CPU_LOAD")},
    "Ioc:KERNEL_VERS": CHAR,
    "Ioc:APP_DIR": CHAR,
    "Ioc:SYSRESET": ENUM,
}
"""Every other PV and its type."""


def running(panel: Any = None) -> CompressorModel:
    """A compressor that has been running for two minutes."""
    model = CompressorModel() if panel is None else CompressorModel(panel)
    model.start()
    model.advance(120.0)
    return model


def text(value: Any) -> Any:
    """A CHAR array as text; anything else as it is."""
    if isinstance(value, (list, tuple)):
        return bytes(value).split(b"\0", 1)[0].decode()
    return value


def matches(name: str, value: Any, snapshot: Snapshot) -> bool:
    """Whether a value of a PV is what a snapshot asks for."""
    pv = PVS[name]
    wanted = pv.value(snapshot)
    if isinstance(wanted, float):
        return bool(value == pytest.approx(wanted, rel=1e-6, abs=pv.tolerance))
    return bool(text(value) == wanted)
