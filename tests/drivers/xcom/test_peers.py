"""Independent clients of the simulator: `xcom_proto` and `pystuderxcom`, on all links they have.

Where they disagree with us, the test names the verdict (xcom-protocol.md 17) and pins
what the library does.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from typing import Any

import pytest

from drivers.core.simulation.faults import parse_fault
from drivers.core.url import SerialUrl, parse_link
from drivers.xcom.addresses import Family
from drivers.xcom.datapoints import DATAPOINTS, datapoint, datapoints_of
from drivers.xcom.protocol import Format, ObjectType, Property
from drivers.xcom.simulator import XcomSimulator
from drivers.xcom.simulator.behaviour import Behaviour
from drivers.xcom.simulator.site import BatteryMonitor
from tests.drivers.xcom.simulator_rig import NOON, Raw, Refused, port_of, simulator

psx: Any = import_module("pystuderxcom")
proto: Any = import_module("xcom_proto")

ADDRESSES = {1: 101, 3: 101, 5: 501, 6: 601, 7: 601, 10: 301, 11: 301, 15: 701}
"""Where the datapoints of `xcom_proto` live, by their thousands."""


# -- pystuderxcom


@pytest.fixture(scope="module")
def dataset() -> Any:
    return psx.XcomDataset.get_instance()


@asynccontextmanager
async def psx_tcp(one: XcomSimulator) -> AsyncIterator[Any]:
    link = await one.listen("tcp://127.0.0.1:0")
    api = psx.AsyncXcomApiTcp(
        psx.XcomApiTcpMode.CLIENT, remote_ip="127.0.0.1", remote_port=port_of(link)
    )
    await api.start()
    try:
        yield api
    finally:
        await api.stop()


@asynccontextmanager
async def psx_called(one: XcomSimulator, port: int) -> AsyncIterator[Any]:
    """It listens, and the simulator dials in."""
    api = psx.AsyncXcomApiTcp(psx.XcomApiTcpMode.SERVER, listen_port=port)
    await api.start(wait_for_connect=False)
    await one.listen(f"tcp-listen://127.0.0.1:{port}")
    try:
        assert await api._wait_until_connected(30)
        yield api
    finally:
        await one.ports.close()
        await api.stop()


@asynccontextmanager
async def psx_udp(one: XcomSimulator, port: int) -> AsyncIterator[Any]:
    link = await one.listen(f"udp://127.0.0.1:0?bind={port}")
    api = psx.AsyncXcomApiUdp("127.0.0.1", remote_port=port_of(link), local_port=port)
    await api.start()
    try:
        yield api
    finally:
        await api.stop()


@asynccontextmanager
async def psx_serial(one: XcomSimulator, link: str) -> AsyncIterator[Any]:
    api = psx.AsyncXcomApiSerial(_device(await one.listen(link)), 115200)
    await api.start()
    writer = api._writer
    try:
        yield api
    finally:
        await api.stop()
        writer.close()  # it forgets to
        await asyncio.sleep(0)


def _device(link: str) -> str:
    url = parse_link(link)
    assert isinstance(url, SerialUrl)
    return url.device


@pytest.mark.parametrize("monitor", [BatteryMonitor.BSP, BatteryMonitor.BMS])
async def test_psx_discovers_the_site(dataset: Any, monitor: BatteryMonitor) -> None:
    async with simulator(monitor=monitor) as one, psx_tcp(one) as api:
        found = await psx.AsyncXcomDiscover(api, dataset).discover_devices(getExtendedInfo=True)
        expected = {"XT1", "XT2", "L1", "RCC", monitor.name, "VT1", "VS1", "XCOM"}
        assert {device.code for device in found} == expected
        first = next(device for device in found if device.code == "XT1")
        assert (first.device_model, first.sw_version, first.serial, first.hw_version) == (
            "XTM", "1.6.42", "0A031B2D", "1.2 / 1.2",
        )  # fmt: skip
        string = next(device for device in found if device.code == "VS1")
        assert (string.device_model, string.sw_version) == ("VS120", "1.6.38")
        assert str(await api.request_guid()) == str(one.site.gateway.guid)


async def _every_value(api: Any, dataset: Any, raw: Raw) -> int:
    """Compare all readable datapoints with what our codec reads; returns how many."""
    count = 0
    for point in DATAPOINTS:
        address = {**ADDRESSES, 14: 701}[point.number // 1000]
        if not point.access.readable or point.monitors.name == "BMS":
            continue
        family = {101: "xt", 301: "vt", 701: "vs", 601: "bsp", 501: "rcc"}[address]
        theirs = dataset.get_by_nr(point.number, family)
        if theirs.data_type.name in ("INVALID", "MENU"):
            continue
        value = await api.request_value(theirs, address)
        ours = await raw.read(address, point.number, point.format)
        assert not isinstance(ours, Refused)
        if theirs.enum_options and point.format is not Format.FLOAT:
            assert value == theirs.enum_value(ours), point
        else:
            assert value == ours or (value != value and ours != ours), point
        count += 1
    return count


async def test_psx_reads_every_datapoint_as_we_do(dataset: Any) -> None:
    # a server of its own for our client: a Moxa copies every reply to every connection
    async with (
        simulator() as one,
        psx_tcp(one) as api,
        simulator() as other,
        Raw.connected(await other.listen("tcp://127.0.0.1:0")) as raw,
    ):
        assert await _every_value(api, dataset, raw) > 150


@pytest.mark.parametrize("which", ["tcp", "called", "udp", "pty", "pty-lan"])
async def test_psx_on_every_link(dataset: Any, which: str, free_port: int) -> None:
    async with simulator() as one:
        links = {
            "tcp": lambda: psx_tcp(one),
            "called": lambda: psx_called(one, free_port),
            "udp": lambda: psx_udp(one, free_port),
            "pty": lambda: psx_serial(one, "pty"),
            "pty-lan": lambda: psx_serial(one, "pty-lan"),
        }
        async with links[which]() as api:
            voltage = dataset.get_by_nr(3000, "xt")
            assert await api.request_value(voltage, "XT2") == pytest.approx(49.9, abs=5.0)
            items = [psx.XcomValueItem(voltage, device=device) for device in ("XT1", "XT2")]
            found = await api.request_infos(psx.XcomValueSet(items))
            assert [item.address_or_slave for item in found.items] == [101, 102]
            assert found.flags == 0x1E0
            charge = dataset.get_by_nr(1138, "xt")
            assert await api.update_value(charge, 33.0, "XT1")
            parameter = one.site.named["XT1"].parameters[1138]
            # it writes to RAM, as we do
            assert (parameter.ram, parameter.flash_writes) == (33.0, {})
            assert api.is_message_pending
            message = await api.request_message(0)
            assert (message.message_number, message.source_address) == (10, 101)
            assert not api.is_message_pending
            with pytest.raises(psx.XcomApiResponseIsError):
                await api.request_value(voltage, 105, retries=1)


async def test_psx_reads_76_values_in_one_exchange(dataset: Any) -> None:
    async with simulator() as one, psx_tcp(one) as api:
        device = one.site.named["XT1"]
        known = [point.number for point in datapoints_of(Family.XTENDER)]
        numbers = [number for number in known if device.has_info(number)][:38]
        items = [
            psx.XcomValueItem(dataset.get_by_nr(number, "xt"), device=name)
            for number in numbers
            for name in ("XT1", "XT2")
        ]
        found = await api.request_infos(psx.XcomValueSet(items))
        assert len(found.items) == 76
        assert found.datetime == int(NOON) + 1
        assert one.site.gateway.reads == 1


async def test_v12_psx_sync_takes_no_more_than_256_bytes(dataset: Any) -> None:
    async with simulator() as one:
        link = await one.listen("tcp://127.0.0.1:0")
        api = psx.XcomApiTcp(
            psx.XcomApiTcpMode.CLIENT, remote_ip="127.0.0.1", remote_port=port_of(link)
        )

        def ask(count: int, timeout: float) -> Any:
            voltage = dataset.get_by_nr(3000, "xt")
            items = [psx.XcomValueItem(voltage, device="XT1") for _ in range(count)]
            return api.request_infos(psx.XcomValueSet(items), retries=1, timeout=timeout)

        await asyncio.to_thread(api.start)
        try:
            assert len((await asyncio.to_thread(ask, 31, 60)).items) == 31
            with pytest.raises(Exception, match=r"^$|time|Time"):
                await asyncio.to_thread(ask, 32, 1)
        finally:
            await asyncio.to_thread(api.stop)


async def test_psx_falls_back_to_single_reads_on_old_firmware(dataset: Any) -> None:
    old = Behaviour(latency=0.0, firmware=(1, 6, 0))
    async with simulator(old) as one, psx_tcp(one) as api:
        voltage = dataset.get_by_nr(3000, "xt")
        items = [psx.XcomValueItem(voltage, device=name) for name in ("XT1", "XT2")]
        found = await api.request_values(psx.XcomValueSet(items), retries=1)
        assert [item.error for item in found.items] == [None, None]
        assert all(item.value == pytest.approx(49.9, abs=5.0) for item in found.items)


# -- xcom_proto


@contextmanager
def proto_udp(link: str, port: int) -> Iterator[Any]:
    api = proto.XcomLANUDP("127.0.0.1", dstPort=port_of(link), srcPort=port)
    try:
        yield api
    finally:
        api.udpListener.close()


def _proto_points() -> list[Any]:
    points = vars(proto.XcomP).values()
    return [point for point in points if type(point).__name__ == "Datapoint"]


def test_xcom_proto_has_45_datapoints_and_our_table_all_of_them() -> None:
    points = _proto_points()
    assert len(points) == 45
    formats = {"FLOAT": Format.FLOAT, "BOOL": Format.BOOL, "INT32": Format.INT32}
    for point in points:
        ours = datapoint(point.id)
        wanted = formats.get(str(point.type).upper())
        assert wanted in (None, ours.format), point
    by_id = {point.id: point for point in points}
    # V1: it says W, and its README multiplies by 1000
    assert (by_id[11043].unit, datapoint(11043).unit) == ("W", "kW")
    # V2: energies by the name of powers
    assert "POWER" in by_id[3081].name
    assert datapoint(3081).unit == "kWh"


async def _proto_reads_all(one: XcomSimulator, api: Any, raw: Raw) -> int:
    agreed = 0
    for point in _proto_points():
        address = ADDRESSES[point.id // 1000]
        ours = await raw.read(address, point.id, datapoint(point.id).format)
        if isinstance(ours, Refused):
            # signals have no value, and a BSP has not what a BMS has
            with pytest.raises(KeyError):
                await asyncio.to_thread(api.getValue, point, address)
        elif point.id == 5012:
            # V5: it takes this LONG_ENUM for a SHORT_ENUM
            with pytest.raises(struct.error):
                await asyncio.to_thread(api.getValue, point, address)
        else:
            theirs = await asyncio.to_thread(api.getValue, point, address)
            assert theirs == ours, point
            agreed += 1
    return agreed


async def test_xcom_proto_reads_its_datapoints_over_udp(free_port: int) -> None:
    async with simulator() as one, simulator() as other:
        link = await one.listen(f"udp://127.0.0.1:0?bind={free_port}")
        async with Raw.connected(await other.listen("tcp://127.0.0.1:0")) as raw:
            with proto_udp(link, free_port) as api:
                assert await _proto_reads_all(one, api, raw) == 41
        # V9: property 0x0D for everything; V8: signal 10029 asked for as an info
        asked = one.requests()
        assert {frame.property_id for frame in asked} == {Property.UNSAVED_VALUE}
        wrong = [frame for frame in asked if frame.object_id == 10029]
        assert [frame.object_type for frame in wrong] == [ObjectType.INFO]


async def test_xcom_proto_over_tcp_when_the_moxa_dials_in(free_port: int) -> None:
    async with simulator() as one:
        await one.listen(f"tcp-listen://127.0.0.1:{free_port}")

        def talk() -> tuple[float, None]:
            with proto.XcomLANTCP(port=free_port) as api:
                value = api.getValue(proto.XcomP.BATT_VOLTAGE, 601)
                return value, api.setValue(proto.XcomP.BATTERY_CHARGE_CURR, 25.0, 101)

        value, _ = await asyncio.to_thread(talk)
        assert value == pytest.approx(49.9, abs=5.0)
        assert one.site.named["XT1"].ram(1138) == 25.0
        assert one.site.named["XT2"].ram(1138) == 60.0


async def test_v11_the_serial_class_fits_profile_b_only() -> None:
    async with simulator() as one:
        lan = proto.XcomRS232(_device(await one.listen("pty-lan")), 115200)
        assert await asyncio.to_thread(lan.getValue, proto.XcomP.PV_POWER, 301) > 0.0
        plain = proto.XcomRS232(_device(await one.listen("pty")), 38400, timeout=0.3)
        with pytest.raises(AssertionError):
            await asyncio.to_thread(plain.getValue, proto.XcomP.PV_POWER, 301)


async def test_v10_the_default_address_writes_to_every_xtender(free_port: int) -> None:
    async with simulator() as one:
        link = await one.listen(f"udp://127.0.0.1:0?bind={free_port}")
        with proto_udp(link, free_port) as api:
            point = proto.XcomP.MAX_CURR_AC_SOURCE
            await asyncio.to_thread(api.setValue, point, 21.0)
        assert [one.site.named[name].ram(1107) for name in ("XT1", "XT2")] == [21.0, 21.0]


async def test_xcom_proto_takes_the_reply_to_another_request(free_port: int) -> None:
    """xcom-protocol.md 16: a wrong value; our matching drops such a reply."""
    async with simulator() as one:
        link = await one.listen(f"udp://127.0.0.1:0?bind={free_port}")
        await one.set_fault(parse_fault("other-reply"))
        with proto_udp(link, free_port) as api:
            value = await asyncio.to_thread(api.getValue, proto.XcomP.BATT_VOLTAGE, 601)
        assert value == pytest.approx(49.9, abs=5.0)
