"""The public `isegcan` library as an independent client of the simulator, on a virtual bus.

Where the library is known to be wrong (iseg-protocol.md 13 and 15) the test pins what it
does and what our verdict is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

import pytest

from drivers.iseg.items import ITEMS, I
from drivers.iseg.words import ChannelEvent
from tests.drivers.iseg.conftest import Rig, connected, make_models

can_edcp: Any = import_module("isegcan.can_edcp")
definitions: Any = import_module("isegcan._edcp_definitions")
T = TypeVar("T")

# it would send on the bus that is shut down by then, and sleep, whenever it is collected
can_edcp.Resource.__del__ = lambda _self: None

_WRONG = {
    "module_event_channel_mask": I.EVENT_CHANNEL_MASK,
    "module_event_group_status": I.EVENT_GROUPS,
    "module_event_group_mask": I.EVENT_GROUP_MASK,
    "channel_external_inhibit": I.INHIBIT_ACTION,
    "channel_output_voltage_mode_list": 0x4150,
    "channel_output_current_mode_list": 0x4160,
}
"""Commands of isegcan 0.7.0 with a data id that is not theirs, and the right one."""


@dataclass
class Peer:
    """isegcan, connected to module 0 of a simulator; its calls block, so they run in threads."""

    rig: Rig
    resource: Any

    async def call(self, method: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.to_thread(method, *arguments)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with connected(make_models(1, 4), link="can://virtual/isegcan", speed=50.0) as rig:
        resource = await asyncio.to_thread(
            can_edcp.Resource, 0, channel="isegcan", interface="virtual"
        )
        yield Peer(rig, resource)
        await asyncio.to_thread(resource._notifier.stop)
        await asyncio.to_thread(resource._bus.shutdown)


async def test_it_registers_the_module_and_counts_its_channels(peer: Peer) -> None:
    assert peer.rig.simulator.modules[0].registered
    assert peer.resource.module_channel_number == 4


async def test_it_reads_what_the_model_holds(peer: Peer) -> None:
    model, resource = peer.rig.model(), peer.resource
    model.channels[2].voltage_set, model.channels[2].events = 123.5, 0x2008
    assert await peer.call(resource.voltage_set_query, None, 2) == 123.5
    assert await peer.call(resource.query_channel_event_status, None, 2) == 0x2008
    assert await peer.call(resource.module_status_query, None, None) == model.status
    assert await peer.call(resource.query_module_serial_number, None, None) == 474218
    assert await peer.call(resource.query_channel_nominal_voltage, None, 0) == 6000.0
    assert await peer.call(resource.ramp_speed_query, None, None) == pytest.approx(60.0)


async def test_it_sets_switches_and_resets(peer: Peer) -> None:
    model, resource = peer.rig.model(), peer.resource
    assert await peer.call(resource.voltage_set, 250.0, 1) == 250.0
    assert model.channels[1].voltage_set == 250.0
    assert await peer.call(resource.state, 1, 1)
    assert model.channels[1].on
    model.channels[1].trip()
    assert not await peer.call(resource.state_query, None, 1)
    assert not await peer.call(resource.reset_trip, None, 1) & ChannelEvent.TRIP
    assert not model.channels[1].tripped


async def test_its_writes_and_ours_are_the_same_frames(peer: Peer) -> None:
    rig = peer.rig
    await peer.call(peer.resource.set_channel_set_voltage, 99.5, 3)
    await peer.call(peer.resource.set_module_voltage_ramp_speed, 2.5, None)
    theirs = [r.frame for r in rig.writes]
    await rig.module.channels[3].set_voltage(99.5)
    await rig.module.set_voltage_ramp(2.5)
    assert [r.frame for r in rig.writes][len(theirs) :] == theirs


def test_its_table_agrees_with_ours_but_for_the_known_errors() -> None:
    """iseg-protocol.md 13: six ids of isegcan belong to other items."""
    sizes = {"B": 1, "b": 1, "H": 2, "I": 4, "f": 4, "fB": 5}
    for command in definitions.command_list:
        if command.command == "register":
            continue
        number = int.from_bytes(command.bytes, "big")
        right = _WRONG.get(command.command)
        if right is not None:
            assert number != right
            assert right in ITEMS
            continue
        item = ITEMS[number]
        expected = {"B": 1}.get(command.addr_t or "", 0)
        assert (item.scope.name == "MODULE") == (not expected), command
        if item.name not in ("firmware name", "firmware release"):
            assert command.val_t in sizes, command


async def test_its_external_inhibit_sets_the_trip_action(peer: Peer) -> None:
    """iseg-protocol.md 15; ours goes to 0x4007."""
    channel = peer.rig.model().channels[0]
    await peer.call(peer.resource.set_channel_external_inhibit, 2, 0)
    assert (channel.trip_action, channel.inhibit_action) == (2, 0)
    await peer.rig.module.channels[0].set_inhibit_action(1)
    assert (channel.trip_action, channel.inhibit_action) == (2, 1)


async def test_it_takes_its_own_write_for_the_answer_of_a_dead_module(peer: Peer) -> None:
    """iseg-protocol.md 15; ours fails."""
    peer.rig.simulator.modules[0].silent = True
    await peer.call(peer.resource.set_channel_set_voltage, 77.0, 0)
    assert peer.resource.channel_set_voltage[0] == 77.0
    assert peer.rig.model().channels[0].voltage_set == 0.0
