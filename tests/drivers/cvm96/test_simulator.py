"""The simulated bus: its rules on the wire (cvm96-protocol.md 4 and 8), as a program."""

from __future__ import annotations

import asyncio

import pytest

from drivers.core.errors import BadUrl
from drivers.core.simulation.console import Console
from drivers.core.simulation.modbus_device import answer
from drivers.cvm96.device import MeterBus
from drivers.cvm96.settings import Cvm96Settings
from drivers.cvm96.simulator import make_bus
from drivers.cvm96.simulator.answers import Behaviour, MeterRegisters
from drivers.cvm96.simulator.model import MeterModel
from tests.drivers.cvm96.conftest import names
from tests.support.process import PythonProcess

MODULE = "drivers.cvm96.simulator"


def _ask(request: str, behaviour: Behaviour | None = None) -> bytes:
    return answer(MeterRegisters(MeterModel(), behaviour), bytes.fromhex(request))


@pytest.mark.parametrize(
    ("request_pdu", "code"),
    [
        ("04 0001 0002", 2),  # odd start
        ("04 0000 0003", 2),  # odd count
        ("04 0000 002A", 2),  # more than 40
        ("04 0000 0000", 2),  # none
        ("04 0000 00C8", 2),  # more than a frame holds
        ("03 0048 0004", 2),  # into the gap
        ("04 004A 0002", 2),
        ("04 00AA 0002", 2),
        ("04 011E 0004", 2),  # beyond the end
        ("04 0120 0002", 2),
        ("05 0834 FF00", 2),  # a relay
        ("01 0002 0001", 2),
        ("02 0000 0001", 1),  # functions that are not there
        ("06 0000 0000", 1),
        ("10 0000 0001 02 0000", 1),
        ("0E 00", 1),
    ],
)
def test_what_the_meter_refuses(request_pdu: str, code: int) -> None:
    pdu = bytes.fromhex(request_pdu)
    assert _ask(request_pdu) == bytes([pdu[0] | 0x80, code])


@pytest.mark.parametrize("request_pdu", ["04 0000 0028", "03 0000 0028", "04 011E 0002"])
def test_what_the_meter_answers(request_pdu: str) -> None:
    pdu = bytes.fromhex(request_pdu)
    assert _ask(request_pdu)[:2] == bytes([pdu[0], 2 * pdu[4]])


def test_relays_are_off() -> None:
    assert _ask("01 0000 0002") == bytes.fromhex("01 01 00")


def test_the_gap_can_read_zero() -> None:
    assert _ask("04 004A 0008", Behaviour(gap_reads_zero=True)) == bytes([4, 16]) + bytes(16)


def test_reset_coils_are_noted_if_they_are_to_be() -> None:
    meter = MeterRegisters(MeterModel(), Behaviour(accept_resets=True))
    for request in ("05 0834 FF00", "05 0837 FF00"):
        assert answer(meter, bytes.fromhex(request)) == bytes.fromhex(request)
    for request in ("05 0834 0000", "05 0835 FF00"):
        assert answer(meter, bytes.fromhex(request)) == b"\x85\x02"
    assert meter.resets == [0x0834, 0x0837]


async def test_commands_of_the_console() -> None:
    simulator = make_bus(3, Behaviour(speed=1e-6), first_address=4)
    console = Console(simulator)
    url = await simulator.listen("rtu+tcp://127.0.0.1:0")
    bus = MeterBus(Cvm96Settings(url, meters=names(3, first=4), timeout=0.2))
    await bus.meters[1].read_energies()
    assert await console.execute("requests") == "ok reads 2 writes 0"
    assert await console.execute("kill 4 5") == "ok silent 4 5"
    assert await console.execute("revive 5") == "ok answering 5"
    await bus.meters[1].read_energies()
    simulator.meters[6].model.advance(7200.0)
    assert await console.execute("clear 6 energies") == "ok cleared energies of 6"
    assert (await bus.meters[2].read_energies()).energies.active_energy == 0
    assert await console.execute("clear 6 extremes") == "ok cleared extremes of 6"
    assert await console.execute("power-up 6 3000") == "ok zeros from 6 for 3000 s"
    assert (await bus.meters[2].read_instantaneous()).frequency == 0
    for wrong in ("kill", "kill 7", "clear 6 all", "clear", "power-up 6 x", "power-up 6 0"):
        assert (await console.execute(wrong)).startswith("error ")
    assert "4, 5, 6" in await console.execute("kill 7")
    await bus.close()
    await simulator.close()


async def test_serial_devices_are_not_served() -> None:
    with pytest.raises(BadUrl, match="serves TCP or a pseudo-terminal"):
        await make_bus().listen("serial:///dev/ttyUSB0")


@pytest.mark.parametrize("link", ["pty", "tcp://127.0.0.1:0", "rtu+tcp://127.0.0.1:0"])
async def test_the_program_serves_eight_meters(link: str) -> None:
    """What `labioc sim cvm96 --meters 8 --link ...` runs."""
    options = ("--meters", "8", "--speed", "3600", "--hour", "9", "--baud", "115200")
    async with PythonProcess(MODULE, "--link", link, *options) as simulator:
        url = (await simulator.line(r"listening (\S+)"))[1]
        bus = MeterBus(Cvm96Settings(url, meters=names(8)))
        readings = await asyncio.gather(*(meter.read_all() for meter in bus.meters))
        assert len({each.instantaneous.measurements for each in readings}) == 8
        await bus.close()


async def test_an_hour_that_is_none_is_refused() -> None:
    async with PythonProcess(MODULE, "--hour", "25") as simulator:
        await simulator.line("'25' is not a number from 0 to 24")
        assert await simulator.wait() == 2
