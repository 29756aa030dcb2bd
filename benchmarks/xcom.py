"""Reading a Studer site: our multi-info and our single reads, and two public libraries, on lines.

The simulated gateway answers at once, on lines that move bytes at their speed: profile A (38400
8E1, nothing after a reply) and profile B (115200 8N1, 0D 0A after each). The limits are those of
xcom-protocol.md 15. `pystuderxcom` reads by multi-info too; `xcom_proto` reads
values one after the other, and on profile B only, since it waits for the 0D 0A.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pystuderxcom
import xcom_proto

from drivers.core.url import SerialLine, SerialUrl
from drivers.xcom.addresses import Family
from drivers.xcom.datapoints import datapoints_of
from drivers.xcom.device import Gateway
from drivers.xcom.discovery import Site
from drivers.xcom.protocol import Format, ObjectType
from drivers.xcom.readings import Point
from drivers.xcom.settings import LINK_DEFAULTS, MultiInfoUse, XcomSettings

from .bench import Setup
from .cost import Cost, Simulated
from .process import BenchmarkError, ServerProcess
from .results import Goal, Row

_SIMULATOR = "drivers.xcom.simulator"
_MARGIN = 1.15
_VALUES = 76
_OURS, _SINGLES = 20, 4
_REQUEST, _REPLY, _ITEM, _VALUE = 26, 34, 3, 7
_SITE = 200
"""Live values of two Xtenders, a VarioTrack, a VarioString and a BSP."""


@dataclass(frozen=True, slots=True)
class _Profile:
    """A way in which a gateway is connected."""

    name: str
    link: str
    line: SerialLine
    terminator: int

    @property
    def arguments(self) -> tuple[str, ...]:
        """The simulator's flags."""
        framing = f"8{self.line.parity}{self.line.stop}"
        return ("--link", self.link, "--baud", str(self.line.baud), "--line", framing)

    def multi(self, values: int) -> float:
        """Milliseconds of the wire for values read by multi-info, in as few exchanges as can be."""
        exchanges = -(-values // _VALUES)
        fixed = exchanges * (_REQUEST + _REPLY + self.terminator)
        return (fixed + values * (_ITEM + _VALUE)) * self.line.character_time * 1e3


_PROFILES = (
    _Profile("38400 8E1", "pty", SerialLine(38400, "E"), 0),
    _Profile("115200 8N1", "pty-lan", SerialLine(115200, "N"), 2),
)


class Xcom:
    """76 values of two Xtenders, and all live values of a site, on both serial profiles."""

    name = "xcom"

    async def run(self, setup: Setup) -> list[Row]:
        rows: list[Row] = []
        for profile in _PROFILES:
            rows += await self._on(setup, profile)
        return rows

    async def _on(self, setup: Setup, profile: _Profile) -> list[Row]:
        control = ("--control", "tcp://127.0.0.1:0", "--think", "0")
        many, few = _count(setup, _OURS), _count(setup, _SINGLES)
        points = _points()
        with ServerProcess(setup.cores, _SIMULATOR, (*profile.arguments, *control)) as process:
            gateway = await Simulated.find(process, LINK_DEFAULTS)
            ours = await _ours(gateway, points, many)
            site = await _ours(gateway, None, many)
            singly = await _ours(gateway, points, few, MultiInfoUse.NEVER)
            psx = await _pystuderxcom(gateway, points, many)
            seed = await _xcom_proto(gateway, points, few) if profile.terminator else None
        return self._rows(profile, ours, site, singly, psx, seed)

    def _rows(
        self, profile: _Profile, ours: Cost, site: Cost, singly: Cost, psx: Cost, seed: Cost | None
    ) -> list[Row]:
        name, speed = self.name, profile.name
        goal = Goal(profile.multi(_VALUES) * _MARGIN)
        whole = Goal(profile.multi(_SITE) * _MARGIN)
        theirs = None if seed is None else seed.milliseconds
        return [
            Row(name, f"exchanges, 76 values, {speed}", "", ours.exchanges, psx.exchanges, Goal(1)),
            Row(name, f"76 values, {speed}", "ms", ours.milliseconds, psx.milliseconds, goal),
            Row(name, f"exchanges, site of 200 values, {speed}", "", site.exchanges, None, Goal(3)),
            Row(name, f"site of 200 values, {speed}", "ms", site.milliseconds, None, whole),
            Row(name, f"76 values one by one, {speed}", "ms", singly.milliseconds, theirs),
        ]


def _count(setup: Setup, thorough: int) -> int:
    return max(1, thorough // 4) if setup.quick else thorough


def _points() -> list[Point]:
    """76 FLOATs: 38 of each Xtender."""
    floats = [
        one
        for one in datapoints_of(Family.XTENDER)
        if one.object_type is ObjectType.INFO and one.format is Format.FLOAT
    ]
    return [Point(address, one) for address in (101, 102) for one in floats[: _VALUES // 2]]


async def _ours(
    gateway: Simulated,
    points: Sequence[Point] | None,
    count: int,
    use: MultiInfoUse = MultiInfoUse.AUTO,
) -> Cost:
    """Our driver; without points, all live values of the site."""
    driver = Gateway(XcomSettings(str(gateway.link), multi_info=use))
    try:
        chosen = _live(await driver.find_devices()) if points is None else points
        return await gateway.cost(lambda: driver.read_infos(chosen), count)
    finally:
        await driver.close()


def _live(site: Site) -> list[Point]:
    points = [
        Point(device.address, one)
        for device in site.devices
        for one in datapoints_of(device.family)
        if one.object_type is ObjectType.INFO
        if not one.monitors or one.monitors & device.monitor
    ]
    if len(points) != _SITE:
        raise BenchmarkError(f"the simulated site has {len(points)} live values, not {_SITE}")
    return points


async def _pystuderxcom(gateway: Simulated, points: Sequence[Point], count: int) -> Cost:
    """The library's multi-info."""
    assert isinstance(gateway.link, SerialUrl)
    table = pystuderxcom.XcomDataset.get_instance()
    items = [
        pystuderxcom.XcomValueItem(
            table.get_by_nr(point.datapoint.number, "xt"), device=f"XT{point.address - 100}"
        )
        for point in points
    ]
    # its asyncio class takes the first piece of a reply for the whole of it
    api = pystuderxcom.XcomApiSerial(gateway.link.device, gateway.link.line.baud)
    api.start()

    async def read() -> object:
        return api.request_infos(pystuderxcom.XcomValueSet(items))

    try:
        return await gateway.cost(read, count)
    finally:
        api.stop()


async def _xcom_proto(gateway: Simulated, points: Sequence[Point], count: int) -> Cost:
    """The other library's single reads."""
    assert isinstance(gateway.link, SerialUrl)
    api = xcom_proto.XcomRS232(gateway.link.device, gateway.link.line.baud)

    async def read() -> object:
        return [
            api.getValueByID(point.datapoint.number, "FLOAT", point.address) for point in points
        ]

    return await gateway.cost(read, count)
