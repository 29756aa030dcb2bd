from __future__ import annotations

from typing import Any

import pytest

from drivers.core.errors import BadUrl
from drivers.cvm96.protocol import DemandMode
from drivers.cvm96.settings import Cvm96Settings, MeterSettings, Unit

_A, _B = MeterSettings("A", 1), MeterSettings("B", 2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"address": 0}, "address 0 is not from 1 to 247"),
        ({"address": 248}, "address 248 is not from 1 to 247"),
        ({"address": 1, "meters": (_A,)}, "address is for a single meter"),
        ({"meters": (_A, MeterSettings("A", 2))}, "meters have the name 'A' more than once"),
        ({"meters": (_A, MeterSettings("B", 1))}, "meters have the address 1 more than once"),
        ({"max_registers": 41}, "max_registers 41 is not an even number from 2 to 124"),
        ({"max_registers": 126}, "max_registers 126"),
        ({"function": 6}, "function 6 is not 4 or 3"),
        ({"timeout": 0.0}, "timeout 0 is not from 0.05 to 60"),
        ({"timeout": float("nan")}, "timeout nan"),
        ({"retries": 3}, "retries 3 is not from 0 to 2"),
        ({"nominal_voltage": 0.0}, "nominal_voltage 0 is not from 1 to"),
        ({"nominal_frequency": 500.0}, "nominal_frequency 500 is not from 45 to 65"),
    ],
)
def test_settings_are_checked_when_made(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Cvm96Settings("tcp://gateway", **settings)


@pytest.mark.parametrize("name", ["", "L 1", "A:B", "A.B", "x" * 21, "Zähler"])
def test_names_must_do_for_pvs(name: str) -> None:
    with pytest.raises(ValueError, match="is not 1 to 20 letters"):
        MeterSettings(name, 1)


@pytest.mark.parametrize("link", ["udp://host:502?bind=1", "can://socketcan/can0", "modbus://x"])
def test_links_that_carry_no_modbus_are_refused(link: str) -> None:
    with pytest.raises(BadUrl):
        Cvm96Settings(link)


def test_a_single_meter_has_no_name() -> None:
    assert Cvm96Settings("tcp://gateway").units == (Unit("", 1),)
    assert Cvm96Settings("tcp://gateway", address=7).units == (Unit("", 7),)


def test_meters_have_what_the_bus_has_unless_they_say_otherwise() -> None:
    own = MeterSettings("C", 3, DemandMode.VA, 5774.0)
    settings = Cvm96Settings(
        "tcp://gateway", meters=(_A, own), demand_mode=DemandMode.A, nominal_voltage=230.0
    )
    assert settings.units == (
        Unit("A", 1, DemandMode.A, 230.0),
        Unit("C", 3, DemandMode.VA, 5774.0),
    )


def test_defaults_of_the_line_and_of_the_gateway() -> None:
    serial = Cvm96Settings("serial:///dev/ttyUSB0")
    assert str(serial.url) == "serial:///dev/ttyUSB0?baud=9600&parity=N&bits=8&stop=1"
    assert str(Cvm96Settings("tcp://gateway").url) == "tcp://gateway:502"


def test_the_time_on_a_serial_line_is_added_to_the_time_out() -> None:
    assert Cvm96Settings("tcp://gateway").answer_timeout == 0.75
    slow = Cvm96Settings("serial:///dev/ttyUSB0?baud=1200")
    assert slow.answer_timeout == pytest.approx(0.75 + 93 * 10 / 1200)
