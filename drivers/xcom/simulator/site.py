"""A whole simulated site: the model, the devices that show it, and the gateway in front of them.

Source: xcom-protocol.md 5, 8, 10.2 and 18.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from ..addresses import GATEWAY, Family
from ..datapoint import Monitor
from ..protocol import Value
from .behaviour import Behaviour
from .device import SimulatedDevice, Special
from .gateway import SimulatedGateway
from .infos import (
    BATTERY_MEANS,
    VARIOSTRING_MEANS,
    VARIOTRACK_MEANS,
    Identity,
    battery_infos,
    variostring_infos,
    variotrack_infos,
)
from .model import SiteModel
from .supply import DAY, HOUR
from .units import SolarState, XtenderState
from .xtender import XTENDER_MEANS, XtenderView

DEFAULT_GUID = UUID("407d3d61-2835-4dec-ba32-c9580b1bd03a")
XTENDERS = (101, 102)
VARIOTRACK, VARIOSTRING, BATTERY = 301, 701, 601

_XTENDER = Special(saves=1550, watchdog=(1628, 1629))
_TRACK = Special(saves=10058, watchdog=(10342, 10343))
_STRING = Special(saves=14069, watchdog=(14218, 14219))
_SAVED_AT = 30.0
_LOST_CONTACT = {
    Family.XTENDER: 163, Family.BATTERY: 164, Family.VARIOTRACK: 166, Family.VARIOSTRING: 167
}  # fmt: skip
_SYSTEM_STARTING = 10
_BLINK_TIME = 45.0
_LATEST = 2**31 - 1


class BatteryMonitor(StrEnum):
    """What stands at 601."""

    BSP = "bsp"
    BMS = "bms"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that gives a message each time it becomes true."""

    key: str
    happens: bool
    kind: int
    source: int


class SimulatedSite:
    """A usual site: two Xtenders, a VarioTrack, a VarioString and a battery monitor.

    `start` is the time of the clock on the wall, s since 1970. Simulated time runs `speed` times as
    fast as `clock`; watchdogs, restarts and delays go by `clock`.
    """

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        start: float,
        speed: float = 1.0,
        monitor: BatteryMonitor = BatteryMonitor.BSP,
        guid: UUID = DEFAULT_GUID,
        seed: int = 2017,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = SiteModel(start, seed=seed)
        self.gateway = SimulatedGateway(
            behaviour or Behaviour(), guid, clock, lambda: self.model.time
        )
        self.speed = speed
        self.blinking = 0
        self._blinks_until = 0.0
        self._clock = clock
        self._seen = clock()
        self._on: dict[int, bool] = dict.fromkeys((*XTENDERS, VARIOTRACK, VARIOSTRING), True)
        self._add_devices(monitor)
        self._connect_gateway()
        self._happened = {event.key: event.happens for event in self._events()}
        self._restarts = dict.fromkeys(self.gateway.devices, 0)
        self.message(_SYSTEM_STARTING, XTENDERS[0])

    @property
    def named(self) -> dict[str, SimulatedDevice]:
        """The devices by the names that operators use: XT1, VT1, VS1, BSP, RCC."""
        names = {GATEWAY: "RCC", BATTERY: "BSP", VARIOTRACK: "VT1", VARIOSTRING: "VS1"}
        names |= {address: f"XT{n}" for n, address in enumerate(XTENDERS, 1)}
        return {names[address]: device for address, device in self.gateway.devices.items()}

    def catch_up(self) -> None:
        """Let the site's time follow the clock."""
        now = self._clock()
        elapsed, self._seen = (now - self._seen) * self.speed, now
        self.gateway.watch()
        for device in self.gateway.devices.values():
            device.watch()
        self._obey()
        self.model.advance(elapsed, self._after)
        self._notice()

    def message(self, kind: int, source: int) -> None:
        """Store a message."""
        self.gateway.messages.add(kind, source, self.model.time)

    def save_datalog(self) -> None:
        """Write the file of the day to the card."""
        model = self.model
        date = time.strftime("%y%m%d", time.gmtime(model.time - HOUR))
        lines = [
            f"LG{date};SoC %;{100.0 * model.battery.soc:.1f}",
            *(f"AC-out kWh;XT{n};{one.energy_out.today:.3f}"
              for n, one in enumerate(model.xtenders, 1)),
            *(f"PV kWh;{n};{one.energy.today:.3f}" for n, one in enumerate(model.solar, 1)),
            self.gateway.datalog_field.decode("iso8859_15"),
        ]  # fmt: skip
        self.gateway.save_datalog(f"LG{date}.CSV", "\r\n".join(lines).encode("iso8859_15"))

    # -- how it is put together

    def _add_devices(self, monitor: BatteryMonitor) -> None:
        for n, (address, one) in enumerate(zip(XTENDERS, self.model.xtenders, strict=True), 1):
            device = self._device(address, Family.XTENDER, _XTENDER)
            identity = Identity(256, (1, 6, 42), 0x0A03_0000 + 0x1B2C + n, power=4000)
            view = XtenderView(self.model, one, device.ram)
            device.serve(view.infos(identity), XTENDER_MEANS)
            self._add_xtender_signals(device)
        track = self._device(VARIOTRACK, Family.VARIOTRACK, _TRACK)
        identity = Identity(9729, (1, 6, 40), 0x0A05_33C1)
        track.serve(variotrack_infos(self.model, self.model.track, identity), VARIOTRACK_MEANS)
        string = self._device(VARIOSTRING, Family.VARIOSTRING, _STRING)
        identity = Identity(12801, (1, 6, 38), 0x0A09_0B77)
        string.serve(variostring_infos(self.model, self.model.string, identity), VARIOSTRING_MEANS)
        track.signals[10029] = self.model.cycle.restart
        self._add_switches(track, 10039, 10040)
        self._add_switches(string, 14038, 14039)
        if monitor is not BatteryMonitor.NONE:
            self._add_battery(bms=monitor is BatteryMonitor.BMS)
        self.gateway.phases[191] = XTENDERS

    def _device(self, address: int, family: Family, special: Special) -> SimulatedDevice:
        device = SimulatedDevice(address, family, special=special, clock=self._clock)
        self.gateway.add(device)
        return device

    def _add_battery(self, *, bms: bool) -> None:
        which = Monitor.BMS if bms else Monitor.BSP
        device = SimulatedDevice(BATTERY, Family.BATTERY, monitor=which, clock=self._clock)
        identity = Identity(10241 if not bms else 10242, (1, 6, 36), 0x0A07_2204)
        device.serve(battery_infos(self.model, identity, bms=bms), BATTERY_MEANS)
        self.gateway.add(device)

    def _add_xtender_signals(self, device: SimulatedDevice) -> None:
        def switch(on: bool) -> None:
            for address in XTENDERS:
                self._on[address] = on

        def restart() -> None:
            for address in XTENDERS:
                self.gateway.devices[address].restart()

        device.signals |= {
            1142: self.model.cycle.restart,
            1467: self.model.cycle.force_float,
            1399: lambda: switch(False),
            1415: lambda: switch(True),
            1468: restart,
        }

    def _add_switches(self, device: SimulatedDevice, on: int, off: int) -> None:
        def switch(state: bool) -> None:
            self._on[device.address] = state

        device.signals |= {on: lambda: switch(True), off: lambda: switch(False)}

    def _connect_gateway(self) -> None:
        def save() -> None:
            self.save_datalog()
            self.gateway.be_busy()

        def set_clock(seconds: Value) -> None:
            self.model.time = float(seconds)

        def blink(address: Value) -> None:
            self.blinking = int(address)
            self._blinks_until = self._clock() + _BLINK_TIME

        device = self.gateway.device
        device.signals[5059] = save
        device.live[5002] = lambda: min(int(self.model.time), _LATEST)
        device.stored |= {5002: set_clock, 5119: blink}

    # -- while it runs

    def _obey(self) -> None:
        """What is set in the devices is what the model goes by."""
        for address, one in zip(XTENDERS, self.model.xtenders, strict=True):
            self._obey_xtender(self.gateway.devices[address], one)
        first = self.gateway.devices[XTENDERS[0]]
        cycle = self.model.cycle
        cycle.absorption_voltage = float(first.ram(1156))
        cycle.float_voltage = float(first.ram(1140))
        cycle.absorption_time = float(first.ram(1157)) * HOUR
        self.model.low_voltage = float(first.ram(1108))
        self.model.restart_voltage = float(first.ram(1110))
        solar: tuple[tuple[int, SolarState, int], ...] = (
            (VARIOTRACK, self.model.track, 10002),
            (VARIOSTRING, self.model.string, 14001),
        )
        for address, state, limit in solar:
            device = self.gateway.devices[address]
            state.on = self._on[address] and device.started
            state.current_limit = float(device.ram(limit))
        if self._clock() > self._blinks_until:
            self.blinking = 0

    def _obey_xtender(self, device: SimulatedDevice, one: XtenderState) -> None:
        one.on = self._on[device.address] and device.started
        one.input_limit = float(device.ram(1107))
        one.charge_current = float(device.ram(1138))
        one.inverter_allowed = bool(device.ram(1124))
        one.charger_allowed = bool(device.ram(1125))
        one.boost_allowed = bool(device.ram(1126))
        one.transfer_allowed = bool(device.ram(1128))

    def _after(self, seconds: float) -> None:
        """After each step of the model."""
        for device in self.gateway.devices.values():
            device.tick(seconds)
        if (self.model.time - _SAVED_AT) // DAY != (self.model.time - _SAVED_AT - seconds) // DAY:
            self.save_datalog()
        self._notice()

    def _notice(self) -> None:
        """Store a message for all that has become true, and for devices that have restarted."""
        for address, device in self.gateway.devices.items():
            if address != GATEWAY and device.started and device.restarts != self._restarts[address]:
                self._restarts[address] = device.restarts
                self.message(_SYSTEM_STARTING, address)
        for event in self._events():
            if event.happens and not self._happened.get(event.key, False):
                self.message(event.kind, event.source)
            self._happened[event.key] = event.happens

    def _events(self) -> Iterator[Event]:
        model, first = self.model, XTENDERS[0]
        yield Event("mains", model.mains, 3, first)
        yield Event("no mains", not model.mains, 7, first)
        yield Event("low", model.battery.voltage < model.low_voltage + 0.7, 0, first)
        yield Event("empty", model.starved, 19, first)
        yield Event("overload", model.overloaded, 15, first)
        yield Event("dark", model.long_dark, 83, VARIOTRACK)
        for address, one in zip(XTENDERS, model.xtenders, strict=True):
            yield Event(f"off {address}", not one.on, 223, address)
            started = self.gateway.devices[address].started
            yield Event(f"started {address}", started, 177, address)
        for address, device in self.gateway.devices.items():
            if address != GATEWAY:
                lost = not device.answers
                yield Event(f"lost {address}", lost, _LOST_CONTACT[device.family], address)
