"""Every kind of link to a simulated site: both profiles, UDP, TCP in both roles, several Moxas."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import pytest

from drivers.core.errors import DriverError, LinkDown, NoReply
from drivers.core.simulation.faults import parse_fault
from drivers.core.url import TcpUrl, parse_link
from drivers.xcom.device import Gateway
from drivers.xcom.frame import STRIPPED, Frame
from drivers.xcom.multi_info import ItemValue, MultiInfo, decode_items, encode_multi_info
from drivers.xcom.protocol import Format, ObjectType, encode_value, reply_to
from drivers.xcom.settings import XcomSettings
from tests.drivers.xcom.rig import at, rig
from tests.drivers.xcom.scripted import NEVER, Answer, point, scripted
from tests.drivers.xcom.simulator_rig import simulator
from tests.support.wire.proxy import Direction, FaultProxy
from tests.support.wire.until import PATIENCE, recovered, until

VOLTAGE = at(101, 3000)
(CHARGE,) = at(101, 1138)
GUID = "407d3d61-2835-4dec-ba32-c9580b1bd03a"


def _link(kind: str, new_port: Callable[[], int]) -> str:
    if kind == "udp":
        return f"udp://127.0.0.1:{new_port()}?bind={new_port()}"
    if kind == "tcp-listen":
        return f"tcp-listen://127.0.0.1:{new_port()}"
    return "tcp://127.0.0.1:0" if kind == "tcp" else kind


KINDS = ["pty", "pty-lan", "tcp", "udp", "tcp-listen"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_site_is_read_and_written_on_each_link(
    kind: str, new_port: Callable[[], int]
) -> None:
    async with rig(link=_link(kind, new_port)) as one:
        await recovered(lambda: one.gateway.read_infos(VOLTAGE))
        points = await one.points()
        reading = await one.gateway.read_infos(points)
        assert None not in reading.values
        await one.gateway.write(CHARGE, 12.0)
        assert one.device("XT1").parameters[1138].ram == 12.0
        assert (one.gateway.connected, one.gateway.reconnects) == (True, 0)
        statistics = one.gateway.statistics
        assert (statistics.bad, statistics.foreign, statistics.late) == (0, 0, 0)
        # 0D 0A after each reply of an Xcom-LAN, nothing on profile A
        junk = 0 if kind == "pty" else 2 * statistics.frames
        assert junk - 2 <= statistics.junk <= junk


@pytest.mark.parametrize("kind", KINDS)
async def test_a_silent_gateway_is_noticed_and_found_again(
    kind: str, new_port: Callable[[], int]
) -> None:
    async with rig(link=_link(kind, new_port), timeout=0.3) as one:
        await recovered(lambda: one.gateway.read_infos(VOLTAGE))
        await one.simulator.set_fault(parse_fault("silent"))
        with pytest.raises((NoReply, LinkDown)):
            await one.gateway.read_infos(VOLTAGE)
        assert not one.gateway.connected
        await one.simulator.clear_fault()
        await recovered(lambda: one.gateway.read_infos(VOLTAGE))
        assert one.gateway.connected


FAULTS = ["late=0.6:1", "lost-reply:1", "truncated:1", "bad-crc:1", "other-reply:1", "flood:1"]


@pytest.mark.parametrize("kind", ["pty", "tcp", "udp"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_one_fault_costs_a_read_at_most_one_try(
    kind: str, fault: str, new_port: Callable[[], int]
) -> None:
    async with rig(link=_link(kind, new_port), timeout=0.3) as one:
        await one.gateway.read_infos(VOLTAGE)
        await one.simulator.set_fault(parse_fault(fault))
        reading = await one.gateway.read_parameters([CHARGE])
        assert reading.values == (60.0,)
        assert one.simulator.site.gateway.writes == 0


CABLES: dict[str, Callable[[FaultProxy], object]] = {
    "cable out": FaultProxy.black_hole,
    "half a frame": FaultProxy.half_frame,
    "reset": FaultProxy.reset,
    "refused": FaultProxy.refuse,
    "replies lost": lambda proxy: proxy.drop(Direction.TO_CLIENT),
    "late": lambda proxy: proxy.delay(0.8),
}


@pytest.mark.parametrize("cable", CABLES)
async def test_a_cable_between_us_and_a_serial_server(cable: str) -> None:
    """After each: no stale value, recovery by itself, one write for one write."""
    async with simulator(strip=False) as one:
        url = parse_link(await one.listen("tcp://127.0.0.1:0"))
        assert isinstance(url, TcpUrl)
        async with FaultProxy(url.host, url.port) as proxy:
            gateway = Gateway(XcomSettings(f"tcp://{proxy.host}:{proxy.port}"), timeout=0.3)
            await gateway.write(CHARGE, 10.0)
            trouble = CABLES[cable](proxy)
            if asyncio.iscoroutine(trouble):
                await trouble
            with suppress(DriverError):
                await gateway.write(CHARGE, 20.0)
            with suppress(DriverError):
                await gateway.read_infos(VOLTAGE)
            await proxy.heal()
            await recovered(lambda: gateway.read_infos(VOLTAGE))
            assert one.site.gateway.writes in (1, 2)
            ram = gateway.ram_value(CHARGE)
            assert ram is not None
            held = one.site.named["XT1"].parameters[1138].ram
            assert ram.value in (None, held)
            await gateway.close()


# -- an Xcom-LAN that dials in


async def test_it_is_told_as_long_as_nobody_has_connected(free_port: int) -> None:
    gateway = Gateway(XcomSettings(f"tcp-listen://127.0.0.1:{free_port}"))
    with pytest.raises(LinkDown, match=rf"has not connected to port {free_port} yet"):
        await gateway.read_infos(VOLTAGE)
    # when it does, no back-off is waited for
    async with simulator(strip=False) as one:
        await one.listen(f"tcp-listen://127.0.0.1:{free_port}")
        await recovered(lambda: gateway.read_infos(VOLTAGE))
        # the Moxa connects again by itself
        one.disconnect()
        await until(lambda: not gateway.connected)
        await recovered(lambda: gateway.read_infos(VOLTAGE))
        assert gateway.reconnects == 1
        await gateway.close()


async def test_two_gateways_on_one_port_are_told_apart_by_guid(free_port: int) -> None:
    other_guid = "00000000-0000-4000-8000-000000000002"
    url = f"tcp-listen://127.0.0.1:{free_port}"
    gateways = [Gateway(XcomSettings(url, guid=guid)) for guid in (GUID, other_guid)]
    async with simulator(strip=False) as one, simulator(strip=False) as two:
        two.site.gateway.guid = UUID(other_guid)
        waiting = [asyncio.ensure_future(_first(gateway)) for gateway in gateways]
        await two.listen(url)
        await one.listen(url)
        await asyncio.gather(*waiting)
        for gateway, simulated in zip(gateways, (one, two), strict=True):
            assert str(await gateway.read_guid()) == gateway.settings.guid
            before = simulated.site.gateway.reads
            await gateway.read_infos(VOLTAGE)
            assert simulated.site.gateway.reads == before + 1
        for gateway in gateways:
            await gateway.close()


async def _first(gateway: Gateway) -> None:
    await recovered(lambda: gateway.read_infos(VOLTAGE))


@pytest.mark.parametrize("kind", ["tcp", "pty"])
async def test_another_installation_is_refused(kind: str, new_port: Callable[[], int]) -> None:
    other = "00000000-0000-4000-8000-000000000002"
    async with rig(link=_link(kind, new_port), guid=other) as one:
        with pytest.raises(LinkDown, match=f"the gateway has the GUID {GUID}, not {other}"):
            await one.gateway.write(CHARGE, 12.0)
        assert one.simulator.site.gateway.writes == 0
    async with rig(link=_link(kind, new_port), guid=GUID) as one:
        await one.gateway.write(CHARGE, 12.0)


async def test_a_stranger_does_not_take_the_place_of_the_gateway(free_port: int) -> None:
    url = f"tcp-listen://127.0.0.1:{free_port}"
    gateway = Gateway(XcomSettings(url), timeout=0.3)
    async with simulator(strip=False) as one:
        waiting = asyncio.ensure_future(_first(gateway))
        await one.listen(url)
        await waiting
        reader, writer = await asyncio.open_connection("127.0.0.1", free_port)
        # it is asked who it is, does not know, and is sent away
        with suppress(ConnectionError):
            while await asyncio.wait_for(reader.read(100), PATIENCE):
                pass
        writer.close()
        await gateway.read_infos(VOLTAGE)
        assert gateway.reconnects == 0
        await gateway.close()


async def test_peers_tell_two_gateways_apart_before_a_byte_is_sent(free_port: int) -> None:
    url = f"tcp-listen://127.0.0.1:{free_port}"
    ours = Gateway(XcomSettings(url, peer="127.0.0.1"))
    other = Gateway(XcomSettings(url, peer="127.0.0.7"))
    async with simulator(strip=False) as one:
        waiting = asyncio.ensure_future(_first(ours))
        await one.listen(url)
        await waiting
        with pytest.raises(LinkDown, match=r"127\.0\.0\.7 has not connected"):
            await other.read_infos(VOLTAGE)
        await ours.close()
        await other.close()


# -- another master, and the strip hazard


async def test_the_portal_beside_us_disturbs_nothing() -> None:
    async with rig() as one:
        one.simulator.moxa.let_portal_ask(True)
        points = await one.points()
        await until(lambda: one.gateway.statistics.foreign >= 2)
        for _ in range(5):
            assert None not in (await one.gateway.read_infos(points)).values


def _stripping(value_of: Callable[[int], bytes], time: int = 1_700_000_000) -> Answer:
    """A gateway behind a Moxa that cuts 0D 0A out of everything."""

    def answer(asked: Frame) -> bytes:
        if asked.object_type == ObjectType.MULTI_INFO:
            items = decode_items(asked.data)
            data = encode_multi_info(
                MultiInfo(0, time, tuple(ItemValue(item, 0.0) for item in items))
            )
            head, rest = data[:8], data[8:]
            parts = [rest[at : at + 3] for at in range(0, len(rest), 7)]
            values = [value_of(item.number) for item in items]
            data = head + b"".join(a + b for a, b in zip(parts, values, strict=True))
        else:
            data = value_of(asked.object_id)
        return reply_to(asked, data).encode().replace(STRIPPED, b"")

    return answer


BAD_VALUE = bytes.fromhex("00 0D 0A 42")
GOOD_VALUE = encode_value(Format.FLOAT, 51.5)


async def test_a_value_with_0d_0a_costs_only_itself() -> None:
    """xcom-protocol.md 13.4: once at once again, then less at a time."""
    points = [point(number, 101) for number in (3000, 3001, 3005, 3006, 3007, 3011, 3012, 3013)]
    answer = _stripping(lambda number: BAD_VALUE if number == 3006 else GOOD_VALUE)
    async with scripted(answer, timeout=NEVER) as one:
        reading = await one.gateway.read_infos(points)
        missing = [p.datapoint.number for p, v in zip(points, reading.values, strict=True)
                   if v is None or math.isnan(v)]  # fmt: skip
        assert missing == [3006]
        assert one.gateway.statistics.stripped >= 4


async def test_a_time_with_0d_0a_does_not_stop_the_reading() -> None:
    """It lasts for 256 s, in which no multi-info reply gets through."""
    when = int.from_bytes(bytes.fromhex("00 0D 0A 65"), "little")
    points = [point(number, 101) for number in (3000, 3001, 3005, 3006)]
    async with scripted(_stripping(lambda _: GOOD_VALUE), timeout=NEVER) as one:
        await one.gateway.read_infos(points)
        one.gateway._conversation.clock.note(when)
        one.answers(_stripping(lambda _: GOOD_VALUE, when))
        before = one.gateway.exchanges
        reading = await one.gateway.read_infos(points)
        assert reading.values == (51.5,) * 4
        # one batch, tried twice, then one by one
        assert one.gateway.exchanges - before == 2 + len(points)


async def test_the_simulated_moxa_strips_as_the_reference_says() -> None:
    """G38: 34.5126953125 V holds the pair, and the simulated Moxa removes it."""
    async with rig(strip=True) as one:
        battery = at(601, 7000, 7001)
        one.device("BSP")._infos[7000] = lambda: 34.5126953125
        reading = await one.gateway.read_infos(battery)
        assert reading.values[0] is not None
        assert math.isnan(reading.values[0])  # it is there, and could not be read
        assert reading.values[1] is not None
        assert one.gateway.statistics.stripped >= 2
    async with rig() as one:
        one.device("BSP")._infos[7000] = lambda: 34.5126953125
        assert (await one.gateway.read_infos(at(601, 7000))).values == (34.5126953125,)
