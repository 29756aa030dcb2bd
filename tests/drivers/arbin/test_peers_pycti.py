"""pycti-arbin, an independent client, on the simulated cycler.

What it does wrong (arbin-protocol.md 8) is pinned beside what is right.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pyctiarbin import ChannelInterface, CyclerInterface
from pyctiarbin.messages import Msg

from drivers.arbin.commands import Assign, Start, Stop
from drivers.arbin.login import Login
from drivers.arbin.messages import decode_request, encode_request
from drivers.arbin.protocol import Code, Direction, FrameStream
from drivers.arbin.queries import ChannelsInfo
from drivers.arbin.results import VariableResult
from drivers.arbin.simulator.model import Behaviour
from drivers.arbin.simulator.records import Wiring
from drivers.arbin.variables import SetVariable
from drivers.arbin.words import AuxKind, Extra, Status, meta_code
from drivers.core.simulation.faults import parse_fault
from tests.drivers.arbin.simulator_rig import Clock, client, simulator

R = TypeVar("R")
TWO = Behaviour(channels=2, refresh=0.0)


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The file that pycti reads user and password from, into the environment."""
    for name in ("USERNAME", "PASSWORD"):
        monkeypatch.setenv(f"ARBIN_CTI_{name}", "")
    path = tmp_path / "secrets.env"
    path.write_text("ARBIN_CTI_USERNAME=operator\nARBIN_CTI_PASSWORD=operator\n")
    return str(path)


def config(link: str, **more: object) -> dict[str, object]:
    """What pycti wants to know."""
    return {
        "ip_address": "127.0.0.1",
        "port": int(link.rpartition(":")[2]),
        "timeout_s": 10.0,
        **more,
    }


@contextmanager
def connected(kind: Callable[..., R], *arguments: object) -> Iterator[R]:
    """A pycti interface whose socket, which it never closes itself, is closed at the end."""
    made = kind(*arguments)
    try:
        yield made
    finally:
        found = getattr(made, "_CyclerInterface__sock")  # noqa: B009 - a private name
        assert isinstance(found, socket.socket)
        found.close()


async def test_it_logs_in_and_reads_every_channel(secrets: str) -> None:
    behaviour = Behaviour(channels=3, wiring=Wiring({AuxKind.TEMPERATURE: 1}), refresh=0.0)
    async with simulator(behaviour, clock=Clock()) as (cycler, link):
        cycler.cycler.start_some()

        def use() -> tuple[dict[str, Any], list[dict[str, Any]]]:
            with connected(CyclerInterface, config(link), secrets) as pycti:
                assert pycti.get_num_channels() == 3
                login: dict[str, Any] = pycti.get_login_feedback()
                return login, [pycti.read_channel_status(number) for number in (1, 2, 3)]

        login, channels = await asyncio.to_thread(use)
    assert (login["result"], login["cycler_sn"], login["allow_control"]) == ("success", "190001", 1)
    assert [channel["channel"] for channel in channels] == [0, 1, 2]
    assert [channel["status"] for channel in channels] == ["Transition", "Idle", "Transition"]
    assert channels[0]["schedule"] == "CC-CV cycle.sdx"
    assert channels[0]["testname"] == "Cell 001"
    assert channels[0]["step_and_cycle_format"] == "[1] 1: Step_A, Rest"
    assert 3.0 < channels[0]["voltage_v"] < 4.3


async def test_it_runs_a_test(secrets: str) -> None:
    clock = Clock()
    async with simulator(TWO, clock=clock) as (cycler, link):
        more = {"channel": 2, "test_name": "pycti", "schedule_name": "Follow UD1.sdx"}

        def use() -> list[object]:
            with connected(ChannelInterface, config(link, **more), secrets) as pycti:
                found: list[object] = [pycti.start_test()]
                clock.now = 4.0
                found.append(pycti.set_meta_variable(1, 0.5))
                clock.now = 6.0
                status = pycti.read_channel_status()
                found += [status["status"], status["current_a"], status["testname"]]
                found += [pycti.stop_test(), pycti.read_channel_status()["status"]]
                return found

        assert await asyncio.to_thread(use) == [
            True, True, "Charge", 0.5, "pycti", True, "Idle",
        ]  # fmt: skip
        assert cycler.crashes == 0
        assert cycler.bad_checksums == 0


async def test_refusals_reach_it(secrets: str, caplog: pytest.LogCaptureFixture) -> None:
    async with simulator(TWO) as (_, link):
        more = {"channel": 1, "test_name": "pycti", "schedule_name": "Nothing.sdx"}

        def use() -> None:
            with connected(ChannelInterface, config(link, **more), secrets) as pycti:
                assert not pycti.assign_schedule()
                assert not pycti.stop_test()

        await asyncio.to_thread(use)
    assert "Issue: Schedule name not found" in caplog.text


async def test_a_refused_login_is_a_reply_of_full_size() -> None:
    async with simulator(TWO) as (_, link), client(link, None) as one:
        one.send(bytes(Msg.Login.Client.pack({"username": "operator", "password": "wrong"})))
        reply = Msg.Login.Server.unpack(bytearray(await one.raw(8678)))
    assert (reply["result"], reply["allow_control"]) == ("fail", 0)


def test_its_requests_are_ours_to_the_byte() -> None:
    """But for ASSIGN: it sends capacity and all user variables as 1.0, ours as 0 (a hazard)."""
    values = {"username": "operator", "password": "operator"}
    assert Msg.Login.Client.pack(values) == encode_request(Login("operator", "operator"))
    info = {"channel": 13}
    assert Msg.ChannelInfo.Client.pack(info) == encode_request(ChannelsInfo(13))
    start = {"channel": 13, "test_name": "T"}
    assert Msg.StartSchedule.Client.pack(start) == encode_request(Start("T", (13,)))
    assert Msg.StopSchedule.Client.pack({"channel": 13}) == encode_request(Stop(13))
    variable = {"channel": 13, "mv_meta_code": 52, "mv_data": 0.2}
    ours = encode_request(SetVariable(13, meta_code(1), 0.2))
    assert Msg.SetMetaVariable.Client.pack(variable) == ours
    theirs = Msg.AssignSchedule.Client.pack({"channel": 13, "schedule": "A.sdx"})
    (found,) = FrameStream(Direction.REQUEST).feed(theirs)
    assigned = Assign.decode(found.payload)
    assert (assigned.capacity, set(assigned.variables)) == (1.0, {1.0})
    assert Assign(13, "A.sdx").variables == (0.0,) * 16


async def test_its_meanings_of_two_variable_results_are_swapped(
    secrets: str, caplog: pytest.LogCaptureFixture
) -> None:
    """0x12 is "not running", 0x11 "no such variable" (arbin-protocol.md 6.2); not in pycti."""
    async with simulator(TWO) as (_, link):

        def use() -> None:
            more = {"channel": 1}
            with connected(ChannelInterface, config(link, **more), secrets) as pycti:
                assert not pycti.set_meta_variable(1, 1.0)

        await asyncio.to_thread(use)
        async with client(link) as one:
            refused = await one.result(SetVariable(0, meta_code(1), 1.0))
    assert refused == (0, VariableResult.NOT_RUNNING)
    issue = caplog.text.rpartition("Issue: ")[2]
    assert issue.startswith("Meta code does not exist")


async def test_a_status_and_a_result_beyond_its_tables_break_it(secrets: str) -> None:
    """Status 31 and unknown results are values (arbin-protocol.md 5, 8); pycti raises."""
    async with simulator(TWO) as (cycler, link):

        def use() -> None:
            made = connected(ChannelInterface, config(link, channel=1), secrets)
            with made as pycti, pytest.raises(KeyError):
                pycti.stop_test()

        await cycler.set_fault(parse_fault("exception=119@writes"))
        await asyncio.to_thread(use)
    assert Status(31) is Status.SUSPENDED


async def test_all_channels_at_once_give_it_only_the_first(secrets: str) -> None:
    """It sends -1 and decodes one record (arbin-protocol.md 8); the reply has them all."""
    async with simulator(TWO) as (_, link):

        def use() -> dict[str, Any]:
            with connected(CyclerInterface, config(link), secrets) as pycti:
                return pycti.read_channel_status(0)

        status = await asyncio.to_thread(use)
        assert (status["channel"], status["number_of_channels"]) == (0, 2)


async def test_it_reads_a_reply_with_a_wrong_checksum_all_the_same(secrets: str) -> None:
    """The vendor's library drops such a frame (arbin-protocol.md 2), and so do we."""
    async with simulator(TWO) as (cycler, link):

        def use() -> dict[str, Any]:
            with connected(CyclerInterface, config(link), secrets) as pycti:
                asyncio.run_coroutine_threadsafe(
                    cycler.set_fault(parse_fault("bad-crc:1")), loop
                ).result(30)
                return pycti.read_channel_status(1)

        loop = asyncio.get_running_loop()
        status = await asyncio.to_thread(use)
        assert status["channel"] == 0
        assert cycler.count(Code.GET_CHANNELS_INFO) == 1


async def test_it_asks_for_no_extra_values_and_gets_none(secrets: str) -> None:
    """Counts follow the request (arbin-protocol.md 4.3): nobody asked for the channel's values."""
    behaviour = Behaviour(channels=1, wiring=Wiring({AuxKind.VOLTAGE: 2}), refresh=0.0)
    async with simulator(behaviour) as (cycler, link):

        def use() -> dict[str, Any]:
            with connected(CyclerInterface, config(link), secrets) as pycti:
                return pycti.read_channel_status(1)

        status = await asyncio.to_thread(use)
        assert decode_request(cycler.requests()[-1]) == ChannelsInfo(0)
    assert (status["aux_voltage_count"], status["aux_voltage"]) == (0, [])


async def test_it_reads_aux_values_as_they_are_sent() -> None:
    wiring = Wiring({AuxKind.VOLTAGE: 1, AuxKind.TEMPERATURE: 2, AuxKind.DENSITY: 1})
    behaviour = Behaviour(channels=1, wiring=wiring, refresh=0.0)
    async with simulator(behaviour) as (cycler, link), client(link) as one:
        one.send(encode_request(ChannelsInfo(0, extra=Extra.AUX)))
        status = Msg.ChannelInfo.Server.unpack(bytearray(await one.raw(1779 + 8 * 4)))
        reading = cycler.cycler.channels[0]
    assert len(status["aux_temperature"]) == 2
    assert status["aux_voltage"] == [pytest.approx(reading.measured.voltage, abs=1e-3)]
    assert status["aux_density"] == [pytest.approx(1.28, rel=0.01)]
