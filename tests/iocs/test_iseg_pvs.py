"""The PVs of an iseg IOC as declared: all that are promised are there, and well formed."""

from __future__ import annotations

import pytest

from drivers.iseg.device import Crate
from drivers.iseg.settings import CrateSettings, ModuleSettings, Polarity
from drivers.iseg.words import CHANNEL_STATUS_BITS, MODULE_STATUS_BITS
from iocs.app.options import SettingsError, parse
from iocs.iseg import INSTRUMENT, CrateIOC
from iocs.record.alarm import Severity
from iocs.record.point import Point

CRATE = "ChannelsOn ChannelsTripped MaxVoltage Connected LastError"
MODULE = """
    Status EventStatus SerialNumber FirmwareRelease FirmwareName ChannelNumber VoltageRampSpeed
    VoltageRampSpeed_RBV CurrentRampSpeed CurrentRampSpeed_RBV Temperature Supply24V Supply5V
    VoltageLimit CurrentLimit KillEnable KillEnable_RBV ClearEvents AllOff EmergencyOffAll
    VoltageMeasureAll CurrentMeasureAll Connected MissingItems RestartCount
    Status:TemperatureGood Status:SafetyLoopGood Status:NeedsService EventStatus:SupplyNotGood
"""
CHANNEL = """
    VoltageSet VoltageSet_RBV CurrentSet CurrentSet_RBV VoltageMeasure CurrentMeasure On On_RBV
    EmergencyOff Status EventStatus VoltageNominal CurrentNominal VoltageBounds VoltageBounds_RBV
    CurrentBounds CurrentBounds_RBV RampSpeedUp RampSpeedUp_RBV RampSpeedDown RampSpeedDown_RBV
    ModuleRampSpeed TripTime TripTime_RBV TripAction TripAction_RBV ExternalInhibitAction
    ExternalInhibitAction_RBV Ramping TripReset ChannelState Status:Trip Status:ExternalInhibit
    EventStatus:Trip EventStatus:EndOfRamp
"""
LINK = "can://virtual/none"


async def _group(*modules: ModuleSettings) -> CrateIOC:
    return CrateIOC("X:", Crate(CrateSettings(LINK, modules)))


async def test_every_promised_pv_is_there() -> None:
    group = await _group(ModuleSettings("M00", 0, 2), ModuleSettings("M07", 7, 16))
    expected = {f"X:{name}" for name in CRATE.split()}
    for module, channels in (("M00", 2), ("M07", 16)):
        expected |= {f"X:{module}:{name}" for name in MODULE.split()}
        for number in range(channels):
            expected |= {f"X:{module}:CH{number:02d}:{name}" for name in CHANNEL.split()}
    assert not expected - set(group.pvdb)
    assert "X:M00:CH02:On" not in group.pvdb
    assert max(len(name) for name in group.pvdb) <= 60


async def test_arrays_have_the_length_of_their_module() -> None:
    group = await _group(ModuleSettings("M00", 0, 2), ModuleSettings("M07", 7, 48))
    lengths = {
        name: point.count
        for name, point in group.pvdb.items()
        if isinstance(point, Point) and name.endswith("All") and "Measure" in name
    }
    assert lengths == {
        f"X:{module}:{what}MeasureAll": count
        for module, count in (("M00", 2), ("M07", 48))
        for what in ("Voltage", "Current")
    }


async def test_one_bi_for_every_bit_and_faults_are_major() -> None:
    group = await _group(ModuleSettings("M00", 0, 1))

    def severities(name: str) -> tuple[int, ...]:
        point = group.pvdb[f"X:M00:{name}"]
        assert isinstance(point, Point)
        assert point.spec.record == "bi"
        return point.spec.severities

    for bit in CHANNEL_STATUS_BITS:
        severities(f"CH00:Status:{bit.name}")
    for bit in MODULE_STATUS_BITS:
        severities(f"Status:{bit.name}")
    major, none = Severity.MAJOR, Severity.NO_ALARM
    for name in ("Trip", "VoltageLimit", "CurrentLimit", "ExternalInhibit", "Emergency"):
        assert severities(f"CH00:Status:{name}") == (none, major)
    assert severities("CH00:Status:Ramp") == (none, none)
    assert severities("CH00:Status:InputError") == (none, Severity.MINOR)
    for name in ("TemperatureGood", "SupplyGood", "SafetyLoopGood", "NoSumError"):
        assert severities(f"Status:{name}") == (major, none)
    assert severities("Status:NeedsService") == (none, major)


async def test_without_a_number_the_channels_are_left_to_the_module() -> None:
    group = await _group(ModuleSettings("M00", 0))
    assert "X:M00:Status" in group.pvdb
    assert not [name for name in group.pvdb if ":CH" in name or name.endswith("All:")]
    assert "X:M00:VoltageMeasureAll" not in group.pvdb


def test_settings_from_a_site_file() -> None:
    table = {
        "link": "can://socketcan/can0",
        "modules": [
            {"name": "M00", "address": 0, "channels": 16},
            {"name": "M01", "address": 1, "polarity": "negative"},
        ],
    }
    settings = parse(CrateSettings, table)
    assert settings.modules[0] == ModuleSettings("M00", 0, 16)
    assert settings.modules[1].polarity is Polarity.NEGATIVE
    assert settings.url.bitrate == 125_000
    parse(INSTRUMENT.settings, {"link": INSTRUMENT.example_link, **dict(INSTRUMENT.demo.settings)})


@pytest.mark.parametrize(
    ("change", "key", "text"),
    [
        ({"link": "tcp://host:1"}, "link", "on a CAN bus"),
        ({"link": "can://socketcan/can0?bitrate=fast"}, "link", "bitrate 'fast'"),
        ({"modules": []}, "modules", "at least one"),
        ({"modules": [{"name": "M 0", "address": 0}]}, "modules.0.name", "must be 1 to 16"),
        ({"modules": [{"name": "M0", "address": 64}]}, "modules.0.address", "0 to 63"),
        ({"modules": [{"name": "M0", "address": 0, "channels": 49}]}, "modules.0.channels", "48"),
        ({"modules": [{"name": "M0", "adress": 0}]}, "modules.0.adress", "no such key"),
        (
            {"modules": [{"name": "A", "address": 1}, {"name": "B", "address": 1}]},
            "modules",
            "address 1 more than once",
        ),
        ({"timeout": 0.0}, "timeout", "0.01 to 5"),
        ({"keep_alive": 60.0}, "keep_alive", "1 to 50"),
        ({"tries": 0}, "tries", "1 to 10"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, object], key: str, text: str) -> None:
    table = {"link": LINK, "modules": [{"name": "M00", "address": 0}], **change}
    with pytest.raises(SettingsError) as caught:
        parse(CrateSettings, table)
    problems = {problem.key: problem.text for problem in caught.value.problems}
    if key != "link":
        assert key in problems
    assert text in str(caught.value)
