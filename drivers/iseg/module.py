"""One high-voltage module: blocks to read, commands for all of its channels."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from ..core.can import CanBus
from ..core.errors import BadReply, Blocked, DriverError, OutOfRange
from .channel import MAX_RAMP, Channel, near
from .conversation import Conversation
from .items import ITEMS, I
from .protocol import MAX_CHANNELS, Value, release_text
from .reader import number_of, word_of
from .readings import (
    ChannelParameters,
    ChannelReading,
    ChannelSettings,
    Identity,
    ModuleReading,
    ParametersReading,
    SettingsReading,
    state_of,
)
from .settings import CrateSettings, ModuleSettings, Polarity
from .words import BLOCKING, CHANNEL_EVENT_BITS, ChannelControl, ModuleControl, names_of

log = logging.getLogger("labioc.iseg")

_MAX_WAITING = 512
_MAX_CURRENT_RAMP = 100.0
_KEPT = ModuleControl.KILL_ENABLE | ModuleControl.FINE_ADJUSTMENT | ModuleControl.INTERLOCK
_COUNT_IN_NAME = re.compile(r"[A-Z](\d\d)")


class Module:
    """A module on the line. Commands to it are carried out one after the other, in their order.

    `talk` is its conversation on the wire. Off and emergency off overtake everything, and take the
    effect of what waits: a switch-on that was asked for before them is not sent any more.
    """

    def __init__(self, crate: CrateSettings, settings: ModuleSettings, bus: CanBus) -> None:
        self.settings = settings
        self.name = settings.name
        self.talk = Conversation(bus, crate, settings)
        self.channels = [Channel(self, number) for number in range(settings.channels or 0)]
        self.sign = {Polarity.POSITIVE: 1, Polarity.NEGATIVE: -1}.get(settings.polarity, 0)
        self.offs = 0
        self._identity: Identity | None = None
        self._present = 0
        self._session: tuple[int, int] | None = None
        self._seen: dict[str, int] = {}
        self._preparing = asyncio.Lock()
        self._orders = asyncio.Lock()
        self._waiting = 0

    # -- blocks

    async def read_fast(self) -> ModuleReading:
        """Voltage, current and status of all channels and the module's status.

        Three multiple accesses per 16 channels and one single read. Raises `LinkDown`, `NoReply`,
        `BadReply`; each block does so once after a restart of the module, so that nobody goes on
        with what it held before.
        """
        await self._begin("measured values")
        voltages = await self._read_all(I.VOLTAGE_MEASURE)
        currents = await self._read_all(I.CURRENT_MEASURE)
        words = await self._read_all(I.STATUS)
        status = word_of(await self.talk.read(ITEMS[I.MODULE_STATUS]))
        if status is None:
            raise self._bad("read module status", "the module does not have it: not an EDCP module")
        found = zip(self.channels, voltages, currents, words, strict=True)
        return ModuleReading(status, tuple(_channel_reading(*one) for one in found))

    async def read_settings(self) -> SettingsReading:
        """Events and set values of all channels and the module's events."""
        await self._begin("settings")
        voltages = await self._read_all(I.VOLTAGE_SET)
        currents = await self._read_all(I.CURRENT_SET)
        events = await self._read_all(I.EVENTS)
        for channel, voltage in zip(self.channels, voltages, strict=True):
            channel.voltage_set = number_of(voltage)
        own = word_of(await self.talk.read(ITEMS[I.MODULE_EVENTS]))
        found = zip(voltages, currents, events, strict=True)
        channels = tuple(
            ChannelSettings(number_of(v), number_of(i), word_of(e))
            if self._is_present(number)
            else None
            for number, (v, i, e) in enumerate(found)
        )
        return SettingsReading(own, channels)

    async def read_parameters(self) -> ParametersReading:
        """Everything that seldom changes: ramps, limits, supplies, temperature, identity."""
        await self._begin("parameters")
        assert self._identity is not None
        read = self.talk.read_number
        ramp = await read(ITEMS[I.VOLTAGE_RAMP])
        voltage_limit = await read(ITEMS[I.VOLTAGE_LIMIT])
        current_limit = await read(ITEMS[I.CURRENT_LIMIT])
        channels = await self._read_parameters(ramp, voltage_limit, current_limit)
        return ParametersReading(
            self._identity,
            ramp,
            await read(ITEMS[I.CURRENT_RAMP]),
            voltage_limit,
            current_limit,
            await read(ITEMS[I.SUPPLY_24V]),
            await read(ITEMS[I.SUPPLY_5V]),
            await read(ITEMS[I.TEMPERATURE]),
            self.talk.missing,
            self.talk.restarts,
            channels,
        )

    async def _read_parameters(
        self, ramp: float | None, voltage_limit: float | None, current_limit: float | None
    ) -> tuple[ChannelParameters | None, ...]:
        await self._read_nominals()
        voltage_bounds = await self._read_all(I.VOLTAGE_BOUNDS)
        current_bounds = await self._read_all(I.CURRENT_BOUNDS)
        ups = await self._read_all(I.VOLTAGE_RAMP_UP)
        downs = await self._read_all(I.VOLTAGE_RAMP_DOWN)
        times = await self._read_all(I.TRIP_TIME)
        trips = await self._read_all(I.TRIP_ACTION)
        inhibits = await self._read_all(I.INHIBIT_ACTION)
        found: list[ChannelParameters | None] = []
        for n, channel in enumerate(self.channels):
            nominal = channel.voltage_nominal
            own_ramp = None if ramp is None or nominal is None else abs(nominal) * ramp / 100
            low, high = channel.voltage_range(voltage_limit)
            one = ChannelParameters(
                nominal,
                channel.current_nominal,
                number_of(voltage_bounds[n]),
                number_of(current_bounds[n]),
                number_of(ups[n]),
                number_of(downs[n]),
                own_ramp,
                word_of(times[n]),
                word_of(trips[n]),
                word_of(inhibits[n]),
                low,
                high,
                channel.highest_current(current_limit),
            )
            found.append(one if self._is_present(n) else None)
        return tuple(found)

    # -- commands to all channels

    async def all_off(self) -> None:
        """Switch all channels off: they ramp to zero. Overtakes all that waits."""
        await self.switch_off(self.channels)

    async def emergency_off_all(self) -> None:
        """Cut all outputs without a ramp. Overtakes all that waits."""
        await self.emergency_off(self.channels)

    async def switch_off(self, channels: Sequence[Channel]) -> None:
        """Ramp channels to zero, ahead of everything that waits. Raises unless they are off."""
        numbers = self._stop(channels)
        await self.talk.send(ITEMS[I.CONTROL], 0, numbers, urgent=True)

        async def missing() -> str:
            for number in numbers:
                control = await self.talk.read(ITEMS[I.CONTROL], number, urgent=True)
                if (word_of(control) or 0) & ChannelControl.ON:
                    return f"channel {number} is still on"
            return ""

        await self.talk.confirm("switch off", missing)

    async def emergency_off(self, channels: Sequence[Channel]) -> None:
        """Cut outputs, ahead of everything that waits. Raises unless they are off."""
        numbers = self._stop(channels)
        value = int(ChannelControl.EMERGENCY_OFF)
        await self.talk.send(ITEMS[I.CONTROL], value, numbers, urgent=True)

        async def missing() -> str:
            for channel in channels:
                status = await self.talk.read(ITEMS[I.STATUS], channel.number, urgent=True)
                events = await self.talk.read(ITEMS[I.EVENTS], channel.number, urgent=True)
                if left := channel.off_missing(status, events):
                    return left
            return ""

        await self.talk.confirm("emergency off", missing)

    def _stop(self, channels: Sequence[Channel]) -> list[int]:
        """Take the effect of all that waits; the channels to write to, all if none is known yet."""
        if not self.channels or channels is self.channels:
            self.offs += 1
        numbers = [channel.number for channel in channels]
        return numbers or list(range(MAX_CHANNELS))

    # -- commands to the module

    async def clear_events(self) -> None:
        """Clear the kill signal and all events of module and channels. Switches nothing on.

        Raises `NotObeyed` if blocking events persist, such as an emergency off, which each
        channel's own reset ends.
        """
        async with self.order("clear events"):
            control = ITEMS[I.MODULE_CONTROL]
            present = word_of(await self.talk.read(control)) or 0
            value = present & _KEPT | ModuleControl.BIG_ENDIAN | ModuleControl.CLEAR
            await self.talk.send(control, int(value))
            try:
                await self.talk.confirm("clear events", self._still_blocking)
            finally:
                self.talk.hint()

    async def set_kill(self, enable: int) -> None:
        """Switch the kill function: a channel above its current set trips, or is limited."""
        async with self.order("set kill enable"):
            control = ITEMS[I.MODULE_CONTROL]
            present = word_of(await self.talk.read(control)) or 0
            value = present & (_KEPT & ~ModuleControl.KILL_ENABLE) | ModuleControl.BIG_ENDIAN
            value |= ModuleControl.KILL_ENABLE if enable else 0

            def shown(found: Value) -> bool:
                return bool((word_of(found) or 0) & ModuleControl.KILL_ENABLE) is bool(enable)

            await self.talk.write(control, int(value), None, shown)

    async def set_voltage_ramp(self, value: float) -> None:
        """Set the voltage ramp speed of all channels, % of the nominal voltage per second."""
        await self._set_ramp(I.VOLTAGE_RAMP, value, MAX_RAMP)

    async def set_current_ramp(self, value: float) -> None:
        """Set the current ramp speed of all channels, % of the nominal current per second."""
        await self._set_ramp(I.CURRENT_RAMP, value, _MAX_CURRENT_RAMP)

    # -- order and preparation

    @asynccontextmanager
    async def order(self, asked: str) -> AsyncGenerator[None]:
        """The turn of a command; raises `Blocked` if too many wait."""
        if self._waiting >= _MAX_WAITING:
            reason = f"{_MAX_WAITING} commands already wait for this module"
            raise Blocked(self.talk.link, self.talk.name, asked, reason)
        self._waiting += 1
        try:
            async with self._orders:
                try:
                    await self.prepare()
                    yield
                except DriverError as error:
                    self.talk.failed(str(error))
                    raise
        finally:
            self._waiting -= 1

    async def prepare(self) -> None:
        """Log on, and learn what the module is, after each connect and each restart of it."""
        async with self._preparing:
            await self.talk.connect()
            if self._session == self.talk.session:
                return
            await self.talk.begin()
            session = self.talk.session
            self._identity = await self._identify()
            self._present = self._count(self._identity)
            if not self.channels:
                self.channels.extend(Channel(self, n) for n in range(self._present))
            await self._read_nominals()
            self._session = session

    async def _begin(self, block: str) -> None:
        """Prepare for reading a block; raises `BadReply` if the module restarted since the last."""
        await self.prepare()
        now = self.talk.restarts
        before = self._seen.setdefault(block, now)
        if before != now:
            self._seen[block] = now
            asyncio.get_running_loop().call_soon(self.talk.restarted)
            raise self._bad(f"read {block}", "the module restarted: its settings may be others")

    async def _identify(self) -> Identity:
        read = self.talk.read
        release = await read(ITEMS[I.FIRMWARE_RELEASE])
        name = await read(ITEMS[I.FIRMWARE_NAME])
        return Identity(
            word_of(await read(ITEMS[I.SERIAL_NUMBER])),
            release_text(release) if isinstance(release, bytes) else "",
            name if isinstance(name, str) else "",
            word_of(await read(ITEMS[I.CHANNEL_NUMBER])) or 0,
            self.talk.device_class,
        )

    def _count(self, identity: Identity) -> int:
        """How many channels can be asked; some modules say 0 (iseg-protocol.md 6.1)."""
        named = _COUNT_IN_NAME.match(identity.firmware_name)
        told = identity.channels or (int(named[1]) if named else 0)
        wanted = self.settings.channels or len(self.channels)
        if not told and not wanted:
            problem = "it does not say how many: set channels in the configuration"
            raise self._bad("read number of channels", problem)
        if told and wanted and told != wanted:
            log.warning("%s: has %d channels, not %d", self.talk.name, told, wanted)
        return min(told or wanted, wanted or told, MAX_CHANNELS)

    async def _read_nominals(self) -> None:
        voltages = await self._read_all(I.VOLTAGE_NOMINAL)
        currents = await self._read_all(I.CURRENT_NOMINAL)
        polarities = await self._read_all(I.OUTPUT_POLARITY)
        found = zip(self.channels, voltages, currents, polarities, strict=True)
        for channel, voltage, current, polarity in found:
            channel.voltage_nominal = number_of(voltage)
            channel.current_nominal = number_of(current)
            channel.polarity = word_of(polarity)

    async def _read_all(self, number: int) -> tuple[Value | None, ...]:
        """A channel item of all channels; None for those that the module does not have."""
        values = await self.talk.read_all(ITEMS[number], self._present)
        return (*values, *(None,) * (len(self.channels) - self._present))

    def _is_present(self, number: int) -> bool:
        return number < self._present

    async def _still_blocking(self) -> str:
        """Which channels keep blocking events, in words."""
        events = await self._read_all(I.EVENTS)
        words = ((n, (word_of(event) or 0) & BLOCKING) for n, event in enumerate(events))
        left = [f"channel {n}: {names_of(CHANNEL_EVENT_BITS, word)}" for n, word in words if word]
        return f"still there: {'; '.join(left)}" if left else ""

    async def _set_ramp(self, number: int, value: float, highest: float) -> None:
        item = ITEMS[number]
        async with self.order(f"set {item.name}"):
            if not 0.0 < value <= highest:
                detail = f"{value:g} is not above 0 and at most {highest:g} %/s"
                raise OutOfRange(self.talk.link, self.talk.name, f"set {item.name}", detail)
            await self.talk.write(item, value, None, near(value, 0.0))

    def _bad(self, asked: str, problem: str) -> BadReply:
        return BadReply(self.talk.link, self.talk.name, asked, problem)


def _channel_reading(
    channel: Channel, voltage: Value | None, current: Value | None, word: Value | None
) -> ChannelReading | None:
    status = word_of(word)
    if status is None:
        return None
    measured = number_of(voltage)
    state = state_of(status, measured or 0.0, channel.voltage_set)
    return ChannelReading(measured, number_of(current), status, state)
