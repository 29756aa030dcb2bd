"""Everything that can be read and written in a module: data ids, types, rights, and how sure.

Source: iseg-protocol.md 6.1 to 6.4; the disagreements of its section 13 are decided here
as it decides them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

MULTIPLE = 0x2000
"""Added to the id of a channel item it makes that of the multiple access (iseg-protocol.md 6.4)."""

CHANNELS_PER_REQUEST = 16


class Kind(Enum):
    """How a value is laid out; everything is big-endian."""

    U8 = "unsigned, 1 byte"
    I8 = "signed, 1 byte"
    U16 = "unsigned, 2 bytes"
    U32 = "unsigned, 4 bytes"
    WORD = "bit word of 2 bytes, or 4 on newer firmware (iseg-protocol.md 7.8)"
    F32 = "IEEE-754 single"
    F32_U8 = "IEEE-754 single and a range byte"
    TEXT = "ASCII without terminator, 1 to 6 bytes"
    RELEASE = "4 bytes, shown as hex digits"
    PARTS = "text in parts; the layout of a part is not public"


class Access(Enum):
    """What a master may do."""

    READ = "r"
    WRITE = "w"
    READ_WRITE = "rw"
    READ_CLEAR = "rc"

    @property
    def readable(self) -> bool:
        """True if it can be read."""
        return self is not Access.WRITE

    @property
    def writable(self) -> bool:
        """True if it can be written (a one clears it, for `READ_CLEAR`)."""
        return self is not Access.READ


class Scope(Enum):
    """What stands between the id and the value."""

    MODULE = "nothing"
    BLOCK = "the first channel of a block of 16"
    ARRAY = "an index (the layout is inferred)"
    CHANNEL = "the channel"


class Confidence(Enum):
    """How well a row stands (head of iseg-protocol.md)."""

    CONFIRMED = "two or more independent sources"
    SINGLE = "one source"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class Item:
    """One row: id, name in messages, scope, layout, rights, unit, confidence of the row."""

    id: int
    name: str
    scope: Scope
    kind: Kind
    access: Access
    confidence: Confidence
    unit: str = ""

    @property
    def multiple_id(self) -> int:
        """The id of the multiple access to this channel item."""
        return self.id + MULTIPLE


class I(IntEnum):  # noqa: E742 - the ids stand in every line of the driver
    """Data ids by name."""

    MODULE_STATUS = 0x1000
    MODULE_CONTROL = 0x1001
    MODULE_EVENTS = 0x1002
    MODULE_EVENT_MASK = 0x1003
    EVENT_CHANNELS = 0x1004
    EVENT_CHANNEL_MASK = 0x1005
    EVENT_GROUPS = 0x1006
    EVENT_GROUP_MASK = 0x1007
    MODULE_CONTROL_2 = 0x1011
    SET_VALUE_COUNTER = 0x1090
    VOLTAGE_RAMP = 0x1100
    CURRENT_RAMP = 0x1101
    VOLTAGE_LIMIT = 0x1102
    CURRENT_LIMIT = 0x1103
    SUPPLY_24V = 0x1104
    SUPPLY_5V = 0x1105
    TEMPERATURE = 0x1106
    TRIP_TEMPERATURE = 0x1115
    SERIAL_NUMBER = 0x1200
    FIRMWARE_RELEASE = 0x1201
    BIT_RATE = 0x1202
    FIRMWARE_NAME = 0x1203
    SAMPLE_RATE = 0x1204
    DIGITAL_FILTER = 0x1205
    CHANNEL_NUMBER = 0x1208
    ARTICLE = 0x1209
    SAMPLE_RATES = 0x120B
    VOLTAGE_OK = 0x1240
    OPTIONS = 0x1280
    RESET = 0x12F0
    TEMPERATURES = 0x2001
    SUPPLIES = 0x2002
    VOLTAGE_LIMITS = 0x2005
    CURRENT_LIMITS = 0x2006
    STATUS = 0x4000
    CONTROL = 0x4001
    EVENTS = 0x4002
    EVENT_MASK = 0x4003
    TRIP_TIME = 0x4005
    TRIP_ACTION = 0x4006
    INHIBIT_ACTION = 0x4007
    RAMP_PRIORITY = 0x4010
    VOLTAGE_SET = 0x4100
    CURRENT_SET = 0x4101
    VOLTAGE_MEASURE = 0x4102
    CURRENT_MEASURE = 0x4103
    VOLTAGE_BOUNDS = 0x4104
    CURRENT_BOUNDS = 0x4105
    VOLTAGE_NOMINAL = 0x4106
    CURRENT_NOMINAL = 0x4107
    POWER_NOMINAL = 0x4108
    CURRENT_RANGE = 0x4109
    VOLTAGE_BOTTOM = 0x410A
    VCT_COEFFICIENT = 0x4120
    EXTERNAL_TEMPERATURE = 0x4121
    EXTERNAL_RESISTOR = 0x4122
    VOLTAGE_RAMP_UP = 0x4123
    VOLTAGE_RAMP_DOWN = 0x4124
    CURRENT_RAMP_UP = 0x4125
    CURRENT_RAMP_DOWN = 0x4126
    VOLTAGE_RAMP_MIN = 0x4127
    VOLTAGE_RAMP_MAX = 0x4128
    CURRENT_RAMP_MIN = 0x4129
    CURRENT_RAMP_MAX = 0x4130
    CURRENT_NOMINAL_LOW = 0x4131
    POWER_SET = 0x4134
    POWER_MEASURE = 0x4135
    OUTPUT_MODE = 0x4140
    OUTPUT_POLARITY = 0x4141
    MODE_VOLTAGE = 0x4142
    MODE_CURRENT = 0x4143
    GROUP_NUMBER = 0x4200


_M, _B, _A, _C = Scope.MODULE, Scope.BLOCK, Scope.ARRAY, Scope.CHANNEL
_R, _W, _RW, _RC = Access.READ, Access.WRITE, Access.READ_WRITE, Access.READ_CLEAR
_SURE, _ONE = Confidence.CONFIRMED, Confidence.SINGLE
_F = Kind.F32

ROWS: tuple[Item, ...] = (
    Item(I.MODULE_STATUS, "module status", _M, Kind.WORD, _R, _SURE),
    Item(I.MODULE_CONTROL, "module control", _M, Kind.WORD, _RW, _SURE),
    Item(I.MODULE_EVENTS, "module event status", _M, Kind.WORD, _RC, _SURE),
    Item(I.MODULE_EVENT_MASK, "module event mask", _M, Kind.WORD, _RW, _SURE),
    Item(I.EVENT_CHANNELS, "event channel status", _B, Kind.U16, _RC, _SURE),
    Item(I.EVENT_CHANNEL_MASK, "event channel mask", _B, Kind.U16, _RW, _SURE),
    Item(I.EVENT_GROUPS, "event group status", _M, Kind.U32, _RC, _SURE),
    Item(I.EVENT_GROUP_MASK, "event group mask", _M, Kind.U32, _RW, _SURE),
    Item(I.MODULE_CONTROL_2, "module control 2", _M, Kind.U16, _RW, _ONE),
    Item(I.SET_VALUE_COUNTER, "counter of set values", _M, Kind.U32, _R, _ONE),
    Item(I.VOLTAGE_RAMP, "voltage ramp speed", _M, _F, _RW, _SURE, "%/s"),
    Item(I.CURRENT_RAMP, "current ramp speed", _M, _F, _RW, _SURE, "%/s"),
    Item(I.VOLTAGE_LIMIT, "voltage limit", _M, _F, _R, _SURE, "%"),
    Item(I.CURRENT_LIMIT, "current limit", _M, _F, _R, _SURE, "%"),
    Item(I.SUPPLY_24V, "supply +24 V", _M, _F, _R, _SURE, "V"),
    Item(I.SUPPLY_5V, "supply +5 V", _M, _F, _R, _SURE, "V"),
    Item(I.TEMPERATURE, "board temperature", _M, _F, _R, _SURE, "degC"),
    Item(I.TRIP_TEMPERATURE, "trip temperature", _M, _F, _R, _ONE, "degC"),
    Item(I.SERIAL_NUMBER, "serial number", _M, Kind.U32, _R, _SURE),
    Item(I.FIRMWARE_RELEASE, "firmware release", _M, Kind.RELEASE, _R, _SURE),
    Item(I.BIT_RATE, "bit rate", _M, Kind.U16, _R, _ONE, "kbit/s"),
    Item(I.FIRMWARE_NAME, "firmware name", _M, Kind.TEXT, _R, _SURE),
    Item(I.SAMPLE_RATE, "ADC sample rate", _M, Kind.U16, _RW, _ONE, "1/s"),
    Item(I.DIGITAL_FILTER, "digital filter", _M, Kind.U16, _RW, _ONE),
    Item(I.CHANNEL_NUMBER, "number of channels", _M, Kind.U8, _R, _SURE),
    Item(I.ARTICLE, "article description", _M, Kind.PARTS, _R, _ONE),
    Item(I.SAMPLE_RATES, "list of sample rates", _M, Kind.PARTS, _R, _ONE),
    Item(I.VOLTAGE_OK, "high-voltage-ok configuration", _M, Kind.TEXT, _RW, _ONE),
    Item(I.OPTIONS, "hardware options", _M, Kind.U32, _R, _SURE),
    Item(I.RESET, "reset of set values", _M, Kind.U8, _W, _ONE),
    Item(I.TEMPERATURES, "temperature sensors", _A, _F, _R, _ONE, "degC"),
    Item(I.SUPPLIES, "supply voltages", _A, _F, _R, _ONE, "V"),
    Item(I.VOLTAGE_LIMITS, "voltage limits", _A, _F, _R, _ONE, "%"),
    Item(I.CURRENT_LIMITS, "current limits", _A, _F, _R, _ONE, "%"),
    Item(I.STATUS, "channel status", _C, Kind.WORD, _R, _SURE),
    Item(I.CONTROL, "channel control", _C, Kind.WORD, _RW, _SURE),
    Item(I.EVENTS, "channel event status", _C, Kind.WORD, _RC, _SURE),
    Item(I.EVENT_MASK, "channel event mask", _C, Kind.WORD, _RW, _SURE),
    Item(I.TRIP_TIME, "delayed trip time", _C, Kind.U16, _RW, _SURE, "ms"),
    Item(I.TRIP_ACTION, "delayed trip action", _C, Kind.U8, _RW, _SURE),
    Item(I.INHIBIT_ACTION, "external inhibit action", _C, Kind.U8, _RW, _ONE),
    Item(I.RAMP_PRIORITY, "voltage ramp priority", _C, Kind.U16, _RW, _SURE),
    Item(I.VOLTAGE_SET, "voltage set", _C, _F, _RW, _SURE, "V"),
    Item(I.CURRENT_SET, "current set", _C, _F, _RW, _SURE, "A"),
    Item(I.VOLTAGE_MEASURE, "voltage measured", _C, _F, _R, _SURE, "V"),
    Item(I.CURRENT_MEASURE, "current measured", _C, _F, _R, _SURE, "A"),
    Item(I.VOLTAGE_BOUNDS, "voltage bounds", _C, _F, _RW, _SURE, "V"),
    Item(I.CURRENT_BOUNDS, "current bounds", _C, _F, _RW, _SURE, "A"),
    Item(I.VOLTAGE_NOMINAL, "voltage nominal", _C, _F, _R, _SURE, "V"),
    Item(I.CURRENT_NOMINAL, "current nominal", _C, _F, _R, _SURE, "A"),
    Item(I.POWER_NOMINAL, "power nominal", _C, _F, _R, _ONE, "W"),
    Item(I.CURRENT_RANGE, "current measured with range", _C, Kind.F32_U8, _R, _SURE, "A"),
    Item(I.VOLTAGE_BOTTOM, "voltage bottom", _C, _F, _RW, _SURE, "V"),
    Item(I.VCT_COEFFICIENT, "VCT coefficient", _C, _F, _RW, _SURE, "V/K"),
    Item(I.EXTERNAL_TEMPERATURE, "external temperature", _C, _F, _R, _SURE, "degC"),
    Item(I.EXTERNAL_RESISTOR, "external resistor", _C, _F, _RW, _SURE, "ohm"),
    Item(I.VOLTAGE_RAMP_UP, "voltage ramp speed up", _C, _F, _RW, _SURE, "V/s"),
    Item(I.VOLTAGE_RAMP_DOWN, "voltage ramp speed down", _C, _F, _RW, _SURE, "V/s"),
    Item(I.CURRENT_RAMP_UP, "current ramp speed up", _C, _F, _RW, _ONE, "A/s"),
    Item(I.CURRENT_RAMP_DOWN, "current ramp speed down", _C, _F, _RW, _ONE, "A/s"),
    Item(I.VOLTAGE_RAMP_MIN, "voltage ramp speed minimum", _C, _F, _R, _SURE, "V/s"),
    Item(I.VOLTAGE_RAMP_MAX, "voltage ramp speed maximum", _C, _F, _R, _SURE, "V/s"),
    Item(I.CURRENT_RAMP_MIN, "current ramp speed minimum", _C, _F, _R, _SURE, "A/s"),
    Item(I.CURRENT_RAMP_MAX, "current ramp speed maximum", _C, _F, _R, _SURE, "A/s"),
    Item(I.CURRENT_NOMINAL_LOW, "current nominal, low range", _C, _F, _R, _ONE, "A"),
    Item(I.POWER_SET, "power set", _C, _F, _RW, _ONE, "W"),
    Item(I.POWER_MEASURE, "power measured", _C, _F, _R, _ONE, "W"),
    Item(I.OUTPUT_MODE, "output mode", _C, Kind.U8, _RW, _SURE),
    Item(I.OUTPUT_POLARITY, "output polarity", _C, Kind.I8, _RW, _SURE),
    Item(I.MODE_VOLTAGE, "nominal voltage of the mode", _C, _F, _R, _ONE, "V"),
    Item(I.MODE_CURRENT, "nominal current of the mode", _C, _F, _R, _ONE, "A"),
    *(Item(0x4150 + n, f"voltage of mode {n + 1}", _C, _F, _R, _ONE, "V") for n in range(6)),
    *(Item(0x4160 + n, f"current of mode {n + 1}", _C, _F, _R, _ONE, "A") for n in range(6)),
    Item(I.GROUP_NUMBER, "group number", _C, Kind.U8, _RW, _ONE),
)
"""All items, by rising id. The bit rate is read only: nobody has tried to write it."""

ITEMS: dict[int, Item] = {item.id: item for item in ROWS}
"""The same by id."""
