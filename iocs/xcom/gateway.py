"""The PVs of the gateway itself: flags, messages, statistics, settings."""

from __future__ import annotations

import time
from collections.abc import Callable

from drivers.xcom.addresses import Family as DeviceFamily
from drivers.xcom.datapoints import datapoints_of
from drivers.xcom.frame import FrameFlags
from drivers.xcom.message_types import MessageClass
from drivers.xcom.messages import Message
from iocs.device.declare import SLOW, binary, command, integer, signed_word, state, text
from iocs.device.declared import Family, Reading
from iocs.device.group import PartGroup
from iocs.device.scan import Block
from iocs.record.alarm import Severity

from .alarms import CLASSES, source_name
from .readings import FastReading, SlowReading
from .unit import Unit
from .values import SettingsShare, follow_doubts, parameter_pvs, signal_pvs

MESSAGES = 10
"""Messages that are shown."""

MESSAGE_SIZE = 120
_DEVICES_SIZE = 256
_CLASS_NAMES = {
    MessageClass.INFORMATION: "Information",
    MessageClass.UNKNOWN: "Unknown",
    MessageClass.WARNING: "Warning",
    MessageClass.ERROR: "Error",
    MessageClass.HALTED: "Halted",
}
CLASS_STATES = ("None", *(_CLASS_NAMES[each] for each in CLASSES))
_SEVERITIES = {
    CLASS_STATES.index("Warning"): Severity.MINOR,
    CLASS_STATES.index("Error"): Severity.MAJOR,
    CLASS_STATES.index("Halted"): Severity.MAJOR,
}
_FLAGS = (
    (FrameFlags.MESSAGE_PENDING, "MessagePending", "A message waits to be read", ""),
    (
        FrameFlags.RESTARTED,
        "Restarted",
        "Restarted, not yet acknowledged",
        (
            "The gateway has started anew: its supply was away, or its watchdog acted. Check its"
            " supply, and its messages; then press Take note of the restart."
        ),
    ),
    (FrameFlags.CARD_PRESENT, "CardPresent", "SD card is in", ""),
    (
        FrameFlags.CARD_FULL,
        "CardFull",
        "SD card is full",
        (
            "The SD card of the gateway is full, and no more data are logged. Take it out, save its"
            " files, and put an empty one in."
        ),
    ),
    (FrameFlags.NEW_DATALOG, "NewDatalog", "New datalog file on the SD card", ""),
    (FrameFlags.DATALOGGER, "DatalogSupported", "Gateway can log to the SD card", ""),
)
"""Flag, PV, description and guidance: those with one are alarms."""


def wall_time(seconds: int) -> str:
    """A time of the gateway's clock, which has no zone: 2026-03-01 12:30:05."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def message_line(message: Message) -> str:
    """A message in one line: time, source, type, class, text."""
    kind = _CLASS_NAMES[message.message_class].lower()
    where = source_name(message.source)
    return f"{wall_time(message.time)} {where} {message.type} {kind}: {message.text}"


def _flag(
    block: Block[FastReading], flag: FrameFlags, name: str, doc: str, guidance: str
) -> Reading[FastReading]:
    return binary(
        block, name, lambda r: bool(r.flags & flag), doc=doc, guidance=guidance,
        severity=Severity.MINOR if guidance else Severity.NO_ALARM,
    )  # fmt: skip


def _message(index: int) -> Callable[[FastReading], str]:
    def line(reading: FastReading) -> str:
        known = reading.messages
        return message_line(known[index]) if index < len(known) else ""

    return line


def _newest(get: Callable[[Message], str]) -> Callable[[FastReading], str]:
    return lambda reading: get(reading.messages[0]) if reading.messages else ""


def _newest_class(reading: FastReading) -> int:
    if not reading.messages:
        return 0
    return 1 + CLASSES.index(reading.messages[0].message_class)


def _count(kind: MessageClass) -> Callable[[FastReading], int]:
    return lambda reading: reading.alarm.counts[kind]


async def _acknowledge(unit: Unit) -> None:
    await unit.plant.acknowledge()


def _flags(block: Block[FastReading]) -> Family:
    return Family(
        {name.lower(): _flag(block, flag, name, doc, guidance)
         for flag, name, doc, guidance in _FLAGS}
    )  # fmt: skip


def _clock(share: SettingsShare) -> str | None:
    found = share.get(_CLOCK)
    return None if found is None or found.flash is None else wall_time(int(found.flash))


_CLOCK = 5002
_STATISTICS: tuple[tuple[str, Callable[[FastReading], int], str], ...] = (
    ("Foreign", lambda r: r.statistics.foreign, "Frames of another master"),
    ("Late", lambda r: r.statistics.late, "Replies after their time"),
    ("Stripped", lambda r: r.statistics.stripped, "Replies that lack 0D 0A"),
    ("Bad", lambda r: r.statistics.bad, "Frames with a wrong checksum"),
    ("Junk", lambda r: r.statistics.junk, "Bytes between frames"),
)


def _messages(block: Block[FastReading]) -> Family:
    return Family(
        {
            f"m{n}": text(
                block, f"Message{n + 1:02d}", _message(n), size=MESSAGE_SIZE,
                doc=f"Message {n + 1}, from the newest", archive=None if n else SLOW,
            )
            for n in range(MESSAGES)
        }
    )  # fmt: skip


def _counts(block: Block[FastReading]) -> Family:
    return Family(
        {
            kind.name.lower(): integer(
                block, f"MessageCount:{name}", _count(kind),
                doc="Messages of this class since start", archive=SLOW,
            )
            for kind, name in _CLASS_NAMES.items()
        }
    )  # fmt: skip


def _statistics(block: Block[FastReading]) -> Family:
    return Family(
        {
            name.lower(): integer(block, f"Wire:{name}", get, doc=doc, archive=SLOW)
            for name, get, doc in _STATISTICS
        }
    )


class GatewayPVs(PartGroup[Unit]):
    """The gateway."""

    fast = Block[FastReading]()
    slow = Block[SlowReading]()
    settings_block = Block[SettingsShare]()

    flag_word = integer(
        fast, "Flags", lambda r: signed_word(int(r.flags)), doc="State of the gateway, bit word"
    )
    flags = _flags(fast)
    messages = _messages(fast)
    newest_class = state(
        fast, "LastMessage:Class", _newest_class, states=CLASS_STATES, doc="Class of newest message"
    )
    newest_type = integer(
        fast, "LastMessage:Type", lambda r: r.messages[0].type if r.messages else -1,
        doc="Type of newest message, -1 for none",
    )  # fmt: skip
    newest_text = text(
        fast, "LastMessage:Text", _newest(lambda m: m.text), size=80, doc="Text of newest message"
    )
    newest_source = text(
        fast, "LastMessage:Source", _newest(lambda m: source_name(m.source)),
        doc="Where it comes from",
    )  # fmt: skip
    newest_time = text(
        fast, "LastMessage:Time", _newest(lambda m: wall_time(m.time)),
        doc="Its time by the gateway's clock",
    )  # fmt: skip
    message_alarm = state(
        fast, "MessageAlarm", lambda r: r.alarm.gravest, states=CLASS_STATES,
        severities=_SEVERITIES, doc="Messages to acknowledge",
        guidance="The site has reported a warning or a fault: the messages tell when, where"
        " and what. See to it; then press Acknowledge.",
    )  # fmt: skip
    acknowledge = command(
        "AcknowledgeMessages", _acknowledge, confirm=fast, doc="End the alarm of messages"
    )
    counts = _counts(fast)
    missed = integer(
        fast, "MessageCount:FailedReads", lambda r: r.alarm.missed,
        doc="Reads of messages that failed", archive=SLOW,
    )  # fmt: skip
    statistics = _statistics(fast)
    flash_writes = integer(
        fast, "FlashWriteCount", lambda r: r.flash_writes, doc="Writes to flash since start",
        archive=SLOW,
    )  # fmt: skip
    by_multi_info = binary(
        fast, "MultiInfo", lambda r: r.by_multi_info, doc="Many values are read in one exchange",
        archive=SLOW,
    )  # fmt: skip
    devices = text(
        fast, "Devices", lambda r: " ".join(source_name(d.address) for d in r.devices),
        size=_DEVICES_SIZE, doc="Devices that are served",
    )  # fmt: skip
    guid = text(
        slow, "Guid", lambda r: None if r.guid is None else str(r.guid), doc="Installation GUID"
    )
    clock = text(settings_block, "Time", _clock, doc="The gateway's clock, local time")
    parameters = parameter_pvs(settings_block, datapoints_of(DeviceFamily.GATEWAY))
    signals = signal_pvs(fast, datapoints_of(DeviceFamily.GATEWAY), ())

    def build(self) -> None:
        """Tell of writes that nobody knows of."""
        follow_doubts(self)
