"""Every fault of the wire, on every link: the right error, recovery by itself, no wrong value."""

from __future__ import annotations

import pytest

from drivers.core.errors import BadReply, DriverError, LinkDown, NoReply, Refused
from drivers.core.simulation.faults import BadFault, parse_fault
from drivers.cvm96.plausibility import doubts
from drivers.cvm96.simulator import make_bus
from tests.drivers.cvm96.conftest import Rig, make_rig, names
from tests.support.wire.until import recovered

FAULTS: dict[str, type[DriverError]] = {
    "silent": NoReply,
    "lost-reply": NoReply,
    "late=0.5": NoReply,
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
}
NOT_ON = {
    "tcp": {"bad-crc", "echo"},
    "rtu+tcp": {"wrong-transaction"},
    "pty": {"wrong-transaction", "reset", "refuse"},
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_read_fails_in_its_way_and_comes_back_by_itself(rig: Rig, fault: str) -> None:
    rig.simulator.meters[1].model.advance(7200.0)
    assert (await rig.meter.read_energies()).energies.active_energy > 20_000
    spec = parse_fault(fault)
    if spec.fault in NOT_ON[rig.link]:
        with pytest.raises(BadFault, match="cannot happen on this link"):
            await rig.simulator.set_fault(spec)
        return
    await rig.simulator.set_fault(spec)
    with pytest.raises((FAULTS[fault], LinkDown)) as caught:
        await rig.meter.read_instantaneous()
    assert rig.bus.last_error == str(caught.value)
    # a reading after the fault is a new one, not the answer to an old request
    rig.simulator.meters[1].model.clear_energies()
    await rig.simulator.clear_fault()
    reading = await recovered(rig.meter.read_energies)
    assert reading.energies.active_energy < 1000
    assert reading.resets == 1
    assert rig.meter.connected
    assert rig.simulator.writes == 0


@pytest.mark.parametrize("fault", ["wrong-unit:1", "truncated:1", "other-reply:1"])
async def test_one_garbled_answer_is_made_good_by_a_second_request(rig: Rig, fault: str) -> None:
    await rig.meter.read_instantaneous()
    await rig.simulator.set_fault(parse_fault(fault))
    reading = await rig.meter.read_instantaneous()
    assert reading.frequency == pytest.approx(50.0, abs=0.5)
    assert len(rig.blocks) == 5
    assert rig.blocks[2] == rig.blocks[3]


@pytest.mark.parametrize("retries", [0, 1, 2])
async def test_how_often_a_request_is_sent_again(retries: int) -> None:
    rig = await make_rig("pty", timeout=0.05, retries=retries)
    await rig.simulator.set_fault(parse_fault("bad-crc"))
    with pytest.raises(BadReply):
        await rig.meter.read_energies()
    assert rig.blocks == [(0x3C, 6)] * (1 + retries)
    # silence has cost a time-out already
    await rig.simulator.set_fault(parse_fault("silent"))
    with pytest.raises(NoReply):
        await rig.meter.read_energies()
    assert len(rig.blocks) == 2 + retries
    await rig.close()


async def test_a_refusal_is_not_repeated(tcp_rig: Rig) -> None:
    await tcp_rig.meter.read_energies()
    await tcp_rig.simulator.set_fault(parse_fault("exception=6"))
    with pytest.raises(Refused, match="server device busy"):
        await tcp_rig.meter.read_energies()
    assert len(tcp_rig.blocks) == 3
    assert tcp_rig.meter.connected


async def test_an_echo_is_named_as_what_it_is() -> None:
    rig = await make_rig("pty")
    await rig.simulator.set_fault(parse_fault("echo"))
    with pytest.raises(BadReply, match="the request itself came back"):
        await rig.meter.read_instantaneous()
    await rig.close()


async def test_zeros_after_power_up_raise_doubts_and_count_no_energy(rig: Rig) -> None:
    registers = rig.simulator.meters[1]
    registers.model.advance(7200.0)
    before = await rig.meter.read_energies()
    registers.power_up(3600.0)
    zeros = await rig.meter.read_instantaneous()
    assert doubts(zeros) == ("all values are 0: just powered up, or nothing is connected",)
    dropped = await rig.meter.read_energies()
    assert (dropped.energies.active_energy, dropped.resets) == (0, 1)
    registers.power_up(-1.0)
    assert doubts(await rig.meter.read_instantaneous()) == ()
    after = await rig.meter.read_energies()
    assert after.energies.active_energy >= before.energies.active_energy
    assert after.since_start.active_energy < 100


async def test_a_gateway_that_answers_for_a_silent_meter_counts_as_silence() -> None:
    rig = await make_rig("tcp", make_bus(2, gateway=True), meters=names(3))
    await rig.bus.meters[0].read_instantaneous()
    silent = rig.bus.meters[2]
    for _ in range(3):
        with pytest.raises(NoReply, match="gateway target device failed to respond"):
            await silent.read_instantaneous()
    with pytest.raises(NoReply, match="silent for 3 requests"):
        await silent.read_instantaneous()
    assert silent.exchanges == 3
    # the gateway's own answers leave the connection as it is
    assert rig.bus.reconnects == 0
    await rig.bus.meters[1].read_instantaneous()
    assert (rig.bus.meters[1].connected, silent.connected) == (True, False)
    await rig.close()
