"""The value of a record: value, alarm and stamp, posted in one step and only on change."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import numpy as np
from caproto import AccessRights

from iocs.ca import dbr
from iocs.ca.access import Access, Client
from iocs.ca.channel import ALL_VALUES, Channel, Event
from iocs.ca.dbr import Native
from iocs.ca.stamp import Stamp

from .alarm import (
    COMM,
    GOOD,
    LIMIT_FIELDS,
    NOT_AVAILABLE,
    NOT_CARRIED_OUT,
    SEVERITY_FIELDS,
    UNDEFINED,
    Alarm,
    Limits,
    Severity,
    Status,
    judge_state,
)
from .convert import coerce, parse_put
from .spec import PointSpec, Presence


class Reader(Protocol):
    """What reads a record from a device; ``label`` is its name in PV names."""

    @property
    def label(self) -> str: ...

    @property
    def period(self) -> float: ...

    def read_soon(self) -> None: ...


class Owner(Protocol):
    """The group that a record belongs to, as the record sees it."""

    prefix: str

    @property
    def access(self) -> Access: ...

    def settings_changed(self, point: Point) -> None:
        """Take note of a setting that autosave keeps."""
        ...

    def alarm_changed(self, point: Point) -> None:
        """Take note of another severity or condition, or of another value while in alarm."""
        ...

    def alarm_reworded(self) -> None:
        """Take note that what an alarm is called may have changed though the alarm has not."""
        ...

    def put_refused(self, name: str, shown: str, client: Client, error: Exception) -> None: ...

    def scan_label(self, point: Point) -> str:
        """What the field SCAN shows."""
        ...

    def native_of(self, point: Point, field: str) -> Native:
        """The type of a field; KeyError if the record has no such field."""
        ...

    def make_field(self, point: Point, field: str) -> RecordField:
        """A field that a client asks for; KeyError if the record has no such field."""
        ...


class RecordField(Channel):
    """A field of a record, as the record sees it."""

    __slots__ = ()

    def refresh(self, stamp: Stamp) -> None:
        """Post the field if somebody watches it and it changed since it was last posted."""
        raise NotImplementedError


Putter = Callable[["Point", Any], Awaitable[None]]
"""What a client's put does: gets the value, returns when the device has confirmed it, or raises."""

_ALARM = int(Event.ALARM)


class Point(Channel):
    """The value of one record.

    Holds the last value as float, int, str or numpy array, its alarm and stamp. Starts INVALID
    (UDF) and stays so until the first good read.
    """

    __slots__ = (
        "_fields",
        "_limits",
        "_spec",
        "absent",
        "acks",
        "ackt",
        "count",
        "epics_stamp",
        "failure",
        "group",
        "last_logged",
        "last_posted",
        "monitors",
        "native",
        "overrides",
        "place",
        "poller",
        "putter",
        "pvname",
        "refusal",
        "scalar",
        "seen",
        "severity",
        "status",
        "text",
        "told_by",
        "value",
        "watched",
    )

    def __init__(self, spec: PointSpec, pvname: str, group: Owner) -> None:
        self._spec = spec
        self.pvname = pvname
        self.group = group
        self.native = spec.native
        self.count = spec.count
        self.text = spec.text or spec.native is Native.STRING
        self.scalar = spec.count == 1 and not self.text
        self.value = spec.initial
        self.status, self.severity = UNDEFINED
        self.epics_stamp = Stamp(0, 0)
        self.ackt = 1
        self.acks = int(Severity.NO_ALARM)
        self.monitors = None
        self.overrides: dict[str, Any] | None = None
        self.last_posted: Any = None
        self.last_logged: Any = None
        self.failure: Alarm | None = None
        self.absent = False  # the device has no value, which is no fault
        self.seen = False
        self.refusal: Alarm | None = None
        self.putter: Putter | None = None
        self.place: object = None  # where the summary of alarms has it
        self.poller: Reader | None = None  # what reads it, or its readback
        self.told_by: Point | None = None  # what alarms while it cannot be known
        self._fields: dict[str, RecordField] | None = None
        self.watched: dict[str, RecordField] | None = None  # fields that somebody has subscribed to
        self._limits = self._declared_limits() if spec.numeric and spec.count == 1 else None

    def _declared_limits(self) -> Limits | None:
        spec = self.spec
        declared = {"HIHI": spec.hihi, "HIGH": spec.high, "LOW": spec.low, "LOLO": spec.lolo}
        values = {name: limit for name, limit in declared.items() if limit == limit}
        return Limits(values, {}, spec.hysteresis) if values else None

    @property
    def spec(self) -> PointSpec:
        """What was declared. Units and ends that the device tells later come as another one."""
        return self._spec

    @spec.setter
    def spec(self, spec: PointSpec) -> None:
        self._spec = spec
        self.notify(Event.PROPERTY)
        self._refresh_fields(Stamp.now())
        self._reworded()

    # -- metadata, with what was changed at run time over what was declared

    def setting(self, name: str, declared: Any) -> Any:
        """A setting of the record: as changed at run time, else as declared."""
        return declared if self.overrides is None else self.overrides.get(name, declared)

    def change(self, name: str, value: Any) -> None:
        """Change a setting of the record at run time; autosave keeps it, subscribers hear of it."""
        if self.overrides is None:
            self.overrides = {}
        self.overrides[name] = value
        self.group.settings_changed(self)
        self.notify(Event.PROPERTY)
        self._reworded()

    def _reworded(self) -> None:
        if self.severity:
            self.group.alarm_reworded()

    @property
    def record_type(self) -> str:  # type: ignore[override]
        return self.spec.record

    @property
    def units(self) -> str:  # type: ignore[override]
        return self.spec.units

    @property
    def precision(self) -> int:  # type: ignore[override]
        return self.setting("PREC", self.spec.precision)

    @property
    def states(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.spec.states

    @property
    def limits(self) -> Limits:
        """The alarm limits, made on first use."""
        if self._limits is None:
            self._limits = Limits(hysteresis=self.spec.hysteresis)
        return self._limits

    def limit(self, name: str) -> float:
        """An alarm limit as its field reads: unset is NaN, or the end of the integer range."""
        value = self._limits.value(name) if self._limits is not None else math.nan
        return self.spec.unset_limit(name) if value != value else value

    def change_limit(self, name: str, value: float) -> None:
        """Set an alarm limit, its severity or the hysteresis, and judge the present value again."""
        limits = self.limits
        value = value + 0.0  # -0.0 is 0.0
        if name in LIMIT_FIELDS:
            limits.values[name] = math.nan if value == self.spec.unset_limit(name) else value
        elif name == "HYST":
            limits.hysteresis = value
        else:
            limit = next(k for k, v in SEVERITY_FIELDS.items() if v == name)
            limits.severities[limit] = int(value)
        self.change(name, value)
        self.judge_again()

    @property
    def severity_table(self) -> tuple[int, ...]:
        """The severity of each enum state."""
        return self.setting("states", self.spec.severities)

    def change_state_severity(self, index: int, field: str, severity: int) -> None:
        """Set the severity of one enum state at run time and judge the present value again."""
        table = list(self.severity_table) + [0] * (len(self.states) - len(self.severity_table))
        if index >= len(table):
            raise dbr.ConversionError(f"{self.pvname}.{field}: there is no such state")
        table[index] = int(severity)
        self.change(field, int(severity))
        self.change("states", tuple(table))
        self.judge_again()

    def judge_again(self) -> None:
        """Post the present value with the alarm it has now; stays INVALID without a good one."""
        if self.failure is None and self.status != Status.UDF and not self.absent:
            self.post(self.value, Stamp.now())

    def metadata_limits(self) -> tuple[float, ...]:
        if not self.spec.numeric:
            return super().metadata_limits()
        low_display = self.setting("LOPR", self.spec.display[0])
        high_display = self.setting("HOPR", self.spec.display[1])
        low_control, high_control = low_display, high_display
        if self.spec.writable:
            low_control, high_control = self.spec.control_ends
        return (
            high_display,
            low_display,
            *(self.metadata_limit(name) for name in ("HIHI", "HIGH", "LOW", "LOLO")),
            high_control,
            low_control,
        )

    def metadata_limit(self, name: str) -> float:
        """An alarm limit as control metadata shows it: NaN for arrays and if switched off."""
        if not self.scalar:
            return math.nan
        if self._limits is not None and not self._limits.severity(name):
            return math.nan
        return self.limit(name)

    # -- posting

    def judge(self, value: Any) -> Alarm:
        """The alarm that a value of this record has."""
        if self.native is Native.ENUM:
            return judge_state(value, self.severity_table)
        if self.native is Native.DOUBLE and self.scalar:
            if self._limits is not None:
                return self._limits.judge(value)
            return GOOD if value == value else UNDEFINED
        if self._limits is not None and self.scalar:
            return self._limits.judge(value)
        if self.text:
            return judge_state(int(bool(value)), self.spec.severities)
        return GOOD

    def post(self, value: Any, stamp: Stamp, alarm: Alarm | None = None) -> None:
        """Publish a value read from the device: value, alarm and stamp in one step.

        ``None`` makes the PV INVALID, unless it was declared that the device may have no value:
        then it is not available, without an alarm. A value that does not fit the record raises
        :class:`~iocs.ca.dbr.ConversionError` and changes nothing. Nothing is posted when neither
        value (beyond MDEL, ADEL) nor alarm changed. Without ``alarm`` the limits and state
        severities decide.
        """
        if value is None:
            self._post_none(stamp)
            return
        value = coerce(self.spec, value, self.pvname)
        self.failure = None
        self.absent, self.seen = False, True
        self._publish(value, stamp, self.judge(value) if alarm is None else alarm)

    def _post_none(self, stamp: Stamp) -> None:
        presence = self.spec.presence
        if presence is Presence.ALWAYS or (presence is Presence.IF_FITTED and self.seen):
            self.fail(UNDEFINED, stamp)
            return
        self.failure = None
        self.absent = True
        self._publish(self.spec.absent, stamp, NOT_AVAILABLE)

    def fail(self, alarm: Alarm = COMM, stamp: Stamp | None = None) -> None:
        """Publish that the value is not to be trusted: it stays, INVALID, with a new stamp."""
        self.failure = alarm
        self._publish(self.value, stamp or Stamp.now(), alarm)

    def take(self, value: Any, stamp: Stamp) -> None:
        """Publish a value that was put: it ends the alarm of one that was not carried out."""
        self.refusal = None
        self.post(value, stamp)

    def refuse(self, alarm: Alarm = NOT_CARRIED_OUT) -> None:
        """Show that a put was not carried out, beside graver alarms, until one is."""
        if self.refusal is None or alarm.severity > self.refusal.severity:
            self.refusal = alarm
        if self.refusal.severity > self.severity:
            self._publish(self.value, Stamp.now(), self.refusal)

    def _publish(self, value: Any, stamp: Stamp, alarm: Alarm) -> None:
        events = 0
        self.value = value
        self.epics_stamp = stamp
        if self.refusal is not None and self.refusal.severity > alarm.severity:
            alarm = self.refusal
        if alarm.severity != self.severity or alarm.status != self.status:
            self.status, self.severity = alarm
            events = _ALARM
            if alarm.severity >= self.acks or not self.ackt:
                self.acks = int(alarm.severity)
        if self.scalar and self.native is not Native.ENUM:
            events |= self._deadbands(value)
        elif self.last_posted is None or not _same(value, self.last_posted):
            self.last_posted = value
            events |= int(ALL_VALUES)
        if events:
            self.notify(events)
            self._refresh_fields(stamp)
            if events & _ALARM or (self.severity and self.native is Native.ENUM):
                self.group.alarm_changed(self)

    def _refresh_fields(self, stamp: Stamp) -> None:
        if self.watched:
            for field in self.watched.values():
                field.refresh(stamp)

    def _deadbands(self, value: float) -> int:
        """MDEL and ADEL: which of VALUE and LOG this value is worth."""
        events = 0
        if _moved(value, self.last_posted, self.setting("MDEL", self.spec.mdel)):
            self.last_posted = value
            events |= int(Event.VALUE)
        if _moved(value, self.last_logged, self.setting("ADEL", self.spec.adel)):
            self.last_logged = value
            events |= int(Event.LOG)
        return events

    # -- clients

    def rights(self, client: Client) -> AccessRights:
        if self.spec.writable and self.group.access.may_write(self.pvname, client):
            return AccessRights.READ | AccessRights.WRITE
        return AccessRights.READ

    async def put(self, value: Any, client: Client) -> None:
        if self.setting("DISP", 0) and not self.spec.urgent:
            raise PermissionError(f"{self.pvname} has DISP set: puts are disabled")
        if self.putter is None:
            raise PermissionError(f"{self.pvname} takes no puts")
        await self.putter(self, parse_put(self, value))

    def not_carried_out(self, shown: str, client: Client, error: Exception) -> None:
        self.group.put_refused(self.pvname, shown, client, error)
        if self.spec.writable and not isinstance(error, PermissionError):
            self.refuse()

    def acknowledge(self, data_type: int, value: int, client: Client) -> None:
        """DBR_PUT_ACKS, DBR_PUT_ACKT: acknowledge an alarm; whether passing alarms must be.

        Alarms of readings are acknowledged too: the right to write any PV of that name suffices.
        """
        if not self.group.access.may_write(self.pvname, client):
            raise PermissionError(f"alarms of {self.pvname} may not be acknowledged by {client}")
        if data_type == dbr.PUT_ACKT:
            self.ackt = int(bool(value))
            if not self.ackt and self.acks > self.severity:
                self.acks = int(self.severity)
        elif value >= self.acks:
            self.acks = 0
        self.notify(Event.ALARM)
        self._refresh_fields(self.epics_stamp)

    @property
    def made_fields(self) -> tuple[str, ...]:
        """The record fields that clients have opened so far."""
        return tuple(self._fields or ())

    def native_of(self, field: str) -> Native | None:
        """The type of a record field, None for the value itself; KeyError if there is none."""
        if field in ("", "VAL"):
            return None
        return self.group.native_of(self, field)

    def get_field(self, field: str) -> Channel:
        """The channel of a record field, made on first use; KeyError if there is none."""
        if field in ("", "VAL"):
            return self
        if self._fields is None:
            self._fields = {}
        found = self._fields.get(field)
        if found is None:
            found = self._fields[field] = self.group.make_field(self, field)
        return found

    def __repr__(self) -> str:
        return f"<Point {self.pvname} {self.value!r} {Status(self.status).name}>"


def _moved(value: float, last: float | None, deadband: float) -> bool:
    if last is None or deadband < 0:
        return True
    if value != value or last != last:
        return (value != value) != (last != last)
    return value != last and not abs(value - last) <= deadband


def _same(value: Any, last: Any) -> bool:
    if isinstance(value, np.ndarray):
        return bool(
            np.array_equal(value, last, equal_nan=value.dtype.kind == "f")
            if isinstance(last, np.ndarray)
            else False
        )
    return bool(value == last)
