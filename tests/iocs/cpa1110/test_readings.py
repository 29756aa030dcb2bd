"""Every PV of the compressor, by three clients, against what the simulated panel shows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from caproto.asyncio.client import Context

from drivers.cpa1110.protocol import Snapshot
from drivers.cpa1110.simulator.model import REVISION_2X, REVISION_3X, CompressorModel, Panel
from drivers.cpa1110.units import PressureUnit, TemperatureUnit
from iocs.app.runner import RunOptions, make_group
from iocs.cpa1110 import INSTRUMENT
from tests.iocs.cpa1110.expected import (
    BITS,
    BLOCK,
    COMMANDS,
    DOUBLE,
    ENUM,
    HEALTH,
    LONG,
    PVS,
    STATES,
    Pv,
    matches,
    running,
    text,
)
from tests.iocs.cpa1110.rig import PERIOD, PREFIX, eventually, ioc, simulator
from tests.support.ca import CaSpace
from tests.support.libca import Form, Libca, Library, Reading
from tests.support.process import PythonProcess
from tests.support.wire.until import PATIENCE

Readings = Mapping[str, Reading]


async def read_all(ca: Libca, names: Iterable[str], form: Form = Form.TIME) -> dict[str, Reading]:
    """Read PVs by their names without the prefix."""
    found = await asyncio.gather(*(ca.get(PREFIX + name, form=form) for name in names))
    return dict(zip(names, found, strict=True))


def listed(process: PythonProcess) -> list[str]:
    """What `--list-pvs` logged, without the prefix."""
    return [line.removeprefix(PREFIX) for line in process.stderr if line.startswith(PREFIX)]


def differences(readings: Readings, snapshot: Snapshot) -> list[str]:
    """The PVs whose value or severity is not what the panel shows."""
    return [
        f"{name}: {text(readings[name].value)!r} severity {readings[name].severity}, not "
        f"{pv.value(snapshot)!r} severity {pv.severity(snapshot)}"
        for name, pv in PVS.items()
        if not matches(name, readings[name].value, snapshot)
        or readings[name].severity != pv.severity(snapshot)
    ]


async def shows(ca: Libca, snapshot: Snapshot) -> Readings:
    """Wait until the PVs show what the panel shows, values and alarms alike."""
    readings: Readings = {}

    async def right() -> bool:
        nonlocal readings
        readings = await read_all(ca, PVS)
        return not differences(readings, snapshot)

    try:
        await eventually(right)
    except AssertionError:
        raise AssertionError("\n".join(differences(readings, snapshot))) from None
    return readings


@pytest.mark.parametrize("revision", [REVISION_2X, REVISION_3X], ids=["2.x", "3.x"])
@pytest.mark.parametrize("library", ["aioca", "pyepics"])
async def test_libca_reads_every_pv_as_the_panel_shows_it(
    ca_space: CaSpace, library: Library, revision: tuple[int, int]
) -> None:
    model = running(Panel(revision))
    async with (
        simulator(model) as (_, link),
        ioc(ca_space, link, "--list-pvs") as process,
        Libca(ca_space, library) as ca,
    ):
        await shows(ca, model.snapshot())
        assert set(listed(process)) == {*BLOCK, *HEALTH}
        for name, reading in (await read_all(ca, PVS, Form.CTRL)).items():
            check_control(name, PVS[name], reading)
        for name, reading in (await read_all(ca, [*COMMANDS, *HEALTH])).items():
            assert reading.severity == 0, reading
            assert reading.datatype == HEALTH.get(name, ENUM), reading
        health = await read_all(ca, HEALTH)
        assert text(health["Link"].value) == link
        assert health["Ioc:PROCESS_ID"].value == process.pid
        assert health["Ioc:RECORD_CNT"].value == len(BLOCK) + len(HEALTH)


def check_control(name: str, pv: Pv, reading: Reading) -> None:
    """Type, elements, units, decimals and labels of a PV."""
    assert (reading.datatype, reading.count) == (pv.kind, pv.count), reading
    if pv.kind == DOUBLE:
        assert (reading.units, reading.precision) == (pv.units, pv.precision), reading
    if pv.kind == LONG:
        assert reading.units == "", reading
    if name == "OperatingState":
        assert reading.enums == tuple(label for label, _ in STATES.values())
    elif name.startswith(("Warning:", "Alarm:")):
        assert reading.enums == ("OK", "Active")


async def test_caproto_reads_every_pv_as_the_panel_shows_it(in_ca_space: CaSpace) -> None:
    model = running()
    async with simulator(model) as (_, link), ioc(in_ca_space, link), Libca(in_ca_space) as ca:
        await shows(ca, model.snapshot())
        context = Context()
        try:
            names = [*BLOCK, *HEALTH]
            found = await context.get_pvs(*(PREFIX + name for name in names))
            for name, pv in zip(names, found, strict=True):
                await pv.wait_for_connection(timeout=PATIENCE)
                reading = await pv.read(data_type="time", timeout=PATIENCE)
                assert int(reading.metadata.severity) == 0, name
                if name in PVS:
                    check_caproto(name, pv, reading, model.snapshot())
        finally:
            await context.disconnect()


def check_caproto(name: str, pv: Any, reading: Any, snapshot: Snapshot) -> None:
    """Type, elements and value of a PV as caproto's client has them."""
    wanted = PVS[name]
    assert int(pv.channel.native_data_type) == wanted.kind, name
    assert len(reading.data) == wanted.count, name
    value: Any = list(reading.data) if wanted.count > 1 else reading.data[0]
    assert matches(name, value.decode() if isinstance(value, bytes) else value, snapshot), name


async def test_the_declared_pvs_are_the_served_ones() -> None:
    """What other tests expect by hand is all there is."""
    settings = INSTRUMENT.settings(link="tcp://127.0.0.1:1")
    group = make_group(INSTRUMENT, settings, RunOptions("T", PREFIX))
    assert {name.removeprefix(PREFIX) for name in group.pvdb} == {*BLOCK, *HEALTH}
    await group.stop()


@pytest.mark.parametrize("revision", [REVISION_2X, REVISION_3X], ids=["2.x", "3.x"])
async def test_each_bit_raises_its_own_alarm_and_no_other(
    ca_space: CaSpace, revision: tuple[int, int]
) -> None:
    """Every second bit as a warning and the others as alarms, then the other way round."""
    model = CompressorModel(Panel(revision))
    even = sum(1 << bit for bit in range(0, 31, 2))
    odd = sum(1 << bit for bit in range(1, 31, 2))
    if revision == REVISION_2X:  # its masks are float32 of 24 bits (cpa1110-protocol.md 3)
        even, odd = even & 0xFF_FFFF, odd & 0xFF_FFFF
    async with (
        simulator(model) as (_, link),
        ioc(ca_space, link) as _,
        Libca(ca_space) as ca,
    ):
        await ca.put(f"{PREFIX}Scan:Status:Period", 0.1)
        for warnings, alarms in ((even, odd), (odd, even), (0, 0)):
            model.warning_mask, model.alarm_mask = warnings, alarms
            readings = await shows(ca, model.snapshot())
            raised = {name for name in PVS if readings[name].severity and ":" in name}
            assert raised == {
                *(f"Warning:{BITS[bit]}" for bit in range(32) if warnings >> bit & 1),
                *(f"Alarm:{BITS[bit]}" for bit in range(32) if alarms >> bit & 1),
            }


async def test_bits_that_only_3x_panels_can_tell(ca_space: CaSpace) -> None:
    """More than 24 significant bits (30 with 0) survive only in the integers of 3.x."""
    model = CompressorModel(Panel(REVISION_3X))
    model.alarm_mask = 1 << 30 | 1
    async with simulator(model) as (_, link), ioc(ca_space, link), Libca(ca_space) as ca:
        readings = await shows(ca, model.snapshot())
        assert readings["AlarmWord"].value == (1 << 30) + 1
        assert text(readings["AlarmText"].value) == (
            "Cooling water inlet too hot; Inverter communication lost"
        )


@pytest.mark.parametrize("revision", [REVISION_2X, REVISION_3X], ids=["2.x", "3.x"])
async def test_what_no_manual_lists_is_kept_and_shown(
    ca_space: CaSpace, revision: tuple[int, int]
) -> None:
    model = CompressorModel(Panel(revision))
    model.force_state(4)
    model.warning_mask = model.alarm_mask = 1 << 31
    async with simulator(model) as (_, link), ioc(ca_space, link), Libca(ca_space) as ca:
        readings = await shows(ca, model.snapshot())
        assert readings["OperatingState"].severity == 1
        assert readings["OperatingStateRaw"].value == 4
        assert readings["WarningWord"].value == -(1 << 31)
        assert text(readings["WarningText"].value) == "Unknown bit 31"
        unknown = [readings[name].severity for name in ("Warning:Unknown", "Alarm:Unknown")]
        assert unknown == [1, 2]
        worst = await ca.get(f"{PREFIX}WorstAlarmText")
        assert text(worst.value) == "Alarm: unknown bit"
        state = await ca.get(f"{PREFIX}OperatingState", form=Form.CTRL)
        assert state.enums is not None
        assert state.enums[int(state.value)] == "Unknown"


async def test_every_state_has_its_label_and_severity(ca_space: CaSpace) -> None:
    model = CompressorModel()
    async with simulator(model) as (_, link), ioc(ca_space, link), Libca(ca_space) as ca:
        await ca.put(f"{PREFIX}Scan:Status:Period", 0.05)
        for number in (state for state in STATES if state >= 0):
            model.force_state(number)
            readings = await shows(ca, model.snapshot())
            assert readings["OperatingStateRaw"].value == number


async def test_one_hot_pv_leaves_the_others_good(ca_space: CaSpace) -> None:
    """An alarm belongs to one PV: the limits of the coolant do not show on the oil."""
    model = running()
    async with simulator(model) as (_, link), ioc(ca_space, link), Libca(ca_space) as ca:
        await shows(ca, model.snapshot())
        assert await ca.put(f"{PREFIX}HeliumTemp.HIGH", 20.0) is None
        readings = await read_all(ca, PVS)
        assert {name for name in PVS if readings[name].severity} == {"HeliumTemp"}
        assert readings["HeliumTemp"].severity == 1


async def test_a_change_of_the_panels_units_never_changes_the_archived_numbers(
    ca_space: CaSpace,
) -> None:
    model = running()
    numbers = ("LowPressure", "HighPressure", "DeltaPressureAvg", "OilTemp", "HeliumTemp")
    async with simulator(model) as (_, link), ioc(ca_space, link), Libca(ca_space) as ca:
        await ca.put(f"{PREFIX}Scan:Status:Period", 0.1)
        first = await shows(ca, model.snapshot())
        for pressure in PressureUnit:
            for temperature in TemperatureUnit:
                model.panel.pressure_unit, model.panel.temperature_unit = pressure, temperature
                readings = await shows(ca, model.snapshot())
                for name in numbers:
                    assert readings[name].value == pytest.approx(first[name].value, abs=1e-3)
                again = await ca.get(f"{PREFIX}HighPressure", form=Form.CTRL)
                assert (again.units, again.precision) == ("bar", 2)


@pytest.mark.parametrize(("unit", "factor", "precision"), [("psi", 14.503774, 1), ("kPa", 100, 0)])
async def test_pressures_are_in_the_configured_unit(
    ca_space: CaSpace, unit: str, factor: float, precision: int
) -> None:
    model = running()
    snapshot = model.snapshot()
    async with (
        simulator(model) as (_, link),
        ioc(ca_space, link, "--pressure-unit", unit),
        Libca(ca_space) as ca,
    ):
        for name in (name for name in PVS if "Pressure" in name and PVS[name].units == "bar"):
            async with ca.monitor(PREFIX + name, form=Form.TIME) as monitor:
                reading = await monitor.until(lambda r: r.severity == 0)
            assert reading.value == pytest.approx(PVS[name].value(snapshot) * factor, rel=1e-5)
            control = await ca.get(PREFIX + name, form=Form.CTRL)
            assert (control.units, control.precision) == (unit, precision)


async def test_3x_measurements_may_be_taken_from_the_integers(ca_space: CaSpace) -> None:
    model = running(Panel(REVISION_3X))
    tenth = model.snapshot()
    async with (
        simulator(model) as (_, link),
        ioc(ca_space, link, "--measurements", "integer"),
        Libca(ca_space) as ca,
    ):
        async with ca.monitor(f"{PREFIX}HeliumTemp") as monitor:
            reading = await monitor.until(lambda r: r.severity == 0)
        # 0.1 degF is the step of the integers: 0.056 degC
        assert reading.value == pytest.approx(PVS["HeliumTemp"].value(tenth), abs=0.03)
        assert (reading.value * 1.8 + 32) * 10 == pytest.approx(
            round((reading.value * 1.8 + 32) * 10), abs=1e-6
        )


async def test_all_pvs_of_a_reading_have_one_time_stamp(ca_space: CaSpace) -> None:
    model = running()
    async with simulator(model) as (_, link), ioc(ca_space, link), Libca(ca_space) as ca:
        await ca.put(f"{PREFIX}Scan:Status:Period", 60.0)
        await shows(ca, model.snapshot())
        stamps = {reading.timestamp for reading in (await read_all(ca, PVS)).values()}
        assert len(stamps) == 1


async def test_the_first_value_is_invalid_until_the_device_answers(
    ca_space: CaSpace, free_port: int
) -> None:
    link = f"tcp://127.0.0.1:{free_port}"
    async with ioc(ca_space, link) as _, Libca(ca_space) as ca:
        readings = await read_all(ca, BLOCK)
        assert {reading.severity for reading in readings.values()} == {3}
        health = await read_all(ca, HEALTH)
        alarming = {name for name, reading in health.items() if reading.severity}
        assert alarming == {"Connected", "WorstAlarm"}
        assert (health["Connected"].value, health["Connected"].severity) in ((0, 2), (0, 3))
        assert await ca.put(f"{PREFIX}Scan:Status:Period", PERIOD) is None
        await eventually(lambda: is_major(ca))
        model = running()
        async with simulator(model, link=link):
            await shows(ca, model.snapshot())
            assert (await ca.get(f"{PREFIX}Connected")).severity == 0


async def is_major(ca: Libca) -> bool:
    """Whether the IOC says that its device is not there."""
    connected = await ca.get(f"{PREFIX}Connected")
    return (connected.value, connected.severity) == (0, 2)


async def test_a_device_that_does_not_answer_at_first_is_undefined(ca_space: CaSpace) -> None:
    """No reading ever came: UDF, not a zero that looks healthy."""
    undefined = 17
    async with (
        simulator(running(), fault="silent") as (panel, link),
        ioc(ca_space, link, "--timeout", "30"),
        Libca(ca_space) as ca,
    ):
        readings = await read_all(ca, BLOCK)
        assert {(r.severity, r.status) for r in readings.values()} == {(3, undefined)}
        panel.disconnect()  # or the IOC would wait for the answer before it ends
