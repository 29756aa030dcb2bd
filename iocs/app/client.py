"""A small Channel Access client on caproto's asyncio client: watches PVs for the demo."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import caproto as ca
from caproto.asyncio.client import Context

from drivers.core.loglines import plain
from iocs.ca.dbr import format_number

log = logging.getLogger("labioc.client")

_ASK_AGAIN = 30.0
"""Seconds after which an unanswered question is taken for lost with its connection."""

_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One update: text as an operator reads it, units, severity (0 to 3), Unix time stamp."""

    text: str
    units: str
    severity: int
    timestamp: float


@dataclass(frozen=True, slots=True)
class _Control:
    units: str
    precision: int
    states: tuple[str, ...]


class Watcher:
    """Monitors a set of PVs and keeps the newest sample of each in ``samples``."""

    def __init__(self, pvnames: Sequence[str]) -> None:
        self._names = tuple(pvnames)
        self._context: Any = None
        self._subscriptions: list[Any] = []
        self._callbacks: list[Any] = []  # caproto holds callbacks weakly
        self._updates: dict[str, int] = {}
        self.samples: dict[str, Sample] = {}

    def updates(self, pvname: str) -> int:
        """How many updates came."""
        return self._updates.get(pvname, 0)

    async def start(self) -> None:
        """Connect and subscribe, each PV as soon as it is there."""
        self._context = Context()
        pvs = await self._context.get_pvs(*self._names, timeout=None)
        async with asyncio.TaskGroup() as tasks:
            for pv in pvs:
                tasks.create_task(self._subscribe(pv))

    async def _subscribe(self, pv: Any) -> None:
        control = await _control_of(pv)

        async def update(_: Any, response: Any) -> None:
            self._updates[pv.name] = self._updates.get(pv.name, 0) + 1
            self.samples[pv.name] = _sample(response, control)

        subscription = pv.subscribe(data_type="time")
        self._subscriptions.append(subscription)
        self._callbacks.append(update)
        subscription.add_callback(update)

    async def stop(self) -> None:
        """Close all channels."""
        if self._context is not None:
            await self._context.disconnect()


async def _control_of(pv: Any) -> _Control:
    """How to show a PV, asked for until it answers."""
    while True:
        await pv.wait_for_connection(timeout=None)
        try:
            return _control(await pv.read(data_type="control", timeout=_ASK_AGAIN))
        except (TimeoutError, ca.CaprotoError) as error:
            log.debug("%s: %s", pv.name, error)
            await asyncio.sleep(_PAUSE)


def _control(response: Any) -> _Control:
    metadata = response.metadata
    units = getattr(metadata, "units", b"").decode("utf-8", "replace")
    states = getattr(metadata, "enum_strings", ())
    labels = tuple(s.decode("utf-8", "replace") for s in states)
    return _Control(units, getattr(metadata, "precision", 0), labels)


def _sample(response: Any, control: _Control) -> Sample:
    metadata = response.metadata
    value: Any = response.data[0] if len(response.data) else b""
    if response.data_type == ca.ChannelType.TIME_CHAR:
        text = bytes(response.data).partition(b"\0")[0].decode("utf-8", "replace")
    elif isinstance(value, bytes):
        text = value.decode("utf-8", "replace")
    elif control.states:
        text = control.states[value] if value < len(control.states) else str(value)
    else:
        text = format_number(value.item(), control.precision)
    return Sample(plain(text), control.units, int(metadata.severity), metadata.timestamp)
