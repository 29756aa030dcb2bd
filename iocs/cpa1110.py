"""Cryomech CPA helium compressors: one IOC per compressor.

One Modbus read a second feeds all PVs. Temperatures are always in degC and pressures in the unit
that the configuration names, whatever the panel shows. ``Start`` and ``Stop`` complete when the
state of the compressor confirms them, fail with the reason otherwise, and are never repeated.
Units, words and states: cpa1110-protocol.md 2 to 4.
"""

from __future__ import annotations

from dataclasses import replace

from drivers.cpa1110.device import Compressor
from drivers.cpa1110.settings import CompressorSettings
from drivers.cpa1110.status import CompressorStatus
from drivers.cpa1110.units import PressureUnit, TemperatureUnit, convert_pressure
from drivers.cpa1110.words import BITS, OperatingState, bit_texts
from iocs.device.declare import (
    SLOW,
    Family,
    analog,
    binary,
    bits,
    command,
    integer,
    signed_word,
    state,
    text,
)
from iocs.device.group import DeviceGroup
from iocs.device.instrument import Demo, Instrument
from iocs.device.scan import Block, Scan
from iocs.record.alarm import Severity

STATES: dict[int, tuple[str, Severity]] = {
    OperatingState.IDLE: ("Idle", Severity.NO_ALARM),
    OperatingState.STARTING: ("Starting", Severity.NO_ALARM),
    OperatingState.RUNNING: ("Running", Severity.NO_ALARM),
    OperatingState.STOPPING: ("Stopping", Severity.NO_ALARM),
    OperatingState.ERROR_LOCKOUT: ("Error lockout", Severity.MAJOR),
    OperatingState.ERROR: ("Error", Severity.MAJOR),
    OperatingState.HELIUM_COOLDOWN: ("Helium cooldown", Severity.MINOR),
    OperatingState.POWER_ERROR: ("Power error", Severity.MAJOR),
    OperatingState.RECOVERED_FROM_ERROR: ("Recovered from error", Severity.MINOR),
    OperatingState.RESOLVE_PREVIOUS_ERROR: ("Resolve previous error", Severity.MAJOR),
    -1: ("Unknown", Severity.MINOR),
}
"""Labels and severities. The panel's numbers do not fit an mbbi: its index is the place here."""

_INDEX = {number: index for index, number in enumerate(STATES)}
_PRESSURE_PRECISION = {PressureUnit.BAR: 2, PressureUnit.PSI: 1, PressureUnit.KPA: 0}
_TEMPERATURES = (0.0, 100.0)
_BARS = (-1.0, 30.0)
"""Ends of axes: room for a running compressor, and for one at rest (cpa1110-protocol.md 7)."""

_PRESSURES = (
    "low_pressure",
    "low_pressure_average",
    "high_pressure",
    "high_pressure_average",
    "delta_pressure_average",
)
_UNLISTED = len(BITS)
"""The bit beyond those that the manuals list: one is left of 32 (cpa1110-protocol.md 3)."""

TEXT_SIZE = 900  # all 32 bits in words
_WARNED = "if this goes on, the compressor may stop by itself"
_ALARMED = "while this lasts, a start is refused"
"""What a bit leads to; the latter by our rule (cpa1110-protocol.md 6)."""


def camel_case(name: str) -> str:
    """``coolant_in_high`` as PV names have it: ``CoolantInHigh``."""
    return "".join(word.capitalize() for word in name.split("_"))


def _word_bits(
    block: Block[CompressorStatus], prefix: str, warning: bool, severity: Severity
) -> Family:
    consequence = _WARNED if warning else _ALARMED
    labels = {
        number: (
            camel_case(bit.name),
            f"{prefix}: {bit.text[0].lower()}{bit.text[1:]}",
            f"{bit.meaning}; {consequence}. {bit.check}",
        )
        for number, bit in enumerate(BITS)
    }
    labels[_UNLISTED] = (
        "Unknown",
        f"{prefix}: unknown bit",
        f"The panel has set a bit that no manual lists; {consequence}. Read what its display says.",
    )
    return bits(
        block,
        prefix,
        (lambda s: s.warning_mask) if warning else (lambda s: s.alarm_mask),
        labels,
        severity=severity,
    )


class CompressorIOC(DeviceGroup[Compressor]):
    """Cryomech CPA helium compressor."""

    status = Scan(1.0, Compressor.read_status)

    start_command = command(
        "Start", Compressor.start, confirm=status, brings=lambda r: r.status,
        doc="Start the compressor",
    )  # fmt: skip
    stop_command = command(
        "Stop", Compressor.stop, confirm=status, brings=lambda r: r.status,
        doc="Stop the compressor", urgent=True,
    )  # fmt: skip

    operating_state = state(
        status,
        "OperatingState",
        lambda s: _INDEX.get(s.state, _INDEX[-1]),
        doc="Operating state",
        states=[label for label, _ in STATES.values()],
        severities={i: severity for i, (_, severity) in enumerate(STATES.values())},
        guidance="In error: Alarms in words tell why; mend it, then clear it at the panel. Cooling"
        " down, recovered or after a power error: keep clear, it may start by itself. Recovered, it"
        " takes a start. Unknown: it may run; see Motor energised.",
    )
    operating_state_raw = integer(
        status, "OperatingStateRaw", lambda s: s.state, doc="Operating state, panel's number"
    )
    running = binary(
        status,
        "Running",
        lambda s: s.running,
        doc="Motor energised",
        states=("Off", "Running"),
    )

    coolant_in = analog(
        status,
        "CoolantInTemp",
        lambda s: s.coolant_in_temperature,
        units="degC",
        precision=1,
        display=_TEMPERATURES,
        low=10.0,
        high=44.0,
        doc="Cooling water inlet temperature",
        guidance="The cooling water comes in too hot or too cold. Check the chiller or supply that"
        " it comes from.",
    )
    coolant_out = analog(
        status,
        "CoolantOutTemp",
        lambda s: s.coolant_out_temperature,
        units="degC",
        precision=1,
        display=_TEMPERATURES,
        low=10.0,
        high=51.0,
        doc="Cooling water outlet temperature",
        guidance="The cooling water leaves too hot or too cold. Check its flow, and the"
        " temperature at which it comes in.",
    )
    coolant_rise = analog(
        status,
        "CoolantTempRise",
        lambda s: s.coolant_out_temperature - s.coolant_in_temperature,
        units="K",
        precision=1,
        display=(0.0, 40.0),
        doc="Cooling water outlet minus inlet",
    )
    oil = analog(
        status,
        "OilTemp",
        lambda s: s.oil_temperature,
        units="degC",
        precision=1,
        display=_TEMPERATURES,
        low=10.0,
        high=51.0,
        doc="Oil temperature",
        guidance="The oil is too hot or too cold. Check flow and temperature of the cooling water;"
        " too hot, the compressor may stop by itself.",
    )
    helium = analog(
        status,
        "HeliumTemp",
        lambda s: s.helium_temperature,
        units="degC",
        precision=1,
        display=_TEMPERATURES,
        low=10.0,
        high=87.0,
        doc="Helium temperature",
        guidance="The helium is too hot or too cold. Check the cooling water and the oil"
        " temperature; too hot, the compressor stops until it has cooled down.",
    )

    low_pressure = analog(
        status,
        "LowPressure",
        lambda s: s.low_pressure,
        units="bar",
        precision=2,
        doc="Helium pressure, low side",
    )
    low_pressure_average = analog(
        status,
        "LowPressureAvg",
        lambda s: s.low_pressure_average,
        units="bar",
        precision=2,
        doc="Helium pressure, low side, average",
    )
    high_pressure = analog(
        status,
        "HighPressure",
        lambda s: s.high_pressure,
        units="bar",
        precision=2,
        doc="Helium pressure, high side",
    )
    high_pressure_average = analog(
        status,
        "HighPressureAvg",
        lambda s: s.high_pressure_average,
        units="bar",
        precision=2,
        doc="Helium pressure, high side, average",
    )
    delta_pressure_average = analog(
        status,
        "DeltaPressureAvg",
        lambda s: s.delta_pressure_average,
        units="bar",
        precision=2,
        doc="High minus low pressure",
    )
    motor_current = analog(
        status,
        "MotorCurrent",
        lambda s: s.motor_current,
        units="A",
        precision=1,
        display=(0.0, 40.0),
        doc="Motor current",
    )
    hours = analog(
        status,
        "OperatingHours",
        lambda s: s.hours_of_operation,
        units="h",
        precision=1,
        doc="Hours of operation",
        archive=SLOW,
    )

    warning_word = integer(
        status, "WarningWord", lambda s: signed_word(s.warning_mask), doc="Warnings, bit word"
    )
    alarm_word = integer(
        status, "AlarmWord", lambda s: signed_word(s.alarm_mask), doc="Alarms, bit word"
    )
    warning_text = text(
        status,
        "WarningText",
        lambda s: bit_texts(s.warning_mask),
        doc="Warnings in words",
        size=TEXT_SIZE,
        severity=Severity.MINOR,
    )
    alarm_text = text(
        status,
        "AlarmText",
        lambda s: bit_texts(s.alarm_mask),
        doc="Alarms in words",
        size=TEXT_SIZE,
        severity=Severity.MAJOR,
    )
    warning = _word_bits(status, "Warning", True, Severity.MINOR)
    alarm_bit = _word_bits(status, "Alarm", False, Severity.MAJOR)

    panel_pressure_unit = state(
        status,
        "PanelPressureUnit",
        lambda s: s.panel_pressure_unit,
        doc="Pressure unit that the panel shows",
        states=[str(unit) for unit in PressureUnit],
        archive=SLOW,
    )
    panel_temperature_unit = state(
        status,
        "PanelTempUnit",
        lambda s: s.panel_temperature_unit,
        doc="Temperature unit that the panel shows",
        states=[str(unit) for unit in TemperatureUnit],
        archive=SLOW,
    )
    panel_serial = integer(
        status,
        "PanelSerial",
        lambda s: s.panel_serial_number,
        doc="Serial number of the panel",
        archive=SLOW,
    )
    model = text(status, "Model", lambda s: s.model, doc="Compressor model")
    revision = text(status, "SoftwareRev", lambda s: s.revision, doc="Panel software revision")

    def build(self) -> None:
        """Show pressures in the configured unit."""
        unit = self.device.settings.pressure_unit
        low, high = (round(convert_pressure(bar, PressureUnit.BAR, unit), 0) for bar in _BARS)
        for attribute in _PRESSURES:
            point = self.point(attribute)
            precision = _PRESSURE_PRECISION[unit]
            point.spec = replace(
                point.spec, units=str(unit), precision=precision, display=(low, high)
            )


INSTRUMENT = Instrument(
    name="cpa1110",
    title="Cryomech CPA1110 helium compressor",
    settings=CompressorSettings,
    open=Compressor,
    group=CompressorIOC,
    simulator="drivers.cpa1110.simulator",
    default_prefix="CPA:",
    example_link="tcp://192.168.1.20:502",
    demo=Demo(
        prefix="DEMO:CPA:",
        show=(
            "OperatingState",
            "HeliumTemp",
            "OilTemp",
            "LowPressure",
            "HighPressure",
            "MotorCurrent",
        ),
        fresh="HighPressure",
        simulator=("--running",),
    ),
)

if __name__ == "__main__":
    from iocs.app.runner import main

    raise SystemExit(main(INSTRUMENT))
