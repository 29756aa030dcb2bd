"""The table of datapoints against what its maker prints (xcom-protocol.md 18)."""

from __future__ import annotations

from collections import Counter

import pytest

from drivers.xcom import enumerations
from drivers.xcom.addresses import Family, range_of
from drivers.xcom.datapoint import Access, Monitor
from drivers.xcom.datapoints import DATAPOINTS, datapoint, datapoint_by_name, datapoints_of
from drivers.xcom.enumerations import Enumeration, Locking
from drivers.xcom.identity import IDENTITIES
from drivers.xcom.protocol import Format, Level, ObjectType, Property


def test_the_table_has_every_row_once() -> None:
    assert len(DATAPOINTS) == 213
    assert len({one.number for one in DATAPOINTS}) == 213
    assert len({one.name for one in DATAPOINTS}) == 213
    assert Counter(one.family for one in DATAPOINTS) == {
        Family.XTENDER: 103, Family.VARIOTRACK: 35, Family.VARIOSTRING: 27,
        Family.BATTERY: 37, Family.GATEWAY: 11,
    }  # fmt: skip
    assert Counter((one.format, one.access) for one in DATAPOINTS) == {
        (Format.FLOAT, Access.READ): 109,
        (Format.FLOAT, Access.READ_WRITE): 32,
        (Format.SHORT_ENUM, Access.READ): 34,
        (Format.LONG_ENUM, Access.READ): 1,
        (Format.LONG_ENUM, Access.READ_WRITE): 7,
        (Format.BOOL, Access.READ_WRITE): 14,
        (Format.INT32, Access.READ_WRITE): 3,
        (Format.INT32, Access.SIGNAL): 13,
    }
    assert sum(one.first_choice for one in DATAPOINTS) == 70


def test_each_row_is_whole() -> None:
    for one in DATAPOINTS:
        assert one.object_type is not ObjectType.INFO or one.number in range_of(one.family).infos
        assert one.unit.isascii()
        assert len(one.unit) <= 4
        assert len(one.what) <= 52
        assert (one.format in (Format.SHORT_ENUM, Format.LONG_ENUM)) is (one.labels is not None)
        assert bool(one.monitors) is (one.family is Family.BATTERY)
        assert one.number == datapoint(one.number, one.family).number
        assert datapoint_by_name(one.name) is one


def test_limits_hold_the_default() -> None:
    for one in DATAPOINTS:
        numbers = (one.default, one.minimum, one.maximum)
        if one.access is Access.READ_WRITE and one.number != 5002:
            assert one.minimum is not None
            assert one.maximum is not None
            assert one.default is not None
            assert one.minimum <= one.default <= one.maximum, one
            assert one.level is not None
        else:
            assert numbers == (None, None, None)


def _row(number: int) -> tuple[object, ...]:
    one = datapoint(number)
    return one.name, one.unit, one.format, one.access, one.default, one.minimum, one.maximum


def test_rows_as_printed() -> None:
    rw = Access.READ_WRITE
    rows = {
        1107: ("MAX_CURR_AC_SOURCE", "A", Format.FLOAT, rw, 32, 2, 50),
        1523: ("MAX_GRID_FEEDING_CURR", "A", Format.FLOAT, rw, 10, 0, 50),
        1140: ("XT_FLOAT_VOLTAGE", "V", Format.FLOAT, rw, 54.4, 37.9, 72),
        1525: ("XT_FORCED_FEED_START", "min", Format.INT32, rw, 1200, 0, 1440),
        1126: ("SMART_BOOST_ALLOWED", "", Format.BOOL, rw, 1, 0, 1),
        1311: ("XT_AUX2_OPMODE", "", Format.LONG_ENUM, rw, 1, 1, 8),
        6070: ("BMS_SOC_STOP_DISCH", "%", Format.FLOAT, rw, 15, 0, 100),
        3137: ("AC_POWER_IN", "kW", Format.FLOAT, Access.READ, None, None, None),
        7008: ("BATT_DISCHARGE", "Ah", Format.FLOAT, Access.READ, None, None, None),
        11043: ("PV_POWER", "kW", Format.FLOAT, Access.READ, None, None, None),
        3001: ("XT_BATT_TEMP", "degC", Format.FLOAT, Access.READ, None, None, None),
        5012: ("USER_LEVEL", "", Format.LONG_ENUM, Access.READ, None, None, None),
        10029: ("FORCE_NEW_CYCLE", "", Format.INT32, Access.SIGNAL, None, None, None),
        14217: ("VS70_CHARGE_CURR", "A", Format.FLOAT, rw, 70, 0, 70),
    }
    assert {number: _row(number) for number in rows} == rows
    assert datapoint(1523).step == 0.2
    assert datapoint(1311).step is None
    assert datapoint(1607).level is Level.INSTALLER
    assert datapoint(7004).monitors is Monitor.BSP
    assert datapoint(7000).monitors == Monitor.BSP | Monitor.BMS


def test_which_property_holds_a_value() -> None:
    assert datapoint(3000).value_property is Property.INFO_VALUE
    assert datapoint(1107).value_property is Property.VALUE
    assert datapoint(10029).object_type is ObjectType.PARAMETER


def test_lookups_say_what_is_wrong() -> None:
    with pytest.raises(KeyError, match="datapoint 3999 is not in the table"):
        datapoint(3999)
    with pytest.raises(KeyError, match="datapoint 3000 is one of XTENDER, not of BATTERY"):
        datapoint(3000, Family.BATTERY)
    with pytest.raises(KeyError, match="datapoint 'XT_NOTHING' is not in the table"):
        datapoint_by_name("XT_NOTHING")
    assert all(one.family is Family.GATEWAY for one in datapoints_of(Family.GATEWAY))


def _enumerations() -> list[Enumeration]:
    return [each for each in vars(enumerations).values() if isinstance(each, Enumeration)]


def test_enumerations_fit_into_a_pv() -> None:
    found = _enumerations()
    assert len(found) == 24
    for each in found:
        labels = [label for _, label in each.labels]
        numbers = [number for number, _ in each.labels]
        assert len(each.labels) <= 16
        assert len(set(labels)) == len(labels)
        assert numbers == sorted(set(numbers))
        assert max(map(len, labels)) <= 25
        for number, label in each.labels:
            assert each.label(number) == label
            assert each.number(label) == number
        assert each.label(14_000) is None
        with pytest.raises(ValueError, match="'Nothing' is not one of"):
            each.number("Nothing")


def test_phases_are_not_those_of_another_family() -> None:
    """xcom-protocol.md 17, V6."""
    xtender, vario = datapoint(3010).labels, datapoint(11038).labels
    assert xtender is not None
    assert vario is not None
    assert (xtender.label(1), vario.label(1)) == ("Bulk", "Absorption")


def test_modes_that_other_tables_lack() -> None:
    """xcom-protocol.md 17, V14 and V15."""
    mode, thermal = datapoint(11016).labels, datapoint(3168).labels
    assert mode is not None
    assert thermal is not None
    assert mode.label(12) == "Charge, BSP limited"
    assert [thermal.label(code) for code in (0, 4, 8)] == [
        "Fine", "Electronics error", "Electronics halted"
    ]  # fmt: skip


def test_one_bit_choices_have_one_bit() -> None:
    for one in DATAPOINTS:
        if one.format is Format.LONG_ENUM and one.access is Access.READ_WRITE:
            assert one.labels is not None
            assert all(number.bit_count() <= 1 for number, _ in one.labels.labels)


def test_lock_bits() -> None:
    assert [bit.value.bit_length() - 1 for bit in Locking] == [0, 1, 2, 3, 4, 8, 9, 10]


def test_identities_are_where_section_14_says() -> None:
    numbers = {family: [one.number for one in found.all] for family, found in IDENTITIES}
    assert numbers == {
        Family.XTENDER: [3124, 3125, 3129, 3132, 3130, 3131, 3156, 3157],
        Family.BATTERY: [7034, 7036, 7037, 7038, 7048, 7049],
        Family.VARIOTRACK: [11015, 11049, 11050, 11051, 11067, 11068],
        Family.VARIOSTRING: [15074, 15076, 15077, 15078, 15102, 15103],
    }
    for family, found in IDENTITIES:
        assert {one.family for one in found.all} == {family}
