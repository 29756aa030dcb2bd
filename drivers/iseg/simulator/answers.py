"""The items of a simulated module: how each is read from the model and written to it."""

from __future__ import annotations

from collections.abc import Callable

from ..items import ITEMS, I, Scope
from ..protocol import Number, Value
from .channel import ChannelModel
from .model import ModuleModel

_MOST_RAMP = 20.0

_MODULE: dict[int, Callable[[ModuleModel], Value]] = {
    I.MODULE_STATUS: lambda m: m.status,
    I.MODULE_CONTROL: lambda m: m.control,
    I.MODULE_EVENTS: lambda m: m.events,
    I.MODULE_EVENT_MASK: lambda m: m.event_mask,
    I.EVENT_GROUPS: lambda m: 0,
    I.EVENT_GROUP_MASK: lambda m: 0,
    I.SET_VALUE_COUNTER: lambda m: m.set_values,
    I.VOLTAGE_RAMP: lambda m: m.ramp,
    I.CURRENT_RAMP: lambda m: m.current_ramp,
    I.VOLTAGE_LIMIT: lambda m: m.voltage_limit,
    I.CURRENT_LIMIT: lambda m: m.current_limit,
    I.SUPPLY_24V: lambda m: m.supply_24v,
    I.SUPPLY_5V: lambda m: m.supply_5v,
    I.TEMPERATURE: lambda m: m.temperature,
    I.SERIAL_NUMBER: lambda m: m.serial,
    I.FIRMWARE_RELEASE: lambda m: m.release,
    I.FIRMWARE_NAME: lambda m: m.firmware,
    I.CHANNEL_NUMBER: lambda m: len(m.channels),
}

_CHANNEL: dict[int, Callable[[ChannelModel], Value | None]] = {
    I.STATUS: lambda c: c.status,
    I.CONTROL: lambda c: 0x20 * c.emergency | 0x08 * c.on,
    I.EVENTS: lambda c: c.events,
    I.EVENT_MASK: lambda c: c.event_mask,
    I.TRIP_TIME: lambda c: c.trip_time,
    I.TRIP_ACTION: lambda c: int(c.trip_action),
    I.INHIBIT_ACTION: lambda c: int(c.inhibit_action),
    I.VOLTAGE_SET: lambda c: c.voltage_set,
    I.CURRENT_SET: lambda c: c.current_set,
    I.VOLTAGE_MEASURE: lambda c: c.measured_voltage,
    I.CURRENT_MEASURE: lambda c: c.measured_current,
    I.VOLTAGE_BOUNDS: lambda c: c.voltage_bounds,
    I.CURRENT_BOUNDS: lambda c: c.current_bounds,
    I.VOLTAGE_NOMINAL: lambda c: c.nominal_voltage,
    I.CURRENT_NOMINAL: lambda c: c.nominal_current,
    I.VOLTAGE_RAMP_UP: lambda c: c.ramp_up,
    I.VOLTAGE_RAMP_DOWN: lambda c: c.ramp_down,
}


class Registers:
    """Reads and writes by item. `refused` items are answered as not implemented."""

    def __init__(self, model: ModuleModel) -> None:
        self.model = model
        self.refused: set[int] = set()

    def read(self, number: int, place: int | None) -> Value | None:
        """The value of an item, None if the module does not have it."""
        item = ITEMS.get(number)
        if item is None or number in self.refused:
            return None
        if item.scope is Scope.BLOCK:
            word = self.model.event_channels
            if number == I.EVENT_CHANNEL_MASK:
                word = self.model.channel_mask
            return word >> (place or 0) & 0xFFFF
        if item.scope is Scope.CHANNEL:
            get = _CHANNEL.get(number)
            known = place is not None and place < len(self.model.channels)
            return get(self.model.channels[place]) if get and known and place is not None else None
        read = _MODULE.get(number)
        return None if read is None else read(self.model)

    def write(self, number: int, place: int | None, value: Value) -> None:
        """Take a value; a write that makes no sense sets the input error, without an answer."""
        if not isinstance(value, (int, float)) or self.read(number, place) is None:
            self.model.refuse_input()
            return
        if ITEMS[number].scope is Scope.CHANNEL and place is not None:
            taken = self._write_channel(number, self.model.channels[place], value)
        else:
            taken = self._write_module(number, place, value)
        if not taken:
            self.model.refuse_input()

    def _write_channel(self, number: int, channel: ChannelModel, value: Number) -> bool:
        self.model.set_values += number in (I.VOLTAGE_SET, I.CURRENT_SET)
        match number:
            case I.VOLTAGE_SET:
                return channel.set_voltage(value)
            case I.CURRENT_SET:
                return channel.set_current(value)
            case I.CONTROL:
                channel.control(int(value))
            case I.EVENTS:
                channel.clear(int(value))
            case I.EVENT_MASK:
                channel.event_mask = int(value)
            case _:
                return _set_parameter(number, channel, value)
        return True

    def _write_module(self, number: int, place: int | None, value: Number) -> bool:
        model = self.model
        match number:
            case I.MODULE_CONTROL:
                model.obey(int(value))
            case I.MODULE_EVENTS:
                model.clear(int(value))
            case I.MODULE_EVENT_MASK:
                model.event_mask = int(value)
            case I.EVENT_CHANNEL_MASK:
                shift = place or 0
                model.channel_mask &= ~(0xFFFF << shift)
                model.channel_mask |= int(value) << shift
            case I.VOLTAGE_RAMP if 0 < value <= _MOST_RAMP:
                model.ramp = value
            case I.CURRENT_RAMP if 0 < value <= 100.0:
                model.current_ramp = value
            case _:
                return False
        return True


def _set_parameter(number: int, channel: ChannelModel, value: Number) -> bool:
    """Set what seldom changes; False if the value makes no sense."""
    match number:
        case I.TRIP_TIME:
            channel.trip_time = int(value)
        case I.TRIP_ACTION if value in range(4):
            channel.trip_action = int(value)
        case I.INHIBIT_ACTION if value in range(4):
            channel.inhibit_action = int(value)
        case I.VOLTAGE_BOUNDS if value >= 0:
            channel.voltage_bounds = value
        case I.CURRENT_BOUNDS if value >= 0:
            channel.current_bounds = value
        case I.VOLTAGE_RAMP_UP if value > 0:
            channel.ramp_up = value
        case I.VOLTAGE_RAMP_DOWN if value > 0:
            channel.ramp_down = value
        case _:
            return False
    return True
