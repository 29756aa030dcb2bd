"""The simulator on the wire and on the command line, as somebody would use it."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from drivers.core.modbus import ModbusBus
from drivers.core.simulation.modbus_framing import RtuFraming
from drivers.core.url import SerialLine, TcpUrl, parse_link
from drivers.cpa1110.device import Compressor
from drivers.cpa1110.settings import CompressorSettings
from drivers.cpa1110.simulator import CompressorSimulator
from tests.drivers.cpa1110.conftest import Rig
from tests.support.wire.until import PATIENCE


async def _exchange(url: str, request: str, size: int) -> str:
    target = parse_link(url)
    assert isinstance(target, TcpUrl)
    reader, writer = await asyncio.open_connection(target.host, target.port)
    writer.write(bytes.fromhex(request))
    answer = await asyncio.wait_for(reader.readexactly(size), PATIENCE)
    writer.close()
    await writer.wait_closed()
    return answer.hex()


@pytest.mark.parametrize(
    ("request_pdu", "answer_pdu"),
    [
        ("0400000001", "8402"),
        ("0400380001", "8402"),
        ("0400370001", "04020000"),
        ("0400010000", "8403"),
        ("040001007e", "8403"),
        ("04000100", "8403"),
        ("0300020001", "8302"),
        ("0300010002", "8302"),
        ("0600020001", "8602"),
        ("0600011234", "0600011234"),
        ("10000100010200ff", "1000010001"),
        ("1000010002020001", "9003"),
        ("100001000204000100ff", "9002"),
        ("0100010001", "8101"),
        ("050001ff00", "8501"),
        ("0f000100010101", "8f01"),
        ("2b0e0100", "ab01"),
        ("11", "9101"),
    ],
)
async def test_what_is_refused_and_how(tcp_rig: Rig, request_pdu: str, answer_pdu: str) -> None:
    url = tcp_rig.simulator.ports.endpoints[0]
    head = f"00070000{len(request_pdu) // 2 + 1:04x}2a"
    right = f"00070000{len(answer_pdu) // 2 + 1:04x}2a{answer_pdu}"
    assert await _exchange(str(url), head + request_pdu, len(right) // 2) == right
    assert not tcp_rig.model.running


async def test_rtu_answers_its_own_address_and_a_right_crc_only() -> None:
    simulator = CompressorSimulator(unit=17)
    url = await simulator.listen("rtu+tcp://127.0.0.1:0")
    rtu = RtuFraming()
    read = bytes.fromhex("0400010001")
    bad = bytearray(rtu.wrap(17, bytes.fromhex("0600010001"), 0))
    bad[-1] ^= 1
    target = parse_link(url)
    assert isinstance(target, TcpUrl)
    reader, writer = await asyncio.open_connection(target.host, target.port)
    for ignored in (
        rtu.wrap(16, read, 0),
        rtu.wrap(0, bytes.fromhex("0600010001"), 0),
        bytes(bad),
        b"\x11",
    ):
        writer.write(ignored)
        await asyncio.sleep(0.1)
    writer.write(rtu.wrap(17, read, 0))
    answer = await asyncio.wait_for(reader.readexactly(7), PATIENCE)
    assert answer == rtu.wrap(17, bytes.fromhex("04020000"), 0)
    assert not simulator.model.running
    # only the request to its address and the broadcast were understood as frames for somebody
    assert [frame.unit for frame in simulator.requests()] == [16, 0, 17]
    writer.close()
    await writer.wait_closed()
    await simulator.close()


@pytest.mark.parametrize(
    ("line", "think"), [(SerialLine(9600, "E"), 0.02), (SerialLine(19200), 0.0)]
)
async def test_a_paced_line_takes_its_wire_time(line: SerialLine, think: float) -> None:
    """33 registers are 8 + 71 characters and two silences of 3.5 (cpa1110-protocol.md 1)."""
    simulator = CompressorSimulator(line=line, think=think)
    url = await simulator.listen("pty")
    assert f"baud={line.baud}&parity=N" in url
    compressor = Compressor(CompressorSettings(url, timeout=5.0))
    await compressor.read_status()
    began = time.monotonic()
    for _ in range(3):
        await compressor.read_status()
    took = (time.monotonic() - began) / 3
    right = (8 + 71 + 2 * 3.5) * line.character_time + think
    assert took >= right * 0.98
    assert len(simulator.requests()) == 4
    await compressor.close()
    await simulator.close()


async def test_a_busy_line_of_two_connections_serves_both() -> None:
    simulator = CompressorSimulator()
    url = parse_link(await simulator.listen("tcp://127.0.0.1:0"))
    buses = [ModbusBus(url) for _ in range(2)]
    reads = [bus.unit(1).read_input(1, 33) for bus in buses for _ in range(20)]
    assert len(set(await asyncio.gather(*reads))) >= 1
    assert simulator.connections == 2
    for bus in buses:
        await bus.close()
    await simulator.close()


@dataclass
class _Process:
    process: asyncio.subprocess.Process
    control: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def line(self) -> str:
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)).decode().rstrip()

    async def type(self, command: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(command.encode() + b"\n")
        return await self.line()

    async def ask(self, command: str) -> str:
        assert self.control is not None
        reader, writer = self.control
        writer.write(command.encode() + b"\n")
        return (await asyncio.wait_for(reader.readline(), PATIENCE)).decode().rstrip()


async def _launch(*options: str) -> _Process:
    return _Process(
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "drivers.cpa1110.simulator",
            *options,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    )


@pytest.fixture
async def running() -> AsyncIterator[_Process]:
    one = await _launch(
        "--link", "tcp://127.0.0.1:0", "--control", "tcp://127.0.0.1:0", "--speed", "20",
        "--firmware", "3", "--pressure-unit", "bar", "--temperature-unit", "C",
    )  # fmt: skip
    yield one
    if one.process.returncode is None:
        one.process.kill()
    await one.process.communicate()


async def test_the_command_line_end_to_end(running: _Process) -> None:
    endpoint = await running.line()
    control = await running.line()
    assert endpoint.startswith("listening tcp://127.0.0.1:")
    assert control.startswith("control tcp://127.0.0.1:")
    compressor = Compressor(CompressorSettings(endpoint.split()[1], timeout=30.0))
    status = await compressor.read_status()
    assert (status.revision, str(status.panel_pressure_unit)) == ("3.101", "bar")

    host, _, port = control.split()[1].removeprefix("tcp://").rpartition(":")
    running.control = await asyncio.open_connection(host, int(port))
    assert await running.type("units psi F") == "ok units psi F"
    assert await running.ask("warning oil_high bit_31") == "ok warnings 2147483664"
    status = await compressor.read_status()
    assert str(status.panel_pressure_unit) == "psi"
    assert status.warnings == ("oil_high", "bit_31")
    assert await running.ask("warning clear") == "ok warnings 0"

    await compressor.start()
    assert "running 1" in await running.ask("state")
    assert await running.ask("alarm helium_high") == "ok alarms 64"
    assert await running.ask("state") == "ok state 7 error running 0"
    assert await running.ask("alarm clear") == "ok alarms 0"
    assert await running.ask("state idle") == "ok state 0 idle running 0"
    assert await running.ask("fault exception=6:1@reads") == "ok fault exception"
    assert await running.type("fault clear") == "ok no fault"
    assert (await compressor.read_status()).state_name == "idle"
    assert (await running.ask("requests")).endswith(" writes 1")
    assert await running.ask("disconnect") == "ok disconnected"
    assert (await running.ask("help")).startswith("ok help: ")
    running.control[1].close()
    await compressor.close()

    running.process.send_signal(signal.SIGTERM)
    out, err = await running.process.communicate()
    assert (running.process.returncode, out, err) == (0, b"", b"")


WRONG_COMMANDS = {
    "start": "unknown command 'start', known are help, fault, state",
    "fault": "fault needs one word",
    "fault deaf": "unknown fault 'deaf'",
    "fault bad-crc": "cannot happen on this link",
    "alarm": "name at least one bit",
    "alarm hot": "unknown bit 'hot'",
    "state odd": "unknown state 'odd', known are idle",
    "units bar": "units needs a pressure",
    "units atm C": "units needs a pressure",
}


async def test_a_wrong_command_is_answered_by_an_error(running: _Process) -> None:
    await running.line()
    await running.line()
    for command, words in WRONG_COMMANDS.items():
        answer = await running.type(command)
        assert answer.startswith("error ")
        assert words in answer


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_end_it_well_with_several_endpoints(number: signal.Signals) -> None:
    one = await _launch(
        "--link", "pty", "--link", "rtu+tcp://127.0.0.1:0", "--baud", "19200", "--line", "8E1"
    )
    assert (await one.line()).endswith("?baud=19200&parity=N&bits=8&stop=1")
    assert (await one.line()).startswith("listening rtu+tcp://127.0.0.1:")
    one.process.send_signal(number)
    _, err = await one.process.communicate()
    assert (one.process.returncode, err) == (0, b"")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--link", "udp://127.0.0.1:1"], "a simulator serves TCP or a pseudo-terminal"),
        (["--link", "tcp://127.0.0.1:99999"], "port '99999'"),
        (["--fault", "deaf"], "unknown fault 'deaf'"),
        (["--link", "pty", "--fault", "reset"], "cannot happen on this link"),
        (["--baud", "1"], "'1' is not a whole number, 50"),
        (["--line", "7E1"], "'7E1' is not of the form"),
        (["--speed", "0"], "'0' is not a number from"),
        (["--control", "pty"], "must start with"),
        (["--unit", "0"], "invalid choice"),
    ],
)
async def test_wrong_options_end_with_one_clear_error(options: list[str], words: str) -> None:
    one = await _launch(*options)
    _, err = await one.process.communicate()
    assert one.process.returncode == 2
    assert words in err.decode().replace("\n", " ")
    assert "Traceback" not in err.decode()


async def test_a_simulator_may_start_with_a_settled_running_machine() -> None:
    one = await _launch("--link", "tcp://127.0.0.1:0", "--running")
    try:
        compressor = Compressor(CompressorSettings((await one.line()).split()[1]))
        status = await compressor.read_status()
        assert (status.state_name, status.running, status.alarm_mask) == ("running", True, 0)
        assert status.high_pressure_average > 3 * status.low_pressure_average
        assert status.helium_temperature > status.oil_temperature > 30.0
        await compressor.close()
    finally:
        one.process.kill()
        await one.process.communicate()
