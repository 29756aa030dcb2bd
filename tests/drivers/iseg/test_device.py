"""A crate on simulated modules: what is read, what is set, and what is refused before the wire."""

from __future__ import annotations

import asyncio
import math

import pytest

from drivers.core.errors import (
    Ambiguous,
    BadReply,
    Blocked,
    LinkDown,
    NoReply,
    NotObeyed,
    OutOfRange,
    Refused,
)
from drivers.core.simulation.faults import parse_fault
from drivers.iseg.items import ITEMS, I
from drivers.iseg.protocol import Value
from drivers.iseg.readings import ChannelState
from drivers.iseg.settings import ModuleSettings, Polarity
from drivers.iseg.simulator import make_models
from drivers.iseg.words import Action, ChannelEvent, ChannelStatus, ModuleEvent, ModuleStatus
from tests.drivers.iseg.conftest import SOON, TIMEOUT, Rig, connected
from tests.support.wire.until import recovered, until


@pytest.mark.parametrize("link", ["slcan-pty", "socketcand://127.0.0.1:0", ""])
async def test_a_crate_reads_its_modules_on_every_link(link: str) -> None:
    async with connected(make_models(2, 3), link=link) as rig:
        rig.model(1).channels[2].voltage = 1234.5
        first, second = [await module.read_fast() for module in rig.crate.modules]
        assert first.status == rig.model().status
        assert second.voltages == pytest.approx([0.0, 0.0, 1234.5], abs=0.2)
        assert second.max_voltage == pytest.approx(1234.5, abs=0.2)
        assert rig.crate.connected
        assert not rig.writes


@pytest.mark.parametrize(("channels", "frames"), [(8, 29), (16, 53), (24, 80), (48, 155)])
async def test_a_fast_scan_costs_what_multiple_access_must(channels: int, frames: int) -> None:
    """Three requests per 16 channels and an answer per value, and the module status."""
    async with connected(make_models(1, channels)) as rig:
        await rig.module.read_fast()
        before = rig.simulator.can.frames
        reading = await rig.module.read_fast()
        assert rig.simulator.can.frames - before == frames
        assert len(reading.channels) == channels


async def test_what_a_reading_says(rig: Rig) -> None:
    model = rig.model()
    on, tripped = model.channels[2], model.channels[5]
    on.voltage_set, on.on, on.voltage = 1500.0, True, 1500.0
    tripped.trip()
    model.kill = True
    reading = await rig.module.read_fast()
    assert (reading.channels_on, reading.channels_tripped) == (1, 1)
    assert reading.kill_enabled
    assert reading.status & ModuleStatus.HIGH_VOLTAGE_ON
    states = [channel.state for channel in reading.channels if channel]
    assert states == [ChannelState.ON if n == 2 else ChannelState.TRIPPED if n == 5
                      else ChannelState.OFF for n in range(8)]  # fmt: skip
    assert reading.currents[2] == pytest.approx(on.current, rel=0.01)
    settings = await rig.module.read_settings()
    assert settings.channels[2] is not None
    assert settings.channels[2].voltage_set == 1500.0
    assert settings.channels[5] is not None
    assert (settings.channels[5].events or 0) & ChannelEvent.TRIP


async def test_identity_and_parameters(rig: Rig) -> None:
    model = rig.model()
    model.ramp, model.temperature, model.voltage_limit = 2.5, 40.5, 80.0
    model.channels[1].trip_time, model.channels[1].trip_action = 250, Action.RAMP_DOWN
    found = await rig.module.read_parameters()
    identity = found.identity
    assert (identity.serial_number, identity.firmware_name) == (474218, "E08F0")
    assert (identity.firmware_release, identity.channels) == ("05.32.00.01", 8)
    assert (found.voltage_ramp, found.temperature, found.voltage_limit) == (2.5, 40.5, 80.0)
    channel = found.channels[1]
    assert channel is not None
    assert (channel.voltage_nominal, channel.module_ramp) == (6000.0, 150.0)
    assert (channel.lowest_voltage, channel.highest_voltage) == (0.0, pytest.approx(4800.0))
    assert (channel.trip_time, channel.trip_action) == (250, Action.RAMP_DOWN)
    assert channel.ramp_up is None
    assert any("0x4123" in text for text in found.missing)


# -- set values


async def test_a_set_value_goes_out_once_and_is_read_back(rig: Rig) -> None:
    channel = rig.module.channels[2]
    await channel.set_voltage(1234.5)
    assert rig.written() == ["41 00 02 44 9A 50 00"]
    assert rig.model().channels[2].voltage_set == 1234.5
    last = rig.sent[-1].frame
    assert (last.identifier, last.data.hex()) == (0x201, "410002")


@pytest.mark.parametrize("value", [-0.1, 6001.0, math.nan, math.inf, -6000.0])
async def test_a_voltage_outside_its_range_never_reaches_the_wire(rig: Rig, value: float) -> None:
    with pytest.raises(OutOfRange, match="not from 0 to 6000 V"):
        await rig.module.channels[0].set_voltage(value)
    assert not rig.writes


async def test_the_hardware_limit_is_asked_for_at_each_set_value(rig: Rig) -> None:
    rig.model().voltage_limit = 50.0
    with pytest.raises(OutOfRange, match="not from 0 to 3000 V"):
        await rig.module.channels[0].set_voltage(3001.0)
    await rig.module.channels[0].set_voltage(3000.0)
    rig.model().current_limit = 10.0
    with pytest.raises(OutOfRange, match=r"not from 0 to 0\.0001 A"):
        await rig.module.channels[0].set_current(2e-4)
    assert len(rig.writes) == 1


async def test_a_negative_module_takes_negative_voltages_only() -> None:
    async with connected(make_models(1, 2, negative=True)) as rig:
        channel = rig.module.channels[0]
        await channel.set_voltage(-1000.0)
        assert rig.model().channels[0].voltage_set == -1000.0
        with pytest.raises(OutOfRange, match="not from -6000 to 0 V"):
            await channel.set_voltage(1000.0)
        assert len(rig.writes) == 1


async def test_a_configured_polarity_wins() -> None:
    module = ModuleSettings("M00", 0, 2, Polarity.NEGATIVE)
    async with connected(make_models(1, 2), module) as rig:
        with pytest.raises(OutOfRange, match="not from -6000 to 0 V"):
            await rig.module.channels[0].set_voltage(100.0)


async def test_a_value_that_the_module_does_not_take_is_an_error(rig: Rig) -> None:
    """iseg-protocol.md 8: a blocking event keeps the set voltage from being raised."""
    model = rig.model().channels[3]
    model.voltage_set, model.on, model.events = 100.0, True, int(ChannelEvent.TRIP)
    with pytest.raises(NotObeyed, match="it reads 100") as caught:
        await rig.module.channels[3].set_voltage(200.0)
    assert "events: trip" in str(caught.value)
    assert len(rig.writes) == 1


async def test_a_write_whose_readback_is_lost_is_ambiguous_and_not_repeated() -> None:
    async with connected(make_models(1, 2)) as rig:
        await rig.module.read_settings()
        channel = rig.module.channels[0]
        await channel.set_voltage(1.0)
        simulated = rig.simulator.modules[0]
        original = simulated.registers.write

        def write_then_fall_silent(number: int, place: int | None, value: Value) -> None:
            original(number, place, value)
            simulated.silent = True

        simulated.registers.write = write_then_fall_silent
        rig.give_up_after(1.0)
        with pytest.raises(Ambiguous, match="could not be read back"):
            await channel.set_voltage(2.0)
        assert len(rig.writes) == 2


async def test_other_parameters_are_set_and_checked(rig: Rig) -> None:
    channel, model = rig.module.channels[1], rig.model().channels[1]
    await channel.set_current(5e-4)
    await channel.set_voltage_bounds(20.0)
    await channel.set_current_bounds(1e-5)
    await channel.set_trip_time(100)
    await channel.set_trip_action(Action.SHUT_OFF)
    await channel.set_inhibit_action(Action.RAMP_DOWN)
    assert model.current_set == pytest.approx(5e-4)
    assert (model.voltage_bounds, model.trip_time) == (20.0, 100)
    assert model.current_bounds == pytest.approx(1e-5)
    assert (model.trip_action, model.inhibit_action) == (Action.SHUT_OFF, Action.RAMP_DOWN)
    written = len(rig.writes)
    for refused in (
        channel.set_current(-1e-6),
        channel.set_current(2e-3),
        channel.set_voltage_bounds(-1.0),
        channel.set_current_bounds(1.0),
        channel.set_trip_time(70_000),
        channel.set_trip_action(4),
        channel.set_inhibit_action(-1),
    ):
        with pytest.raises(OutOfRange):
            await refused
    assert len(rig.writes) == written


async def test_ramps(rig: Rig) -> None:
    module = rig.module
    await module.set_voltage_ramp(2.5)
    await module.set_current_ramp(10.0)
    assert (rig.model().ramp, rig.model().current_ramp) == (2.5, 10.0)
    for value in (0.0, -1.0, 20.5, math.nan):
        with pytest.raises(OutOfRange):
            await module.set_voltage_ramp(value)
    assert len(rig.writes) == 2


async def test_a_channels_own_ramp_where_there_is_one(rig: Rig) -> None:
    with pytest.raises(Refused, match="does not have this item"):
        await rig.module.channels[0].set_ramp_up(10.0)
    assert not rig.writes
    own = rig.crate.modules[1]
    for channel in rig.model(1).channels:
        channel.ramp_up = channel.ramp_down = 60.0
    await own.talk.begin()
    await own.channels[0].set_ramp_up(100.0)
    await own.channels[0].set_ramp_down(50.0)
    assert (rig.model(1).channels[0].ramp_up, rig.model(1).channels[0].ramp_down) == (100.0, 50.0)
    with pytest.raises(OutOfRange):
        await own.channels[0].set_ramp_up(0.0)
    with pytest.raises(OutOfRange, match="not from 0 to 1200 V/s"):
        await own.channels[0].set_ramp_up(1300.0)


# -- refused items and multiple access


async def test_a_refused_item_is_asked_for_once(rig: Rig) -> None:
    rig.simulator.modules[0].registers.refused.add(I.TRIP_TIME)
    await rig.module.talk.begin()
    found = await rig.module.read_parameters()
    assert all(channel is not None and channel.trip_time is None for channel in found.channels)
    assert "delayed trip time (0x4005)" in found.missing
    asked = [r for r in rig.sent if r.frame.data[:2] in (b"\x40\x05", b"\x60\x05")]
    count = len(asked)
    await rig.module.read_parameters()
    await rig.module.read_parameters()
    again = [r for r in rig.sent if r.frame.data[:2] in (b"\x40\x05", b"\x60\x05")]
    assert len(again) == count
    with pytest.raises(Refused):
        await rig.module.channels[0].set_trip_time(10)
    assert not rig.writes


async def test_a_module_without_multiple_access_is_read_channel_by_channel(rig: Rig) -> None:
    simulated = rig.simulator.modules[0]
    simulated.multiple_reads = False
    rig.model().channels[7].voltage = 77.0
    await rig.module.talk.begin()
    reading = await rig.module.read_fast()
    assert reading.voltages[7] == pytest.approx(77.0, abs=0.2)
    before = len(rig.sent)
    await rig.module.read_fast()
    ids = {record.frame.data[0] >> 4 for record in rig.sent[before:]}
    assert ids == {1, 4}


async def test_a_lost_frame_is_asked_for_again(rig: Rig) -> None:
    rig.model().channels[7].voltage = 77.0
    rig.give_up_after(1.0)
    await rig.simulator.set_fault(parse_fault("lost-reply:1"))
    reading = await rig.module.read_fast()
    assert reading.voltages[7] == pytest.approx(77.0, abs=0.2)
    assert all(reading.channels)


@pytest.mark.parametrize("fault", ["silent", "other-reply", "truncated"])
async def test_a_fault_is_an_error_and_never_a_wrong_value(fault: str) -> None:
    async with connected(make_models(1, 4)) as rig:
        for channel in rig.model().channels:
            channel.voltage = 500.0
        await rig.module.read_fast()
        await rig.simulator.set_fault(parse_fault(fault))
        rig.give_up_after(SOON)
        with pytest.raises((NoReply, BadReply)):
            await rig.module.read_fast()
        await rig.simulator.clear_fault()
        rig.give_up_after(TIMEOUT)
        reading = await rig.module.read_fast()
        assert reading.voltages == pytest.approx([500.0] * 4, abs=0.2)


async def test_late_answers_are_not_taken_for_others() -> None:
    async with connected(make_models(1, 4)) as rig:
        await rig.module.read_fast()
        rig.model().channels[1].voltage = 111.0
        rig.give_up_after(1.0)
        await rig.simulator.set_fault(parse_fault("late=1.2:1"))
        reading = await rig.module.read_fast()
        assert reading.voltages[1] == pytest.approx(111.0, abs=0.2)
        assert reading.status == rig.model().status


# -- the number of channels


async def test_the_number_of_channels_is_asked_for() -> None:
    async with connected(make_models(1, 12), ModuleSettings("M00", 0)) as rig:
        assert rig.module.channels == []
        assert len((await rig.module.read_fast()).channels) == 12
        assert len(rig.module.channels) == 12


async def test_a_module_that_says_zero_is_counted_by_its_name() -> None:
    """iseg-protocol.md 6.1: some modules give 0."""
    async with connected(make_models(1, 8), ModuleSettings("M00", 0)) as rig:
        rig.simulator.modules[0].registers.refused.add(I.CHANNEL_NUMBER)
        assert len((await rig.module.read_fast()).channels) == 8


async def test_a_module_that_tells_nothing_needs_a_configured_number() -> None:
    async with connected(make_models(1, 8), ModuleSettings("M00", 0)) as rig:
        rig.simulator.modules[0].registers.refused |= {I.CHANNEL_NUMBER, I.FIRMWARE_NAME}
        with pytest.raises(BadReply, match="set channels in the configuration"):
            await rig.module.read_fast()


async def test_channels_that_are_not_there_have_no_values(caplog: pytest.LogCaptureFixture) -> None:
    async with connected(make_models(1, 4), ModuleSettings("M00", 0, 8)) as rig:
        reading = await rig.module.read_fast()
        assert [channel is None for channel in reading.channels] == [False] * 4 + [True] * 4
        assert len((await rig.module.read_parameters()).channels) == 8
        assert "has 4 channels, not 8" in caplog.text


# -- links


async def test_a_module_that_is_off_does_not_hold_up_its_neighbour() -> None:
    async with connected(make_models(2, 4)) as rig:
        rig.simulator.modules[0].silent = True
        dead, alive = rig.crate.modules
        rig.give_up_after(SOON)
        with pytest.raises(NoReply):
            await dead.read_fast()
        rig.give_up_after(TIMEOUT)
        asked = dead.talk.exchanges
        reading = asyncio.ensure_future(dead.read_fast())
        await until(lambda: dead.talk.exchanges > asked)
        for _ in range(20):
            await alive.read_fast()
        assert not reading.done()
        assert rig.crate.connected
        await rig.crate.bus.close()
        with pytest.raises(LinkDown):
            await reading


async def test_a_bus_that_is_gone_is_said_and_changes_nothing() -> None:
    async with connected(make_models(1, 4), link="socketcand://127.0.0.1:0") as rig:
        channel = rig.model().channels[0]
        await rig.module.channels[0].set_voltage(500.0)
        await rig.module.channels[0].switch_on()
        written = rig.written()
        rig.simulator.can.break_down(True)
        rig.give_up_after(0.1)
        with pytest.raises((LinkDown, NoReply)):
            await rig.module.read_fast()
        with pytest.raises((LinkDown, NoReply, Ambiguous)):
            await rig.module.channels[0].set_voltage(600.0)
        rig.simulator.can.break_down(False)
        rig.give_up_after(TIMEOUT)
        await recovered(rig.module.read_fast)
        assert (channel.on, channel.voltage_set) == (True, 500.0)
        assert rig.written() == written


async def test_the_driver_never_overlaps_a_modules_answers(rig: Rig) -> None:
    """iseg-protocol.md 3: no write to a module while one of its answers is outstanding."""
    channels = rig.module.channels
    await asyncio.gather(
        *(rig.module.read_fast() for _ in range(3)),
        *(channel.set_voltage(100.0 + channel.number) for channel in channels),
        rig.module.read_parameters(),
    )
    assert [module.overlaps for module in rig.simulator.modules] == [0, 0]
    assert rig.simulator.can.collisions == 0


async def test_an_active_frame_asks_for_a_read(rig: Rig) -> None:
    hints: list[str] = []
    rig.module.talk.hint = lambda: hints.append("read")
    rig.simulator.modules[0].alarm()
    await until(lambda: bool(hints))
    for _ in range(20):
        rig.simulator.modules[0].alarm()
    await rig.module.read_fast()
    assert len(hints) == 1


async def test_foreign_traffic_disturbs_nothing(rig: Rig) -> None:
    rig.simulator.chatter(True)
    for _ in range(30):
        reading = await rig.module.read_fast()
        assert all(reading.channels)
        await asyncio.sleep(0.01)
    assert rig.crate.bus.unexpected > 5


async def test_module_events_block_a_switch_on(rig: Rig) -> None:
    rig.model().events = int(ModuleEvent.SAFETY_LOOP_NOT_GOOD)
    with pytest.raises(Blocked, match="safety loop was open; clear it with ClearEvents"):
        await rig.module.channels[0].switch_on()
    assert not rig.writes


async def test_raw_items_can_be_read(rig: Rig) -> None:
    talk = rig.module.talk
    assert await talk.read(ITEMS[I.EVENT_CHANNEL_MASK], 0) == 0xFFFF
    assert await talk.read(ITEMS[I.SET_VALUE_COUNTER]) == 0
    assert await talk.read(ITEMS[I.OPTIONS]) is None
    assert ChannelStatus(int(str(await talk.read(ITEMS[I.STATUS], 0)))) == 0
