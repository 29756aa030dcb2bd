"""The words an instrument's PVGroup is written in: readings, set points, commands, settings.

Each names a PV once, with all that clients, the record database, the archiver and the screens need
to know of it.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from iocs.ca.dbr import Native
from iocs.record.alarm import Severity
from iocs.record.spec import NOT_AVAILABLE_STATE, Archive, PointSpec, Presence

from .agreement import AT_ONCE, BY_DRIVER, Agreement
from .declared import Command, Declared, Family, Internal, Reading, Setpoint, Setting
from .posted import FAST, SLOW, connected_pv, count_pv, number_pv
from .scan import Block

R = TypeVar("R")
T = TypeVar("T")
V = TypeVar("V")

__all__ = [
    "AT_ONCE",
    "BY_DRIVER",
    "FAST",
    "NO_YES",
    "ON_OFF",
    "SLOW",
    "Agreement",
    "Archive",
    "Command",
    "Declared",
    "Family",
    "Internal",
    "PointSpec",
    "Presence",
    "Reading",
    "Setpoint",
    "Setting",
    "Severity",
    "analog",
    "array",
    "binary",
    "bits",
    "choice",
    "command",
    "connected_pv",
    "count_pv",
    "integer",
    "number_pv",
    "setpoint",
    "signed_word",
    "state",
    "text",
    "text_spec",
]

ON_OFF = ("Off", "On")
NO_YES = ("No", "Yes")


def analog(
    block: Block[R],
    name: str,
    get: Callable[[R], float | None],
    *,
    doc: str,
    units: str = "",
    precision: int = 0,
    archive: Archive | None = FAST,
    **limits: Any,
) -> Reading[R]:
    """A number with units (ai, DOUBLE).

    ``limits``: hihi, high, low, lolo, hysteresis, display, mdel, adel; their guidance; presence.
    """
    spec = PointSpec(
        name=name,
        record="ai",
        desc=doc,
        native=Native.DOUBLE,
        units=units,
        precision=precision,
        archive=archive,
        **limits,
    )
    return Reading(spec, block, get)


def integer(
    block: Block[R],
    name: str,
    get: Callable[[R], int | None],
    *,
    doc: str,
    units: str = "",
    archive: Archive | None = FAST,
    **limits: Any,
) -> Reading[R]:
    """A 32-bit whole number (longin, LONG)."""
    spec = PointSpec(
        name=name,
        record="longin",
        desc=doc,
        native=Native.LONG,
        units=units,
        archive=archive,
        **limits,
    )
    return Reading(spec, block, get)


def binary(
    block: Block[R],
    name: str,
    get: Callable[[R], bool | None],
    *,
    doc: str,
    states: tuple[str, str] = NO_YES,
    severity: Severity = Severity.NO_ALARM,
    zero_severity: Severity = Severity.NO_ALARM,
    guidance: str = "",
    archive: Archive | None = FAST,
) -> Reading[R]:
    """One bit with two labels (bi, ENUM); ``severity`` is that of 1, ``zero_severity`` of 0."""
    spec = PointSpec(
        name=name,
        record="bi",
        desc=doc,
        native=Native.ENUM,
        states=states,
        severities=(zero_severity, severity),
        guidance=guidance,
        archive=archive,
    )
    return Reading(spec, block, get)


def state(
    block: Block[R],
    name: str,
    get: Callable[[R], int | None],
    *,
    doc: str,
    states: Sequence[str],
    severities: Mapping[int, Severity] | None = None,
    guidance: str = "",
    archive: Archive | None = FAST,
) -> Reading[R]:
    """One of up to 16 labelled states (mbbi, ENUM); ``severities`` by state index."""
    chosen = severities or {}
    spec = PointSpec(
        name=name,
        record="mbbi",
        desc=doc,
        native=Native.ENUM,
        states=tuple(states),
        severities=tuple(chosen.get(i, Severity.NO_ALARM) for i in range(len(states))),
        guidance=guidance,
        archive=archive,
    )
    return Reading(spec, block, get)


def text_spec(
    name: str, doc: str, size: int, *, shorten: bool = True, archive: Archive | None = None
) -> PointSpec:
    """A text PV: STRING up to 39 bytes, a full-length CHAR array beyond.

    The IOC's own texts (errors, addresses) end in an ellipsis where they are too long.
    """
    common: dict[str, Any] = {"name": name, "desc": doc, "shorten": shorten, "archive": archive}
    if size <= 39:
        return PointSpec(record="stringin", native=Native.STRING, **common)
    return PointSpec(record="waveform", native=Native.CHAR, count=size, text=True, **common)


def text(
    block: Block[R],
    name: str,
    get: Callable[[R], str | None],
    *,
    doc: str,
    size: int = 39,
    shorten: bool = False,
    severity: Severity = Severity.NO_ALARM,
    archive: Archive | None = None,
) -> Reading[R]:
    """A text of at most ``size`` bytes: stringin up to 39, a CHAR waveform beyond.

    A longer one makes the PV INVALID, with a line in the log; with ``shorten``, for lists and prose
    that nothing depends on, it ends in an ellipsis.

    ``severity`` is that of a text that is not empty, so that its border shows what it tells. It is
    for texts about alarms that are PVs of their own: the alarm server has those, and not the text.
    """
    spec = text_spec(name, doc, size, shorten=shorten, archive=archive)
    return Reading(replace(spec, severities=(Severity.NO_ALARM, severity)), block, get)


def array(
    block: Block[R],
    name: str,
    get: Callable[[R], Any],
    *,
    count: int,
    doc: str,
    native: Native = Native.DOUBLE,
    units: str = "",
    precision: int = 0,
    archive: Archive | None = None,
    **options: Any,
) -> Reading[R]:
    """An array of numbers (waveform), always sent with ``count`` elements, padded with NaN or 0."""
    spec = PointSpec(
        name=name,
        record="waveform",
        desc=doc,
        native=native,
        count=count,
        units=units,
        precision=precision,
        archive=archive,
        **options,
    )
    return Reading(spec, block, get)


def bits(
    block: Block[R],
    prefix: str,
    word: Callable[[R], int | None],
    labels: Mapping[int, tuple[str, str] | tuple[str, str, str]],
    *,
    severity: Severity = Severity.NO_ALARM,
    states: tuple[str, str] = ("OK", "Active"),
    archive: Archive | None = FAST,
) -> Family:
    """One bi per bit of a word, named ``<prefix>:<Name>``.

    ``labels`` maps a bit number to (Name, description), or (Name, description, guidance).
    """

    def getter(bit: int) -> Callable[[R], bool | None]:
        def get(reading: R) -> bool | None:
            value = word(reading)
            return None if value is None else bool(value >> bit & 1)

        return get

    return Family(
        {
            name.lower(): binary(
                block,
                f"{prefix}:{name}",
                getter(bit),
                doc=doc,
                states=states,
                severity=severity,
                guidance="".join(guidance),
                archive=archive,
            )
            for bit, (name, doc, *guidance) in labels.items()
        }
    )


def signed_word(word: int) -> int:
    """A 32-bit word as a longin shows it: bit 31 is the sign, as in EPICS Base."""
    return (word & 0xFFFFFFFF) - (1 << 32) if word & 0x80000000 else word & 0xFFFFFFFF


def command(
    name: str,
    action: Callable[[T], Awaitable[object]],
    *,
    confirm: Block[Any],
    doc: str,
    brings: Callable[[Any], Any] | None = None,
    urgent: bool = False,
    stops: bool = True,
) -> Command[T]:
    """A momentary command (bo); its block is read again when it is done.

    ``brings``: the reading of that block in what ``action`` returns, if that has confirmed itself:
    then nothing is read twice. ``urgent`` ones wait for no other put, and stop something unless
    ``stops`` denies it.
    """
    label = name.rsplit(":", 1)[-1]
    spec = PointSpec(
        name=name,
        record="bo",
        desc=doc,
        native=Native.ENUM,
        states=("Done", label[:25]),
        writable=True,
        urgent=urgent,
        stops=urgent and stops,
    )
    return Command(spec, action, confirm, brings=brings, urgent=urgent)


def setpoint(  # noqa: PLR0913 - all that a set point is declared with
    name: str,
    write: Callable[[T, float], Awaitable[object]],
    *,
    confirm: Block[R],
    readback: Callable[[R], float | None],
    doc: str,
    units: str = "",
    precision: int = 0,
    presence: Presence = Presence.ALWAYS,
    low: float = math.nan,
    high: float = math.nan,
    urgent: bool = False,
    follow: bool = True,
    agreement: Agreement = AT_ONCE,
    snapshot: bool = False,
    archive: Archive | None = FAST,
) -> Setpoint[T, float]:
    """A number the device holds (ao, with ``<name>_RBV`` as ai).

    Puts outside ``low`` to ``high`` are refused; ``agreement`` tells how exactly and how late the
    readback shows what was put. ``snapshot``: save-and-restore may hold it; see
    :class:`PointSpec`. No choice and no command is in a snapshot.
    """
    common: dict[str, Any] = {
        "desc": doc,
        "native": Native.DOUBLE,
        "units": units,
        "precision": precision,
        "presence": presence,
        "archive": archive,
    }
    spec = PointSpec(
        name=name, record="ao", writable=True, control=(low, high), snapshot=snapshot, **common
    )
    twin = Reading(PointSpec(name=f"{name}_RBV", record="ai", **common), confirm, readback)
    return Setpoint(spec, write, twin, urgent=urgent, follow=follow, agreement=agreement)


def choice(  # noqa: PLR0913 - all that a choice is declared with
    name: str,
    write: Callable[[T, int], Awaitable[object]],
    *,
    confirm: Block[R],
    readback: Callable[[R], int | None],
    states: Sequence[str],
    doc: str,
    presence: Presence = Presence.ALWAYS,
    urgent: bool = False,
    stops: bool = False,
    follow: bool = True,
    agreement: Agreement = AT_ONCE,
    archive: Archive | None = FAST,
) -> Setpoint[T, int]:
    """A state the device holds (bo for two, mbbo for more), with ``<name>_RBV`` (bi, mbbi).

    ``stops``: its first state switches off, which no screen asks about or holds up. ``agreement``
    tells how late the readback may show what was put. One that a device may not have gets a state
    that says so, which cannot be put.
    """
    if presence is not Presence.ALWAYS:
        states = (*states, NOT_AVAILABLE_STATE)
    out, back = ("bo", "bi") if len(states) == 2 else ("mbbo", "mbbi")
    common: dict[str, Any] = {
        "desc": doc,
        "native": Native.ENUM,
        "states": tuple(states),
        "presence": presence,
        "archive": archive,
    }
    spec = PointSpec(name=name, record=out, writable=True, stops=stops, **common)
    twin = Reading(PointSpec(name=f"{name}_RBV", record=back, **common), confirm, readback)
    return Setpoint(spec, write, twin, urgent=urgent, follow=follow, agreement=agreement)
