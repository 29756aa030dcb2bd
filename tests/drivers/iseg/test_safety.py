"""High voltage: off comes first, tripped channels stay off, nothing is switched unasked."""

from __future__ import annotations

import asyncio

import pytest

from drivers.core.errors import Ambiguous, BadReply, Blocked, DriverError, LinkDown, NotObeyed
from drivers.iseg.readings import ChannelState, state_of
from drivers.iseg.settings import ModuleSettings
from drivers.iseg.simulator import make_models
from drivers.iseg.simulator.channel import ChannelModel
from drivers.iseg.words import Action, ChannelEvent, ChannelStatus, ModuleStatus
from tests.drivers.iseg.conftest import SOON, Rig, connected
from tests.support.wire.until import recovered, until

OFF = "40 01 {:02X} 00 00"
ON = "40 01 {:02X} 00 08"
EMERGENCY = "40 01 {:02X} 00 20"


async def test_on_and_off(rig: Rig) -> None:
    channel, model = rig.module.channels[3], rig.model().channels[3]
    await channel.set_voltage(100.0)
    await channel.switch(1)
    assert model.on
    await channel.switch(0)
    assert not model.on
    assert rig.written()[1:] == [ON.format(3), OFF.format(3)]


async def test_connecting_reading_losing_and_closing_switch_nothing() -> None:
    async with connected(make_models(1, 8), link="socketcand://127.0.0.1:0") as rig:
        model = rig.model().channels[0]
        model.voltage_set, model.on, model.voltage = 700.0, True, 700.0
        unplug = next(one for one in rig.simulator.commands() if one.name == "unplug")
        for _ in range(3):
            await recovered(rig.module.read_fast)
            await rig.module.read_settings()
            await rig.module.read_parameters()
            await unplug.run([])
            await until(lambda: not rig.crate.bus.connected)
        assert rig.crate.bus.reconnects == 2
        await rig.crate.close()
        assert (model.on, model.voltage_set) == (True, 700.0)
        assert not rig.writes
        assert rig.model().set_values == 0


async def test_a_log_on_is_all_that_a_session_sends(rig: Rig) -> None:
    others = [r.frame for r in rig.sent if not r.frame.identifier & 1]
    assert {frame.data for frame in others} == {b"\xd8\x01"}


# -- trips


async def test_a_tripped_channel_cannot_be_switched_on_until_it_is_reset(rig: Rig) -> None:
    channel, model = rig.module.channels[3], rig.model().channels[3]
    model.voltage_set, model.on, model.voltage = 500.0, True, 500.0
    model.trip()
    assert (await rig.module.read_fast()).channels[3].state is ChannelState.TRIPPED  # type: ignore[union-attr]
    with pytest.raises(Blocked, match="tripped; clear it with TripReset"):
        await channel.switch_on()
    assert not rig.writes
    await channel.reset_trip()
    assert not model.on
    await channel.switch_on()
    assert model.on


async def test_an_event_alone_blocks_too(rig: Rig) -> None:
    rig.model().channels[0].events = int(ChannelEvent.CURRENT_LIMIT)
    with pytest.raises(Blocked, match="current limit"):
        await rig.module.channels[0].switch_on()


async def test_a_reset_whose_cause_persists_is_an_error(rig: Rig) -> None:
    rig.model().inhibit(2, True)
    with pytest.raises(NotObeyed, match="still there: external inhibit"):
        await rig.module.channels[2].reset_trip()
    with pytest.raises(NotObeyed, match="channel 2: external inhibit"):
        await rig.module.clear_events()
    rig.model().inhibit(2, False)
    await rig.module.clear_events()
    assert not rig.model().channels[2].events & ChannelEvent.EXTERNAL_INHIBIT


async def test_clearing_events_keeps_the_other_control_bits(rig: Rig) -> None:
    model = rig.model()
    model.fine_adjustment = model.kill = True
    model.channels[1].trip()
    await rig.module.clear_events()
    assert rig.written() == ["10 01 58 40"]
    assert (model.fine_adjustment, model.kill, model.channels[1].tripped) == (True, True, False)


async def test_kill_enable_keeps_the_other_control_bits(rig: Rig) -> None:
    model = rig.model()
    model.fine_adjustment = True
    await rig.module.set_kill(1)
    assert (model.kill, model.fine_adjustment) == (True, True)
    assert (await rig.module.read_fast()).kill_enabled
    await rig.module.set_kill(0)
    assert (model.kill, model.fine_adjustment) == (False, True)
    assert rig.written() == ["10 01 58 00", "10 01 18 00"]


# -- off and emergency off


async def test_emergency_off_cuts_and_reset_leaves_it(rig: Rig) -> None:
    channel, model = rig.module.channels[5], rig.model().channels[5]
    model.voltage_set, model.on, model.voltage = 500.0, True, 500.0
    await channel.emergency_off()
    assert rig.written() == [EMERGENCY.format(5)]
    assert (model.on, model.voltage, model.emergency) == (False, 0.0, True)
    with pytest.raises(Blocked, match="emergency"):
        await channel.switch_on()
    await channel.reset_trip()
    assert rig.written()[1] == OFF.format(5)
    assert not model.emergency
    assert not model.on


async def test_emergency_off_goes_before_every_order_that_waits(rig: Rig) -> None:
    channels = rig.module.channels
    rig.model().channels[7].on = True
    orders = [
        asyncio.ensure_future(channel.set_voltage(100.0 + number))
        for channel in channels
        for number in range(5)
    ]
    await until(lambda: len(rig.writes) >= 1)
    before = len(rig.writes)
    await channels[7].emergency_off()
    written = rig.written()
    place = written.index(EMERGENCY.format(7))
    assert place <= before + 1
    await asyncio.gather(*orders)


@pytest.mark.parametrize("stop", ["off", "emergency", "all off", "emergency all"])
async def test_a_switch_on_that_waits_is_dropped_when_off_is_asked_for(rig: Rig, stop: str) -> None:
    module, channel = rig.module, rig.module.channels[4]
    waiting = [asyncio.ensure_future(one.set_voltage(50.0)) for one in module.channels]
    switching = asyncio.ensure_future(channel.switch_on())
    await asyncio.sleep(0)
    stopping = {
        "off": channel.switch_off,
        "emergency": channel.emergency_off,
        "all off": module.all_off,
        "emergency all": module.emergency_off_all,
    }
    await stopping[stop]()
    with pytest.raises(Blocked, match=r"in the meantime|emergency"):
        await switching
    await asyncio.gather(*waiting)
    assert ON.format(4) not in rig.written()
    assert not rig.model().channels[4].on


async def test_orders_of_one_client_keep_their_order(rig: Rig) -> None:
    channel = rig.module.channels[0]
    await asyncio.gather(
        channel.set_voltage(100.0), channel.set_voltage(200.0), channel.switch_on()
    )
    assert [one[:5] for one in rig.written()] == ["41 00", "41 00", "40 01"]
    assert rig.model().channels[0].voltage_set == 200.0


async def test_all_off_and_emergency_off_all(rig: Rig) -> None:
    for model in rig.model().channels:
        model.voltage_set, model.on, model.voltage = 300.0, True, 300.0
    await rig.module.all_off()
    assert not any(model.on for model in rig.model().channels)
    assert all(model.voltage == 300.0 for model in rig.model().channels)
    assert rig.written() == [OFF.format(n) for n in range(8)]
    await rig.module.emergency_off_all()
    assert all(model.emergency and not model.voltage for model in rig.model().channels)
    assert rig.written()[8:] == [EMERGENCY.format(n) for n in range(8)]
    assert not rig.written(1)


async def test_emergency_off_needs_no_reading_before_it() -> None:
    """A crate that was never read sends it at once, to all channels a module can have."""
    async with connected(make_models(1, 4), ModuleSettings("M00", 0)) as rig:
        for model in rig.model().channels:
            model.on, model.voltage = True, 100.0
        await rig.module.emergency_off_all()
        assert not any(model.on for model in rig.model().channels)
        assert rig.sent[0].frame.data == b"\x40\x01\x00\x00\x20"


async def test_an_emergency_off_that_reaches_nobody_is_an_error() -> None:
    async with connected(make_models(1, 4)) as rig:
        await rig.module.read_fast()
        rig.simulator.modules[0].silent = True
        rig.give_up_after(SOON)
        with pytest.raises(Ambiguous, match="could not be read back"):
            await rig.module.channels[0].emergency_off()
        await rig.crate.bus.close()
        with pytest.raises(LinkDown):
            await rig.module.channels[0].emergency_off()


# -- the model behind it


async def test_a_ramp_up_and_down_and_its_states() -> None:
    async with connected(make_models(1, 2), speed=20.0) as rig:
        channel = rig.module.channels[0]
        await rig.module.set_voltage_ramp(20.0)
        await channel.set_voltage(6000.0)
        await channel.switch_on()
        seen: list[ChannelState] = []

        async def reach(state: ChannelState) -> None:
            while not seen or seen[-1] is not state:
                reading = (await rig.module.read_fast()).channels[0]
                assert reading is not None
                if not seen or seen[-1] is not reading.state:
                    seen.append(reading.state)

        await reach(ChannelState.ON)
        await channel.switch_off()
        await reach(ChannelState.OFF)
        assert seen == [
            ChannelState.RAMPING_UP,
            ChannelState.ON,
            ChannelState.RAMPING_DOWN,
            ChannelState.OFF,
        ]


@pytest.mark.parametrize(
    ("status", "voltage", "target", "state"),
    [
        (0x0000, 0.0, 0.0, ChannelState.OFF),
        (0x0088, 100.0, 100.0, ChannelState.ON),
        (0x0018, 50.0, 100.0, ChannelState.RAMPING_UP),
        (0x0018, -50.0, -100.0, ChannelState.RAMPING_UP),
        (0x0018, 150.0, 100.0, ChannelState.RAMPING_DOWN),
        (0x0018, 150.0, None, ChannelState.RAMPING_UP),
        (0x0010, 50.0, 100.0, ChannelState.RAMPING_DOWN),
        (0x100018, 50.0, 100.0, ChannelState.RAMPING_DOWN),
        (0x080018, 150.0, 100.0, ChannelState.RAMPING_UP),
        (0x2000, 0.0, 100.0, ChannelState.TRIPPED),
        (0x2018, 50.0, 100.0, ChannelState.TRIPPED),
        (0x1000, 0.0, 100.0, ChannelState.INHIBITED),
        (0x2020, 0.0, 0.0, ChannelState.EMERGENCY_OFF),
        (0x4088, 100.0, 100.0, ChannelState.ERROR),
        (0x0204, 0.0, 0.0, ChannelState.ERROR),
    ],
)
def test_the_state_of_a_status(
    status: int, voltage: float, target: float | None, state: ChannelState
) -> None:
    assert state_of(status, voltage, target) is state


def _advance(model: ChannelModel, seconds: float, *, kill: bool) -> Action:
    action = Action.NONE
    for _ in range(round(seconds / 0.05)):
        action = model.advance(0.05, 600.0, kill) or action
    return action


def _loaded(**settings: float) -> ChannelModel:
    """A channel on its way to 1000 V with twice the current that it may have."""
    model = ChannelModel(load=1e6, current_set=5e-4, voltage_set=1000.0, on=True)
    for name, value in settings.items():
        setattr(model, name, value)
    return model


def test_without_kill_the_current_is_limited() -> None:
    model = _loaded()
    _advance(model, 5.0, kill=False)
    assert model.voltage == pytest.approx(500.0)
    assert model.status & ChannelStatus.CONSTANT_CURRENT
    assert not model.events & ChannelEvent.TRIP


def test_with_kill_it_trips_at_once_or_after_its_delay() -> None:
    model = _loaded()
    _advance(model, 5.0, kill=True)
    assert (model.on, model.voltage, model.tripped) == (False, 0.0, True)
    delayed = _loaded(trip_time=1000.0, trip_action=float(Action.SHUT_OFF))
    _advance(delayed, 1.4, kill=True)
    assert not delayed.tripped
    _advance(delayed, 2.0, kill=True)
    assert delayed.tripped


def test_a_delayed_trip_may_ramp_down_or_shut_off_the_module() -> None:
    ramping = _loaded(trip_time=500.0, trip_action=float(Action.RAMP_DOWN))
    _advance(ramping, 1.6, kill=True)
    assert (ramping.tripped, ramping.on, ramping.voltage > 0) == (True, False, True)
    module = _loaded(trip_time=500.0, trip_action=float(Action.SHUT_OFF_MODULE))
    assert _advance(module, 3.0, kill=True) is Action.SHUT_OFF_MODULE


async def test_an_external_inhibit_does_what_it_is_set_to(rig: Rig) -> None:
    model = rig.model()
    for channel in model.channels:
        channel.voltage_set, channel.on, channel.voltage = 200.0, True, 200.0
    actions = (Action.NONE, Action.RAMP_DOWN, Action.SHUT_OFF)
    for number, action in enumerate(actions):
        await rig.module.channels[number].set_inhibit_action(action)
        model.inhibit(number, True)
    assert [model.channels[n].on for n in range(3)] == [True, False, False]
    assert [model.channels[n].voltage for n in range(3)] == [200.0, 200.0, 0.0]
    reading = await rig.module.read_fast()
    assert [c.state for c in reading.channels[:3] if c] == [ChannelState.INHIBITED] * 3
    await rig.module.channels[3].set_inhibit_action(Action.SHUT_OFF_MODULE)
    model.inhibit(3, True)
    assert not any(channel.on for channel in model.channels)


@pytest.mark.parametrize(
    ("attribute", "value", "bit"),
    [
        ("safety_loop", False, ModuleStatus.SAFETY_LOOP_GOOD),
        ("temperature", 60.0, ModuleStatus.TEMPERATURE_GOOD),
        ("supply_24v", 20.0, ModuleStatus.SUPPLY_GOOD),
    ],
)
async def test_a_module_that_is_not_good_has_no_high_voltage(
    rig: Rig, attribute: str, value: float, bit: ModuleStatus
) -> None:
    model = rig.model()
    model.channels[0].voltage_set, model.channels[0].on = 100.0, True
    setattr(model, attribute, value)
    model.advance(0.2)
    reading = await rig.module.read_fast()
    assert not reading.status & bit
    assert not reading.status & ModuleStatus.MODULE_GOOD
    assert reading.channels_on == 0
    with pytest.raises(Blocked, match="clear it with ClearEvents"):
        await rig.module.channels[0].switch_on()


# -- restarts and log-on


async def test_a_restart_is_noticed_and_everything_is_read_anew(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    module = rig.module
    await module.channels[0].set_voltage(500.0)
    refused = rig.simulator.modules[0].registers.refused
    refused.add(I_TRIP)
    await module.talk.begin()
    await module.read_parameters()
    assert any("0x4005" in text for text in module.talk.missing)
    refused.clear()
    await asyncio.sleep(1.1)
    written = len(rig.writes)
    rig.simulator.modules[0].restart()
    await until(lambda: rig.simulator.modules[0].registered)
    assert module.talk.restarts == 1
    assert "restarted" in caplog.text
    for read in (module.read_fast, module.read_settings, module.read_parameters):
        with pytest.raises(BadReply, match="the module restarted"):
            await read()
        await read()
    assert module.channels[0].voltage_set == 0.0
    assert not any("0x4005" in text for text in module.talk.missing)
    assert (await module.read_parameters()).restarts == 1
    assert len(rig.writes) == written


I_TRIP = 0x4005


async def test_a_module_that_announces_itself_is_registered_and_polling_keeps_it() -> None:
    async with connected(make_models(1, 2), announce_every=0.05) as rig:
        simulated = rig.simulator.modules[0]
        await until(lambda: len(rig.simulator.can.log) > 2)
        assert not simulated.registered
        assert not rig.sent
        await rig.module.read_fast()
        assert simulated.registered
        assert rig.module.talk.logged_on
        await rig.module.talk.release()
        await until(lambda: not simulated.registered)


async def test_a_module_that_is_polled_rarely_is_kept_alive() -> None:
    async with connected(make_models(1, 2), forget_after=2.5, announce_every=0.1,
                         keep_alive=1.0) as rig:  # fmt: skip
        await rig.module.read_fast()
        before = rig.simulator.modules[0].requests
        await until(lambda: rig.simulator.modules[0].requests >= before + 3)
        assert rig.simulator.modules[0].registered
        assert rig.module.talk.restarts == 0


async def test_modules_that_are_not_ours_are_left_alone() -> None:
    async with connected(
        make_models(3, 2), ModuleSettings("M01", 1, 2), announce_every=0.05
    ) as rig:
        await rig.module.read_fast()
        await asyncio.sleep(0.2)
        assert [module.registered for module in rig.simulator.modules] == [False, True, False]


async def test_a_failed_order_is_remembered(rig: Rig) -> None:
    rig.model().channels[0].trip()
    with pytest.raises(DriverError):
        await rig.module.channels[0].switch_on()
    assert "switch on channel 0" in rig.crate.last_error
