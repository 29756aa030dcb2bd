"""An instrument with one PV of every kind that can be declared, up to what is allowed."""

from __future__ import annotations

from dataclasses import dataclass

from iocs.ca.dbr import Native
from iocs.device.declare import (
    SLOW,
    analog,
    array,
    binary,
    bits,
    choice,
    command,
    integer,
    setpoint,
    state,
    text,
)
from iocs.device.group import DeviceGroup, PartGroup
from iocs.device.instrument import Demo, Instrument
from iocs.device.scan import Block, Scan
from iocs.record.alarm import Severity


@dataclass(frozen=True, slots=True)
class SampleSettings:
    """Settings of a sample.

    link: any URL.
    parts: how many parts there are.
    """

    link: str
    parts: int = 1


@dataclass(frozen=True, slots=True)
class SampleReading:
    """What is read from a sample."""

    number: float
    word: int


class Sample:
    """A device that holds one number in memory and never fails."""

    def __init__(self, settings: SampleSettings) -> None:
        self.settings = settings
        self.number = 20.0
        self.exchanges = 0
        self.connected = True
        self.reconnects = 0
        self.last_error = ""

    @property
    def link(self) -> str:
        return self.settings.link

    async def read(self) -> SampleReading:
        self.exchanges += 1
        return SampleReading(self.number, int(self.number))

    async def write(self, value: float) -> None:
        self.number = value

    async def reset(self) -> None:
        self.number = 0.0

    async def close(self) -> None:
        self.connected = False


class SamplePart(PartGroup[Sample]):
    """A repeated part of a sample."""

    share: Block[SampleReading] = Block()

    level = analog(share, "Level", lambda s: s.number, doc="Level", units="mm", high=40.0)


class SampleIOC(DeviceGroup[Sample]):
    """A sample: every kind of PV."""

    fast = Scan(1.0, Sample.read)
    odd = Scan(0.7, Sample.read)

    both_limits = analog(
        fast,
        "BothLimits",
        lambda s: s.number,
        doc='A "quoted" \\ text, at 20 °C',
        units="°C",
        precision=3,
        hihi=40.0,
        high=35.25,
        low=10.0,
        lolo=-5e-3,
        hysteresis=0.5,
        display=(-10.0, 100.0),
        mdel=0.1,
        adel=0.2,
    )
    upper_limits = analog(
        fast, "UpperLimits", lambda s: s.number, doc="Upper", units="1234567", hihi=-1.0, high=-2.0
    )
    lower_limits = analog(
        fast, "LowerLimits", lambda s: s.number, doc="Lower", precision=15, low=1e-7, archive=SLOW
    )
    zero_limit = analog(fast, "ZeroLimit", lambda s: s.number, doc="A limit of 0", low=0.0)
    no_limits = analog(odd, "NoLimits", lambda s: s.number, doc="None", archive=None)
    counts = integer(
        fast,
        "Counts",
        lambda s: s.word,
        doc="Counts",
        units="1",
        high=100,
        display=(0, 200),
        guidance="There are too many counts. Put Reset.",
    )
    counts_unlimited = integer(odd, "CountsUnlimited", lambda s: s.word, doc="A" * 40)
    flag = binary(
        fast,
        "Flag",
        lambda s: bool(s.word),
        doc="A flag",
        states=("Z" * 25, "One"),
        zero_severity=Severity.MAJOR,
    )
    mode = state(
        fast,
        "Mode",
        lambda s: s.word % 3,
        doc="A mode",
        states=("Fault", "Warning", "Run"),
        severities={0: Severity.MAJOR, 1: Severity.MINOR},
    )
    many = state(
        fast, "Many", lambda s: s.word % 16, doc="All states", states=[f"S{i}" for i in range(16)]
    )
    short_text = text(fast, "ShortText", lambda s: str(s.number), doc="Text", archive=SLOW)
    told = text(
        fast, "Told", lambda s: "", doc="Alarms in words", size=100, severity=Severity.MAJOR
    )
    told_short = text(
        fast, "ToldShort", lambda s: "", doc="Alarms in few words", severity=Severity.MINOR
    )
    long_text = text(fast, "LongText", lambda s: str(s.number), doc="Long text", size=100)
    doubles = array(
        fast,
        "Doubles",
        lambda s: [s.number],
        count=8,
        doc="Trace",
        units="V",
        precision=2,
        archive=SLOW,
        display=(-1.0, 1.0),
    )
    longs = array(
        fast, "Longs", lambda s: [s.word], count=3, doc="Numbers", native=Native.LONG, units="x"
    )
    floats = array(fast, "Floats", lambda s: [s.number], count=2, doc="Floats", native=Native.FLOAT)
    shorts = array(fast, "Shorts", lambda s: [s.word], count=2, doc="Shorts", native=Native.SHORT)
    chars = array(fast, "Chars", lambda s: [s.word], count=2, doc="Bytes", native=Native.CHAR)
    word_bits = bits(
        fast,
        "Word",
        lambda s: s.word,
        {0: ("First", "First bit"), 7: ("Last", "Last bit")},
        severity=Severity.MINOR,
    )
    reset = command("Reset", Sample.reset, confirm=fast, doc="Reset the number")
    level = setpoint(
        "Level",
        Sample.write,
        confirm=fast,
        readback=lambda s: s.number,
        doc="Level",
        units="mm",
        precision=1,
        low=-50.0,
        high=50.0,
        snapshot=True,
    )
    floor = setpoint(
        "Floor", Sample.write, confirm=fast, readback=lambda s: s.number, doc="Floor", low=-4.0
    )
    free = setpoint("Free", Sample.write, confirm=odd, readback=lambda s: s.number, doc="No ends")
    power = choice(
        "Power",
        Sample.write,
        confirm=fast,
        readback=lambda s: s.word % 2,
        states=("Off", "On"),
        doc="Power",
    )
    range_choice = choice(
        "Range",
        Sample.write,
        confirm=fast,
        readback=lambda s: s.word % 3,
        states=("Low", "Middle", "High"),
        doc="Range",
    )

    def build(self) -> None:
        for number in range(1, self.device.settings.parts + 1):
            part = SamplePart(f"{self.prefix}Part{number}:", self.device, parent=self)
            self.add_part(part, {SamplePart.share: (SampleIOC.fast, lambda s: s)})


INSTRUMENT = Instrument(
    name="sample",
    title="Sample of every kind of PV",
    settings=SampleSettings,
    open=Sample,
    group=SampleIOC,
    simulator="tests.iocs.export.sample",
    default_prefix="SAMPLE:",
    example_link="tcp://127.0.0.1:1",
    demo=Demo(prefix="LAB:SAMPLE:", show=("BothLimits",), fresh="BothLimits"),
)
