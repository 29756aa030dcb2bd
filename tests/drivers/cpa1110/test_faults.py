"""Every fault of the wire, on every link: the right error, recovery by itself, nothing repeated."""

from __future__ import annotations

import pytest

from drivers.core.errors import Ambiguous, BadReply, DriverError, LinkDown, NoReply, Refused
from drivers.core.simulation.faults import BadFault, parse_fault
from tests.drivers.cpa1110.conftest import TIMEOUT, Rig
from tests.support.wire.until import recovered

LATE = f"late={TIMEOUT * 1.3:g}"
ON_READ: dict[str, type[DriverError]] = {
    "silent": NoReply,
    "lost-reply": NoReply,
    LATE: NoReply,
    "wrong-transaction": BadReply,
    "other-reply": BadReply,
    "wrong-unit": BadReply,
    "truncated": BadReply,
    "bad-crc": BadReply,
    "echo": BadReply,
    "exception=6": Refused,
    "reset": NoReply,
    "refuse": LinkDown,
    "flood": BadReply,
    "flood=9": BadReply,
}
NOT_ON = {
    "tcp": {"bad-crc", "echo"},
    "rtu+tcp": {"wrong-transaction"},
    "pty": {"wrong-transaction", "reset", "refuse"},
}
OBEYED_UNSEEN = [
    "lost-reply",
    LATE,
    "wrong-transaction",
    "other-reply",
    "wrong-unit",
    "truncated",
    "bad-crc",
    "reset",
    "flood",
]


async def _switch_on(rig: Rig, spec: str) -> bool:
    fault = parse_fault(spec)
    if fault.fault in NOT_ON[rig.link]:
        with pytest.raises(BadFault, match="cannot happen on this link"):
            await rig.simulator.set_fault(fault)
        return False
    await rig.simulator.set_fault(fault)
    return True


@pytest.mark.parametrize("fault", ON_READ)
async def test_a_read_fails_in_its_way_and_comes_back_by_itself(rig: Rig, fault: str) -> None:
    await rig.compressor.read_status()
    if not await _switch_on(rig, fault):
        return
    for _ in range(2):
        with pytest.raises((ON_READ[fault], LinkDown)) as caught:
            await rig.compressor.read_status()
        assert rig.compressor.last_error == str(caught.value)
        if _ == 0:
            assert caught.type is ON_READ[fault]
    # a reading after the fault is a new one, not the answer to an old request
    rig.model.panel.serial = 4711
    await rig.simulator.clear_fault()
    status = await recovered(rig.compressor.read_status)
    assert status.panel_serial_number == 4711
    assert rig.compressor.connected
    assert rig.writes == 0


@pytest.mark.parametrize("fault", OBEYED_UNSEEN)
async def test_a_start_that_was_obeyed_unseen_is_confirmed_by_the_state(
    rig: Rig, fault: str
) -> None:
    await rig.compressor.read_status()
    if not await _switch_on(rig, f"{fault}:1@writes"):
        return
    result = await rig.compressor.start()
    assert result.status.running
    assert "the state confirms it" in result.note
    assert rig.writes == 1


@pytest.mark.parametrize("command", ["start", "stop"])
async def test_a_command_that_got_lost_is_ambiguous_and_never_repeated(
    rig: Rig, command: str
) -> None:
    if command == "stop":
        await rig.compressor.start()
    writes = rig.writes
    await _switch_on(rig, "silent:1@writes")
    with pytest.raises(Ambiguous, match=r"not seen within 1 s: state (idle|running|starting)"):
        await getattr(rig.compressor, command)()
    assert rig.writes == writes + 1
    await getattr(rig.compressor, command)()
    assert rig.writes == writes + 2


async def test_a_command_into_silence_says_that_no_state_could_be_read(rig: Rig) -> None:
    await rig.compressor.read_status()
    await _switch_on(rig, "silent")
    with pytest.raises(Ambiguous, match="no state could be read within 1 s"):
        await rig.compressor.stop()
    assert rig.writes == 1
    await rig.simulator.clear_fault()
    await recovered(rig.compressor.read_status)
    assert rig.writes == 1


async def test_a_refused_command_is_an_error_at_once(rig: Rig) -> None:
    await rig.compressor.read_status()
    await _switch_on(rig, "exception=3:1@writes")
    with pytest.raises(Refused, match="illegal data value"):
        await rig.compressor.stop()
    assert rig.writes == 1
    assert rig.compressor.connected


async def test_a_command_on_a_dead_link_reaches_nothing(tcp_rig: Rig) -> None:
    await tcp_rig.compressor.read_status()
    await _switch_on(tcp_rig, "refuse")
    for command in (tcp_rig.compressor.stop, tcp_rig.compressor.start):
        with pytest.raises(LinkDown):
            await command()
    await tcp_rig.simulator.clear_fault()
    await recovered(tcp_rig.compressor.read_status)
    assert tcp_rig.writes == 0
    assert not tcp_rig.model.running


async def test_a_restarted_panel_is_found_again(tcp_rig: Rig) -> None:
    await tcp_rig.compressor.read_status()
    tcp_rig.simulator.disconnect()
    await recovered(tcp_rig.compressor.read_status)
    assert tcp_rig.compressor.reconnects == 1
    assert tcp_rig.writes == 0
